//! What GitHub's answers may not do, whoever stands between: be endless, lead elsewhere, pass for less than they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::IntoResponse as _;
use headwater::config::forge::{GitHubBudget, GitHubLogin, GitHubPlace};
use headwater::forge::{Forge as _, ForgeError, GitHubForge, Listing};
use headwater::git::Fetched;
use headwater::plan::facts::Failure;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub};
use crate::support::world::World;

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
const PULLS: &str = r"/pulls\?state=all";

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github(&github).await;
    (github, world)
}

/// A server that answers every request so, with the number of requests it had.
async fn server(
    answer: impl Fn() -> axum::response::Response + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = answer();
        async move { answer }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, asked)
}

async fn listed(api: &str) -> Result<Listing, ForgeError> {
    let place = GitHubPlace {
        api: api.to_owned(),
        repository: "acme/deploy".to_owned(),
        noreply: "noreply@github.com".to_owned(),
        noreply_sure: true,
        login: GitHubLogin::Token("t0ken".to_owned().into()),
        deployments: false,
        workflows: Vec::new(),
        budget: GitHubBudget::default(),
    };
    let forge = GitHubForge::new(place, None).unwrap();
    let fetched = Fetched {
        base_branch: "main".to_owned(),
        base: None,
        refs: BTreeMap::new(),
        moved_back: None,
        shallow: false,
    };
    forge.list(&fetched).await
}

