//! Lookup: what a template or a short name means in one application of one environment. In a stage's environment a
//! pipeline's stream resolves only to the tag of the stage that the application or the environment names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::template::{ImageSource, LookupProblem, ResolvedImage};
use crate::manifests::Documents;
use crate::model::{
    Application, Digest, Environment, Name, PinnedImage, StageKey, StreamKey, TagKey,
};
use crate::plan::desk::{Carriers, Desk};
use crate::plan::facts::{Answer, ImageFacts, Outcome};
use crate::plan::guard::{Guards, asks_for_gates, unasked};
use crate::plan::history::History;
use crate::plan::question::Describe;
use crate::plan::road::settled::settled_by;
use crate::plan::stage::first::perhaps_owned;
use crate::plan::version::version_of;

/// Answers for one application in one environment.
pub struct Lookup<'a> {
    /// What is known of images.
    pub(super) described: &'a BTreeMap<Describe, Answer<ImageFacts>>,
    /// The base's past, where it is known.
    pub(super) history: Option<&'a History>,
    pub(super) docs: &'a Documents,
    pub(super) environment: &'a Environment,
    pub(super) application: &'a Application,
    /// Where tags point after what the plan is about; others point where they are settled.
    pub(super) heads: &'a BTreeMap<TagKey, PinnedImage>,
    pub(super) carriers: Arc<Carriers<'a>>,
    /// What the operator fixed.
    pub(super) guards: &'a Guards,
    pub(super) used: Mutex<BTreeSet<TagKey>>,
}

/// A stage that binds a stream in an environment.
struct Bound<'a> {
    stage: StageKey,
    tag: &'a str,
}

impl<'a> Lookup<'a> {
    /// Lookup for an application; `heads` are the moves the plan is about.
    pub fn new(
        desk: &Desk<'a>,
        environment: &'a Environment,
        application: &'a Application,
        heads: &'a BTreeMap<TagKey, PinnedImage>,
    ) -> Self {
        Self {
            described: &desk.obs.facts.described,
            history: Some(&desk.obs.history),
            docs: desk.docs,
            environment,
            application,
            heads,
            carriers: Arc::clone(&desk.carriers),
            guards: desk.guards(),
            used: Mutex::new(BTreeSet::new()),
        }
    }

    /// The tags that were asked for.
    pub fn used(&self) -> BTreeSet<TagKey> {
        self.used
            .lock()
            .map(|used| used.clone())
            .unwrap_or_default()
    }

    fn stream_key(&self, name: &str) -> Option<StreamKey> {
        let namespaces = [
            self.application.namespace.as_ref(),
            self.environment.spec.namespace.as_ref(),
        ];
        let own = namespaces
            .into_iter()
            .flatten()
            .filter_map(|n| self.docs.stream_key(Some(n.as_str()), name));
        // Own namespace first, then the repository's default one.
        own.chain(self.docs.stream_key(None, name))
            .find(|key| self.docs.streams.contains_key(key))
    }

