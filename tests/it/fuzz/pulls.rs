//! Fuzz target: what the offline forge reads from a repository. Parts between 0xff bytes are `pull.json`, the operator's
//! allowed signers, and the raw commit of an approval, in which `$H` stands for the head of the pull request.

use std::cell::RefCell;
use std::collections::BTreeMap;

use git2::{ObjectType, Oid};
use headwater::config::forge::{AllowedSigners, OfflineSettings, Trust};
use headwater::config::git::GitSettings;
use headwater::forge::{Forge as _, OfflineForge};
use headwater::git::{Fetched, Person, Repository};
use headwater::model::CommitId;
use tokio::runtime::Runtime;

/// The repository is made anew after so many inputs: nobody tidies its objects up.
const INPUTS: usize = 2_000;

/// One input.
pub(crate) fn run(data: &[u8]) {
    thread_local!(static RIG: RefCell<Option<Rig>> = const { RefCell::new(None) });
    RIG.with_borrow_mut(|rig| {
        if rig.as_ref().is_none_or(|rig| rig.inputs == INPUTS) {
            *rig = Some(Rig::start());
        }
        rig.as_mut().unwrap().list(data);
    });
}

struct Rig {
    folder: tempfile::TempDir,
    runtime: Runtime,
    head: CommitId,
    inputs: usize,
}

impl Rig {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = git2::Repository::init_bare(folder.path()).unwrap();
        git.set_head("refs/heads/main").unwrap();
        let head = commit(&git, &[("notes.md", b"hello\n")]);
        for name in ["main", "headwater/promote/app/prod/1a2b3c4d"] {
            let name = format!("refs/heads/{name}");
            let id = Oid::from_str(head.as_str()).unwrap();
            git.reference(&name, id, true, "test").unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            folder,
            runtime,
            head,
            inputs: 0,
        }
    }

    fn list(&mut self, data: &[u8]) {
        self.inputs += 1;
        let mut parts = data.splitn(3, |b| *b == 0xff);
        let document = parts.next().unwrap_or_default();
        let signers = String::from_utf8_lossy(parts.next().unwrap_or_default());
        let approval = String::from_utf8_lossy(parts.next().unwrap_or_default());

        let git = git2::Repository::open_bare(self.folder.path()).unwrap();
        let id = "promote-app-prod-1a2b3c4d";
        let mut refs = BTreeMap::from([
            ("refs/heads/main".to_owned(), self.head.clone()),
            (
                "refs/heads/headwater/promote/app/prod/1a2b3c4d".to_owned(),
                self.head.clone(),
            ),
            (
                format!("refs/headwater/pulls/{id}/meta"),
                commit(&git, &[("pull.json", document)]),
            ),
        ]);
        let approval = approval.replace("$H", self.head.as_str());
        let written = git
            .odb()
            .unwrap()
            .write(ObjectType::Commit, approval.as_bytes())
            .unwrap();
        refs.insert(
            format!(
                "refs/headwater/pulls/{id}/approvals/{}-ann",
                self.head.short()
            ),
            written.to_string().parse().unwrap(),
        );
        let fetched = Fetched {
            base_branch: "main".to_owned(),
            base: Some(self.head.clone()),
            refs,
            moved_back: None,
            shallow: false,
        };
        let place = self.folder.path().to_str().unwrap();
        let repository = Repository::open(place, &GitSettings::default(), false).unwrap();
        let settings = OfflineSettings {
            trust: if data.len().is_multiple_of(2) {
                Trust::Push
            } else {
                Trust::Signed
            },
            allowed_signers: Some(AllowedSigners::Lines(
                signers.lines().map(str::to_owned).collect(),
            )),
            ..OfflineSettings::default()
        };
        let us = Person {
            name: "headwater".to_owned(),
            email: "headwater@localhost".to_owned(),
        };
        let forge = OfflineForge::new(repository, settings, us);
        let listing = self.runtime.block_on(forge.list(&fetched));
        let listing = listing.expect("what a repository holds never makes a forge fail");
        assert!(!listing.pulls.is_empty() || !listing.problems.is_empty());
        let lines = listing
            .notes
            .iter()
            .chain(listing.problems.iter().map(|p| &p.message));
        for line in lines {
            assert!(!line.contains(['\n', '\u{1b}', '\u{202e}']), "{line:?}");
        }
        for pull in &listing.pulls {
            assert!(!pull.title.contains(char::is_control), "{pull:?}");
            assert!(pull.branch.starts_with("headwater/"), "{pull:?}");
        }
    }
}

/// A commit of some files at the top, by its id.
fn commit(git: &git2::Repository, files: &[(&str, &[u8])]) -> CommitId {
    let mut tree = git.treebuilder(None).unwrap();
    for (path, bytes) in files {
        tree.insert(path, git.blob(bytes).unwrap(), 0o100_644)
            .unwrap();
    }
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let at = git2::Time::new(1_767_603_600, 0);
    let who = git2::Signature::new("Ann", "ann@example.com", &at).unwrap();
    let id = git.commit(None, &who, &who, "x", &tree, &[]).unwrap();
    id.to_string().parse().unwrap()
}
