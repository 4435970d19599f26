//! A commit's files as the checks ask for them: which exist, which are links, and the text of the few that have problems.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::git::{EntryKind, Repository, TreeListing};
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{Listing, Texts};
use crate::model::RepoPath;
use crate::plan::FileEntry;

/// All files of a commit.
pub(crate) struct Tree {
    pub(crate) files: Arc<BTreeMap<RepoPath, FileEntry>>,
    links: BTreeSet<RepoPath>,
}

impl Tree {
    pub(crate) fn new(listing: TreeListing) -> Self {
        let mut links = BTreeSet::new();
        let files = listing.entries.into_iter().map(|(path, entry)| {
            if entry.kind == EntryKind::Symlink {
                links.insert(path.clone());
            }
            let plain = matches!(entry.kind, EntryKind::File | EntryKind::Executable);
            let blob = entry.blob;
            (path, FileEntry { blob, plain })
        });
        Self {
            files: Arc::new(files.collect()),
            links,
        }
    }
}

impl Listing for Tree {
    fn exists(&self, path: &RepoPath) -> bool {
        self.files.contains_key(path)
    }

    fn folder_exists(&self, path: &RepoPath) -> bool {
        // A space sorts before everything else that a name may hold.
        path.join(" ").is_ok_and(|first| {
            let mut below = self.files.range(first..);
            below.next().is_some_and(|(file, _)| file.is_below(path))
        })
    }

    fn folders(&self, path: &RepoPath) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let start = path.as_str().len() + 1;
        let mut from = path.join(" ").ok();
        while let Some(first) = from.take() {
            // One look-up for each folder, whatever lies in it.
            for (file, _) in self.files.range(first..) {
                if !file.is_below(path) {
                    break;
                }
                if let Some((name, _)) = file.as_str()[start..].split_once('/') {
                    names.push(name.to_owned());
                    // The character behind a slash.
                    from = path.join(&format!("{name}0")).ok();
                    break;
                }
            }
        }
        names.sort();
        names
    }

    fn is_symlink(&self, path: &RepoPath) -> bool {
        let mut next = Some(path.clone());
        while let Some(path) = next {
            if self.links.contains(&path) {
                return true;
            }
            next = path.parent();
        }
        false
    }
}

/// Texts read from Git objects when a problem has to be shown. Blocks: not for threads that wait for networks.
pub(super) struct BlobTexts {
    repository: Repository,
    files: Arc<BTreeMap<RepoPath, FileEntry>>,
    runtime: Handle,
}

impl BlobTexts {
    pub(super) fn new(repository: Repository, files: Arc<BTreeMap<RepoPath, FileEntry>>) -> Self {
        Self {
            repository,
            files,
            runtime: Handle::current(),
        }
    }
}

impl Texts for BlobTexts {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        let entry = self.files.get(path).filter(|entry| entry.plain)?;
        let ids = vec![entry.blob.clone()];
        let found = self.runtime.block_on(self.repository.blobs(ids, MAX_BYTES));
        let bytes = found.ok()?.remove(&entry.blob)?.ok()?;
        String::from_utf8(bytes).ok().map(Arc::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Entry;
    use crate::model::BlobId;

    fn tree(paths: &[(&str, EntryKind)]) -> Tree {
        let entry = |kind| Entry {
            blob: BlobId::of(b""),
            kind,
        };
        Tree::new(TreeListing {
            entries: paths
                .iter()
                .map(|(path, kind)| (path.parse().unwrap(), entry(*kind)))
                .collect(),
            odd: Vec::new(),
        })
    }

    #[test]
    fn folders_and_links_are_found_in_a_flat_list() {
        let tree = tree(&[
            ("a-b/x", EntryKind::File),
            ("a/ y", EntryKind::File),
            ("link", EntryKind::Symlink),
            ("c", EntryKind::Executable),
        ]);
        let path = |text: &str| text.parse::<RepoPath>().unwrap();
        assert!(tree.folder_exists(&path("a")) && tree.folder_exists(&path("a-b")));
        for no in ["a-", "c", "link", "b"] {
            assert!(!tree.folder_exists(&path(no)), "{no}");
        }
        assert_eq!(tree.folders(&path("a")), Vec::<String>::new());
        assert!(tree.exists(&path("c")) && !tree.exists(&path("a")));
        assert!(tree.is_symlink(&path("link/below/it")) && !tree.is_symlink(&path("c")));
        assert!(tree.files[&path("c")].plain && !tree.files[&path("link")].plain);
    }
}
