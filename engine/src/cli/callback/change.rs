//! `oncue vod callback set` and `clear`.

use serde_json::{Value, json};

use super::address::{self, Address};
use super::setting::{SWITCHES, Setting, Vendor};
use super::{Which, called};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::config::{AppConfig, Config};

const DELAY: &str = "it may take the vendor 10 minutes to act on it";

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    #[command(flatten)]
    which: Which,
    /// Where this server is reached from the internet: scheme and host, or the whole callback URL
    #[arg(long)]
    url: String,
    /// Replace a URL or a mode that is set already
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Clear {
    #[command(flatten)]
    which: Which,
    /// Take away a URL that is not this application's address
    #[arg(long)]
    replace: bool,
}

pub(super) async fn set(config: &Config, args: &Set, output: Output<'_>) -> Result<(), Failure> {
    let app = args.which.of(config)?;
    let address = Address::of(app, &args.url)?;
    let vendor = Vendor::new(config, app)?;
    let before = vendor.read().await?;
    if !output.is_json() {
        output.line(&format!("before:\n{}\n", before.describe(app)));
    }
    if !args.replace {
        refuse_to_replace(app, &before, &address)?;
    }
    vendor.write(changes(app, &address)).await?;
    let after = Setting { mode: "PUSH".to_owned(), url: address.as_str().to_owned(), switches: [true; 3] };
    let answer = json!({ "before": before.to_json(app), "after": after.to_json(app), "signed": is_signed(app) });
    output.answer(&answer, |_| explain(app, &after));
    Ok(())
}

pub(super) async fn clear(config: &Config, args: &Clear, output: Output<'_>) -> Result<(), Failure> {
    let app = args.which.of(config)?;
    let vendor = Vendor::new(config, app)?;
    let before = vendor.read().await?;
    let is_set = !before.url.is_empty();
    if is_set && !address::is_ours(app, &before.url) && !args.replace {
        let url = address::shown(app, &before.url);
        let message = format!(
            "the events of {} go to {url}, which is not its address here: repeat with --replace to take it away",
            called(app)
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    if is_set {
        vendor.write(json!({ "NotificationUrl": "" })).await?;
    }
    let after = Setting { url: String::new(), ..before.clone() };
    output.answer(&json!({ "before": before.to_json(app), "after": after.to_json(app) }), |_| {
        if is_set {
            let url = address::shown(app, &before.url);
            format!("cleared: the events of {} went to {url} and go nowhere now; {DELAY}", called(app))
        } else {
            format!("nothing to clear: the events of {} go nowhere", called(app))
        }
    });
    Ok(())
}

/// Somebody may live on what is set.
fn refuse_to_replace(app: &AppConfig, before: &Setting, address: &Address) -> Result<(), Failure> {
    let app_name = called(app);
    let message = if before.is_pull() {
        format!("the events of {app_name} are pulled: repeat with --replace to have them pushed instead")
    } else if !before.url.is_empty() && before.url != address.as_str() {
        let url = address::shown(app, &before.url);
        format!("the events of {app_name} go to {url}: repeat with --replace to take them away from there")
    } else {
        return Ok(());
    };
    Err(Failure::new(Exit::Usage, message))
}

fn changes(app: &AppConfig, address: &Address) -> Value {
    let mut changes = json!({ "Mode": "PUSH", "NotificationUrl": address.as_str() });
    for (_, name, _) in SWITCHES {
        changes[name] = "ON".into();
    }
    if let Some(key) = app.sign_keys.first() {
        changes["SignKey"] = key.expose().into();
    }
    changes
}

fn is_signed(app: &AppConfig) -> bool {
    !app.sign_keys.is_empty()
}

fn explain(app: &AppConfig, after: &Setting) -> String {
    let signed = if is_signed(app) {
        "the SignKey of the configuration is set"
    } else {
        "no sign_key is configured, so a SignKey is left as it is"
    };
    let foreign = if address::is_ours(app, &after.url) {
        ""
    } else {
        "\nwarning: the URL does not end with /vod/SUBAPPID/TOKEN: right only behind a proxy that rewrites the path"
    };
    format!(
        "set:\n{}\n\n{signed}; {DELAY}{foreign}\nnext: `oncue vod callback test --app {}`",
        after.describe(app),
        app.name
    )
}
