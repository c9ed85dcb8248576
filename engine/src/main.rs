//! The `oncue` program. See [`oncue::cli`].

use std::process::ExitCode;

/// Requests are taken apart on one thread and written on another, which the C library's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    oncue::cli::run(std::env::args_os())
}
