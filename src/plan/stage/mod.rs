//! Stages: from a decision to moves on the base or to the life of a pull request, and what people are told of each.

pub mod adoption;
pub mod block;
pub mod decide;
pub mod first;
pub mod going_back;
pub mod request;

use std::collections::BTreeMap;

use super::change::propose::{Proposal, Stamps, promotion};
use super::change::wave::Item;
use super::desk::Desk;
use super::gate::{self, Asked, Runs};
use super::output::survey::{Survey, has_outputs};
use super::pull::life::{approval_conditions, open_of};
use super::report::{
    BlockReport, Change, ChangeKind, HoldReport, SetReport, StageReport, State, Subject,
};
use super::road::StageView;
use super::road::timeline::Stay;
use super::stage::block::Block;
use super::stage::decide::{Decision, Judged, decide, first_timeline, judge_set, verification};
use super::text::{Trailer, short};
use crate::model::{Delivery, Name, Request, Set, Timestamp, Verdict};

/// What a stage wants to have done.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The set and how it was judged.
    pub judged: Judged,
    /// Who asked for it.
    pub asked_by: Option<String>,
}

/// A stage, decided.
pub struct Decided<'a> {
    /// The stage.
    pub view: &'a StageView<'a>,
    /// What was decided.
    pub decision: Decision,
    /// What people are told; completed by what follows.
    pub report: StageReport,
}

/// Decides one stage that takes its sets from others.
pub fn later<'a>(
    view: &'a StageView<'a>,
    road: &BTreeMap<Name, &'a StageView<'a>>,
    survey: &Survey,
    desk: &mut Desk<'_>,
) -> Decided<'a> {
    let mut decision = decide(view, road, desk);
    for block in output_blocks(view, survey, desk) {
        decision.stop(block);
    }
    if let Some(block) = incomplete(view, road, &decision, desk) {
        decision.stop(block);
    }
    let report = report(view, road, &decision, desk);
    Decided {
        view,
        decision,
        report,
    }
}

/// What outputs say against moving the stage: a hand edit, or a first set over something that runs already.
fn output_blocks(view: &StageView<'_>, survey: &Survey, desk: &mut Desk<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some((path, digest)) = survey.hand_edits.get(&view.key) {
        blocks.push(Block {
            state: State::Held,
            reason: "EditedByHand",
            why: format!("EditedByHand: {path} was put to {digest} by hand"),
            help: Some(format!("restore the digest, or `headwater rollback {}`, or `headwater unhold {}` to render it again", view.key, view.key)),
        });
    }
    let asked = view.streams.iter().any(|s| {
        desk.stream(s)
            .and_then(|s| s.spec_tag(view.tag()))
            .is_some_and(|t| t.annotations.contains_key(crate::model::promotion::REQUEST))
    });
    if view.timeline.stays.is_empty() && !asked && has_outputs(view, survey, desk) {
        blocks.push(adoption::before_promotion(view, survey, desk));
    }
    blocks.extend(adoption::contradicted(view, survey).filter(|_| !asked));
    blocks
}

/// A bundle with a stream not seen since the set's newest member arrived is no candidate.
fn incomplete(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    decision: &Decision,
    desk: &Desk<'_>,
) -> Option<Block> {
    let chosen = decision
        .chosen
        .as_ref()
        .filter(|_| view.streams.len() > 1)?;
    let first = road.values().find(|s| s.is_first())?;
    let arrived = first
        .timeline
        .latest(&chosen.candidate.id)
        .and_then(|s| s.since)?;
    let stale = view
        .streams
        .iter()
        .find(|stream| !seen_since(stream, first, arrived, desk))?;
    Some(Block {
        state: State::Waiting,
        reason: "BundleIncomplete",
        why: format!(
            "BundleIncomplete: {stale} was not seen since {}",
            crate::model::time::stamp(arrived)
        ),
        help: None,
    })
}

fn seen_since(
    stream: &crate::model::StreamKey,
    first: &StageView<'_>,
    arrived: Timestamp,
    desk: &Desk<'_>,
) -> bool {
    let tag = crate::model::TagKey::new(stream.clone(), first.tag());
    let Some(spec) = desk.stream(stream).and_then(|s| s.spec_tag(first.tag())) else {
        return false;
    };
    if !spec.import_policy.scheduled {
        return true;
    }
    let mut resolved = desk.obs.facts.resolved.iter();
    let answered = resolved.find(|(question, _)| {
        let asked = spec
            .from
            .as_ref()
            .is_some_and(|f| *f.name == *question.reference.to_string());
        asked && question.namespace == stream.namespace
    });
    match answered {
        Some((_, answer)) => matches!(answer.outcome, super::facts::Outcome::Ok(_)),
        None => desk
            .obs
            .facts
            .memory
            .get(&tag)
            .is_some_and(|m| m.failures == 0 && m.last_success.is_some_and(|at| at >= arrived)),
    }
}

