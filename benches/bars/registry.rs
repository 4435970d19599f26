//! Registries: Debian's `docker-registry` over a store that is written directly, or the embedded one where it is missing.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::model::Digest;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::network::apart;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Digests by repository and tag.
pub(crate) type Digests = BTreeMap<(String, String), Digest>;

/// A registry in this process that answers from memory: it costs next to nothing, so it is for rows about us alone.
pub(crate) struct Embedded {
    registry: EmbeddedRegistry,
    _runtime: Runtime,
}

impl Embedded {
    /// An empty one.
    pub(crate) fn start() -> Self {
        let runtime = apart();
        let registry = runtime.block_on(EmbeddedRegistry::start()).unwrap();
        Self {
            registry,
            _runtime: runtime,
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        self.registry.host()
    }

    /// A build pushed to a tag; another `round` makes another digest.
    pub(crate) fn push(&self, repository: &str, tag: &str, round: usize) -> Digest {
        let spec = BuildSpec {
            content: format!("{repository}:{tag} {round}"),
            ..BuildSpec::default()
        };
        self.registry.push(repository, tag, spec)
    }
}

/// A registry to race with: what it costs to ask is what it costs in earnest.
pub(crate) enum Registry {
    /// Debian's.
    Docker {
        /// It is ended with us.
        child: Child,
        /// Where it listens.
        address: String,
        /// Its store.
        _folder: TempDir,
    },
    /// Ours, where Debian's is missing.
    Embedded(Embedded),
}

impl Registry {
    /// A registry that holds these tags; every fifth is an index.
    pub(crate) fn start(tags: &[(String, String)]) -> (Self, Digests) {
        if find("docker-registry").is_none() {
            let registry = Embedded::start();
            let digests = tags
                .iter()
                .map(|place| (place.clone(), registry.push(&place.0, &place.1, 0)))
                .collect();
            return (Self::Embedded(registry), digests);
        }
        let folder = TempDir::new().unwrap();
        let store = folder.path().join("store/docker/registry/v2");
        let digests = tags
            .iter()
            .enumerate()
            .map(|(number, place)| (place.clone(), image(&store, place, number % 5 == 0)))
            .collect();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap().to_string();
        drop(port);
        let config = json!({
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {
                "cache": {"blobdescriptor": "inmemory"},
                "filesystem": {"rootdirectory": folder.path().join("store")},
                "maintenance": {"uploadpurging": {"enabled": false}},
            },
            "http": {"addr": address},
        });
        let file = folder.path().join("config.yml");
        fs::write(&file, config.to_string()).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..500 {
            if TcpStream::connect(&address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let registry = Self::Docker {
            child,
            address,
            _folder: folder,
        };
        (registry, digests)
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Docker { address, .. } => address.clone(),
            Self::Embedded(registry) => registry.address(),
        }
    }

    /// What it is, for the table.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Docker { .. } => "docker-registry",
            Self::Embedded(_) => "embedded registry, which makes the floor too low",
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Self::Docker { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Writes an image, or an index of two, into a store as the distribution project lays it out.
fn image(store: &Path, (repository, tag): &(String, String), index: bool) -> Digest {
    let manifest = |architecture: &str| {
        let config = json!({
            "architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
            "config": {"Labels": {"org.opencontainers.image.version": tag, "repository": repository}},
        });
        let config = config.to_string();
        let digest = blob(store, &config);
        let layers = format!("repositories/{repository}/_layers");
        link(&store.join(layers).join(place(&digest)), &digest);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest, "size": config.len(),
            },
        });
        manifest.to_string()
    };
    let text = if index {
        let children: Vec<_> = ["amd64", "arm64"]
            .into_iter()
            .map(|architecture| {
                let text = manifest(architecture);
                let digest = revision(store, repository, &text);
                json!({
                    "mediaType": MANIFEST, "digest": digest, "size": text.len(),
                    "platform": {"os": "linux", "architecture": architecture},
                })
            })
            .collect();
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).to_string()
    } else {
        manifest("amd64")
    };
    let digest = revision(store, repository, &text);
    let current = format!("repositories/{repository}/_manifests/tags/{tag}/current");
    link(&store.join(current), &digest);
    digest
}

fn revision(store: &Path, repository: &str, text: &str) -> Digest {
    let digest = blob(store, text);
    let revisions = format!("repositories/{repository}/_manifests/revisions");
    link(&store.join(revisions).join(place(&digest)), &digest);
    digest
}

fn blob(store: &Path, text: &str) -> Digest {
    let digest = Digest::sha256(text.as_bytes());
    let hex = &digest.as_str()[7..];
    let folder = store.join("blobs/sha256").join(&hex[..2]).join(hex);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("data"), text).unwrap();
    digest
}

fn place(digest: &Digest) -> String {
    digest.as_str().replace(':', "/")
}

fn link(folder: &Path, digest: &Digest) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("link"), digest.as_str()).unwrap();
}
