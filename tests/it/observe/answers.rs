//! Answers: what registries and Git objects say, what is remembered of it, and how it is told again at a desk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater::demo::registry::{BuildSpec, EmbeddedRegistry};
use headwater::model::BlobId;
use headwater::observe::Progress;
use headwater::plan::facts::{Facts, Outcome};
use headwater::plan::question::{Describe, Resolve};
use headwater::plan::{FileEntry, Question, plan};

use super::*;

/// Registry settings by which `quay.io` is the embedded registry.
fn settings(registry: &EmbeddedRegistry) -> RegistrySettings {
    let url = registry.url();
    serde_yaml::from_str(&format!("registries: [{{host: quay.io, mirror: '{url}'}}]")).unwrap()
}

fn resolve(reference: &str) -> Resolve {
    Resolve {
        reference: reference.parse().unwrap(),
        namespace: "default".parse().unwrap(),
        insecure: false,
    }
}

#[tokio::test]
async fn questions_are_answered_and_failures_are_answers() {
    let world = World::new();
    let base = world.base();
    base.commit(
        "main",
        "Begin",
        &[
            file(STREAM, stream(&[imported("one")])),
            file("bin", [0xff]),
        ],
    );
    let registry = EmbeddedRegistry::start().await.unwrap();
    let labels = BTreeMap::from([("version".to_owned(), "1.2.3".to_owned())]);
    let spec = BuildSpec {
        labels: labels.clone(),
        ..BuildSpec::default()
    };
    let pushed = registry.push("acme/myapp", "main", spec);
    let told = Arc::new(AtomicUsize::new(0));
    let last = Arc::clone(&told);
    let progress = Progress::new(move |done, total| {
        last.fetch_max(10 * done + total, Ordering::Relaxed);
    });
    let observer = world
        .observer_with(&base, settings(&registry))
        .with_progress(progress);
    let mut observed = observer.observe(now()).await.unwrap();

    let image = format!("quay.io/acme/myapp@{pushed}").parse().unwrap();
    let describe = Describe {
        image,
        namespace: "default".parse().unwrap(),
    };
    let known = resolve("quay.io/acme/myapp:main");
    let unknown = resolve("quay.io/acme/myapp:none");
    let forbidden = resolve("evil.example/a:b");
    let FileEntry { blob, .. } = &observed.snapshot.files[&STREAM.parse().unwrap()];
    let (text, binary, missing) = (blob.clone(), BlobId::of(&[0xff]), BlobId::of(b"nowhere"));
    let mut questions: Vec<Question> = [&known, &unknown, &forbidden, &known]
        .map(|question| Question::Resolve(question.clone()))
        .into();
    questions.push(Question::Describe(describe.clone()));
    questions.extend([&text, &binary, &missing].map(|id| Question::Blob(id.clone())));
    observer.answer(&mut observed, &questions).await.unwrap();

    let outcome = |question: &Resolve| observed.facts.resolved[question].outcome.clone();
    assert!(
        matches!(outcome(&known), Outcome::Ok(found) if found.digest == pushed && !found.is_index())
    );
    assert!(
        matches!(outcome(&unknown), Outcome::Failed(f) if f.reason == "NotFound" && !f.transient)
    );
    assert!(matches!(outcome(&forbidden), Outcome::Failed(f) if f.reason == "Forbidden"));
    assert_eq!(observed.facts.resolved[&known].at, now());
    let described = &observed.facts.described[&describe].outcome;
    assert!(
        matches!(described, Outcome::Ok(f) if f.labels == labels && f.platforms == ["linux/amd64"]),
        "{described:?}"
    );
    assert!(
        observed.blobs[&text]
            .as_ref()
            .unwrap()
            .contains("ImageStream")
    );
    assert_eq!(
        (&observed.blobs[&binary], &observed.blobs[&missing]),
        (&None, &None)
    );
    assert_eq!(
        told.load(Ordering::Relaxed),
        44,
        "four different questions for registries"
    );
}

