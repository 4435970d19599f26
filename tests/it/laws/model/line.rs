//! The base as a line of commits in memory: whole trees of texts, who made each, and its past as headwater reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater::git::{CommitInfo, Person, Us};
use headwater::manifests::{Documents, Listing, Loaded, Texts, assemble, load, role_of};
use headwater::model::repository_config::Paths;
use headwater::model::{BlobId, CommitId, Digest, RepoPath, Timestamp};
use headwater::observe::history::texts::TextHistory;
use headwater::plan::effect::CommitContent;

/// Who commits for the engine.
pub(super) const US: &str = "headwater@localhost";
/// Who commits otherwise.
pub(super) const PERSON: &str = "mara@example.com";

/// A file and its blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) text: Arc<str>,
    pub(super) blob: BlobId,
}

impl File {
    fn new(text: &str) -> Self {
        Self {
            text: Arc::from(text),
            blob: BlobId::of(text.as_bytes()),
        }
    }
}

pub(super) type Tree = Arc<BTreeMap<RepoPath, File>>;

/// Whose hand moved the base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hand {
    /// A push of ours.
    Us,
    /// A merge of ours of this pull request.
    Bot(usize),
    /// A merge of this pull request by a person.
    Merged(usize),
    /// Anything else by a person.
    Person,
}

/// One commit of the base.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) id: CommitId,
    pub(super) time: Timestamp,
    pub(super) hand: Hand,
    pub(super) tree: Tree,
}

/// The base.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) commits: Vec<Commit>,
    past: TextHistory,
    loaded: BTreeMap<(RepoPath, BlobId), Arc<Loaded>>,
    documents: Option<(CommitId, Arc<Documents>)>,
}

/// The name of a commit: a hash of all that goes into it, so that the same commit has the same name whoever makes it.
pub(super) fn name(
    parent: &str,
    message: &str,
    by: &str,
    time: Timestamp,
    tree: &Tree,
) -> CommitId {
    let mut text = format!("{parent}\n{message}\n{by}\n{time}\n");
    for (path, file) in tree.iter() {
        text.push_str(&format!("{path} {}\n", file.blob));
    }
    let hash = Digest::sha256(text.as_bytes());
    hash.as_str()["sha256:".len()..][..40].parse().unwrap()
}

/// A tree with a change laid over it.
pub(super) fn laid_over(tree: &Tree, files: &BTreeMap<RepoPath, Option<String>>) -> Tree {
    let mut new = BTreeMap::clone(tree);
    for (path, text) in files {
        match text {
            Some(text) => new.insert(path.clone(), File::new(text)),
            None => new.remove(path),
        };
    }
    Arc::new(new)
}

impl Line {
    /// A base with one commit of a person.
    pub(super) fn new(files: Vec<(String, String)>, time: Timestamp) -> Self {
        let us = Us {
            email: US.to_owned(),
            forge: None,
        };
        let files: BTreeMap<RepoPath, File> = files
            .into_iter()
            .map(|(path, text)| (path.parse().unwrap(), File::new(&text)))
            .collect();
        let tree = Arc::new(files);
        let loaded = load_all(&tree, &mut BTreeMap::new());
        let config = assemble(loaded, &Held(&tree), &Held(&tree))
            .config
            .spec
            .clone();
        let mut line = Self {
            commits: Vec::new(),
            past: TextHistory::new(&us, &config),
            loaded: BTreeMap::new(),
            documents: None,
        };
        line.push(Hand::Person, "Begin", time, tree);
        line
    }

    pub(super) fn head(&self) -> &Commit {
        self.commits.last().unwrap()
    }

    /// Moves the base on by a commit whose tree is this.
    pub(super) fn push(
        &mut self,
        hand: Hand,
        message: &str,
        time: Timestamp,
        tree: Tree,
    ) -> CommitId {
        let by = match hand {
            Hand::Us | Hand::Bot(_) => US,
            Hand::Merged(_) | Hand::Person => PERSON,
        };
        let parent = self.commits.last().map_or("", |c| c.id.as_str());
        let id = name(parent, message, by, time, &tree);
        let changed = self.changed(&tree);
        self.past.commit(&info(&id, by, time, message), &changed);
        self.commits.push(Commit {
            id: id.clone(),
            time,
            hand,
            tree,
        });
        id
    }

