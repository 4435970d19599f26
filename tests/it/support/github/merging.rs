//! What merges, what a branch demands first, and the three ways of merging.

use headwater::model::Timestamp;

use super::bare::{By, Moved};
use super::call::Refusal;
use super::people::Permission;
use super::records::{Protection, Pull};
use super::state::State;
use super::view::{NAME, OWNER};

/// How an open pull request stands, in GitHub's order of precedence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mergeable {
    /// Not found out yet, or no longer open.
    Unknown,
    /// Conflicts.
    Dirty,
    /// Still a draft.
    Draft,
    /// The base demands something that is missing; in GitHub's words.
    Blocked(String),
    /// The base demands that the head contains it.
    Behind,
    /// Some check that nobody demands has not passed.
    Unstable,
    /// Nothing in the way.
    Clean,
}

impl Mergeable {
    /// `mergeable`.
    pub(super) fn answer(&self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            other => Some(*other != Self::Dirty),
        }
    }

    /// `mergeable_state`.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Dirty => "dirty",
            Self::Draft => "draft",
            Self::Blocked(_) => "blocked",
            Self::Behind => "behind",
            Self::Unstable => "unstable",
            Self::Clean => "clean",
        }
    }
}

/// How a pull request stands.
pub(super) fn mergeable(state: &State, pull: &Pull) -> Mergeable {
    let base = state.git.branch(&pull.base);
    let (Some(base), true) = (base, pull.open && state.knows_mergeability) else {
        return Mergeable::Unknown;
    };
    if state.git.merged_tree(&base, &pull.head_sha).is_none() {
        return Mergeable::Dirty;
    }
    if pull.draft {
        return Mergeable::Draft;
    }
    if let Some(protection) = state.protection(&pull.base) {
        if let Some(missing) = missing(state, pull, protection) {
            return Mergeable::Blocked(missing);
        }
        if protection.strict && !state.git.contains(&pull.head_sha, &base) {
            return Mergeable::Behind;
        }
    }
    let runs = state.records.runs.iter().map(|run| (&run.sha, &run.name));
    let statuses = state.records.statuses.iter().map(|s| (&s.sha, &s.context));
    let mut reported = runs
        .chain(statuses)
        .filter(|(sha, _)| **sha == pull.head_sha);
    if reported.any(|(sha, name)| state.check(sha, name) != Some("success")) {
        return Mergeable::Unstable;
    }
    Mergeable::Clean
}

/// What a branch demands and has not got.
fn missing(state: &State, pull: &Pull, protection: &Protection) -> Option<String> {
    if let Some(needed) = protection.approvals {
        let may_write = |login: &str| state.people.user(login).permission >= Permission::Write;
        let verdicts = pull.verdicts();
        let counted = verdicts.iter().filter(|(login, _)| may_write(login));
        let (yes, no): (Vec<_>, Vec<_>) = counted.partition(|(_, approves)| **approves);
        if !no.is_empty() || yes.len() < needed {
            let plural = if needed == 1 {
                "review is"
            } else {
                "reviews are"
            };
            return Some(format!(
                "At least {needed} approving {plural} required by reviewers with write access."
            ));
        }
    }
    let standing = |name: &String| state.check(&pull.head_sha, name);
    let open: Vec<&String> = protection
        .checks
        .iter()
        .filter(|n| standing(n) != Some("success"))
        .collect();
    match open.as_slice() {
        [] => None,
        [only] => Some(format!(
            "Required status check \"{only}\" is {}.",
            match standing(only) {
                None => "expected",
                Some("pending") => "pending",
                Some(_) => "failing",
            }
        )),
        several => Some(format!(
            "{} of {} required status checks have not succeeded.",
            several.len(),
            protection.checks.len()
        )),
    }
}

/// A merge that was asked for.
pub(super) struct Asked<'a> {
    /// `merge`, `squash` or `rebase`.
    pub(super) method: &'a str,
    /// The head that is meant.
    pub(super) sha: Option<&'a str>,
    /// First line of the commit's message.
    pub(super) title: Option<&'a str>,
    /// The rest of it.
    pub(super) message: Option<&'a str>,
    /// Who merges.
    pub(super) by: &'a str,
}

impl State {
    /// A commit that merging would make; on no branch.
    pub(super) fn test_merge(&self, pull: &Pull) -> Option<String> {
        let base = self.git.branch(&pull.base)?;
        let tree = self.git.merged_tree(&base, &pull.head_sha)?;
        let text = format!("Merge {} into {base}", pull.head_sha);
        let parents = [&base, &pull.head_sha];
        let at = parents.map(|sha| self.git.commit(sha).time().seconds());
        let at = Timestamp::from_second(at[0].max(at[1])).unwrap();
        let author = ("GitHub", "noreply@github.com");
        let by = By { author, at };
        Some(
            self.git
                .write(&tree, &parents.map(String::as_str), &by, &text),
        )
    }

