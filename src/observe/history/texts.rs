//! The past of a base that is held in memory as texts: what a repository's past says, without a repository.

use std::sync::Arc;

use super::fold::{ChangedFile, Fold};
use super::view::FileView;
use crate::git::{CommitInfo, Us};
use crate::manifests::{Loaded, role_of};
use crate::model::repository_config::ConfigSpec;
use crate::model::{Namespace, RepoPath};
use crate::plan::History;

/// A base line of texts, read commit by commit from its root.
#[derive(Debug, Clone)]
pub struct TextHistory {
    fold: Fold,
    config: ConfigSpec,
    namespace: Namespace,
}

impl TextHistory {
    /// Nothing read yet.
    pub fn new(us: &Us, config: &ConfigSpec) -> Self {
        Self {
            fold: Fold::new(us, true),
            config: config.clone(),
            namespace: config.namespace.clone(),
        }
    }

    /// Takes in the next commit of the line with the files that it changed; `None` where one is gone. Outputs are not followed.
    pub fn commit(&mut self, commit: &CommitInfo, changed: &[(RepoPath, Option<Arc<Loaded>>)]) {
        let documents = changed
            .iter()
            .filter(|(path, _)| role_of(path, &self.config.paths).is_some());
        let files: Vec<ChangedFile> = documents
            .map(|(path, after)| ChangedFile {
                path: path.clone(),
                before: None,
                after: after
                    .as_ref()
                    .map(|loaded| Arc::new(FileView::of(loaded, &self.namespace))),
            })
            .collect();
        let line = self.fold.reduce(commit, &files, &[]);
        self.fold.push(line);
    }

    /// What was read.
    pub fn history(&self) -> Arc<History> {
        Arc::clone(&self.fold.history)
    }
}
