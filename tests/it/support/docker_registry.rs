//! Debian's `docker-registry` on a free loopback port with a store of its own, and images made by `umoci` and `skopeo`.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use headwater::model::Digest;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;

/// The type of an image manifest as umoci and skopeo write it.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The type of an index.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// How the registry presents itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Plain HTTP.
    Plain,
    /// A certificate issued by an authority whose certificate is in [`DockerRegistry::ca_file`].
    Issued,
    /// The authority's own certificate, as many house-made registries have it.
    Authority,
    /// Issued, but for a time that is over.
    Expired,
    /// Issued for another host.
    OfAnotherHost,
    /// Issued by nobody but itself.
    SelfSigned,
}

/// A running registry; it stops when it is dropped.
pub(crate) struct DockerRegistry {
    child: Child,
    folder: TempDir,
    host: String,
    identity: Identity,
    login: Option<(&'static str, &'static str)>,
}

/// Whether all these programs are here. If not, says so aloud, or fails where the real parts are required.
pub(crate) fn have(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|p| find(p).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    let required = std::env::var_os("HEADWATER_REQUIRE_REAL_PARTS").is_some_and(|v| v == "1");
    assert!(!required, "{missing:?} must be installed for this test");
    // Written past the test harness, which keeps what passing tests print to itself.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: this test needs {missing:?}; install Debian's docker-registry, skopeo, umoci and apache2-utils"
    );
    false
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

impl DockerRegistry {
    /// Starts a registry over plain HTTP without passwords; `None` if the programs for it are missing.
    pub(crate) fn start() -> Option<Self> {
        Self::start_as(Identity::Plain, None)
    }

    /// Starts a registry with this identity, and with a user name and password if given.
    pub(crate) fn start_as(
        identity: Identity,
        login: Option<(&'static str, &'static str)>,
    ) -> Option<Self> {
        let mut programs = vec!["docker-registry", "skopeo", "umoci"];
        programs.extend(login.map(|_| "htpasswd"));
        if !have(&programs) {
            return None;
        }
        // Another process may take the free port before the registry does.
        (0..5)
            .find_map(|_| Self::try_start(identity, login))
            .or_else(|| panic!("docker-registry does not start"))
    }

