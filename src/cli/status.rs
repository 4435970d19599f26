//! `status`: where everything is, as of the last check of each tag. Registries are asked for labels that are not known
//! yet, never for digests. While the Git remote is away it tells what was last seen, headed by what is wrong.

mod daemon;

use super::args::StatusArgs;
use super::engine::{self, Engine};
use super::view::edges::WithEdges;
use super::view::status::StatusView;
use super::{CliError, Context, Exit, base, view};
use crate::forge::Abilities;
use crate::model::Faulty as _;
use crate::plan::edges::{self, EdgeReport};
use crate::plan::{Observation, Plan};

/// Prints where everything is.
///
/// # Errors
/// When the repository cannot be read.
pub async fn run(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let now = context.now();
    match engine.look(context, now).await {
        Ok((observation, plan)) => {
            show(context, args, &engine, (&observation, plan), None).await?;
            Ok(Exit::Settled)
        }
        Err(error) => {
            let away = last_seen(context, args, &engine).await?;
            Err(engine::since(&engine, error, away, now).await)
        }
    }
}

/// Prints what was last seen of a base that cannot be fetched; whether there was anything.
async fn last_seen(
    context: &Context,
    args: &StatusArgs,
    engine: &Engine,
) -> Result<bool, CliError> {
    let now = context.now();
    let Some(trouble) = engine.reconciler.observer.git_trouble().await else {
        return Ok(false);
    };
    // A mirror that cannot be read either has nothing to tell; what is told is why the remote cannot.
    let Ok(Some((observation, plan))) = engine.reconciler.recall(now).await else {
        return Ok(false);
    };
    let pipelines = observation.snapshot.documents.pipelines.keys();
    let edge = edges::git(
        engine.git.describe(),
        &trouble,
        pipelines.cloned().collect(),
    );
    show(context, args, engine, (&observation, plan), Some(edge)).await?;
    Ok(true)
}

async fn show(
    context: &Context,
    args: &StatusArgs,
    engine: &Engine,
    (observation, mut plan): (&Observation, Plan),
    away: Option<EdgeReport>,
) -> Result<(), CliError> {
    let now = context.now();
    base::tell_problems(&context.out, observation);
    let memory = observation.facts.memory.values();
    let checked = memory.filter_map(|memory| memory.last_check).max();
    // The view takes the plan's instant for that of the last check.
    plan.now = checked.map_or(now, |checked| checked.min(now));
    let mut edges = edges::edges(observation, &plan);
    edges.splice(0..0, away);
    let settings = &context.settings().daemon;
    let daemon = daemon::ask(settings, &engine.git.describe()).await;
    let daemon = daemon.map(|(daemon, its)| {
        // What it waits for is known to it alone; what both know, this process has asked more lately.
        let unknown = |edge: &EdgeReport| {
            !edges
                .iter()
                .any(|e| (e.kind, &e.name) == (edge.kind, &edge.name))
        };
        let its: Vec<EdgeReport> = its.into_iter().filter(unknown).collect();
        edges.extend(its);
        daemon
    });
    let status = StatusView {
        plan: &plan,
        all: args.all,
        checked: checked.is_some(),
    };
    let view = WithEdges {
        status,
        edges: &edges,
        daemon,
        forge: abilities(engine, observation).await,
    };
    view::print(&context.out, &view, now)
}

/// What the forge lets us do, unless it does not answer: then that is told already.
async fn abilities(engine: &Engine, observation: &Observation) -> Option<Abilities> {
    if observation.facts.forge_failure.is_some() {
        return None;
    }
    match engine.forge.abilities().await {
        Ok(abilities) => Some(abilities),
        Err(error) => {
            let fault = error.fault().party.as_str();
            tracing::warn!(%error, fault, "what the forge lets us do is not known");
            None
        }
    }
}
