//! The fault proxy itself: it lets everything pass that no rule wants, and each fault is what it says.

use std::time::{Duration, Instant};

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::docker_registry::{DockerRegistry, INDEX, run};
use crate::support::fault_proxy::{Fault, FaultProxy, Reply, Rule};
use crate::support::git_http::{GitHttp, bare_repository, git, git_is_here};
use crate::support::odd_registry::OddRegistry;

/// An upstream that answers everything with what it was asked.
async fn echo() -> OddRegistry {
    OddRegistry::start(|seen| {
        let body = format!("{} {} {}", seen.method, seen.path, seen.body);
        axum::http::Response::builder()
            .header("x-odd", "yes")
            .body(body.into())
            .unwrap()
    })
    .await
}

async fn get(proxy: &FaultProxy, path: &str) -> Result<Response, reqwest::Error> {
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    client
        .get(format!("http://{}{path}", proxy.host()))
        .send()
        .await
}

async fn text(proxy: &FaultProxy, path: &str) -> Result<String, reqwest::Error> {
    get(proxy, path).await?.text().await
}

#[tokio::test]
async fn what_no_rule_wants_passes_and_is_counted() {
    let upstream = echo().await;
    let proxy = FaultProxy::before(&upstream.host()).await;
    let client = Client::new();
    let url = proxy.through(&format!("http://{}/a?b", upstream.host()));
    for _ in 0..3 {
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.headers()["x-odd"], "yes");
        assert_eq!(answer.text().await.unwrap(), "GET /a?b ");
    }
    let chunks = ["one", "two"].map(Ok::<_, std::io::Error>);
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let posted = client
        .post(&url)
        .header("x-mark", "m")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(posted.text().await.unwrap(), "POST /a?b onetwo");
    assert_eq!(client.head(&url).send().await.unwrap().status(), 200);
    assert_eq!(
        proxy.connections(),
        1,
        "connections of clients are kept open"
    );
    assert_eq!(
        (
            proxy.requests("GET", "^/a", 200),
            proxy.requests("*", "", 0)
        ),
        (3, 5)
    );
    let seen = &proxy.seen()[3];
    assert_eq!(
        (seen.header("x-mark"), seen.status, seen.connection),
        (Some("m"), Some(200), 1)
    );
    assert_eq!(seen.body, 16);
    let (up, down) = proxy.bytes();
    assert!(up > 5 * 30 && down > 5 * 50, "{up} {down}");
    proxy.forget();
    assert_eq!((proxy.bytes(), proxy.seen().len()), ((0, 0), 0));
}

#[tokio::test]
async fn rules_choose_by_order_number_and_seed() {
    let upstream = echo().await;
    let proxy = FaultProxy::before(&upstream.host()).await;
    proxy.rule(Rule::on("GET", "/nth").nth(2..=3), Fault::status(503));
    proxy.rule(Rule::on("GET", "/every").every(3), Fault::status(502));
    proxy.rule(Rule::on("POST", ""), Fault::status(500));
    let mut statuses = Vec::new();
    for path in ["/nth", "/nth", "/nth", "/nth", "/every", "/every", "/every"] {
        statuses.push(get(&proxy, path).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 503, 503, 200, 200, 200, 502]);
    assert_eq!(
        upstream.seen().len(),
        4,
        "faults that answer ask nobody else"
    );

    let draw = |seed| {
        let proxy = &proxy;
        async move {
            proxy.heal();
            proxy.seed(seed);
            proxy.rule(Rule::any().ratio(0.3), Fault::status(503));
            let mut met = Vec::new();
            for _ in 0..40 {
                met.push(get(proxy, "/r").await.unwrap().status() == 503);
            }
            met
        }
    };
    let (one, two, again) = (draw(7).await, draw(8).await, draw(7).await);
    assert_eq!(one, again);
    assert_ne!(one, two);
    assert!((4..=20).contains(&one.iter().filter(|met| **met).count()));
}

