//! `rollback STREAM:TAG`: a tag goes back to an image it pointed to before, and stays there.

use super::draft::{Draft, TagFields};
use super::image_id::{Found, resolve_image_id};
use super::tag::no_tag;
use super::{Done, Drafts, Refused, Scene, pointers};
use crate::manifests::suggest::listed;
use crate::model::image_stream::{
    ImportPolicy, NamedTagEventList, ObjectReference, TagEvent, TagReference,
};
use crate::model::{ImageStream, TagKey};

/// A number of fewer digits is no beginning of a digest: it says how many images a tag goes back.
const DIGITS: usize = 8;

/// Takes a tag back to `to` (the beginning of a digest, or how many images back), or to the image before the present one.
///
/// # Errors
/// When there is nothing to go back to, or a stage points there, whose own `rollback` keeps the record.
pub fn undo(name: &str, to: Option<&str>, scene: Scene<'_>) -> Result<Done, Refused> {
    let key = scene.tag_key(name, true)?;
    if let Some(stage) = pointers(scene.docs).get(&key) {
        let why = format!("{name} is where stage {stage} points");
        return Err(Refused::usage(why).help(format!("headwater rollback {stage}")));
    }
    let stream = scene.stream(&key.stream)?;
    let Some(list) = stream.status_tag(&key.tag) else {
        return Err(no_tag(stream, &key, scene));
    };
    let head = list.items.first().map(TagEvent::image);
    let target = match to.map(|text| (text, back(text))) {
        None => earlier(name, list, &key, 1)?,
        Some((_, Some(steps))) => earlier(name, list, &key, steps)?,
        Some((id, None)) => named(stream, &list.tag, id)?,
    };
    if Some(target.image()) == head {
        return Err(Refused::no(format!(
            "{name} points to {} now",
            target.image()
        )));
    }
    let before = stream.spec_tag(&key.tag).cloned();
    let event = target.clone().at(None);
    let mut drafts = Drafts::new(scene);
    pin(drafts.open(&key.stream)?, &key, &event, scene);
    let stream = scene.shown(&key.stream);
    let mut says = vec![format!(
        "Tag {stream}:{} set to {stream}@{}.",
        key.tag,
        event.image()
    )];
    says.extend(
        before
            .as_ref()
            .and_then(|tag| how_to_follow_again(tag, name)),
    );
    Ok(Done {
        changes: drafts.changes(),
        manifests: Vec::new(),
        says,
        warnings: Vec::new(),
        ..Done::default()
    })
}

/// How many images back a text means, if it is a number.
fn back(text: &str) -> Option<usize> {
    let number = text.len() < DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    number.then(|| text.parse().ok()).flatten()
}

/// The image so many before the present one; one that a tag had several times counts once, where it was last.
fn earlier<'l>(
    name: &str,
    list: &'l NamedTagEventList,
    key: &TagKey,
    steps: usize,
) -> Result<&'l TagEvent, Refused> {
    let help = format!(
        "`headwater describe is {}` shows its history",
        key.stream.name
    );
    let mut seen: Vec<String> = list
        .items
        .first()
        .map(|head| head.image().into_owned())
        .into_iter()
        .collect();
    let mut others: Vec<&TagEvent> = Vec::new();
    for event in list
        .items
        .iter()
        .skip(1)
        .filter(|event| !event.image().is_empty())
    {
        if !seen.iter().any(|image| *image == event.image()) {
            seen.push(event.image().into_owned());
            others.push(event);
        }
    }
    if steps == 0 {
        let why = format!("{name} is where it is when it goes back by 0 images");
        return Err(Refused::usage(why).help(help));
    }
    others
        .get(steps - 1)
        .copied()
        .ok_or_else(|| match others.len() {
            0 => Refused::no(format!("{name} never pointed to another image")).help(help),
            1 => Refused::usage(format!("{name} pointed to one other image, not to {steps}"))
                .help(help),
            known => Refused::usage(format!(
                "{name} pointed to {known} other images, not to {steps}"
            ))
            .help(help),
        })
}

/// Keeps a tag on one image, in spec, source and event.
fn pin(draft: &mut Draft, key: &TagKey, event: &TagEvent, scene: Scene<'_>) {
    let before = draft.stream.spec_tag(&key.tag);
    let import_mode = before.and_then(|tag| tag.import_policy.import_mode.clone());
    let from = ObjectReference {
        kind: "ImageStreamImage".into(),
        namespace: None,
        name: format!("{}@{}", key.stream.name, event.image()).into(),
    };
    draft.set(
        &key.tag,
        TagFields {
            from: Some(from),
            reference: Some(false),
            import_policy: Some(ImportPolicy {
                import_mode,
                ..ImportPolicy::default()
            }),
            ..TagFields::default()
        },
    );
    draft.remember_source(&key.tag);
    draft.record(&key.tag, event, scene.now);
}

/// What brings a tag back that was imported from a registry.
fn how_to_follow_again(before: &TagReference, name: &str) -> Option<String> {
    let from = before
        .from
        .as_ref()
        .filter(|from| from.kind == "DockerImage")?;
    let scheduled = if before.import_policy.scheduled {
        " --scheduled"
    } else {
        ""
    };
    Some(format!(
        "It stays there until `headwater tag {} {name}{scheduled}`.",
        from.name
    ))
}

