//! What an image's manifest and configuration say beside labels and platform: for people who look at one image. Nothing is
//! decided by it, so what cannot be read is left out, and everything is bounded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::manifest::plausible_time;
use super::metadata::Platform;
use crate::model::Timestamp;

/// The most entries kept of a list, and the most characters of a text.
const ENTRIES: usize = 256;
const CHARACTERS: usize = 4096;

/// What an image says of itself in full.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageDetails {
    /// The media type of its manifest.
    pub media_type: String,
    /// When it was built, as it claims.
    pub created: Option<Timestamp>,
    /// Bytes of its configuration and of each distinct layer once; nothing is known of an index.
    pub size: Option<u64>,
    /// Its layers, the lowest first.
    pub layers: Vec<ImageLayer>,
    /// Who made it.
    pub author: String,
    /// `amd64`, `arm64`, ...; empty for an index.
    pub architecture: String,
    /// What a container of it starts.
    pub entrypoint: Vec<String>,
    /// The arguments of that, or what is started where there is no entry point.
    pub command: Vec<String>,
    /// The folder that is started in.
    pub working_dir: String,
    /// The user that it runs as.
    pub user: String,
    /// Ports it listens on: `8080/tcp`.
    pub ports: Vec<String>,
    /// Variables: `NAME=value`.
    pub environment: Vec<String>,
    /// Folders that are volumes.
    pub volumes: Vec<String>,
    /// Of an index: its platforms and the images for them.
    pub platforms: Vec<Platform>,
}

/// A layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageLayer {
    /// Its digest as written.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
}

impl ImageDetails {
    /// Of a single image, from its manifest and its configuration (empty for an artifact without one).
    pub(super) fn of_image(media_type: String, manifest: &[u8], config: &[u8]) -> Self {
        let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
        let length = config.len() as u64;
        let config: Value = serde_json::from_slice(config).unwrap_or_default();
        let sizes = layers(&manifest);
        let distinct: BTreeMap<&str, u64> =
            sizes.iter().map(|l| (l.digest.as_str(), l.size)).collect();
        let size = distinct
            .values()
            .fold(length, |sum, size| sum.saturating_add(*size));
        let inner = &config["config"];
        Self {
            media_type,
            created: config["created"].as_str().and_then(plausible_time),
            size: Some(size),
            layers: sizes.into_iter().take(ENTRIES).collect(),
            author: text(&config["author"]),
            architecture: text(&config["architecture"]),
            entrypoint: list(&inner["Entrypoint"]),
            command: list(&inner["Cmd"]),
            working_dir: text(&inner["WorkingDir"]),
            user: text(&inner["User"]),
            ports: keys(&inner["ExposedPorts"]),
            environment: list(&inner["Env"]),
            volumes: keys(&inner["Volumes"]),
            platforms: Vec::new(),
        }
    }

    /// Of an index.
    pub(super) fn of_index(
        media_type: String,
        created: Option<Timestamp>,
        platforms: Vec<Platform>,
    ) -> Self {
        Self {
            media_type,
            created,
            platforms,
            ..Self::default()
        }
    }
}

fn layers(manifest: &Value) -> Vec<ImageLayer> {
    let layer = |layer: &Value| ImageLayer {
        digest: text(&layer["digest"]),
        size: layer["size"].as_u64().unwrap_or_default(),
    };
    let layers = manifest["layers"].as_array();
    layers.into_iter().flatten().map(layer).collect()
}

fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars().take(CHARACTERS).collect()
}

fn list(value: &Value) -> Vec<String> {
    let values = value.as_array().into_iter().flatten();
    values.take(ENTRIES).map(text).collect()
}

fn keys(value: &Value) -> Vec<String> {
    let keys = value.as_object().into_iter().flat_map(|map| map.keys());
    let mut keys: Vec<String> = keys
        .take(ENTRIES)
        .map(|key| key.chars().take(CHARACTERS).collect())
        .collect();
    keys.sort();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_told_in_full_and_a_layer_that_is_there_twice_counts_once() {
        let manifest = br#"{"layers": [{"digest": "sha256:a", "size": 1000}, {"digest": "sha256:b", "size": 24},
            {"digest": "sha256:a", "size": 1000}]}"#;
        let config = br#"{"author": "me", "architecture": "arm64", "created": "2026-01-05T09:00:00Z", "config": {
            "Entrypoint": ["/app"], "Cmd": ["serve"], "WorkingDir": "/", "User": "1001",
            "ExposedPorts": {"9090/tcp": {}, "8080/tcp": {}}, "Env": ["A=1"], "Volumes": {"/data": {}}}}"#;
        let details = ImageDetails::of_image("m".to_owned(), manifest, config);
        assert_eq!(details.size, Some(1024 + config.len() as u64));
        assert_eq!(details.layers.len(), 3);
        assert_eq!(details.ports, ["8080/tcp", "9090/tcp"]);
        assert_eq!(
            (details.entrypoint, details.command, details.environment),
            (
                vec!["/app".to_owned()],
                vec!["serve".to_owned()],
                vec!["A=1".to_owned()]
            )
        );
        assert_eq!(details.created.unwrap().to_string(), "2026-01-05T09:00:00Z");
        assert_eq!(
            (details.user.as_str(), details.architecture.as_str()),
            ("1001", "arm64")
        );
    }

    #[test]
    fn what_is_written_otherwise_or_too_large_is_left_out() {
        let config = format!(
            r#"{{"author": 3, "created": "never", "config": {{"Entrypoint": "sh", "Env": [1, "{}"], "Volumes": ["x"]}}}}"#,
            "x".repeat(5000)
        );
        let manifest = br#"{"layers": [3, {"size": -1}, {"digest": "d", "size": "much"}]}"#;
        let details = ImageDetails::of_image("m".to_owned(), manifest, config.as_bytes());
        assert_eq!((details.layers.len(), details.created), (3, None));
        assert_eq!(details.size, Some(config.len() as u64));
        assert!(details.entrypoint.is_empty() && details.volumes.is_empty());
        assert_eq!(details.environment[1].len(), CHARACTERS);
        let many = format!(r#"{{"config": {{"Env": [{}"x"]}}}}"#, "\"x\",".repeat(300));
        let details = ImageDetails::of_image("m".to_owned(), b"", many.as_bytes());
        assert_eq!(details.environment.len(), ENTRIES);
    }
}
