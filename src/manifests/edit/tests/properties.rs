//! Random streams in random dress under random edits: the text says what the model says, and other lines stay.

use proptest::prelude::*;

use super::*;
use crate::model::Annotations;
use crate::model::tag_event::{add_event, next_generation};

/// How a random stream is written.
#[derive(Debug, Clone, Copy)]
enum Dress {
    Block {
        step: usize,
        offset: usize,
        crlf: bool,
    },
    FlowItems,
    Json,
    TabbedJson,
}

const TAGS: [&str; 7] = ["1.0", "alpha", "dev", "latest", "prod", "v2", "zz_9"];

fn written(stream: &ImageStream, dress: Dress) -> String {
    let mut value = serde_json::to_value(stream).unwrap();
    value["kind"] = "ImageStream".into();
    value["apiVersion"] = "image.openshift.io/v1".into();
    match dress {
        Dress::Json => value.to_string(),
        Dress::TabbedJson => {
            serde_json::to_string_pretty(&value)
                .unwrap()
                .replace("  ", "\t")
                + "\n"
        }
        Dress::FlowItems => {
            let list = |list: &serde_json::Value| {
                let items = list.as_array().cloned().unwrap_or_default();
                items
                    .iter()
                    .map(|item| {
                        format!(
                            "  - {item} # mark-{}\n",
                            item["name"].as_str().unwrap_or("s")
                        )
                    })
                    .collect::<String>()
            };
            let status = list(&value["status"]["tags"]);
            let status = if status.is_empty() {
                String::new()
            } else {
                format!("status:\n  tags:\n{status}")
            };
            let tags = list(&value["spec"]["tags"]);
            let tags = if tags.is_empty() {
                " []\n".to_owned()
            } else {
                format!("\n{tags}")
            };
            format!(
                "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: a}}\nspec:\n  tags:{tags}{status}"
            )
        }
        Dress::Block { step, offset, crlf } => {
            let mut text = String::new();
            block(&value, 0, step, offset, &mut text);
            if crlf {
                text.replace('\n', "\r\n")
            } else {
                text
            }
        }
    }
}

/// A block writer of its own, with a comment behind every line.
fn block(value: &serde_json::Value, column: usize, step: usize, offset: usize, text: &mut String) {
    for (key, value) in value.as_object().unwrap() {
        let pad = " ".repeat(column);
        match value {
            serde_json::Value::Object(map) if !map.is_empty() => {
                text.push_str(&format!("{pad}{key}: # of {key}\n"));
                block(value, column + step, step, offset, text);
            }
            serde_json::Value::Array(items) if !items.is_empty() => {
                text.push_str(&format!("{pad}{key}:\n"));
                for item in items {
                    let mut inner = String::new();
                    block(item, column + offset + 2, step, offset, &mut inner);
                    let pad = " ".repeat(column + offset);
                    text.push_str(&format!(
                        "{pad}# heads the next\n{pad}- {}",
                        inner.trim_start()
                    ));
                }
            }
            value => text.push_str(&format!("{pad}{key}: {value} # {key}\n")),
        }
    }
}

fn tag_name() -> impl Strategy<Value = String> {
    proptest::sample::select(TAGS.to_vec()).prop_map(str::to_owned)
}

fn tag_event() -> impl Strategy<Value = TagEvent> {
    (0..4u8, 0..3u8, 1..5i64, any::<bool>()).prop_map(|(digest, repository, generation, dated)| {
        let mut event = event(
            &format!("r.example/{repository}"),
            &digest.to_string(),
            generation,
        );
        event.created = event.created.filter(|_| dated);
        event
    })
}

