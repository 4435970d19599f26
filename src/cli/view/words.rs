//! Words and lines that the views share: safe data, times in the reader's zone, wrapping, counts, short names.

use super::Frame;
use crate::cli::output::style::width;
use crate::cli::output::{age, clean};
use crate::model::time::elapsed;
use crate::model::{Period, Set, StageKey, Timestamp};
use crate::plan::report::{Condition, SetReport, Subject};
use crate::plan::{State, report};
use crate::telemetry::redact;

/// A version longer than this is cut.
const LONGEST_VERSION: usize = 24;

/// Data for one line: without secrets, control characters and changes of direction; line breaks become spaces.
pub fn safe(text: &str) -> String {
    let line = text.trim().replace(['\n', '\r', '\t'], " ");
    clean(&redact(&line)).into_owned()
}

/// Words of a plan for one line: as [`safe`], and every RFC 3339 instant in the reader's zone.
pub fn told(text: &str, frame: &Frame) -> String {
    let text = safe(text);
    let word = |word: &str| {
        // What somebody wrote is said as they wrote it.
        if word.contains('`') {
            return word.to_owned();
        }
        let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let instant = core
            .ends_with('Z')
            .then(|| core.parse::<Timestamp>().ok())
            .flatten();
        instant.map_or_else(
            || word.to_owned(),
            |at| word.replace(core, &frame.zone.near(at, frame.now)),
        )
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Words of a plan that end with the instant at which they may change, if they do not say it yet. What is broken is tried
/// again then; all else lasts until then.
pub fn told_until(text: &str, state: State, until: Option<Timestamp>, frame: &Frame) -> String {
    let text = told(text, frame);
    let word = if state == State::Broken {
        "next try"
    } else {
        "until"
    };
    match until.map(|at| frame.zone.near(at, frame.now)) {
        Some(at) if text.is_empty() => format!("{word} {at}"),
        Some(at) if !text.contains(&at) => format!("{text}, {word} {at}"),
        // The instant it fails since may read like that of the next try.
        Some(at) if state == State::Broken && !text.contains(word) => {
            format!("{text}, {word} {at}")
        }
        _ => text,
    }
}

/// The version of a set, short enough for a column.
pub fn version(set: &SetReport) -> String {
    let text = safe(&set.version);
    if text.chars().count() <= LONGEST_VERSION {
        return text;
    }
    let cut: String = text.chars().take(LONGEST_VERSION - 1).collect();
    format!("{cut}\u{2026}")
}

/// The digests of a set, twelve digits each. A bundle shows the first and how many more there are.
pub fn digest(set: &Set) -> String {
    let mut members = set.members();
    match (members.next(), members.count()) {
        (None, _) => "-".to_owned(),
        (Some((_, digest)), 0) => digest.short().to_owned(),
        (Some((_, digest)), more) => format!("{} +{more}", digest.short()),
    }
}

/// Version and digest; only once where the version is the digest.
pub fn version_and_digest(set: &SetReport) -> String {
    let (version, digest) = (version(set), digest(&set.set));
    if digest == version {
        version
    } else {
        format!("{version}  {digest}")
    }
}

/// How long ago, for tables; `-` while the clock has not started.
pub fn ago(since: Option<Timestamp>, frame: &Frame) -> String {
    since.map_or_else(|| "-".to_owned(), |at| age::since(at, frame.now))
}

/// `9 s ago`, `2h 51m ago`.
pub fn ago_in_words(at: Timestamp, now: Timestamp) -> String {
    match elapsed(at, now).as_seconds() {
        seconds @ ..60 => format!("{seconds} s ago"),
        _ => format!("{} ago", lasted(at, now)),
    }
}

/// How long something lasted, in two units: `2h 51m`. Whole minutes only, as what has passed should be.
pub fn lasted(from: Timestamp, until: Timestamp) -> String {
    let seconds = elapsed(from, until).as_seconds();
    let whole = if seconds < 60 {
        seconds
    } else {
        seconds - seconds % 60
    };
    age::fine(Period::seconds(whole))
}

/// A pull request by its number, or by the tail that tells it from others of its stage.
pub fn pull_name(id: &str, stage: &StageKey) -> String {
    let id = safe(id);
    if is_number(&id) {
        return format!("#{id}");
    }
    let stem = format!("promote-{}-{}-", stage.pipeline, stage.stage);
    id.strip_prefix(&stem)
        .map_or_else(|| id.clone(), str::to_owned)
}

/// Whether an id is a number of a hosted forge.
pub fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())
}

