//! `secrets`, and what is true of every field that holds a secret.

use std::collections::BTreeMap;

use oncue_rules::decode::{Field, Identifier};
use oncue_rules::ids::SecretName;
use oncue_rules::node::{Node, NodeKind};
use oncue_rules::value::Value;

use super::Config;
use super::read::{Surroundings, resolved};
use crate::secret::Secret;
use crate::secrets::{KnownSecrets, LEAST_LENGTH};

/// Named secrets that were read, whether or not they have a value: a reference to a broken one is no second error.
pub(super) type NamedSecrets = Vec<(SecretName, Option<Secret>)>;

/// The secrets that rules and targets may name.
pub(super) fn read(field: &Field<'_>, around: Surroundings<'_>) -> Option<NamedSecrets> {
    let entries = field.entries("write each as `name: \"${env:NAME}\"`, or `name: \"${file:/path}\"`")?;
    let named = entries.iter().map(|(key, value)| {
        let fits = Identifier::Variable.fits(&key.text);
        if !fits {
            let message = format!("`{}` cannot be the name of a secret", key.text);
            field.findings().error(key.span, message, format!("use {}", Identifier::Variable.rule()));
        }
        let text = secret_text(value, around);
        if text.is_some() && is_written_out(value) {
            let message = format!("the secret `{}` is written out in this file", key.text);
            let hint = format!("keep it elsewhere: \"${{env:{}}}\", or \"${{file:/path}}\"", key.text.to_uppercase());
            field.findings().warning(value.span(), message, hint);
        }
        (SecretName::from(key.text.as_str()), text.filter(|_| fits).map(Secret::new))
    });
    Some(named.collect())
}

/// All of them; `None` when one is broken.
pub(super) fn whole(named: NamedSecrets) -> Option<BTreeMap<SecretName, Secret>> {
    named.into_iter().map(|(name, secret)| Some((name, secret?))).collect()
}

/// The text of a field that holds a secret, with its references replaced. It is warned about one that is too short to be
/// kept out of what is written, and reports do not quote one that is written out.
pub(super) fn secret_text(field: &Field<'_>, around: Surroundings<'_>) -> Option<String> {
    if is_written_out(field) {
        around.written_out.add(field.span());
    }
    let text = resolved(field, around)?;
    if text.len() < LEAST_LENGTH {
        let message = format!(
            "`{}` has fewer than {LEAST_LENGTH} characters, which is too short to keep it out of logs and outputs",
            field.name()
        );
        field.findings().warning(field.span(), message, "use a longer one");
    }
    Some(text)
}

/// Whether a value has letters of its own beside its references; what should have been a text counts too.
fn is_written_out(field: &Field<'_>) -> bool {
    let NodeKind::Scalar(Value::Text(text)) = &field.node().kind else { return !field.is_empty() };
    let mut rest: &str = text;
    while let Some((before, reference)) = rest.split_once("${") {
        if !before.is_empty() {
            return true;
        }
        let Some((_, after)) = reference.split_once('}') else { return false };
        rest = after;
    }
    !rest.is_empty()
}

/// Warns about values of `vars` that look as if they were to be replaced.
pub(super) fn warn_of_references(field: &Field<'_>, node: &Node) {
    match &node.kind {
        NodeKind::Scalar(Value::Text(text)) if text.contains("${") => {
            let message = "values of `vars` are taken as they are written: this reference is not replaced";
            let hint = "`vars` are stored and shown; keep a secret in `secrets`, and name it in `with`";
            field.findings().warning(node.span, message, hint);
        }
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => items.iter().for_each(|item| warn_of_references(field, item)),
        NodeKind::Map(entries) => entries.iter().for_each(|(_, value)| warn_of_references(field, value)),
    }
}

