//! Gates that ask hosts over HTTP: what they answer, when they are asked again, and what is never asked.

use headwater::config::EgressHost;
use headwater::egress::Egress;
use headwater::model::Digest;
use headwater::plan::State;

use tokio::net::TcpListener;

use crate::support::answering::{Answering, Reply};
use crate::support::tls::{Authority, TlsListener};
use crate::support::world::{World, small, stage};

const SECRET: &str = "swordfish-canary";

/// qa is verified by what `address` answers; prod takes by commit what passed.
async fn begin(host: &Answering, gate: &str) -> World {
    let pipeline = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: app}}\nspec:\n  stages:\n    - name: dev\n    - name: qa\n      verify: [{{http: {gate}}}]\n    - name: prod\n      from: [qa]\n"
    );
    let prod = small::by_commit("prod");
    let files = [
        (small::PIPELINE_PATH, pipeline.as_str()),
        ("environments/prod.yaml", prod.as_str()),
    ];
    let mut world = World::with(&files).await;
    let entry = entry(&host.host(), true);
    world.operator(|settings| settings.egress.push(entry));
    world
}

fn entry(host: &str, private: bool) -> EgressHost {
    let text = format!(
        "{{host: '{host}', private: {private}, plainHttp: true, credentials: [{{name: e2e, token: {SECRET}}}, {{name: key, token: {SECRET}, header: X-Key}}, {{name: basic, username: u, password: {SECRET}}}]}}"
    );
    serde_yaml::from_str(&text).unwrap()
}

