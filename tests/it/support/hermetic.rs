//! Commands and Git repositories that see nothing of the machine: no home, no configuration, no credentials, one clock.
//!
//! ```text
//! let machine = Hermetic::new();
//! let base = machine.bare_repository("base");
//! base.commit("main", "Begin", &example_content());
//! base.commit("main", "Drop a file", &[("old.yaml".to_owned(), None)]);
//! assert_eq!(base.log("main"), ["Drop a file", "Begin"]);
//! ```

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a commit does to a path: new bytes, or `None` to delete it.
pub(crate) type Change = (String, Option<Vec<u8>>);

/// The first commit of every repository here is made at this second: 2026-01-05T09:00:00Z, a Monday.
const FIRST_COMMIT: i64 = 1_767_603_600;

/// A machine of its own, as far as commands can see. Everything it holds is deleted with it.
pub(crate) struct Hermetic {
    folder: TempDir,
}

impl Hermetic {
    /// A machine with an empty home and a Git configuration that trusts every folder and asks nobody.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(folder.path().join("home")).expect("the home can be made");
        let config = "[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n";
        fs::write(folder.path().join("home/.gitconfig"), config)
            .expect("the Git configuration can be written");
        Self { folder }
    }

    /// The folder in which tests may put what they need.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that inherits `PATH` and nothing else: neither `HOME` nor `XDG_*`, `GIT_*`, `DOCKER_*`, `HEADWATER_*`,
    /// proxies or tokens. It runs in [`Self::folder`], in UTC.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let home = self.folder.path().join("home");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", home.join(".gitconfig"))
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .current_dir(self.folder.path());
        command
    }

    /// The binary under test.
    pub(crate) fn headwater(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_headwater"))
    }

    /// Fails unless every object of a repository below [`Self::folder`] is sound.
    pub(crate) fn check_repository(&self, path: &str) {
        let mut git = self.command("git");
        let git = git.args(["--git-dir", path, "fsck", "--strict"]);
        output(git, b"");
    }

    /// A new bare repository of that name below [`Self::folder`].
    pub(crate) fn bare_repository(&self, name: &str) -> BareRepository<'_> {
        let path = self.folder.path().join(format!("{name}.git"));
        let mut init = self.command("git");
        output(init.args(["init", "--quiet", "--bare"]).arg(&path), b"");
        BareRepository {
            machine: self,
            path,
            commits: Cell::new(0),
        }
    }
}

/// A bare repository that people push to. Commits are made without a work tree, one minute apart, so ids repeat.
pub(crate) struct BareRepository<'machine> {
    machine: &'machine Hermetic,
    path: PathBuf,
    commits: Cell<i64>,
}

impl BareRepository<'_> {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A Git command on this repository, run to its end; its output without the last line break.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let text = String::from_utf8(output(self.command().args(arguments), b""))
            .expect("Git answers in UTF-8");
        text.trim_end_matches('\n').to_owned()
    }

    /// A commit by Mara on top of a branch, which begins with it if there is none yet. Returns the commit's id.
    pub(crate) fn commit(&self, branch: &str, message: &str, changes: &[Change]) -> String {
        self.commit_as("Mara <mara@example.com>", branch, message, changes)
    }

    /// A commit by somebody, written `Name <mail>`.
    pub(crate) fn commit_as(
        &self,
        author: &str,
        branch: &str,
        message: &str,
        changes: &[Change],
    ) -> String {
        let reference = format!("refs/heads/{branch}");
        let parent = self.resolve(&reference);
        let tree = self.write_tree(parent.as_deref(), changes);
        let (name, mail) = author
            .trim_end_matches('>')
            .split_once(" <")
            .expect("an author is written `Name <mail>`");
        let at = format!("{} +0000", FIRST_COMMIT + 60 * self.commits.get());
        self.commits.set(self.commits.get() + 1);
        let mut command = self.command();
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), name)
                .env(format!("GIT_{who}_EMAIL"), mail)
                .env(format!("GIT_{who}_DATE"), &at);
        }
        command.args(["commit-tree", &tree, "-F", "-"]);
        if let Some(parent) = &parent {
            command.args(["-p", parent]);
        }
        let id = line(&output(&mut command, message.as_bytes()));
        // An empty old value means that the ref must not exist yet.
        let old = parent.unwrap_or_else(|| "0".repeat(40));
        self.git(&["update-ref", &reference, &id, &old]);
        id
    }

    /// The commit a ref names, if it exists.
    pub(crate) fn resolve(&self, reference: &str) -> Option<String> {
        let found = self
            .command()
            .args(["rev-parse", "--quiet", "--verify"])
            .arg(format!("{reference}^{{commit}}"))
            .output()
            .expect("git runs");
        found.status.success().then(|| line(&found.stdout))
    }

    /// The bytes of a file at a ref or commit, if it is there.
    pub(crate) fn show(&self, reference: &str, path: &str) -> Option<Vec<u8>> {
        let shown = self
            .command()
            .args(["cat-file", "blob", &format!("{reference}:{path}")])
            .output()
            .expect("git runs");
        shown.status.success().then_some(shown.stdout)
    }

    /// All files at a ref or commit, sorted.
    pub(crate) fn files(&self, reference: &str) -> Vec<String> {
        self.lines(&["ls-tree", "-r", "--name-only", "--full-tree", reference])
    }

    /// Subjects of the first-parent log, newest first.
    pub(crate) fn log(&self, reference: &str) -> Vec<String> {
        self.lines(&["log", "--first-parent", "--format=%s", reference])
    }

    /// All refs with the commits they name, sorted by name.
    pub(crate) fn refs(&self) -> Vec<String> {
        self.lines(&["for-each-ref", "--format=%(refname) %(objectname)"])
    }

    /// What the last commit of a ref changed against its first parent, as a unified diff without index lines.
    pub(crate) fn last_diff(&self, reference: &str) -> String {
        let shown = self.git(&["show", "--first-parent", "--format=", reference]);
        let lines: Vec<&str> = shown.lines().filter(|l| !l.starts_with("index ")).collect();
        lines.join("\n")
    }

    fn command(&self) -> Command {
        let mut command = self.machine.command("git");
        command.arg("--git-dir").arg(&self.path);
        command
    }

    fn lines(&self, arguments: &[&str]) -> Vec<String> {
        self.git(arguments).lines().map(str::to_owned).collect()
    }

    fn write_tree(&self, parent: Option<&str>, changes: &[Change]) -> String {
        let index = self.path.join("hermetic-index");
        let staged = |arguments: &[&str], input: &[u8]| {
            let mut command = self.command();
            output(command.env("GIT_INDEX_FILE", &index).args(arguments), input)
        };
        staged(&["read-tree", parent.unwrap_or("--empty")], b"");
        let mut entries = String::new();
        for (path, content) in changes {
            match content {
                Some(bytes) => {
                    let blob = line(&staged(&["hash-object", "-w", "--stdin"], bytes));
                    entries.push_str(&format!("100644 {blob}\t{path}\n"));
                }
                None => entries.push_str(&format!("0 {}\t{path}\n", "0".repeat(40))),
            }
        }
        staged(&["update-index", "--index-info"], entries.as_bytes());
        line(&staged(&["write-tree"], b""))
    }
}

