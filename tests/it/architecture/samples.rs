//! The readers of the house rules see what they must and nothing else: tried on samples.

use super::files::{File, mark_tests};
use super::{forbidden_arrows, impurities, long_functions, panics};

fn sample(path: &str, text: &str) -> File {
    File::new(path.to_owned(), text.to_owned())
}

#[test]
fn test_modules_in_files_of_their_own_are_tests() {
    let body = "fn f() { x.unwrap() }";
    let files = mark_tests(vec![
        sample("git/mod.rs", "#[cfg(test)]\nmod tests;\nmod testing;"),
        sample("git/tests.rs", body),
        sample("git/tests/more.rs", body),
        sample("git/testing.rs", body),
        sample("forge/tests.rs", body),
        sample("daemon.rs", "#[cfg(test)] mod tests;"),
        sample("daemon/tests.rs", body),
    ]);
    let found: Vec<String> = files.iter().flat_map(panics).collect();
    assert_eq!(
        found,
        [
            "src/git/testing.rs:1: unwrap",
            "src/forge/tests.rs:1: unwrap"
        ]
    );
}

#[test]
fn wrong_arrows_are_seen_however_they_are_written() {
    for text in [
        "use crate::git::Mirror;",
        "use crate::{model::Digest, git};",
        "use crate::{\n    model::{self, Digest},\n    git::{Mirror, transport::*},\n};",
        "fn f(x: Vec<crate::git::Mirror>) {}",
        "fn f() { format!(\"{}\", crate::git::name()) }",
        "use super::super::git::Mirror;",
        "mod inner { use super::super::super::git::Mirror; }",
        "use crate::*;",
        "use crate::Mirror;",
        "#[cfg(test)] mod tests { use crate::git::Mirror; }",
    ] {
        let found = forbidden_arrows(&sample("plan/effect.rs", text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
    }
    for text in [
        "use crate::model::Digest;",
        "use crate::{manifests, plan::Change};",
        "use super::change::Change;",
        "pub(crate) fn f() {}",
        "// use crate::git::Mirror;\nconst A: &str = \"crate::git\";",
        "mod tests { use super::super::git; }",
    ] {
        let found = forbidden_arrows(&sample("plan/effect.rs", text));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
    assert!(forbidden_arrows(&sample("demo/mod.rs", "use crate::git::Mirror;")).is_empty());
    assert_eq!(
        forbidden_arrows(&sample("model/mod.rs", "use crate::plan::Plan;")).len(),
        1
    );
}

#[test]
fn impurity_is_seen_outside_tests_only() {
    for text in [
        "async fn f() {}",
        "use std::{collections::BTreeMap, fs};",
        "fn f() { std::env::var(\"A\"); }",
        "use std::time::SystemTime;",
        "fn f() -> Timestamp { jiff::Timestamp::now() }",
    ] {
        let found = impurities(&sample("plan/mod.rs", text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(impurities(&sample("git/mod.rs", text)).is_empty());
        let tests = format!("#[cfg(test)]\nmod tests {{ {text} }}");
        assert!(impurities(&sample("plan/mod.rs", &tests)).is_empty());
    }
}

#[test]
fn panics_and_lengths_are_counted_outside_tests_only() {
    let body = "    let a = 1;\n".repeat(80);
    let text = format!(
        "fn a() {{ b().unwrap(); }}\nfn b() {{ todo!() }}\nfn c() {{ x.map(Option::unwrap); json![y.expect(\"\")] }}\n\
         fn fine() {{ x.unwrap_or(panic != (1) && y.expect != z) }}\nfn long() {{\n{body}}}\n\
         #[cfg(test)]\nmod tests {{\n    fn t() {{ x.unwrap(); panic!() }}\n{body}}}\n#[cfg(not(test))]\nfn d() {{ x.unwrap() }}\n"
    );
    let file = sample("plan/mod.rs", &text);
    let lines: Vec<String> = panics(&file);
    assert_eq!(
        lines,
        [
            "src/plan/mod.rs:1: unwrap",
            "src/plan/mod.rs:2: todo",
            "src/plan/mod.rs:3: unwrap",
            "src/plan/mod.rs:3: expect",
            "src/plan/mod.rs:172: unwrap",
        ]
    );
    assert_eq!(
        long_functions(&file),
        ["src/plan/mod.rs:5: long has 82 lines"]
    );
    assert_eq!(file.source().lines, 4 + 82 + 2);
}
