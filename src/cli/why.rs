//! `why`: what a stage holds and what its next set waits for, as of the last check of each tag.

use std::collections::{BTreeMap, BTreeSet};

use super::act::settle;
use super::args::StageArgs;
use super::engine::Engine;
use super::view::why::{Imported, WhyView};
use super::{CliError, Context, Exit, base, view};
use crate::model::{Digest, Name, StageKey, TagKey};
use crate::plan::acts::overridden;
use crate::plan::desk::Desk;
use crate::plan::facts::Outcome;
use crate::plan::road::{StageView, roads};
use crate::plan::{Observation, Plan, State};

/// Explains one stage.
///
/// # Errors
/// When the repository cannot be read, or there is no such stage.
pub async fn run(context: &Context, args: &StageArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let now = context.now();
    let (mut observation, plan) = engine.look(context, now).await?;
    base::tell_problems(&context.out, &observation);
    let stage = base::find_stage(&plan, &observation, &args.stage)?;
    // What is known without it is told where the forge does not answer.
    let overridden = settle(&engine, &mut observation, |obs| {
        overridden(obs, &args.stage)
    });
    let overridden = overridden.await.ok().flatten();
    let about = about(&observation, &args.stage);
    let view = WhyView {
        stage,
        imported: about.imported,
        labels: &labels(&observation),
        unaffected: unaffected(&plan, &args.stage),
        skippable: about.skippable,
        can_go_back: about.can_go_back,
        overridden,
    };
    view::print(&context.out, &view, now)?;
    Ok(Exit::Settled)
}

/// How many other pipelines have no stage that is broken.
fn unaffected(plan: &Plan, key: &StageKey) -> usize {
    let mut sound: BTreeMap<&Name, bool> = BTreeMap::new();
    for stage in &plan.stages {
        *sound.entry(&stage.key.pipeline).or_insert(true) &= stage.state != State::Broken;
    }
    let others = sound.iter().filter(|(name, _)| **name != &key.pipeline);
    others.filter(|(_, sound)| **sound).count()
}

/// What the plan does not say of a stage.
#[derive(Default)]
struct About {
    /// Where images of a first stage come from.
    imported: Vec<Imported>,
    /// Gates that may be skipped, and by whom.
    skippable: Vec<(String, Vec<String>)>,
    /// Whether there is an earlier set.
    can_go_back: bool,
}

fn about(observation: &Observation, key: &StageKey) -> About {
    let desk = Desk::new(observation);
    let roads = roads(&desk);
    let stage = roads.values().flatten().find(|stage| stage.key == *key);
    let Some(stage) = stage else {
        return About::default();
    };
    About {
        imported: match stage.is_first() {
            true => imported(stage, observation),
            false => Vec::new(),
        },
        skippable: skippable(stage, observation),
        can_go_back: !stage.is_first() && stage.timeline.previous().is_some(),
    }
}

fn imported(stage: &StageView<'_>, observation: &Observation) -> Vec<Imported> {
    let documents = &observation.snapshot.documents;
    let interval = documents.config.spec.import.interval;
    let streams = stage.streams.iter().filter_map(|key| {
        let stream = documents.streams.get(key)?;
        let tag = TagKey::new(key.clone(), stage.tag());
        let memory = observation.facts.memory.get(&tag);
        Some(Imported::of(&tag, &stream.value, memory, interval))
    });
    streams.collect()
}

/// Gates that every environment of the stage lets people skip, with those whom all of them name.
fn skippable(stage: &StageView<'_>, observation: &Observation) -> Vec<(String, Vec<String>)> {
    let documents = &observation.snapshot.documents;
    let environments = stage.environments.iter();
    let overrides: Vec<_> = environments
        .filter_map(|name| documents.environments.get(name))
        .map(|environment| &environment.value.spec.overrides)
        .collect();
    let Some((first, rest)) = overrides.split_first() else {
        return Vec::new();
    };
    let everywhere = |gate: &&Name| rest.iter().all(|o| o.skip.contains(gate));
    let by: BTreeSet<&String> = overrides.iter().flat_map(|o| &o.by).collect();
    let everybody = |who: &&String| {
        let mut narrow = overrides.iter().filter(|o| !o.by.is_empty());
        narrow.all(|o| o.by.contains(who))
    };
    let by: Vec<String> = by.into_iter().filter(everybody).cloned().collect();
    let gates = first.skip.iter().filter(everywhere);
    gates.map(|gate| (gate.to_string(), by.clone())).collect()
}

/// Labels of images, as far as they are known.
pub fn labels(observation: &Observation) -> BTreeMap<Digest, BTreeMap<String, String>> {
    let described = observation.facts.described.iter();
    let known = described.filter_map(|(question, answer)| match &answer.outcome {
        Outcome::Ok(facts) => Some((question.image.digest.clone(), facts.labels.clone())),
        Outcome::Failed(_) => None,
    });
    known.collect()
}
