//! Platforms of an image: which one of an index stands for it where a single one is imported (`importMode: Legacy`).

use super::digest::Digest;
use super::image_stream::TagReference;

/// Annotation with the architecture that is imported of an index.
const PREFER_ARCH: &str = "importer.image.openshift.io/prefer-arch";
/// Annotation with the operating system.
const PREFER_OS: &str = "importer.image.openshift.io/prefer-os";
/// What is imported where nothing else is said: the same on every machine, whatever it runs on itself.
const DEFAULT: (&str, &str) = ("linux", "amd64");

/// The platform that is imported of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferred {
    os: String,
    architecture: String,
}

impl Default for Preferred {
    fn default() -> Self {
        let (os, architecture) = DEFAULT;
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
        }
    }
}

impl Preferred {
    /// What a tag prefers. Of a source by digest nothing is chosen by annotations (upstream).
    pub fn of(tag: &TagReference) -> Self {
        let by_digest = tag
            .from
            .as_ref()
            .is_some_and(|from| from.name.contains('@'));
        let said = |key: &str, default: &str| {
            let said = tag
                .annotations
                .get(key)
                .filter(|said| !by_digest && !said.is_empty());
            said.map_or_else(|| default.to_owned(), |said| said.into_owned())
        };
        Self {
            os: said(PREFER_OS, DEFAULT.0),
            architecture: said(PREFER_ARCH, DEFAULT.1),
        }
    }

    /// The image that stands for an index, of its images with their platforms (`os/architecture[/variant]`) in its order: the
    /// preferred one, else that of `linux/amd64`, else the first; `None` where there are none. Variants make no difference.
    pub fn choose<'d>(&self, images: &[(&str, &'d Digest)]) -> Option<&'d Digest> {
        let is = |platform: &str, os: &str, architecture: &str| {
            let mut parts = platform.split('/');
            parts.next() == Some(os) && parts.next() == Some(architecture)
        };
        let found = |os: &str, architecture: &str| {
            let mut images = images.iter();
            images.find(|(platform, _)| is(platform, os, architecture))
        };
        found(&self.os, &self.architecture)
            .or_else(|| found(DEFAULT.0, DEFAULT.1))
            .or_else(|| images.first())
            .map(|(_, digest)| *digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::ObjectReference;

    fn tag(from: &str, annotations: &[(&str, &str)]) -> TagReference {
        let mut tag = TagReference {
            from: Some(ObjectReference::docker_image(from)),
            ..TagReference::default()
        };
        for (key, value) in annotations {
            tag.annotations.insert(key, value);
        }
        tag
    }

    #[test]
    fn the_preferred_platform_stands_for_an_index_then_the_usual_one_then_the_first() {
        let digests: Vec<Digest> = (0..5_u8).map(|n| Digest::sha256(&[n])).collect();
        let of = |names: &[&'static str]| -> Vec<(&'static str, &Digest)> {
            names.iter().copied().zip(&digests).collect()
        };
        let all = of(&[
            "linux/arm/v7",
            "windows/amd64",
            "linux/amd64",
            "linux/arm64/v8",
        ]);
        let others = of(&["windows/amd64", "linux/s390x"]);
        let arm = [(PREFER_ARCH, "arm64")];
        let windows = [(PREFER_OS, "windows")];
        let both = [(PREFER_ARCH, "s390x"), (PREFER_OS, "linux")];
        let by_digest = format!("q.io/a/b@{}", digests[0]);
        for (from, annotations, images, wanted) in [
            ("q.io/a/b:1", &[][..], &all, Some(2)),
            ("q.io/a/b:1", &arm, &all, Some(3)),
            ("q.io/a/b:1", &windows, &all, Some(1)),
            ("q.io/a/b:1", &[(PREFER_ARCH, "")], &all, Some(2)),
            // What is not there falls back to the usual one, and that to the first.
            ("q.io/a/b:1", &both, &all, Some(2)),
            ("q.io/a/b:1", &both, &others, Some(1)),
            ("q.io/a/b:1", &arm, &others, Some(0)),
            ("q.io/a/b:1", &[], &Vec::new(), None),
            // A digest is chosen from by no annotation.
            (&by_digest, &arm, &all, Some(2)),
        ] {
            let chosen = Preferred::of(&tag(from, annotations)).choose(images);
            let wanted = wanted.map(|n: usize| &digests[n]);
            assert_eq!(chosen, wanted, "{annotations:?} of {images:?}");
        }
        assert_eq!(Preferred::default(), Preferred::of(&tag("q.io/a/b:1", &[])));
    }
}
