//! `create imagestream` and `create imagestreamtag` (imagestreams 3.4).

use std::collections::BTreeMap;

use super::draft::TagFields;
use super::tag::{Policies, pointed_at};
use super::{Done, Drafts, Refused, Scene};
use crate::model::image_stream::{ImportPolicy, ObjectReference, ReferencePolicy};
use crate::model::{ImageReference, TagKey};

/// Makes an image stream.
///
/// # Errors
/// When there is one already, or the name is none.
pub fn stream(name: &str, lookup_local: bool, scene: Scene<'_>) -> Result<Done, Refused> {
    let key = scene.stream_key(name)?;
    let shown = scene.shown(&key);
    if let Some(located) = scene.docs.streams.get(&key) {
        let why = format!("image stream `{shown}` is there already ({})", located.path);
        return Err(Refused::no(why).help(format!("headwater describe is {shown}")));
    }
    let mut drafts = Drafts::new(scene);
    let draft = drafts.open_or_create(&key)?;
    draft.stream.spec.lookup_policy.local = lookup_local;
    Ok(Done {
        changes: drafts.changes(),
        manifests: Vec::new(),
        says: vec![format!(
            "imagestream.image.openshift.io/{} created",
            key.name
        )],
        warnings: Vec::new(),
        ..Done::default()
    })
}

/// Where a new tag takes its image from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A pull spec.
    Image(String),
    /// `[namespace/]name[:tag|@id]`, or `:tag` of the same stream.
    Stream(String),
}

/// Makes a tag that is not there yet.
///
/// # Errors
/// When the tag is there already, or a name is none.
pub fn tag(
    name: &str,
    from: &From,
    policies: &Policies,
    annotations: &BTreeMap<String, String>,
    scene: Scene<'_>,
) -> Result<Done, Refused> {
    let key = scene.tag_key(name, false)?;
    let shown = format!("{}:{}", scene.shown(&key.stream), key.tag);
    let from = object(from, &key, scene)?;
    let docker = from.kind == "DockerImage";
    let event = pointed_at(&from, &key.stream, scene)?;
    if policies.scheduled == Some(true) && !docker {
        return Err(Refused::usage("--scheduled is for --from-image"));
    }
    let mut drafts = Drafts::new(scene);
    let draft = drafts.open_or_create(&key.stream)?;
    if draft.stream.spec_tag(&key.tag).is_some() {
        return Err(
            Refused::no(format!("{shown} is there already")).help(format!(
                "`headwater tag SOURCE {shown}` points it elsewhere"
            )),
        );
    }
    let annotations = annotations.iter();
    draft.set(
        &key.tag,
        TagFields {
            from: Some(from.clone()),
            annotations: annotations
                .map(|(key, value)| (key.clone(), Some(value.clone())))
                .collect(),
            reference: policies.reference,
            import_policy: Some(ImportPolicy {
                insecure: policies.insecure.unwrap_or_default(),
                scheduled: policies.scheduled.unwrap_or_default(),
                import_mode: policies.import_mode.clone(),
            }),
            reference_policy: policies
                .reference_policy
                .clone()
                .map(|kind| ReferencePolicy { kind: kind.into() }),
        },
    );
    if let Some(event) = event {
        draft.remember_source(&key.tag);
        draft.record(&key.tag, &event, scene.now);
    }
    Ok(Done {
        changes: drafts.changes(),
        manifests: Vec::new(),
        says: vec![format!(
            "imagestreamtag.image.openshift.io/{}:{} created",
            key.stream.name, key.tag
        )],
        warnings: scene.warnings([&key]),
        ..Done::default()
    })
}

