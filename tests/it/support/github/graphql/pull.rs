//! Fields of pull requests and their reviews.

use serde_json::{Value, json};

use super::connection::Connection;
use super::fields::{Object, Out};
use super::{Arguments, Problem};
use crate::support::github::merging::{Mergeable, mergeable};
use crate::support::github::people::Permission;
use crate::support::github::records::{Pull, Review};
use crate::support::github::state::State;
use crate::support::github::view::{View, node, time};

/// The state of a pull request.
pub(super) fn word(pull: &Pull) -> &'static str {
    match (pull.open, &pull.merged) {
        (true, _) => "OPEN",
        (false, Some(_)) => "MERGED",
        (false, None) => "CLOSED",
    }
}

/// Somebody, or null.
pub(super) fn account(login: Option<&String>) -> Out {
    login.map_or(Out::Value(Value::Null), |login| {
        Out::Object(Object::Account(login.clone()))
    })
}

/// A field of a pull request.
pub(super) fn pull(
    state: &State,
    view: &View,
    pull: &Pull,
    name: &str,
    given: &Arguments,
) -> Result<Out, Problem> {
    let merged = pull.merged.as_ref();
    let number = pull.number;
    let value = match name {
        "id" => json!(node(number)),
        "number" => json!(number),
        "title" => json!(pull.title),
        "body" => json!(pull.body.clone().unwrap_or_default()),
        "state" => json!(word(pull)),
        "isDraft" => json!(pull.draft),
        "closed" => json!(!pull.open),
        "merged" => json!(merged.is_some()),
        "url" => json!(format!("{}/pull/{number}", view.repo_page())),
        "createdAt" => time(pull.created),
        "updatedAt" => time(pull.updated),
        "closedAt" => pull.closed.map(time).unwrap_or_default(),
        "mergedAt" => merged.map(|merged| time(merged.at)).unwrap_or_default(),
        "headRefName" => json!(pull.head),
        "headRefOid" => json!(pull.head_sha),
        "baseRefName" => json!(pull.base),
        "baseRefOid" => json!(pull.base_sha),
        "mergeable" => json!(match mergeable(state, pull) {
            Mergeable::Unknown => "UNKNOWN",
            Mergeable::Dirty => "CONFLICTING",
            _ => "MERGEABLE",
        }),
        "mergeStateStatus" => json!(mergeable(state, pull).word().to_uppercase()),
        "reviewDecision" => decision(state, pull),
        "isInMergeQueue" => json!(state.position(number).is_some()),
        "mergeQueueEntry" if state.position(number).is_some() => {
            return Ok(Out::Object(Object::Entry(number)));
        }
        "mergeQueueEntry" => Value::Null,
        _ => return connected(pull, name, given),
    };
    Ok(Out::Value(value))
}

/// What the base's demand for approvals has come to; null where it demands none.
fn decision(state: &State, pull: &Pull) -> Value {
    let Some(needed) = state.protection(&pull.base).and_then(|p| p.approvals) else {
        return Value::Null;
    };
    let may_write = |login: &str| state.people.user(login).permission >= Permission::Write;
    let verdicts = pull.verdicts();
    let counted: Vec<bool> = verdicts
        .iter()
        .filter(|(login, _)| may_write(login))
        .map(|(_, approves)| *approves)
        .collect();
    json!(match (counted.contains(&false), counted.len() >= needed) {
        (true, _) => "CHANGES_REQUESTED",
        (false, true) => "APPROVED",
        (false, false) => "REVIEW_REQUIRED",
    })
}

fn connected(pull: &Pull, name: &str, given: &Arguments) -> Result<Out, Problem> {
    let number = pull.number;
    let merged = pull.merged.as_ref();
    let (of, all): (_, Vec<Object>) = match name {
        "author" => return Ok(account(Some(&pull.author))),
        "mergedBy" => return Ok(account(merged.and_then(|merged| merged.by.as_ref()))),
        "mergeCommit" => {
            let commit = merged.map(|merged| Object::Commit(merged.commit.clone()));
            return Ok(commit.map_or(Out::Value(Value::Null), Out::Object));
        }
        "labels" => {
            let labels = pull.labels.iter().cloned().map(Object::Label);
            ("Label", labels.collect())
        }
        "comments" => {
            let comments = (0..pull.comments.len()).map(|at| Object::Comment(number, at));
            ("IssueComment", comments.collect())
        }
        "userContentEdits" => {
            let edits = (0..pull.edits.len()).map(|at| Object::Edit(number, at));
            ("UserContentEdit", edits.collect())
        }
        "reviews" => {
            let states = given.get("states").and_then(Value::as_array);
            let author = given.get("author").and_then(Value::as_str);
            let wanted = |review: &Review| {
                states.is_none_or(|states| states.iter().any(|s| s == review.state))
                    && author.is_none_or(|author| author == review.author)
            };
            let places = (0..pull.reviews.len()).filter(|at| wanted(&pull.reviews[*at]));
            (
                "PullRequestReview",
                places.map(|at| Object::Review(number, at)).collect(),
            )
        }
        "timelineItems"
            if given.get("itemTypes") == Some(&json!(["REMOVED_FROM_MERGE_QUEUE_EVENT"])) =>
        {
            let removed = |at: &usize| pull.events[*at].event == "removed_from_merge_queue";
            let places = (0..pull.events.len()).filter(removed);
            (
                "PullRequestTimelineItems",
                places.map(|at| Object::Removed(number, at)).collect(),
            )
        }
        _ => return Err(Problem::Unspoken),
    };
    let page = Connection::page(name, of, all, given)?;
    Ok(Out::Object(Object::Connection(page)))
}

/// A field of a review.
pub(super) fn review(view: &View, pull: &Pull, at: usize, name: &str) -> Result<Out, Problem> {
    let review = &pull.reviews[at];
    let page = format!(
        "{}/pull/{}#pullrequestreview-{}",
        view.repo_page(),
        pull.number,
        review.id
    );
    Ok(Out::Value(match name {
        "id" => json!(format!("PRR_{}", review.id)),
        "databaseId" | "fullDatabaseId" => json!(review.id),
        "state" => json!(review.state),
        "body" => json!(review.body),
        "url" => json!(page),
        "submittedAt" => time(review.at),
        "author" => return Ok(account(Some(&review.author))),
        "commit" => return Ok(Out::Object(Object::Commit(review.commit.clone()))),
        _ => return Err(Problem::Unspoken),
    }))
}

/// A field of one of the texts that it had, newest first.
pub(super) fn edit(pull: &Pull, at: usize, name: &str) -> Result<Out, Problem> {
    let edit = &pull.edits[pull.edits.len() - 1 - at];
    Ok(Out::Value(match name {
        "id" => json!(format!("UCE_{}_{at}", pull.number)),
        "diff" => json!(edit.body),
        "createdAt" | "editedAt" | "updatedAt" => time(edit.at),
        "deletedAt" => match edit.body {
            None => time(edit.at),
            Some(_) => Value::Null,
        },
        "editor" => return Ok(account(Some(&edit.editor))),
        _ => return Err(Problem::Unspoken),
    }))
}
