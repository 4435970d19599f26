//! Many repositories of one registry, every tag of them scheduled and due, some of them watched by a second stream.

use std::time::Duration;

use headwater::model::Digest;
use tempfile::TempDir;

use crate::child;
use crate::corpus::Corpus;
use crate::engine::Ours;
use crate::measure::Plan;
use crate::network::Wire;
use crate::recheck::{APART, race, row, row_of_requests};
use crate::registry::Registry;
use crate::table::Row;

/// Tags of each repository.
const TAGS: usize = 5;
/// Connections of the floor, as many as ours has to a host that is near.
const CONNECTIONS: usize = 4;

/// Time against raw requests, requests on the wire, and memory.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let corpus = Corpus {
        streams: plan.checked,
        tags: TAGS,
        events: 1,
        watched: plan.checked,
        scheduled: TAGS,
        commits: 0,
        twins: plan.checked / 10,
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
    let near = folder.path().join("near");
    let pair = race(plan, &bare, &near, &address, &tags, CONNECTIONS);
    let counted = requests(&bare, &folder.path().join("counted"), &address);
    let what = format!(
        "{} scheduled tags in {} repositories, {} of them watched twice",
        tags.len(),
        corpus.watched,
        corpus.twins * TAGS
    );
    let files = (corpus.streams + corpus.twins) * corpus.bytes();
    let memory = format!("{what}: memory");
    vec![
        row(
            &format!("{what}, {}", registry.name()),
            &pair,
            CONNECTIONS,
            tags.len(),
        ),
        row_of_requests(&what, counted, tags.len()),
        child::row(memory, folder.path(), &address, 1, files),
    ]
}

/// Requests of a pass in which every tag is due and none moved.
fn requests(bare: &std::path::Path, cache: &std::path::Path, address: &str) -> usize {
    let wire = Wire::to(address, Duration::ZERO);
    let ours = Ours::open(bare, cache, &wire.address.to_string());
    assert!(ours.pass(1), "nothing moved");
    let before = wire.requests();
    assert!(ours.pass(1 + APART), "nothing moved");
    wire.requests() - before
}
