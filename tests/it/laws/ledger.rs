//! What a story may and may not have done, read from Git alone, commit by commit: identity, the way forward, records that
//! stand once, brakes that were on, and digests that nobody served. Nothing of the program under test is asked.

use std::collections::{BTreeMap, BTreeSet};

use headwater::model::{Digest, Set, StreamKey};
use serde_yaml::Value;

use crate::support::world::Repository;

/// Who commits for the engine.
pub(crate) const US: &str = "headwater@localhost";

/// A tag that takes what another tag holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Road {
    /// `stream:tag`.
    pub(crate) tag: &'static str,
    /// The tag of the stage before.
    pub(crate) source: &'static str,
    /// The stage, as commits name it.
    pub(crate) stage: &'static str,
    /// Where it is deployed.
    pub(crate) environment: &'static str,
    /// Whether that place takes commits, so that outputs follow the tag without anybody's consent.
    pub(crate) by_commit: bool,
}

/// The roads of the small world.
pub(crate) const SMALL: [Road; 2] = [
    Road {
        tag: "app:qa",
        source: "app:dev",
        stage: "app/qa",
        environment: "qa",
        by_commit: true,
    },
    Road {
        tag: "app:prod",
        source: "app:qa",
        stage: "app/prod",
        environment: "prod",
        by_commit: false,
    },
];

/// The past of `main` as far as it was read.
pub(crate) struct Ledger {
    roads: Vec<Road>,
    read: Option<String>,
    /// Commits read so far.
    at: usize,
    heads: BTreeMap<String, Digest>,
    records: BTreeMap<String, String>,
    /// Every record that ever stood on a tag.
    brought: BTreeSet<(String, String)>,
    /// Digests by tag, with the index of the last commit that made them current there.
    came: BTreeMap<String, BTreeMap<Digest, usize>>,
    last_forward: BTreeMap<String, usize>,
    /// Tags that a person put somewhere outputs do not follow, and that nobody moved since.
    by_hand: BTreeSet<String>,
    /// What people threw out of a stage: never again by us.
    pub(crate) thrown_out: BTreeSet<(String, Digest)>,
}

impl Ledger {
    /// Nothing was read yet.
    pub(crate) fn new(roads: &[Road]) -> Self {
        Self {
            roads: roads.to_vec(),
            read: None,
            at: 0,
            heads: BTreeMap::new(),
            records: BTreeMap::new(),
            brought: BTreeSet::new(),
            came: BTreeMap::new(),
            last_forward: BTreeMap::new(),
            by_hand: BTreeSet::new(),
            thrown_out: BTreeSet::new(),
        }
    }

    /// Where tags pointed when it was last read.
    pub(crate) fn head(&self, tag: &str) -> Option<&Digest> {
        self.heads.get(tag)
    }

    /// Whether we ever made a digest current in a tag.
    pub(crate) fn was_in(&self, tag: &str, digest: &Digest) -> bool {
        self.came.get(tag).is_some_and(|c| c.contains_key(digest))
    }

    /// Whether a person put a tag somewhere outputs do not follow, and nobody moved it since.
    pub(crate) fn is_by_hand(&self, tag: &str) -> bool {
        self.by_hand.contains(tag)
    }

    /// Whether the source of a road holds something newer than what last went along it.
    pub(crate) fn has_news(&self, road: &Road) -> bool {
        let Some(there) = self.head(road.source) else {
            return false;
        };
        let came = self.came.get(road.source).and_then(|c| c.get(there));
        let floor = self.last_forward.get(road.tag);
        self.head(road.tag) != Some(there) && came.is_some_and(|c| floor.is_none_or(|f| c > f))
    }

    /// Reads what is new; `is_known` says whether a digest was ever served for a stream.
    pub(crate) fn read(
        &mut self,
        repository: &Repository,
        is_known: impl Fn(&str, &Digest) -> bool,
    ) {
        for id in repository.line_since(self.read.as_deref()) {
            self.commit(repository, &id, &is_known);
            self.read = Some(id);
            self.at += 1;
        }
    }