#[tokio::test]
async fn answers_are_changed_replayed_and_redirected() {
    let upstream = OddRegistry::start(|seen| {
        let n = seen.path.len();
        axum::http::Response::builder()
            .header("x-odd", "yes")
            .body(format!("{n}").into())
            .unwrap()
    })
    .await;
    let proxy = FaultProxy::before(&upstream.host()).await;
    proxy.rule(Rule::on("*", "/put"), Fault::header("x-odd", "no"));
    proxy.rule(Rule::on("*", "/drop").once(), Fault::without("X-Odd"));
    proxy.rule(Rule::on("*", "/bit"), Fault::corrupt(0));
    proxy.rule(
        Rule::on("*", "/more"),
        Fault::change(|reply| reply.body.extend(b"!")),
    );
    proxy.rule(
        Rule::on("*", "/loop"),
        Fault::redirect("http://{host}{path}x"),
    );
    proxy.rule(
        Rule::on("*", "/own"),
        Fault::answer(|seen| Reply::new(418, &[], seen.method.clone())),
    );
    assert_eq!(get(&proxy, "/put").await.unwrap().headers()["x-odd"], "no");
    let dropped = get(&proxy, "/drop").await.unwrap();
    assert!(!dropped.headers().contains_key("x-odd"));
    assert_eq!(text(&proxy, "/bit").await.unwrap(), "5");
    assert_eq!(text(&proxy, "/more").await.unwrap(), "5!");
    let redirect = get(&proxy, "/loop").await.unwrap();
    assert_eq!(
        redirect.headers()["location"],
        format!("http://{}/loopx", proxy.host())
    );
    let own = get(&proxy, "/own").await.unwrap();
    assert_eq!(own.status(), StatusCode::IM_A_TEAPOT);

    let registry = crate::support::docker_registry::DockerRegistry::start;
    let Some(registry) = registry() else { return };
    let proxy = FaultProxy::before(registry.host()).await;
    proxy.rule(Rule::on("GET", "/manifests/"), Fault::Replay);
    let index = |n: u32| {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"n": n.to_string()}});
        index.to_string()
    };
    registry.put("a/b", "v1", INDEX, index(1)).await;
    let path = "/v2/a/b/manifests/v1";
    let ask = || async {
        let url = format!("http://{}{path}", proxy.host());
        let answer = Client::new().get(url).header("accept", INDEX).send();
        answer.await.unwrap().json::<Value>().await.unwrap()
    };
    assert_eq!(ask().await["annotations"]["n"], "1");
    registry.put("a/b", "v1", INDEX, index(2)).await;
    assert_eq!(ask().await["annotations"]["n"], "1", "the old answer");
    proxy.heal();
    assert_eq!(ask().await["annotations"]["n"], "2");
}

#[tokio::test]
async fn connections_are_cut_reset_kept_silent_and_slowed() {
    let upstream = echo().await;
    let mut proxy = FaultProxy::before(&upstream.host()).await;
    proxy.rule(Rule::on("*", "/head"), Fault::CutHead(10));
    proxy.rule(Rule::on("*", "/body"), Fault::CutBody(3));
    proxy.rule(Rule::on("*", "/lost"), Fault::LoseAnswer);
    proxy.rule(Rule::on("*", "/reset"), Fault::Reset);
    proxy.rule(
        Rule::on("*", "/raw"),
        Fault::Raw(b"SSH-2.0-odd\r\n".to_vec()),
    );
    proxy.rule(Rule::on("*", "/silent"), Fault::Silence);
    proxy.rule(
        Rule::on("*", "/drip"),
        Fault::Drip(20, Duration::from_millis(10)),
    );
    proxy.rule(
        Rule::on("*", "/late").late(Duration::from_millis(30)),
        Fault::Nothing,
    );
    for path in ["/head", "/lost", "/reset", "/raw"] {
        assert!(get(&proxy, path).await.is_err(), "{path}");
    }
    let cut = get(&proxy, "/body").await.unwrap();
    assert_eq!(cut.content_length(), Some(10), "the head promises more");
    assert!(cut.text().await.is_err());
    assert_eq!(proxy.requests("GET", "/body", 200), 1);
    let carried_out = |path: &str| upstream.seen().iter().any(|seen| seen.path == path);
    assert!(carried_out("/lost") && !carried_out("/reset"));

    let silent = tokio::time::timeout(Duration::from_millis(50), get(&proxy, "/silent"));
    assert!(silent.await.is_err());
    let start = Instant::now();
    assert_eq!(text(&proxy, "/drip").await.unwrap(), "GET /drip ");
    assert_eq!(text(&proxy, "/late").await.unwrap(), "GET /late ");
    assert!(start.elapsed() >= Duration::from_millis(60));

    proxy.close().await;
    assert!(get(&proxy, "/").await.unwrap_err().is_connect());
}

