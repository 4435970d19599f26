//! Problems in manifests as people, scripts, GitHub and code scanners read them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::style::width;
use super::{Format, Out, Style, clean, github, sarif};
use crate::cli::error::CliError;
use crate::manifests::{Diagnostic, Place, Severity};

/// Where the place of a problem ends on a wide terminal or in a pipe.
const PLACE_END: usize = 100;
/// What stands under an excerpt is not longer than this.
const WIDEST: usize = 120;
/// Least space between message and place, and between label and help.
const GAP: usize = 4;

/// Prints problems in the format asked for; those that a baseline knows only where they can be told apart. Text goes to
/// stdout: problems are the result of `check`.
pub fn print(
    out: &Out,
    problems: &[Diagnostic],
    known: Option<&[Diagnostic]>,
) -> Result<(), CliError> {
    match out.format() {
        Format::Json => out.json(&Report::of(problems)),
        Format::Yaml => out.yaml(&Report::of(problems)),
        Format::Sarif => out.json(&sarif::log(problems, known)),
        Format::Github => {
            problems.iter().for_each(|p| out.line(github::command(p)));
            Ok(())
        }
        Format::Name => {
            let files: BTreeSet<&str> = problems.iter().map(|p| p.path.as_str()).collect();
            files.into_iter().for_each(|file| out.line(file));
            Ok(())
        }
        Format::Text | Format::Wide => {
            let columns = out.look().width.unwrap_or(WIDEST).min(WIDEST);
            problems.iter().for_each(|p| out.line(draw(p, columns)));
            Ok(())
        }
    }
}

