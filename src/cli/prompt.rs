//! Questions before something leaves this machine: asked on a terminal only, answered by `--yes` elsewhere.

use std::io::{BufRead, IsTerminal};

use super::error::CliError;
use super::output::Out;

/// Asks `push to main? [y/N]`. Without a terminal and without `--yes` it is an error of usage, never a silent yes.
///
/// Returns whether to go on; with `yes` nothing is asked.
pub fn confirm(out: &Out, act: &str, yes: bool) -> Result<bool, CliError> {
    if yes {
        return Ok(true);
    }
    let stdin = std::io::stdin();
    if !(stdin.is_terminal() && out.look().terminal_stderr) {
        return Err(unasked(act));
    }
    out.ask(&format!("{act}? [y/N] "));
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CliError::failed(format!("cannot read the answer: {error}")))?;
    Ok(is_yes(&answer))
}

fn unasked(act: &str) -> CliError {
    CliError::usage(format!("cannot ask \"{act}?\": this is no terminal"))
        .help("add --yes to go on without asking")
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;
    use crate::cli::output::Look;
    use crate::cli::output::tests::captured;

    #[test]
    fn only_a_plain_yes_is_a_yes() {
        for (answer, yes) in [
            ("y\n", true),
            ("YES\n", true),
            ("\n", false),
            ("yep\n", false),
            ("", false),
        ] {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }

    #[test]
    fn without_a_terminal_it_needs_yes() {
        let (out, ..) = captured(Look::default());
        assert!(confirm(&out, "push to main", true).unwrap());
        let error = confirm(&out, "push to main", false).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.help.unwrap().contains("--yes"));
    }
}
