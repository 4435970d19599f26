//! Tags asked for again, none of which moved: a whole pass against raw requests.

use std::time::Duration;

use headwater::model::Digest;
use tempfile::TempDir;

use crate::corpus::Corpus;
use crate::engine::Ours;
use crate::measure::{Pair, Plan, pairs, timed};
use crate::network::{Wire, heads};
use crate::registry::Registry;
use crate::table::{Row, seconds};

/// A round trip within a continent.
const FAR: Duration = Duration::from_millis(50);
/// Passes are a quarter of an hour and a minute apart, so that every tag is due.
pub(crate) const APART: usize = 16;

/// A registry beside us, and the same one far away; requests are counted on the wire.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let corpus = Corpus {
        streams: plan.checked / 4,
        tags: 4,
        events: 1,
        watched: plan.checked / 4,
        scheduled: 4,
        commits: 0,
        twins: 0,
    };
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("base.git");
    let tags = corpus.watched();
    let (registry, digests) = Registry::start(&tags);
    let digest = |repository: &str, tag: &str| -> Digest {
        digests[&(repository.to_owned(), tag.to_owned())].clone()
    };
    corpus.write(&bare, &digest);
    let address = registry.address();
    let near = race(plan, &bare, &folder.path().join("near"), &address, &tags, 4);
    let wire = Wire::to(&address, FAR);
    let far_address = wire.address.to_string();
    let far_cache = folder.path().join("far");
    let ours = Ours::open(&bare, &far_cache, &far_address);
    assert!(ours.pass(1), "nothing moved");
    let before = wire.requests();
    assert!(ours.pass(1 + APART), "nothing moved");
    let counted = wire.requests() - before;
    drop(ours);
    let far = race(plan, &bare, &far_cache, &far_address, &tags, 64);
    let what = format!("re-check of {} tags", tags.len());
    let requests = row_of_requests(&what, counted, tags.len());
    vec![
        row(
            &format!("{what}, {}", registry.name()),
            &near,
            4,
            tags.len(),
        ),
        row(&format!("{what}, 50 ms away"), &far, 64, tags.len()),
        requests,
    ]
}

/// Passes of ours over tags that are all due, against raw requests.
pub(crate) fn race(
    plan: &Plan,
    bare: &std::path::Path,
    cache: &std::path::Path,
    address: &str,
    tags: &[(String, String)],
    connections: usize,
) -> Pair {
    let ours = Ours::open(bare, cache, address);
    // Passes go on from where an earlier engine of the same cache stood.
    let begin = 10 * APART;
    assert!(ours.pass(begin), "nothing moved");
    let raw = crate::network::apart();
    pairs(
        plan,
        |round| {
            let (time, still) = timed(|| ours.pass(begin + (round + 1) * APART));
            assert!(still, "nothing moved");
            time
        },
        |_| timed(|| raw.block_on(heads(address, tags, connections))).0,
    )
}

/// The row of a race.
pub(crate) fn row(what: &str, pair: &Pair, connections: usize, tags: usize) -> Row {
    let speed = 1.0 / pair.ratio;
    let rate = |time: Duration| format!("{:.0} tags/s", tags as f64 / time.as_secs_f64());
    Row {
        what: what.to_owned(),
        ours: format!("{} ({})", seconds(pair.ours), rate(pair.ours)),
        floor: format!(
            "{} ({}; raw HEAD, {connections} connections)",
            seconds(pair.floor),
            rate(pair.floor)
        ),
        ratio: format!("{speed:.2} x"),
        bar: ">= 0.8 x the floor".to_owned(),
        met: Some(speed >= 0.8),
    }
}

/// The row of what was counted on the wire.
pub(crate) fn row_of_requests(what: &str, counted: usize, tags: usize) -> Row {
    let each = counted as f64 / tags as f64;
    Row {
        what: format!("{what}: requests"),
        ours: format!("{counted} requests"),
        floor: format!("{tags} (one per tag)"),
        ratio: format!("{each:.3}"),
        bar: "<= 1.05 per tag, and 1 per host and scope".to_owned(),
        met: Some(counted as f64 <= 1.05 * tags as f64 + 1.0),
    }
}
