//! The `oncue` program. See [`oncue::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    oncue::cli::run(std::env::args_os())
}
