//! `history`: who moved what into a stage, when, on which evidence. Read from the base's log alone; registries are asked
//! for labels that are not known yet, to name versions.

use std::collections::{BTreeMap, BTreeSet};

use super::args::HistoryArgs;
use super::engine::{self, Engine};
use super::view::history::HistoryView;
use super::{CliError, Context, Exit, base, view};
use crate::model::{Set, SetId};
use crate::plan::desk::Desk;
use crate::plan::road::roads;
use crate::plan::road::timeline::Timeline;
use crate::plan::{Observation, Question};

/// Prints the moves of one stage, newest first.
///
/// # Errors
/// When the repository cannot be read, or there is no such stage.
pub async fn run(context: &Context, args: &HistoryArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let now = context.now();
    let (mut observation, plan) = engine.look(context, now).await?;
    base::tell_problems(&context.out, &observation);
    let stage = base::find_stage(&plan, &observation, &args.stage)?;
    let lacking: Vec<Question> = past(&observation, args).lacking.into_iter().collect();
    if !lacking.is_empty() {
        let _spinner = context.out.progress().spinner("reading labels");
        let answered = engine
            .reconciler
            .observer
            .answer(&mut observation, &lacking);
        answered.await.map_err(|e| engine::unobserved(&e))?;
    }
    let past = past(&observation, args);
    let version = |set: &Set| past.versions.get(&set.id()).cloned().unwrap_or_default();
    let pulls = observation.facts.pulls.iter().flatten();
    let merged = pulls.filter_map(|pull| Some((pull.merged_as.clone()?, pull.id.clone())));
    let merged = merged.collect();
    let view = HistoryView {
        key: &stage.key,
        timeline: &past.timeline,
        version: &version,
        merged: &merged,
        limit: args.limit,
        complete: observation.history.complete,
    };
    view::print(&context.out, &view, now)?;
    Ok(Exit::Settled)
}

/// The past of a stage, with versions of the sets that are shown and the labels lacking to name them.
struct Past {
    timeline: Timeline,
    versions: BTreeMap<SetId, String>,
    lacking: BTreeSet<Question>,
}

fn past(observation: &Observation, args: &HistoryArgs) -> Past {
    let mut desk = Desk::new(observation);
    let roads = roads(&desk);
    let stage = roads.into_values().flatten().find(|s| s.key == args.stage);
    let timeline = stage.map(|stage| stage.timeline).unwrap_or_default();
    let shown = timeline.stays.iter().rev().take(args.limit);
    let versions = shown.map(|stay| (stay.id.clone(), desk.version_of_set(&stay.set)));
    Past {
        versions: versions.collect(),
        lacking: desk.questions,
        timeline,
    }
}
