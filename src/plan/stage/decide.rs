//! Decide: which set a stage takes next, or what it waits for. Nothing is written here.

use std::collections::BTreeMap;

use super::block::{self, Block};
use super::request;
use crate::model::pipeline::{From, Order};
use crate::model::promotion::Request;
use crate::model::time::stamp;
use crate::model::{Delivery, Name, SetId, Verdict};
use crate::plan::desk::Desk;
use crate::plan::gate::{Asked, Runs, Vouched, condition, deployed, freeze, vouched};
use crate::plan::guard;
use crate::plan::report::Condition;
use crate::plan::road::StageView;
use crate::plan::road::candidates::{Candidate, HeldSet, floor, from_sources, held_sets};
use crate::plan::road::timeline::Timeline;

/// How many candidates of a stage are looked at, newest first (or oldest first in a queue).
const MOST_CANDIDATES: usize = 20;

/// A candidate and what every condition said of it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The candidate.
    pub candidate: Candidate,
    /// Conditions except approvals, in order.
    pub conditions: Vec<Condition>,
    /// Whether it is held by name.
    pub held: Option<HeldSet>,
    /// What the stages it comes from still want of it, in words.
    pub lacks: Option<String>,
    /// Who approved it in the stage that `approvedBy` names.
    pub vouched: Option<Box<Vouched>>,
}

impl Judged {
    /// Whether every condition is open and nothing holds it.
    pub fn is_open(&self) -> bool {
        self.held.is_none() && self.conditions.iter().all(|c| c.verdict.is_open())
    }

    /// Whether nothing but the time of the day keeps it out: a pull request may be opened for it.
    pub fn may_be_proposed(&self) -> bool {
        let mut conditions = self.conditions.iter();
        self.held.is_none() && conditions.all(|c| c.verdict.is_open() || c.kind == "window")
    }

    /// Whether a stage with this delivery may take it up now.
    pub fn may_go(&self, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Commit => self.is_open(),
            Delivery::PullRequest => self.may_be_proposed(),
        }
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
    /// The set to take, if all its conditions are open (for a pull request: but for windows) and nothing stops the stage.
    pub chosen: Option<Judged>,
    /// The candidate people want to hear of: the chosen one, or the first that waits.
    pub candidate: Option<Judged>,
    /// Others, and why they do not go first.
    pub passed_over: Vec<Judged>,
    /// A person's wish that is in force.
    pub request: Option<Request>,
}

impl Decision {
    /// Takes nothing, for this reason among others.
    pub fn stop(&mut self, block: Block) {
        self.blocks.push(block);
        self.chosen = None;
    }
}

/// Decides for one stage that takes its sets from others.
pub fn decide(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> Decision {
    let mut decision = Decision {
        blocks: block::later(view, desk),
        ..Decision::default()
    };
    let all = from_sources(view, road);
    let held = held_sets(view, road, &all, desk);
    decision.request = match request::request(view, desk) {
        Ok(request) => request,
        Err(block) => {
            decision.blocks.push(block);
            None
        }
    };
    if decision.request.is_some() {
        // Whoever asks for a set wants it in place of what was put there by hand.
        decision
            .blocks
            .retain(|block| block.reason != block::BY_HAND);
    }
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
        let open = judgement.may_go(view.delivery);
        judged.push(judgement);
        if open {
            break;
        }
    }
    let pick = judged
        .iter()
        .position(|judged| judged.may_go(view.delivery))
        .or(if judged.is_empty() { None } else { Some(0) });
    if let Some(pick) = pick {
        let candidate = judged.remove(pick);
        decision.chosen = Some(candidate.clone())
            .filter(|c| c.may_go(view.delivery) && decision.blocks.is_empty());
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
    let asked = request::request(view, desk).ok().flatten();
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
    from_sources(view, road)
        .iter()
        .any(|c| c.id == *id && floor.lets(c) && current != Some(id))
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
        .filter(|c| floor.lets(c) && current != Some(&c.id));
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
    conditions.extend(passed(&candidate, view, road, first, desk));
    let of_sources = conditions.len();
    let source = view.from.stages().first().and_then(|s| road.get(s));
    let empty = Timeline::default();
    let stays = source.map_or(&empty, |s| &s.timeline);
    let asked = Asked {
        stage: &view.key,
        runs: Runs::NobodyTells,
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
    guard::tell(&mut conditions, &view.environments, desk.guards());
    let mut of_sources = conditions.iter().take(of_sources);
    let lacks = of_sources.find(|condition| !condition.verdict.is_open());
    let lacks = lacks.map(|shut| format!("{}: {}", shut.name, shut.verdict.why()));
    let verdict = freeze(Some(&view.key.pipeline), &view.environments, desk);
    conditions.push(Condition {
        name: "freeze".to_owned(),
        kind: "freeze".to_owned(),
        verdict,
        set_by: None,
    });
    let held = held.get(&candidate.id).cloned();
    let vouched = vouched(view, road, &candidate.id, desk);
    Judged {
        candidate,
        conditions,
        held,
        lacks,
        vouched,
    }
}

/// What the source of a candidate refuses of it, if it does.
pub fn refused_by_source(
    candidate: &Candidate,
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> Option<String> {
    let first = first_timeline(view, road);
    refusal(&passed(candidate, view, road, &first, desk))
}

/// The first condition that refuses, in words.
pub fn refusal(conditions: &[Condition]) -> Option<String> {
    let mut refused = conditions.iter();
    let refused = refused.find(|c| matches!(c.verdict, Verdict::Refused { .. }))?;
    Some(format!("{}: {}", refused.name, refused.verdict.why()))
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
            candidate_asked(candidate, source, first),
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
    source: &'a StageView<'_>,
    first: &'a Timeline,
) -> Asked<'a> {
    Asked {
        stage: &source.key,
        set: &candidate.set,
        id: &candidate.id,
        stays: &source.timeline,
        first,
        runs: Runs::NobodyTells,
    }
}

/// What the stage's environments say of a set, and then what its `verify` says, whose soak counts from when it runs.
pub fn verification(
    view: &StageView<'_>,
    mut asked: Asked<'_>,
    desk: &mut Desk<'_>,
) -> Vec<Condition> {
    let set_by = format!("stage {}", view.key.stage);
    let mut conditions = Vec::new();
    let docs = desk.docs;
    let environments = view.environments.iter();
    let environments = environments.filter_map(|e| docs.environments.get(e));
    for environment in environments.map(|located| &*located.value) {
        let Some(rule) = &environment.spec.deployed else {
            continue;
        };
        let (verdict, since) = deployed(rule, environment, &view.streams, &asked, desk);
        asked.runs = match (asked.runs, since) {
            (Runs::NotYet, _) | (_, None) => Runs::NotYet,
            (Runs::Since(before), Some(since)) => Runs::Since(before.max(since)),
            (Runs::NobodyTells, Some(since)) => Runs::Since(since),
        };
        conditions.push(Condition {
            name: "deployed".to_owned(),
            kind: "deployed".to_owned(),
            verdict,
            set_by: Some(format!("environment {}", environment.name())),
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