    fn commit(
        &mut self,
        repository: &Repository,
        id: &str,
        is_known: &impl Fn(&str, &Digest) -> bool,
    ) {
        let (heads, records) = (repository.heads(id), repository.records(id));
        let ours = repository.committer(id) == US;
        for (tag, digest) in &heads {
            let stream = tag.split(':').next().unwrap();
            assert!(
                is_known(stream, digest),
                "{id}: {tag} holds {digest}, which nobody served"
            );
        }
        let fresh = self.fresh_records(&records);
        if ours {
            let again = records.iter().find(|(tag, record)| {
                self.records.get(*tag) != Some(*record) && !fresh.contains(*tag)
            });
            assert_eq!(again, None, "{id}: a tag bears a record twice");
        }
        let moved: Vec<(String, Digest)> = heads
            .iter()
            .filter(|(tag, digest)| self.heads.get(*tag) != Some(*digest))
            .map(|(tag, digest)| (tag.clone(), digest.clone()))
            .collect();
        for (tag, digest) in moved {
            let road = self.roads.iter().find(|road| road.tag == tag).copied();
            let merged = !ours && fresh.contains(&tag) && is_promotion(records.get(&tag));
            match road {
                Some(road) if ours => self.moved(repository, id, road, &digest, &records),
                Some(road) if merged => self.forward(road, &digest),
                _ => {}
            }
            let followed =
                || road.is_some_and(|road| self.is_followed(repository, id, road, &digest));
            if ours || fresh.contains(&tag) || followed() {
                self.by_hand.remove(&tag);
            } else {
                self.by_hand.insert(tag.clone());
            }
            if ours || merged {
                let came = self.came.entry(tag).or_default();
                came.insert(digest, self.at);
            }
        }
        (self.heads, self.records) = (heads, records);
    }

    /// Whether outputs say what a person made of a tag, or will without anybody's consent: a set that was there before and
    /// comes back is what the stage holds.
    fn is_followed(&self, repository: &Repository, id: &str, road: Road, digest: &Digest) -> bool {
        let mine = images(repository, id).filter(|image| image.environment == road.environment);
        let said: Vec<String> = mine.filter_map(|image| image.digest).collect();
        (road.by_commit && self.was_in(road.tag, digest))
            || (!said.is_empty() && said.iter().all(|image| image == digest.as_str()))
    }

    /// Tags that bear a record which never stood there before.
    fn fresh_records(&mut self, records: &BTreeMap<String, String>) -> BTreeSet<String> {
        let mut fresh = BTreeSet::new();
        for (tag, record) in records {
            if self.brought.insert((tag.clone(), record.clone())) {
                fresh.insert(tag.clone());
            }
        }
        fresh
    }

    /// A move of ours along a road.
    fn moved(
        &mut self,
        repository: &Repository,
        id: &str,
        road: Road,
        digest: &Digest,
        records: &BTreeMap<String, String>,
    ) {
        let tag = road.tag;
        let there = self.came.get(road.source).and_then(|c| c.get(digest));
        let there = *there.unwrap_or_else(|| {
            panic!(
                "{id}: {tag} moved to {digest}, which never was in {}",
                road.source
            )
        });
        let floor = self.last_forward.get(tag).copied().unwrap_or(0);
        assert!(
            there >= floor,
            "{id}: {tag} went back to {digest} by itself"
        );
        assert!(
            !self.thrown_out.contains(&(tag.to_owned(), digest.clone())),
            "{id}: {tag} took {digest} again, which people threw out"
        );
        let record = records.get(tag);
        let record = record.unwrap_or_else(|| panic!("{id}: {tag} moved without a record"));
        proves(repository, id, road, digest, record);
        let brake = brake(repository, &format!("{id}^"), road, digest);
        assert_eq!(brake, None, "{id}: {tag} moved although a brake was on");
        self.forward(road, digest);
    }

