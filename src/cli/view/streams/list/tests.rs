//! Upstream's printer tables, row by row.

use super::*;
use crate::model::Source;
use crate::model::image_stream::TagEventCondition;
use crate::model::promotion::{SOURCE, annotation};

fn now() -> Timestamp {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

fn before(hours: i64) -> Option<Timestamp> {
    now()
        .checked_sub(jiff::SignedDuration::from_hours(hours))
        .ok()
}

fn tag(kind: &str, namespace: Option<&str>, name: &str) -> TagReference {
    TagReference {
        from: Some(ObjectReference {
            kind: kind.to_owned().into(),
            namespace: namespace.map(str::to_owned),
            name: name.into(),
        }),
        ..TagReference::default()
    }
}

fn event(reference: &str, image: &str, generation: i64, created: Option<Timestamp>) -> TagEvent {
    TagEvent::new(created, reference, image, generation)
}

fn list(items: Vec<TagEvent>, conditions: Vec<TagEventCondition>) -> NamedTagEventList {
    NamedTagEventList {
        tag: String::new(),
        items,
        conditions,
    }
}

fn condition(status: &str, reason: &str, at: Option<Timestamp>) -> TagEventCondition {
    TagEventCondition {
        kind: "ImportSuccess".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        last_transition_time: at,
        ..TagEventCondition::default()
    }
}

fn row(spec: Option<&TagReference>, status: Option<&NamedTagEventList>) -> String {
    let mut foo = ImageStream::default();
    foo.metadata.name = "foo".to_owned();
    image_tag(&foo, spec, status, now()).join("|")
}

const PINNED: &str = "a@sha256:0000000000";

#[test]
fn a_tag_that_was_never_recorded_shows_what_is_wished() {
    let pinned = || tag("ImageStreamImage", Some("a"), PINNED);
    let reference = TagReference {
        reference: true,
        ..tag("DockerImage", None, "a/b:c")
    };
    let mut scheduled = tag("ImageStreamTag", Some("a"), "b:c");
    scheduled.import_policy.scheduled = true;
    let bare = tag("ImageStreamImage", Some("a"), "sha256:0000000000");
    for (spec, expected) in [
        (None, "|||"),
        (Some(TagReference::default()), "|||"),
        (Some(tag("", None, "")), "Tag|InvalidRefKind||"),
        (Some(reference), "Ref|a/b:c||"),
        (Some(tag("ImageStreamTag", None, "b:c")), "Tag|istag/b:c||"),
        (Some(bare), "Tag|InvalidRefName||"),
        (Some(scheduled), "Scheduled|istag a/b:c||"),
        (Some(pinned()), "Tag|image/sha256:0000000000||"),
    ] {
        assert_eq!(row(spec.as_ref(), None), expected);
    }
    let failed = list(vec![], vec![condition("False", "AbjectFailure", before(2))]);
    assert_eq!(
        row(Some(&pinned()), Some(&failed)),
        "Tag|ImportFailed (AbjectFailure)||2 hours ago"
    );
    let unclear = list(vec![], vec![condition("", "WithoutCondition", None)]);
    assert_eq!(
        row(Some(&pinned()), Some(&unclear)),
        "Tag|image/sha256:0000000000||"
    );
}

#[test]
fn a_tag_with_a_history_shows_its_head_and_who_moved_it() {
    let head = |image: &str, generation| event("", image, generation, before(48));
    let old = event("old/image:nowhere", "", 1, before(72));
    let unclear = || vec![condition("", "AbjectFailure", None)];
    let wished = |generation| TagReference {
        generation: Some(generation),
        ..tag("ImageStreamImage", Some("a"), PINNED)
    };
    let current = list(vec![head("sha256:0000000000", 2), old], unclear());
    assert_eq!(
        row(Some(&wished(2)), Some(&current)),
        "Tag|image/sha256:0000000000|2|2 days ago"
    );
    let alone = list(vec![head("sha256:0000000000", 2)], vec![]);
    assert_eq!(
        row(None, Some(&alone)),
        "Push|image/sha256:0000000000|1|2 days ago"
    );
    let over = list(
        vec![head("sha256:0000000002", 4), head("sha256:0000000001", 3)],
        vec![],
    );
    assert_eq!(
        row(Some(&wished(3)), Some(&over)),
        "Push|image/sha256:0000000002|2|2 days ago"
    );
    let string = list(vec![event("a/b:c", "", 2, before(48))], vec![]);
    assert_eq!(row(None, Some(&string)), "Push|a/b:c|1|2 days ago");
    let followed = list(vec![head("sha256:0000000002", 2)], vec![]);
    for name in ["other", "foo:other"] {
        let mut follower = tag("ImageStreamTag", None, name);
        follower.generation = Some(1);
        assert_eq!(
            row(Some(&follower), Some(&followed)),
            "Track|image/sha256:0000000002|1|2 days ago"
        );
    }
}

/// Upstream tells these by generations, which nobody writes here.
#[test]
fn whether_a_tag_is_importing_hangs_on_the_source_imported_last() {
    let mut app = tag("DockerImage", None, "quay.io/a:1");
    let head = list(
        vec![event("quay.io/a@sha256:1", "sha256:1", 9, None)],
        vec![],
    );
    assert_eq!(row(Some(&app), Some(&head)), "Tag|Importing|1|");
    let recorded = annotation(&Source::of(&app).unwrap());
    app.annotations.insert(SOURCE, recorded);
    app.generation = Some(2);
    assert_eq!(
        row(Some(&app), Some(&head)),
        "Tag|image/sha256:1|1|",
        "imported here, not pushed"
    );
    app.from.as_mut().unwrap().name = "quay.io/a:2".into();
    assert_eq!(row(Some(&app), Some(&head)), "Tag|Importing|1|");
}

fn named(tags: &[(&str, Option<i64>)]) -> Vec<NamedTagEventList> {
    let list = |(name, hours): &(&str, Option<i64>)| NamedTagEventList {
        tag: (*name).to_owned(),
        items: hours
            .map(|h| event("", "", 1, before(h)))
            .into_iter()
            .collect(),
        conditions: Vec::new(),
    };
    tags.iter().map(list).collect()
}

#[test]
fn tags_are_listed_by_the_age_of_their_heads_then_by_name() {
    let tags = |tags: &[(&str, Option<i64>)]| by_age(&named(tags)).join(" ");
    assert_eq!(
        tags(&[("other", Some(1)), ("latest", Some(0)), ("third", Some(2))]),
        "latest other third"
    );
    assert_eq!(
        tags(&[("b", Some(1)), ("c", None), ("a", Some(1))]),
        "a b c"
    );
}

#[test]
fn so_many_tags_are_shown_as_make_an_even_edge() {
    let shown = |names: &[&str]| {
        let tags: Vec<(&str, Option<i64>)> = names.iter().map(|name| (*name, None)).collect();
        super::tags(&named(&tags), 40)
    };
    assert_eq!(shown(&[]), "");
    assert_eq!(shown(&["a", "b"]), "a,b");
    let long = "x".repeat(60);
    assert_eq!(shown(&[&long]), long);
    assert_eq!(shown(&["a", &long]), "a + 1 more...");
    assert_eq!(shown(&[&long, "y"]), format!("{long} + 1 more..."));
    // 28 columns taken and 12 left: one of 20 would end ten columns behind the edge, one of 21 eleven.
    let (first, fits, not) = ("a".repeat(27), "b".repeat(21), "b".repeat(22));
    assert_eq!(shown(&[&first, &fits]), format!("{first},{fits}"));
    assert_eq!(shown(&[&first, &not]), format!("{first} + 1 more..."));
    // So little room is left that the edge is even enough.
    let nearly = "a".repeat(30);
    assert_eq!(
        shown(&[&nearly, "bbbbbbbbbb", "c"]),
        format!("{nearly} + 2 more...")
    );
}

#[test]
fn a_stream_shows_its_repository_and_when_it_moved() {
    let mut app = ImageStream::default();
    assert_eq!(stream(&app, now()).join("|"), "||");
    app.status.tags = named(&[("old", Some(50)), ("new", Some(2))]);
    app.status.docker_image_repository = Some("registry/internal".to_owned());
    assert_eq!(
        stream(&app, now()).join("|"),
        "registry/internal|new,old|2 hours ago"
    );
    app.spec.docker_image_repository = Some("quay.io/spec".to_owned());
    assert_eq!(stream(&app, now())[0], "quay.io/spec");
    app.status.public_docker_image_repository = Some("public/app".to_owned());
    assert_eq!(stream(&app, now())[0], "public/app");
}

#[test]
fn a_local_tag_is_referred_to_by_the_internal_registry_where_there_is_one() {
    let mut app = ImageStream::default();
    let mut local = tag("DockerImage", None, "quay.io/a:1");
    local.reference_policy.kind = "Local".into();
    let head = event("quay.io/a@sha256:1", "sha256:1", 1, before(1));
    let shown =
        |app: &ImageStream, tag: Option<&TagReference>| image(app, tag, &head, now())[0].clone();
    assert_eq!(shown(&app, Some(&local)), "quay.io/a@sha256:1");
    app.status.docker_image_repository = Some("internal/app".to_owned());
    assert_eq!(shown(&app, Some(&local)), "internal/app@sha256:1");
    assert_eq!(shown(&app, None), "quay.io/a@sha256:1");
}
