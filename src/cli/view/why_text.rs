//! The text of `why`.

use std::collections::BTreeMap;

use super::Frame;
use super::why::{Imported, WhyView, is_asked_again};
use super::words::{
    digest, hang, lasted, pad, pull_name, safe, told, told_until, version, version_and_digest,
    widest,
};
use crate::cli::output::{Style, age, states};
use crate::model::time::elapsed;
use crate::model::{Timestamp, Verdict};
use crate::plan::report::{Condition, SetReport, State};

/// With at least so many columns, who set a condition has a column of its own.
const WIDE: usize = 120;
/// The name of a condition takes at most this.
const LONGEST_NAME: usize = 36;
/// Longest text taken from one label.
const LONGEST_LABEL: usize = 100;

pub(super) fn draw(view: &WhyView<'_>, frame: &Frame) -> String {
    let stage = view.stage;
    let state = states::paint(stage.state);
    let head = format!("{}   {state}   ", Style::Bold.paint(&stage.key.to_string()));
    let mut parts = vec![hang(&head, &view.in_a_few_words(frame), frame)];
    parts.push(facts(view, frame));
    parts.push(conditions(&stage.conditions, frame));
    parts.push(verify(view, frame));
    parts.push(last(view, frame));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// What runs, what comes, why, and where a first stage's images come from.
fn facts(view: &WhyView<'_>, frame: &Frame) -> String {
    let stage = view.stage;
    let mut facts: Vec<(&str, String)> = Vec::new();
    facts.push(match &stage.current {
        Some(current) => ("runs now", runs(current, frame)),
        None => ("runs now", "nothing".to_owned()),
    });
    if let Some(missed) = &view.overridden {
        facts.push(("overridden", safe(missed)));
    }
    if let Some(candidate) = &stage.candidate {
        let mut text = version_and_digest(candidate);
        if let Some(built) = built(candidate, view, frame) {
            text.push_str(&format!("  {built}"));
        }
        facts.push(("candidate", text));
    }
    if let Some(id) = &stage.pull_request {
        let name = pull_name(id, &stage.key);
        let name = if name.starts_with('#') {
            name
        } else {
            safe(id)
        };
        facts.push(("proposed in", name));
    }
    for (index, why) in view.because(frame).into_iter().enumerate() {
        facts.push((if index == 0 { "because" } else { "and" }, why));
    }
    for imported in &view.imported {
        facts.extend(imports(imported, frame));
    }
    if view.failing().next().is_some() {
        facts.push(("meanwhile", meanwhile(view)));
    }
    let column = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, text): &(&str, String)| {
        let head = format!("  {}   ", pad(&Style::Dim.paint(name), column));
        hang(&head, text, frame)
    };
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `dev stays at 3.1.0 (77e0c1aa90bd); 29 other pipelines are unaffected`
fn meanwhile(view: &WhyView<'_>) -> String {
    let stage = &view.stage.key.stage;
    let stays = view.stage.current.as_ref().map_or_else(
        || format!("{stage} holds nothing"),
        |current| {
            let (version, digest) = (version(current), digest(&current.set));
            match version == digest {
                true => format!("{stage} stays at {digest}"),
                false => format!("{stage} stays at {version} ({digest})"),
            }
        },
    );
    match view.unaffected {
        0 => stays,
        1 => format!("{stays}; 1 other pipeline is unaffected"),
        more => format!("{stays}; {more} other pipelines are unaffected"),
    }
}

/// `4.2.0  9c04e1f7a2b8  since Wed 18 Nov 15:31 (4d 17h), commit 77ab01c2`
fn runs(current: &SetReport, frame: &Frame) -> String {
    let mut text = version_and_digest(current);
    match current.since {
        Some(since) => {
            let long = lasted(since, frame.now);
            text.push_str(&format!(
                "  since {} ({long})",
                frame.zone.near(since, frame.now)
            ));
        }
        None => text.push_str("  its clock has not started"),
    }
    if let Some(commit) = &current.commit {
        text.push_str(&format!(", commit {}", commit.short()));
    }
    if frame.wide && current.set.members().count() > 1 {
        let members = current.set.members();
        let members: Vec<String> = members.map(|(s, d)| format!("{s}@{}", d.short())).collect();
        text.push_str(&format!(": {}", members.join(", ")));
    }
    text
}

/// `built Sun 22 Nov 10:58 from acme/checkout@8f31c2d`, as far as labels say so. Of bundles nothing is said: each image
/// was built by itself.
fn built(candidate: &SetReport, view: &WhyView<'_>, frame: &Frame) -> Option<String> {
    let mut members = candidate.set.members();
    let (_, digest) = members
        .next()
        .filter(|_| candidate.set.members().count() == 1)?;
    let labels = view.labels.get(digest)?;
    let when = label(labels, "created").and_then(|at| at.parse::<Timestamp>().ok());
    let source = label(labels, "source").map(|source| {
        let short = source.trim_end_matches(".git");
        let short = short.split_once("://").map_or(short, |(_, rest)| rest);
        short
            .split_once('/')
            .map_or(short, |(_, path)| path)
            .to_owned()
    });
    let revision = label(labels, "revision").map(|revision| {
        let hex = revision.len() >= 12 && revision.bytes().all(|b| b.is_ascii_hexdigit());
        if hex {
            revision[..8].to_owned()
        } else {
            revision
        }
    });
    let when = when.map_or_else(String::new, |at| {
        format!(" {}", frame.zone.near(at, frame.now))
    });
    let from = match (source, revision) {
        (Some(source), Some(revision)) => format!(" from {source}@{revision}"),
        (Some(source), None) => format!(" from {source}"),
        (None, Some(revision)) => format!(" from {revision}"),
        (None, None) => String::new(),
    };
    (!when.is_empty() || !from.is_empty()).then(|| format!("built{when}{from}"))
}

fn label(labels: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let value = labels.get(&format!("org.opencontainers.image.{name}"))?;
    let value: String = safe(value).chars().take(LONGEST_LABEL).collect();
    (!value.is_empty()).then_some(value)
}

fn imports(imported: &Imported, frame: &Frame) -> Vec<(&'static str, String)> {
    let near = |at: Timestamp| frame.zone.near(at, frame.now);
    let tag = safe(&imported.tag.to_string());
    let Some(source) = imported.source.as_deref().map(safe) else {
        let last = imported.at.map(|at| format!("; last {}", near(at)));
        let text = format!(
            "{tag}: the stream does not say where it comes from{}",
            last.unwrap_or_default()
        );
        return vec![("imported", text)];
    };
    let at = imported.at.map_or_else(|| "never".to_owned(), near);
    let mut facts = vec![("imported", format!("{tag}: {at} from {source}"))];
    if let Some(rule) = imported.follows.as_deref().map(safe) {
        facts.push(("follows", format!("{rule}: `headwater describe istag {tag} --refresh` tells of each tag why it is or is not the one")));
    }
    if let Some(failing) = &imported.failing {
        facts.push(("failing", told(failing, frame)));
    }
    let last = imported
        .last_check
        .map(|last| format!("; last {}", near(last)));
    let last = last.unwrap_or_default();
    let check = match (imported.next_check, imported.every) {
        (Some(next), Some(every)) if next > frame.now => {
            format!("{}, every {every}{last}", near(next))
        }
        (Some(next), None) if next > frame.now => format!("{}{last}", near(next)),
        (_, Some(every)) => format!("due now, every {every}{last}"),
        (Some(_), None) => format!("due now{last}"),
        (None, None) => {
            "none: this tag is imported once (importPolicy.scheduled is not set)".to_owned()
        }
    };
    facts.push(("next check", check));
    facts
}

/// Lines `yes from qa ...` and `NO window ...`.
pub(super) fn conditions(conditions: &[Condition], frame: &Frame) -> String {
    let (names, evidence): (Vec<String>, Vec<String>) =
        conditions.iter().map(|c| words(c, frame)).unzip();
    let column = widest(&names).min(LONGEST_NAME);
    let beside = frame.width.is_none_or(|width| width >= WIDE);
    let text = widest(&evidence).min(72);
    let mut lines = Vec::new();
    for ((condition, name), evidence) in conditions.iter().zip(&names).zip(&evidence) {
        let mark = match &condition.verdict {
            Verdict::Open { .. } => Style::Green.paint("yes"),
            Verdict::Waiting { .. } => Style::Yellow.paint("NO "),
            Verdict::Refused { .. } => Style::BoldRed.paint("NO "),
        };
        let set_by = condition
            .set_by
            .as_deref()
            .map(safe)
            .filter(|by| !by.is_empty());
        let text = match set_by {
            Some(by) if beside => format!("{}   {}", pad(evidence, text), Style::Dim.paint(&by)),
            Some(by) => format!("{evidence} {}", Style::Dim.paint(&format!("({by})"))),
            None => evidence.clone(),
        };
        lines.push(hang(
            &format!("  {mark}   {}   ", pad(name, column)),
            &text,
            frame,
        ));
    }
    lines.join("\n")
}

/// Name and evidence of a condition. How many approved stands in the name (`approval 0 of 1`), who may in the evidence.
fn words(condition: &Condition, frame: &Frame) -> (String, String) {
    let until = super::words::until(condition);
    let mut said = match until.filter(|_| is_asked_again(condition)) {
        Some(again) => format!(
            "{}, looked at again {}",
            told(condition.verdict.why(), frame),
            frame.zone.near(again, frame.now)
        ),
        None => told_until(condition.verdict.why(), State::Waiting, until, frame),
    };
    let left = until.filter(|until| *until > frame.now && !is_asked_again(condition));
    if let Some(until) = left {
        said.push_str(&format!(", {} left", age::fine(elapsed(frame.now, until))));
    }
    match super::words::approved(condition) {
        Some(count) => {
            let rest = said.strip_prefix(&count).unwrap_or(&said).trim();
            let rest = rest
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'))
                .unwrap_or(rest);
            (format!("approval {count}"), rest.to_owned())
        }
        None => (safe(&condition.name), said),
    }
}

/// What the present set has still to show before the next stage may take it.
fn verify(view: &WhyView<'_>, frame: &Frame) -> String {
    let stage = view.stage;
    let Some(current) = stage.current.as_ref().filter(|_| !stage.verify.is_empty()) else {
        return String::new();
    };
    let version = version(current);
    let head = if stage.verify.iter().all(|c| c.verdict.is_open()) {
        format!("  {version} has passed here; the next stage may take it:")
    } else {
        format!(
            "  {version} has not passed here yet; the next stage takes it when every line says yes:"
        )
    };
    let head = hang("  ", head.trim_start(), frame);
    format!("{head}\n{}", conditions(&stage.verify, frame))
}

fn last(view: &WhyView<'_>, frame: &Frame) -> String {
    let stage = view.stage;
    let mut lines = Vec::new();
    for (index, (set, why)) in stage.passed_over.iter().enumerate() {
        let head = if index == 0 {
            "  not considered: "
        } else {
            "                  "
        };
        let text = format!(
            "{} {}: {}",
            version(set),
            digest(&set.set),
            told(why, frame)
        );
        lines.push(hang(head, &text, frame));
    }
    let act = view.act();
    if !act.is_empty() {
        let head = if stage.state == State::Settled {
            "to go back"
        } else {
            "to act"
        };
        lines.push(actions(head, &act, frame));
    }
    lines.join("\n")
}

/// Commands beside each other, or one below the other where they do not fit.
fn actions(head: &str, act: &[String], frame: &Frame) -> String {
    let head = format!("  {head}: ");
    let commands: Vec<String> = act.iter().map(|act| Style::Cyan.paint(act)).collect();
    let line = format!("{head}{}", commands.join("   |   "));
    let fits = |columns| crate::cli::output::style::width(&line) <= columns;
    if frame.width.is_none_or(fits) {
        return line;
    }
    let below = commands.iter().map(|command| hang("    ", command, frame));
    [head.trim_end().to_owned()]
        .into_iter()
        .chain(below)
        .collect::<Vec<_>>()
        .join("\n")
}
