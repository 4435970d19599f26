//! Tags that follow a rule, at a desk: what is asked, what settles, and what a memory of earlier answers means.

use std::sync::Arc;

use crate::model::{TagKey, Timestamp};
use crate::plan::facts::{Answer, CheckMemory, Failure, FollowMemory, Listing, Outcome, Resolved};
use crate::plan::import::{Following, Followings, remember_follow};
use crate::plan::kit::{Kit, at, digest};
use crate::plan::question::{List, Resolve};
use crate::plan::{Effect, Observation, Plan, Question, plan};

const NOW: i64 = 1_000;
const SOURCE: &str = r#"{"importMode":"","kind":"DockerImage","name":"q.io/acme/x:1.0.0","namespace":"","reference":false}"#;

fn observed(rule: &str, from: &str, conditions: &str) -> Observation {
    let image = digest("1.0.0");
    let text = format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: x, namespace: other}}\nspec:\n  tags:\n    - name: main\n      annotations: {{headwater.dev/follow: '{rule}', headwater.dev/source: '{SOURCE}'}}\n      from: {{kind: DockerImage, name: '{from}'}}\nstatus:\n  tags:\n    - tag: main\n      items: [{{created: '2023-11-14T00:00:00Z', dockerImageReference: 'q.io/acme/x@{image}', image: '{image}', generation: 1}}]\n{conditions}"
    );
    Kit::new(&[("streams/x.yaml", &text)]).now(NOW).observe()
}

