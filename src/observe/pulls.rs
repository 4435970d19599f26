//! Pull requests as facts: those that bear our marker, and each open one's branch held against the base. What another
//! than us added to a branch is told; merging the base into it is not adding.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::blobs::cores;
use super::groups::{Held, merge_groups};
use super::lost::of_branch;
use crate::config::known::hide;
use crate::forge::{self, Forge, ForgeError, PullProblem, PullRequest};
use crate::git::{CommitInfo, Fetched, FileChange, GitError, Merge, Repository, Us};
use crate::model::staging::is_staging;
use crate::model::{BlobId, CommitId, Faulty as _, Party, Period, RepoPath, Timestamp};
use crate::plan::facts::marker::Marker;
use crate::plan::facts::pull::{
    ApprovalFacts, BranchFacts, CommandFacts, MergeGroupFacts, PastFacts, PullRequestFacts,
    PullState, QueueFacts,
};
use crate::plan::facts::{Failure, Room};

/// A branch with more commits of its own is none of ours.
const MOST_COMMITS: usize = 200;
/// So many notes of the forge are told.
const MOST_NOTES: usize = 5;
/// So often the time is doubled after which a forge is asked again.
const MOST_DOUBLINGS: u32 = 6;
const HEADS: &str = "refs/heads/";
const OUR_BRANCHES: &str = "refs/heads/headwater/";

/// Reads pull requests, each branch once per pair of heads.
#[derive(Debug, Default)]
pub(super) struct PullReader {
    known: BTreeMap<(CommitId, CommitId), BranchFacts>,
    problems: Vec<PullProblem>,
    notes: Vec<String>,
    rest: Option<Rest>,
    /// What the forge lets be made in a while.
    pub(super) room: Option<Room>,
    /// Whether the forge shows boxes that people tick.
    pub(super) boxes: bool,
    /// Why these are not all there are.
    pub(super) cut: Option<String>,
    /// What the base's merge queue would merge of ours.
    pub(super) groups: Vec<MergeGroupFacts>,
    /// Whether a group's head holds the change of a pull request's.
    held: Held,
}

/// A forge that does not answer until somebody mends something.
#[derive(Debug)]
struct Rest {
    failure: Failure,
    /// When it was asked last.
    since: Timestamp,
    /// It is not asked again before.
    until: Timestamp,
    tries: u32,
}

/// Where to look.
pub(super) struct PullQuestion<'a> {
    pub repository: &'a Repository,
    pub forge: &'a dyn Forge,
    pub fetched: &'a Fetched,
    pub base: &'a CommitId,
    pub us: &'a Us,
}

impl<'a> PullQuestion<'a> {
    const fn line(&self) -> Line<'a> {
        Line {
            repository: self.repository,
            base: self.base,
            us: self.us,
        }
    }
}

/// The base at a commit, for whoever asks what a branch has beside it.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub repository: &'a Repository,
    pub base: &'a CommitId,
    pub us: &'a Us,
}

impl PullReader {
    /// What the forge answered last, where it is not asked at this instant: somebody has to mend something first, and it is
    /// tried after 1, 2, 4 .. 60 minutes whether they did.
    pub(super) fn rests(&self, now: Timestamp) -> Option<Failure> {
        let rest = self.rest.as_ref();
        let rest = rest.filter(|rest| rest.since <= now && now < rest.until)?;
        Some(rest.failure.clone())
    }

