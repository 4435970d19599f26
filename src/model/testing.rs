//! What tests of several modules share.

use proptest::test_runner::Config;

/// So many cases, or as many as `PROPTEST_CASES` says. What is found becomes a plain test, so nothing is kept.
pub(crate) fn cases(few: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok();
    Config {
        cases: asked.and_then(|asked| asked.parse().ok()).unwrap_or(few),
        failure_persistence: None,
        ..Config::default()
    }
}