#[tokio::test]
async fn what_never_changes_is_not_asked_again() {
    let world = World::new();
    let base = world.base();
    base.commit("main", "Begin", &[file(STREAM, stream(&[imported("one")]))]);
    let registry = EmbeddedRegistry::start().await.unwrap();
    let pushed = registry.push("acme/myapp", "main", BuildSpec::default());
    let describe = Describe {
        image: format!("quay.io/acme/myapp@{pushed}").parse().unwrap(),
        namespace: "default".parse().unwrap(),
    };
    let observer = world.observer_with(&base, settings(&registry));
    let mut observed = observer.observe(now()).await.unwrap();
    let blob = observed.snapshot.files[&STREAM.parse().unwrap()]
        .blob
        .clone();
    let ask = [
        Question::Describe(describe.clone()),
        Question::Blob(blob.clone()),
    ];
    observer.answer(&mut observed, &ask).await.unwrap();
    let asked = registry.requests().len();

    let next = observer.observe(now()).await.unwrap();
    assert!(next.facts.described.contains_key(&describe) && next.blobs.contains_key(&blob));
    let restarted = world.observer_with(&base, settings(&registry));
    let mut observed = restarted.observe(now()).await.unwrap();
    assert!(observed.facts.described.is_empty());
    restarted.answer(&mut observed, &ask).await.unwrap();
    let described = &observed.facts.described[&describe].outcome;
    assert!(matches!(described, Outcome::Ok(_)));
    assert_eq!(registry.requests().len(), asked);

    // A content that is gone from the base is not carried any further.
    base.commit("main", "Go on", &[file(STREAM, stream(&[imported("two")]))]);
    assert!(observer.observe(now()).await.unwrap().blobs.is_empty());
}

#[tokio::test]
async fn checks_are_remembered_by_tag_and_across_restarts() {
    let world = World::new();
    let base = world.base();
    base.commit(
        "main",
        "Begin",
        &[file(
            STREAM,
            stream(&[imported("one"), promoted("one", "x")]),
        )],
    );
    let registry = EmbeddedRegistry::start().await.unwrap();
    let pushed = registry.push("acme/myapp", "main", BuildSpec::default());
    let observer = world.observer_with(&base, settings(&registry));
    let ask = [Question::Resolve(resolve("quay.io/acme/myapp:main"))];

    let mut observed = observer.observe(now()).await.unwrap();
    assert!(observed.facts.memory.is_empty());
    observer.answer(&mut observed, &ask).await.unwrap();
    assert!(
        observed.facts.memory.is_empty(),
        "a pass goes on with the memory it began with"
    );
    let memory = observer.observe(now()).await.unwrap().facts.memory;
    assert_eq!(memory.len(), 1, "a promoted tag is not checked");
    assert_eq!(memory[&key("dev")].last_success, Some(now()));
    assert_eq!(memory[&key("dev")].seen, Some((pushed, now())));

    registry.untag("acme/myapp", "main");
    let restarted = world.observer_with(&base, settings(&registry));
    let mut observed = restarted.observe(now()).await.unwrap();
    assert_eq!(observed.facts.memory, memory);
    restarted.answer(&mut observed, &ask).await.unwrap();
    let failed = &restarted.observe(now()).await.unwrap().facts.memory[&key("dev")];
    assert_eq!((failed.failures, failed.reason.as_str()), (1, "NotFound"));
    assert!(failed.next_try.is_some_and(|at| at > now()));

    let path = world.cached("memory.json");
    for bad in ["", "{", "{\"v\": 2, \"tags\": {}}", "[1, 2]"] {
        std::fs::write(&path, bad).unwrap();
        let memory = world.observe(&base).await.facts.memory;
        assert!(memory.is_empty(), "{bad}");
    }
}

