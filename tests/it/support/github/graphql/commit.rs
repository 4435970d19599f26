//! A commit made without Git: on a branch that must be where the caller thinks it is.

use base64::Engine as _;
use serde_json::{Value, json};

use super::Problem;
use super::fields::{Object, Out};
use crate::support::github::bare::{By, Moved};
use crate::support::github::people::{Actor, Permission};
use crate::support::github::state::State;
use crate::support::github::view::View;

/// `createCommitOnBranch`.
pub(super) fn create_commit(
    state: &mut State,
    actor: &Actor,
    input: &Value,
) -> Result<Out, Problem> {
    let granted = state.people.grants.get("contents").map(String::as_str);
    let may = match actor {
        Actor::Installation => granted == Some("write"),
        _ => state.people.permission(actor) >= Permission::Write,
    };
    let said = |kind, message: &str| Err(Problem::Said(kind, message.to_owned()));
    if !may {
        return said("FORBIDDEN", "Resource not accessible by integration");
    }
    let wanted = &input["branch"];
    let name = wanted["branchName"]
        .as_str()
        .or_else(|| wanted["id"].as_str()?.strip_prefix("REF_"));
    let here = wanted["repositoryNameWithOwner"].as_str();
    let here = here.is_none_or(|name| name.eq_ignore_ascii_case(&State::full_name()));
    let branch = name.filter(|_| here).unwrap_or_default();
    let branch = branch.trim_start_matches("refs/heads/").to_owned();
    let Some(head) = state.git.branch(&branch) else {
        let message = format!("No such branch: {branch}");
        return said("NOT_FOUND", &message);
    };
    let moved = |head: &str| {
        let expected = &input["expectedHeadOid"];
        let message = format!(
            "Expected branch to point to {expected} but it points to \"{head}\". Pull and try again."
        );
        Err(Problem::Said("STALE_DATA", message))
    };
    if input["expectedHeadOid"] != head.as_str() {
        return moved(&head);
    }
    if let Err(refusal) = state.may_move(actor, &branch) {
        let body = refusal.0.body.unwrap_or_default();
        return said(
            "UNPROCESSABLE",
            body["message"].as_str().unwrap_or_default(),
        );
    }
    let (put, gone) = changes(&input["fileChanges"])?;
    let Some(tree) = state.git.edited(&head, &put, &gone) else {
        let message = format!(
            "A path was requested for deletion which does not exist as of commit oid `{head}`"
        );
        return said("UNPROCESSABLE", &message);
    };
    let login = state.people.login(actor);
    let email = state.people.user(&login).email();
    let by = By {
        author: (&login, &email),
        at: state.now,
    };
    let part = |name: &str| input["message"][name].as_str().unwrap_or_default();
    let text = format!("{}\n\n{}", part("headline"), part("body"));
    let commit = state.git.write(&tree, &[&head], &by, text.trim_end());
    drop(tree);
    let name = format!("refs/heads/{branch}");
    if state.git.set(&name, Some(&head), Some(&commit)) == Moved::Meanwhile {
        return moved("another commit");
    }
    state.follow_refs(Some(&login));
    let id = input["clientMutationId"].clone();
    Ok(Out::Object(Object::Payload(commit, branch, id)))
}

/// A field of a commit.
pub(super) fn commit(state: &State, view: &View, sha: &str, name: &str) -> Result<Out, Problem> {
    let commit = state.git.commit(sha);
    let person = |person: git2::Signature<'_>| {
        let text = |text: Result<&str, _>| text.unwrap_or_default().to_owned();
        Object::GitActor(text(person.name()), text(person.email()))
    };
    let object = match name {
        "status" => return Ok(super::queue::status(state, sha)),
        "tree" => Object::Tree(commit.tree_id().to_string()),
        "author" => person(commit.author()),
        "committer" => person(commit.committer()),
        _ => {
            return Ok(Out::Value(match name {
                "oid" => json!(sha),
                "id" => json!(format!("C_{sha}")),
                "abbreviatedOid" => json!(sha[..7]),
                "url" | "commitUrl" => json!(format!("{}/commit/{sha}", view.repo_page())),
                "message" => json!(commit.message().unwrap().trim_end()),
                _ => return Err(Problem::Unspoken),
            }));
        }
    };
    Ok(Out::Object(object))
}

type Changes = (Vec<(String, Vec<u8>)>, Vec<String>);

fn changes(given: &Value) -> Result<Changes, Problem> {
    let items = |name: &str| given[name].as_array().cloned().unwrap_or_default();
    let path = |item: &Value| item["path"].as_str().unwrap_or_default().to_owned();
    let mut put = Vec::new();
    for addition in items("additions") {
        let contents = addition["contents"].as_str().unwrap_or_default();
        let bytes = base64::engine::general_purpose::STANDARD.decode(contents);
        let bytes = bytes.map_err(|_| {
            let message = format!("`contents` of {} is no Base64", path(&addition));
            Problem::Said("UNPROCESSABLE", message)
        })?;
        put.push((path(&addition), bytes));
    }
    Ok((put, items("deletions").iter().map(path).collect()))
}
