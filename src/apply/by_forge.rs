//! Commits that the forge makes in our name and signs (`git.commits: api`). On the base it makes them itself, by
//! compare-and-swap. A branch of a pull request is never moved to less than its commit, which the forge would take for a
//! closing: there the commit is made on a branch aside, held against what was planned, and pushed from there.

use std::collections::BTreeMap;

use super::Applier;
use super::push_branch::{Pushed, push_with};
use crate::forge::{Committing, ForgeError};
use crate::git::{At, GitError, PushResult, RefUpdate};
use crate::model::staging::staging_branch;
use crate::model::{CommitId, Fault, Faulty as _, Party, RepoPath, Retry, Timestamp};
use crate::plan::effect::CommitContent;

const HEADS: &str = "refs/heads/";
/// So many commits on top of where the base was are looked at for ours.
const MOST_SINCE: usize = 100;

/// A commit as it is to be.
struct Planned {
    parent: CommitId,
    tree: String,
    message: String,
    files: BTreeMap<RepoPath, Option<Vec<u8>>>,
    /// Whether it is certain whom the forge takes us for.
    sure: bool,
}

/// A commit that lies on a branch aside.
struct Aside {
    commit: CommitId,
    /// Takes the branch away.
    clear: RefUpdate,
}

/// A commit on top of a branch of people's. An answer that is lost is looked for: it is never made twice.
pub(super) async fn on_base(
    applier: &Applier,
    branch: &str,
    expect: &CommitId,
    content: &CommitContent,
    time: Timestamp,
) -> Result<(Pushed, CommitId), ForgeError> {
    let planned = Planned::of(applier, expect, content, time).await?;
    let name = format!("{HEADS}{branch}");
    if !planned.sure {
        let aside = planned.aside(applier).await?;
        let pushed = push_with(
            &applier.git,
            &name,
            Some(expect),
            &aside.commit,
            aside.clear,
        );
        return Ok((pushed.await?, aside.commit));
    }
    match applier.forge.commit(planned.committing(branch)).await {
        Ok(made) if made.tree == planned.tree => Ok((Pushed::Done, made.commit)),
        Ok(made) => Err(other_content(&made.commit)),
        // Whatever the answer was, it may have been made.
        Err(error) => match planned.on_line(applier, &name).await? {
            Some(commit) => Ok((Pushed::Done, commit)),
            None => unmade(error, expect),
        },
    }
}

/// What it means that a commit on the base was not made.
fn unmade(error: ForgeError, expect: &CommitId) -> Result<(Pushed, CommitId), ForgeError> {
    match error {
        error if error.is_race() => Ok((Pushed::Lost, expect.clone())),
        // Rules of the branch: perhaps they let a part of it through.
        ForgeError::Api { message, fault, .. } if fault.retry == Retry::Never => {
            Ok((Pushed::Refused(message), expect.clone()))
        }
        error => Err(error),
    }
}

/// A commit as the head of a branch of ours.
pub(super) async fn on_branch(
    applier: &Applier,
    branch: &str,
    expect: Option<&CommitId>,
    (start, content): (&CommitId, &CommitContent),
    time: Timestamp,
) -> Result<Pushed, ForgeError> {
    let planned = Planned::of(applier, start, content, time).await?;
    if let Some(head) = expect
        && planned.is(applier, head).await?
    {
        return Ok(Pushed::Done);
    }
    let aside = planned.aside(applier).await?;
    let name = format!("{HEADS}{branch}");
    Ok(push_with(&applier.git, &name, expect, &aside.commit, aside.clear).await?)
}