fn annotations() -> impl Strategy<Value = BTreeMap<String, Option<String>>> {
    let key = proptest::sample::select(vec![
        "headwater.dev/source",
        "headwater.dev/request",
        "description",
        "25",
    ]);
    let value = proptest::option::of(prop_oneof![
        Just(r#"{"kind":"DockerImage","name":"it's"}"#.to_owned()),
        Just("1.10".to_owned()),
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("two\nlines\n".to_owned()),
    ]);
    proptest::collection::btree_map(key.prop_map(str::to_owned), value, 0..3)
}

fn reference() -> impl Strategy<Value = ObjectReference> {
    let kind = proptest::sample::select(vec!["DockerImage", "ImageStreamTag", "ImageStreamImage"]);
    (
        kind,
        proptest::option::of(Just("team".to_owned())),
        "[a-z]{1,5}:[a-z0-9.]{1,5}",
    )
        .prop_map(|(kind, namespace, name)| ObjectReference {
            kind: kind.into(),
            namespace,
            name: name.into(),
        })
}

fn stream() -> impl Strategy<Value = ImageStream> {
    let tag = (
        tag_name(),
        proptest::option::of(reference()),
        annotations(),
        any::<bool>(),
    );
    let history = (
        tag_name(),
        proptest::collection::vec(tag_event(), 1..4),
        any::<bool>(),
    );
    (
        proptest::collection::vec(tag, 0..5),
        proptest::collection::vec(history, 0..4),
        any::<bool>(),
    )
        .prop_map(|(tags, histories, sorted)| {
            let mut stream = ImageStream::default();
            stream.metadata.name = "a".to_owned();
            for (name, from, annotations, scheduled) in tags {
                if stream.spec_tag(&name).is_some() {
                    continue;
                }
                let annotations = annotations
                    .into_iter()
                    .filter_map(|(k, v)| Some((k, v?)))
                    .collect();
                let import_policy = ImportPolicy {
                    scheduled,
                    ..ImportPolicy::default()
                };
                stream.spec.tags.push(crate::model::TagReference {
                    name,
                    from,
                    annotations,
                    import_policy,
                    ..Default::default()
                });
            }
            for (tag, items, failed) in histories {
                if stream.status_tag(&tag).is_none() {
                    let conditions = if failed {
                        vec![failure("no")]
                    } else {
                        Vec::new()
                    };
                    stream.status.tags.push(NamedTagEventList {
                        tag,
                        items,
                        conditions,
                    });
                }
            }
            if sorted {
                stream.spec.tags.sort_by(|a, b| a.name.cmp(&b.name));
                stream.status.tags.sort_by(|a, b| a.tag.cmp(&b.tag));
            }
            stream
        })
}

fn dress() -> impl Strategy<Value = Dress> {
    prop_oneof![
        (
            1..5usize,
            proptest::sample::select(vec![0, 2]),
            any::<bool>()
        )
            .prop_map(|(step, offset, crlf)| Dress::Block { step, offset, crlf }),
        Just(Dress::FlowItems),
        Just(Dress::Json),
        Just(Dress::TabbedJson),
    ]
}

#[derive(Debug, Clone)]
enum Act {
    Set(StreamEdit),
    /// Adds an event by upstream's rule, keeping so many items.
    Add(String, TagEvent, usize),
    Fail(String),
    Forget(String),
}

fn act() -> impl Strategy<Value = Act> {
    let set = (
        tag_name(),
        proptest::option::of(reference()),
        annotations(),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<bool>()),
    )
        .prop_map(|(name, from, annotations, reference, scheduled)| {
            Act::Set(StreamEdit::SetTag {
                name,
                from,
                annotations,
                reference,
                import_policy: scheduled.map(|scheduled| ImportPolicy {
                    scheduled,
                    ..ImportPolicy::default()
                }),
                reference_policy: None,
            })
        });
    prop_oneof![
        4 => set,
        1 => tag_name().prop_map(|name| Act::Set(StreamEdit::DeleteTag { name })),
        1 => any::<bool>().prop_map(|local| Act::Set(StreamEdit::SetLookup(local))),
        1 => annotations().prop_map(|a| {
            let (key, value) = a.into_iter().next().unwrap_or(("x".to_owned(), None));
            Act::Set(StreamEdit::SetAnnotation { key, value })
        }),
        4 => (tag_name(), tag_event(), 1..4usize).prop_map(|(tag, event, keep)| Act::Add(tag, event, keep)),
        1 => tag_name().prop_map(Act::Fail),
        1 => tag_name().prop_map(Act::Forget),
    ]
}

