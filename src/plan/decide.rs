//! Decide: which set a stage takes next, or what it waits for. Nothing is written here.

use std::collections::BTreeMap;

use super::candidates::{Candidate, HeldSet, floor, from_sources, held_sets, stage_hold};
use super::desk::Desk;
use super::gate::{Asked, condition, freeze};
use super::pull::PullState;
use super::report::{Condition, State};
use super::road::StageView;
use super::timeline::Timeline;
use crate::model::pipeline::{From, Order};
use crate::model::promotion::Request;
use crate::model::time::stamp;
use crate::model::{Delivery, Name, SetId, Verdict};

/// How many candidates of a stage are looked at, newest first (or oldest first in a queue).
const MOST_CANDIDATES: usize = 20;

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

/// A candidate and what every condition said of it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The candidate.
    pub candidate: Candidate,
    /// Conditions except approvals, in order.
    pub conditions: Vec<Condition>,
    /// Whether it is held by name.
    pub held: Option<HeldSet>,
}

impl Judged {
    /// Whether every condition is open and nothing holds it.
    pub fn is_open(&self) -> bool {
        self.held.is_none() && self.conditions.iter().all(|c| c.verdict.is_open())
    }

    /// Open but for conditions whose shutting leaves an open pull request open: windows and freezes.
    pub fn may_stay_proposed(&self) -> bool {
        self.held.is_none()
            && self.conditions.iter().all(|c| {
                c.verdict.is_open() || matches!(c.kind.as_str(), "window" | "freeze" | "hold")
            })
    }

    /// The condition that shuts it first.
    pub fn first_shut(&self) -> Option<&Condition> {
        self.conditions.iter().find(|c| !c.verdict.is_open())
    }
}

/// What a stage should do.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// What stops the whole stage, the worst first.
    pub blocks: Vec<Block>,
    /// The set to take, if all its conditions are open and nothing stops the stage.
    pub chosen: Option<Judged>,
    /// The candidate people want to hear of: the chosen one, or the first that waits.
    pub candidate: Option<Judged>,
    /// Others, and why they do not go first.
    pub passed_over: Vec<Judged>,
    /// A person's wish that is in force.
    pub request: Option<Request>,
}

