//! Edits as people's files meet them: what changes is what was asked for, and nothing else.

use super::*;
use crate::model::image_stream::NamedTagEventList;
use crate::model::{Digest, ImageStream};

fn path() -> RepoPath {
    "streams/x.yaml".parse().unwrap()
}

fn fixture(name: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    std::fs::read_to_string(format!("{root}/tests/fixtures/imagestreams/{name}")).unwrap()
}

fn edit(text: &str, index: usize, edits: &[StreamEdit]) -> String {
    edit_stream(&path(), text, index, edits).unwrap()
}

fn refused(text: &str, edits: &[StreamEdit]) -> EditRefused {
    edit_stream(&path(), text, 0, edits).unwrap_err()
}

/// What changed, as `-old` and `+new` lines.
fn changed(old: &str, new: &str) -> Vec<String> {
    similar::TextDiff::from_lines(old, new)
        .iter_all_changes()
        .filter(|change| change.tag() != similar::ChangeTag::Equal)
        .map(|change| format!("{}{}", change.tag(), change.value().trim_end_matches('\n')))
        .collect()
}

fn set_tag(name: &str) -> StreamEdit {
    StreamEdit::SetTag {
        name: name.to_owned(),
        from: None,
        annotations: BTreeMap::new(),
        reference: None,
        import_policy: None,
        reference_policy: None,
    }
}

fn from(name: &str, image: &str) -> StreamEdit {
    let mut edit = set_tag(name);
    if let StreamEdit::SetTag { from, .. } = &mut edit {
        *from = Some(ObjectReference::docker_image(image));
    }
    edit
}

fn annotation(name: &str, key: &str, value: Option<&str>) -> StreamEdit {
    let mut edit = set_tag(name);
    if let StreamEdit::SetTag { annotations, .. } = &mut edit {
        annotations.insert(key.to_owned(), value.map(str::to_owned));
    }
    edit
}

fn event(repository: &str, seed: &str, generation: i64) -> TagEvent {
    let digest = Digest::sha256(seed.as_bytes());
    let created = Some("2026-02-03T04:05:06Z".parse().unwrap());
    let reference = format!("{repository}@{digest}");
    TagEvent::new(created, &reference, digest.as_str(), generation)
}

fn failure(message: &str) -> TagEventCondition {
    TagEventCondition {
        kind: "ImportSuccess".to_owned(),
        status: "False".to_owned(),
        last_transition_time: Some("2026-02-03T04:05:06Z".parse().unwrap()),
        reason: "NotFound".to_owned(),
        message: message.to_owned(),
        generation: 1,
    }
}

fn record(tag: &str, items: &[TagEvent]) -> StreamEdit {
    StreamEdit::RecordEvent {
        tag: tag.to_owned(),
        items: items.to_vec(),
        conditions: Vec::new(),
    }
}

fn history(text: &str, tag: &str) -> NamedTagEventList {
    let loaded = crate::manifests::load(&path(), text.as_bytes(), crate::manifests::Role::Streams);
    match &loaded.documents[0].kind {
        crate::manifests::DocumentKind::ImageStream(stream) => {
            stream.status_tag(tag).unwrap().clone()
        }
        other => panic!("{other:?}"),
    }
}

const PLAIN: &str = "\
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata:
  name: a
spec:
  tags:
  - name: dev   # pointer
    from:
      kind: DockerImage
      name: r.example/a:1
  # production
  - name: prod
    from:
      kind: DockerImage
      name: r.example/a:0
";

#[test]
fn a_changed_scalar_changes_its_own_bytes_only() {
    for (old, new, changes) in [
        (
            "name: r.example/a:1",
            "r.example/a:2",
            ("-      name: r.example/a:1", "+      name: r.example/a:2"),
        ),
        (
            "name: 'r.example/a:1'",
            "r.example/a:2",
            (
                "-      name: 'r.example/a:1'",
                "+      name: 'r.example/a:2'",
            ),
        ),
        (
            "name: \"r.example/a:1\" # x",
            "r.example/a:2",
            (
                "-      name: \"r.example/a:1\" # x",
                "+      name: \"r.example/a:2\" # x",
            ),
        ),
    ] {
        let text = PLAIN.replace("name: r.example/a:1", old);
        let edited = edit(&text, 0, &[from("dev", new)]);
        assert_eq!(changed(&text, &edited), [changes.0, changes.1]);
    }
}