    /// Merges; the commit on the base.
    pub(super) fn merge(&mut self, number: u64, asked: &Asked<'_>) -> Result<String, Refusal> {
        let pull = self.pull(number).clone();
        let not_allowed = |message: &str| Refusal::new(405, message);
        if !pull.open {
            return Err(not_allowed("Pull Request is not mergeable"));
        }
        if asked.sha.is_some_and(|sha| sha != pull.head_sha) {
            let message = "Head branch was modified. Review and try the merge again.";
            return Err(Refusal::new(409, message));
        }
        if self.has_queue(&pull.base) {
            let message = "Changes must be made through the merge queue";
            return Err(not_allowed(message));
        }
        let standing = mergeable(self, &pull);
        let protection = self.protection(&pull.base);
        let bound = protection.is_some_and(|p| p.enforce_admins)
            || self.people.user(asked.by).permission < Permission::Admin;
        match standing {
            Mergeable::Unknown | Mergeable::Dirty => {
                return Err(not_allowed("Pull Request is not mergeable"));
            }
            Mergeable::Draft => return Err(not_allowed("Pull Request is still a draft")),
            Mergeable::Blocked(missing) if bound => return Err(not_allowed(&missing)),
            Mergeable::Behind if bound => {
                let message = "The head branch is not up to date with the base branch.";
                return Err(not_allowed(message));
            }
            _ => {}
        }
        if !self.methods.contains(&asked.method) {
            let name = match asked.method {
                "merge" => "Merge commits are",
                "squash" => "Squash merges are",
                _ => "Rebase merges are",
            };
            let message = format!("{name} not allowed on this repository.");
            return Err(not_allowed(&message));
        }
        let base = self.git.branch(&pull.base).unwrap();
        let commit = self
            .made(&pull, &base, asked)
            .ok_or_else(|| not_allowed("This branch can't be rebased"))?;
        let name = format!("refs/heads/{}", pull.base);
        if self.git.set(&name, Some(&base), Some(&commit)) == Moved::Meanwhile {
            let message = "Base branch was modified. Review and try the merge again.";
            return Err(not_allowed(message));
        }
        self.merged(number, commit.clone(), Some(asked.by));
        if self.deletes_merged {
            let head = format!("refs/heads/{}", pull.head);
            self.git.set(&head, Some(&pull.head_sha), None);
        }
        self.follow_refs(Some(asked.by));
        Ok(commit)
    }

    pub(super) fn made(&self, pull: &Pull, base: &str, asked: &Asked<'_>) -> Option<String> {
        if asked.method == "rebase" {
            return self.git.rebased(base, &pull.head_sha, self.now);
        }
        let tree = self.git.merged_tree(base, &pull.head_sha).unwrap();
        let squash = asked.method == "squash";
        let login = if squash { &pull.author } else { asked.by };
        let author = self.people.user(login);
        let email = author.email();
        let by = By {
            author: (&author.login, &email),
            at: self.now,
        };
        let head = pull.head_sha.as_str();
        let (parents, title, message) = if squash {
            let title = format!("{} (#{})", pull.title, pull.number);
            let messages = self.git.messages(base, head);
            let message = match messages.as_slice() {
                [only] => only
                    .split_once("\n\n")
                    .map_or("", |(_, rest)| rest)
                    .to_owned(),
                several => several.iter().map(|m| format!("* {m}\n\n")).collect(),
            };
            (vec![base], title, message)
        } else {
            let from = format!("{OWNER}/{}", pull.head);
            let title = format!("Merge pull request #{} from {from}", pull.number);
            (vec![base, head], title, pull.title.clone())
        };
        let title = asked.title.map_or(title, str::to_owned);
        let message = asked.message.map_or(message, str::to_owned);
        let text = format!("{title}\n\n{}", message.trim_end());
        Some(self.git.write(&tree, &parents, &by, text.trim_end()))
    }

    /// Merges the base into the head, as the button "Update branch" does.
    pub(super) fn update_branch(
        &mut self,
        number: u64,
        expected: Option<&str>,
        by: &str,
    ) -> Result<(), Refusal> {
        let pull = self.pull(number).clone();
        if expected.is_some_and(|sha| sha != pull.head_sha) {
            let message = "expected head sha didn’t match current head ref.";
            return Err(Refusal::unprocessable(message));
        }
        let base = self.git.branch(&pull.base).ok_or_else(Refusal::not_found)?;
        if !pull.open || self.git.contains(&pull.head_sha, &base) {
            let message = "There are no new commits on the base branch.";
            return Err(Refusal::unprocessable(message));
        }
        let conflict = || Refusal::unprocessable("merge conflict between base and head");
        let tree = self
            .git
            .merged_tree(&pull.head_sha, &base)
            .ok_or_else(conflict)?;
        let user = self.people.user(by);
        let email = user.email();
        let signed = By {
            author: (&user.login, &email),
            at: self.now,
        };
        let text = format!("Merge branch '{}' into {}", pull.base, pull.head);
        let parents = [pull.head_sha.as_str(), &base];
        let commit = self.git.write(&tree, &parents, &signed, &text);
        drop(tree);
        let name = format!("refs/heads/{}", pull.head);
        self.git.set(&name, Some(&pull.head_sha), Some(&commit));
        self.follow_refs(Some(by));
        Ok(())
    }

    /// Name of the repository with its owner.
    pub(super) fn full_name() -> String {
        format!("{OWNER}/{NAME}")
    }
}
