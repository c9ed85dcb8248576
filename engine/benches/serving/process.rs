//! The processes that are measured: each is a child of the bench, told its work by its arguments, and ended with it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A running child that said where it listens.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// The address that events go to.
    pub listen: SocketAddr,
    /// The address of its admin API, when it has one.
    pub admin: Option<SocketAddr>,
}

impl Process {
    /// Starts a program that prints `{"listen": …, "admin": …}` as its first line; its log goes to a file.
    ///
    /// # Errors
    ///
    /// When it does not start or prints something else.
    pub(crate) async fn start(program: &Path, arguments: &[&str], log: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        let said: Value = serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))?;
        let address = |name: &str| said[name].as_str().and_then(|text| text.parse().ok());
        Ok(Self { listen: address("listen").context("no address")?, admin: address("admin"), child })
    }

    /// Its number.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub(crate) fn id(&self) -> Result<u32> {
        self.child.id().context("it has ended")
    }

    /// The most memory that it ever held, in bytes.
    ///
    /// # Errors
    ///
    /// Where `/proc` does not tell.
    pub(crate) fn peak_rss(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024)
    }

    /// Ends it.
    ///
    /// # Errors
    ///
    /// When it cannot be ended.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}
