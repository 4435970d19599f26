//! The files of a repository, from a folder or from a commit: what is read as a document, and templates with values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::work::folders_on_disk;
use crate::git::{Entry, EntryKind, GitError, Repository, TreeListing, WorkFile, WorkTree};
use crate::manifests::role::CONFIG_FILES;
use crate::manifests::yaml::MAX_BYTES;
use crate::manifests::{
    Diagnostic, DocumentKind, Expansions, Listing, Loaded, Role, Texts, code, config_of, load,
    role_of,
};
use crate::model::repository_config::Paths;
use crate::model::{BlobId, CommitId, Gate, RepoPath};
use crate::observe::documents::oddities;
use crate::observe::documents::tree::Tree;

/// Contents read from Git at a time.
const AT_ONCE: usize = 256;

/// A document's file as it was read.
pub(in crate::cli) type LoadedFile = (RepoPath, Role, Arc<Loaded>);

/// All that was read.
pub(in crate::cli) struct Files {
    /// Files that are documents.
    pub(in crate::cli) loaded: Vec<LoadedFile>,
    /// Where documents are.
    pub(in crate::cli) paths: Paths,
    /// Files read, documents or not.
    pub(in crate::cli) read: BTreeSet<RepoPath>,
    /// Which files there are.
    pub(in crate::cli) lookup: Lookup,
    texts: BTreeMap<RepoPath, Arc<str>>,
}

/// Which files there are.
pub(in crate::cli) enum Lookup {
    /// On disk.
    Folder(WorkTree),
    /// In a commit.
    Commit(Tree),
}

type Contents = BTreeMap<RepoPath, Result<Vec<u8>, String>>;

impl Files {
    /// The files of a checkout as they lie there, committed or not.
    pub(in crate::cli) fn of_work_tree(tree: WorkTree) -> Result<Self, GitError> {
        let most = MAX_BYTES as u64;
        let configs: Vec<RepoPath> = CONFIG_FILES.iter().filter_map(|n| n.parse().ok()).collect();
        let mut found = tree.read_below(&configs, most)?;
        let paths = paths_of(&contents(&found));
        found.extend(tree.read_below(&folders(&paths), most)?);
        let entries = found.iter().map(|(path, file)| {
            let (blob, kind) = match file {
                WorkFile::Bytes(bytes) => (BlobId::of(bytes), EntryKind::File),
                WorkFile::Symlink => (BlobId::of(b""), EntryKind::Symlink),
                WorkFile::TooLarge { .. } | WorkFile::Unreadable(_) => {
                    (BlobId::of(b""), EntryKind::File)
                }
            };
            (path.clone(), Entry { blob, kind })
        });
        let listing = TreeListing {
            entries: entries.collect(),
            odd: Vec::new(),
        };
        let odd = oddities::of(&listing, &paths);
        let mut files = Self::new(contents(&found), paths, odd, Lookup::Folder(tree));
        if let Lookup::Folder(tree) = &files.lookup {
            let keys = contents(&tree.read_below(&files.keys(), most)?);
            files.take_keys(keys);
        }
        Ok(files)
    }

    /// The files of a commit.
    pub(in crate::cli) async fn of_commit(
        repository: &Repository,
        commit: &CommitId,
    ) -> Result<Self, GitError> {
        let listing = repository.tree(commit).await?;
        let configs = CONFIG_FILES.iter().filter_map(|n| n.parse().ok()).collect();
        let configs = blobs(repository, &listing, configs).await?;
        let paths = paths_of(&configs);
        let folders = folders(&paths);
        let wanted = listing.entries.keys().filter(|path| {
            folders.iter().any(|folder| path.is_below(folder)) && is_read(path, &paths)
        });
        let mut contents = blobs(repository, &listing, wanted.cloned().collect()).await?;
        contents.extend(configs);
        let odd = oddities::of(&listing, &paths);
        let lookup = Lookup::Commit(Tree::new(listing.clone()));
        let mut files = Self::new(contents, paths, odd, lookup);
        let keys = blobs(repository, &listing, files.keys().into_iter().collect()).await?;
        files.take_keys(keys);
        Ok(files)
    }

