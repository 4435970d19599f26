//! Which refs belong to which pull request.

use std::collections::BTreeMap;

use super::document::one_line;
use super::names::{self, Root};
use crate::forge::types::PullProblem;
use crate::git::Fetched;
use crate::model::CommitId;

/// More pull requests than this are not read.
const MAX_PULLS: usize = 20_000;

/// The refs of one pull request.
#[derive(Debug, Default)]
pub(super) struct Refs {
    /// Its description, by place.
    pub(super) meta: BTreeMap<Root, CommitId>,
    pub(super) approvals: Vec<CommitId>,
}

/// Sorts refs by pull request.
pub(super) fn scan(
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

/// A problem with one pull request.
pub(super) fn problem_of(id: &str, message: &str) -> PullProblem {
    PullProblem {
        id: id.to_owned(),
        message: message.to_owned(),
    }
}