impl Config {
    /// Every secret text that the configuration holds. An admin token that is made at the first start is not among them.
    #[must_use]
    pub fn known_secrets(&self) -> KnownSecrets {
        let doors = self.apps.iter().flat_map(|app| app.tokens.iter().chain(&app.sign_keys)).cloned();
        // A key that the environment does not hold is no secret yet; what lacks it says so at each attempt.
        let keys = self.credentials.values().filter_map(|credentials| credentials.resolve().ok());
        let keys = keys.flat_map(|key| std::iter::once(key.secret_key).chain(key.token)).map(Secret::new);
        let others = self.target_secrets.iter().chain(&self.endpoint_secrets).cloned();
        let others = doors.chain(keys).chain(self.admin_token.clone()).chain(others).collect();
        KnownSecrets { named: self.secrets.clone(), others }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use oncue_rules::diagnostic::{Diagnostics, SourceFile};

    use super::*;
    use crate::config::Environment;

    const CONFIG: &str = "\
admin_token: marker-admin-token
credentials:
  main: { secret_id: AKIDEXAMPLE, secret_key: marker-secret-key, token: marker-temporary-token }
  spare: { secret_id: AKIDEXAMPLE, secret_key: marker-spare-key }
secrets: { cms: \"${env:CMS}\", plain: marker-plain, key: whsec_YW5vdGhlci1tYXJrZXItdGhhdC1pcy1sb25n }
targets:
  cms: { url: \"https://cms.example/${env:PATH_KEY}\", sign: { hmac_sha256: { header: X, secret: marker-of-hmac } }, headers: { X: \"Key ${env:HEADER_KEY}\" } }
  signed: { url: \"https://cms.example/\", sign: standard, secrets: [whsec_bWFya2VyLXRoYXQtaXMtbG9uZy1lbm91Z2g=, \"${{ secrets.key }}\"] }
apps:
  - subappid: 1500000001
    credentials: main
    callback: { token: [marker-callback-token, marker-second-token], sign_key: markerSignKey }
endpoints:
  - { path: /desk, source: desk, type: Decided, verify: { basic: { user: desk, secrets: [marker-password, marker-old-password] } } }
";
    const MARKERS: [&str; 16] = [
        "marker-admin-token",
        "marker-secret-key",
        "marker-temporary-token",
        "marker-spare-key",
        "marker-of-the-environment",
        "marker-plain",
        "marker-callback-token",
        "marker-second-token",
        "markerSignKey",
        "marker-in-a-path",
        "marker-of-hmac",
        "marker-in-a-header",
        "marker-password",
        "marker-old-password",
        "whsec_bWFya2VyLXRoYXQtaXMtbG9uZy1lbm91Z2g=",
        "whsec_YW5vdGhlci1tYXJrZXItdGhhdC1pcy1sb25n",
    ];

    fn load(text: &str) -> (Option<Config>, Diagnostics) {
        let variables = [
            ("CMS", "marker-of-the-environment"),
            ("PATH_KEY", "marker-in-a-path"),
            ("HEADER_KEY", "marker-in-a-header"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let file = SourceFile { name: "oncue.yaml".into(), text: text.into() };
        Config::load(&file, Path::new("."), &Environment::of(variables))
    }

    #[test]
    fn every_secret_is_known() {
        let KnownSecrets { named, others } = load(CONFIG).0.unwrap().known_secrets();
        let mut known: Vec<_> = named.values().chain(&others).map(Secret::expose).collect();
        known.sort_unstable();
        let mut expected = MARKERS.to_vec();
        expected.sort_unstable();
        assert_eq!(known, expected);
    }

    #[test]
    fn nothing_printed_of_a_configuration_holds_a_secret() {
        let config = load(CONFIG).0.unwrap();
        let environment = Environment::of([("CMS".to_owned(), "marker-of-the-environment".to_owned())].into());
        let printed = format!("{config:?}{config:#?}{:?}{environment:?}", config.known_secrets());
        for marker in MARKERS {
            assert!(!printed.contains(marker), "{marker} in {printed}");
        }
    }

    #[test]
    fn no_report_quotes_a_secret_that_is_written_out() {
        let broken = CONFIG.replace(" }", ", oops: 1 }").replace("markerSignKey", "\"marker SignKey\"");
        let (config, diagnostics) = load(&broken);
        assert!(config.is_none());
        let report = diagnostics.to_string();
        assert!(report.contains("oops: 1"), "{report}");
        for marker in MARKERS.into_iter().chain(["marker SignKey"]) {
            assert!(!report.contains(marker), "{marker} in {report}");
        }
    }

    #[test]
    fn a_misspelt_key_and_a_text_that_is_no_yaml_do_not_show_a_secret_either() {
        let misspelt =
            CONFIG.replace("token: ", "tokn: ").replace("secret_key", "secretkey").replace("sign_key", "sginkey");
        let repeated = CONFIG.replace("sign_key: m", "sign_key: x, sign_key: m");
        let no_yaml = ["admin_token", "secret_key", "token", "sign_key", "cms", "plain"]
            .map(|name| CONFIG.replace(&format!("{name}: "), &format!("{name}: \"\"")));
        for text in [misspelt, repeated].into_iter().chain(no_yaml) {
            let report = load(&text).1.to_string();
            assert!(report.contains("-->") && !report.contains("marker"), "{report}");
        }
    }
}