/// Decides for one stage that takes its sets from others.
pub fn decide(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> Decision {
    let mut decision = Decision {
        blocks: blocks(view, desk),
        ..Decision::default()
    };
    let all = from_sources(view, road);
    let held = held_sets(view, road, &all, desk);
    decision.request = match request(view, desk) {
        Ok(request) => request,
        Err(block) => {
            decision.blocks.push(block);
            None
        }
    };
    let eligible = eligible(view, road, &all, &held, decision.request.as_ref());
    let first = first_timeline(view, road);
    let mut judged: Vec<Judged> = Vec::new();
    for candidate in eligible {
        let judgement = judge(
            candidate,
            view,
            road,
            &first,
            &held,
            decision.request.as_ref(),
            desk,
        );
        let open = judgement.is_open();
        judged.push(judgement);
        if open {
            break;
        }
    }
    let pick = judged
        .iter()
        .position(Judged::is_open)
        .or(if judged.is_empty() { None } else { Some(0) });
    if let Some(pick) = pick {
        let candidate = judged.remove(pick);
        decision.chosen =
            Some(candidate.clone()).filter(|c| c.is_open() && decision.blocks.is_empty());
        decision.candidate = Some(candidate);
    }
    decision.passed_over = judged;
    decision
}

/// Judges one set of an open pull request, whether or not it would be chosen now.
pub fn judge_set(
    id: &SetId,
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> Option<Judged> {
    let all = from_sources(view, road);
    let held = held_sets(view, road, &all, desk);
    let candidate = all.into_iter().find(|c| c.id == *id)?;
    let asked = request(view, desk).ok().flatten();
    let first = first_timeline(view, road);
    Some(judge(
        candidate,
        view,
        road,
        &first,
        &held,
        asked.as_ref(),
        desk,
    ))
}

/// Whether a set is still one the stage may go to at all.
pub fn is_eligible(
    id: &SetId,
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
) -> bool {
    let floor = floor(view, road);
    let current = view.timeline.current().map(|s| &s.id);
    from_sources(view, road).iter().any(|c| {
        c.id == *id
            && (c.at >= floor || view.timeline.last_forward().is_none())
            && current != Some(id)
    })
}

fn eligible(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    all: &[Candidate],
    held: &BTreeMap<SetId, HeldSet>,
    request: Option<&Request>,
) -> Vec<Candidate> {
    let current = view.timeline.current().map(|s| &s.id);
    if let Some(request) = request {
        return all
            .iter()
            .filter(|c| c.id == request.set && current != Some(&c.id))
            .cloned()
            .collect();
    }
    let floor = floor(view, road);
    let newest_held = all
        .iter()
        .filter(|c| held.contains_key(&c.id))
        .map(|c| c.at)
        .max();
    let allowed = all
        .iter()
        .filter(|c| c.at >= floor && current != Some(&c.id));
    let mut list: Vec<Candidate> = match view.stage.order {
        Order::Newest => allowed
            .filter(|c| held.contains_key(&c.id) || newest_held.is_none_or(|h| c.at > h))
            .rev()
            .cloned()
            .collect(),
        Order::Queue => allowed.cloned().collect(),
    };
    list.truncate(MOST_CANDIDATES);
    list
}

fn judge(
    candidate: Candidate,
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    first: &Timeline,
    held: &BTreeMap<SetId, HeldSet>,
    request: Option<&Request>,
    desk: &mut Desk<'_>,
) -> Judged {
    let mut conditions = Vec::new();
    let skip = request.map(|r| r.skip.clone()).unwrap_or_default();
    let source_conditions = passed(&candidate, view, road, first, desk);
    conditions.extend(source_conditions);
    let source = view.from.stages().first().and_then(|s| road.get(s));
    let empty = Timeline::default();
    let stays = source.map_or(&empty, |s| &s.timeline);
    let asked = Asked {
        set: &candidate.set,
        id: &candidate.id,
        stays,
        first,
    };
    for ruled in &view.enter {
        conditions.push(condition(&ruled.rule, &ruled.set_by, &asked, desk));
    }
    for condition in conditions
        .iter_mut()
        .filter(|c| !c.verdict.is_open() && c.kind != "from")
    {
        if skip.iter().any(|s| s.as_str() == condition.kind) {
            let why = format!("skipped: {}", request.map_or("", |r| r.reason.as_str()));
            condition.verdict = Verdict::Open { why };
        }
    }
    let verdict = freeze(&view.key.pipeline, &view.environments, desk);
    conditions.push(Condition {
        name: "freeze".to_owned(),
        kind: "freeze".to_owned(),
        verdict,
        set_by: None,
    });
    let held = held.get(&candidate.id).cloned();
    Judged {
        candidate,
        conditions,
        held,
    }
}

/// The law of identity and the verification of the source, as conditions.
fn passed(
    candidate: &Candidate,
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    first: &Timeline,
    desk: &mut Desk<'_>,
) -> Vec<Condition> {
    let mut by_source: Vec<Vec<Condition>> = Vec::new();
    for source in view.from.stages().iter().filter_map(|s| road.get(s)) {
        let Some(stay) = source.timeline.latest(&candidate.id) else {
            continue;
        };
        let since = stay.since.map_or_else(
            || "its clock has not started".to_owned(),
            |s| format!("since {}", stamp(s)),
        );
        let past = if stay.left.is_some() {
            "held it"
        } else {
            "holds it"
        };
        let mut conditions = vec![Condition {
            name: format!("from {}", source.key.stage),
            kind: "from".to_owned(),
            verdict: Verdict::Open {
                why: format!("{past} {since} ({})", stay.commit.short()),
            },
            set_by: None,
        }];
        conditions.extend(verification(
            source,
            candidate_asked(candidate, &source.timeline, first),
            desk,
        ));
        by_source.push(conditions);
    }
    if let From::Any(_) = view.from
        && let Some(good) = by_source
            .iter()
            .position(|cs| cs.iter().all(|c| c.verdict.is_open()))
    {
        return by_source.swap_remove(good);
    }
    by_source.concat()
}

fn candidate_asked<'a>(
    candidate: &'a Candidate,
    stays: &'a Timeline,
    first: &'a Timeline,
) -> Asked<'a> {
    Asked {
        set: &candidate.set,
        id: &candidate.id,
        stays,
        first,
    }
}

/// What a stage's `verify` says of a set, with what an environment's unfinished parts say.
pub fn verification(view: &StageView<'_>, asked: Asked<'_>, desk: &mut Desk<'_>) -> Vec<Condition> {
    let set_by = format!("stage {}", view.key.stage);
    let mut conditions = Vec::new();
    let environments = view
        .environments
        .iter()
        .filter_map(|e| desk.docs.environments.get(e));
    for environment in environments.filter(|e| e.value.spec.deployed.is_some()) {
        conditions.push(Condition {
            name: "deployed".to_owned(),
            kind: "deployed".to_owned(),
            verdict: Verdict::Waiting {
                why: "NotYet: `deployed` is understood but not carried out by this version"
                    .to_owned(),
                until: None,
            },
            set_by: Some(format!("environment {}", environment.value.name())),
        });
    }
    for gate in &view.stage.verify {
        conditions.push(condition(gate, &set_by, &asked, desk));
    }
    conditions
}

/// The timeline of the pipeline's first stage, from which `age` counts.
pub fn first_timeline(view: &StageView<'_>, road: &BTreeMap<Name, &StageView<'_>>) -> Timeline {
    let mut name = view.from.stages().first();
    for _ in 0..road.len() {
        match name.and_then(|n| road.get(n)) {
            Some(stage) if stage.is_first() => return stage.timeline.clone(),
            Some(stage) => name = stage.from.stages().first(),
            None => break,
        }
    }
    Timeline::default()
}

