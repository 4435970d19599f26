//! Fuzz target: edits of stream files. The bytes before the first 0xff choose document and edits, the rest is the file.
//! What is edited at all says afterwards exactly what the same edits make of the values, read by two parsers.

use std::collections::BTreeMap;

use headwater::manifests::{DocumentKind, Loaded, Role, StreamEdit, edit_stream, load};
use headwater::model::image_stream::{NamedTagEventList, ObjectReference};
use headwater::model::{Annotations, Digest, ImageStream, RepoPath, TagEvent, TagReference};
use serde::Deserialize as _;
use serde_yaml::Value;

const TAGS: [&str; 6] = ["dev", "latest", "1.0", "prod", "a", "~"];
const KEYS: [&str; 4] = [
    "headwater.dev/source",
    "headwater.dev/request",
    "25",
    "description",
];
const VALUES: [&str; 6] = [
    r#"{"kind":"DockerImage","name":"it's"}"#,
    "1.10",
    "two\nlines\n",
    " ends in blanks ",
    "",
    "#: - {é}",
];

/// One input.
pub(crate) fn run(data: &[u8]) {
    let Some(at) = data.iter().position(|b| *b == 0xff) else {
        return;
    };
    let (Ok(text), [index, choices @ ..]) = (std::str::from_utf8(&data[at + 1..]), &data[..at])
    else {
        return;
    };
    let index = usize::from(index % 3);
    let edits: Vec<StreamEdit> = choices.chunks_exact(2).take(3).map(edit).collect();
    let path: RepoPath = "streams/a.yaml".parse().unwrap();
    let Ok(edited) = edit_stream(&path, text, index, &edits) else {
        return;
    };
    let again = edit_stream(
        &path,
        &edited,
        index,
        &edits[edits.len().saturating_sub(1)..],
    );
    assert_eq!(again.as_ref(), Ok(&edited), "the last edit changes more");

    let (before, after) = (loaded(&path, text), loaded(&path, &edited));
    for number in 0..before.documents.len().max(after.documents.len()) {
        if number != index {
            assert_eq!(kind(&before, number), kind(&after, number));
        }
    }
    if let Some(DocumentKind::ImageStream(stream)) = kind(&before, index) {
        let mut model = ImageStream::clone(stream);
        if has_tags_twice(&model) {
            return;
        }
        for edit in &edits {
            on_model(&mut model, edit);
        }
        let Some(DocumentKind::ImageStream(now)) = kind(&after, index) else {
            panic!("the stream is gone:\n{edited}");
        };
        assert_eq!(normal(ImageStream::clone(now)), normal(model), "{edited}");
    }
    others_are_the_same_to_another_parser(text, &edited, index);
}

fn edit(choice: &[u8]) -> StreamEdit {
    let pick = |from: &[&str], by: u8| from[usize::from(by) % from.len()].to_owned();
    let (what, which) = (choice[0], choice[1]);
    let name = pick(&TAGS, which);
    match what % 6 {
        0 => StreamEdit::SetTag {
            name,
            from: Some(ObjectReference::docker_image("r.example/new:1")),
            annotations: BTreeMap::new(),
            reference: None,
            import_policy: None,
            reference_policy: None,
        },
        1 => StreamEdit::SetTag {
            name,
            from: None,
            annotations: BTreeMap::from([(
                pick(&KEYS, what / 6),
                (which < 200).then(|| pick(&VALUES, which / 6)),
            )]),
            reference: (which % 5 == 0).then_some(true),
            import_policy: None,
            reference_policy: None,
        },
        2 => StreamEdit::DeleteTag { name },
        3 => StreamEdit::RecordEvent {
            items: (0..what / 6 % 3).map(event).collect(),
            tag: name,
            conditions: Vec::new(),
        },
        4 => StreamEdit::SetLookup(which % 2 == 0),
        _ => StreamEdit::SetAnnotation {
            key: pick(&KEYS, which),
            value: (what < 200).then(|| pick(&VALUES, what / 6)),
        },
    }
}

fn event(number: u8) -> TagEvent {
    let digest = Digest::sha256(&[number]);
    let created = "2026-01-05T09:00:00Z".parse().ok();
    let reference = format!("r.example/new@{digest}");
    TagEvent::new(created, &reference, digest.as_str(), i64::from(number) + 1)
}

fn loaded(path: &RepoPath, text: &str) -> Loaded {
    load(path, text.as_bytes(), Role::Streams)
}

fn kind(loaded: &Loaded, index: usize) -> Option<&DocumentKind> {
    let mut documents = loaded.documents.iter();
    documents.find(|d| d.index == index).map(|d| &d.kind)
}

/// Of tags named twice upstream lets the last one win; which of them an edit means is nobody's business here.
fn has_tags_twice(stream: &ImageStream) -> bool {
    let mut spec: Vec<&str> = stream.spec.tags.iter().map(|t| t.name.as_str()).collect();
    let mut status: Vec<&str> = stream.status.tags.iter().map(|t| t.tag.as_str()).collect();
    [&mut spec, &mut status].into_iter().any(|names| {
        names.sort_unstable();
        names.windows(2).any(|two| two[0] == two[1])
    })
}

fn on_model(stream: &mut ImageStream, edit: &StreamEdit) {
    match edit {
        StreamEdit::SetTag {
            name,
            from,
            annotations,
            reference,
            ..
        } => {
            if stream.spec_tag(name).is_none() {
                stream.spec.tags.push(TagReference {
                    name: name.clone(),
                    ..TagReference::default()
                });
            }
            let tag = stream.spec.tags.iter_mut().find(|t| t.name == *name);
            let tag = tag.expect("it is there now");
            tag.from = from.clone().or(tag.from.take());
            tag.reference = reference.unwrap_or(tag.reference);
            for (key, value) in annotations {
                change(&mut tag.annotations, key, value.as_ref());
            }
        }
        StreamEdit::DeleteTag { name } => stream.spec.tags.retain(|t| t.name != *name),
        StreamEdit::RecordEvent { tag, items, .. } => {
            stream.status.tags.retain(|t| t.tag != *tag);
            if !items.is_empty() {
                stream.status.tags.push(NamedTagEventList {
                    tag: tag.clone(),
                    items: items.clone(),
                    conditions: Vec::new(),
                });
            }
        }
        StreamEdit::SetLookup(local) => stream.spec.lookup_policy.local = *local,
        StreamEdit::SetAnnotation { key, value } => {
            change(&mut stream.metadata.annotations, key, value.as_ref());
        }
    }
}

fn change(annotations: &mut Annotations, key: &str, value: Option<&String>) {
    match value {
        Some(value) => annotations.insert(key, value),
        None => annotations.remove(key),
    };
}

fn normal(mut stream: ImageStream) -> ImageStream {
    stream.spec.tags.sort_by(|a, b| a.name.cmp(&b.name));
    stream.status.tags.sort_by(|a, b| a.tag.cmp(&b.tag));
    stream
}

/// Files without lists of objects, for which the numbers of documents mean the same to everybody.
fn others_are_the_same_to_another_parser(before: &str, after: &str, index: usize) {
    let read = |text: &str| -> Option<Vec<Value>> {
        let documents = serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
        documents.map(|d| Value::deserialize(d).ok()).collect()
    };
    let Some(before) = read(before).filter(|all| all.iter().all(|d| d.get("items").is_none()))
    else {
        return;
    };
    let after = read(after).expect("the edited file is YAML to everybody");
    assert_eq!(before.len(), after.len());
    for (number, (before, after)) in before.iter().zip(&after).enumerate() {
        if number != index {
            assert_eq!(before, after);
        }
    }
}
