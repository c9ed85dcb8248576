//! What is in `packaging/`: run where it can be run here, else checked for what it names.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{APP, Folder, TOKEN, Vendor, eventually, fixture, free_port, root};

fn packaged(name: &str) -> String {
    std::fs::read_to_string(root().join("packaging").join(name)).unwrap()
}

/// A bundle for a cloud function, unpacked.
fn bundle() -> Folder {
    let folder = Folder::new();
    std::fs::copy(root().join("packaging/scf/scf_bootstrap"), folder.file("scf_bootstrap")).unwrap();
    std::fs::hard_link(env!("CARGO_BIN_EXE_oncue"), folder.file("oncue"))
        .or_else(|_| std::fs::copy(env!("CARGO_BIN_EXE_oncue"), folder.file("oncue")).map(drop))
        .unwrap();
    folder.write("rules/seed-transcode.yaml", oncue_rules::packs::SEED_TRANSCODE);
    folder
}

/// The bootstrap with these variables and no others.
fn bootstrap(folder: &Folder, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(folder.file("scf_bootstrap"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).envs(variables.iter().copied());
    command.env("ONCUE_WORK", folder.file("tmp")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Ends a program with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended before.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[tokio::test]
async fn the_cloud_function_takes_events_with_the_key_of_its_role() {
    let (folder, vendor) = (bundle(), Vendor::calling(&[(APP, "http://127.0.0.1:1/".to_owned())]).await);
    let listen = format!("127.0.0.1:{}", free_port());
    let admin = format!("127.0.0.1:{}", free_port());
    let variables = [
        ("VOD_SUBAPPID", "1500000001"),
        ("VOD_CALLBACK_TOKEN", TOKEN),
        ("VOD_DEFINITIONS", "100010, 100020"),
        ("VOD_ENDPOINT", &vendor.url()),
        ("ONCUE_LISTEN", &listen),
        ("ONCUE_ADMIN", &admin),
        ("TENCENTCLOUD_SECRETID", "AKIDEXAMPLE"),
        ("TENCENTCLOUD_SECRETKEY", "EXAMPLEKEY"),
    ];
    let mut serving = Ended(bootstrap(&folder, &variables).spawn().unwrap());
    let mut said = String::new();
    BufReader::new(serving.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains(&listen), "{said}");
    let file = vendor.upload(APP, &json!({})).await;
    let event = fixture("protocol/events/01_new_file_upload_plain.json").replace("5000000000000000001", &file);
    let url = format!("http://{listen}/vod/{APP}/{TOKEN}");
    assert_eq!(crate::support::http().post(url).body(event).send().await.unwrap().status(), 200);
    let task = eventually("a task", || async { vendor.tasks().await.into_iter().next() }).await;
    let definitions = &task["request"]["MediaProcessTask"]["TranscodeTaskSet"];
    assert_eq!(definitions, &json!([{ "Definition": 100_010 }, { "Definition": 100_020 }]));
    let config = folder.read("tmp/oncue.yaml");
    assert!(!config.contains(TOKEN), "the token is on the disk: {config}");
}

#[test]
fn the_cloud_function_names_what_its_environment_lacks() {
    let folder = bundle();
    let complete = [("VOD_SUBAPPID", "1500000001"), ("VOD_CALLBACK_TOKEN", TOKEN), ("VOD_DEFINITIONS", "100010")];
    let wrong = [
        ("VOD_SUBAPPID", ""),
        ("VOD_SUBAPPID", "1: 2"),
        ("VOD_CALLBACK_TOKEN", ""),
        ("VOD_DEFINITIONS", ""),
        ("VOD_DEFINITIONS", "100010] }\nlisten: x"),
    ];
    for (name, value) in wrong {
        let ran = bootstrap(&folder, &complete).env(name, value).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.status.code() == Some(2) && said.starts_with(&format!("scf_bootstrap: {name} ")), "{said}");
    }
}

#[test]
fn the_cloud_function_listens_where_the_platform_asks() {
    assert!(packaged("scf/scf_bootstrap").contains("${ONCUE_LISTEN:-0.0.0.0:9000}"));
}

/// The values of a setting of the unit.
fn settings<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = packaged("systemd/oncue.service");
    assert_eq!(settings(&unit, "User"), ["oncue"]);
    assert_eq!(settings(&unit, "ProtectSystem"), ["strict"]);
    assert_eq!(settings(&unit, "KillMode"), ["mixed"]);
    let folder = Folder::new();
    folder.write("oncue.service", &unit.replace("/usr/local/bin/oncue", env!("CARGO_BIN_EXE_oncue")));
    let Ok(ran) = Command::new("systemd-analyze").arg("verify").arg(folder.file("oncue.service")).output() else {
        skipped("systemd-analyze is not here: the unit was only read");
        return;
    };
    let said = String::from_utf8_lossy(&ran.stderr);
    let ours: Vec<_> = said.lines().filter(|line| line.contains("oncue.service")).collect();
    assert!(ran.status.success() && ours.is_empty(), "{said}");
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests should see what did not run")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

#[test]
fn the_container_is_built_of_what_is_there_and_runs_as_nobody_special() {
    let file = packaged("container/Containerfile").replace("\\\n", " ");
    let instructions = |name: &str| -> Vec<Vec<&str>> {
        let lines = file.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        lines.map(|line| line.split_whitespace().collect()).collect()
    };
    for words in instructions("COPY").iter().filter(|words| !words[0].starts_with("--from")) {
        for source in &words[..words.len() - 1] {
            assert!(root().join(source).exists(), "COPY names {source}, which is not there");
        }
    }
    // What the manifests of the workspace name must be copied too.
    let copied: Vec<&str> = instructions("COPY").concat();
    for folder in ["rules", "plugins", "engine", "tests", "examples", "Cargo.lock"] {
        assert!(copied.contains(&folder), "{folder} is not copied");
    }
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(instructions("FROM")[0][0].contains(&format!("/rust:{rust}-slim")), "the compiler is not {rust}");
    assert_eq!(instructions("USER"), [["10001"]]);
    let entry: Value = serde_json::from_str(&instructions("ENTRYPOINT")[0].join(" ")).unwrap();
    assert_eq!(entry[0], *instructions("COPY").iter().find(|words| words[0] == "--from=build").unwrap()[2]);
}

#[test]
fn every_package_has_a_readme() {
    let index = packaged("README.md");
    for name in ["systemd", "container", "scf"] {
        assert!(Path::new(&root().join("packaging").join(name).join("README.md")).is_file(), "{name}");
        assert!(index.contains(&format!("]({name}/)")), "{name}");
    }
}