fn request(view: &StageView<'_>, desk: &Desk<'_>) -> Result<Option<Request>, Block> {
    for stream in &view.streams {
        let Some(tag) = desk.stream(stream).and_then(|s| s.spec_tag(view.tag())) else {
            continue;
        };
        match Request::recorded(tag) {
            None => {}
            Some(Ok(request)) => return allowed(request, view, desk).map(Some),
            Some(Err(why)) => {
                return Err(Block {
                    state: State::Broken,
                    reason: "Request",
                    why: format!(
                        "the annotation headwater.dev/request on {stream}:{} cannot be read: {why}",
                        view.tag()
                    ),
                    help: Some("delete it, or use `headwater promote`".to_owned()),
                });
            }
        }
    }
    Ok(None)
}

/// A request may pass over a gate only where every environment of the stage allows that gate and that person.
pub fn allowed(request: Request, view: &StageView<'_>, desk: &Desk<'_>) -> Result<Request, Block> {
    let block = |why: String| Block {
        state: State::Refused,
        reason: "SkipNotAllowed",
        why,
        help: Some(
            "promote without --skip, or ask somebody whom the environment's `overrides` name"
                .to_owned(),
        ),
    };
    for gate in &request.skip {
        for environment in view
            .environments
            .iter()
            .filter_map(|e| desk.docs.environments.get(e))
        {
            let overrides = &environment.value.spec.overrides;
            if !overrides.skip.contains(gate) {
                return Err(block(format!(
                    "environment {} does not allow to skip {gate}",
                    environment.value.name()
                )));
            }
            let rule = crate::model::Approvals {
                count: 1,
                from: overrides.by.clone(),
            };
            if !overrides.by.is_empty()
                && !super::gate::may_approve(&rule, &request.by, &desk.obs.facts.teams)
            {
                return Err(block(format!(
                    "{} may not skip {gate} in environment {}",
                    request.by,
                    environment.value.name()
                )));
            }
        }
    }
    Ok(request)
}

/// What stops the whole stage, the worst first.
fn blocks(view: &StageView<'_>, desk: &Desk<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut block = |state, reason, why: String, help: Option<&str>| {
        blocks.push(Block {
            state,
            reason,
            why,
            help: help.map(str::to_owned),
        })
    };
    let key = &view.key;
    if let Some(why) = &view.broken {
        block(
            State::Broken,
            "Invalid",
            why.clone(),
            Some("headwater check"),
        );
    }
    if let Some(why) = &desk.docs.brakes_unreadable {
        block(
            State::Held,
            "BrakesUnreadable",
            format!("{why}: everything holds until it can be read"),
            Some("headwater check"),
        );
    }
    if !desk.obs.history.complete && view.timeline.stays.is_empty() && has_any_trace(view, desk) {
        block(
            State::Broken,
            "HistoryUnknown",
            "the clone is shallow: the past of this stage is not known".to_owned(),
            Some("fetch the whole history (actions/checkout: fetch-depth: 0)"),
        );
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
        block(
            State::Held,
            "EditedByHand",
            why,
            Some("revert it, or use `headwater promote` or `headwater rollback`"),
        );
    }
    for source in view.from.stages() {
        missing_source_tag(view, source, desk)
            .into_iter()
            .for_each(|why| block(State::Broken, "TagMissing", why, None));
    }
    if let Some(why) = stopped_by_a_person(view, desk) {
        block(
            State::Held,
            "TagMissing",
            why,
            Some("put the tag back, or remove its history as well"),
        );
    }
    for part in &view.not_yet {
        block(
            State::Held,
            "NotYet",
            format!("NotYet: {part} is understood but not carried out by this version"),
            None,
        );
    }
    if let Some(hold) = stage_hold(view, desk) {
        let by = hold
            .by
            .as_deref()
            .map_or_else(String::new, |by| format!(" ({by})"));
        let help = format!("headwater unhold {key}");
        block(
            State::Held,
            "Held",
            format!("{}{by}", hold.reason),
            Some(&help),
        );
    }
    if desk.obs.facts.pulls.is_none() && view.delivery == Delivery::PullRequest {
        let why = desk
            .obs
            .facts
            .forge_failure
            .as_ref()
            .map_or("the forge was not asked".to_owned(), |f| f.message.clone());
        block(State::Broken, "ForgeUnknown", why, None);
    }
    if let Some((pull, why)) = foreign(view, desk) {
        block(
            State::Held,
            "Foreign",
            format!("pull request {pull} is left alone: {why}"),
            Some("close it, or take the foreign commit off its branch"),
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
    super::candidates::pulls_of(view, desk)
        .filter(|(_, pull)| pull.state == PullState::Open)
        .find_map(|(_, pull)| {
            Some((
                pull.id.clone(),
                pull.branch_facts.as_ref()?.foreign.clone()?,
            ))
        })
}
