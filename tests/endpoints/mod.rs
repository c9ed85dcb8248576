//! Endpoints through the real binary: anyone else's events come in, and nobody else's.

mod cloud_events;
mod page;
mod senders;
mod status;
mod taken;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::support::{Folder, Serving, eventually, http};

/// Every type that the endpoints of these tests give.
const RULES: &str = "
rules:
  - name: heard
    on: [StartTranscode, github.push, invoice.paid, contact.created, Decided]
    steps:
      - uses: log
        with: { message: heard, fields: { type: '${{ event.type }}', source: '${{ event.source }}', keys: '${{ event.keys }}', app: '${{ app.name }}' } }
";

/// A header and its value.
pub type Headers<'a> = &'a [(&'a str, &'a str)];

fn folder(endpoints: &str) -> Folder {
    let folder = Folder::with_rules(RULES);
    folder.configure(endpoints);
    folder
}

impl Serving {
    /// Sends a body to an endpoint; status and JSON of the answer.
    pub async fn send(&self, path: &str, headers: Headers<'_>, body: &str) -> (u16, Value) {
        let request = http().post(format!("http://{}{path}", self.listen)).body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// How many events and duplicates are stored.
    async fn stored(&self) -> (u64, u64) {
        let counts = self.get("/counts").await;
        (counts["events"].as_u64().unwrap(), counts["duplicates"].as_u64().unwrap())
    }

    /// What rules have logged of so many events.
    async fn heard(&self, count: usize) -> Vec<Value> {
        let heard = || self.logged().into_iter().filter(|line| line.message == "heard").map(|line| line.fields);
        eventually("what was heard", || async { Some(heard().collect()).filter(|all: &Vec<_>| all.len() == count) })
            .await
    }
}

/// The hexadecimal HMAC-SHA256 of a body.
pub fn digits(secret: &str, text: impl AsRef<[u8]>) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_ref());
    hex::encode(mac.finalize().into_bytes())
}

fn seconds() -> i64 {
    oncue::clock::now().0 / 1000
}
