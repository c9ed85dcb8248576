use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{APP, TOKEN, fixture};

/// A folder of a test's own, gone with it.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One with a configuration for one application, free ports, and this rule file.
    pub fn with_rules(rules: &str) -> Self {
        let folder = Self::new();
        folder.write("rules/rules.yaml", rules);
        folder.configure("");
        folder
    }

    /// Writes a configuration for one application; `more` is added to it.
    pub fn configure(&self, more: &str) {
        let (listen, admin) = (free_port(), free_port());
        self.write(
            "oncue.yaml",
            &format!(
                "listen: 127.0.0.1:{listen}\nadmin: 127.0.0.1:{admin}\n\
                 credentials:\n  main: {{ secret_id: AKIDEXAMPLE, secret_key: EXAMPLEKEY }}\n\
                 apps:\n  - subappid: {APP}\n    name: main\n    credentials: main\n\
                 \x20   callback: {{ token: {TOKEN} }}\n    vars: {{ definitions: [100010, 100020] }}\n{more}"
            ),
        );
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// Where its server takes callbacks.
    pub fn listen(&self) -> String {
        let config = self.read("oncue.yaml");
        config.lines().find_map(|line| line.strip_prefix("listen: ")).unwrap().to_owned()
    }

    /// Writes an upload event.
    pub fn write_event(&self, name: &str) {
        self.write(name, &fixture("protocol/events/01_new_file_upload_plain.json"));
    }

    /// Gives the configuration that `oncue init` wrote ports that are free here.
    pub fn move_to_free_ports(&self) {
        let config = self.read("oncue.yaml");
        let config =
            config.replace(":8080", &format!(":{}", free_port())).replace(":8081", &format!(":{}", free_port()));
        self.write("oncue.yaml", &config);
    }
}

/// A port that nobody listens on, each time another one. It lies below those that the system gives to connections, which
/// would take it before its server does.
pub fn free_port() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(127);
    let ports = std::iter::repeat_with(|| first.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed)) % 20_000 + 12_000);
    let mut free = ports.take(20_000).filter_map(|port| u16::try_from(port).ok());
    free.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}
