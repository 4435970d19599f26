//! The merge queue: adding a pull request, and what is told of it.

use serde_json::{Value, json};

use super::Problem;
use super::fields::{Object, Out};
use super::pull::account;
use crate::support::github::people::Actor;
use crate::support::github::records::Status;
use crate::support::github::state::State;
use crate::support::github::view::{node, time};

/// `enqueuePullRequest`.
pub(super) fn enqueue(state: &mut State, actor: &Actor, input: &Value) -> Result<Out, Problem> {
    let said = |kind, message: String| Err(Problem::Said(kind, message));
    if let Err(refusal) = state.may_enqueue(actor) {
        let body = refusal.0.body.unwrap_or_default();
        let message = body["message"].as_str().unwrap_or_default().to_owned();
        return said("FORBIDDEN", message);
    }
    let id = input["pullRequestId"].as_str().unwrap_or_default();
    let mut numbers = state.records.pulls.keys();
    let Some(number) = numbers.find(|number| node(**number) == id).copied() else {
        let message = format!("Could not resolve to a node with the global id of '{id}'");
        return said("NOT_FOUND", message);
    };
    let by = state.people.login(actor);
    match state.enqueue(number, input["expectedHeadOid"].as_str(), &by) {
        Ok(()) => {
            let id = input["clientMutationId"].clone();
            Ok(Out::Object(Object::Enqueued(number, id)))
        }
        Err(message) => said("UNPROCESSABLE", message),
    }
}

/// What is said of a commit; null where nothing is.
pub(super) fn status(state: &State, sha: &str) -> Out {
    match latest(state, sha).is_empty() {
        true => Out::Value(Value::Null),
        false => Out::Object(Object::Status(sha.to_owned())),
    }
}

/// A field of something about the queue.
pub(super) fn queued(state: &State, object: &Object, name: &str) -> Result<Out, Problem> {
    Ok(match (object, name) {
        (Object::Enqueued(_, id), "clientMutationId") => Out::Value(id.clone()),
        (Object::Enqueued(number, _), "mergeQueueEntry") => Out::Object(Object::Entry(*number)),
        (Object::Entry(number), _) => {
            let at = state.position(*number).unwrap_or(1);
            let entry = &state.records.queue[at - 1];
            match name {
                "position" => Out::Value(json!(at)),
                "state" => Out::Value(json!(match entry.group {
                    Some(_) => "AWAITING_CHECKS",
                    None => "QUEUED",
                })),
                "enqueuedAt" => Out::Value(time(entry.at)),
                "enqueuer" => account(Some(&entry.by)),
                _ => return Err(Problem::Unspoken),
            }
        }
        (Object::Removed(number, at), _) => {
            let event = &state.pull(*number).events[*at];
            let (reason, head) = event.about.split_once(' ').unwrap_or_default();
            match name {
                "reason" => Out::Value(json!(reason)),
                "createdAt" => Out::Value(time(event.at)),
                "beforeCommit" if head.is_empty() => Out::Value(Value::Null),
                "beforeCommit" => Out::Object(Object::Commit(head.to_owned())),
                _ => return Err(Problem::Unspoken),
            }
        }
        (Object::Status(sha), "contexts") => {
            let all = latest(state, sha).into_iter();
            let all = all.map(|s| Object::StatusContext(sha.clone(), s.context.clone()));
            Out::List(all.collect())
        }
        (Object::StatusContext(_, context), "context") => Out::Value(json!(context)),
        (Object::StatusContext(sha, context), "state") => {
            let all = latest(state, sha).into_iter();
            let mut named = all.filter(|s| s.context == *context);
            let word = named.next().map(|s| s.state.to_uppercase());
            Out::Value(json!(word))
        }
        _ => return Err(Problem::Unspoken),
    })
}

/// The latest of each context.
fn latest<'a>(state: &'a State, sha: &str) -> Vec<&'a Status> {
    let mut found: Vec<&Status> = Vec::new();
    for status in state.records.statuses.iter().rev().filter(|s| s.sha == sha) {
        if !found.iter().any(|other| other.context == status.context) {
            found.push(status);
        }
    }
    found
}
