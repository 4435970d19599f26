//! New objects are made in memory and then stored all at once.

use std::collections::HashSet;

use git2::{Commit, ObjectType, Odb, Oid, Repository, Signature, Tree};

use super::pack::{PACK_FROM, store};
use super::signing::SigningKey;

/// What becomes of an entry of a tree: an object with its mode, or nothing.
pub(super) type Change<'n> = (&'n str, Option<(Oid, i32)>);

/// Objects that are not stored yet.
pub(super) struct Batch {
    /// A repository that lies in memory alone, so that no look at the disk comes with each object.
    memory: Repository,
    made: Vec<(ObjectType, Oid)>,
    seen: HashSet<Oid>,
}

impl Batch {
    pub(super) fn new() -> Result<Self, git2::Error> {
        let odb = Odb::new()?;
        odb.add_new_mempack_backend(1)?;
        Ok(Self {
            memory: Repository::from_odb(odb)?,
            made: Vec::new(),
            seen: HashSet::new(),
        })
    }

    /// Adds a blob.
    pub(super) fn blob(&mut self, bytes: &[u8]) -> Result<Oid, git2::Error> {
        let id = self.memory.odb()?.write(ObjectType::Blob, bytes)?;
        self.note(ObjectType::Blob, id);
        Ok(id)
    }

    /// Adds a tree like `start` with these changes; `None` if nothing is left in it. What is put into it was added before,
    /// and what is taken out of it was in it.
    pub(super) fn tree(
        &mut self,
        start: Option<&Tree<'_>>,
        changes: &[Change<'_>],
    ) -> Result<Option<Oid>, git2::Error> {
        let mut builder = self.memory.treebuilder(start)?;
        for (name, entry) in changes {
            match entry {
                Some((id, mode)) => drop(builder.insert(*name, *id, *mode)?),
                None => builder.remove(*name)?,
            }
        }
        if builder.is_empty() {
            return Ok(None);
        }
        let id = builder.write()?;
        drop(builder);
        self.note(ObjectType::Tree, id);
        Ok(Some(id))
    }

    /// Adds the tree of nothing.
    pub(super) fn empty_tree(&mut self) -> Result<Oid, git2::Error> {
        let id = self.memory.odb()?.write(ObjectType::Tree, &[])?;
        self.note(ObjectType::Tree, id);
        Ok(id)
    }

    /// Adds a commit of a tree that is in here or in `lender`, which has the parents too.
    pub(super) fn commit(
        &mut self,
        (author, committer): (&Signature<'_>, &Signature<'_>),
        message: &str,
        tree: Oid,
        parents: &[Commit<'_>],
        lender: &Odb<'_>,
        signing: Option<&SigningKey>,
    ) -> Result<Oid, git2::Error> {
        for id in parents.iter().map(Commit::id).chain([tree]) {
            self.borrow(id, lender)?;
        }
        let id = {
            let tree = self.memory.find_tree(tree)?;
            let parents = parents.iter().map(|p| self.memory.find_commit(p.id()));
            let parents = parents.collect::<Result<Vec<_>, _>>()?;
            let parents: Vec<&Commit<'_>> = parents.iter().collect();
            match signing {
                None => self
                    .memory
                    .commit(None, author, committer, message, &tree, &parents)?,
                Some(key) => {
                    let payload = self
                        .memory
                        .commit_create_buffer(author, committer, message, &tree, &parents)?;
                    key.commit(&self.memory, &payload)?
                }
            }
        };
        self.note(ObjectType::Commit, id);
        Ok(id)
    }

    /// Has an object of somebody else's at hand, without it being one of those to store.
    fn borrow(&self, id: Oid, lender: &Odb<'_>) -> Result<(), git2::Error> {
        let odb = self.memory.odb()?;
        if !odb.exists(id) {
            let object = lender.read(id)?;
            odb.write(object.kind(), object.data())?;
        }
        Ok(())
    }

    fn note(&mut self, kind: ObjectType, id: Oid) {
        if self.seen.insert(id) {
            self.made.push((kind, id));
        }
    }

    /// Whether it will be stored as a pack.
    pub(super) const fn is_many(&self) -> bool {
        self.made.len() >= PACK_FROM
    }

    /// Stores everything in a repository, in the order in which it was added. Gives the name of the pack, if it became one.
    pub(super) fn store(&self, target: &Repository) -> Result<Option<String>, git2::Error> {
        store(&self.made, &self.memory.odb()?, target)
    }
}
