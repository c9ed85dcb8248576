//! The `config.json` of the vendor's sample program for event notifications.

use oncue_rules::decode::{Field, Fields, Findings, Identifier};
use oncue_rules::diagnostic::{Diagnostic, Diagnostics, SourceFile, Span};
use oncue_rules::node::NodeKind;
use oncue_rules::value::Value;
use oncue_rules::yaml;

use crate::secret::Secret;

/// The largest number that the configuration takes as a SubAppId.
const MOST_SUBAPPID: u64 = 99_999_999_999;

/// API keys have 32 letters and digits or more.
const KEY_LENGTH: usize = 20;

/// What the sample is configured with.
#[derive(Debug)]
pub(super) struct Seed {
    pub(super) secret_id: Secret,
    pub(super) secret_key: Secret,
    /// The vendor says that VOD ignores it.
    pub(super) region: Option<String>,
    /// None where the sample sends none.
    pub(super) subappid: Option<u64>,
    /// In their order, each as often as written.
    pub(super) definitions: Vec<u64>,
}

impl Seed {
    /// Reads the file; everything that is wrong with it is reported at once, without its keys.
    pub(super) fn read(file: &SourceFile) -> Result<Self, Diagnostics> {
        let file = plain(file);
        Self::read_plain(&file).map_err(|found| {
            let shown = SourceFile { name: file.name.clone(), text: without_keys(&file.text).into() };
            let mut hidden = Diagnostics::default();
            for diagnostic in found.iter() {
                hidden.push(Diagnostic { file: shown.clone(), ..diagnostic.clone() });
            }
            hidden
        })
    }

    fn read_plain(file: &SourceFile) -> Result<Self, Diagnostics> {
        let findings = Findings::new(file);
        if let Err(error) = Value::from_json(file.text.as_bytes()) {
            let hint = "it must be the config.json of the sample: one JSON object, without comments";
            findings.error(place(&file.text, error.line, error.column), format!("not JSON: {}", error.message), hint);
            return Err(findings.into_diagnostics());
        }
        let mut diagnostics = Diagnostics::default();
        let node = yaml::read(file, &mut diagnostics);
        let seed = node.as_ref().and_then(|node| {
            let mut fields = Field::new(&findings, "the file", node).fields("config.json")?;
            let seed = read(&mut fields);
            fields.finish();
            seed
        });
        diagnostics.extend(findings.into_diagnostics());
        if diagnostics.has_errors() { Err(diagnostics.sorted()) } else { seed.ok_or(diagnostics) }
    }
}

/// The file as one that YAML reads as JSON does: no byte order mark, and no tabs, which JSON has between values only.
fn plain(file: &SourceFile) -> SourceFile {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    SourceFile { name: file.name.clone(), text: text.replace('\t', " ").into() }
}

/// The text with stars for what stands after `secret_id` and `secret_key`, and for every word that is as long as a key
/// (the field may be misspelt), so that a report which shows the line does not show a key. Every byte stays at its place.
/// It looks at characters only, since what is no JSON is reported too.
fn without_keys(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for name in ["secret_id", "secret_key"] {
        for (at, _) in text.match_indices(name) {
            let after = at + name.len();
            let rest = text.get(after..).unwrap_or_default();
            let start = rest.find(|c| !matches!(c, '"' | '\'' | ':' | '=' | ' ' | '[' | '{')).unwrap_or(rest.len());
            let value = rest.get(start..).unwrap_or_default();
            let length = value.find(['"', '\'', ',', '}', '\n']).unwrap_or(value.len());
            bytes.iter_mut().skip(after + start).take(length).for_each(|byte| *byte = b'*');
        }
    }
    let words = bytes.split_mut(|byte| !byte.is_ascii_alphanumeric());
    words.filter(|word| word.len() >= KEY_LENGTH).for_each(|word| word.fill(b'*'));
    String::from_utf8(bytes).unwrap_or_default()
}

/// The byte at a line and a column, both from 1; the column is in characters.
fn place(text: &str, line: u64, column: u64) -> Span {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let before: usize = text.split_inclusive('\n').take(index(line)).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    let within = rest.char_indices().nth(index(column)).map_or(rest.len(), |(at, _)| at);
    Span { start: before + within, end: before + within }
}

fn read(fields: &mut Fields<'_>) -> Option<Seed> {
    let key_hint = "the key of console > access management > API keys";
    let secret_id = fields.required("secret_id", key_hint).and_then(|field| key(&field));
    let secret_key = fields.required("secret_key", key_hint).and_then(|field| key(&field));
    let region = fields.optional("region").map_or(Some(None), |field| region(&field));
    let subappid = fields.optional("subappid").map_or(Some(None), |field| subappid(&field));
    let definitions = fields
        .required("definitions", "the transcode templates, as in `\"definitions\": [100010, 100020]`")
        .and_then(|field| definitions(&field));
    Some(Seed {
        secret_id: secret_id?,
        secret_key: secret_key?,
        region: region?,
        subappid: subappid?,
        definitions: definitions?,
    })
}

/// A half of an API key: what it is not is never shown.
fn key(field: &Field<'_>) -> Option<Secret> {
    let text = field.text()?.trim();
    if text.is_empty() {
        field.error(format!("`{}` is empty", field.name()), "write the key of console > access management > API keys");
        return None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("`{}` holds characters that no API key has", field.name());
        field.error(message, "copy it anew from console > access management > API keys");
        return None;
    }
    Some(Secret::new(text))
}

#[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
fn region(field: &Field<'_>) -> Option<Option<String>> {
    if field.is_empty() || field.text()?.trim().is_empty() {
        return Some(None);
    }
    let text = field.text()?;
    if !Identifier::Name.fits(text) {
        field.error(format!("`region` cannot be `{text}`"), "write one such as ap-guangzhou, or leave it out");
        return None;
    }
    Some(Some(text.to_owned()))
}

/// The installer writes it as a text; 0 and nothing are what the sample does not send.
#[expect(clippy::option_option, reason = "broken, absent and given are three answers, as for every optional field")]
fn subappid(field: &Field<'_>) -> Option<Option<u64>> {
    let number = match &field.node().kind {
        NodeKind::Scalar(Value::Null) => Some(0),
        NodeKind::Scalar(Value::Text(text)) if text.trim().is_empty() => Some(0),
        NodeKind::Scalar(Value::Text(text)) => plain_number(text.trim()),
        NodeKind::Scalar(Value::Number(number)) => number.as_u64(),
        _ => None,
    };
    match number.filter(|number| *number <= MOST_SUBAPPID) {
        Some(0) => Some(None),
        Some(number) => Some(Some(number)),
        None => {
            field.error(
                "`subappid` must be a SubAppId, as a number or as a text",
                "write one such as 1500000001; 0 or nothing for an application that is addressed without one",
            );
            None
        }
    }
}

fn plain_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn definitions(field: &Field<'_>) -> Option<Vec<u64>> {
    let hint = "write a list, as in [100010, 100020]";
    let definitions = field.list_of(hint, |item| item.integer(1..=u64::from(u32::MAX)))?;
    if definitions.is_empty() {
        field.error("`definitions` is empty, so nothing would be transcoded", hint);
        return None;
    }
    Some(definitions)
}
