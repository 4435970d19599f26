//! The server: who asks, which fault that meets, what is answered, and the counters.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request as Incoming, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::call::{Refusal, Reply};
use super::dispatch::{Request, dispatch, route_of};
use super::fault::Fault;
use super::people::{Actor, People};
use super::state::State;
use super::traffic::{Asked, Kind, Traffic};
use super::view::View;
use super::wire::Cutter;
use super::{git, graphql, limits};

/// What all requests share.
pub(super) struct Model {
    /// The folder that Git serves.
    pub(super) root: PathBuf,
    /// The bare repository.
    pub(super) bare: PathBuf,
    pub(super) state: Mutex<State>,
    pub(super) traffic: Mutex<Traffic>,
}

/// One request.
pub(super) async fn handle(
    Shared(model): Shared<Arc<Model>>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    incoming: Incoming,
) -> Response {
    let (parts, body) = incoming.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = short(parts.uri.path()).to_owned();
    let at = note(&model, &parts, &path, &body);
    let target = match parts.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.clone(),
    };
    let has = |name: &str| parts.headers.contains_key(name);
    let fault = model
        .traffic
        .lock()
        .unwrap()
        .choose(parts.method.as_str(), &target, has);
    let mut back = None;
    match &fault {
        Some(Fault::LoseRequest) => {
            cutter.cut();
            return Response::new(Body::empty());
        }
        Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Stale(changes)) => back = Some(*changes),
        _ => {}
    }
    let mut response = match fault.as_ref().and_then(|fault| instead(&model, fault)) {
        Some(response) => response,
        None if git::is_git(&path) => git::serve(&model, &parts, body).await,
        None => answer(&model, &parts, &path, &body, back),
    };
    date(&model, &mut response);
    model.traffic.lock().unwrap().seen[at].status = Some(response.status().as_u16());
    if matches!(fault, Some(Fault::LoseAnswer)) {
        model.traffic.lock().unwrap().seen[at].status = None;
        cutter.cut();
    }
    response
}

/// Tells the clock that tokens live by, where it is not the real one.
fn date(model: &Model, response: &mut Response) {
    let people = &model.state.lock().unwrap().people;
    if people.ahead != 0 {
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        let date = printer.timestamp_to_rfc9110_string(&people.now()).unwrap();
        response.headers_mut().insert("date", date.parse().unwrap());
    }
}

/// The path as GitHub's own server has it.
fn short(path: &str) -> &str {
    match path.strip_prefix("/api/v3") {
        Some("") => "/",
        // GraphQL is nowhere below REST, whatever the real client thinks.
        Some("/graphql") => path,
        Some(rest) if rest.starts_with('/') => rest,
        _ if path == "/api/graphql" => "/graphql",
        _ => path,
    }
}

/// Counts a request; where it stands among all.
fn note(model: &Model, parts: &Parts, path: &str, body: &Bytes) -> usize {
    let method = parts.method.as_str();
    let route = route_of(method, path);
    let text = String::from_utf8_lossy(body).into_owned();
    let kind = match method {
        "GET" | "HEAD" => Kind::Read,
        _ if path.ends_with("/access_tokens") => Kind::Token,
        _ if path == "/graphql" && !graphql::writes(&text) => Kind::Read,
        _ if path.ends_with("/git-upload-pack") => Kind::Read,
        _ => Kind::Write,
    };
    let mut traffic = model.traffic.lock().unwrap();
    traffic.seen.push(Asked {
        method: method.to_owned(),
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: if git::is_git(path) {
            String::new()
        } else {
            text
        },
        status: None,
        kind,
        content: route.is_some_and(|route| route.content),
    });
    traffic.seen.len() - 1
}

