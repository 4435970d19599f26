//! Going back, and edits by hand: what sticks, what is refused, and what is put right.

use headwater::plan::State;

use crate::support::world::{World, person, small, stage};

fn last_with(world: &World, words: &str) -> String {
    let line = world.repository.line();
    let found = line
        .iter()
        .rev()
        .find(|id| world.repository.message(id).contains(words));
    found.expect("there is such a commit").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reverted_promotion_is_not_promoted_again() {
    let mut world = World::small().await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let bad = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&bad));

    world.person_reverts(&last_with(&world, "Headwater-Stage: app/qa"));
    for _ in 0..2 {
        world.settle().await;
        assert_eq!(world.head("app", "qa").as_ref(), Some(&first));
        assert!(world.rendered("qa", "app").contains(first.as_str()));
        world.assert_stage("app/qa", State::Held, "reverted").await;
        world.advance("8h");
        world.forget();
    }
    let third = world.good_build("1.2.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(third));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reverted_promotion_comes_back_after_unhold() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let bad = world.good_build("1.1.0");
    world.settle().await;
    world.person_reverts(&last_with(&world, "Headwater-Stage: app/qa"));
    world.settle().await;
    let act = world.unholds("app/qa").await;
    assert!(act.notes[0].contains("revert"), "{:?}", act.notes);
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(bad));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_after_an_unhold_counts_again_and_can_be_lifted_again() {
    let mut world = World::small().await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let bad = world.good_build("1.1.0");
    world.settle().await;
    for _ in 0..2 {
        world.person_reverts(&last_with(&world, "Headwater-Stage: app/qa"));
        world.settle().await;
        assert_eq!(world.head("app", "qa"), Some(first.clone()));
        world.unholds("app/qa").await;
        world.settle().await;
        assert_eq!(world.head("app", "qa"), Some(bad.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_left_qa_by_revert_is_no_candidate_for_prod() {
    let mut world = World::small().await;
    let first = world.delivered("1.0.0").await;
    let (_, pull) = world.proposed("1.1.0").await;
    world.person_reverts(&last_with(&world, "Headwater-Stage: app/qa"));
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(first));
    world
        .assert_stage("app/prod", State::Held, "going back")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_in_qa_makes_no_older_set_the_candidate_for_prod() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let (_, pull) = world.proposed("1.1.0").await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    let held = world.head("app", "prod");
    world.person_reverts(&last_with(&world, "Headwater-Stage: app/qa"));
    world.settle().await;
    assert_eq!(world.head("app", "prod"), held);
    let pulls = world.pulls().await;
    let open = pulls
        .values()
        .filter(|p| p.state == headwater::forge::PullState::Open);
    assert_eq!(open.count(), 0, "{pulls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_of_prod_sticks_when_a_newer_build_passes_qa() {
    let mut world = World::small().await;
    let good = world.delivered("1.0.0").await;
    world.delivered("1.1.0").await;
    world.rolls_back("app/prod").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod").as_ref(), Some(&good));
    assert!(world.rendered("prod", "app").contains(good.as_str()));

    let newer = world.good_build("1.2.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&newer));
    assert_eq!(world.head("app", "prod"), Some(good));
    let pulls = world.pulls().await;
    assert_eq!(pulls.len(), 2, "{pulls:#?}");
    world
        .assert_stage("app/prod", State::Held, "it hurts")
        .await;

    world.unholds("app/prod").await;
    world.settle().await;
    let pull = world.open_pull().await;
    assert!(pull.title.contains("1.2.0"), "{}", pull.title);
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(newer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_put_into_a_stage_by_hand_moves_nothing() {
    let mut world = World::small().await;
    let good = world.good_build("1.0.0");
    world.settle().await;
    let evil = world.push_build("acme/app:evil", "6.6.6", &[("tests", "passed")]);
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let forged = text.replace(&format!("app@{good}"), &format!("app@{evil}"));
    world.person_commits(&[(small::STREAM_PATH, &forged)], "Sneak a digest into qa");
    world.settle().await;
    assert!(world.rendered("qa", "app").contains(good.as_str()));
    world
        .assert_stage("app/qa", State::Held, "EditedByHand")
        .await;
    for (id, pull) in world.pulls().await {
        let head = format!("refs/heads/{}", pull.branch);
        assert_ne!(
            world.repository.heads(&head).get("app:prod"),
            Some(&evil),
            "{id}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_written_into_the_first_stage_by_hand_goes_nowhere_until_it_is_taken_back() {
    // Nobody looks again by itself, so that nothing puts it right.
    let once = small::STREAM.replace("      importPolicy: {scheduled: true}\n", "");
    let mut world = World::with(&[(small::STREAM_PATH, &once)]).await;
    let good = world.good_build("1.0.0");
    world.settle().await;
    let evil = world.push_build("acme/app:evil", "6.6.6", &[("tests", "passed")]);
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let begin = text.find("- tag: dev").unwrap();
    let length = text[begin + 1..].find("- tag: ");
    let end = length.map_or(text.len(), |length| begin + 1 + length);
    let dev = text[begin..end].replace(good.as_str(), evil.as_str());
    let forged = format!("{}{dev}{}", &text[..begin], &text[end..]);
    assert_ne!(forged, text);
    world.person_commits(&[(small::STREAM_PATH, &forged)], "Write an import by hand");
    world.settle().await;
    world
        .assert_stage("app/dev", State::Held, "WrittenByHand")
        .await;
    assert!(world.rendered("dev", "app").contains(good.as_str()));
    assert_eq!(world.head("app", "qa"), Some(good));

    world.person_commits(&[(small::STREAM_PATH, &text)], "Take it back");
    world.settle().await;
    world.assert_stage("app/dev", State::Settled, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_somebody_asks_for_replaces_a_digest_put_there_by_hand() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let other = world.push_build("acme/app:other", "6.6.6", &[]);
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let (before, qa) = text.split_at(text.find("    - name: qa\n").unwrap());
    let pin = qa.find("app@sha256:").unwrap() + "app@".len();
    let (head, rest) = (&qa[..pin], &qa[pin + other.as_str().len()..]);
    let pinned = format!("{before}{head}{other}{rest}");
    world.person_commits(&[(small::STREAM_PATH, &pinned)], "Pin another one");
    let newer = world.good_build("1.2.0");
    world.settle().await;
    world
        .assert_stage("app/qa", State::Held, "EditedByHand")
        .await;

    world.promotes("app/qa").await;
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&newer));
    assert!(world.rendered("qa", "app").contains(newer.as_str()));
    let qa = world.stage("app/qa").await;
    assert_ne!(qa.state, State::Held, "{}", qa.why);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_forged_in_status_opens_nothing() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let evil = world.push_build("acme/app:evil", "6.6.6", &[("tests", "passed")]);
    let item = format!(
        "        - created: \"2025-12-01T00:00:00Z\"\n          dockerImageReference: registry.example/acme/app@{evil}\n          generation: 9\n          image: {evil}\n"
    );
    world.person_edits(
        small::STREAM_PATH,
        "    - tag: qa\n      items:\n",
        &format!("    - tag: qa\n      items:\n{item}"),
    );
    world.settle().await;
    for environment in ["dev", "qa", "prod"] {
        assert!(!world.rendered(environment, "app").contains(evil.as_str()));
    }
    for (id, pull) in world.pulls().await {
        let head = format!("refs/heads/{}", pull.branch);
        assert_ne!(
            world.repository.heads(&head).get("app:prod"),
            Some(&evil),
            "{id}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_changed_by_hand_in_an_output_is_never_overwritten_silently() {
    let mut world = World::small().await;
    let old = world.delivered("1.0.0").await;
    let new = world.delivered("1.1.0").await;
    let path = "environments/prod/rendered/app/deployment.yaml";
    world.person_edits(path, new.as_str(), old.as_str());
    world.good_build("1.2.0");
    world.settle().await;
    assert!(world.rendered("prod", "app").contains(old.as_str()));
    world
        .assert_stage("app/prod", State::Held, "EditedByHand")
        .await;

    world.person_edits(path, old.as_str(), new.as_str());
    world.settle().await;
    let pull = world.open_pull().await;
    assert!(pull.title.contains("1.2.0"), "{}", pull.title);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_edits_of_an_output_are_put_back_by_the_delivery_of_their_environment() {
    let mut world = World::small().await;
    world.delivered("1.0.0").await;
    for environment in ["qa", "prod"] {
        let path = format!("environments/{environment}/rendered/app/deployment.yaml");
        world.person_edits(&path, "value: green", "value: red");
    }
    world.settle().await;
    assert!(world.rendered("qa", "app").contains("value: green"));
    assert!(world.rendered("prod", "app").contains("value: red"));
    let pull = world.open_pull().await;
    assert!(
        pull.branch.starts_with("headwater/env/prod/"),
        "{}",
        pull.branch
    );
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert!(world.rendered("prod", "app").contains("value: green"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_a_person_takes_away_is_not_made_again() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let begin = text.find("    - name: qa\n").unwrap();
    let end = begin + text[begin..].find("status:").unwrap();
    let without = format!("{}{}", &text[..begin], &text[end..]);
    world.person_commits(&[(small::STREAM_PATH, &without)], "Stop qa");
    world.good_build("1.1.0");
    world.settle().await;
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(!text.contains("- name: qa"), "{text}");
    world
        .assert_stage("app/qa", State::Held, "somebody stopped it")
        .await;
    world
        .assert_stage("app/prod", State::Broken, "TagMissing")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_of_an_environment_that_vanished_are_left_alone() {
    let mut world = World::small().await;
    let build = world.delivered("1.0.0").await;
    world.person_deletes(&["environments/prod.yaml"], "Drop prod");
    world.settle().await;
    assert!(world.rendered("prod", "app").contains(build.as_str()));
    world.assert_stage("app/prod", State::Broken, "prod").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_not_on_the_base_any_more_is_not_repeated() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let before = world.repository.resolve("main").unwrap();
    let pull = world.open_pull().await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    world.repository.set("main", &before);
    world.settle().await;
    assert_eq!(world.head("app", "prod"), None);
    world
        .assert_stage("app/prod", State::Held, "not on the base any more")
        .await;
    assert_eq!(world.pulls().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_write_against_each_other_are_stopped() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    let path = "environments/qa/rendered/app/deployment.yaml";
    let green = world.repository.text("main", path).unwrap();
    let red = green.replace("green", "red");
    let us = person("headwater");
    for _ in 0..2 {
        let files = vec![(path.to_owned(), Some(red.clone().into_bytes()))];
        let settings = headwater::config::GitSettings::default();
        assert_eq!(settings.committer.name, us.name);
        world.repository.commit_by(
            &settings.committer.email,
            world.now(),
            "Render otherwise",
            &files,
        );
        let pass = world.pass().await;
        if pass.plan.is_empty() {
            break;
        }
    }
    let why = world.assert_hold("Stalled", path).await;
    assert!(why.contains("two programs"), "{why}");
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_of_ours_still_count_after_a_person_pulled_and_pushed() {
    let mut world = World::small().await;
    let older = world.repository.resolve("main").unwrap();
    let build = world.good_build("1.0.0");
    world.pass().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&build));
    world.repository.pull_and_push(&older, "Mara", world.now());
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&build));

    let older = world.repository.resolve("main").unwrap();
    let newer = world.good_build("1.1.0");
    world.settle().await;
    world.repository.pull_and_push(&older, "Ivo", world.now());
    world.forget();
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(newer));
    let qa = world.stage("app/qa").await;
    assert_eq!(qa.state, State::Settled, "{}", qa.why);
    assert!(world.open_pull().await.title.contains("1.1.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_set_makes_no_older_set_the_candidate() {
    let mut world = World::small().await;
    world.person_commits(
        &[("holds/qa.yaml", &small::hold("qa", "app", "qa"))],
        "Hold qa",
    );
    world.good_build("1.0.0");
    world.settle().await;
    let bad = world.good_build("1.1.0");
    world.settle().await;
    let by_name =
        small::hold("bad", "app", "qa").replace("reason:", &format!("digest: \"{bad}\", reason:"));
    world.person_commits(&[("holds/bad.yaml", &by_name)], "Hold one set");
    world.person_deletes(&["holds/qa.yaml"], "Let the stage go");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), None);
    world
        .assert_stage("app/qa", State::Held, "somebody said stop")
        .await;
    let next = world.good_build("1.2.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(next));
}

/// Puts qa's pin to another digest, in the stream's file only.
fn pins_by_hand(world: &World, from: &headwater::model::Digest, to: &headwater::model::Digest) {
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    let at = text.find("    - name: qa\n").unwrap();
    let old = format!("app@{from}");
    let at = at + text[at..].find(&old).unwrap();
    let edited = format!("{}app@{to}{}", &text[..at], &text[at + old.len()..]);
    world.person_commits(&[(small::STREAM_PATH, &edited)], "Pin it by hand");
}

fn qa_is_pinned_to(world: &World, digest: &headwater::model::Digest) {
    assert_eq!(world.head("app", "qa").as_ref(), Some(digest));
    assert!(
        world.rendered("qa", "app").contains(digest.as_str()),
        "{digest} is not in {}",
        world.rendered("qa", "app")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_revert_of_what_followed_a_pin_by_hand_outputs_say_what_the_tag_says() {
    let mut world = World::small().await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let second = world.good_build("1.1.0");
    world.settle().await;
    qa_is_pinned_to(&world, &second);
    pins_by_hand(&world, &second, &first);
    world.turn_back("30m");
    world.settle().await;
    let third = world.good_build("1.2.0");
    world.settle().await;
    qa_is_pinned_to(&world, &third);
    world.person_reverts(&last_with(&world, "Headwater-Stage: app/qa"));
    world.turn_back("10m");
    world.settle().await;
    qa_is_pinned_to(&world, &first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_came_true_past_us_holds_back_nothing_newer() {
    let mut world = World::small().await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let second = world.good_build("1.1.0");
    world.settle().await;
    pins_by_hand(&world, &second, &first);
    world.settle().await;
    world.promotes("app/qa").await;
    world.settle().await;
    qa_is_pinned_to(&world, &first);
    pins_by_hand(&world, &first, &second);
    world.settle().await;
    qa_is_pinned_to(&world, &second);

    let third = world.good_build("1.2.0");
    world.settle().await;
    qa_is_pinned_to(&world, &third);
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(!text.contains("headwater.dev/request"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reverted_import_makes_no_older_build_the_candidate_behind_it() {
    let mut world = World::small().await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    let second = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&second));
    world.registry.untag("acme/app", "main");
    world.person_reverts(&last_with(&world, "Import app"));
    world.settle().await;
    assert_eq!(world.head("app", "dev"), Some(first));
    assert_eq!(world.head("app", "qa").as_ref(), Some(&second));
    world.assert_nothing_to_do().await;
    // Once the registry has it again, so has dev.
    world.registry.retag("acme/app", "main", &second);
    world.advance("10m");
    world.settle().await;
    assert_eq!(world.head("app", "dev").as_ref(), Some(&second));
    assert_eq!(world.head("app", "qa"), Some(second));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_stage_took_back_enters_no_stage_behind_it() {
    let pipeline = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: app}\nspec:\n  stages:\n    - {name: dev, environments: []}\n    - {name: qa, environments: []}\n    - {name: eu, environments: [], from: [qa], verify: [{soak: 1h}]}\n    - {name: us, environments: [], from: [eu]}\n";
    let mut world = World::with(&[(small::PIPELINE_PATH, pipeline)]).await;
    let first = world.good_build("1.0.0");
    world.settle().await;
    world.advance("61m");
    world.settle().await;
    assert_eq!(world.head("app", "us").as_ref(), Some(&first));
    let second = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.head("app", "eu"), Some(second));
    world.rolls_back("app/qa").await;
    world.advance("61m");
    world.settle().await;
    assert_eq!(world.head("app", "us"), Some(first));
    world
        .assert_stage("app/us", State::Held, "it left qa by going back")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_asked_for_and_refused_says_who_asked_and_is_taken_back_by_unhold() {
    let mut world = World::small().await;
    let before = world.delivered("1.0.0").await;
    world.advance("1m");
    let refused = world.push_build("acme/app:main", "1.1.0", &[("tests", "failed")]);
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(refused));
    world.promotes("app/prod").await;
    let build = world.good_build("1.2.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build.clone()));
    assert_eq!(world.head("app", "prod"), Some(before));
    let words = "mara@example.com asked for this set (it is time)";
    world.assert_stage("app/prod", State::Refused, words).await;
    let plan = world.plan().await;
    let help = stage(&plan, "app/prod").help.clone().unwrap_or_default();
    assert!(
        help.starts_with("headwater unhold app/prod --reason"),
        "{help}"
    );

    let act = world.unholds("app/prod").await;
    let taken_back = "takes back that mara@example.com asked for a set";
    assert!(
        act.notes.iter().any(|n| n.starts_with(taken_back)),
        "{:?}",
        act.notes
    );
    world.settle().await;
    let pull = world.open_pull().await;
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}
