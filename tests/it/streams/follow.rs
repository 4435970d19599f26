//! A tag that follows a rule, on a real registry and with the real program.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use headwater::model::Digest;

use crate::support::docker_registry::{DockerRegistry, have};
use crate::support::fault_proxy::FaultProxy;
use crate::support::hermetic::Hermetic;
use crate::support::world::Repository;

/// A work tree with one stream, a registry, and the program.
pub(super) struct Real {
    pub(super) registry: DockerRegistry,
    machine: Hermetic,
    tree: PathBuf,
    cache: Cell<usize>,
    /// Before the registry, where its requests are counted.
    proxy: Option<FaultProxy>,
}

impl Real {
    pub(super) fn start() -> Option<Self> {
        if !have(&["git"]) {
            return None;
        }
        let (registry, machine) = (DockerRegistry::start()?, Hermetic::new());
        let tree = machine.folder().join("tree");
        Some(Self {
            registry,
            machine,
            tree,
            cache: Cell::new(0),
            proxy: None,
        })
    }

    /// The same with a proxy before the registry.
    pub(super) async fn watched() -> Option<Self> {
        let real = Self::start()?;
        let proxy = FaultProxy::before(real.registry.host()).await;
        Some(Self {
            proxy: Some(proxy),
            ..real
        })
    }

    pub(super) fn proxy(&self) -> &FaultProxy {
        self.proxy.as_ref().expect("it is watched")
    }

    /// The registry as the program knows it.
    pub(super) fn host(&self) -> String {
        let proxy = self.proxy.as_ref().map(FaultProxy::host);
        proxy.unwrap_or_else(|| self.registry.host().to_owned())
    }

    /// The stream `team/k` with these tags, committed.
    pub(super) fn begin(&self, tags: &str) {
        self.begin_with(&format!("  tags:\n{tags}"));
    }

    /// The stream `team/k` with this `spec`, committed.
    pub(super) fn begin_with(&self, spec: &str) {
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: k, namespace: team}}\nspec:\n{spec}"
        );
        fs::create_dir_all(self.tree.join("pipelines/k")).unwrap();
        fs::write(self.tree.join("pipelines/k/imagestream.yaml"), text).unwrap();
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["config", "user.name", "Mara"]);
        self.git(&["config", "user.email", "mara@example.com"]);
        self.commit();
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-qm", "By hand"]);
    }

    /// Somebody writes this for that, everywhere, and commits it.
    pub(super) fn edit(&self, from: &str, to: &str) {
        self.git(&["reset", "-q", "--hard"]);
        let path = self.tree.join("pipelines/k/imagestream.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(from, to)).unwrap();
        self.commit();
    }

    pub(super) fn git(&self, arguments: &[&str]) -> String {
        fs::create_dir_all(&self.tree).unwrap();
        let mut git = self.machine.command("git");
        let output = git
            .current_dir(&self.tree)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Nothing is remembered from now on.
    pub(super) fn forget(&self) {
        self.cache.set(self.cache.get() + 1);
    }

    /// Where the tags of the base point.
    pub(super) fn heads(&self) -> BTreeMap<String, Digest> {
        Repository::open(&self.tree.join(".git")).heads("main")
    }

    /// What a command says that ends well.
    pub(super) fn says(&self, arguments: &[&str]) -> String {
        self.ends(arguments, 0)
    }

    /// What a command says that ends so.
    #[track_caller]
    pub(super) fn ends(&self, arguments: &[&str], code: i32) -> String {
        // What passes pushed into the checked-out branch is what people go on from.
        self.git(&["reset", "-q", "--hard"]);
        let output = self.command(arguments).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {output:?}"
        );
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        texts.concat()
    }

    /// The program in the work tree.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let host = self.host();
        let settings = self.machine.folder().join("operator.yaml");
        let cache = self
            .machine
            .folder()
            .join(format!("cache-{}", self.cache.get()));
        let text = format!(
            "git: {{cacheDir: '{}'}}\nregistry:\n  useDockerConfig: false\n  allowed: ['{host}']\n  registries: [{{host: '{host}', plainHttp: true}}]\n",
            cache.display()
        );
        fs::write(&settings, text).unwrap();
        let mut command = self.machine.headwater();
        command.args(arguments).args(["--local", "--config"]);
        command.arg(&settings).current_dir(&self.tree);
        command
    }

    /// Somebody writes a file and commits it.
    pub(super) fn write(&self, path: &str, text: &str) {
        fs::write(self.tree.join(path), text).unwrap();
        self.commit();
    }
}

#[test]
fn a_real_registry_is_followed_and_asked_why() {
    let Some(real) = Real::start() else { return };
    let host = real.registry.host();
    let push = |tag: &str| {
        real.registry
            .push_image(&format!("k/k:{tag}"), &[("v", tag)], "amd64")
    };
    for tag in ["25.0.9", "26.0.0", "latest"] {
        push(tag);
    }
    let newest = push("25.0.10");
    real.begin(&format!(
        "    - name: \"25.0\" # the vendor's\n      annotations: {{headwater.dev/follow: semver ~25.0}}\n      from: {{kind: DockerImage, name: '{host}/k/k:25.0.9'}}\n"
    ));
    // Before anything was imported, too.
    let told = real.says(&["describe", "istag", "k:25.0", "-n", "team", "--refresh"]);
    for wanted in [
        "Image:\t<none>",
        "Newest:\t\t25.0.10\n",
        "Older:\t\t25.0.9\n",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    real.says(&["run"]);
    let subject = real.git(&["log", "-1", "--format=%s"]);
    assert!(
        subject.contains("(25.0.9 -> 25.0.10, newest by semver ~25.0)"),
        "{subject}"
    );
    let text = real.git(&["show", "HEAD:pipelines/k/imagestream.yaml"]);
    let source = format!("from: {{kind: DockerImage, name: '{host}/k/k:25.0.10'}}");
    for wanted in [&*source, "# the vendor's"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(real.heads()["k:25.0"], newest);
    let told = real.says(&["describe", "istag", "k:25.0", "-n", "team", "--refresh"]);
    for wanted in [
        &*format!("Follows:\tsemver ~25.0 of {host}/k/k\n"),
        "Newest:\t\t25.0.10\n",
        "Older:\t\t25.0.9\n",
        "26.0.0: it is not in ~25.0",
        "latest: it is no whole version",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    assert!(real.says(&["plan"]).contains("nothing to do"));
}
