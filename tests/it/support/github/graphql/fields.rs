//! What each type's fields are.

use serde_json::{Value, json};

use super::commit::{commit, create_commit};
use super::connection::Connection;
use super::pull::{account, edit, pull, review, word};
use super::queue::{enqueue, queued};
use super::{Arguments, Problem};
use crate::support::github::limits::limit;
use crate::support::github::people::{Actor, Permission};
use crate::support::github::records::Pull;
use crate::support::github::state::State;
use crate::support::github::view::{NAME, OWNER, View, time};

/// Something that has fields.
#[derive(Debug, Clone)]
pub(super) enum Object {
    Query,
    Mutation,
    Repository,
    RateLimit,
    Pull(u64),
    /// Of a pull request, by place.
    Review(u64, usize),
    /// Of a pull request, by place.
    Comment(u64, usize),
    /// Of a pull request, by place, newest first.
    Edit(u64, usize),
    /// Whoever asks: a user to GitHub, also where that is a bot.
    Viewer(String),
    /// Name and address of a commit's author or committer.
    GitActor(String, String),
    /// Of a commit.
    Tree(String),
    Label(String),
    /// A user, a bot or an organisation.
    Account(String),
    /// A branch.
    Ref(String),
    Commit(String),
    /// What a commit that was made is answered with: the commit and its branch.
    Payload(String, String, Value),
    /// What a pull request that was added to the merge queue is answered with.
    Enqueued(u64, Value),
    /// The place of a pull request in the merge queue.
    Entry(u64),
    /// Of a pull request, by place: that it left the merge queue.
    Removed(u64, usize),
    /// What is said of a commit by statuses.
    Status(String),
    /// One of them: commit and context.
    StatusContext(String, String),
    Connection(Connection),
    Edge(&'static str, String, Box<Self>),
    Page(Value),
}

/// The value of a field.
pub(super) enum Out {
    Value(Value),
    Object(Object),
    List(Vec<Object>),
}

impl Object {
    /// The published type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Mutation => "Mutation",
            Self::Repository => "Repository",
            Self::RateLimit => "RateLimit",
            Self::Pull(_) => "PullRequest",
            Self::Review(..) => "PullRequestReview",
            Self::Comment(..) => "IssueComment",
            Self::Edit(..) => "UserContentEdit",
            Self::Viewer(_) => "User",
            Self::GitActor(..) => "GitActor",
            Self::Tree(_) => "Tree",
            Self::Label(_) => "Label",
            Self::Account(login) if login.ends_with("[bot]") => "Bot",
            Self::Account(login) if login == OWNER => "Organization",
            Self::Account(_) => "User",
            Self::Ref(_) => "Ref",
            Self::Commit(_) => "Commit",
            Self::Payload(..) => "CreateCommitOnBranchPayload",
            Self::Enqueued(..) => "EnqueuePullRequestPayload",
            Self::Entry(_) => "MergeQueueEntry",
            Self::Removed(..) => "RemovedFromMergeQueueEvent",
            Self::Status(_) => "Status",
            Self::StatusContext(..) => "StatusContext",
            Self::Connection(Connection { of, .. }) => match *of {
                "PullRequestTimelineItems" => "PullRequestTimelineItemsConnection",
                "PullRequest" => "PullRequestConnection",
                "PullRequestReview" => "PullRequestReviewConnection",
                "IssueComment" => "IssueCommentConnection",
                "UserContentEdit" => "UserContentEditConnection",
                _ => "LabelConnection",
            },
            Self::Edge("PullRequest", ..) => "PullRequestEdge",
            Self::Edge(..) => "PullRequestReviewEdge",
            Self::Page(_) => "PageInfo",
        }
    }

    /// Whether it is of this type or interface.
    pub(super) fn is(&self, name: &str) -> bool {
        let account = matches!(self, Self::Account(_));
        let interface = match name {
            "Actor" | "RepositoryOwner" => account,
            "GitObject" => matches!(self, Self::Commit(_)),
            "Node" => !matches!(self, Self::Connection(_) | Self::Edge(..) | Self::Page(_)),
            _ => false,
        };
        interface || name == self.type_name()
    }
}