    /// Files of keys that gates name.
    fn keys(&self) -> Vec<RepoPath> {
        let documents = self
            .loaded
            .iter()
            .flat_map(|(_, _, loaded)| &loaded.documents);
        let gates = documents.flat_map(|document| match &document.kind {
            DocumentKind::Pipeline(pipeline) => {
                let stages = pipeline.spec.stages.iter();
                stages.flat_map(|stage| &stage.enter).collect::<Vec<_>>()
            }
            DocumentKind::Environment(environment) => environment.spec.enter.iter().collect(),
            _ => Vec::new(),
        });
        let keys = gates.filter_map(|gate| match gate {
            Gate::Signature(signature) => Some(signature.key.clone()),
            _ => None,
        });
        keys.filter(|key| !self.lookup.is_symlink(key)).collect()
    }

    fn take_keys(&mut self, contents: Contents) {
        for (path, content) in contents {
            if let Some(text) = content.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
                self.texts.insert(path, Arc::from(text));
            }
        }
    }

    fn new(contents: Contents, paths: Paths, odd: Vec<LoadedFile>, lookup: Lookup) -> Self {
        let mut files = Self {
            loaded: odd,
            paths,
            read: BTreeSet::new(),
            lookup,
            texts: BTreeMap::new(),
        };
        files
            .read
            .extend(files.loaded.iter().map(|(path, ..)| path.clone()));
        for (path, content) in contents {
            if is_read(&path, &files.paths) {
                files.add(path, content);
            }
        }
        // Keys of gates are read next, also of those that come out of a matrix.
        Expansions::default().carry_out(&mut files.loaded, &files.lookup);
        files
    }

    fn add(&mut self, path: RepoPath, content: Result<Vec<u8>, String>) {
        if let Some(role) = role_of(&path, &self.paths) {
            let loaded = match &content {
                Ok(bytes) => load(&path, bytes, role),
                Err(why) => unreadable(&path, why),
            };
            self.loaded.push((path.clone(), role, Arc::new(loaded)));
        }
        if let Ok(text) = content.and_then(|b| String::from_utf8(b).map_err(|e| e.to_string())) {
            self.texts.insert(path.clone(), Arc::from(text));
        }
        self.read.insert(path);
    }

    /// Texts of files below a folder, by their paths below it.
    pub(in crate::cli) fn below(&self, folder: &RepoPath) -> BTreeMap<String, String> {
        let prefix = format!("{folder}/");
        let texts = self.texts.iter().filter_map(|(path, text)| {
            let inside = path.as_str().strip_prefix(&prefix)?;
            Some((inside.to_owned(), text.to_string()))
        });
        texts.collect()
    }
}

impl Texts for Files {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.texts.get(path).cloned()
    }
}

impl Lookup {
    /// Whether there is a file or a folder.
    pub(in crate::cli) fn has(&self, path: &RepoPath) -> bool {
        self.exists(path) || self.folder_exists(path)
    }
}

impl Listing for Lookup {
    fn exists(&self, path: &RepoPath) -> bool {
        match self {
            Self::Folder(tree) => {
                std::fs::symlink_metadata(place(tree, path)).is_ok_and(|meta| !meta.is_dir())
            }
            Self::Commit(tree) => tree.exists(path),
        }
    }

    fn folder_exists(&self, path: &RepoPath) -> bool {
        match self {
            Self::Folder(tree) => {
                std::fs::symlink_metadata(place(tree, path)).is_ok_and(|meta| meta.is_dir())
            }
            Self::Commit(tree) => tree.folder_exists(path),
        }
    }

