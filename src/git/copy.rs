//! Objects from one repository on this disk to another, in an order that never leaves an object without what it names.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;

use git2::{ObjectType, Odb, OdbLookupFlags, Oid, Repository};

use super::error::GitError;
use super::pack::store;

/// Deeper trees are not copied; Git itself stops at about this depth.
const MAX_DEPTH: usize = 2048;

/// Finds what is lacking of a history, parents and contents first, and copies it in one go.
pub(super) struct Copier<'a> {
    source: &'a Repository,
    target: &'a Repository,
    from: Odb<'a>,
    to: Odb<'a>,
    /// Objects that need not be looked at again. With `None`, whatever the target has is taken to be complete.
    seen: Option<HashSet<Oid>>,
    lacking: Vec<(ObjectType, Oid)>,
    noted: HashSet<Oid>,
}

impl<'a> Copier<'a> {
    /// For a target whose objects are all complete.
    pub(super) fn new(source: &'a Repository, target: &'a Repository) -> Result<Self, git2::Error> {
        Ok(Self {
            source,
            target,
            from: source.odb()?,
            to: target.odb()?,
            seen: None,
            lacking: Vec::new(),
            noted: HashSet::new(),
        })
    }

    /// For a target into which whole packs were copied: each may name objects that lay elsewhere.
    pub(super) fn thorough(
        source: &'a Repository,
        target: &'a Repository,
    ) -> Result<Self, git2::Error> {
        let copier = Self::new(source, target)?;
        copier.to.refresh()?;
        Ok(Self {
            seen: Some(HashSet::new()),
            ..copier
        })
    }

    /// Takes on `head` and everything it needs.
    pub(super) fn history(&mut self, head: Oid) -> Result<(), git2::Error> {
        let mut todo = vec![(head, false)];
        while let Some((id, parents_done)) = todo.pop() {
            if !parents_done && self.is_done(id) {
                continue;
            }
            let commit = self.source.find_commit(id)?;
            if parents_done {
                self.tree(commit.tree_id(), 0)?;
                self.object(ObjectType::Commit, id);
            } else {
                todo.push((id, true));
                todo.extend(commit.parent_ids().map(|parent| (parent, false)));
            }
        }
        Ok(())
    }

    fn tree(&mut self, id: Oid, depth: usize) -> Result<(), git2::Error> {
        if self.is_done(id) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(git2::Error::from_str("folders are nested too deeply"));
        }
        let tree = self.source.find_tree(id)?;
        for entry in &tree {
            match entry.kind() {
                Some(ObjectType::Tree) => self.tree(entry.id(), depth + 1)?,
                Some(ObjectType::Blob) if !self.is_done(entry.id()) => {
                    self.object(ObjectType::Blob, entry.id());
                }
                _ => {}
            }
        }
        self.object(ObjectType::Tree, id);
        Ok(())
    }

    fn is_done(&mut self, id: Oid) -> bool {
        match &mut self.seen {
            Some(seen) => !seen.insert(id),
            None => self.noted.contains(&id) || self.is_there(id),
        }
    }

    /// Does not look for packs that somebody may have added meanwhile, as libgit2 does for each object that it misses: at
    /// worst an object is written that is there already.
    fn is_there(&self, id: Oid) -> bool {
        self.to.exists_ext(id, OdbLookupFlags::NO_REFRESH)
    }

    fn object(&mut self, kind: ObjectType, id: Oid) {
        if !self.is_there(id) && self.noted.insert(id) {
            self.lacking.push((kind, id));
        }
    }

    /// Copies what is lacking.
    pub(super) fn finish(self) -> Result<(), git2::Error> {
        store(&self.lacking, &self.from, self.target).map(|_| ())
    }
}

/// Copies the packs as files: far cheaper than packing twenty thousand objects again. A pack that a garbage collection
/// removes meanwhile is left out; the thorough copy fills the gap.
pub(super) fn copy_packs(source: &Repository, target: &Repository) -> Result<(), GitError> {
    let (from, to) = (
        source.commondir().join("objects/pack"),
        target.commondir().join("objects/pack"),
    );
    let describe =
        |error: &std::io::Error| GitError::io(&format!("copy `{}`", from.display()), error);
    let entries = match fs::read_dir(&from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(describe(&error)),
    };
    for entry in entries {
        let pack = entry.map_err(|error| describe(&error))?.path();
        if pack.extension().is_none_or(|extension| extension != "pack") {
            continue;
        }
        // The index makes a pack visible, so it comes second.
        for file in [pack.clone(), pack.with_extension("idx")] {
            let Some(name) = file.file_name() else {
                continue;
            };
            match fs::copy(&file, to.join(name)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                Err(error) => return Err(describe(&error)),
            }
        }
    }
    Ok(())
}
