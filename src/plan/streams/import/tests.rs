//! What `import-image` decides, row by row as upstream's table has them, and what its answers change.

use super::*;
use crate::model::{Digest, Namespace};
use crate::plan::streams::testing::{documents, scene};

const REPOSITORY: &str = "spec: {dockerImageRepository: repo.com/somens/someimage}\n";
const INSECURE_REPOSITORY: &str = "metadata: {name: testis, annotations: {openshift.io/image.insecureRepository: \"true\"}}\nspec: {dockerImageRepository: repo.com/somens/someimage}\n";
const EMPTY: &str = "spec: {}\n";

fn tags(tags: &[(&str, &str, &str)]) -> String {
    let tags = tags.iter().map(|(name, kind, from)| {
        format!("    - {{name: {name}, from: {{kind: {kind}, name: \"{from}\"}}}}\n")
    });
    format!("spec:\n  tags:\n{}", tags.collect::<String>())
}

fn docker(names: &[&str]) -> String {
    let froms: Vec<String> = names
        .iter()
        .map(|n| format!("repo.com/somens/someimage:{n}"))
        .collect();
    let rows: Vec<_> = names
        .iter()
        .zip(&froms)
        .map(|(n, f)| (*n, "DockerImage", f.as_str()))
        .collect();
    tags(&rows)
}

fn decided(body: Option<&str>, wish: &ImportWish) -> Result<What, Refused> {
    let text = body.map(|body| {
        let metadata = if body.contains("metadata:") {
            ""
        } else {
            "metadata: {name: testis}\n"
        };
        format!("apiVersion: image.openshift.io/v1\nkind: ImageStream\n{metadata}{body}")
    });
    let files: Vec<(&str, &str)> = text
        .iter()
        .map(|t| ("streams/testis.yaml", t.as_str()))
        .collect();
    let docs = crate::manifests::world::assemble_all(&files);
    let namespace: Namespace = "default".parse().unwrap();
    decide(wish, scene(&docs, &namespace)).map(|d| d.what)
}

fn wish(target: &str) -> ImportWish {
    ImportWish {
        target: target.to_owned(),
        ..ImportWish::default()
    }
}

fn imports(what: Result<What, Refused>) -> Vec<(String, String)> {
    match what.unwrap() {
        What::Tags(tags) => tags.into_iter().map(|i| (i.tag, i.from)).collect(),
        What::Repository { from, .. } => panic!("the whole of {from}"),
    }
}

fn one_of(what: Result<What, Refused>) -> Policies {
    match what.unwrap() {
        What::Tags(mut tags) => tags.remove(0).policies,
        What::Repository { policies, .. } => policies,
    }
}

fn says(what: Result<What, Refused>) -> String {
    let refused = what.unwrap_err();
    format!(
        "{refused} | {}",
        refused.help.as_deref().unwrap_or_default()
    )
}

fn pair(tag: &str, from: &str) -> Vec<(String, String)> {
    vec![(tag.to_owned(), from.to_owned())]
}

#[test]
fn a_stream_that_is_not_there_is_made_only_when_confirmed() {
    assert!(says(decided(None, &wish("nonexisting"))).contains("--confirm"));
    let confirmed = ImportWish {
        confirm: true,
        ..wish("nonexisting")
    };
    assert_eq!(
        imports(decided(None, &confirmed)),
        pair("latest", "nonexisting")
    );
    let from = ImportWish {
        from: Some("quay.io/keycloak/keycloak:25.0.2".to_owned()),
        ..ImportWish {
            confirm: true,
            ..wish("keycloak:25.0")
        }
    };
    assert_eq!(
        imports(decided(None, &from)),
        pair("25.0", "quay.io/keycloak/keycloak:25.0.2")
    );
    let all = ImportWish {
        all: true,
        ..confirmed
    };
    assert!(
        matches!(decided(None, &all), Ok(What::Repository { from, .. }) if from.to_string() == "nonexisting")
    );
}

#[test]
fn a_recorded_repository_serves_latest_and_all() {
    let body = Some(REPOSITORY);
    assert_eq!(
        imports(decided(body, &wish("testis"))),
        pair("latest", "repo.com/somens/someimage")
    );
    assert!(says(decided(body, &wish("testis:nonexisting"))).contains("no tag `nonexisting`"));
    let all = ImportWish {
        all: true,
        ..wish("testis")
    };
    assert!(
        matches!(decided(body, &all), Ok(What::Repository { from, .. }) if from.to_string() == "repo.com/somens/someimage")
    );
    let other = ImportWish {
        from: Some("totally/different".to_owned()),
        ..all
    };
    assert!(says(decided(body, &other)).contains("--confirm"));
    let confirmed = ImportWish {
        confirm: true,
        ..other
    };
    assert!(
        matches!(decided(body, &confirmed), Ok(What::Repository { from, .. }) if from.to_string() == "totally/different")
    );
}

