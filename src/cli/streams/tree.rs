//! Streams in a work tree: edited as they lie there, with whatever somebody has changed and not committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Edit, Wish, person};
use crate::cli::engine::edge;
use crate::cli::read::Files;
use crate::cli::view::act::Written;
use crate::cli::{CliError, Context, Exit};
use crate::git::{WorkFile, WorkTree};
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{Documents, assemble};
use crate::model::RepoPath;

/// A work tree and its documents.
pub(super) struct Tree {
    tree: WorkTree,
    pub(super) docs: Arc<Documents>,
}

impl Tree {
    /// Reads all documents.
    pub(super) async fn read(tree: WorkTree) -> Result<Self, CliError> {
        let read = tokio::task::spawn_blocking(move || {
            let files = Files::of_work_tree(tree.clone())?;
            let loaded = files.loaded.iter();
            let loaded = loaded.map(|(path, role, l)| (path.clone(), *role, Arc::clone(l)));
            let docs = Arc::new(assemble(loaded.collect(), &files, &files.lookup));
            Ok(Self { tree, docs })
        });
        let read = read.await;
        let read = read.map_err(|e| CliError::failed(format!("reading stopped: {e}")))?;
        read.map_err(|e: crate::git::GitError| edge(&e))
    }

    /// Texts of files, as they are on disk now.
    pub(super) fn texts(
        &self,
        paths: &BTreeSet<RepoPath>,
    ) -> Result<BTreeMap<RepoPath, String>, CliError> {
        let mut texts = BTreeMap::new();
        for path in paths {
            let text = self.text(path)?.ok_or_else(|| {
                CliError::failed(format!("`{path}` cannot be read as text")).help("headwater check")
            })?;
            texts.insert(path.clone(), text);
        }
        Ok(texts)
    }

    /// Text of one file; none for what is no text.
    pub(super) fn text(&self, path: &RepoPath) -> Result<Option<String>, CliError> {
        let file = self.tree.read(path, MAX_BYTES as u64);
        Ok(match file.map_err(|e| edge(&e))? {
            Some(WorkFile::Bytes(bytes)) => String::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    /// The checkout itself.
    pub(super) const fn checkout(&self) -> &WorkTree {
        &self.tree
    }

    /// Texts of all files below these folders; what is no text is left out.
    pub(super) fn texts_below(&self, folders: &[RepoPath]) -> Result<Vec<String>, CliError> {
        let files = self.tree.read_below(folders, MAX_BYTES as u64);
        let files = files.map_err(|e| edge(&e))?;
        let texts = files.into_values().filter_map(|file| match file {
            WorkFile::Bytes(bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        });
        Ok(texts.collect())
    }

    pub(super) fn exists(&self, path: &RepoPath) -> bool {
        let place = self.tree.root().join(path.as_str());
        place.symlink_metadata().is_ok()
    }

    /// Writes the files, and commits them if that is asked for.
    pub(super) fn write(
        &self,
        context: &Context,
        wish: &Wish<'_>,
        edit: &Edit,
        commit: bool,
    ) -> Result<Written, CliError> {
        let paths: Vec<RepoPath> = edit.files.keys().cloned().collect();
        let person = commit.then(|| person(context)).transpose()?;
        if commit {
            let dirty = self.tree.dirty(&paths).map_err(|e| edge(&e))?;
            if let Some(path) = dirty.first() {
                return Err(CliError::failed(format!(
                    "`{path}` has changes of yours that are not committed and would be committed along"
                ))
                .help("commit them first, or leave --commit out"));
            }
        }
        for (path, text) in &edit.files {
            let old = edit.old.get(path).map(String::as_bytes);
            let written = match (text, old) {
                (Some(text), old) => self.tree.write(path, old, text.as_bytes()),
                (None, Some(old)) => self.tree.remove(path, old),
                (None, None) => continue,
            };
            written.map_err(|error| CliError::from_error(Exit::Failed, &error))?;
        }
        let Some(person) = person else {
            return Ok(Written::WorkTree);
        };
        let committer = wish.committer(context, &person);
        let done = self
            .tree
            .commit(&paths, &wish.title, (&person, &committer), context.now());
        let commit = done
            .map_err(|e| edge(&e).context("the files are written, but could not be committed"))?;
        Ok(Written::Commit { commit })
    }
}
