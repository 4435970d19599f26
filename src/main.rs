//! The `headwater` binary: everything is in the library.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Duration;

use headwater::allocator::{Allocator, give_back};
use headwater::cli::{self, Exit};
use headwater::telemetry::{redact, report_bug};

/// How long work that cannot be cancelled may hold up the end.
const PATIENCE: Duration = Duration::from_secs(2);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    give_back();
    std::panic::set_hook(Box::new(|info| {
        report_bug(&cli::output::clean::clean_lines(&format!(
            "error: a bug: {info}"
        )));
    }));
    // The runtime panics where the system gives it no thread.
    let runtime = match std::panic::catch_unwind(runtime) {
        Ok(Ok(runtime)) => runtime,
        Ok(Err(error)) => return cannot_begin(&error.to_string()),
        Err(_) => return cannot_begin("there are not enough threads or memory for it"),
    };
    let run = || runtime.block_on(cli::run(std::env::args_os()));
    let exit = std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Failed);
    runtime.shutdown_timeout(PATIENCE);
    exit.into()
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

fn cannot_begin(why: &str) -> ExitCode {
    complain(&format!(
        "error: cannot begin: {why}\nhelp: see what this process may have: ulimit -a"
    ));
    Exit::Failed.into()
}

fn complain(text: &str) {
    let text = cli::output::clean::clean_lines(text);
    // There is nowhere left to say that stderr does not work.
    let _ = writeln!(std::io::stderr(), "{}", redact(&text));
}