/// The value of a field.
pub(super) fn resolve(
    state: &mut State,
    view: &View,
    actor: &Actor,
    object: &Object,
    name: &str,
    given: &Arguments,
) -> Result<Out, Problem> {
    if let (Object::Mutation, "createCommitOnBranch") = (object, name) {
        return create_commit(state, actor, &given["input"]);
    }
    if let (Object::Mutation, "enqueuePullRequest") = (object, name) {
        return enqueue(state, actor, &given["input"]);
    }
    match object {
        Object::Query => query(state, actor, name, given),
        Object::Repository => repository(state, view, actor, name, given),
        Object::Pull(number) => pull(state, view, state.pull(*number), name, given),
        Object::Review(number, at) => review(view, state.pull(*number), *at, name),
        Object::Edit(number, at) => edit(state.pull(*number), *at, name),
        Object::Commit(sha) => commit(state, view, sha, name),
        Object::Connection(connection) => connection.field(name),
        Object::Enqueued(..)
        | Object::Entry(_)
        | Object::Removed(..)
        | Object::Status(_)
        | Object::StatusContext(..) => queued(state, object, name),
        _ => simple(state, actor, object, name),
    }
}

fn query(state: &State, actor: &Actor, name: &str, given: &Arguments) -> Result<Out, Problem> {
    match name {
        "viewer" => Ok(Out::Object(Object::Viewer(state.people.login(actor)))),
        "rateLimit" => Ok(Out::Object(Object::RateLimit)),
        "repository" => {
            let (owner, repository) = (&given["owner"], &given["name"]);
            let may = state.people.permission(actor) >= Permission::Read;
            if may && owner == OWNER && repository == NAME {
                return Ok(Out::Object(Object::Repository));
            }
            let full = [owner, repository].map(|part| part.as_str().unwrap_or_default());
            let full = full.join("/");
            let message = format!("Could not resolve to a Repository with the name '{full}'.");
            Err(Problem::Said("NOT_FOUND", message))
        }
        _ => Err(Problem::Unspoken),
    }
}

fn repository(
    state: &State,
    view: &View,
    actor: &Actor,
    name: &str,
    given: &Arguments,
) -> Result<Out, Problem> {
    Ok(match name {
        "id" => Out::Value(json!("R_100200")),
        "name" => Out::Value(json!(NAME)),
        "nameWithOwner" => Out::Value(json!(format!("{OWNER}/{NAME}"))),
        "url" => Out::Value(json!(view.repo_page())),
        "isArchived" => Out::Value(json!(false)),
        "viewerPermission" => {
            let word = state.people.permission(actor).word();
            Out::Value(json!(word.to_uppercase()))
        }
        "owner" => Out::Object(Object::Account(OWNER.to_owned())),
        "defaultBranchRef" => Out::Object(Object::Ref(state.main.clone())),
        "ref" => {
            let wanted = given["qualifiedName"].as_str().unwrap_or_default();
            let branch = wanted.trim_start_matches("refs/heads/");
            match state.git.branch(branch) {
                Some(_) => Out::Object(Object::Ref(branch.to_owned())),
                None => Out::Value(Value::Null),
            }
        }
        "pullRequest" => {
            let number = given["number"].as_u64().unwrap_or_default();
            if !state.records.pulls.contains_key(&number) {
                let message =
                    format!("Could not resolve to a PullRequest with the number of {number}.");
                return Err(Problem::Said("NOT_FOUND", message));
            }
            Out::Object(Object::Pull(number))
        }
        "pullRequests" => {
            let found = pulls(state, given)?;
            Out::Object(Object::Connection(Connection::page(
                name,
                "PullRequest",
                found,
                given,
            )?))
        }
        _ => return Err(Problem::Unspoken),
    })
}

