//! Streams that import a whole repository, at a desk: which tags get a wish, once, and what a list that fails means.

use std::sync::Arc;

use super::Whole;
use crate::model::{StreamKey, TagKey, Timestamp};
use crate::plan::facts::{Answer, Failure, Listing, Outcome, Resolved};
use crate::plan::kit::{Kit, at, digest};
use crate::plan::question::{List, Resolve};
use crate::plan::{Effect, Observation, Plan, Question, State, plan};

const NOW: i64 = 1_000;
const HEAD: &str =
    "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: x, namespace: other}\n";
const WHOLE: &str = "spec:\n  dockerImageRepository: q.io/acme/x # all of it\n";

fn key() -> StreamKey {
    "other/x".to_owned().try_into().unwrap()
}

fn observed(text: &str, others: &[(&str, &str)]) -> Observation {
    let mut files = vec![("streams/x.yaml", text)];
    files.extend(others);
    Kit::new(&files).now(NOW).observe()
}

fn list() -> List {
    List {
        repository: "q.io/acme/x".to_owned().try_into().unwrap(),
        namespace: "other".parse().unwrap(),
        insecure: false,
    }
}

fn resolve(tag: &str) -> Resolve {
    Resolve {
        reference: format!("q.io/acme/x:{tag}").parse().unwrap(),
        namespace: "other".parse().unwrap(),
        insecure: false,
    }
}

fn answer_at<T>(obs: &Observation, outcome: Outcome<T>) -> Answer<T> {
    Answer {
        at: obs.facts.now,
        ..answer(outcome)
    }
}

fn answer<T>(outcome: Outcome<T>) -> Answer<T> {
    Answer {
        at: at(NOW),
        asked: None,
        outcome,
    }
}

fn failure(transient: bool) -> Failure {
    Failure {
        reason: if transient {
            "InternalError"
        } else {
            "NotFound"
        }
        .to_owned(),
        message: "it is not there".to_owned(),
        canonical: "dockerimage not found".to_owned(),
        transient,
        party: None,
        retry_at: None,
    }
}

fn lists(obs: &mut Observation, tags: &[&str]) {
    let tags = tags.iter().map(|tag| (*tag).into()).collect();
    let listing = answer_at(obs, Outcome::Ok(Listing { tags }));
    obs.facts.listed.insert(list(), listing);
}

fn resolves(obs: &mut Observation, tags: &[&str]) {
    for tag in tags {
        let resolved = Resolved {
            digest: digest(tag),
            media_type: String::new(),
        };
        let resolved = answer(Outcome::Ok(resolved));
        obs.facts.resolved.insert(resolve(tag), resolved);
    }
}

fn asked(plan: &Plan) -> Vec<String> {
    let shown = plan.questions.iter().filter_map(|question| match question {
        Question::Resolve(q) => Some(q.reference.to_string()),
        Question::List(q) => Some(format!("all of {}", q.repository)),
        _ => None,
    });
    shown.collect()
}

/// The stream's file as it is pushed, if anything is.
fn pushed(plan: &Plan) -> Option<(String, String)> {
    plan.effects.iter().find_map(|effect| match effect {
        Effect::PushBase { commit, .. } => {
            let text = commit.files.values().next()?.clone()?;
            Some((commit.message.clone(), text))
        }
        _ => None,
    })
}

/// Takes in what was answered, as an observer does it after the pass.
fn learn(obs: &mut Observation) {
    let stream = &obs.snapshot.documents.streams[&key()].value;
    let (key, facts) = (key(), &mut obs.facts);
    let learnt = Whole::of(&key, stream).unwrap().learn(
        &facts.memory,
        facts.listed.get(&list()),
        &facts.resolved,
        "15m".parse().unwrap(),
    );
    facts.memory = Arc::new(learnt);
    facts.listed.clear();
    facts.resolved.clear();
}

