//! Files that did not exist before: streams, holds and freezes as a person would write them.

use serde::Serialize;

use super::render::Render;
use super::style::Habits;
use super::wish::{Item, Wish};
use crate::manifests::yaml::Tree;
use crate::model::{Freeze, Hold, ImageStream, image_stream, pipeline};

/// The text of a new file with one image stream. Generations of wished tags are never written.
pub fn new_stream_text(stream: &ImageStream) -> String {
    let mut wish = value_of(stream);
    let spec = wish.map_at("spec");
    if !stream.spec.lookup_policy.local {
        spec.remove("lookupPolicy");
    }
    if let Wish::List(tags) = spec.list_at("tags") {
        for Item { wish, .. } in tags {
            wish.remove("generation");
        }
    }
    document(image_stream::API_VERSION, image_stream::KIND, wish)
}

/// The text of a new file with one hold.
pub fn hold_text(hold: &Hold) -> String {
    document(pipeline::API_VERSION, "Hold", value_of(hold))
}

/// The text of a new file with one freeze.
pub fn freeze_text(freeze: &Freeze) -> String {
    let mut wish = value_of(freeze);
    let spec = wish.map_at("spec");
    if freeze.spec.except.pipelines.is_empty() {
        spec.remove("except");
    }
    document(pipeline::API_VERSION, "Freeze", wish)
}

fn value_of<T: Serialize>(value: &T) -> Wish {
    // Our own types hold nothing that cannot be written as YAML.
    Wish::from_value(&serde_yaml::to_value(value).unwrap_or_default())
}

fn document(version: &str, kind: &str, body: Wish) -> String {
    let tree = Tree {
        text: "",
        nodes: Vec::new(),
        roots: Vec::new(),
    };
    let render = Render {
        tree: &tree,
        habits: Habits::default(),
    };
    let mut entries = vec![
        ("apiVersion".to_owned(), Wish::text(version)),
        ("kind".to_owned(), Wish::text(kind)),
    ];
    if let Wish::Map(body) = body {
        entries.extend(body);
    }
    let lines: Vec<String> = entries
        .iter()
        .flat_map(|(key, wish)| render.entry(key, wish, 0, None))
        .collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::manifests::{DocumentKind, Role, load};
    use crate::model::image_stream::{ObjectReference, TagEvent, TagReference};

    fn only(text: &str, role: Role) -> DocumentKind {
        let loaded = load(&"x.yaml".parse().unwrap(), text.as_bytes(), role);
        assert_eq!(loaded.problems, [], "{text}");
        loaded.documents[0].kind.clone()
    }

    #[test]
    fn a_new_stream_reads_as_it_was_meant_and_edits_from_there() {
        let mut stream = ImageStream::default();
        stream.metadata.name = "2.4".to_owned();
        stream.spec.tags.push(TagReference {
            name: "25.0".to_owned(),
            from: Some(ObjectReference::docker_image("r.example/a:1")),
            annotations: [("headwater.dev/source", r#"{"a":"b"}"#)]
                .into_iter()
                .collect(),
            generation: Some(7),
            ..TagReference::default()
        });
        stream
            .status
            .tags
            .push(crate::model::image_stream::NamedTagEventList {
                tag: "25.0".to_owned(),
                items: vec![TagEvent::new(
                    "2026-01-02T03:04:05Z".parse().ok(),
                    "r.example/a:1",
                    "",
                    0,
                )],
                conditions: Vec::new(),
            });
        let text = new_stream_text(&stream);
        stream.spec.tags[0].generation = None;
        assert_eq!(
            only(&text, Role::Streams),
            DocumentKind::ImageStream(Arc::new(stream))
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn new_holds_and_freezes_read_as_they_were_meant() {
        let hold = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: a-prod}\nspec: {pipeline: a, stages: [prod], reason: \"it's: on\\nfire\"}\n";
        let DocumentKind::Hold(hold) = only(hold, Role::Holds) else {
            panic!()
        };
        assert_eq!(
            only(&hold_text(&hold), Role::Holds),
            DocumentKind::Hold(Arc::clone(&hold))
        );
        let freeze = "apiVersion: headwater.dev/v1alpha1\nkind: Freeze\nmetadata: {name: xmas}\nspec: {environments: [\"prod-*\", \"*\"], from: 2026-12-20T00:00, until: 2027-01-02T00:00:00, timeZone: Europe/Berlin, reason: r}\n";
        let DocumentKind::Freeze(freeze) = only(freeze, Role::Freezes) else {
            panic!()
        };
        let text = freeze_text(&freeze);
        assert_eq!(
            only(&text, Role::Freezes),
            DocumentKind::Freeze(Arc::clone(&freeze))
        );
        assert!(
            text.contains("    - prod-*\n    - \"*\"\n") && !text.contains("except"),
            "{text}"
        );
    }
}
