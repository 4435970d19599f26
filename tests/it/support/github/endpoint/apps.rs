//! Who asks: Apps and their tokens, users, teams, and what remains of the hourly limit.

use headwater::model::Timestamp;
use serde_json::{Value, json};

use crate::support::github::call::{Call, Outcome, Refusal, Reply};
use crate::support::github::limits::{Limit, limit};
use crate::support::github::people::{Actor, INSTALLATION, suspended};
use crate::support::github::view::{OWNER, time};

const LIFE_IN_SECONDS: i64 = 3600;

pub(super) fn app(call: &mut Call<'_>) -> Outcome {
    signed(call)?;
    let bot = call.state.people.login(&Actor::App);
    Reply::ok(call.view.app(call.state, &bot))
}

pub(super) fn installation(call: &mut Call<'_>) -> Outcome {
    signed(call)?;
    Reply::ok(call.view.installation(call.state))
}

/// A token with all that the App was granted. It lives by the real clock, since clients read that.
pub(super) fn token(call: &mut Call<'_>) -> Outcome {
    signed(call)?;
    if call.number("installation_id")? != INSTALLATION {
        return Err(Refusal::not_found());
    }
    if call.state.people.suspended {
        return Err(suspended());
    }
    if call.body.get("permissions").is_some() {
        return Err(Refusal::unprocessable(
            "The model gives no token that may do less than the App.",
        ));
    }
    let granted = call.state.people.grants.iter();
    let permissions: Value = granted
        .map(|(area, level)| (area.clone(), json!(level)))
        .collect();
    let until = Timestamp::from_second(Timestamp::now().as_second() + LIFE_IN_SECONDS).unwrap();
    let token = call.state.people.issue(Actor::Installation, Some(until));
    Reply::created(json!({
        "token": token, "expires_at": time(until), "permissions": permissions, "repository_selection": "selected",
    }))
}

pub(super) fn user(call: &mut Call<'_>) -> Outcome {
    match &call.actor {
        Actor::User(login) => {
            let mut body = call.view.user(call.state.people.user(login));
            for (field, value) in [
                ("name", json!(login)),
                ("company", Value::Null),
                ("blog", json!("")),
                ("location", Value::Null),
                ("email", Value::Null),
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
            Reply::ok(body)
        }
        Actor::Installation => Err(Refusal::new(403, "Resource not accessible by integration")),
        Actor::App | Actor::Anonymous => Err(Refusal::new(401, "Requires authentication")),
    }
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
