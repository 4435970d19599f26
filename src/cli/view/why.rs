//! `why PIPELINE/STAGE`: what runs there, what comes next, what each condition says and what a person can do. This file
//! gathers it; `why_text` lays it out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words::{first_shut, is_number, safe, told, told_until, until};
use super::{Frame, View, why_text};
use crate::model::promotion::{FOLLOW, INTERVAL};
use crate::model::{Digest, ImageStream, Period, TagKey, Timestamp, Verdict};
use crate::plan::facts::CheckMemory;
use crate::plan::report::{Condition, StageReport, State};

/// Everything about one stage.
pub struct WhyView<'a> {
    /// What the plan says of it.
    pub stage: &'a StageReport,
    /// Of a first stage: where its images come from.
    pub imported: Vec<Imported>,
    /// Labels of images, as far as they are known.
    pub labels: &'a BTreeMap<Digest, BTreeMap<String, String>>,
    /// How many other pipelines nothing is wrong with.
    pub unaffected: usize,
    /// Gates that `promote --skip` may pass here, each with who may (`environment.overrides`).
    pub skippable: Vec<(String, Vec<String>)>,
    /// Whether there is an earlier set to roll back to.
    pub can_go_back: bool,
    /// What today's rules of approval miss in how the present set came.
    pub overridden: Option<String>,
}

/// A stage as data (`v` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WhyData {
    /// Version of this structure.
    pub v: u32,
    /// What the plan says of it.
    pub stage: StageReport,
    /// When it opens by itself, if every shut condition says when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// What today's rules of approval miss in how the present set came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<String>,
    /// Of a first stage: where its images come from.
    pub imported: Vec<Imported>,
    /// Commands that a person may run.
    pub act: Vec<String>,
}

/// What is known of the import of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The tag.
    pub tag: TagKey,
    /// What it is imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When the present image was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When the registry was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check: Option<Timestamp>,
    /// When it is asked next; absent where it is not asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check: Option<Timestamp>,
    /// How often it is asked; absent for a tag that is imported once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Period>,
    /// The rule by which it follows newer tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// What the last check said, if it failed, and since when it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

impl Imported {
    /// Reads a tag of a stream and what is remembered of its checks. `interval` is the repository's default.
    pub fn of(
        tag: &TagKey,
        stream: &ImageStream,
        memory: Option<&CheckMemory>,
        interval: Period,
    ) -> Self {
        let spec = stream.spec_tag(&tag.tag);
        let source = spec.and_then(|spec| spec.from.as_ref());
        let scheduled = spec.is_some_and(|spec| spec.import_policy.scheduled);
        let own = spec.and_then(|spec| spec.annotations.get(INTERVAL)?.parse().ok());
        let follows = spec.and_then(|spec| spec.annotations.get(FOLLOW));
        let every = scheduled || follows.is_some();
        let every = every.then(|| own.unwrap_or(interval));
        let listed = memory.and_then(|memory| memory.follow.as_deref());
        let listed = listed.and_then(|follow| follow.list.last_check);
        let last_check = memory.and_then(|memory| memory.last_check).max(listed);
        let failing = memory.filter(|memory| memory.failures > 0);
        let by_interval = every.zip(last_check).map(|(every, last)| every.after(last));
        Self {
            tag: tag.clone(),
            source: source.map(|from| from.name.to_string()),
            at: stream.head(&tag.tag).and_then(|head| head.created),
            last_check,
            next_check: failing.and_then(|memory| memory.next_try).or(by_interval),
            every,
            follows: follows.map(|rule| rule.into_owned()),
            failing: failing.map(failure),
        }
    }
}

fn failure(memory: &CheckMemory) -> String {
    let since = memory.failing_since.map(crate::model::time::stamp);
    let since = since.map_or_else(String::new, |since| format!(" since {since}"));
    let tries = match memory.failures {
        1 => "1 try".to_owned(),
        more => format!("{more} tries"),
    };
    format!("{}{since}, {tries}", memory.message)
}

impl View for WhyView<'_> {
    type Data = WhyData;

    fn text(&self, frame: &Frame) -> String {
        why_text::draw(self, frame)
    }

    fn names(&self) -> Vec<String> {
        vec![self.stage.key.to_string()]
    }

    fn data(&self) -> WhyData {
        WhyData {
            v: 1,
            stage: self.stage.clone(),
            opens_at: opens_at(self.stage),
            overridden: self.overridden.clone(),
            imported: self.imported.clone(),
            act: self.act(),
        }
    }
}

