//! A process, its group and its pipes.

use std::env;
use std::io;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::lines::Lines;
use super::{Options, limits};

/// Limits have to be there before the program is, and everything that sets them between `fork` and `exec` is `unsafe` in
/// Rust; limits of a process that runs already come too late for what it has taken or started. A shell is on every system
/// that this runs on, and only becomes the program: it stays nobody's parent. No core is written, since secrets are in it.
const LIMITED: &str = if cfg!(target_os = "linux") {
    r#"ulimit -c 0; ulimit -v "$1" || exit 126; shift; unset PWD OLDPWD SHLVL; exec "$@""#
} else {
    // Other systems do not limit address space.
    r#"ulimit -c 0; shift; unset PWD OLDPWD SHLVL; exec "$@""#
};

/// The variables that every process has from Oncue.
const INHERITED: [&str; 2] = ["PATH", "LANG"];

/// A process that was started. Dropped, it ends with its group.
pub(super) struct Running {
    pub(super) group: Group,
    pub(super) child: Child,
    /// None once it is closed.
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Lines<ChildStdout>,
    pub(super) stderr: Lines<ChildStderr>,
}

impl Running {
    pub(super) fn start(options: &Options) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LIMITED, "oncue", &(options.memory / 1024).to_string()]).args(&options.command);
        command.current_dir(&options.folder).env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?)))).envs(&options.environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
        let missing = || io::Error::other("it has no pipes");
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Ok(Self {
            group,
            child,
            stdin: Some(stdin.ok_or_else(missing)?),
            stdout: Lines::new(stdout.ok_or_else(missing)?, options.line),
            // More than what is shown, so that a secret at the end of that is whole when it is looked for.
            stderr: Lines::new(stderr.ok_or_else(missing)?, 2 * limits::LOG_LINE),
        })
    }
}

/// The processes that a process and its children are, unless they leave it. Dropped, they are ended.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// Ends them. To be called before anything is awaited after the first of them was reaped: its number, which is that of
    /// the group, is free then once the group is empty.
    pub(super) fn kill(&mut self) {
        if let Some(group) = self.0.take()
            && let Err(error) = kill_process_group(group, Signal::KILL)
        {
            // None is left, which is what was to be.
            tracing::trace!(%error, "a process group had ended already");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
