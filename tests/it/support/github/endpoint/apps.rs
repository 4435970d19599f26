//! Who asks: Apps and their tokens, users, teams, and what remains of the hourly limit.

use serde_json::{Map, Value, json};

use crate::support::github::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::limits::{Limit, limit};
use crate::support::github::people::{Actor, Grants, INSTALLATION, suspended};
use crate::support::github::view::{NAME, OWNER, time};

pub(super) fn app(call: &mut Call<'_>) -> Outcome {
    signed(call)?;
    let bot = call.state.people.login(&Actor::App);
    Reply::ok(call.view.app(call.state, &bot))
}

pub(super) fn installation(call: &mut Call<'_>) -> Outcome {
    signed(call)?;
    if !call.state.people.installed {
        return Err(Refusal::not_found());
    }
    Reply::ok(call.view.installation(call.state))
}

/// A token with all that the App was granted, or with what of it is asked for. It lives by the real clock, since clients read
/// that, or as much ahead of it as the test says.
pub(super) fn token(call: &mut Call<'_>) -> Outcome {
    signed(call)?;
    let people = &call.state.people;
    if call.number("installation_id")? != INSTALLATION || !people.installed {
        return Err(Refusal::not_found());
    }
    if people.suspended {
        return Err(suspended());
    }
    if call.texts("repositories").iter().any(|name| name != NAME) {
        return Err(Refusal::unprocessable(
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        ));
    }
    let permissions = match call.body["permissions"].as_object() {
        None => people.grants.clone(),
        Some(asked) => narrowed(&people.grants, asked)?,
    };
    let (token, until) = call.state.people.issue_to_app(permissions.clone());
    Reply::created(json!({
        "token": token, "expires_at": time(until), "permissions": permissions, "repository_selection": "selected",
    }))
}

/// What is asked for, if all of it was granted.
fn narrowed(granted: &Grants, asked: &Map<String, Value>) -> Result<Grants, Refusal> {
    let level = |(area, level): (&String, &Value)| {
        let had = granted.get(area).map(String::as_str);
        let level = level.as_str().unwrap_or_default();
        match (had, level) {
            (Some("write"), _) | (Some("read"), "read") => Ok((area.clone(), level.to_owned())),
            _ => Err(Refusal::unprocessable(
                "The permissions requested are not granted to this installation.",
            )),
        }
    };
    asked.iter().map(level).collect()
}

pub(super) fn user(call: &mut Call<'_>) -> Outcome {
    match call.actor.clone() {
        Actor::User(login) => Reply::ok(profile(call, &login)),
        Actor::Installation => Err(Refusal::new(403, "Resource not accessible by integration")),
        Actor::App | Actor::Anonymous => Err(Refusal::new(401, "Requires authentication")),
    }
}

/// Anybody, also the bot that an App acts as.
pub(super) fn account(call: &mut Call<'_>) -> Outcome {
    let login = call.at("username").to_owned();
    if call.state.people.find(&login).is_none() {
        return Err(Refusal::not_found());
    }
    Reply::ok(profile(call, &login))
}

fn profile(call: &Call<'_>, login: &str) -> Value {
    let user = call.state.people.user(login);
    let mut body = call.view.user(user);
    for (field, value) in [
        ("name", json!(login)),
        ("company", Value::Null),
        ("blog", json!("")),
        ("location", Value::Null),
        ("email", json!(user.shown)),
        ("hireable", Value::Null),
        ("bio", Value::Null),
        ("public_repos", json!(0)),
        ("public_gists", json!(0)),
        ("followers", json!(0)),
        ("following", json!(0)),
        ("created_at", json!("2025-01-01T00:00:00Z")),
        ("updated_at", json!("2025-01-01T00:00:00Z")),
    ] {
        body[field] = value;
    }
    body
}

pub(super) fn rate_limit(call: &mut Call<'_>) -> Outcome {
    let Limit { remaining, reset } = limit(call.state, &call.actor);
    let rate = json!({ "limit": 5000, "remaining": remaining, "reset": reset, "used": 5000 - remaining.min(5000) });
    let search = json!({ "limit": 30, "remaining": 30, "reset": reset, "used": 0 });
    Reply::ok(
        json!({ "resources": { "core": rate, "graphql": rate, "search": search }, "rate": rate }),
    )
}

pub(super) fn members(call: &mut Call<'_>) -> Outcome {
    let members = call.state.people.teams.get(call.at("team_slug"));
    let members = members.filter(|_| call.at("org").eq_ignore_ascii_case(OWNER));
    let members = members.ok_or_else(Refusal::not_found)?;
    let view = |login: &String| call.view.person(call.state, Some(login));
    call.page(members.iter().map(view).collect()).list()
}

/// Only the App itself, by its signature.
fn signed(call: &Call<'_>) -> Result<(), Refusal> {
    if call.actor == Actor::App {
        return Ok(());
    }
    Err(Refusal::new(401, "A JSON web token could not be decoded"))
}
