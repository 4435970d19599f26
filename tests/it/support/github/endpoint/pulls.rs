//! Pull requests: list, open, change, merge.

use serde_json::json;

use super::owners;

use crate::support::github::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::merging::Asked;
use crate::support::github::people::Permission;
use crate::support::github::records::Pull;
use crate::support::github::state::State;
use crate::support::github::view::OWNER;

const LONGEST_TITLE: usize = 256;
const LONGEST_BODY: usize = 65_536;

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let state = call.asked("state").unwrap_or("open").to_owned();
    let head = call.asked("head").map(str::to_owned);
    let base = call.asked("base").map(str::to_owned);
    let wanted = |pull: &&Pull| {
        let state = state == "all" || (state == "open") == pull.open;
        // A head without an owner filters nothing, as GitHub has it.
        let head = head.as_ref().filter(|head| head.contains(':'));
        let head = head.is_none_or(|head| *head == format!("{OWNER}:{}", pull.head));
        state && head && base.as_ref().is_none_or(|base| *base == pull.base)
    };
    let pulls = call.state.records.pulls.values();
    let mut found: Vec<&Pull> = pulls.filter(wanted).collect();
    let sort = call.asked("sort").unwrap_or("created");
    match sort {
        "updated" => found.sort_by_key(|pull| (pull.updated, pull.number)),
        "popularity" => found.sort_by_key(|pull| (pull.comments.len(), pull.number)),
        _ => found.sort_by_key(|pull| (pull.created, pull.number)),
    }
    let default = if sort == "created" { "desc" } else { "asc" };
    if call.asked("direction").unwrap_or(default) == "desc" {
        found.reverse();
    }
    let view = |pull: &&Pull| call.view.short_pull(call.state, pull);
    call.page(found.iter().map(view).collect()).list()
}

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    Reply::ok(call.view.pull(call.state, call.state.pull(number)))
}

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let invalid = |field: &str| Refusal::invalid("PullRequest", field, "invalid");
    let title = call.text("title").unwrap_or_default().to_owned();
    let body = call.text("body").map(str::to_owned);
    check_text("PullRequest", Some(&title), body.as_deref())?;
    let asked = call.text("head").unwrap_or_default();
    let head = asked
        .strip_prefix(&format!("{OWNER}:"))
        .unwrap_or(asked)
        .to_owned();
    let base = call.text("base").unwrap_or_default().to_owned();
    let git = &call.state.git;
    let head_sha = git.branch(&head).ok_or_else(|| invalid("head"))?;
    let base_sha = git.branch(&base).ok_or_else(|| invalid("base"))?;
    let mut open = call.state.records.pulls.values().filter(|pull| pull.open);
    if open.any(|pull| pull.head == head && pull.base == base) {
        let message = format!("A pull request already exists for {OWNER}:{head}.");
        return Err(Refusal::custom("PullRequest", &message));
    }
    if git.contains(&base_sha, &head_sha) {
        let message = format!("No commits between {base} and {head}");
        return Err(Refusal::custom("PullRequest", &message));
    }
    let number = call.state.next_number();
    git.force(&format!("refs/pull/{number}/head"), &head_sha);
    let now = call.state.now;
    let pull = Pull {
        number,
        author: call.state.people.login(&call.actor),
        head,
        head_sha,
        base,
        base_sha,
        title,
        body,
        draft: call.body["draft"] == true,
        open: true,
        labels: Vec::new(),
        reviewers: Vec::new(),
        teams: Vec::new(),
        created: now,
        updated: now,
        closed: None,
        closed_by: None,
        merged: None,
        reviews: Vec::new(),
        comments: Vec::new(),
        events: Vec::new(),
        edits: Vec::new(),
    };
    call.state.records.pulls.insert(number, pull);
    owners::ask(call.state, number);
    let answer = call.view.pull(call.state, call.state.pull(number));
    Reply::created(answer)
}

pub(super) fn update(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    may_edit(call, number)?;
    let title = call.text("title").map(str::to_owned);
    let body = call.text("body").map(str::to_owned);
    check_text("PullRequest", title.as_deref(), body.as_deref())?;
    if let Some(base) = call.text("base").map(str::to_owned) {
        let sha = call.state.git.branch(&base);
        let sha = sha.ok_or_else(|| Refusal::invalid("PullRequest", "base", "invalid"))?;
        let pull = call.state.pull_mut(number);
        (pull.base, pull.base_sha) = (base, sha);
    }
    if let Some(wanted) = call.text("state").map(str::to_owned) {
        set_state(call, number, &wanted)?;
    }
    let now = call.state.now;
    let editor = call.state.people.login(&call.actor);
    let pull = call.state.pull_mut(number);
    pull.updated = now;
    if let Some(title) = title {
        pull.title = title;
    }
    if let Some(body) = body {
        pull.edited(editor, body, now);
    }
    Reply::ok(call.view.pull(call.state, call.state.pull(number)))
}

