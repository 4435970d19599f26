//! The groups of a merge queue that hold something of ours: a group may hold the work of others, too. It is told by content,
//! since queues squash and rebase.

use std::collections::BTreeMap;

use super::pulls::PullQuestion;
use crate::forge::ForgeError;
use crate::git::{GitError, Merge, Repository};
use crate::model::CommitId;
use crate::plan::facts::pull::{MergeGroupFacts, PullRequestFacts, QueueFacts};

/// Whether a group's head holds the whole change of a pull request's, by both.
pub(super) type Held = BTreeMap<(CommitId, CommitId), bool>;

/// Groups with what is ours in them, and what we said of them.
pub(super) async fn merge_groups(
    question: &PullQuestion<'_>,
    heads: &BTreeMap<String, CommitId>,
    pulls: &[PullRequestFacts],
    known: &mut Held,
) -> Result<Result<Vec<MergeGroupFacts>, ForgeError>, GitError> {
    let before = std::mem::take(known);
    let mut groups = Vec::new();
    for (branch, head) in heads {
        let mut ours = Vec::new();
        for pull in pulls {
            let queued = matches!(pull.queue, Some(QueueFacts::In { .. }));
            let own = own_group(heads, pull);
            let named = own.as_ref().is_some_and(|own| own.branch == branch);
            let facts = pull.branch_facts.as_ref();
            let Some(facts) = facts.filter(|_| named || queued) else {
                continue;
            };
            let key = (head.clone(), facts.head.clone());
            let held = match before.get(&key) {
                Some(held) => *held,
                None => holds(question.repository, head, &facts.head, own.as_ref()).await?,
            };
            known.insert(key, held);
            if held {
                ours.push(pull.id.clone());
            }
        }
        if ours.is_empty() {
            continue;
        }
        let statuses = match question.forge.shown(head).await {
            Ok(statuses) => statuses,
            Err(error) => return Ok(Err(error)),
        };
        groups.push(MergeGroupFacts {
            head: head.clone(),
            pulls: ours,
            statuses,
        });
    }
    Ok(Ok(groups))
}

/// The group that a queue made for one pull request.
struct Own<'a> {
    branch: &'a String,
    head: &'a CommitId,
    /// What it is built on, as its name says.
    base: Option<CommitId>,
}

fn own_group<'a>(
    heads: &'a BTreeMap<String, CommitId>,
    pull: &PullRequestFacts,
) -> Option<Own<'a>> {
    let name = format!("/pr-{}-", pull.id);
    heads.iter().find_map(|(branch, head)| {
        let (_, base) = branch.rsplit_once(&name)?;
        Some(Own {
            branch,
            head,
            base: base.parse().ok(),
        })
    })
}

/// Whether a group's head has the whole change of another commit: it is the step that its own group makes, or that is in it,
/// or merging it brings nothing.
async fn holds(
    repository: &Repository,
    group: &CommitId,
    head: &CommitId,
    own: Option<&Own<'_>>,
) -> Result<bool, GitError> {
    if let Some(own) = own
        && (own.head == group || repository.is_ancestor(own.head, group).await?)
        && let Some(base) = &own.base
        && is_step(repository, base, own.head, head).await?
    {
        return Ok(true);
    }
    match repository.merge(group, head).await? {
        Merge::Clean { changed, .. } => Ok(changed.is_empty()),
        Merge::Conflict { .. } => Ok(false),
    }
}

/// Whether a group is what merging a head into its base gives, and nothing else.
async fn is_step(
    repository: &Repository,
    base: &CommitId,
    group: &CommitId,
    head: &CommitId,
) -> Result<bool, GitError> {
    match repository.merge(base, head).await {
        Ok(Merge::Clean { changed, .. }) => {
            Ok(repository.changes(Some(base), group).await? == changed)
        }
        Ok(Merge::Conflict { .. }) => Ok(false),
        // Its name is data: it may name anything.
        Err(GitError::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
