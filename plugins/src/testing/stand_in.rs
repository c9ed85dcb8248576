//! A server that answers what a test tells it to and keeps what it was sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the stand-in does with one request, after reading it.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Sends these bytes and keeps the connection.
    Bytes(String),
    /// Sends these bytes and closes the connection.
    Last(String),
    /// Sends a head, then a space now and then, for ever.
    Drip,
    /// Sends nothing and keeps the connection.
    Silence,
    /// Sends a head, then bytes without end.
    Endless,
}

impl Answer {
    /// An answer of HTTP with this status line, these header lines and this body.
    pub(crate) fn http(status: &str, headers: &str, body: &str) -> Self {
        Self::Bytes(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// An error of the API.
    pub(crate) fn error(code: &str) -> Self {
        let body = format!(r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"no"}},"RequestId":"r-1"}}}}"#);
        Self::http("200 OK", "", &body)
    }

    /// The result of `ProcessMedia`.
    pub(crate) fn task() -> Self {
        Self::http("200 OK", "", r#"{"Response":{"TaskId":"1500000001-procedurev2-0a1b","RequestId":"r-2"}}"#)
    }
}

/// A request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) connection: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A running stand-in; it ends with the test's runtime.
pub(crate) struct StandIn {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl StandIn {
    /// Answers the n-th request with the n-th answer, and those beyond with the last.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (answers, kept) = (Arc::new(answers.into_iter().collect::<Vec<_>>()), Arc::clone(&requests));
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, connection, Arc::clone(&answers), Arc::clone(&kept)));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, connection: usize, answers: Arc<Vec<Answer>>, kept: Arc<Mutex<Vec<Request>>>) {
    while let Some(request) = read(&mut stream, connection).await {
        let at = {
            let mut kept = kept.lock().unwrap();
            kept.push(request);
            kept.len() - 1
        };
        let written = match answers.get(at).or(answers.last()).unwrap() {
            Answer::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await,
            Answer::Last(bytes) => {
                // A client that has heard enough may be gone; the test looks at what it made of it.
                let _gone = stream.write_all(bytes.as_bytes()).await.is_err();
                return;
            }
            Answer::Drip => drip(&mut stream).await,
            Answer::Endless => endless(&mut stream).await,
            Answer::Silence => std::future::pending().await,
        };
        if written.is_err() {
            return;
        }
    }
}

async fn drip(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await?;
    loop {
        stream.write_all(b" ").await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn endless(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    loop {
        stream.write_all(&[b'x'; 16 * 1024]).await?;
    }
}

async fn read(stream: &mut TcpStream, connection: usize) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut request = Request { line, headers, body: bytes.split_off(end + 4), connection };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}
