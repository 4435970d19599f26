//! Reading manifests and image configurations: bytes of strangers into types that cannot be taken for something else.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha512};

use super::error::RegistryError;
use super::unique;
use crate::model::{Digest, Timestamp};

/// The media types of image manifests.
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// The media types of indexes.
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// The media types of image configurations.
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
/// All that a manifest may be. A registry asked with fewer answers 404 for the others.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// How deep an answer may be nested. Real ones stay below ten.
const MAX_DEPTH: usize = 64;
/// The most labels kept of an image, and the most bytes of one label's key and value.
const LABELS: (usize, usize, usize) = (256, 256, 4096);

/// A reference to content by digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: Digest,
    #[serde(default)]
    pub(super) platform: Option<RawPlatform>,
    #[serde(default, deserialize_with = "unique::optional")]
    annotations: Option<BTreeMap<String, String>>,
}

impl Descriptor {
    /// Whether this child is no image to run but a statement about one (BuildKit's attestations).
    pub(super) fn is_attestation(&self) -> bool {
        let unknown = |p: &RawPlatform| p.os == "unknown" && p.architecture == "unknown";
        let marked = |a: &BTreeMap<String, String>| a.contains_key("vnd.docker.reference.type");
        self.platform.as_ref().is_some_and(unknown) || self.annotations.as_ref().is_some_and(marked)
    }
}

/// The platform of an index's child.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct RawPlatform {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
    #[serde(default)]
    pub(super) variant: Option<String>,
}

/// The fields that decide what a manifest is. A field named twice makes the parser refuse it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<IgnoredAny>>,
    manifests: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "unique::optional")]
    annotations: Option<BTreeMap<String, String>>,
}

/// A manifest that is one thing and nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) media_type: String,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One image, by its configuration.
    Image(Descriptor),
    /// Several images.
    Index(Vec<Descriptor>),
}

/// Whether a media type is one of a manifest we accept.
pub(super) fn is_manifest_type(media_type: &str) -> bool {
    MANIFESTS.contains(&media_type) || INDEXES.contains(&media_type)
}

/// Whether a media type is one of an index.
pub(super) fn is_index_type(media_type: &str) -> bool {
    INDEXES.contains(&media_type)
}

/// The media type in a `Content-Type` header, without its parameters.
pub(super) fn bare_type(header: &str) -> &str {
    header.split(';').next().unwrap_or_default().trim()
}

impl Manifest {
    /// Reads a manifest that came with this `Content-Type`; the error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, String> {
        check_depth(bytes)?;
        let raw: Raw = serde_json::from_slice(bytes).map_err(|e| {
            format!(
                "its manifest cannot be read (line {}, column {})",
                e.line(),
                e.column()
            )
        })?;
        if raw.schema_version != 2 {
            return Err("its manifest has a schema version other than 2".to_owned());
        }
        let announced = content_type.map(bare_type).filter(|t| is_manifest_type(t));
        let media_type = match (announced, raw.media_type.as_deref()) {
            (Some(header), Some(body)) if header != body => {
                return Err(
                    "its manifest has another media type than its content type says".to_owned(),
                );
            }
            (Some(header), _) => header.to_owned(),
            (None, Some(body)) => body.to_owned(),
            (None, None) => return Err("nothing says what type its manifest has".to_owned()),
        };
        let kind = match (raw.config, raw.layers, raw.manifests) {
            (Some(config), Some(_), None) if MANIFESTS.contains(&media_type.as_str()) => {
                Kind::Image(config)
            }
            (None, None, Some(children)) if INDEXES.contains(&media_type.as_str()) => {
                Kind::Index(children)
            }
            _ => {
                return Err(
                    "its manifest is not of one kind: fields and media type do not fit".to_owned(),
                );
            }
        };
        Ok(Self {
            media_type,
            annotations: bounded(raw.annotations.unwrap_or_default()),
            kind,
        })
    }
}

/// What we want to know of an image configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ImageConfig {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) platform: Option<RawPlatform>,
    pub(super) created: Option<Timestamp>,
}

/// Whether a configuration's media type is that of an image to run, not of some other artifact.
pub(super) fn is_image_config(media_type: &str) -> bool {
    CONFIGS.contains(&media_type)
}

impl ImageConfig {
    /// Reads a configuration; the error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct RawConfig {
            os: Option<String>,
            architecture: Option<String>,
            variant: Option<String>,
            config: Option<Inner>,
            created: Option<String>,
        }
        #[derive(Deserialize)]
        struct Inner {
            #[serde(rename = "Labels", default, deserialize_with = "unique::optional")]
            labels: Option<BTreeMap<String, String>>,
        }
        check_depth(bytes)?;
        let raw: RawConfig = serde_json::from_slice(bytes).map_err(|e| {
            format!(
                "its configuration cannot be read (line {}, column {})",
                e.line(),
                e.column()
            )
        })?;
        Ok(Self {
            labels: bounded(raw.config.and_then(|c| c.labels).unwrap_or_default()),
            platform: raw.os.filter(|os| !os.is_empty()).map(|os| RawPlatform {
                os,
                architecture: raw.architecture.unwrap_or_default(),
                variant: raw.variant,
            }),
            created: raw.created.as_deref().and_then(plausible_time),
        })
    }
}

/// Refuses deep nesting before anything is parsed: the parser skips fields it does not know at any depth.
pub(super) fn check_depth(json: &[u8]) -> Result<(), String> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
    }
    Ok(())
}

/// A time of creation that can be one: builders write year 1 and year 9999 as well.
pub(super) fn plausible_time(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    let year_2200 = 7_258_118_400;
    (0..year_2200).contains(&at.as_second()).then_some(at)
}