#[test]
fn all_takes_every_tag_of_a_registry() {
    let all = ImportWish {
        all: true,
        ..wish("testis")
    };
    let body = docker(&["latest", "other"]);
    let found = imports(decided(Some(&body), &all));
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].1, "repo.com/somens/someimage:other");
    let none = tags(&[("latest", "ImageStreamTag", "otheris:latest")]);
    assert!(
        says(decided(Some(&none), &all)).contains("no tag that takes its image from a registry")
    );
}

#[test]
fn one_tag_is_imported_from_where_it_says() {
    for (target, names, tag) in [
        ("testis:latest", ["latest", "b"], "latest"),
        ("testis:existing", ["existing", "b"], "existing"),
        ("testis:mytag", ["mytag", "b"], "mytag"),
        ("testis", ["latest", "b"], "latest"),
    ] {
        let found = imports(decided(Some(&docker(&names)), &wish(target)));
        assert_eq!(
            found,
            pair(tag, &format!("repo.com/somens/someimage:{tag}")),
            "{target}"
        );
    }
    assert!(says(decided(Some(EMPTY), &wish("testis"))).contains("no tag `latest`"));
    assert!(
        says(decided(
            Some(&docker(&["nonlatest"])),
            &wish("testis:latest")
        ))
        .contains("nonlatest")
    );
    let from = ImportWish {
        from: Some("quay.io/a/b:9".to_owned()),
        ..wish("testis:new")
    };
    assert_eq!(
        imports(decided(Some(EMPTY), &from)),
        pair("new", "quay.io/a/b:9")
    );
}

#[test]
fn an_alias_imports_what_it_follows_in_the_end() {
    let body = tags(&[
        ("mytag", "DockerImage", "repo.com/somens/someimage:mytag"),
        ("other1", "ImageStreamTag", "testis:mytag"),
        ("other2", "ImageStreamTag", "other1"),
    ]);
    for target in ["testis:mytag", "testis:other1", "testis:other2"] {
        let found = imports(decided(Some(&body), &wish(target)));
        assert_eq!(
            found,
            pair("mytag", "repo.com/somens/someimage:mytag"),
            "{target}"
        );
    }
    for (from, expected) in [
        ("otherimage:mytag", "a tag of another stream"),
        ("mytag", "in a circle"),
        ("nonexisting", "has no tag `nonexisting`"),
    ] {
        let body = tags(&[("mytag", "ImageStreamTag", from)]);
        let told = says(decided(Some(&body), &wish("testis:mytag")));
        assert!(told.contains(expected), "{from}: {told}");
    }
}

#[test]
fn another_source_is_the_business_of_tag() {
    let body = docker(&["mytag"]);
    let other = ImportWish {
        from: Some("quay.io/a/b:1".to_owned()),
        confirm: true,
        ..wish("testis:mytag")
    };
    assert!(
        says(decided(Some(&body), &other)).contains("headwater tag quay.io/a/b:1 testis:mytag")
    );
    let pinned = tags(&[("mytag", "ImageStreamImage", "testis@sha256:12")]);
    assert!(
        says(decided(Some(&pinned), &wish("testis:mytag")))
            .contains("not imported from a registry")
    );
    let pushed = "spec:\n  tags: [{name: mytag}]\n";
    assert!(says(decided(Some(pushed), &wish("testis:mytag"))).contains("has no source"));
    assert!(says(decided(None, &wish("testis@sha256:12"))).contains("never changes"));
    let both = ImportWish {
        all: true,
        ..wish("testis:mytag")
    };
    assert!(says(decided(Some(&body), &both)).contains("do not go together"));
}

#[test]
fn insecure_comes_from_the_flag_else_from_the_stream() {
    let asked = |flag: Option<bool>| ImportWish {
        policies: Policies {
            insecure: flag,
            ..Policies::default()
        },
        ..wish("testis")
    };
    let insecure = |body: &str, flag| one_of(decided(Some(body), &asked(flag))).insecure;
    assert_eq!(insecure(INSECURE_REPOSITORY, None), Some(true));
    assert_eq!(
        insecure(INSECURE_REPOSITORY, Some(false)),
        Some(false),
        "the flag is stronger"
    );
    assert_eq!(insecure(REPOSITORY, Some(true)), Some(true));
    assert_eq!(insecure(REPOSITORY, None), Some(false));
}

#[test]
fn scheduling_is_never_taken_away_by_not_being_said() {
    let body = "spec:\n  tags:\n    - {name: mytag, from: {kind: DockerImage, name: \"repo.com/a/b:1\"}, importPolicy: {scheduled: true, importMode: PreserveOriginal}}\n    - {name: other, from: {kind: DockerImage, name: \"repo.com/a/b:2\"}}\n";
    let all = |flag: Option<bool>| ImportWish {
        all: true,
        policies: Policies {
            scheduled: flag,
            ..Policies::default()
        },
        ..wish("testis")
    };
    let scheduled = |flag| match decided(Some(body), &all(flag)).unwrap() {
        What::Tags(tags) => tags
            .iter()
            .map(|i| i.policies.scheduled == Some(true))
            .collect::<Vec<_>>(),
        What::Repository { .. } => panic!("tags"),
    };
    assert_eq!(scheduled(None), [true, false]);
    assert_eq!(scheduled(Some(true)), [true, true]);
    let one = one_of(decided(Some(body), &wish("testis:mytag")));
    assert_eq!(one.scheduled, Some(true));
    assert_eq!(
        one.import_mode.as_deref(),
        Some("PreserveOriginal"),
        "upstream turns it back to Legacy"
    );
}