/// The answer that a fault gives in the place of any other.
fn instead(model: &Model, fault: &Fault) -> Option<Response> {
    let refusal = match fault {
        Fault::Answer {
            status,
            headers,
            body,
        } => {
            let mut response = Response::builder().status(*status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            return Some(response.body(Body::from(body.clone())).unwrap());
        }
        Fault::PrimaryLimit(seconds) => {
            let now = model.state.lock().unwrap().now;
            limits::exceeded(now.as_second() + seconds)
        }
        Fault::SecondaryLimit(retry_after) => limits::secondary(*retry_after),
        _ => return None,
    };
    Some(written(&refusal.0, Vec::new(), None))
}

/// The model's own answer.
fn answer(model: &Model, parts: &Parts, path: &str, body: &Bytes, back: Option<usize>) -> Response {
    let view = view(parts);
    let mut state = model.state.lock().unwrap();
    state.look(None);
    let actor = match actor(&state.people, &parts.headers) {
        Ok(actor) => actor,
        Err(refusal) => return written(&refusal.0, Vec::new(), None),
    };
    let json = match (body.is_empty(), serde_json::from_slice::<Value>(body)) {
        (true, _) => None,
        (false, Ok(json)) => Some(json),
        (false, Err(_)) => {
            let refusal = Refusal::new(400, "Problems parsing JSON");
            return written(&refusal.0, Vec::new(), None);
        }
    };
    let reading = parts.method == "GET";
    let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let request = Request {
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: pairs.into_owned().collect(),
        body: json,
        view: view.clone(),
        token: token(&parts.headers),
    };
    if path != "/rate_limit" && limits::limit(&state, &actor).remaining == 0 {
        let refusal = limits::spend(&mut state, &actor).err();
        return written(
            &refusal.map_or_else(|| Refusal::not_found().0, |r| r.0),
            Vec::new(),
            None,
        );
    }
    let asker = actor.clone();
    let run = |state: &mut State| match &request.body {
        Some(body) if path == "/graphql" => graphql::answer(state, actor, body, request.view),
        _ => dispatch(state, actor, request),
    };
    let done = match back {
        Some(changes) if reading => state.as_before(changes, run),
        _ => run(&mut state),
    };
    let violations = done.violations;
    model.traffic.lock().unwrap().violations.extend(violations);
    let reply = done.reply;
    let tag = (reading && reply.status == 200).then(|| tag(&reply));
    if tag.is_some() && tag.as_deref() == text(&parts.headers, "if-none-match") {
        let unchanged = Reply {
            status: 304,
            body: None,
            ..reply
        };
        return written(&unchanged, limits::headers(&state, &asker), tag);
    }
    if path != "/rate_limit" {
        // What remained was looked at above.
        let _ = limits::spend(&mut state, &asker);
    }
    let mut headers = limits::headers(&state, &asker);
    headers.extend(pages(&view, parts, path, &reply));
    written(&reply, headers, tag)
}

/// Where an answer's addresses lead: to where it was asked.
fn view(parts: &Parts) -> View {
    let origin = format!(
        "http://{}",
        text(&parts.headers, "host").unwrap_or("localhost")
    );
    let prefixed = parts.uri.path().starts_with("/api/");
    let api = if prefixed {
        format!("{origin}/api/v3")
    } else {
        origin.clone()
    };
    View { origin, api }
}

/// Who asks.
fn actor(people: &People, headers: &HeaderMap) -> Result<Actor, Refusal> {
    let Some(token) = token(headers) else {
        return Ok(Actor::Anonymous);
    };
    if token.starts_with("eyJ") && token.matches('.').count() == 2 {
        return people.is_app(&token).map(|()| Actor::App);
    }
    people.holder(&token)
}

/// What proves who asks.
pub(super) fn token(headers: &HeaderMap) -> Option<String> {
    let given = text(headers, "authorization")?;
    let (scheme, rest) = given.split_once(' ').unwrap_or(("", given));
    Some(match scheme.to_lowercase().as_str() {
        "basic" => password(rest).unwrap_or_default(),
        _ => rest.to_owned(),
    })
}

/// The password of HTTP's basic login.
fn password(encoded: &str) -> Option<String> {
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    Some(text.split_once(':')?.1.to_owned())
}

/// Whose request this is, for Git.
pub(super) fn git_actor(people: &People, headers: &HeaderMap) -> Result<Actor, Refusal> {
    actor(people, headers)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The mark of an answer's content.
fn tag(reply: &Reply) -> String {
    let pages = format!("{:?}{:?}", reply.body, reply.pages);
    format!("W/\"{}\"", hex::encode(Sha256::digest(pages)))
}

/// The header that tells of other pages.
fn pages(view: &View, parts: &Parts, path: &str, reply: &Reply) -> Option<(String, String)> {
    let query = parts.uri.query().unwrap_or_default();
    let others = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "page");
    let others: Vec<_> = others.collect();
    let link = |(number, name): &(usize, &str)| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&others);
        query.append_pair("page", &number.to_string());
        format!("<{}{path}?{}>; rel=\"{name}\"", view.api, query.finish())
    };
    let links: Vec<String> = reply.pages.iter().map(link).collect();
    (!links.is_empty()).then(|| ("link".to_owned(), links.join(", ")))
}

fn written(reply: &Reply, headers: Vec<(String, String)>, tag: Option<String>) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap();
    let mut response = Response::builder().status(status);
    for (name, value) in reply.headers.iter().chain(&headers) {
        response = response.header(name, value);
    }
    if let Some(tag) = tag {
        response = response.header("etag", tag);
    }
    let Some(body) = &reply.body else {
        return response.body(Body::empty()).unwrap();
    };
    response
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .unwrap()
}