fn key() -> TagKey {
    TagKey::new("other/x".to_owned().try_into().unwrap(), "main")
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

fn answer<T>(outcome: Outcome<T>) -> Answer<T> {
    Answer {
        at: at(NOW),
        asked: None,
        outcome,
    }
}

fn failure() -> Failure {
    Failure {
        reason: "NotFound".to_owned(),
        message: "it is not there".to_owned(),
        canonical: "dockerimage not found".to_owned(),
        transient: false,
        party: None,
        retry_at: None,
    }
}

/// The registry has these tags, each with an image of its own.
fn has(obs: &mut Observation, tags: &[&str]) {
    let listing = Listing {
        tags: tags.iter().map(|tag| (*tag).into()).collect(),
    };
    obs.facts
        .listed
        .insert(list(), answer(Outcome::Ok(listing)));
    for tag in tags {
        let resolved = Resolved {
            digest: digest(tag),
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        };
        obs.facts
            .resolved
            .insert(resolve(tag), answer(Outcome::Ok(resolved)));
    }
}

fn remember(obs: &mut Observation, list: i64, follow: FollowMemory) {
    let checked = |minute| CheckMemory {
        last_check: Some(at(minute)),
        last_success: Some(at(minute)),
        ..CheckMemory::default()
    };
    let memory = CheckMemory {
        source: "q.io/acme/x:1.0.0".to_owned(),
        follow: Some(Box::new(FollowMemory {
            list: CheckMemory {
                source: "q.io/acme/x semver 1".to_owned(),
                failures: follow.list.failures,
                next_try: follow.list.next_try,
                heals: follow.list.heals,
                ..checked(list)
            },
            ..follow
        })),
        ..checked(0)
    };
    Arc::make_mut(&mut obs.facts.memory).insert(key(), memory);
}

fn newest(tag: &str) -> FollowMemory {
    FollowMemory {
        newest: Some(tag.to_owned()),
        tags: 3,
        ..FollowMemory::default()
    }
}

fn asked(plan: &Plan) -> Vec<String> {
    let shown = plan.questions.iter().filter_map(|question| match question {
        Question::Resolve(q) => Some(q.reference.to_string()),
        Question::List(q) => Some(q.repository.to_string()),
        _ => None,
    });
    shown.collect()
}

fn told(plan: &Plan) -> Vec<&str> {
    plan.holds.iter().map(|hold| hold.reason.as_str()).collect()
}

/// What the pushed stream says, if anything is pushed.
fn pushed(plan: &Plan) -> Option<String> {
    plan.effects.iter().find_map(|effect| match effect {
        Effect::PushBase { .. } => Some(format!("{effect:?}")),
        _ => None,
    })
}

#[test]
fn a_list_is_asked_for_when_nothing_is_known_when_the_rule_changes_and_after_the_interval() {
    let none: [&str; 0] = [];
    let of = |rule: &str, minutes_ago: i64| {
        let mut obs = observed(rule, "q.io/acme/x:1.0.0", "");
        remember(&mut obs, NOW - minutes_ago, newest("1.0.0"));
        asked(&plan(&obs))
    };
    assert_eq!(of("semver 1", 5), none, "not before its time");
    assert_eq!(of("semver 1", 20), ["q.io/acme/x"]);
    assert_eq!(
        of("semver 1", -20),
        ["q.io/acme/x"],
        "a clock that ran ahead knows nothing"
    );
    assert_eq!(
        of("semver 2", 5),
        ["q.io/acme/x"],
        "another rule, another choice"
    );
    let unknown = observed("semver 1", "q.io/acme/x:1.0.0", "");
    assert!(asked(&plan(&unknown)).contains(&"q.io/acme/x".to_owned()));
    // What was found and is not taken yet is asked for in every pass, without the list.
    let mut obs = observed("semver 1", "q.io/acme/x:1.0.0", "");
    remember(&mut obs, NOW - 5, newest("1.2.0"));
    assert_eq!(asked(&plan(&obs)), ["q.io/acme/x:1.2.0"]);
}

#[test]
fn a_newer_tag_settles_like_a_new_digest_where_passes_follow_each_other() {
    let mut obs = observed("semver 1", "q.io/acme/x:1.0.0", "");
    obs.facts.settings.settle = Some("2m".parse().unwrap());
    has(&mut obs, &["1.0.0", "1.1.0"]);
    let made = plan(&obs);
    assert_eq!((told(&made), pushed(&made)), (vec!["Settling"], None));
    for (minutes, settled) in [(1, false), (2, true)] {
        let next = CheckMemory {
            source: "q.io/acme/x:1.1.0".to_owned(),
            seen: Some((digest("1.1.0"), at(NOW - minutes))),
            ..CheckMemory::default()
        };
        remember(
            &mut obs,
            NOW - 5,
            FollowMemory {
                next,
                ..newest("1.1.0")
            },
        );
        let made = plan(&obs);
        assert_eq!(pushed(&made).is_some(), settled, "{minutes}");
        assert_eq!(told(&made).is_empty(), settled, "{minutes}");
    }
}

#[test]
fn neither_a_digest_nor_a_text_that_is_no_rule_is_followed() {
    let by_digest = format!("q.io/acme/x@{}", digest("1.0.0"));
    for (rule, from, words) in [
        ("semver 1", &*by_digest, "is a digest, which never changes"),
        ("newest", "q.io/acme/x:1.0.0", "is no policy"),
    ] {
        let obs = observed(rule, from, "");
        let made = plan(&obs);
        let hold = made.holds.iter().find(|hold| hold.reason == "NotFollowed");
        let hold = hold.unwrap_or_else(|| panic!("{rule}: {:?}", made.holds));
        assert!(hold.why.contains(words), "{}", hold.why);
        let help = hold.help.as_deref().unwrap();
        assert!(
            help.ends_with("`headwater.dev/follow` of tag main in streams/x.yaml"),
            "{help}"
        );
        assert!(!asked(&made).contains(&"q.io/acme/x".to_owned()));
    }
}

#[test]
fn a_condition_of_the_list_is_not_cleared_by_the_tag_that_is_well_and_asks_for_nothing_more() {
    let conditions = "      conditions: [{type: ImportSuccess, status: 'False', reason: NotFound, message: dockerimage not found, generation: 2}]\n";
    let mut obs = observed("semver 1", "q.io/acme/x:1.0.0", conditions);
    has(&mut obs, &["1.0.0"]);
    obs.facts
        .listed
        .insert(list(), answer(Outcome::Failed(failure())));
    let mut failing = newest("1.0.0");
    failing.list.failures = 3;
    failing.list.heals = true;
    failing.list.next_try = Some(at(NOW + 5));
    remember(&mut obs, NOW - 5, failing.clone());
    assert_eq!(asked(&plan(&obs)), [""; 0], "nothing is due");
    failing.list.next_try = Some(at(NOW));
    remember(&mut obs, NOW - 5, failing);
    let made = plan(&obs);
    assert_eq!((told(&made), pushed(&made)), (vec!["ImportFailed"], None));
    // The list comes again: the tag itself is asked for, and the condition goes.
    has(&mut obs, &["1.0.0"]);
    remember(&mut obs, NOW - 5, newest("1.0.0"));
    let made = plan(&obs);
    assert!(
        pushed(&made).is_some() && told(&made).is_empty(),
        "{:?}",
        made.holds
    );
}

#[test]
fn a_newest_tag_that_cannot_be_had_fails_for_itself_and_longer_each_time() {
    let obs = observed("semver 1", "q.io/acme/x:1.0.0", "");
    let stream = &obs.snapshot.documents.streams[&key().stream].value;
    let following = Following::of(&key().stream, &stream.spec.tags[0]).unwrap();
    let listing = Listing {
        tags: vec!["1.0.0".into(), "1.1.0".into()],
    };
    let lost = failure();
    let mut memory = CheckMemory::default();
    let mut learn = |minute: i64, list: Option<bool>, next: Option<bool>| -> FollowMemory {
        let when: Timestamp = at(minute);
        let answers = Followings {
            list: list.map(|ok| (when, if ok { Ok(&listing) } else { Err(&lost) })),
            head: None,
            interval: "15m".parse().unwrap(),
        };
        let good = Resolved {
            digest: digest("1.1.0"),
            media_type: String::new(),
        };
        memory.follow = remember_follow(&memory, &following, answers, |tag| {
            assert_eq!(tag, "1.1.0");
            next.map(|ok| (when, if ok { Ok(&good) } else { Err(&lost) }))
        });
        memory.follow.as_deref().cloned().unwrap_or_default()
    };
    assert_eq!(
        learn(0, None, None),
        FollowMemory::default(),
        "nothing was asked"
    );
    let first = learn(0, Some(true), Some(false));
    assert_eq!((first.newest.as_deref(), first.tags), (Some("1.1.0"), 2));
    assert_eq!((first.list.failures, first.next.failures), (0, 1));
    // The list comes again, which mends nothing of the tag.
    let second = learn(15, Some(true), Some(false));
    assert_eq!(
        (second.next.failures, second.next.failing_since),
        (2, Some(at(0)))
    );
    assert!(second.next.next_try > first.next.next_try);
    // A list that fails forgets no choice.
    let third = learn(30, Some(false), None);
    assert_eq!(
        (third.newest.as_deref(), third.list.failures),
        (Some("1.1.0"), 1)
    );
    let last = learn(45, Some(true), Some(true));
    assert_eq!((last.list.failures, last.next.failures), (0, 0));
    assert_eq!(last.next.seen, Some((digest("1.1.0"), at(45))));
}
