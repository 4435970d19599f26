//! Reading pull requests from refs. What is broken or hostile is told by its id and hinders no other.

use std::collections::{BTreeMap, BTreeSet};

use super::OfflineForge;
use super::approval::Statement;
use super::document::{self, Document, one_line};
use super::names::{self, Root};
use super::scan::{problem_of, scan};
use super::signers::Signers;
use super::standing::{Reach, Standing};
use crate::forge::error::ForgeError;
use crate::forge::types::{Approval, Listing, PullProblem, PullRequest};
use crate::git::{BlobProblem, Fetched};
use crate::model::{CommitId, RepoPath, Timestamp};

/// More approvals than this of one pull request are not read.
const MAX_APPROVALS: usize = 200;

/// What commits were found to hold; they cannot change, so it is only ever forgotten.
#[derive(Debug, Default)]
pub(super) struct Cache {
    documents: BTreeMap<CommitId, Result<Document, String>>,
    statements: BTreeMap<CommitId, Result<Statement, String>>,
    made: BTreeMap<CommitId, Timestamp>,
    pub(super) reach: Reach,
}

/// A pull request as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) root: Root,
    /// The newest commit of its description.
    pub(super) meta: CommitId,
    pub(super) document: Document,
    approvals: Vec<CommitId>,
}

impl OfflineForge {
    pub(super) async fn read_all(&self, fetched: &Fetched) -> Result<Listing, ForgeError> {
        let signers = Signers::load(self.settings.allowed_signers.as_ref()).await;
        let (stored, mut problems) = self.load(fetched, None).await?;
        let standings = self.standings(fetched, &stored).await?;
        let mut approvals = self
            .approvals(&stored, &standings, &signers, &mut problems)
            .await?;
        let pulls = stored
            .iter()
            .zip(standings)
            .map(|(stored, standing)| {
                let approvals = approvals.remove(&stored.id).unwrap_or_default();
                pull_request(stored, standing, approvals)
            })
            .collect();
        self.forget(&stored);
        problems.sort();
        problems.dedup();
        let unusable =
            |problem| format!("forge.offline.allowedSigners: {problem}: approvals may not count");
        let notes = signers.problems.into_iter().map(unusable);
        Ok(Listing {
            pulls,
            problems,
            notes: notes.collect(),
            cut: None,
            room: None,
            boxes: false,
            groups: BTreeMap::new(),
        })
    }

