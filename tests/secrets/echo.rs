//! A stand-in for the vendor that sends back what it was sent, and every marker in every form besides.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::{HeaderMap, Response};

use super::markers;

/// The first definition of a request says how it is answered: 1 well, 2 with an error, else with a broken status.
pub(super) async fn start() -> SocketAddr {
    let sent = warp::header::headers_cloned().and(crate::support::body());
    let api =
        warp::path::end().and(warp::post()).and(sent.clone()).map(|headers, body: Vec<u8>| answer(&headers, &body));
    let hooks = warp::path!("echo" / ..).and(warp::query::raw().or(warp::any().map(String::new)).unify());
    let body = crate::support::body().or(warp::any().map(Vec::new)).unify();
    let hooks = hooks.and(warp::header::headers_cloned()).and(body);
    let hooks = hooks.map(|query: String, headers: HeaderMap, body: Vec<u8>| {
        let sent = format!("{query} {headers:?} {}", String::from_utf8_lossy(&body));
        Response::builder().header("x-echo", all()).body(json!({ "sent": sent, "all": all() }).to_string()).unwrap()
    });
    let echo = api.or(hooks);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(warp::serve(echo).incoming(listener).run());
    address
}

/// Every marker in every form that a header can carry.
fn all() -> String {
    let forms = markers::ALL.into_iter().flat_map(markers::forms).filter(|form| form.is_ascii());
    forms.collect::<Vec<_>>().join(" ")
}

fn answer(headers: &HeaderMap, body: &[u8]) -> Response<String> {
    let request: Value = serde_json::from_slice(body).unwrap();
    let forms: Vec<String> = markers::ALL.into_iter().flat_map(markers::forms).collect();
    let sent = format!("{headers:?} {} {}", String::from_utf8_lossy(body), forms.join(" "));
    if request.get("Key").is_some() {
        return Response::new(json!({ "Response": { "Sent": sent, "RequestId": "1" } }).to_string());
    }
    let (status, response) = match request["MediaProcessTask"]["TranscodeTaskSet"][0]["Definition"].as_u64() {
        Some(1) => (200, json!({ "TaskId": sent, "RequestId": markers::SECRET_KEY })),
        Some(2) => {
            let code = format!("InvalidParameterValue.{}", markers::CMS);
            (200, json!({ "Error": { "Code": code, "Message": forms.join(" ") }, "RequestId": markers::TOKEN }))
        }
        _ => (500, json!({ "Error": { "Code": markers::SECRET_KEY, "Message": sent } })),
    };
    let text = json!({ "Response": response }).to_string();
    Response::builder().status(status).header("x-echo", "marker").body(text).unwrap()
}
