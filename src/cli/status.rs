//! `status`: where everything is, as of the last check of each tag. Registries are asked for labels that are not known
//! yet, never for digests.

use super::args::StatusArgs;
use super::engine::{self, Engine};
use super::view::edges::WithEdges;
use super::view::status::StatusView;
use super::{CliError, Context, Exit, base, view};
use crate::plan::edges::edges;

/// Prints where everything is.
///
/// # Errors
/// When the repository cannot be read.
pub async fn run(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let now = context.now();
    let (observation, mut plan) = match engine.look(context, now).await {
        Ok(seen) => seen,
        Err(error) => return Err(engine::since(&engine, error, now).await),
    };
    base::tell_problems(&context.out, &observation);
    let memory = observation.facts.memory.values();
    let checked = memory.filter_map(|memory| memory.last_check).max();
    // The view takes the plan's instant for that of the last check.
    plan.now = checked.map_or(now, |checked| checked.min(now));
    let edges = edges(&observation, &plan);
    let status = StatusView {
        plan: &plan,
        all: args.all,
        checked: checked.is_some(),
    };
    let view = WithEdges {
        status,
        edges: &edges,
    };
    view::print(&context.out, &view, now)?;
    Ok(Exit::Settled)
}
