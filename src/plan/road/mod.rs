//! The road: every stage of every pipeline with its past, its rules, and what is wrong with it.

pub mod candidates;
pub mod settled;
pub mod timeline;

use std::collections::BTreeMap;

use super::desk::Desk;
use super::guard;
use super::road::timeline::{StageRoad, Timeline, timeline};
use crate::model::environment::Merger;
use crate::model::pipeline::{From, Supersede};
use crate::model::{
    Approvals, Delivery, Environment, Gate, Name, Period, Pipeline, Stage, StageKey, StreamKey,
};

/// A rule and who set it.
#[derive(Debug, Clone)]
pub struct Ruled<T> {
    /// The rule.
    pub rule: T,
    /// `environment prod`, `pipeline myapp`.
    pub set_by: String,
}

/// One stage with everything a decision about it needs.
#[derive(Debug, Clone)]
pub struct StageView<'a> {
    /// `pipeline/stage`.
    pub key: StageKey,
    /// The stage as written.
    pub stage: &'a Stage,
    /// Streams of the pipeline.
    pub streams: Vec<StreamKey>,
    /// Stages it takes its sets from.
    pub from: From,
    /// Environments that exist and follow it.
    pub environments: Vec<Name>,
    /// How its changes are handed over: a pull request if any environment or guard says so.
    pub delivery: Delivery,
    /// Its past.
    pub timeline: Timeline,
    /// Conditions before a set enters.
    pub enter: Vec<Ruled<Gate>>,
    /// Approvals a pull request needs.
    pub approvals: Vec<Ruled<Approvals>>,
    /// Labels of its pull requests.
    pub labels: Vec<String>,
    /// Who merges them.
    pub merger: Merger,
    /// When a newer candidate takes them over.
    pub supersede: Supersede,
    /// How long others join them, where every environment lets them share one.
    pub group: Option<Period>,
    /// What must be mended before anything moves.
    pub broken: Option<String>,
}

impl StageView<'_> {
    /// Whether it takes its sets from the registry rather than from another stage.
    pub fn is_first(&self) -> bool {
        self.from.stages().is_empty()
    }

    /// Its tag.
    pub fn tag(&self) -> &str {
        self.stage.tag()
    }
}

/// Stages of one pipeline, each behind those it takes its sets from.
pub type Road<'a> = Vec<StageView<'a>>;

/// Builds the roads of all pipelines.
pub fn roads<'a>(desk: &Desk<'a>) -> BTreeMap<Name, Road<'a>> {
    let docs = desk.docs;
    docs.pipelines
        .iter()
        .map(|(name, pipeline)| (name.clone(), road(&pipeline.value, desk)))
        .collect()
}

fn road<'a>(pipeline: &'a Pipeline, desk: &Desk<'a>) -> Road<'a> {
    let shared = Shared {
        pipeline,
        streams: desk.docs.pipeline_streams(pipeline),
        broken: desk.docs.broken_pipelines.get(pipeline.name()).cloned(),
    };
    let mut timelines: BTreeMap<Name, Timeline> = BTreeMap::new();
    let mut road = Vec::new();
    for stage in in_order(pipeline) {
        let from = pipeline.sources(stage).unwrap_or(From::All(Vec::new()));
        let past = StageRoad {
            name: &stage.name,
            tag: stage.tag(),
            streams: &shared.streams,
            from: &from,
        };
        let timeline = timeline(&desk.obs.history, &past, &timelines);
        timelines.insert(stage.name.clone(), timeline.clone());
        road.push(view(&shared, stage, from, timeline, desk));
    }
    road
}

/// Stages behind their sources; stages of a cycle (a check error, so the pipeline is broken) come last as written.
fn in_order(pipeline: &Pipeline) -> Vec<&Stage> {
    let mut left: Vec<&Stage> = pipeline.spec.stages.iter().collect();
    let mut order: Vec<&Stage> = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().position(|stage| {
            let sources = pipeline.sources(stage).unwrap_or(From::All(Vec::new()));
            sources
                .stages()
                .iter()
                .all(|s| order.iter().any(|o| o.name == *s) || !left.iter().any(|l| l.name == *s))
        });
        order.push(left.remove(ready.unwrap_or(0)));
    }
    order
}

/// What a pipeline knows of all its stages.
struct Shared<'a> {
    pipeline: &'a Pipeline,
    streams: Vec<StreamKey>,
    broken: Option<String>,
}

