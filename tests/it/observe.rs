//! The observe edge on real repositories: documents, the past of tags, answers of registries, pull requests.

mod answers;
mod caches;
mod documents;
mod past;
mod pulls;

use std::path::PathBuf;
use std::sync::Arc;

use headwater::config::forge::OfflineSettings;
use headwater::config::git::GitSettings;
use headwater::config::registry::RegistrySettings;
use headwater::forge::OfflineForge;
use headwater::git::{Person, Repository, Us};
use headwater::model::promotion::{PROMOTION, SOURCE};
use headwater::model::{Digest, StreamKey, TagKey, Timestamp};
use headwater::observe::{Observer, ObserverSettings};
use headwater::plan::{History, Observation};
use headwater::registry::Client;
use serde_json::json;

use crate::support::hermetic::{BareRepository, Change, Hermetic};

const OURS: &str = "headwater <headwater@localhost>";
const STREAM: &str = "streams/myapp.yaml";

/// The instant of every pass here.
fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// A machine with a cache folder that survives observers.
struct World {
    machine: Hermetic,
}

impl World {
    fn new() -> Self {
        Self {
            machine: Hermetic::new(),
        }
    }

    fn base(&self) -> BareRepository<'_> {
        self.machine.bare_repository("base")
    }

    fn cache(&self) -> PathBuf {
        self.machine.folder().join("cache")
    }

    fn repository(&self, base: &BareRepository<'_>) -> Repository {
        let settings = GitSettings {
            cache_dir: self.cache().join("git"),
            ..GitSettings::default()
        };
        Repository::open(base.path().to_str().unwrap(), &settings, false).unwrap()
    }

    /// An observer as a process of its own would have it.
    fn observer(&self, base: &BareRepository<'_>) -> Observer {
        self.observer_with(base, RegistrySettings::default())
    }

    fn observer_with(&self, base: &BareRepository<'_>, registry: RegistrySettings) -> Observer {
        let repository = self.repository(base);
        let registry = RegistrySettings {
            use_docker_config: false,
            ..registry
        };
        let settings = ObserverSettings {
            us: Us {
                email: "headwater@localhost".to_owned(),
                forge: None,
            },
            cache_dir: Some(self.cache()),
            ..ObserverSettings::default()
        };
        let forge = forge(&repository);
        Observer::new(repository, Client::new(&registry), forge, settings)
    }

    async fn observe(&self, base: &BareRepository<'_>) -> Observation {
        self.observer(base).observe(now()).await.unwrap()
    }

    /// The only file of that name in the cache.
    fn cached(&self, name: &str) -> PathBuf {
        let folders = std::fs::read_dir(self.cache()).unwrap();
        let files = folders.map(|folder| folder.unwrap().path().join(name));
        let found: Vec<PathBuf> = files.filter(|file| file.is_file()).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }
}

fn forge(repository: &Repository) -> Arc<OfflineForge> {
    let committer = Person {
        name: "headwater".to_owned(),
        email: "headwater@localhost".to_owned(),
    };
    Arc::new(OfflineForge::new(
        repository.clone(),
        OfflineSettings::default(),
        committer,
    ))
}

/// A file's new content.
fn file(path: &str, text: impl Into<Vec<u8>>) -> Change {
    (path.to_owned(), Some(text.into()))
}

fn gone(path: &str) -> Change {
    (path.to_owned(), None)
}

/// A tag of the stream `myapp`, as it stands in the file.
struct Tag {
    name: &'static str,
    image: &'static str,
    /// Whether it is promoted, and with a record of which detail.
    record: Option<&'static str>,
}

fn imported(image: &'static str) -> Tag {
    Tag {
        name: "dev",
        image,
        record: None,
    }
}

fn promoted(image: &'static str, detail: &'static str) -> Tag {
    Tag {
        name: "qa",
        image,
        record: Some(detail),
    }
}

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

/// The stream `myapp` as we write it: source, record and event of each tag together.
fn stream(tags: &[Tag]) -> String {
    let mut spec = Vec::new();
    let mut status = Vec::new();
    for tag in tags {
        let digest = digest(tag.image);
        let (kind, name) = match tag.record {
            None => ("DockerImage", "quay.io/acme/myapp:main".to_owned()),
            Some(_) => ("ImageStreamImage", format!("myapp@{digest}")),
        };
        let source = json!({"importMode": "", "kind": kind, "name": name, "namespace": "", "reference": false});
        let mut annotations = json!({SOURCE: source.to_string()});
        if let Some(detail) = tag.record {
            let record = json!({"cause": "promotion", "pipeline": "myapp", "stage": tag.name, "v": 1, "set": "a".repeat(64),
                "evidence": [{"at": "2026-01-05T09:00:00Z", "detail": detail, "gate": "age", "verdict": "open"}]});
            annotations[PROMOTION] = json!(record.to_string());
        }
        spec.push(json!({"name": tag.name, "annotations": annotations, "from": {"kind": kind, "name": name},
            "importPolicy": {"scheduled": tag.record.is_none()}}));
        status.push(
            json!({"tag": tag.name, "items": [{"created": "2026-01-05T09:00:00Z", "generation": 1,
            "dockerImageReference": format!("quay.io/acme/myapp@{digest}"), "image": digest}]}),
        );
    }
    let stream = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": {"name": "myapp"},
        "spec": {"tags": spec}, "status": {"tags": status}});
    serde_json::to_string_pretty(&stream).unwrap()
}

fn key(tag: &str) -> TagKey {
    let stream = StreamKey::try_from("default/myapp".to_owned()).unwrap();
    TagKey::new(stream, tag)
}

/// Moves of a tag in words: which commit, ours or not, where to, and the record that it wrote.
fn moves(history: &History, tag: &str) -> Vec<String> {
    let moves = history.moves.get(&key(tag)).into_iter().flatten();
    let words = moves.map(|step| {
        let commit = history.commit(step.at).unwrap();
        let who = if commit.ours { "ours" } else { "theirs" };
        let images = ["one", "two", "three", "evil"];
        let image = step.digest.as_ref().map_or("nothing", |found| {
            images
                .into_iter()
                .find(|image| digest(image) == *found)
                .unwrap()
        });
        let record = step
            .record
            .as_ref()
            .map(|r| format!(" ({})", r.evidence[0].detail));
        format!("{} {who}: {image}{}", step.at, record.unwrap_or_default())
    });
    words.collect()
}

/// Runs `git fast-import` with a stream of commands.
fn fast_import(world: &World, base: &BareRepository<'_>, commands: &str) {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut import = world.machine.command("git");
    import.arg("--git-dir").arg(base.path());
    import.args(["fast-import", "--quiet", "--force"]);
    let mut child = import.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(commands.as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// One entry of a tree with a mode of its own, on top of `main`.
fn odd_entry(world: &World, base: &BareRepository<'_>, entry: &str) {
    let head = base.resolve("main").unwrap();
    let commit = format!(
        "commit refs/heads/main\ncommitter Mara <mara@example.com> 1767700000 +0000\n\
         data 3\nodd\nfrom {head}\n{entry}\n"
    );
    fast_import(world, base, &commit);
}