/// Whether a condition's time is that of the next question, not of its opening.
pub(super) fn is_asked_again(condition: &Condition) -> bool {
    matches!(condition.kind.as_str(), "http" | "signature" | "workflow")
}

/// When a stage opens by itself: the last of its shut conditions, if each says when.
pub(super) fn opens_at(stage: &StageReport) -> Option<Timestamp> {
    let shut: Vec<&Condition> = stage
        .conditions
        .iter()
        .filter(|c| !c.verdict.is_open())
        .collect();
    // What somebody else answers is not open by being asked again.
    if shut.iter().any(|c| is_asked_again(c)) {
        return None;
    }
    let times: Option<Vec<Timestamp>> = shut.into_iter().map(until).collect();
    match stage.state {
        State::Waiting | State::Frozen => times?.into_iter().max().or(stage.until),
        _ => None,
    }
}

impl WhyView<'_> {
    /// Where it stands, in a few words.
    pub(super) fn in_a_few_words(&self, frame: &Frame) -> String {
        let stage = self.stage;
        match stage.state {
            State::Broken => "somebody must mend it".to_owned(),
            State::Refused => {
                let no = |c: &&Condition| matches!(c.verdict, Verdict::Refused { .. });
                let all = stage.conditions.iter().chain(&stage.verify);
                let refused = all.clone().find(no);
                refused.map_or_else(|| "no".to_owned(), |c| format!("{} says no", safe(&c.name)))
            }
            State::Held => "stopped until somebody lifts it".to_owned(),
            State::Waiting if self.is_told_by_an_import(&stage.why) => {
                let next = self.failing().filter_map(|i| i.next_check).min();
                let next = next.map(|at| format!(" {}", opening(at, frame)));
                format!(
                    "no import; tried again by itself{}",
                    next.unwrap_or_default()
                )
            }
            State::Frozen | State::Waiting => match opens_at(stage) {
                Some(at) => format!("opens by itself {}", opening(at, frame)),
                None => format!("waits for {}", self.shut()),
            },
            State::Moving => match first_shut(&stage.conditions) {
                Some(_) => format!(
                    "its pull request comes with the next run and waits for {}",
                    self.shut()
                ),
                None => "every condition is open: it moves with the next run".to_owned(),
            },
            State::Settled => match first_shut(&stage.verify) {
                Some(c) => format!("nothing to take; {} is still to be shown", safe(&c.name)),
                None => "nothing to do".to_owned(),
            },
            State::None => "no set has ever been here".to_owned(),
        }
    }

    /// `window and an approval`: what is shut.
    fn shut(&self) -> String {
        let shut = self
            .stage
            .conditions
            .iter()
            .filter(|c| !c.verdict.is_open());
        let (approvals, others): (Vec<&Condition>, Vec<&Condition>) =
            shut.partition(|c| c.kind == "approvals");
        let approvals = match approvals.len() {
            0 => None,
            1 => Some("an approval".to_owned()),
            _ => Some("approvals".to_owned()),
        };
        let names = others.into_iter().map(|c| safe(&c.name));
        match names.chain(approvals).collect::<Vec<_>>().as_slice() {
            [] => "something else".to_owned(),
            names => names.join(" and "),
        }
    }

    /// Tags whose import fails.
    pub(super) fn failing(&self) -> impl Iterator<Item = &Imported> {
        self.imported.iter().filter(|i| i.failing.is_some())
    }

    /// Why it stands as it does, the worst first, without what conditions and imports say already.
    pub(super) fn because(&self, frame: &Frame) -> Vec<String> {
        let stage = self.stage;
        let why = told(&stage.why, frame);
        let all = stage.conditions.iter().chain(&stage.verify);
        let named = |c: &Condition| c.kind == "approvals" || why.contains(&safe(&c.name));
        let known = all
            .clone()
            .any(|c| named(c) && why.contains(&told(c.verdict.why(), frame)));
        let mut reasons = vec![(stage.why.as_str(), None)];
        let told_above = stage.state == State::None && why.starts_with("no set has been here");
        reasons.retain(|(why, _)| !why.is_empty() && !known && !told_above);
        let others = stage.blocks.iter().filter(|b| b.why != stage.why);
        reasons.extend(others.map(|b| (b.why.as_str(), b.until)));
        reasons.retain(|(why, _)| !self.is_told_by_an_import(why));
        let words = reasons
            .into_iter()
            .map(|(why, until)| told_until(&in_plain_words(why), stage.state, until, frame));
        words.collect()
    }

    fn is_told_by_an_import(&self, why: &str) -> bool {
        let messages = self.failing().filter_map(|i| i.failing.as_deref());
        let mut messages = messages.filter_map(|text| text.rsplit_once(" since "));
        let told = |(message, _): (&str, &str)| why.contains(message);
        why.starts_with("import: ") && messages.any(told)
    }

    /// Commands that a person may run, those that lead on first.
    pub(super) fn act(&self) -> Vec<String> {
        let stage = self.stage;
        let key = &stage.key;
        let blocks = stage.blocks.iter().filter_map(|block| block.help.as_ref());
        let mut act: Vec<String> = Vec::new();
        // Whoever reads this has asked that already.
        let here = format!("headwater why {key}");
        for help in stage.help.iter().chain(blocks).map(|help| safe(help)) {
            if !act.contains(&help) && help != here {
                act.push(help);
            }
        }
        let unapproved = |c: &Condition| c.kind == "approvals" && !c.verdict.is_open();
        if let Some(id) = stage.pull_request.as_ref().map(|id| safe(id)) {
            if stage.conditions.iter().any(unapproved) {
                act.push(approve(&id));
            }
            act.push(show(&id));
        }
        match stage.state {
            State::Waiting | State::Frozen | State::Moving | State::Refused
                if stage.candidate.is_some() =>
            {
                act.extend(self.skips());
                act.extend(self.another_image());
                act.push(format!("headwater hold {key} --reason ..."));
            }
            State::Settled | State::Refused if self.can_go_back => {
                act.push(format!("headwater rollback {key} --reason ..."));
            }
            State::Held if act.is_empty() => {
                act.push(format!("headwater unhold {key} --reason ..."))
            }
            State::Broken if act.is_empty() => act.push("headwater check".to_owned()),
            _ => {}
        }
        act
    }

    /// What opens a first stage whose rule refuses what the registry has: nothing that is typed here.
    fn another_image(&self) -> Option<String> {
        let conditions = &self.stage.conditions;
        let is_first = conditions.iter().all(|c| c.kind != "from");
        let mut conditions = conditions.iter();
        let refused = conditions.find(|c| matches!(c.verdict, Verdict::Refused { .. }))?;
        let of = refused.set_by.as_deref();
        let of = of.map_or_else(String::new, |of| format!(" of {}", safe(of)));
        is_first.then(|| {
            format!(
                "push an image that passes `{}`, or change that rule{of}",
                safe(&refused.name)
            )
        })
    }

    /// One command for all shut gates that may be skipped, if that opens the stage.
    fn skips(&self) -> Option<String> {
        let candidate = self.stage.candidate.as_ref()?;
        let mut flags = String::new();
        let mut who: Vec<&String> = Vec::new();
        let shut = self
            .stage
            .conditions
            .iter()
            .filter(|c| !c.verdict.is_open());
        for condition in shut.filter(|c| c.kind != "approvals") {
            let (gate, by) = self
                .skippable
                .iter()
                .find(|(gate, _)| *gate == condition.kind)?;
            flags.push_str(&format!(" --skip {}", safe(gate)));
            let fresh: Vec<&String> = by.iter().filter(|by| !who.contains(by)).collect();
            who.extend(fresh);
        }
        let who: Vec<String> = who.into_iter().map(|who| safe(who)).collect();
        let who = if who.is_empty() {
            String::new()
        } else {
            format!(" ({})", who.join(", "))
        };
        let (key, to) = (&self.stage.key, safe(&candidate.version));
        (!flags.is_empty())
            .then(|| format!("headwater promote {key} --to {to}{flags} --reason ...{who}"))
    }
}

/// The word for scripts behind the words for people: `EditedByHand: x was ...` as `x was ... (EditedByHand)`.
fn in_plain_words(why: &str) -> String {
    let is_code = |word: &str| {
        let capitals = word.chars().filter(char::is_ascii_uppercase).count();
        capitals > 1
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().any(|c| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_alphanumeric())
    };
    match why.split_once(": ") {
        Some((word, rest)) if is_code(word) => format!("{rest} ({word})"),
        _ => why.to_owned(),
    }
}

/// `today 15:00`, `Wed 18 Nov 15:31`
fn opening(at: Timestamp, frame: &Frame) -> String {
    let near = frame.zone.near(at, frame.now);
    if near == frame.zone.minute(at) {
        format!("today {near}")
    } else {
        near
    }
}

/// How a person approves a pull request: on a hosted forge there, offline here.
pub(super) fn approve(id: &str) -> String {
    if is_number(id) {
        format!("gh pr review {id} --approve")
    } else {
        format!("headwater pr approve {id}")
    }
}

fn show(id: &str) -> String {
    format!("headwater pr show {id}")
}