#[test]
fn what_changes_nothing_gives_back_the_same_text() {
    for name in ["comments.yaml", "tabs.json"] {
        let text = fixture(name);
        let lookup = text.contains("local: true");
        let edits = [
            StreamEdit::SetLookup(lookup),
            StreamEdit::DeleteTag {
                name: "nowhere".to_owned(),
            },
            annotation("1.0", "absent", None),
            StreamEdit::SetAnnotation {
                key: "absent".to_owned(),
                value: None,
            },
            record("nowhere", &[]),
        ];
        let edits: Vec<_> = edits
            .into_iter()
            .filter(|e| name == "tabs.json" || !matches!(e, StreamEdit::SetTag { .. }))
            .collect();
        assert_eq!(edit(&text, 0, &edits), text, "{name}");
    }
    let same = from("dev", "r.example/a:1");
    assert_eq!(edit(PLAIN, 0, &[same]), PLAIN);
}

#[test]
fn nothing_is_put_behind_a_list_that_it_comes_before_by_name() {
    let edited = edit(PLAIN, 0, &[StreamEdit::SetLookup(true)]);
    assert!(
        edited.contains("spec:\n  lookupPolicy:\n    local: true\n  tags:\n"),
        "{edited}"
    );
    // A comment may be about everything below it, so it stays where it is.
    let headed = PLAIN.replace("spec:\n", "spec:\n  # by hand\n");
    let edited = edit(&headed, 0, &[StreamEdit::SetLookup(true)]);
    assert!(
        edited.ends_with("  lookupPolicy:\n    local: true\n"),
        "{edited}"
    );
}

#[test]
fn a_tag_is_added_at_its_sorted_place_below_its_neighbour() {
    let edited = edit(PLAIN, 0, &[from("next", "r.example/a:3")]);
    assert_eq!(
        edited,
        PLAIN.replace(
            "  # production\n",
            "  - name: next\n    from:\n      kind: DockerImage\n      name: r.example/a:3\n  # production\n"
        )
    );
    let first = edit(PLAIN, 0, &[from("alpha", "r.example/a:3")]);
    assert!(
        first.contains("  tags:\n  - name: alpha\n    from:\n"),
        "{first}"
    );
    let last = edit(PLAIN, 0, &[from("zulu", "r.example/a:3")]);
    assert!(
        last.ends_with(
            "a:0\n  - name: zulu\n    from:\n      kind: DockerImage\n      name: r.example/a:3\n"
        ),
        "{last}"
    );
}

#[test]
fn several_edits_of_one_file_are_made_together() {
    let edits = [
        from("dev", "r.example/a:2"),
        from("alpha", "r.example/a:3"),
        from("next", "r.example/a:4"),
        from("nexus", "r.example/a:5"),
        StreamEdit::DeleteTag {
            name: "prod".to_owned(),
        },
        StreamEdit::SetLookup(true),
        StreamEdit::SetAnnotation {
            key: "who".to_owned(),
            value: Some("me".to_owned()),
        },
        record("dev", &[event("r.example/a", "2", 1)]),
        record("alpha", &[event("r.example/a", "3", 1)]),
    ];
    let edited = edit(PLAIN, 0, &edits);
    assert!(
        !edited.contains("production"),
        "the comment of a deleted tag goes with it"
    );
    let one_by_one = edits.iter().fold(PLAIN.to_owned(), |text, e| {
        edit(&text, 0, std::slice::from_ref(e))
    });
    assert_eq!(edited, one_by_one);
    insta::assert_snapshot!(edited);
}

