//! Reviews, and who was asked for one.

use serde_json::{Value, json};

use super::pulls::known;
use crate::support::github::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::people::Permission;
use crate::support::github::records::Review;

pub(super) fn list(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let pull = call.state.pull(number);
    let view = |review: &Review| call.view.review(call.state, pull, review);
    call.page(pull.reviews.iter().map(view).collect()).list()
}

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let author = call.state.people.login(&call.actor);
    let pull = call.state.pull(number);
    let own = pull.author == author;
    let state = match call.text("event") {
        Some("APPROVE") if own => {
            return Err(Refusal::sentences("Can not approve your own pull request"));
        }
        Some("REQUEST_CHANGES") if own => {
            let message = "Can not request changes on your own pull request";
            return Err(Refusal::sentences(message));
        }
        Some("APPROVE") => "APPROVED",
        Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
        Some(_) => "COMMENTED",
        None => "PENDING",
    };
    let commit = call.text("commit_id").unwrap_or(&pull.head_sha).to_owned();
    if !call.state.git.contains(&pull.head_sha, &commit) {
        return Err(Refusal::sentences(
            "The commit is not part of the pull request",
        ));
    }
    let body = call.text("body").unwrap_or_default().to_owned();
    if body.is_empty() && matches!(state, "CHANGES_REQUESTED" | "COMMENTED") {
        return Err(Refusal::sentences("Body can't be blank"));
    }
    let review = Review {
        id: call.state.id(),
        author: author.clone(),
        state,
        body,
        commit,
        at: call.state.now,
    };
    let now = call.state.now;
    let pull = call.state.pull_mut(number);
    pull.reviews.push(review.clone());
    pull.reviewers.retain(|asked| *asked != author);
    pull.updated = now;
    Reply::ok(
        call.view
            .review(call.state, call.state.pull(number), &review),
    )
}

pub(super) fn dismiss(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let id = call.number("review_id")?;
    let now = call.state.now;
    let pull = call.state.pull_mut(number);
    let review = pull.reviews.iter_mut().find(|review| review.id == id);
    let review = review.ok_or_else(Refusal::not_found)?;
    if !matches!(review.state, "APPROVED" | "CHANGES_REQUESTED") {
        let message = "Can not dismiss a commented pull request review";
        return Err(Refusal::sentences(message));
    }
    review.state = "DISMISSED";
    let review = review.clone();
    pull.updated = now;
    Reply::ok(
        call.view
            .review(call.state, call.state.pull(number), &review),
    )
}

pub(super) fn requested(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let pull = call.state.pull(number);
    let person = |login: &String| call.view.person(call.state, Some(login));
    let users: Vec<Value> = pull.reviewers.iter().map(person).collect();
    let teams: Vec<Value> = pull
        .teams
        .iter()
        .map(|slug| call.view.full_team(slug))
        .collect();
    Reply::ok(json!({ "users": users, "teams": teams }))
}

pub(super) fn request(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let (users, teams) = (call.texts("reviewers"), call.texts("team_reviewers"));
    let author = &call.state.pull(number).author;
    if users.iter().any(|login| login.eq_ignore_ascii_case(author)) {
        let message = "Review cannot be requested from pull request author.";
        return Err(Refusal::unprocessable(message));
    }
    let people = &call.state.people;
    let may_read = |login: &String| {
        let user = people.find(login);
        user.is_some_and(|user| user.permission >= Permission::Read)
    };
    if !users.iter().all(may_read) || !teams.iter().all(|t| people.teams.contains_key(t)) {
        return Err(Refusal::unprocessable(
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a \
             collaborator of the acme/deploy repository.",
        ));
    }
    let actor = call.state.people.login(&call.actor);
    call.state.asked(number, &actor, users, teams);
    let pull = call.state.pull(number);
    Reply::created(call.view.short_pull(call.state, pull))
}

pub(super) fn take_back(call: &mut Call<'_>) -> Outcome {
    let number = known(call, "pull_number")?;
    let (users, teams) = (call.texts("reviewers"), call.texts("team_reviewers"));
    let actor = call.state.people.login(&call.actor);
    let removed = "review_request_removed";
    for login in &users {
        call.state.happened(number, &actor, removed, login);
    }
    for slug in &teams {
        let about = format!("team/{slug}");
        call.state.happened(number, &actor, removed, &about);
    }
    let now = call.state.now;
    let pull = call.state.pull_mut(number);
    pull.updated = now;
    pull.reviewers.retain(|login| !users.contains(login));
    pull.teams.retain(|slug| !teams.contains(slug));
    let pull = call.state.pull(number);
    Reply::ok(call.view.short_pull(call.state, pull))
}