    /// All pull requests with our marker, or why the forge did not tell.
    pub(super) async fn read(
        &mut self,
        question: &PullQuestion<'_>,
        now: Timestamp,
    ) -> Result<Result<Vec<PullRequestFacts>, Failure>, GitError> {
        let listing = match question.forge.list(question.fetched).await {
            Ok(listing) => listing,
            Err(error) => return Ok(Err(self.failed(&error, now))),
        };
        self.rest = None;
        self.report(listing.problems);
        self.boxes = listing.boxes;
        self.tell(
            listing
                .notes
                .into_iter()
                .chain(listing.cut.clone())
                .collect(),
        );
        self.cut = listing.cut;
        self.room = listing.room.map(|room| lately(room, now));
        let known = std::mem::take(&mut self.known);
        let known = &known;
        let mut pulls = Vec::new();
        let mut elsewhere: BTreeMap<String, String> = BTreeMap::new();
        for pull in listing.pulls {
            let marker = match Marker::find(&pull.body) {
                Some(marker) => marker,
                None => match of_branch(question, &pull).await? {
                    Some(marker) => marker,
                    None => continue,
                },
            };
            let base = &question.fetched.base_branch;
            let target = pull.target.as_ref().filter(|target| *target != base);
            if let Some(target) = target {
                let why = format!("it goes into `{target}` now, and not into `{base}`");
                elsewhere.insert(pull.id.clone(), why);
            }
            pulls.push((pull, marker));
        }
        let pulls = pulls.into_iter();
        let facts = pulls.map(|(pull, marker)| async move {
            let branch_facts = match open_head(&pull, question.fetched) {
                None => None,
                Some(head) => match known.get(&(question.base.clone(), head.clone())) {
                    Some(facts) => Some(facts.clone()),
                    None => Some(branch_facts(question, head).await?),
                },
            };
            Ok(pull_facts(pull, marker, branch_facts))
        });
        let mut facts: Vec<PullRequestFacts> = futures_util::stream::iter(facts)
            .buffered(2 * cores())
            .try_collect()
            .await?;
        for branch in facts.iter().filter_map(|pull| pull.branch_facts.as_ref()) {
            let key = (question.base.clone(), branch.head.clone());
            self.known.insert(key, branch.clone());
        }
        let heads = &listing.groups;
        self.groups = match merge_groups(question, heads, &facts, &mut self.held).await? {
            Ok(groups) => groups,
            Err(error) => return Ok(Err(self.failed(&error, now))),
        };
        for pull in &mut facts {
            let why = elsewhere.remove(&pull.id);
            if let (Some(branch), Some(why)) = (&mut pull.branch_facts, why) {
                branch.foreign.get_or_insert(why);
            }
        }
        Ok(Ok(facts))
    }

    /// Takes in that the forge did not tell.
    fn failed(&mut self, error: &ForgeError, now: Timestamp) -> Failure {
        let mut failure = failure(error);
        (self.cut, self.groups) = (None, Vec::new());
        let before = self.rest.take().map_or(0, |rest| rest.tries);
        if !failure.transient {
            let minutes = 1 << before.min(MOST_DOUBLINGS);
            let until = Period::seconds(60 * minutes.min(60)).after(now);
            failure.retry_at = Some(until);
            self.rest = Some(Rest {
                failure: failure.clone(),
                since: now,
                until,
                tries: before + 1,
            });
        }
        failure
    }

    /// Says what the operator should mend, once.
    fn tell(&mut self, notes: Vec<String>) {
        for note in notes.iter().take(MOST_NOTES) {
            if !self.notes.contains(note) {
                let fault = Party::Operator.as_str();
                tracing::warn!(fault, "{note}");
            }
        }
        self.notes = notes;
    }

    /// Says what is wrong with single pull requests, once.
    fn report(&mut self, problems: Vec<PullProblem>) {
        for problem in &problems {
            if !self.problems.contains(problem) {
                let (pull_request, error) = (&problem.id, &problem.message);
                tracing::warn!(pull_request, error, "a pull request cannot be read");
            }
        }
        self.problems = problems;
    }
}

/// Of what was made only that of the last hour.
fn lately(room: forge::Room, now: Timestamp) -> Room {
    let age = |at: &Timestamp| now.as_second() - at.as_second();
    let made = room
        .made
        .into_iter()
        .filter(|at| (0..3600).contains(&age(at)));
    Room {
        per_minute: room.per_minute,
        per_hour: room.per_hour,
        made: made.collect(),
    }
}

/// Branches below `headwater/`, by their names without `refs/heads/`.
pub(super) fn our_branches(fetched: &Fetched) -> BTreeMap<String, CommitId> {
    let all = fetched.refs.iter();
    all.filter(|(name, _)| name.starts_with(OUR_BRANCHES))
        .map(|(name, head)| (name[HEADS.len()..].to_owned(), head.clone()))
        .collect()
}

