//! Files that are only caches: private to this user, whole or not there at all, and worth nothing once they look wrong.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The content of a cache file of at most `most` bytes; `None` where there is none that could be used.
pub(super) fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let content = File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    match content {
        Ok(bytes) if bytes.len() as u64 <= most => Some(bytes),
        Ok(_) => {
            forgotten(path, "it is too large");
            None
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            forgotten(path, &error.to_string());
            None
        }
    }
}

/// Why a cache of a version to come is not used. It is made anew and not kept: there is nothing in it that cannot be had
/// again, and two versions that take turns only lose time.
const LATER: &str = "a later version of headwater wrote it";

/// The same as JSON that says its version in `v`.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path, most: u64, version: u32) -> Option<T> {
    let bytes = read(path, most)?;
    let said: Versioned = whole(path, &bytes)?;
    is_current(path, said.v, version).then(|| whole(path, &bytes))?
}

/// Whether a cache is of this program's version; says so where a later one wrote it.
pub(super) fn is_current(path: &Path, said: u32, version: u32) -> bool {
    if said > version {
        forgotten(path, LATER);
    }
    said == version
}

#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

fn whole<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| forgotten(path, &error.to_string()))
        .ok()
}

/// Puts a file in place at once: a reader, and whoever comes after a crash, sees the old content or the new one.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "a cache file needs a folder"))?;
    make_folder(folder)?;
    // Temporary files are made for this user alone.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut buffered = io::BufWriter::new(file.as_file_mut());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    *said() = None;
    Ok(())
}

/// The same with JSON, where it is no matter if it cannot be kept: that is said, and nothing more.
pub(super) fn keep_json(path: &Path, kept: &impl Serialize) {
    let written = replace(path, |to| {
        serde_json::to_writer(to, kept).map_err(io::Error::other)
    });
    if let Err(error) = written {
        not_kept(path, &error);
    }
}

/// A folder that only this user can look into.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Says that a cache is made anew.
pub(super) fn forgotten(path: &Path, why: &str) {
    tracing::warn!(path = %path.display(), error = why, "a cache cannot be used and is made anew");
}

/// Says that a cache cannot be kept; everything works without it, only slower after a restart. Said once, and again only
/// after a cache could be written, or for another reason: passes are many.
pub(super) fn not_kept(path: &Path, error: &io::Error) {
    let mut said = said();
    let why = error.to_string();
    if said.as_ref() != Some(&why) {
        tracing::warn!(path = %path.display(), %error, "a cache cannot be written");
    }
    *said = Some(why);
}

/// Why the last cache could not be written, until one can be again.
fn said() -> MutexGuard<'static, Option<String>> {
    static SAID: Mutex<Option<String>> = Mutex::new(None);
    SAID.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_cache_file_is_private_whole_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/cache.json");
        assert_eq!(read(&path, 100), None);
        replace(&path, |to| to.write_all(b"{\"v\": 1}")).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            fs::metadata(path.parent().unwrap())
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
        assert_eq!(read(&path, 8).as_deref(), Some(&b"{\"v\": 1}"[..]));
        assert_eq!(read(&path, 7), None);

        let failed = replace(&path, |to| {
            to.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(failed.is_err());
        let read = |version| read_json::<serde_json::Value>(&path, 100, version);
        assert_eq!(read(1).unwrap()["v"], 1);
        assert_eq!(
            (read(0), read(2)),
            (None, None),
            "neither later nor earlier"
        );
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
