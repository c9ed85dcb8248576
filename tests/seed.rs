//! What the vendor's sample program did, Oncue does: its `config.json` is imported by the real binary, and each row of what
//! the sample makes of its inputs is tried.

mod import;
mod sample;
mod table;

use oncue::simulator::{AppOptions, Options};
use serde_json::{Value, json};

use crate::support::{Folder, Serving, Vendor, eventually, oncue};

/// A set-up that was imported, and serves.
struct Imported {
    vendor: Vendor,
    serving: Serving,
    folder: Folder,
    app: u64,
}

/// The sample's `config.json` as its installer writes it, with this SubAppId.
fn config_json(subappid: &Value) -> Value {
    json!({
        "secret_id": "AKIDEXAMPLE", "secret_key": "EXAMPLEKEY", "region": "ap-guangzhou",
        "definitions": [100_010, 100_020], "subappid": subappid,
    })
}

impl Imported {
    /// Imports this `config.json`. The vendor knows application 1500000001, which is also the one that calls without a
    /// SubAppId are for.
    async fn start(config: &Value) -> Self {
        let app = 1_500_000_001;
        let options = Options { apps: vec![AppOptions::new(app)], default_app: Some(app), ..Options::default() };
        let vendor = Vendor::with(options).await;
        let folder = Folder::new();
        folder.write("config.json", &config.to_string());
        oncue(&["init", "--from", "config.json"]).within(&folder).success();
        folder.move_to_free_ports();
        let endpoint = format!("vod:\n  endpoint: {}\n", vendor.url());
        folder.write("oncue.yaml", &folder.read("oncue.yaml").replace("vod:\n", &endpoint));
        let serving = Serving::start(&folder);
        let app = if folder.read("oncue.yaml").contains("send_subappid: false") { 1 } else { app };
        Self { vendor, serving, folder, app }
    }

    /// Posts a body; status and text of the answer.
    async fn post(&self, body: &str) -> (u16, String) {
        self.serving.post_to(&self.serving.door(self.app), body).await.unwrap()
    }

    /// Uploads a file at the vendor and posts this upload event about it; the file's id.
    async fn upload(&self, body: &str) -> String {
        let file_id = self.vendor.upload(1_500_000_001, &json!({})).await;
        let mut body: Value = serde_json::from_str(body).unwrap();
        body["FileUploadEvent"]["FileId"] = file_id.as_str().into();
        assert_eq!(self.post(&body.to_string()).await, (200, String::new()));
        file_id
    }

    /// The verdicts of the only event of a type.
    async fn verdicts(&self, kind: &str) -> Value {
        let events = self.serving.get(&format!("/events?type={kind}")).await;
        assert_eq!(events["items"].as_array().unwrap().len(), 1, "{events}");
        let id = events["items"][0]["id"].as_str().unwrap().to_owned();
        self.serving.get(&format!("/events/{id}")).await["event"]["verdicts"].clone()
    }

    /// Waits until every run has ended; how many there are, and that none is dead unless `dead` are.
    async fn runs(&self, dead: usize) -> usize {
        let ended = || async {
            let runs = self.serving.get("/runs?limit=200").await["items"].as_array().unwrap().clone();
            let is_final = |run: &Value| ["succeeded", "dead"].contains(&run["status"].as_str().unwrap());
            runs.iter().all(is_final).then_some(runs)
        };
        let runs = eventually("the end of every run", ended).await;
        assert_eq!(runs.iter().filter(|run| run["status"] == "dead").count(), dead, "{runs:?}");
        runs.len()
    }
}
