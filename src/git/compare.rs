//! Which files differ between two trees. Folders with one id are not looked into, which libgit2's own comparison does for
//! every file of every folder: with twenty thousand files that is what reading a past costs.

use git2::{ObjectType, Oid, Tree, TreeEntry};

use super::error::GitError;
use super::read::{GITLINK, MAX_DEPTH, Objects, blob_id, repo_path};
use super::types::FileChange;
use crate::model::BlobId;

/// Two folders of one name; an id that is missing is an empty folder.
struct Pair {
    prefix: Vec<u8>,
    old: Option<Oid>,
    new: Option<Oid>,
    depth: usize,
}

impl Objects<'_> {
    /// Files that differ between two trees, sorted by path, without guessing at renames. A link is a file here, a
    /// submodule has no content; names that are no paths, and folders nested too deeply, are left out.
    pub(super) fn tree_changes(
        &self,
        from: Option<&Tree<'_>>,
        to: &Tree<'_>,
    ) -> Result<Vec<FileChange>, GitError> {
        let mut todo = vec![Pair {
            prefix: Vec::new(),
            old: from.map(Tree::id),
            new: Some(to.id()),
            depth: 0,
        }];
        let mut changes = Vec::new();
        while let Some(pair) = todo.pop() {
            if pair.old != pair.new && pair.depth <= MAX_DEPTH {
                self.compare(&pair, &mut todo, &mut changes)?;
            }
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        // A tree that somebody made by hand may say a name twice.
        changes.dedup_by(|a, b| a.path == b.path);
        Ok(changes)
    }

    fn compare(
        &self,
        pair: &Pair,
        todo: &mut Vec<Pair>,
        changes: &mut Vec<FileChange>,
    ) -> Result<(), GitError> {
        let find = |id: Option<Oid>| {
            id.map(|id| self.repository.find_tree(id))
                .transpose()
                .map_err(|error| self.damaged(&error))
        };
        let (old, new) = (find(pair.old)?, find(pair.new)?);
        let entries = |tree: &Option<Tree<'_>>| -> Vec<TreeEntry<'static>> {
            let all = tree.iter().flat_map(Tree::iter);
            let mut all: Vec<_> = all.map(|entry| entry.to_owned()).collect();
            // Git sorts folders as if their names ended with a slash.
            all.sort_by(|a, b| a.name_bytes().cmp(b.name_bytes()));
            all
        };
        let (old, new) = (entries(&old), entries(&new));
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let name = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(one), None) | (None, Some(one)) => one.name_bytes(),
                (Some(a), Some(b)) => a.name_bytes().min(b.name_bytes()),
            };
            let before = old.next_if(|entry| entry.name_bytes() == name);
            let after = new.next_if(|entry| entry.name_bytes() == name);
            pair.entry(name, before, after, todo, changes)?;
        }
    }
}

impl Pair {
    fn entry(
        &self,
        name: &[u8],
        old: Option<&TreeEntry<'_>>,
        new: Option<&TreeEntry<'_>>,
        todo: &mut Vec<Self>,
        changes: &mut Vec<FileChange>,
    ) -> Result<(), GitError> {
        let same = |(a, b): (&TreeEntry<'_>, &TreeEntry<'_>)| {
            a.id() == b.id() && a.filemode() == b.filemode()
        };
        if old.zip(new).is_some_and(same) {
            return Ok(());
        }
        let path = [&self.prefix, name].concat();
        let (folder_before, folder_after) = (folder(old), folder(new));
        if folder_before.is_some() || folder_after.is_some() {
            todo.push(Self {
                prefix: [&path[..], b"/"].concat(),
                old: folder_before,
                new: folder_after,
                depth: self.depth + 1,
            });
        }
        let is_file = |entry: Option<&TreeEntry<'_>>| {
            entry.is_some_and(|entry| entry.kind() != Some(ObjectType::Tree))
        };
        let named = is_file(old) || is_file(new);
        let (old, new) = (file(old)?, file(new)?);
        if let (true, Ok(path)) = (named, repo_path(&path)) {
            changes.push(FileChange { path, old, new });
        }
        Ok(())
    }
}

fn folder(entry: Option<&TreeEntry<'_>>) -> Option<Oid> {
    let entry = entry.filter(|entry| entry.kind() == Some(ObjectType::Tree))?;
    Some(entry.id())
}

fn file(entry: Option<&TreeEntry<'_>>) -> Result<Option<BlobId>, GitError> {
    let is_file = |entry: &&TreeEntry<'_>| {
        entry.kind() != Some(ObjectType::Tree) && entry.filemode() != GITLINK
    };
    entry.filter(is_file).map(|e| blob_id(e.id())).transpose()
}
