//! What is asked of registries: upstream's tables of import decisions and of scheduling, told by the source that was
//! imported last where upstream tells by generations.

use std::sync::Arc;

use crate::model::promotion::{SOURCE, annotation};
use crate::model::{ImageStream, Source, TagKey};
use crate::plan::facts::CheckMemory;
use crate::plan::kit::{Kit, at, digest};
use crate::plan::report::Subject;
use crate::plan::{Observation, Question, plan};

const ID: &str = "sha256:3c87c572822935df60f0f5d3665bd376841a7fcfeb806b5f212de6a00e9a7b25";

/// A tag of the stream `test` in the namespace `other`.
struct Tag {
    name: &'static str,
    kind: &'static str,
    from: String,
    reference: bool,
    scheduled: bool,
    /// The source by which it was imported, if it was.
    imported: Option<&'static str>,
    failed: bool,
    /// How many minutes ago it was asked for.
    asked: Option<i64>,
}

fn tag(name: &'static str, from: &str) -> Tag {
    Tag {
        name,
        kind: "DockerImage",
        from: from.to_owned(),
        reference: false,
        scheduled: false,
        imported: None,
        failed: false,
        asked: None,
    }
}

const NOW: i64 = 1_000;

fn observed(repository: Option<&str>, tags: &[Tag]) -> Observation {
    let spec: Vec<serde_json::Value> = tags
        .iter()
        .map(|tag| {
            let mut spec = serde_json::json!({
                "name": tag.name, "from": {"kind": tag.kind, "name": tag.from},
                "importPolicy": {"scheduled": tag.scheduled},
            });
            if tag.reference {
                spec["reference"] = true.into();
            }
            if let Some(imported) = tag.imported {
                let source = format!(r#"{{"kind":"DockerImage","name":"{imported}"}}"#);
                spec["annotations"] = serde_json::json!({SOURCE: source});
            }
            spec
        })
        .collect();
    let status: Vec<serde_json::Value> = tags
        .iter()
        .map(|tag| {
            let mut items = Vec::new();
            if tag.imported.is_some() {
                items.push(serde_json::json!({
                    "created": "2023-11-14T00:00:00Z", "generation": 1, "image": digest("1"),
                    "dockerImageReference": format!("test/other@{}", digest("1")),
                }));
            }
            let mut conditions = Vec::new();
            if tag.failed {
                conditions.push(serde_json::json!({
                    "type": "ImportSuccess", "status": "False", "generation": 2, "reason": "InternalError",
                    "message": "transient error", "lastTransitionTime": "2023-11-14T00:00:00Z",
                }));
            }
            serde_json::json!({"tag": tag.name, "items": items, "conditions": conditions})
        })
        .collect();
    let mut stream = serde_json::json!({
        "apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
        "metadata": {"name": "test", "namespace": "other"},
        "spec": {"tags": spec}, "status": {"tags": status},
    });
    if let Some(repository) = repository {
        stream["spec"]["dockerImageRepository"] = repository.into();
    }
    let text = stream.to_string();
    let kit = Kit::new(&[("pipelines/test/imagestream.yaml", &text)]);
    let mut observation = kit.now(NOW).observe();
    let memory = tags.iter().filter_map(|tag| {
        let last = at(NOW - tag.asked?);
        let memory = CheckMemory {
            last_check: Some(last),
            last_success: Some(last),
            source: tag.from.clone(),
            ..CheckMemory::default()
        };
        let stream = "other/test".to_owned().try_into().unwrap();
        Some((TagKey::new(stream, tag.name), memory))
    });
    observation.facts.memory = Arc::new(memory.collect());
    observation
}

/// The references that a plan asks for.
fn asked(repository: Option<&str>, tags: &[Tag]) -> Vec<String> {
    let plan = plan(&observed(repository, tags));
    let resolve = plan.questions.iter().filter_map(|question| match question {
        Question::Resolve(resolve) => Some(resolve.reference.to_string()),
        Question::List(list) => Some(format!("all of {}", list.repository)),
        _ => None,
    });
    resolve.collect()
}

#[test]
fn a_recorded_source_reads_as_it_is_written_here() {
    let tag = tag("latest", "test/other:latest");
    let observation = observed(
        None,
        &[Tag {
            imported: Some("test/other:latest"),
            ..tag
        }],
    );
    let mut streams = observation.snapshot.documents.streams.values();
    let stream: &ImageStream = &streams
        .find(|located| located.value.metadata.name == "test")
        .unwrap()
        .value;
    let spec = &stream.spec.tags[0];
    assert!(
        !Source::differs_on(spec),
        "{}",
        annotation(&Source::of(spec).unwrap())
    );
}

#[test]
fn what_is_imported_is_decided_as_upstream_decides_it() {
    let latest = || tag("latest", "test/other:latest");
    let none: [&str; 0] = [];
    // A stream without tags, and one that names only a repository: all of that, once.
    assert_eq!(asked(None, &[]), none);
    assert_eq!(asked(Some("test/other"), &[]), ["all of test/other"]);
    // References are strings, whatever they name.
    assert_eq!(
        asked(
            None,
            &[Tag {
                reference: true,
                ..latest()
            }]
        ),
        none
    );
    assert_eq!(
        asked(
            None,
            &[Tag {
                reference: true,
                kind: "AnotherImage",
                ..latest()
            }]
        ),
        none
    );
    // A tag that was never imported.
    assert_eq!(asked(None, &[latest()]), ["test/other:latest"]);
    assert_eq!(
        asked(None, &[tag("1.1", "some/repo:mytag")]),
        ["some/repo:mytag"]
    );
    // One that was imported from elsewhere, beside one that was not.
    let v1 = || Tag {
        imported: Some("test/other:v1"),
        asked: Some(600),
        ..tag("v1", "test/other:v1")
    };
    let moved = Tag {
        imported: Some("test/other:old"),
        asked: Some(600),
        ..latest()
    };
    assert_eq!(asked(None, &[v1(), moved]), ["test/other:latest"]);
    // What was imported as it is wished is left alone.
    assert_eq!(asked(None, &[v1()]), none);
    // Different here: a failure is tried again, whether the wish is a new one or not.
    assert_eq!(
        asked(
            None,
            &[Tag {
                failed: true,
                ..latest()
            }]
        ),
        ["test/other:latest"]
    );
}

#[test]
fn what_is_asked_again_and_again_is_decided_as_upstream_decides_it() {
    let none: [&str; 0] = [];
    let mysql = |scheduled| Tag {
        scheduled,
        imported: Some("mysql:latest"),
        asked: Some(600),
        ..tag("default", "mysql:latest")
    };
    assert_eq!(asked(None, &[mysql(false)]), none);
    assert_eq!(asked(None, &[mysql(true)]), ["mysql:latest"]);
    assert_eq!(
        asked(
            None,
            &[Tag {
                asked: Some(5),
                ..mysql(true)
            }]
        ),
        none,
        "not before its time"
    );
    let by_digest = format!("abc@{ID}");
    let pinned = |name| Tag {
        scheduled: true,
        ..tag(name, &by_digest)
    };
    let done = || Tag {
        imported: Some(
            "abc@sha256:3c87c572822935df60f0f5d3665bd376841a7fcfeb806b5f212de6a00e9a7b25",
        ),
        asked: Some(600),
        ..pinned("default1")
    };
    assert_eq!(asked(None, &[done()]), none, "a digest never changes");
    assert_eq!(asked(None, &[done(), pinned("default2")]), [&*by_digest]);
    assert_eq!(
        asked(
            None,
            &[Tag {
                failed: true,
                ..pinned("default1")
            }]
        ),
        [by_digest]
    );
}

#[test]
fn a_tag_whose_import_mode_nobody_knows_is_not_imported_and_says_so() {
    let stream = |mode: &str| {
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: x, namespace: other}}\nspec:\n  tags:\n    - name: a\n      from: {{kind: DockerImage, name: 'q.io/a/x:a'}}\n      importPolicy: {{importMode: {mode}}}\n    - name: b\n      from: {{kind: DockerImage, name: 'q.io/a/x:b'}}\n"
        );
        let plan = plan(&Kit::new(&[("pipelines/x.yaml", &text)]).observe());
        let asked = plan
            .questions
            .iter()
            .filter(|q| matches!(q, Question::Resolve(_)));
        let about = Subject::Tag(TagKey::new("other/x".to_owned().try_into().unwrap(), "a"));
        let held = plan.holds.iter().find(|hold| hold.subject == about);
        (asked.count(), held.map(|hold| hold.why.clone()))
    };
    assert_eq!(stream("Legacy"), (2, None));
    assert_eq!(stream("PreserveOriginal"), (2, None));
    let (asked, why) = stream("legacy");
    assert_eq!(asked, 1, "the other tag goes on");
    let why = why.unwrap();
    assert!(why.contains("unknown import mode `legacy`"), "{why}");
}