/// What a hold is about, in a word.
pub fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Stage(key) => key.to_string(),
        Subject::Tag(key) => safe(&key.to_string()),
        Subject::Application {
            environment,
            application,
        } => format!("{environment}/{}", safe(application)),
        Subject::Pipeline(name) => name.to_string(),
        Subject::Environment(name) => format!("environment {name}"),
        Subject::File(path) => safe(path.as_str()),
        Subject::Repository => "repository".to_owned(),
    }
}

/// The first condition that is not open.
pub fn first_shut(conditions: &[Condition]) -> Option<&Condition> {
    conditions.iter().find(|c| !c.verdict.is_open())
}

/// The earliest instant after `now` at which anything of a stage may change by itself.
pub fn next_of(stage: &report::StageReport, now: Timestamp) -> Option<Timestamp> {
    // What opens for a set that is kept out otherwise changes nothing.
    let kept_out = matches!(stage.state, State::Held | State::Refused | State::Broken);
    let entering = stage.conditions.iter().filter(|_| !kept_out);
    let conditions = entering.chain(&stage.verify);
    let untils = conditions.filter_map(until).chain(stage.until);
    untils.filter(|at| *at > now).min()
}

/// `0 of 1`: how many approvals there are and how many are needed, where a condition begins by saying so.
pub fn approved(condition: &Condition) -> Option<String> {
    let words: Vec<&str> = condition.verdict.why().split(' ').take(3).collect();
    match words.as_slice() {
        [have, "of", need]
            if condition.kind == "approvals" && is_number(have) && is_number(need) =>
        {
            Some(format!("{have} of {need}"))
        }
        _ => None,
    }
}

/// When a condition could open.
pub const fn until(condition: &Condition) -> Option<Timestamp> {
    match &condition.verdict {
        crate::model::Verdict::Waiting { until, .. } => *until,
        _ => None,
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// Text in a column: spaces behind it.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Text in a column: spaces in front of it.
pub fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The widest of some texts.
pub fn widest<'a>(texts: impl IntoIterator<Item = &'a String>) -> usize {
    texts.into_iter().map(|text| width(text)).max().unwrap_or(0)
}

/// Lines of at most so many columns, broken at spaces, and within words that are longer.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        while width(&line) > columns {
            let rest = line.split_off(fitting(&line, columns));
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    lines.push(line);
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Bytes of the longest beginning that fits, at least one character.
fn fitting(line: &str, columns: usize) -> usize {
    let ends = line.char_indices().map(|(at, c)| at + c.len_utf8());
    let first = ends.clone().next().unwrap_or(0);
    ends.take_while(|end| width(&line[..*end]) <= columns)
        .last()
        .unwrap_or(first)
}

/// A beginning and text behind it, which hangs below itself where it does not fit. Where the beginning leaves too little
/// room, the text goes below it.
pub fn hang(head: &str, text: &str, frame: &Frame) -> String {
    /// Less room than this is no column.
    const LEAST: usize = 24;
    let Some(columns) = frame.width else {
        return format!("{head}{text}").trim_end().to_owned();
    };
    let taken = width(head);
    if taken + width(text) <= columns {
        return format!("{head}{text}").trim_end().to_owned();
    }
    if columns >= taken + LEAST {
        let lines = wrap(text, columns - taken);
        let indent = format!("\n{}", " ".repeat(taken));
        return format!("{head}{}", lines.join(&indent));
    }
    let lines = wrap(text, columns.saturating_sub(6));
    format!("{}\n      {}", head.trim_end(), lines.join("\n      "))
}

/// Pieces on one line with space between them, on more lines where they do not fit.
pub fn flow(pieces: &[String], gap: usize, frame: &Frame) -> String {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        match lines.last_mut() {
            Some(line)
                if frame
                    .width
                    .is_none_or(|c| width(line) + gap + width(piece) <= c) =>
            {
                line.push_str(&" ".repeat(gap));
                line.push_str(piece);
            }
            _ => lines.push(piece.clone()),
        }
    }
    let fit = |line: &String| hang("", line, frame);
    lines.iter().map(fit).collect::<Vec<_>>().join("\n")
}
