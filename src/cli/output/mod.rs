//! What people and scripts get to see: stdout is the result, stderr the rest. Everything printed passes the redactor
//! and loses what could steer a terminal.

use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

pub mod age;
pub mod clean;
pub mod diagnostics;
mod github;
pub mod progress;
mod sarif;
pub mod states;
pub mod style;
pub mod table;
pub mod tabs;
pub mod time;

pub use clean::clean;
pub use progress::Progress;
pub use style::Style;
pub use table::Table;
pub use time::Zone;

use super::error::CliError;
use crate::telemetry::redact;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For people with wide terminals.
    Wide,
    /// Names only, one per line.
    Name,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Annotations of GitHub Actions (`check` only).
    Github,
    /// SARIF 2.1.0 (`check` only).
    Sarif,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On terminals, unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How output looks, decided once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// How the result is printed.
    pub format: Format,
    /// Colours on stdout.
    pub color: bool,
    /// Colours on stderr.
    pub color_stderr: bool,
    /// Columns of the terminal that stdout is; absent when it is none.
    pub width: Option<usize>,
    /// The zone of times.
    pub zone: Zone,
    /// Whether notes and progress are left out.
    pub quiet: bool,
    /// Whether stderr is a terminal.
    pub terminal_stderr: bool,
}

impl Default for Look {
    /// A pipe: plain text, no colours, UTC.
    fn default() -> Self {
        Self {
            format: Format::Text,
            color: false,
            color_stderr: false,
            width: None,
            zone: Zone::UTC,
            quiet: false,
            terminal_stderr: false,
        }
    }
}

impl Look {
    /// Decides for this process.
    pub fn decide(
        format: Format,
        color: ColorChoice,
        quiet: bool,
        variables: &BTreeMap<String, String>,
    ) -> Self {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let (terminal, terminal_stderr) = (stdout.is_terminal(), stderr.is_terminal());
        Self {
            format,
            color: colored(color, terminal, variables),
            color_stderr: colored(color, terminal_stderr, variables),
            width: terminal.then(|| columns(variables)),
            zone: Zone::choose(variables, terminal),
            quiet,
            terminal_stderr,
        }
    }
}

fn colored(choice: ColorChoice, terminal: bool, variables: &BTreeMap<String, String>) -> bool {
    let set = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            terminal
                && set("NO_COLOR").is_none()
                && set("TERM").is_none_or(|terminal| terminal != "dumb")
        }
    }
}

fn columns(variables: &BTreeMap<String, String>) -> usize {
    let asked = variables.get("COLUMNS").and_then(|text| text.parse().ok());
    let columns = asked
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .unwrap_or(80);
    columns.clamp(20, 1000)
}

/// The way out for everything a command says.
pub struct Out {
    look: Look,
    progress: Progress,
    streams: Mutex<Streams>,
}

struct Streams {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    /// The reader of stdout left: the rest is not printed, the work goes on.
    gone: bool,
    /// The first other failure to print the result.
    failure: Option<std::io::Error>,
}

impl Out {
    /// To the process's own streams.
    pub fn new(look: Look) -> Self {
        let progress = Progress::new(look.terminal_stderr && !look.quiet);
        let stderr = progress.stderr();
        Self::to(look, progress, Box::new(std::io::stdout()), stderr)
    }

