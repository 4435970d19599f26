//! The reduced past on disk: a line of JSON that says what it is, then one line per commit, oldest first, each naming the
//! one before. Lines are added at the end; whatever does not fit what stands before it is cut off.

use std::fs::OpenOptions;
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::line::CommitLine;
use crate::model::CommitId;
use crate::observe::store;

/// A larger file is not read, and so made anew.
const MOST_BYTES: u64 = 256 << 20;
/// Version of this format.
pub(super) const VERSION: u32 = 3;

/// What the lines of a file rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Header {
    /// Version of the format.
    pub v: u32,
    /// Digest of the settings by which commits were reduced.
    pub settings: String,
    /// Whether the first commit is a root.
    pub complete: bool,
    /// Whether the repository was cut somewhere.
    pub shallow: bool,
}

/// A file of reduced commits.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
    /// How long the file is as far as we know it; `None` while there is none that fits.
    length: Option<u64>,
}

impl Store {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, length: None }
    }

    /// Reads what is there and fits `settings`, handing each commit to `each`.
    pub(super) fn load(
        &mut self,
        settings: &str,
        mut each: impl FnMut(&Header, CommitLine),
    ) -> Option<Header> {
        self.length = None;
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                store::forgotten(&self.path, &error.to_string());
                return None;
            }
        };
        let mut lines = Lines {
            file: BufReader::new(file.take(MOST_BYTES)),
            read: 0,
        };
        let header: Header = match lines.next() {
            Some(Ok(header)) => header,
            Some(Err(error)) => {
                store::forgotten(&self.path, &error);
                return None;
            }
            None => return None,
        };
        if !store::is_current(&self.path, header.v, VERSION) || header.settings != settings {
            tracing::debug!(path = %self.path.display(), "the cached history rests on other settings");
            return None;
        }
        let mut last: Option<CommitId> = None;
        let mut good = lines.read;
        while let Some(line) = lines.next::<CommitLine>() {
            let line = line.and_then(|line| {
                let fits = line.parent == last;
                fits.then_some(line)
                    .ok_or_else(|| "its commits do not follow each other".to_owned())
            });
            match line {
                Ok(line) => {
                    last = Some(line.id.clone());
                    good = lines.read;
                    each(&header, line);
                }
                Err(error) => {
                    store::forgotten(&self.path, &error);
                    self.cut(good);
                    break;
                }
            }
        }
        self.length = Some(good);
        Some(header)
    }

    /// Adds lines, unless somebody else changed the file: then that one keeps it.
    pub(super) fn append(&mut self, lines: &[u8]) {
        let Some(length) = self.length else {
            return;
        };
        let added = OpenOptions::new()
            .append(true)
            .open(&self.path)
            .and_then(|mut file| {
                if file.metadata()?.len() != length {
                    return Ok(false);
                }
                file.write_all(lines)?;
                Ok(true)
            });
        self.length = match added {
            Ok(true) => Some(length + lines.len() as u64),
            Ok(false) => None,
            Err(error) => {
                store::not_kept(&self.path, &error);
                None
            }
        };
    }

    /// Writes the file anew.
    pub(super) fn replace(&mut self, header: &Header, lines: &[u8]) {
        let written = serde_json::to_vec(header)
            .map_err(io::Error::other)
            .and_then(|mut first| {
                first.push(b'\n');
                store::replace(&self.path, |to| {
                    to.write_all(&first)?;
                    to.write_all(lines)
                })?;
                Ok((first.len() + lines.len()) as u64)
            });
        self.length = match written {
            Ok(length) => Some(length),
            Err(error) => {
                store::not_kept(&self.path, &error);
                None
            }
        };
    }

    /// Cuts off a tail that cannot be used.
    fn cut(&self, length: u64) {
        let cut = OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file| file.set_len(length));
        if let Err(error) = cut {
            store::not_kept(&self.path, &error);
        }
    }
}

/// Complete lines of JSON.
struct Lines<R> {
    file: R,
    /// Bytes of the lines given so far.
    read: u64,
}

impl<R: io::BufRead> Lines<R> {
    fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Option<Result<T, String>> {
        let mut line = Vec::new();
        match self.file.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(length) => {
                self.read += length as u64;
                if !line.ends_with(b"\n") {
                    return Some(Err("its last line is not complete".to_owned()));
                }
                Some(serde_json::from_slice(&line).map_err(|error| error.to_string()))
            }
            Err(error) => Some(Err(error.to_string())),
        }
    }
}
