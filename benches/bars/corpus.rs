//! A repository of many image streams, the same one for the same numbers: comments, pinned sources, status, and a past
//! of small commits.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use headwater::model::Digest;

/// Streams in one folder.
const IN_A_FOLDER: usize = 40;
/// Monday, 2026-01-05T09:00:00Z: when the first commit was made.
pub(crate) const BEGIN: i64 = 1_767_603_600;
/// Sources are asked every quarter of an hour, and changes are handed over as commits.
const CONFIG: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: headwater}\nspec: {delivery: commit, import: {interval: 15m}}\n";

/// What the repository holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Corpus {
    /// Image streams, one in each file.
    pub(crate) streams: usize,
    /// Tags of each stream.
    pub(crate) tags: usize,
    /// Recorded events of each tag.
    pub(crate) events: usize,
    /// How many of the streams have scheduled tags.
    pub(crate) watched: usize,
    /// How many tags of each of these are scheduled.
    pub(crate) scheduled: usize,
    /// Commits after the first one; each moves one tag in each of twenty streams at most.
    pub(crate) commits: usize,
    /// How many streams more watch the same tags as the first ones do.
    pub(crate) twins: usize,
}

/// The digest that a tag points to at first: what the registry holds.
pub(crate) type First<'a> = &'a dyn Fn(&str, &str) -> Digest;

impl Corpus {
    /// Manifests of about 1.5 KB, half of them with a tag that is watched.
    pub(crate) const fn small(streams: usize, watched: usize, commits: usize) -> Self {
        Self {
            streams,
            tags: 2,
            events: 1,
            watched,
            scheduled: 1,
            commits,
            twins: 0,
        }
    }

    /// Manifests of about 7 KB, most of it status.
    pub(crate) const fn large(streams: usize, commits: usize) -> Self {
        Self {
            tags: 4,
            events: 5,
            ..Self::small(streams, 0, commits)
        }
    }

    /// Every tag that is watched, as `repository` and `tag`.
    pub(crate) fn watched(&self) -> Vec<(String, String)> {
        let streams = 0..self.watched;
        streams
            .flat_map(|stream| (0..self.scheduled).map(move |tag| (repository(stream), name(tag))))
            .collect()
    }

    /// Size of one manifest.
    pub(crate) fn bytes(&self) -> usize {
        self.text(0, 0, &pinned).len()
    }

    /// Writes it as a bare repository.
    pub(crate) fn write(&self, folder: &Path, first: First<'_>) {
        let bare = Repository::init_bare(folder).unwrap();
        let odb = bare.odb().unwrap();
        let memory = odb.add_new_mempack_backend(1_000).unwrap();
        let mut tree = empty(&bare);
        let mut parent = None;
        let mut seed = 1;
        for commit in 0..=self.commits {
            let streams: BTreeSet<usize> = if commit == 0 {
                (0..self.streams + self.twins).collect()
            } else {
                let count = 1 + random(&mut seed) % 20;
                (0..count)
                    .map(|_| random(&mut seed) % self.streams)
                    .collect()
            };
            tree = self.change(&bare, tree, &streams, commit, first);
            parent = Some(record(&bare, tree, parent, commit));
        }
        let mut pack = git2::Buf::new();
        memory.dump(&bare, &mut pack).unwrap();
        let mut writer = odb.packwriter().unwrap();
        writer.write_all(&pack).unwrap();
        writer.commit().unwrap();
        let bare = Repository::open_bare(folder).unwrap();
        bare.reference("refs/heads/main", parent.unwrap(), true, "begin")
            .unwrap();
        bare.set_head("refs/heads/main").unwrap();
    }

