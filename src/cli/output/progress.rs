//! Progress on a terminal: a bar or a spinner on stderr; elsewhere nothing.

use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::clean::clean;
use crate::telemetry::redact;

/// Where bars are drawn.
#[derive(Debug, Clone)]
pub struct Progress {
    bars: MultiProgress,
    shown: bool,
}

/// One bar or spinner; it vanishes when dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Progress {
    /// Draws on stderr if `shown`.
    pub fn new(shown: bool) -> Self {
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            shown,
        }
    }

    /// A bar of so many steps.
    pub fn bar(&self, steps: u64, what: &str) -> Bar {
        self.add(
            ProgressBar::new(steps),
            "{msg} {wide_bar:.cyan} {pos}/{len} {eta}",
            what,
        )
    }

    /// A spinner for what has no known end.
    pub fn spinner(&self, what: &str) -> Bar {
        let bar = self.add(
            ProgressBar::new_spinner(),
            "{spinner} {msg} {elapsed}",
            what,
        );
        bar.0.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn add(&self, bar: ProgressBar, template: &str, what: &str) -> Bar {
        let bar = self.bars.add(bar);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let bar = Bar(bar);
        bar.say(what);
        bar
    }

    /// Takes the bars away while `write` writes to the same terminal. Where there are none it holds nothing up: whoever
    /// adds a bar must not wait for a reader of stderr.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.shown {
            self.bars.suspend(write)
        } else {
            write()
        }
    }

    /// Standard error as a sink for logs that does not tear the bars.
    pub fn stderr(&self) -> Box<dyn Write + Send> {
        Box::new(Stderr(self.clone()))
    }
}

impl Bar {
    /// One step more.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Says what is being done.
    pub fn say(&self, what: &str) {
        self.0.set_message(redact(&clean(what)).into_owned());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

struct Stderr(Progress);

impl Write for Stderr {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.0.suspend(|| std::io::stderr().write(buffer))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
