//! Registries in memory: what was built, and answers that fail, are late, are lost or are out of date.

use std::collections::{BTreeMap, BTreeSet};

use headwater::model::{Digest, Timestamp};
use headwater::plan::Question;
use headwater::plan::facts::{Failure, ImageFacts, Outcome, Resolved};

use super::event::Mood;
use super::shape::STREAMS;

/// The builds of one stream, and how its registry is.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Digests with whether their tests passed, oldest first.
    pub(super) builds: Vec<(Digest, bool)>,
    /// Where the tag points.
    pub(super) tag: usize,
    pub(super) mood: Mood,
    /// How the last question of this stream's tag that came back ended, and when it was asked.
    pub(super) last: Option<(bool, Timestamp)>,
}

/// All registries.
#[derive(Debug, Clone)]
pub(super) struct Registry {
    pub(super) sources: Vec<Source>,
    /// Questions under way, with when they were asked and what was so then.
    pub(super) under_way: BTreeMap<Question, (Timestamp, usize)>,
}

/// What becomes of a question at once.
pub(super) enum Said<T> {
    /// This.
    Now(Outcome<T>),
    /// Nothing yet.
    Later,
    /// Nothing, ever.
    Never,
}

impl Registry {
    /// With one good build of each stream.
    pub(super) fn new(streams: usize) -> Self {
        let source = |stream: usize| Source {
            builds: vec![(digest(stream, 0), true)],
            tag: 0,
            mood: Mood::Well,
            last: None,
        };
        Self {
            sources: (0..streams).map(source).collect(),
            under_way: BTreeMap::new(),
        }
    }

    pub(super) fn build(&mut self, stream: usize, good: bool) {
        let source = &mut self.sources[stream];
        let number = source.builds.len();
        source.builds.push((digest(stream, number), good));
        source.tag = number;
    }

    /// Whether the tests of an image passed.
    pub(super) fn is_good(&self, wanted: &Digest) -> bool {
        let mut builds = self.sources.iter().flat_map(|s| &s.builds);
        builds.any(|(digest, good)| digest == wanted && *good)
    }

    /// The stream of a question.
    pub(super) fn stream_of(question: &Question) -> Option<usize> {
        let repository = question.repository()?.to_string();
        STREAMS
            .iter()
            .position(|name| repository.ends_with(&format!("/{name}")))
    }

    /// Asks which digest a stream's tag has.
    pub(super) fn resolve(&mut self, question: &Question, now: Timestamp) -> Said<Resolved> {
        let stream = Self::stream_of(question).unwrap();
        let source = &mut self.sources[stream];
        let said = match source.mood {
            Mood::Well => Said::Now(Outcome::Ok(resolved(&source.builds[source.tag].0))),
            Mood::Stale => {
                let older = source.tag.saturating_sub(1);
                Said::Now(Outcome::Ok(resolved(&source.builds[older].0)))
            }
            Mood::Fails => Said::Now(Outcome::Failed(failure("InternalError", true))),
            Mood::Gone => Said::Now(Outcome::Failed(failure("NotFound", false))),
            Mood::Late => Said::Later,
            Mood::Loses => Said::Never,
        };
        match &said {
            Said::Now(outcome) => source.last = Some((matches!(outcome, Outcome::Ok(_)), now)),
            Said::Later => {
                let then = (now, source.tag);
                self.under_way.entry(question.clone()).or_insert(then);
            }
            Said::Never => {}
        }
        said
    }

    /// Asks what an image says of itself.
    pub(super) fn describe(&self, question: &Question, image: &Digest) -> Said<ImageFacts> {
        let source = &self.sources[Self::stream_of(question).unwrap()];
        match source.mood {
            Mood::Well | Mood::Stale => Said::Now(Outcome::Ok(self.labels(image))),
            Mood::Fails | Mood::Gone => Said::Now(Outcome::Failed(failure("InternalError", true))),
            Mood::Late | Mood::Loses => Said::Never,
        }
    }

    fn labels(&self, image: &Digest) -> ImageFacts {
        let labels = match self.is_good(image) {
            true => BTreeMap::from([("tests".to_owned(), "passed".to_owned())]),
            false => BTreeMap::new(),
        };
        ImageFacts {
            labels,
            platforms: Vec::new(),
            images: Vec::new(),
        }
    }

    /// Answers that come in now, each with when it was asked.
    pub(super) fn late(&mut self) -> Vec<(Question, Timestamp, Resolved)> {
        let well: BTreeSet<usize> = (0..self.sources.len())
            .filter(|s| self.sources[*s].mood != Mood::Late)
            .collect();
        let mut came = Vec::new();
        self.under_way.retain(|question, (asked, build)| {
            let stream = Self::stream_of(question).unwrap();
            if !well.contains(&stream) {
                return true;
            }
            let source = &mut self.sources[stream];
            source.last = Some((true, *asked));
            came.push((question.clone(), *asked, resolved(&source.builds[*build].0)));
            false
        });
        came
    }
}

fn digest(stream: usize, number: usize) -> Digest {
    Digest::sha256(format!("{} {number}", STREAMS[stream]).as_bytes())
}

fn resolved(digest: &Digest) -> Resolved {
    Resolved {
        digest: digest.clone(),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
    }
}

/// A failure of a registry or the forge.
pub(super) fn failure(reason: &str, transient: bool) -> Failure {
    Failure {
        reason: reason.to_owned(),
        message: format!("the answer was {reason}"),
        canonical: format!("the answer was {reason}"),
        transient,
        party: None,
        retry_at: None,
    }
}
