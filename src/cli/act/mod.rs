//! What `promote`, `rollback`, `hold` and `unhold` share: the act is computed on the base, then written where it was asked for.

mod brakes;
mod place;
mod push;
mod unpushed;
mod work_tree;

use std::collections::BTreeMap;

pub(super) use place::{check as check_place, person, work_tree};
pub(super) use push::{Pushed, forge, on_top, proposed, push_files};
pub(super) use unpushed::{Unpushed, unpushed};

use super::args::{Destination, Reason, WriteArgs};
use super::base::invalid;
use super::engine::{Engine, edge};
use super::output::Format;
use super::view::act::{Act as View, ActKind, Next, Ran, Written};
use super::view::{self, diff};
use super::{CliError, Context, Exit, prompt};
use crate::git::{Person, WorkTree};
use crate::model::{RepoPath, Timestamp};
use crate::observe::ObserveError;
use crate::plan::acts::{Act, ActError};
use crate::plan::question::MOST_ROUNDS;
use crate::plan::{Observation, acts};

/// What somebody wants.
pub(super) struct Wish<'a> {
    /// Which act.
    pub(super) kind: ActKind,
    /// Why.
    pub(super) reason: &'a Reason,
    /// Where it is written.
    pub(super) write: &'a WriteArgs,
}

/// Computes the act from an observation.
pub(super) type Compute<'a> =
    &'a (dyn Fn(&Observation, &acts::Person) -> Result<Act, ActError> + Sync);

/// An act being done.
struct Doing<'a> {
    context: &'a Context,
    wish: &'a Wish<'a>,
    compute: Compute<'a>,
    engine: Engine,
    person: Person,
    now: Timestamp,
}

/// Does it, and tells what was done.
pub(super) async fn run(
    context: &Context,
    wish: &Wish<'_>,
    compute: Compute<'_>,
) -> Result<Exit, CliError> {
    let tree = work_tree(context)?;
    let destination = wish.write.destination();
    place::check(context, tree.as_ref(), destination, wish.write.dry_run)?;
    let doing = Doing {
        context,
        wish,
        compute,
        engine: Engine::open(context, false)?,
        person: person(context)?,
        now: context.now(),
    };
    let mut obs = doing.observe().await?;
    let act = doing
        .with_brakes(tree.as_ref(), destination, &mut obs)
        .await?;
    let notes = act.notes.clone();
    let (act, written) = if wish.write.dry_run {
        doing.show_diff(&obs, &act).await?;
        (act, Written::Nowhere)
    } else {
        match (destination, &tree) {
            (Destination::PullRequest, _) => doing.to_pull_request(obs, act).await?,
            (Destination::WorkTree, Some(tree)) => {
                doing.to_work_tree(tree, &obs, act, false).await?
            }
            (Destination::Commit, Some(tree)) => doing.to_work_tree(tree, &obs, act, true).await?,
            _ => {
                let question = question(&act, &obs.snapshot.branch);
                if !prompt::confirm(&context.out, &question, wish.write.yes)? {
                    context.out.note("nothing was written");
                    return Ok(Exit::Settled);
                }
                if let Some(tree) = &tree {
                    doing.tell_unpushed(tree, &obs, &act).await?;
                }
                doing.to_base(obs, act).await?
            }
        }
    };
    notes.iter().for_each(|note| context.out.note(note));
    view::print(&context.out, &shown(&act, wish, written), doing.now)?;
    Ok(Exit::Settled)
}

impl Doing<'_> {
    async fn observe(&self) -> Result<Observation, CliError> {
        let observer = &self.engine.reconciler.observer;
        observer.observe(self.now).await.map_err(|e| observed(&e))
    }

    /// The act, with the questions it has on the way answered.
    async fn settle(&self, obs: &mut Observation) -> Result<Act, CliError> {
        let person = acts::Person {
            by: self.person.email.clone(),
            reason: self.wish.reason.to_string(),
        };
        settle(&self.engine, obs, |obs| (self.compute)(obs, &person)).await
    }

    /// An act goes to the base at once; whoever has commits of their own on the same files hears of it.
    async fn tell_unpushed(
        &self,
        tree: &WorkTree,
        obs: &Observation,
        act: &Act,
    ) -> Result<(), CliError> {
        let base = &obs.snapshot.commit;
        let Some(unpushed) = unpushed(self.context, &self.engine, tree, base).await? else {
            return Ok(());
        };
        let mut paths = act.files.keys();
        if let Some(path) = paths.find(|path| unpushed.paths.contains(path)) {
            self.context.out.warning(&format!(
                "`{path}` has commits of yours that are not on {}: pull before you push them",
                obs.snapshot.branch
            ));
        }
        Ok(())
    }

    /// What the act would change, as a diff; data formats get only the act.
    async fn show_diff(&self, obs: &Observation, act: &Act) -> Result<(), CliError> {
        if !matches!(self.context.out.format(), Format::Text | Format::Wide) {
            return Ok(());
        }
        let old = texts(&self.engine, obs, act.files.keys()).await?;
        let text = diff::files(&act.files, &|path| old.get(path).cloned());
        if !text.is_empty() {
            self.context.out.line(text);
        }
        Ok(())
    }
}

