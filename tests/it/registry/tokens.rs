//! Who gets which credentials, and how often.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{client, index, plain, resolve, resolve_owned, status};
use crate::support::odd_registry::{OddRegistry, Seen};

/// A registry behind tokens: `valid` is the only one it accepts.
async fn token_registry(valid: Arc<Mutex<String>>, issued: Arc<AtomicUsize>) -> OddRegistry {
    OddRegistry::start(move |seen: &Seen| {
        let valid = valid.lock().unwrap().clone();
        if seen.path.starts_with("/token") {
            issued.fetch_add(1, Ordering::Relaxed);
            return status(
                200,
                &[],
                format!(r#"{{"access_token": "{valid}", "expires_in": 300}}"#),
            );
        }
        if seen.authorization == Some(format!("Bearer {valid}")) {
            return index();
        }
        let repository = seen
            .path
            .trim_start_matches("/v2/")
            .split("/manifests/")
            .next()
            .unwrap();
        let challenge = format!(
            r#"Bearer realm="http://{}/token",service="odd",scope="repository:{repository}:pull""#,
            seen.host
        );
        status(401, &[("www-authenticate", &challenge)], "")
    })
    .await
}

#[tokio::test]
async fn a_redirect_to_another_origin_goes_without_credentials() {
    let store = OddRegistry::start(|_| index()).await;
    let target = format!("http://{}/blob", store.host());
    let odd = OddRegistry::start(move |seen| match &seen.authorization {
        None => status(401, &[("www-authenticate", "Basic realm=x")], ""),
        Some(_) => status(307, &[("location", &target)], ""),
    })
    .await;
    let host = odd.host();
    let client = client(&format!(
        "registries: [{{host: '{host}', plainHttp: true}}]
credentials: [{{host: '{host}', username: u, password: canary}}]"
    ));
    assert!(resolve(&client, &format!("{host}/a/b:v1")).await.is_ok());
    assert_eq!(store.seen().len(), 1);
    assert_eq!(store.seen()[0].method, "HEAD");
    assert!(
        store.seen().iter().all(|seen| seen.authorization.is_none()),
        "{:?}",
        store.seen()
    );
}

#[tokio::test]
async fn a_token_is_fetched_once_per_repository_and_again_when_it_is_revoked() {
    let (valid, issued) = (
        Arc::new(Mutex::new("one".to_owned())),
        Arc::new(AtomicUsize::new(0)),
    );
    let odd = token_registry(Arc::clone(&valid), Arc::clone(&issued)).await;
    let client = plain(&odd.host());
    let place =
        |repository: usize, tag: usize| format!("{}/acme/app{repository}:v{tag}", odd.host());
    resolve(&client, &place(0, 0)).await.unwrap();
    let rest = (0..10).flat_map(|r| (1..5).map(move |t| (r, t)));
    let asked = rest.map(|(r, t)| resolve_owned(client.clone(), place(r, t)));
    assert!(
        futures_util::future::join_all(asked)
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(
        issued.load(Ordering::Relaxed),
        10,
        "one token per repository, however many ask at once"
    );
    assert_eq!(
        client.stats().count("HEAD", "4xx"),
        1,
        "the first challenge teaches for the whole host"
    );
    assert_eq!(client.stats().count("HEAD", "2xx"), 41);

    *valid.lock().unwrap() = "two".to_owned();
    resolve(&client, &place(0, 0)).await.unwrap();
    assert_eq!(issued.load(Ordering::Relaxed), 11);
    assert_eq!(client.stats().count("HEAD", "4xx"), 2);
    let query = odd
        .seen()
        .iter()
        .find(|s| s.path.starts_with("/token"))
        .unwrap()
        .path
        .clone();
    assert_eq!(
        query,
        "/token?service=odd&scope=repository%3Aacme%2Fapp0%3Apull"
    );
}

#[tokio::test]
async fn a_registry_that_never_accepts_its_own_tokens_is_not_asked_in_a_loop() {
    let odd = OddRegistry::start(|seen| {
        if seen.path.starts_with("/token") {
            return status(200, &[], r#"{"token": "t", "expires_in": -1}"#);
        }
        let challenge = format!(r#"Bearer realm="http://{}/token",scope="s""#, seen.host);
        status(401, &[("www-authenticate", &challenge)], "")
    })
    .await;
    let client = plain(&odd.host());
    let error = resolve(&client, &format!("{}/a/b:v1", odd.host()))
        .await
        .unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("Unauthorized", false)
    );
    assert_eq!(odd.seen().len(), 3);
}

#[tokio::test]
async fn a_token_server_elsewhere_gets_nothing_unless_the_operator_names_it() {
    let elsewhere =
        OddRegistry::start_at("127.0.0.2", |_| status(200, &[], r#"{"token": "t"}"#)).await;
    let realm = format!("http://{}/token", elsewhere.host());
    let odd = OddRegistry::start(move |seen| match seen.authorization.as_deref() {
        Some("Bearer t") => index(),
        _ => status(
            401,
            &[("www-authenticate", &format!("Bearer realm=\"{realm}\""))],
            "",
        ),
    })
    .await;
    let host = odd.host();
    let settings = |realms: &str| {
        format!(
            "registries: [{{host: '{host}', plainHttp: true, tokenRealms: [{realms}]}}]
credentials: [{{host: '{host}', username: u, password: canary}}]"
        )
    };
    let error = resolve(&client(&settings("")), &format!("{host}/a/b:v1"))
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "Unauthorized");
    assert!(error.to_string().contains("tokenRealms"), "{error}");
    assert!(elsewhere.seen().is_empty());
    assert!(
        resolve(&client(&settings("127.0.0.2")), &format!("{host}/a/b:v1"))
            .await
            .is_ok()
    );
    assert!(
        elsewhere.seen()[0]
            .authorization
            .as_deref()
            .unwrap()
            .starts_with("Basic ")
    );
}

#[tokio::test]
async fn token_servers_that_misbehave_are_refusals_and_not_loops() {
    for (code, body) in [
        (200, "{}"),
        (200, "no json"),
        (200, r#"{"token": "a\nb"}"#),
        (403, ""),
        (404, ""),
    ] {
        let odd = OddRegistry::start(move |seen| {
            if seen.path.starts_with("/token") {
                return status(code, &[], body);
            }
            let challenge = format!(r#"Bearer realm="http://{}/token""#, seen.host);
            status(401, &[("www-authenticate", &challenge)], "")
        })
        .await;
        let error = resolve(&plain(&odd.host()), &format!("{}/a/b:v1", odd.host()))
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "Unauthorized", "{code} {body}: {error}");
        assert_eq!(odd.seen().len(), 2);
    }
}

#[tokio::test]
async fn a_credential_helper_is_asked_for_its_host() {
    const CHILD: &str = "HEADWATER_TEST_HELPER_CONFIG";
    let Some(config) = std::env::var_os(CHILD) else {
        return run_with_helper(CHILD).await;
    };
    let odd = OddRegistry::start(|seen| match seen.authorization.as_deref() {
        Some("Basic aGVscGVkOmNhbmFyeQ==") => index(),
        _ => status(401, &[("www-authenticate", "Basic realm=x")], ""),
    })
    .await;
    let host = odd.host();
    let config = std::path::PathBuf::from(config);
    std::fs::write(
        &config,
        format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#),
    )
    .unwrap();
    let client = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], dockerConfig: {}}}",
        config.display()
    ));
    resolve(&client, &format!("{host}/a/b:v1")).await.unwrap();
}

