//! Tokens, limits, faults and counters.

use serde_json::{Value, json};

use super::{BOT, BRANCH, refused, world};
use crate::support::fault_proxy::{FaultProxy, Rule};
use crate::support::github::Fault;

#[tokio::test]
async fn the_app_gets_a_token_and_keeps_it() {
    let (github, _) = world().await;
    let app = github.app_client();
    let pulls = app.pulls("acme", "deploy");
    let pull = pulls
        .create("Promote", BRANCH, "main")
        .send()
        .await
        .unwrap();
    assert_eq!(pull.user.unwrap().login, "headwater[bot]");
    pulls.get(1).await.unwrap();
    assert_eq!(github.requests("POST", "/access_tokens$"), 1);
    assert_eq!(
        (github.writing(), github.reading(), github.content()),
        (1, 1, 1)
    );
    github.suspend_app(true);
    assert_eq!(refused(pulls.get(1).await).status_code, 403);
    github.suspend_app(false);
    github.grant("pull_requests", None);
    let refusal = refused(pulls.get(1).await);
    assert_eq!(refusal.message, "Resource not accessible by integration");
}

#[tokio::test]
async fn a_token_that_is_no_longer_good_is_refused() {
    let (github, client) = world().await;
    client.repos("acme", "deploy").get().await.unwrap();
    github.revoke_tokens();
    let refusal = refused(client.repos("acme", "deploy").get().await);
    assert_eq!(
        (refusal.status_code.as_u16(), refusal.message.as_str()),
        (401, "Bad credentials")
    );
}

#[tokio::test]
async fn an_answer_that_has_not_changed_costs_nothing() {
    let (github, _) = world().await;
    let client = reqwest::Client::new();
    let token = github.token(BOT);
    let url = format!("{}/repos/acme/deploy/pulls?state=all", github.api());
    let ask = async |tag: Option<&str>| {
        let mut request = client.get(&url).bearer_auth(&token);
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        request.send().await.unwrap()
    };
    let header = |answer: &reqwest::Response, name: &str| {
        answer.headers()[name].to_str().unwrap().to_owned()
    };
    let first = ask(None).await;
    let tag = header(&first, "etag");
    assert_eq!(header(&first, "x-ratelimit-remaining"), "4999");
    let second = ask(Some(&tag)).await;
    assert_eq!(second.status(), 304);
    assert_eq!(header(&second, "x-ratelimit-remaining"), "4999");
    github.open(BRANCH, "Promote", BOT);
    let third = ask(Some(&tag)).await;
    assert_eq!(third.status(), 200);
    assert_eq!(header(&third, "x-ratelimit-remaining"), "4998");
    assert_eq!((github.reading(), github.conditional()), (2, 1));
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect_and_a_lost_request_none() {
    let (github, client) = world().await;
    github.fault(Rule::on("POST", "/pulls$").once(), Fault::LoseRequest);
    github.fault(Rule::on("POST", "/pulls$").once(), Fault::LoseAnswer);
    let pulls = client.pulls("acme", "deploy");
    let create = || pulls.create("Promote", BRANCH, "main").send();
    create().await.unwrap_err();
    assert_eq!(github.pulls().len(), 0);
    create().await.unwrap_err();
    assert_eq!(github.pulls().len(), 1);
    assert_eq!(refused(create().await).status_code, 422);
    let statuses: Vec<_> = github.seen().iter().map(|asked| asked.status).collect();
    assert_eq!(statuses, [None, None, Some(422)]);
}

#[tokio::test]
async fn limits_are_told_as_github_tells_them() {
    let (github, client) = world().await;
    github.remaining(BOT, 1);
    let repo = client.repos("acme", "deploy");
    repo.get().await.unwrap();
    let refusal = refused(repo.get().await);
    assert_eq!(refusal.status_code, 403);
    github.advance("1h");
    repo.get().await.unwrap();
    github.fault(Rule::any().once(), Fault::SecondaryLimit(Some(7)));
    let refusal = refused(repo.get().await);
    assert_eq!(refusal.status_code, 403);
    assert!(refusal.message.contains("secondary rate limit"));
    github.fault(Rule::any().once(), Fault::status(451));
    assert_eq!(refused(repo.get().await).status_code, 451);
    github.fault(Rule::any().once(), Fault::PrimaryLimit(90));
    let refusal = refused(repo.get().await);
    let reset = refusal.rate_limit_reset.unwrap();
    assert_eq!(i64::try_from(reset).unwrap(), github.now().as_second() + 90);
    github.fault(
        Rule::any(),
        Fault::Delay(std::time::Duration::from_millis(1)),
    );
    repo.get().await.unwrap();
    github.heal();
    let rate = client.ratelimit().get().await.unwrap();
    assert_eq!(rate.rate.limit, 5000);
}

#[tokio::test]
async fn a_stale_list_does_not_know_the_last_changes() {
    let (github, client) = world().await;
    github.open(BRANCH, "Promote", BOT);
    let pulls = client.pulls("acme", "deploy");
    github.fault(Rule::on("GET", "/pulls").once(), Fault::Stale(1));
    assert_eq!(pulls.list().send().await.unwrap().items.len(), 0);
    assert_eq!(pulls.list().send().await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn what_github_does_not_publish_is_a_violation() {
    let (github, client) = world().await;
    let body = json!({ "title": "Promote", "head": BRANCH, "base": "main", "lables": ["x"] });
    let made: Value = client
        .post("/repos/acme/deploy/pulls", Some(&body))
        .await
        .unwrap();
    assert_eq!(made["number"], 1);
    let _: Value = client
        .get("/repos/acme/deploy/pulls/1", Some(&json!({ "x": 1 })))
        .await
        .unwrap();
    let missing: Result<Value, _> = client.get("/repos/acme/deploy/zen", None::<&()>).await;
    assert_eq!(refused(missing).status_code, 404);
    let proxy = FaultProxy::before(&github.host()).await;
    let url = format!("http://{}/repos/acme/deploy/pulls/1", proxy.host());
    let short = github.installation_token(60);
    let answer = reqwest::Client::new()
        .get(url)
        .bearer_auth(short)
        .send()
        .await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    let expected = format!("http://{}/repos/acme/deploy/pulls/1", proxy.host());
    assert_eq!(
        answer["url"], expected,
        "addresses are those that were asked at"
    );
    github.forget_requests();
    assert_eq!(github.requests("*", ""), 0);
    let violations = github.take_violations();
    assert_eq!(violations.len(), 3, "{violations:#?}");
    assert!(violations[0].contains("lables"), "{violations:#?}");
}

#[tokio::test]
async fn all_operations_have_a_handler_and_all_handlers_an_operation() {
    let (missing, unknown) = crate::support::github::unmatched_routes();
    assert_eq!((missing, unknown), (Vec::new(), Vec::new()));
}
