//! A log that nobody reads holds nothing up, and says afterwards what it lost.

use super::*;

/// A daemon that talks, into a pipe that is not read, until it has lost lines.
fn unread(machine: &Machine) -> (Daemon, BufReader<std::process::ChildStderr>) {
    let mut command = machine.command(&["serve"]);
    command.env("HEADWATER_LOG__LEVEL", "trace,hyper=trace,reqwest=trace");
    let (daemon, log) = Daemon::start_unread(command);
    wait_for("lost lines", || {
        daemon.wake();
        daemon.board()["droppedLogLines"] != 0
    });
    (daemon, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_nothing_up_and_a_reader_who_comes_back_learns_what_was_lost()
{
    let machine = Machine::start().await;
    let (daemon, mut log) = unread(&machine);
    let heads = machine.base().heads("main");
    assert!(heads.contains_key("app:dev") && heads.contains_key("app:qa"));
    let file = ("note.txt".to_owned(), Some(b"x".to_vec()));
    let at = "2026-01-05T10:00:00Z".parse().unwrap();
    let head = machine.base().commit("Mara", at, "Note", &vec![file]);
    daemon.wake();
    daemon.wait_for("commit", |board| board["commit"] == head.as_str());

    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    assert_eq!(daemon.stop().code(), Some(0));
    let text = reader.join().unwrap();
    assert!(
        text.contains("log lines were dropped"),
        "nothing is said of it"
    );
    let told = text.lines().any(|line| line.ends_with("stopped"));
    assert!(told, "the end is not told");
}
