//! The daemon: it works, it shows where it is, and it stops when it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::support::running::Running;

pub(super) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}

/// Starts it and reads the address it serves on.
pub(super) fn start(line: &Line, more: &[&str]) -> (Running, String) {
    let mut command = line.command(&["serve"]);
    let mut child = Running::start(command.args(more).stderr(Stdio::piped()));
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let text = lines.next().expect("it says where it serves").unwrap();
        if let Some((_, rest)) = text.split_once("http://") {
            break rest.split('/').next().unwrap().to_owned();
        }
    };
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

pub(super) fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(super) fn wait_for(mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(60), "not in a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_shows_where_it_is_and_stops_on_sigterm() {
    let line = Line::new().await;
    let base = line.base();
    let (mut child, address) = start(&line, &["--tick", "1h"]);
    // A connection that says nothing must not hold up the end.
    let _idle = TcpStream::connect(&address).unwrap();
    let qa = "environments/qa/rendered/myapp/deployment.yaml";
    wait_for(|| base.show("main", qa).is_some());
    wait_for(|| get(&address, "/healthz").contains("ok, last pass"));
    wait_for(|| get(&address, "/status").contains("myapp/prod"));
    assert!(get(&address, "/other").starts_with("HTTP/1.1 404"));

    signal(&child, "TERM");
    let start = Instant::now();
    let status = child.wait().unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_wakes_it() {
    let line = Line::new().await;
    let base = line.base();
    let (mut child, address) = start(&line, &["--tick", "1h"]);
    let passes = |address: &str| {
        let answer = get(address, "/status");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let board: Value = serde_json::from_str(body).unwrap();
        (board["passes"].as_u64().unwrap(), board["commit"].clone())
    };
    let settled = || {
        let one = passes(&address);
        std::thread::sleep(Duration::from_millis(500));
        one.0 > 0 && passes(&address) == one
    };
    wait_for(settled);
    let head = base.commit(
        "main",
        "Note",
        &[("note.txt".to_owned(), Some(b"x".to_vec()))],
    );
    signal(&child, "HUP");
    wait_for(|| passes(&address).1 == head.as_str());
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_a_repository_that_goes_away() {
    let line = Line::new().await;
    let base = line.base();
    let (mut child, address) = start(&line, &["--tick", "1s"]);
    wait_for(|| get(&address, "/healthz").contains("last pass"));
    let away = base.path().with_extension("away");
    std::fs::rename(base.path(), &away).unwrap();
    wait_for(|| !get(&address, "/status").contains("\"failures\":0"));
    std::fs::rename(&away, base.path()).unwrap();
    wait_for(|| get(&address, "/status").contains("\"failures\":0"));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_ends_it_with_what_to_do() {
    let line = Line::new().await;
    let _base = line.base();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = line.said(&["serve", "--listen", &address]).await;
    assert_eq!(said.code, 1, "{said:?}");
    said.has(&[&address, "--listen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sigterm_gives_a_stuck_pass_a_moment_and_a_second_one_none() {
    let line = Line::new().await;
    let _base = line.base();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    line.settings(&format!("http://{}", silent.local_addr().unwrap()));
    let (mut patient, _) = start(&line, &[]);
    let _first = silent.accept().unwrap();
    signal(&patient, "TERM");
    let begin = Instant::now();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(patient.try_wait().unwrap(), None, "the pass has its moment");

    // A registry of its own: what the patient one still sends must not be taken for this one's pass.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    line.settings(&format!("http://{}", other.local_addr().unwrap()));
    std::fs::remove_dir_all(line.machine.folder().join("cache")).unwrap();
    let (mut hurried, _) = start(&line, &[]);
    let _second = other.accept().unwrap();
    signal(&hurried, "TERM");
    std::thread::sleep(Duration::from_millis(300));
    signal(&hurried, "TERM");
    let second = Instant::now();
    assert_eq!(hurried.wait().unwrap().code(), Some(1));
    assert!(second.elapsed() < Duration::from_secs(4));
    assert_eq!(patient.wait().unwrap().code(), Some(0));
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}
