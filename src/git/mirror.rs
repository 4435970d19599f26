//! The bare mirror on disk: made on demand, private to this user, locked between processes, thrown away when damaged.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::error::GitError;

/// How long to wait for another process that works on the same mirror.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// A note inside the mirror: something in it could not be read.
const SUSPECT: &str = "headwater-suspect";

/// The folder among the temporary files that the cache lies in without a home.
const TEMPORARY: &str = "headwater";

/// A directory that mirrors one remote.
#[derive(Debug)]
pub(super) struct Mirror {
    dir: PathBuf,
}

impl Mirror {
    /// The mirror of `address` (without secrets) below `cache`; made if it is not there.
    pub(super) fn prepare(cache: &Path, address: &str) -> Result<Self, GitError> {
        make_private(cache)
            .map_err(|error| GitError::io(&format!("create `{}`", cache.display()), &error))?;
        let name = hex::encode(&Sha256::digest(address.as_bytes())[..16]);
        let mirror = Self {
            dir: cache.join(format!("{name}.git")),
        };
        if !mirror.dir.exists() {
            let _lock = mirror.lock()?;
            mirror.create()?;
        }
        Ok(mirror)
    }

    /// A handle of its own for one job. The machine's and the user's configuration are not read, so nothing there can
    /// bend an address.
    pub(super) fn open(&self) -> Result<git2::Repository, GitError> {
        let shown = self.dir.display().to_string();
        let fail = |error: git2::Error| match GitError::libgit2(&shown, &error) {
            GitError::NotFound(message) => GitError::Corrupt {
                location: shown.clone(),
                message,
            },
            other => other,
        };
        let repository = git2::Repository::open_bare(&self.dir).map_err(fail)?;
        let mut config = git2::Config::new().map_err(fail)?;
        config
            .add_file(&self.dir.join("config"), git2::ConfigLevel::Local, false)
            .map_err(fail)?;
        repository.set_config(&config).map_err(fail)?;
        Ok(repository)
    }

    /// Holds off other processes until dropped.
    pub(super) fn lock(&self) -> Result<File, GitError> {
        let path = self.dir.with_extension("lock");
        let describe =
            |error: &std::io::Error| GitError::io(&format!("lock `{}`", path.display()), error);
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let opened = options.open(&path).or_else(|error| match path.parent() {
            // The whole cache was deleted under us: it is made anew.
            Some(cache) if error.kind() == std::io::ErrorKind::NotFound => {
                make_private(cache).and_then(|()| options.open(&path))
            }
            _ => Err(error),
        });
        let file = opened.map_err(|error| describe(&error))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(GitError::Locked(format!(
                        "another process works on the mirror `{}`",
                        self.dir.display()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(describe(&error)),
            }
        }
    }

    /// Writes down that something in here cannot be read; the next fetch makes the mirror anew.
    pub(super) fn suspect(&self) {
        // Where even this cannot be written, the next read fails in the same way and tells the same.
        let _ = fs::write(self.dir.join(SUSPECT), b"");
    }

    /// Whether it has to be made anew.
    pub(super) fn is_suspect(&self) -> bool {
        self.dir.join(SUSPECT).exists() || self.open().is_err_and(|error| is_damage(&error))
    }

    /// Moves a damaged mirror aside (one such copy is kept to look at) and begins an empty one. Hold the lock.
    pub(super) fn renew(&self) -> Result<(), GitError> {
        let aside = self.dir.with_extension("broken");
        let describe = |error: std::io::Error| {
            GitError::io(&format!("set `{}` aside", self.dir.display()), &error)
        };
        match fs::remove_dir_all(&aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(describe(error));
            }
            _ => {}
        }
        match fs::rename(&self.dir, &aside) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                tracing::warn!(
                    path = %self.dir.display(),
                    "the mirror is gone and made anew"
                );
                return self.create();
            }
            moved => moved.map_err(describe)?,
        }
        tracing::warn!(
            path = %self.dir.display(),
            "the mirror is damaged; it is kept as `{}` and made anew",
            aside.display()
        );
        self.create()
    }

    /// Whether every ref that has a file of its own can be read. libgit2 leaves damaged ones out of its lists silently.
    pub(super) fn has_whole_refs(&self, handle: &git2::Repository) -> bool {
        let mut names = Vec::new();
        loose_names(&self.dir.join("refs"), "refs", &mut names).is_ok()
            && names.iter().all(|name| handle.find_reference(name).is_ok())
    }

    /// Removes lock files that a dead process left: while our lock is held no living one can own them.
    pub(super) fn sweep_locks(&self) -> Result<(), GitError> {
        sweep(&self.dir, false)?;
        sweep(&self.dir.join("refs"), true)
    }

    fn create(&self) -> Result<(), GitError> {
        let shown = self.dir.display().to_string();
        if self.dir.exists() {
            return Ok(());
        }
        let parent = self.dir.parent().unwrap_or(Path::new("."));
        // Made beside and renamed, so that a half-made mirror is never seen. `tempfile` makes it 0700.
        let making = tempfile::Builder::new()
            .prefix(".making-")
            .tempdir_in(parent)
            .map_err(|error| {
                GitError::io(
                    &format!("create a folder in `{}`", parent.display()),
                    &error,
                )
            })?;
        let mut options = git2::RepositoryInitOptions::new();
        options
            .bare(true)
            .no_reinit(true)
            .external_template(false)
            .initial_head("main");
        git2::Repository::init_opts(making.path(), &options)
            .map_err(|error| GitError::libgit2(&shown, &error))?;
        fs::rename(making.path(), &self.dir)
            .map_err(|error| GitError::io(&format!("create `{shown}`"), &error))?;
        // It has another name now; there is nothing left to clean up.
        let _ = making.keep();
        Ok(())
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// Without a home the cache is among the temporary files, where everybody may make folders: one that somebody else made, or
/// may write to, is no place to keep anything, since what is read there decides what moves. A folder that the operator
/// names is the operator's affair.
///
/// # Errors
/// When a folder that leads there is not ours alone.
pub(super) fn is_private(cache: &Path) -> std::io::Result<()> {
    is_private_in(&std::env::temp_dir(), cache)
}

fn is_private_in(shared: &Path, cache: &Path) -> std::io::Result<()> {
    let folder = shared.join(TEMPORARY);
    if !cache.starts_with(&folder) {
        return Ok(());
    }
    // Nobody can come first any more then.
    make_private(cache)?;
    let us = tempfile::NamedTempFile::new_in(cache)?
        .as_file()
        .metadata()?
        .uid();
    for folder in cache.ancestors().take_while(|above| *above != shared) {
        let seen = fs::symlink_metadata(folder)?;
        if !seen.is_dir() || seen.uid() != us || seen.mode() & 0o022 != 0 {
            let message = format!(
                "`{}` is not ours alone: set HOME, or name another folder as git.cacheDir",
                folder.display()
            );
            return Err(std::io::Error::new(
                std::io::ErrorKind::PermissionDenied,
                message,
            ));
        }
    }
    Ok(())
}

/// Whether an error means that the mirror's own files are bad.
pub(super) fn is_damage(error: &GitError) -> bool {
    matches!(error, GitError::Corrupt { .. })
}

fn loose_names(dir: &Path, prefix: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            loose_names(&entry.path(), &name, names)?;
        } else if !name.ends_with(".lock") {
            names.push(name);
        }
    }
    Ok(())
}

