//! Findings that are known already, kept in a file beside the manifests, so that only new ones count. What a finding is
//! known by says nothing of its line: lines above it may come and go.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::CliError;
use crate::manifests::Diagnostic;
use crate::model::RepoPath;

/// A larger file is not read.
const MOST_BYTES: u64 = 16 << 20;
const HEADER: &str = "# Findings that `headwater check --baseline` passes over, one in a line; take out what you have mended.\n# Made by `headwater check --baseline FILE --write-baseline`.\n";

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    path: RepoPath,
    code: String,
    message: String,
}

impl Known {
    fn of(problem: &Diagnostic) -> Self {
        Self {
            path: problem.path.clone(),
            code: problem.code.clone(),
            message: problem.without_lines(),
        }
    }
}

/// Findings that are known already, and how often.
#[derive(Debug, Default)]
pub(super) struct Baseline(BTreeMap<Known, usize>);

/// Findings in two parts.
#[derive(Debug, Default)]
pub(super) struct Split {
    /// Those that count.
    pub(super) new: Vec<Diagnostic>,
    /// Those that are known.
    pub(super) known: Vec<Diagnostic>,
    /// How many known ones are not there any more.
    pub(super) gone: usize,
}

impl Baseline {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is not there, or does not say what it should.
    pub(super) fn read(file: &Path) -> Result<Self, CliError> {
        let shown = file.display();
        let refuse = |why: String| {
            CliError::usage(format!("the baseline `{shown}` {why}"))
                .help("`headwater check --baseline FILE --write-baseline` makes it anew")
        };
        let size = std::fs::metadata(file).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        if size.len() > MOST_BYTES {
            return Err(refuse(format!("has more than {MOST_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|e| refuse(format!("cannot be read: {e}")))?;
        let mut known = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let one: Known = serde_json::from_str(line.trim_start_matches("- "))
                .map_err(|e| refuse(format!("line {} is no finding: {e}", number + 1)))?;
            *known.entry(one).or_default() += 1;
        }
        Ok(Self(known))
    }

    /// Writes these findings as the known ones.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(file: &Path, problems: &[Diagnostic]) -> Result<(), CliError> {
        let mut all: Vec<Known> = problems.iter().map(Known::of).collect();
        all.sort();
        let mut text = HEADER.to_owned();
        for one in all {
            let line = serde_json::to_string(&one);
            let line = line.map_err(|e| CliError::failed(e.to_string()))?;
            let _ = writeln!(text, "- {line}");
        }
        let written = std::fs::write(file, text);
        written.map_err(|e| CliError::failed(format!("write `{}`: {e}", file.display())))
    }

    /// What it knows with this code, as problems without a place.
    pub(super) fn with_code(&self, code: &str) -> Vec<Diagnostic> {
        let known = self.0.iter().filter(|(known, _)| known.code == code);
        let problems = known.flat_map(|(known, count)| {
            let problem = Diagnostic::warning(&known.path, code, &*known.message);
            std::iter::repeat_n(problem, *count)
        });
        problems.collect()
    }

    /// Takes the known ones out; `looked_for` says what was looked for at all, by file and code.
    pub(super) fn split(
        mut self,
        problems: Vec<Diagnostic>,
        looked_for: &dyn Fn(&RepoPath, &str) -> bool,
    ) -> Split {
        let mut split = Split::default();
        for problem in problems {
            match self.0.get_mut(&Known::of(&problem)) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    split.known.push(problem);
                }
                _ => split.new.push(problem),
            }
        }
        let left = self.0.iter();
        let left = left.filter(|(known, _)| looked_for(&known.path, &known.code));
        split.gone = left.map(|(_, left)| left).sum();
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Place;

    fn at(line: usize, message: &str) -> Diagnostic {
        let place = Place {
            line,
            column: 1,
            length: 1,
            text: String::new(),
        };
        Diagnostic::warning(&"a.yaml".parse().unwrap(), "HW1", message).at(Some(place))
    }

    #[test]
    fn what_is_known_stays_known_on_other_lines_and_one_more_of_it_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known");
        let old = [
            at(3, "odd, as in a.yaml:9"),
            at(7, "odd, as in a.yaml:3"),
            at(8, "gone"),
        ];
        Baseline::write(&file, &old).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 2 + 3, "{text}");
        let now = vec![
            at(4, "odd, as in a.yaml:10"),
            at(9, "odd, as in a.yaml:4"),
            at(12, "odd, as in a.yaml:4"),
            at(1, "other"),
        ];
        let split = Baseline::read(&file)
            .unwrap()
            .split(now.clone(), &|_, _| true);
        assert_eq!(split.known, now[..2]);
        assert_eq!(split.new, now[2..]);
        assert_eq!(split.gone, 1);
        let elsewhere = Baseline::read(&file)
            .unwrap()
            .split(Vec::new(), &|_, _| false);
        assert_eq!(elsewhere.gone, 0);
        let kept = Baseline::read(&file).unwrap().with_code("HW1");
        Baseline::write(&file, &kept).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn what_is_no_baseline_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known");
        let none = Baseline::read(&file).unwrap_err();
        assert!(none.help.unwrap().contains("--write-baseline"));
        std::fs::write(
            &file,
            "# ours\n\n- {\"path\":\"../x\",\"code\":\"HW1\",\"message\":\"\"}\n",
        )
        .unwrap();
        let error = Baseline::read(&file).unwrap_err();
        assert!(error.message.contains("line 3 is no finding"), "{error:?}");
    }
}