/// Branches of ours without any pull request: a pass was stopped between pushing and opening.
pub(super) async fn orphans(
    question: &PullQuestion<'_>,
    pulls: &[PullRequestFacts],
) -> Result<BTreeMap<String, CommitId>, GitError> {
    let mut orphans = our_branches(question.fetched);
    let is_free = |name: &String| pulls.iter().all(|pull| pull.branch != *name);
    orphans.retain(|name, _| !is_staging(name) && is_free(name));
    let mut ours = BTreeMap::new();
    for (name, head) in orphans {
        let commit = question.repository.commit_info(&head).await?;
        if question.us.made(&commit) {
            ours.insert(name, head);
        }
    }
    Ok(ours)
}

fn open_head<'a>(pull: &PullRequest, fetched: &'a Fetched) -> Option<&'a CommitId> {
    let open = pull.state == forge::PullState::Open;
    let name = open.then(|| format!("{HEADS}{}", pull.branch))?;
    fetched.refs.get(&name)
}

fn queue_facts(queued: forge::Queued) -> QueueFacts {
    match queued {
        forge::Queued::Out => QueueFacts::Out,
        forge::Queued::In { position } => QueueFacts::In { position },
        forge::Queued::ThrownOut { why, by_us } => QueueFacts::ThrownOut { why, by_us },
    }
}

fn pull_facts(
    pull: PullRequest,
    marker: Marker,
    branch_facts: Option<BranchFacts>,
) -> PullRequestFacts {
    PullRequestFacts {
        unmarked: Marker::find(&pull.body).is_none(),
        id: pull.id,
        branch: pull.branch,
        state: match pull.state {
            forge::PullState::Open => PullState::Open,
            forge::PullState::Merged => PullState::Merged,
            forge::PullState::Closed => PullState::Closed,
        },
        marker,
        title: pull.title,
        body: pull.body,
        labels: pull.labels,
        head: pull.head,
        closed_by: pull.closed_by,
        closed_why: pull.closed_why.map(|why| hide(&why).into_owned()),
        merged_as: pull.merged_as,
        unrecorded: pull.unrecorded,
        statuses: pull.statuses,
        queue: pull.queue.map(queue_facts),
        approvals: pull.approvals.into_iter().map(approval_facts).collect(),
        past: pull.past.map(|past| PastFacts {
            labels: past.labels,
            informed: past.informed,
            notes: past.notes,
            commands: past.commands.into_iter().map(command_facts).collect(),
        }),
        opened_at: Some(pull.opened_at),
        branch_facts,
    }
}

pub(super) fn approval_facts(approval: forge::Approval) -> ApprovalFacts {
    ApprovalFacts {
        who: approval.who,
        head: approval.head,
        at: approval.at,
        authentic: approval.authentic,
        reader: approval.reader,
    }
}

fn command_facts(command: forge::Command) -> CommandFacts {
    CommandFacts {
        key: command.key,
        who: command.who,
        word: command.word,
        text: hide(&command.text).into_owned(),
        ticked: command.ticked,
        barred: !command.allowed,
    }
}

fn failure(error: &ForgeError) -> Failure {
    let transient = error.is_transient();
    let reason = match error {
        ForgeError::Git(GitError::Auth { .. }) => "Unauthorized",
        ForgeError::Refused { .. } | ForgeError::Git(GitError::Rejected { .. }) => "Forbidden",
        ForgeError::NotFound(_) | ForgeError::NoBranch(_) => "NotFound",
        ForgeError::Api { reason, .. } => reason,
        _ if transient => "InternalError",
        _ => "Invalid",
    };
    Failure {
        reason: reason.to_owned(),
        message: hide(&error.to_string()).chars().take(500).collect(),
        canonical: "the forge cannot be asked for pull requests".to_owned(),
        transient,
        party: Some(error.fault().party),
        retry_at: error.fault().retry.at(),
    }
}