#[tokio::test]
async fn bodies_swell_and_never_end() {
    let upstream = echo().await;
    let proxy = FaultProxy::before(&upstream.host()).await;
    proxy.rule(Rule::on("*", "/bomb"), Fault::gzip_bomb(10_000_000, &[]));
    proxy.rule(
        Rule::on("*", "/endless"),
        Fault::endless(&[("content-type", "x/y")]),
    );
    let bomb = get(&proxy, "/bomb").await.unwrap();
    assert_eq!(bomb.headers()["content-encoding"], "gzip");
    assert!(bomb.bytes().await.unwrap().len() < 20_000);
    let mut endless = get(&proxy, "/endless").await.unwrap();
    assert_eq!(endless.headers()["content-type"], "x/y");
    let mut read = 0;
    while read < 5_000_000 {
        read += endless.chunk().await.unwrap().unwrap().len();
    }
    assert!(proxy.bytes().1 > 5_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_copies_an_image_through_it() {
    let Some(registry) = DockerRegistry::start() else {
        return;
    };
    let digest = registry.push_image("acme/app:v1", &[("a", "1")], "amd64");
    let proxy = FaultProxy::before(registry.host()).await;
    let place = format!("docker://{}/acme/app", proxy.host());
    let copy = ["--insecure-policy", "copy", "--src-tls-verify=false"];
    let (from, to) = (format!("{place}:v1"), format!("{place}:v2"));
    let arguments = [&copy[..], &["--dest-tls-verify=false", &from, &to]].concat();
    run("skopeo", &arguments);
    assert_eq!(
        headwater::model::Digest::sha256(&registry.raw("acme/app:v2")),
        digest
    );
    assert_eq!(proxy.requests("PUT", "/manifests/v2$", 201), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn git_fetches_and_pushes_through_it_and_is_cut_off_where_a_rule_says() {
    if !git_is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    bare_repository(root, "base.git", &[("a.yaml", "a: 1\n")]);
    let server = GitHttp::serve(root, None).await;
    let proxy = FaultProxy::before(server.origin().trim_start_matches("http://")).await;
    let url = proxy.through(&server.url("base.git"));
    git(root, &["clone", "-q", &url, "work"]);
    let work = root.join("work");
    // Larger than what Git buffers, so that it is sent in chunks.
    let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
        .take(2 << 20)
        .collect();
    std::fs::write(work.join("b.bin"), noise).unwrap();
    git(&work, &["add", "b.bin"]);
    git(&work, &["commit", "-qm", "second"]);
    let head = git(&work, &["rev-parse", "HEAD"]);
    let remote = || git(&root.join("base.git"), &["rev-parse", "main"]);

    proxy.rule(
        Rule::on("POST", "/git-receive-pack").nth(2..=2),
        Fault::CutRequest(1 << 20),
    );
    assert!(!pushes(&work), "cut in the middle of its pack");
    assert_ne!(remote(), head);
    proxy.heal();
    proxy.rule(
        Rule::on("POST", "/git-receive-pack").nth(2..=2),
        Fault::LoseAnswer,
    );
    assert!(!pushes(&work), "the answer is lost");
    assert_eq!(remote(), head, "but it was carried out");
    proxy.heal();
    assert!(pushes(&work));
    assert!(proxy.bytes().0 > 3 << 20);
}

/// Whether a push succeeds.
fn pushes(work: &std::path::Path) -> bool {
    std::process::Command::new("git")
        .args(["push", "-q", "origin", "HEAD:main"])
        .current_dir(work)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[tokio::test]
async fn bytes_that_are_no_http_pass_a_tunnel() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut word = [0; 4];
            if stream.read_exact(&mut word).await.is_ok() {
                stream
                    .write_all(&[b'<', b'!', b'>', word[0]])
                    .await
                    .unwrap();
            }
        }
    });
    let proxy = FaultProxy::tcp(&upstream).await;
    proxy.rule(Rule::on("TCP", "").nth(2..=2), Fault::CutBody(1));
    let ask = || async {
        let mut stream = tokio::net::TcpStream::connect(proxy.host()).await.unwrap();
        stream.write_all(b"abcd").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap_or_default();
        answer
    };
    assert_eq!(ask().await, b"<!>a");
    assert_eq!(ask().await, b"<");
    assert_eq!(proxy.connections(), 2);
    server.abort();
}
