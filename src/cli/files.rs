//! Files that verbs read and write for people: facts and plans. Bounded, versioned, and put in place whole.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::CliError;
use crate::telemetry::redact;

/// A larger file is not read.
const MOST_BYTES: u64 = 256 << 20;

/// What a file is, for messages, and the version that is understood.
pub struct Kind {
    /// `plan`
    pub noun: &'static str,
    /// The version of its structure.
    pub version: u32,
    /// The command that writes one.
    pub made_by: &'static str,
}

/// Plans.
pub const PLAN: Kind = Kind {
    noun: "plan",
    version: crate::plan::PLAN_VERSION,
    made_by: "headwater plan --out FILE",
};

/// Facts.
pub const FACTS: Kind = Kind {
    noun: "facts",
    version: crate::plan::facts::FACTS_VERSION,
    made_by: "headwater observe --out FILE",
};

#[derive(Deserialize)]
struct Versioned {
    v: Option<u64>,
}

impl Kind {
    /// Reads such a file.
    ///
    /// # Errors
    /// When it cannot be read, is something else, or is of another version.
    pub fn read<T: DeserializeOwned>(&self, path: &Path) -> Result<T, CliError> {
        let text = bounded(path).map_err(|error| {
            let noun = self.noun;
            CliError::usage(format!("cannot read the {noun} `{}`", path.display()))
                .help(format!("`{}` writes one", self.made_by))
                .because(error.to_string())
        })?;
        let Versioned { v } = serde_json::from_slice(&text).map_err(|e| self.no(path, &e))?;
        match v {
            Some(v) if v == u64::from(self.version) => {}
            Some(v) => {
                return Err(CliError::usage(format!(
                    "`{}` is of version {v}, and this program reads version {}",
                    path.display(),
                    self.version
                ))
                .help(format!("make it again: `{}`", self.made_by)));
            }
            None => {
                return Err(CliError::usage(format!(
                    "`{}` does not say its version (`v`)",
                    path.display()
                ))
                .help(format!("`{}` writes one", self.made_by)));
            }
        }
        serde_json::from_slice(&text).map_err(|error| self.no(path, &error))
    }

    fn no(&self, path: &Path, error: &serde_json::Error) -> CliError {
        CliError::usage(format!("`{}` holds no {}", path.display(), self.noun))
            .because(error.to_string())
            .help(format!("`{}` writes one", self.made_by))
    }
}

fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other(format!(
            "it is larger than {MOST_BYTES} bytes"
        )));
    }
    Ok(bytes)
}

/// Writes a value as JSON for this user alone: a reader sees the old file or the whole new one.
///
/// # Errors
/// When the folder does not exist or cannot be written to.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value)?;
    let text = redact(&text);
    put(path, text.as_bytes()).map_err(|error| {
        let refused = CliError::failed(format!("cannot write `{}`", path.display()));
        match folder(path).is_dir() {
            // The error would name a temporary file that nobody asked for.
            false => refused.because(format!("there is no folder `{}`", folder(path).display())),
            true => refused.because(error.kind().to_string()),
        }
    })
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Temporary files are made for this user alone.
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    let mut buffered = BufWriter::new(file.as_file_mut());
    buffered.write_all(bytes)?;
    buffered.write_all(b"\n")?;
    buffered.flush()?;
    drop(buffered);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::exit::Exit;
    use crate::plan::Facts;

    #[test]
    fn facts_are_written_for_one_user_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.json");
        let commit = "1234567890123456789012345678901234567890".parse().unwrap();
        let facts = Facts::at(commit, "2026-01-05T09:00:00Z".parse().unwrap());
        write(&path, &facts).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(FACTS.read::<Facts>(&path).unwrap(), facts);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_plan_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.json");
        let refused = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let error = PLAN.read::<crate::plan::Plan>(&path).unwrap_err();
            assert_eq!(error.exit, Exit::Usage);
            assert!(error.help.as_ref().unwrap().contains("headwater plan"));
            error.to_string()
        };
        assert!(refused("").contains("holds no plan"));
        assert!(refused("[1]").contains("holds no plan"));
        assert!(refused("{}").contains("does not say its version"));
        assert!(refused(r#"{"v": 99}"#).contains("version 99"));
        assert!(refused(r#"{"v": 1}"#).contains("missing field"));
        std::fs::remove_file(&path).unwrap();
        let nowhere = folder.path().join("nowhere/plan.json");
        let error = write(&nowhere, &1).unwrap_err().to_string();
        assert!(
            error.contains("there is no folder") && !error.contains("nowhere/.tmp"),
            "{error}"
        );
        let gone = PLAN.read::<crate::plan::Plan>(&path).unwrap_err();
        assert!(gone.to_string().contains("cannot read the plan"), "{gone}");
    }
}
