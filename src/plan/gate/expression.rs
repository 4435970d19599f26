//! `expression`: CEL over the images of the set. False and errors refuse; labels not read yet wait.

use std::collections::BTreeMap;

use super::super::desk::Known;
use super::super::version::version_of;
use super::cel::{ImageFacts, Outcome, evaluate};
use super::{Asked, Desk};
use crate::model::Verdict;
use crate::plan::output::lookup::imported_tag;

pub(super) fn verdict(source: &str, asked: &Asked<'_>, desk: &mut Desk<'_>) -> Verdict {
    let labels = match desk.labels_of(asked.set) {
        Known::Yes(labels) => labels,
        Known::Failed(failure) => {
            return Verdict::Waiting {
                why: format!("labels could not be read: {}", failure.message),
                until: failure.retry_at,
            };
        }
        Known::NotYet => {
            return Verdict::Waiting {
                why: "labels are not read yet".to_owned(),
                until: None,
            };
        }
    };
    if labels.len() < asked.set.members().count() {
        return Verdict::Refused {
            why: "an image of the set is no longer in its stream's history".to_owned(),
        };
    }
    let images: BTreeMap<String, ImageFacts> = labels
        .into_iter()
        .map(|(stream, (image, facts))| {
            let tag = desk
                .stream(&stream)
                .and_then(|s| imported_tag(s, &image))
                .unwrap_or_default();
            let version = version_of(Some(&facts.labels), None, &image.digest).text;
            let image = ImageFacts {
                labels: facts.labels,
                digest: image.digest.to_string(),
                repository: image.repository.to_string(),
                tag: tag.clone(),
                platforms: facts.platforms,
                version,
            };
            (stream.name.as_str().to_owned(), image)
        })
        .collect();
    match evaluate(source, &images) {
        Outcome::True => Verdict::Open {
            why: format!("`{source}` is true"),
        },
        Outcome::False => Verdict::Refused {
            why: format!("`{source}` is false"),
        },
        Outcome::Failed(reason) => Verdict::Refused {
            why: format!("`{source}`: {reason}"),
        },
    }
}
