//! An image of a stream by the beginning of its digest, searched in the whole history of all tags (imagestreams 1.3).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::ImageStream;
use crate::model::image_stream::TagEvent;

/// What a prefix names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing.
    None,
    /// One image; its newest event of those that were looked at first.
    One(&'a TagEvent),
    /// Several images, by digest.
    Several(Vec<String>),
}

/// Finds the image whose digest is `id` or begins with it, with or without the algorithm in front.
pub fn resolve_image_id<'a>(stream: &'a ImageStream, id: &str) -> Found<'a> {
    let mut found: BTreeMap<Cow<'_, str>, &TagEvent> = BTreeMap::new();
    if id.is_empty() {
        return Found::None;
    }
    for event in stream.status.tags.iter().flat_map(|list| &list.items) {
        let image = event.image();
        let hex = image.split_once(':').map(|(_, hex)| hex);
        let meant = image.starts_with(id) || hex.is_some_and(|hex| hex.starts_with(id));
        if meant {
            found.entry(image).or_insert(event);
        }
    }
    let mut all = found.into_iter();
    match (all.next(), all.next()) {
        (None, _) => Found::None,
        (Some((_, event)), None) => Found::One(event),
        (Some((first, _)), Some((second, _))) => {
            let digests = [first, second].into_iter().chain(all.map(|(d, _)| d));
            Found::Several(digests.map(Cow::into_owned).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::streams::testing::{digest, stream};

    #[test]
    fn a_prefix_is_searched_in_the_whole_history() {
        let stream = stream(&[("a", &["1", "2"]), ("b", &["3", "1"])]);
        let whole = digest("2");
        let hex = &whole[7..];
        let one = |id: &str| match resolve_image_id(&stream, id) {
            Found::One(event) => event.image().into_owned(),
            other => panic!("{id}: {other:?}"),
        };
        assert_eq!(one(&whole), whole, "the digest in full");
        assert_eq!(one(&whole[..12]), whole, "its beginning with the algorithm");
        assert_eq!(one(&hex[..8]), whole, "its beginning in hex");
        assert_eq!(one(&digest("1")), digest("1"), "the same image in two tags");
        assert_eq!(one(&digest("3")), digest("3"), "the last tag's");
    }

    #[test]
    fn nothing_or_too_much_is_told_apart() {
        let stream = stream(&[("a", &["1", "2"]), ("b", &["3"])]);
        assert_eq!(resolve_image_id(&stream, "sha256:zz"), Found::None);
        assert_eq!(resolve_image_id(&stream, ""), Found::None);
        let Found::Several(digests) = resolve_image_id(&stream, "sha256:") else {
            panic!("three begin alike")
        };
        assert_eq!(digests.len(), 3);
    }
}
