//! Files put into a tree: folder by folder, each read and written once. Nothing is written through what is no folder.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid, Tree, TreeEntry};

use super::batch::{Batch, Change};
use super::error::GitError;
use super::read::{MAX_DEPTH, Objects};
use crate::model::RepoPath;

const FILE: i32 = 0o100_644;
const PROGRAM: i32 = 0o100_755;
const FOLDER: i32 = 0o040_000;
const LINK: i32 = 0o120_000;

/// New contents by file; `None` deletes it.
pub(super) type Files = BTreeMap<RepoPath, Option<Vec<u8>>>;

/// What changes below one folder.
#[derive(Default)]
struct Folder<'f> {
    files: BTreeMap<&'f str, (&'f RepoPath, Option<&'f [u8]>)>,
    folders: BTreeMap<&'f str, Self>,
}

impl Objects<'_> {
    /// The tree with these files set or deleted; modes of existing files stay.
    pub(super) fn edit_tree(
        &self,
        start: Option<&Tree<'_>>,
        files: &Files,
        batch: &mut Batch,
    ) -> Result<Oid, GitError> {
        let mut root = Folder::default();
        for (path, content) in files {
            root.take(path, content.as_deref())?;
        }
        match self.edit_folder(start, &root, 0, batch)? {
            Some(tree) => Ok(tree),
            None => batch.empty_tree().map_err(|error| self.fail(&error)),
        }
    }

    /// One folder, so many levels below the root; `None` if nothing is left in it.
    fn edit_folder(
        &self,
        old: Option<&Tree<'_>>,
        folder: &Folder<'_>,
        depth: usize,
        batch: &mut Batch,
    ) -> Result<Option<Oid>, GitError> {
        let fail = |error: git2::Error| self.fail(&error);
        let mut changes: Vec<Change<'_>> = Vec::new();
        for (name, (path, content)) in &folder.files {
            let entry = old.and_then(|tree| tree.get_name(name));
            let mode = entry.as_ref().map(|e| mode_of(path, e)).transpose()?;
            match content {
                Some(bytes) => {
                    let blob = batch.blob(bytes).map_err(fail)?;
                    changes.push((name, Some((blob, mode.unwrap_or(FILE)))));
                }
                None if mode.is_some() => changes.push((name, None)),
                None => {}
            }
        }
        for (name, below) in &folder.folders {
            let entry = old.and_then(|tree| tree.get_name(name));
            if folder.files.contains_key(name)
                || entry.as_ref().is_some_and(|e| e.filemode() != FOLDER)
            {
                return Err(below.in_the_way(depth));
            }
            let tree = entry.as_ref().map(|e| self.repository.find_tree(e.id()));
            let tree = tree.transpose().map_err(|error| self.damaged(&error))?;
            let before = tree.as_ref().map(Tree::id);
            let after = self.edit_folder(tree.as_ref(), below, depth + 1, batch)?;
            if after != before {
                changes.push((name, after.map(|id| (id, FOLDER))));
            }
        }
        match (old, changes.is_empty()) {
            (Some(old), true) => Ok(Some(old.id())),
            (None, true) => Ok(None),
            (_, false) => batch.tree(old, &changes).map_err(fail),
        }
    }
}

impl<'f> Folder<'f> {
    fn take(&mut self, path: &'f RepoPath, content: Option<&'f [u8]>) -> Result<(), GitError> {
        let mut folder = self;
        let mut parts = path.as_str().split('/').peekable();
        let mut depth = 0;
        while let Some(name) = parts.next() {
            if parts.peek().is_none() {
                folder.files.insert(name, (path, content));
                break;
            }
            depth += 1;
            if depth > MAX_DEPTH {
                let problem = format!("`{path}` cannot be written: it lies too deep");
                return Err(GitError::Invalid(problem));
            }
            folder = folder.folders.entry(name).or_default();
        }
        Ok(())
    }

    /// For a folder in whose place something else stands.
    fn in_the_way(&self, depth: usize) -> GitError {
        let mut folder = self;
        let file = loop {
            match (folder.files.values().next(), folder.folders.values().next()) {
                (Some((path, _)), _) => break path.as_str(),
                (None, Some(below)) => folder = below,
                (None, None) => break "",
            }
        };
        let parts: Vec<&str> = file.split('/').take(depth + 1).collect();
        let place = parts.join("/");
        GitError::Invalid(format!(
            "`{file}` cannot be written: `{place}` is no folder"
        ))
    }
}

/// The mode of an existing file; what is no plain file is not touched.
fn mode_of(path: &RepoPath, entry: &TreeEntry<'_>) -> Result<i32, GitError> {
    let mode = entry.filemode();
    let problem = match entry.kind() {
        Some(ObjectType::Blob) if mode == PROGRAM => return Ok(PROGRAM),
        Some(ObjectType::Blob) if mode != LINK => return Ok(FILE),
        Some(ObjectType::Blob) => "a symbolic link",
        _ => "a folder or a submodule",
    };
    Err(GitError::Invalid(format!(
        "`{path}` is {problem} and is not written"
    )))
}
