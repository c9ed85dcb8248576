use oncue::simulator::{AppOptions, Handle, Key, Options, Simulator, Switches};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{APP, Folder, TOKEN, http};

/// A stand-in for the vendor, in the test's own process: it outlives every kill of the server.
pub struct Vendor {
    handle: Handle,
    http: reqwest::Client,
}

impl Vendor {
    /// Starts one; it sends its callbacks to the server of this folder, or none.
    pub async fn start(callbacks_to: Option<&Folder>) -> Self {
        let url = callbacks_to.map(|folder| format!("http://{}/vod/{APP}/{TOKEN}", folder.listen()));
        let switches = Switches { upload: url.is_some(), delete: true, persistence: true };
        let options = Options {
            keys: vec![Key { secret_id: "AKIDEXAMPLE".into(), secret_key: "EXAMPLEKEY".into(), token: None }],
            apps: vec![AppOptions { callback_url: url, switches, ..AppOptions::new(APP) }],
            ..Options::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { handle: Simulator::start(options, listener).unwrap(), http: http() }
    }

    /// Makes the server of a folder call this vendor.
    pub fn serve(&self, folder: &Folder) {
        let vod = format!("vod: {{ endpoint: \"http://{}\" }}\n", self.handle.addr());
        folder.write("oncue.yaml", &(folder.read("oncue.yaml") + vod.as_str()));
    }

    /// A new file.
    pub async fn upload(&self) -> String {
        let url = format!("http://{}/simulator/apps/{APP}/media", self.handle.addr());
        let answer: Value = self.http.post(url).json(&json!({})).send().await.unwrap().json().await.unwrap();
        answer["file_id"].as_str().unwrap().to_owned()
    }

    /// Every task that it was given.
    pub async fn tasks(&self) -> Vec<Value> {
        let mut tasks = Vec::new();
        let mut after = json!(0);
        while !after.is_null() {
            let url = format!("http://{}/simulator/tasks?limit=1000&after={after}", self.handle.addr());
            let mut page: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
            tasks.append(page["tasks"].as_array_mut().unwrap());
            after = page["next"].clone();
        }
        tasks
    }
}
