use async_trait::async_trait;
use oncue_rules::value::Value;
use serde_json::json;

use super::*;
use crate::action::{ActionError, Call, ErrorClass, Repeatable};
use crate::testing::call;

struct Named(Spec);

#[async_trait]
impl Action for Named {
    fn spec(&self) -> &Spec {
        &self.0
    }

    async fn call(&self, _: Call) -> Result<Value, ActionError> {
        Ok(Value::map([].into()))
    }
}

fn named(name: &str, parameters: serde_json::Value, outputs: serde_json::Value) -> Arc<dyn Action> {
    let name = ActionName::from(name);
    let repeatable = Repeatable::Yes;
    Arc::new(Named(Spec {
        name,
        summary: "".into(),
        parameters,
        outputs,
        sample: "".into(),
        repeatable,
        needs_credentials: false,
    }))
}

pub(crate) fn builtin() -> Registry {
    let vod = vod::Client::new(vod::Endpoint::default(), None).unwrap();
    Registry::builtin(Parts {
        vod,
        outbound: outbound::Client::new().unwrap(),
        targets: Targets::default(),
        emitter: Arc::new(crate::emit::tests::Emissions::default()),
        plain_loopback: true,
    })
}

#[test]
fn every_builtin_action_passes_the_checks_of_registration() {
    let mut registry = Registry::new();
    for action in builtin().iter() {
        registry.register(Arc::clone(action)).unwrap();
    }
    let names: Vec<_> = registry.names().iter().map(ToString::to_string).collect();
    let expected = [
        "emit",
        "fail",
        "http",
        "log",
        "script",
        "tencent.call",
        "vod.delete_media",
        "vod.edit_media",
        "vod.process_media",
        "vod.review_audio_video",
        "webhook",
    ];
    assert_eq!(names, expected);
    assert!(format!("{registry:?}").starts_with(r#"{"emit", "fail", "http""#), "{registry:?}");
}

#[test]
fn a_catalog_gives_the_parameters_by_name() {
    let registry = builtin();
    let parameters = registry.parameters("vod.process_media").unwrap();
    assert_eq!(parameters["properties"]["FileId"]["type"], json!(["string", "null"]));
    assert_eq!(registry.parameters("vod.nothing"), None);
    assert!(registry.get(&ActionName::from("log")).is_some());
    assert!(registry.get(&ActionName::from("vod.nothing")).is_none());
}

#[test]
fn a_name_is_words_joined_by_dots() {
    let object = json!({ "type": "object" });
    let refused = |name: &str| Registry::new().register(named(name, object.clone(), object.clone())).is_err();
    let long = "a".repeat(64);
    for name in ["log", "vod.process_media", "a1.b2.c_3", &long] {
        assert!(!refused(name), "{name}");
    }
    let longer = "a".repeat(65);
    for name in ["", ".", "a.", ".a", "a..b", "A", "1a", "_a", "a-b", "a b", "é", &longer] {
        assert!(refused(name), "{name}");
    }
}

#[test]
fn a_name_is_taken_once() {
    let object = json!({ "type": "object" });
    let mut registry = Registry::new();
    registry.register(named("a", object.clone(), object.clone())).unwrap();
    let name = ActionName::from("a");
    assert_eq!(registry.register(named("a", object.clone(), object)), Err(RegistryError::Taken { name }));
}

#[test]
fn a_schema_is_an_object_that_stands_alone() {
    let object = json!({ "type": "object" });
    let name = ActionName::from("a");
    let register = |parameters, outputs| Registry::new().register(named("a", parameters, outputs));
    let refused = |of| Err(RegistryError::Schema { name: name.clone(), of });
    let list = json!({ "type": "array" });
    let outside = json!({ "type": "object", "properties": { "x": { "$ref": "https://example.com/x" } } });
    let inside = json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/x" } } });
    assert_eq!(register(list.clone(), object.clone()), refused("parameters"));
    assert_eq!(register(object.clone(), list), refused("outputs"));
    assert_eq!(register(outside, object.clone()), refused("parameters"));
    assert_eq!(register(inside, object), Ok(()));
}

#[tokio::test]
async fn every_builtin_action_refuses_an_unknown_field_by_name() {
    for action in builtin().iter() {
        let error = action.call(call(r#"{"no_such_field":1}"#)).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Fatal, "{error}");
        assert!(error.message.starts_with("no_such_field: unknown field"), "{error}");
    }
}

#[test]
fn every_sample_is_a_step_that_uses_the_action_and_its_parameters() {
    for action in builtin().iter() {
        let Spec { name, parameters, sample, .. } = action.spec();
        let steps: serde_json::Value = serde_yaml::from_str(sample).unwrap();
        let step = &steps[0];
        assert_eq!(step["uses"], name.as_str());
        let with = step["with"].as_object().unwrap();
        for field in with.keys() {
            assert!(parameters["properties"].get(field).is_some(), "{name}: {field}");
        }
        for field in parameters["required"].as_array().into_iter().flatten() {
            assert!(with.contains_key(field.as_str().unwrap()), "{name}: {field}");
        }
    }
}