#[test]
fn policies_reach_tags_and_repositories() {
    let asked = |all: bool| ImportWish {
        all,
        policies: Policies {
            reference_policy: Some("Local".to_owned()),
            scheduled: Some(true),
            import_mode: Some("PreserveOriginal".to_owned()),
            ..Policies::default()
        },
        ..wish("testis")
    };
    for (body, all) in [
        (REPOSITORY.to_owned(), true),
        (docker(&["latest"]), false),
        (docker(&["latest"]), true),
    ] {
        let policies = one_of(decided(Some(&body), &asked(all)));
        assert_eq!(policies.reference_policy.as_deref(), Some("Local"));
        assert_eq!(policies.scheduled, Some(true));
        assert_eq!(policies.import_mode.as_deref(), Some("PreserveOriginal"));
    }
    let local = "spec:\n  tags:\n    - {name: latest, from: {kind: DockerImage, name: \"repo.com/a/b:1\"}, referencePolicy: {type: Source}}\n";
    assert_eq!(
        one_of(decided(Some(local), &asked(false))).reference_policy,
        None,
        "one that is there is never changed"
    );
}

#[test]
fn an_answer_moves_spec_source_and_event_together_and_only_once() {
    let app = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: app}\nspec:\n  tags:\n    - {name: dev, from: {kind: DockerImage, name: \"quay.io/acme/app:main\"}}\n    - {name: tip, from: {kind: ImageStreamTag, name: dev}}\n";
    let docs = documents(&[("streams/app.yaml", app)]);
    let namespace = "default".parse().unwrap();
    let image = |word: &str| -> PinnedImage {
        format!("quay.io/acme/app@{}", Digest::sha256(word.as_bytes()))
            .parse()
            .unwrap()
    };
    let answer = |scene: Scene<'_>, word: &str| {
        let decided = decide(&wish("app:dev"), scene).unwrap();
        let What::Tags(tags) = decided.what else {
            panic!("a tag")
        };
        imported(
            &decided.stream,
            &[(tags[0].clone(), image(word))],
            None,
            scene,
        )
        .unwrap()
    };
    let done = answer(scene(&docs, &namespace), "one");
    let draft = done.changes.values().next().unwrap();
    for tag in ["dev", "tip"] {
        let head = draft.stream.head(tag).unwrap();
        assert_eq!(head.image(), Digest::sha256(b"one").to_string(), "{tag}");
        assert_eq!(head.generation, 1);
    }
    assert!(!Source::differs_on(draft.stream.spec_tag("dev").unwrap()));
    // The file as it is then, asked again: nothing is left to say.
    let text = crate::manifests::edit::edit_stream(
        &"streams/app.yaml".parse().unwrap(),
        app,
        0,
        &draft.edits,
    )
    .unwrap();
    let docs = documents(&[("streams/app.yaml", &text)]);
    let again = answer(scene(&docs, &namespace), "one");
    let edits = again
        .changes
        .values()
        .next()
        .map(|d| d.edits.clone())
        .unwrap_or_default();
    let path = "streams/app.yaml".parse().unwrap();
    assert_eq!(
        crate::manifests::edit::edit_stream(&path, &text, 0, &edits).unwrap(),
        text
    );
    let moved = answer(scene(&docs, &namespace), "two");
    let items = &moved
        .changes
        .values()
        .next()
        .unwrap()
        .stream
        .status_tag("dev")
        .unwrap()
        .items;
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].generation, 2);
}

#[test]
fn a_repository_that_was_imported_by_hand_is_no_more_imported_by_passes() {
    let text = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\n{}",
        REPOSITORY.replace("spec:", "metadata: {name: testis}\nspec:")
    );
    let docs = documents(&[("streams/testis.yaml", &text)]);
    let namespace = "default".parse().unwrap();
    let scene = scene(&docs, &namespace);
    let all = ImportWish {
        all: true,
        ..wish("testis")
    };
    let decided = decide(&all, scene).unwrap();
    let What::Repository { from, policies } = decided.what else {
        panic!("a repository")
    };
    let import = Import {
        tag: "1".to_owned(),
        from: format!("{from}:1"),
        reference: format!("{from}:1").parse().unwrap(),
        policies,
    };
    let answers = [(import, from.at(Digest::sha256(b"one")))];
    let pending = |whole| {
        let done = imported(&decided.stream, &answers, whole, scene).unwrap();
        let draft = done.changes.values().next().unwrap();
        draft.stream.pending_repository().is_some()
    };
    let other = "quay.io/a/b".to_owned().try_into().unwrap();
    assert_eq!(
        (pending(Some(&from)), pending(Some(&other)), pending(None)),
        (false, true, true)
    );
}
