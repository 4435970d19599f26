//! What the verbs that edit image streams share: documents are read where they will be written, the edit is computed, then
//! it goes into the work tree, a commit, the base, or a pull request.

mod base;
mod manifests;
mod shown;
mod texts;
mod tree;

pub(super) use manifests::Found;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::act::{Unpushed, person, unpushed, work_tree};
use super::args::{Destination, Repository, WriteArgs};
use super::engine::Engine;
use super::output::Format;
use super::view::act::Written;
use super::view::diff;
use super::{CliError, Context, Exit};
use crate::git::{Person, WorkTree};
use crate::manifests::Documents;
use crate::manifests::edit::StreamEdit;
use crate::model::{Namespace, RepoPath, TagKey};
use crate::plan::Observation;
use crate::plan::change::files::Files as Texts;
use crate::plan::streams::draft::Changes;
use crate::plan::streams::{Done, Refused, Scene, pointers};

/// Computes an edit from documents.
pub(super) type Compute<'a> = &'a (dyn Fn(Scene<'_>) -> Result<Done, Refused> + Sync);

/// What is asked for.
pub(super) struct Wish<'a> {
    /// The verb.
    pub(super) verb: &'static str,
    /// What its commit says, in one line.
    pub(super) title: String,
    /// What stands behind what it records.
    pub(super) proof: Proof,
    /// Where it is written.
    pub(super) write: &'a WriteArgs,
}

/// What stands behind a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing: a status that a person commits is no proof, and nothing is promoted from it.
    None,
    /// It came from a registry just now, so the commit is as good as one of a pass.
    Registry,
    /// What ran before the stage had a history, which its record says.
    Adoption,
}

impl Wish<'_> {
    /// Who commits what a person asked for.
    fn committer(&self, context: &Context, author: &Person) -> Person {
        if self.proof == Proof::Registry {
            Person::from(&context.settings().git.committer)
        } else {
            author.clone()
        }
    }
}

/// Where streams are read and written.
pub(super) struct Place<'c> {
    context: &'c Context,
    destination: Destination,
    dry_run: bool,
    /// All documents as they are there.
    pub(super) docs: Arc<Documents>,
    namespace: Namespace,
    source: Source,
}

enum Source {
    /// Files on disk.
    Tree(tree::Tree),
    /// The base of the remote.
    Base {
        engine: Box<Engine>,
        obs: Box<Observation>,
        /// A work tree that stands beside it.
        beside: Option<WorkTree>,
    },
}

/// An edit in words and bytes.
struct Edit {
    done: Done,
    files: Texts,
    /// Texts before.
    old: BTreeMap<RepoPath, String>,
}

impl<'c> Place<'c> {
    /// Reads documents from where they will be written: the work tree, or for `--push` and `--pull-request` the base.
    ///
    /// # Errors
    /// When there is no such place, or it cannot be read.
    pub(super) async fn open(context: &'c Context, write: &WriteArgs) -> Result<Self, CliError> {
        let tree = folder(context)?;
        let destination = write.destination();
        super::act::check_place(context, tree.as_ref(), destination, write.dry_run)?;
        let to_base = matches!(destination, Destination::Push | Destination::PullRequest);
        let (docs, source) = match tree {
            Some(tree) if !to_base => {
                let tree = tree::Tree::read(tree).await?;
                (Arc::clone(&tree.docs), Source::Tree(tree))
            }
            beside => {
                let engine = Box::new(Engine::open(context, false)?);
                let obs = Box::new(base::observe(&engine, context).await?);
                (
                    Arc::clone(&obs.snapshot.documents),
                    Source::Base {
                        engine,
                        obs,
                        beside,
                    },
                )
            }
        };
        let default = docs.config.spec.namespace.clone();
        let namespace = context.globals.namespace.clone().unwrap_or(default);
        Ok(Self {
            context,
            destination,
            dry_run: write.dry_run,
            docs,
            namespace,
            source,
        })
    }

    /// What a verb is given.
    pub(super) fn scene<'s>(&'s self, docs: &'s Documents) -> Scene<'s> {
        Scene {
            docs,
            namespace: &self.namespace,
            now: self.context.now(),
        }
    }

