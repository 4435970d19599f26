//! A tag that follows a rule: the list it chooses from, and how a newer tag is written where the older one stands.

use crate::model::follow::{Follow, FollowError};
use crate::model::promotion::FOLLOW;
use crate::model::{ImageReference, Namespace, StreamKey, TagReference};
use crate::plan::question::{List, Resolve};

/// A tag of a registry's image with a rule for its source.
#[derive(Debug, Clone)]
pub struct Following<'a> {
    namespace: Namespace,
    tag: &'a TagReference,
    reference: ImageReference,
    rule: String,
}

/// A source that changed by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The rule.
    pub rule: String,
    /// The tag of the repository that it was.
    pub before: String,
    /// The tag that it is.
    pub after: String,
    /// `from.name` as it will stand in the file.
    pub name: String,
}

impl Followed {
    /// What people read of it.
    pub fn why(&self) -> String {
        let Self {
            rule,
            before,
            after,
            ..
        } = self;
        format!("{before} -> {after}, newest by {rule}")
    }
}

impl<'a> Following<'a> {
    /// The tag, if it follows a rule and takes its image from a registry.
    pub fn of(stream: &StreamKey, tag: &'a TagReference) -> Option<Self> {
        let rule = tag.annotations.get(FOLLOW)?;
        let from = tag.from.as_ref()?;
        let from = (from.kind == "DockerImage" && !tag.reference).then_some(from)?;
        Some(Self {
            namespace: stream.namespace.clone(),
            tag,
            reference: from.name.parse().ok()?,
            rule: rule.trim().to_owned(),
        })
    }

    /// `from.name` as it stands.
    pub fn name(&self) -> &'a str {
        self.tag.from.as_ref().map_or("", |from| &from.name)
    }

    /// The reference that it has.
    pub const fn reference(&self) -> &ImageReference {
        &self.reference
    }

    /// The tag of the repository that it has; `None` where a digest stands instead.
    pub fn has(&self) -> Option<&str> {
        let by_digest = self.reference.digest.is_some();
        (!by_digest).then(|| self.reference.tag_or_latest())
    }

    /// The rule as it stands.
    pub fn text(&self) -> &str {
        &self.rule
    }

    /// The rule, understood.
    ///
    /// # Errors
    /// When it is none.
    pub fn rule(&self) -> Result<Follow, FollowError> {
        self.rule.parse()
    }

    /// Of what a list is a choice: by another rule or from elsewhere it would be another one.
    pub fn source(&self) -> String {
        format!("{} {}", self.reference.repository, self.rule)
    }

    /// The repository as a whole.
    pub fn repository(&self) -> ImageReference {
        ImageReference {
            repository: self.reference.repository.clone(),
            tag: None,
            digest: None,
        }
    }

    /// The question for the list.
    pub fn list(&self) -> List {
        List {
            repository: self.reference.repository.clone(),
            namespace: self.namespace.clone(),
            insecure: self.tag.import_policy.insecure,
        }
    }

    /// The question for a tag of the list.
    pub fn question(&self, tag: &str) -> Resolve {
        Resolve {
            reference: ImageReference {
                repository: self.reference.repository.clone(),
                tag: Some(tag.to_owned()),
                digest: None,
            },
            namespace: self.namespace.clone(),
            insecure: self.tag.import_policy.insecure,
        }
    }

    /// `from.name` with another tag; the rest as somebody wrote it.
    pub fn name_of(&self, tag: &str) -> String {
        let name = self.name();
        let (folders, last) = name.rsplit_once('/').unwrap_or(("", name));
        let bare = last.split([':', '@']).next().unwrap_or(last);
        match folders {
            "" => format!("{bare}:{tag}"),
            folders => format!("{folders}/{bare}:{tag}"),
        }
    }

    /// The change of its source to a tag of the list.
    pub fn to(&self, tag: &str) -> Followed {
        Followed {
            rule: self.rule.clone(),
            before: self.has().unwrap_or_default().to_owned(),
            after: tag.to_owned(),
            name: self.name_of(tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::ObjectReference;

    #[test]
    fn a_newer_tag_stands_where_the_older_one_stood_and_the_rest_stays_as_it_was_written() {
        let stream: StreamKey = "default/app".to_owned().try_into().unwrap();
        for (written, wanted) in [
            (
                "quay.io/keycloak/keycloak:25.0.2",
                "quay.io/keycloak/keycloak:2",
            ),
            ("localhost:5000/app:1", "localhost:5000/app:2"),
            ("localhost:5000/app", "localhost:5000/app:2"),
            ("postgres:16", "postgres:2"),
            ("docker.io/library/postgres", "docker.io/library/postgres:2"),
        ] {
            let mut tag = TagReference {
                from: Some(ObjectReference::docker_image(written)),
                ..TagReference::default()
            };
            assert!(Following::of(&stream, &tag).is_none(), "no rule");
            tag.annotations.insert(FOLLOW, "glob *");
            let following = Following::of(&stream, &tag).unwrap();
            assert_eq!(following.name_of("2"), wanted);
            let asked = following.question("2").reference;
            assert_eq!(wanted.parse::<ImageReference>().unwrap(), asked);
        }
    }
}