    fn try_start(identity: Identity, login: Option<(&'static str, &'static str)>) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let host = format!("127.0.0.1:{port}");
        let config = write_config(folder.path(), &host, identity, login);
        let mut child = Command::new("docker-registry")
            .args(["serve", config.to_str().unwrap()])
            .env_remove("OTEL_TRACES_EXPORTER")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            if TcpStream::connect(&host).is_ok() {
                return Some(Self {
                    child,
                    folder,
                    host,
                    identity,
                    login,
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        None
    }

    /// Host and port, as they stand in a reference.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The certificate of the authority behind [`Identity::Issued`], or of [`Identity::Authority`] itself.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Makes an image of no layers with these labels for an architecture and pushes it to `place` (`acme/app:v1`).
    pub(crate) fn push_image(
        &self,
        place: &str,
        labels: &[(&str, &str)],
        architecture: &str,
    ) -> Digest {
        let layout = TempDir::new_in(self.folder.path()).unwrap();
        let layout = layout.path().join("layout");
        let image = format!("{}:latest", layout.display());
        run("umoci", &["init", "--layout", layout.to_str().unwrap()]);
        run("umoci", &["new", "--image", &image]);
        let labels: Vec<String> = labels
            .iter()
            .map(|(k, v)| format!("--config.label={k}={v}"))
            .collect();
        let architecture = format!("--architecture={architecture}");
        let mut arguments = vec!["config", "--image", &image, "--os=linux", &architecture];
        arguments.extend(labels.iter().map(String::as_str));
        run("umoci", &arguments);
        let target = format!("docker://{}/{place}", self.host);
        let source = format!("oci:{image}");
        let mut arguments = vec!["--insecure-policy", "copy", "--dest-tls-verify=false"];
        let login = self
            .login
            .map(|(user, password)| format!("--dest-creds={user}:{password}"));
        arguments.extend(login.as_deref());
        arguments.extend([source.as_str(), target.as_str()]);
        run("skopeo", &arguments);
        Digest::sha256(&self.raw(place))
    }

    /// Pushes one image per architecture and an index of them to `repository:tag`; gives the index's digest first.
    pub(crate) async fn push_index(
        &self,
        repository: &str,
        tag: &str,
        children: &[(&str, &[(&str, &str)])],
    ) -> (Digest, Vec<Digest>) {
        let mut entries = Vec::new();
        let mut digests = Vec::new();
        for (architecture, labels) in children {
            let place = format!("{repository}:{tag}-{architecture}");
            let digest = self.push_image(&place, labels, architecture);
            entries.push(json!({
                "mediaType": MANIFEST, "digest": digest, "size": self.raw(&place).len(),
                "platform": {"os": "linux", "architecture": architecture},
            }));
            digests.push(digest);
        }
        let index = json!({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": entries,
            "annotations": {"org.opencontainers.image.version": "1.2.3"},
        });
        (
            self.put(repository, tag, INDEX, index.to_string()).await,
            digests,
        )
    }

    /// Puts a manifest as it is (plain registries only).
    pub(crate) async fn put(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        body: String,
    ) -> Digest {
        let digest = Digest::sha256(body.as_bytes());
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.host);
        // Each client reads all authorities of the machine, and these speak no TLS.
        let client = reqwest::Client::builder()
            .tls_certs_only([])
            .build()
            .unwrap();
        let request = client
            .put(url)
            .header("content-type", media_type)
            .body(body);
        assert_eq!(request.send().await.unwrap().status(), 201);
        digest
    }

    /// The manifest's bytes as skopeo sees them.
    pub(crate) fn raw(&self, place: &str) -> Vec<u8> {
        let image = format!("docker://{}/{place}", self.host);
        let mut arguments = vec!["inspect", "--raw", "--tls-verify=false"];
        let login = self
            .login
            .map(|(user, password)| format!("--creds={user}:{password}"));
        arguments.extend(login.as_deref());
        arguments.push(&image);
        run("skopeo", &arguments)
    }

    /// Whether TLS is spoken.
    pub(crate) fn has_tls(&self) -> bool {
        self.identity != Identity::Plain
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end and gives its output.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    output.stdout
}

fn write_config(
    folder: &Path,
    host: &str,
    identity: Identity,
    login: Option<(&str, &str)>,
) -> PathBuf {
    let at = |name: &str| folder.join(name).display().to_string();
    let mut config = json!({
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": true}},
        "storage": {"filesystem": {"rootdirectory": at("store")}, "delete": {"enabled": true}},
        "http": {"addr": host},
    });
    if identity != Identity::Plain {
        write_certificates(folder, identity);
        config["http"]["tls"] = json!({"certificate": at("server.pem"), "key": at("server.key")});
    }
    if let Some((user, password)) = login {
        std::fs::write(
            folder.join("users"),
            run("htpasswd", &["-Bbn", user, password]),
        )
        .unwrap();
        config["auth"] = json!({"htpasswd": {"realm": "test", "path": at("users")}});
    }
    let file = folder.join("config.yml");
    std::fs::write(&file, config.to_string()).unwrap();
    file
}

fn write_certificates(folder: &Path, identity: Identity) {
    let mut authority = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "house authority");
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let host = match identity {
        Identity::OfAnotherHost => "registry.test",
        _ => "127.0.0.1",
    };
    let mut leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
    if identity == Identity::Expired {
        leaf.not_before = rcgen::date_time_ymd(2020, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    let (server, key) = match identity {
        Identity::Authority => (authority_pem.clone(), authority_key),
        Identity::SelfSigned => (leaf.self_signed(&key).unwrap().pem(), key),
        _ => {
            let issuer = Issuer::from_params(&authority, &authority_key);
            (leaf.signed_by(&key, &issuer).unwrap().pem(), key)
        }
    };
    std::fs::write(folder.join("ca.pem"), authority_pem).unwrap();
    std::fs::write(folder.join("server.pem"), server).unwrap();
    std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}
