//! The application that a step acts for, where it names one.

use oncue_rules::ids::SubAppId;
use oncue_rules::rule::StepKind;
use oncue_rules::value::{Map, Value};

use super::Facts;
use super::place::Place;
use super::state::Active;
use super::walk::Walk;

impl Walk<'_> {
    /// The application that a step names: of an attempt that was counted the same for all further ones, whatever became of
    /// the name since. None when it names none.
    pub(super) fn named_app(&self, place: &Place<'_>) -> Result<Option<SubAppId>, (&'static str, String)> {
        let StepKind::Uses { app: Some(name), .. } = &place.step.kind else { return Ok(None) };
        if let Some(Active::Call { app: Some(app), .. } | Active::Completion { app: Some(app), .. }) =
            self.cursor.state.active
        {
            return Ok(Some(app));
        }
        let name = self.render(name).map_err(|error| ("expression", error.to_string()))?;
        self.cursor.facts.app_called(&name).map(Some).map_err(|message| ("unknown_application", message))
    }
}

impl Facts {
    /// The application with this name or number.
    fn app_called(&self, name: &Value) -> Result<SubAppId, String> {
        let name = match name {
            Value::Text(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            other => {
                return Err(format!("`app` is {}, and must be the name of an application: check it", other.kind()));
            }
        };
        let apps = self.apps.as_list().unwrap_or_default();
        let is_it = |app: &&Value| app.get("name").as_text() == Some(&name) || app.get("subappid").to_json() == name;
        let known = apps.iter().find(is_it).and_then(number);
        known.ok_or_else(|| {
            let names: Vec<_> = apps.iter().filter_map(|app| app.get("name").as_text()).take(20).collect();
            format!("there is no application `{name}`: configured are {}", names.join(", "))
        })
    }

    /// What `apps` is: the applications that there were when the rule was loaded, by their numbers, with the `vars` that
    /// are pinned with it, so that it is the same list for as long as the run lives. Names and labels are the present ones;
    /// an application that is not configured any more has its number for a name.
    pub(super) fn apps(&self, pinned: &Value) -> Value {
        let (Some(pinned), Some(live)) = (pinned.as_map(), self.apps.as_list()) else { return self.apps.clone() };
        let is_pinned = |app: &Value| pinned.get(&app.get("subappid").to_json()) == Some(app.get("vars"));
        if live.len() == pinned.len() && live.iter().all(is_pinned) {
            return self.apps.clone();
        }
        let mut apps: Vec<(SubAppId, &Value)> =
            pinned.iter().filter_map(|(id, vars)| Some((id.parse().ok()?, vars))).collect();
        apps.sort_unstable_by_key(|(id, _)| *id);
        Value::list(apps.into_iter().map(|(id, vars)| pinned_app(live, id, vars)).collect())
    }
}

fn pinned_app(live: &[Value], id: SubAppId, vars: &Value) -> Value {
    let known = live.iter().find(|app| number(app) == Some(id)).and_then(Value::as_map);
    let mut app = known.cloned().unwrap_or_else(|| {
        let fields = [("name", Value::text(id.to_string())), ("labels", Value::map(Map::new()))];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    });
    app.insert("subappid".to_owned(), Value::Number(id.0.into()));
    app.insert("vars".to_owned(), vars.clone());
    Value::map(app)
}

fn number(app: &Value) -> Option<SubAppId> {
    match app.get("subappid") {
        Value::Number(number) => number.as_u64().map(SubAppId),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::tests::support::facts;

    fn value(json: &str) -> Value {
        Value::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_list_of_applications_is_the_one_that_the_rule_was_loaded_with() {
        let live = r#"[{"subappid":9,"name":"old","labels":{},"vars":{"n":1}},{"subappid":10,"name":"b","labels":{"x":"y"},"vars":{"n":2}}]"#;
        let facts = Facts { apps: value(live), ..facts() };
        assert_eq!(facts.apps(&value(r#"{"10":{"n":2},"9":{"n":1}}"#)), value(live));
        let pinned = r#"[{"subappid":8,"name":"8","labels":{},"vars":{}},{"subappid":10,"name":"b","labels":{"x":"y"},"vars":{"n":7}}]"#;
        assert_eq!(facts.apps(&value(r#"{"10":{"n":7},"8":{}}"#)), value(pinned));
    }

    #[test]
    fn an_application_is_found_by_its_name_or_its_number() {
        let facts = Facts { apps: value(r#"[{"subappid":9,"name":"old"},{"subappid":10,"name":"b"}]"#), ..facts() };
        for name in [r#""b""#, r#""10""#, "10"] {
            assert_eq!(facts.app_called(&value(name)), Ok(SubAppId(10)));
        }
        assert_eq!(
            facts.app_called(&value(r#""c""#)).unwrap_err(),
            "there is no application `c`: configured are old, b"
        );
        assert_eq!(
            facts.app_called(&Value::Null).unwrap_err(),
            "`app` is null, and must be the name of an application: check it"
        );
    }
}
