//! Passes with nothing due over a large repository.

use tempfile::TempDir;

use crate::corpus::Corpus;
use crate::engine::Ours;
use crate::measure::{Plan, pairs, timed};
use crate::registry::Embedded;
use crate::table::{Row, seconds};

/// The second pass and later ones, at an instant at which no tag is due; the floor only looks whether the base moved.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let corpus = Corpus::small(plan.manifests, plan.watched, plan.commits);
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("base.git");
    let registry = Embedded::start();
    corpus.write(&bare, &|repository, tag| registry.push(repository, tag, 0));
    let ours = Ours::open(&bare, &folder.path().join("cache"), &registry.address());
    let now = plan.commits + 1;
    let (first, still) = timed(|| ours.pass(now));
    assert!(still, "nothing moved");
    let pair = pairs(
        plan,
        |_| {
            let (time, still) = timed(|| ours.pass(now));
            assert!(still, "nothing moved");
            time
        },
        |_| timed(|| look(&bare)).0,
    );
    vec![Row {
        what: format!("pass with nothing due, {} manifests", plan.manifests),
        ours: format!(
            "{} (the first one, with {} tags due: {})",
            seconds(pair.ours),
            plan.watched,
            seconds(first)
        ),
        floor: format!("{} (libgit2 reads the remote's refs)", seconds(pair.floor)),
        ratio: format!("{:.0} x", pair.ratio),
        bar: "<= 0.1 s".to_owned(),
        met: Some(pair.ours.as_secs_f64() <= 0.1),
    }]
}

fn look(bare: &std::path::Path) {
    let there = git2::Repository::open_bare(bare).unwrap();
    assert!(there.references().unwrap().count() > 0);
}
