//! The action `fail`: ends a run as failed.

use async_trait::async_trait;
use oncue_rules::ids::ActionName;
use oncue_rules::value::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::action::{Action, ActionError, Call, Repeatable, Spec};
use crate::params;

/// The code when none is written.
pub const CODE: &str = "failed";

const SAMPLE: &str = "\
- if: payload.MediaBasicInfo.Category != 'Video'
  uses: fail
  with: { code: not_a_video, message: \"${{ event.file_id }} is no video\" }
";

/// What to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FailParams {
    /// Why the run fails, for the person who looks at it. What is beyond 1,000 characters is cut.
    message: String,
    /// A word for machines: what `error.code` is. Left out: `failed`. At most 100 characters.
    #[schemars(length(min = 1, max = 100))]
    code: Option<String>,
}

/// Nothing: it never succeeds.
#[derive(Debug, JsonSchema)]
struct FailOutputs {}

/// Fails, always, and for good.
#[derive(Debug)]
pub struct Fail {
    spec: Spec,
}

impl Fail {
    /// The action.
    #[must_use]
    pub fn new() -> Self {
        let spec = Spec {
            name: ActionName::from("fail"),
            summary: "Fails with a message, so that the run ends as dead after its `on_failure`.".into(),
            parameters: params::schema::<FailParams>(),
            outputs: params::schema::<FailOutputs>(),
            sample: SAMPLE.into(),
            repeatable: Repeatable::Yes,
            needs_credentials: false,
        };
        Self { spec }
    }
}

impl Default for Fail {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Action for Fail {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    async fn call(&self, call: Call) -> Result<Value, ActionError> {
        let FailParams { message, code } = params::decode(&call.params)?;
        let code = code.filter(|code| !code.is_empty()).unwrap_or_else(|| CODE.to_owned());
        Err(ActionError::fatal(code, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ErrorClass;
    use crate::testing::call;

    #[tokio::test]
    async fn it_fails_for_good_with_what_is_written() {
        let error = Fail::new().call(call(r#"{"message":"no video","code":"not_a_video"}"#)).await.unwrap_err();
        assert_eq!((error.class, error.to_string()), (ErrorClass::Fatal, "not_a_video: no video".to_owned()));
        for params in [r#"{"message":"m"}"#, r#"{"message":"m","code":null}"#, r#"{"message":"m","code":""}"#] {
            assert_eq!(Fail::new().call(call(params)).await.unwrap_err().code, CODE);
        }
        assert_eq!(Fail::new().call(call("{}")).await.unwrap_err().code, params::INVALID);
    }
}
