//! Every fault ends in an error of its own calls, while those of another program are answered.

use super::*;
use crate::testing::captured::Captured;

/// Makes a call of a program while another program is called, and gives how it failed.
async fn failure(options: Options, ask: Ask) -> Failure {
    let (bad, good) = (Process::new(options), good());
    let (bad, other) = within(async { tokio::join!(bad.call(ask), good.call(super::ask(r#"{"n":1}"#))) }).await;
    assert_eq!(other.unwrap().get("got").to_json(), r#"{"n":1}"#);
    bad.unwrap_err()
}

fn is(failure: &Failure, kind: FailureKind, code: &str, part: &str) {
    assert_eq!((failure.kind, failure.code.as_str()), (kind, code), "{failure}");
    assert!(failure.message.contains(part), "{failure}");
}

const RETRY: FailureKind = FailureKind::Retry { after: None };
const IN_DOUBT: FailureKind = FailureKind::InDoubt;

#[tokio::test]
async fn a_program_that_does_not_get_to_its_hello_fails_what_waits_for_it() {
    let started = |program: &str, part: &'static str| (python(program), part);
    for (options, part) in [
        started("", "ended with exit status: 0"),
        started(
            "sys.exit('no such model')",
            "ended with exit status: 1; the last line of its standard error: no such model",
        ),
        started(
            "say(type='hello', protocol=2)\nwait_for_ever()",
            "speaks version 2 of the protocol, and this Oncue speaks 1",
        ),
        started("print('starting', flush=True)\nwait_for_ever()", "wrote a line that is no JSON: "),
        started("hello()\nhello()\nwait_for_ever()", "is a second hello"),
        started("say(type='result', id=1)\nwait_for_ever()", "comes before its hello"),
        started("sys.stdout.write('{')\nsys.stdout.flush()\nos.close(1)\nwait_for_ever()", "in the middle of a line"),
        started("os.kill(os.getpid(), signal.SIGSEGV)", "ended with signal: 11"),
    ] {
        // A second hello may come when the call is on its way already.
        let failure = failure(options, ask("{}")).await;
        assert!(failure.message.contains(part), "{failure}");
        assert!(["process_start", "process_protocol"].contains(&failure.code.as_str()), "{failure}");
    }
    let silent = Options { start: Duration::from_millis(200), ..python("wait_for_ever()") };
    is(&failure(silent, ask("{}")).await, RETRY, "process_start", "said no hello within 200ms");
}

#[tokio::test]
async fn a_program_or_a_folder_that_is_not_there_is_named() {
    let options = Options::new("probe", env!("CARGO_MANIFEST_DIR"), ["no-such-program"]);
    let error = failure(options, ask("{}")).await;
    is(&error, RETRY, "process_start", "ended with exit status: 127: is its program there, and in PATH?");
    assert!(error.message.contains("no-such-program"), "{error}");
    let options = Options { folder: "/no/such/folder".into(), ..python("") };
    is(&failure(options, ask("{}")).await, RETRY, "process_start", "(in /no/such/folder)");
}

#[tokio::test]
async fn a_program_that_breaks_the_protocol_is_ended_and_its_calls_are_in_doubt() {
    let called = |act: &str| python(&format!("hello()\nfor call in calls():\n    {act}\n"));
    for (act, part) in [
        (
            "while True: sys.stdout.write('x' * 65536)",
            "wrote a line of more than 1048576 bytes, which begins with \"xxx",
        ),
        (
            "sys.stdout.write('{\"type\":\"res'); sys.stdout.flush(); sys.exit()",
            "ended in the middle of a line, which begins",
        ),
        (
            "print('working on it', flush=True)",
            "the line begins with \"working on it\". What is for people goes to standard",
        ),
        ("print('{\"type\":\"result\",\"id\":1,\"outputs\":{', flush=True)", "is no JSON: "),
        ("say(type='answer')", "has the type \"answer\", which the protocol does not know"),
        ("say(id=1)", "has no `type`"),
    ] {
        is(&failure(called(act), ask("{}")).await, IN_DOUBT, "process_protocol", part);
    }
    for (act, part) in [
        ("sys.exit(3)", "ended with exit status: 3"),
        ("os.close(1); wait_for_ever()", "closed its standard output"),
        ("raise KeyError('no frame')", "exit status: 1; the last line of its standard error: KeyError: 'no frame'"),
    ] {
        is(&failure(called(act), ask("{}")).await, IN_DOUBT, "process_ended", part);
    }
}

#[tokio::test]
async fn outputs_that_cannot_be_taken_fail_their_call_and_no_other() {
    let program = "
hello()
for call in calls():
    if call['params'] == 'large': answer(call, x='x' * 65536)
    elif call['params'] == 'list': say(type='result', id=call['id'], outputs=[1])
    else: answer(call, pid=os.getpid())
";
    let process = Process::new(python(program));
    let before = process.call(ask("{}")).await.unwrap();
    let (large, list) = tokio::join!(process.call(ask(r#""large""#)), process.call(ask(r#""list""#)));
    is(&large.unwrap_err(), FailureKind::Fatal, "process_output", "and at most 65536 are kept");
    is(&list.unwrap_err(), FailureKind::Fatal, "process_output", "the outputs are a list: give a map");
    assert_eq!(process.call(ask("{}")).await.unwrap(), before, "the same process");
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_only_logged() {
    let program = "
hello()
for call in calls():
    say(type='result', id=999, outputs={})
    answer(call, n=1)
    answer(call, n=2)
";
    let log = Captured::start();
    let process = Process::new(python(program));
    for _ in 0..2 {
        assert_eq!(process.call(ask("{}")).await.unwrap().to_json(), r#"{"n":1}"#);
    }
    process.stop().await;
    let messages: Vec<_> = log.of(TARGET).iter().map(|line| line["fields"]["message"].to_string()).collect();
    for id in ["999", "1", "2"] {
        let part = format!("it answered a call {id}, which it does not have");
        assert!(messages.iter().any(|message| message.contains(&part)), "{messages:?}");
    }
}

#[tokio::test]
async fn a_program_that_writes_without_end_is_ended_after_the_deadline_and_the_log_stays_small() {
    for act in
        ["say(type='log', message='x' * 1000)", "say(type='result', id=999)", "print('x' * 100000, file=sys.stderr)"]
    {
        let mut options = python(&format!("seen = connect()\nhello()\nfor call in calls():\n    while True: {act}\n"));
        options.grace = Duration::from_millis(50);
        let witness = Witness::of(&mut options).await;
        let log = Captured::start();
        let (process, good) = (Process::new(options), good());
        process.hello().await.unwrap();
        let seen = witness.sees().await;
        let asked = ask_within("{}", Duration::from_millis(300));
        let (failed, other) = tokio::join!(process.call(asked), good.call(ask(r#"{"n":1}"#)));
        is(&failed.unwrap_err(), IN_DOUBT, "timeout", "did not answer in time");
        assert_eq!(other.unwrap().get("got").to_json(), r#"{"n":1}"#);
        seen.goes().await;
        let lines = log.of(TARGET).len();
        assert!((1..1_000).contains(&lines), "{lines} lines: {act}");
    }
}

#[tokio::test]
async fn a_program_that_never_reads_holds_up_nobody() {
    let mut options = python("seen = connect()\nhello()\nwait_for_ever()\n");
    options.grace = Duration::from_millis(50);
    let witness = Witness::of(&mut options).await;
    let (process, good) = (Process::new(options), good());
    process.hello().await.unwrap();
    let seen = witness.sees().await;
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(1024 * 1024));
    let asked = || ask_within(&large, Duration::from_millis(300));
    let (one, two, other) = tokio::join!(process.call(asked()), process.call(asked()), good.call(ask(r#"{"n":1}"#)));
    is(&one.unwrap_err(), IN_DOUBT, "timeout", "did not answer in time");
    assert_eq!(two.unwrap_err().code, "timeout");
    assert_eq!(other.unwrap().get("got").to_json(), r#"{"n":1}"#);
    seen.goes().await;
}

#[tokio::test]
async fn a_program_that_closes_its_input_is_ended_and_nothing_was_sent() {
    let mut options = python("import time\nos.close(0)\nhello()\nseen = connect()\nwait_for_ever()\n");
    let witness = Witness::of(&mut options).await;
    let process = Process::new(options);
    let (failed, seen) = within(async { tokio::join!(process.call(ask("{}")), witness.sees()) }).await;
    is(&failed.unwrap_err(), RETRY, "process_ended", "closed its standard input");
    seen.goes().await;
}

#[tokio::test]
async fn a_call_past_its_deadline_ends_the_process_and_the_other_calls_that_it_had() {
    let program = "
seen = connect()
hello()
for call in calls():
    if call['params'] == 'quick': answer(call, pid=os.getpid())
";
    let mut options = python(program);
    options.grace = Duration::from_millis(50);
    let witness = Witness::of(&mut options).await;
    let process = Process::new(options);
    let before = process.call(ask(r#""quick""#)).await.unwrap();
    let seen = witness.sees().await;
    let slow = process.call(ask_within("{}", Duration::from_millis(300)));
    let (slow, other) = within(async { tokio::join!(slow, process.call(ask("{}"))) }).await;
    is(&slow.unwrap_err(), IN_DOUBT, "timeout", "did not answer in time");
    is(&other.unwrap_err(), IN_DOUBT, "process_ended", "was killed, since it had not answered a call of do 50ms after");
    seen.goes().await;
    let after = within(process.call(ask(r#""quick""#))).await.unwrap();
    assert_ne!(before, after, "another process goes on");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_that_takes_too_much_memory_fails_by_itself() {
    let program = "hello()\nfor call in calls():\n    answer(call, got=len(bytearray(call['params'])))\n";
    let mut options = python(program);
    options.memory = 256 * 1024 * 1024;
    let process = Process::new(options);
    assert_eq!(process.call(ask("1048576")).await.unwrap().to_json(), r#"{"got":1048576}"#);
    let error = process.call(ask("1073741824")).await.unwrap_err();
    is(&error, IN_DOUBT, "process_ended", "the last line of its standard error: MemoryError");
}

#[tokio::test]
async fn a_secret_that_a_program_writes_is_not_in_the_log_nor_in_errors() {
    let program = "
hello()
for call in calls():
    print('token', 'hunter2' * 1, file=sys.stderr, flush=True)
    say(type='log', message='token hunter2')
    print('token hunter2', flush=True)
";
    let log = Captured::start();
    let scrub: Scrub = Arc::new(|text| text.replace("hunter2", "***"));
    let error = failure(Options { scrub, ..python(program) }, ask("{}")).await;
    is(&error, IN_DOUBT, "process_protocol", "the line begins with \"token ***\"");
    assert!(error.message.contains("standard error: token ***") && !error.message.contains("hunter2"), "{error}");
    let lines = log.lines();
    let tokens = lines.iter().filter(|line| line["fields"]["message"] == "token ***").count();
    assert_eq!(tokens, 2, "{lines:?}");
    assert!(!lines.iter().any(|line| line.to_string().contains("hunter2")), "{lines:?}");
}
