//! The targets of webhooks, and what they are signed with.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use oncue_plugins::outbound::Expect;
use oncue_plugins::target::Target;
use oncue_plugins::valve::{BreakerSettings, Rate, ValveSettings};
use oncue_plugins::webhook::{self, Key, Sign};
use oncue_rules::decode::{Field, Fields, Identifier, all, did_you_mean};
use oncue_rules::node::NodeKind;
use oncue_rules::value::Value;
use reqwest::header::{HeaderMap, HeaderName};

use super::read::{Surroundings, resolved};
use super::secrets::{NamedSecrets, secret_text};
use crate::secret::Secret;

const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);
const SHORTEST_OPEN: Duration = Duration::from_secs(1);
const LONGEST_OPEN: Duration = Duration::from_hours(1);
/// What `resolved` gives for something that is not on the machine where the configuration is only checked.
pub(super) const ABSENT: &str = "absent";
pub(super) const REFERENCE: &str = "write a reference such as \"${{ secrets.cms }}\" or \"${env:CMS_SECRET}\"";

/// The targets, and what in them is secret.
#[derive(Default)]
pub(super) struct Read {
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) secrets: Vec<Secret>,
}

/// What targets, and endpoints, are read with.
pub(super) struct Reading<'a> {
    /// `None` when they are no mapping, which is an error of its own.
    named: Option<&'a NamedSecrets>,
    around: Surroundings<'a>,
    /// The secrets that are not named.
    seen: RefCell<Vec<Secret>>,
}

pub(super) fn read(field: &Field<'_>, named: Option<&NamedSecrets>, around: Surroundings<'_>) -> Option<Read> {
    let reading = Reading::new(named, around);
    let entries = field.entries("write `cms: { url: \"https://cms.example/hooks\" }`")?;
    let targets = all(entries.iter().map(|(key, field)| {
        let fits = Identifier::Name.fits(&key.text);
        if !fits {
            let hint = format!("use {}", Identifier::Name.rule());
            field.findings().error(key.span, format!("`{}` cannot be the name of a target", key.text), hint);
        }
        let target = reading.target(field);
        Some((key.text.clone(), target.filter(|_| fits)?))
    }));
    Some(Read { targets: targets?.into_iter().collect(), secrets: reading.into_seen() })
}

impl<'a> Reading<'a> {
    pub(super) fn new(named: Option<&'a NamedSecrets>, around: Surroundings<'a>) -> Self {
        Self { named, around, seen: RefCell::default() }
    }

    /// The secrets that were read and are not named.
    pub(super) fn into_seen(self) -> Vec<Secret> {
        self.seen.into_inner()
    }

    fn target(&self, field: &Field<'_>) -> Option<Target> {
        let mut fields = field.fields("a target")?;
        let url =
            fields.required("url", "write `url: \"https://cms.example/hooks\"`").and_then(|field| self.url(&field));
        let sign = self.sign(&mut fields);
        let headers = fields.optional("headers").map_or_else(|| Some(HeaderMap::new()), |field| self.headers(&field));
        let expect = optional(&mut fields, "expect", expect);
        let valve = valve(&mut fields);
        let allow_private = fields.optional("allow_private").map_or(Some(false), |field| field.boolean());
        let timeout = optional(&mut fields, "timeout", |field| field.duration(SHORTEST_TIMEOUT..=LONGEST_TIMEOUT));
        fields.finish();
        let ValveSettings { rate, breaker } = valve?;
        Some(Target {
            url: url?,
            sign: sign?,
            headers: headers?,
            expect: expect?,
            rate,
            breaker,
            allow_private: allow_private?,
            timeout: timeout?,
        })
    }

    fn url(&self, field: &Field<'_>) -> Option<reqwest::Url> {
        let text = self.text(field)?;
        let text = if text == ABSENT { "https://absent.invalid/" } else { &text };
        // Not shown: it may hold a key.
        let url = webhook::url(text);
        url.map_err(|problem| field.error(format!("`{}`: {problem}", field.name()), "write https://HOST/PATH")).ok()
    }

