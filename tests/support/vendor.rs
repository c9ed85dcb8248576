use oncue::simulator::{AppOptions, Handle, Key, Options, Simulator, Switches};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{APP, Folder, TOKEN, http};

/// The stand-in for the vendor, in the process of the test: it outlives every kill of the server.
pub struct Vendor {
    handle: Handle,
    http: reqwest::Client,
}

impl Vendor {
    /// One with the application of the tests, that sends its events to the server of this folder, or none.
    pub async fn start(callbacks_to: Option<&Folder>) -> Self {
        match callbacks_to {
            Some(folder) => Self::calling(&[(APP, format!("http://{}/vod/{APP}/{TOKEN}", folder.listen()))]).await,
            None => Self::with(Options { apps: vec![AppOptions::new(APP)], ..Options::default() }).await,
        }
    }

    /// One that sends the events of these applications to these URLs.
    pub async fn calling(apps: &[(u64, String)]) -> Self {
        let switches = Switches { upload: true, delete: true, persistence: true };
        let app = |(app, url): &(u64, String)| AppOptions {
            callback_url: Some(url.clone()),
            switches,
            ..AppOptions::new(*app)
        };
        Self::with(Options { apps: apps.iter().map(app).collect(), ..Options::default() }).await
    }

    /// One with these options and the key of the tests.
    pub async fn with(options: Options) -> Self {
        let keys = vec![Key { secret_id: "AKIDEXAMPLE".into(), secret_key: "EXAMPLEKEY".into(), token: None }];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let handle = Simulator::start(Options { keys, ..options }, listener).unwrap();
        Self { handle, http: http() }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.handle.addr())
    }

    /// Makes the server of a folder call this vendor.
    pub fn serve(&self, folder: &Folder) {
        let vod = format!("vod: {{ endpoint: \"{}\" }}\n", self.url());
        folder.write("oncue.yaml", &(folder.read("oncue.yaml") + vod.as_str()));
    }

    /// Uploads a file; its id.
    pub async fn upload(&self, app: u64, medium: &Value) -> String {
        let url = format!("{}/simulator/apps/{app}/media", self.url());
        let answer: Value = self.http.post(url).json(medium).send().await.unwrap().json().await.unwrap();
        answer["file_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// What was submitted, oldest first.
    pub async fn tasks(&self) -> Vec<Value> {
        let mut tasks = Vec::new();
        let mut after = json!(0);
        while !after.is_null() {
            let mut page = self.get(&format!("tasks?limit=1000&after={after}")).await;
            tasks.append(page["tasks"].as_array_mut().unwrap());
            after = page["next"].clone();
        }
        tasks
    }

    /// What its control plane says.
    pub async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}/simulator/{path}", self.url())).send().await.unwrap().json().await.unwrap()
    }
}
