//! The line that the base itself took through history: first parents, except where a person merged it from the side.

use std::collections::HashSet;

use git2::{Commit, Oid, Sort};

use super::error::GitError;
use super::local::oid;
use super::read::{Objects, describe};
use super::remote::shallow_of;
use super::types::Log;
use super::us::Us;
use crate::model::CommitId;

const TRAILER: &str = "Headwater-Base:";
/// How many commits of a merged side are looked at for one of ours.
const MAX_SIDE: usize = 10_000;

impl Objects<'_> {
    /// Walks from `head` until `stop` (left out itself), a root, a cut in history, or `limit` commits. Where a commit of
    /// ours (`Headwater-Base`, and our address) is reachable through a later parent of a merge only, that parent
    /// is the base's own line: a person pulled and pushed.
    pub(super) fn log(
        &self,
        head: &CommitId,
        stop: Option<&CommitId>,
        limit: usize,
        us: &Us,
    ) -> Result<Log, GitError> {
        let stop = stop.map(oid).transpose()?;
        let cut: HashSet<Oid> = shallow_of(self.repository)?.into_iter().collect();
        let mut commits = Vec::new();
        let mut next = Some(self.commit(head)?);
        while let Some(commit) = next {
            if Some(commit.id()) == stop {
                return Ok(Log {
                    commits,
                    complete: true,
                });
            }
            if commits.len() >= limit {
                return Ok(Log {
                    commits,
                    complete: false,
                });
            }
            commits.push(describe(&commit)?);
            if cut.contains(&commit.id()) {
                return Ok(Log {
                    commits,
                    complete: false,
                });
            }
            let Some(parent) = self.base_parent(&commit, us)? else {
                return Ok(Log {
                    commits,
                    complete: true,
                });
            };
            next = match self.repository.find_commit(parent) {
                Ok(parent) => Some(parent),
                // Cut without a note of it: unknown is not the same as the beginning.
                Err(error) if error.code() == git2::ErrorCode::NotFound => {
                    return Ok(Log {
                        commits,
                        complete: false,
                    });
                }
                Err(error) => return Err(self.fail(&error)),
            };
        }
        Ok(Log {
            commits,
            complete: true,
        })
    }

    pub(super) fn base_parent(
        &self,
        commit: &Commit<'_>,
        us: &Us,
    ) -> Result<Option<Oid>, GitError> {
        let mut parents = commit.parent_ids();
        let Some(first) = parents.next() else {
            return Ok(None);
        };
        for later in parents {
            if self.side_has_ours(first, later, us)? {
                return Ok(Some(later));
            }
        }
        Ok(Some(first))
    }

    /// Whether a commit that we pushed to the base is reachable from `later` but not from `first`.
    fn side_has_ours(&self, first: Oid, later: Oid, us: &Us) -> Result<bool, GitError> {
        let mut walk = self
            .repository
            .revwalk()
            .map_err(|error| self.fail(&error))?;
        let begun = walk
            .set_sorting(Sort::TIME)
            .and_then(|()| walk.push(later))
            .and_then(|()| walk.hide(first));
        match begun {
            Ok(()) => {}
            Err(error) if error.code() == git2::ErrorCode::NotFound => return Ok(false),
            Err(error) => return Err(self.fail(&error)),
        }
        for id in walk.take(MAX_SIDE) {
            // History that is cut on the side says nothing for it.
            let Ok(commit) = id.and_then(|id| self.repository.find_commit(id)) else {
                return Ok(false);
            };
            if is_ours(&commit, us) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_ours(commit: &Commit<'_>, us: &Us) -> bool {
    let (author, committer) = (commit.author(), commit.committer());
    let author = String::from_utf8_lossy(author.email_bytes());
    let committer = String::from_utf8_lossy(committer.email_bytes());
    (us.committed(&committer) || us.are_named(&author, &committer))
        && last_paragraph(commit.message_bytes())
            .lines()
            .any(|line| line.starts_with(TRAILER))
}

/// Trailers stand in the last paragraph of a message; a quotation further up is none.
fn last_paragraph(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message).replace("\r\n", "\n");
    let text = text.trim_end();
    text.rsplit("\n\n").next().unwrap_or(text).to_owned()
}
