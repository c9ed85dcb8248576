use std::io;
use std::net::IpAddr;
use std::sync::Mutex;

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION};

use super::*;
use crate::guard::Kind;
use crate::testing::stand_in::{Answer as Said, StandIn};

/// Answers the n-th question with the n-th list of addresses, and those beyond with the last.
struct Names {
    answers: Vec<Vec<&'static str>>,
    asked: Mutex<usize>,
}

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut asked = self.asked.lock().unwrap();
        let found = self.answers.get(*asked).or(self.answers.last()).unwrap();
        *asked += 1;
        Ok(found.iter().map(|address| address.parse().unwrap()).collect())
    }
}

fn client(answers: &[&[&'static str]]) -> Client {
    let answers = answers.iter().map(|answer| answer.to_vec()).collect();
    let names: Arc<dyn Lookup> = Arc::new(Names { answers, asked: Mutex::new(0) });
    Client::with_lookup(&names).unwrap()
}

fn request(url: &str) -> Request {
    Request {
        method: Method::POST,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: Some(Bytes::from_static(b"{\"a\":1}")),
        allow_private: true,
        redirects: Redirects::All,
        limit: ANSWER_LIMIT,
        deadline: Instant::now() + Duration::from_secs(30),
    }
}

fn guarded(url: &str) -> Request {
    Request { allow_private: false, ..request(url) }
}

fn refused(result: Result<Answer, Failure>) -> (String, Kind) {
    match result {
        Err(Failure::Refused { refused }) => (refused.host, refused.kind),
        other => panic!("{other:?}"),
    }
}

fn redirect(status: &str, location: &str) -> Said {
    Said::http(status, &format!("Location: {location}\r\n"), "moved")
}

#[tokio::test]
async fn a_name_that_resolves_to_the_inside_is_never_connected_to() {
    let inside = StandIn::start([Said::http("200 OK", "", "")]).await;
    let port = inside.address.rsplit(':').next().unwrap();
    let client = client(&[&["127.0.0.1", "10.0.0.1"]]);
    let answer = client.send(guarded(&format!("http://cms.example:{port}/"))).await;
    assert_eq!(refused(answer), ("cms.example".to_owned(), Kind::Loopback));
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_name_is_asked_for_once_and_connected_to_where_the_checked_answer_says() {
    let server = StandIn::start([Said::Last("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned())]).await;
    let url = format!("http://rebind.example:{}/", server.address.rsplit(':').next().unwrap());
    let names = Arc::new(Names { answers: vec![vec!["127.0.0.1"], vec!["169.254.169.254"]], asked: Mutex::new(0) });
    let lookup: Arc<dyn Lookup> = Arc::clone(&names) as _;
    let client = Client::with_lookup(&lookup).unwrap();
    assert_eq!(client.send(request(&url)).await.unwrap().status, 200);
    assert_eq!(*names.asked.lock().unwrap(), 1, "a second answer would go unchecked");
    assert_eq!(refused(client.send(guarded(&url)).await).1, Kind::LinkLocal, "a new connection, a new check");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_address_in_a_url_is_refused_before_anything_is_sent() {
    let inside = StandIn::start([Said::http("200 OK", "", "")]).await;
    let port = inside.address.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]"] {
        let answer = client(&[&[]]).send(guarded(&format!("http://{host}:{port}/"))).await;
        assert_eq!(refused(answer).1, Kind::Loopback, "{host}");
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_connection_to_the_inside_is_not_lent_to_those_who_may_not() {
    let inside = StandIn::start([Said::http("200 OK", "", "")]).await;
    let url = format!("http://cms.example:{}/", inside.address.rsplit(':').next().unwrap());
    let client = client(&[&["127.0.0.1"]]);
    assert_eq!(client.send(request(&url)).await.unwrap().status, 200);
    assert_eq!(refused(client.send(guarded(&url)).await).1, Kind::Loopback);
    assert_eq!(client.send(request(&url)).await.unwrap().status, 200);
    assert_eq!(inside.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0]);
}

/// Follows one answer to a request to a URL of the outside, without sending.
fn followed(status: u16, location: &str, change: impl Fn(&mut Request)) -> Result<Request, Failure> {
    let said = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
    let mut request = guarded("https://cms.example/a/b?key=1");
    request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer secret"));
    request.headers.insert("x-api-key", HeaderValue::from_static("secret"));
    request.headers.insert("webhook-signature", HeaderValue::from_static("v1,secret"));
    request.headers.insert("webhook-id", HeaderValue::from_static("id"));
    request.headers.insert("content-type", HeaderValue::from_static("application/json"));
    change(&mut request);
    assert!(redirect::follow(&mut request, StatusCode::from_u16(status).unwrap(), &said)?);
    Ok(request)
}

#[tokio::test]
async fn a_redirect_to_the_metadata_service_is_refused() {
    for location in ["http://169.254.169.254/latest/meta-data", "http://0xa9fea9fe/", "//[::ffff:a9fe:a9fe]/"] {
        let request = followed(307, location, |_| ()).unwrap();
        assert_eq!(refused(client(&[&[]]).send(request).await).1, Kind::LinkLocal, "{location}");
    }
}

#[test]
fn methods_change_as_rfc_9110_says() {
    let method = |status: u16, method: Method| {
        let request = followed(status, "/next", |request| request.method = method.clone()).unwrap();
        (request.method, request.body.is_some(), request.headers.contains_key("content-type"))
    };
    for status in [301, 302] {
        assert_eq!(method(status, Method::POST), (Method::GET, false, false));
        assert_eq!(method(status, Method::PUT), (Method::PUT, true, true));
    }
    assert_eq!(method(303, Method::PUT), (Method::GET, false, false));
    assert_eq!(method(303, Method::HEAD).0, Method::HEAD);
    for status in [307, 308] {
        assert_eq!(method(status, Method::POST), (Method::POST, true, true));
    }
}

#[test]
fn what_may_be_secret_stays_with_its_origin() {
    let names = |location: &str| {
        let request = followed(307, location, |_| ()).unwrap();
        let mut names: Vec<_> = request.headers.keys().map(HeaderName::as_str).map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(names("https://cms.example/c").len(), 5);
    assert_eq!(names("c").len(), 5);
    for location in ["https://other.example/", "http://cms.example/", "https://cms.example:8443/"] {
        assert_eq!(names(location), ["content-type", "webhook-id"], "{location}");
    }
}

#[test]
fn a_redirect_that_would_lose_the_body_is_not_followed_where_the_body_is_the_point() {
    let whole = |request: &mut Request| request.redirects = Redirects::Whole;
    let error = followed(302, "https://cms.example/login?token=x", whole).unwrap_err().to_string();
    assert_eq!(
        error,
        "it answers 302 Found to https://cms.example, which would leave the body behind: correct the URL"
    );
    assert!(followed(308, "/new", whole).is_ok());
    for location in ["ftp://cms.example/", "https://user:pass@cms.example/", "http://[", "javascript:alert(1)"] {
        let error = followed(307, location, |_| ()).unwrap_err();
        assert!(matches!(&error, Failure::Redirect { .. }), "{error}");
        assert!(!error.to_string().contains("pass"), "{error}");
    }
}

#[tokio::test]
async fn five_redirects_are_followed_and_no_more() {
    let server = StandIn::start([redirect("307 Temporary Redirect", "/again")]).await;
    let error = client(&[&[]]).send(request(&format!("http://{}/", server.address))).await.unwrap_err();
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    assert_eq!(server.requests().len(), HOPS + 1);

    let mut answers = vec![redirect("308 Permanent Redirect", "/again"); HOPS];
    answers.push(Said::http("201 Created", "", "done"));
    let server = StandIn::start(answers).await;
    let answer = client(&[&[]]).send(request(&format!("http://{}/", server.address))).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, b"done".as_slice()));
    assert!(server.requests().iter().all(|request| request.body == b"{\"a\":1}"));
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_cut_at_the_limit() {
    let server = StandIn::start([Said::Endless]).await;
    let request = Request { limit: 100_000, ..request(&format!("http://{}/", server.address)) };
    let answer = client(&[&[]]).send(request).await.unwrap();
    assert_eq!((answer.body.len(), answer.is_cut), (100_000, true));
}

#[tokio::test]
async fn an_answer_that_drips_ends_in_an_error_of_its_own() {
    let server = StandIn::start([Said::Drip]).await;
    let mut request = request(&format!("http://{}/", server.address));
    request.deadline = Instant::now() + Duration::from_millis(500);
    let failure = client(&[&[]]).send(request).await.unwrap_err();
    assert!(matches!(failure, Failure::Slow { status: 200, .. }), "{failure}");
}

#[tokio::test]
async fn silence_after_sending_is_no_answer_and_no_connection_is_not_sent() {
    let server = StandIn::start([Said::Silence]).await;
    let mut silent = request(&format!("http://{}/", server.address));
    silent.deadline = Instant::now() + Duration::from_millis(500);
    let failure = client(&[&[]]).send(silent).await.unwrap_err();
    assert!(matches!(failure, Failure::NoAnswer { .. }), "{failure}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = client(&[&[]]).send(request(&format!("http://{address}/?key=secret"))).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSent { .. }), "{failure}");
    assert!(!failure.to_string().contains("secret"), "{failure}");
}

#[tokio::test]
async fn a_connection_that_closes_early_is_no_answer_or_half_of_one() {
    let server = StandIn::start([Said::Last(String::new())]).await;
    let failure = client(&[&[]]).send(request(&format!("http://{}/", server.address))).await.unwrap_err();
    assert!(matches!(failure, Failure::NoAnswer { .. }), "{failure}");
    let server = StandIn::start([Said::Last("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_owned())]).await;
    let failure = client(&[&[]]).send(request(&format!("http://{}/", server.address))).await.unwrap_err();
    assert!(matches!(failure, Failure::Unfinished { status: 200, .. }), "{failure}");
}
