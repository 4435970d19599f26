//! Settings read anew while the daemon runs: all of them or none, and never under a pass.

use super::*;

fn commits(machine: &Machine) -> Vec<String> {
    let mut git = machine.hermetic.command("git");
    git.args([
        "--git-dir",
        "served/base.git",
        "log",
        "--format=%cn",
        "main",
    ]);
    let output = git.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
    names.reverse();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_under_way_ends_with_the_old_settings_and_the_next_has_the_new_ones() {
    let machine = Machine::start().await;
    let (entered, pushing) = std::sync::mpsc::channel();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    machine.git.between(move || {
        entered.send(()).unwrap();
        let _ = gate.recv();
    });
    let (daemon, log) = Daemon::start_unread(machine.command(&["serve"]));
    tokio::task::spawn_blocking(move || pushing.recv())
        .await
        .unwrap()
        .unwrap();
    machine.settle_settings(|settings| {
        settings["git"]["committer"] = json!({"name": "renewed", "email": "headwater@localhost"});
        settings["daemon"]["listen"] = "off".into();
    });
    daemon.signal("HUP");
    let mut lines = log.lines().map(Result::unwrap);
    let heard = lines.any(|line| line.contains("read anew before the next pass"));
    assert!(heard, "the signal is heard in the middle of a pass");
    std::thread::spawn(move || lines.for_each(drop));
    drop(go);

    wait_for("qa", || machine.base().heads("main").contains_key("app:qa"));
    let names = commits(&machine);
    assert_eq!(names, ["Mara", "headwater", "renewed"], "before, and after");
    daemon.wait_for("new settings", |board| {
        board["settings"]["needsRestart"] == json!(["daemon.listen"])
    });
    assert_eq!(daemon.board()["settings"]["failure"], Value::Null);
    assert_eq!(daemon.stop().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_leave_the_old_ones_and_are_shown_until_mended() {
    let machine = Machine::start().await;
    let daemon = machine.serve();
    wait_for("qa", || machine.base().heads("main").contains_key("app:qa"));
    let failure = |board: &Value| board["settings"]["failure"].as_str().map(str::to_owned);
    for (bad, word) in [
        (json!({"daemon": {"tick": "never"}}).to_string(), "tick"),
        (
            json!({"git": {"caFile": "gone.pem"}}).to_string(),
            "gone.pem",
        ),
        ("{".to_owned(), "settings.yaml"),
    ] {
        std::fs::write(machine.folder().join("settings.yaml"), bad).unwrap();
        daemon.signal("HUP");
        daemon.wait_for(word, |board| {
            failure(board).is_some_and(|why| why.contains(word))
        });
        // The work goes on by what was read before.
        let file = ("note.txt".to_owned(), Some(word.as_bytes().to_vec()));
        let at = "2026-01-05T10:00:00Z".parse().unwrap();
        let head = machine.base().commit("Mara", at, "Note", &vec![file]);
        daemon.wake();
        daemon.wait_for("commit", |board| board["commit"] == head.as_str());
        assert!(failure(&daemon.board()).is_some());
    }
    machine.settle_settings(|_| {});
    daemon.signal("HUP");
    daemon.wait_for("good settings", |board| failure(board).is_none());
    assert_eq!(daemon.stop().code(), Some(0));
}
