//! The house rules, read from the source: which module may use which, a pure core, no panics, short functions and files,
//! nothing at the top of the repository that was not agreed, no test file that nobody runs, and a catalogue that is true.

mod files;
mod samples;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;

use files::{File, entries, root, rust_files};

/// Each module and those it may use. Binary and library roots may use all.
const ARROWS: [(&str, &[&str]); 17] = [
    ("allocator", &[]),
    ("model", &[]),
    ("manifests", &["model"]),
    ("plan", &["model", "manifests"]),
    ("config", &["model"]),
    ("registry", &["model", "config"]),
    ("egress", &["model", "config", "registry"]),
    ("git", &["model", "config"]),
    ("forge", &["model", "config", "git"]),
    ("telemetry", &["config", "model"]),
    (
        "observe",
        &[
            "plan",
            "manifests",
            "model",
            "registry",
            "egress",
            "git",
            "forge",
            "config",
        ],
    ),
    ("apply", &["plan", "model", "registry", "git", "forge"]),
    (
        "reconciler",
        &["observe", "plan", "apply", "config", "model"],
    ),
    ("daemon", &["allocator", "reconciler", "config", "model"]),
    ("server", &["model", "plan", "git", "registry", "config"]),
    ("cli", &["*"]),
    ("demo", &["*"]),
];

/// Modules without IO, clock and chance.
const CORE: [&str; 3] = ["model", "manifests", "plan"];