    /// Computes the edit, writes it, and says so; whether any file differs for it.
    ///
    /// # Errors
    /// When it is refused, or cannot be written.
    pub(super) async fn edit(
        self,
        wish: &Wish<'_>,
        compute: Compute<'_>,
    ) -> Result<bool, CliError> {
        let edit = self.compute(compute).await?;
        let out = &self.context.out;
        edit.done.warnings.iter().for_each(|w| out.warning(w));
        if self.dry_run {
            if matches!(out.format(), Format::Text | Format::Wide) {
                let text = diff::files(&edit.files, &|path| edit.old.get(path).cloned());
                if !text.is_empty() {
                    out.line(text);
                }
            }
            shown::print(out, &edit, true)?;
            return Ok(!edit.files.is_empty());
        }
        let (edit, written) = match (&self.source, edit.files.is_empty()) {
            (_, true) => (edit, None),
            (Source::Tree(tree), false) => {
                let commit = self.destination == Destination::Commit;
                let written = tree.write(self.context, wish, &edit, commit)?;
                (edit, Some(written))
            }
            (
                Source::Base {
                    engine,
                    obs,
                    beside,
                },
                false,
            ) => {
                refuse_dirty(beside.as_ref(), &edit.files)?;
                self.refuse_unpushed(engine, obs, beside.as_ref(), &edit.files)
                    .await?;
                let pull_request = self.destination == Destination::PullRequest;
                if pull_request && wish.proof != Proof::Adoption {
                    refuse_pointers(&edit.done.changes, &obs.snapshot.documents)?;
                }
                let delivery = base::Delivery {
                    place: &self,
                    engine,
                    wish,
                    compute,
                };
                let (edit, written) = match pull_request {
                    true => delivery.to_pull_request(obs, edit).await?,
                    false => delivery.to_base(obs, edit).await?,
                };
                (edit, Some(written))
            }
        };
        if written != Some(Written::Nowhere) {
            shown::print(out, &edit, false)?;
        }
        match &written {
            Some(written) => shown::note(out, written, &edit.files),
            None => out.note("nothing to write: the files say so already"),
        }
        Ok(!edit.files.is_empty())
    }

    /// What somebody has committed and not pushed would stand against what is pushed past it.
    async fn refuse_unpushed(
        &self,
        engine: &Engine,
        obs: &Observation,
        beside: Option<&WorkTree>,
        files: &Texts,
    ) -> Result<(), CliError> {
        let Some(unpushed) = self.unpushed(engine, obs, beside).await? else {
            return Ok(());
        };
        match files.keys().find(|path| unpushed.paths.contains(path)) {
            None => Ok(()),
            Some(path) => Err(CliError::failed(format!(
                "`{path}` has commits of yours that are not on {}, and this would be pushed past them",
                obs.snapshot.branch
            ))
            .help("push them first")),
        }
    }

    async fn unpushed(
        &self,
        engine: &Engine,
        obs: &Observation,
        beside: Option<&WorkTree>,
    ) -> Result<Option<Unpushed>, CliError> {
        match beside {
            None => Ok(None),
            Some(tree) => unpushed(self.context, engine, tree, &obs.snapshot.commit).await,
        }
    }

    /// What is not on the base may lie in commits that are not pushed.
    async fn maybe_unpushed(
        &self,
        error: CliError,
        engine: &Engine,
        obs: &Observation,
        beside: Option<&WorkTree>,
    ) -> CliError {
        let paths = &obs.snapshot.documents.config.spec.paths;
        let streams = [&paths.pipelines, &paths.streams];
        match self.unpushed(engine, obs, beside).await {
            Ok(Some(unpushed)) if unpushed.paths.iter().any(|p| streams.iter().any(|s| p.is_below(s))) => {
                error.because(format!(
                    "commit {} of this work tree is not on {}: push it first, if that is where it is",
                    unpushed.head.short(),
                    obs.snapshot.branch
                ))
            }
            _ => error,
        }
    }

