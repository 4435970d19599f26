//! Blocks: what stops a whole stage, whichever set is next.

use crate::model::{Delivery, Name};
use crate::plan::desk::Desk;
use crate::plan::facts::pull::PullState;
use crate::plan::failing::forge_waits;
use crate::plan::guard;
use crate::plan::report::{BlockReport, State};
use crate::plan::road::StageView;
use crate::plan::road::candidates::{pulls_of, stage_hold};

/// Something that stops the whole stage.
#[derive(Debug, Clone)]
pub struct Block {
    /// The state it puts the stage in.
    pub state: State,
    /// A stable word.
    pub reason: &'static str,
    /// Plain words.
    pub why: String,
    /// What a person can do.
    pub help: Option<String>,
}

impl Block {
    /// A block without help.
    pub fn new(state: State, reason: &'static str, why: impl Into<String>) -> Self {
        Self {
            state,
            reason,
            why: why.into(),
            help: None,
        }
    }

    /// For people.
    pub fn report(&self) -> BlockReport {
        BlockReport {
            state: self.state,
            reason: self.reason.to_owned(),
            why: self.why.clone(),
            until: None,
            help: self.help.clone(),
        }
    }

    /// With what a person can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The reason of a stage whose tag a person put somewhere else.
pub const BY_HAND: &str = "EditedByHand";

/// The reason of a stage that lacks a condition which the operator asks for.
pub const GUARDED: &str = "Guarded";

/// What stops any stage: errors in its files, unreadable brakes, a Hold that pins it.
pub fn common(view: &StageView<'_>, desk: &Desk<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(why) = &view.broken {
        blocks.push(Block::new(State::Broken, "Invalid", why.clone()).help("headwater check"));
    } else {
        blocks.extend(guarded(view, desk));
    }
    if let Some(why) = &desk.docs.brakes_unreadable {
        let why = format!("{why}: everything holds until it can be read");
        blocks.push(Block::new(State::Held, "BrakesUnreadable", why).help("headwater check"));
    }
    if let Some(hold) = stage_hold(view, desk) {
        let by = hold
            .by
            .as_deref()
            .map_or_else(String::new, |by| format!(" ({by})"));
        let help = format!("headwater unhold {} --reason ...", view.key);
        blocks.push(Block::new(State::Held, "Held", format!("{}{by}", hold.reason)).help(help));
    }
    if desk.obs.facts.pulls.is_none() && view.delivery == Delivery::PullRequest {
        blocks.push(forge_unknown(desk));
    }
    if let Some((pull, why)) = foreign(view, desk) {
        let why = format!("pull request {pull} is left alone: {why}");
        let help = "close it, or take the foreign commit off its branch";
        blocks.push(Block::new(State::Held, "Foreign", why).help(help));
    }
    blocks
}

/// What the operator asks of whatever enters its environments, and nothing in the repository does.
fn guarded(view: &StageView<'_>, desk: &Desk<'_>) -> Vec<Block> {
    let Some(pipeline) = desk.docs.pipelines.get(&view.key.pipeline) else {
        return Vec::new();
    };
    let lacking = guard::lacking(&pipeline.value, view.stage, desk.docs, desk.guards());
    let block = |lacking: guard::Lacking| {
        let why = format!("{GUARDED}: {}", lacking.why);
        Block::new(State::Broken, GUARDED, why).help(lacking.mend)
    };
    lacking.into_iter().map(block).collect()
}

/// Without its pull requests, nothing is known of what people said.
fn forge_unknown(desk: &Desk<'_>) -> Block {
    let facts = &desk.obs.facts;
    let why = match &facts.forge_failure {
        Some(failure) => format!("the pull requests cannot be read: {}", failure.message),
        None => "the forge was not asked".to_owned(),
    };
    let state = match forge_waits(facts) {
        true => State::Waiting,
        false => State::Broken,
    };
    Block::new(state, "ForgeUnknown", why)
}

/// What stops a stage that takes its sets from others, beside what stops any.
pub fn later(view: &StageView<'_>, desk: &Desk<'_>) -> Vec<Block> {
    let mut blocks = common(view, desk);
    if !desk.obs.history.complete && view.timeline.stays.is_empty() && has_any_trace(view, desk) {
        let why = "HistoryUnknown: the clone is shallow, so the past of this stage is not known";
        let help = "fetch the whole history (actions/checkout: fetch-depth: 0)";
        blocks.push(Block::new(State::Broken, "HistoryUnknown", why).help(help));
    }
    if let Some(hand) = &view.timeline.by_hand {
        let to = hand
            .digest
            .as_ref()
            .map_or("nothing".to_owned(), |d| d.short().to_owned());
        let why = format!(
            "EditedByHand: {} was put to {to} by {}, which is no promotion",
            hand.tag,
            hand.commit.short()
        );
        let help = "revert it, or use `headwater promote` or `headwater rollback`";
        blocks.push(Block::new(State::Held, BY_HAND, why).help(help));
    }
    let missing = view
        .from
        .stages()
        .iter()
        .filter_map(|source| missing_source_tag(view, source, desk));
    blocks.extend(missing.map(|why| Block::new(State::Broken, "TagMissing", why)));
    if let Some(why) = stopped_by_a_person(view, desk) {
        blocks.push(
            Block::new(State::Held, "TagMissing", why)
                .help("put the tag back, or remove its history as well"),
        );
    }
    blocks
}

fn has_any_trace(view: &StageView<'_>, desk: &Desk<'_>) -> bool {
    view.streams.iter().any(|s| {
        desk.stream(s)
            .is_some_and(|s| s.spec_tag(view.tag()).is_some() || s.status_tag(view.tag()).is_some())
    })
}

/// A source stage that had sets, but whose tag is gone from the spec of a stream.
fn missing_source_tag(view: &StageView<'_>, source: &Name, desk: &Desk<'_>) -> Option<String> {
    let pipeline = desk.docs.pipelines.get(&view.key.pipeline)?;
    let tag = pipeline.value.stage(source)?.tag();
    view.streams.iter().find_map(|stream| {
        let value = desk.stream(stream)?;
        let gone = value.spec_tag(tag).is_none()
            && value.status_tag(tag).is_some_and(|t| !t.items.is_empty());
        gone.then(|| {
            format!(
                "TagMissing: {stream}:{tag}, from which {} takes its sets, has no spec tag",
                view.key.stage
            )
        })
    })
}

/// A target tag with history but without spec was stopped by a person.
fn stopped_by_a_person(view: &StageView<'_>, desk: &Desk<'_>) -> Option<String> {
    view.streams.iter().find_map(|stream| {
        let value = desk.stream(stream)?;
        let stopped = value.spec_tag(view.tag()).is_none()
            && value
                .status_tag(view.tag())
                .is_some_and(|t| !t.items.is_empty());
        stopped.then(|| {
            format!(
                "TagMissing: {stream}:{} has history but no spec tag: somebody stopped it",
                view.tag()
            )
        })
    })
}

fn foreign(view: &StageView<'_>, desk: &Desk<'_>) -> Option<(String, String)> {
    pulls_of(view, desk)
        .filter(|(_, pull)| pull.state == PullState::Open)
        .find_map(|(_, pull)| {
            Some((
                pull.id.clone(),
                pull.branch_facts.as_ref()?.foreign.clone()?,
            ))
        })
}
