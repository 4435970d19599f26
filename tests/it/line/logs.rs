//! Logs that machines read: field names are those of the table, a failure is told once, and a quiet pass says nothing.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::str::FromStr as _;

use headwater::telemetry::FIELDS;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::serve::{signal, wait_for};
use super::*;
use crate::support::running::Running;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Names of fields in all logging macros of a piece of source.
fn fields(tokens: TokenStream, into: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for at in 0..tokens.len() {
        let TokenTree::Group(group) = &tokens[at] else {
            continue;
        };
        let word = |back: usize| at.checked_sub(back).map(|i| tokens[i].to_string());
        let is_macro = word(1).as_deref() == Some("!") && word(5).as_deref() == Some("tracing");
        if is_macro && group.delimiter() == Delimiter::Parenthesis {
            let is_span = word(2).is_some_and(|name| name.ends_with("span"));
            arguments(group.stream(), is_span, into);
        } else {
            fields(group.stream(), into);
        }
    }
}

/// Fields of one macro: everything in front of the message.
fn arguments(tokens: TokenStream, is_span: bool, into: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let comma = |token: &TokenTree| token.to_string() == ",";
    for (index, argument) in tokens.split(comma).enumerate() {
        match argument {
            [] => {}
            [TokenTree::Literal(_), ..] if is_span && index == 0 => {}
            [TokenTree::Literal(_), ..] => return,
            [TokenTree::Ident(word), TokenTree::Punct(colon), ..]
                if word == "target" && colon.as_char() == ':' => {}
            all => {
                let name = all
                    .iter()
                    .skip_while(|t| matches!(t, TokenTree::Punct(p) if "%?".contains(p.as_char())))
                    .take_while(|t| t.to_string() != "=");
                into.insert(name.map(ToString::to_string).collect());
            }
        }
    }
}

fn sources(folder: &std::path::Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Tests may log what they like.
            let text = text.split("\n#[cfg(test)]").next().unwrap();
            let tokens = TokenStream::from_str(text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
            fields(tokens, into);
        }
    }
}

#[test]
fn every_line_that_logs_uses_the_fields_of_the_table_and_the_readme_shows_it() {
    let mut used = BTreeSet::new();
    sources(&std::path::Path::new(ROOT).join("src"), &mut used);
    let known: BTreeSet<String> = FIELDS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(
        used.len() > 15,
        "the reader finds nothing any more: {used:?}"
    );
    let unknown: Vec<&String> = used.difference(&known).collect();
    assert!(unknown.is_empty(), "no table has {unknown:?}");
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    for (name, meaning) in FIELDS {
        let row = format!("| `{name}` | {meaning} |");
        assert!(readme.contains(&row), "the README lacks {row}");
    }
}

#[test]
fn fields_are_found_however_they_are_written() {
    let source = r#"fn f() { if x { tracing::warn!(target: "a", error = %e, path, ?host, "b {}", c = d); }
        tracing::info_span!("pass", pass = id); other::warn!(nothing = 1); }"#;
    let mut found = BTreeSet::new();
    fields(TokenStream::from_str(source).unwrap(), &mut found);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["error", "host", "pass", "path"]);
}

/// A daemon whose log is a file.
struct Logged {
    child: Running,
    file: std::path::PathBuf,
}

impl Logged {
    fn start(line: &Line, level: &str) -> Self {
        let file = line.machine.folder().join("log");
        let mut command = line.command(&["serve", "--tick", "1s", "--listen", "off"]);
        let child = Running::start(
            command
                .env("HEADWATER_LOG__FORMAT", "json")
                .env("HEADWATER_LOG__LEVEL", level)
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(&file).unwrap()),
        );
        Self { child, file }
    }

    /// All whole lines so far that are objects.
    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// Lines with this message, once so many passes have ended.
    fn after_passes(&self, passes: usize) -> Vec<Value> {
        let ended = |line: &&Value| line["message"] == "the pass ended";
        wait_for(|| self.lines().iter().filter(ended).count() >= passes);
        self.lines()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_once_with_every_field_and_a_quiet_pass_says_nothing() {
    let line = Line::new().await;
    let _base = line.base();
    line.settings("http://127.0.0.1:1");
    let logged = Logged::start(&line, "debug");
    let lines = logged.after_passes(3);
    let warned: Vec<&Value> = lines
        .iter()
        .filter(|line| line["level"] == "WARN")
        .collect();
    assert_eq!(
        warned.len(),
        3,
        "one for each tag, whatever follows: {warned:#?}"
    );
    for (field, value) in [
        ("host", "registry.example"),
        ("reason", "InternalError"),
        ("fault", "remote"),
        ("retry", "later"),
    ] {
        assert_eq!(warned[0][field], value, "{:#}", warned[0]);
    }
    for field in [
        "pass",
        "stream",
        "tag",
        "repository",
        "error",
        "next_try",
        "timestamp",
        "target",
    ] {
        assert!(warned[0][field].is_string(), "{field}: {:#}", warned[0]);
    }
    assert_eq!(warned[0]["tries"], 1);
    assert!(
        warned.iter().all(|line| line["pass"] == warned[0]["pass"]),
        "one pass, one id"
    );
    let ended = |line: &&Value| line["message"] == "the pass ended";
    let passes: BTreeSet<String> = lines
        .iter()
        .filter(ended)
        .map(|l| l["pass"].to_string())
        .collect();
    assert!(
        passes.len() >= 3,
        "every pass has an id of its own: {passes:?}"
    );
    let loud = lines
        .iter()
        .filter(|line| line["level"] != "DEBUG" && line["pass"].is_string());
    assert_eq!(loud.count(), 3, "passes after the first are quiet");
    signal(&logged.child, "TERM");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_goes_away_is_told_once_and_once_more_when_it_is_back() {
    let line = Line::new().await;
    let base = line.base();
    let logged = Logged::start(&line, "debug");
    logged.after_passes(1);
    let away = base.path().with_extension("away");
    std::fs::rename(base.path(), &away).unwrap();
    let failed = |line: &Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with("the pass failed")
    };
    wait_for(|| logged.lines().iter().filter(|line| failed(line)).count() >= 3);
    std::fs::rename(&away, base.path()).unwrap();
    let back = |line: &Value| line["message"] == "passes come to a plan again";
    wait_for(|| logged.lines().iter().any(back));
    let lines = logged.lines();
    let errors: Vec<&Value> = lines
        .iter()
        .filter(|line| line["level"] == "ERROR")
        .collect();
    assert_eq!(errors[0]["tries"], 1);
    for error in &errors {
        for field in ["pass", "error", "reason", "fault", "retry"] {
            assert!(error[field].is_string(), "{field}: {error:#}");
        }
    }
    // Whatever was being read while it went away may fail in a way of its own, hence two reasons at most.
    let reasons: BTreeSet<&str> = errors.iter().filter_map(|e| e["reason"].as_str()).collect();
    assert!(
        errors.len() <= 2 && reasons.len() == errors.len(),
        "a reason is told once: {errors:#?}"
    );
    let back = lines.iter().find(|line| back(line)).unwrap();
    assert!(
        back["level"] == "INFO" && back["tries"].as_u64() >= Some(3),
        "{back:#}"
    );
    signal(&logged.child, "TERM");
}
