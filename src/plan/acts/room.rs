//! What every act is made in: the desk, the roads, outputs with tags put elsewhere, and new Hold files.

use std::collections::BTreeMap;

use super::{ActError, no, unknown};
use crate::manifests::edit::StreamEdit;
use crate::manifests::suggest::proposed;
use crate::manifests::{hold_text, image_fields};
use crate::model::hold::HoldSpec;
use crate::model::pipeline::ObjectMeta;
use crate::model::{Hold, Name, PinnedImage, RepoPath, Set, SetId, StageKey, StreamKey, TagKey};
use crate::plan::change::files::{Files, NoText, apply};
use crate::plan::desk::Desk;
use crate::plan::observation::Observation;
use crate::plan::output::survey::{applications, survey, uses};
use crate::plan::output::{Stop, Templates, difference};
use crate::plan::report::SetReport;
use crate::plan::road::candidates::{Candidate, HeldSet, from_sources, held_sets};
use crate::plan::road::{Road, StageView, roads};
use crate::plan::stage::first::by_name;
use crate::plan::stage::set_report;

/// The longest name a document may have.
const LONGEST_NAME: usize = 63;

pub(super) struct Room<'a> {
    pub(super) desk: Desk<'a>,
    pub(super) roads: BTreeMap<Name, Road<'a>>,
}

impl<'a> Room<'a> {
    pub(super) fn new(obs: &'a Observation) -> Self {
        let desk = Desk::new(obs);
        let roads = roads(&desk);
        Self { desk, roads }
    }

