//! From a request to what carries it out: its operation, whether whoever asks may, and whether both the request and the
//! answer are as published.

use std::collections::BTreeMap;

use serde_json::Value;

use super::call::{Call, Outcome, Refusal, Reply};
use super::contract::{Contract, Operation};
use super::endpoint::{ROUTES, Route};
use super::people::{Actor, Permission, bad_credentials};
use super::state::State;
use super::view::{NAME, OWNER, View};

/// A request, whoever makes it.
pub(super) struct Request {
    pub(super) method: String,
    /// Without `/api/v3` and the query, encoded as it came.
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Option<Value>,
    pub(super) view: View,
    /// What proves who asks, if anything does.
    pub(super) token: Option<String>,
}

/// What came of it.
pub(super) struct Done {
    pub(super) reply: Reply,
    /// What was not as published.
    pub(super) violations: Vec<String>,
}

/// Where a request leads.
pub(super) fn route_of(method: &str, path: &str) -> Option<&'static Route> {
    let (operation, _) = Contract::published().find(method, path)?;
    ROUTES.iter().find(|r| r.operation == operation.name)
}

/// Carries a request out.
pub(super) fn dispatch(state: &mut State, actor: Actor, request: Request) -> Done {
    let contract = Contract::published();
    let found = contract.find(&request.method, &request.path);
    let Some((operation, path)) = found else {
        let what = format!("{} {}", request.method, request.path);
        let violations = vec![format!("{what}: the model does not speak that")];
        let reply = Refusal::not_found().0;
        return Done { reply, violations };
    };
    let mut violations =
        contract.judge_request(operation, &path, &request.query, request.body.as_ref());
    let outcome = state.change(|state| carry_out(state, actor, operation, path, request));
    let reply = outcome.unwrap_or_else(|refusal| refusal.0);
    violations.extend(contract.judge_answer(operation, reply.status, reply.body.as_ref()));
    Done { reply, violations }
}

fn carry_out(
    state: &mut State,
    actor: Actor,
    operation: &Operation,
    path: BTreeMap<String, String>,
    request: Request,
) -> Outcome {
    let route = ROUTES.iter().find(|r| r.operation == operation.name);
    let route = route.ok_or_else(Refusal::not_found)?;
    let elsewhere = |name: &str, here: &str| {
        let given = path.get(name);
        given.is_some_and(|given| !given.eq_ignore_ascii_case(here))
    };
    if elsewhere("owner", OWNER) || elsewhere("repo", NAME) {
        return Err(Refusal::not_found());
    }
    may(state, &actor, request.token.as_deref(), route)?;
    if state.archived && !route.operation.starts_with("GET ") && !route.areas.is_empty() {
        let message = "Repository was archived so is read-only.";
        return Err(Refusal::new(403, message));
    }
    let mut call = Call {
        state,
        actor,
        path,
        query: request.query,
        body: request.body.unwrap_or_default(),
        view: request.view,
    };
    (route.handler)(&mut call)
}

/// Whether somebody may call an operation.
fn may(state: &State, actor: &Actor, token: Option<&str>, route: &Route) -> Result<(), Refusal> {
    if route.areas.is_empty() {
        return Ok(());
    }
    let writes = !route.operation.starts_with("GET ");
    match actor {
        Actor::User(_) => match state.people.permission(actor) {
            Permission::None => Err(Refusal::not_found()),
            had if had >= route.needs => Ok(()),
            _ if !writes => Err(Refusal::not_found()),
            _ => {
                let message = "Resource not accessible by personal access token";
                Err(Refusal::new(403, message))
            }
        },
        Actor::Installation => {
            let granted = |area: &&str| state.people.granted(token, area);
            let fits = |area: &&str| match granted(area) {
                Some("write") => true,
                Some(_) => !writes,
                None => false,
            };
            if route.areas.iter().any(fits) {
                return Ok(());
            }
            Err(Refusal::new(403, "Resource not accessible by integration"))
        }
        Actor::App => Err(bad_credentials()),
        Actor::Anonymous => Err(Refusal::not_found()),
    }
}
