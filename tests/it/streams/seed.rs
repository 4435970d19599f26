//! The story that the project was born from, step by step on a real registry: a stream for keycloak, tags imported and
//! tagged, one that moves on, one that is looked at again and again, and short names. The README shows it.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::docker_registry::{DockerRegistry, have};
use crate::support::hermetic::Hermetic;

const BEGIN: &str = "<!-- seed -->\n";
const END: &str = "<!-- /seed -->";

/// A work tree, a registry, and everything that was typed and said.
struct Story {
    machine: Hermetic,
    registry: DockerRegistry,
    tree: PathBuf,
    told: RefCell<String>,
    caches: RefCell<usize>,
}

impl Story {
    fn begin() -> Option<Self> {
        if !have(&["git"]) {
            return None;
        }
        let registry = DockerRegistry::start()?;
        let machine = Hermetic::new();
        let tree = machine.folder().join("myproject");
        let story = Self {
            registry,
            machine,
            told: RefCell::default(),
            caches: RefCell::default(),
            tree,
        };
        fs::create_dir(&story.tree).unwrap();
        story.git(&["init", "-q"]);
        story.git(&["config", "user.name", "Mara"]);
        story.git(&["config", "user.email", "mara@example.com"]);
        fs::write(story.tree.join("headwater.yaml"), "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: config}\nspec: {namespace: myproject}\n").unwrap();
        story.git(&["add", "-A"]);
        story.git(&["commit", "-qm", "Begin"]);
        Some(story)
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = self.machine.command("git");
        let output = git
            .current_dir(&self.tree)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
    }

    fn push(&self, tag: &str, version: &str) -> String {
        let place = format!("keycloak/keycloak:{tag}");
        let label = [("org.opencontainers.image.version", version)];
        self.registry
            .push_image(&place, &label, "amd64")
            .to_string()
    }

    /// The binary; every process finds a cache of its own, so that all tags are due in each pass.
    fn command(&self, line: &str) -> Command {
        *self.caches.borrow_mut() += 1;
        let cache = self
            .machine
            .folder()
            .join(format!("cache-{}", self.caches.borrow()));
        let settings = self.machine.folder().join("operator.yaml");
        let host = self.registry.host();
        let text = format!(
            "git: {{cacheDir: '{}'}}\nregistry:\n  useDockerConfig: false\n  allowed: ['{host}']\n  registries: [{{host: '{host}', plainHttp: true}}]\n",
            cache.display()
        );
        fs::write(&settings, text).unwrap();
        let mut command = self.machine.headwater();
        let line = line.replace("quay.io", host);
        command
            .args(line.split(' '))
            .arg("--local")
            .arg("--config")
            .arg(settings);
        command.current_dir(&self.tree);
        command
    }

    /// Runs a command as a user types it, and keeps what it said.
    #[track_caller]
    fn types(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text.replace(self.registry.host(), "quay.io");
        let mut told = self.told.borrow_mut();
        *told += &format!("$ headwater {line}\n{}", told_alike(&text));
        text
    }
}

/// Ages and Git's own ids differ from run to run, and digests of images with the time of their making.
fn told_alike(text: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut alike = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        while let Some(at) = line.find("sha256:").filter(|at| line.len() >= at + 71) {
            let digest = line[at..at + 71].to_owned();
            if !seen.contains(&digest) {
                seen.push(digest.clone());
            }
            let place = seen.iter().position(|known| *known == digest).unwrap();
            let letter = char::from(b'a' + u8::try_from(place).unwrap());
            line = line.replace(
                &digest,
                &format!("sha256.{}", String::from(letter).repeat(8)),
            );
        }
        alike += &line.replace("sha256.", "sha256:");
        alike.push('\n');
    }
    alike
}

/// Columns one space apart.
fn flat(text: &str) -> String {
    let parts = text.split('\t').filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}

/// The same text whenever it is told: an age is what stands behind the last gap of a line.
fn no_ages(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let gap = line
            .rfind("  ")
            .map(|at| at + 2)
            .max(line.rfind('\t').map(|at| at + 1));
        match gap.filter(|_| line.ends_with(" ago")) {
            Some(at) => format!("{}moments ago\n", &line[..at]),
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

#[test]
fn keycloak_goes_the_way_that_the_text_tells() {
    let Some(story) = Story::begin() else { return };
    let two = story.push("25.0.2", "25.0.2");
    let three = story.push("25.0.3", "25.0.3");
    let nineteen = story.push("19.0", "19.0");

    story.types("create is keycloak --commit");
    story.types(
        "import-image keycloak:25.0 --from=quay.io/keycloak/keycloak:25.0.2 --confirm --commit",
    );
    story.types("tag quay.io/keycloak/keycloak:19.0 keycloak:19.0 --commit");
    story.types("tag quay.io/keycloak/keycloak:25.0.3 keycloak:25.0 --commit");
    pass(&story);
    let seen = flat(&story.types("describe is keycloak"));
    let images: Vec<&str> = seen.lines().filter(|l| l.contains("@sha256:")).collect();
    assert_eq!(images.len(), 3, "{seen}");
    assert!(
        images[0].starts_with("  * ") && images[0].contains(&three),
        "{seen}"
    );
    assert!(
        images[1].starts_with("    ") && images[1].contains(&two),
        "{seen}"
    );
    assert!(
        images[2].starts_with("  * ") && images[2].contains(&nineteen),
        "{seen}"
    );
    assert!(seen.contains("Unique Images: 3\nTags: 2\n"), "{seen}");
    assert!(
        seen.contains("  tagged from quay.io/keycloak/keycloak:25.0.3\n"),
        "{seen}"
    );
    assert!(seen.contains("Image Lookup: local=false"), "{seen}");

    story.types("tag quay.io/keycloak/keycloak:25.0.3 keycloak:25.0 --scheduled --reference-policy local --commit");
    pass(&story);
    let again = story.push("25.0.3", "25.0.3-again");
    pass(&story);
    story.types("set image-lookup keycloak --commit");
    let seen = flat(&story.types("describe is keycloak"));
    for words in [
        "Image Lookup: local=true",
        "updates automatically from registry quay.io/keycloak/keycloak:25.0.3",
        "prefer registry pullthrough when referencing this tag",
        &again,
    ] {
        assert!(seen.contains(words), "no `{words}` in {seen}");
    }
    let table = story.types("set image-lookup");
    assert_eq!(table, "NAME       LOCAL\nkeycloak   true\n");
    story.types("set image-lookup keycloak --enabled=false --commit");
    story.types("get istag -o name");

    shows(&no_ages(&story.told.borrow()));
}

/// One pass over the work tree's own branch: what was wished is imported and committed there.
fn pass(story: &Story) {
    let output = story.command("run").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    *story.told.borrow_mut() += "$ headwater run\n";
    story.git(&["reset", "-q", "--hard"]);
}

/// The README holds it.
fn shows(told: &str) {
    let shown = format!("```console\n{told}```\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a place");
    let (block, after) = rest.split_once(END).expect("the place has an end");
    if std::env::var_os("HEADWATER_BLESS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{shown}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        block, shown,
        "run this test with HEADWATER_BLESS=1 to take the new text over"
    );
}
