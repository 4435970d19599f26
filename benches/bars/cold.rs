//! Cold starts: no mirror, no cache, a new process's worth of work.

use std::path::Path;
use std::time::Duration;

use git2::{ObjectType, Repository, TreeWalkMode, TreeWalkResult};
use granit_parser::Parser;
use tempfile::TempDir;

use crate::corpus::{Corpus, pinned};
use crate::engine::{Ours, at};
use crate::measure::{Plan, pairs, timed};
use crate::table::{Row, seconds};

/// Small manifests, and large ones with status.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let small = Corpus::small(plan.manifests, 0, plan.commits);
    let large = Corpus::large(plan.manifests, plan.commits);
    vec![row(plan, &small, 3), row(plan, &large, 6)]
}

fn row(plan: &Plan, corpus: &Corpus, most: u64) -> Row {
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("base.git");
    corpus.write(&bare, &pinned);
    let pair = pairs(
        plan,
        |round| {
            let cache = folder.path().join(format!("cache-{round}"));
            let ours = Ours::open(&bare, &cache, "127.0.0.1:1");
            let observer = &ours.engine.reconciler.observer;
            let (time, observation) = timed(|| {
                ours.runtime
                    .block_on(observer.observe(at(plan.commits + 1)))
            });
            let observation = observation.unwrap();
            assert_eq!(observation.snapshot.documents.streams.len(), plan.manifests);
            assert_eq!(observation.history.commits.len(), plan.commits + 1);
            time
        },
        |round| {
            let copy = folder.path().join(format!("copy-{round}.git"));
            timed(|| read_all(&bare, &copy)).0
        },
    );
    let size = corpus.bytes() as f64 / 1e3;
    Row {
        what: format!(
            "cold start (mirror, parse, history of {} commits), {} manifests of {size:.1} KB",
            plan.commits, plan.manifests
        ),
        ours: seconds(pair.ours),
        floor: format!(
            "{} (bare clone, every file read once and scanned as YAML, all cores)",
            seconds(pair.floor)
        ),
        ratio: format!("{:.1} x", pair.ratio),
        bar: format!("<= {most} s on two cores"),
        met: Some(pair.ours <= Duration::from_secs(most)),
    }
}

/// The least there is to do: a copy of the repository, and every file of its head through the same YAML scanner.
fn read_all(bare: &Path, copy: &Path) {
    git2::build::RepoBuilder::new()
        .bare(true)
        .clone(bare.to_str().unwrap(), copy)
        .unwrap();
    let mirror = Repository::open_bare(copy).unwrap();
    let tree = mirror.head().unwrap().peel_to_tree().unwrap();
    let mut blobs = Vec::new();
    tree.walk(TreeWalkMode::PreOrder, |_, entry| {
        if entry.kind() == Some(ObjectType::Blob) {
            blobs.push(entry.id());
        }
        TreeWalkResult::Ok
    })
    .unwrap();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for part in blobs.chunks(blobs.len().div_ceil(cores)) {
            scope.spawn(move || {
                let mirror = Repository::open_bare(copy).unwrap();
                let odb = mirror.odb().unwrap();
                for id in part {
                    let object = odb.read(*id).unwrap();
                    let text = std::str::from_utf8(object.data()).unwrap();
                    assert!(Parser::new_from_str(text).all(|event| event.is_ok()));
                }
            });
        }
    });
}
