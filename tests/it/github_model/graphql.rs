//! GraphQL: pull requests with their reviews in one go, and commits without Git.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{BOT, BRANCH, world};
use crate::support::git_http::git;
use crate::support::github::GitHub;

const PULLS: &str = "query($after: String) {
  repository(owner: \"acme\", name: \"deploy\") {
    pullRequests(first: 2, after: $after, states: [OPEN], orderBy: {field: CREATED_AT, direction: ASC}) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { ...pull reviews(first: 10) { nodes { state author { login } commit { oid } } } }
    }
  }
}
fragment pull on PullRequest { number headRefName headRefOid mergeable labels(first: 5) { nodes { name } } }";

const COMMIT: &str = "mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } ref { name } }
}";

async fn ask(github: &GitHub, token: &str, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    let client = github.root_client(token);
    client.post("/graphql", Some(&body)).await.unwrap()
}

#[tokio::test]
async fn pull_requests_come_with_their_reviews_in_one_request() {
    let (github, _) = world().await;
    let token = github.token(BOT);
    for n in 0..3 {
        let branch = format!("b{n}");
        github.push(&branch, &[("c.yaml", &format!("c: {n}\n"))], BOT);
        github.open(&branch, &branch, BOT);
        github.advance("1m");
    }
    github.approve(1, "mara");
    github.label(1, "mara", &["promotion"]);
    let first = ask(&github, &token, PULLS, json!({})).await;
    let page = &first["data"]["repository"]["pullRequests"];
    assert_eq!(page["totalCount"], 3);
    let head = github.head("b0").unwrap();
    let expected = json!({
        "number": 1, "headRefName": "b0", "headRefOid": head, "mergeable": "MERGEABLE",
        "labels": { "nodes": [{ "name": "promotion" }] },
        "reviews": { "nodes": [{ "state": "APPROVED", "author": { "login": "mara" }, "commit": { "oid": head } }] },
    });
    assert_eq!(page["nodes"][0], expected);
    let after = &page["pageInfo"]["endCursor"];
    let second = ask(&github, &token, PULLS, json!({ "after": after })).await;
    let page = &second["data"]["repository"]["pullRequests"];
    assert_eq!(page["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(page["pageInfo"]["hasNextPage"], false);
    assert_eq!((github.reading(), github.writing()), (2, 0));
}

#[tokio::test]
async fn a_commit_is_made_where_the_branch_is_thought_to_be_or_not_at_all() {
    let (github, _) = world().await;
    let token = github.installation_token(60);
    let number = github.open(BRANCH, "Promote", BOT);
    let head = github.head(BRANCH).unwrap();
    let contents = base64::engine::general_purpose::STANDARD.encode("a: 8\n");
    let input = |head: &str| {
        json!({ "input": {
            "branch": { "repositoryNameWithOwner": "acme/deploy", "branchName": BRANCH },
            "expectedHeadOid": head,
            "message": { "headline": "Promote", "body": "Headwater-Set: 1" },
            "fileChanges": {
                "additions": [{ "path": "a.yaml", "contents": contents }, { "path": "x/y.yaml", "contents": "" }],
                "deletions": [{ "path": "b.yaml" }],
            },
        } })
    };
    let made = ask(&github, &token, COMMIT, input(&head)).await;
    let commit = made["data"]["createCommitOnBranch"]["commit"]["oid"].as_str();
    assert_eq!(
        Some(github.pull(number).head_sha.as_str()),
        commit,
        "{made}"
    );
    let show = |what: &str| git(github.bare(), &["log", "-1", what, BRANCH]);
    assert_eq!(show("--format=%B"), "Promote\n\nHeadwater-Set: 1");
    assert_eq!(
        show("--format=%an %cn %p"),
        format!("headwater[bot] GitHub {}", &head[..7])
    );
    let files = git(github.bare(), &["ls-tree", "-r", "--name-only", BRANCH]);
    assert_eq!(files, "a.yaml\nx/y.yaml");
    let late = ask(&github, &token, COMMIT, input(&head)).await;
    assert_eq!(late["data"]["createCommitOnBranch"], Value::Null);
    assert_eq!(late["errors"][0]["type"], "STALE_DATA");
    assert_eq!(github.writing(), 2);
}

#[tokio::test]
async fn what_the_schema_does_not_have_is_a_violation() {
    let (github, _) = world().await;
    let token = github.token(BOT);
    let query = "{ repository(owner: \"acme\", name: \"deploy\") { pullRequests(firsst: 1) { nodes { number } } stars } }";
    let answer = ask(&github, &token, query, json!({})).await;
    assert_eq!(answer["errors"].as_array().unwrap().len(), 2, "{answer}");
    assert_eq!(github.take_violations().len(), 2);
    let query = "{ repository(owner: \"acme\", name: \"other\") { id } viewer { login } rateLimit { remaining } }";
    let answer = ask(&github, &token, query, json!({})).await;
    assert_eq!(answer["errors"][0]["type"], "NOT_FOUND");
    assert_eq!(answer["data"]["viewer"]["login"], BOT);
    let asked = reqwest::Client::new()
        .post(github.graphql())
        .bearer_auth(&token);
    let asked = asked
        .json(&json!({ "query": "{ viewer { login } }" }))
        .send()
        .await;
    let answer: Value = asked.unwrap().json().await.unwrap();
    assert_eq!(
        answer["data"]["viewer"]["login"], BOT,
        "an Enterprise server has it elsewhere"
    );
}
