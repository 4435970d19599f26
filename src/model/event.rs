//! One thing a tag has pointed to, in little room: digests as bytes, and the repository shared by all events from there.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::reference::{ImageReference, ImageRepository, PinnedImage};
use super::time::Timestamp;

/// One thing a tag has pointed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct TagEvent {
    /// When the event was recorded (display only; clocks come from History).
    pub created: Option<Timestamp>,
    /// Generation of the tag when this was recorded.
    pub generation: i64,
    reference: Reference,
    image: Image,
}

/// An event as upstream writes it.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    docker_image_reference: String,
    image: String,
    generation: i64,
}

/// A pull spec. One text is always kept in the same way, so that equal texts are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    /// `<repository>@<image>`, of the image of the event.
    In(Arc<str>),
    Text(Box<str>),
}

/// An image id; the same goes for it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Image {
    Sha256([u8; 32]),
    Text(Box<str>),
}

impl Default for Reference {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl Default for Image {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl Reference {
    fn of(text: &str, image: &str) -> Self {
        let repository = text.strip_suffix(image).filter(|_| !image.is_empty());
        let repository = repository.and_then(|rest| rest.strip_suffix('@'));
        repository.map_or_else(|| Self::Text(text.into()), |text| Self::In(text.into()))
    }
}

impl Image {
    fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        let hex = text.strip_prefix("sha256:");
        let lower = |text: &&str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex
            .filter(lower)
            .map(|hex| hex::decode_to_slice(hex, &mut bytes))
        {
            Some(Ok(())) => Self::Sha256(bytes),
            _ => Self::Text(text.into()),
        }
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Sha256(bytes) => Cow::Owned(format!("sha256:{}", hex::encode(bytes))),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

/// Whether lower-case hexadecimal digits stand for these bytes.
fn is_hex_of(digits: &[u8], bytes: &[u8]) -> bool {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pairs = digits.chunks_exact(2);
    let digit = |byte: u8| DIGITS[usize::from(byte)];
    digits.len() == 2 * bytes.len()
        && pairs
            .zip(bytes)
            .all(|(pair, byte)| pair[0] == digit(byte >> 4) && pair[1] == digit(byte & 15))
}

impl TagEvent {
    /// An event with its pull spec (by digest) and its digest (empty for `reference: true` tags).
    pub fn new(
        created: Option<Timestamp>,
        docker_image_reference: &str,
        image: &str,
        generation: i64,
    ) -> Self {
        Self {
            created,
            generation,
            reference: Reference::of(docker_image_reference, image),
            image: Image::of(image),
        }
    }

    /// The pull spec by digest.
    pub fn docker_image_reference(&self) -> Cow<'_, str> {
        match &self.reference {
            Reference::In(repository) => Cow::Owned(format!("{repository}@{}", self.image.text())),
            Reference::Text(text) => Cow::Borrowed(text),
        }
    }

    /// The digest as written; empty for `reference: true` tags.
    pub fn image(&self) -> Cow<'_, str> {
        self.image.text()
    }

    /// The digest, when the event has one that is valid.
    pub fn digest(&self) -> Option<Digest> {
        self.image.text().parse().ok()
    }

    /// Whether it is about this digest.
    pub fn is_of(&self, digest: &Digest) -> bool {
        match &self.image {
            Image::Text(text) => **text == *digest.as_str(),
            Image::Sha256(bytes) => digest
                .as_str()
                .strip_prefix("sha256:")
                .is_some_and(|hex| is_hex_of(hex.as_bytes(), bytes)),
        }
    }

    /// The repository of its pull spec, when that is by a digest that is valid.
    pub fn repository(&self) -> Option<ImageRepository> {
        match (&self.reference, &self.image) {
            // As the whole would be read, without putting it together first.
            (Reference::In(text), Image::Sha256(_)) => {
                let reference: ImageReference = text.parse().ok()?;
                reference.digest.is_none().then_some(reference.repository)
            }
            _ => {
                let image: PinnedImage = self.docker_image_reference().parse().ok()?;
                Some(image.repository)
            }
        }
    }

