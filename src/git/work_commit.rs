//! Commits and pushes from a person's checkout: who they are, what is dirty, just the named paths, no hooks.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use git2::{
    Direction, ErrorCode, FileMode, Oid, Repository, RepositoryState, Status, StatusOptions,
};
use tokio::runtime::Handle;

use super::checked_out::Checkouts;
use super::error::GitError;
use super::identity::person_of;
use super::local::update_refs;
use super::location::{Location, default_remote, locate, remote_url};
use super::push::push;
use super::read::{Objects, commit_id, repo_path};
use super::remote::{Remote, refs_of};
use super::types::{NewCommit, Person, PushResult, RefUpdate};
use super::work_tree::{PushTarget, WorkTree};
use super::write::tree_or_empty;
use crate::config::git::GitSettings;
use crate::model::{CommitId, RepoPath, Timestamp};

impl WorkTree {
    fn open(&self) -> Result<Repository, GitError> {
        Repository::open(&self.root).map_err(|error| self.fail(&error))
    }

    fn fail(&self, error: &git2::Error) -> GitError {
        GitError::libgit2(&self.root.display().to_string(), error)
    }

    /// Short name of the branch that is checked out, also if it has no commit yet.
    pub fn branch(&self) -> Result<String, GitError> {
        let repository = self.open()?;
        let name = self.branch_ref(&repository)?;
        Ok(name.trim_start_matches("refs/heads/").to_owned())
    }

    fn branch_ref(&self, repository: &Repository) -> Result<String, GitError> {
        let head = repository
            .find_reference("HEAD")
            .map_err(|error| self.fail(&error))?;
        head.symbolic_target()
            .ok()
            .flatten()
            .filter(|name| name.starts_with("refs/heads/"))
            .map(str::to_owned)
            .ok_or_else(|| {
                GitError::Invalid(format!(
                    "no branch is checked out in `{}`: run `git switch BRANCH` first",
                    self.root.display()
                ))
            })
    }

    /// The commit that is checked out; `None` before the first one.
    pub fn head(&self) -> Result<Option<CommitId>, GitError> {
        self.head_of(&self.open()?)?.map(commit_id).transpose()
    }

