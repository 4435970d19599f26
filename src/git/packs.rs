//! Packs that the latest commits of ours were written as: a repository on this disk gets them as they are.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::Repository;

use super::error::GitError;
use super::local::oid;
use super::types::NewCommit;
use crate::model::CommitId;

/// A commit is pushed right after it was made, so few have to be remembered.
const MOST: usize = 8;

/// What is remembered. What is not there any more, or does not fit, is copied object by object.
#[derive(Debug, Default)]
pub(super) struct Packs(Mutex<VecDeque<Packed>>);

/// A pack with everything that a commit added.
#[derive(Debug, Clone)]
struct Packed {
    commit: CommitId,
    /// Commits that whoever gets the pack must have: the rest lies in them.
    needs: Vec<CommitId>,
    name: String,
}

impl Packs {
    fn all(&self) -> MutexGuard<'_, VecDeque<Packed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that a commit with all that it added is this pack.
    pub(super) fn remember(&self, commit: CommitId, new: &NewCommit, name: String) {
        let needs = new.parents.iter().chain(&new.start).cloned().collect();
        let mut all = self.all();
        all.truncate(MOST - 1);
        all.push_front(Packed {
            commit,
            needs,
            name,
        });
    }

    /// Gives a repository on this disk the pack of a commit, if that is all it lacks of it.
    pub(super) fn hand_over(
        &self,
        commit: &CommitId,
        source: &Repository,
        target: &Path,
    ) -> Result<(), GitError> {
        let packed = self.all().iter().find(|p| p.commit == *commit).cloned();
        let Some(packed) = packed else { return Ok(()) };
        let shown = target.display().to_string();
        let fail = |error: git2::Error| GitError::libgit2(&shown, &error);
        let target = Repository::open(target).map_err(fail)?;
        let odb = target.odb().map_err(fail)?;
        if odb.exists(oid(commit)?) {
            return Ok(());
        }
        for needed in &packed.needs {
            if !odb.exists(oid(needed)?) {
                return Ok(());
            }
        }
        let (from, to) = (folder(source), folder(&target));
        // The index makes a pack visible, so it comes second.
        for extension in ["pack", "idx"] {
            let name = format!("{}.{extension}", packed.name);
            copy(&from.join(&name), &to, &name)
                .map_err(|error| GitError::io(&format!("copy `{name}` to `{shown}`"), &error))?;
        }
        odb.refresh().map_err(fail)
    }
}

fn folder(repository: &Repository) -> PathBuf {
    repository.commondir().join("objects/pack")
}

/// A copy that is there as a whole or not at all. What is left of one that was cut off is swept up by `git prune`.
fn copy(from: &Path, folder: &Path, name: &str) -> io::Result<()> {
    let source = File::open(from)?;
    let mut file = tempfile::Builder::new()
        .prefix("tmp_pack_")
        .permissions(source.metadata()?.permissions())
        .tempfile_in(folder)?;
    io::copy(&mut &source, &mut file)?;
    file.persist(folder.join(name))?;
    Ok(())
}