fn view<'a>(
    shared: &Shared<'a>,
    stage: &'a Stage,
    from: From,
    timeline: Timeline,
    desk: &Desk<'a>,
) -> StageView<'a> {
    let docs = desk.docs;
    let named = stage.environments();
    let environments: Vec<&Environment> = named
        .iter()
        .filter_map(|e| docs.environments.get(e))
        .map(|e| &*e.value)
        .collect();
    let rules = rules(shared.pipeline, stage, &environments, desk);
    let person_merges = environments
        .iter()
        .any(|e| e.spec.pull_request.merge == Merger::Person);
    let of_environment = environments
        .iter()
        .find_map(|e| e.spec.pull_request.supersede);
    StageView {
        key: StageKey {
            pipeline: shared.pipeline.name().clone(),
            stage: stage.name.clone(),
        },
        stage,
        delivery: delivery(&environments, &named, desk),
        broken: broken(shared, &named, desk),
        environments: environments.iter().map(|e| e.name().clone()).collect(),
        streams: shared.streams.clone(),
        from,
        timeline,
        enter: rules.enter,
        approvals: rules.approvals,
        labels: rules.labels,
        merger: if person_merges {
            Merger::Person
        } else {
            Merger::Bot
        },
        supersede: stage.supersede.or(of_environment).unwrap_or_default(),
        group: group(&environments),
    }
}

/// The shortest time of all environments; none where one of them wants pull requests of its own.
fn group(environments: &[&Environment]) -> Option<Period> {
    let times = environments.iter().map(|e| e.spec.pull_request.group);
    times.collect::<Option<Vec<Period>>>()?.into_iter().min()
}

#[derive(Default)]
struct Rules {
    enter: Vec<Ruled<Gate>>,
    approvals: Vec<Ruled<Approvals>>,
    labels: Vec<String>,
}

/// The rules of all environments of a stage, and what its pipeline adds.
fn rules(
    pipeline: &Pipeline,
    stage: &Stage,
    environments: &[&Environment],
    desk: &Desk<'_>,
) -> Rules {
    let mut rules = Rules::default();
    for environment in environments {
        rules.enter(
            &format!("environment {}", environment.name()),
            &environment.spec.enter,
        );
        for ruled in environment_approvals(environment, desk) {
            // One guard may be for several of them.
            if !rules.approvals.iter().any(|r| r.set_by == ruled.set_by) {
                rules.approvals.push(ruled);
            }
        }
        for label in &environment.spec.pull_request.labels {
            if !rules.labels.contains(label) {
                rules.labels.push(label.clone());
            }
        }
    }
    let set_by = format!("pipeline {}", pipeline.name());
    rules.enter(&set_by, &stage.enter);
    let approvals = stage.approvals.clone();
    rules
        .approvals
        .extend(approvals.map(|rule| Ruled { rule, set_by }));
    rules
}

impl Rules {
    fn enter(&mut self, set_by: &str, enter: &[Gate]) {
        self.enter.extend(enter.iter().map(|g| Ruled {
            rule: g.clone(),
            set_by: set_by.to_owned(),
        }));
    }
}

/// Who must approve what is written below an environment: those whom it names, and those whom the operator does.
pub fn environment_approvals(environment: &Environment, desk: &Desk<'_>) -> Vec<Ruled<Approvals>> {
    let name = environment.name();
    let own = environment.spec.approvals.clone().map(|rule| Ruled {
        rule,
        set_by: format!("environment {name}"),
    });
    let fixed = guard::approvals(name, desk.guards());
    own.into_iter().chain(fixed).collect()
}

/// What must be mended: in the pipeline, an environment or a stream of the stage.
fn broken(shared: &Shared<'_>, environments: &[Name], desk: &Desk<'_>) -> Option<String> {
    let docs = desk.docs;
    let environment = || {
        environments
            .iter()
            .find_map(|e| match docs.broken_environments.get(e) {
                Some(why) => Some(format!("environment `{e}` is broken: {why}")),
                None if docs.environments.contains_key(e) => None,
                None => Some(format!("there is no environment `{e}`")),
            })
    };
    let stream = || {
        shared.streams.iter().find_map(|s| {
            docs.broken_streams
                .get(s)
                .map(|why| format!("stream {s}: {why}"))
        })
    };
    shared.broken.clone().or_else(environment).or_else(stream)
}

/// A pull request if any environment says so; without environments, what `headwater.yaml` says.
fn delivery(environments: &[&Environment], named: &[Name], desk: &Desk<'_>) -> Delivery {
    if named.is_empty() {
        return desk.docs.config.spec.delivery;
    }
    environments
        .iter()
        .map(|e| environment_delivery(e, desk))
        .max()
        .unwrap_or(Delivery::PullRequest)
}

/// How writes below one environment are handed over: the repository may only be stricter than the operator's guard.
pub fn environment_delivery(environment: &Environment, desk: &Desk<'_>) -> Delivery {
    let fixed = guard::delivery(environment.name(), desk.guards());
    environment
        .spec
        .delivery
        .max(fixed.unwrap_or(Delivery::Commit))
}