async fn in_qa(world: &mut World, version: &str) -> Digest {
    let build = world.good_build(version);
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&build));
    build
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_goes_on_once_a_host_answers_as_expected_and_is_asked_about_once_a_minute() {
    let host = Answering::start().await;
    let gate = format!(
        "{{url: 'http://{}/runs/{{{{version}}}}?image={{{{digest}}}}', expect: 'json.state == \"passed\" && json.image == digest'}}",
        host.host()
    );
    let mut world = begin(&host, &gate).await;
    host.reply(
        "/runs/1.0.0",
        Reply::json(r#"{"state": "running", "image": ""}"#),
    );
    let build = in_qa(&mut world, "1.0.0").await;
    let words = "is false: 127.0.0.1:";
    world.assert_stage("app/prod", State::Waiting, words).await;
    let until = world.stage("app/prod").await.until;
    assert_eq!(
        until.map(|at| at.as_second()),
        Some(world.now().as_second() + 60)
    );
    // Passes and readers within the minute, and another process with the same caches, ask nobody.
    world.restart();
    world.advance("59s");
    world.settle().await;
    let asked = host.requests();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let path = format!(
        "/runs/1.0.0?image={}",
        build.to_string().replace(':', "%3A")
    );
    assert_eq!(asked[0].path, path);
    assert!(!asked[0].headers.contains_key("authorization"));

    let passed = format!(r#"{{"state": "passed", "image": "{build}"}}"#);
    host.reply("/runs/1.0.0", Reply::json(&passed));
    world.advance("1s");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    let asked = host.requests().len();
    world.assert_nothing_to_do().await;
    world.settle().await;
    assert_eq!(host.requests().len(), asked);
    let recorded = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(recorded.contains("answered 200"), "{recorded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_true_and_is_no_more_stops_the_next_set_at_once() {
    let host = Answering::start().await;
    let gate = format!(
        "{{url: 'http://{}/ok', expect: 'status == 200'}}",
        host.host()
    );
    let mut world = begin(&host, &gate).await;
    host.reply("/ok", Reply::status(200));
    let freeze = small::freeze("now", "prod");
    world.person_commits(&[("freezes/now.yaml", &freeze)], "Freeze");
    let build = in_qa(&mut world, "1.0.0").await;
    world
        .assert_stage("app/prod", State::Frozen, "inventory")
        .await;
    host.reply("/ok", Reply::status(404));
    world.advance("1m");
    world.person_deletes(&["freezes/now.yaml"], "Thaw");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), None);
    world
        .assert_stage("app/prod", State::Waiting, "answered 404")
        .await;
    host.reply("/ok", Reply::status(200));
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_in_trouble_is_asked_later_and_later_and_holds_nothing_else_up() {
    let host = Answering::start().await;
    let gate = format!(
        "{{url: 'http://{}/ok', expect: 'status == 200'}}",
        host.host()
    );
    let mut world = begin(&host, &gate).await;
    host.reply("/ok", Reply::status(503));
    let build = in_qa(&mut world, "1.0.0").await;
    world
        .assert_stage("app/prod", State::Waiting, "answers with status 503")
        .await;
    for _ in 0..20 {
        world.advance("1m");
        world.settle().await;
    }
    // After 0, 1, 3, 7, 15 minutes.
    assert_eq!(host.requests().len(), 5);
    let later = ("retry-after", "3000".to_owned());
    host.reply("/ok", Reply::Whole(429, Vec::new(), vec![later]));
    world.advance("11m");
    world.settle().await;
    host.reply("/ok", Reply::status(200));
    world.advance("49m");
    world.settle().await;
    assert_eq!(host.requests().len(), 6);
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_set_that_left_only_what_was_answered_meanwhile_counts() {
    let host = Answering::start().await;
    let gate = format!(
        "{{url: 'http://{}/ok', expect: 'status == 200'}}",
        host.host()
    );
    let mut world = begin(&host, &gate).await;
    let freeze = small::freeze("now", "prod");
    world.person_commits(&[("freezes/now.yaml", &freeze)], "Freeze");
    host.reply("/ok", Reply::status(200));
    let good = in_qa(&mut world, "1.0.0").await;
    let next = world.good_build("1.1.0");
    world.pass().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&next));
    host.reply("/ok", Reply::status(404));
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&next));
    let asked = host.requests().len();
    assert_eq!(asked, 3, "twice about the one, and once about the other");

    world.person_deletes(&["freezes/now.yaml"], "Thaw");
    // Who remembers nothing does not ask what is there now about a set that is gone.
    let forgetful = world.another_engine("forgetful");
    let (_, plan) = forgetful.reconciler.plan(world.now()).await.unwrap();
    assert!(plan.is_empty());
    let passed_over = &stage(&plan, "app/prod").passed_over;
    assert!(
        passed_over[0].1.contains("it left before"),
        "{passed_over:?}"
    );
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(good));
    assert_eq!(
        host.requests().len(),
        asked + 2,
        "about the one that is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_goes_to_its_host_alone_and_is_never_repeated() {
    let host = Answering::start().await;
    for (auth, header, value) in [
        ("e2e", "authorization", format!("Bearer {SECRET}")),
        ("key", "x-key", SECRET.to_owned()),
        (
            "basic",
            "authorization",
            "Basic dTpzd29yZGZpc2gtY2FuYXJ5".to_owned(),
        ),
    ] {
        let gate = format!(
            "{{url: 'http://{}/echo', auth: {auth}, expect: 'body == \"ok\"'}}",
            host.host()
        );
        let mut world = begin(&host, &gate).await;
        host.reply("/echo", Reply::Whole(200, value.clone().into(), Vec::new()));
        in_qa(&mut world, "1.0.0").await;
        let asked = host.requests().pop().unwrap();
        assert_eq!(asked.headers.get(header), Some(&value));
        let (observation, plan) = world.observed().await;
        let facts = serde_json::to_string(&observation.facts).unwrap();
        let shown = format!("{plan:?}{facts}{observation:?}");
        assert!(facts.contains("[redacted]"), "{facts}");
        for part in [SECRET, "dTpzd29yZGZpc2g"] {
            assert!(!shown.contains(part), "{part}");
        }
    }
    let gate = format!(
        "{{url: 'http://{}/echo', auth: nobody, expect: 'true'}}",
        host.host()
    );
    let before = host.requests().len();
    let mut world = begin(&host, &gate).await;
    in_qa(&mut world, "1.0.0").await;
    let words = "the operator's settings have no credential `nobody`";
    world.assert_stage("app/prod", State::Waiting, words).await;
    assert_eq!(host.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_hosts_are_asked_and_private_addresses_only_where_that_is_said() {
    let host = Answering::start().await;
    host.reply("/ok", Reply::status(200));
    let gate = |address: &str| format!("{{url: '{address}', expect: 'status == 200'}}");
    let named = format!("http://{}/ok", host.named());
    let mut world = begin(&host, &gate(&named)).await;
    in_qa(&mut world, "1.0.0").await;
    let words = "the operator's settings do not list it under `egress`";
    world.assert_stage("app/prod", State::Waiting, words).await;

    // A name that leads here, listed as if it were somewhere on the internet.
    let public = entry(&host.named(), false);
    world.operator(|settings| settings.egress = vec![public]);
    world.settle().await;
    let words = "`private: true` under `egress`";
    world.assert_stage("app/prod", State::Waiting, words).await;
    let mut tls_only = entry(&host.named(), true);
    tls_only.plain_http = false;
    world.operator(|settings| settings.egress = vec![tls_only]);
    let words = "is asked over https only";
    world.assert_stage("app/prod", State::Waiting, words).await;
    assert!(host.requests().is_empty());

    let private = entry(&host.named(), true);
    world.operator(|settings| settings.egress = vec![private]);
    world.settle().await;
    assert_eq!(host.requests().len(), 1);
    assert!(world.head("app", "prod").is_some());

    // Where clouds keep their secrets nobody is asked, whoever lists it.
    let gate = gate("http://169.254.169.254/latest/meta-data");
    let mut world = begin(&host, &gate).await;
    let metadata = entry("169.254.169.254", true);
    world.operator(|settings| settings.egress = vec![metadata]);
    in_qa(&mut world, "1.0.0").await;
    let words = "private, local or reserved";
    world.assert_stage("app/prod", State::Waiting, words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_an_answer_and_leads_nowhere() {
    let (host, elsewhere) = (Answering::start().await, Answering::start().await);
    elsewhere.reply("/ok", Reply::status(200));
    let gate = format!(
        "{{url: 'http://{}/ok', auth: e2e, expect: 'status == 200'}}",
        host.host()
    );
    let mut world = begin(&host, &gate).await;
    let other = entry(&elsewhere.host(), true);
    world.operator(|settings| settings.egress.push(other));
    for to in [
        format!("http://{}/ok", elsewhere.host()),
        "http://169.254.169.254/".to_owned(),
    ] {
        host.reply("/ok", Reply::Whole(302, Vec::new(), vec![("location", to)]));
        let version = world.now().to_string();
        in_qa(&mut world, &version).await;
        let words = "answered 302 (redirects are not followed)";
        world.assert_stage("app/prod", State::Waiting, words).await;
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_answers_to_do_harm_opens_nothing_and_says_why() {
    let host = Answering::start().await;
    let gate = format!("{{url: 'http://{}/x', expect: 'json.ok'}}", host.host());
    let mut world = begin(&host, &gate).await;
    let coded = ("content-encoding", "gzip".to_owned());
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for (reply, state, words) in [
        (Reply::Endless, State::Waiting, "more than 1048576 bytes"),
        (
            Reply::Whole(200, vec![b' '; (1 << 20) + 1], Vec::new()),
            State::Waiting,
            "more than 1048576 bytes",
        ),
        (
            Reply::Whole(200, vec![0x1f, 0x8b, 8, 0], vec![coded]),
            State::Waiting,
            "content coding",
        ),
        (Reply::json(&deep), State::Waiting, "the body is no JSON"),
        (Reply::json("<html>"), State::Waiting, "the body is no JSON"),
        (Reply::json("{}"), State::Waiting, "there is no `ok`"),
        (
            Reply::json(r#"{"ok": "\u001b[31m@team"}"#),
            State::Waiting,
            "instead of true or false",
        ),
        (Reply::Cut, State::Waiting, "cannot be reached"),
        (Reply::json(r#"{"ok": false}"#), State::Waiting, "is false"),
    ] {
        host.reply("/x", reply.clone());
        let version = world.now().to_string();
        in_qa(&mut world, &version).await;
        let shown = format!("{reply:?}").chars().take(60).collect::<String>();
        println!("{shown}");
        world.assert_stage("app/prod", state, words).await;
    }
    assert_eq!(world.head("app", "prod"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_hardly_anything_is_not_waited_for() {
    let host = Answering::start().await;
    let patience = std::time::Duration::from_millis(300);
    let egress = Egress::within(&[entry(&host.host(), true)], patience);
    for (path, reply) in [("silent", Reply::Silent), ("trickle", Reply::Trickle)] {
        host.reply(&format!("/{path}"), reply);
        let url = format!("http://{}/{path}", host.host()).parse().unwrap();
        let error = egress.get(&url, None).await.unwrap_err();
        let fault = headwater::model::Faulty::fault(&error);
        assert!(fault.heals() && error.is_of_host(), "{error}");
    }
    assert_eq!(host.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_authority_is_trusted_for_the_host_that_names_it() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = TlsListener::new(listener, &authority.issue("localhost"));
    let app = axum::Router::new().route("/ok", axum::routing::get(async || "fine"));
    let server = tokio::spawn(async { axum::serve(listener, app).await });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("house.pem");
    authority.write(&file);
    let url = format!("https://localhost:{port}/ok").parse().unwrap();
    let mut host = entry(&format!("localhost:{port}"), true);
    host.plain_http = false;
    let error = Egress::new(&[host.clone()]).get(&url, None).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("unknown authority"), "{error}");
    host.ca_file = Some(file);
    let answer = Egress::new(&[host]).get(&url, None).await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "fine"));
    server.abort();
}