    /// The same event, recorded at another time or at none.
    #[must_use]
    pub fn at(self, created: Option<Timestamp>) -> Self {
        Self { created, ..self }
    }

    /// The same event with another digest.
    #[must_use]
    pub fn with_image(&self, image: &str) -> Self {
        let reference = self.docker_image_reference();
        Self::new(self.created, &reference, image, self.generation)
    }

    /// The same event with another pull spec.
    #[must_use]
    pub fn with_reference(&self, docker_image_reference: &str) -> Self {
        let image = self.image();
        Self::new(
            self.created,
            docker_image_reference,
            &image,
            self.generation,
        )
    }

    /// Uses the repository that another event knows already.
    pub(super) fn share(&mut self, known: &mut HashSet<Arc<str>>) {
        if let Reference::In(repository) = &mut self.reference {
            match known.get(repository) {
                Some(same) => *repository = Arc::clone(same),
                None => {
                    known.insert(Arc::clone(repository));
                }
            }
        }
    }
}

impl From<Written> for TagEvent {
    fn from(written: Written) -> Self {
        Self::new(
            written.created,
            &written.docker_image_reference,
            &written.image,
            written.generation,
        )
    }
}

impl From<TagEvent> for Written {
    fn from(event: TagEvent) -> Self {
        Self {
            created: event.created,
            docker_image_reference: event.docker_image_reference().into_owned(),
            image: event.image().into_owned(),
            generation: event.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_reads_back_as_it_was_written() {
        let digest = Digest::sha256(b"x");
        let long = format!("sha512:{}", "a".repeat(128));
        let upper = digest.as_str().to_uppercase();
        for (reference, image) in [
            (format!("q.io/a/b@{digest}"), digest.as_str()),
            (format!("@{digest}"), digest.as_str()),
            (digest.to_string(), digest.as_str()),
            (
                format!("q.io/a/b@{}", Digest::sha256(b"y")),
                digest.as_str(),
            ),
            (format!("q.io/a/b@{long}"), long.as_str()),
            (format!("q.io/a/b@{upper}"), upper.as_str()),
            ("q.io/a/b:1".to_owned(), ""),
            ("q.io/a/b@".to_owned(), ""),
            ("x@sha256:12".to_owned(), "sha256:12"),
            (String::new(), "sha256:"),
            (format!("q.io/a/b:1@{digest}"), digest.as_str()),
            (format!("q.io/a/b@{digest}@{digest}"), digest.as_str()),
            (format!("Q.io/A@{digest}"), digest.as_str()),
        ] {
            let event = TagEvent::new(None, &reference, image, 7);
            assert_eq!(event.docker_image_reference(), reference);
            assert_eq!(event.image(), image);
            assert_eq!(event.digest(), image.parse().ok());
            assert_eq!(event.is_of(&digest), image == digest.as_str());
            let pinned: Option<PinnedImage> = reference.parse().ok();
            assert_eq!(event.repository(), pinned.map(|image| image.repository));
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<TagEvent>(&json).unwrap(), event);
            // An image rewritten where it stands leaves the reference alone, and the other way round.
            let other = event.with_image(Digest::sha256(b"z").as_str());
            assert_eq!(other.docker_image_reference(), reference);
            let back = other.with_image(image);
            assert_eq!(back, event);
            assert_eq!(event.with_reference("else").image(), image);
        }
    }

    #[test]
    fn an_event_takes_less_than_a_hundred_bytes_and_shares_its_repository() {
        assert!(size_of::<TagEvent>() <= 96, "{}", size_of::<TagEvent>());
        let mut known = HashSet::new();
        let mut events: Vec<TagEvent> = (0..20)
            .map(|n| {
                let digest = Digest::sha256(&[n]);
                TagEvent::new(None, &format!("q.io/a/b@{digest}"), digest.as_str(), 1)
            })
            .collect();
        for event in &mut events {
            event.share(&mut known);
        }
        let shared = known.into_iter().next().unwrap();
        assert_eq!(Arc::strong_count(&shared), 21);
    }
}