    /// The same for a change of some files.
    pub(super) fn commit(
        &mut self,
        hand: Hand,
        content: &CommitContent,
        time: Timestamp,
    ) -> CommitId {
        let tree = laid_over(&self.head().tree, &content.files);
        self.push(hand, &content.message, time, tree)
    }

    fn changed(&mut self, tree: &Tree) -> Vec<(RepoPath, Option<Arc<Loaded>>)> {
        let old = self.commits.last().map(|c| Arc::clone(&c.tree));
        let old = old.unwrap_or_default();
        let mut changed = Vec::new();
        for (path, file) in tree.iter() {
            let same = old.get(path).is_some_and(|before| before.blob == file.blob);
            let role = role_of(path, &Paths::default()).filter(|_| !same);
            if let Some(role) = role {
                let key = (path.clone(), file.blob.clone());
                let loaded = self.loaded.entry(key);
                let loaded =
                    loaded.or_insert_with(|| Arc::new(load(path, file.text.as_bytes(), role)));
                changed.push((path.clone(), Some(Arc::clone(loaded))));
            }
        }
        let gone = old.keys().filter(|path| !tree.contains_key(*path));
        changed.extend(gone.map(|path| (path.clone(), None)));
        changed
    }

    pub(super) fn history(&self) -> Arc<headwater::plan::History> {
        self.past.history()
    }

    /// The documents of the head; `turned` reads its files in another order.
    pub(super) fn documents(&mut self, turned: bool) -> Arc<Documents> {
        let head = self.head().clone();
        let known = self
            .documents
            .as_ref()
            .filter(|(id, _)| *id == head.id && !turned);
        if let Some((_, documents)) = known {
            return Arc::clone(documents);
        }
        let mut loaded = load_all(&head.tree, &mut self.loaded);
        if turned {
            loaded.reverse();
        }
        let documents = Arc::new(assemble(loaded, &Held(&head.tree), &Held(&head.tree)));
        if !turned {
            self.documents = Some((head.id, Arc::clone(&documents)));
        }
        documents
    }
}

type Known = BTreeMap<(RepoPath, BlobId), Arc<Loaded>>;

fn load_all(
    tree: &Tree,
    known: &mut Known,
) -> Vec<(RepoPath, headwater::manifests::Role, Arc<Loaded>)> {
    let mut all = Vec::new();
    for (path, file) in tree.iter() {
        let Some(role) = role_of(path, &Paths::default()) else {
            continue;
        };
        let key = (path.clone(), file.blob.clone());
        let loaded = known.entry(key);
        let loaded = loaded.or_insert_with(|| Arc::new(load(path, file.text.as_bytes(), role)));
        all.push((path.clone(), role, Arc::clone(loaded)));
    }
    all
}

fn info(id: &CommitId, by: &str, time: Timestamp, message: &str) -> CommitInfo {
    let person = Person {
        name: "x".to_owned(),
        email: by.to_owned(),
    };
    CommitInfo {
        id: id.clone(),
        parents: Vec::new(),
        author: person.clone(),
        committer: person,
        author_time: time,
        commit_time: time,
        message: message.to_owned(),
        signed: false,
    }
}

struct Held<'a>(&'a Tree);

impl Texts for Held<'_> {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.0.get(path).map(|file| Arc::clone(&file.text))
    }
}

impl Listing for Held<'_> {
    fn exists(&self, path: &RepoPath) -> bool {
        self.0.contains_key(path)
    }

    fn folder_exists(&self, path: &RepoPath) -> bool {
        self.0.keys().any(|file| file.is_below(path))
    }

    fn folders(&self, path: &RepoPath) -> Vec<String> {
        let prefix = format!("{path}/");
        let below = self
            .0
            .keys()
            .filter_map(|file| file.as_str().strip_prefix(&prefix));
        let folders = below.filter_map(|file| file.split_once('/'));
        let names: BTreeSet<&str> = folders.map(|(name, _)| name).collect();
        names.into_iter().map(str::to_owned).collect()
    }
}