    fn folders(&self, path: &RepoPath) -> Vec<String> {
        match self {
            Self::Folder(tree) => folders_on_disk(&place(tree, path)),
            Self::Commit(tree) => tree.folders(path),
        }
    }

    fn is_symlink(&self, path: &RepoPath) -> bool {
        match self {
            Self::Folder(tree) => {
                let mut next = Some(path.clone());
                while let Some(path) = next {
                    if std::fs::symlink_metadata(place(tree, &path))
                        .is_ok_and(|meta| meta.is_symlink())
                    {
                        return true;
                    }
                    next = path.parent();
                }
                false
            }
            Self::Commit(tree) => tree.is_symlink(path),
        }
    }
}

fn place(tree: &WorkTree, path: &RepoPath) -> PathBuf {
    tree.root().join(path.as_str())
}

/// Whether anything here reads a file: documents, templates, and values of applications.
fn is_read(path: &RepoPath, paths: &Paths) -> bool {
    let values = path.file_name() == "values.yaml" && path.is_below(&paths.environments);
    role_of(path, paths).is_some() || values || path.is_below(&paths.templates)
}

fn folders(paths: &Paths) -> Vec<RepoPath> {
    let all = [
        &paths.pipelines,
        &paths.streams,
        &paths.templates,
        &paths.environments,
        &paths.holds,
        &paths.freezes,
    ];
    let unique: BTreeSet<RepoPath> = all.into_iter().cloned().collect();
    unique.into_iter().collect()
}

fn contents(found: &BTreeMap<RepoPath, WorkFile>) -> Contents {
    let content = |(path, file): (&RepoPath, &WorkFile)| {
        let content = match file {
            WorkFile::Bytes(bytes) => Ok(bytes.clone()),
            // Links are told by the same words as those of a commit.
            WorkFile::Symlink => return None,
            WorkFile::TooLarge { bytes } => Err(too_large(*bytes)),
            WorkFile::Unreadable(why) => Err(why.clone()),
        };
        Some((path.clone(), content))
    };
    found.iter().filter_map(content).collect()
}

fn too_large(bytes: u64) -> String {
    format!("the file has {bytes} bytes; at most {MAX_BYTES} are read")
}

/// The folders that the settings name; of two settings files the last by name counts.
fn paths_of(configs: &Contents) -> Paths {
    let loaded = configs.iter().map(|(path, content)| match content {
        Ok(bytes) => load(path, bytes, Role::Config),
        Err(why) => unreadable(path, why),
    });
    let known: Vec<_> = loaded.filter_map(|loaded| config_of(&loaded)).collect();
    known.into_iter().next_back().unwrap_or_default().spec.paths
}

fn unreadable(path: &RepoPath, why: &str) -> Loaded {
    Loaded {
        problems: vec![Diagnostic::error(path, code::UNREADABLE, why)],
        unreadable: true,
        ..Loaded::default()
    }
}

async fn blobs(
    repository: &Repository,
    listing: &TreeListing,
    paths: Vec<RepoPath>,
) -> Result<Contents, GitError> {
    let plain = |path: &RepoPath| {
        let entry = listing.entries.get(path)?;
        let plain = matches!(entry.kind, EntryKind::File | EntryKind::Executable);
        plain.then(|| (path.clone(), entry.blob.clone()))
    };
    let wanted: Vec<(RepoPath, BlobId)> = paths.iter().filter_map(plain).collect();
    let mut contents = Contents::new();
    for chunk in wanted.chunks(AT_ONCE) {
        let ids = chunk.iter().map(|(_, blob)| blob.clone()).collect();
        let found = repository.blobs(ids, MAX_BYTES).await?;
        for (path, blob) in chunk {
            let content = match found.get(blob) {
                Some(Ok(bytes)) => Ok(bytes.clone()),
                Some(Err(problem)) => Err(problem.to_string()),
                None => Err("the repository does not have this content".to_owned()),
            };
            contents.insert(path.clone(), content);
        }
    }
    Ok(contents)
}