    fn sign(&self, fields: &mut Fields<'_>) -> Option<Sign> {
        let beside = (fields.optional("secret"), fields.optional("secrets"));
        let Some(field) = fields.optional("sign") else {
            return unused(&beside, "add `sign: standard`, or leave it out").map(|()| Sign::None);
        };
        if let NodeKind::Map(_) = field.node().kind {
            let unused = unused(&beside, "write it within `sign`");
            return self.sign_map(&field).filter(|_| unused.is_some());
        }
        if field.one_of(&[("standard", true), ("none", false)])? {
            return self.standard(&field, beside);
        }
        unused(&beside, "leave it out").map(|()| Sign::None)
    }

    fn sign_map(&self, field: &Field<'_>) -> Option<Sign> {
        let mut fields = field.fields("`sign`")?;
        let standard = fields.optional("standard");
        let hmac = fields.optional("hmac_sha256");
        fields.finish();
        match (standard, hmac) {
            (Some(field), None) => {
                let mut fields = field.fields("`standard`")?;
                let beside = (fields.optional("secret"), fields.optional("secrets"));
                fields.finish();
                self.standard(&field, beside)
            }
            (None, Some(field)) => self.hmac(&field),
            _ => {
                let hint = "write `sign: { hmac_sha256: { header: X-Signature, secret: … } }`";
                field.error("`sign` must have one of `standard` and `hmac_sha256`", hint);
                None
            }
        }
    }

    fn standard(&self, field: &Field<'_>, beside: (Option<Field<'_>>, Option<Field<'_>>)) -> Option<Sign> {
        let one = beside.0.map(|field| self.key(&field).map(|key| vec![key]));
        let many =
            beside.1.map(|field| field.list_of("write the new secret first, then the old one", |item| self.key(item)));
        let keys = match (one, many) {
            (Some(keys), None) | (None, Some(keys)) => keys?,
            (Some(_), Some(_)) => {
                field.error("there are both `secret` and `secrets`", "write all of them as `secrets`");
                return None;
            }
            (None, None) => Vec::new(),
        };
        if keys.is_empty() {
            field.error("`sign: standard` needs a `secret`", REFERENCE);
            return None;
        }
        Some(Sign::Standard(keys))
    }

    pub(super) fn key(&self, field: &Field<'_>) -> Option<Key> {
        let text = self.secret(field)?;
        if text == ABSENT {
            return Some(Key::plain(&text));
        }
        let key = Key::standard(&text);
        key.map_err(|_| {
            let hint = "make one with `echo whsec_$(head -c 32 /dev/urandom | base64)`, and give it to the receiver";
            field.error(format!("`{}` must be `whsec_` and the base64 of 24 to 64 bytes", field.name()), hint);
        })
        .ok()
    }

    fn hmac(&self, field: &Field<'_>) -> Option<Sign> {
        let mut fields = field.fields("`hmac_sha256`")?;
        let header =
            fields.required("header", "write `header: X-Signature`").and_then(|field| header(&field, field.text()?));
        let secret = fields.required("secret", REFERENCE).and_then(|field| self.secret(&field));
        let prefix = optional(&mut fields, "prefix", prefix);
        fields.finish();
        Some(Sign::Hmac { header: header?, key: Key::plain(&secret?), prefix: prefix?.unwrap_or_default() })
    }

    fn headers(&self, field: &Field<'_>) -> Option<HeaderMap> {
        let entries = field.entries("write `headers: { X-Team: media }`")?;
        let headers = all(entries.iter().map(|(key, field)| {
            let name = header(field, &key.text);
            let value = self.text(field).and_then(|text| {
                let value = webhook::header_value(&text);
                value.map_err(|problem| field.error(format!("`{}`: {problem}", field.name()), "write a text")).ok()
            });
            Some((name?, value?))
        }));
        headers.map(|headers| headers.into_iter().collect())
    }

    /// A text that is a secret: `${{ secrets.NAME }}` alone, or with `${env:…}` and `${file:…}` in it.
    pub(super) fn secret(&self, field: &Field<'_>) -> Option<String> {
        if let Some(template) = template(field) {
            return self.named(field, template);
        }
        let text = secret_text(field, self.around)?;
        self.seen.borrow_mut().push(Secret::new(text.clone()));
        Some(text)
    }

    /// A text that may hold a secret, in the same ways.
    fn text(&self, field: &Field<'_>) -> Option<String> {
        if let Some(template) = template(field) {
            return self.named(field, template);
        }
        let text = resolved(field, self.around)?;
        let references = field.some_text()?.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
        let values = references.filter_map(|(reference, _)| {
            let reference = format!("${{{reference}}}");
            self.around.environment.resolve(&reference, self.around.folder).ok()
        });
        self.seen.borrow_mut().extend(values.map(Secret::new));
        Some(text)
    }

