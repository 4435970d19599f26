//! A person's checkout, for the verbs that edit it: files read and written without following links, commits of just the
//! named paths, pushes with the person's own rights.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::GitError;
use super::location::{default_remote, discover};
use super::read::repo_path;
use crate::model::RepoPath;

const MAX_DEPTH: usize = 100;
/// More files than this below the given folders are refused.
const MAX_FILES: usize = 500_000;

/// A checkout and its root folder.
#[derive(Debug, Clone)]
pub struct WorkTree {
    pub(super) root: PathBuf,
}

/// What was found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkFile {
    /// An ordinary file's content.
    Bytes(Vec<u8>),
    /// A symbolic link; not followed.
    Symlink,
    /// A file above the limit.
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// A device, socket or pipe, a repository inside this one, or a file that cannot be read; the text says which.
    Unreadable(String),
}

/// Where a push of the current branch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushTarget {
    /// To this branch of the remote, which must be an ancestor.
    Base(String),
    /// To a branch of this name, which must not exist there.
    NewBranch(String),
}

impl WorkTree {
    /// The checkout that `path` lies in.
    pub fn discover(path: &Path) -> Result<Self, GitError> {
        let shown = path.display().to_string();
        let repository = discover(path)?;
        let root = repository.workdir().ok_or_else(|| {
            GitError::Invalid(format!("`{shown}` is a bare repository, not a work tree"))
        })?;
        let root = root
            .canonicalize()
            .map_err(|error| GitError::io(&format!("open `{}`", root.display()), &error))?;
        Ok(Self { root })
    }

    /// A folder that no Git knows of, read as if it were a checkout.
    pub fn folder(path: &Path) -> Result<Self, GitError> {
        let root = path
            .canonicalize()
            .map_err(|error| GitError::io(&format!("open `{}`", path.display()), &error))?;
        Ok(Self { root })
    }

    /// Whether it was cloned from somewhere.
    ///
    /// # Errors
    /// When no Git knows of the folder, or it cannot be said which remote is meant.
    pub fn has_remote(&self) -> Result<bool, GitError> {
        Ok(default_remote(&discover(&self.root)?)?.is_some())
    }

    /// Its root folder, absolute and without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path as a person gave it (relative to the current folder) as a path of the repository; `None` for the root.
    pub fn relative(&self, path: &Path) -> Result<Option<RepoPath>, GitError> {
        let outside = || {
            GitError::Invalid(format!(
                "`{}` is not inside `{}`",
                path.display(),
                self.root.display()
            ))
        };
        let absolute = std::path::absolute(path)
            .map_err(|error| GitError::io(&format!("find `{}`", path.display()), &error))?;
        // Only the folder is resolved: the file itself may be a link, or not exist yet.
        let absolute = match (absolute.parent(), absolute.file_name()) {
            (Some(parent), Some(name)) => parent
                .canonicalize()
                .map_or_else(|_| absolute.clone(), |parent| parent.join(name)),
            _ => absolute,
        };
        let absolute = if absolute.starts_with(&self.root) {
            absolute
        } else {
            absolute.canonicalize().map_err(|_| outside())?
        };
        let inside = absolute.strip_prefix(&self.root).map_err(|_| outside())?;
        if inside.as_os_str().is_empty() {
            return Ok(None);
        }
        repo_path(inside.as_os_str().as_encoded_bytes())
            .map(Some)
            .map_err(GitError::Invalid)
    }