fn named<'s>(stream: &'s ImageStream, tag: &str, id: &str) -> Result<&'s TagEvent, Refused> {
    let mut own = ImageStream::default();
    own.status.tags = stream
        .status
        .tags
        .iter()
        .filter(|l| l.tag == tag)
        .cloned()
        .collect();
    match resolve_image_id(&own, id) {
        Found::None => Err(
            Refused::usage(format!("{tag} never pointed to `{id}`")).help(format!(
                "`headwater describe is {}` shows its history",
                stream.metadata.name
            )),
        ),
        Found::Several(digests) => Err(Refused::usage(format!(
            "`{id}` is the beginning of several images"
        ))
        .help(format!(
            "write more of it: {}",
            listed(digests.iter().map(String::as_str))
        ))),
        Found::One(event) => {
            let image = event.image();
            let lists = stream.status.tags.iter().filter(|l| l.tag == tag);
            let mut items = lists.flat_map(|list| &list.items);
            items
                .find(|item| item.image() == image)
                .ok_or_else(|| Refused::usage(format!("{tag} never pointed to `{id}`")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::streams::testing::{digest, documents, scene};

    fn app() -> String {
        let item = |word: &str| {
            format!(
                "        - {{created: \"2026-01-0{word}T08:00:00Z\", dockerImageReference: \"quay.io/acme/app@{0}\", generation: 1, image: \"{0}\"}}\n",
                digest(word)
            )
        };
        format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: app}}\nspec:\n  tags:\n    - name: dev\n      from: {{kind: DockerImage, name: \"quay.io/acme/app:main\"}}\n      importPolicy: {{scheduled: true}}\nstatus:\n  tags:\n    - tag: dev\n      items:\n{}{}{}",
            item("3"),
            item("2"),
            item("1")
        )
    }

    #[test]
    fn a_tag_goes_back_and_stays() {
        let app = app();
        let docs = documents(&[("streams/app.yaml", &app)]);
        let namespace = "default".parse().unwrap();
        let scene = scene(&docs, &namespace);
        let done = undo("app:dev", None, scene).unwrap();
        let draft = done.changes.values().next().unwrap();
        let tag = draft.stream.spec_tag("dev").unwrap();
        assert_eq!(
            *tag.from.as_ref().unwrap().name,
            *format!("app@{}", digest("2"))
        );
        assert!(!tag.import_policy.scheduled);
        let items = &draft.stream.status_tag("dev").unwrap().items;
        let images: Vec<_> = items.iter().map(TagEvent::image).collect();
        let words = ["2", "3", "2", "1"].map(digest);
        assert_eq!(images, words.each_ref().map(String::as_str));
        assert_eq!(
            done.says[1],
            "It stays there until `headwater tag quay.io/acme/app:main app:dev --scheduled`."
        );
        let first = undo("app:dev", Some(&digest("1")[7..19]), scene).unwrap();
        assert!(first.says[0].contains(&digest("1")), "{:?}", first.says);
    }

    #[test]
    fn a_tag_goes_back_by_so_many_images_each_counted_once() {
        let app = app();
        let again = app.replacen("      items:\n", &format!("      items:\n        - {{dockerImageReference: \"quay.io/acme/app@{0}\", generation: 2, image: \"{0}\"}}\n", digest("2")), 1);
        for (text, steps, wanted) in [
            (&app, "1", Ok("2")),
            (&app, "2", Ok("1")),
            (&app, "3", Err("pointed to 2 other images, not to 3")),
            (&app, "0", Err("back by 0 images")),
            // It went back to the second one before: the third is the one before, and the first is two back.
            (&again, "1", Ok("3")),
            (&again, "2", Ok("1")),
        ] {
            let docs = documents(&[("streams/app.yaml", text)]);
            let namespace = "default".parse().unwrap();
            let done = undo("app:dev", Some(steps), scene(&docs, &namespace));
            match (done, wanted) {
                (Ok(done), Ok(word)) => {
                    assert!(
                        done.says[0].contains(&digest(word)),
                        "{steps}: {:?}",
                        done.says
                    );
                }
                (Err(refused), Err(words)) => assert!(refused.why.contains(words), "{refused}"),
                (done, wanted) => panic!("{steps}: {done:?} is not {wanted:?}"),
            }
        }
    }

    #[test]
    fn there_must_be_something_to_go_back_to() {
        let app = app();
        let docs = documents(&[("streams/app.yaml", &app)]);
        let namespace = "default".parse().unwrap();
        let scene = scene(&docs, &namespace);
        let says = |name: &str, to: Option<&str>| undo(name, to, scene).unwrap_err().to_string();
        assert!(says("app:nosuch", None).contains("has no tag"));
        assert!(says("app:dev", Some("ffffffff")).contains("never pointed to"));
        assert!(says("app:dev", Some("sha256:")).contains("several"));
        assert!(says("app:dev", Some(&digest("3"))).contains("points to"));
    }
}
