use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Folder, TOKEN};

/// The variables that the configurations of `oncue init` and of the examples refer to.
pub const ENVIRONMENT: [(&str, &str); 12] = [
    ("TENCENTCLOUD_SECRET_ID", "AKIDEXAMPLE"),
    ("TENCENTCLOUD_SECRET_KEY", "EXAMPLEKEY"),
    ("VOD_CALLBACK_TOKEN", TOKEN),
    ("CMS_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("SHORT_VIDEO_TOKEN", TOKEN),
    ("REPLAY_TOKEN", TOKEN),
    ("CMS_TOKEN", "9f4c1d7be2a8460395d1c07be86a2f14"),
    ("REVIEW_DESK_KEY", "5d41402abc4b2a76b9719d911017c592"),
    ("ONCALL_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
    ("SEARCH_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
    ("WECOM_BOT_KEY", "8c1f7a52-0d3e-4b6a-9f21-6e5d4c3b2a10"),
    ("WAREHOUSE_SECRET", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
];

/// The real program with these arguments.
pub fn oncue(arguments: &[&str]) -> Invocation {
    Invocation {
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        folder: None,
        environment: Vec::new(),
        input: None,
    }
}

/// A program that is to be run.
#[must_use]
pub struct Invocation {
    arguments: Vec<String>,
    folder: Option<PathBuf>,
    environment: Vec<(String, String)>,
    input: Option<String>,
}

/// A program that has ended.
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

impl Invocation {
    pub fn within(self, folder: &Folder) -> Self {
        self.within_folder(folder.path())
    }

    pub fn within_folder(self, folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), ..self }
    }

    /// Adds environment variables.
    pub fn with_environment(mut self, variables: &[(&str, &str)]) -> Self {
        self.environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    /// Gives it this on standard input.
    pub fn with_input(self, text: &str) -> Self {
        Self { input: Some(text.to_owned()), ..self }
    }

    /// Runs it, whatever comes of it.
    pub fn run(&self) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oncue"));
        command.args(&self.arguments).envs(ENVIRONMENT).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let mut child = command.spawn().unwrap();
        let writer = child.stdin.take().zip(self.input.clone()).map(|(mut stdin, text)| {
            // It may end before it has read all.
            std::thread::spawn(move || stdin.write_all(text.as_bytes()).ok())
        });
        let output = child.wait_with_output().unwrap();
        writer.map(|writer| writer.join().unwrap());
        Ran {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Runs it; it must end well.
    pub fn success(self) -> Ran {
        let ran = self.run();
        assert_eq!(ran.code, 0, "oncue {:?} failed:\n{}{}", self.arguments, ran.stdout, ran.stderr);
        ran
    }

    /// Runs it; it must not end well.
    pub fn failure(self) -> Ran {
        let ran = self.run();
        assert_ne!(ran.code, 0, "oncue {:?} succeeded:\n{}", self.arguments, ran.stdout);
        ran
    }
}