    /// To other writers, for tests and for embedding.
    pub fn to(
        look: Look,
        progress: Progress,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> Self {
        let streams = Streams {
            stdout,
            stderr,
            gone: false,
            failure: None,
        };
        Self {
            look,
            progress,
            streams: Mutex::new(streams),
        }
    }

    /// How output looks.
    pub const fn look(&self) -> &Look {
        &self.look
    }

    /// How the result is printed.
    pub const fn format(&self) -> Format {
        self.look.format
    }

    /// The zone of times.
    pub const fn zone(&self) -> &Zone {
        &self.look.zone
    }

    /// Bars and spinners.
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Prints text of the result and a line break. Data in it need not be cleaned; painted parts keep their colours.
    pub fn line(&self, text: impl AsRef<str>) {
        let text = style::render(text.as_ref(), self.look.color);
        self.write(&format!("{text}\n"));
    }

    /// Prints a table, fitted to the terminal; nothing for an empty one.
    pub fn table(&self, table: &Table) {
        if !table.is_empty() {
            self.line(table.draw(self.look.width));
        }
    }

    /// Prints a value as JSON or YAML if that was asked for, else what `text` prints.
    pub fn result<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&Self),
    ) -> Result<(), CliError> {
        match self.look.format {
            Format::Json => self.json(value)?,
            Format::Yaml => self.yaml(value)?,
            _ => text(self),
        }
        Ok(())
    }

    /// Prints a value as JSON, indented.
    pub fn json<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        let json = serde_json::to_string_pretty(value)?;
        self.write(&format!("{}\n", clean::clean_json(&json)));
        Ok(())
    }

    /// Prints a value as YAML.
    pub fn yaml<T: Serialize>(&self, value: &T) -> Result<(), CliError> {
        let yaml = serde_yaml::to_string(value)
            .map_err(|error| CliError::failed(format!("cannot write YAML: {error}")))?;
        self.write(&clean::clean_lines(&yaml));
        Ok(())
    }

    /// Prints generated files as they are. On a terminal what could steer it is replaced; tabs stay.
    pub fn verbatim(&self, text: &str) {
        if self.look.width.is_none() {
            return self.write(text);
        }
        let parts: Vec<_> = text.split('\t').map(clean::clean_lines).collect();
        self.write(&parts.join("\t"));
    }

    /// Says something beside the result, on stderr; silent with `-q`.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.look.quiet {
            self.complain(&style::render(text.as_ref(), self.look.color_stderr));
        }
    }

    /// Warns on stderr: `warning: ...`.
    pub fn warning(&self, text: &str) {
        self.note(format!("{}: {text}", Style::BoldYellow.paint("warning")));
    }

    /// Prints an error with its causes and what to do, on stderr.
    pub fn error(&self, error: &CliError) {
        let mut text = format!("{}: {}", Style::BoldRed.paint("error"), error.message);
        for cause in &error.causes {
            text.push_str(&format!("\n  because: {}", cause.replace('\n', "\n    ")));
        }
        if let Some(help) = &error.help {
            text.push_str(&format!("\n{}: {help}", Style::Cyan.paint("help")));
        }
        self.complain(&style::render(&text, self.look.color_stderr));
    }

    /// Asks on stderr, without a line break; also with `-q`.
    pub fn ask(&self, question: &str) {
        let text = style::render(question, self.look.color_stderr);
        let text = redact(&text);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = streams.stderr.write_all(text.as_bytes());
        // Whoever cannot read the question cannot answer it either.
        let _ = asked.and_then(|()| streams.stderr.flush());
    }

    /// Prints help as the argument parser wrote it, colours and all.
    pub(super) fn help(&self, text: &str, stderr: bool) {
        if stderr {
            self.complain(text.trim_end());
        } else {
            self.write(text);
        }
    }

    /// Ends the output: whether the result could be printed. A reader that left is no failure.
    pub fn finish(&self) -> Result<(), std::io::Error> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = streams.stdout.flush();
        streams.judge(flushed);
        streams.failure.take().map_or(Ok(()), Err)
    }

    fn write(&self, text: &str) {
        let text = redact(text);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if !streams.gone {
            let written = self
                .progress
                .suspend(|| streams.stdout.write_all(text.as_bytes()));
            streams.judge(written);
        }
    }

    fn complain(&self, text: &str) {
        let text = redact(text);
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        // There is nowhere left to say that stderr does not work.
        let _ = streams.stderr.write_all(format!("{text}\n").as_bytes());
    }
}

impl Streams {
    fn judge(&mut self, written: std::io::Result<()>) {
        if let Err(error) = written {
            self.gone = true;
            if error.kind() != ErrorKind::BrokenPipe && self.failure.is_none() {
                self.failure = Some(error);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
