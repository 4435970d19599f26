//! The way of log lines to a thread that may block: bounded, never waited for, and honest about what it lost. The usual
//! library for this says nothing in the log about lost lines, and prints to stdout when it cannot flush.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use super::redact;
use crate::config::LogFormat;

/// Lines that may wait for a slow reader.
const LINES: usize = 4096;
/// How often a full queue is tried again for the last word.
const PAUSE: Duration = Duration::from_millis(5);

enum Line {
    Text(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Takes lines from any thread.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    lines: SyncSender<Line>,
    lost: Arc<Lost>,
}

/// Lines that found the queue full.
#[derive(Debug, Default)]
struct Lost {
    all: AtomicU64,
    /// Those that the log does not tell of yet.
    untold: AtomicU64,
}

impl Queue {
    /// A queue in front of `sink`, which is written to by a thread of its own.
    pub(super) fn into(sink: Box<dyn Write + Send>, format: LogFormat) -> Self {
        let (lines, receiver) = sync_channel(LINES);
        let lost = Arc::new(Lost::default());
        let mut drain = Drain {
            sink,
            format,
            lost: Arc::clone(&lost),
        };
        // A log without its thread is a log that drops everything: no reason to stop.
        let _ = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || drain.run(&receiver));
        Self { lines, lost }
    }

    /// How many lines were lost so far.
    pub(super) fn dropped(&self) -> u64 {
        self.lost.all.load(Ordering::Relaxed)
    }

    /// Waits until everything said so far is written, but no longer than `patience`.
    pub(super) fn flush_within(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let (done, wait) = sync_channel(1);
        let mut flush = Line::Flush(done);
        while let Err(TrySendError::Full(again)) = self.lines.try_send(flush) {
            if Instant::now() >= end {
                return;
            }
            flush = again;
            std::thread::sleep(PAUSE);
        }
        let _ = wait.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

impl Write for Queue {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(buffer);
        let line = Line::Text(redact(&text).into_owned().into_bytes());
        if self.lines.try_send(line).is_err() {
            self.lost.all.fetch_add(1, Ordering::Relaxed);
            self.lost.untold.fetch_add(1, Ordering::Relaxed);
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The other end of the queue. A sink that fails is not complained about: there is nowhere left to.
struct Drain {
    sink: Box<dyn Write + Send>,
    format: LogFormat,
    lost: Arc<Lost>,
}

impl Drain {
    fn run(&mut self, lines: &Receiver<Line>) {
        while let Ok(line) = lines.recv() {
            self.tell();
            match line {
                Line::Text(text) => {
                    let _ = self.sink.write_all(&text);
                }
                Line::Flush(done) => {
                    let _ = self.sink.flush();
                    let _ = done.try_send(());
                }
            }
        }
    }

    /// Says how many lines were lost, as soon as there is somebody to hear it.
    fn tell(&mut self) {
        let lost = self.lost.untold.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        let _ = match self.format {
            LogFormat::Text => writeln!(self.sink, "headwater: {lost} log lines were dropped"),
            LogFormat::Json => writeln!(
                self.sink,
                "{}",
                serde_json::json!({
                    "timestamp": crate::config::clock::now(),
                    "level": "WARN",
                    "message": "log lines were dropped",
                    "dropped": lost,
                })
            ),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Says when it is first written to, and takes nothing until its gate is dropped.
    struct Blocked {
        entered: SyncSender<()>,
        gate: Receiver<()>,
        text: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Blocked {
        fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
            let _ = self.entered.try_send(());
            let _ = self.gate.recv();
            self.text.lock().unwrap().extend_from_slice(buffer);
            Ok(buffer.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is read when the reader sleeps through all but the first of these lines.
    fn late(format: LogFormat) -> String {
        let ((entered, writing), (shut, gate)) = (sync_channel(1), sync_channel(0));
        let text = Arc::new(Mutex::new(Vec::new()));
        let sink = Blocked {
            entered,
            gate,
            text: Arc::clone(&text),
        };
        let mut queue = Queue::into(Box::new(sink), format);
        queue.write_all(b"first\n").unwrap();
        writing.recv().unwrap();
        for _ in 0..LINES + 7 {
            queue.write_all(b"x\n").unwrap();
        }
        assert_eq!(queue.dropped(), 7);
        queue.flush_within(Duration::from_millis(20));
        assert_eq!(text.lock().unwrap().len(), 0, "nobody has read anything");
        drop(shut);
        queue.flush_within(Duration::from_secs(60));
        assert_eq!(queue.dropped(), 7);
        String::from_utf8(text.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_blocked_reader_costs_lines_which_are_counted_and_no_time() {
        let text = late(LogFormat::Text);
        assert!(text.starts_with("first\nheadwater: 7 log lines were dropped\nx\n"));
        assert_eq!(text.lines().count(), LINES + 2);

        let text = late(LogFormat::Json);
        let said: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        assert_eq!(
            (&said["dropped"], &said["level"]),
            (&7.into(), &"WARN".into())
        );
    }
}