/// A pure computation over an observation, made again until it asks nothing new.
pub(super) async fn settle<T>(
    engine: &Engine,
    obs: &mut Observation,
    compute: impl Fn(&Observation) -> Result<T, ActError>,
) -> Result<T, CliError> {
    let observer = &engine.reconciler.observer;
    for _ in 0..2 * MOST_ROUNDS {
        match compute(obs) {
            Ok(found) => return Ok(found),
            Err(ActError::No { why, help }) => {
                return Err(CliError {
                    help,
                    ..CliError::failed(why)
                });
            }
            Err(ActError::Unknown { why, help }) => {
                return Err(CliError {
                    help,
                    ..CliError::usage(why)
                });
            }
            Err(ActError::Invalid { why }) => return Err(invalid(why)),
            Err(ActError::Asking(questions)) => {
                let answered = observer.answer(obs, &questions).await;
                answered.map_err(|e| observed(&e))?;
            }
        }
    }
    Err(CliError::new(
        Exit::TryAgain,
        "not everything that is needed could be found out",
    ))
}

/// Texts of files of the base; those that are not there, or are no text, are left out.
pub(super) async fn texts<'p>(
    engine: &Engine,
    obs: &Observation,
    paths: impl Iterator<Item = &'p RepoPath>,
) -> Result<BTreeMap<RepoPath, String>, CliError> {
    let entries: Vec<_> = paths
        .filter_map(|path| Some((path.clone(), obs.snapshot.files.get(path)?.blob.clone())))
        .collect();
    let ids = entries.iter().map(|(_, blob)| blob.clone()).collect();
    let most = crate::manifests::yaml::MAX_BYTES;
    let blobs = engine.git.blobs(ids, most).await;
    let blobs = blobs.map_err(|e| edge(&e))?;
    let text = |blob| {
        let bytes = blobs.get(blob)?.as_ref().ok()?;
        String::from_utf8(bytes.clone()).ok()
    };
    Ok(entries
        .iter()
        .filter_map(|(path, blob)| Some((path.clone(), text(blob)?)))
        .collect())
}

/// An error of observing.
pub(super) fn observed(error: &ObserveError) -> CliError {
    edge(error)
}

/// What is asked before a push.
fn question(act: &Act, branch: &str) -> String {
    let version = |report: &Option<crate::plan::report::SetReport>| {
        report.as_ref().map(|r| r.version.clone())
    };
    let stage = &act.stage;
    let what = match (act.kind, version(&act.old), version(&act.new)) {
        ("rollback", Some(old), Some(new)) => format!("roll {stage} back from {old} to {new}"),
        ("promote", _, Some(new)) => format!("ask for {new} in {stage}"),
        (kind, _, Some(new)) => format!("{kind} {new} in {stage}"),
        (kind, _, None) => format!("{kind} {stage}"),
    };
    format!("{what}: push to {branch}")
}

fn shown(act: &Act, wish: &Wish<'_>, written: Written) -> View {
    View {
        v: 1,
        kind: wish.kind,
        stage: act.stage.clone(),
        reason: wish.reason.to_string(),
        old: act.old.clone(),
        new: act.new.clone(),
        ran: act.ran.clone().map(|ran| Ran {
            from: ran.from,
            until: ran.until,
            by: ran.by,
        }),
        skipped: act.skipped.clone(),
        skipped_by: act.skipped_by.clone(),
        pins: act.pins,
        files: act.files.keys().cloned().collect(),
        removed: act
            .files
            .iter()
            .filter(|(_, text)| text.is_none())
            .map(|(path, _)| path.clone())
            .collect(),
        images: act.images,
        next: act.next.as_deref().map(|next| Next {
            stage: next.stage.clone(),
            again: next.again,
            refused: next.refused.clone(),
        }),
        written,
    }
}
