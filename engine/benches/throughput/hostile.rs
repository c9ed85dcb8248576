//! Neighbours that behave badly: scripts without an end, endpoints without an answer.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::measure::measure_beside;

const CONNECTIONS: usize = 64;
/// The neighbour gets an event each time, and every one starts six hostile runs.
const PAUSE: Duration = Duration::from_millis(50);

const MINE: &str = "rules:
  - name: log-uploads
    on: NewFileUpload
    subappid: 1500000001
    match: { payload.MediaBasicInfo.Category: Video }
    steps: [{ uses: log, with: { message: '${{ event.file_id }} was uploaded' } }]
";
const SCRIPTS: [(&str, &str); 3] =
    [("endless", "loop {}"), ("grows", "let s = `x`; loop { s += s; }"), ("deep", "fn f(n) { f(n + 1) } f(0)")];

/// Measures runs of an application beside a neighbour whose events start nothing, and beside one whose events start hostile
/// runs.
///
/// # Errors
///
/// As [`measure_beside`].
pub(crate) async fn measure(time: Duration) -> Result<()> {
    let rules = hostile_rules().await?;
    let well = measure_beside(MINE, CONNECTIONS, PAUSE, time).await?;
    let badly = measure_beside(&rules, CONNECTIONS, PAUSE, time).await?;
    println!();
    println!(
        "finished runs of one log step, {CONNECTIONS} senders, beside an application with an event each {PAUSE:?}"
    );
    println!("{:<43} {:>7} {:>7} {:>7}", "that event starts", "per s", "p99 ms", "rss MiB");
    for (what, beside) in [("nothing", &well), ("3 hostile scripts, 3 dead endpoints", &badly)] {
        let (p99, rss) = (beside.p99.as_secs_f64() * 1e3, beside.peak_rss >> 20);
        println!("{what:<43} {:>7.0} {p99:>7.1} {rss:>7}", beside.finished);
    }
    println!("{:<43} {:>7.2}", "ratio", badly.finished / well.finished);
    Ok(())
}

async fn hostile_rules() -> Result<String> {
    let mut rules = MINE.to_owned();
    let mut add = |name: &str, step: String| {
        let begin = format!("  - name: {name}\n    on: NewFileUpload\n    subappid: 1500000002\n    steps:\n      - ");
        rules.push_str(&(begin + step.as_str() + "\n"));
    };
    for (name, code) in SCRIPTS {
        add(name, format!("{{ uses: script, with: {{ code: '{code}' }} }}"));
    }
    let endpoints = [("dead", Manner::Silent), ("drips", Manner::Drips), ("storm", Manner::Busy)];
    for (name, manner) in endpoints {
        let port = listen(manner).await?;
        let with = format!("url: 'http://127.0.0.1:{port}/', body: {{ a: 1 }}, allow_private: true, timeout: 5s");
        add(name, format!("{{ uses: webhook, with: {{ {with} }} }}"));
    }
    Ok(rules)
}

/// How an endpoint answers.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Never.
    Silent,
    /// A byte a second.
    Drips,
    /// 429, at once.
    Busy,
}

async fn listen(manner: Manner) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, manner));
        }
    });
    Ok(port)
}

/// Until the other side has had enough.
async fn answer(mut stream: TcpStream, manner: Manner) {
    let mut request = [0; 4096];
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        let answered = match manner {
            Manner::Silent => Ok(()),
            Manner::Busy => stream.write_all(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n").await,
            Manner::Drips => drip(&mut stream).await,
        };
        if answered.is_err() {
            return;
        }
    }
}

async fn drip(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
    loop {
        stream.write_all(b"x").await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
