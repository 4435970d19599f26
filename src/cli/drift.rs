//! `drift`: what two stages, or two environments, hold of the same pipelines, and how far one is behind the other.

use std::collections::BTreeSet;

use super::args::DriftArgs;
use super::engine::Engine;
use super::view::drift::DriftView;
use super::{CliError, Context, Exit, base, view};
use crate::manifests::suggest::proposed;
use crate::model::Name;
use crate::plan::Observation;
use crate::plan::compare::{Standing, compare};

/// Compares every pipeline that has both.
///
/// # Errors
/// When the repository cannot be read, or a word names no stage and no environment.
pub async fn run(context: &Context, args: &DriftArgs) -> Result<Exit, CliError> {
    if args.left == args.right {
        let words = format!("`{}` is compared with itself", args.left);
        let help = "write two stages or environments, as in `headwater drift qa prod`";
        return Err(CliError::usage(words).help(help));
    }
    let engine = Engine::open(context, false)?;
    let now = context.now();
    let (observation, plan) = engine.look(context, now).await?;
    base::tell_problems(&context.out, &observation);
    let pairs = compare(&observation, &plan, [&args.left, &args.right]);
    let pairs = pairs.map_err(|word| unknown(word, &observation))?;
    let drifts = pairs.iter().any(|pair| pair.standing != Standing::Same);
    let view = DriftView {
        left: args.left.as_str(),
        right: args.right.as_str(),
        pairs: &pairs,
        all: args.all,
    };
    view::print(&context.out, &view, now)?;
    Ok(match drifts && args.exit_code {
        true => Exit::Pending,
        false => Exit::Settled,
    })
}

fn unknown(word: &Name, observation: &Observation) -> CliError {
    let documents = &observation.snapshot.documents;
    let stages = documents.pipelines.values();
    let stages = stages.flat_map(|located| &located.value.spec.stages);
    let mut known: BTreeSet<&str> = stages.map(|stage| stage.name.as_str()).collect();
    known.extend(documents.environments.keys().map(Name::as_str));
    CliError::usage(format!(
        "no pipeline has a stage or an environment `{word}`"
    ))
    .help(proposed(word.as_str(), known))
}