impl Planned {
    async fn of(
        applier: &Applier,
        parent: &CommitId,
        content: &CommitContent,
        time: Timestamp,
    ) -> Result<Self, ForgeError> {
        let sure = known_as_ours(applier).await?;
        let ours = applier.write(parent, content, time).await?;
        let tree = applier.git.tree_id(&ours).await?;
        let paths = content.files.keys().cloned().collect();
        let there = applier.git.what_is_at(parent, paths).await?;
        let mut files = BTreeMap::new();
        for (path, text) in &content.files {
            match (text, there.get(path)) {
                (Some(_), Some(At::Other)) => {
                    return Err(GitError::Invalid(format!(
                        "{path} is executable, and a commit that GitHub makes (`git.commits: api`) would take that away: `git update-index --chmod=-x {path}`, or set `git.commits: push`"
                    )).into());
                }
                (None, None | Some(At::Nothing)) => continue,
                _ => {}
            }
            let bytes = text.as_ref().map(|text| text.clone().into_bytes());
            files.insert(path.clone(), bytes);
        }
        Ok(Self {
            parent: parent.clone(),
            tree,
            message: content.message.clone(),
            files,
            sure,
        })
    }

    fn committing(&self, branch: &str) -> Committing {
        Committing {
            branch: branch.to_owned(),
            expect: self.parent.clone(),
            message: self.message.clone(),
            files: self.files.clone(),
        }
    }

    /// Whether a commit is this one: its parent, its content to the byte, its message, and by us.
    async fn is(&self, applier: &Applier, commit: &CommitId) -> Result<bool, ForgeError> {
        let git = &applier.git;
        let info = git.commit_info(commit).await?;
        let (author, committer) = (&info.author.email, &info.committer.email);
        Ok(info.parents == [self.parent.clone()]
            && applier.us.are_named(author, committer)
            && says(&info.message, &self.message)
            && git.tree_id(commit).await? == self.tree)
    }

    /// This commit where it lies on the line of a branch, though nobody said so.
    async fn on_line(&self, applier: &Applier, name: &str) -> Result<Option<CommitId>, ForgeError> {
        let fetched = applier.git.fetch_between().await?;
        let Some(head) = fetched.refs.get(name) else {
            return Ok(None);
        };
        let since = applier
            .git
            .log(head, Some(&self.parent), MOST_SINCE)
            .await?;
        match since.commits.last() {
            Some(first) if self.is(applier, &first.id).await? => Ok(Some(first.id.clone())),
            _ => Ok(None),
        }
    }

    /// Has it made on a branch aside. Whatever an earlier try left there is used.
    async fn aside(&self, applier: &Applier) -> Result<Aside, ForgeError> {
        let branch = staging_branch(&self.tree, &self.parent, &self.message);
        let name = format!("{HEADS}{branch}");
        if let Some(commit) = self.begun(applier, &name).await? {
            return Ok(aside(name, commit));
        }
        let made = applier.forge.commit(self.committing(&branch)).await;
        let fetched = applier.git.fetch_between().await?;
        let head = fetched.refs.get(&name);
        match (head, made) {
            // Whatever the answer was.
            (Some(head), _) if self.is(applier, head).await? => Ok(aside(name, head.clone())),
            (Some(head), Err(error)) => {
                if error.fault().retry == Retry::Never {
                    self.give_up(applier, &name, head).await;
                }
                Err(error)
            }
            (Some(head), Ok(_)) if *head == self.parent => Err(behind()),
            (Some(head), Ok(_)) => {
                self.give_up(applier, &name, head).await;
                // Its author is known by now.
                known_as_ours(applier).await?;
                Err(other_content(head))
            }
            // Another process of ours took it for left over.
            (None, _) => Err(gone(&self.parent)),
        }
    }

    /// Makes the branch aside; the commit, where an earlier try came that far.
    async fn begun(&self, applier: &Applier, name: &str) -> Result<Option<CommitId>, ForgeError> {
        let update = |expect: Option<&CommitId>| RefUpdate {
            name: name.to_owned(),
            expect: expect.cloned(),
            new: Some(self.parent.clone()),
        };
        match pushed(applier, update(None)).await? {
            PushResult::Done => return Ok(None),
            PushResult::Refused { message } => return Err(refused(name, message)),
            PushResult::Lost { .. } => {}
        }
        let fetched = applier.git.fetch_between().await?;
        let Some(head) = fetched.refs.get(name) else {
            return Err(gone(&self.parent));
        };
        if *head == self.parent {
            return Ok(None);
        }
        if self.is(applier, head).await? {
            return Ok(Some(head.clone()));
        }
        match pushed(applier, update(Some(head))).await? {
            PushResult::Done => Ok(None),
            PushResult::Refused { message } => Err(refused(name, message)),
            PushResult::Lost { .. } => Err(gone(&self.parent)),
        }
    }

