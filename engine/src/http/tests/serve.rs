use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::support::*;
use crate::http::Limits;
use crate::http::body::BodyLimits;
use crate::http::serve::Stopped;

fn request(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_head_that_stops_coming_ends_the_connection() {
    let limits = Limits { head_time: Duration::from_millis(20), ..Limits::default() };
    let rig = Rig::with(Mood::Take, BodyLimits::default(), limits).await;
    let mut client = rig.server.connect().await;
    client.send("POST /vod/1500000001/x HTTP/1.1\r\nhost: ").await;
    let rest = String::from_utf8(client.rest().await).unwrap();
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let rig = Rig::new().await;
    let mut client = rig.server.connect().await;
    client.send(&format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(20_000))).await;
    assert_eq!(client.answer("GET").await.status, 431);
}

#[tokio::test]
async fn connections_over_the_limit_wait_until_one_ends() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let rig = Rig::with(Mood::Take, BodyLimits::default(), limits).await;
    let body = sample("01_new_file_upload_plain");
    let mut first = rig.server.connect().await;
    assert_eq!(first.call("POST", &path(APP), "", &body).await.status, 200);
    let mut second = rig.server.connect().await;
    second.send(&request(&path(INSECURE), &body)).await;
    for _ in 0..20 {
        assert_eq!(first.call("POST", &path(APP), "", &body).await.status, 200);
    }
    let others = || rig.ingest.taken.lock().unwrap().iter().filter(|taken| taken.0.0 == INSECURE).count();
    assert_eq!(others(), 0, "the second is not served while the first is there");
    drop(first);
    assert_eq!(second.answer("POST").await.status, 200);
    assert_eq!(others(), 1);
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_takes_nothing_new() {
    let rig = Rig::with(Mood::Hold, BodyLimits::default(), Limits::default()).await;
    let address = rig.server.address;
    let mut idle = rig.server.connect().await;
    assert_eq!(idle.call("GET", "/healthz", "", "").await.status, 200);
    let mut client = rig.server.connect().await;
    client.send(&request(&path(APP), &sample("01_new_file_upload_plain"))).await;
    rig.ingest.held.notified().await;
    let stopped = rig.server.stop();
    assert!(idle.rest().await.is_empty(), "an idle connection is closed");
    assert!(TcpStream::connect(address).await.is_err(), "the listener is closed");
    rig.ingest.go.notify_one();
    let answer = client.answer("POST").await;
    assert_eq!((answer.status, answer.headers["connection"].as_str()), (200, "close"));
    assert_eq!(stopped.await.unwrap(), Stopped { cut: 0 });
}

#[tokio::test]
async fn a_stop_cuts_what_does_not_finish_in_time() {
    let limits = Limits { stop_time: Duration::from_millis(20), ..Limits::default() };
    let rig = Rig::with(Mood::Hold, BodyLimits::default(), limits).await;
    let mut client = rig.server.connect().await;
    client.send(&request(&path(APP), &sample("01_new_file_upload_plain"))).await;
    rig.ingest.held.notified().await;
    assert_eq!(rig.server.stop().await.unwrap(), Stopped { cut: 1 });
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_client_that_asks_and_never_reads_is_cut() {
    let limits = Limits { write_time: Duration::from_millis(20), ..Limits::default() };
    let rig = Rig::with(Mood::Take, BodyLimits::default(), limits).await;
    let mut client = rig.server.connect().await;
    let requests = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
    while client.0.write_all(requests.as_bytes()).await.is_ok() {}
    assert_eq!(rig.server.stop().await.unwrap(), Stopped { cut: 0 });
}
