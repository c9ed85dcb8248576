//! The processes that are measured: each is a child of the bench, told its work by its arguments, and ended with it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

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

    /// The most memory that it ever held, in bytes.
    ///
    /// # Errors
    ///
    /// Where `/proc` does not tell.
    pub(crate) fn peak_rss(&self) -> Result<u64> {
        let pid = self.child.id().context("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024)
    }

    /// How long processors worked for it so far.
    ///
    /// # Errors
    ///
    /// Where `/proc` does not tell.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        /// Linux counts for programs in hundredths of a second, whatever its own clock.
        const TICK: Duration = Duration::from_millis(10);
        let pid = self.child.id().context("it has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The second field is a name in parentheses; utime and stime are the 14th and the 15th.
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let ticks: Vec<u32> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        Ok(TICK * ticks.iter().sum::<u32>())
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
