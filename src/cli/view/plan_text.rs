//! The text of `plan`: lines grouped by pipeline, in columns that all groups share.

use std::collections::BTreeMap;

use super::Frame;
use super::plan::standing;
use super::status::Owner;
use super::words::{hang, pad, safe, told, told_until, version, widest};
use crate::cli::output::{Style, states};
use crate::plan::Plan;
use crate::plan::report::{Change, ChangeKind, HoldReport, StageReport, State, Subject};

/// Space between two columns.
const GAP: &str = "   ";

/// One line of a group, before it is laid out.
struct Line {
    verb: String,
    place: String,
    subject: String,
    what: String,
    tail: String,
    below: Vec<String>,
}

pub(super) fn groups(plan: &Plan, frame: &Frame) -> String {
    let mut groups: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for change in &plan.changes {
        let group = groups.entry(safe(&change.group)).or_default();
        group.push(change_line(change, frame));
    }
    for hold in standing(plan) {
        let (group, line) = hold_line(&hold, plan, frame);
        groups.entry(group).or_default().push(line);
    }
    let columns = Columns::of(groups.values().flatten(), frame);
    let group = |(name, lines): (&String, &Vec<Line>)| {
        let lines = lines.iter().map(|line| columns.draw(line, frame));
        let head = Style::Bold.paint(name);
        [head]
            .into_iter()
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    };
    groups.iter().map(group).collect::<Vec<_>>().join("\n")
}

fn change_line(change: &Change, frame: &Frame) -> Line {
    let (verb, style) = match change.kind {
        ChangeKind::Import => ("import", Style::Green),
        ChangeKind::Promote => ("promote", Style::Green),
        ChangeKind::Rollback => ("roll back", Style::Yellow),
        ChangeKind::Render => ("render", Style::Green),
        ChangeKind::Record => ("record", Style::Yellow),
        ChangeKind::Open => ("open", Style::Cyan),
        ChangeKind::Update => ("update", Style::Cyan),
        ChangeKind::Merge => ("merge", Style::Green),
        ChangeKind::Close => ("close", Style::Yellow),
        ChangeKind::Hold => ("hold", Style::Yellow),
        ChangeKind::Clear => ("clear", Style::Yellow),
        ChangeKind::Start => ("start", Style::Cyan),
    };
    let what = match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("{} -> {}", safe(old), safe(new)),
        (None, Some(new)) => safe(new),
        (Some(old), None) => format!("{} -> nothing", safe(old)),
        (None, None) => String::new(),
    };
    let files = change.files.iter().filter(|_| frame.wide);
    let why = change.why.iter().map(|why| safe(why));
    Line {
        verb: style.paint(verb),
        place: safe(&change.place),
        subject: news(&change.subject, verb, &change.delivery),
        what,
        tail: safe(&change.delivery),
        below: why
            .chain(files.map(|f| Style::Dim.paint(f.as_str())))
            .collect(),
    }
}

/// What a subject says beside verb and delivery, which have columns of their own.
fn news(subject: &str, verb: &str, delivery: &str) -> String {
    let subject = safe(subject);
    let Some((first, rest)) = subject.split_once(' ') else {
        return subject;
    };
    if !first.eq_ignore_ascii_case(verb) {
        return subject;
    }
    let rest = rest.strip_prefix(&safe(delivery)).unwrap_or(rest);
    rest.trim_start_matches([':', ' ']).to_owned()
}

