//! What the fuzz targets do with their bytes.

use oncue_rules::diagnostic::{Diagnostics, SourceFile};
use oncue_rules::event::Payload;
use oncue_rules::matcher::Single;
use oncue_rules::pattern::{Pattern, PatternError, STEP_LIMIT};
use oncue_rules::value::Value;
use oncue_rules::yaml;

use super::agreement::{Came, Rules, Said};

/// What any bytes are asked about: every operator, on few names, where lists, objects and absence meet.
const FIXED: [&str; 31] = [
    r#"{"EventType":["NewFileUpload","FileDeleted"],"FileUploadEvent.MediaBasicInfo.Type":"mp4"}"#,
    r#"{"ProcedureStateChangeEvent":{"Status":"FINISH","MediaProcessResultSet":{"Type":"Transcode","TranscodeTask":{"ErrCode":0}}}}"#,
    r#"{"ProcedureStateChangeEvent.MediaProcessResultSet":{"Type":"Transcode","TranscodeTask.ErrCode":{"anything-but":0}}}"#,
    r#"{"FileUploadEvent":{"MediaBasicInfo.Name":[{"prefix":"raw-"},{"suffix":{"equals-ignore-case":".MOV"}}],"ProcedureTaskId":{"empty":true}}}"#,
    r#"{"FileUploadEvent.MetaData":{"Duration":{"numeric":[">",1,"<=",1e3]},"VideoStreamSet":{"Width":{"numeric":[">=",1280]},"Codec":"h264"}}}"#,
    r#"{"a":[1,"1",true,null]}"#,
    r#"{"a":{"b":1},"c":[{"exists":false}]}"#,
    r#"{"a":{"b":[1,{"exists":false}],"c":[2,{"present":false}]}}"#,
    r#"{"a":{"$or":[{"b":1},{"c":2,"d":{"empty":true}}]},"$or":[{"d":{"not-in":[1,2]}},{"a.b":[{"present":true}]}]}"#,
    r#"{"a":{"b":{"c":{"d":1}}}}"#,
    r#"{"a":{"b":{"not-in":["x",0]},"c":{"exists":true}}}"#,
    r#"{"a":[{"wildcard":"a*b*c"},{"wildcard":{"equals-ignore-case":"*X\\*"}}]}"#,
    r#"{"a":[{"regex":"^(a|b)*c$"},{"regex":"[0-9]{2,3}"}]}"#,
    r#"{"a":[{"cidr":"10.0.0.0/8"},{"cidr":"2001:db8::/32"}]}"#,
    r#"{"a":[{"anything-but":["x","y"]}],"b":[{"anything-but":{"prefix":["x","y"]}}]}"#,
    r#"{"a":[{"anything-but":{"wildcard":"*x*"}}]}"#,
    r#"{"a":[{"equals-ignore-case":"straße"},{"prefix":{"equals-ignore-case":"ΣΑ"}}]}"#,
    r#"{"a":[{"numeric":["=",9007199254740993]},{"numeric":["<",-1e-7]}]}"#,
    r#"{"a":[1e400,0.30000000000000004]}"#,
    r#"{"a":[""]}"#,
    r#"{"a":{"empty":false}}"#,
    r#"{"a":{"empty":true}}"#,
    r#"{"a":{"present":true}}"#,
    r#"{"a":{"present":false}}"#,
    r#"{"a":{"exists":true}}"#,
    r#"{"a":{"exists":false}}"#,
    r#"{"a.b":{"present":false},"a.c":{"present":true}}"#,
    r#"{"[\"a.b\"]":1}"#,
    r#"{"a":{"[\"\"]":[{"exists":true}]}}"#,
    r#"{"a":{"prefix":""},"b":{"suffix":""}}"#,
    r#"{"a":{"b":{"c":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,"a","b"]}}}"#,
];

/// The fixed rules look at the body, and at the payload wherever that is.
const ROOTS: [&str; 2] = ["body", "payload"];

/// Any bytes as the body of an event, to fixed rules.
pub fn event_bytes(bytes: &[u8]) -> Option<Said> {
    thread_local! {
        static RULES: Rules = fixed();
    }
    let payloads = [Payload::None, Payload::Whole, Payload::Member("a".to_owned())];
    let said = payloads.map(|payload| {
        let event = Came { envelope: Value::Null, body: bytes.to_vec(), payload };
        RULES.with(|rules| rules.agree(&event))
    });
    said.into_iter().reduce(|all, said| {
        let (all, said) = (all?, said?);
        Some(Said { matched: all.matched + said.matched, undecided: all.undecided + said.undecided })
    })?
}

fn fixed() -> Rules {
    let compile = |text: &str| Pattern::from_json(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let rooted = |root| FIXED.iter().map(move |text| (format!("{root}: {text}"), compile(text).within(root)));
    let (texts, patterns) = ROOTS.into_iter().flat_map(rooted).unzip();
    Rules::new(texts, patterns)
}

/// What stands between a pattern and an event.
const BETWEEN: &str = "\n---\n";

/// A pattern, JSON when it begins with `{` and else YAML, and an event for it behind a line of `---`. `None` when the pattern
/// does not compile, which it says without a panic, or the event is no JSON.
pub fn pattern_and_event(bytes: &[u8]) -> Option<Said> {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, event) = text.split_once(BETWEEN).unwrap_or((&text, "{}"));
    let compiled =
        if pattern.trim_start().starts_with('{') { Pattern::from_json(pattern) } else { from_yaml(pattern)? };
    match compiled {
        Ok(compiled) => compare(pattern, compiled, event),
        Err(errors) => {
            assert!(!errors.is_empty(), "{pattern}");
            for error in errors {
                assert!(pattern.get(error.span.start..error.span.end).is_some(), "{pattern}: {error:?}");
            }
            None
        }
    }
}

/// As the match of a rule on the body, and as `oncue match` asks it.
fn compare(text: &str, pattern: Pattern, event: &str) -> Option<Said> {
    let rules = Rules::new(vec![text.to_owned()], vec![pattern.within("body")]);
    let said = rules.agree(&Came { envelope: Value::Null, body: event.as_bytes().to_vec(), payload: Payload::None })?;
    let document = Value::from_json(event.as_bytes()).ok()?;
    let alone = pattern.decide(&document, &mut { STEP_LIMIT });
    if let (Ok(single), Ok(alone)) = (Single::new(pattern).decide(event.as_bytes(), &document), alone) {
        assert_eq!((single, usize::from(single)), (alone, said.matched), "{text} and {event}");
    }
    Some(said)
}

/// The input of [`pattern_and_event`] for a pattern and an event.
pub fn paired(pattern: &str, event: &str) -> Vec<u8> {
    [pattern, BETWEEN, event].concat().into_bytes()
}

fn from_yaml(text: &str) -> Option<Result<Pattern, Vec<PatternError>>> {
    let file = SourceFile { name: "pattern.yaml".into(), text: text.into() };
    let mut diagnostics = Diagnostics::default();
    let node = yaml::read(&file, &mut diagnostics);
    assert!(node.is_some() || diagnostics.has_errors(), "{text}");
    Some(Pattern::compile(&node?))
}