fn sweep(dir: &Path, deep: bool) -> Result<(), GitError> {
    let describe =
        |error: std::io::Error| GitError::io(&format!("read `{}`", dir.display()), &error);
    for entry in fs::read_dir(dir).map_err(describe)? {
        let entry = entry.map_err(describe)?;
        let kind = entry.file_type().map_err(describe)?;
        if kind.is_dir() && deep {
            sweep(&entry.path(), true)?;
        } else if kind.is_file() && entry.path().extension().is_some_and(|e| e == "lock") {
            fs::remove_file(entry.path()).map_err(describe)?;
        }
    }
    Ok(())
}

/// Writes a file so that a crash leaves either the old or the new one.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), GitError> {
    let describe =
        |error: &std::io::Error| GitError::io(&format!("write `{}`", path.display()), error);
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(|e| describe(&e))?;
    file.write_all(bytes).map_err(|e| describe(&e))?;
    file.as_file().sync_all().map_err(|e| describe(&e))?;
    file.persist(path).map_err(|e| describe(&e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_cache_among_the_temporary_files_is_ours_alone() {
        let shared = tempfile::tempdir().unwrap();
        let (above, cache) = (
            shared.path().join("headwater"),
            shared.path().join("headwater/git"),
        );
        let look = || is_private_in(shared.path(), &cache);
        assert!(look().is_ok());
        for (folder, mode) in [(&above, 0o777), (&cache, 0o770), (&above, 0o1777)] {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
            let refused = look().unwrap_err().to_string();
            assert!(refused.contains("git.cacheDir"), "{refused}");
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
        }
        assert!(look().is_ok());
        fs::remove_dir_all(&above).unwrap();
        fs::create_dir(shared.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(shared.path().join("elsewhere"), &above).unwrap();
        assert!(look().is_err(), "a link leads somewhere else");
        let named = shared.path().join("elsewhere");
        fs::set_permissions(&named, fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(
            is_private_in(shared.path(), &named).is_ok(),
            "the operator's"
        );
    }
}