#[test]
fn a_whole_repository_is_imported_once_in_one_commit_and_wished_tags_stay_as_they_are() {
    let text = format!(
        "{HEAD}{WHOLE}  tags:\n    - name: '1.1'\n      from: {{kind: DockerImage, name: 'q.io/else/where:7'}}\n      reference: true\n"
    );
    let mut obs = observed(&text, &[]);
    assert_eq!(asked(&plan(&obs)), ["all of q.io/acme/x"]);
    lists(&mut obs, &["1.0", "1.1", "latest"]);
    assert_eq!(
        asked(&plan(&obs)),
        ["q.io/acme/x:1.0", "q.io/acme/x:latest"]
    );
    resolves(&mut obs, &["1.0", "latest"]);
    let (message, text) = pushed(&plan(&obs)).unwrap();
    assert!(
        message.contains("Record repository of x: 2 of 3 tags of q.io/acme/x"),
        "{message}"
    );
    for wanted in [
        "dockerImageRepository: q.io/acme/x # all of it",
        "name: 'q.io/else/where:7'",
        "q.io/acme/x:1.0",
        "q.io/acme/x:latest",
        digest("latest").as_str(),
        digest("1.0").as_str(),
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("scheduled"), "{text}");

    // Once: new tags of the registry and its failures are nothing to it any more.
    let obs = observed(&text, &[]);
    let made = plan(&obs);
    assert_eq!((asked(&made), pushed(&made)), (vec![], None), "{text}");
    assert_eq!(made.holds, [], "{text}");
    // Another repository is another import, which takes the tags that are not wished yet.
    let moved = text.replace("Repository: q.io/acme/x", "Repository: q.io/acme/y");
    let made = plan(&observed(&moved, &[]));
    assert_eq!(asked(&made), ["all of q.io/acme/y"]);
}