/// What people are told before anything of this pass is carried out.
pub fn report(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    decision: &Decision,
    desk: &mut Desk<'_>,
) -> StageReport {
    let current = view.timeline.current().cloned();
    let open = open_of(view, desk);
    let mut conditions = decision
        .candidate
        .as_ref()
        .map(|c| c.conditions.clone())
        .unwrap_or_default();
    let pull = open.as_ref().map(|(_, p)| *p);
    if let Some(candidate) = &decision.candidate
        && view.delivery == Delivery::PullRequest
    {
        conditions.extend(approval_conditions(
            view,
            pull,
            candidate.vouched.as_deref(),
            decision.request.as_ref().map(|r| r.by.as_str()),
            desk,
        ));
    }
    let verify = verified(view, road, current.as_ref(), desk);
    let told = state(view, decision, &verify, current.as_ref(), desk);
    let (state, why, until, help) = match adoption::behind(view, road) {
        Some(behind) if told.0 == State::Settled && told.1.is_empty() => {
            let help = format!("headwater promote {} --reason ...", view.key);
            (State::Settled, behind, None, Some(help))
        }
        _ => told,
    };
    let mut blocks: Vec<BlockReport> = decision.blocks.iter().map(Block::report).collect();
    blocks.sort_by_key(|block| block.state);
    let candidate = decision
        .candidate
        .as_ref()
        .map(|c| set_report(&c.candidate.set, None, desk));
    let passed_over = decision
        .passed_over
        .iter()
        .map(|j| (set_report(&j.candidate.set, None, desk), shut_words(j)))
        .collect();
    StageReport {
        key: view.key.clone(),
        tag: view.tag().to_owned(),
        state,
        why,
        delivery: view.delivery,
        blocks,
        current: current.as_ref().map(|s| set_report(&s.set, Some(s), desk)),
        candidate,
        conditions,
        verify,
        passed_over,
        pull_request: pull.map(|p| p.id.clone()),
        until,
        help,
    }
}

/// What the stage itself says of the set that it has.
fn verified(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    current: Option<&Stay>,
    desk: &mut Desk<'_>,
) -> Vec<super::report::Condition> {
    let Some(stay) = current else {
        return Vec::new();
    };
    let of_road = first_timeline(view, road);
    let first = match view.is_first() {
        true => &view.timeline,
        false => &of_road,
    };
    let asked = Asked {
        stage: &view.key,
        set: &stay.set,
        id: &stay.id,
        stays: &view.timeline,
        first,
        runs: Runs::NobodyTells,
    };
    verification(view, asked, desk)
}

fn shut_words(judged: &Judged) -> String {
    match (&judged.held, judged.first_shut()) {
        (Some(held), _) => format!("held: {}", held.why),
        (None, Some(condition)) => format!("{}: {}", condition.name, condition.verdict.why()),
        (None, None) => "older than the one chosen".to_owned(),
    }
}

type Told = (State, String, Option<Timestamp>, Option<String>);

fn state(
    view: &StageView<'_>,
    decision: &Decision,
    verify: &[super::report::Condition],
    current: Option<&Stay>,
    desk: &Desk<'_>,
) -> Told {
    if let Some(block) = decision.blocks.iter().min_by_key(|b| b.state) {
        return (block.state, block.why.clone(), None, block.help.clone());
    }
    if let Some(condition) = verify
        .iter()
        .find(|c| matches!(c.verdict, Verdict::Refused { .. }))
    {
        let help = format!("headwater why {}", view.key);
        return (
            State::Refused,
            format!("{}: {}", condition.name, condition.verdict.why()),
            None,
            Some(help),
        );
    }
    if let Some(judged) = &decision.candidate {
        let told = candidate_state(judged, view, desk);
        return asked_for(told, view, decision.request.as_ref());
    }
    if let Some(stay) = current.filter(|stay| view.is_first() && !stay.confirmed) {
        return (
            State::Held,
            format!(
                "WrittenByHand: {} wrote it by hand, so nothing is promoted from it",
                stay.commit.short()
            ),
            None,
            Some(format!(
                "git revert {}; the next check imports what the registry has",
                stay.commit.short()
            )),
        );
    }
    let waiting = verify.iter().find(|c| !c.verdict.is_open());
    match (current, waiting) {
        (None, _) => (
            State::None,
            match view.is_first() {
                true => first::not_imported(view, desk),
                false => "no set has been here yet".to_owned(),
            },
            None,
            None,
        ),
        (Some(_), Some(condition)) => {
            let until = until(&condition.verdict);
            (
                State::Settled,
                format!("{}: {}", condition.name, condition.verdict.why()),
                until,
                None,
            )
        }
        (Some(_), None) => (State::Settled, String::new(), None, None),
    }
}

/// Says of a set that does not come in that somebody asked for it: until they take that back nothing else does.
fn asked_for(told: Told, view: &StageView<'_>, request: Option<&Request>) -> Told {
    let (state, why, until, help) = told;
    let Some(request) = request.filter(|_| state != State::Moving) else {
        return (state, why, until, help);
    };
    let why = format!(
        "{why}; {} asked for this set ({}), and nothing else comes before it",
        request.by, request.reason
    );
    let help = match state {
        State::Refused => Some(format!(
            "headwater unhold {} --reason ...   to take that back",
            view.key
        )),
        _ => help,
    };
    (state, why, until, help)
}

