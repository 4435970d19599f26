//! The demo's shell: commands are printed as a person would type them, then run by the program's own dispatcher.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser as _;
use futures_util::FutureExt as _;

use super::world::{World, broken};
use crate::cli::output::{Format, Look, Style, Zone};
use crate::cli::{Args, CliError, Clock, Context, Exit, Globals, Out, dispatch};
use crate::config::Inputs;

/// How much of a command's result is shown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Show {
    /// All of it.
    All,
    /// So many lines.
    First(usize),
    /// Of a run: what it did, and its last line.
    Deeds,
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
            // Beside the result, the story is the story's to tell; errors are told all the same.
            quiet: true,
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
            inputs: Inputs::default(),
        };
        // `demo` itself is one of the commands dispatched, so the future must not hold its own kind.
        let exit = dispatch(&context, &args.verb)
            .boxed_local()
            .await
            .map_err(|error| error.context(format!("`{typed}` failed")))?;
        let printed = context.out.finish();
        if excerpt.lock().unwrap_or_else(PoisonError::into_inner).cut {
            self.line(&Style::Dim.paint("..."));
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

/// Lets some lines through.
struct Excerpt {
    show: Show,
    seen: usize,
    /// Whether the end was cut off.
    cut: bool,
}

impl Excerpt {
    fn new(show: Show) -> Self {
        Self {
            show,
            seen: 0,
            cut: false,
        }
    }

    fn takes(&mut self, line: &str) -> bool {
        self.seen += 1;
        let takes = match self.show {
            Show::All => true,
            Show::First(lines) => self.seen <= lines,
            Show::Deeds => DEEDS.contains(&first_word(line)),
        };
        self.cut |= !takes && matches!(self.show, Show::First(_));
        takes
    }
}

/// How those lines of a run begin.
const DEEDS: [&str; 6] = ["pushed", "opened", "updated", "merged", "closed", "Plan"];

/// The first word of a line that may begin with a colour.
fn first_word(line: &str) -> &str {
    let colored = line.strip_prefix('\u{1b}').and_then(|l| l.split_once('m'));
    let plain = colored.map_or(line, |(_, plain)| plain);
    let end = plain.find(|c: char| !c.is_alphanumeric());
    &plain[..end.unwrap_or(plain.len())]
}

/// The writer of an excerpt.
struct Shared(Arc<Mutex<Excerpt>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut excerpt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stdout = std::io::stdout();
        // Every result ends with a line break, so that a piece is made of whole lines.
        for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
            if excerpt.takes(line) {
                stdout.write_all(line.as_bytes())?;
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
    fn deeds_are_told_in_colour_too() {
        let mut excerpt = Excerpt::new(Show::Deeds);
        assert!(excerpt.takes("pushed   782e3b43 to main   Carry out\n"));
        assert!(excerpt.takes("\u{1b}[32mmerged\u{1b}[0m   x\n"));
        assert!(!excerpt.takes("\n") && !excerpt.takes("myapp\n"));
        assert!(excerpt.takes("Plan: nothing to do. 2 waiting.\n"));
    }

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