/// Runs the test above again in a process whose `PATH` holds a helper, because a process's own must not change.
async fn run_with_helper(variable: &str) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::TempDir::new().unwrap();
    let helper = folder.path().join("docker-credential-test");
    let script = "#!/bin/sh\nread -r server\n[ \"$1\" = get ] && [ -n \"$server\" ] && echo '{\"Username\": \"helped\", \"Secret\": \"canary\"}'\n";
    std::fs::write(&helper, script).unwrap();
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "registry::tokens::a_credential_helper_is_asked_for_its_host",
        ])
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env(variable, folder.path().join("config.json"))
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[tokio::test]
async fn an_identity_token_is_exchanged_and_never_shown_to_the_registry() {
    let odd = OddRegistry::start(|seen| {
        if seen.path.starts_with("/token") {
            assert_eq!(
                (seen.method.as_str(), seen.authorization.as_deref()),
                ("POST", None)
            );
            return status(200, &[], r#"{"access_token": "fresh"}"#);
        }
        match seen.authorization.as_deref() {
            Some("Bearer fresh") => index(),
            _ => status(401, &[("www-authenticate", &challenge(&seen.host))], ""),
        }
    })
    .await;
    let host = odd.host();
    let config = tempfile::NamedTempFile::new().unwrap();
    let auths = format!(r#"{{"auths": {{"https://{host}/v2/": {{"identitytoken": "canary"}}}}}}"#);
    std::fs::write(config.path(), auths).unwrap();
    let client = client(&format!(
        "{{registries: [{{host: '{host}', plainHttp: true}}], dockerConfig: {}}}",
        config.path().display()
    ));
    resolve(&client, &format!("{host}/a/b:v1")).await.unwrap();
    assert_eq!(odd.seen().len(), 3);
    assert!(odd.seen().iter().all(|seen| !seen.path.contains("canary")));
    assert_eq!(
        odd.seen()[1].body,
        "grant_type=refresh_token&client_id=headwater&scope=s&refresh_token=canary"
    );
}

fn challenge(host: &str) -> String {
    format!(r#"Bearer realm="http://{host}/token",scope="s""#)
}
