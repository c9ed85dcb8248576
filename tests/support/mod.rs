//! What black-box tests stand on: folders, the real binary, a server that runs.

mod folder;
mod invocation;
mod serving;
mod vendor;

pub use folder::{Folder, free_port};
pub use invocation::oncue;
pub use serving::Serving;
pub use vendor::Vendor;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The application, its token and its sign key in the configurations of tests.
pub const APP: u64 = 1_500_000_001;
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// How long anything may take before a test says that it hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// A file under tests/fixtures.
pub fn fixture(name: &str) -> String {
    let path = root().join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The real body of an upload, of this file and category.
pub fn upload(file: &str, category: &str) -> String {
    let event = fixture("protocol/events/01_new_file_upload_plain.json");
    let mut event: serde_json::Value = serde_json::from_str(&event).unwrap();
    event["FileUploadEvent"]["FileId"] = file.into();
    event["FileUploadEvent"]["MediaBasicInfo"]["CategoryName"] = category.into();
    event.to_string()
}

/// The project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// An HTTP client.
pub fn http() -> reqwest::Client {
    oncue::tls::prepare();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap()
}

/// Asks until there is an answer. Between two questions it gives way; it does not guess how long things take.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{what} did not come about in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes the body of a request that a stand-in was sent.
pub fn body() -> impl warp::Filter<Extract = (Vec<u8>,), Error = warp::Rejection> + Clone {
    use warp::Filter as _;
    warp::body::content_length_limit(1 << 20).and(warp::body::aggregate()).map(bytes)
}

fn bytes(mut body: impl warp::Buf) -> Vec<u8> {
    body.copy_to_bytes(body.remaining()).to_vec()
}

/// Runs a future to its end in a test that is not asynchronous itself.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
