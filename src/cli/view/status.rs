//! `status`: where everything is, with what needs somebody first. This file reads a plan; `status_text` lays it out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words::next_of;
use super::{Frame, View, status_text};
use crate::model::{CommitId, Name, TagKey, Timestamp};
use crate::plan::Plan;
use crate::plan::report::{BlockReport, HoldReport, StageReport, State, Subject};

/// Where everything is.
pub struct StatusView<'a> {
    /// A plan of the base; its instant is when everything was checked.
    pub plan: &'a Plan,
    /// Whether settled pipelines are shown too (`--all`).
    pub all: bool,
    /// Whether any registry was ever asked.
    pub checked: bool,
}

/// Status as data (`v` 1): every pipeline, the settled ones too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusData {
    /// Version of this structure.
    pub v: u32,
    /// The base branch.
    pub branch: String,
    /// The base commit.
    pub commit: CommitId,
    /// When everything was checked.
    pub checked_at: Timestamp,
    /// The earliest instant at which something changes without anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_change: Option<Timestamp>,
    /// How many pipelines and other things are in each state.
    pub counts: BTreeMap<String, usize>,
    /// Pipelines; those that need somebody come first.
    pub pipelines: Vec<PipelineData>,
    /// Whatever else stands still: tags in no pipeline, applications, environments, files, the repository.
    pub others: Vec<HoldReport>,
}

/// A pipeline as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PipelineData {
    /// Its name.
    pub pipeline: Name,
    /// The worst state of its stages.
    pub state: State,
    /// Why, the worst first.
    pub reasons: Vec<Reason>,
    /// Its stages in order.
    pub stages: Vec<StageReport>,
}

/// Why a pipeline is not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The state it puts the pipeline in.
    pub state: State,
    /// Where: a stage, `dev import`, or nothing for the whole pipeline.
    pub place: String,
    /// Plain words.
    pub why: String,
    /// When it may change by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A pipeline and all that is said of it.
pub(super) struct Row<'a> {
    pub(super) pipeline: Name,
    pub(super) state: State,
    pub(super) stages: Vec<&'a StageReport>,
    pub(super) reasons: Vec<Reason>,
}

/// Whose a hold is.
pub(super) enum Owner<'a> {
    /// A stage's: its own, or its tag's.
    Stage(&'a StageReport),
    /// A pipeline's.
    Pipeline(Name),
    /// No pipeline's.
    Nobody,
}

impl<'a> Owner<'a> {
    pub(super) fn of(subject: &Subject, plan: &'a Plan) -> Self {
        match subject {
            Subject::Stage(key) => {
                let stage = plan.stages.iter().find(|stage| stage.key == *key);
                stage.map_or_else(|| Self::Pipeline(key.pipeline.clone()), Self::Stage)
            }
            Subject::Tag(key) => {
                let stage = plan.stages.iter().find(|stage| has_tag(stage, key));
                stage.map_or(Self::Nobody, Self::Stage)
            }
            Subject::Pipeline(name) => Self::Pipeline(name.clone()),
            Subject::Application { .. }
            | Subject::Environment(_)
            | Subject::File(_)
            | Subject::Repository => Self::Nobody,
        }
    }
}

/// Whether a tag is a stage's pointer. A stage that never held anything says so by its pipeline's name alone.
fn has_tag(stage: &StageReport, key: &TagKey) -> bool {
    let mut sets = [&stage.current, &stage.candidate].into_iter().flatten();
    let named = stage.key.pipeline.as_str() == key.stream.name.as_str();
    stage.tag == key.tag && (named || sets.any(|set| set.set.digest(&key.stream).is_some()))
}

/// Whether the hold of a stage's tag says in full what stops it.
pub(super) fn is_told_by_its_tag(stage: &StageReport, plan: &Plan) -> bool {
    tag_tells(stage, stage.state, &stage.why, plan)
}

fn tag_tells(stage: &StageReport, state: State, why: &str, plan: &Plan) -> bool {
    let tells = |hold: &HoldReport| match &hold.subject {
        Subject::Tag(key) => {
            has_tag(stage, key)
                && hold.state == state
                && why.strip_prefix("import: ") == Some(&hold.why)
        }
        _ => false,
    };
    plan.holds.iter().any(tells)
}

/// What stops a stage beside the worst.
fn other_blocks<'a>(
    stage: &'a StageReport,
    plan: &'a Plan,
) -> impl Iterator<Item = &'a BlockReport> {
    let blocks = stage.blocks.iter();
    blocks.filter(|b| b.why != stage.why && !tag_tells(stage, b.state, &b.why, plan))
}

/// Every pipeline, those that need somebody first.
pub(super) fn rows(plan: &Plan) -> Vec<Row<'_>> {
    let mut rows: BTreeMap<Name, Row<'_>> = BTreeMap::new();
    for stage in &plan.stages {
        let row = row(&mut rows, &stage.key.pipeline);
        row.stages.push(stage);
        let still = !matches!(stage.state, State::Settled | State::None);
        if still && !is_told_by_its_tag(stage, plan) {
            row.reasons.push(Reason::of_stage(stage));
        }
        let others = other_blocks(stage, plan);
        row.reasons
            .extend(others.map(|block| Reason::of_block(block, stage)));
    }
    for hold in &plan.holds {
        match Owner::of(&hold.subject, plan) {
            Owner::Stage(stage) => {
                let place = match hold.subject {
                    Subject::Tag(_) => format!("{} import", stage.key.stage),
                    _ => stage.key.stage.to_string(),
                };
                let reason = Reason::of_hold(hold, place);
                row(&mut rows, &stage.key.pipeline).add(reason);
            }
            Owner::Pipeline(name) => {
                let reason = Reason::of_hold(hold, String::new());
                row(&mut rows, &name).add(reason);
            }
            Owner::Nobody => {}
        }
    }
    let mut rows: Vec<Row<'_>> = rows.into_values().collect();
    for row in &mut rows {
        row.say_something();
        row.reasons.sort_by_key(|reason| reason.state);
        let stages = row.stages.iter().map(|stage| stage.state);
        let states = stages.chain(row.reasons.iter().map(|reason| reason.state));
        row.state = states.min().unwrap_or(State::None);
    }
    // What opens by itself comes behind what waits for somebody.
    let opens = |row: &Row<'_>| row.reasons.first().is_some_and(|r| r.until.is_some());
    rows.sort_by_cached_key(|row| (row.state, opens(row), row.pipeline.clone()));
    rows
}

