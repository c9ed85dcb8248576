use std::time::{Duration, Instant};

use super::*;
use crate::action::ErrorClass;
use crate::testing::call;

async fn run_with(script: &Script, code: &str, args: &str) -> Result<Value, ActionError> {
    let mut call = call("{}");
    let args = Value::from_json(args.as_bytes()).unwrap();
    call.params = Value::map([("code".to_owned(), Value::text(code)), ("args".to_owned(), args)].into());
    script.call(call).await
}

async fn run(code: &str, args: &str) -> Result<Value, ActionError> {
    run_with(&Script::new(), code, args).await
}

async fn given(code: &str, args: &str) -> String {
    run(code, args).await.unwrap_or_else(|error| panic!("{code}: {error}")).to_json()
}

async fn failed(code: &str) -> (String, String) {
    let error = run(code, "{}").await.expect_err(code);
    assert_eq!(error.class, ErrorClass::Fatal, "{error}");
    (error.code, error.message)
}

#[tokio::test]
async fn a_map_is_the_outputs_and_anything_else_is_value() {
    assert_eq!(given("#{ a: 1, b: [true, ()] }", "{}").await, r#"{"a":1,"b":[true,null]}"#);
    assert_eq!(given("args.n + 1", r#"{"n":41}"#).await, r#"{"value":42}"#);
    assert_eq!(given("let x = 1;", "null").await, r#"{"value":null}"#);
    assert_eq!(given("args.len()", "[1,2]").await, r#"{"value":2}"#);
    assert_eq!(given("'x'", "{}").await, r#"{"value":"x"}"#);
}

#[tokio::test]
async fn the_whole_language_is_there() {
    let code = r#"
        fn double(x) { x * 2 }
        const STEP = 2;
        let sum = 0;
        for (item, at) in args.items { sum += double(item) * (at + 1); }
        let left = 3;
        while left > 0 { left -= 1; if left == 1 { continue; } sum += STEP; }
        let kind = switch sum { 0 => "none", 1..50 => "some", _ => "many" };
        let caught = ();
        try { throw "no"; } catch (error) { caught = error; }
        args.items.push(4);
        #{ sum: sum, kind: kind, caught: caught, text: `${sum} of ${args.items.len()}`, big: args.items.filter(|x| x > 2).map(|x| x * 10) }
    "#;
    let expected = r#"{"big":[30,40],"caught":"no","kind":"some","sum":32,"text":"32 of 4"}"#;
    assert_eq!(given(code, r#"{"items":[1,2,3]}"#).await, expected);
}

#[tokio::test]
async fn numbers_cross_exactly_or_not_at_all() {
    let numbers = r#"{"n":[9007199254740993,0.1,1.0,18446744073709551617,1e400,-0.5]}"#;
    assert_eq!(given("args.n", numbers).await, r#"{"value":[9007199254740993,0.1,1,18446744073709551617,1e400,-0.5]}"#);
    assert_eq!(given("args.n[3].to_string()", numbers).await, r#"{"value":"18446744073709551617"}"#);
    assert_eq!(given("args.n[3] == args.n[3] && args.n[3] != args.n[4]", numbers).await, r#"{"value":true}"#);
    let error = run("args.n[3] + 1", numbers).await.unwrap_err();
    assert!(error.message.contains("number with more digits than a script can calculate with"), "{error}");
    let (code, message) = failed("0.0 / 0.0").await;
    assert_eq!(code, "script_error");
    assert!(message.contains("no number that JSON has"), "{message}");
    assert!(failed("9223372036854775807 + 1").await.1.contains("overflow"));
}

#[tokio::test]
async fn functions_of_expressions_are_there() {
    for (code, expected) in [
        ("time.add('2024-05-01T00:00:00Z', '-1d')", r#""2024-04-30T00:00:00Z""#),
        ("fn f(time, t) { time.day(t, 1, 'Asia/Shanghai') } f(time, '2024-05-01T20:00:00Z')", r#""2024-05-03""#),
        ("time.format('2024-05-01T20:00:00Z', '%H:%M')", r#""20:00""#),
        ("[3, 1, 2].sorted().join('-')", r#""1-2-3""#),
        ("[1, 1, 2].unique()", "[1,2]"),
        ("[[1], [2]].flatten().sum()", "3"),
        ("'回放abc'.sub_string(0, 3)", r#""回放a""#),
        (r#"`{"a":[1,18446744073709551617]}`.parse_json().to_json()"#, r#""{\"a\":[1,18446744073709551617]}""#),
        ("#{ b: 1, a: () }.to_json()", r#""{\"a\":null,\"b\":1}""#),
        ("sha256('abc')", r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
        ("md5('')", r#""d41d8cd98f00b204e9800998ecf8427e""#),
        (
            "hmac_sha256('key', 'The quick brown fox jumps over the lazy dog')",
            r#""f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8""#,
        ),
        ("to_base64('长') + from_base64('6ZW/')", r#""6ZW/长""#),
        ("let s = 'a-b'; s.replace('-', '+'); s", r#""a+b""#),
    ] {
        assert_eq!(given(&code.replace('\'', "\""), "{}").await, format!("{{\"value\":{expected}}}"), "{code}");
    }
}

#[tokio::test]
async fn an_error_has_its_line_and_column() {
    assert_eq!(failed("let x = 1;\nx.no_such()").await.0, "script_error");
    assert!(failed("let x = 1;\n  x.no_such()").await.1.starts_with("code:2:5: function not found: no_such"));
    assert_eq!(failed("fn f() {\n  throw \"so\";\n}\nf()").await.1, "code:2:3: so");
    assert_eq!(failed("let = 1").await, ("script_error".to_owned(), failed("let = 1").await.1));
    let mut named = call(r#"{"file":"scripts/a.rhai","code":"1 / 0"}"#);
    let error = Script::new().call(named.clone()).await.unwrap_err();
    assert!(error.message.starts_with("scripts/a.rhai:1:3: "), "{error}");
    named.params = Value::from_json(br#"{"file":"scripts/a.rhai"}"#).unwrap();
    assert_eq!(Script::new().call(named).await.unwrap_err().code, params::INVALID);
}

#[tokio::test]
async fn nothing_outside_can_be_reached() {
    for code in [
        "eval(\"1\")",
        "import \"x\" as y; 1",
        "export let x = 1;",
        "Fn(\"eval\").call(\"1\")",
        "let f = \"eval\"; call(f, \"1\")",
        "sleep(1)",
        "sleep(0.1)",
        "timestamp()",
        "open_file(\"/etc/passwd\")",
        "rand()",
        "no_such_variable",
        "fn f() { args } f()",
    ] {
        assert_eq!(failed(code).await.0, "script_error", "{code}");
    }
}

#[tokio::test]
async fn a_check_finds_the_place_of_what_is_wrong() {
    let problem = |code: &str| programs::check(code).unwrap_err();
    assert_eq!(problem("let x = 1;\nlet y = ;").offset, 19);
    assert_eq!(problem("// 长\nlet x = ;").offset, 15);
    assert_eq!(problem("if true {\n\n").offset, 9);
    assert_eq!(problem("let x = nope;").offset, 8);
    assert!(problem("eval(\"1\")").message.contains("eval"), "{:?}", problem("eval(\"1\")"));
    assert!(problem(&" ".repeat(limits::CODE + 1)).message.contains("65536 are the limit"));
    assert!(problem(&format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000))).message.contains("complexity"));
    assert_eq!(programs::check("let x = args.y; x"), Ok(()));
}

/// What ends every script that takes too much, with the code that it ends with.
const HOSTILE: &[(&str, &str)] = &[
    ("loop {}", "script_operations"),
    ("while true { let x = 1; }", "script_operations"),
    ("for i in 0..9223372036854775807 {}", "script_operations"),
    ("try { loop {} } catch { 1 }", "script_operations"),
    ("fn f() { loop {} } loop { try { f() } catch { } }", "script_operations"),
    (
        "let a = []; a.pad(2000, 1); let b = a; let c = a; a.map(|x| b.map(|y| c.map(|z| 1).len()).len()).len()",
        "script_operations",
    ),
    ("fn f(n) { f(n + 1) } f(0)", "script_depth"),
    ("fn a(n) { b(n) } fn b(n) { a(n) } a(0)", "script_depth"),
    ("let s = \"x\"; loop { s += s; }", "script_size"),
    ("let s = \"x\"; loop { s = `${s}${s}`; }", "script_size"),
    ("let s = \"x\"; s.pad(10000000, 'x');", "script_size"),
    ("let s = \"x\"; s.pad(1000000, 'x'); s.replace(\"x\", s); 1", "script_size"),
    ("let a = [1]; loop { a += a; }", "script_size"),
    ("let a = [1]; loop { a = [a, a]; }", "script_size"),
    ("let a = []; a.pad(1000000000, 1);", "script_size"),
    ("let a = []; let s = \"x\"; s.pad(1000000, 'x'); loop { a.push(s); }", "script_size"),
    ("let m = #{}; for i in 0..1000 { m[`k${i}`] = i; } let a = []; loop { a.push(m); }", "script_size"),
    ("let m = #{}; let s = \"x\"; s.pad(900000, 'x'); let i = 0; loop { m[s + i] = 1; i += 1; }", "script_size"),
    (
        "let m = #{}; let s = \"x\"; s.pad(900000, 'x'); let f = || m[s + m.len()] = 1; loop { f.call(); }",
        "script_size",
    ),
    ("let m = #{ x: 1 }; loop { m = #{ a: m, b: m }; }", "script_size"),
    ("let a = []; for i in 0..2000 { a = [a]; } a", "script_size"),
    ("let a = []; for i in 0..100 { a = [a]; } a", "script_size"),
    ("let s = \"x\"; s.pad(70000, 'x'); s", "script_size"),
    ("let a = []; a.pad(9000, 1234567); a", "script_size"),
    (
        "fn f(n, s) { let t = s + n; let u = t + \"x\"; let v = u + \"x\"; if n > 30 { t } else { f(n + 1, t) + v } } let s = \"x\"; s.pad(400000, 'x'); f(0, s).len()",
        "script_size",
    ),
    (
        "let f = |x| x; let s = \"x\"; s.pad(900000, 'x'); let i = 0; loop { s[0] = 'y'; f = f.curry(s + i); i += 1; }",
        "script_size",
    ),
];

#[tokio::test]
async fn every_hostile_script_ends_with_its_own_error() {
    let script = Script::new();
    for (code, expected) in HOSTILE {
        let error = run_with(&script, code, "{}").await.expect_err(code);
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, *expected), "{code}: {error}");
        assert!(error.message.len() < 500, "{code}: {error}");
    }
    assert_eq!(run_with(&script, "1", "{}").await.unwrap().to_json(), r#"{"value":1}"#);
}

#[tokio::test]
async fn a_script_ends_at_the_deadline_of_its_attempt() {
    let mut late = call(r#"{"code":"loop { let x = []; x.pad(10000, 1); x.sort(); }"}"#);
    late.deadline = Instant::now() + Duration::from_millis(200);
    let error = Script::new().call(late).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Fatal, "script_timeout"), "{error}");
}

#[tokio::test]
async fn arguments_that_are_too_large_are_refused_in_words() {
    let items = format!("[{}1]", "1,".repeat(limits::ITEMS));
    let error = run("1", &items).await.unwrap_err();
    assert_eq!(error.code, "script_size");
    assert!(error.message.contains("`args` has more than"), "{error}");
}

#[tokio::test]
async fn other_scripts_finish_while_hostile_ones_run() {
    let script = Arc::new(Script::new());
    let hostile: Vec<_> = (0..8)
        .map(|_| {
            let script = Arc::clone(&script);
            tokio::spawn(async move { run_with(&script, "loop {}", "{}").await.unwrap_err().code })
        })
        .collect();
    let mut other = call(r#"{"code":"6 * 7"}"#);
    other.app =
        other.app.map(|app| Arc::new(crate::action::App { subappid: oncue_rules::ids::SubAppId(2), ..(*app).clone() }));
    assert_eq!(script.call(other).await.unwrap().to_json(), r#"{"value":42}"#);
    for ended in hostile {
        assert_eq!(ended.await.unwrap(), "script_operations");
    }
}

#[tokio::test]
async fn a_script_that_nobody_waits_for_any_more_frees_its_thread() {
    let script = Script::new();
    for _ in 0..limits::THREADS * 4 {
        let endless = run_with(&script, "loop { let x = []; x.pad(10000, 1); x.sort(); }", "{}");
        assert!(tokio::time::timeout(Duration::from_millis(20), endless).await.is_err());
    }
    assert_eq!(run_with(&script, "1", "{}").await.unwrap().to_json(), r#"{"value":1}"#);
}

/// The scripts of workflows that teams have, with what they are given and what they must give.
const WORKFLOWS: &[(&str, &str, &str)] = &[
    (
        include_str!("../../tests/fixtures/scripts/02_verdict.rhai"),
        r#"{"done":{"ErrCodeExt":"","Output":{"Suggestion":"pass","CoverReviewResult":{"Suggestion":"block"}}}}"#,
        r#"{"suggestion":"block"}"#,
    ),
    (
        include_str!("../../tests/fixtures/scripts/02_verdict.rhai"),
        r#"{"done":{"ErrCodeExt":"","Output":{"Suggestion":"pass","CoverReviewResult":null}}}"#,
        r#"{"suggestion":"pass"}"#,
    ),
    (include_str!("../../tests/fixtures/scripts/02_verdict.rhai"), r#"{"done":null}"#, r#"{"suggestion":"review"}"#),
    (
        include_str!("../../tests/fixtures/scripts/04_parts.rhai"),
        r#"{"recordings":[
            {"file_id":"2","live":{"StreamId":"s","RecordStartTime":"2024-05-01T12:00:00Z"}},
            {"file_id":"1","live":{"StreamId":"s","RecordStartTime":"2024-05-01T08:00:00Z"}}]}"#,
        r#"{"file_ids":["1","2"],"file_infos":[{"FileId":"1"},{"FileId":"2"}],"name":"回放-s-2024-05-01","stream":"s"}"#,
    ),
    (include_str!("../../tests/fixtures/scripts/09_check.rhai"), r#"{"found":null}"#, r#"{"kept":"gone"}"#),
    (
        include_str!("../../tests/fixtures/scripts/09_check.rhai"),
        r#"{"found":[{"BasicInfo":{"TagSet":null,"SourceInfo":{"SourceType":"Upload"}},
            "TranscodeInfo":{"TranscodeSet":[{"Definition":0},{"Definition":100010}]}}]}"#,
        r#"{"kept":""}"#,
    ),
    (
        include_str!("../../tests/fixtures/scripts/09_check.rhai"),
        r#"{"found":[{"BasicInfo":{"TagSet":["legal-hold"],"SourceInfo":{"SourceType":"Upload"}},"TranscodeInfo":null}]}"#,
        r#"{"kept":"legal hold"}"#,
    ),
    (
        include_str!("../../tests/fixtures/scripts/10_report.rhai"),
        r#"{"date":"2024-05-01","names":["a","b"],"usage":[
            {"outcome":"succeeded","outputs":{"MediaProcessDataSet":[{"Summary":[{"Usage":90},{"Usage":45}]},{"Summary":null}]}},
            {"outcome":"failed"}]}"#,
        r#"{"markdown":"**转码日报 2024-05-01**\n> a: 2 分钟\n> b: 查询失败"}"#,
    ),
];

#[tokio::test]
async fn scripts_of_real_workflows_give_what_they_should() {
    for (code, args, expected) in WORKFLOWS {
        assert_eq!(given(code, args).await, *expected, "{code}");
    }
}