/// What the edit means on the model, worked out without looking at any text.
fn on_model(stream: &mut ImageStream, edit: &StreamEdit) {
    match edit {
        StreamEdit::SetTag {
            name,
            from,
            annotations,
            reference,
            import_policy,
            ..
        } => {
            if stream.spec_tag(name).is_none() {
                stream.spec.tags.push(crate::model::TagReference {
                    name: name.clone(),
                    ..Default::default()
                });
            }
            let tag = stream
                .spec
                .tags
                .iter_mut()
                .find(|t| t.name == *name)
                .unwrap();
            tag.from = from.clone().or(tag.from.take());
            tag.reference = reference.unwrap_or(tag.reference);
            tag.import_policy = import_policy.clone().unwrap_or(tag.import_policy.clone());
            change(&mut tag.annotations, annotations);
        }
        StreamEdit::DeleteTag { name } => stream.spec.tags.retain(|t| t.name != *name),
        StreamEdit::RecordEvent {
            tag,
            items,
            conditions,
        } => {
            stream.status.tags.retain(|t| t.tag != *tag);
            if !items.is_empty() || !conditions.is_empty() {
                let (tag, items, conditions) = (tag.clone(), items.clone(), conditions.clone());
                stream.status.tags.push(NamedTagEventList {
                    tag,
                    items,
                    conditions,
                });
            }
        }
        StreamEdit::SetLookup(local) => stream.spec.lookup_policy.local = *local,
        StreamEdit::SetAnnotation { key, value } => {
            change(
                &mut stream.metadata.annotations,
                &BTreeMap::from([(key.clone(), value.clone())]),
            );
        }
    }
}

fn change(annotations: &mut Annotations, changes: &BTreeMap<String, Option<String>>) {
    for (key, value) in changes {
        match value {
            Some(value) => annotations.insert(key, value),
            None => annotations.remove(key),
        };
    }
}

fn as_edit(stream: &ImageStream, act: &Act) -> StreamEdit {
    let history = |tag: &str| {
        stream
            .status_tag(tag)
            .cloned()
            .unwrap_or_else(|| NamedTagEventList {
                tag: tag.to_owned(),
                ..Default::default()
            })
    };
    let whole = |list: NamedTagEventList| StreamEdit::RecordEvent {
        tag: list.tag,
        items: list.items,
        conditions: list.conditions,
    };
    match act {
        Act::Set(edit) => edit.clone(),
        Act::Add(tag, event, keep) => {
            let mut list = history(tag);
            let generation = next_generation(Some(&list));
            add_event(&mut list, {
                let mut event = event.clone();
                event.generation = generation;
                event
            });
            list.items.truncate(*keep);
            whole(list)
        }
        Act::Fail(tag) => {
            let mut list = history(tag);
            list.conditions = vec![failure("gone")];
            whole(list)
        }
        Act::Forget(tag) => record(tag, &[]),
    }
}

/// The model without any order of tags.
fn normal(mut stream: ImageStream) -> ImageStream {
    stream.spec.tags.sort_by(|a, b| a.name.cmp(&b.name));
    stream.status.tags.sort_by(|a, b| a.tag.cmp(&b.tag));
    stream
}

/// Lines that speak of tags no edit names.
fn foreign_lines<'t>(text: &'t str, edits: &[StreamEdit]) -> Vec<&'t str> {
    let touched = |line: &str| {
        edits.iter().any(|edit| match edit {
            StreamEdit::SetTag { name, .. } | StreamEdit::DeleteTag { name } => {
                line.contains(&format!("\"{name}\""))
            }
            StreamEdit::RecordEvent { tag, .. } => line.contains(&format!("\"{tag}\"")),
            _ => false,
        })
    };
    text.lines()
        .filter(|line| {
            TAGS.iter().any(|tag| line.contains(&format!("\"{tag}\""))) && !touched(line)
        })
        .collect()
}

