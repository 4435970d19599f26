//! A registry that takes connections and says nothing: a daemon goes on without it, and has what it says later.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::*;
use crate::support::fault_proxy::{Fault, FaultProxy, Rule};

/// Every source is asked for each second, and nothing settles for long.
const CONFIG: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: headwater}\nspec: {import: {settle: 1s, interval: 1s}}\n";
/// The pipeline of a stream whose images come from another host.
const WEB: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: web}\nspec:\n  stages:\n    - {name: dev, environments: []}\n";

/// A machine with a second pipeline, whose registry is reached through a proxy.
async fn two_hosts(tick: &str) -> (Machine, FaultProxy) {
    let mut files = small::files();
    files.retain(|(path, _)| path != "headwater.yaml");
    let web = small::stream("web").replace("registry.example", "elsewhere.example");
    files.extend(
        [
            (
                "headwater.yaml",
                CONFIG.replace("interval: 1s", &format!("interval: {tick}")),
            ),
            ("pipelines/web/imagestream.yaml", web),
            ("pipelines/web/pipeline.yaml", WEB.to_owned()),
        ]
        .map(|(path, text)| (path.to_owned(), text)),
    );
    let machine = Machine::with(files).await;
    machine
        .registry
        .push("acme/web", "main", BuildSpec::default());
    let registry = machine.registry.url();
    let proxy = FaultProxy::before(registry.strip_prefix("http://").unwrap()).await;
    machine.settle_settings(|settings| {
        let registry = &mut settings["registry"];
        // A question that is waited for to its end would be waited for longer than any test.
        registry["readTimeout"] = "20m".into();
        registry["totalTimeout"] = "1h".into();
        let elsewhere = json!({
            "host": "elsewhere.example", "mirror": format!("http://{}", proxy.host()), "plainHttp": true,
        });
        registry["registries"].as_array_mut().unwrap().push(elsewhere);
        settings["daemon"]["tick"] = tick.into();
    });
    (machine, proxy)
}

fn hold<'b>(board: &'b Value, tag: &str) -> Option<&'b Value> {
    let holds = board["holds"].as_array()?;
    let about = |hold: &&Value| hold["subject"]["tag"].to_string().contains(tag);
    holds.iter().find(about)
}

fn edge(board: &Value) -> &Value {
    let edges = board["edges"].as_array().unwrap();
    assert!(edges.len() <= 1, "{edges:#?}");
    edges.first().unwrap_or(&Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_says_nothing_is_asked_once_and_the_others_go_on_without_it() {
    let (machine, proxy) = two_hosts("1s").await;
    proxy.rule(Rule::any(), Fault::Silence);
    let daemon = machine.serve();
    let arrived = |digest: &Digest| {
        let heads = machine.base().heads("main");
        heads.get("app:qa").is_some_and(|head| head == digest)
    };
    let first = machine.build("1.1.0");
    wait_for("the image of the good host", || arrived(&first));

    daemon.wait_for("a word about the other", |board| {
        edge(board)["name"] == "elsewhere.example"
    });
    let board = daemon.board();
    let silent = edge(&board).clone();
    assert_eq!(silent["state"], "waiting", "{silent:#}");
    assert_eq!(silent["reason"], "NotAnswered");
    assert_eq!((&silent["tries"], &silent["tags"]), (&json!(0), &json!(1)));
    assert_eq!(silent["affected"], json!(["web"]));
    let told = hold(&board, "web").unwrap();
    assert_eq!(told["state"], "waiting", "{told:#}");
    let why = told["why"].as_str().unwrap();
    assert!(
        why.starts_with("elsewhere.example was asked at 20"),
        "{why}"
    );
    let (_, metrics) = daemon.get("/metrics");
    assert!(
        metrics.contains("headwater_edges_broken{edge=\"registry\"} 1\n"),
        "{metrics}"
    );

    // A build of later comes through as well, and after many passes it is still the first question that is under way.
    let second = machine.build("1.2.0");
    wait_for("the next image of the good host", || arrived(&second));
    let passes = daemon.passes();
    daemon.wait_for("more passes", |board| {
        board["passes"].as_u64() > Some(passes + 3)
    });
    let board = daemon.board();
    assert_eq!(edge(&board)["since"], silent["since"], "{board:#}");
    let asked = proxy.seen();
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!(asked[0].status, None);

    // Settings read anew do not have it asked again, and another process learns from the daemon what that waits for.
    daemon.wake();
    daemon.wait_for("the same question", |board| {
        edge(board)["since"] == silent["since"]
    });
    assert_eq!(proxy.seen().len(), 1, "it is the same question still");
    let mut status = machine.command(&["status"]);
    status.env("HEADWATER_DAEMON__LISTEN", &daemon.address);
    let said = Said::of(status).await;
    let page = format!("served by the daemon at http://{}/status", daemon.address);
    said.ends(
        0,
        &[&page, "registry elsewhere.example", "has not answered yet"],
    );
    let mut other = machine.command(&["status", "-o", "json"]);
    other.env("HEADWATER_DAEMON__LISTEN", "127.0.0.1:1");
    let said = Said::of(other).await;
    said.ends(0, &[]);
    assert!(!said.text.contains("\"daemon\""), "{}", said.text);

    assert_eq!(daemon.stop().code(), Some(0));
    assert_eq!(proxy.seen().len(), 1);
    assert!(!machine.base().heads("main").contains_key("web:dev"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_says_late_wakes_a_pass_that_has_it_without_asking_again() {
    let (machine, proxy) = two_hosts("1h").await;
    let (open, gate) = watch::channel(false);
    proxy.rule(Rule::any(), Fault::Until(gate));
    let (daemon, lines) = Daemon::start_unread(machine.command(&["serve"]));
    let log = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&log);
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            written.lock().unwrap().push_str(&(line + "\n"));
        }
    });
    let times = |words: &str| log.lock().unwrap().matches(words).count();
    let silent = "`elsewhere.example` has not answered yet: passes go on without it";
    wait_for("a word in the log", || times(silent) == 1);
    daemon.wait_for("a word about the host", |board| {
        edge(board)["reason"] == "NotAnswered"
    });
    assert_eq!(proxy.seen().len(), 1);

    open.send(true).unwrap();
    wait_for("the late image", || {
        machine.base().heads("main").contains_key("web:dev")
    });
    daemon.wait_for("nothing to tell any more", |board| {
        edge(board).is_null() && hold(board, "web").is_none()
    });
    wait_for("the end of it in the log", || {
        times("`elsewhere.example` is waited for no more") == 1
    });
    assert_eq!(times(silent), 1);
    let digests =
        |seen: &crate::support::fault_proxy::Seen| seen.target.ends_with("/manifests/main");
    let asked = proxy.seen();
    assert_eq!(
        asked.iter().filter(|seen| digests(seen)).count(),
        1,
        "{asked:#?}"
    );
    assert_eq!(daemon.stop().code(), Some(0));
}
