//! What an answer must be like to count as success.

use oncue_rules::expression::{Expression, ExpressionError, Names, Scope};

use super::Answer;

/// A condition over `response.status`, `response.headers` and `response.body`. It alone decides: where statuses matter, it
/// says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect(Expression);

impl Expect {
    /// Compiles a condition.
    ///
    /// # Errors
    ///
    /// When it is no expression, or names anything but `response`.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        Expression::compile(text, &Names::default().with_root("response")).map(Self)
    }

    /// Why an answer does not count as success; none when it does.
    #[must_use]
    pub fn unmet(&self, answer: &Answer) -> Option<String> {
        let mut scope = Scope::default();
        scope.set("response", answer.value());
        match self.0.holds(&scope) {
            Ok(true) => None,
            Ok(false) => Some(format!("`{}` does not hold", self.0.text())),
            Err(error) => Some(error.to_string()),
        }
    }
}

/// Why an answer does not count as success, as a code and a message; none when it does.
#[must_use]
pub(crate) fn shortfall(answer: &Answer, expect: Option<&Expect>) -> Option<(String, String)> {
    let unmet = match expect {
        Some(expect) => expect.unmet(answer)?,
        None if answer.is_success() => return None,
        None => String::new(),
    };
    let status = answer.status;
    let code = if answer.is_success() { "ExpectNotMet".to_owned() } else { format!("Http{status}") };
    let mut message = format!("HTTP status {status}");
    if !unmet.is_empty() {
        message = format!("{message}: {unmet}");
    }
    if answer.is_cut && expect.is_some() {
        message.push_str("; the answer is longer than `limit` and was not parsed");
    }
    let beginning = answer.beginning();
    if !beginning.is_empty() {
        message = format!("{message}; the answer begins {beginning:?}");
    }
    Some((code, message))
}