pub(super) fn is_merged(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    if call.state.pull(number).merged.is_none() {
        return Err(Refusal::not_found());
    }
    Reply::nothing()
}

pub(super) fn merge(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let by = call.state.people.login(&call.actor);
    let text = |name: &str| call.body[name].as_str();
    let asked = Asked {
        method: text("merge_method").unwrap_or("merge"),
        sha: text("sha"),
        title: text("commit_title"),
        message: text("commit_message"),
        by: &by,
    };
    let sha = call.state.merge(number, &asked)?;
    let message = "Pull Request successfully merged";
    Reply::ok(json!({ "sha": sha, "merged": true, "message": message }))
}

pub(super) fn update_branch(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let by = call.state.people.login(&call.actor);
    let expected = call.body["expected_head_sha"].as_str();
    call.state.update_branch(number, expected, &by)?;
    let url = format!("{}/pull/{number}", call.view.repo_page());
    let message = "Updating pull request branch.";
    Ok(Reply::new(202, json!({ "message": message, "url": url })))
}

/// The number of a pull request that is there.
pub(super) fn known(call: &Call<'_>, name: &str) -> Result<u64, Refusal> {
    let number = call.number(name)?;
    let is_there = call.state.records.pulls.contains_key(&number);
    is_there.then_some(number).ok_or_else(Refusal::not_found)
}

/// Texts are edited by whoever wrote them, and by those who may write.
pub(super) fn may_edit(call: &Call<'_>, number: u64) -> Result<(), Refusal> {
    let people = &call.state.people;
    let is_author = call.state.pull(number).author == people.login(&call.actor);
    if is_author || people.permission(&call.actor) >= Permission::Write {
        return Ok(());
    }
    Err(Refusal::new(
        403,
        "Must have push access to view or edit this pull request.",
    ))
}

/// Texts have their limits.
pub(super) fn check_text(
    resource: &str,
    title: Option<&str>,
    body: Option<&str>,
) -> Result<(), Refusal> {
    if title.is_some_and(|title| title.trim().is_empty()) {
        return Err(Refusal::invalid(resource, "title", "missing_field"));
    }
    if title.is_some_and(|title| title.chars().count() > LONGEST_TITLE) {
        let message = format!("title is too long (maximum is {LONGEST_TITLE} characters)");
        return Err(Refusal::custom(resource, &message));
    }
    if body.is_some_and(|body| body.chars().count() > LONGEST_BODY) {
        let message = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Refusal::custom(resource, &message));
    }
    Ok(())
}

/// Closes or reopens.
pub(super) fn set_state(call: &mut Call<'_>, number: u64, wanted: &str) -> Result<(), Refusal> {
    let by = call.state.people.login(&call.actor);
    let open = call.state.pull(number).open;
    match (wanted, open) {
        ("closed", true) => call.state.close(number, Some(&by)),
        ("open", false) => reopen(call.state, number)?,
        _ => {}
    }
    Ok(())
}

fn reopen(state: &mut State, number: u64) -> Result<(), Refusal> {
    let refused = |why: &str| {
        let message = format!("state cannot be changed. {why}");
        Err(Refusal::custom("PullRequest", &message))
    };
    let pull = state.pull(number).clone();
    if pull.merged.is_some() {
        return refused("The pull request cannot be reopened.");
    }
    let Some(head) = state.git.branch(&pull.head) else {
        return refused(&format!("The {} branch has been deleted.", pull.head));
    };
    if !state.git.contains(&head, &pull.head_sha) {
        return refused(&format!(
            "The {} branch was force-pushed or recreated.",
            pull.head
        ));
    }
    let mut open = state.records.pulls.values().filter(|other| other.open);
    if open.any(|other| other.head == pull.head && other.base == pull.base) {
        return refused(&format!(
            "There is already an open pull request for {OWNER}:{}.",
            pull.head
        ));
    }
    let now = state.now;
    state.git.force(&format!("refs/pull/{number}/head"), &head);
    let pull = state.pull_mut(number);
    pull.open = true;
    pull.closed = None;
    pull.closed_by = None;
    pull.head_sha = head;
    pull.updated = now;
    Ok(())
}