    fn head_of(&self, repository: &Repository) -> Result<Option<Oid>, GitError> {
        match repository.refname_to_id("HEAD") {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Who the person is, by `user.name` and `user.email` of Git's configuration.
    pub fn identity(&self) -> Result<Person, GitError> {
        let repository = self.open()?;
        let config = repository.config().map_err(|error| self.fail(&error))?;
        person_of(config)
    }

    /// Those of the given files and folders that hold something other than the last commit (staged, changed or new).
    pub fn dirty(&self, paths: &[RepoPath]) -> Result<Vec<RepoPath>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let repository = self.open()?;
        let mut options = StatusOptions::new();
        options
            .include_untracked(true)
            .recurse_untracked_dirs(true)
            .exclude_submodules(true)
            .disable_pathspec_match(true);
        for path in paths {
            options.pathspec(path.as_str());
        }
        let statuses = repository
            .statuses(Some(&mut options))
            .map_err(|error| self.fail(&error))?;
        let mut dirty: Vec<RepoPath> = statuses
            .iter()
            .filter(|entry| entry.status() != Status::CURRENT && !entry.status().is_ignored())
            .filter_map(|entry| repo_path(entry.path_bytes()).ok())
            .collect();
        dirty.sort();
        dirty.dedup();
        Ok(dirty)
    }

    /// Commits these paths as they are on disk on the current branch; everything else that is staged stays staged and
    /// out of the commit. By an author and a committer; no hooks run.
    pub fn commit(
        &self,
        paths: &[RepoPath],
        message: &str,
        (author, committer): (&Person, &Person),
        time: Timestamp,
    ) -> Result<CommitId, GitError> {
        let repository = self.open()?;
        let fail = |error: git2::Error| self.fail(&error);
        if repository.state() != RepositoryState::Clean {
            return Err(GitError::Invalid(
                "a merge, rebase or the like is under way: finish or abort it first".to_owned(),
            ));
        }
        let branch = self.branch_ref(&repository)?;
        let head = self.head_of(&repository)?;
        let start = tree_or_empty(&repository, head).map_err(fail)?;
        let objects = Objects::new(&repository);
        let entries = self.entries(&repository, paths)?;
        let tree = objects.replace_entries(&start, &entries)?;
        if tree == start.id() {
            return Err(GitError::Invalid(
                "there is nothing to commit: the files are as in the last commit".to_owned(),
            ));
        }
        let parent = head.map(commit_id).transpose()?;
        let commit = objects.commit_tree(
            tree,
            &NewCommit {
                parents: parent.iter().cloned().collect(),
                start: None,
                files: BTreeMap::new(),
                message: message.to_owned(),
                author: author.clone(),
                committer: committer.clone(),
                time,
            },
            None,
        )?;
        let update = RefUpdate {
            name: branch.clone(),
            expect: parent,
            new: Some(commit.clone()),
        };
        self.move_branch(&repository, update, &entries)?;
        Ok(commit)
    }

    fn entries(
        &self,
        repository: &Repository,
        paths: &[RepoPath],
    ) -> Result<BTreeMap<RepoPath, Option<(Oid, FileMode)>>, GitError> {
        let mut entries = BTreeMap::new();
        for path in paths {
            let place = self.place(path)?;
            let entry = match fs::symlink_metadata(&place) {
                Ok(meta) if meta.is_file() => {
                    let blob = repository
                        .blob_path(&place)
                        .map_err(|error| self.fail(&error))?;
                    let executable = meta.permissions().mode() & 0o100 != 0;
                    let mode = if executable {
                        FileMode::BlobExecutable
                    } else {
                        FileMode::Blob
                    };
                    Some((blob, mode))
                }
                Ok(_) => {
                    return Err(GitError::Invalid(format!("`{path}` is no ordinary file")));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(GitError::io(&format!("read `{path}`"), &error)),
            };
            entries.insert(path.clone(), entry);
        }
        Ok(entries)
    }

    /// Moves the branch, then lets the index know the committed paths, as `git commit --only` does.
    fn move_branch(
        &self,
        repository: &Repository,
        update: RefUpdate,
        entries: &BTreeMap<RepoPath, Option<(Oid, FileMode)>>,
    ) -> Result<(), GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let lock = repository.path().join("index.lock");
        if lock.exists() {
            return Err(GitError::Locked(format!(
                "`{}`: another Git command is running, or died; remove the file if none is",
                lock.display()
            )));
        }
        let mut index = repository.index().map_err(fail)?;
        for (path, entry) in entries {
            let path = Path::new(path.as_str());
            if entry.is_some() {
                index.add_path(path).map_err(fail)?;
            } else if index.get_path(path, 0).is_some() {
                index.remove_path(path).map_err(fail)?;
            }
        }
        let branch = update.name.clone();
        let moved = update_refs(repository, repository, &[update], Checkouts::InOurHands)?;
        if moved
            .iter()
            .any(|outcome| outcome.result != PushResult::Done)
        {
            return Err(GitError::Invalid(format!(
                "`{branch}` was moved by somebody else meanwhile; nothing was committed, run the command again"
            )));
        }
        index.write().map_err(fail)
    }

    /// Pushes the checked-out commit to the remote this work tree was cloned from, with the credentials of the settings
    /// or of the remote's address. `Lost` when the remote has commits that this branch lacks.
    pub async fn push(
        &self,
        settings: &GitSettings,
        target: PushTarget,
    ) -> Result<PushResult, GitError> {
        let runtime = Handle::current();
        let (work_tree, settings) = (self.clone(), settings.clone());
        let done = tokio::task::spawn_blocking(move || {
            work_tree.push_blocking(&settings, &target, &runtime)
        });
        done.await.map_err(|error| GitError::Local {
            message: format!("the push stopped: {error}"),
            transient: true,
        })?
    }

    fn push_blocking(
        &self,
        settings: &GitSettings,
        target: &PushTarget,
        runtime: &Handle,
    ) -> Result<PushResult, GitError> {
        let repository = self.open()?;
        let head = self
            .head_of(&repository)?
            .ok_or_else(|| GitError::Invalid("there is no commit to push yet".to_owned()))?;
        let remote = self.remote(&repository, settings)?;
        let (branch, must_be_new) = match target {
            PushTarget::Base(branch) => (branch, false),
            PushTarget::NewBranch(branch) => (branch, true),
        };
        let name = format!("refs/heads/{branch}");
        let found = if must_be_new {
            None
        } else {
            remote_head(&remote, &repository, &name, runtime)?
        };
        if let Some(found) = found {
            let known = repository.odb().is_ok_and(|odb| odb.exists(found));
            let ahead = known
                && (found == head
                    || repository
                        .graph_descendant_of(head, found)
                        .map_err(|error| self.fail(&error))?);
            if !ahead {
                return Ok(PushResult::Lost {
                    found: Some(commit_id(found)?),
                });
            }
        }
        let update = RefUpdate {
            name: name.clone(),
            expect: found.map(commit_id).transpose()?,
            new: Some(commit_id(head)?),
        };
        let outcomes = push(&remote, &repository, &[update], runtime)?;
        let result = outcomes
            .into_iter()
            .next()
            .map_or(PushResult::Lost { found: None }, |outcome| outcome.result);
        if result == PushResult::Done {
            self.track(&repository, branch, head)?;
        }
        Ok(result)
    }

    fn remote(&self, repository: &Repository, settings: &GitSettings) -> Result<Remote, GitError> {
        let url = remote_url(repository)?.ok_or_else(|| {
            GitError::Invalid(format!(
                "`{}` has no remote to push to",
                self.root.display()
            ))
        })?;
        match locate(&url, false, Some(&self.root))? {
            Location::Http(url) => Remote::http(&url, settings, None),
            Location::File(path) => Remote::file(path),
            Location::InPlace { git_dir, .. } => Remote::file(git_dir),
        }
    }

    /// Moves the remote-tracking branch along, as `git push` does.
    fn track(&self, repository: &Repository, branch: &str, head: Oid) -> Result<(), GitError> {
        let Some(remote) = default_remote(repository)? else {
            return Ok(());
        };
        repository
            .reference(
                &format!("refs/remotes/{remote}/{branch}"),
                head,
                true,
                "update by push",
            )
            .map(|_| ())
            .map_err(|error| self.fail(&error))
    }
}

/// Where a branch of the remote is now.
fn remote_head(
    remote: &Remote,
    repository: &Repository,
    name: &str,
    runtime: &Handle,
) -> Result<Option<Oid>, GitError> {
    if let Remote::File(path) = remote {
        let fail = |error: git2::Error| GitError::libgit2(&remote.shown(), &error);
        let there = Repository::open(path).map_err(fail)?;
        return Ok(refs_of(&there).map_err(fail)?.remove(name));
    }
    remote.talk(runtime, |address| {
        let mut connection_to = repository.remote_anonymous(address)?;
        let connection = connection_to.connect_auth(Direction::Fetch, None, None)?;
        Ok(connection
            .list()?
            .iter()
            .find(|head| head.name() == name)
            .map(git2::RemoteHead::oid))
    })
}
