//! Real small programs, well-behaved and not.

mod calls;
mod events;
mod faults;
mod lives;
mod packs;

use std::future::Future;
use std::time::Duration;

use oncue_rules::value::Value;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::testing::call;

/// What the programs below share.
const PRELUDE: &str = r#"
import json, os, signal, sys

def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()

def hello(*actions):
    say(type="hello", protocol=1, actions=actions or ["do"])

def lines():
    for line in sys.stdin:
        yield json.loads(line)

def calls():
    return (line for line in lines() if line["type"] == "call")

def answer(asked, /, **outputs):
    say(type="result", id=asked["id"], outputs=outputs)

def connect():
    import socket
    return socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))

def wait_for_ever():
    while True:
        signal.pause()
"#;

/// A program in Python; it has hello, calls and so on.
fn python(program: &str) -> Options {
    let program = format!("{PRELUDE}{program}");
    let folder = env!("CARGO_MANIFEST_DIR");
    let mut options = Options::new("probe", folder, ["python3", "-c", &program]);
    // The machine may be busy.
    options.start = Duration::from_mins(1);
    options
}

/// A program that does what it should.
fn good() -> Process {
    Process::new(python("hello()\nfor call in calls():\n    answer(call, got=call['params'], pid=os.getpid())\n"))
}

/// A call of `do` with these parameters, which has so long.
fn ask_within(params: &str, time: Duration) -> Ask {
    let call = call(params);
    let (about, origin) = (about(&call), Origin::from(&call));
    Ask { action: "do".into(), params: call.params, about, deadline: Instant::now() + time, origin }
}

fn ask(params: &str) -> Ask {
    ask_within(params, Duration::from_mins(1))
}

/// Makes a call in a task of its own; it is under way then.
fn under_way(process: &Arc<Process>, ask: Ask) -> tokio::task::JoinHandle<Result<Value, Failure>> {
    let process = Arc::clone(process);
    tokio::spawn(async move { process.call(ask).await })
}

/// Sees programs come and go: they connect, and the system closes that when they end.
struct Witness {
    listener: TcpListener,
}

impl Witness {
    /// One, and the program told where it is.
    async fn of(options: &mut Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        options.environment.insert("PORT".to_owned(), port.to_string());
        Self { listener }
    }

    async fn sees(&self) -> Seen {
        Seen(within(self.listener.accept()).await.unwrap().0)
    }
}

struct Seen(TcpStream);

impl Seen {
    async fn goes(mut self) {
        // A process that is killed may leave a reset.
        let _end = within(self.0.read_to_end(&mut Vec::new())).await.is_err();
    }
}

/// Fails the test when something hangs.
async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_mins(2), future).await.expect("nothing hangs")
}