#[tokio::test]
async fn files_of_what_moved_are_read_before_a_plan_asks_for_them() {
    let world = World::new();
    let base = world.base();
    base.commit("main", "Begin", &[file(STREAM, stream(&[imported("one")]))]);
    let registry = EmbeddedRegistry::start().await.unwrap();
    registry.push("acme/myapp", "main", BuildSpec::default());
    let observer = world.observer_with(&base, settings(&registry));
    let mut observed = observer.observe(now()).await.unwrap();
    let asked = plan(&observed).questions;
    observer.answer(&mut observed, &asked).await.unwrap();

    let mut slow = observed.clone();
    let asked = plan(&slow).questions;
    assert!(matches!(asked[..], [Question::Blob(_)]), "{asked:?}");
    observer.answer(&mut slow, &asked).await.unwrap();
    observer.read_ahead(&mut observed).await.unwrap();
    let made = plan(&observed);
    assert_eq!(made, plan(&slow), "it is the plan that asking gives");
    assert!(made.questions.is_empty() && !made.effects.is_empty());
    assert_eq!(observed.blobs.len(), 1);

    // What is not new is not read: the same answer again, now that the base holds it.
    let answer = observed.facts.resolved.values().next().unwrap();
    let Outcome::Ok(resolved) = &answer.outcome else {
        panic!("{answer:?}");
    };
    let held = stream(&[imported("one")]).replace(digest("one").as_str(), resolved.digest.as_str());
    base.commit("main", "Move", &[file(STREAM, held)]);
    let mut observed = observer.observe(now()).await.unwrap();
    let ask = [Question::Resolve(resolve("quay.io/acme/myapp:main"))];
    observer.answer(&mut observed, &ask).await.unwrap();
    observer.read_ahead(&mut observed).await.unwrap();
    assert!(observed.blobs.is_empty());
}

#[tokio::test]
async fn recorded_facts_give_the_same_observation_at_a_desk() {
    let world = World::new();
    let base = world.base();
    base.commit_as(
        OURS,
        "main",
        "1",
        &[file(STREAM, stream(&[imported("one")]))],
    );
    let registry = EmbeddedRegistry::start().await.unwrap();
    registry.push("acme/myapp", "main", BuildSpec::default());
    let observer = world.observer_with(&base, settings(&registry));
    let mut observed = observer.observe(now()).await.unwrap();
    let ask = [Question::Resolve(resolve("quay.io/acme/myapp:main"))];
    observer.answer(&mut observed, &ask).await.unwrap();
    let recorded = serde_json::to_string(&observed.facts).unwrap();
    base.commit_as(
        OURS,
        "main",
        "2",
        &[file(STREAM, stream(&[imported("two")]))],
    );
    let asked = registry.requests().len();
    let cached = std::fs::read(world.cached("history.jsonl")).unwrap();

    let desk = world.observer_with(&base, settings(&registry));
    let facts: Facts = serde_json::from_str(&recorded).unwrap();
    let mut replayed = desk.replay(facts).await.unwrap();
    assert_eq!(replayed.snapshot.commit, observed.snapshot.commit);
    assert_eq!(replayed.snapshot.branch, "main");
    assert_eq!(replayed.snapshot.documents, observed.snapshot.documents);
    assert_eq!(replayed.snapshot.files, observed.snapshot.files);
    assert_eq!(replayed.history, observed.history);
    assert_eq!(replayed.facts, observed.facts);
    let FileEntry { blob, .. } = &replayed.snapshot.files[&STREAM.parse().unwrap()];
    let (blob, more) = (blob.clone(), resolve("quay.io/acme/myapp:else"));
    let ask = [
        Question::Blob(blob.clone()),
        Question::Resolve(more.clone()),
    ];
    desk.answer_from_objects(&mut replayed, &ask).await.unwrap();
    assert!(replayed.blobs[&blob].is_some() && !replayed.facts.resolved.contains_key(&more));
    assert_eq!(registry.requests().len(), asked);
    assert_eq!(
        std::fs::read(world.cached("history.jsonl")).unwrap(),
        cached
    );

    let mut facts: Facts = serde_json::from_str(&recorded).unwrap();
    facts.commit = "0123456789".repeat(4).parse().unwrap();
    let error = desk.replay(facts).await.unwrap_err();
    assert!(
        error.to_string().starts_with("commit `0123456789"),
        "{error}"
    );
}
