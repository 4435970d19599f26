//! Keeps a mirror small: every fetch and every large commit adds a pack, every small one some loose objects, and each handle
//! opens them all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use git2::Repository;

use super::error::GitError;
use super::remote::refs_of;

const MAX_PACKS: usize = 64;
const MAX_LOOSE: usize = 20_000;
/// Younger files may belong to a job that is still running, or to a commit that is not pushed yet.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// Packs everything that a ref leads to into one pack once there are too many files older than a day, and deletes those. Hold the mirror's lock. Says whether it did something.
pub(super) fn tidy(mirror: &Repository) -> Result<bool, GitError> {
    let objects = mirror.path().join("objects");
    let packs = files(&objects.join("pack"), "pack")?;
    if old(&packs, MAX_PACKS) <= MAX_PACKS && loose_estimate(&objects)? <= MAX_LOOSE {
        return Ok(false);
    }
    let kept = repack(mirror, &objects.join("pack"))
        .map_err(|error| GitError::libgit2(&mirror.path().display().to_string(), &error))?;
    for pack in packs {
        let superseded = pack.file_stem().is_some_and(|stem| stem != kept.as_str());
        if superseded && is_old(&pack) {
            // The index first: nobody then begins to read a pack that is about to go.
            remove(&pack.with_extension("idx"))?;
            remove(&pack)?;
        }
    }
    for folder in loose_folders(&objects) {
        for file in files(&folder, "")? {
            if is_old(&file) {
                remove(&file)?;
            }
        }
    }
    Ok(true)
}

/// Deletes what a process that was killed left half written. Hold the mirror's lock: then no living process writes packs;
/// single objects are written without it, so those have to be old.
pub(super) fn sweep_halves(mirror: &Repository) -> Result<(), GitError> {
    let objects = mirror.path().join("objects");
    let named = |file: &PathBuf, prefix: &str| {
        let name = file.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(prefix))
    };
    for file in files(&objects.join("pack"), "")? {
        if named(&file, "pack_git2_") {
            remove(&file)?;
        }
    }
    for file in files(&objects, "")? {
        if named(&file, "tmp_object_git2_") && is_old(&file) {
            remove(&file)?;
        }
    }
    Ok(())
}

/// Writes the one pack; gives its file name without extension.
fn repack(mirror: &Repository, folder: &Path) -> Result<String, git2::Error> {
    let mut walk = mirror.revwalk()?;
    for head in refs_of(mirror)?.into_values() {
        walk.push(head)?;
    }
    let mut builder = mirror.packbuilder()?;
    builder.insert_walk(&mut walk)?;
    builder.write(folder, 0o444)?;
    let name = builder.name()?.unwrap_or_default();
    Ok(format!("pack-{name}"))
}

/// How many of the files could go; nobody looks if there are no more than `few` at all. Packing everything while the files
/// are too young to go would be in vain, and would be repeated with every fetch.
fn old(files: &[PathBuf], few: usize) -> usize {
    if files.len() <= few {
        return 0;
    }
    files.iter().filter(|file| is_old(file)).count()
}

/// Object ids are spread evenly, so one folder of 256 tells how many there are.
fn loose_estimate(objects: &Path) -> Result<usize, GitError> {
    let sample = files(&objects.join("17"), "")?;
    Ok(old(&sample, MAX_LOOSE / 256) * 256)
}

fn loose_folders(objects: &Path) -> impl Iterator<Item = PathBuf> {
    (0..=255u8).map(move |byte| objects.join(format!("{byte:02x}")))
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, GitError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(GitError::io(
                &format!("read `{}`", folder.display()),
                &error,
            ));
        }
    };
    Ok(entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().unwrap_or_default() == extension)
        .collect())
}

fn is_old(file: &Path) -> bool {
    fs::metadata(file)
        .and_then(|meta| meta.modified())
        .is_ok_and(|at| {
            SystemTime::now()
                .duration_since(at)
                .is_ok_and(|age| age > GRACE)
        })
}

fn remove(file: &Path) -> Result<(), GitError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(GitError::io(
            &format!("delete `{}`", file.display()),
            &error,
        )),
        _ => Ok(()),
    }
}
