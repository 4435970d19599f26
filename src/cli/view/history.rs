//! `history PIPELINE/STAGE`: which sets were current there, newest first, whose move each was and on which evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words::{ago, digest, hang, is_number, lasted, pad, safe, told, version};
use super::{Frame, View};
use crate::cli::output::{Style, Table};
use crate::model::promotion::Cause;
use crate::model::{CommitId, Promotion, Set, StageKey, Timestamp};
use crate::plan::report::SetReport;
use crate::plan::road::timeline::{Stay, Timeline, Whose};

/// Below this the table is two lines for each set.
const NARROW: usize = 90;

/// The past of a stage.
pub struct HistoryView<'a> {
    /// The stage.
    pub key: &'a StageKey,
    /// Its past, from History.
    pub timeline: &'a Timeline,
    /// Versions of sets, as people read them.
    pub version: &'a dyn Fn(&Set) -> String,
    /// Pull requests by the commit that merged them.
    pub merged: &'a BTreeMap<CommitId, String>,
    /// How many moves are shown, newest first.
    pub limit: usize,
    /// Whether the past reaches back to the beginning.
    pub complete: bool,
}

/// The past of a stage as data (`v` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryData {
    /// Version of this structure.
    pub v: u32,
    /// The stage.
    pub stage: StageKey,
    /// Whether the past reaches back to the beginning.
    pub complete: bool,
    /// How many sets there were in all.
    pub total: usize,
    /// Sets, newest first.
    pub sets: Vec<StayData>,
    /// A move by hand that the stage does not follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<HandData>,
}

/// A set being current, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StayData {
    /// The set, its version, its clock and the commit that made it current.
    #[serde(flatten)]
    pub set: SetReport,
    /// When it left; absent while it is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// `ours`, `merged`, `back` or `byHand`.
    pub whose: String,
    /// The pull request it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// Whether its coming is proof enough for later stages.
    pub confirmed: bool,
    /// Whether it left by a move back.
    pub left_back: bool,
    /// The record written when it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Promotion>,
}

/// A move by hand as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandData {
    /// The tag.
    pub tag: String,
    /// The commit.
    pub commit: CommitId,
    /// Where the tag was put.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl View for HistoryView<'_> {
    type Data = HistoryData;

    fn text(&self, frame: &Frame) -> String {
        let stays = self.stays();
        let mut parts = vec![self.hand(frame)];
        if stays.is_empty() && !self.complete {
            parts.push(format!("of no set is it known that it was in {}", self.key));
        } else if stays.is_empty() {
            parts.push(format!("no set has ever been in {}", self.key));
        } else if frame.wide || frame.width.is_some_and(|width| width < NARROW) {
            let blocks = stays.iter().map(|stay| block(stay, frame));
            parts.push(blocks.collect::<Vec<_>>().join("\n"));
        } else {
            parts.push(table(&stays, frame));
        }
        parts.push(self.rest());
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    /// A digest of each set, as `rollback --to` takes them.
    fn names(&self) -> Vec<String> {
        let stays = self.stays();
        let digest = |stay: &StayData| stay.set.set.members().next().map(|(_, d)| d.to_string());
        stays.iter().filter_map(digest).collect()
    }

    fn data(&self) -> HistoryData {
        let by_hand = self.timeline.by_hand.as_ref().map(|hand| HandData {
            tag: hand.tag.to_string(),
            commit: hand.commit.clone(),
            digest: hand.digest.as_ref().map(ToString::to_string),
        });
        HistoryData {
            v: 1,
            stage: self.key.clone(),
            complete: self.complete,
            total: self.timeline.stays.len(),
            sets: self.stays(),
            by_hand,
        }
    }
}

impl HistoryView<'_> {
    fn stays(&self) -> Vec<StayData> {
        let newest = self.timeline.stays.iter().rev().take(self.limit);
        newest.map(|stay| self.stay(stay)).collect()
    }

    fn stay(&self, stay: &Stay) -> StayData {
        let whose = match stay.whose {
            Whose::Ours => "ours",
            Whose::Merged => "merged",
            Whose::Adopted => "adopted",
            Whose::Back => "back",
            Whose::ByHand => "byHand",
        };
        StayData {
            set: SetReport {
                set: stay.set.clone(),
                version: (self.version)(&stay.set),
                since: stay.since,
                commit: Some(stay.commit.clone()),
            },
            until: stay.left.map(|(_, at)| at),
            whose: whose.to_owned(),
            pull_request: self.merged.get(&stay.commit).cloned(),
            confirmed: stay.confirmed,
            left_back: stay.left_back,
            record: stay.record.clone(),
        }
    }

    /// A move by hand that nothing put right yet.
    fn hand(&self, frame: &Frame) -> String {
        let Some(hand) = &self.timeline.by_hand else {
            return String::new();
        };
        let to = hand
            .digest
            .as_ref()
            .map_or("nothing", |digest| digest.short());
        let (tag, commit) = (safe(&hand.tag.to_string()), hand.commit.short());
        let text =
            format!("{tag} was put to {to} by hand in {commit}; the stage does not follow it");
        hang("", &Style::Magenta.paint(&text), frame)
    }

    fn rest(&self) -> String {
        let more = self.timeline.stays.len().saturating_sub(self.limit);
        let mut lines = Vec::new();
        if more > 0 {
            lines.push(format!(
                "{more} older: --limit {}",
                self.timeline.stays.len()
            ));
        }
        if !self.complete {
            lines.push("older ones are not known: the clone is shallow".to_owned());
        }
        lines.join("\n")
    }
}

