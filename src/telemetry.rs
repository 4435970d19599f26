//! Logs and the redactor. Logs go to stderr through a bounded queue: a blocked pipe loses lines (counted), never work.
//! Whatever we print, log or panic with passes [`redact`], which knows every secret by value. Panics are counted here too.
//! Names of fields are in [`FIELDS`].

mod fields;
mod json;
mod queue;

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

pub use fields::FIELDS;

pub use crate::config::known::{hide as redact, register as register_secret};
use crate::config::{LogFormat, LogSettings};
use crate::model::{Fault, Faulty, Party};
use queue::Queue;

/// How long leaving waits for the last lines.
const FAREWELL: Duration = Duration::from_millis(500);

/// The log of this process, while there is one.
static LOG: RwLock<Option<Queue>> = RwLock::new(None);
static BUGS: AtomicU64 = AtomicU64::new(0);

/// Panics since the start, caught or not.
pub fn bugs() -> u64 {
    BUGS.load(Ordering::Relaxed)
}

/// Counts a panic and says it: through the log where there is one, for a thread that panics must not wait for a reader.
pub fn report_bug(text: &str) {
    BUGS.fetch_add(1, Ordering::Relaxed);
    let log = LOG.read().unwrap_or_else(PoisonError::into_inner).clone();
    // There is nowhere left to say that stderr does not work.
    let _ = match log {
        Some(mut queue) => writeln!(queue, "{text}"),
        None => writeln!(std::io::stderr(), "{}", redact(text)),
    };
}

/// Makes room in the log for a last word, waiting half a second at most for a reader: after lines that were dropped, the
/// one that says how it ended must not be.
pub fn catch_up() {
    let log = LOG.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(queue) = log {
        queue.flush_within(FAREWELL);
    }
}

/// Log lines since the start that nobody will ever read, because the reader was too slow.
pub fn dropped_lines() -> u64 {
    let log = LOG.read().unwrap_or_else(PoisonError::into_inner);
    log.as_ref().map_or(0, Queue::dropped)
}

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The operator's level is none.
    #[error(
        "`log.level`: `{0}` is no level: use off, error, warn, info, debug or trace, or TARGET=LEVEL such as `warn,headwater::git=debug`"
    )]
    Level(String),
    /// Something else logs already: our fault.
    #[error("logging has begun before")]
    Twice,
}

impl Faulty for TelemetryError {
    fn fault(&self) -> Fault {
        Fault::of(match self {
            Self::Level(_) => Party::Operator,
            Self::Twice => Party::Us,
        })
    }
}

/// Keeps the log running; dropping it writes what is still queued, for half a second at most.
#[derive(Debug)]
#[must_use]
pub struct Guard {
    queue: Queue,
}

impl Drop for Guard {
    fn drop(&mut self) {
        *LOG.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.queue.flush_within(FAREWELL);
    }
}

/// Begins logging into `sink` for the rest of the process.
pub fn start(
    settings: &LogSettings,
    color: bool,
    sink: Box<dyn Write + Send>,
) -> Result<Guard, TelemetryError> {
    let queue = Queue::into(sink, settings.format);
    let dispatch = dispatch(settings, color, queue.clone())?;
    tracing::dispatcher::set_global_default(dispatch).map_err(|_| TelemetryError::Twice)?;
    *LOG.write().unwrap_or_else(PoisonError::into_inner) = Some(queue.clone());
    Ok(Guard { queue })
}

fn dispatch(
    settings: &LogSettings,
    color: bool,
    queue: Queue,
) -> Result<tracing::Dispatch, TelemetryError> {
    let no_level = || TelemetryError::Level(settings.level.chars().take(100).collect());
    if !settings.level.split(',').all(is_directive) {
        return Err(no_level());
    }
    let filter = EnvFilter::try_new(directives(&settings.level)).map_err(|_| no_level())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(queue)
        .with_ansi(color);
    Ok(match settings.format {
        LogFormat::Text => builder.with_target(false).into(),
        LogFormat::Json => builder.json().event_format(json::Flat).into(),
    })
}

/// Whether a part of the level says how much: a bare word that is none would be taken for a target, and all else be silent.
fn is_directive(part: &str) -> bool {
    let part = part.trim();
    part.contains('=') || !part.is_empty() && part.parse::<LevelFilter>().is_ok()
}

/// A bare level is about us; what libraries do is of interest from `warn` up, unless named.
fn directives(level: &str) -> String {
    match level {
        "off" => level.to_owned(),
        // What GitHub's client says of a failed call, we say where the failure is dealt with.
        "error" | "warn" => format!("{level},octocrab=off"),
        "info" | "debug" | "trace" => format!("warn,octocrab=off,headwater={level}"),
        other => other.to_owned(),
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use secrecy::SecretString;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(buffer);
            Ok(buffer.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let queue = Queue::into(Box::new(sink.clone()), format);
        let settings = LogSettings {
            level: level.to_owned(),
            format,
        };
        let dispatch = dispatch(&settings, false, queue.clone()).unwrap();
        tracing::dispatcher::with_default(&dispatch, log);
        drop(Guard { queue });
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn log_lines_are_redacted_and_json_has_stable_names() {
        register_secret(&SecretString::from("log-me-not-please"));
        let line = logged(LogFormat::Json, "info", || {
            tracing::info!(target: "headwater::x", registry = "quay.io", "asked with log-me-not-please");
        });
        assert!(!line.contains("log-me-not"), "{line}");
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["registry"], "quay.io");
        assert_eq!(json["level"], "INFO");
    }

    #[test]
    fn a_level_is_about_us_and_libraries_speak_from_warn_up() {
        let text = logged(LogFormat::Text, "debug", || {
            tracing::debug!(target: "headwater::x", "ours");
            tracing::debug!(target: "hyper", "theirs");
            tracing::warn!(target: "hyper", "serious");
        });
        assert!(text.contains("ours") && text.contains("serious"), "{text}");
        assert!(!text.contains("theirs"), "{text}");
    }

    #[test]
    fn a_word_that_is_no_level_is_refused_and_targets_with_a_level_are_not() {
        let begun = |level: &str| {
            let settings = LogSettings {
                level: level.to_owned(),
                ..LogSettings::default()
            };
            let queue = Queue::into(Box::new(Sink::default()), settings.format);
            dispatch(&settings, false, queue).map(|_| ())
        };
        for level in [
            "warn",
            "DEBUG",
            "off",
            "warn,headwater::git=debug",
            "hyper=info",
        ] {
            assert!(begun(level).is_ok(), "{level}");
        }
        for level in [
            "xx",
            "headwater",
            "warn,xx",
            "warn,headwater=xx",
            "",
            "debug,",
        ] {
            let said = begun(level).unwrap_err().to_string();
            assert!(
                said.contains("is no level") && said.contains("TARGET=LEVEL"),
                "{said}"
            );
        }
    }
}