#[test]
fn comments_quotes_and_blank_lines_of_a_commented_file_stay() {
    let text = fixture("comments.yaml");
    let mut items = history(&text, "3.1").items;
    items.insert(0, event("registry.example/edge/gateway", "new", 3));
    let edited = edit(
        &text,
        0,
        &[
            from("3.1", "registry.example/edge/gateway:v4"),
            annotation(
                "3.0",
                "headwater.dev/source",
                Some(r#"{"kind":"DockerImage"}"#),
            ),
            from("3.2", "registry.example/edge/gateway:v5"),
            record("3.1", &items),
            record("3.2", &[event("registry.example/edge/gateway", "five", 1)]),
            StreamEdit::SetAnnotation {
                key: "headwater.dev/interval".to_owned(),
                value: Some("1h".to_owned()),
            },
        ],
    );
    insta::assert_snapshot!(changed(&text, &edited).join("\n"));
}

#[test]
fn json_with_tabs_keeps_its_tabs() {
    let text = fixture("tabs.json");
    let edited = edit(
        &text,
        0,
        &[
            from("1.0", "registry.example/ledger/runtime:1.1"),
            from("1.2", "registry.example/ledger/runtime:1.2"),
            annotation("latest", "headwater.dev/source", Some(r#"{"kind":"x"}"#)),
            record("1.2", &[event("registry.example/ledger/runtime", "1", 1)]),
            record(
                "latest",
                &[event("registry.example/ledger/runtime", "2", 1)],
            ),
        ],
    );
    assert!(serde_json::from_str::<serde_json::Value>(&edited).is_ok());
    insta::assert_snapshot!(changed(&text, &edited).join("\n"));
    let deleted = edit(
        &text,
        0,
        &[StreamEdit::DeleteTag {
            name: "latest".to_owned(),
        }],
    );
    assert!(
        changed(&text, &deleted)
            .iter()
            .all(|line| line.starts_with('-')),
        "{deleted}"
    );
    assert_eq!(typed(&deleted).spec.tags.len(), 1);
}

#[test]
fn minified_json_stays_on_one_line() {
    let text = fixture("legacy.json");
    let edited = edit(
        &text,
        0,
        &[
            from("2", "registry.example/parcel:3"),
            from("3", "registry.example/parcel:3"),
        ],
    );
    assert_eq!(edited.lines().count(), 1);
    assert!(
        edited.contains(
            r#""name": "3", "from": {"kind": "DockerImage", "name": "registry.example/parcel:3"}}]"#
        ),
        "{edited}"
    );
}

#[test]
fn line_endings_and_byte_order_marks_stay() {
    let text = fixture("crlf-bom.yaml");
    let edited = edit(
        &text,
        0,
        &[
            from("qa", "registry.example/mailer:2"),
            record("prod", &[event("registry.example/mailer", "1", 1)]),
        ],
    );
    assert!(edited.starts_with('\u{feff}'));
    assert_eq!(edited.matches('\n').count(), edited.matches("\r\n").count());
    assert!(!edited.replace("\r\n", "").contains('\r'));
    insta::assert_snapshot!(changed(&text, &edited).join("\n").replace('\r', "<cr>"));
}

#[test]
fn items_of_lists_and_documents_beside_others_are_edited_alone() {
    let text = fixture("list.yaml");
    let edited = edit(
        &text,
        2,
        &[
            from("extra", "registry.example/x:1"),
            annotation("pinned", "headwater.dev/promotion", Some(r#"{"v":1}"#)),
            record("edge", &[event("registry.example/x", "1", 1)]),
        ],
    );
    insta::assert_snapshot!(changed(&text, &edited).join("\n"));
    let first = edit(
        &text,
        0,
        &[record(
            "2.4",
            &[event("registry.example/retail/shop", "1", 1)],
        )],
    );
    insta::assert_snapshot!(changed(&text, &first).join("\n"));
}

#[test]
fn wide_dashes_are_learnt_and_empty_maps_are_filled() {
    let text = fixture("several.yaml");
    let edited = edit(&text, 1, &[from("alpha", "registry.example/indexer:alpha")]);
    assert!(edited.contains(
        "    tags:\n    -   name: alpha\n        from:\n            kind: DockerImage\n            name: registry.example/indexer:alpha\n    -   name: beta\n"
    ), "{edited}");
    let crawler = edit(
        &text,
        2,
        &[
            from("v1", "registry.example/crawler:1"),
            record("v1", &[event("r.example/c", "1", 1)]),
        ],
    );
    insta::assert_snapshot!(changed(&text, &crawler).join("\n"));
}

#[test]
fn an_aliased_source_is_never_changed_behind_the_back_of_the_other_tag() {
    let text = fixture("several.yaml");
    for tag in ["beta", "gamma"] {
        let refusal = edit_stream(
            &path(),
            &text,
            1,
            &[from(tag, "registry.example/indexer:2")],
        )
        .unwrap_err();
        assert!(
            refusal.line.is_some_and(|line| (9..20).contains(&line)) || refusal.line.is_none(),
            "{refusal}"
        );
        assert!(
            refusal
                .smallest_change
                .contains("registry.example/indexer:2"),
            "{refusal}"
        );
    }
}

#[test]
fn history_is_inserted_rewritten_and_trimmed_where_it_stands() {
    let (one, two, three) = (
        event("r.example/a", "1", 1),
        event("r.example/a", "2", 2),
        event("r.example/a", "3", 3),
    );
    let text = edit(PLAIN, 0, &[record("dev", &[two.clone(), one.clone()])]);
    let text = text.replace("      image:", "      image: # kept\n       ");
    let grown = edit(
        &text,
        0,
        &[record("dev", &[three.clone(), two.clone(), one.clone()])],
    );
    assert_eq!(
        changed(&text, &grown).len(),
        4,
        "{:?}",
        changed(&text, &grown)
    );
    assert!(
        changed(&text, &grown)
            .iter()
            .all(|line| line.starts_with('+'))
    );
    let trimmed = edit(&grown, 0, &[record("dev", &[three.clone(), two.clone()])]);
    assert!(
        changed(&grown, &trimmed)
            .iter()
            .all(|line| line.starts_with('-'))
    );
    let moved = three.with_reference(&format!("q.example/a@{}", three.image()));
    let rewritten = edit(&trimmed, 0, &[record("dev", &[moved.clone(), two.clone()])]);
    assert_eq!(
        changed(&trimmed, &rewritten).len(),
        2,
        "only the reference of the head"
    );
    let shifted = edit(&rewritten, 0, &[record("dev", &[one.clone(), moved, two])]);
    assert_eq!(changed(&rewritten, &shifted).len(), 4);
    assert_eq!(history(&shifted, "dev").items.len(), 3);
    let gone = edit(&shifted, 0, &[record("dev", &[])]);
    assert_eq!(gone, PLAIN);
}

#[test]
fn conditions_come_change_and_go() {
    let wish = |message: &str| StreamEdit::RecordEvent {
        tag: "dev".to_owned(),
        items: Vec::new(),
        conditions: vec![failure(message)],
    };
    let failed = edit(PLAIN, 0, &[wish("no such tag")]);
    assert!(
        failed.contains("- tag: dev\n    items: []\n    conditions:\n"),
        "{failed}"
    );
    let other = edit(&failed, 0, &[wish("gone")]);
    assert_eq!(
        changed(&failed, &other),
        ["-      message: no such tag", "+      message: gone"]
    );
    let fine = edit(&other, 0, &[record("dev", &[event("r.example/a", "1", 1)])]);
    assert!(
        !fine.contains("conditions") && fine.contains("image: sha256:"),
        "{fine}"
    );
}

#[test]
fn requests_and_whole_annotations_go_without_a_trace() {
    let with = edit(
        PLAIN,
        0,
        &[annotation(
            "prod",
            "headwater.dev/request",
            Some(r#"{"set":"x"}"#),
        )],
    );
    assert!(
        with.contains("    annotations:\n      headwater.dev/request: '{\"set\":\"x\"}'\n"),
        "{with}"
    );
    assert_eq!(
        edit(
            &with,
            0,
            &[annotation("prod", "headwater.dev/request", None)]
        ),
        PLAIN
    );
    let dash = "kind: ImageStream\napiVersion: v1\nmetadata: {name: a}\nspec:\n  tags:\n  - annotations:\n      headwater.dev/request: |\n        {}\n    # pointer\n    name: a\n";
    let refusal = refused(dash, &[annotation("a", "headwater.dev/request", None)]);
    assert!(refusal.why.contains("comment"), "{refusal}");
    let edited = edit(
        &dash.replace("    # pointer\n", ""),
        0,
        &[annotation("a", "headwater.dev/request", None)],
    );
    assert!(edited.ends_with("  tags:\n  - name: a\n"), "{edited}");
    let rewritten = edit(
        dash,
        0,
        &[annotation("a", "headwater.dev/request", Some("x"))],
    );
    assert!(
        rewritten.contains("      headwater.dev/request: x\n    # pointer\n"),
        "{rewritten}"
    );
}

#[test]
fn the_last_tag_leaves_an_empty_list() {
    let edits = ["dev", "prod"].map(|name| StreamEdit::DeleteTag {
        name: name.to_owned(),
    });
    let edited = edit(PLAIN, 0, &edits);
    assert!(edited.ends_with("spec:\n  tags: []\n"), "{edited}");
    let again = edit(&edited, 0, &[from("dev", "r.example/a:1")]);
    assert!(again.ends_with("  tags:\n  - name: dev\n    from:\n      kind: DockerImage\n      name: r.example/a:1\n"), "{again}");
}

#[test]
fn policies_change_only_where_they_differ() {
    let mut wish = set_tag("dev");
    if let StreamEdit::SetTag {
        import_policy,
        reference_policy,
        reference,
        ..
    } = &mut wish
    {
        *import_policy = Some(ImportPolicy {
            scheduled: true,
            ..ImportPolicy::default()
        });
        *reference_policy = Some(ReferencePolicy {
            kind: "Local".into(),
        });
        *reference = Some(false);
    }
    let edited = edit(PLAIN, 0, std::slice::from_ref(&wish));
    assert_eq!(
        changed(PLAIN, &edited),
        [
            "+    importPolicy:",
            "+      scheduled: true",
            "+    referencePolicy:",
            "+      type: Local"
        ]
    );
    assert_eq!(edit(&edited, 0, &[wish]), edited);
    let mut off = set_tag("dev");
    if let StreamEdit::SetTag { import_policy, .. } = &mut off {
        *import_policy = Some(ImportPolicy::default());
    }
    let off = edit(&edited, 0, &[off]);
    assert_eq!(
        changed(&edited, &off),
        ["-      scheduled: true", "+      scheduled: false"]
    );
}

#[test]
fn odd_shapes_are_edited_as_they_are_written() {
    let head = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: a}\n";
    for (rest, expected) in [
        (
            "spec:\n",
            "spec:\n  tags:\n  - name: t\n    from:\n      kind: DockerImage\n      name: r.example/a:9\n",
        ),
        ("spec: {}\n", "spec:\n  tags:\n  - name: t\n"),
        (
            "spec: {tags: []} # none\n",
            "spec: {tags: [{name: t, from: {kind: DockerImage, name: r.example/a:9}}]} # none\n",
        ),
        (
            "spec:\n  tags: null # none\n",
            "spec:\n  tags: # none\n  - name: t\n",
        ),
        ("spec:\n  tags:\n", "spec:\n  tags:\n  - name: t\n"),
        ("", "metadata: {name: a}\nspec:\n  tags:\n  - name: t\n"),
        (
            "spec:\n  tags:\n  - {name: s}\n",
            "  - {name: s}\n  - {name: t, from: {kind: DockerImage, name: r.example/a:9}}\n",
        ),
        (
            "spec:\n  tags: [{name: s}, {name: u}]\n",
            "[{name: s}, {name: t, from: {kind: DockerImage, name: r.example/a:9}}, {name: u}]\n",
        ),
        (
            "spec:\n  tags: [\n    {name: s},\n    {name: u}, # end\n  ]\n",
            "    {name: s},\n    {name: t, from: {kind: DockerImage, name: r.example/a:9}},\n    {name: u}, # end\n",
        ),
        (
            "spec:\n  tags:\n  - name: s",
            "  - name: s\n  - name: t\n    from:\n      kind: DockerImage\n      name: r.example/a:9",
        ),
        (
            "spec:\n  tags:\n  - name: 's'\n",
            "  - name: 's'\n  - name: 't'\n",
        ),
        (
            "spec:\n    tags:\n      - name: s\n        from:\n            kind: X\n            name: y\n",
            "      - name: t\n        from:\n            kind: DockerImage\n",
        ),
        (
            "spec:\n  tags:\n  - name: u\n    annotations:\n      x: |\n        - name: t\n\n  - name: z\n",
            "  tags:\n  - name: t\n    from:\n",
        ),
        (
            "spec:\n  tags:\n  - name: 9\n  - name: s\n...\n---\nother: 1\n",
            "  - name: s\n  - name: t\n    from:\n      kind: DockerImage\n      name: r.example/a:9\n...\n",
        ),
        (
            "spec:\n  tags:\n  -\n    name: s\n",
            "  -\n    name: s\n  -     name: t\n",
        ),
        (
            "spec:\n  tags:\n  - name: z # last\n    # still z\n# footer\n",
            "  tags:\n  - name: t\n",
        ),
    ] {
        let text = format!("{head}{rest}");
        let edited = edit(&text, 0, &[from("t", "r.example/a:9")]);
        assert!(edited.contains(expected), "{rest:?} gave\n{edited}");
    }
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_its_line() {
    let head = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: a}\n";
    for (rest, why) in [
        ("spec: {tags: {}}\n", "not a list"),
        ("spec:\n  tags: &x []\n", "anchor"),
        ("spec:\n  tags: [{name: t}, {name: t}]\n", "two tags"),
        ("spec:\n  tags:\n  - name: t\n  - name: t\n", "two tags"),
        ("spec: *nowhere\n", "not valid YAML"),
        (
            "spec:\n  tags:\n  - &x\n    name: t\n    <<: {reference: true}\n",
            "merges",
        ),
        (
            "spec:\n  ? tags\n  : - name: t\n      from: {kind: &k DockerImage, name: x}\n    - {name: y, from: {kind: *k, name: x}}\n",
            "alias",
        ),
    ] {
        let text = format!("{head}{rest}");
        match edit_stream(&path(), &text, 0, &[from("t", "r.example/a:9")]) {
            Err(refusal) => {
                assert!(refusal.why.contains(why), "{rest:?}: {refusal}");
                assert!(
                    refusal.line.is_some_and(|line| line >= 4),
                    "{rest:?}: {refusal}"
                );
            }
            Ok(edited) => assert_eq!(why, "alias", "{edited}"),
        }
    }
    assert!(edit_stream(&path(), PLAIN, 7, &[from("t", "x")]).is_err());
}

#[test]
fn a_refusal_names_file_line_and_the_smallest_change() {
    let text = PLAIN
        .replace("name: r.example/a:1", "name: &image r.example/a:1")
        .replace("name: r.example/a:0", "name: *image");
    let refusal = refused(&text, &[from("prod", "r.example/a:9")]);
    assert_eq!(
        refusal.to_string(),
        "`streams/x.yaml` line 15 cannot be edited safely: this value is an alias of another one; smallest change: \
         write the tag `prod` of `spec.tags` as a plain block of its own with from: {kind: DockerImage, name: r.example/a:9}"
    );
}

#[test]
fn tags_added_on_two_sides_merge_without_conflict() {
    let text = edit(
        PLAIN,
        0,
        &[
            record("dev", &[event("r.example/a", "1", 1)]),
            record("prod", &[event("r.example/a", "0", 1)]),
        ],
    );
    let ours = edit(
        &text,
        0,
        &[
            from("alpha", "r.example/a:3"),
            record("alpha", &[event("r.example/a", "3", 1)]),
        ],
    );
    let theirs = edit(
        &text,
        0,
        &[
            from("next", "r.example/a:4"),
            record("next", &[event("r.example/a", "4", 1)]),
        ],
    );
    // The library below is set up by its first call only if that call is one of these.
    git2::Oid::hash_object(git2::ObjectType::Blob, b"").unwrap();
    let mut merge = git2::MergeFileOptions::new();
    let [mut base, mut left, mut right] = std::array::from_fn(|_| git2::MergeFileInput::new());
    base.content(text.as_bytes());
    left.content(ours.as_bytes());
    right.content(theirs.as_bytes());
    let merged = git2::merge_file(&base, &left, &right, Some(&mut merge)).unwrap();
    assert!(merged.is_automergeable());
    let both = edit(
        &ours,
        0,
        &[
            from("next", "r.example/a:4"),
            record("next", &[event("r.example/a", "4", 1)]),
        ],
    );
    assert_eq!(std::str::from_utf8(merged.content()).unwrap(), both);
}

/// The typed reading of document 0.
fn typed(text: &str) -> ImageStream {
    let tree = yaml::parse(text).unwrap();
    yaml::from_node(&tree, tree.documents()[0]).unwrap()
}

mod properties;
