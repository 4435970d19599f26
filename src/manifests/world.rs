//! A repository in memory, for tests that speak of several files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Documents, Listing, Texts, assemble, load, role_of};
use crate::model::RepoPath;

/// A repository in memory.
pub(crate) struct World(pub BTreeMap<String, String>);

impl Texts for World {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.0
            .get(path.as_str())
            .map(|text| Arc::from(text.as_str()))
    }
}

impl Listing for World {
    fn exists(&self, path: &RepoPath) -> bool {
        self.0.contains_key(path.as_str())
    }
    fn folder_exists(&self, path: &RepoPath) -> bool {
        let folder = format!("{path}/");
        self.0.keys().any(|file| file.starts_with(&folder))
    }
    fn folders(&self, path: &RepoPath) -> Vec<String> {
        let prefix = format!("{path}/");
        let below = self.0.keys().filter_map(|file| file.strip_prefix(&prefix));
        let folders = below.filter_map(|file| file.split_once('/'));
        let names: BTreeSet<&str> = folders.map(|(name, _)| name).collect();
        names.into_iter().map(str::to_owned).collect()
    }
    fn is_symlink(&self, path: &RepoPath) -> bool {
        self.0.contains_key(&format!("{path}@"))
    }
}

/// Loads and assembles files by path and text. Paths that end in `@` are symbolic links.
pub(crate) fn assemble_all(files: &[(&str, &str)]) -> Documents {
    let world = World(
        files
            .iter()
            .map(|(p, t)| ((*p).to_owned(), (*t).to_owned()))
            .collect(),
    );
    let paths = crate::model::repository_config::Paths::default();
    let loaded = world
        .0
        .iter()
        .filter_map(|(path, text)| {
            let path: RepoPath = path.parse().unwrap();
            let role = role_of(&path, &paths)?;
            let loaded = load(&path, text.as_bytes(), role);
            Some((path, role, Arc::new(loaded)))
        })
        .rev()
        .collect();
    assemble(loaded, &world, &world)
}
