//! What of a new configuration a running server can take.

use std::path::PathBuf;

use oncue_plugins::valve::ValveSettings;
use oncue_rules::decode::write_duration;

use crate::config::{Config, Limits, StoreUrl, Tencent, Vod};

/// A new configuration as a running server can have it.
#[derive(Debug)]
pub(super) struct Held {
    /// The new one, with what cannot change while the server runs as it was at the start.
    pub(super) config: Config,
    /// What is written otherwise, one sentence fragment for each.
    pub(super) at_next_start: Vec<String>,
}

/// Keeps of a new configuration what can change while a server runs that was started with `started`.
pub(super) fn hold(started: &Config, written: Config) -> Held {
    // Whoever adds a field to the configuration decides here whether it can change.
    let Config {
        listen,
        admin,
        admin_token,
        store,
        rules,
        plugins,
        vod,
        tencent,
        credentials,
        secrets,
        apps,
        limits,
        keep,
        cors,
        targets,
        target_secrets,
        endpoints,
        endpoint_secrets,
        defaults,
    } = written;
    let mut at_next_start = Vec::new();
    let mut compare = |key: &str, running: String, written: String| {
        if running != written {
            at_next_start.push(format!("`{key}` takes effect at the next start: {written} is written, {running} runs"));
        }
    };
    compare("listen", started.listen.to_string(), listen.to_string());
    compare("admin", started.admin.to_string(), admin.to_string());
    compare("cors", cors_text(started.cors.as_deref()), cors_text(cors.as_deref()));
    compare("store", store_text(&started.store), store_text(&store));
    compare("plugins", paths_text(&started.plugins), paths_text(&plugins));
    compare_vod(&started.vod, vod, &mut compare);
    let valves = compare_tencent(started.tencent, tencent, &mut compare);
    compare_limits(started.limits, limits, &mut compare);
    let config = Config {
        listen: started.listen,
        admin: started.admin,
        admin_token,
        store: started.store.clone(),
        rules,
        plugins: started.plugins.clone(),
        vod: started.vod.clone(),
        tencent: Tencent { valves, ..started.tencent },
        credentials,
        secrets,
        apps,
        limits: started.limits,
        keep,
        cors: started.cors.clone(),
        targets,
        target_secrets,
        endpoints,
        endpoint_secrets,
        defaults,
    };
    Held { config, at_next_start }
}

fn compare_vod(running: &Vod, written: Vod, compare: &mut impl FnMut(&str, String, String)) {
    let Vod { endpoint, region } = written;
    compare("vod.endpoint", running.endpoint.clone(), endpoint);
    compare("vod.region", region_text(running.region.as_deref()), region_text(region.as_deref()));
}

/// The valves, which can change.
fn compare_tencent(
    running: Tencent,
    written: Tencent,
    compare: &mut impl FnMut(&str, String, String),
) -> ValveSettings {
    let Tencent { plain_loopback, timeout, valves } = written;
    compare("tencent.plain_loopback", running.plain_loopback.to_string(), plain_loopback.to_string());
    compare("tencent.timeout", write_duration(running.timeout), write_duration(timeout));
    valves
}

fn compare_limits(running: Limits, written: Limits, compare: &mut impl FnMut(&str, String, String)) {
    let Limits { body, connections, in_flight, quarantine } = written;
    compare("limits.body", running.body.to_string(), body.to_string());
    compare("limits.connections", running.connections.to_string(), connections.to_string());
    compare("limits.in_flight", running.in_flight.to_string(), in_flight.to_string());
    compare("limits.quarantine", running.quarantine.to_string(), quarantine.to_string());
}

fn store_text(store: &StoreUrl) -> String {
    let StoreUrl::Sqlite(file) = store;
    format!("sqlite:{}", file.display())
}

fn paths_text(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    if paths.is_empty() { "none".to_owned() } else { paths.join(", ") }
}

fn cors_text(origin: Option<&str>) -> String {
    origin.unwrap_or("none").to_owned()
}

fn region_text(region: Option<&str>) -> String {
    region.unwrap_or("none").to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use oncue_rules::diagnostic::SourceFile;

    use super::*;
    use crate::config::Environment;

    fn config(text: &str) -> Config {
        let text = format!("{text}\napps: [{{ subappid: 1, insecure: true }}]\n").into();
        let file = SourceFile { name: "oncue.yaml".into(), text };
        Config::load(&file, Path::new("f"), &Environment::of_process()).0.unwrap()
    }

    #[test]
    fn an_equal_configuration_differs_in_nothing() {
        assert_eq!(hold(&config("keep: 1d"), config("keep: 1d")).at_next_start, Vec::<String>::new());
    }

    #[test]
    fn what_is_bound_at_the_start_is_reported_and_kept() {
        let started = config("");
        let written = "listen: 0.0.0.0:80\nadmin: 127.0.0.1:81\nstore: sqlite:b.db\nlimits: { in_flight: 3 }\n\
                       vod: { endpoint: \"http://127.0.0.1:1\", region: ap-guangzhou }";
        let held = hold(&started, config(written));
        assert_eq!(
            held.at_next_start,
            [
                "`listen` takes effect at the next start: 0.0.0.0:80 is written, 127.0.0.1:8080 runs",
                "`admin` takes effect at the next start: 127.0.0.1:81 is written, 127.0.0.1:8081 runs",
                "`store` takes effect at the next start: sqlite:f/b.db is written, sqlite:f/data/oncue.db runs",
                "`vod.endpoint` takes effect at the next start: http://127.0.0.1:1 is written, \
                 https://vod.tencentcloudapi.com runs",
                "`vod.region` takes effect at the next start: ap-guangzhou is written, none runs",
                "`limits.in_flight` takes effect at the next start: 3 is written, 16 runs",
            ]
        );
        assert_eq!((held.config.listen, held.config.store), (started.listen, started.store));
        assert_eq!((held.config.vod, held.config.limits), (started.vod, started.limits));
    }

    #[test]
    fn everything_else_is_taken() {
        let written = "keep: 2d\nrules: other\nadmin_token: 0123456789abcdef\ntencent: { rate: 7/s }";
        let held = hold(&config(""), config(written));
        assert_eq!(held.config.tencent.valves.rate, Some("7/s".parse().unwrap()));
        assert!(held.at_next_start.is_empty());
        assert_eq!(held.config.keep, Duration::from_hours(48));
        assert_eq!(held.config.rules, [Path::new("f/other")]);
        assert!(held.config.admin_token.is_some());
    }
}