fn object(from: &From, key: &TagKey, scene: Scene<'_>) -> Result<ObjectReference, Refused> {
    let text = match from {
        From::Image(spec) => {
            spec.parse::<ImageReference>()
                .map_err(|error| Refused::usage(error.to_string()))?;
            return Ok(ObjectReference::docker_image(spec));
        }
        From::Stream(text) => text.as_str(),
    };
    if let Some(tag) = text.strip_prefix(':') {
        let target = scene.tag_key(&format!("{}:{tag}", key.stream), false)?;
        if target == *key {
            return Err(Refused::usage("a tag cannot follow itself"));
        }
        return Ok(ObjectReference {
            kind: "ImageStreamTag".into(),
            namespace: None,
            name: format!("{}:{tag}", key.stream.name).into(),
        });
    }
    let (kind, stream, name) = if let Some((stream, id)) = text.split_once('@') {
        let stream = scene.stream_key(stream)?;
        (
            "ImageStreamImage",
            stream.clone(),
            format!("{}@{id}", stream.name),
        )
    } else {
        let whole = if text.contains(':') {
            text.to_owned()
        } else {
            format!("{text}:latest")
        };
        let target = scene.tag_key(&whole, false)?;
        let name = format!("{}:{}", target.stream.name, target.tag);
        ("ImageStreamTag", target.stream, name)
    };
    scene.stream(&stream)?;
    Ok(ObjectReference {
        kind: kind.into(),
        namespace: (stream.namespace != key.stream.namespace).then(|| stream.namespace.to_string()),
        name: name.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::streams::testing::{documents, scene};

    const APP: &str = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: app}
spec:
  tags:
    - {name: dev, from: {kind: DockerImage, name: \"quay.io/acme/app:main\"}}
status:
  tags:
    - tag: dev
      items:
        - {created: \"2026-01-02T08:00:00Z\", dockerImageReference: \"quay.io/acme/app@sha256:1212121212121212121212121212121212121212121212121212121212121212\", generation: 1, image: \"sha256:1212121212121212121212121212121212121212121212121212121212121212\"}
";

    #[test]
    fn a_stream_is_made_once() {
        let docs = documents(&[("streams/app.yaml", APP)]);
        let namespace = "default".parse().unwrap();
        let scene = scene(&docs, &namespace);
        let done = stream("team/keycloak", true, scene).unwrap();
        let (key, draft) = done.changes.iter().next().unwrap();
        assert_eq!(key.to_string(), "team/keycloak");
        assert!(draft.fresh && draft.stream.spec.lookup_policy.local);
        assert_eq!(draft.stream.metadata.namespace.as_deref(), Some("team"));
        assert_eq!(
            done.says,
            ["imagestream.image.openshift.io/keycloak created"]
        );
        let again = stream("app", false, scene).unwrap_err();
        assert!(
            again.why.contains("there already (streams/app.yaml)"),
            "{again}"
        );
        for bad in ["My", "a--b", "a/b/c", "", "a:b"] {
            assert!(stream(bad, false, scene).unwrap_err().usage, "{bad}");
        }
    }

    #[test]
    fn a_tag_is_made_from_an_image_a_stream_or_a_neighbour() {
        let docs = documents(&[("streams/app.yaml", APP)]);
        let namespace = "default".parse().unwrap();
        let scene = scene(&docs, &namespace);
        let made = |name: &str, from: From, policies: Policies| {
            tag(name, &from, &policies, &BTreeMap::new(), scene).map(|done| {
                let draft = done.changes.into_values().next().unwrap();
                let name = name.split_once(':').unwrap().1;
                draft.stream.spec_tag(name).unwrap().clone()
            })
        };
        let scheduled = Policies {
            scheduled: Some(true),
            ..Policies::default()
        };
        let image = From::Image("quay.io/acme/app:1".to_owned());
        let new = made("app:1", image.clone(), scheduled.clone()).unwrap();
        assert!(new.import_policy.scheduled);
        let of = |text: &str| From::Stream(text.to_owned());
        let from = made("app:2", of(":dev"), Policies::default()).unwrap().from;
        assert_eq!(&*from.unwrap().name, "app:dev");
        let other = made("other/x:1", of("app@sha256:12"), Policies::default());
        let other = other.unwrap().from.unwrap();
        assert_eq!(other.kind, "ImageStreamImage");
        assert_eq!(other.namespace.as_deref(), Some("default"));
        for (name, from, policies, says) in [
            (
                "app:dev",
                image.clone(),
                Policies::default(),
                "is there already",
            ),
            ("app:3", of(":3"), Policies::default(), "follow itself"),
            (
                "app:3",
                of("nosuch:1"),
                Policies::default(),
                "no image stream `nosuch`",
            ),
            (
                "app:3",
                of("app@34"),
                Policies::default(),
                "no tag of image stream `app` ever",
            ),
            ("app:3", of(":dev"), scheduled, "--from-image"),
            ("app", image, Policies::default(), "the tag is missing"),
            (
                "app:3",
                From::Image("A B".to_owned()),
                Policies::default(),
                "not an image reference",
            ),
        ] {
            let refused = made(name, from, policies).unwrap_err().to_string();
            assert!(refused.contains(says), "{name}: {refused}");
        }
    }
}
