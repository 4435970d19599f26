//! Words of commits and pull requests. Nothing here is relative to the clock, or every pass would edit them.

mod body;

pub use body::{Body, Moved, group_body, group_title, promotion_body, promotion_title};

use super::report::{Change, ChangeKind};
use crate::model::{CommitId, Digest, SetId, StageKey};

/// Longest subject line of a commit and title of a pull request.
const LONGEST_TITLE: usize = 200;
/// More files of a change are not named one by one.
const MOST_FILES: usize = 200;
/// More names of a list are counted.
const MOST_NAMES: usize = 5;
/// Longest reason in such a line.
const LONGEST_WHY: usize = 100;

/// What a commit says of one promotion, for people and for tools that read trailers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// The set.
    pub set: SetId,
    /// The stage.
    pub stage: StageKey,
    /// Stage and commit it came from, where it came from one.
    pub from: Vec<String>,
}

/// A digest as people read it.
pub fn short(digest: &Digest) -> String {
    format!("{}:{}", digest.algorithm(), digest.short())
}

/// `old -> new` with what is known of both.
pub fn arrow(old: Option<&str>, new: &str) -> String {
    old.map_or_else(|| new.to_owned(), |old| format!("{old} -> {new}"))
}

/// Message of a wave: one line for a single change, a count for several, each change below, trailers last.
pub fn wave_message(changes: &[Change], trailers: &[Trailer], base: &CommitId) -> String {
    let subject = match changes {
        [only] => line(only),
        several => count(several),
    };
    let mut text = cut(&subject);
    if changes.len() > 1 {
        text.push_str("\n\n");
        let lines: Vec<String> = changes.iter().map(|c| format!("- {}", line(c))).collect();
        text.push_str(&lines.join("\n"));
    }
    text.push_str("\n\n");
    text.push_str(&trailer_lines(trailers, Some(base)));
    text
}

/// Message of a commit of promotions: on its branch without, on the base with the trailer `Headwater-Base`. A branch must
/// not bear it, because History follows it through merges.
pub fn promotion_message(title: &str, trailers: &[Trailer], base: Option<&CommitId>) -> String {
    format!("{}\n\n{}", cut(title), trailer_lines(trailers, base))
}

/// A list for a line, as far as people read it; the rest is counted.
pub fn some_of(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).cloned();
    let mut shown: Vec<String> = shown.collect();
    if names.len() > MOST_NAMES {
        shown.push(format!("{} more", names.len() - MOST_NAMES));
    }
    shown.join(", ")
}

fn trailer_lines(trailers: &[Trailer], base: Option<&CommitId>) -> String {
    let mut lines = Vec::new();
    for trailer in trailers {
        lines.push(format!("Headwater-Set: {}", trailer.set));
        lines.push(format!(
            "Headwater-Stage: {}",
            String::from(trailer.stage.clone())
        ));
        lines.extend(trailer.from.iter().map(|f| format!("Headwater-From: {f}")));
    }
    lines.extend(base.map(|base| format!("Headwater-Base: {base}")));
    lines.join("\n") + "\n"
}

/// One change as a sentence.
pub fn line(change: &Change) -> String {
    let new = change.new.as_deref().unwrap_or("nothing");
    match change.kind {
        ChangeKind::Import => {
            let why = change
                .why
                .as_deref()
                .map(|why| format!(" ({})", plain(why)));
            format!(
                "Import {} {} to {}{}",
                change.group,
                arrow(change.old.as_deref(), new),
                change.place,
                why.unwrap_or_default()
            )
        }
        ChangeKind::Promote => format!(
            "Promote {} {} to {}",
            change.group,
            arrow(change.old.as_deref(), new),
            change.place
        ),
        ChangeKind::Rollback => format!(
            "Roll {} back {}: {}",
            change.subject,
            arrow(change.old.as_deref(), new),
            change.why.as_deref().map_or_else(String::new, plain)
        ),
        ChangeKind::Render => format!("Render {} for {}", change.group, change.place),
        ChangeKind::Record => format!("Record {} of {}: {}", change.subject, change.group, new),
        ChangeKind::Hold => {
            let why = change.why.as_deref().map_or_else(String::new, plain);
            format!("Hold {} for {new}: {why}", change.subject)
        }
        ChangeKind::Clear | ChangeKind::Start => change.subject.clone(),
        ChangeKind::Open | ChangeKind::Update | ChangeKind::Merge | ChangeKind::Close => {
            format!("{} {}", change.subject, change.place)
        }
    }
}

fn count(changes: &[Change]) -> String {
    let of = |kind: ChangeKind| changes.iter().filter(|c| c.kind == kind).count();
    let words = [
        (of(ChangeKind::Import), "import", "imports"),
        (of(ChangeKind::Promote), "promotion", "promotions"),
        (of(ChangeKind::Rollback), "rollback", "rollbacks"),
        (of(ChangeKind::Render), "rendering", "renderings"),
        (of(ChangeKind::Record), "record", "records"),
        (of(ChangeKind::Hold), "hold", "holds"),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many }))
        .collect();
    format!("Carry out {}", parts.join(", "))
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_TITLE).collect()
}

/// Files as a list that people can still read; the rest is counted.
pub fn file_list(files: &[String]) -> String {
    let shown = files.iter().take(MOST_FILES);
    let mut lines: Vec<String> = shown.map(|file| format!("- `{file}`")).collect();
    if files.len() > MOST_FILES {
        lines.push(format!("- and {} more files", files.len() - MOST_FILES));
    }
    lines.join("\n")
}

/// Text from outside as a code span: longest run of backticks plus one around it, control characters and line ends out,
/// at most 200 characters, table bars escaped.
pub fn code_span(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| !is_dangerous(*c))
        .take(200)
        .collect::<String>()
        .replace('|', "\\|");
    let longest = clean.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if clean.is_empty() {
        String::new()
    } else {
        format!("{fence} {clean} {fence}")
    }
}

/// A version or tag: already of a safe alphabet, cut all the same.
fn code_free(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'))
        .take(128)
        .collect()
}

/// Text from a file or a registry as part of a line: nothing in it ends the line or hides.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|c| !is_dangerous(*c));
    kept.take(LONGEST_WHY).collect()
}

fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_stay_data() {
        assert_eq!(
            code_span("a `b` @team\u{202e} | x\n# y"),
            "`` a `b` @team \\| x# y ``"
        );
        assert_eq!(code_free("1.2.3\"><script>"), "1.2.3script");
        assert_eq!(
            plain("glob x\n\nHeadwater-Set: 1\u{202e}"),
            "glob xHeadwater-Set: 1"
        );
    }
}
