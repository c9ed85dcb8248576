use std::time::Duration;

use super::*;
use crate::yaml;

/// What is reported when `decode` reads the fields of the text.
fn report(text: &str, decode: impl for<'a> FnOnce(&mut Fields<'a>)) -> Vec<String> {
    let file = SourceFile { name: "file.yaml".into(), text: text.into() };
    let mut diagnostics = Diagnostics::default();
    let node = yaml::read(&file, &mut diagnostics).expect("the text is YAML");
    let findings = Findings::new(&file);
    if let Some(mut fields) = Field::new(&findings, "file", &node).fields("a retry") {
        decode(&mut fields);
        fields.finish();
    }
    diagnostics.extend(findings.into_diagnostics());
    diagnostics.sorted().iter().map(|d| format!("{} [{}]", d.message, d.hint.as_deref().unwrap_or("-"))).collect()
}

#[test]
fn a_wrong_kind_names_the_field_what_it_must_be_and_what_it_is() {
    let found = report("max_attempts: \"3\"\nflag: yes\nlist: {}\n", |fields| {
        assert_eq!(fields.optional("max_attempts").and_then(|field| field.integer(1..=1000)), None);
        assert_eq!(fields.optional("flag").and_then(|field| field.boolean()), None);
        assert!(fields.optional("list").and_then(|field| field.list_of("write `[a]`", Field::text)).is_none());
    });
    assert_eq!(
        found,
        [
            "`max_attempts` must be a number from 1 to 1000, and this is a text [write it without quotes]",
            "`flag` must be `true` or `false`, and this is a text [write `true`]",
            "`list` must be a list, and this is a mapping [write `[a]`]",
        ]
    );
}

#[test]
fn an_unknown_field_names_the_nearest_and_all_allowed_ones() {
    let found = report("max_attempt: 3\n", |fields| {
        fields.optional("max_attempts");
        fields.optional("initial");
    });
    let hint = "did you mean `max_attempts`? fields of a retry: `max_attempts`, `initial`";
    assert_eq!(found, [format!("a retry has no field `max_attempt` [{hint}]")]);
}

#[test]
fn a_missing_field_is_reported_once_with_what_to_write() {
    let found = report("a: 1\n", |fields| {
        fields.optional("a");
        fields.required("name", "write `name: x`");
    });
    assert_eq!(found, ["a retry needs `name` [write `name: x`]"]);
}

#[test]
fn every_item_of_a_list_is_reported() {
    let found = report("list: [a, 1, [b]]\n", |fields| {
        fields.optional("list").and_then(|field| field.list_of("", Field::text));
    });
    assert_eq!(
        found,
        [
            "`list[1]` must be a text, and this is a number [quote it]",
            "`list[2]` must be a text, and this is a list [write a text]",
        ]
    );
}

#[test]
fn durations_have_a_unit_and_bounds() {
    let range = Duration::from_secs(1)..=Duration::from_hours(1);
    let found = report("a: 30\nb: 5 s\nc: 2h\nd: 90s\n", |fields| {
        for name in ["a", "b", "c"] {
            assert_eq!(fields.optional(name).and_then(|field| field.duration(range.clone())), None);
        }
        let d = fields.optional("d").and_then(|field| field.duration(range.clone()));
        assert_eq!(d, Some(Duration::from_secs(90)));
    });
    let form = "a duration such as `500ms`, `30s`, `5m`, `6h` or `7d`";
    assert_eq!(
        found,
        [
            format!("`a` must be {form}, and this is a number [add a unit: `30s` for seconds]"),
            format!("`b` must be {form}, and this is `5 s` [write one whole number and one unit, without spaces]"),
            "`c` must be from `1s` to `1h`, and this is `2h` [write a duration in that range]".to_owned(),
        ]
    );
}

#[test]
fn durations_are_read_as_they_are_written() {
    for text in ["0ms", "500ms", "30s", "5m", "6h", "7d", "1001ms", "90s"] {
        assert_eq!(parse_duration(text).map(write_duration).as_deref(), Some(text));
    }
    for text in ["", "s", "1", "1w", "-1s", "1.5h", "1h30m", "99999999999999999999s", "10001d", "１s"] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

#[test]
fn a_name_that_does_not_fit_gets_one_that_does() {
    let found = report("id: Tell CMS\nname: 通知\n", |fields| {
        fields.optional("id").and_then(|field| field.identifier(Identifier::Variable));
        fields.optional("name").and_then(|field| field.identifier(Identifier::Name));
    });
    assert_eq!(
        found,
        [
            "`id` cannot be `Tell CMS` [use lower-case letters, digits and `_`, a letter first, at most 64 characters, such as `tell_cms`]",
            "`name` cannot be `通知` [use lower-case letters, digits, `-` and `_`, a letter or digit first, at most 100 characters]",
        ]
    );
}

#[test]
fn a_word_must_be_one_of_those_allowed() {
    let found = report("mode: lve\nother: 1\n", |fields| {
        let words = [("live", 1), ("off", 2)];
        assert_eq!(fields.optional("mode").and_then(|field| field.one_of(&words)), None);
        assert_eq!(fields.optional("other").and_then(|field| field.one_of(&words)), None);
    });
    assert_eq!(
        found,
        [
            "`mode` cannot be `lve` [did you mean `live`? it is one of: `live`, `off`]",
            "`other` must be one of `live`, `off`, and this is a number [write one of `live`, `off`]",
        ]
    );
}
