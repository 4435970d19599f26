//! Tags that follow other tags of their stream (`FollowTagReference` upstream): where such a chain ends.

use std::collections::{BTreeMap, BTreeSet};

use super::image_stream::{ImageStream, TagReference};

/// Where a chain of tags ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End<'s> {
    /// The first tag that follows no other.
    pub tag: &'s TagReference,
    /// Whether it was reached from another one.
    pub followed: bool,
}

/// Why a chain of tags does not end at a tag of its stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AliasError {
    /// The chain comes back to a tag it has been at.
    #[error("the tags of the stream follow each other in a circle at `{tag}`")]
    Circular {
        /// The tag it comes back to.
        tag: String,
    },
    /// There is no such tag in the spec.
    #[error("the stream has no tag `{tag}`")]
    Missing {
        /// The name that is missed.
        tag: String,
        /// Whether another tag follows it, rather than that it was asked for.
        followed: bool,
    },
    /// A tag points into another stream or namespace, which is never followed.
    #[error("the tag `{tag}` points to a tag of another stream")]
    OtherStream {
        /// The tag that does.
        tag: String,
    },
    /// What a tag follows is no name of a tag.
    #[error("the tag `{tag}` points to something that is no name of a tag")]
    Invalid {
        /// The tag that does.
        tag: String,
    },
}

/// Where one tag leads.
enum Step<'s> {
    Ends,
    Tag(&'s str),
    OtherStream,
    Invalid,
}

fn step<'s>(stream: &ImageStream, tag: &'s TagReference) -> Step<'s> {
    let Some(from) = tag.from.as_ref().filter(|f| f.kind == "ImageStreamTag") else {
        return Step::Ends;
    };
    let foreign = from.namespace.as_deref().filter(|name| !name.is_empty());
    if foreign.is_some() && foreign != stream.metadata.namespace.as_deref() {
        return Step::OtherStream;
    }
    match from.name.split_once(':') {
        None => Step::Tag(&from.name),
        Some((_, tag)) if tag.contains(':') => Step::Invalid,
        Some((name, _)) if name != stream.metadata.name => Step::OtherStream,
        // An empty tag means `latest`, as everywhere upstream but in names on a command line.
        Some((_, "")) => Step::Tag("latest"),
        Some((_, tag)) => Step::Tag(tag),
    }
}

/// The tag of the same stream and namespace that a tag follows: `ImageStreamTag`, bare or with the stream's name.
pub fn same_stream_alias<'s>(stream: &ImageStream, tag: &'s TagReference) -> Option<&'s str> {
    match step(stream, tag) {
        Step::Tag(target) => Some(target),
        Step::Ends | Step::OtherStream | Step::Invalid => None,
    }
}

/// Follows a tag to the one that follows no other.
///
/// # Errors
/// When there is none in this stream.
pub fn follow<'s>(stream: &'s ImageStream, tag: &str) -> Result<End<'s>, AliasError> {
    let tags = by_name(stream);
    let mut at = tag;
    // A chain that is longer than there are tags has come back to one of them.
    for steps in 0..=tags.len() {
        let missing = || AliasError::Missing {
            tag: at.to_owned(),
            followed: steps > 0,
        };
        let found = *tags.get(at).ok_or_else(missing)?;
        let tag = || found.name.clone();
        match step(stream, found) {
            Step::Ends => {
                return Ok(End {
                    tag: found,
                    followed: steps > 0,
                });
            }
            Step::Tag(target) => at = target,
            Step::OtherStream => return Err(AliasError::OtherStream { tag: tag() }),
            Step::Invalid => return Err(AliasError::Invalid { tag: tag() }),
        }
    }
    Err(AliasError::Circular {
        tag: circle_from(stream, &tags, tag).to_owned(),
    })
}

/// Every tag that follows others, with the tag where that ends; those that lead nowhere are left out. Each tag is looked
/// at once, however long the chains are.
pub fn aliases(stream: &ImageStream) -> BTreeMap<&str, &str> {
    let tags = by_name(stream);
    let mut ends: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for start in tags.keys() {
        let mut way = Vec::new();
        let mut at = *start;
        let end = loop {
            if let Some(known) = ends.get(at) {
                break *known;
            }
            let Some(found) = tags.get(at) else {
                break None;
            };
            // Until more is known a tag on the way leads nowhere: what comes back to it is a circle.
            ends.insert(at, None);
            way.push(at);
            match step(stream, found) {
                Step::Ends => break Some(at),
                Step::Tag(target) => at = target,
                Step::OtherStream | Step::Invalid => break None,
            }
        };
        ends.extend(way.into_iter().map(|tag| (tag, end)));
    }
    let followers = ends.into_iter().filter_map(|(tag, end)| Some((tag, end?)));
    followers.filter(|(tag, end)| tag != end).collect()
}