    /// Stages of any pipeline that carry this stream into this environment.
    fn bound(&self, stream: &StreamKey) -> Vec<Bound<'a>> {
        let carriers = self.carriers.get(stream).into_iter().flatten();
        carriers
            .filter(|(_, s)| s.environments().contains(self.environment.name()))
            .map(|(pipeline, s)| Bound {
                stage: StageKey {
                    pipeline: (*pipeline).clone(),
                    stage: s.name.clone(),
                },
                tag: s.tag(),
            })
            .collect()
    }

    /// The operator's setting that has conditions asked before anything comes in, where a stream comes by no stage: nobody
    /// asks them then. Approvals alone are asked of a pull request with what is in no pipeline, too.
    fn evades(&self, stream: &StreamKey) -> Option<String> {
        let is_carried = self.carriers.get(stream).is_some_and(|c| !c.is_empty());
        match is_carried {
            true => asks_for_gates(self.environment.name(), self.guards),
            false => unasked(self.environment, self.guards),
        }
    }

    /// The tag meant: that of the stage bound here, else the one written.
    fn tag(&self, stream: &StreamKey, written: Option<&str>) -> Result<String, LookupProblem> {
        let unknown = |text: String| Err(LookupProblem::Unknown(text));
        let environment = self.environment.name();
        let mut bound = self.bound(stream);
        let named: Option<&Name> = self
            .application
            .images
            .iter()
            .find(|i| i.stream.as_str() == stream.name.as_str())
            .and_then(|i| i.stage.as_ref());
        if let Some(named) = named {
            bound.retain(|b| b.stage.stage == *named);
            if bound.is_empty() && self.docs.unread_pipeline().is_none() {
                return unknown(format!(
                    "no stage {named} carries {} into environment {environment}",
                    stream.name
                ));
            }
        }
        // Past a guard nothing comes on the word of its file while the pipeline that may carry it cannot be read.
        let guarded = || asks_for_gates(environment, self.guards).is_some();
        let by_stage = named.is_some() || written.is_none() || guarded();
        let unread = || {
            let unread = self.docs.unread_pipeline().map(str::to_owned);
            let perhaps = || perhaps_owned(stream, self.docs).filter(|_| written.is_none());
            unread.or_else(perhaps)
        };
        if bound.is_empty()
            && by_stage
            && let Some(why) = unread()
        {
            return Err(LookupProblem::NotYet(format!(
                "which stage carries {} into environment {environment} is not known: {why}",
                stream.name
            )));
        }
        match (bound.as_slice(), written) {
            ([], Some(tag)) => match self.evades(stream) {
                None => Ok(tag.to_owned()),
                Some(setting) => unknown(format!(
                    "{}:{tag} comes into environment {environment} by no stage, and so past what the operator asks for ({setting}): name the environment in the stage of a pipeline that it is to follow",
                    stream.name
                )),
            },
            ([], None) => unknown(format!(
                "{} belongs to no stage of environment {environment}: name a tag, as in \"{}:TAG\"",
                stream.name, stream.name
            )),
            ([one], None) => Ok(one.tag.to_owned()),
            ([one], Some(tag)) if tag == one.tag => Ok(tag.to_owned()),
            ([one], Some(tag)) => unknown(format!(
                "in environment {environment} {} is the tag `{}` of stage {}; `{tag}` would pass by the pipeline",
                stream.name, one.tag, one.stage
            )),
            (several, _) => {
                let stages: Vec<String> = several.iter().map(|b| b.stage.to_string()).collect();
                unknown(format!(
                    "{} comes into environment {environment} by {}: say which with `images: [{{stream, stage}}]`",
                    stream.name,
                    stages.join(" and ")
                ))
            }
        }
    }

    fn resolve(
        &self,
        key: StreamKey,
        written: Option<&str>,
    ) -> Result<ResolvedImage, LookupProblem> {
        let tag = self.tag(&key, written)?;
        let tag_key = TagKey::new(key.clone(), &tag);
        if let Ok(mut used) = self.used.lock() {
            used.insert(tag_key.clone());
        }
        let stream = self.docs.streams.get(&key).map(|s| &*s.value);
        let past = |digest: &Digest| self.history?.repository_of(&key, digest).cloned();
        let settled = || settled_by(stream?, &tag, past).map(|s| s.image);
        let Some(pinned) = self.heads.get(&tag_key).cloned().or_else(settled) else {
            return Err(LookupProblem::NotYet(format!(
                "{key}:{tag} has no digest yet"
            )));
        };
        let described = self.described.get(&Describe {
            image: pinned.clone(),
            namespace: key.namespace.clone(),
        });
        let imported = stream.and_then(|s| imported_tag(s, &pinned));
        let version = described.and_then(|answer| match &answer.outcome {
            Outcome::Ok(facts) => Some(version_of(
                Some(&facts.labels),
                imported.as_deref(),
                &pinned.digest,
            )),
            // What could not be read is not known to be lacking.
            Outcome::Failed(_) => None,
        });
        Ok(ResolvedImage {
            pinned,
            tag,
            version,
        })
    }
}

/// The tag by which an image was imported, where a tag that says so is left.
pub fn imported_tag(stream: &crate::model::ImageStream, image: &PinnedImage) -> Option<String> {
    let imported = stream
        .spec
        .tags
        .iter()
        .filter(|t| t.from.as_ref().is_some_and(|f| f.kind == "DockerImage"));
    imported
        .filter(|t| {
            stream
                .status_tag(&t.name)
                .is_some_and(|s| s.items.iter().any(|i| i.is_of(&image.digest)))
        })
        .find_map(|t| {
            t.from
                .as_ref()?
                .name
                .parse::<crate::model::ImageReference>()
                .ok()?
                .tag
        })
}

impl ImageSource for Lookup<'_> {
    fn image(&self, spec: Option<&str>) -> Result<ResolvedImage, LookupProblem> {
        let default = self.application.name.to_string();
        let spec = spec.unwrap_or(&default);
        let (name, tag) = spec
            .split_once(':')
            .map_or((spec, None), |(name, tag)| (name, Some(tag)));
        match self.stream_key(name) {
            Some(key) => self.resolve(key, tag),
            None => Err(LookupProblem::Unknown(format!(
                "there is no image stream `{name}`"
            ))),
        }
    }

    fn short_name(&self, name: &str) -> Result<Option<ResolvedImage>, LookupProblem> {
        if name.contains('/') || name.contains('@') {
            return Ok(None);
        }
        let (stream, tag) = name
            .split_once(':')
            .map_or((name, None), |(name, tag)| (name, Some(tag)));
        let Some(key) = self.stream_key(stream) else {
            return Ok(None);
        };
        let local = self
            .docs
            .streams
            .get(&key)
            .is_some_and(|s| s.value.spec.lookup_policy.local);
        if !local {
            return Ok(None);
        }
        // Upstream reads a missing tag as `latest`; where a stage binds the stream, its tag is meant.
        let written = tag.or_else(|| self.bound(&key).is_empty().then_some("latest"));
        self.resolve(key, written).map(Some)
    }
}
