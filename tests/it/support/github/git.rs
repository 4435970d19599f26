//! The Git side over smart HTTP: who may read, who may push, and what a protected branch refuses.

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::response::Response;

use super::people::{Actor, Permission};
use super::server::{Model, git_actor, token};
use super::state::State;
use super::view::{NAME, OWNER};
use crate::support::git_http::{backend, hook};

const REFUSE: &str = "grep -qxF \"$1\" protected-refs 2>/dev/null || exit 0\n\
                      grep -qxF \"$REMOTE_USER\" may-bypass && exit 0\n\
                      echo \"error: GH006: Protected branch update failed for $1.\" >&2\nexit 1";

/// Prepares a bare repository to be GitHub's: refs of its own are not to be pushed, protected branches not by everybody.
pub(super) fn prepare(bare: &std::path::Path) {
    crate::support::git_http::git(bare, &["config", "receive.hideRefs", "refs/pull"]);
    hook(bare, "update", REFUSE);
}

/// Whether this is Git's.
pub(super) fn is_git(path: &str) -> bool {
    path.starts_with(&format!("/{OWNER}/{NAME}.git/"))
}

/// One request of Git's.
pub(super) async fn serve(model: &Model, parts: &Parts, body: Bytes) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let pushing = format!("{}?{query}", parts.uri.path()).contains("git-receive-pack");
    let user = match admitted(model, parts, pushing) {
        Ok(user) => user,
        Err((status, message)) => return refused(status, &message),
    };
    let response = backend(&model.root, parts, body, &user).await;
    model.state.lock().unwrap().look(Some(&user));
    response
}

fn admitted(model: &Model, parts: &Parts, pushing: bool) -> Result<String, (u16, String)> {
    let mut state = model.state.lock().unwrap();
    // What was pushed straight into the repository was pushed by somebody else.
    state.look(None);
    let actor = git_actor(&state.people, &parts.headers);
    let actor = actor.map_err(|_| (401, "Invalid username or token.".to_owned()))?;
    if actor == Actor::Anonymous {
        return Err((401, "Authentication required".to_owned()));
    }
    let login = state.people.login(&actor);
    let token = token(&parts.headers);
    let granted = state.people.granted(token.as_deref(), "contents");
    let had = match (&actor, granted) {
        (Actor::Installation, Some("write")) => Permission::Write,
        (Actor::Installation, Some(_)) => Permission::Read,
        (Actor::Installation, None) => Permission::None,
        _ => state.people.permission(&actor),
    };
    match had {
        Permission::None => Err((404, "Repository not found.".to_owned())),
        _ if pushing && state.archived => {
            let message = "This repository was archived so it is read-only.";
            Err((403, message.to_owned()))
        }
        Permission::Read if pushing => {
            let message = format!("Permission to {} denied to {login}.", State::full_name());
            Err((403, message))
        }
        _ => {
            write_protection(model, &state);
            Ok(login)
        }
    }
}

/// Tells the hook which branches are shut, and for whom they are not.
fn write_protection(model: &Model, state: &State) {
    let shut = state.records.protection.iter();
    let shut = shut.filter(|(_, p)| p.approvals.is_some() || !p.checks.is_empty());
    let (names, enforced): (Vec<String>, Vec<bool>) = shut
        .map(|(branch, p)| (format!("refs/heads/{branch}\n"), p.enforce_admins))
        .unzip();
    let bypass = if enforced.contains(&true) {
        String::new()
    } else {
        let logins = state.people.admins();
        logins.iter().map(|login| format!("{login}\n")).collect()
    };
    std::fs::write(model.bare.join("protected-refs"), names.concat()).unwrap();
    std::fs::write(model.bare.join("may-bypass"), bypass).unwrap();
}

fn refused(status: u16, message: &str) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "text/plain");
    if status == 401 {
        response = response.header("www-authenticate", "Basic realm=\"GitHub\"");
    }
    response.body(Body::from(message.to_owned())).unwrap()
}