/// Has a command act on behalf of somebody.
pub(crate) fn person_environment(command: &mut Command, name: &str) {
    command.env("GIT_AUTHOR_NAME", name).env(
        "GIT_AUTHOR_EMAIL",
        format!("{}@example.com", name.to_lowercase()),
    );
}

/// The example content of this project (`pipelines/`, `templates/`, `environments/`), as changes for a first commit.
pub(crate) fn example_content() -> Vec<Change> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut changes = Vec::new();
    for folder in ["environments", "pipelines", "templates"] {
        collect(&root.join(folder), folder, &mut changes);
    }
    changes
}

fn collect(folder: &Path, name: &str, changes: &mut Vec<Change>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("the entry can be read"))
        .collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &name, changes);
        } else {
            let bytes = fs::read(entry.path()).expect("the file can be read");
            changes.push((name, Some(bytes)));
        }
    }
}

/// Runs a command that must succeed, with some bytes as its input; its output.
fn output(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be started");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    stdin.write_all(input).expect("it reads its input");
    drop(stdin);
    let done = child.wait_with_output().expect("it ends");
    assert!(
        done.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    done.stdout
}

fn line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

#[test]
fn commands_see_nothing_of_the_machine() {
    let machine = Hermetic::new();
    let environment = line(&output(&mut machine.command("env"), b""));
    let mut names: Vec<&str> = environment
        .lines()
        .filter_map(|l| Some(l.split_once('=')?.0))
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "GIT_ATTR_NOSYSTEM",
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_NOSYSTEM",
            "GIT_TERMINAL_PROMPT",
            "HOME",
            "LC_ALL",
            "PATH",
            "TZ",
        ]
    );
    assert!(machine.headwater().get_envs().count() >= names.len());
}

#[test]
fn a_repository_is_acted_on_without_a_work_tree_and_ids_repeat() {
    let machine = Hermetic::new();
    let story = |name: &str| {
        let base = machine.bare_repository(name);
        base.commit("main", "Begin", &example_content());
        let gone = "environments/qa/myapp/values.yaml".to_owned();
        let new = ("a b.txt".to_owned(), Some(b"one\n".to_vec()));
        let head = base.commit_as(
            "Ivo <ivo@example.com>",
            "main",
            "Go on",
            &[(gone, None), new],
        );
        (base, head)
    };
    let (base, head) = story("one");
    assert_eq!(base.log("main"), ["Go on", "Begin"]);
    assert_eq!(base.show("main", "a b.txt").as_deref(), Some(&b"one\n"[..]));
    assert_eq!(base.show("main", "environments/qa/myapp/values.yaml"), None);
    assert_eq!(base.files("main").len(), example_content().len());
    assert_eq!(base.refs(), [format!("refs/heads/main {head}")]);
    assert_eq!(
        base.git(&["show", "-s", "--format=%an %cI", "main"]),
        "Ivo 2026-01-05T09:01:00Z"
    );
    assert!(base.last_diff("main").contains("\n+one"));
    assert!(base.path().join("HEAD").is_file() && base.path().starts_with(machine.folder()));
    assert_eq!(base.resolve("refs/heads/none"), None);
    assert_eq!(story("two").1, head);
}
