//! The `headwater` binary: everything is in the library.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Duration;

use headwater::cli::{self, Exit};
use headwater::telemetry::{redact, report_bug};

/// How long work that cannot be cancelled may hold up the end.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        report_bug(&cli::output::clean::clean_lines(&format!(
            "error: a bug: {info}"
        )));
    }));
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("error: cannot begin: {error}"));
            return Exit::Failed.into();
        }
    };
    let run = || runtime.block_on(cli::run(std::env::args_os()));
    let exit = std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Failed);
    runtime.shutdown_timeout(PATIENCE);
    exit.into()
}

fn complain(text: &str) {
    let text = cli::output::clean::clean_lines(text);
    // There is nowhere left to say that stderr does not work.
    let _ = writeln!(std::io::stderr(), "{}", redact(&text));
}
