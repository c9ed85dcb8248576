//! The programs that ship as folders, and what they stand on.

use super::*;
use crate::testing::captured::Captured;
use crate::testing::stand_in::{Answer, StandIn};

const SDK: &str = include_str!("../../../sdk/python/oncue_plugin.py");

/// A program whose folder is at this place in the repository.
fn folder(place: &str, command: [&str; 2]) -> Process {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    let options = Options::new("probe", format!("{folder}{place}"), command);
    // Python would write beside its sources.
    let environment = [("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())].into();
    Process::new(Options { environment, start: Duration::from_mins(1), ..options })
}

/// A program on the file for Python.
fn sdk(program: &str) -> Process {
    let program = format!("from oncue_plugin import *\nimport os, sys\n{program}\nrun()\n");
    let options =
        Options::new("probe", concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/python"), ["python3", "-B", "-c", &program]);
    Process::new(Options { start: Duration::from_mins(1), ..options })
}

async fn given(process: &Process, action: &str, params: &str) -> Result<String, Failure> {
    let asked = Ask { action: action.into(), ..ask(params) };
    within(process.call(asked)).await.map(|outputs| outputs.to_json())
}

#[tokio::test]
async fn a_function_in_python_is_an_action() {
    let process = sdk(r#"
@action
def shout(params, call):
    """Shouts."""
    return {"text": params["text"].upper(), "key": call.key, "file": call.event["file_id"], "app": call.app["name"]}

@action(name="nothing")
def _nothing(params, call): pass
"#);
    assert_eq!(process.hello().await.unwrap().actions, ["shout", "nothing"]);
    let expected = format!(
        r#"{{"app":"short-video","file":"{}","key":"{}","text":"ÄÖ🎬"}}"#,
        crate::testing::FILE,
        crate::testing::KEY
    );
    assert_eq!(given(&process, "shout", r#"{"text":"äö🎬"}"#).await.unwrap(), expected);
    assert_eq!(given(&process, "nothing", "{}").await.unwrap(), "{}");
}

#[tokio::test]
async fn exceptions_in_python_are_errors_of_their_class() {
    let process = sdk(r#"
@action
def fail(params, call):
    if params["as"] == "retry": raise Retry("busy", "later", after=1.5)
    if params["as"] == "fatal": raise Fatal("no", "never")
    if params["as"] == "unknown": raise Unknown("perhaps", "who knows")
    if params["as"] == "exit": sys.exit("out")
    if params["as"] == "set": return {"x": {1}}
    if params["as"] == "nan": return {"x": float("nan")}
    if params["as"] == "list": return [1]
    if params["as"] == "surrogate": return {"x": "\ud800"}
    return {}[params["as"]]
"#);
    let failure = |how: &'static str| {
        let process = &process;
        async move { given(process, "fail", &format!(r#"{{"as":"{how}"}}"#)).await.unwrap_err() }
    };
    let after = Some(Duration::from_millis(1500));
    assert_eq!(failure("retry").await, Failure::new(FailureKind::Retry { after }, "busy", "later"));
    assert_eq!(failure("fatal").await, Failure::fatal("no", "never"));
    assert_eq!(failure("unknown").await, Failure::in_doubt("perhaps", "who knows"));
    assert_eq!(failure("other").await, Failure::in_doubt("KeyError", "'other'"));
    assert_eq!(failure("exit").await, Failure::in_doubt("SystemExit", "out"));
    for how in ["set", "nan"] {
        let failure = failure(how).await;
        assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Fatal, "outputs"), "{failure}");
    }
    assert_eq!(failure("list").await.code, "process_output");
    assert_eq!(given(&process, "fail", r#"{"as":"surrogate"}"#).await.unwrap(), r#"{"x":"?"}"#);
}

#[tokio::test]
async fn calls_in_python_run_at_the_same_time_and_hear_when_they_are_cancelled() {
    let mut options = python("");
    let witness = Witness::of(&mut options).await;
    let program = r#"
import socket, threading
together = threading.Barrier(2)
cancelled = []

@action
def meet(params, call):
    together.wait()
    return {}

@action
def wait(params, call):
    seen = socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))
    while not call.sleep(60): pass
    cancelled.append(call.cancelled)
    seen.close()

@action
def heard(params, call): return {"cancelled": cancelled}
"#;
    let program = format!("from oncue_plugin import *\nimport os\n{program}\nrun()\n");
    let command = ["python3", "-B", "-c", &program].map(str::to_owned).into();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/python").into();
    let process = Arc::new(Process::new(Options { command, folder, ..options }));
    let (one, two) = tokio::join!(given(&process, "meet", "{}"), given(&process, "meet", "{}"));
    assert!(one.is_ok() && two.is_ok());
    let waiting = under_way(&process, Ask { action: "wait".into(), ..ask("{}") });
    let seen = witness.sees().await;
    waiting.abort();
    seen.goes().await;
    assert_eq!(given(&process, "heard", "{}").await.unwrap(), r#"{"cancelled":[true]}"#);
}

#[tokio::test]
async fn what_python_prints_goes_to_the_log_and_calls_are_finished_before_it_ends() {
    let process = sdk(r#"
@action
def chat(params, call):
    print("printed")
    os.system("echo from a child")
    call.log("logged", "warn")
    return {"pid": os.getpid()}
"#);
    let log = Captured::start();
    given(&process, "chat", "{}").await.unwrap();
    process.stop().await;
    let lines = log.of(TARGET);
    let mut messages: Vec<_> = lines.iter().map(|line| line["fields"]["message"].as_str().unwrap()).collect();
    messages.retain(|message| !message.starts_with("its process ended"));
    messages.sort_unstable();
    assert_eq!(messages, ["from a child", "logged", "printed"]);
    let logged = lines.iter().find(|line| line["fields"]["message"] == "logged").unwrap();
    assert_eq!((&logged["level"], &logged["fields"]["rule"]), (&"WARN".into(), &"hd".into()));
}

#[tokio::test]
async fn the_example_in_shell_tells_the_free_space() {
    let process = folder("plugins/packs/disk_space", ["sh", "main.sh"]);
    let outputs = given(&process, "free", r#"{"path":"/"}"#).await.unwrap();
    let bytes: u64 = outputs.trim_start_matches(r#"{"bytes":"#).trim_end_matches('}').parse().unwrap();
    assert!(bytes > 0);
    for (params, code) in [
        (r#"{"path":"/no/such/path"}"#, "no_path"),
        (r#"{"path":"/a\"b"}"#, "InvalidParams"),
        (r#"{"path":["/"]}"#, "InvalidParams"),
    ] {
        assert_eq!(given(&process, "free", params).await.unwrap_err().code, code, "{params}");
    }
}

#[test]
fn the_pack_in_python_has_the_file_that_speaks_the_protocol() {
    assert!(
        include_str!("../../../packs/media_probe/oncue_plugin.py") == SDK,
        "copy plugins/sdk/python/oncue_plugin.py"
    );
}

fn boxed(kind: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes(), kind.as_bytes(), content].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn track(kind: &str, codec: &str, units: u32, width: u32, height: u32) -> Vec<u8> {
    let tkhd = boxed("tkhd", &words(&[0, 0, 0, 1, 0, width << 16, height << 16]));
    let mdhd = boxed("mdhd", &words(&[0, 0, 0, 512, units, 0]));
    let hdlr = boxed("hdlr", &[&words(&[0, 0]), kind.as_bytes(), &words(&[0, 0, 0])].concat());
    let stsd = boxed("stsd", &[words(&[0, 1]), boxed(codec, &[0; 8])].concat());
    let minf = boxed("minf", &boxed("stbl", &stsd));
    boxed("trak", &[tkhd, boxed("mdia", &[mdhd, hdlr, minf].concat()), boxed("free", &[0; 92])].concat())
}

/// Where the index of the film begins.
const INDEX: usize = 16 + 2880;

/// A film whose index stands behind the media. No byte of it is beyond ASCII, since the stand-in sends texts.
fn film() -> Vec<u8> {
    let tracks = [track("vide", "avc1", 1280, 1024, 576), track("soun", "mp4a", 1088, 0, 0)].concat();
    let mvhd = boxed("mvhd", &words(&[0, 0, 0, 600, 1290]));
    let moov = boxed("moov", &[mvhd, tracks].concat());
    let film = [boxed("ftyp", b"isom\0\0\0\0"), boxed("mdat", &[7; 2872]), moov].concat();
    assert!(film.is_ascii());
    film
}

const FILM: &str = concat!(
    r#"{"brand":"isom","seconds":2.15,"tracks":["#,
    r#"{"codec":"avc1","height":576,"kind":"video","seconds":2.5,"width":1024},"#,
    r#"{"codec":"mp4a","height":null,"kind":"audio","seconds":2.125,"width":null}]}"#
);

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    format!(r#"{{"base64":"{}"}}"#, base64::engine::general_purpose::STANDARD.encode(bytes))
}

#[tokio::test]
async fn the_media_probe_tells_what_is_in_a_film_and_refuses_what_is_none() {
    let process = folder("plugins/packs/media_probe", ["python3", "main.py"]);
    assert_eq!(given(&process, "probe", &base64_of(&film())).await.unwrap(), FILM);
    for (params, code) in [
        (base64_of(b"RIFF....AVI LIST"), "not_mp4"),
        (base64_of(&film()[..INDEX + 40]), "not_mp4"),
        (base64_of(&[boxed("ftyp", b"isom"), boxed("moov", &boxed("trak", b""))].concat()), "not_mp4"),
        (r#"{"base64":"*"}"#.to_owned(), "InvalidParams"),
        (r#"{"url":"file:///etc/passwd"}"#.to_owned(), "InvalidParams"),
        ("{}".to_owned(), "InvalidParams"),
    ] {
        assert_eq!(given(&process, "probe", &params).await.unwrap_err().code, code, "{params}");
    }
    for length in (0..film().len()).step_by(97) {
        let failure = given(&process, "probe", &base64_of(&film()[..length])).await.unwrap_err();
        let code = if length == 0 { "InvalidParams" } else { "not_mp4" };
        assert_eq!(failure.code, code, "of {length} bytes: {failure}");
    }
}

#[tokio::test]
async fn the_media_probe_reads_only_parts_of_a_film_at_a_url() {
    let film = film();
    let part = |start: usize, length: usize| {
        let body = std::str::from_utf8(&film[start..start + length]).unwrap();
        Answer::http("206 Partial Content", "", body)
    };
    let answers = [part(0, 16), part(8, 4), part(16, 16), part(INDEX, 16), part(INDEX + 8, film.len() - INDEX - 8)];
    let stand_in = StandIn::start(answers).await;
    let process = folder("plugins/packs/media_probe", ["python3", "main.py"]);
    let params = format!(r#"{{"url":"http://{}/film.mp4"}}"#, stand_in.address);
    assert_eq!(given(&process, "probe", &params).await.unwrap(), FILM);
    let ranges: Vec<_> =
        stand_in.requests().iter().map(|request| request.header("Range").unwrap().to_owned()).collect();
    let last = format!("bytes={}-{}", INDEX + 8, film.len() - 1);
    assert_eq!(ranges, ["bytes=0-15", "bytes=8-11", "bytes=16-31", "bytes=2896-2911", last.as_str()]);
    for (answer, kind, code) in [
        (Answer::http("404 Not Found", "", ""), FailureKind::Fatal, "http_404"),
        (Answer::http("503 Busy", "", ""), FailureKind::Retry { after: None }, "http_503"),
        (Answer::Last("nonsense".to_owned()), FailureKind::Retry { after: None }, "unreachable"),
    ] {
        let stand_in = StandIn::start([answer]).await;
        let params = format!(r#"{{"url":"http://{}/film.mp4"}}"#, stand_in.address);
        let failure = given(&process, "probe", &params).await.unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (kind, code), "{failure}");
    }
}