fn reason(listed: &Result<Listing, ForgeError>) -> &'static str {
    match listed {
        Err(ForgeError::Api { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

async fn failure(world: &mut World) -> Failure {
    let pass = world.pass().await;
    pass.observation.facts.forge_failure.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_an_end_is_not_read_to_its_end() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let (api, _) = server(move || {
        let count = Arc::clone(&count);
        let endless = futures_util::stream::repeat_with(move || {
            count.fetch_add(64 << 10, Ordering::SeqCst);
            Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 64 << 10]))
        });
        let response = axum::response::Response::builder().header(JSON.0, JSON.1);
        response.body(Body::from_stream(endless)).unwrap()
    })
    .await;
    let listed = listed(&api).await;
    assert_eq!(reason(&listed), "TooLarge", "{listed:?}");
    let sent = sent.load(Ordering::SeqCst) >> 20;
    assert!(sent < 64, "{sent} MiB, of which most are in buffers");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_leads_to_another_server_and_the_token_stays_here() {
    let (github, mut world) = begin().await;
    let (elsewhere, asked) = server(|| "[]".into_response()).await;
    let next = format!("<{elsewhere}/pulls?page=2>; rel=\"next\"");
    let place = format!("{elsewhere}/api/v3/repos/acme/deploy/pulls");
    for fault in [
        Fault::reply(200, &[JSON, ("link", &next)], "[]"),
        Fault::reply(302, &[("location", &place)], ""),
        Fault::reply(307, &[("location", &place)], ""),
    ] {
        github.fault(Rule::on("GET", PULLS), fault);
        let failure = failure(&mut world).await;
        assert_eq!(failure.reason, "Redirected", "{failure:?}");
        assert!(failure.message.contains(&elsewhere), "{failure:?}");
        assert!(failure.message.contains("forge.github.api"), "{failure:?}");
        github.heal();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_moved_is_read_where_it_is_and_not_written_to() {
    let (github, mut world) = begin().await;
    world.good_build("1.0.0");
    world.settle().await;
    let id = world.open_pull().await.id;
    let there = format!("{}/repos/acme/deploy/pulls?state=all&page=1", github.api());
    let moved = Fault::reply(301, &[("location", &there)], "");
    github.fault(
        Rule::on("GET", r"/pulls\?state=all&sort=updated").once(),
        moved,
    );
    let pass = world.pass().await;
    assert_eq!(pass.observation.facts.forge_failure, None);

    let there = format!("{}/repos/acme/deploy/pulls/{id}", github.api());
    let moved = Fault::reply(307, &[("location", &there)], "");
    github.fault(Rule::on("PATCH", r"/pulls/\d+$"), moved);
    let text = headwater::forge::PullText {
        title: "Another".to_owned(),
        body: "marker\n".to_owned(),
        labels: vec![],
    };
    let refused = world.engine.forge.update_text(&id, text, world.now()).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("forge.github.repository"), "{said}");
    assert_ne!(github.pull(id.parse().unwrap()).title, "Another");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_of_an_api_is_told_with_what_to_look_at() {
    let (github, mut world) = begin().await;
    for (fault, reason) in [
        (
            Fault::reply(200, &[HTML], "<html>sign in</html>"),
            "NotTheApi",
        ),
        (
            Fault::reply(404, &[HTML], "<html>not here</html>"),
            "NotTheApi",
        ),
        (
            Fault::reply(200, &[("content-type", "text/plain")], "ok"),
            "NotTheApi",
        ),
        (Fault::reply(200, &[JSON], "{}"), "Malformed"),
        (
            Fault::reply(200, &[JSON], r#"[{"number": 1}]"#),
            "Malformed",
        ),
    ] {
        let shown = format!("{fault:?}");
        github.fault(Rule::on("GET", PULLS), fault);
        let failure = failure(&mut world).await;
        assert_eq!(failure.reason, reason, "{shown}: {failure:?}");
        assert!(failure.message.contains("forge.github.api"), "{failure:?}");
        assert!(failure.transient, "a proxy may let us through: {failure:?}");
        github.heal();
    }
    github.fault(Rule::on("GET", PULLS), Fault::reply(304, &[], ""));
    assert_eq!(failure(&mut world).await.reason, "Malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_an_end_is_told_and_does_not_pass_for_all_there_is() {
    let (github, mut world) = begin().await;
    world.good_build("1.0.0");
    world.settle().await;
    let number: u64 = world.open_pull().await.id.parse().unwrap();
    github.approve(number, "mara");
    let more = |path: &str| format!("<{}/repos/acme/deploy/{path}>; rel=\"next\"", github.api());
    let reviews = more(&format!("pulls/{number}/reviews?per_page=100&page=2"));
    let fault = Fault::reply(200, &[JSON, ("link", &reviews)], "[]");
    github.fault(Rule::on("GET", "/reviews"), fault);
    github.forget_requests();
    let fetched = world.engine.git.fetch().await.unwrap();
    let listing = world.engine.forge.list(&fetched).await.unwrap();
    assert_eq!(github.requests("GET", "/reviews"), 50);
    assert_eq!(listing.pulls[0].approvals, []);
    let told = &listing.problems[0].message;
    assert!(told.contains("none of its approvals count"), "{told}");
    github.heal();

    let pulls = more("pulls?state=all&page=2");
    let fault = Fault::reply(200, &[JSON, ("link", &pulls)], "[]");
    github.fault(Rule::on("GET", PULLS), fault);
    world.restart();
    github.forget_requests();
    let listing = world.engine.forge.list(&fetched).await.unwrap();
    assert_eq!(github.requests("GET", "/pulls$"), 50);
    assert!(listing.cut.unwrap().contains("5000"));
    world
        .assert_hold("PullRequestsCut", "only those that changed last are read")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_to_be_let_in_again_first_is_not_asked_for_with_every_pass() {
    let (github, mut world) = begin().await;
    world.pass().await;
    github.fault(Rule::on("GET", PULLS), Fault::status(401));
    github.forget_requests();
    for _ in 0..60 {
        let pass = world.pass().await;
        let failure = pass.observation.facts.forge_failure.clone().unwrap();
        assert_eq!(failure.reason, "Unauthorized");
        assert!(failure.retry_at.is_some(), "{failure:?}");
        world.advance("1m");
    }
    let asked = github.requests("GET", "/pulls$");
    assert!(
        (6..=7).contains(&asked),
        "after 0, 1, 3, 7, 15 and 31 minutes: {asked}"
    );
    world.restart();
    world.pass().await;
    assert_eq!(
        github.requests("GET", "/pulls$"),
        asked + 1,
        "another process asks at once"
    );
    github.heal();
    world.advance("2m");
    let pass = world.pass().await;
    assert_eq!(pass.observation.facts.forge_failure, None);
}