#[test]
fn of_a_large_repository_the_foremost_fifty_are_imported() {
    let mut obs = observed(&format!("{HEAD}{WHOLE}"), &[]);
    let tags: Vec<String> = (0..70).map(|minor| format!("1.{minor}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).chain(["latest"]).collect();
    lists(&mut obs, &tags);
    let made = plan(&obs);
    let asked = asked(&made);
    assert_eq!(asked.len(), 50);
    for (tag, wanted) in [
        ("latest", true),
        ("1.69", true),
        ("1.21", true),
        ("1.20", false),
    ] {
        assert_eq!(
            asked.contains(&format!("q.io/acme/x:{tag}")),
            wanted,
            "{tag}"
        );
    }
    resolves(&mut obs, &tags);
    let (message, text) = pushed(&plan(&obs)).unwrap();
    assert!(
        message.contains("50 of 71 tags of q.io/acme/x"),
        "{message}"
    );
    assert_eq!(
        text.matches("- name: ").count() + text.matches("- tag: ").count(),
        100
    );
}

#[test]
fn a_list_that_fails_or_is_empty_changes_nothing_and_is_asked_for_later_and_later() {
    for (transient, listing) in [(true, None), (false, None), (false, Some([""; 0]))] {
        let mut obs = observed(&format!("{HEAD}{WHOLE}"), &[]);
        let mut waited = 0;
        for tries in 1..4 {
            match listing {
                Some(tags) => lists(&mut obs, &tags),
                None => {
                    let failed = answer_at(&obs, Outcome::Failed(failure(transient)));
                    obs.facts.listed.insert(list(), failed);
                }
            }
            let made = plan(&obs);
            assert_eq!(pushed(&made), None);
            let [hold] = &made.holds[..] else {
                panic!("{:?}", made.holds)
            };
            let state = if transient {
                State::Waiting
            } else {
                State::Broken
            };
            assert_eq!((hold.reason.as_str(), hold.state), ("ImportFailed", state));
            let next = hold.until.expect("it is tried again").as_second();
            let waits = next - obs.facts.now.as_second();
            assert!(waits > waited, "{tries}: {waits}");
            waited = waits;
            if !transient {
                let help = hold.help.as_deref().unwrap();
                assert!(
                    help.ends_with("mend `dockerImageRepository` in streams/x.yaml"),
                    "{help}"
                );
            }
            learn(&mut obs);
            obs.facts.settings.settle = Some("1m".parse().unwrap());
            let made = plan(&obs);
            assert_eq!(asked(&made), [""; 0], "not before its time");
            assert_eq!(made.holds.len(), 1, "and it is still told");
            obs.facts.now = Timestamp::from_second(next).unwrap();
        }
    }
}

#[test]
fn a_tag_that_fails_keeps_its_wish_and_is_tried_again_like_any_other() {
    let mut obs = observed(&format!("{HEAD}{WHOLE}"), &[]);
    lists(&mut obs, &["1.0", "2.0"]);
    resolves(&mut obs, &["1.0"]);
    let failed = answer(Outcome::Failed(failure(true)));
    obs.facts.resolved.insert(resolve("2.0"), failed);
    let made = plan(&obs);
    let (_, text) = pushed(&made).unwrap();
    assert!(
        text.contains("q.io/acme/x:2.0") && !text.contains("- tag: \"2.0\""),
        "{text}"
    );
    assert_eq!(made.holds.len(), 1, "{:?}", made.holds);
    learn(&mut obs);
    let tag = TagKey::new(key(), "2.0");
    let known = obs.facts.memory[&tag].clone();
    assert_eq!(
        (known.failures, known.source.as_str()),
        (1, "q.io/acme/x:2.0")
    );
    // The next pass knows it by that name, and waits.
    let mut next = observed(&text, &[]);
    next.facts.memory = Arc::new([(tag, known)].into());
    let made = plan(&next);
    assert_eq!((asked(&made).len(), made.holds.len()), (0, 1));
    let made = plan(&Observation {
        facts: crate::plan::facts::Facts {
            now: at(NOW + 5),
            ..next.facts.clone()
        },
        ..next
    });
    assert_eq!(asked(&made), ["q.io/acme/x:2.0"]);
}

#[test]
fn a_stage_begins_with_a_tag_of_the_repository_and_its_other_tags_are_left_to_promotions() {
    let pipeline = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: x, namespace: other}\nspec:\n  stages:\n    - {name: dev, environments: []}\n    - {name: qa, environments: []}\n";
    let mut obs = observed(
        &format!("{HEAD}{WHOLE}"),
        &[("pipelines/x/pipeline.yaml", pipeline)],
    );
    let problems = &obs.snapshot.documents.problems;
    assert!(problems.is_empty(), "{problems:?}");
    lists(&mut obs, &["dev", "other", "qa"]);
    assert_eq!(asked(&plan(&obs)), ["q.io/acme/x:dev", "q.io/acme/x:other"]);
    resolves(&mut obs, &["dev", "other"]);
    let made = plan(&obs);
    let (_, text) = pushed(&made).unwrap();
    assert!(
        text.contains("tag: dev") && text.contains("tag: other"),
        "{text}"
    );
    assert!(!text.contains("qa"), "{text}");
    assert_eq!(made.holds, []);
    // A list that fails stops the stage that waits for a tag of it.
    let failed = answer(Outcome::Failed(failure(false)));
    obs.facts.listed.insert(list(), failed);
    let made = plan(&obs);
    let states: Vec<State> = made.stages.iter().map(|stage| stage.state).collect();
    assert_eq!(states, [State::Broken, State::None]);
}

#[test]
fn tags_that_were_told_in_vain_are_not_asked_for_in_every_pass() {
    let mut obs = observed(&format!("{HEAD}{WHOLE}"), &[]);
    lists(&mut obs, &["1.0"]);
    learn(&mut obs);
    let mut told = |minutes: i64, settle: bool, refresh: bool| {
        obs.facts.now = at(NOW + minutes);
        obs.facts.settings.settle = settle.then(|| "1m".parse().unwrap());
        obs.facts.settings.refresh = refresh;
        let made = plan(&obs);
        let holds: Vec<String> = made.holds.iter().map(|hold| hold.reason.clone()).collect();
        (asked(&made).len(), holds.concat())
    };
    assert_eq!(
        told(0, true, false),
        (1, String::new()),
        "a lost race asks again at once"
    );
    assert_eq!(told(1, true, false), (0, "NotWritten".to_owned()));
    assert_eq!(
        told(1, true, true),
        (1, String::new()),
        "somebody wants to know now"
    );
    assert_eq!(
        told(1, false, false),
        (1, String::new()),
        "a single pass does not wait"
    );
    assert_eq!(told(15, true, false), (1, String::new()));
}

#[test]
fn where_tags_come_by_pull_request_a_whole_repository_is_for_a_verb() {
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: headwater}\nspec: {delivery: pullRequest}\n";
    let obs = observed(&format!("{HEAD}{WHOLE}"), &[("headwater.yaml", config)]);
    let made = plan(&obs);
    assert_eq!(asked(&made), [""; 0], "nobody is asked in vain");
    let help = made.holds[0].help.as_deref().unwrap();
    assert!(help.contains("--all --pull-request"), "{help}");
}
