//! Which files of a checkout are somebody's own: neither what Git ignores, nor in dot folders, nor behind links.

use std::fs;
use std::path::Path;

use super::error::GitError;
use super::location::discover;
use super::read::repo_path;
use super::work_tree::WorkTree;
use crate::model::RepoPath;

/// Deeper folders are not entered.
const MAX_DEPTH: usize = 40;
/// More files than this are refused.
const MAX_FILES: usize = 200_000;

impl WorkTree {
    /// Paths of all files that `wanted` names, sorted.
    ///
    /// # Errors
    /// When a folder cannot be read, or there are too many files.
    pub fn list(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<RepoPath>, GitError> {
        // Without Git nothing is ignored.
        let repository = discover(&self.root).ok();
        let ignored = |path: &RepoPath| {
            let path = Path::new(path.as_str());
            let asked = repository.as_ref().map(|r| r.is_path_ignored(path));
            matches!(asked, Some(Ok(true)))
        };
        let mut found = Vec::new();
        self.walk(None, 0, &ignored, wanted, &mut found)?;
        found.sort();
        Ok(found)
    }

    fn walk(
        &self,
        folder: Option<&RepoPath>,
        depth: usize,
        ignored: &dyn Fn(&RepoPath) -> bool,
        wanted: &dyn Fn(&str) -> bool,
        found: &mut Vec<RepoPath>,
    ) -> Result<(), GitError> {
        let place = folder.map_or_else(|| self.root.clone(), |f| self.root.join(f.as_str()));
        let describe =
            |error: std::io::Error| GitError::io(&format!("read `{}`", place.display()), &error);
        for entry in fs::read_dir(&place).map_err(describe)? {
            let entry = entry.map_err(describe)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            let whole = match folder {
                Some(folder) => format!("{folder}/{name}"),
                None => name.to_owned(),
            };
            let Ok(path) = repo_path(whole.as_bytes()) else {
                continue;
            };
            let kind = entry.file_type().map_err(describe)?;
            if kind.is_dir() {
                let other = entry.path().join(".git").exists();
                if depth < MAX_DEPTH && !other && !ignored(&path) {
                    self.walk(Some(&path), depth + 1, ignored, wanted, found)?;
                }
            } else if kind.is_file() && wanted(name) && !ignored(&path) {
                if found.len() >= MAX_FILES {
                    return Err(GitError::Invalid(format!(
                        "`{}` holds too many files",
                        self.root.display()
                    )));
                }
                found.push(path);
            }
        }
        Ok(())
    }
}