    pub(super) fn view(&self, key: &StageKey) -> Result<StageView<'a>, ActError> {
        let pipeline = &key.pipeline;
        let Some(road) = self.roads.get(pipeline) else {
            if let Some(why) = self.desk.docs.why_no_pipeline(pipeline) {
                return Err(ActError::Invalid { why });
            }
            let known = self.roads.keys().map(Name::as_str);
            return unknown(
                format!("there is no pipeline `{pipeline}`"),
                proposed(pipeline.as_str(), known),
            );
        };
        match road.iter().find(|v| v.key == *key) {
            Some(view) => Ok(view.clone()),
            None => unknown(
                format!("pipeline `{pipeline}` has no stage `{}`", key.stage),
                proposed(
                    key.stage.as_str(),
                    road.iter().map(|v| v.key.stage.as_str()),
                ),
            ),
        }
    }

    /// The result, unless questions are open: what was made without their answers is not final.
    pub(super) fn done<T>(&mut self, result: Result<T, ActError>) -> Result<T, ActError> {
        if self.desk.questions.is_empty() {
            return result;
        }
        let asked = std::mem::take(&mut self.desk.questions);
        Err(ActError::Asking(asked.into_iter().collect()))
    }

    /// Sets that were where a stage takes its own from, oldest first.
    pub(super) fn candidates(&self, view: &StageView<'_>) -> Vec<Candidate> {
        self.roads
            .get(&view.key.pipeline)
            .map(|road| from_sources(view, &by_name(road)))
            .unwrap_or_default()
    }

    /// Sets that may not enter the stage.
    pub(super) fn held(&self, view: &StageView<'_>) -> BTreeMap<SetId, HeldSet> {
        let Some(road) = self.roads.get(&view.key.pipeline) else {
            return BTreeMap::new();
        };
        held_sets(view, &by_name(road), &self.candidates(view), &self.desk)
    }

    /// A set for people.
    pub(super) fn report(&mut self, set: &Set) -> SetReport {
        set_report(set, None, &mut self.desk)
    }

    /// Version and digest of a set.
    pub(super) fn words(&mut self, set: &Set) -> String {
        let version = self.desk.version_of_set(set);
        let digests: Vec<&str> = set.members().map(|(_, d)| d.short()).collect();
        let digests = digests.join("+");
        if version == digests {
            digests
        } else {
            format!("{version} ({digests})")
        }
    }

    /// Outputs of a stage's environments with its tags put elsewhere.
    pub(super) fn rendered(
        &mut self,
        view: &StageView<'_>,
        moved: &BTreeMap<TagKey, PinnedImage>,
    ) -> Result<Files, ActError> {
        let mut templates = Templates::default();
        let survey = survey(&self.roads, &mut templates, &mut self.desk);
        let mut heads = survey.heads.clone();
        heads.extend(moved.clone());
        let mut files = Files::new();
        for (environment, application) in applications(&self.desk) {
            let place = (environment.name().clone(), application.name.to_string());
            let used = survey.places.get(&place).is_some_and(|s| uses(s, view));
            if !used || !view.environments.contains(environment.name()) {
                continue;
            }
            let desk = &mut self.desk;
            let (result, _) = difference(environment, application, &heads, &mut templates, desk);
            match result {
                Ok(delta) => files.extend(delta.files),
                Err(Stop::Asking) => {}
                Err(stop) => return Err(stopped(&place, stop)),
            }
        }
        Ok(files)
    }

    /// How many images of outputs a change replaces.
    pub(super) fn images(&mut self, files: &Files) -> usize {
        let mut count = 0;
        for (path, text) in files {
            let Some(Ok(new)) = text.as_ref().map(|t| image_fields(path, t)) else {
                continue;
            };
            let blob = self.desk.blob_of(path).cloned();
            let old = blob.and_then(|b| self.desk.text(&b).flatten());
            let old = old
                .and_then(|t| image_fields(path, &t).ok())
                .unwrap_or_default();
            let same = |field: &crate::manifests::ImageField| {
                old.iter().any(|o| {
                    (o.document, &o.route, &o.image) == (field.document, &field.route, &field.image)
                })
            };
            count += new.iter().filter(|field| !same(field)).count();
        }
        count
    }

    /// Edits of streams as final texts.
    pub(super) fn write(
        &mut self,
        edits: &BTreeMap<StreamKey, Vec<StreamEdit>>,
        files: &mut Files,
    ) -> Result<(), ActError> {
        match apply(edits, files, &mut self.desk) {
            Ok(()) | Err(NoText::Asking) => Ok(()),
            Err(NoText::Unreadable(path)) => no(format!("{path} cannot be read as text"), None),
            Err(NoText::Refused(refused)) => no(
                format!("{}: {}", refused.path, refused.why),
                Some(&refused.smallest_change),
            ),
        }
    }

    /// A new Hold file. A file of that name that says something else is never overwritten.
    pub(super) fn add_hold(
        &self,
        stem: &str,
        spec: HoldSpec,
        files: &mut Files,
    ) -> Result<RepoPath, ActError> {
        let folder = &self.desk.docs.config.spec.paths.holds;
        let bad = |why: String| ActError::No { why, help: None };
        for n in 1..=99 {
            let name = hold_name(stem, n).map_err(bad)?;
            let path = folder
                .join(&format!("{name}.yaml"))
                .map_err(|e| bad(e.to_string()))?;
            let metadata = ObjectMeta {
                name,
                namespace: None,
                labels: serde_json::Value::Null,
                annotations: serde_json::Value::Null,
            };
            let text = hold_text(&Hold {
                metadata,
                spec: spec.clone(),
            });
            let there = self.desk.obs.snapshot.files.contains_key(&path);
            if !there && !files.contains_key(&path) {
                files.insert(path.clone(), Some(text));
                return Ok(path);
            }
        }
        no(
            format!("there are a hundred holds named {stem} in {folder}/ already"),
            Some("delete those that are not needed"),
        )
    }
}

/// `stem`, `stem-2`, `stem-3`, ... cut so that the number stays.
fn hold_name(stem: &str, n: usize) -> Result<Name, String> {
    let tail = if n == 1 {
        String::new()
    } else {
        format!("-{n}")
    };
    let room = LONGEST_NAME - tail.len();
    let head: String = stem.chars().take(room).collect();
    format!("{}{tail}", head.trim_end_matches(['-', '.']))
        .parse()
        .map_err(|e| format!("{e}"))
}

fn stopped(place: &(Name, String), stop: Stop) -> ActError {
    let (why, help) = match stop {
        Stop::Asking => ("its files are not read yet".to_owned(), None),
        Stop::NotYet(why) => (why, None),
        Stop::Unread { why, .. } => (why, Some("try again once the registry answers".to_owned())),
        Stop::Unfinished(what) => (format!("{what} is not carried out by this version"), None),
        Stop::Broken { why, help } => (why, help),
    };
    ActError::No {
        why: format!("{} in {} cannot be rendered: {why}", place.1, place.0),
        help: help.or_else(|| Some("headwater check".to_owned())),
    }
}

/// Paths among files.
pub(super) fn paths(files: &Files) -> Vec<RepoPath> {
    files.keys().cloned().collect()
}
