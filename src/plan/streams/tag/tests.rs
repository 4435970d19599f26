//! `tag` as its users know it, and what is different on purpose.

use super::*;
use crate::model::Namespace;
use crate::plan::streams::testing::{digest, documents, scene};

fn rails() -> String {
    let image = |word: &str| {
        format!(
            "{{created: \"2026-01-02T08:00:00Z\", dockerImageReference: \"quay.io/acme/rails@{0}\", generation: 1, image: \"{0}\"}}",
            digest(word)
        )
    };
    format!(
        "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: rails}}
spec:
  tags:
    - name: dev
      annotations: {{description: kept}}
      from: {{kind: DockerImage, name: \"quay.io/acme/rails:main\"}}
      importPolicy: {{scheduled: true, importMode: PreserveOriginal}}
      referencePolicy: {{type: Local}}
    - name: empty
      from: {{kind: DockerImage, name: \"quay.io/acme/rails:soon\"}}
    - name: follows
      from: {{kind: ImageStreamTag, name: dev}}
    - name: string
      from: {{kind: DockerImage, name: \"quay.io/acme/rails:raw\"}}
      reference: true
status:
  tags:
    - tag: dev
      items: [{}, {}]
    - tag: follows
      items: [{}]
    - tag: string
      items: [{{created: \"2026-01-02T08:00:00Z\", dockerImageReference: \"quay.io/acme/rails:raw\", generation: 1, image: \"\"}}]
",
        image("new"),
        image("old"),
        image("new"),
    )
}

struct World {
    docs: crate::manifests::Documents,
    namespace: Namespace,
}

impl World {
    fn new() -> Self {
        let pipeline = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: rails}\nspec:\n  stages: [{name: dev, environments: []}, {name: qa, environments: []}]\n";
        Self {
            docs: documents(&[
                ("streams/rails.yaml", &rails()),
                ("pipelines/rails/pipeline.yaml", pipeline),
            ]),
            namespace: "default".parse().unwrap(),
        }
    }

    fn tag(
        &self,
        source: &str,
        to: &str,
        change: impl FnOnce(&mut TagWish),
    ) -> Result<Done, Refused> {
        let mut wish = TagWish {
            source: source.to_owned(),
            to: vec![to.to_owned()],
            ..TagWish::default()
        };
        change(&mut wish);
        tag(&wish, scene(&self.docs, &self.namespace))
    }

    fn refused(&self, source: &str, to: &str, change: impl FnOnce(&mut TagWish)) -> Refused {
        self.tag(source, to, change).unwrap_err()
    }
}

fn only(done: &Done) -> &Draft {
    assert_eq!(done.changes.len(), 1);
    done.changes.values().next().unwrap()
}

fn kind(done: &Done, tag: &str) -> (String, String) {
    let from = only(done)
        .stream
        .spec_tag(tag)
        .unwrap()
        .from
        .clone()
        .unwrap();
    (from.kind.to_string(), from.name.to_string())
}

#[test]
fn what_a_source_is_follows_from_its_looks() {
    for (source, kind) in [
        ("quay.io/keycloak/keycloak:25.0.2", SourceKind::DockerImage),
        ("localhost/app:1", SourceKind::DockerImage),
        ("registry:5000/app:1", SourceKind::DockerImage),
        ("a/b/c:1", SourceKind::DockerImage),
        ("mysql", SourceKind::DockerImage),
        ("team/mysql", SourceKind::DockerImage),
        ("rails:dev", SourceKind::ImageStreamTag),
        ("team/rails:dev", SourceKind::ImageStreamTag),
        ("rails@sha256:12", SourceKind::ImageStreamImage),
        ("team/rails@12", SourceKind::ImageStreamImage),
    ] {
        assert_eq!(kind_of(source), kind, "{source}");
    }
    for (word, kind) in [
        ("istag", SourceKind::ImageStreamTag),
        ("ImageStreamTag", SourceKind::ImageStreamTag),
        ("isimage", SourceKind::ImageStreamImage),
        ("imagestreamimage", SourceKind::ImageStreamImage),
        ("docker", SourceKind::DockerImage),
        ("DockerImage", SourceKind::DockerImage),
    ] {
        assert_eq!(word.parse(), Ok(kind), "{word}");
    }
    assert!("image".parse::<SourceKind>().is_err());
}

#[test]
fn an_image_of_a_registry_is_wished_and_imported_by_the_next_pass() {
    let world = World::new();
    let done = world.tag("quay.io/acme/new:1", "fresh:1", |_| ()).unwrap();
    assert_eq!(done.says, ["Tag fresh:1 set to quay.io/acme/new:1."]);
    let draft = only(&done);
    assert!(draft.fresh, "the stream comes into being");
    assert_eq!(
        draft.stream.status.tags,
        [],
        "nothing is recorded before it is imported"
    );
    let spec = draft.stream.spec_tag("1").unwrap();
    assert!(crate::model::Source::differs_on(spec), "it is pending");

    let done = world.tag("quay.io/acme/rails:next", "rails:dev", |w| {
        w.policies.scheduled = Some(true)
    });
    let done = done.unwrap();
    assert_eq!(
        done.says,
        ["Tag rails:dev set to import quay.io/acme/rails:next periodically."]
    );
}

#[test]
fn what_is_not_mentioned_stays_as_it_was() {
    let world = World::new();
    let done = world
        .tag("quay.io/acme/rails:next", "rails:dev", |_| ())
        .unwrap();
    let tag = only(&done).stream.spec_tag("dev").unwrap();
    assert!(tag.import_policy.scheduled, "upstream turns it off");
    assert_eq!(tag.reference_policy.kind, "Local");
    assert_eq!(
        tag.import_policy.import_mode.as_deref(),
        Some("PreserveOriginal")
    );
    assert_eq!(tag.annotations.get("description").as_deref(), Some("kept"));
    let done = world.tag("quay.io/acme/rails:next", "rails:dev", |w| {
        w.policies.scheduled = Some(false)
    });
    assert!(
        !only(&done.unwrap())
            .stream
            .spec_tag("dev")
            .unwrap()
            .import_policy
            .scheduled
    );
}

#[test]
fn a_tag_of_a_stream_is_taken_for_the_image_it_points_to_now() {
    let world = World::new();
    let done = world.tag("rails:dev", "rails:2.0", |_| ()).unwrap();
    let image = format!("rails@{}", digest("new"));
    assert_eq!(
        kind(&done, "2.0"),
        ("ImageStreamImage".to_owned(), image.clone())
    );
    assert_eq!(done.says, [format!("Tag rails:2.0 set to {image}.")]);
    let draft = only(&done);
    let event = draft.stream.head("2.0").unwrap();
    assert_eq!(
        event.created,
        Some("2026-01-05T09:00:00Z".parse().unwrap()),
        "now, to the second"
    );
    assert_eq!(
        event.docker_image_reference(),
        format!("quay.io/acme/rails@{}", digest("new"))
    );
    assert!(!crate::model::Source::differs_on(
        draft.stream.spec_tag("2.0").unwrap()
    ));
    let through = world.tag("rails:follows", "rails:2.0", |_| ()).unwrap();
    assert_eq!(kind(&through, "2.0").1, image, "through an alias");
    let string = world.tag("rails:string", "other:1", |_| ()).unwrap();
    assert_eq!(
        kind(&string, "1"),
        (
            "DockerImage".to_owned(),
            "quay.io/acme/rails:raw".to_owned()
        ),
        "a tag that keeps a string has no digest to take"
    );
    let elsewhere = world.tag("rails:dev", "team/shop:1", |_| ()).unwrap();
    let from = only(&elsewhere)
        .stream
        .spec_tag("1")
        .unwrap()
        .from
        .clone()
        .unwrap();
    assert_eq!(from.namespace.as_deref(), Some("default"));
    assert_eq!(elsewhere.says, [format!("Tag team/shop:1 set to {image}.")]);
}

#[test]
fn an_image_of_a_stream_is_named_by_the_beginning_of_its_digest() {
    let world = World::new();
    let old = digest("old");
    let done = world
        .tag(&format!("rails@{}", &old[..15]), "rails:2.0", |_| ())
        .unwrap();
    assert_eq!(kind(&done, "2.0").1, format!("rails@{old}"));
    let back = world
        .tag(&format!("rails@{old}"), "rails:dev", |_| ())
        .unwrap();
    let tag = only(&back).stream.spec_tag("dev").unwrap();
    assert!(
        !tag.import_policy.scheduled,
        "what stays on one image is never imported"
    );
    let draft = only(&back);
    let followed = draft.stream.head("follows").unwrap().image();
    assert_eq!(followed, old, "tags that track it follow");
}

#[test]
fn an_alias_follows_within_its_own_stream_only() {
    let world = World::new();
    let alias = |source: &str, to: &str| world.tag(source, to, |w| w.alias = true);
    let done = alias("rails:dev", "rails:stable").unwrap();
    assert_eq!(done.says, ["Tag rails:stable set up to track rails:dev."]);
    assert_eq!(
        kind(&done, "stable"),
        ("ImageStreamTag".to_owned(), "rails:dev".to_owned())
    );
    assert_eq!(
        only(&done).stream.head("stable").unwrap().created,
        Some("2026-01-02T08:00:00Z".parse().unwrap()),
        "the event is the target's own"
    );
    let early = alias("rails:not-yet", "rails:stable").unwrap();
    assert_eq!(
        only(&early).stream.head("stable"),
        None,
        "its target may come later"
    );
    for (source, to, says) in [
        (
            "rails:dev",
            "other:stable",
            "only a tag of the same image stream",
        ),
        (
            "team/rails:dev",
            "rails:stable",
            "only a tag of the same image stream",
        ),
        ("rails:dev", "rails:dev", "would follow itself"),
        ("rails:follows", "rails:dev", "would follow itself"),
        ("quay.io/acme/x:1", "rails:stable", "--alias follows a tag"),
    ] {
        let refused = alias(source, to).unwrap_err();
        assert!(
            refused.why.contains(says) && refused.usage && refused.help.is_some(),
            "{source} {refused}"
        );
    }
}

#[test]
fn a_reference_keeps_the_string_and_records_it_without_a_digest() {
    let world = World::new();
    let done = world.tag("quay.io/acme/x:1", "rails:raw", |w| {
        w.policies.reference = Some(true)
    });
    let done = done.unwrap();
    let draft = only(&done);
    let event = draft.stream.head("raw").unwrap();
    assert_eq!(
        (&*event.docker_image_reference(), &*event.image()),
        ("quay.io/acme/x:1", "")
    );
    assert!(!crate::model::Source::differs_on(
        draft.stream.spec_tag("raw").unwrap()
    ));
}

#[test]
fn several_tags_are_set_at_once() {
    let world = World::new();
    let done = world
        .tag("rails:dev", "rails:2.0", |w| {
            w.to.push("rails:2.1".to_owned())
        })
        .unwrap();
    assert_eq!(done.says.len(), 2);
    let names: Vec<&str> = only(&done)
        .stream
        .spec
        .tags
        .iter()
        .map(|t| t.name.as_str())
        .collect();
    assert_eq!(names, ["2.0", "2.1", "dev", "empty", "follows", "string"]);
}

#[test]
fn every_mistake_is_told_with_the_next_step() {
    let world = World::new();
    let scheduled = |w: &mut TagWish| w.policies.scheduled = Some(true);
    let insecure = |w: &mut TagWish| w.policies.insecure = Some(true);
    let istag = |w: &mut TagWish| w.kind = Some(SourceKind::ImageStreamTag);
    let isimage = |w: &mut TagWish| w.kind = Some(SourceKind::ImageStreamImage);
    let nothing = |_: &mut TagWish| ();
    type Row<'a> = (&'a str, &'a str, &'a dyn Fn(&mut TagWish), &'a str);
    let rows: &[Row<'_>] = &[
        ("quay.io/a/b:1", "rails", &nothing, "the tag is missing"),
        ("quay.io/a/b:1", "rails:1:2", &nothing, "two colons"),
        ("quay.io/a/b:1", "rails:-x", &nothing, "valid tag"),
        (
            "quay.io/a/b:1",
            "rails@sha256:12",
            &nothing,
            "by its digest",
        ),
        ("quay.io/a/b:1", "My/rails:1", &nothing, "namespace"),
        (
            "quay.io/A/b:1",
            "rails:1",
            &nothing,
            "not an image reference",
        ),
        ("rails:nosuch", "rails:1", &nothing, "has no tag `nosuch`"),
        (
            "nosuch:dev",
            "rails:1",
            &nothing,
            "no image stream `nosuch`",
        ),
        ("rails:empty", "rails:1", &nothing, "points to no image yet"),
        ("rails@ffffffff", "rails:1", &nothing, "ever pointed to"),
        ("rails@sha256:", "rails:1", &nothing, "several images"),
        (
            "rails:dev",
            "rails:1",
            &scheduled,
            "--scheduled is for images of registries",
        ),
        (
            "rails:dev",
            "rails:1",
            &insecure,
            "--insecure is for images of registries",
        ),
        ("quay.io/a/b:1", "rails:1", &istag, "names a registry"),
        ("rails", "rails:1", &istag, "the tag is missing"),
        ("rails", "rails:1", &isimage, "names no image of a stream"),
    ];
    for (source, to, change, says) in rows {
        let refused = world.refused(source, to, |wish| change(wish));
        assert!(refused.why.contains(says), "{source} -> {to}: {refused}");
        let helped = refused.help.is_some() || refused.why.contains("not an image reference");
        assert!(helped, "{source} -> {to}: {refused}");
    }
}

#[test]
fn whoever_moves_a_stages_tag_or_means_a_stream_is_warned() {
    let world = World::new();
    let moved = world.tag("rails:dev", "rails:qa", |_| ()).unwrap();
    assert!(
        moved.warnings[0].contains("headwater promote rails/qa"),
        "{:?}",
        moved.warnings
    );
    let bare = world.tag("rails", "other:1", |_| ()).unwrap();
    assert!(
        bare.warnings[0].contains("docker.io/library/rails"),
        "{:?}",
        bare.warnings
    );
}

#[test]
fn tags_are_taken_away_with_their_history_even_if_badly_named() {
    let world = World::new();
    let gone = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        delete(&names, scene(&world.docs, &world.namespace))
    };
    let done = gone(&["rails:dev"]).unwrap();
    assert_eq!(done.says, ["Deleted tag default/rails:dev."]);
    let stream = &only(&done).stream;
    assert!(stream.spec_tag("dev").is_none() && stream.status_tag("dev").is_none());
    assert!(
        done.warnings[0].contains("what tracked rails:dev") && done.warnings[0].contains("follows")
    );
    let refused = gone(&["nosuch:1"]).unwrap_err();
    assert!(refused.usage && refused.why.contains("no image stream `nosuch`"));
    assert!(
        gone(&["rails:-bad"])
            .unwrap_err()
            .why
            .contains("has no tag `-bad`")
    );
    assert!(gone(&["rails"]).unwrap_err().usage);
}