    /// One pull request and where it stands.
    pub(super) async fn load_one(
        &self,
        fetched: &Fetched,
        id: &str,
    ) -> Result<(Stored, Standing), ForgeError> {
        let (stored, problems) = self.load(fetched, Some(id)).await?;
        let Some(stored) = stored.into_iter().next() else {
            return Err(match problems.into_iter().next() {
                Some(problem) => ForgeError::Malformed {
                    id: problem.id,
                    problem: problem.message,
                },
                None => ForgeError::NotFound(one_line(id)),
            });
        };
        let standing = self
            .standings(fetched, std::slice::from_ref(&stored))
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| ForgeError::NotFound(one_line(id)))?;
        Ok((stored, standing))
    }

    /// What is stored, sorted by id, all of it or one.
    pub(super) async fn load(
        &self,
        fetched: &Fetched,
        only: Option<&str>,
    ) -> Result<(Vec<Stored>, Vec<PullProblem>), ForgeError> {
        let mut problems = Vec::new();
        let refs = scan(fetched, only, &mut problems);
        let mut heads = Vec::new();
        for (id, mut refs) in refs {
            refs.approvals.sort();
            if let Some((root, meta)) = self.choose(&id, &refs.meta, &mut problems).await? {
                heads.push((id, root, meta, refs.approvals));
            }
        }
        let metas = heads.iter().map(|(_, _, meta, _)| meta.clone()).collect();
        let documents = self.read_documents(metas).await?;
        let mut branches = BTreeSet::new();
        let mut found = Vec::new();
        for (id, root, meta, approvals) in heads {
            let document = match documents.get(&meta) {
                Some(Ok(document)) => document.clone(),
                Some(Err(problem)) => {
                    problems.push(problem_of(&id, problem));
                    continue;
                }
                None => {
                    problems.push(problem_of(&id, "its description cannot be read"));
                    continue;
                }
            };
            let belongs = names::ids(&document.branch).is_some_and(|ids| ids.contains(&id));
            if !belongs || !branches.insert(document.branch.clone()) {
                problems.push(problem_of(
                    &id,
                    &format!("it does not belong to its branch `{}`", document.branch),
                ));
                continue;
            }
            found.push(Stored {
                id,
                root,
                meta,
                document,
                approvals,
            });
        }
        Ok((found, problems))
    }

    /// Which of two places counts: what was moved to branches carries its past along; else our own refs.
    async fn choose(
        &self,
        id: &str,
        meta: &BTreeMap<Root, CommitId>,
        problems: &mut Vec<PullProblem>,
    ) -> Result<Option<(Root, CommitId)>, ForgeError> {
        let (custom, heads) = (meta.get(&Root::Custom), meta.get(&Root::Heads));
        Ok(match (custom, heads) {
            (Some(custom), Some(heads)) if self.repository.is_ancestor(custom, heads).await? => {
                Some((Root::Heads, heads.clone()))
            }
            (Some(custom), other) => {
                if other.is_some() {
                    problems.push(problem_of(
                        id,
                        "it is described below `refs/headwater/` and, differently, below `refs/heads/`; the first counts",
                    ));
                }
                Some((Root::Custom, custom.clone()))
            }
            (None, Some(heads)) => Some((Root::Heads, heads.clone())),
            (None, None) => None,
        })
    }

    async fn read_documents(
        &self,
        metas: Vec<CommitId>,
    ) -> Result<BTreeMap<CommitId, Result<Document, String>>, ForgeError> {
        let (mut found, unknown) = known_and_not(&self.cache().documents, metas);
        if unknown.is_empty() {
            return Ok(found);
        }
        let path: RepoPath = document::FILE
            .parse()
            .map_err(|_| ForgeError::Invalid(format!("`{}` is no path", document::FILE)))?;
        let read = self
            .repository
            .file_of_each(unknown, path, document::MAX_BYTES)
            .await?;
        let mut cache = self.cache();
        for (meta, content) in read {
            let document = match content {
                Ok(bytes) => Document::parse(&bytes),
                Err(BlobProblem::Missing) => Err(format!("`{}` is missing", document::FILE)),
                Err(problem) => Err(format!("`{}`: {problem}", document::FILE)),
            };
            cache.documents.insert(meta.clone(), document.clone());
            found.insert(meta, document);
        }
        Ok(found)
    }

    /// Approvals by id of the pull request.
    async fn approvals(
        &self,
        stored: &[Stored],
        standings: &[Standing],
        signers: &Signers,
        problems: &mut Vec<PullProblem>,
    ) -> Result<BTreeMap<String, Vec<Approval>>, ForgeError> {
        let wanted = stored
            .iter()
            .flat_map(|stored| stored.approvals.iter().take(MAX_APPROVALS))
            .cloned()
            .collect();
        let statements = self.read_statements(wanted).await?;
        let heads = stored
            .iter()
            .zip(standings)
            .filter(|(stored, _)| !stored.approvals.is_empty())
            .map(|(_, standing)| standing.head.clone())
            .collect();
        let made = self.read_times(heads).await?;
        let mut found = BTreeMap::new();
        for stored in stored {
            let mut approvals = Vec::new();
            for commit in stored.approvals.iter().take(MAX_APPROVALS) {
                match statements.get(commit) {
                    Some(Ok(statement)) => {
                        let made = made.get(&statement.head).copied();
                        approvals.push(statement.judge(self.settings.trust, signers, made));
                    }
                    Some(Err(problem)) => problems.push(problem_of(&stored.id, problem)),
                    None => {}
                }
            }
            if stored.approvals.len() > MAX_APPROVALS {
                problems.push(problem_of(
                    &stored.id,
                    &format!("only {MAX_APPROVALS} of its approvals are read"),
                ));
            }
            found.insert(stored.id.clone(), distinct(approvals));
        }
        Ok(found)
    }

    async fn read_statements(
        &self,
        commits: Vec<CommitId>,
    ) -> Result<BTreeMap<CommitId, Result<Statement, String>>, ForgeError> {
        let (mut found, unknown) = known_and_not(&self.cache().statements, commits);
        if unknown.is_empty() {
            return Ok(found);
        }
        let read = self.repository.signed_commits(unknown).await?;
        let mut cache = self.cache();
        for (id, commit) in read {
            let statement = commit.and_then(|commit| Statement::read(&commit));
            cache.statements.insert(id.clone(), statement.clone());
            found.insert(id, statement);
        }
        Ok(found)
    }

    /// When these heads were made; those that are not here or cannot be read are left out.
    async fn read_times(
        &self,
        heads: Vec<CommitId>,
    ) -> Result<BTreeMap<CommitId, Timestamp>, ForgeError> {
        let (mut found, unknown) = known_and_not(&self.cache().made, heads);
        if unknown.is_empty() {
            return Ok(found);
        }
        let read = self.repository.signed_commits(unknown).await?;
        let mut cache = self.cache();
        for (id, commit) in read {
            let Ok(commit) = commit else { continue };
            cache.made.insert(id.clone(), commit.info.commit_time);
            found.insert(id, commit.info.commit_time);
        }
        Ok(found)
    }

    /// An approval as a listing gives it.
    pub(super) async fn judge(
        &self,
        approval: &CommitId,
        head: &CommitId,
    ) -> Result<Approval, ForgeError> {
        let signers = Signers::load(self.settings.allowed_signers.as_ref()).await;
        let mut statements = self.read_statements(vec![approval.clone()]).await?;
        let made = self.repository.commit_info(head).await?.commit_time;
        match statements.remove(approval) {
            Some(Ok(statement)) => Ok(statement.judge(self.settings.trust, &signers, Some(made))),
            Some(Err(problem)) => Err(ForgeError::Invalid(problem)),
            None => Err(ForgeError::Invalid(
                "the approval cannot be read".to_owned(),
            )),
        }
    }

    /// Drops what no ref names any more.
    fn forget(&self, stored: &[Stored]) {
        let metas: BTreeSet<&CommitId> = stored.iter().map(|s| &s.meta).collect();
        let approvals: BTreeSet<&CommitId> = stored.iter().flat_map(|s| &s.approvals).collect();
        let mut cache = self.cache();
        cache.documents.retain(|id, _| metas.contains(id));
        cache.statements.retain(|id, _| approvals.contains(id));
        let heads: BTreeSet<CommitId> = cache
            .statements
            .values()
            .flatten()
            .map(|statement| statement.head.clone())
            .collect();
        cache.made.retain(|id, _| heads.contains(id));
    }
}