    fn change(
        &self,
        bare: &Repository,
        tree: Oid,
        streams: &BTreeSet<usize>,
        revision: usize,
        first: First<'_>,
    ) -> Oid {
        let mut update = TreeUpdateBuilder::new();
        if revision == 0 {
            let blob = bare.blob(CONFIG.as_bytes()).unwrap();
            update.upsert("headwater.yaml", blob, FileMode::Blob);
        }
        for stream in streams {
            let text = self.text(*stream, revision, first);
            let blob = bare.blob(text.as_bytes()).unwrap();
            update.upsert(path(*stream).as_str(), blob, FileMode::Blob);
        }
        let tree = bare.find_tree(tree).unwrap();
        update.create_updated(bare, &tree).unwrap()
    }

    /// One manifest. `revision` moves its last tag.
    fn text(&self, stream: usize, revision: usize, first: First<'_>) -> String {
        let watches = if stream < self.streams {
            stream
        } else {
            stream - self.streams
        };
        let repository = repository(watches);
        let mut spec = String::new();
        let mut status = String::new();
        for tag in 0..self.tags {
            let name = name(tag);
            let scheduled = watches < self.watched && tag < self.scheduled;
            let source = format!("registry.example/{repository}:{name}");
            spec += &format!(
                "    - name: {name} # what the build of {name} pushes\n      annotations:\n        headwater.dev/source: '{{\"importMode\":\"\",\"kind\":\"DockerImage\",\"name\":\"{source}\",\"namespace\":\"\",\"reference\":false}}'\n      from: {{kind: DockerImage, name: \"{source}\"}}\n      importPolicy: {{scheduled: {scheduled}}}\n      referencePolicy: {{type: Local}}\n"
            );
            status += &format!("    - tag: {name}\n      items:\n");
            for event in (0..self.events).rev() {
                let moved = revision > 0 && tag + 1 == self.tags && event + 1 == self.events;
                let digest = if moved || event + 1 < self.events {
                    Digest::sha256(format!("{source} {revision} {event}").as_bytes())
                } else {
                    first(&repository, &name)
                };
                let generation = event + 1;
                status += &format!(
                    "        - created: \"2026-01-05T08:{event:02}:00Z\"\n          dockerImageReference: registry.example/{repository}@{digest}\n          generation: {generation}\n          image: {digest}\n"
                );
            }
        }
        let folder = stream / IN_A_FOLDER;
        format!(
            "# The stream of app{stream:05}. Comments must survive every edit.\napiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: app{stream:05}\n  namespace: team{folder:03}\nspec:\n  lookupPolicy: {{local: false}}\n  tags:\n{spec}status:\n  tags:\n{status}"
        )
    }
}

/// A digest for tags that nobody asks a registry for.
pub(crate) fn pinned(repository: &str, tag: &str) -> Digest {
    Digest::sha256(format!("{repository}:{tag}").as_bytes())
}

/// The file of a stream.
pub(crate) fn path(stream: usize) -> String {
    let folder = stream / IN_A_FOLDER;
    format!("streams/team{folder:03}/app{stream:05}.yaml")
}

fn repository(stream: usize) -> String {
    let folder = stream / IN_A_FOLDER;
    format!("team{folder:03}/app{stream:05}")
}

fn name(tag: usize) -> String {
    format!("t{tag}")
}

fn empty(bare: &Repository) -> Oid {
    bare.treebuilder(None).unwrap().write().unwrap()
}

fn record(bare: &Repository, tree: Oid, parent: Option<Oid>, number: usize) -> Oid {
    let at = BEGIN + 60 * i64::try_from(number).unwrap();
    let who = Signature::new("Mara", "mara@example.com", &Time::new(at, 0)).unwrap();
    let tree = bare.find_tree(tree).unwrap();
    let parents: Vec<_> = parent
        .map(|id| bare.find_commit(id).unwrap())
        .into_iter()
        .collect();
    let parents: Vec<_> = parents.iter().collect();
    let message = format!("change {number}\n");
    bare.commit(None, &who, &who, &message, &tree, &parents)
        .unwrap()
}

/// A number that looks as if it came by chance, the same ones in every run.
pub(crate) fn random(seed: &mut u64) -> usize {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).unwrap()
}