fn row<'a, 'r>(rows: &'r mut BTreeMap<Name, Row<'a>>, pipeline: &Name) -> &'r mut Row<'a> {
    rows.entry(pipeline.clone()).or_insert_with(|| Row {
        pipeline: pipeline.clone(),
        state: State::None,
        stages: Vec::new(),
        reasons: Vec::new(),
    })
}

impl Row<'_> {
    /// Takes a reason, unless the stage says the same already.
    fn add(&mut self, reason: Reason) {
        let stage = reason.place.split(' ').next().unwrap_or_default();
        let same = |known: &Reason| {
            let here = known.place == reason.place || known.place == stage;
            here && (known.why == reason.why
                || known.place == reason.place && known.state == reason.state)
        };
        if !self.reasons.iter().any(same) {
            self.reasons.push(reason);
        }
    }

    /// A pipeline in which nothing ever was says what its first stage waits for.
    fn say_something(&mut self) {
        let nothing = self.stages.iter().all(|stage| stage.state == State::None);
        if let (true, [first, ..]) = (nothing && self.reasons.is_empty(), self.stages.as_slice()) {
            self.reasons.push(Reason::of_stage(first));
        }
    }

    /// Whether all stages hold the same set.
    pub(super) fn is_level(&self) -> bool {
        let sets = self
            .stages
            .iter()
            .map(|s| s.current.as_ref().map(|c| c.set.id()));
        let mut sets = sets.collect::<Vec<_>>();
        sets.dedup();
        matches!(sets.as_slice(), [Some(_)])
    }
}

impl Reason {
    fn of_stage(stage: &StageReport) -> Self {
        let moving = || {
            let candidate = stage.candidate.as_ref();
            candidate.map_or_else(String::new, |c| format!("takes {}", c.version))
        };
        Self {
            state: stage.state,
            place: stage.key.stage.to_string(),
            why: match stage.state {
                State::Moving if stage.why.is_empty() => moving(),
                _ => stage.why.clone(),
            },
            until: stage.until,
            help: stage.help.clone(),
        }
    }

    fn of_block(block: &BlockReport, stage: &StageReport) -> Self {
        Self {
            state: block.state,
            place: stage.key.stage.to_string(),
            why: block.why.clone(),
            until: block.until,
            help: block.help.clone(),
        }
    }

    fn of_hold(hold: &HoldReport, place: String) -> Self {
        Self {
            state: hold.state,
            place,
            why: hold.why.clone(),
            until: hold.until,
            help: hold.help.clone(),
        }
    }
}

/// What stands still outside of pipelines: what concerns all of the repository first, then by state.
pub(super) fn others(plan: &Plan) -> Vec<&HoldReport> {
    let nobody = |hold: &&HoldReport| matches!(Owner::of(&hold.subject, plan), Owner::Nobody);
    let mut others: Vec<&HoldReport> = plan.holds.iter().filter(nobody).collect();
    others.sort_by_key(|hold| {
        (
            hold.subject != Subject::Repository,
            hold.state,
            &hold.subject,
        )
    });
    others
}

/// The earliest instant after `now` at which something changes without anybody.
pub(super) fn next_change(plan: &Plan, now: Timestamp) -> Option<Timestamp> {
    let stages = plan.stages.iter().filter_map(|stage| next_of(stage, now));
    let holds = plan.holds.iter().filter_map(|hold| hold.until);
    stages.chain(holds).filter(|at| *at > now).min()
}

impl View for StatusView<'_> {
    type Data = StatusData;

    fn text(&self, frame: &Frame) -> String {
        status_text::draw(self, frame)
    }

    /// Stages as `why` takes them: those that are not settled, all of them with `--all`.
    fn names(&self) -> Vec<String> {
        let rows = rows(self.plan);
        let stages = rows.iter().flat_map(|row| &row.stages);
        stages
            .filter(|stage| self.all || stage.state != State::Settled)
            .map(|stage| stage.key.to_string())
            .collect()
    }

    fn data(&self) -> StatusData {
        let plan = self.plan;
        let (rows, others) = (rows(plan), others(plan));
        let mut counts = BTreeMap::new();
        let states = rows.iter().map(|row| row.state);
        for state in states.chain(others.iter().map(|hold| hold.state)) {
            *counts.entry(state.to_string()).or_default() += 1;
        }
        let pipeline = |row: Row<'_>| PipelineData {
            pipeline: row.pipeline,
            state: row.state,
            reasons: row.reasons,
            stages: row.stages.into_iter().cloned().collect(),
        };
        StatusData {
            v: 1,
            branch: plan.branch.clone(),
            commit: plan.base.clone(),
            checked_at: plan.now,
            next_change: next_change(plan, plan.now),
            counts,
            pipelines: rows.into_iter().map(pipeline).collect(),
            others: others.into_iter().cloned().collect(),
        }
    }
}