    /// Everything below these folders (or files), each file up to `max_bytes`; with no folder given, everything.
    /// What does not exist is left out, as are repositories inside this one.
    pub fn read_below(
        &self,
        folders: &[RepoPath],
        max_bytes: u64,
    ) -> Result<BTreeMap<RepoPath, WorkFile>, GitError> {
        let mut found = BTreeMap::new();
        if folders.is_empty() {
            self.read_folder(&self.root, None, max_bytes, 0, &mut found)?;
        }
        for folder in folders {
            let path = self.place(folder)?;
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => {
                    self.read_folder(&path, Some(folder), max_bytes, 0, &mut found)?;
                }
                Ok(_) => {
                    found.insert(folder.clone(), read_file(&path, max_bytes));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(GitError::io(&format!("read `{folder}`"), &error));
                }
            }
        }
        Ok(found)
    }

    fn read_folder(
        &self,
        dir: &Path,
        name: Option<&RepoPath>,
        max_bytes: u64,
        depth: usize,
        found: &mut BTreeMap<RepoPath, WorkFile>,
    ) -> Result<(), GitError> {
        let describe =
            |error: std::io::Error| GitError::io(&format!("read `{}`", dir.display()), &error);
        if depth > MAX_DEPTH || found.len() > MAX_FILES {
            return Err(GitError::Invalid(format!(
                "`{}` holds too many files or is nested too deeply",
                dir.display()
            )));
        }
        for entry in fs::read_dir(dir).map_err(describe)? {
            let entry = entry.map_err(describe)?;
            let file_name = entry.file_name();
            let Some(path) = child(name, file_name.as_encoded_bytes()) else {
                continue;
            };
            if !entry.file_type().map_err(describe)?.is_dir() {
                found.insert(path, read_file(&entry.path(), max_bytes));
            } else if entry.path().join(".git").exists() {
                found.insert(
                    path,
                    WorkFile::Unreadable("it is a repository of its own".to_owned()),
                );
            } else {
                self.read_folder(&entry.path(), Some(&path), max_bytes, depth + 1, found)?;
            }
        }
        Ok(())
    }

    /// One file; `None` if there is none.
    pub fn read(&self, path: &RepoPath, max_bytes: u64) -> Result<Option<WorkFile>, GitError> {
        let place = self.place(path)?;
        match fs::symlink_metadata(&place) {
            Ok(meta) if meta.is_dir() => Err(GitError::Invalid(format!("`{path}` is a folder"))),
            Ok(_) => Ok(Some(read_file(&place, max_bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(GitError::io(&format!("read `{path}`"), &error)),
        }
    }

    /// Writes a file if it still holds `expected` (`None`: does not exist); a crash leaves the old or the new one.
    pub fn write(
        &self,
        path: &RepoPath,
        expected: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<(), GitError> {
        let place = self.place(path)?;
        let describe = |error: std::io::Error| GitError::io(&format!("write `{path}`"), &error);
        let parent = place.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).map_err(describe)?;
        self.place(path)?;
        let mut file = tempfile::Builder::new()
            .prefix(".headwater-")
            .tempfile_in(parent)
            .map_err(describe)?;
        file.write_all(bytes).map_err(describe)?;
        let mode = match fs::symlink_metadata(&place) {
            Ok(meta) => meta.permissions(),
            Err(_) => fs::Permissions::from_mode(0o644),
        };
        file.as_file().set_permissions(mode).map_err(describe)?;
        file.as_file().sync_all().map_err(describe)?;
        self.check_unchanged(path, &place, expected)?;
        let persisted = match expected {
            Some(_) => file.persist(&place),
            None => file.persist_noclobber(&place),
        };
        persisted.map_err(|error| describe(error.error))?;
        sync_folder(parent)
    }

    /// Deletes a file if it still holds `expected`.
    pub fn remove(&self, path: &RepoPath, expected: &[u8]) -> Result<(), GitError> {
        let place = self.place(path)?;
        self.check_unchanged(path, &place, Some(expected))?;
        fs::remove_file(&place).map_err(|error| GitError::io(&format!("delete `{path}`"), &error))
    }

    fn check_unchanged(
        &self,
        path: &RepoPath,
        place: &Path,
        expected: Option<&[u8]>,
    ) -> Result<(), GitError> {
        let limit = expected.map_or(0, |bytes| bytes.len() as u64);
        let found = match fs::symlink_metadata(place) {
            Ok(_) => Some(read_file(place, limit)),
            Err(_) => None,
        };
        let same = match (&found, expected) {
            (None, None) => true,
            (Some(WorkFile::Bytes(found)), Some(expected)) => found == expected,
            _ => false,
        };
        if same {
            return Ok(());
        }
        Err(GitError::Invalid(format!(
            "`{path}` was changed by somebody else meanwhile; nothing was written, run the command again"
        )))
    }

    /// Where a path lies on disk; refused if a folder above it is a link or a file.
    pub(super) fn place(&self, path: &RepoPath) -> Result<PathBuf, GitError> {
        let mut place = self.root.clone();
        let mut parts = path.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            if parts.peek().is_none() {
                break;
            }
            match fs::symlink_metadata(&place) {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => {
                    return Err(GitError::Invalid(format!(
                        "`{path}` leads through `{part}`, which is no folder"
                    )));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(GitError::io(&format!("find `{path}`"), &error)),
            }
        }
        Ok(place)
    }
}

fn child(folder: Option<&RepoPath>, name: &[u8]) -> Option<RepoPath> {
    let path = match folder {
        Some(folder) => [folder.as_str().as_bytes(), b"/", name].concat(),
        None => name.to_vec(),
    };
    repo_path(&path).ok()
}

/// Reads one file that is no link, also not one that was put there a moment ago.
fn read_file(path: &Path, max_bytes: u64) -> WorkFile {
    let attempt = || -> std::io::Result<WorkFile> {
        let seen = fs::symlink_metadata(path)?;
        if seen.is_symlink() {
            return Ok(WorkFile::Symlink);
        }
        if !seen.is_file() {
            return Ok(WorkFile::Unreadable("it is no ordinary file".to_owned()));
        }
        let file = File::open(path)?;
        if !same_file(&seen, &file.metadata()?) {
            return Ok(WorkFile::Unreadable(
                "it changed while it was read".to_owned(),
            ));
        }
        let mut bytes = Vec::new();
        file.take(max_bytes + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max_bytes {
            let bytes = seen.len();
            return Ok(WorkFile::TooLarge { bytes });
        }
        Ok(WorkFile::Bytes(bytes))
    };
    attempt().unwrap_or_else(|error| WorkFile::Unreadable(error.to_string()))
}

fn same_file(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Makes a rename last through a power cut.
fn sync_folder(folder: &Path) -> Result<(), GitError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| GitError::io(&format!("write `{}`", folder.display()), &error))
}
