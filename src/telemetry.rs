//! Logs and the redactor. Logs go to stderr through a bounded queue: a blocked pipe loses lines (counted), never work.
//! Whatever we print, log or panic with passes [`redact`], which knows every secret by value.
//! Names of fields are in [`FIELDS`].

mod fields;
mod json;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

pub use fields::FIELDS;

pub use crate::config::known::{hide as redact, register as register_secret};
use crate::config::{LogFormat, LogSettings};
use crate::model::{Fault, Faulty, Party};

/// Lines that may wait for a slow reader.
const QUEUE: usize = 4096;
/// How long leaving waits for the last lines.
const FAREWELL: Duration = Duration::from_millis(500);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static BUGS: AtomicU64 = AtomicU64::new(0);

/// How many log lines were lost since the process began.
pub fn dropped_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// How many panics there were since the process began.
pub fn bugs() -> u64 {
    BUGS.load(Ordering::Relaxed)
}

/// Counts a panic and says on stderr what happened, without secrets.
pub fn report_bug(text: &str) {
    BUGS.fetch_add(1, Ordering::Relaxed);
    // There is nowhere left to say that stderr does not work.
    let _ = writeln!(std::io::stderr(), "{}", redact(text));
}

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The operator's level is none.
    #[error("`log.level`: `{0}` is no level: use off, error, warn, info, debug or trace")]
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
        let (done, wait) = sync_channel(1);
        if self.queue.lines.try_send(Line::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FAREWELL);
        }
    }
}

/// Begins logging into `sink` for the rest of the process.
pub fn start(
    settings: &LogSettings,
    color: bool,
    sink: Box<dyn Write + Send>,
) -> Result<Guard, TelemetryError> {
    let queue = Queue::into(sink);
    let guard = Guard {
        queue: queue.clone(),
    };
    tracing::dispatcher::set_global_default(dispatch(settings, color, queue)?)
        .map_err(|_| TelemetryError::Twice)?;
    Ok(guard)
}

fn dispatch(
    settings: &LogSettings,
    color: bool,
    queue: Queue,
) -> Result<tracing::Dispatch, TelemetryError> {
    let filter = EnvFilter::try_new(directives(&settings.level))
        .map_err(|_| TelemetryError::Level(settings.level.clone()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(queue)
        .with_ansi(color);
    Ok(match settings.format {
        LogFormat::Text => builder.with_target(false).into(),
        LogFormat::Json => builder.json().event_format(json::Flat).into(),
    })
}

/// A bare level is about us; what libraries do is of interest from `warn` up, unless named.
fn directives(level: &str) -> String {
    match level {
        "off" | "error" | "warn" => level.to_owned(),
        "info" | "debug" | "trace" => format!("warn,headwater={level}"),
        other => other.to_owned(),
    }
}

enum Line {
    Text(Vec<u8>),
    Flush(SyncSender<()>),
}

/// The way of lines to a thread that may block.
#[derive(Debug, Clone)]
struct Queue {
    lines: SyncSender<Line>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    fn into(sink: Box<dyn Write + Send>) -> Self {
        let (lines, receiver) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        // A log without its thread is a log that drops everything: no reason to stop.
        let _ = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || drain(&receiver, &counter, sink));
        Self { lines, dropped }
    }
}

fn drain(lines: &Receiver<Line>, dropped: &AtomicU64, mut sink: Box<dyn Write + Send>) {
    while let Ok(line) = lines.recv() {
        match line {
            Line::Text(text) => {
                let lost = dropped.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let _ = writeln!(sink, "headwater: {lost} log lines were dropped");
                }
                let _ = sink.write_all(&text);
            }
            Line::Flush(done) => {
                let _ = sink.flush();
                let _ = done.try_send(());
            }
        }
    }
}

impl Write for Queue {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(buffer);
        let line = Line::Text(redact(&text).into_owned().into_bytes());
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
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
    use std::sync::Mutex;

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
        let queue = Queue::into(Box::new(sink.clone()));
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
    fn a_blocked_reader_costs_lines_and_no_time() {
        /// Says when it is first written to, and takes nothing until its gate is dropped.
        struct Blocked {
            entered: SyncSender<()>,
            gate: Receiver<()>,
            sink: Sink,
        }
        impl Write for Blocked {
            fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
                let _ = self.entered.try_send(());
                let _ = self.gate.recv();
                self.sink.write(buffer)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let ((entered, writing), (shut, gate)) = (sync_channel(1), sync_channel(0));
        let sink = Sink::default();
        let mut queue = Queue::into(Box::new(Blocked {
            entered,
            gate,
            sink: sink.clone(),
        }));
        queue.write_all(b"first\n").unwrap();
        writing.recv().unwrap();
        for _ in 0..QUEUE + 7 {
            queue.write_all(b"x\n").unwrap();
        }
        assert_eq!(queue.dropped.load(Ordering::Relaxed), 7);
        drop(shut);
        let (done, wait) = sync_channel(1);
        queue.lines.send(Line::Flush(done)).unwrap();
        wait.recv().unwrap();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with("first\nheadwater: 7 log lines were dropped\nx\n"));
        assert_eq!(text.lines().count(), QUEUE + 2);
    }
}