fn candidate_state(judged: &Judged, view: &StageView<'_>, desk: &Desk<'_>) -> Told {
    if let Some(held) = &judged.held {
        let why = format!("{}: {}", held.reason, held.why);
        // Lifting it would change nothing while its source does not let it through.
        return match (&held.look, &judged.lacks) {
            (Some(look), Some(lacks)) => {
                let why = format!("{why} and it passes ({lacks})");
                (State::Held, why, None, Some(look.clone()))
            }
            _ => (State::Held, why, None, Some(held.lift.clone())),
        };
    }
    match judged.first_shut() {
        Some(condition) => {
            let state = match (&condition.verdict, condition.kind.as_str()) {
                (Verdict::Refused { .. }, _) => State::Refused,
                (_, "freeze") => State::Frozen,
                _ => State::Waiting,
            };
            let lift = match state {
                State::Frozen => gate::lift(&view.key.pipeline, &view.environments, desk),
                _ => None,
            };
            (
                state,
                format!("{}: {}", condition.name, condition.verdict.why()),
                until(&condition.verdict),
                lift,
            )
        }
        None => (State::Moving, String::new(), None, None),
    }
}

fn until(verdict: &Verdict) -> Option<Timestamp> {
    match verdict {
        Verdict::Waiting { until, .. } => *until,
        _ => None,
    }
}

/// What is told of a stage that a bug stopped.
pub fn stalled_report(view: &StageView<'_>, hold: &HoldReport) -> StageReport {
    StageReport {
        key: view.key.clone(),
        tag: view.tag().to_owned(),
        state: hold.state,
        why: hold.why.clone(),
        delivery: view.delivery,
        blocks: vec![BlockReport::from(hold)],
        current: None,
        candidate: None,
        conditions: Vec::new(),
        verify: Vec::new(),
        passed_over: Vec::new(),
        pull_request: None,
        until: None,
        help: hold.help.clone(),
    }
}

/// A set for people.
pub fn set_report(set: &Set, stay: Option<&Stay>, desk: &mut Desk<'_>) -> SetReport {
    SetReport {
        set: set.clone(),
        version: desk.version_of_set(set),
        since: stay.and_then(|s| s.since),
        commit: stay.map(|s| s.commit.clone()),
    }
}

/// The move of a stage as an item of the wave.
pub fn item(view: &StageView<'_>, proposal: Proposal, desk: &mut Desk<'_>) -> Item {
    let change = change(view, &proposal.set, desk);
    Item {
        subject: Subject::Stage(view.key.clone()),
        environments: view.environments.clone(),
        trailer: Some(trailer(view, &proposal)),
        edits: proposal.edits,
        files: BTreeMap::new(),
        heads: proposal.heads,
        changes: vec![change],
    }
}

/// What a promotion's commit says for tools.
pub fn trailer(view: &StageView<'_>, proposal: &Proposal) -> Trailer {
    Trailer {
        set: proposal.id.clone(),
        stage: view.key.clone(),
        from: proposal
            .from
            .iter()
            .map(|f| format!("{} {}", f.stage, f.commit))
            .collect(),
    }
}

/// What people read of a promotion.
pub fn change(view: &StageView<'_>, set: &Set, desk: &mut Desk<'_>) -> Change {
    let old = view
        .timeline
        .current()
        .map(|s| s.set.clone())
        .map(|s| words(&s, desk));
    let sources: Vec<&str> = view.from.stages().iter().map(Name::as_str).collect();
    let place = if sources.is_empty() {
        view.key.stage.to_string()
    } else {
        format!("{} <- {}", view.key.stage, sources.join("+"))
    };
    Change {
        kind: ChangeKind::Promote,
        group: view.key.pipeline.to_string(),
        place,
        subject: view.tag().to_owned(),
        old,
        new: Some(words(set, desk)),
        why: None,
        delivery: String::new(),
        files: Vec::new(),
    }
}

/// Version and digest of a set in one or two words.
pub fn words(set: &Set, desk: &mut Desk<'_>) -> String {
    let version = desk.version_of_set(set);
    let digests: Vec<String> = set.members().map(|(_, d)| short(d)).collect();
    if digests.iter().any(|d| d.ends_with(&version)) {
        digests.join("+")
    } else {
        format!("{version} ({})", digests.join("+"))
    }
}

/// Builds the proposal for a wish that is delivered as a commit.
pub fn proposal(
    view: &StageView<'_>,
    wish: &Wish,
    desk: &mut Desk<'_>,
) -> Result<Proposal, Box<HoldReport>> {
    let stamps = Stamps {
        created: desk.stamp(),
        record: None,
    };
    promotion(view, &wish.judged, wish.asked_by.clone(), &stamps, desk)
}

/// The set of an open pull request, judged as it stands now.
pub fn judge_open(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> Option<Judged> {
    let (id, _) = open_of(view, desk)?;
    judge_set(&id, view, road, desk)
}