/// What the core must not name: paths as they stand in imports or expressions.
const IMPURE: [&[&str]; 19] = [
    &["async"],
    &["await"],
    &["tokio"],
    &["reqwest"],
    &["git2"],
    &["axum"],
    &["fastrand"],
    &["rand"],
    &["tempfile"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["SystemTime"],
    &["Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["TimeZone", "system"],
];

/// The one file that may say `unsafe`: libgit2's transports are registered by an unsafe function.
const UNSAFE_FILE: &str = "git/transport.rs";

const LONGEST_FUNCTION: usize = 80;
const LONG_FILE: usize = 400;
const LONGEST_FILE: usize = 600;

/// What may lie at the top of the repository.
const TOP: [&str; 16] = [
    ".ci",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "action.yml",
    "benches",
    "clippy.toml",
    "environments",
    "pipelines",
    "src",
    "templates",
    "tests",
];

fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn forbidden_arrows(file: &File) -> BTreeSet<String> {
    let Some(module) = file.module() else {
        return BTreeSet::new();
    };
    let allowed = ARROWS.iter().find(|(name, _)| *name == module);
    let may_use = |target: &str| {
        let known = ARROWS.iter().any(|(name, _)| *name == target);
        let allowed = allowed.is_some_and(|(_, to)| to.contains(&target) || *to == ["*"]);
        target == module || known && allowed
    };
    file.source()
        .paths
        .iter()
        .filter(|path| path.parts[0] == "crate" && path.parts.len() > 1)
        .filter(|path| !may_use(&path.parts[1]))
        .map(|path| {
            format!(
                "src/{}:{}: {module} -> {}",
                file.path, path.line, path.parts[1]
            )
        })
        .collect()
}

fn impurities(file: &File) -> Vec<String> {
    if !file.module().is_some_and(|module| CORE.contains(&module)) {
        return Vec::new();
    }
    file.source()
        .paths
        .iter()
        .filter(|path| !path.test && IMPURE.iter().any(|bad| path.contains(bad)))
        .map(|path| format!("src/{}:{}: {}", file.path, path.line, path.parts.join("::")))
        .collect()
}

fn panics(file: &File) -> Vec<String> {
    let panics = &file.source().panics;
    let show = |(line, word): &(usize, String)| format!("src/{}:{line}: {word}", file.path);
    panics.iter().map(show).collect()
}

fn long_functions(file: &File) -> Vec<String> {
    file.source()
        .functions
        .iter()
        .filter(|f| f.lines > LONGEST_FUNCTION)
        .map(|f| {
            format!(
                "src/{}:{}: {} has {} lines",
                file.path, f.line, f.name, f.lines
            )
        })
        .collect()
}

#[test]
fn every_module_uses_only_what_its_arrows_allow() {
    let files = rust_files("src");
    let exist: BTreeSet<&str> = files.iter().filter_map(File::module).collect();
    let named: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(exist, named, "the table of arrows and the modules differ");
    let found: Vec<String> = files.iter().flat_map(forbidden_arrows).collect();
    assert_none("these uses point the wrong way", &found);
}

#[test]
fn the_core_has_no_io_no_clock_and_no_chance() {
    let found: Vec<String> = rust_files("src").iter().flat_map(impurities).collect();
    assert_none(
        "the core must be told these things, not ask for them",
        &found,
    );
}

#[test]
fn nothing_outside_tests_may_panic() {
    let found: Vec<String> = rust_files("src").iter().flat_map(panics).collect();
    assert_none("these may panic", &found);
}

#[test]
fn only_the_git_transport_is_unsafe() {
    let found: Vec<String> = rust_files("src")
        .iter()
        .filter(|file| file.path != UNSAFE_FILE)
        .filter(|file| file.source().paths.iter().any(|p| p.parts == ["unsafe"]))
        .map(|file| file.path.clone())
        .collect();
    assert_none("these files say `unsafe`", &found);
}

#[test]
fn functions_fit_on_a_screen() {
    let found: Vec<String> = rust_files("src").iter().flat_map(long_functions).collect();
    assert_none("these functions are too long", &found);
}

#[test]
fn files_stay_small() {
    let mut long: Vec<(usize, String)> = rust_files("src")
        .iter()
        .map(|file| (file.source().lines, file.path.clone()))
        .filter(|(lines, _)| *lines > LONG_FILE)
        .collect();
    long.sort_by(|a, b| b.cmp(a));
    let show = |(lines, path): &(usize, String)| format!("src/{path}: {lines} lines without tests");
    let (too_long, rest): (Vec<_>, Vec<_>) =
        long.iter().partition(|(lines, _)| *lines > LONGEST_FILE);
    // Straight to stderr: what a passing test prints is not shown.
    for file in rest {
        writeln!(std::io::stderr(), "think about splitting {}", show(file)).unwrap();
    }
    let too_long: Vec<String> = too_long.into_iter().map(show).collect();
    assert_none("these files are too long", &too_long);
}

#[test]
fn every_file_says_what_it_is_for() {
    for folder in ["src", "tests"] {
        let found: Vec<String> = rust_files(folder)
            .iter()
            .filter(|file| !file.text.starts_with("//! "))
            .map(|file| format!("{folder}/{}", file.path))
            .collect();
        assert_none("these files do not open with `//!`", &found);
    }
}

#[test]
fn the_top_of_the_repository_holds_only_what_was_agreed() {
    let machine = crate::support::hermetic::Hermetic::new();
    let listed = machine
        .command("git")
        .arg("-C")
        .arg(root())
        .args(["ls-files", "-z"])
        .output()
        .unwrap();
    assert!(listed.status.success(), "this is no Git work tree");
    let text = String::from_utf8(listed.stdout).unwrap();
    let tops: BTreeSet<&str> = text
        .split('\0')
        .filter_map(|p| p.split('/').next())
        .collect();
    let found: Vec<String> = tops
        .into_iter()
        .filter(|top| !top.is_empty() && !TOP.contains(top))
        .map(str::to_owned)
        .collect();
    assert_none("nobody agreed to these at the top", &found);
}

#[test]
fn every_test_file_is_compiled() {
    let files = rust_files("tests/it");
    let declared = |folder: &str, name: &str| {
        files.iter().any(|file| {
            let holds = [format!("{folder}main.rs"), format!("{folder}mod.rs")]
                .contains(&file.path)
                || file.path == format!("{}.rs", folder.trim_end_matches('/'));
            let line = format!("mod {name};");
            holds
                && file
                    .text
                    .lines()
                    .any(|l| l == line || l.ends_with(&format!(" {line}")))
        })
    };
    let found: Vec<String> = files
        .iter()
        .filter(|file| file.path != "main.rs")
        .filter(|file| {
            let module = file
                .path
                .trim_end_matches("/mod.rs")
                .trim_end_matches(".rs");
            let (folder, name) = module
                .rfind('/')
                .map_or(("", module), |i| module.split_at(i + 1));
            !declared(folder, name)
        })
        .map(|file| format!("tests/it/{}", file.path))
        .collect();
    assert_none("no `mod` line names these", &found);
}

#[test]
fn every_fixture_is_used() {
    let folder = root().join("tests/fixtures");
    if !folder.is_dir() {
        return;
    }
    let texts: Vec<&File> = rust_files("tests")
        .iter()
        .chain(rust_files("src"))
        .collect();
    let found: Vec<String> = entries(&folder)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !texts.iter().any(|file| file.text.contains(name.as_str())))
        .collect();
    assert_none("no test names these fixtures", &found);
}

fn function_names(text: &str) -> impl Iterator<Item = &str> {
    let declared = text.split("fn ").skip(1);
    declared.filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
}

#[test]
fn the_catalogue_names_tests_that_exist() {
    let catalogue = fs::read_to_string(root().join("tests/CATALOGUE.md")).unwrap();
    let files = rust_files("tests").iter().chain(rust_files("src"));
    let functions: BTreeSet<&str> = files.flat_map(|file| function_names(&file.text)).collect();
    // The last cell of a row holds the names.
    let cells = catalogue
        .lines()
        .filter_map(|l| l.strip_suffix('|')?.rsplit('|').next());
    let names: Vec<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(names.len() > 10, "the catalogue has lost its tables");
    let found: Vec<String> = names
        .iter()
        .filter(|name| !functions.contains(**name))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none("there are no tests of these names", &found);
}
