//! Pull requests as issues: state, labels, comments.

use serde_json::Value;

use super::pulls::{check_text, known, may_edit, set_state};
use crate::support::github::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::people::Permission;
use crate::support::github::records::{Comment, Label};

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    Reply::ok(call.view.issue(call.state, call.state.pull(number)))
}

pub(super) fn update(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    may_edit(call, number)?;
    let title = call.text("title").map(str::to_owned);
    let body = call.text("body").map(str::to_owned);
    check_text("Issue", title.as_deref(), body.as_deref())?;
    if let Some(wanted) = call.text("state").map(str::to_owned) {
        set_state(call, number, &wanted)?;
    }
    let labels = call.body.get("labels").map(names);
    if let Some(labels) = labels {
        put_labels(call, number, labels, true)?;
    }
    let now = call.state.now;
    let pull = call.state.pull_mut(number);
    pull.updated = now;
    if let Some(title) = title {
        pull.title = title;
    }
    if let Some(body) = body {
        pull.body = Some(body);
    }
    get(call)
}

pub(super) fn labels(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    let labels = call.state.pull(number).labels.iter();
    let view = |name: &String| call.view.label(call.state, name);
    call.page(labels.map(view).collect()).list()
}

pub(super) fn add_labels(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    put_labels(call, number, names(given(&call.body)), false)?;
    labels(call)
}

pub(super) fn set_labels(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    put_labels(call, number, names(given(&call.body)), true)?;
    labels(call)
}

pub(super) fn comments(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    let since = call.asked("since").and_then(|text| text.parse().ok());
    let comments = call.state.pull(number).comments.iter();
    let comments = comments.filter(|c| since.is_none_or(|since| c.updated >= since));
    let view = |comment: &Comment| call.view.comment(call.state, number, comment);
    call.page(comments.map(view).collect()).list()
}

/// Everything that happened, oldest first.
pub(super) fn timeline(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    let pull = call.state.pull(number);
    let events = pull
        .events
        .iter()
        .map(|e| (e.id, call.view.happening(call.state, e)));
    let comments = pull.comments.iter().map(|comment| {
        let mut shown = call.view.comment(call.state, number, comment);
        shown["event"] = "commented".into();
        shown["actor"] = shown["user"].clone();
        (comment.id, shown)
    });
    let reviews = pull.reviews.iter().map(|review| {
        let mut shown = call.view.review(call.state, pull, review);
        shown["event"] = "reviewed".into();
        shown["state"] = review.state.to_lowercase().into();
        (review.id, shown)
    });
    let mut all: Vec<(u64, Value)> = events.chain(comments).chain(reviews).collect();
    all.sort_by_key(|(id, _)| *id);
    call.page(all.into_iter().map(|(_, shown)| shown).collect())
        .list()
}

pub(super) fn comment(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "issue_number")?;
    let body = call.text("body").unwrap_or_default().to_owned();
    check_text(
        "IssueComment",
        Some(&body).filter(|b| b.is_empty()).map(String::as_str),
        Some(&body),
    )?;
    let now = call.state.now;
    let comment = Comment {
        id: call.state.id(),
        author: call.state.people.login(&call.actor),
        body,
        created: now,
        updated: now,
    };
    let pull = call.state.pull_mut(number);
    pull.comments.push(comment.clone());
    pull.updated = now;
    Reply::created(call.view.comment(call.state, number, &comment))
}

pub(super) fn edit_comment(call: &mut Call<'_>) -> Outcome {
    let id = call.number("comment_id")?;
    let body = call.text("body").unwrap_or_default().to_owned();
    check_text("IssueComment", None, Some(&body))?;
    let login = call.state.people.login(&call.actor);
    let may_write = call.state.people.permission(&call.actor) >= Permission::Write;
    let now = call.state.now;
    for pull in call.state.records.pulls.values_mut() {
        let Some(comment) = pull.comments.iter_mut().find(|c| c.id == id) else {
            continue;
        };
        if comment.author != login && !may_write {
            return Err(Refusal::new(
                403,
                "Must have push access to edit this comment.",
            ));
        }
        comment.body = body;
        comment.updated = now;
        let (number, comment) = (pull.number, comment.clone());
        return Reply::ok(call.view.comment(call.state, number, &comment));
    }
    Err(Refusal::not_found())
}

/// The list, bare or in a field.
fn given(body: &Value) -> &Value {
    body.get("labels").unwrap_or(body)
}

fn names(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    let name = |item: &Value| {
        item.as_str()
            .or_else(|| item["name"].as_str())
            .map(str::to_owned)
    };
    items.filter_map(name).collect()
}

/// Labels that the repository lacks are made; case does not matter.
fn put_labels(
    call: &mut Call<'_>,
    number: u64,
    names: Vec<String>,
    replace: bool,
) -> Result<(), Refusal> {
    if names
        .iter()
        .any(|name| name.is_empty() || name.chars().count() > 50)
    {
        return Err(Refusal::invalid("Label", "name", "invalid"));
    }
    let mut wanted = Vec::new();
    for name in names {
        let id = call.state.id();
        let known = call.state.records.labels.entry(name.to_lowercase());
        let label = known.or_insert(Label { id, name });
        if !wanted.contains(&label.name) {
            wanted.push(label.name.clone());
        }
    }
    let actor = call.state.people.login(&call.actor);
    let before = call.state.pull(number).labels.clone();
    let gone = before
        .iter()
        .filter(|name| replace && !wanted.contains(name));
    for name in gone {
        call.state.happened(number, &actor, "unlabeled", name);
    }
    for name in wanted.iter().filter(|name| !before.contains(name)) {
        call.state.happened(number, &actor, "labeled", name);
    }
    let now = call.state.now;
    let pull = call.state.pull_mut(number);
    pull.updated = now;
    if replace {
        pull.labels.clear();
    }
    for name in wanted {
        if !pull.labels.contains(&name) {
            pull.labels.push(name);
        }
    }
    Ok(())
}