proptest! {
    #![proptest_config(crate::model::testing::cases(32))]

    #[test]
    fn text_and_model_are_edited_alike(stream in stream(), dress in dress(), acts in proptest::collection::vec(act(), 1..5)) {
        let text = written(&stream, dress);
        prop_assert_eq!(normal(typed(&text)), normal(stream.clone()), "the writer of the test is right: {}", text);
        let mut model = stream;
        let mut edits = Vec::new();
        for act in &acts {
            let edit = as_edit(&model, act);
            on_model(&mut model, &edit);
            edits.push(edit);
        }
        let edited = match edit_stream(&path(), &text, 0, &edits) {
            Ok(edited) => edited,
            Err(refusal) => return Err(TestCaseError::fail(format!("{refusal}\n{text}\n{edits:?}"))),
        };
        prop_assert_eq!(normal(typed(&edited)), normal(model), "{}\n=>\n{}\n{:?}", text, edited, edits);
        if matches!(dress, Dress::Block { crlf: true, .. }) {
            prop_assert_eq!(edited.matches('\n').count(), edited.matches("\r\n").count());
        }
        if !matches!(dress, Dress::Json) {
            let mut lines = edited.lines();
            for line in foreign_lines(&text, &edits) {
                // The last item of a list in brackets may gain or lose the comma that follows it.
                let bare = line.trim_end_matches(',');
                prop_assert!(lines.any(|new| new.trim_end_matches(',') == bare), "lost {line:?}:\n{text}\n=>\n{edited}");
            }
        }
        prop_assert_eq!(edit_stream(&path(), &edited, 0, &edits[edits.len() - 1..]).ok(), Some(edited.clone()), "the last edit again changes nothing");
    }
}

/// A fixture with some characters put in or taken out.
fn damaged() -> impl Strategy<Value = String> {
    let names = vec![
        "comments.yaml",
        "tabs.json",
        "list.yaml",
        "several.yaml",
        "crlf-bom.yaml",
        "helm.yaml",
    ];
    let cut = (
        any::<proptest::sample::Index>(),
        0..4usize,
        "[ \\n\\t:#{}\\[\\]&*!|>'\",a-é-]{0,3}",
    );
    (
        proptest::sample::select(names),
        proptest::collection::vec(cut, 1..4),
    )
        .prop_map(|(name, cuts)| {
            let mut text: Vec<char> = fixture(name).chars().collect();
            for (at, length, put) in cuts {
                let at = at.index(text.len());
                let end = (at + length).min(text.len());
                text.splice(at..end, put.chars());
            }
            text.into_iter().collect()
        })
}

proptest! {
    #![proptest_config(crate::model::testing::cases(32))]

    #[test]
    fn damaged_files_are_edited_rightly_or_refused(text in damaged(), tag in tag_name(), index in 0..3usize) {
        crate::manifests::load(&path(), text.as_bytes(), crate::manifests::Role::Streams);
        let edits = [
            from(&tag, "r.example/new:1"),
            annotation(&tag, "headwater.dev/source", Some(r#"{"kind":"DockerImage"}"#)),
            record(&tag, &[event("r.example/new", "1", 1)]),
        ];
        if let Ok(edited) = edit_stream(&path(), &text, index, &edits) {
            let tree = yaml::parse(&edited).unwrap();
            let root = tree.documents()[index];
            let status = tree.get(root, "status").unwrap();
            let tags = tree.items(tree.get(status, "tags").unwrap());
            // Another item may have lost its name.
            let named = |item| tree.get(item, "tag").and_then(|name| tree.scalar(name));
            prop_assert!(tags.iter().any(|item| named(*item) == Some(&tag)));
            prop_assert_eq!(edit_stream(&path(), &edited, index, &edits).unwrap(), edited);
        }
    }
}
