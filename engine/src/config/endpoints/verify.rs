//! `verify`: how the senders of an endpoint are known.

use std::time::Duration;

use oncue_plugins::webhook::Key;
use oncue_rules::decode::{Field, Fields, all};
use oncue_rules::node::NodeKind;
use reqwest::header::HeaderName;

use crate::config::targets::{REFERENCE, Reading, optional, prefix};
use crate::secret::Secret;
use crate::sources::endpoint::{Encoding, TOLERANCE, Verify};

const SHORTEST_TOLERANCE: Duration = Duration::from_secs(1);
const LONGEST_TOLERANCE: Duration = Duration::from_hours(1);
/// The most secrets of one endpoint: the new one, the old one, and some more.
const MOST_SECRETS: usize = 16;
const WAYS: &str = "write one of `hmac_sha256`, `standard`, `timestamped`, `bearer` and `basic`";

/// How a signature or a secret is read.
type Way = fn(&Reading<'_>, &Field<'_>) -> Option<Verify>;

pub(super) fn read(fields: &mut Fields<'_>, reading: &Reading<'_>) -> Option<Verify> {
    let verify = fields.optional("verify");
    let insecure = fields.optional("insecure").map_or(Some(false), |field| field.boolean())?;
    match (verify, insecure) {
        (Some(field), false) => way(&field, reading),
        (None, true) => Some(Verify::Nothing),
        (Some(field), true) => {
            let span = fields.key_span("insecure").unwrap_or(field.span());
            let message = "`insecure: true` lets anyone send, and `verify` says who may";
            field.findings().error(span, message, "keep one of the two");
            None
        }
        (None, false) => {
            let message = "anyone could send events to this path: it does not say how its senders are known";
            let hint = "add `verify: { hmac_sha256: { header: X-Signature, secret: … } }`, or say `insecure: true`";
            fields.findings().error(fields.place(), message, hint);
            None
        }
    }
}

fn way(field: &Field<'_>, reading: &Reading<'_>) -> Option<Verify> {
    let ways: [(&'static str, Way); 5] = [
        ("hmac_sha256", hmac),
        ("standard", standard),
        ("timestamped", timestamped),
        ("bearer", bearer),
        ("basic", basic),
    ];
    let mut fields = field.fields("`verify`")?;
    let written: Vec<_> = ways.into_iter().filter_map(|(name, way)| Some((fields.optional(name)?, way))).collect();
    fields.finish();
    let [(field, read)] = written.as_slice() else {
        if field.node().kind == NodeKind::Map(Vec::new()) {
            field.error("`verify` does not say how", WAYS);
        } else if !written.is_empty() {
            field.error("`verify` can only be one way", WAYS);
        }
        return None;
    };
    read(reading, field)
}

fn hmac(reading: &Reading<'_>, field: &Field<'_>) -> Option<Verify> {
    let mut fields = field.fields("`hmac_sha256`")?;
    let header = fields.required("header", "write `header: X-Signature`");
    let header = header.and_then(|field| header_of(&field));
    let prefix = optional(&mut fields, "prefix", prefix);
    let words = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
    let encoding = fields.optional("encoding").map_or(Some(Encoding::Hex), |field| field.one_of(&words));
    let keys = secrets(&mut fields, field, |field| reading.secret(field).map(|text| Key::plain(&text)));
    fields.finish();
    Some(Verify::Hmac { header: header?, prefix: prefix?.unwrap_or_default(), encoding: encoding?, keys: keys? })
}

fn standard(reading: &Reading<'_>, field: &Field<'_>) -> Option<Verify> {
    let mut fields = field.fields("`standard`")?;
    let tolerance = tolerance(&mut fields);
    let keys = secrets(&mut fields, field, |field| reading.key(field));
    fields.finish();
    Some(Verify::Standard { keys: keys?, tolerance: tolerance? })
}

fn timestamped(reading: &Reading<'_>, field: &Field<'_>) -> Option<Verify> {
    let mut fields = field.fields("`timestamped`")?;
    let header = fields.required("header", "write `header: Stripe-Signature`");
    let header = header.and_then(|field| header_of(&field));
    let tolerance = tolerance(&mut fields);
    let keys = secrets(&mut fields, field, |field| reading.secret(field).map(|text| Key::plain(&text)));
    fields.finish();
    Some(Verify::Timestamped { header: header?, keys: keys?, tolerance: tolerance? })
}

fn bearer(reading: &Reading<'_>, field: &Field<'_>) -> Option<Verify> {
    let mut fields = field.fields("`bearer`")?;
    let tokens = secrets(&mut fields, field, |field| reading.secret(field).map(Secret::new));
    fields.finish();
    Some(Verify::Bearer(tokens?))
}

fn basic(reading: &Reading<'_>, field: &Field<'_>) -> Option<Verify> {
    let mut fields = field.fields("`basic`")?;
    let user = fields.required("user", "write the name that the sender gives: `user: cms`").and_then(|field| {
        let text = field.some_text()?;
        if text.contains(':') {
            field.error("`user` cannot have a `:`, which ends it", "give the sender another name");
        }
        Some(text.to_owned()).filter(|text| !text.contains(':'))
    });
    let passwords = secrets(&mut fields, field, |field| reading.secret(field));
    fields.finish();
    let (user, passwords) = (user?, passwords?);
    Some(Verify::Basic(passwords.into_iter().map(|password| Secret::new(format!("{user}:{password}"))).collect()))
}

/// `secret`, or `secrets` while one is replaced.
fn secrets<'a, T>(fields: &mut Fields<'a>, way: &Field<'a>, read: impl Fn(&Field<'a>) -> Option<T>) -> Option<Vec<T>> {
    let (one, many) = (fields.optional("secret"), fields.optional("secrets"));
    match (one, many) {
        (Some(field), None) => Some(vec![read(&field)?]),
        (None, Some(field)) => {
            let items = field.items("write the new secret first, then the old one")?;
            if items.is_empty() || items.len() > MOST_SECRETS {
                let message =
                    format!("`secrets` must have from 1 to {MOST_SECRETS} items, and this has {}", items.len());
                field.error(message, REFERENCE);
                return None;
            }
            all(items.iter().map(read))
        }
        (Some(_), Some(_)) => {
            way.error("there are both `secret` and `secrets`", "write all of them as `secrets`");
            None
        }
        (None, None) => {
            way.error(format!("`{}` needs a `secret`", way.name()), REFERENCE);
            None
        }
    }
}

fn tolerance(fields: &mut Fields<'_>) -> Option<Duration> {
    let field = fields.optional("tolerance");
    field.map_or(Some(TOLERANCE), |field| field.duration(SHORTEST_TOLERANCE..=LONGEST_TOLERANCE))
}

fn header_of(field: &Field<'_>) -> Option<HeaderName> {
    let name = field.some_text()?;
    let header = HeaderName::try_from(name);
    let wrong = |_| field.error(format!("`header`: {name:?} is no name of a header"), "use a name such as X-Signature");
    header.map_err(wrong).ok()
}
