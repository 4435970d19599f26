//! Holds that lie in the work tree and are not on the base: `hold` and `unhold` see them, so that nothing is held twice and
//! what was just written can be lifted again.

use std::sync::Arc;

use super::Doing;
use crate::cli::CliError;
use crate::cli::args::Destination;
use crate::cli::view::act::ActKind;
use crate::cli::work::observation;
use crate::git::WorkTree;
use crate::model::RepoPath;
use crate::plan::Observation;
use crate::plan::acts::Act;

impl Doing<'_> {
    /// The act on the base; of `hold` and `unhold` with the holds of the work tree, if there is one.
    pub(super) async fn with_brakes(
        &self,
        tree: Option<&WorkTree>,
        destination: Destination,
        obs: &mut Observation,
    ) -> Result<Act, CliError> {
        let tree = match (self.wish.kind, tree) {
            (ActKind::Hold | ActKind::Unhold, Some(tree)) => tree,
            _ => return self.settle(obs).await,
        };
        let mut here = holds_of(tree, obs)?;
        if here.snapshot.documents.holds == obs.snapshot.documents.holds {
            return self.settle(obs).await;
        }
        let in_tree = self.settle(&mut here).await;
        if matches!(destination, Destination::WorkTree | Destination::Commit) {
            return in_tree;
        }
        let branch = &obs.snapshot.branch.clone();
        match (self.wish.kind, in_tree, self.settle(obs).await) {
            (ActKind::Hold, Err(error), Ok(_)) => Err(error.help(format!(
                "that hold lies in the work tree and is not on {branch} yet: commit and push it"
            ))),
            (ActKind::Unhold, Ok(act), Err(error)) => {
                let paths: Vec<&str> = act.files.keys().map(RepoPath::as_str).collect();
                Err(error
                    .because(format!(
                        "{} lies in the work tree and is not on {branch}",
                        paths.join(", ")
                    ))
                    .help("leave --push and --pull-request out: it is lifted in the work tree"))
            }
            (_, _, on_base) => on_base,
        }
    }
}

/// The base with the holds of the work tree beside its own: a branch that is behind hides none.
fn holds_of(tree: &WorkTree, base: &Observation) -> Result<Observation, CliError> {
    let work = observation(tree, base)?.snapshot;
    let folder = &base.snapshot.documents.config.spec.paths.holds;
    let mut here = base.clone();
    let documents = Arc::make_mut(&mut here.snapshot.documents);
    documents.holds.extend(work.documents.holds.clone());
    let files = Arc::make_mut(&mut here.snapshot.files);
    let held = work.files.iter().filter(|(path, _)| path.is_below(folder));
    files.extend(held.map(|(path, entry)| (path.clone(), entry.clone())));
    Ok(here)
}