/// The tags of the spec; of several with one name the last, as upstream.
fn by_name(stream: &ImageStream) -> BTreeMap<&str, &TagReference> {
    let tags = stream.spec.tags.iter();
    tags.map(|tag| (tag.name.as_str(), tag)).collect()
}

/// The first tag that a circular chain comes back to.
fn circle_from<'a>(
    stream: &ImageStream,
    tags: &BTreeMap<&'a str, &'a TagReference>,
    start: &'a str,
) -> &'a str {
    let mut seen = BTreeSet::new();
    let mut at = start;
    while seen.insert(at) {
        match tags.get(at).map(|tag| step(stream, tag)) {
            Some(Step::Tag(target)) => at = target,
            _ => break,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::ObjectReference;

    /// A stream `ns/app` whose tags are written `name=target`: `@` before a pull spec, else a tag.
    fn stream(tags: &[&str]) -> ImageStream {
        let mut stream = ImageStream::default();
        stream.metadata.name = "app".to_owned();
        stream.metadata.namespace = Some("ns".to_owned());
        for text in tags {
            let (name, target) = text.split_once('=').unwrap();
            let from = match target.strip_prefix('@') {
                Some(image) => ObjectReference::docker_image(image),
                None => {
                    let (namespace, name) = match target.split_once('/') {
                        Some((namespace, name)) => (Some(namespace.to_owned()), name),
                        None => (None, target),
                    };
                    ObjectReference {
                        kind: "ImageStreamTag".into(),
                        namespace,
                        name: name.into(),
                    }
                }
            };
            stream.spec.tags.push(TagReference {
                name: name.into(),
                from: Some(from),
                ..TagReference::default()
            });
        }
        stream
    }

    /// The tag a chain ends at, and whether it was followed.
    fn end(tags: &[&str], tag: &str) -> Result<(String, bool), AliasError> {
        let stream = stream(tags);
        follow(&stream, tag).map(|end| (end.tag.name.clone(), end.followed))
    }

    #[test]
    fn a_tag_is_followed_by_its_bare_name_and_by_that_of_the_stream() {
        let image = "sometag=@repo.com/somens/someimage:sometag";
        let there = Ok(("sometag".to_owned(), true));
        for alias in ["sometag", "app:sometag", "ns/sometag", "ns/app:sometag"] {
            assert_eq!(end(&[&format!("mytag={alias}"), image], "mytag"), there);
        }
        assert_eq!(end(&[image], "sometag"), Ok(("sometag".to_owned(), false)));
        assert_eq!(
            end(&["a=app:", "latest=@q.io/a"], "a"),
            Ok(("latest".to_owned(), true))
        );
    }

    #[test]
    fn a_chain_that_ends_nowhere_says_why() {
        let tag = || "mytag".to_owned();
        let missing = |tag: &str, followed| AliasError::Missing {
            tag: tag.to_owned(),
            followed,
        };
        for (tags, error) in [
            (
                &["mytag=correct", "wrong=@q.io/a"][..],
                missing("correct", true),
            ),
            (&[][..], missing("mytag", false)),
            (
                &["mytag=another:sometag"],
                AliasError::OtherStream { tag: tag() },
            ),
            (
                &["mytag=other/app:sometag"],
                AliasError::OtherStream { tag: tag() },
            ),
            (
                &["mytag=sometag", "sometag=mytag"],
                AliasError::Circular { tag: tag() },
            ),
            (&["mytag=mytag"], AliasError::Circular { tag: tag() }),
            (
                &["mytag=a", "a=b", "b=a"],
                AliasError::Circular {
                    tag: "a".to_owned(),
                },
            ),
            (&["mytag=app:a:b"], AliasError::Invalid { tag: tag() }),
        ] {
            assert_eq!(end(tags, "mytag"), Err(error), "{tags:?}");
        }
    }

    #[test]
    fn all_aliases_of_a_stream_are_told_with_their_ends() {
        let stream = stream(&[
            "3.1=@q.io/a:3.1",
            "stable=3.1",
            "latest=app:stable",
            "circle=round",
            "round=circle",
            "into=circle",
            "away=other:1",
            "lost=nothing",
        ]);
        let all: Vec<(&str, &str)> = aliases(&stream).into_iter().collect();
        assert_eq!(all, [("latest", "3.1"), ("stable", "3.1")]);
    }

    #[test]
    fn a_very_long_chain_is_followed_in_one_walk() {
        let mut tags: Vec<String> = (0..10_000).map(|n| format!("{n}={}", n + 1)).collect();
        tags.push("10000=@q.io/a".to_owned());
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let stream = stream(&tags);
        assert_eq!(follow(&stream, "0").unwrap().tag.name, "10000");
        let all = aliases(&stream);
        assert_eq!((all.len(), all["5000"]), (10_000, "10000"));
    }
}