/// Labels of bearable number and size; others are left out.
fn bounded(labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let (count, key, value) = LABELS;
    labels
        .into_iter()
        .filter(|(k, v)| k.len() <= key && v.len() <= value)
        .take(count)
        .collect()
}

/// Checks bytes against the digest they were asked for.
pub(super) fn verify(subject: &str, bytes: &[u8], digest: &Digest) -> Result<(), RegistryError> {
    let got = match digest.algorithm() {
        "sha512" => format!("sha512:{}", hex::encode(Sha512::digest(bytes))),
        _ => Digest::sha256(bytes).to_string(),
    };
    if got == digest.as_str() {
        return Ok(());
    }
    Err(RegistryError::DigestMismatch {
        subject: subject.to_owned(),
        expected: digest.to_string(),
        got,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: &str = MANIFESTS[0];
    const INDEX: &str = INDEXES[0];

    fn parse(body: &str, content_type: &str) -> Result<Manifest, String> {
        let digest = Digest::sha256(b"x");
        let config = format!(
            r#""config": {{"mediaType": "{}", "digest": "{digest}", "size": 1}}"#,
            CONFIGS[0]
        );
        Manifest::parse(
            body.replace("CONFIG", &config).as_bytes(),
            Some(content_type),
        )
    }

    #[test]
    fn a_manifest_is_exactly_one_thing() {
        let image = r#"{"schemaVersion": 2, CONFIG, "layers": []}"#;
        let index = r#"{"schemaVersion": 2, "manifests": []}"#;
        assert!(matches!(parse(image, IMAGE).unwrap().kind, Kind::Image(_)));
        assert!(matches!(parse(index, INDEX).unwrap().kind, Kind::Index(_)));
        assert!(parse(image, &format!("{IMAGE}; charset=utf-8")).is_ok());
        for (body, content_type) in [
            (image, INDEX),
            (index, IMAGE),
            (image, "application/json"),
            (
                r#"{"schemaVersion": 2, CONFIG, "layers": [], "manifests": []}"#,
                IMAGE,
            ),
            (
                r#"{"schemaVersion": 2, CONFIG, "layers": [], "manifests": []}"#,
                INDEX,
            ),
            (r#"{"schemaVersion": 1, CONFIG, "layers": []}"#, IMAGE),
            (
                r#"{"schemaVersion": 2, CONFIG, "layers": [], "layers": []}"#,
                IMAGE,
            ),
            (r#"{"schemaVersion": 2, "layers": []}"#, IMAGE),
            (
                r#"{"schemaVersion": 2, "manifests": [{"digest": "md5:abc"}]}"#,
                INDEX,
            ),
            (
                r#"{"schemaVersion": 2, "mediaType": "text/plain", "manifests": []}"#,
                INDEX,
            ),
            ("\u{feff}{}", IMAGE),
            (r#"{"schemaVersion": 2, "manifests": []} trailing"#, INDEX),
            (r#"{"schemaVersion": NaN, "manifests": []}"#, INDEX),
        ] {
            assert!(
                parse(body, content_type).is_err(),
                "{body} as {content_type}"
            );
        }
        let deep = format!(
            r#"{{"schemaVersion": 2, "manifests": [], "x": {}1{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert!(parse(&deep, INDEX).is_err());
    }

    #[test]
    fn a_type_in_the_body_is_enough_when_the_header_is_vague() {
        let body = format!(r#"{{"schemaVersion": 2, "mediaType": "{INDEX}", "manifests": []}}"#);
        assert_eq!(parse(&body, "application/json").unwrap().media_type, INDEX);
    }

    #[test]
    fn labels_of_absurd_size_are_left_out() {
        let mut labels = BTreeMap::from([
            ("big".to_owned(), "x".repeat(5000)),
            ("a".to_owned(), "b".to_owned()),
        ]);
        assert_eq!(bounded(labels.clone()).len(), 1);
        labels.extend((0..1000).map(|n| (format!("n{n}"), String::new())));
        assert_eq!(bounded(labels).len(), LABELS.0);
    }

    #[test]
    fn implausible_times_are_none() {
        assert!(plausible_time("2024-05-01T10:00:00.123Z").is_some());
        assert!(plausible_time("1970-01-01T00:00:00Z").is_some());
        for bad in [
            "0001-01-01T00:00:00Z",
            "9999-12-31T00:00:00Z",
            "yesterday",
            "",
        ] {
            assert_eq!(plausible_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_configuration_without_labels_or_platform_is_one() {
        assert_eq!(ImageConfig::parse(b"{}").unwrap(), ImageConfig::default());
        assert_eq!(
            ImageConfig::parse(
                br#"{"os":"linux","architecture":"arm64","variant":"v8","config":{"Labels":null}}"#
            )
            .unwrap()
            .platform
            .unwrap()
            .variant
            .as_deref(),
            Some("v8")
        );
        assert!(ImageConfig::parse(b"[]").is_err());
    }

    #[test]
    fn a_label_that_stands_twice_is_none() {
        for bad in [
            r#"{"config": {"Labels": {"tests": "failed", "tests": "passed"}}}"#,
            r#"{"config": {"Labels": {"a": "1"}}, "config": {"Labels": {"a": "2"}}}"#,
            r#"{"config": {"Labels": {"a": 1}}}"#,
        ] {
            assert!(ImageConfig::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let twice = r#"{"schemaVersion": 2, "manifests": [], "annotations": {"a": "1", "a": "2"}}"#;
        assert!(parse(twice, INDEX).is_err());
        let none = r#"{"schemaVersion": 2, "manifests": [], "annotations": null}"#;
        assert!(parse(none, INDEX).is_ok());
    }
}
