//! Answers that never change, carried from one pass into the next so that a plan need not ask for them again: labels by
//! digest, contents by blob id. Bounded; what is dropped is simply asked for once more.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::documents::Reading;
use crate::model::{BlobId, CommitId};
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::facts::{Answer, ImageFacts, Outcome};
use crate::plan::question::Describe;

/// Descriptions carried at most.
const MOST_IMAGES: usize = 10_000;
/// Bytes of labels carried at most.
const MOST_LABELS: usize = 8 << 20;
/// Bytes of file contents carried at most.
const MOST_TEXT: usize = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Carried {
    described: BTreeMap<Describe, Answer<ImageFacts>>,
    labels: usize,
    blobs: BTreeMap<BlobId, Option<Arc<str>>>,
    text: usize,
    commit: Option<CommitId>,
}

impl Carried {
    /// Takes in answers.
    pub(super) fn keep(
        &mut self,
        described: &BTreeMap<Describe, Answer<ImageFacts>>,
        blobs: &BTreeMap<BlobId, Option<Arc<str>>>,
    ) {
        for (question, answer) in described {
            if let Outcome::Ok(facts) = &answer.outcome {
                self.labels += size(facts);
                self.described.insert(question.clone(), answer.clone());
            }
        }
        if self.described.len() > MOST_IMAGES || self.labels > MOST_LABELS {
            self.described.clear();
            self.labels = 0;
        }
        for (id, text) in blobs.iter().filter(|(_, text)| text.is_some()) {
            self.text += text.as_ref().map_or(0, |text| text.len());
            self.blobs.insert(id.clone(), text.clone());
        }
        if self.text > MOST_TEXT {
            self.blobs.clear();
            self.text = 0;
        }
    }

    /// What images say.
    pub(super) fn described(&self) -> &BTreeMap<Describe, Answer<ImageFacts>> {
        &self.described
    }

    /// Contents that a plan may want again: those of the base and of open pull requests.
    pub(super) fn blobs(
        &mut self,
        reading: &Reading,
        pulls: Option<&[PullRequestFacts]>,
    ) -> BTreeMap<BlobId, Option<Arc<str>>> {
        if self.commit.as_ref() != Some(&reading.commit) && !self.blobs.is_empty() {
            let mut present: HashSet<&BlobId> = reading.files.values().map(|f| &f.blob).collect();
            let branches = pulls
                .into_iter()
                .flatten()
                .filter_map(|p| p.branch_facts.as_ref());
            for branch in branches {
                present.extend(branch.changed.values().flatten());
                present.extend(branch.merged.iter().flat_map(BTreeMap::values).flatten());
            }
            self.blobs.retain(|id, _| present.contains(id));
            self.text = self.blobs.values().flatten().map(|text| text.len()).sum();
        }
        self.commit = Some(reading.commit.clone());
        self.blobs.clone()
    }
}

fn size(facts: &ImageFacts) -> usize {
    facts.labels.iter().map(|(k, v)| k.len() + v.len()).sum()
}
