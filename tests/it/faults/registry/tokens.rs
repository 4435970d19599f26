//! Credentials and tokens: who gets them, how often they are fetched, and what a refusal costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use headwater::registry::Access;

use super::*;

/// Makes the proxy a registry behind tokens: `answer` makes the token server's answers.
pub(super) fn behind_tokens(
    proxy: &FaultProxy,
    answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
) {
    let issued = AtomicUsize::new(0);
    proxy.rule(
        Rule::on("*", "^/token").late(Duration::from_millis(50)),
        Fault::answer(move |_| answer(issued.fetch_add(1, Ordering::SeqCst))),
    );
    proxy.rule(
        Rule::on("*", "^/v2/").lacking("authorization"),
        Fault::answer(|seen| {
            let repository = seen.target.trim_start_matches("/v2/");
            let repository = repository.split("/manifests/").next().unwrap();
            let challenge = format!(
                r#"Bearer realm="http://{}/token",service="odd",scope="repository:{repository}:pull""#,
                seen.proxy
            );
            Reply::new(401, &[("www-authenticate", &challenge)], "")
        }),
    );
}

fn token(body: &str) -> Reply {
    Reply::new(200, &[], body)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_want_one_token_at_once_fetch_it_once() {
    let Some(real) = Real::start().await else {
        return;
    };
    let tags = real.tags(100).await;
    let client = real.client();
    behind_tokens(&real.proxy, |n| {
        token(&format!(r#"{{"token": "t{n}", "expires_in": 300}}"#))
    });
    real.proxy.forget();
    assert_eq!(right(&client, &tags).await, 100);
    assert_eq!(real.proxy.requests("GET", "^/token", 200), 10);
    assert_eq!(real.proxy.requests("HEAD", "", 401), 1, "one asks for all");
    assert_eq!(real.proxy.seen().len(), 111);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_answers_of_token_servers_make_no_loop() {
    for (body, requests) in [
        (r#"{"access_token": "a"}"#, Some(3)),
        (r#"{"token": "", "access_token": "a"}"#, Some(3)),
        (
            r#"{"token": "a", "access_token": "b", "expires_in": 1}"#,
            Some(3),
        ),
        (r#"{"token": "a", "expires_in": 0}"#, Some(3)),
        (r#"{"token": "a", "expires_in": -1}"#, Some(3)),
        (
            r#"{"token": "a", "expires_in": 9223372036854775807}"#,
            Some(3),
        ),
        (
            r#"{"token": "a", "issued_at": "9999-01-01T00:00:00Z"}"#,
            Some(3),
        ),
        (r#"{"expires_in": 300}"#, None),
        (r#"{"token": "a b"}"#, None),
        (r#"{"token": "a", "token": "b"}"#, None),
        ("<html>", None),
    ] {
        let Some(real) = Real::start().await else {
            return;
        };
        behind_tokens(&real.proxy, move |_| token(body));
        let outcome = real.resolve(&real.client()).await;
        match requests {
            Some(_) => assert_eq!(outcome.unwrap().digest, real.digest, "{body}"),
            None => assert_eq!(outcome.unwrap_err().reason(), "Unauthorized", "{body}"),
        }
        let expected = requests.unwrap_or(2);
        assert_eq!(real.proxy.seen().len(), expected, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_that_stumbles_is_asked_again_and_an_expired_token_is_renewed_once() {
    let Some(real) = Real::start().await else {
        return;
    };
    behind_tokens(&real.proxy, |n| match n {
        0 => Reply::new(500, &[], ""),
        n => token(&format!(r#"{{"token": "t{n}"}}"#)),
    });
    let client = real.client();
    assert_eq!(real.resolve(&client).await.unwrap().digest, real.digest);
    assert_eq!(real.proxy.requests("GET", "^/token", 0), 2);
    real.proxy.forget();
    // The registry does not know the token any more.
    let challenge = format!(
        r#"Bearer realm="http://{}/token",service="odd",scope="repository:acme/app:pull""#,
        real.proxy.host()
    );
    real.proxy.heal();
    real.proxy.rule(
        Rule::on("HEAD", "").once(),
        Fault::reply(401, &[("www-authenticate", &challenge)], ""),
    );
    behind_tokens(&real.proxy, |n| token(&format!(r#"{{"token": "new{n}"}}"#)));
    assert_eq!(real.resolve(&client).await.unwrap().digest, real.digest);
    let asked: Vec<_> = real
        .proxy
        .seen()
        .iter()
        .map(|seen| (seen.status, seen.header("authorization").map(str::to_owned)))
        .collect();
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(
        asked,
        [
            (Some(401), bearer("t1")),
            (Some(200), None),
            (Some(200), bearer("new0"))
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once_and_not_once_per_tag() {
    let login = Some(("robot", "canary-right"));
    let Some(registry) =
        DockerRegistry::start_as(crate::support::docker_registry::Identity::Plain, login)
    else {
        return;
    };
    let proxy = FaultProxy::before(registry.host()).await;
    let host = proxy.host();
    let wrong = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], credentials: [{{host: '{host}', username: robot, password: canary-wrong}}]}}"
    ));
    let places = (0..60).map(|n| format!("{host}/acme/r{}:v{n}", n % 10));
    let asked = places.map(|place| resolve_owned(wrong.clone(), place));
    for outcome in join_all(asked).await {
        let error = outcome.unwrap_err();
        assert_eq!(error.reason(), "Unauthorized");
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
    assert_eq!(
        proxy.requests("*", "", 401),
        2,
        "without it, and with it once"
    );
    assert_eq!(proxy.seen().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_a_token_server_refuses_are_shown_to_it_once() {
    let Some(real) = Real::start().await else {
        return;
    };
    behind_tokens(&real.proxy, |_| Reply::new(401, &[], ""));
    let host = real.proxy.host();
    let client = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], credentials: [{{host: '{host}', username: u, password: canary}}]}}"
    ));
    let asked =
        (0..40).map(|n| resolve_owned(client.clone(), format!("{host}/acme/r{}:v{n}", n % 8)));
    let refused = join_all(asked).await;
    assert!(
        refused
            .iter()
            .all(|o| o.as_ref().is_err_and(|e| e.reason() == "Unauthorized"))
    );
    assert_eq!(real.proxy.seen().len(), 2);
}

#[tokio::test]
async fn challenges_that_make_no_sense_are_refusals_and_send_nothing_anywhere() {
    let Some(real) = Real::start().await else {
        return;
    };
    let host = real.proxy.host();
    for challenge in [
        "",
        "Bearer",
        "Negotiate abc",
        "Bearer realm",
        "Bearer realm=\"",
        "Bearer realm=\"nowhere\"",
        "Bearer realm=\"file:///etc/passwd\"",
        "Bearer realm=\"http://169.254.169.254/latest\"",
        "Bearer realm=\"http://127.0.0.2:1/token\"",
        "Bearer realm=\"http://localhost:1/token\"",
        "Bearer realm=\"http://[::1]:1/token\"",
        "Bearer realm=\"http://u:p@127.0.0.1/token\"",
        "Bearer realm=\"https://token.example/\"",
    ] {
        real.proxy.heal();
        real.proxy.forget();
        let headers = [("www-authenticate", challenge)];
        real.proxy
            .rule(Rule::any(), Fault::reply(401, &headers, ""));
        let client = client(&format!(
            "{{registries: [{{host: '{host}', plainHttp: true}}], credentials: [{{host: '{host}', username: u, password: canary}}]}}"
        ));
        for _ in 0..5 {
            let error = real.resolve(&client).await.unwrap_err();
            assert_eq!(
                (error.reason(), error.is_transient()),
                ("Unauthorized", false),
                "{challenge}"
            );
        }
        assert_eq!(client.stats().total(), 1, "{challenge}");
        let seen = real.proxy.seen();
        assert!(seen.iter().all(|s| s.header("authorization").is_none()));
    }
    real.proxy.heal();
    real.proxy.rule(Rule::any(), Fault::status(403));
    let client = real.client();
    real.proxy.forget();
    let error = real.resolve(&client).await.unwrap_err();
    assert_eq!(error.reason(), "Unauthorized");
    assert_eq!(real.proxy.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_other_namespaces_share_neither_credentials_nor_tokens() {
    let Some(real) = Real::start().await else {
        return;
    };
    let issued = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&issued);
    behind_tokens(&real.proxy, move |n| {
        count.fetch_add(1, Ordering::SeqCst);
        token(&format!(r#"{{"token": "t{n}"}}"#))
    });
    let host = real.proxy.host();
    let client = client(&format!(
        "registries: [{{host: '{host}', plainHttp: true}}]
credentials:
  - {{host: '{host}', prefix: acme, namespaces: [one], username: u1, password: p1}}
  - {{host: '{host}', prefix: acme/app, namespaces: [two], username: u2, password: p2}}
  - {{host: '{host}', prefix: acme/application, namespaces: [three], username: u3, password: p3}}"
    ));
    for namespace in ["one", "two", "three", "one", "two", "three"] {
        let access = Access {
            namespace: namespace.parse().unwrap(),
            insecure: false,
        };
        let reference = real.place("v1").parse().unwrap();
        client.resolve(&reference, &access).await.unwrap();
    }
    assert_eq!(issued.load(Ordering::SeqCst), 3);
    let shown = |path: &str| -> Vec<Option<String>> {
        let all = real.proxy.seen().into_iter();
        all.filter(|seen| seen.target.starts_with(path))
            .map(|seen| seen.header("authorization").map(str::to_owned))
            .collect()
    };
    let basic = |text: &str| Some(format!("Basic {text}"));
    assert_eq!(
        shown("/token"),
        [basic("dTE6cDE="), basic("dTI6cDI="), None]
    );
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(
        shown("/v2/")[1..],
        ["t0", "t1", "t2", "t0", "t1", "t2"].map(bearer)
    );
}

/// Set for the child process in which a credential helper hangs.
const CHILD: &str = "HEADWATER_TEST_HANGING_HELPER";

// In virtual time: the clock runs ahead while nothing but the helper is waited for.
#[tokio::test(start_paused = true)]
async fn a_credential_helper_that_hangs_is_given_up() {
    let Some(config) = std::env::var_os(CHILD) else {
        tokio::time::resume();
        return run_with_helper().await;
    };
    let client = client(&format!(
        "{{registries: [{{host: 'registry.example', plainHttp: true}}], dockerConfig: {}}}",
        std::path::PathBuf::from(config).display()
    ));
    let error = resolve(&client, "registry.example/a/b:v1")
        .await
        .unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("Unauthorized", false)
    );
    assert!(
        error.to_string().contains("did not answer in 10 s"),
        "{error}"
    );
    assert_eq!(client.stats().total(), 0);
}

/// Runs the test above again in a process whose `PATH` holds the helper.
async fn run_with_helper() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::TempDir::new().unwrap();
    let helper = folder.path().join("docker-credential-hang");
    std::fs::write(&helper, "#!/bin/sh\nexec sleep 60\n").unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, r#"{"credHelpers": {"registry.example": "hang"}}"#).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "faults::registry::tokens::a_credential_helper_that_hangs_is_given_up",
        ])
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env(CHILD, config)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_a_server_handed_out_is_hidden_wherever_it_would_show() {
    const TOKEN: &str = "canary-bearer-0123456789";
    // A registry that sends us on to a host named after the token it was shown.
    let odd = OddRegistry::start(|seen| {
        let challenge = format!(
            "Bearer realm=\"http://{}/token\",service=\"odd\"",
            seen.host
        );
        match (seen.path.starts_with("/token"), &seen.authorization) {
            (true, _) => status(200, &[], format!("{{\"token\": \"{TOKEN}\"}}")),
            (false, None) => status(401, &[("www-authenticate", &challenge)], String::new()),
            (false, Some(shown)) => {
                let shown = shown.trim_start_matches("Bearer ");
                let there = format!("http://{shown}.invalid/");
                status(302, &[("location", &there)], String::new())
            }
        }
    })
    .await;
    let entry = json!({"registries": [{"host": odd.host(), "plainHttp": true}]});
    let client = client(&entry.to_string());
    let place = format!("{}/acme/app:v1", odd.host());
    let error = resolve(&client, &place).await.unwrap_err().to_string();
    assert!(error.contains(TOKEN), "otherwise nothing is shown: {error}");
    let said = headwater::telemetry::redact(&error);
    assert!(!said.contains(TOKEN), "{said}");
    assert!(said.contains("[redacted].invalid"), "{said}");
}
