//! Reading pull requests from refs. What is broken or hostile is told by its id and hinders no other.

use std::collections::{BTreeMap, BTreeSet};

use super::OfflineForge;
use super::approval::Statement;
use super::document::{self, Document, one_line};
use super::names::{self, Root};
use super::signers::Signers;
use super::standing::{Reach, Standing};
use crate::forge::error::ForgeError;
use crate::forge::types::{Approval, Listing, PullProblem, PullRequest};
use crate::git::{BlobProblem, Fetched};
use crate::model::{CommitId, RepoPath, Timestamp};

/// More pull requests than this are not read.
const MAX_PULLS: usize = 20_000;
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

/// The refs of one pull request.
#[derive(Debug, Default)]
struct Refs {
    meta: BTreeMap<Root, CommitId>,
    approvals: Vec<CommitId>,
}

impl OfflineForge {
    pub(super) async fn read_all(&self, fetched: &Fetched) -> Result<Listing, ForgeError> {
        let signers = Signers::load(self.settings.allowed_signers.as_ref()).await;
        let (stored, mut problems) = self.load(fetched, None).await?;
        for problem in &signers.problems {
            tracing::warn!("{problem}");
        }
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
        Ok(Listing { pulls, problems })
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
        self.read_documents(heads.iter().map(|(_, _, meta, _)| meta))
            .await?;
        let cache = self.cache();
        let mut branches = BTreeSet::new();
        let mut found = Vec::new();
        for (id, root, meta, approvals) in heads {
            let document = match cache.documents.get(&meta) {
                Some(Ok(document)) => document.clone(),
                Some(Err(problem)) => {
                    problems.push(problem_of(&id, problem));
                    continue;
                }
                None => continue,
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
        metas: impl Iterator<Item = &CommitId>,
    ) -> Result<(), ForgeError> {
        let unknown: Vec<CommitId> = {
            let cache = self.cache();
            metas
                .filter(|meta| !cache.documents.contains_key(*meta))
                .cloned()
                .collect()
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let path: RepoPath = document::FILE
            .parse()
            .map_err(|_| ForgeError::Invalid(format!("`{}` is no path", document::FILE)))?;
        let read = self
            .repository
            .file_of_each(unknown, path, document::MAX_BYTES)
            .await?;
        self.cache()
            .documents
            .extend(read.into_iter().map(|(meta, content)| {
                let document = match content {
                    Ok(bytes) => Document::parse(&bytes),
                    Err(BlobProblem::Missing) => Err(format!("`{}` is missing", document::FILE)),
                    Err(problem) => Err(format!("`{}`: {problem}", document::FILE)),
                };
                (meta, document)
            }));
        Ok(())
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
            .flat_map(|stored| stored.approvals.iter().take(MAX_APPROVALS));
        self.read_statements(wanted.cloned().collect()).await?;
        self.read_times(stored, standings).await?;
        let cache = self.cache();
        let mut found = BTreeMap::new();
        for stored in stored {
            let mut approvals = BTreeSet::new();
            for commit in stored.approvals.iter().take(MAX_APPROVALS) {
                match cache.statements.get(commit) {
                    Some(Ok(statement)) => {
                        let made = cache.made.get(&statement.head).copied();
                        approvals.insert(statement.judge(self.settings.trust, signers, made));
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
            found.insert(stored.id.clone(), approvals.into_iter().collect());
        }
        Ok(found)
    }

    async fn read_statements(&self, mut commits: Vec<CommitId>) -> Result<(), ForgeError> {
        commits.retain(|commit| !self.cache().statements.contains_key(commit));
        if commits.is_empty() {
            return Ok(());
        }
        let read = self.repository.signed_commits(commits).await?;
        let statements = read
            .into_iter()
            .map(|(id, commit)| (id, commit.and_then(|commit| Statement::read(&commit))));
        self.cache().statements.extend(statements);
        Ok(())
    }

    /// When the heads that have approvals were made.
    async fn read_times(
        &self,
        stored: &[Stored],
        standings: &[Standing],
    ) -> Result<(), ForgeError> {
        let mut heads: Vec<CommitId> = stored
            .iter()
            .zip(standings)
            .filter(|(stored, _)| !stored.approvals.is_empty())
            .map(|(_, standing)| standing.head.clone())
            .collect();
        heads.retain(|head| !self.cache().made.contains_key(head));
        if heads.is_empty() {
            return Ok(());
        }
        let read = self.repository.signed_commits(heads).await?;
        let made = read
            .into_iter()
            .filter_map(|(id, commit)| Some((id, commit.ok()?.info.commit_time)));
        self.cache().made.extend(made);
        Ok(())
    }

    /// An approval as a listing gives it.
    pub(super) async fn judge(
        &self,
        approval: &CommitId,
        head: &CommitId,
    ) -> Result<Approval, ForgeError> {
        let signers = Signers::load(self.settings.allowed_signers.as_ref()).await;
        self.read_statements(vec![approval.clone()]).await?;
        let made = self.repository.commit_info(head).await?.commit_time;
        match self.cache().statements.get(approval) {
            Some(Ok(statement)) => Ok(statement.judge(self.settings.trust, &signers, Some(made))),
            Some(Err(problem)) => Err(ForgeError::Invalid(problem.clone())),
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
        cache
            .documents
            .retain(|id, document| document.is_err() || metas.contains(id));
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

fn problem_of(id: &str, message: &str) -> PullProblem {
    PullProblem {
        id: id.to_owned(),
        message: message.to_owned(),
    }
}

/// Sorts refs by pull request.
fn scan(
    fetched: &Fetched,
    only: Option<&str>,
    problems: &mut Vec<PullProblem>,
) -> BTreeMap<String, Refs> {
    let mut found: BTreeMap<String, Refs> = BTreeMap::new();
    for root in Root::ALL {
        let below = fetched
            .refs
            .range(root.prefix().to_owned()..)
            .take_while(|(name, _)| name.starts_with(root.prefix()));
        for (name, commit) in below {
            let rest = &name[root.prefix().len()..];
            let (id, part) = rest.split_once('/').unwrap_or((rest, ""));
            if only.is_some_and(|only| only != id) {
                continue;
            }
            if !names::is_id(id) {
                problems.push(problem_of(&one_line(id), "this is no id of a pull request"));
                continue;
            }
            if !found.contains_key(id) && found.len() >= MAX_PULLS {
                problems.push(problem_of(
                    "",
                    &format!("only {MAX_PULLS} pull requests are read"),
                ));
                break;
            }
            let refs = found.entry(id.to_owned()).or_default();
            if part == "meta" {
                refs.meta.insert(root, commit.clone());
            } else if part.starts_with("approvals/") {
                refs.approvals.push(commit.clone());
            }
        }
    }
    found
}

fn pull_request(stored: &Stored, standing: Standing, approvals: Vec<Approval>) -> PullRequest {
    let document = &stored.document;
    PullRequest {
        id: stored.id.clone(),
        branch: document.branch.clone(),
        state: standing.state,
        title: document.title.clone(),
        body: document.body(),
        labels: document.labels.clone(),
        head: standing.head,
        closed_by: standing.closed_by,
        merged_as: standing.merged_as,
        approvals,
        opened_at: document.opened_at,
    }
}
