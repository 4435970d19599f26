//! No secret on any sink: everything that is written at the most talkative level, while everything goes wrong.

use std::io::Write as _;
use std::process::Command;

use super::tokens::behind_tokens;
use super::*;

/// Set for the child process whose every word is read.
const CHILD: &str = "HEADWATER_TEST_TALKATIVE";

/// Every secret holds this word; the third is base64 of `robot:canary-password`.
const SECRETS: [&str; 3] = ["canary-", "Y2FuYXJ5", "cm9ib3Q6"];

#[test]
fn no_secret_shows_on_any_sink() {
    if std::env::var_os(CHILD).is_some() {
        return talk();
    }
    if !crate::support::docker_registry::have(&["docker-registry", "skopeo", "umoci"]) {
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "faults::registry::secrets::no_secret_shows_on_any_sink",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // Otherwise nothing was listened to.
    for word in [
        "trying again",
        "TRACE",
        "Unauthorized",
        "redirects",
        "Door {",
    ] {
        assert!(said.contains(word), "`{word}` was not said:\n{said}");
    }
    for line in said.lines() {
        for secret in SECRETS {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

/// Makes everything go wrong and shows all there is to show.
fn talk() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let real = Real::start().await.unwrap();
        let tries = ways().into_iter().flat_map(|way| {
            let real = &real;
            [true, false].map(|by_password| one(real, way.clone(), by_password))
        });
        join_all(tries).await;
    });
}

/// One thing goes wrong, for a client with a password or with an identity token.
async fn one(real: &Real, (rule, fault): (Rule, Fault), by_password: bool) {
    let proxy = FaultProxy::before(real.registry.host()).await;
    proxy.rule(rule, fault);
    behind_tokens(&proxy, |_| {
        Reply::new(200, &[], r#"{"token": "canary-token"}"#)
    });
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let host = proxy.host();
    let auths = json!({"auths": {&host: {"identitytoken": "canary-identity"}}});
    std::fs::write(&config, auths.to_string()).unwrap();
    let entry = json!([{"host": host, "plainHttp": true}]);
    let login = json!([{"host": host, "username": "robot", "password": "canary-password"}]);
    let settings = if by_password {
        json!({"registries": entry, "credentials": login})
    } else {
        json!({"registries": entry, "dockerConfig": config})
    };
    show(&client(&settings.to_string()), &proxy, &real.digest).await;
}

/// What goes wrong.
fn ways() -> Vec<(Rule, Fault)> {
    let sent_on = "http://127.0.0.1:1/blob?sig=canary-sas";
    let leaky = [
        ("www-authenticate", "Bearer realm=\"http://canary-realm/\""),
        ("set-cookie", "id=canary-cookie"),
    ];
    vec![
        (Rule::on("NONE", ""), Fault::Nothing),
        (Rule::on("*", "^/v2/"), Fault::status(500)),
        (Rule::on("*", "^/v2/"), Fault::CutHead(30)),
        (Rule::on("GET", "^/v2/"), Fault::corrupt(9)),
        (Rule::on("*", "^/v2/"), Fault::redirect(sent_on)),
        (
            Rule::on("*", "^/v2/"),
            Fault::redirect("{path}?sig=canary-sas"),
        ),
        (
            Rule::on("*", "^/v2/"),
            Fault::reply(401, &leaky, "canary-body"),
        ),
        (
            Rule::on("*", "^/token"),
            Fault::reply(403, &leaky, "canary-body"),
        ),
        (
            Rule::on("*", "^/token"),
            Fault::reply(200, &[], "canary-body"),
        ),
        (Rule::on("*", "^/token"), Fault::CutBody(5)),
        (
            Rule::any(),
            Fault::Raw(b"canary-raw canary-raw\r\n\r\n".to_vec()),
        ),
    ]
}

async fn show(client: &Client, proxy: &FaultProxy, digest: &Digest) {
    let pinned = place(proxy, &format!("@{digest}"));
    let resolved = resolve(client, &place(proxy, "v1")).await;
    let described = describe(client, &pinned).await;
    let tags = crate::registry::tags(client.clone(), format!("{}/acme/app", proxy.host())).await;
    say(&format!("{resolved:?}\n{described:?}\n{tags:?}"));
    let errors = [resolved.err(), described.err(), tags.err()];
    for error in errors.into_iter().flatten() {
        let reference = pinned.parse().unwrap();
        say(&format!(
            "{error}\n{error:?}\n{}",
            error.canonical(&reference)
        ));
    }
    say(&format!(
        "{client:?} {:?} {:?}",
        client.stats(),
        client.doors()
    ));
}

/// Past the test harness, to where the parent reads.
fn say(text: &str) {
    let mut out = std::io::stdout();
    out.write_all(format!("{text}\n").as_bytes()).unwrap();
}
