//! An act written into the work tree. What a person has changed there is never overwritten blindly: the act is made anew on
//! top of it, or refused by name.

use std::collections::BTreeMap;

use super::Doing;
use crate::cli::engine::edge;
use crate::cli::view::act::Written;
use crate::cli::work::{MOST_BYTES, observation};
use crate::cli::{CliError, Exit};
use crate::git::{Repository, WorkFile, WorkTree};
use crate::model::{BlobId, RepoPath};
use crate::plan::Observation;
use crate::plan::acts::Act;
use crate::plan::change::files::Files;

/// A file as it is in three places, and as it shall be.
struct Found {
    work: Option<Vec<u8>>,
    committed: Option<BlobId>,
    base: Option<BlobId>,
}

impl Found {
    fn work_blob(&self) -> Option<BlobId> {
        self.work.as_ref().map(|bytes| BlobId::of(bytes))
    }

    /// Changed by a person and not committed.
    fn is_dirty(&self) -> bool {
        self.work_blob() != self.committed
    }
}

impl Doing<'_> {
    /// Writes the files, and commits them where that is asked for.
    pub(super) async fn to_work_tree(
        &self,
        tree: &WorkTree,
        obs: &Observation,
        act: Act,
        commit: bool,
    ) -> Result<(Act, Written), CliError> {
        if act.files.is_empty() {
            let id = act.reopen.as_deref().unwrap_or_default();
            return Err(CliError::failed(format!(
                "{} is held by pull request {id}, which was closed: no file would change",
                act.stage
            ))
            .help("add --push to open it again"));
        }
        let found = self.find(tree, obs, &act.files).await?;
        for (path, found) in &found {
            // What only this branch has may go again without anybody else's doing.
            let taken_back = found.base.is_none() && act.files.get(path) == Some(&None);
            if found.committed != found.base && !taken_back {
                return Err(CliError::failed(format!(
                    "`{path}` is not on this branch as it is on {}",
                    obs.snapshot.branch
                ))
                .help("run `git pull` first, or add --push, which needs no work tree"));
            }
        }
        let dirty: Vec<&RepoPath> = found
            .iter()
            .filter(|(_, found)| found.is_dirty())
            .map(|(path, _)| path)
            .collect();
        let (act, found) = if dirty.is_empty() {
            (act, found)
        } else {
            refuse_uncommitted(&act, &found, commit)?;
            refuse_dirty(&act, &dirty, commit)?;
            let act = self.on_top(tree, obs, act).await?;
            let found = self.find(tree, obs, &act.files).await?;
            (act, found)
        };
        write(tree, &act.files, &found)?;
        if !commit {
            return Ok((act, Written::WorkTree));
        }
        let paths: Vec<RepoPath> = act.files.keys().cloned().collect();
        let commit = tree
            .commit(&paths, &act.message, (&self.person, &self.person), self.now)
            .map_err(|e| edge(&e).context("the files are written, but could not be committed"))?;
        Ok((act, Written::Commit { commit }))
    }

    /// The same act on the work tree's own files. Outputs stay those of the base: a template that somebody is working
    /// on is not part of it.
    async fn on_top(
        &self,
        tree: &WorkTree,
        obs: &Observation,
        on_base: Act,
    ) -> Result<Act, CliError> {
        let mut work = observation(tree, obs)?;
        let mut act = self.settle(&mut work).await.map_err(|error| {
            let help = error.help.clone();
            let error = error.context("the act cannot be done on top of your changes");
            CliError {
                help: help.or_else(|| Some("commit and push them first, or add --push".to_owned())),
                ..error
            }
        })?;
        let made_here = std::mem::take(&mut act.outputs);
        act.files.retain(|path, _| !made_here.contains(path));
        let outputs = on_base
            .files
            .iter()
            .filter(|(path, _)| on_base.outputs.contains(path));
        act.files
            .extend(outputs.map(|(path, text)| (path.clone(), text.clone())));
        if !same(&act, &on_base) {
            return Err(CliError::failed(format!(
                "with your changes in the work tree {} would go elsewhere than on {}",
                act.stage, obs.snapshot.branch
            ))
            .help("commit and push them first, or add --push"));
        }
        Ok(Act {
            outputs: on_base.outputs,
            images: on_base.images,
            ..act
        })
    }

    async fn find(
        &self,
        tree: &WorkTree,
        obs: &Observation,
        files: &Files,
    ) -> Result<BTreeMap<RepoPath, Found>, CliError> {
        let fail = |e: crate::git::GitError| edge(&e);
        let root = tree.root().display().to_string();
        let git = &self.context.settings().git;
        let local = Repository::open(&root, git, true).map_err(fail)?;
        let committed = match tree.head().map_err(fail)? {
            Some(head) => local.tree(&head).await.map_err(fail)?.entries,
            None => BTreeMap::new(),
        };
        let mut found = BTreeMap::new();
        for path in files.keys() {
            let work = match tree.read(path, MOST_BYTES).map_err(fail)? {
                None => None,
                Some(WorkFile::Bytes(bytes)) => Some(bytes),
                Some(_) => {
                    return Err(CliError::failed(format!(
                        "`{path}` is no ordinary file in the work tree, so it is not written"
                    ))
                    .help("put it right, or add --push"));
                }
            };
            let one = Found {
                work,
                committed: committed.get(path).map(|entry| entry.blob.clone()),
                base: obs.snapshot.files.get(path).map(|entry| entry.blob.clone()),
            };
            found.insert(path.clone(), one);
        }
        Ok(found)
    }
}

