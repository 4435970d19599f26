//! What a running daemon shows of itself: metrics that are read strictly, and edges that do not answer.

use std::collections::BTreeSet;

use super::serve::{get, signal, start, wait_for};
use super::*;
use crate::support::git_http::hook;
use crate::support::scrape::Scrape;

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// The body of a plain answer, whatever way it is sent.
fn scrape(address: &str) -> Scrape {
    let answer = get(address, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let head = answer.split_once("\r\n\r\n").unwrap().0.to_lowercase();
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    Scrape::read(body(&answer))
}

fn board(address: &str) -> Value {
    serde_json::from_str(body(&get(address, "/status"))).unwrap()
}

/// Names in the README's table of metrics.
fn documented() -> BTreeSet<String> {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let rows = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `headwater_"));
    rows.map(|row| format!("headwater_{}", row.split('`').next().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_read_strictly_and_are_those_of_the_table() {
    let line = Line::new().await;
    let base = line.base();
    let (mut child, address) = start(&line, &["--tick", "1h"]);
    let qa = "environments/qa/rendered/myapp/deployment.yaml";
    wait_for(|| base.show("main", qa).is_some());
    wait_for(|| scrape(&address).sum("headwater_passes_total", &[("outcome", "quiet")]) > 0.0);
    let scrape = scrape(&address);
    signal(&child, "TERM");
    child.wait().unwrap();

    let names: BTreeSet<String> = scrape.kinds.keys().cloned().collect();
    let documented = documented();
    let unknown: Vec<&String> = names.difference(&documented).collect();
    assert!(unknown.is_empty(), "the README lacks {unknown:?}");
    // Where nothing is held, there is no reason to show.
    let missing: Vec<&String> = documented.difference(&names).collect();
    assert!(
        missing.iter().all(|name| *name == "headwater_holds"),
        "{missing:?}"
    );
    for (name, labels) in scrape.samples.keys() {
        for (label, value) in labels {
            let odd = value.contains("sha256") || value.contains("://") || value.contains('/');
            assert!(!odd && value.len() < 64, "{name}: {label}={value}");
        }
    }
    let sum =
        |name: &str, labels: &[(&str, &str)]| scrape.sum(&format!("headwater_{name}"), labels);
    assert!(sum("passes_total", &[("outcome", "moved")]) >= 1.0);
    assert_eq!(sum("passes_total", &[("outcome", "failed")]), 0.0);
    assert_eq!(
        sum("pass_duration_seconds_count", &[]),
        sum("passes_total", &[])
    );
    assert!(sum("last_successful_pass_timestamp_seconds", &[]) > 1.7e9);
    assert!(sum("commits_total", &[]) >= 2.0);
    let gets = [("method", "GET"), ("outcome", "2xx")];
    assert!(sum("registry_requests_total", &gets) >= 3.0);
    // How many there are depends on how promptly the host answers; at rest nobody uses any.
    let permits = sum("registry_permits", &[("host", "registry.example")]);
    assert!(permits >= 1.0);
    assert_eq!(sum("registry_permits_free", &[]), permits);
    assert_eq!(sum("registry_waiting", &[]), 0.0);
    assert!(sum("registry_received_bytes_total", &[]) > 0.0);
    assert!(
        sum(
            "git_transfers_total",
            &[("kind", "fetch"), ("outcome", "ok")]
        ) >= 2.0
    );
    assert!(sum("question_rounds_total", &[]) >= 1.0);
    assert!(sum("questions_total", &[]) >= 3.0);
    assert_eq!(sum("stages", &[]), 5.0);
    assert_eq!(sum("edges_broken", &[]) + sum("panics_total", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_does_not_answer_is_an_edge_with_its_tries_and_whom_it_concerns() {
    let line = Line::new().await;
    let _base = line.base();
    line.settings("http://127.0.0.1:1");
    let ran = line.said(&["run"]).await;
    assert_eq!(ran.code, 75, "a retry may mend it: {ran:?}");
    let said = line.said(&["status", "-o", "json"]).await;
    let edges = &said.json()["edges"];
    assert_eq!(edges.as_array().unwrap().len(), 1, "{edges:#}");
    let edge = &edges[0];
    assert_eq!(edge["kind"], "registry");
    assert_eq!(
        (&edge["name"], &edge["state"]),
        (&"registry.example".into(), &"waiting".into())
    );
    assert_eq!(
        (&edge["reason"], &edge["fault"]),
        (&"InternalError".into(), &"remote".into())
    );
    assert_eq!(edge["affected"], serde_json::json!(["keycloak", "myapp"]));
    assert_eq!(
        (&edge["unaffectedPipelines"], &edge["tags"]),
        (&0.into(), &3.into())
    );
    assert!(
        edge["tries"].as_u64() >= Some(1) && edge["since"].is_string(),
        "{edge:#}"
    );
    assert!(
        edge["nextTry"].as_str() > edge["since"].as_str(),
        "{edge:#}"
    );
    line.said(&["status"]).await.has(&[
        "registry registry.example",
        "next try",
        "it may heal by itself",
        "3 tags affected, of pipelines keycloak, myapp",
    ]);

    // Once it answers, there is no broken edge any more.
    line.settings(&line.registry.url());
    std::fs::remove_dir_all(line.machine.folder().join("cache/observed")).unwrap();
    assert_eq!(line.said(&["run"]).await.code, 0);
    let said = line.said(&["status", "-o", "json"]).await;
    assert_eq!(said.json()["edges"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_goes_away_is_an_edge_that_every_pipeline_needs() {
    let line = Line::new().await;
    let base = line.base();
    let (mut child, address) = start(&line, &["--tick", "1s"]);
    wait_for(|| board(&address)["stages"].as_array().unwrap().len() == 5);
    assert_eq!(board(&address)["edges"], serde_json::json!([]));
    let away = base.path().with_extension("away");
    std::fs::rename(base.path(), &away).unwrap();
    wait_for(|| board(&address)["edges"][0]["tries"].as_u64() >= Some(2));
    let edge = board(&address)["edges"][0].clone();
    assert_eq!(
        (&edge["kind"], &edge["affectedPipelines"]),
        (&"git".into(), &2.into()),
        "{edge:#}"
    );
    assert!(
        edge["since"].is_string() && edge["nextTry"].is_string(),
        "{edge:#}"
    );
    let broken = |address: &str| {
        let scrape = scrape(address);
        let failures = scrape.sum("headwater_edge_failures_total", &[("edge", "git")]);
        (
            scrape.sum("headwater_edges_broken", &[("edge", "git")]),
            failures,
        )
    };
    let (now, failures) = broken(&address);
    assert!(now == 1.0 && failures >= 2.0, "{now} {failures}");
    // A push that was under way may have begun a folder where the repository was.
    wait_for(|| {
        let _none = std::fs::remove_dir_all(base.path());
        std::fs::rename(&away, base.path()).is_ok()
    });
    wait_for(|| board(&address)["edges"] == serde_json::json!([]));
    assert_eq!(broken(&address).0, 0.0);
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_push_is_counted_and_seen_by_those_who_only_look() {
    let line = Line::new().await;
    let base = line.base();
    hook(base.path(), "pre-receive", "exit 1");
    let (mut child, address) = start(&line, &["--tick", "1h"]);
    let refused = [("fault", "operator")];
    wait_for(|| scrape(&address).sum("headwater_refusals_total", &refused) >= 1.0);
    signal(&child, "TERM");
    child.wait().unwrap();
    for look in [&["status"][..], &["why", "myapp/dev"]] {
        let said = line.said(&[look, &["-o", "json"]].concat()).await;
        for words in ["\"broken\"", "the push was refused", "pre-receive"] {
            assert!(said.stdout.contains(words), "{words}: {said:?}");
        }
    }
}
