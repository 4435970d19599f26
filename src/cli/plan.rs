//! `plan`: what would be done, why the rest waits, and on request the plan as a file or as a diff.

use std::collections::{BTreeMap, BTreeSet};

use super::args::PlanArgs;
use super::engine::{self, Engine};
use super::view::plan::PlanView;
use super::view::{self, diff};
use super::{CliError, Context, Exit, base, files};
use crate::model::RepoPath;
use crate::plan::{Facts, Observation, Plan};

/// Files larger than this are not shown as a diff.
const MOST_BYTES: usize = 1 << 20;

/// Plans. Ends with 4 where something is broken, with 75 where a registry that did not answer is asked again; with
/// `--exit-code` it ends with 10 where there is something to do, broken or not.
///
/// # Errors
/// When the repository or the facts cannot be read, or the plan cannot be written.
pub async fn run(context: &Context, args: &PlanArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let (observation, plan) = match &args.facts {
        Some(file) => {
            let facts: Facts = files::FACTS.read(file)?;
            let replayed = engine.reconciler.replay(facts).await;
            replayed.map_err(|e| engine::unobserved(&e))?
        }
        None => engine.plan(context, context.now()).await?,
    };
    let out = &context.out;
    base::tell_problems(out, &observation);
    if let Some(file) = &args.out {
        files::write(file, &plan)?;
    }
    let texts = match args.diff {
        true => Some(present(&engine, &observation, &plan).await?),
        false => None,
    };
    let old = |path: &RepoPath| texts.as_ref()?.get(path).cloned();
    let saved_as = args.out.as_ref().map(|file| file.display().to_string());
    let view = PlanView {
        plan: &plan,
        saved_as: saved_as.as_deref(),
        old: args.diff.then_some(&old as diff::Old<'_>),
    };
    // Ages count to the plan's own instant, so that a replay prints the same whenever it is run.
    view::print(out, &view, plan.now)?;
    Ok(if args.exit_code && !plan.is_empty() {
        Exit::Pending
    } else {
        base::exit_of_plan(&plan, &observation)
    })
}

/// The present texts of the files that a plan writes.
async fn present(
    engine: &Engine,
    observation: &Observation,
    plan: &Plan,
) -> Result<BTreeMap<RepoPath, String>, CliError> {
    let commits = plan
        .effects
        .iter()
        .filter_map(|effect| diff::commit(effect, &plan.branch));
    let paths: BTreeSet<&RepoPath> = commits
        .flat_map(|(_, commit)| commit.files.keys())
        .collect();
    let files = &observation.snapshot.files;
    let blobs: BTreeMap<&RepoPath, _> = paths
        .into_iter()
        .filter_map(|path| Some((path, &files.get(path)?.blob)))
        .collect();
    let ids: BTreeSet<_> = blobs.values().map(|blob| (*blob).clone()).collect();
    let contents = engine.git.blobs(ids.into_iter().collect(), MOST_BYTES);
    let contents = contents.await.map_err(|error| engine::edge(&error))?;
    let text = |(path, blob): (&RepoPath, &crate::model::BlobId)| {
        let bytes = contents.get(blob)?.as_ref().ok()?;
        Some((path.clone(), String::from_utf8_lossy(bytes).into_owned()))
    };
    Ok(blobs.into_iter().filter_map(text).collect())
}
