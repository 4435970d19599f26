//! `set triggers`: which tags of image streams move the images of objects with pods, as changes of their manifests
//! (imagestreams 5).

use super::{Done, Manifest, Refused, Scene};
use crate::manifests::PodEdit;
use crate::manifests::pods::Workload;
use crate::manifests::triggers::{From, TriggerWish, TriggersError, WATCHED, change};
use crate::model::{RepoPath, StreamName};

/// Reads `[NAMESPACE/]STREAM:TAG`.
///
/// # Errors
/// When it names a registry, a digest or no tag.
pub fn image(text: &str) -> Result<From, Refused> {
    let wrong = |why: &str| {
        Refused::usage(format!("`{text}` {why}"))
            .help("write [NAMESPACE/]STREAM:TAG; triggers name tags of image streams only")
    };
    if text.contains('@') {
        return Err(wrong("is a digest, which never changes"));
    }
    let (namespace, name) = match text.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, text),
    };
    if name.contains('/')
        || namespace
            .as_ref()
            .is_some_and(|n| n.contains(['.', ':']) || n.is_empty())
    {
        return Err(wrong("is an image of a registry"));
    }
    match name.split_once(':') {
        Some((stream, tag)) if !tag.is_empty() && !tag.contains(':') => {
            let stream = stream.parse::<StreamName>();
            stream.map_err(|error| Refused::usage(error.to_string()))?;
        }
        _ => return Err(wrong("names no tag, and there is no default one here")),
    }
    Ok(From {
        namespace,
        name: name.to_owned(),
    })
}

/// Sets it on these objects.
///
/// # Errors
/// When nobody would look at it, or what is meant is not there.
pub fn set(
    workloads: &[(RepoPath, Workload)],
    wish: &TriggerWish,
    scene: Scene<'_>,
) -> Result<Done, Refused> {
    let mut done = Done::default();
    for (path, workload) in workloads {
        let (id, kind) = (&workload.id, workload.id.kind.kind);
        if kind == "DeploymentConfig" {
            return Err(Refused::no(format!(
                "{id} keeps its triggers in `spec.triggers`, not in an annotation"
            ))
            .help("edit them by hand; a Deployment has them in an annotation"));
        }
        if !WATCHED.contains(&kind) {
            let watched = WATCHED.iter().filter(|kind| **kind != "DeploymentConfig");
            let watched: Vec<&str> = watched.copied().collect();
            return Err(
                Refused::usage(format!("nobody looks at triggers of a {kind}"))
                    .help(format!("kinds with triggers: {}", watched.join(", "))),
            );
        }
        let triggers = change(workload, wish).map_err(refused)?;
        if let TriggerWish::Set { from, .. } = wish {
            done.warnings.extend(unknown(from, workload, scene));
        }
        done.says
            .push(format!("{} triggers updated", workload.full_name()));
        done.manifests.push(Manifest {
            path: path.clone(),
            workload: workload.clone(),
            edit: PodEdit::Triggers(triggers),
        });
    }
    done.warnings.dedup();
    Ok(done)
}

fn refused(error: TriggersError) -> Refused {
    let words = error.to_string();
    match error {
        TriggersError::Unreadable(..) => Refused::no(words).help("headwater check"),
        TriggersError::NoContainer { .. } => Refused::usage(words),
        TriggersError::None(..) => Refused::usage(words).help("headwater set triggers KIND/NAME"),
    }
}

/// What to know of a tag that is not in this repository.
fn unknown(from: &From, workload: &Workload, scene: Scene<'_>) -> Option<String> {
    let (stream, tag) = from.name.split_once(':')?;
    let namespace = from
        .namespace
        .as_deref()
        .or(workload.id.namespace.as_deref());
    let keys = [
        scene.docs.stream_key(namespace, stream),
        scene.docs.stream_key(None, stream),
    ];
    let own = from.namespace.is_some();
    let keys = keys.into_iter().take(if own { 1 } else { 2 }).flatten();
    let mut found = keys.filter_map(|key| scene.docs.streams.get(&key));
    match found.next() {
        None => Some(format!(
            "there is no image stream `{stream}` in this repository: the trigger waits for one"
        )),
        Some(located) => {
            let stream = &located.value;
            let known = stream.spec_tag(tag).is_some() || stream.status_tag(tag).is_some();
            (!known).then(|| {
                format!(
                    "image stream `{}` has no tag `{tag}`: the trigger waits for it",
                    stream.metadata.name
                )
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_streams_are_images_for_triggers_and_nothing_else_is() {
        for (text, namespace) in [("shop:latest", None), ("base/shop:1", Some("base"))] {
            let from = image(text).unwrap();
            assert_eq!(
                (from.namespace.as_deref(), from.to_string().as_str()),
                (namespace, text)
            );
        }
        for (text, words) in [
            ("shop", "names no tag"),
            ("shop:", "names no tag"),
            ("shop:1:2", "names no tag"),
            ("shop@sha256:12", "never changes"),
            ("quay.io/shop:1", "image of a registry"),
            ("localhost:5000/shop:1", "image of a registry"),
            ("a/b/shop:1", "image of a registry"),
            ("/shop:1", "image of a registry"),
            ("Shop:1", "image stream name"),
        ] {
            let refused = image(text).unwrap_err();
            assert!(
                refused.usage && refused.why.contains(words),
                "{text}: {}",
                refused.why
            );
        }
    }
}
