//! The targets of `tests/fuzz`, run here on their seeds and on damaged copies of them: the same bodies, no coverage, a
//! second in all. What a fuzzer found lies among the seeds.

mod documents;
mod edits;
mod pulls;
mod reference;
mod registries;
mod saved;
mod templates;

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// All seeds of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder.join(target))
        .unwrap_or_else(|e| panic!("there are no seeds of {target}: {e}"))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are no seeds of {target}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A seed with some bytes taken out, put in, or taken from elsewhere in it.
fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let at = any::<prop::sample::Index>;
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        "[ \\n\\t:#{}\\[\\]&*!|>'\",a-\u{e9}$0-9-]{0,4}".prop_map(String::into_bytes),
    ];
    let cut = (at(), 0..6usize, at(), 0..12usize, bytes);
    let cuts = prop::collection::vec(cut, 0..5);
    (prop::sample::select(seeds), cuts).prop_map(|(mut bytes, cuts)| {
        for (at, length, from, copied, put) in cuts {
            let at = at.index(bytes.len() + 1);
            let from = from.index(bytes.len() + 1);
            let copy = bytes[from..(from + copied).min(bytes.len())].to_vec();
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, copy.into_iter().chain(put));
        }
        bytes
    })
}

fn holds(target: &str, cases: u32, run: fn(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| run(seed));
    let asked = std::env::var("PROPTEST_CASES").ok();
    let config = Config {
        cases: asked.and_then(|c| c.parse().ok()).unwrap_or(cases),
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&damaged(seeds), |bytes| {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        std::panic::catch_unwind(|| run(&bytes))
            .map_err(|_| TestCaseError::fail(format!("with {bytes:?}, which is {shown}")))
    });
    if let Err(error) = outcome {
        panic!("{target}: {error}");
    }
}

#[test]
fn references_of_strangers_are_read_or_refused() {
    holds("reference", 2_000, reference::run);
}

#[test]
fn documents_of_strangers_are_read_or_named() {
    holds("documents", 200, documents::run);
}

#[test]
fn edits_of_strangers_files_are_edits_of_values_or_refused() {
    holds("edits", 200, edits::run);
}

#[test]
fn templates_of_strangers_render_pinned_yaml_or_are_refused() {
    holds("templates", 100, templates::run);
}

#[test]
fn answers_of_strange_registries_are_read_or_refused() {
    holds("registries", 100, registries::run);
}

#[test]
fn pull_requests_and_approvals_of_strangers_are_listed_or_named() {
    holds("pulls", 60, pulls::run);
}

#[test]
fn facts_of_strangers_give_a_plan() {
    holds("saved", 60, saved::run);
}
