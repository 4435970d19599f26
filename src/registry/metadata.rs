//! What an image says about itself: labels, platforms, time of creation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::details::ImageDetails;
use super::manifest::{ImageConfig, RawPlatform, plausible_time};
use crate::model::{Digest, Timestamp};

/// What is known of an image, all of it belonging to one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageMetadata {
    /// The digest described: the index's own if it is an index.
    pub digest: Digest,
    /// The media type of its manifest.
    pub media_type: String,
    /// An image's labels; an index's annotations, then what all its children agree on. At most 256 of at most 4 KiB.
    pub labels: BTreeMap<String, String>,
    /// The platforms it runs on, in the index's order.
    pub platforms: Vec<Platform>,
    /// When it was built, as it claims; the youngest child of an index. For display only.
    pub created: Option<Timestamp>,
    /// The rest, for people.
    pub details: ImageDetails,
}

/// A platform and the image for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// `linux`, `windows`, ...
    pub os: String,
    /// `amd64`, `arm64`, ...
    pub architecture: String,
    /// `v7`, `v8`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The manifest of exactly this platform.
    pub digest: Digest,
}

impl Platform {
    fn new(raw: RawPlatform, digest: Digest) -> Self {
        let short = |text: String| text.chars().take(64).collect::<String>();
        Self {
            os: short(raw.os),
            architecture: short(raw.architecture),
            variant: raw.variant.filter(|v| !v.is_empty()).map(short),
            digest,
        }
    }
}

impl ImageMetadata {
    /// Of a single image.
    pub(super) fn of_image(
        digest: Digest,
        media_type: String,
        config: ImageConfig,
        details: ImageDetails,
    ) -> Self {
        let platforms = config
            .platform
            .map(|raw| Platform::new(raw, digest.clone()));
        Self {
            platforms: platforms.into_iter().collect(),
            digest,
            media_type,
            labels: config.labels,
            created: config.created,
            details,
        }
    }

    /// Of an index, from its annotations and its children with the platforms that the index gives them.
    pub(super) fn of_index(
        digest: Digest,
        media_type: String,
        annotations: BTreeMap<String, String>,
        children: Vec<(Option<RawPlatform>, Self)>,
    ) -> Self {
        let mut labels = agreed(children.iter().map(|(_, child)| &child.labels));
        let said = annotations.get("org.opencontainers.image.created");
        let youngest = children.iter().filter_map(|(_, child)| child.created).max();
        let created = said.and_then(|text| plausible_time(text)).or(youngest);
        labels.extend(annotations);
        let platforms = children.into_iter().flat_map(|(raw, child)| match raw {
            Some(raw) if !raw.os.is_empty() => vec![Platform::new(raw, child.digest)],
            _ => child.platforms,
        });
        let platforms: Vec<Platform> = platforms.collect();
        Self {
            details: ImageDetails::of_index(media_type.clone(), created, platforms.clone()),
            platforms,
            digest,
            media_type,
            labels,
            created,
        }
    }
}

/// The labels that all have with the same value.
fn agreed<'a>(
    mut all: impl Iterator<Item = &'a BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let mut common = all.next().cloned().unwrap_or_default();
    for labels in all {
        common.retain(|key, value| labels.get(key) == Some(value));
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn child(pairs: &[(&str, &str)], created: &str) -> ImageMetadata {
        let config = ImageConfig {
            labels: labels(pairs),
            platform: None,
            created: plausible_time(created),
        };
        ImageMetadata::of_image(
            Digest::sha256(created.as_bytes()),
            "m".to_owned(),
            config,
            ImageDetails::default(),
        )
    }

    #[test]
    fn an_index_says_its_annotations_and_what_all_children_agree_on() {
        let index = ImageMetadata::of_index(
            Digest::sha256(b"index"),
            "i".to_owned(),
            labels(&[("version", "2")]),
            vec![
                (
                    None,
                    child(
                        &[("version", "1"), ("a", "1"), ("b", "1"), ("c", "1")],
                        "2024-01-01T00:00:00Z",
                    ),
                ),
                (
                    None,
                    child(
                        &[("version", "1"), ("a", "1"), ("b", "2")],
                        "2024-01-02T00:00:00Z",
                    ),
                ),
            ],
        );
        assert_eq!(index.labels, labels(&[("version", "2"), ("a", "1")]));
        assert_eq!(index.created.unwrap().to_string(), "2024-01-02T00:00:00Z");
        let json = serde_json::to_string(&index).unwrap();
        assert_eq!(serde_json::from_str::<ImageMetadata>(&json).unwrap(), index);
    }

    #[test]
    fn an_index_without_children_has_only_its_annotations() {
        let index = ImageMetadata::of_index(
            Digest::sha256(b"i"),
            "i".to_owned(),
            labels(&[("a", "1")]),
            vec![],
        );
        assert_eq!(index.labels, labels(&[("a", "1")]));
    }
}
