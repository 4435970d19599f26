//! A crash says what happened, with a secret in it or not, and shows none.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headwater::cli::output::clean::clean_lines;
use headwater::config::known::register_login;
use headwater::telemetry::report_bug;

/// Set for the process that is to crash: this very test, in a process of its own.
const MARK: &str = "HEADWATER_IT_CRASH";
const SECRET: &str = "canary/c4a5+h0 \"x";

/// Crashes as the program does, with a secret in what it was about.
fn crash() {
    register_login("bot", &SECRET.into());
    std::panic::set_hook(Box::new(|info| {
        report_bug(&clean_lines(&format!("error: a bug: {info}")));
    }));
    let header = STANDARD.encode(format!("bot:{SECRET}"));
    panic!("sent `{SECRET}` as `Basic {header}` to https://bot:pass@git.example");
}

#[test]
fn a_crash_shows_no_secret() {
    if std::env::var_os(MARK).is_some() {
        crash();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "observability::crash::a_crash_shows_no_secret"])
        .arg("--nocapture")
        .env(MARK, "1")
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    assert!(!output.status.success(), "it crashed");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("error: a bug: "), "{text}");
    assert_eq!(text.matches("[redacted]").count(), 3, "{text}");
    let header = STANDARD.encode(format!("bot:{SECRET}"));
    for shown in ["canary", "h0 ", header.trim_end_matches('='), "bot:pass"] {
        assert!(!text.contains(shown), "{shown} in {text}");
    }
}