    fn forward(&mut self, road: Road, digest: &Digest) {
        if let Some(there) = self.came.get(road.source).and_then(|c| c.get(digest)) {
            self.last_forward.insert(road.tag.to_owned(), *there);
        }
    }
}

fn is_promotion(record: Option<&String>) -> bool {
    record.is_some_and(|r| r.contains("\"cause\":\"promotion\""))
}

/// The record names the set, and a commit at which the source held it.
fn proves(repository: &Repository, id: &str, road: Road, digest: &Digest, record: &str) {
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    let stream = road.tag.split(':').next().unwrap();
    let stream = StreamKey::try_from(format!("default/{stream}")).unwrap();
    let set = Set::new([(stream, digest.clone())]).id().to_string();
    assert_eq!(record["set"].as_str(), Some(set.as_str()), "{id}: {record}");
    let from = record["from"].as_array().unwrap();
    assert!(!from.is_empty(), "{id}: {record}");
    for source in from {
        let commit = source["commit"].as_str().unwrap();
        assert_eq!(
            repository.heads(commit).get(road.source),
            Some(digest),
            "{id}: {record}"
        );
    }
}

/// The file in a commit that forbids this move.
fn brake(repository: &Repository, name: &str, road: Road, digest: &Digest) -> Option<String> {
    let files = repository.files(name);
    let brakes = files
        .iter()
        .filter(|(path, _)| path.starts_with("holds/") || path.starts_with("freezes/"));
    for (path, text) in brakes {
        let Ok(document) = serde_yaml::from_str::<Value>(text) else {
            return Some(path.clone());
        };
        let spec = &document["spec"];
        let names = |field: &str, wanted: &str| {
            let list = spec[field].as_sequence();
            list.is_none_or(|l| l.iter().any(|v| v.as_str() == Some(wanted)))
        };
        let (pipeline, stage) = road.stage.split_once('/').unwrap();
        let forbids = match document["kind"].as_str() {
            Some("Hold") => {
                let one = spec["set"].as_str().or(spec["digest"].as_str());
                spec["lifted"].as_bool() != Some(true)
                    && spec["pipeline"].as_str() == Some(pipeline)
                    && names("stages", stage)
                    && one.is_none_or(|one| digest.as_str() == one)
            }
            Some("Freeze") => names("environments", road.environment),
            _ => true,
        };
        if forbids {
            return Some(path.clone());
        }
    }
    None
}

/// An image line of an output.
struct ImageLine {
    path: String,
    environment: String,
    application: String,
    line: String,
    digest: Option<String>,
}

fn images(repository: &Repository, name: &str) -> impl Iterator<Item = ImageLine> {
    let files = repository.files(name).into_iter();
    files.flat_map(|(path, text)| {
        let place = path
            .strip_prefix("environments/")
            .and_then(|p| p.split_once("/rendered/"))
            .map(|(environment, rest)| (environment, rest.split('/').next().unwrap()));
        let lines = text
            .lines()
            .filter(|l| place.is_some() && l.trim_start().starts_with("image:"));
        let (environment, application) = place.unwrap_or_default();
        let images = lines.map(|line| ImageLine {
            path: path.clone(),
            environment: environment.to_owned(),
            application: application.to_owned(),
            line: line.to_owned(),
            digest: line.rsplit_once('@').map(|(_, d)| d.to_owned()),
        });
        images.collect::<Vec<_>>()
    })
}

/// Every image line in outputs is pinned to where the tag of its place points. `tag` names it, or `None` for places that
/// are not to be looked at.
pub(crate) fn pins(repository: &Repository, tag: impl Fn(&str, &str) -> Option<String>) {
    let heads = repository.heads("main");
    for image in images(repository, "main") {
        let Some(tag) = tag(&image.environment, &image.application) else {
            continue;
        };
        let head = heads.get(&tag).map(Digest::as_str);
        let (path, line) = (&image.path, &image.line);
        assert_eq!(image.digest.as_deref(), head, "{path}: {line}, but {tag}");
    }
}
