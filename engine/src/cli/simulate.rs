//! `oncue vod simulate`: a stand-in for the vendor.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use oncue_rules::decode::parse_duration;
use serde_json::json;
use tokio::net::TcpListener;

use super::output::Output;
use super::{Exit, Failure};
use crate::simulator::{AppOptions, Fault, Key, Options, Simulator, Switches, Trouble};

const EXAMPLES: &str = "\
Examples:
  oncue vod simulate --app 1500000001=http://127.0.0.1:8080/vod/1500000001/TOKEN
  oncue vod simulate --trouble no_answer:0.1 --trouble callback_lost:0.05 --seed 7
  curl -X POST http://127.0.0.1:9000/simulator/apps/1500000001/media -d '{\"name\": \"clip\"}'   uploads a video
  curl http://127.0.0.1:9000/simulator/tasks                                                  what was submitted

In oncue.yaml, `vod: { endpoint: http://127.0.0.1:9000 }` with the keys below makes the server use it.

Troubles: too_many_requests, request_limit_exceeded, server_error, internal_error, no_answer, hang_up, slow,
callback_duplicated, callback_late, callback_reordered, callback_lost, callback_before_reply,
processing_after_finish, sub_task_fails";

/// Stand in for Tencent Cloud VOD: check signatures, take tasks, send callbacks, and misbehave on request
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9000", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// An application, with the URL that its callbacks go to
    #[arg(long = "app", default_value = "1500000001", value_name = "SUBAPPID[=URL]")]
    apps: Vec<AppArg>,
    /// The application that calls without a SubAppId are for, as in accounts from before 2023-12-25
    #[arg(long, value_name = "SUBAPPID")]
    default_app: Option<u64>,
    /// The `SecretId` that calls are signed with
    #[arg(long, default_value = "AKIDEXAMPLE")]
    secret_id: String,
    /// The `SecretKey` that calls are signed with
    #[arg(long, default_value = "EXAMPLEKEY")]
    secret_key: String,
    /// Sign callbacks with this `SignKey`
    #[arg(long)]
    sign_key: Option<String>,
    /// How long a task takes
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = duration)]
    task_delay: Duration,
    /// Something that goes wrong, with its probability
    #[arg(long = "trouble", value_name = "FAULT[:PROBABILITY]")]
    troubles: Vec<TroubleArg>,
    /// Makes what is random repeatable
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Clone)]
struct AppArg(u64, Option<String>);

impl FromStr for AppArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, url) = text.split_once('=').map_or((text, None), |(id, url)| (id, Some(url.to_owned())));
        let id = id.parse().map_err(|_| format!("`{id}` is no SubAppId: write 1500000001 or 1500000001=URL"))?;
        Ok(Self(id, url))
    }
}

#[derive(Debug, Clone)]
struct TroubleArg(Trouble);

impl FromStr for TroubleArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (fault, probability) = text.split_once(':').unwrap_or((text, "1"));
        let unknown = || format!("`{fault}` is no trouble: see --help for all of them");
        let fault: Fault = serde_json::from_value(json!(fault)).map_err(|_| unknown())?;
        let probability = probability.parse().map_err(|_| format!("`{probability}` is no probability from 0 to 1"))?;
        let trouble = Trouble { probability, ..Trouble::new(fault) };
        trouble.check().map_err(|error| error.to_string())?;
        Ok(Self(trouble))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("`{text}` is no duration: write 500ms, 30s or 5m"))
}

pub(super) async fn run(args: Args, output: Output<'_>) -> Result<(), Failure> {
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        let message = format!("cannot listen on {} (choose another address with --listen)", args.listen);
        Failure::caused(Exit::Unavailable, message, error)
    })?;
    let apps: Vec<u64> = args.apps.iter().map(|app| app.0).collect();
    let handle = Simulator::start(args.options(), listener)
        .map_err(|error| Failure::caused(Exit::Usage, "the simulator cannot start", error))?;
    let address = handle.addr();
    if output.is_json() {
        output.line(&json!({ "listen": address, "apps": apps, "pid": std::process::id() }).to_string());
    } else {
        output.line(&format!("simulating VOD at http://{address} for the applications {apps:?}; Ctrl-C ends it"));
    }
    super::serve::stop_signal().await;
    handle.stop().await;
    Ok(())
}

impl Args {
    fn options(self) -> Options {
        let switches = Switches { upload: true, delete: true, persistence: true };
        let sign_key = self.sign_key;
        let app = |AppArg(id, url)| AppOptions {
            callback_url: url,
            sign_key: sign_key.clone(),
            switches,
            ..AppOptions::new(id)
        };
        Options {
            seed: self.seed,
            keys: vec![Key { secret_id: self.secret_id, secret_key: self.secret_key, token: None }],
            apps: self.apps.into_iter().map(app).collect(),
            default_app: self.default_app,
            task_delay: self.task_delay,
            misbehaviour: self.troubles.into_iter().map(|trouble| trouble.0).collect(),
            ..Options::default()
        }
    }
}
