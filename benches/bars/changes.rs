//! Digests that moved: from the registry's answers to the pushed commit.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Repository, Signature, Time};
use headwater::plan::{Question, plan as make_plan};
use tempfile::TempDir;

use crate::corpus::{BEGIN, Corpus, path};
use crate::engine::{Ours, at};
use crate::measure::{Plan, pairs, timed};
use crate::registry::Embedded;
use crate::table::{Row, seconds};

/// One, some and many manifests of a large repository.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let watched = plan.changed[2];
    let corpus = Corpus::small(plan.manifests, watched, plan.commits);
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("base.git");
    let registry = Embedded::start();
    corpus.write(&bare, &|repository, tag| registry.push(repository, tag, 0));
    let floor = Floor::prepare(&bare, folder.path());
    let ours = Ours::open(&bare, &folder.path().join("cache"), &registry.address());
    assert!(ours.pass(plan.commits + 1), "nothing moved");
    let mut world = World {
        ours,
        registry,
        tags: corpus.watched(),
        minute: plan.commits + 1,
    };
    plan.changed
        .into_iter()
        .map(|count| row(plan, count, corpus.bytes(), &mut world, &floor))
        .collect()
}

struct World {
    ours: Ours,
    registry: Embedded,
    tags: Vec<(String, String)>,
    minute: usize,
}

fn row(plan: &Plan, count: usize, bytes: usize, world: &mut World, floor: &Floor) -> Row {
    let pair = pairs(
        plan,
        |round| world.change(count, round + 1),
        |round| timed(|| floor.change(count, bytes, round)).0,
    );
    let kilobytes = (count * bytes) as f64 / 1e3;
    let allowed = 1.3 * pair.floor.as_secs_f64() + 0.5e-3 * kilobytes;
    Row {
        what: format!(
            "{count} of {} manifests changed: planned, edited, committed, pushed",
            plan.manifests
        ),
        ours: seconds(pair.ours),
        floor: format!(
            "{} (libgit2 writes and pushes the same)",
            seconds(pair.floor)
        ),
        ratio: format!("{:.1} x", pair.ratio),
        bar: format!(
            "<= 1.3 x the floor + 0.5 ms per KB = {}",
            seconds(Duration::from_secs_f64(allowed))
        ),
        met: Some(pair.ours.as_secs_f64() <= allowed),
    }
}

impl World {
    /// Moves tags in the registry, has it asked, and times what comes behind its answers.
    fn change(&mut self, count: usize, round: usize) -> Duration {
        self.minute += 16;
        for (repository, tag) in &self.tags[..count] {
            self.registry.push(repository, tag, 1_000 * count + round);
        }
        let reconciler = &self.ours.engine.reconciler;
        let observer = &reconciler.observer;
        self.ours.runtime.block_on(async {
            let mut observation = observer.observe(at(self.minute)).await.unwrap();
            let asked = make_plan(&observation).questions;
            assert!(asked.iter().all(|q| matches!(q, Question::Resolve(_))));
            observer.answer(&mut observation, &asked).await.unwrap();
            let begin = Instant::now();
            observer.read_ahead(&mut observation).await.unwrap();
            let made = loop {
                let made = make_plan(&observation);
                let fresh: Vec<Question> = made
                    .questions
                    .iter()
                    .filter(|q| matches!(q, Question::Blob(_)))
                    .cloned()
                    .collect();
                if fresh.is_empty() {
                    break made;
                }
                observer.answer(&mut observation, &fresh).await.unwrap();
            };
            let receipt = reconciler.applier.apply(&made).await;
            let time = begin.elapsed();
            assert_eq!(made.changes.len(), count);
            assert_eq!(receipt.done.len(), 1, "{receipt:?}");
            time
        })
    }
}

/// libgit2 alone: blobs, trees, a commit, a push to a bare repository.
struct Floor {
    clone: PathBuf,
    remote: PathBuf,
}

impl Floor {
    fn prepare(bare: &Path, folder: &Path) -> Self {
        let copy = |from: &Path, name: &str| {
            let to = folder.join(name);
            git2::build::RepoBuilder::new()
                .bare(true)
                .clone(from.to_str().unwrap(), &to)
                .unwrap();
            to
        };
        let remote = copy(bare, "floor.git");
        let clone = copy(&remote, "floor-clone.git");
        Self { clone, remote }
    }

    fn change(&self, count: usize, bytes: usize, round: usize) {
        let clone = Repository::open_bare(&self.clone).unwrap();
        let head = clone.find_reference("refs/heads/main").unwrap();
        let head = head.peel_to_commit().unwrap();
        let mut update = TreeUpdateBuilder::new();
        for stream in 0..count {
            let line = format!("# {count} {stream} {round}\n");
            let blob = clone
                .blob(line.repeat(bytes / line.len()).as_bytes())
                .unwrap();
            update.upsert(path(stream).as_str(), blob, FileMode::Blob);
        }
        let tree = update
            .create_updated(&clone, &head.tree().unwrap())
            .unwrap();
        let tree = clone.find_tree(tree).unwrap();
        let at = Time::new(BEGIN, 0);
        let who = Signature::new("Mara", "mara@example.com", &at).unwrap();
        clone
            .commit(
                Some("refs/heads/main"),
                &who,
                &who,
                "change\n",
                &tree,
                &[&head],
            )
            .unwrap();
        let mut remote = clone
            .remote_anonymous(self.remote.to_str().unwrap())
            .unwrap();
        remote
            .push(&["refs/heads/main:refs/heads/main"], None)
            .unwrap();
    }
}