/// What the cache has of these, and what it has not.
fn known_and_not<T: Clone>(
    cache: &BTreeMap<CommitId, T>,
    wanted: Vec<CommitId>,
) -> (BTreeMap<CommitId, T>, Vec<CommitId>) {
    let mut known = BTreeMap::new();
    let mut unknown = Vec::new();
    for id in wanted {
        match cache.get(&id) {
            Some(found) => {
                known.insert(id, found.clone());
            }
            None => unknown.push(id),
        }
    }
    (known, unknown)
}

/// One approval per person and head, the first; what is not vouched for never stands in for what is.
fn distinct(mut approvals: Vec<Approval>) -> Vec<Approval> {
    let key = |a: &Approval| (a.who.clone(), a.head.clone(), !a.authentic);
    approvals.sort_by_key(|approval| (key(approval), approval.at));
    approvals.dedup_by_key(|approval| key(approval));
    approvals
}

fn pull_request(stored: &Stored, standing: Standing, approvals: Vec<Approval>) -> PullRequest {
    let document = &stored.document;
    PullRequest {
        id: stored.id.clone(),
        branch: document.branch.clone(),
        target: None,
        state: standing.state,
        title: document.title.clone(),
        body: document.body(),
        labels: document.labels.clone(),
        head: standing.head,
        closed_by: standing.closed_by,
        closed_why: standing.closed_why,
        unrecorded: standing.unrecorded,
        statuses: None,
        queue: None,
        merged_as: standing.merged_as,
        approvals,
        past: None,
        opened_at: document.opened_at,
    }
}
