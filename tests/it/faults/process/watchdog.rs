//! Liveness and readiness: a pass that hangs is seen, and a repository that was never read is not called ready.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_hangs_is_not_alive_and_is_again_once_it_comes_round() {
    let machine = Machine::start().await;
    let (entered, pushing) = std::sync::mpsc::channel();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    machine.git.between(move || {
        entered.send(()).unwrap();
        let _ = gate.recv();
    });
    machine.settle_settings(|settings| settings["daemon"]["stalledAfter"] = "1s".into());
    let daemon = machine.serve();
    let pushed = tokio::task::spawn_blocking(move || pushing.recv());
    pushed.await.unwrap().unwrap();
    assert_eq!(daemon.get("/readyz").0, 503, "the first pass is under way");
    wait_for("stall", || daemon.get("/healthz").0 == 503);
    let (_, text) = daemon.get("/healthz");
    assert!(text.contains("stalled, overdue for"), "{text}");
    assert_eq!(daemon.passes(), 0);

    // The Git server comes round: the pass ends, and the daemon rests in peace.
    drop(go);
    daemon.wait_for("pass", |board| board["passes"] != 0);
    wait_for("life", || daemon.get("/healthz").0 == 200);
    let (code, text) = daemon.get("/readyz");
    assert_eq!((code, text.contains("ready, at ")), (200, true), "{text}");
    assert_eq!(daemon.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_away_is_no_reason_to_start_anew() {
    let machine = Machine::start().await;
    let daemon = Daemon::start(machine.command_for("http://127.0.0.1:1/x.git", &["serve"]));
    daemon.wait_for("failed pass", |board| !board["failure"].is_null());
    assert_eq!(daemon.get("/healthz").0, 200);
    let (code, why) = daemon.get("/readyz");
    assert_eq!((code, why.contains("cannot reach")), (503, true), "{why}");
    assert_eq!(daemon.stop().code(), Some(0));
}
