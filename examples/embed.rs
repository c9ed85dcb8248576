//! The engine inside a program of one's own: `cargo run --example embed -- oncue.yaml`.
//!
//! It serves like `oncue serve`, with the configuration of the file and its rules, which are followed, until Ctrl-C.

use std::error::Error;
use std::path::PathBuf;

use oncue::app::{App, Origin};
use oncue::secrets::Secrets;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path: PathBuf = std::env::args_os().nth(1).map_or_else(|| "oncue.yaml".into(), PathBuf::from);
    // The log is kept free of the secrets that the configuration will name.
    let secrets = Secrets::default();
    oncue::telemetry::start(false, &secrets);

    // Everything that is wrong with configuration and rules is found before anything is started.
    let app = App::start_with(Origin::new(path), secrets).await?;
    announce(&app);

    // Here the program does what it is there for.
    tokio::signal::ctrl_c().await?;

    // What is under way comes to an end; the rest goes on at the next start.
    app.stop().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program may print")]
fn announce(app: &App) {
    println!("callbacks at {}, admin at {}", app.listen(), app.admin());
}
