//! Parameters of actions: one definition gives the decoder and the JSON Schema.

use oncue_rules::value::Value;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;

use crate::action::ActionError;

/// The code of errors in parameters.
pub const INVALID: &str = "InvalidParams";

/// The JSON Schema (draft 2020-12) of a type, without references to anything.
#[must_use]
pub fn schema<T: JsonSchema>() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Decodes rendered parameters.
///
/// # Errors
///
/// When they do not fit the type: a fatal error that names the field by its path, and what to write there.
pub fn decode<T: DeserializeOwned>(params: &Value) -> Result<T, ActionError> {
    let json: serde_json::Value =
        serde_json::from_str(&params.to_json()).map_err(|error| invalid("with", &error.to_string()))?;
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "with" } else { &path };
        invalid(path, &explained(&error.inner().to_string()))
    })
}

/// As [`decode`], without looking into one member, which may hold anything: numbers in it may be beyond what the decoder
/// knows. For the decoder it is left out.
///
/// # Errors
///
/// As for [`decode`].
pub fn decode_without<T: DeserializeOwned>(params: &Value, member: &str) -> Result<T, ActionError> {
    let Some(members) = params.as_map().filter(|members| members.contains_key(member)) else { return decode(params) };
    let mut members = members.clone();
    members.insert(member.to_owned(), Value::Null);
    decode(&Value::map(members))
}

/// A fatal error that names a field.
#[must_use]
pub fn invalid(field: &str, problem: &str) -> ActionError {
    ActionError::fatal(INVALID, format!("{field}: {problem}"))
}

/// serde's sentence in the words of those who write rules, with the usual fix.
fn explained(message: &str) -> String {
    if let Some((kind, name, known)) = unknown(message) {
        let nearest =
            known.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        return match nearest.filter(|near| strsim::jaro_winkler(near, name) > 0.8) {
            Some(near) => format!("unknown {kind} {name:?}: did you mean {near:?}?"),
            None => format!("unknown {kind} {name:?}: known are {}", known.join(", ")),
        };
    }
    let Some((found, expected)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return message.to_owned();
    };
    let (expected, whole) = match expected {
        "u64" | "u32" => ("a whole number that is not negative", true),
        "i64" | "i32" => ("a whole number", true),
        "a JSON number" => ("a number", true),
        "a string" => ("a text", false),
        "a sequence" => ("a list", false),
        other => (if other.starts_with("struct ") { "a map" } else { other }, false),
    };
    let is_text = found.starts_with("string");
    let hint = if whole && is_text {
        "; write it without quotes, or as a template that stands alone"
    } else if expected == "a text" && (found.starts_with("integer") || found.starts_with("floating")) {
        "; put it in quotes"
    } else {
        ""
    };
    format!("expected {expected}, found {}{hint}", found.replacen("string", "the text", 1))
}

/// The kind, name and known names in a sentence such as "unknown field `a`, expected `b` or `c`".
fn unknown(message: &str) -> Option<(&str, &str, Vec<&str>)> {
    let (kind, rest) = message.strip_prefix("unknown ")?.split_once(" `")?;
    let (name, rest) = rest.split_once("`, expected ")?;
    Some((kind, name, rest.split('`').skip(1).step_by(2).collect()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        list: Vec<Inner>,
        #[serde(default)]
        name: Option<String>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "Definition")]
        _definition: u64,
    }

    fn error(json: &str) -> String {
        decode::<Outer>(&Value::from_json(json.as_bytes()).unwrap()).unwrap_err().message
    }

    #[test]
    fn an_error_names_the_field_and_the_fix() {
        assert_eq!(
            error(r#"{"list":[{"Definition":1},{"Definition":"2"}]}"#),
            "list[1].Definition: expected a whole number that is not negative, found the text \"2\"; write it without \
             quotes, or as a template that stands alone"
        );
        assert_eq!(error(r#"{"list":[{}]}"#), "list[0]: missing field `Definition`");
        assert_eq!(
            error(r#"{"list":[{"Definition":1,"X":1}]}"#),
            "list[0].X: unknown field \"X\": known are Definition"
        );
        assert_eq!(error(r#"{"lists":[]}"#), "lists: unknown field \"lists\": did you mean \"list\"?");
        assert_eq!(
            error(r#"{"name":5000000000000000001}"#),
            "name: expected a text, found integer `5000000000000000001`; put it in quotes"
        );
        assert_eq!(error(r#"{"list":7}"#), "list: expected a list, found integer `7`");
        assert_eq!(error(r#"{"list":[7]}"#), "list[0]: expected a map, found integer `7`");
        assert_eq!(error("7"), "with: expected a map, found integer `7`");
    }

    #[test]
    fn a_number_of_the_wrong_kind_is_not_rounded() {
        assert!(error(r#"{"list":[{"Definition":1.5}]}"#).starts_with("list[0].Definition: "));
        assert!(error(r#"{"list":[{"Definition":-1}]}"#).starts_with("list[0].Definition: "));
        let decoded: Outer = decode(&Value::from_json(br#"{"list":[{"Definition":1e1}]}"#).unwrap()).unwrap();
        assert_eq!(decoded.list.len(), 1);
        assert_eq!(decoded.name, None);
    }

    #[test]
    fn a_schema_holds_all_that_it_means() {
        let schema = schema::<Outer>();
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["properties"]["list"]["items"]["properties"]["Definition"]["type"], "integer");
        assert!(!schema.to_string().contains("$ref"), "{schema}");
    }
}