/// `2 errors, 1 warning in 2 files`, or `no problems`.
pub fn summary(problems: &[Diagnostic]) -> String {
    let files: BTreeSet<&str> = problems.iter().map(|p| p.path.as_str()).collect();
    let report = Report::of(problems);
    let counts: Vec<String> = [(report.errors, "error"), (report.warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    match counts.as_slice() {
        [] => "no problems".to_owned(),
        counts => format!("{} in {}", counts.join(", "), counted(files.len(), "file")),
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// All problems as data.
#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    errors: usize,
    warnings: usize,
    problems: &'a [Diagnostic],
}

impl<'a> Report<'a> {
    fn of(problems: &'a [Diagnostic]) -> Self {
        let count = |severity| problems.iter().filter(|p| p.severity == severity).count();
        Self {
            version: 1,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            problems,
        }
    }
}

/// One problem: what and where on a line, the excerpt where it says more than the message, and what to do.
pub fn draw(problem: &Diagnostic, columns: usize) -> String {
    let mut text = title(problem, columns);
    let excerpt = problem
        .place
        .as_ref()
        .filter(|place| tells_more(problem, place));
    let mut help = problem.help.as_deref().map(clean);
    if let Some(place) = excerpt {
        let (source, mut under) = lines(problem, place, columns);
        if let Some(words) =
            help.take_if(|help| width(&under) + 2 * GAP + "help: ".len() + width(help) <= columns)
        {
            under.push_str(&format!("{:8}{}", "", help_text(&words)));
        }
        text.push_str(&format!("\n{source}\n{under}"));
    }
    if let Some(words) = help {
        text.push_str(&format!("\n    {}", help_text(&words)));
    }
    text
}

fn help_text(words: &str) -> String {
    format!("{}: {words}", Style::Cyan.paint("help"))
}

fn title(problem: &Diagnostic, columns: usize) -> String {
    let (word, style) = match problem.severity {
        Severity::Error => ("error", Style::BoldRed),
        Severity::Warning => ("warning", Style::BoldYellow),
    };
    let title = format!(
        "{}: {}",
        style.paint(&format!("{word}[{}]", problem.code)),
        clean(&problem.message)
    );
    let place = place(problem);
    let used = width(&title) + width(&place);
    let end = columns.min(PLACE_END);
    if used + GAP <= end {
        let space = end - used;
        format!("{title}{:space$}{}", "", Style::Blue.paint(&place))
    } else {
        format!("{title}\n  --> {}", Style::Blue.paint(&place))
    }
}

fn place(problem: &Diagnostic) -> String {
    let path = problem.path.as_str();
    match &problem.place {
        Some(at) => format!("{path}:{}:{}", at.line, at.column),
        None => path.to_owned(),
    }
}

/// Whether the excerpt adds anything: words under it, or a text that the message does not quote.
fn tells_more(problem: &Diagnostic, place: &Place) -> bool {
    let marked: String = place
        .text
        .chars()
        .skip(place.column.saturating_sub(1))
        .take(place.length)
        .collect();
    let quoted = problem
        .message
        .contains(&format!("`{}`", marked.trim_matches(['"', '\''])));
    !place.text.is_empty() && (problem.label.is_some() || !quoted)
}

/// The line of the file, and the line under it.
fn lines(problem: &Diagnostic, place: &Place, columns: usize) -> (String, String) {
    let number = place.line.to_string();
    let room = columns.saturating_sub(number.len() + 5).max(20);
    let (shown, start) = window(&place.text, place.column, room);
    let column = place.column.saturating_sub(1).saturating_sub(start.skipped) + start.added;
    let chars: Vec<char> = shown.chars().collect();
    let before: String = chars.iter().take(column).collect();
    let marked: String = chars.iter().skip(column).take(place.length).collect();
    let carets = "^".repeat(width(&marked).max(1));
    let style = match problem.severity {
        Severity::Error => Style::BoldRed,
        Severity::Warning => Style::BoldYellow,
    };
    let label = problem.label.as_deref().map(clean).unwrap_or_default();
    let bar = Style::Blue.paint("|");
    let source = format!(" {} {bar} {shown}", Style::Blue.paint(&number));
    let under = format!(
        " {:pad$} {bar} {:indent$}{}{}{}",
        "",
        "",
        style.paint(&carets),
        if label.is_empty() { "" } else { " " },
        style.paint(&label),
        pad = number.len(),
        indent = width(&before),
    );
    (source, under)
}

/// How a long line was cut at its beginning.
struct Cut {
    skipped: usize,
    added: usize,
}

/// The part of a line around a column (from 1) that fits into the room, with `…` where something is left out.
fn window(text: &str, column: usize, room: usize) -> (String, Cut) {
    let text = clean(text);
    let chars: Vec<char> = text.chars().collect();
    if width(&text) <= room {
        return (
            text.into_owned(),
            Cut {
                skipped: 0,
                added: 0,
            },
        );
    }
    let skipped = column
        .saturating_sub(1)
        .saturating_sub(room / 3)
        .min(chars.len());
    let added = usize::from(skipped > 0);
    let mut shown = "…".repeat(added);
    for c in &chars[skipped..] {
        if width(&shown) + 2 >= room {
            shown.push('…');
            break;
        }
        shown.push(*c);
    }
    (shown, Cut { skipped, added })
}

#[cfg(test)]
mod tests {
    use super::super::style::render;
    use super::*;
    use crate::cli::output::Look;
    use crate::cli::output::tests::captured;

    pub(crate) fn example() -> Diagnostic {
        let path = "pipelines/orders/pipeline.yaml".parse().unwrap();
        Diagnostic::error(&path, "HW0112", "unknown stage `stagging`")
            .at(Some(Place {
                line: 14,
                column: 14,
                length: 8,
                text: "      from: [stagging]".to_owned(),
            }))
            .label("this pipeline has dev, staging, prod")
            .help("did you mean `staging`?")
    }

    #[test]
    fn a_problem_is_drawn_with_place_excerpt_label_and_help() {
        let text = render(&draw(&example(), 120), false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("error[HW0112]: unknown stage `stagging`    "));
        assert!(lines[0].ends_with("    pipelines/orders/pipeline.yaml:14:14"));
        assert_eq!(width(lines[0]), 100);
        assert_eq!(
            lines[1..],
            [
                " 14 |       from: [stagging]",
                "    |              ^^^^^^^^ this pipeline has dev, staging, prod        help: did you mean `staging`?",
            ]
        );
    }

    #[test]
    fn help_goes_below_where_there_is_no_room_beside() {
        let text = render(&draw(&example(), 70), false);
        assert!(
            text.ends_with("\n    help: did you mean `staging`?"),
            "{text}"
        );
        assert!(text.lines().all(|line| width(line) <= 70), "{text}");
    }

    #[test]
    fn what_the_message_quotes_needs_no_excerpt() {
        let path = "environments/prod.yaml".parse().unwrap();
        let problem = Diagnostic::error(&path, "HW0204", "`../x` leaves environments/prod")
            .at(Some(Place {
                line: 8,
                column: 22,
                length: 4,
                text: "    kustomization:   ../x".to_owned(),
            }))
            .help("write /x (a leading / is the repository root)");
        let text = render(&draw(&problem, 90), false);
        assert_eq!(
            text.lines().nth(1),
            Some("    help: write /x (a leading / is the repository root)")
        );
    }

    #[test]
    fn carets_stand_under_wide_characters_and_in_long_lines() {
        let mut problem = example();
        problem.place = Some(Place {
            line: 3,
            column: 4,
            length: 2,
            text: "日本:語x".to_owned(),
        });
        let text = render(&draw(&problem, 100), false);
        assert!(text.contains("\n   |      ^^^ this"), "{text}");
        problem.place = Some(Place {
            line: 3,
            column: 150,
            length: 4,
            text: format!("{}HERE{}", "a".repeat(149), "b".repeat(40)),
        });
        let text = render(&draw(&problem, 60), false);
        let lines: Vec<&str> = text.lines().collect();
        let source = lines.iter().position(|line| line.contains("HERE")).unwrap();
        let column = |line: &str, what: &str| width(&line[..line.find(what).unwrap()]);
        assert_eq!(
            column(lines[source], "HERE"),
            column(lines[source + 1], "^^^^"),
            "{text}"
        );
        assert!(width(lines[source]) <= 60, "{text}");
    }

    #[test]
    fn every_format_says_the_same() {
        for format in [
            Format::Json,
            Format::Yaml,
            Format::Github,
            Format::Sarif,
            Format::Text,
        ] {
            let look = Look {
                format,
                ..Look::default()
            };
            let (out, stdout, _) = captured(look);
            print(&out, &[example()], None).unwrap();
            let text = stdout.text();
            for part in [
                "HW0112",
                "unknown stage `stagging`",
                "pipelines/orders/pipeline.yaml",
            ] {
                assert!(text.contains(part), "{format:?}: {text}");
            }
        }
    }

    #[test]
    fn a_summary_counts() {
        let mut warning = example();
        warning.severity = Severity::Warning;
        assert_eq!(summary(&[]), "no problems");
        assert_eq!(
            summary(&[example(), warning.clone(), warning]),
            "1 error, 2 warnings in 1 file"
        );
    }
}