/// How long it was current: until it left, or until now.
fn stayed(stay: &StayData, frame: &Frame) -> String {
    let until = stay.until.unwrap_or(frame.now);
    stay.set
        .since
        .map_or_else(|| "-".to_owned(), |since| lasted(since, until))
}

fn since(stay: &StayData, frame: &Frame) -> String {
    let clock = |since| frame.zone.day(since, frame.now);
    stay.set
        .since
        .map_or_else(|| "clock not started".to_owned(), clock)
}

/// `promotion, promote-shop-prod-1d0fbf8e`, `rollback, asked by mara@acme.example`, `by hand, not confirmed`
fn whose(stay: &StayData) -> String {
    let cause = stay.record.as_ref().map(|record| record.cause);
    let mut text = match (stay.whose.as_str(), cause) {
        ("byHand", _) => "by hand",
        (_, Some(Cause::Rollback)) => "rollback",
        (_, Some(Cause::Adopted)) => "adopted",
        ("back", Some(Cause::Promotion)) => "an older set promoted",
        ("back", _) => "taken back",
        (_, Some(Cause::Promotion)) => "promotion",
        // What needs no record came from no other stage.
        (_, None) => "import",
    }
    .to_owned();
    if !stay.confirmed {
        text.push_str(", not confirmed");
    }
    if let Some(id) = stay.pull_request.as_deref().map(safe) {
        let number = if is_number(&id) { "#" } else { "" };
        text.push_str(&format!(", {number}{id}"));
    }
    let asked = stay
        .record
        .as_ref()
        .and_then(|record| record.asked_by.as_deref());
    text.push_str(&asked.map_or_else(String::new, |who| format!(", asked by {}", safe(who))));
    text
}

fn name(stay: &StayData) -> String {
    match stay.until {
        None => Style::Bold.paint(&version(&stay.set)),
        Some(_) => version(&stay.set),
    }
}

fn commit(stay: &StayData) -> String {
    stay.set
        .commit
        .as_ref()
        .map_or("-", CommitId::short)
        .to_owned()
}

fn table(stays: &[StayData], frame: &Frame) -> String {
    let mut table = Table::new(["VERSION", "DIGEST", "SINCE", "AGE", "FOR", "COMMIT", "MOVE"]);
    for stay in stays {
        let mut long = stayed(stay, frame);
        if stay.until.is_none() {
            long = Style::Green.paint("current");
        }
        table.row([
            name(stay),
            digest(&stay.set.set),
            since(stay, frame),
            ago(stay.set.since, frame),
            long,
            commit(stay),
            whose(stay),
        ]);
    }
    table.draw(frame.width)
}

/// A set on a line of its own, where it came from and its evidence below.
fn block(stay: &StayData, frame: &Frame) -> String {
    let current = if stay.until.is_none() {
        Style::Green.paint("current")
    } else {
        stayed(stay, frame)
    };
    let (name, digests, since) = (name(stay), digest(&stay.set.set), since(stay, frame));
    let mut lines = vec![hang(
        "",
        &format!("{name}  {digests}  {since}  {current}"),
        frame,
    )];
    lines.push(hang(
        "    ",
        &format!("{}, commit {}", whose(stay), commit(stay)),
        frame,
    ));
    let record = stay.record.as_ref().filter(|_| frame.wide);
    for from in record.iter().flat_map(|record| &record.from) {
        lines.push(hang(
            "    ",
            &format!("from {} at {}", from.stage, from.commit.short()),
            frame,
        ));
    }
    for evidence in record.iter().flat_map(|record| &record.evidence) {
        let said = match evidence.verdict.as_str() {
            "open" => Style::Green.paint("yes"),
            verdict => Style::Yellow.paint(&safe(verdict)),
        };
        let head = format!(
            "    {}   {}   ",
            pad(&said, "overridden".len()),
            safe(&evidence.gate)
        );
        lines.push(hang(&head, &told(&evidence.detail, frame), frame));
    }
    lines.join("\n")
}
