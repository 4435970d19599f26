//! Refs, made and moved without Git.

use serde_json::Value;

use crate::support::github::bare::{Bare, Moved};
use crate::support::github::call::{Call, Outcome, Refusal, Reply};

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let name = format!("refs/{}", call.at("ref"));
    let sha = call.state.git.at(&name).ok_or_else(Refusal::not_found)?;
    Reply::ok(call.view.reference(&name, &sha))
}

pub(super) fn matching(call: &mut Call<'_>) -> Outcome {
    let start = format!("refs/{}", call.at("ref"));
    let found = call.state.git.refs(&start);
    let items = found
        .iter()
        .map(|(name, sha)| call.view.reference(name, sha));
    Reply::ok(Value::Array(items.collect()))
}

pub(super) fn create(call: &mut Call<'_>) -> Outcome {
    let name = call.text("ref").unwrap_or_default().to_owned();
    let sha = call.text("sha").unwrap_or_default().to_owned();
    if !name.starts_with("refs/") || name.matches('/').count() < 2 || !Bare::is_name(&name) {
        let message = format!("{name} is not a valid ref name.");
        return Err(Refusal::unprocessable(&message));
    }
    if !call.state.git.is_commit(&sha) {
        return Err(Refusal::unprocessable("Object does not exist"));
    }
    if call.state.git.set(&name, None, Some(&sha)) == Moved::Meanwhile {
        return Err(Refusal::unprocessable("Reference already exists"));
    }
    look(call);
    Reply::created(call.view.reference(&name, &sha))
}

pub(super) fn update(call: &mut Call<'_>) -> Outcome {
    let name = format!("refs/{}", call.at("ref"));
    let sha = call.text("sha").unwrap_or_default().to_owned();
    may_move(call, &name)?;
    let git = &call.state.git;
    let missing = || Refusal::unprocessable("Reference does not exist");
    let from = git.at(&name).ok_or_else(missing)?;
    if !git.is_commit(&sha) {
        return Err(Refusal::unprocessable("Object does not exist"));
    }
    if call.body["force"] != true && !git.contains(&sha, &from) {
        return Err(Refusal::unprocessable("Update is not a fast forward"));
    }
    if git.set(&name, Some(&from), Some(&sha)) == Moved::Meanwhile {
        return Err(Refusal::unprocessable("Reference cannot be updated"));
    }
    look(call);
    Reply::ok(call.view.reference(&name, &sha))
}

pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    let name = format!("refs/{}", call.at("ref"));
    may_move(call, &name)?;
    let missing = || Refusal::unprocessable("Reference does not exist");
    let from = call.state.git.at(&name).ok_or_else(missing)?;
    call.state.git.set(&name, Some(&from), None);
    look(call);
    Reply::nothing()
}

fn look(call: &mut Call<'_>) {
    let by = call.state.people.login(&call.actor);
    call.state.follow_refs(Some(&by));
}

fn may_move(call: &Call<'_>, name: &str) -> Result<(), Refusal> {
    let branch = name.trim_start_matches("refs/heads/");
    call.state.may_move(&call.actor, branch)
}