fn pulls(state: &State, given: &Arguments) -> Result<Vec<Object>, Problem> {
    let one_of = |name: &str, value: &str| match given.get(name) {
        Some(Value::Array(items)) => items.iter().any(|item| item == value),
        Some(only) => only == value,
        None => true,
    };
    let wanted = |pull: &&Pull| {
        one_of("states", word(pull))
            && one_of("headRefName", &pull.head)
            && one_of("baseRefName", &pull.base)
    };
    let mut found: Vec<&Pull> = state.records.pulls.values().filter(wanted).collect();
    if given.contains_key("labels") {
        return Err(Problem::Unspoken);
    }
    if let Some(order) = given.get("orderBy") {
        match order["field"].as_str() {
            Some("UPDATED_AT") => found.sort_by_key(|pull| (pull.updated, pull.number)),
            Some("CREATED_AT") => found.sort_by_key(|pull| (pull.created, pull.number)),
            _ => return Err(Problem::Unspoken),
        }
        if order["direction"] == "DESC" {
            found.reverse();
        }
    }
    Ok(found.iter().map(|pull| Object::Pull(pull.number)).collect())
}

fn simple(state: &State, actor: &Actor, object: &Object, name: &str) -> Result<Out, Problem> {
    Ok(Out::Value(match (object, name) {
        (Object::Viewer(login), "login") => json!(login),
        (Object::Viewer(login), "databaseId") => json!(state.people.user(login).id),
        (Object::Viewer(login), "email") => {
            json!(state.people.user(login).shown.clone().unwrap_or_default())
        }
        (Object::GitActor(name, _), "name") => json!(name),
        (Object::GitActor(_, email), "email") => json!(email),
        (Object::Tree(sha), "oid") => json!(sha),
        (Object::Account(login), "login") => json!(login.trim_end_matches("[bot]")),
        (Object::Account(login), "id") => json!(format!("U_{}", state.people.user(login).id)),
        (Object::Account(login), "databaseId") => json!(state.people.user(login).id),
        (Object::Label(name_), "name") => json!(name_),
        (Object::Ref(branch), "name") => json!(branch),
        (Object::Ref(_), "prefix") => json!("refs/heads/"),
        (Object::Ref(branch), "id") => json!(format!("REF_{branch}")),
        (Object::Ref(branch), "target") => {
            let sha = state.git.branch(branch);
            return Ok(sha.map_or(Out::Value(Value::Null), |sha| {
                Out::Object(Object::Commit(sha))
            }));
        }
        (Object::Comment(number, at), _) => {
            let comment = &state.pull(*number).comments[*at];
            match name {
                "author" => return Ok(account(Some(&comment.author))),
                "body" => json!(comment.body),
                "databaseId" => json!(comment.id),
                "id" => json!(format!("IC_{}", comment.id)),
                "createdAt" => time(comment.created),
                "updatedAt" => time(comment.updated),
                _ => return Err(Problem::Unspoken),
            }
        }
        (Object::RateLimit, _) => {
            let limit = limit(state, actor);
            match name {
                "limit" => json!(5000),
                "cost" => json!(1),
                "remaining" => json!(limit.remaining),
                "used" => json!(5000 - limit.remaining.min(5000)),
                "resetAt" => time(headwater::model::Timestamp::from_second(limit.reset).unwrap()),
                _ => return Err(Problem::Unspoken),
            }
        }
        (Object::Payload(commit, _, _), "commit") => {
            return Ok(Out::Object(Object::Commit(commit.clone())));
        }
        (Object::Payload(_, branch, _), "ref") => {
            return Ok(Out::Object(Object::Ref(branch.clone())));
        }
        (Object::Payload(_, _, id), "clientMutationId") => id.clone(),
        (Object::Edge(_, cursor, _), "cursor") => json!(cursor),
        (Object::Edge(_, _, inner), "node") => return Ok(Out::Object((**inner).clone())),
        (Object::Page(page), name) => page[name].clone(),
        _ => return Err(Problem::Unspoken),
    }))
}
