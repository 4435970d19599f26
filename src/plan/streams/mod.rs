//! What `oc` users do to image streams, as changes of stream files. Pure: from documents and words to edits; who reads and
//! writes the files is the command line's affair. Upstream's rules (imagestreams 3.2 to 3.4), except that what a verb
//! does not mention stays as it was.

pub mod adopt;
pub mod create;
pub mod current;
pub mod draft;
pub mod image_id;
pub mod import;
pub mod lookup;
pub mod names;
pub mod prune;
pub mod tag;
pub mod triggers;
pub mod undo;

use std::collections::BTreeMap;

pub use draft::{Draft, Drafts};

use crate::manifests::pods::Workload;
use crate::manifests::suggest::proposed;
use crate::manifests::{Documents, PodEdit};
use crate::model::{Namespace, RepoPath, StageKey, StreamKey, TagKey, Timestamp};

/// Why a verb is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// Whether the words are to blame (a name that is not there, flags that do not fit) rather than the state of things.
    pub usage: bool,
    /// The reason.
    pub why: String,
    /// What to do.
    pub help: Option<String>,
}

impl Refused {
    /// The words make no sense.
    pub fn usage(why: impl Into<String>) -> Self {
        Self {
            usage: true,
            why: why.into(),
            help: None,
        }
    }

    /// The words are fine, but as things are it cannot be done.
    pub fn no(why: impl Into<String>) -> Self {
        Self {
            usage: false,
            ..Self::usage(why)
        }
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What a verb is given beside its words.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// All documents.
    pub docs: &'a Documents,
    /// The namespace of names without one.
    pub namespace: &'a Namespace,
    /// The instant that events bear.
    pub now: Timestamp,
}

impl Scene<'_> {
    /// A name for people: with its namespace only where that is not the current one.
    pub fn shown(&self, key: &StreamKey) -> String {
        if key.namespace == *self.namespace {
            key.name.to_string()
        } else {
            key.to_string()
        }
    }

    /// A stream that must be there.
    ///
    /// # Errors
    /// When there is none, with the nearest name; or when its file has errors.
    pub fn stream(&self, key: &StreamKey) -> Result<&crate::model::ImageStream, Refused> {
        if let Some(why) = self.docs.broken_streams.get(key) {
            let why = format!("image stream `{}` cannot be used: {why}", self.shown(key));
            return Err(Refused::no(why).help("headwater check"));
        }
        match self.docs.streams.get(key) {
            Some(located) => Ok(&located.value),
            None => {
                let known = self.docs.streams.keys();
                let known: Vec<String> = known.map(|key| self.shown(key)).collect();
                let word = self.shown(key);
                Err(Refused::usage(format!("there is no image stream `{word}`"))
                    .help(proposed(&word, known.iter().map(String::as_str))))
            }
        }
    }

    /// What somebody should know who moves these tags by hand.
    pub fn warnings<'k>(&self, tags: impl IntoIterator<Item = &'k TagKey>) -> Vec<String> {
        let pointers = pointers(self.docs);
        let warned = tags.into_iter().filter_map(|tag| {
            let stage = pointers.get(tag)?;
            let name = format!("{}:{}", self.shown(&tag.stream), tag.tag);
            Some(format!(
                "{name} is where stage {stage} points: moved by hand it is held as EditedByHand; \
                 `headwater promote {stage}` moves it with its record"
            ))
        });
        warned.collect()
    }
}

/// Tags that stages take from other stages, and by which stage: nothing but a promotion or a rollback moves them rightly.
pub fn pointers(docs: &Documents) -> BTreeMap<TagKey, StageKey> {
    let mut pointers = BTreeMap::new();
    for located in docs.pipelines.values() {
        let pipeline = &located.value;
        for stage in &pipeline.spec.stages {
            let from = pipeline.sources(stage);
            if from.is_some_and(|from| from.stages().is_empty()) {
                continue;
            }
            for stream in docs.pipeline_streams(pipeline) {
                let key = StageKey {
                    pipeline: pipeline.name().clone(),
                    stage: stage.name.clone(),
                };
                pointers.insert(TagKey::new(stream, stage.tag()), key);
            }
        }
    }
    pointers
}

/// The manifest of an object with pods that changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Its file.
    pub path: RepoPath,
    /// The object, as it was found.
    pub workload: Workload,
    /// What is said of it from now on.
    pub edit: PodEdit,
}

/// What a verb comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Done {
    /// Streams with their edits.
    pub changes: draft::Changes,
    /// Objects with pods that change beside them.
    pub manifests: Vec<Manifest>,
    /// Whole files that it makes, or takes away.
    pub files: BTreeMap<RepoPath, Option<String>>,
    /// What these are, as `kind/name`.
    pub names: Vec<String>,
    /// What is said when it is written, one line each, as `oc` says it.
    pub says: Vec<String>,
    /// What else somebody should know.
    pub warnings: Vec<String>,
}

#[cfg(test)]
pub(crate) mod testing;