fn hold_line(hold: &HoldReport, plan: &Plan, frame: &Frame) -> (String, Line) {
    let stage = match Owner::of(&hold.subject, plan) {
        Owner::Stage(stage) => Some(stage),
        Owner::Pipeline(_) | Owner::Nobody => None,
    };
    let (group, place) = match (&hold.subject, stage) {
        (Subject::Tag(_), Some(stage)) => (
            stage.key.pipeline.to_string(),
            format!("{} import", stage.key.stage),
        ),
        (_, Some(stage)) => (stage.key.pipeline.to_string(), place(stage)),
        (Subject::Stage(key), None) => (key.pipeline.to_string(), key.stage.to_string()),
        (Subject::Pipeline(name), None) => (name.to_string(), "pipeline".to_owned()),
        (Subject::Tag(key), None) if key.is_all() => {
            (key.stream.name.to_string(), "repository".to_owned())
        }
        (Subject::Tag(key), None) => (key.stream.name.to_string(), safe(&key.tag)),
        (
            Subject::Application {
                environment,
                application,
            },
            None,
        ) => (safe(application), environment.to_string()),
        (Subject::Environment(name), None) => (format!("environment {name}"), String::new()),
        (Subject::File(path), None) => ("files".to_owned(), safe(path.as_str())),
        (Subject::Repository, None) => ("repository".to_owned(), String::new()),
    };
    let candidate = stage.and_then(|stage| stage.candidate.as_ref());
    let needs_help = !matches!(hold.state, State::Waiting | State::Frozen);
    let help = hold.help.as_ref().filter(|_| needs_help || frame.wide);
    let line = Line {
        verb: states::paint(hold.state),
        place,
        subject: candidate.map(version).unwrap_or_default(),
        what: told_until(&hold.why, hold.state, hold.until, frame),
        tail: String::new(),
        below: help
            .map(|help| format!("{} {}", Style::Cyan.paint("help:"), told(help, frame)))
            .into_iter()
            .collect(),
    };
    (group, line)
}

/// `prod <- qa`, as far as its conditions say where it takes from.
fn place(stage: &StageReport) -> String {
    let conditions = stage.conditions.iter().filter(|c| c.kind == "from");
    let sources: Vec<&str> = conditions
        .filter_map(|c| c.name.strip_prefix("from "))
        .collect();
    match sources.as_slice() {
        [] => stage.key.stage.to_string(),
        sources => format!("{} <- {}", stage.key.stage, safe(&sources.join("+"))),
    }
}

/// Widths of the columns of all groups together.
struct Columns {
    verb: usize,
    place: usize,
    subject: usize,
    what: usize,
    /// Whether what moves goes below, because a line does not fit.
    split: bool,
}

impl Columns {
    fn of<'a>(lines: impl Iterator<Item = &'a Line> + Clone, frame: &Frame) -> Self {
        let mut columns = Self {
            verb: widest(lines.clone().map(|l| &l.verb)),
            place: widest(lines.clone().map(|l| &l.place)),
            subject: widest(lines.clone().map(|l| &l.subject)),
            what: widest(
                lines
                    .clone()
                    .filter(|l| !l.tail.is_empty())
                    .map(|l| &l.what),
            ),
            split: false,
        };
        let tail = widest(lines.map(|l| &l.tail));
        let gaps = if tail > 0 { 4 } else { 3 };
        let all = columns.verb + columns.place + columns.subject + columns.what + tail;
        columns.split = frame
            .width
            .is_some_and(|width| 2 + all + gaps * GAP.len() > width);
        columns
    }

    fn draw(&self, line: &Line, frame: &Frame) -> String {
        let verb = pad(&line.verb, self.verb);
        let place = pad(&line.place, self.place);
        let what = match line.tail.as_str() {
            "" => line.what.clone(),
            tail if self.split => format!("{}{GAP}{tail}", line.what),
            tail => format!("{}{GAP}{tail}", pad(&line.what, self.what)),
        };
        let mut text = if self.split {
            let head = format!("  {verb}{GAP}{place}{GAP}");
            let head = hang(&head, &line.subject, frame);
            match what.as_str() {
                "" => head,
                what => format!("{head}\n{}", hang("      ", what, frame)),
            }
        } else {
            let subject = pad(&line.subject, self.subject);
            let head = format!("  {verb}{GAP}{place}{GAP}{subject}{GAP}");
            hang(&head, &what, frame)
        };
        for below in &line.below {
            text.push('\n');
            text.push_str(&hang("      ", below, frame));
        }
        text
    }
}