/// Whether two acts move the stage alike.
fn same(a: &Act, b: &Act) -> bool {
    let set = |report: &Option<crate::plan::report::SetReport>| report.as_ref().map(|r| r.set.id());
    (set(&a.old), set(&a.new)) == (set(&b.old), set(&b.new))
}

/// Taking away what was never committed leaves nothing to commit.
fn refuse_uncommitted(
    act: &Act,
    found: &BTreeMap<RepoPath, Found>,
    commit: bool,
) -> Result<(), CliError> {
    let gone = found
        .iter()
        .find(|(path, f)| f.committed.is_none() && act.files.get(*path) == Some(&None));
    match gone {
        Some((path, _)) if commit => Err(CliError::failed(format!(
            "`{path}` was never committed, so there is nothing to commit when it goes"
        ))
        .help("leave --commit out")),
        _ => Ok(()),
    }
}

fn refuse_dirty(act: &Act, dirty: &[&RepoPath], commit: bool) -> Result<(), CliError> {
    if let Some(output) = dirty.iter().find(|path| act.outputs.contains(path)) {
        return Err(CliError::failed(format!(
            "`{output}` has changes of yours that are not committed, and this act writes it anew"
        ))
        .help(format!(
            "put it back (`git restore {output}`), or add --push, which needs no work tree"
        )));
    }
    match dirty.first() {
        Some(path) if commit => Err(CliError::failed(format!(
            "`{path}` has changes of yours that are not committed and would be committed along"
        ))
        .help("commit them first, or add --push, which needs no work tree")),
        _ => Ok(()),
    }
}

fn write(
    tree: &WorkTree,
    files: &Files,
    found: &BTreeMap<RepoPath, Found>,
) -> Result<(), CliError> {
    let mut done: Vec<&str> = Vec::new();
    for (path, text) in files {
        let work = found.get(path).and_then(|f| f.work.as_deref());
        let result = match (text, work) {
            (Some(text), work) if work == Some(text.as_bytes()) => Ok(()),
            (Some(text), work) => tree.write(path, work, text.as_bytes()),
            (None, Some(work)) => tree.remove(path, work),
            (None, None) => Ok(()),
        };
        if let Err(error) = result {
            let error = CliError::from_error(Exit::Failed, &error);
            return Err(if done.is_empty() {
                error
            } else {
                error.help(format!("written before that: {}", done.join(", ")))
            });
        }
        done.push(path.as_str());
    }
    Ok(())
}
