//! The demo's shell: commands are printed as a person would type them, then run by the program's own dispatcher.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser as _;
use futures_util::FutureExt as _;

use super::world::{World, broken};
use crate::cli::output::{Format, Look, Style, Zone};
use crate::cli::{Args, CliError, Clock, Context, Exit, Globals, Out, dispatch};

/// How much of a command's result is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Show {
    /// All of it.
    All,
    /// So many lines.
    First(usize),
}

/// Talks to the reader.
pub(super) struct Shell<'a> {
    context: &'a Context,
    look: Look,
}

impl<'a> Shell<'a> {
    /// A shell that prints where `context` does, in UTC: the story's times are always the same.
    pub(super) fn new(context: &'a Context) -> Self {
        let look = Look {
            format: Format::Text,
            zone: Zone::UTC,
            ..context.out.look().clone()
        };
        Self { context, look }
    }

    /// One piece of the story, after a blank line.
    pub(super) fn say(&self, text: &str) {
        self.context.out.line(format!("\n{text}"));
    }

    /// A line below it.
    pub(super) fn line(&self, text: &str) {
        self.context.out.line(text);
    }

    /// What happens next, with the time at which it does.
    pub(super) fn happens(&self, world: &World, text: &str) {
        let at = Style::Dim.paint(&format!("[{}]", Zone::UTC.day(world.now, world.now)));
        self.say(&format!("{at} {text}"));
    }

    /// Runs a command in the people's clone.
    ///
    /// # Errors
    /// When it cannot be understood, fails, or ends otherwise than settled.
    pub(super) async fn run(
        &self,
        world: &World,
        words: &[&str],
        show: Show,
    ) -> Result<(), CliError> {
        let typed = typed(words);
        self.line(&Style::Bold.paint(&format!("$ {typed}")));
        let args = Args::try_parse_from(words).map_err(|error| broken(&typed, &error))?;
        let mut raw = args.global.clone();
        raw.repo = world.work_tree().display().to_string();
        let excerpt = Arc::new(Mutex::new(Excerpt::new(show)));
        let out = Out::to(
            self.look.clone(),
            self.context.out.progress().clone(),
            Box::new(Shared(Arc::clone(&excerpt))),
            self.context.out.progress().stderr(),
        );
        let context = Context {
            loaded: world.loaded.clone(),
            globals: Globals::resolve(&raw, &args.verb)?,
            out,
            variables: BTreeMap::new(),
            clock: Clock::At(world.now),
        };
        // `demo` itself is one of the commands dispatched, so the future must not hold its own kind.
        let exit = dispatch(&context, &args.verb)
            .boxed_local()
            .await
            .map_err(|error| error.context(format!("`{typed}` failed")))?;
        let printed = context.out.finish();
        let left_out = excerpt.lock().unwrap_or_else(PoisonError::into_inner).left;
        if left_out > 0 {
            self.line(&Style::Dim.paint(&format!("... ({left_out} more lines)")));
        }
        printed.map_err(|error| broken("cannot print", &error))?;
        if exit == Exit::Settled {
            Ok(())
        } else {
            Err(unexpected(&format!(
                "`{typed}` to end with {}, not {}",
                Exit::Settled.code(),
                exit.code()
            )))
        }
    }
}

/// The story went otherwise than it should.
pub(super) fn unexpected(what: &str) -> CliError {
    CliError::failed(format!("the demo went wrong: expected {what}"))
        .help("this is a bug; nothing outside of the demo's own folder was touched")
}

/// A command line as typed, with quotes where a shell needs them.
fn typed(words: &[&str]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    let quote = |word: &&str| match word.chars().all(plain) {
        true => (*word).to_owned(),
        false => format!("\"{word}\""),
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// Lets the first lines through and counts the others.
struct Excerpt {
    lines: usize,
    left: usize,
}

impl Excerpt {
    fn new(show: Show) -> Self {
        let lines = match show {
            Show::All => usize::MAX,
            Show::First(lines) => lines,
        };
        Self { lines, left: 0 }
    }
}

/// The writer of an excerpt.
struct Shared(Arc<Mutex<Excerpt>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut excerpt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stdout = std::io::stdout();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if excerpt.lines == 0 {
                excerpt.left += usize::from(line.ends_with(b"\n"));
            } else {
                stdout.write_all(line)?;
                excerpt.lines -= usize::from(line.ends_with(b"\n"));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_printed_so_that_a_shell_understands_them() {
        let words = [
            "headwater",
            "rollback",
            "myapp/prod",
            "--reason",
            "login fails, INC-7",
        ];
        assert_eq!(
            typed(&words),
            "headwater rollback myapp/prod --reason \"login fails, INC-7\""
        );
    }
}
