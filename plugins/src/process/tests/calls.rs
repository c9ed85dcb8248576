use super::*;
use crate::action::ErrorClass;
use crate::testing::captured::Captured;
use crate::testing::{FILE, KEY};

#[tokio::test]
async fn a_program_is_told_what_a_call_is_for_and_its_outputs_come_back_exactly() {
    let process = Process::new(python("hello()\nfor call in calls():\n    answer(call, call=call)\n"));
    let call = call(r#"{"n":50000000000000000011,"text":"a\nb","list":[null,true]}"#);
    let outputs = process.act("do", Repeatable::Yes, &call).await.unwrap();
    let told = outputs.get("call");
    assert_eq!(told.get("params"), &call.params);
    assert_eq!(told.get("action").as_text(), Some("do"));
    assert_eq!(told.get("key").as_text(), Some(KEY));
    assert_eq!(told.get("attempt").to_json(), "1");
    assert_eq!(told.get("rule").as_text(), Some("hd"));
    assert_eq!(told.get("step").as_text(), Some("first"));
    assert_eq!(told.get("run").as_text(), Some(call.run.to_string().as_str()));
    assert_eq!(told.get("event").get("type").as_text(), Some("NewFileUpload"));
    assert_eq!(told.get("event").get("file_id").as_text(), Some(FILE));
    assert_eq!(told.get("app").to_json(), r#"{"name":"short-video","subappid":1500000001}"#);
    let Value::Number(left) = told.get("deadline_ms") else { panic!("{told:?}") };
    assert!((1..=30_000).contains(&left.as_u64().unwrap()));
    assert!(!told.to_json().contains("the-secret-key"), "credentials are for actions that ship with Oncue");
}

#[tokio::test]
async fn calls_are_in_flight_together_and_answered_in_any_order() {
    let program = "
hello()
waiting = []
for call in calls():
    waiting.append(call)
    if len(waiting) == 3:
        for call in reversed(waiting):
            answer(call, got=call['params'])
";
    let process = Process::new(Options { calls: 3, ..python(program) });
    let (one, two, three) =
        tokio::join!(process.call(ask(r#"{"n":1}"#)), process.call(ask(r#"{"n":2}"#)), process.call(ask(r#"{"n":3}"#)));
    let got = [one, two, three].map(|result| result.unwrap().to_json());
    assert_eq!(got, [r#"{"got":{"n":1}}"#, r#"{"got":{"n":2}}"#, r#"{"got":{"n":3}}"#]);
}

#[tokio::test]
async fn beyond_its_bound_calls_wait_and_nothing_is_sent() {
    let mut options = python("hello()\nfor call in calls():\n    seen = connect()\n");
    let witness = Witness::of(&mut options).await;
    let process = Arc::new(Process::new(Options { calls: 1, ..options }));
    let first = under_way(&process, ask("{}"));
    let _first_is_there = witness.sees().await;
    let second = process.call(ask_within("{}", Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(second, Failure::retry("process_busy", "the plugin probe has as many calls as it takes (calls: 1)"));
    first.abort();
}

#[tokio::test]
async fn an_error_of_the_program_has_the_class_that_it_says() {
    let program = "
hello()
for call in calls():
    say(type='result', id=call['id'], error=call['params'])
";
    let process = Process::new(python(program));
    for (error, repeatable, class) in [
        (
            r#"{"class":"retry","code":"c","message":"m","after_ms":1500}"#,
            Repeatable::No,
            ErrorClass::Retry { after: Some(Duration::from_millis(1500)) },
        ),
        (r#"{"class":"fatal","code":"c","message":"m"}"#, Repeatable::Yes, ErrorClass::Fatal),
        (r#"{"class":"unknown","code":"c","message":"m"}"#, Repeatable::No, ErrorClass::Unknown),
        (r#"{"class":"unknown","code":"c","message":"m"}"#, Repeatable::Keyed, ErrorClass::Retry { after: None }),
    ] {
        let given = process.act("do", repeatable, &call(error)).await.unwrap_err();
        assert_eq!(given, ActionError { class, code: "c".to_owned(), message: "m".to_owned() }, "{error}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_cancelled_and_holds_its_place_until_it_is_answered() {
    let program = "
hello()
cancelled = []
for line in lines():
    if line['type'] == 'call' and line['params'] == 'wait':
        seen = connect()
    elif line['type'] == 'call':
        answer(line, cancelled=cancelled)
    elif line['type'] == 'cancel':
        cancelled.append(line['id'])
        say(type='result', id=line['id'], error={'class': 'retry', 'code': 'cancelled', 'message': 'cancelled'})
";
    let mut options = python(program);
    let witness = Witness::of(&mut options).await;
    let process = Arc::new(Process::new(Options { calls: 1, ..options }));
    let first = under_way(&process, ask(r#""wait""#));
    let _first_is_there = witness.sees().await;
    first.abort();
    let outputs = process.call(ask("{}")).await.unwrap();
    assert_eq!(outputs.to_json(), r#"{"cancelled":[1]}"#);
}

#[tokio::test]
async fn a_program_has_its_folder_and_only_the_variables_that_it_should() {
    let program = "hello()\nfor call in calls():\n    answer(call, folder=os.getcwd(), variables=sorted(os.environ))\n";
    let mut options = python(program);
    options.environment.insert("MODEL".to_owned(), "small".to_owned());
    let outputs = Process::new(options).call(ask("{}")).await.unwrap();
    assert_eq!(outputs.get("folder").as_text(), Some(env!("CARGO_MANIFEST_DIR")));
    let variables = outputs.get("variables").as_list().unwrap().iter().filter_map(Value::as_text);
    // Launchers of Python and Python itself add some of their own.
    let known = |name: &&str| !name.contains("PYENV") && !["LANG", "LC_CTYPE", "PWD", "SHLVL", "_"].contains(name);
    assert_eq!(variables.filter(known).collect::<Vec<_>>(), ["MODEL", "PATH"]);
}

#[tokio::test]
async fn what_a_program_writes_for_people_is_in_the_log_with_the_run_that_it_belongs_to() {
    let program = "
hello()
for call in calls():
    say(type='log', level='warn', message='one\\ntwo', id=call['id'])
    say(type='log', level='debug', message={'n': 1})
    answer(call)
sys.stderr.write('good bye\\n' + 'x' * 100000 + '\\n')
";
    let log = Captured::start();
    let process = Process::new(python(program));
    let asked = ask("{}");
    process.call(asked.clone()).await.unwrap();
    process.stop().await;
    let lines = log.of(TARGET);
    let of = |at: usize, field: &str| lines[at]["fields"][field].clone();
    assert_eq!((&lines[0]["level"], of(0, "message")), (&"WARN".into(), r"one\ntwo".into()));
    assert_eq!((of(0, "plugin"), of(0, "run")), ("probe".into(), asked.origin.run.to_string().into()));
    assert_eq!((of(0, "rule"), of(0, "step")), ("hd".into(), "first".into()));
    assert_eq!((&lines[1]["level"], of(1, "message"), of(1, "run")), (&"DEBUG".into(), r#"{"n":1}"#.into(), ().into()));
    assert_eq!((&lines[2]["level"], of(2, "message")), (&"INFO".into(), "good bye".into()));
    assert_eq!(of(3, "message"), format!("{}…", "x".repeat(limits::LOG_LINE)));
}

#[tokio::test]
async fn parameters_that_are_too_large_are_refused_before_anything_is_sent() {
    let process = good();
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(limits::CALL));
    let error = process.call(ask(&large)).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (FailureKind::Fatal, INVALID));
    let fitting = format!(r#"{{"x":"{}"}}"#, "x".repeat(60_000));
    assert!(process.call(ask(&fitting)).await.is_ok());
}
