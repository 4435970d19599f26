//! All documents of a repository at one commit, typed, with what could not be read beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Severity};
use super::matrix::ResultOf;
use crate::model::name::{Name, StreamKey};
use crate::model::{
    ApplicationName, Environment, Freeze, Hold, ImageStream, Pipeline, RepoPath, RepositoryConfig,
};

/// A document and where it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The file.
    pub path: RepoPath,
    /// Which document of the file, from 0 (items of a List count on).
    pub index: usize,
    /// The document.
    pub value: Arc<T>,
    /// Set of a stream whose tags want nothing by themselves ([`ImageStream::rests`]), so that plans need not look at them.
    pub rests: bool,
    /// Which result of a matrix it is; all results are at one place.
    pub result: Option<Arc<ResultOf>>,
}

/// Everything typed that a commit holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Documents {
    /// `headwater.yaml`, or the defaults.
    pub config: RepositoryConfig,
    /// Image streams by identity. A stream claimed by two files is in neither place: both are in `problems`.
    pub streams: BTreeMap<StreamKey, Located<ImageStream>>,
    /// Pipelines by name. One that has errors but can be read is here and in `broken_pipelines`.
    pub pipelines: BTreeMap<Name, Located<Pipeline>>,
    /// Environments by name. One that has errors but can be read is here and in `broken_environments`.
    pub environments: BTreeMap<Name, Located<Environment>>,
    /// Holds by file.
    pub holds: BTreeMap<RepoPath, Located<Hold>>,
    /// Freezes by file.
    pub freezes: BTreeMap<RepoPath, Located<Freeze>>,
    /// All problems, sorted by file and place.
    pub problems: Vec<Diagnostic>,
    /// Pipelines that must not move, and why: they have errors of their own or lean on something that has.
    pub broken_pipelines: BTreeMap<Name, String>,
    /// Environments that must not be written, and why.
    pub broken_environments: BTreeMap<Name, String>,
    /// Which matrix of pipelines cannot be carried out, and why: nobody knows what they are called, and which streams are theirs.
    pub nameless_pipelines: Option<String>,
    /// The file of a matrix of environments that cannot be carried out.
    pub nameless_environments: Option<RepoPath>,
    /// Streams that must not be written, and why.
    pub broken_streams: BTreeMap<StreamKey, String>,
    /// Applications of an environment that cannot be written, and why; the others of that environment can.
    pub broken_applications: BTreeMap<(Name, ApplicationName), String>,
    /// Files that could not be read at all, by path.
    pub unreadable: BTreeSet<RepoPath>,
    /// A `headwater.yaml` that cannot be read: then nobody knows where to write and how to hand over.
    pub config_broken: Option<RepoPath>,
    /// Set when a file under `holds/` or `freezes/` cannot be read: then every promotion holds.
    pub brakes_unreadable: Option<String>,
}

impl Documents {
    /// Problems that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.problems
            .iter()
            .filter(|p| p.severity == Severity::Error)
    }

    /// Identity of a stream written in `file`'s pipeline or reference: the given namespace or the repository's default.
    pub fn stream_key(&self, namespace: Option<&str>, name: &str) -> Option<StreamKey> {
        let namespace = match namespace {
            Some(namespace) => namespace.parse().ok()?,
            None => self.config.spec.namespace.clone(),
        };
        Some(StreamKey {
            namespace,
            name: name.parse().ok()?,
        })
    }

    /// Why a pipeline that is not there may be meant all the same: it cannot be read, or a matrix gives it no more.
    pub fn why_no_pipeline(&self, name: &Name) -> Option<String> {
        let broken = self.broken_pipelines.get(name);
        let broken = broken.map(|why| format!("pipeline `{name}` cannot be read: {why}"));
        broken.or_else(|| {
            let why = self.nameless_pipelines.as_ref()?;
            Some(format!("there is no pipeline `{name}`: {why}"))
        })
    }

    /// Why not all is known of which stages carry a stream: a pipeline cannot be read, or a matrix gives none.
    pub fn unread_pipeline(&self) -> Option<&str> {
        let mut unread = self.broken_pipelines.iter();
        let unread = unread.find(|(name, _)| !self.pipelines.contains_key(*name));
        let unread = unread.map(|(_, why)| why);
        unread
            .or(self.nameless_pipelines.as_ref())
            .map(String::as_str)
    }

    /// Identities of the streams of a pipeline; names that are no stream names are left out (they are in `problems`).
    pub fn pipeline_streams(&self, pipeline: &Pipeline) -> Vec<StreamKey> {
        let namespace = pipeline
            .metadata
            .namespace
            .as_ref()
            .map(|n| n.as_str().to_owned());
        pipeline
            .stream_names()
            .iter()
            .filter_map(|name| self.stream_key(namespace.as_deref(), name))
            .collect()
    }
}