    /// The secret that a template names which is nothing else.
    fn named(&self, field: &Field<'_>, template: &str) -> Option<String> {
        let inner = template.trim().strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}"));
        let Some(name) = inner.and_then(|inner| inner.trim().strip_prefix("secrets.")) else {
            field.error(
                format!("`{}` can only be a `${{{{ secrets.NAME }}}}` that stands alone", field.name()),
                REFERENCE,
            );
            return None;
        };
        let named = self.named?;
        if let Some((_, found)) = named.iter().find(|(known, _)| known.as_str() == name) {
            return found.as_ref().map(|secret| secret.expose().to_owned());
        }
        let hint = did_you_mean(name, "secrets", named.iter().map(|(known, _)| known.as_str()));
        field.error(format!("there is no secret `{name}`"), hint);
        None
    }
}

/// The text of a field that has a template in it.
fn template<'a>(field: &'a Field<'_>) -> Option<&'a str> {
    let NodeKind::Scalar(Value::Text(text)) = &field.node().kind else { return None };
    text.contains("${{").then_some(text)
}

/// Nothing, unless there are secrets that nothing is signed with.
fn unused(beside: &(Option<Field<'_>>, Option<Field<'_>>), hint: &str) -> Option<()> {
    let written = beside.0.as_ref().or(beside.1.as_ref());
    if let Some(field) = written {
        field.error(format!("`{}` is for `sign: standard`, which is not written", field.name()), hint);
    }
    written.is_none().then_some(())
}

/// `Some(None)` when it is not written, `None` when it is wrong.
#[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
pub(super) fn optional<'a, T>(
    fields: &mut Fields<'a>,
    name: &'static str,
    read: impl FnOnce(&Field<'a>) -> Option<T>,
) -> Option<Option<T>> {
    fields.optional(name).map_or(Some(None), |field| read(&field).map(Some))
}

fn header(field: &Field<'_>, name: &str) -> Option<HeaderName> {
    let name = webhook::header_name(name);
    name.map_err(|problem| field.error(format!("`{}`: {problem}", field.name()), "use a name such as X-Signature")).ok()
}

/// What stands before the digits of a signature.
pub(super) fn prefix(field: &Field<'_>) -> Option<String> {
    let text = field.text()?;
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !plain {
        field.error("`prefix` has a character that no header can carry", "write something like `sha256=`");
    }
    plain.then(|| text.to_owned())
}

fn expect(field: &Field<'_>) -> Option<Expect> {
    let expect = Expect::compile(field.some_text()?);
    let report = |error: oncue_rules::expression::ExpressionError| {
        let hint = error.hint.unwrap_or_else(|| "write a condition such as `response.body.code == 0`".to_owned());
        field.error(format!("`{}`: {}", field.name(), error.message), hint);
    };
    expect.map_err(report).ok()
}

/// `rate` and `breaker`, where they stand side by side.
pub(super) fn valve(fields: &mut Fields<'_>) -> Option<ValveSettings> {
    let rate = optional(fields, "rate", rate);
    let breaker = fields.optional("breaker").map_or_else(|| Some(BreakerSettings::default()), |field| breaker(&field));
    Some(ValveSettings { rate: rate?, breaker: breaker? })
}

fn rate(field: &Field<'_>) -> Option<Rate> {
    let rate = field.some_text()?.parse::<Rate>();
    rate.map_err(|error| field.error(format!("`{}`: {error}", field.name()), "write `50/s` or `3000/m`")).ok()
}

fn breaker(field: &Field<'_>) -> Option<BreakerSettings> {
    let defaults = BreakerSettings::default();
    let mut fields = field.fields("`breaker`")?;
    let failures =
        fields.optional("failures").map_or(Some(u64::from(defaults.failures)), |field| field.integer(1..=1000));
    let open =
        fields.optional("open").map_or(Some(defaults.open), |field| field.duration(SHORTEST_OPEN..=LONGEST_OPEN));
    fields.finish();
    Some(BreakerSettings { failures: u32::try_from(failures?).ok()?, open: open? })
}
