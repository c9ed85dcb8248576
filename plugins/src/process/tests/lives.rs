use std::io::Read as _;

use super::*;

/// A call whose parameters say how the program goes on.
const OBEDIENT: &str = "
hello('do', 'other')
for call in calls():
    if call['params'] == 'end': sys.exit(1)
    answer(call, pid=os.getpid())
";

#[tokio::test]
async fn a_program_is_started_once_and_again_when_it_has_ended() {
    let process = Process::new(python(OBEDIENT));
    let first = process.call(ask("{}")).await.unwrap();
    assert_eq!(process.call(ask("{}")).await.unwrap(), first);
    let error = process.call(ask(r#""end""#)).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (FailureKind::InDoubt, "process_ended"));
    let second = within(process.call(ask("{}"))).await.unwrap();
    assert_ne!(second, first);
}

#[tokio::test]
async fn what_fails_again_and_again_is_left_alone_for_longer() {
    let process = Process::new(Options { draw: || 1.0, ..python("sys.exit('no licence')") });
    let mut last = process.call(ask("{}")).await.unwrap_err();
    for _ in 0..20 {
        if last.code == "process_paused" {
            break;
        }
        assert_eq!(last.code, "process_start");
        last = within(process.call(ask("{}"))).await.unwrap_err();
    }
    let FailureKind::Held { after } = last.kind else { panic!("{last}") };
    assert!(after > limits::WAITED && after <= limits::LONGEST_PAUSE);
    assert!(last.message.contains("no licence"), "{last}");
    assert_eq!(process.hello().await.unwrap_err().code, "process_paused");
}

#[tokio::test]
async fn its_hello_says_what_it_has_and_nothing_else_can_be_called() {
    let process = Process::new(python(OBEDIENT));
    let hello = process.hello().await.unwrap();
    assert_eq!(hello, Hello { protocol: 1, actions: vec!["do".to_owned(), "other".to_owned()] });
    let error = process.call(Ask { action: "delete".into(), ..ask("{}") }).await.unwrap_err();
    let message = "the process of the plugin probe does not have the action delete: it has do, other";
    assert_eq!(error, Failure::fatal("unknown_action", message));
    assert!(process.call(ask("{}")).await.is_ok());
}

#[tokio::test]
async fn children_that_outlive_a_program_end_with_it_and_do_not_hold_up_its_calls() {
    // The child has the pipes of its parent and would keep them open for ever, and the connection too.
    let program = "
hello()
for call in calls():
    seen = connect()
    if os.fork() == 0: wait_for_ever()
    if call['params'] == 'exit': os._exit(3)
    wait_for_ever()
";
    for (params, time) in [(r#""wait""#, Duration::from_millis(300)), (r#""exit""#, Duration::from_mins(1))] {
        let mut options = python(program);
        options.grace = Duration::from_millis(50);
        let witness = Witness::of(&mut options).await;
        let process = Process::new(options);
        process.hello().await.unwrap();
        let asked = process.call(ask_within(params, time));
        let (failure, seen) = within(async { tokio::join!(asked, witness.sees()) }).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InDoubt, "{failure}");
        seen.goes().await;
    }
}

#[tokio::test]
async fn a_program_that_is_dropped_is_ended_even_when_it_ignores_everything() {
    let program = "
signal.signal(signal.SIGTERM, signal.SIG_IGN)
seen = connect()
hello()
wait_for_ever()
";
    for is_told in [true, false] {
        let mut options = python(program);
        options.stop = Duration::from_millis(100);
        let witness = Witness::of(&mut options).await;
        let process = Process::new(options);
        process.hello().await.unwrap();
        let seen = witness.sees().await;
        if is_told {
            within(process.stop()).await;
            assert_eq!(process.hello().await.unwrap_err().code, "process_stopped", "it is not started again");
        } else {
            drop(process);
        }
        seen.goes().await;
    }
}

#[test]
fn a_program_ends_with_the_runtime_that_serves_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (process, seen) = runtime.block_on(async {
        let mut options = python("seen = connect()\nhello()\nwait_for_ever()\n");
        let witness = Witness::of(&mut options).await;
        let process = Process::new(options);
        process.hello().await.unwrap();
        (process, witness.sees().await.0.into_std().unwrap())
    });
    drop(runtime);
    let mut seen = seen;
    seen.set_nonblocking(false).unwrap();
    seen.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let end = seen.read(&mut [0]);
    assert!(
        end.as_ref().map_or_else(|error| error.kind() == std::io::ErrorKind::ConnectionReset, |read| *read == 0),
        "{end:?}"
    );
    drop(process);
}

#[tokio::test]
async fn a_program_that_is_stopped_may_finish_what_it_does() {
    let program = "
hello()
waiting = []
for line in lines():
    if line['type'] == 'call':
        waiting.append(line)
        seen = connect()
    elif line['type'] == 'stop':
        for call in waiting: answer(call, finished=True)
";
    let mut options = python(program);
    options.stop = Duration::from_mins(1);
    let witness = Witness::of(&mut options).await;
    let process = Arc::new(Process::new(options));
    let asked = under_way(&process, ask("{}"));
    let _asked_is_there = witness.sees().await;
    within(process.stop()).await;
    assert_eq!(asked.await.unwrap().unwrap().to_json(), r#"{"finished":true}"#);
    assert_eq!(process.call(ask("{}")).await.unwrap_err().code, "process_stopped");
}
