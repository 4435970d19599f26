//! A work tree as it is on disk, in the shape of an observation: its own files, with the past and the facts of the base.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CliError;
use super::engine::edge;
use crate::git::{WorkFile, WorkTree};
use crate::manifests::role::CONFIG_FILES;
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{
    Diagnostic, Documents, Listing, Loaded, Role, Texts, assemble, code, config_of, load, role_of,
};
use crate::model::repository_config::Paths;
use crate::model::{BlobId, RepoPath};
use crate::plan::{FileEntry, Observation, Snapshot};

/// A limit that libraries take as another type.
pub(super) const MOST_BYTES: u64 = MAX_BYTES as u64;

/// The work tree's files where the base's were.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn observation(tree: &WorkTree, base: &Observation) -> Result<Observation, CliError> {
    let mut found = Found::default();
    for name in CONFIG_FILES {
        if let Ok(path) = name.parse::<RepoPath>()
            && let Some(file) = tree.read(&path, MOST_BYTES).map_err(|e| edge(&e))?
        {
            found.add(path, file);
        }
    }
    let paths = found.settings();
    let folders = [
        &paths.pipelines,
        &paths.streams,
        &paths.environments,
        &paths.templates,
        &paths.holds,
        &paths.freezes,
    ];
    let folders: Vec<RepoPath> = folders.into_iter().cloned().collect();
    let files = tree.read_below(&folders, MOST_BYTES);
    for (path, file) in files.map_err(|e| edge(&e))? {
        found.add(path, file);
    }
    let documents = found.documents(tree, &paths);
    let mut blobs = base.blobs.clone();
    blobs.extend(found.blobs);
    Ok(Observation {
        snapshot: Snapshot {
            commit: base.snapshot.commit.clone(),
            branch: base.snapshot.branch.clone(),
            documents: Arc::new(documents),
            files: Arc::new(found.files),
        },
        history: Arc::clone(&base.history),
        facts: base.facts.clone(),
        blobs,
    })
}

#[derive(Default)]
struct Found {
    files: BTreeMap<RepoPath, FileEntry>,
    contents: BTreeMap<RepoPath, Result<Vec<u8>, String>>,
    blobs: BTreeMap<BlobId, Option<Arc<str>>>,
}

impl Found {
    fn add(&mut self, path: RepoPath, file: WorkFile) {
        let content = match file {
            WorkFile::Bytes(bytes) => Ok(bytes),
            WorkFile::Symlink => Err("it is a symbolic link, which is never followed".to_owned()),
            WorkFile::TooLarge { bytes } => Err(format!(
                "the file has {bytes} bytes; at most {MAX_BYTES} are read"
            )),
            WorkFile::Unreadable(why) => Err(why),
        };
        let (blob, plain) = match &content {
            Ok(bytes) => (BlobId::of(bytes), true),
            Err(why) => (BlobId::of(why.as_bytes()), false),
        };
        if let Ok(bytes) = &content {
            let text = std::str::from_utf8(bytes).ok().map(Arc::from);
            self.blobs.insert(blob.clone(), text);
        }
        self.files.insert(path.clone(), FileEntry { blob, plain });
        self.contents.insert(path, content);
    }

    /// The folders that the settings name, as far as they can be read.
    fn settings(&self) -> Paths {
        let loaded = self
            .contents
            .iter()
            .filter_map(|(path, content)| Some(load(path, content.as_ref().ok()?, Role::Config)));
        let mut configs = loaded.filter_map(|loaded| config_of(&loaded));
        configs.next_back().unwrap_or_default().spec.paths
    }

    fn documents(&self, tree: &WorkTree, paths: &Paths) -> Documents {
        let files = self.contents.iter().filter_map(|(path, content)| {
            let role = role_of(path, paths)?;
            let loaded = match content {
                Ok(bytes) => load(path, bytes, role),
                Err(why) => Loaded {
                    problems: vec![Diagnostic::error(path, code::UNREADABLE, why.clone())],
                    unreadable: true,
                    ..Loaded::default()
                },
            };
            Some((path.clone(), role, Arc::new(loaded)))
        });
        let disk = Disk {
            root: tree.root().to_owned(),
            found: self,
        };
        assemble(files.collect(), &disk, &disk)
    }
}

/// Names of the folders in a folder; a link is none.
pub(super) fn folders_on_disk(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// What else lies in the work tree: asked for existence only.
struct Disk<'f> {
    root: PathBuf,
    found: &'f Found,
}

impl Texts for Disk<'_> {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        let entry = self.found.files.get(path)?;
        self.found.blobs.get(&entry.blob)?.clone()
    }
}

impl Listing for Disk<'_> {
    fn exists(&self, path: &RepoPath) -> bool {
        let meta = self.root.join(path.as_str()).symlink_metadata();
        meta.is_ok_and(|meta| !meta.is_dir())
    }

    fn folder_exists(&self, path: &RepoPath) -> bool {
        let meta = self.root.join(path.as_str()).symlink_metadata();
        meta.is_ok_and(|meta| meta.is_dir())
    }

    fn folders(&self, path: &RepoPath) -> Vec<String> {
        folders_on_disk(&self.root.join(path.as_str()))
    }

    fn is_symlink(&self, path: &RepoPath) -> bool {
        let mut next = Some(path.clone());
        while let Some(path) = next {
            let meta = self.root.join(path.as_str()).symlink_metadata();
            if meta.is_ok_and(|meta| meta.is_symlink()) {
                return true;
            }
            next = path.parent();
        }
        false
    }
}