    /// The edit as things are, with the texts it makes.
    async fn compute(&self, compute: Compute<'_>) -> Result<Edit, CliError> {
        match &self.source {
            Source::Base {
                engine,
                obs,
                beside,
            } => match self.compute_on(obs, engine, compute).await {
                Ok(edit) => Ok(edit),
                Err(error) => {
                    let beside = beside.as_ref();
                    Err(self.maybe_unpushed(error, engine, obs, beside).await)
                }
            },
            Source::Tree(tree) => {
                let done = compute(self.scene(&self.docs)).map_err(refused)?;
                let old = tree.texts(&texts::touched(&done, &self.docs))?;
                let exists = |path: &RepoPath| tree.exists(path);
                let files = texts::texts(&done, &self.docs, &old, &exists)?;
                Ok(Edit { done, files, old })
            }
        }
    }

    /// The edit on a base.
    async fn compute_on(
        &self,
        obs: &Observation,
        engine: &Engine,
        compute: Compute<'_>,
    ) -> Result<Edit, CliError> {
        let docs = &obs.snapshot.documents;
        let done = compute(self.scene(docs)).map_err(refused)?;
        let touched = texts::touched(&done, docs);
        let old = super::act::texts(engine, obs, touched.iter()).await?;
        let exists = |path: &RepoPath| obs.snapshot.files.contains_key(path);
        let files = texts::texts(&done, docs, &old, &exists)?;
        Ok(Edit { done, files, old })
    }
}

/// What somebody has not committed would stand against what is pushed past it.
fn refuse_dirty(beside: Option<&WorkTree>, files: &Texts) -> Result<(), CliError> {
    let Some(tree) = beside else { return Ok(()) };
    let paths: Vec<RepoPath> = files.keys().cloned().collect();
    let dirty = tree.dirty(&paths).map_err(|e| super::engine::edge(&e))?;
    match dirty.first() {
        None => Ok(()),
        Some(path) => Err(CliError::failed(format!(
            "`{path}` has changes of yours that are not committed, and this would be pushed past them"
        ))
        .help("commit and push them first")),
    }
}

/// What is merged for people counts as a move of ours, and where a stage points only a promotion is one.
fn refuse_pointers(changes: &Changes, docs: &Documents) -> Result<(), CliError> {
    let pointers = pointers(docs);
    let moved = changes.iter().flat_map(|(key, draft)| {
        let names = draft.edits.iter().filter_map(|edit| match edit {
            StreamEdit::SetTag { name, .. } | StreamEdit::DeleteTag { name } => Some(name),
            _ => None,
        });
        names.map(|name| TagKey::new(key.clone(), name))
    });
    let mut stages = moved.filter_map(|tag| Some((pointers.get(&tag)?.clone(), tag)));
    match stages.next() {
        None => Ok(()),
        Some((stage, tag)) => Err(CliError::usage(format!(
            "{tag} is where stage {stage} points: no pull request but a promotion's moves it"
        ))
        .help(format!("headwater promote {stage}"))),
    }
}

/// The checkout that `--repo` names, or the folder where there is no Git at all.
fn folder(context: &Context) -> Result<Option<WorkTree>, CliError> {
    match work_tree(context) {
        Err(error) => match &context.globals.repository {
            Repository::Path(path) if path.is_dir() && !super::read::is_bare(path) => {
                let folder = WorkTree::folder(path);
                folder.map(Some).map_err(|_| error)
            }
            _ => Err(error),
        },
        found => found,
    }
}

/// Why a verb is refused, as an error of the command line.
pub(super) fn refused(refused: Refused) -> CliError {
    let error = if refused.usage {
        CliError::usage(refused.why)
    } else {
        CliError::failed(refused.why)
    };
    CliError {
        help: refused.help,
        ..error
    }
}

/// Names of tags in a row, for titles.
pub(super) fn row(names: &[String]) -> String {
    match names {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    }
}

/// A tag for people.
pub(super) fn shown_tag(scene: Scene<'_>, key: &TagKey) -> String {
    format!("{}:{}", scene.shown(&key.stream), key.tag)
}

/// How a verb ends that did what it was asked for.
pub(super) const DONE: Exit = Exit::Settled;