    /// Takes the branch aside away after a refusal. What stays is cleared by a later pass.
    async fn give_up(&self, applier: &Applier, name: &str, head: &CommitId) {
        let clear = aside(name.to_owned(), head.clone()).clear;
        if let Err(error) = pushed(applier, clear).await {
            tracing::debug!(%error, reference = name, "a branch is left over");
        }
    }
}

fn aside(name: String, commit: CommitId) -> Aside {
    Aside {
        clear: RefUpdate {
            name,
            expect: Some(commit.clone()),
            new: None,
        },
        commit,
    }
}

async fn pushed(applier: &Applier, update: RefUpdate) -> Result<PushResult, GitError> {
    let outcomes = applier.git.push(vec![update]).await?;
    let outcome = outcomes.into_iter().next();
    Ok(outcome.map_or(PushResult::Lost { found: None }, |outcome| outcome.result))
}

/// Whether what the forge commits will be known as ours: nothing is made before that. `false` where only a first commit
/// tells for certain.
async fn known_as_ours(applier: &Applier) -> Result<bool, ForgeError> {
    let author = applier.forge.author().await?;
    let account = |email: &str| {
        let (account, _) = email.split_once("@users.noreply.")?;
        Some(account.to_owned())
    };
    let ours = account(&applier.us.email);
    // Which host an Enterprise server puts behind it, a first commit tells.
    let may_be = |email: &String| !author.sure && ours.is_some() && account(email) == ours;
    if author.emails.contains(&applier.us.email) || author.emails.iter().any(may_be) {
        return Ok(author.sure);
    }
    let email = author.emails.first().map_or("", String::as_str);
    let set = match author.name.is_empty() {
        true => format!("`git.committer.email: {email}`"),
        false => format!(
            "`git.committer: {{name: \"{}\", email: {email}}}`",
            author.name
        ),
    };
    Err(api(
        "Committer",
        format!(
            "its commits (`git.commits: api`) are by <{email}>, and our settings say <{}>, so they would not be known as ours: set {set}",
            applier.us.email
        ),
        Fault::of(Party::Operator),
    ))
}

/// Whether a message says what was planned, line by line. Where web commits must be signed off, GitHub adds that.
fn says(made: &str, planned: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    };
    lines(made).starts_with(&lines(planned))
}

/// Git does not show yet what the API made.
fn behind() -> ForgeError {
    let message = "Git does not show it yet".to_owned();
    api("Behind", message, Fault::of(Party::Remote).later(None))
}

fn other_content(commit: &CommitId) -> ForgeError {
    let message = format!("commit {} is not what was asked for", commit.short());
    api("Malformed", message, Fault::of(Party::Remote))
}

fn api(reason: &'static str, message: String, fault: Fault) -> ForgeError {
    ForgeError::Api {
        forge: "GitHub",
        what: "have a commit made".to_owned(),
        message,
        reason,
        fault,
    }
}

fn refused(name: &str, message: String) -> ForgeError {
    ForgeError::Refused {
        name: name.to_owned(),
        message,
    }
}

/// Somebody else was at the branch aside at the same time.
fn gone(parent: &CommitId) -> ForgeError {
    ForgeError::BaseMoved {
        expected: parent.clone(),
        found: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_signed_off_says_the_same_and_another_one_does_not() {
        let planned = "Promote app\n\nHeadwater-Stage: app/prod\n";
        assert!(says("Promote app\n\nHeadwater-Stage: app/prod", planned));
        let signed = "Promote app\n\nHeadwater-Stage: app/prod\n\nSigned-off-by: bot <b@x>\n";
        assert!(says(signed, planned));
        assert!(!says("Promote app\n\nHeadwater-Stage: app/qa\n", planned));
        assert!(!says("Promote app", planned));
    }
}