/// A branch held against the base.
async fn branch_facts(
    question: &PullQuestion<'_>,
    head: &CommitId,
) -> Result<BranchFacts, GitError> {
    let PullQuestion {
        repository, base, ..
    } = question;
    let Some(merge_base) = repository.merge_base(base, head).await? else {
        return Ok(BranchFacts {
            head: head.clone(),
            merge_base: head.clone(),
            foreign: Some("its branch has nothing in common with the base".to_owned()),
            pushed_by: Vec::new(),
            changed: BTreeMap::new(),
            merged: None,
        });
    };
    let changed = repository.changes(Some(&merge_base), head).await?;
    let merged = match repository.merge(base, head).await? {
        Merge::Clean { changed, .. } => Some(by_path(changed)),
        Merge::Conflict { .. } => None,
    };
    let foreign = foreign_commits(&question.line(), head).await?;
    let pushed_by: BTreeSet<String> = match &foreign {
        Foreign::Commits(commits) => commits.iter().map(|c| c.author.email.clone()).collect(),
        Foreign::TooMany => BTreeSet::new(),
    };
    Ok(BranchFacts {
        head: head.clone(),
        merge_base,
        foreign: foreign.in_words(),
        pushed_by: pushed_by.into_iter().collect(),
        changed: by_path(changed),
        merged,
    })
}

fn by_path(changes: Vec<FileChange>) -> BTreeMap<RepoPath, Option<BlobId>> {
    let pairs = changes.into_iter().map(|change| (change.path, change.new));
    pairs.collect()
}

/// Commits of a branch that are neither ours nor plain merges of the base.
enum Foreign {
    /// These, newest first.
    Commits(Vec<CommitInfo>),
    /// There are more than anybody looks at.
    TooMany,
}

impl Foreign {
    fn in_words(&self) -> Option<String> {
        let commits = match self {
            Self::TooMany => return Some(format!("it has more than {MOST_COMMITS} commits")),
            Self::Commits(commits) => commits,
        };
        let first = commits.first()?;
        let (id, author) = (first.id.short(), &first.author);
        let more = match commits.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!(
            "commit {id} by {} <{}>{more} is not ours",
            author.name, author.email
        ))
    }
}

/// Who pushed commits of their own to a branch that was merged; `None` where its head is not in this clone, or has more
/// commits than anybody looks at.
pub(super) async fn pushers(
    repository: &Repository,
    us: &Us,
    head: &CommitId,
    merged_as: &CommitId,
) -> Result<Option<BTreeSet<String>>, GitError> {
    match repository.commit_info(head).await {
        Err(GitError::NotFound(_)) => return Ok(None),
        found => found?,
    };
    let merge = repository.commit_info(merged_as).await?;
    let Some(base) = merge.parents.first() else {
        return Ok(None);
    };
    let before = Line {
        repository,
        base,
        us,
    };
    Ok(match foreign_commits(&before, head).await? {
        Foreign::TooMany => None,
        Foreign::Commits(commits) => Some(commits.into_iter().map(|c| c.author.email).collect()),
    })
}

async fn foreign_commits(line: &Line<'_>, head: &CommitId) -> Result<Foreign, GitError> {
    let repository = line.repository;
    let mut foreign = Vec::new();
    let mut seen = BTreeSet::new();
    let mut todo = vec![head.clone()];
    while let Some(id) = todo.pop() {
        if seen.contains(&id) || repository.is_ancestor(&id, line.base).await? {
            continue;
        }
        if seen.len() >= MOST_COMMITS {
            return Ok(Foreign::TooMany);
        }
        let commit = repository.commit_info(&id).await?;
        seen.insert(id);
        todo.extend(commit.parents.iter().rev().cloned());
        let ours = line.us.made(&commit);
        if !ours && !merges_base(line, &commit).await? {
            foreign.push(commit);
        }
    }
    Ok(Foreign::Commits(foreign))
}

/// Whether a commit only brings the base into the branch: its tree is what a clean merge gives, and nothing else.
async fn merges_base(line: &Line<'_>, commit: &CommitInfo) -> Result<bool, GitError> {
    let repository = line.repository;
    let [first, second] = commit.parents.as_slice() else {
        return Ok(false);
    };
    let of_base = (
        repository.is_ancestor(first, line.base).await?,
        repository.is_ancestor(second, line.base).await?,
    );
    let (branch, base) = match of_base {
        (false, true) => (first, second),
        (true, false) => (second, first),
        _ => return Ok(false),
    };
    match repository.merge(branch, base).await? {
        Merge::Clean { changed, .. } => {
            Ok(repository.changes(Some(branch), &commit.id).await? == changed)
        }
        Merge::Conflict { .. } => Ok(false),
    }
}
