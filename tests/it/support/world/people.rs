//! The repository as people and tests see it: commits made and read with libgit2 directly, past everything under test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{Commit, Oid, Signature, Time, Tree};
use headwater::git::Person;
use headwater::model::{Digest, Timestamp};
use serde_yaml::Value;

use super::{key, person};

/// What a commit does to each path: new bytes, or `None` to delete it.
pub(crate) type Files = Vec<(String, Option<Vec<u8>>)>;

const MAIN: &str = "refs/heads/main";

/// A bare repository with a branch `main`.
pub(crate) struct Repository {
    path: PathBuf,
    git: git2::Repository,
}

impl Repository {
    /// An empty one.
    pub(crate) fn init(path: &Path) -> Self {
        let git = git2::Repository::init_bare(path).unwrap();
        git.set_head(MAIN).unwrap();
        git.config()
            .unwrap()
            .set_bool("http.receivepack", true)
            .unwrap();
        Self {
            path: path.to_owned(),
            git,
        }
    }

    /// The same repository, opened once more.
    pub(crate) fn open(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            git: git2::Repository::open_bare(path).unwrap(),
        }
    }

    /// A commit on `main` that gives way to whoever was faster; whether it was made.
    pub(crate) fn try_commit(
        &self,
        who: &str,
        at: Timestamp,
        message: &str,
        files: &Files,
    ) -> bool {
        let head = self.find(MAIN).unwrap();
        let tree = self.tree_with(Some(&head), files);
        let id = self.write(&person(who), at, message, &tree, &[&head]);
        self.git
            .reference_matching(MAIN, id, true, head.id(), "test")
            .is_ok()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A commit on `main`.
    pub(crate) fn commit(&self, who: &str, at: Timestamp, message: &str, files: &Files) -> String {
        self.commit_to("main", who, at, message, files)
    }

    /// A commit on a branch, which begins at `main` if it is not there yet.
    pub(crate) fn commit_to(
        &self,
        branch: &str,
        who: &str,
        at: Timestamp,
        message: &str,
        files: &Files,
    ) -> String {
        let reference = format!("refs/heads/{branch}");
        let parent = self.find(&reference).or_else(|| self.find(MAIN));
        let tree = self.tree_with(parent.as_ref(), files);
        let parents: Vec<&Commit<'_>> = parent.iter().collect();
        let id = self.write(&person(who), at, message, &tree, &parents);
        self.git.reference(&reference, id, true, "test").unwrap();
        id.to_string()
    }

    /// A merge commit of one branch on top of another, by a person.
    pub(crate) fn merge(&self, from: &str, into: &str, who: &str, at: Timestamp) -> String {
        let (tree, ours, theirs) = self.merged(from, into);
        let message = format!("Merge {from} into {into}");
        let id = self.write(&person(who), at, &message, &tree, &[&ours, &theirs]);
        self.move_to(into, id)
    }

    /// What `git pull` and `git push` make of a commit that somebody began on an older base: a merge whose first parent is
    /// theirs.
    pub(crate) fn pull_and_push(&self, from: &str, who: &str, at: Timestamp) -> String {
        let base = self.find(from).unwrap();
        let file = format!("notes/{who}-{}.md", &from[..8]);
        let tree = self.tree_with(Some(&base), &vec![(file, Some(b"mine\n".to_vec()))]);
        let theirs = self.write(&person(who), at, "Work offline", &tree, &[&base]);
        let (theirs, main) = (
            self.git.find_commit(theirs).unwrap(),
            self.find(MAIN).unwrap(),
        );
        let mut index = self.git.merge_commits(&theirs, &main, None).unwrap();
        let tree = index.write_tree_to(&self.git).unwrap();
        let tree = self.git.find_tree(tree).unwrap();
        let message = "Merge branch 'main' of git.example";
        let id = self.write(&person(who), at, message, &tree, &[&theirs, &main]);
        self.move_to("main", id)
    }

    /// The same as one plain commit on `main`, as the squash buttons of forges make it.
    pub(crate) fn squash(&self, from: &str, who: &str, at: Timestamp) -> String {
        let (tree, ours, _) = self.merged(from, "main");
        let id = self.write(&person(who), at, "Squashed", &tree, &[&ours]);
        self.move_to("main", id)
    }

    /// Whether two branches merge without a conflict, and anything comes of it.
    pub(crate) fn merges(&self, from: &str, into: &str) -> bool {
        let find = |branch: &str| self.find(&format!("refs/heads/{branch}"));
        let (Some(ours), Some(theirs)) = (find(into), find(from)) else {
            return false;
        };
        let mut index = self.git.merge_commits(&ours, &theirs, None).unwrap();
        !index.has_conflicts() && index.write_tree_to(&self.git).unwrap() != ours.tree_id()
    }

    fn merged(&self, from: &str, into: &str) -> (Tree<'_>, Commit<'_>, Commit<'_>) {
        let find = |branch: &str| self.find(&format!("refs/heads/{branch}")).unwrap();
        let (ours, theirs) = (find(into), find(from));
        let mut index = self.git.merge_commits(&ours, &theirs, None).unwrap();
        assert!(!index.has_conflicts(), "{from} and {into} conflict");
        let tree = index.write_tree_to(&self.git).unwrap();
        (self.git.find_tree(tree).unwrap(), ours, theirs)
    }

    fn move_to(&self, branch: &str, id: Oid) -> String {
        let name = format!("refs/heads/{branch}");
        self.git.reference(&name, id, true, "test").unwrap();
        id.to_string()
    }

    /// A commit on `main` by whoever has this e-mail address.
    pub(crate) fn commit_by(
        &self,
        email: &str,
        at: Timestamp,
        message: &str,
        files: &Files,
    ) -> String {
        let who = Person {
            name: "somebody".to_owned(),
            email: email.to_owned(),
        };
        let head = self.find(MAIN).unwrap();
        let tree = self.tree_with(Some(&head), files);
        let id = self.write(&who, at, message, &tree, &[&head]);
        self.move_to("main", id)
    }

    /// `git revert` of a commit on top of `main`; `None` where it conflicts or changes nothing.
    pub(crate) fn revert(&self, who: &str, at: Timestamp, commit: &str) -> Option<String> {
        let bad = self.git.find_commit(Oid::from_str(commit).unwrap());
        let (bad, head) = (bad.unwrap(), self.find(MAIN).unwrap());
        let mut index = self.git.revert_commit(&bad, &head, 0, None).unwrap();
        if index.has_conflicts() {
            return None;
        }
        let tree = index.write_tree_to(&self.git).unwrap();
        if tree == head.tree_id() {
            return None;
        }
        let tree = self.git.find_tree(tree).unwrap();
        let subject = bad.summary().ok().flatten().unwrap_or_default().to_owned();
        let message = format!("Revert \"{subject}\"\n\nThis reverts commit {commit}.\n");
        let id = self.write(&person(who), at, &message, &tree, &[&head]);
        self.git.reference(MAIN, id, true, "test").unwrap();
        Some(id.to_string())
    }

    /// A commit on `main` that puts a symbolic link in a file's place.
    pub(crate) fn link(&self, path: &str, target: &str, at: Timestamp) {
        let head = self.find(MAIN).unwrap();
        let mut index = git2::Index::new().unwrap();
        index.read_tree(&head.tree().unwrap()).unwrap();
        let mut link = entry(path, self.git.blob(target.as_bytes()).unwrap());
        link.mode = 0o120_000;
        index.add(&link).unwrap();
        let tree = index.write_tree_to(&self.git).unwrap();
        let tree = self.git.find_tree(tree).unwrap();
        let id = self.write(&person("Mara"), at, "Link", &tree, &[&head]);
        self.move_to("main", id);
    }

    /// Puts a branch where it is told, by force.
    pub(crate) fn set(&self, branch: &str, commit: &str) {
        let id = Oid::from_str(commit).unwrap();
        let name = format!("refs/heads/{branch}");
        self.git.reference(&name, id, true, "test").unwrap();
    }

    /// All refs with what they name.
    pub(crate) fn refs(&self) -> BTreeMap<String, String> {
        let refs = self.git.references().unwrap().map(Result::unwrap);
        refs.filter_map(|r| Some((r.name().unwrap().to_owned(), r.target()?.to_string())))
            .collect()
    }

    /// The commit a branch, ref or id names.
    pub(crate) fn resolve(&self, name: &str) -> Option<String> {
        Some(self.find(name)?.id().to_string())
    }

    /// Commits of the first-parent line of `main`, oldest first.
    pub(crate) fn line(&self) -> Vec<String> {
        self.line_of(MAIN)
    }

    /// Commits of the first-parent line of a branch, ref or id, oldest first.
    pub(crate) fn line_of(&self, name: &str) -> Vec<String> {
        let mut line = Vec::new();
        let mut next = self.find(name);
        while let Some(commit) = next {
            line.push(commit.id().to_string());
            next = commit.parent(0).ok();
        }
        line.reverse();
        line
    }

    /// Commits of that line behind one that was read before, oldest first.
    pub(crate) fn line_since(&self, read: Option<&str>) -> Vec<String> {
        let mut line = Vec::new();
        let mut next = self.find(MAIN);
        while let Some(commit) = next {
            let id = commit.id().to_string();
            if Some(id.as_str()) == read {
                break;
            }
            line.push(id);
            next = commit.parent(0).ok();
        }
        line.reverse();
        line
    }

    /// Subjects of that line, newest first.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let line = self.line().into_iter().rev();
        line.map(|id| self.message(&id).lines().next().unwrap().to_owned())
            .collect()
    }

    /// The whole message of a commit.
    pub(crate) fn message(&self, commit: &str) -> String {
        self.find(commit)
            .unwrap()
            .message()
            .unwrap_or_default()
            .to_owned()
    }

    /// The e-mail address of a commit's committer.
    pub(crate) fn committer(&self, commit: &str) -> String {
        let commit = self.find(commit).unwrap();
        commit.committer().email().unwrap().to_owned()
    }

    /// The text of a file.
    pub(crate) fn text(&self, name: &str, path: &str) -> Option<String> {
        let tree = self.find(name)?.tree().unwrap();
        let entry = tree.get_path(Path::new(path)).ok()?;
        let blob = self.git.find_blob(entry.id()).ok()?;
        Some(String::from_utf8_lossy(blob.content()).into_owned())
    }

    /// All text files.
    pub(crate) fn files(&self, name: &str) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let Some(commit) = self.find(name) else {
            return files;
        };
        let tree = commit.tree().unwrap();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            let name = entry.name().ok();
            if let (Some(git2::ObjectType::Blob), Some(name)) = (entry.kind(), name) {
                let path = format!("{folder}{name}");
                let blob = self.git.find_blob(entry.id()).unwrap();
                files.insert(path, String::from_utf8_lossy(blob.content()).into_owned());
            }
            git2::TreeWalkResult::Ok
        })
        .unwrap();
        files
    }

    /// The unified diff of one commit against its first parent.
    pub(crate) fn diff(&self, commit: &str) -> String {
        let commit = self.find(commit).unwrap();
        let old = commit.parent(0).ok().map(|p| p.tree().unwrap());
        let new = commit.tree().unwrap();
        let diff = self
            .git
            .diff_tree_to_tree(old.as_ref(), Some(&new), None)
            .unwrap();
        let mut text = String::new();
        diff.print(git2::DiffFormat::Patch, |_, _, line| {
            if matches!(line.origin(), '+' | '-' | ' ') {
                text.push(line.origin());
            }
            text.push_str(&String::from_utf8_lossy(line.content()));
            true
        })
        .unwrap();
        text
    }

    /// Where every tag points at a commit, read from the files in the plainest way: a pinned `from`, else the newest item.
    pub(crate) fn heads(&self, name: &str) -> BTreeMap<String, Digest> {
        let mut heads = BTreeMap::new();
        for document in self.streams(name) {
            read_heads(&document, &mut heads);
        }
        heads
    }

    /// The record of promotion that every tag bears at a commit.
    pub(crate) fn records(&self, name: &str) -> BTreeMap<String, String> {
        let mut records = BTreeMap::new();
        for document in self.streams(name) {
            let stream = document["metadata"]["name"].as_str().unwrap_or_default();
            for tag in document["spec"]["tags"].as_sequence().into_iter().flatten() {
                let record = tag["annotations"]["headwater.dev/promotion"].as_str();
                if let (Some(record), Some(tag)) = (record, tag["name"].as_str()) {
                    records.insert(key(stream, tag), record.to_owned());
                }
            }
        }
        records
    }

    fn streams(&self, name: &str) -> Vec<Value> {
        let files = self.files(name).into_iter();
        let texts = files.filter(|(path, _)| path.starts_with("pipelines/"));
        let documents = texts.filter_map(|(_, text)| serde_yaml::from_str(&text).ok());
        let is_stream = |d: &Value| d["kind"].as_str() == Some("ImageStream");
        documents.filter(is_stream).collect()
    }

    fn find(&self, name: &str) -> Option<Commit<'_>> {
        self.git.revparse_single(name).ok()?.peel_to_commit().ok()
    }

    fn tree_with(&self, parent: Option<&Commit<'_>>, files: &Files) -> Tree<'_> {
        let mut index = git2::Index::new().unwrap();
        if let Some(parent) = parent {
            index.read_tree(&parent.tree().unwrap()).unwrap();
        }
        for (path, content) in files {
            match content {
                Some(bytes) => {
                    let id = self.git.blob(bytes).unwrap();
                    index.add(&entry(path, id)).unwrap();
                }
                None => index.remove_path(Path::new(path)).unwrap(),
            }
        }
        let id = index.write_tree_to(&self.git).unwrap();
        self.git.find_tree(id).unwrap()
    }

    fn write(
        &self,
        who: &Person,
        at: Timestamp,
        message: &str,
        tree: &Tree<'_>,
        parents: &[&Commit<'_>],
    ) -> Oid {
        let time = Time::new(at.as_second(), 0);
        let signature = Signature::new(&who.name, &who.email, &time).unwrap();
        self.git
            .commit(None, &signature, &signature, message, tree, parents)
            .unwrap()
    }
}

fn entry(path: &str, id: Oid) -> git2::IndexEntry {
    git2::IndexEntry {
        ctime: git2::IndexTime::new(0, 0),
        mtime: git2::IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

fn read_heads(document: &Value, heads: &mut BTreeMap<String, Digest>) {
    let stream = document["metadata"]["name"].as_str().unwrap_or_default();
    let empty = Vec::new();
    let tags = document["status"]["tags"].as_sequence().unwrap_or(&empty);
    for tag in tags {
        let digest = tag["items"][0]["image"].as_str();
        if let Some(digest) = digest.and_then(|d| d.parse().ok()) {
            heads.insert(key(stream, tag["tag"].as_str().unwrap()), digest);
        }
    }
    let tags = document["spec"]["tags"].as_sequence().unwrap_or(&empty);
    for tag in tags {
        let from = &tag["from"];
        let pinned = from["kind"].as_str() == Some("ImageStreamImage");
        let digest = from["name"].as_str().and_then(|n| n.split_once('@'));
        if let Some((_, digest)) = digest.filter(|_| pinned) {
            let name = tag["name"].as_str().unwrap();
            heads.insert(key(stream, name), digest.parse().unwrap());
        }
    }
}
