//! The repository, its branches and commits, and who may do what with it.

use serde_json::{Value, json};

use crate::support::github::call::{Call, Outcome, Refusal, Reply};

pub(super) fn get(call: &mut Call<'_>) -> Outcome {
    let permission = call.state.people.permission(&call.actor);
    Reply::ok(call.view.full_repository(call.state, permission))
}

pub(super) fn permission(call: &mut Call<'_>) -> Outcome {
    let user = call.state.people.find(call.at("username"));
    let user = user.ok_or_else(Refusal::not_found)?;
    let mut shown = call.view.user(user);
    let word = user.permission.word();
    shown["role_name"] = json!(word);
    Reply::ok(json!({ "permission": word, "role_name": word, "user": shown }))
}

pub(super) fn branch(call: &mut Call<'_>) -> Outcome {
    let name = call.at("branch");
    let sha = call.state.git.branch(name);
    let sha = sha.ok_or_else(|| Refusal::new(404, "Branch not found"))?;
    Reply::ok(call.view.branch(call.state, name, &sha))
}

pub(super) fn protection(call: &mut Call<'_>) -> Outcome {
    let name = call.at("branch");
    if call.state.git.branch(name).is_none() {
        return Err(Refusal::new(404, "Branch not found"));
    }
    let found = call.view.protection(call.state, name);
    Reply::ok(found.ok_or_else(|| Refusal::new(404, "Branch not protected"))?)
}

/// What rulesets demand of a branch. They are told to whoever may see the repository, and hold for nobody in the model.
pub(super) fn rules(call: &mut Call<'_>) -> Outcome {
    let branch = call.at("branch").to_owned();
    let rules = call.state.records.rules.iter();
    let rules = rules.filter(|(of, _)| *of == branch);
    let shown = rules.map(|(_, kind)| {
        json!({
            "type": kind, "ruleset_source_type": "Repository", "ruleset_source": "acme/deploy", "ruleset_id": 42,
        })
    });
    let shown = shown.collect();
    call.page(shown).list()
}

pub(super) fn commit(call: &mut Call<'_>) -> Outcome {
    let sha = resolved(call, "ref")?;
    Reply::ok(call.view.full_commit(call.state, &sha))
}

/// Commits of the default branch, newest first, of an author if one is asked for: by login or by address.
pub(super) fn commits(call: &mut Call<'_>) -> Outcome {
    let head = call.asked("sha").unwrap_or(&call.state.main).to_owned();
    let head = call.state.git.resolve(&head);
    let head = head.ok_or_else(Refusal::not_found)?;
    let author = call.asked("author").map(str::to_owned);
    let mut found = Vec::new();
    for sha in call.state.git.line(&head) {
        let shown = call.view.commit(call.state, &sha);
        let is_theirs = author.as_ref().is_none_or(|author| {
            let of = [
                &shown["commit"]["author"]["email"],
                &shown["author"]["login"],
            ];
            of.contains(&&json!(author))
        });
        if is_theirs {
            found.push(shown);
        }
    }
    call.page(found).list()
}

/// Of a commit on the default branch those that brought it in, else the open ones that hold it.
pub(super) fn pulls_of(call: &mut Call<'_>) -> Outcome {
    let sha = resolved(call, "commit_sha")?;
    let git = &call.state.git;
    let holds = |pull: &&crate::support::github::records::Pull| {
        let is_merge = pull.merged.as_ref().is_some_and(|m| m.commit == sha);
        let in_head = git.contains(&pull.head_sha, &sha) && !git.contains(&pull.base_sha, &sha);
        is_merge || in_head
    };
    let pulls = call.state.records.pulls.values().filter(holds);
    let found: Vec<Value> = pulls
        .map(|pull| call.view.short_pull(call.state, pull))
        .collect();
    call.page(found).list()
}

/// The commit that a parameter of the path names.
pub(super) fn resolved(call: &Call<'_>, name: &str) -> Result<String, Refusal> {
    let given = call.at(name);
    call.state.git.resolve(given).ok_or_else(|| {
        let message = format!("No commit found for SHA: {given}");
        Refusal::unprocessable(&message)
    })
}
