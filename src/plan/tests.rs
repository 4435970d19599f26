//! The core on a desk: whole plans made from a table of moves.

use super::kit::{Kit, at, digest, pipeline, set};
use super::report::{StageReport, State};
use super::{Plan, Question, plan};
use crate::model::Timestamp;

fn made(kit: Kit) -> Plan {
    plan(&kit.observe())
}

fn stage<'p>(plan: &'p Plan, name: &str) -> &'p StageReport {
    plan.stages
        .iter()
        .find(|s| s.key.stage.as_str() == name)
        .unwrap_or_else(|| panic!("no {name} in {plan:#?}"))
}

fn kit(qa: &str, prod: &str) -> Kit {
    Kit::new(&[("pipelines/myapp/pipeline.yaml", &pipeline(qa, prod))])
}

/// The digest a plan moves a stage to, by what it writes.
fn promotes(plan: &Plan, tag: &str) -> Option<String> {
    let change = plan.changes.iter().find(|c| c.subject == tag)?;
    change.new.clone()
}

const SOAK: &str = "      verify: [{soak: 30m}]\n";

#[test]
fn a_set_that_is_in_dev_goes_to_qa_at_once_and_to_prod_after_its_soak() {
    let early = made(kit(SOAK, "").moves("dev", "1").now(1));
    assert!(promotes(&early, "qa").is_some(), "{early:#?}");
    let waiting = made(kit(SOAK, "").moves("dev", "1").moves("qa", "1").now(10));
    assert_eq!(stage(&waiting, "prod").state, State::Waiting);
    assert_eq!(stage(&waiting, "prod").until, Some(at(31)));
    assert!(
        waiting.is_empty(),
        "nothing is written while a gate is shut"
    );
    let due = made(kit(SOAK, "").moves("dev", "1").moves("qa", "1").now(31));
    assert!(
        promotes(&due, "prod")
            .unwrap()
            .contains(digest("1").short())
    );
}

#[test]
fn the_longest_stay_counts_for_a_soak_and_a_set_that_left_too_early_never_passes() {
    let kit = kit(SOAK, "")
        .moves("dev", "1")
        .moves("qa", "1")
        .moves("dev", "2")
        .moves("qa", "2")
        .now(20);
    let plan = made(kit);
    let prod = stage(&plan, "prod");
    assert_eq!(prod.state, State::Waiting, "the newest waits");
    assert_eq!(prod.candidate.as_ref().unwrap().set, set("2"));
    let (older, why) = &prod.passed_over[0];
    assert_eq!(older.set, set("1"));
    assert!(why.contains("left before the time was up"), "{why}");
}

#[test]
fn nothing_older_than_the_last_move_forward_is_ever_a_candidate() {
    let plan = made(
        kit("", "")
            .moves("dev", "1")
            .moves("dev", "2")
            .moves("qa", "2")
            .now(10),
    );
    assert!(promotes(&plan, "qa").is_none());
    assert_eq!(stage(&plan, "qa").state, State::Settled);
}

#[test]
fn what_the_source_took_in_between_and_left_for_what_the_stage_has_is_no_candidate() {
    let back = |kit: Kit| {
        kit.moves("dev", "1")
            .moves("qa", "1")
            .moves("dev", "2")
            .moves("dev", "1")
            .now(60)
    };
    let plan = made(back(kit("", "")));
    assert!(promotes(&plan, "qa").is_none(), "{plan:#?}");
    assert_eq!(stage(&plan, "qa").state, State::Settled);
    let newer = made(back(kit("", "")).moves("dev", "3").now(70));
    assert!(
        promotes(&newer, "qa")
            .unwrap()
            .contains(digest("3").short())
    );
}

#[test]
fn a_slower_one_of_several_sources_makes_no_older_set_the_candidate() {
    let either = pipeline("", "").replace("from: [qa]", "from: {any: [dev, qa]}");
    let fast = || Kit::new(&[("pipelines/myapp/pipeline.yaml", &either)]);
    let fast = || {
        fast()
            .moves("dev", "1")
            .moves("prod", "1")
            .moves("dev", "2")
    };
    assert!(
        promotes(&made(fast()), "prod")
            .unwrap()
            .contains(digest("2").short())
    );
    let slow = fast().moves("prod", "2").moves("qa", "1").now(9);
    assert_eq!(promotes(&made(slow), "prod"), None);
}

#[test]
fn a_revert_by_a_person_holds_the_set_and_an_older_one_does_not_come_instead() {
    let kit = kit("", "")
        .moves("dev", "1")
        .moves("qa", "1")
        .moves("dev", "2")
        .moves("qa", "2")
        .person_moves("qa", "1")
        .now(10);
    let plan = made(kit);
    assert_eq!(stage(&plan, "qa").state, State::Held);
    assert!(
        stage(&plan, "qa").why.contains("reverted"),
        "{}",
        stage(&plan, "qa").why
    );
    assert!(promotes(&plan, "qa").is_none());
    assert!(
        promotes(&plan, "prod").is_none(),
        "a move back in a source makes no older set a candidate: {plan:#?}"
    );
}

#[test]
fn a_tag_put_to_a_digest_by_hand_moves_nothing() {
    let plan = made(
        kit("", "")
            .moves("dev", "1")
            .moves("qa", "1")
            .moves("prod", "1")
            .person_moves("prod", "evil")
            .now(10),
    );
    let prod = stage(&plan, "prod");
    assert_eq!(
        (prod.state, prod.current.as_ref().unwrap().set.clone()),
        (State::Held, set("1"))
    );
    assert!(prod.why.starts_with("EditedByHand"), "{}", prod.why);
    assert!(plan.is_empty());
}

#[test]
fn a_label_that_says_no_refuses_and_the_plan_asks_for_labels_it_lacks() {
    let qa = "      verify: [{expression: 'image.labels[\"tests\"] == \"passed\"'}]\n";
    let world = || kit(qa, "").moves("dev", "1").moves("qa", "1").now(10);
    let asking = made(world());
    assert_eq!(asking.questions.len(), 1, "{:?}", asking.questions);
    assert_eq!(stage(&asking, "prod").state, State::Waiting);
    let refused = made(world().labels("1", &[("tests", "failed")]));
    assert_eq!(stage(&refused, "prod").state, State::Refused);
    assert!(refused.is_empty());
    let passed = made(world().labels("1", &[("tests", "passed")]));
    assert!(promotes(&passed, "prod").is_some());
}

#[test]
fn age_counts_from_the_first_stage_unless_it_says_otherwise() {
    let world = |prod: &str| {
        kit("", prod)
            .moves("dev", "1")
            .moves("dev", "1x")
            .moves("dev", "1")
            .moves("qa", "1")
            .now(9)
    };
    assert!(promotes(&made(world("      enter: [{age: 9m}]\n")), "prod").is_some());
    let entered = made(world("      enter: [{age: {min: 9m, since: entered}}]\n"));
    assert_eq!(stage(&entered, "prod").until, Some(at(12)));
}

#[test]
fn a_signature_without_its_key_refuses_and_with_it_asks() {
    let signature = "      enter: [{signature: {key: /keys/cosign.pub}}]\n";
    let ready = |files: &[(&str, &str)]| {
        let pipeline = pipeline("", signature);
        let mut all = vec![("pipelines/myapp/pipeline.yaml", pipeline.as_str())];
        all.extend(files);
        Kit::new(&all).moves("dev", "1").moves("qa", "1").now(9)
    };
    let without = made(ready(&[]));
    assert_eq!(stage(&without, "prod").state, State::Refused);
    let why = &stage(&without, "prod").why;
    assert!(why.contains("there is no key keys/cosign.pub"), "{why}");
    let key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqDEpbDz2JyNiS7DFQP7+72OOi790\nwnZnEICayzmK7ZdSwCuXc0hHwP3f3WMEv739QaT38kztI+1+WPyPhLiy7g==\n-----END PUBLIC KEY-----\n";
    let with = made(ready(&[("keys/cosign.pub", key)]));
    assert_eq!(stage(&with, "prod").state, State::Waiting);
    let asks = |q: &&Question| matches!(q, Question::Signed(by) if by.image.digest == digest("1"));
    assert_eq!(with.questions.iter().filter(asks).count(), 1);
    assert!(without.is_empty() && with.is_empty());
}

#[test]
fn an_unreadable_hold_file_holds_every_promotion() {
    let files = [
        ("pipelines/myapp/pipeline.yaml", pipeline("", "")),
        ("holds/x.yaml", "kind: Hold\n  bad".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let plan = made(Kit::new(&files).moves("dev", "1").now(9));
    assert_eq!(stage(&plan, "qa").state, State::Held);
    assert!(plan.is_empty());
}

#[test]
fn a_hold_file_pins_the_stage_and_names_who_and_why() {
    let hold = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: x}\nspec: {pipeline: myapp, stages: [qa], reason: broken login, by: mara}\n";
    let files = [
        ("pipelines/myapp/pipeline.yaml", pipeline("", "")),
        ("holds/x.yaml", hold.to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let plan = made(Kit::new(&files).moves("dev", "1").now(9));
    assert_eq!(stage(&plan, "qa").why, "broken login (mara)");
    assert_eq!(
        stage(&plan, "qa").candidate.as_ref().unwrap().set,
        set("1"),
        "people see what would come"
    );
    assert!(plan.is_empty());
}

#[test]
fn a_promotion_writes_spec_event_and_record_in_one_change() {
    let observation = kit("", "").moves("dev", "1").now(5).observe();
    let plan = plan(&observation);
    let super::Effect::PushBase { commit, .. } = &plan.effects[0] else {
        panic!("{plan:#?}")
    };
    let text = commit.files.values().next().unwrap().as_ref().unwrap();
    let again = crate::manifests::load(
        &"pipelines/x.yaml".parse().unwrap(),
        text.as_bytes(),
        crate::manifests::Role::Pipelines,
    );
    let crate::manifests::DocumentKind::ImageStream(stream) = &again.documents[0].kind else {
        panic!()
    };
    let tag = stream.spec_tag("qa").unwrap();
    assert_eq!(
        crate::model::promotion::stream_image_digest(tag),
        Some(digest("1"))
    );
    assert_eq!(
        crate::model::Promotion::recorded(tag).unwrap().set,
        set("1").id()
    );
    assert_eq!(stream.head("qa").unwrap().digest(), Some(digest("1")));
    assert_eq!(
        stream.head("qa").unwrap().created,
        Timestamp::from_second(at(5).as_second()).ok()
    );
    assert!(
        commit
            .message
            .contains(&format!("Headwater-Set: {}", set("1").id())),
        "{}",
        commit.message
    );
}

#[test]
fn the_same_observation_gives_the_same_bytes() {
    let observation = || {
        kit(SOAK, "")
            .moves("dev", "1")
            .moves("qa", "1")
            .moves("dev", "2")
            .now(40)
            .observe()
    };
    let bytes = |plan: &Plan| serde_json::to_string(plan).unwrap();
    assert_eq!(bytes(&plan(&observation())), bytes(&plan(&observation())));
}

#[test]
fn nothing_is_written_while_the_settings_of_the_repository_cannot_be_read() {
    let files = [
        ("pipelines/myapp/pipeline.yaml", pipeline("", "")),
        (
            "headwater.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {delivery: [\n".to_owned(),
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let plan = made(Kit::new(&files).moves("dev", "1").now(9));
    assert!(plan.is_empty());
    assert!(
        plan.holds.iter().any(|h| h.why.contains("headwater.yaml")),
        "{:#?}",
        plan.holds
    );
}

#[test]
fn whoever_asks_for_a_set_must_have_written_the_request() {
    let world = || {
        let up = |kit: Kit, word| kit.moves("dev", word).moves("qa", word);
        up(up(kit("", ""), "1").moves("prod", "1"), "2")
            .moves("dev", "3")
            .moves("qa", "3")
    };
    let plain = made(world().now(20));
    assert!(
        promotes(&plain, "prod")
            .unwrap()
            .contains(digest("3").short())
    );
    let asked = made(world().asks("2", "ann@x", "Ann@x").now(20));
    assert!(
        promotes(&asked, "prod")
            .unwrap()
            .contains(digest("2").short()),
        "the set asked for is the only candidate"
    );
    let forged = made(world().asks("2", "ann@x", "mallory@x").now(20));
    assert!(promotes(&forged, "prod").is_none());
    assert!(
        stage(&forged, "prod").why.contains("mallory@x"),
        "{}",
        stage(&forged, "prod").why
    );
}

#[test]
fn a_panic_about_one_stage_or_tag_stops_that_one_and_no_other() {
    use super::report::Subject;
    use super::shield::trap;

    let world = || {
        let kit = kit("", "").moves("dev", "1").moves("dev", "2");
        kit.moves("qa", "1").now(10)
    };
    let whole = made(world());
    assert!(promotes(&whole, "qa").is_some() && promotes(&whole, "prod").is_some());
    let qa = Subject::Stage("myapp/qa".parse().unwrap());
    let stopped = trap::with(std::slice::from_ref(&qa), || made(world()));
    assert!(promotes(&stopped, "qa").is_none());
    assert_eq!(promotes(&stopped, "prod"), promotes(&whole, "prod"));
    let said = stage(&stopped, "qa");
    assert_eq!(said.state, State::Broken);
    assert!(
        said.why.starts_with("Stalled: a bug in headwater"),
        "{said:#?}"
    );
    assert!(
        !said.why.contains('\u{1b}') && said.why.len() < 400,
        "{said:#?}"
    );
    let hold = stopped.holds.iter().find(|h| h.subject == qa).unwrap();
    assert_eq!((hold.reason.as_str(), &hold.why), ("Stalled", &said.why));
    let others = |plan: &Plan| {
        let stages = plan.stages.iter().filter(|s| s.key.stage.as_str() != "qa");
        stages.cloned().collect::<Vec<_>>()
    };
    assert_eq!(others(&stopped), others(&whole));

    let dev = Subject::Tag("default/myapp:dev".to_owned().try_into().unwrap());
    let asking = |plan: &Plan| {
        plan.questions
            .iter()
            .any(|q| matches!(q, super::Question::Resolve(_)))
    };
    let due =
        || Kit::new(&[("pipelines/myapp/pipeline.yaml", &pipeline("", ""))]).moves("dev", "1");
    let scheduled = |kit: Kit| {
        let mut obs = kit.observe();
        let memory = super::facts::CheckMemory {
            failures: 1,
            ..Default::default()
        };
        std::sync::Arc::make_mut(&mut obs.facts.memory)
            .insert("default/myapp:dev".to_owned().try_into().unwrap(), memory);
        obs
    };
    assert!(asking(&plan(&scheduled(due()))));
    let stopped = trap::with(std::slice::from_ref(&dev), || plan(&scheduled(due())));
    assert!(!asking(&stopped));
    assert!(
        stopped
            .holds
            .iter()
            .any(|h| h.subject == dev && h.reason == "Stalled")
    );
    assert!(promotes(&stopped, "qa").is_some(), "what is there goes on");
}

#[test]
fn a_registry_that_has_not_answered_yet_is_told_and_replayed_and_stops_nothing() {
    use super::{Facts, Question, edges};

    let stream = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: web}\nspec: {tags: [{name: dev, from: {kind: DockerImage, name: \"q.io/acme/web:main\"}}]}\n";
    let web = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: web}\nspec: {stages: [{name: dev, environments: []}]}\n";
    let mut obs = Kit::new(&[
        ("pipelines/myapp/pipeline.yaml", &pipeline("", "")),
        ("pipelines/web/imagestream.yaml", stream),
        ("pipelines/web/pipeline.yaml", web),
    ])
    .moves("dev", "1")
    .now(10)
    .observe();
    let asking = plan(&obs);
    let about = |q: &&Question| matches!(q, Question::Resolve(_));
    let question = asking.questions.iter().find(about).unwrap();
    obs.facts.unanswered.insert(question.clone(), at(9));

    let told = plan(&obs);
    let hold = told.holds.iter().find(|h| h.reason == "NotAnswered");
    let hold = hold.unwrap();
    assert_eq!(hold.state, State::Waiting);
    assert_eq!(
        hold.why,
        format!("q.io was asked at {} and has not answered yet", at(9))
    );
    let report = told.stages.iter().find(|s| s.key.to_string() == "web/dev");
    let report = report.unwrap();
    assert_eq!(report.state, State::Waiting, "{report:#?}");
    assert!(promotes(&told, "qa").is_some(), "the other goes on");
    let found = edges::edges(&obs, &told);
    let [edge] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(
        (edge.name.as_str(), edge.state, edge.since, edge.tags),
        ("q.io", State::Waiting, Some(at(9)), 1)
    );
    assert_eq!((edge.affected_pipelines, edge.unaffected_pipelines), (1, 1));

    let json = serde_json::to_string(&obs.facts).unwrap();
    obs.facts = serde_json::from_str::<Facts>(&json).unwrap();
    let bytes = |plan: &Plan| serde_json::to_string(plan).unwrap();
    assert_eq!(bytes(&plan(&obs)), bytes(&told));
    assert_eq!(serde_json::to_string(&obs.facts).unwrap(), json);

    // What is not known to be asked is told as before: not at all.
    obs.facts.unanswered.clear();
    assert_eq!(bytes(&plan(&obs)), bytes(&asking));
    assert!(
        !serde_json::to_string(&obs.facts)
            .unwrap()
            .contains("unanswered")
    );
}

#[test]
fn what_an_adopted_stage_has_stays_until_something_comes_to_its_source_afterwards() {
    let adopted = kit("", "")
        .moves("dev", "2")
        .moves("qa", "2")
        .adopts("prod", "1");
    let plan = made(adopted.clone().now(10));
    assert!(plan.is_empty(), "{plan:#?}");
    let prod = stage(&plan, "prod");
    assert_eq!(prod.state, State::Settled);
    assert!(prod.why.contains("adopted in"), "{}", prod.why);
    let help = prod.help.as_deref();
    assert!(help.is_some_and(|help| help.contains("headwater promote myapp/prod")));

    let asked = made(adopted.clone().asks("2", "x@y", "x@y").now(10));
    assert!(
        promotes(&asked, "prod")
            .unwrap()
            .contains(digest("2").short())
    );

    let newer = made(adopted.moves("dev", "3").moves("qa", "3").now(10));
    assert!(
        promotes(&newer, "prod")
            .unwrap()
            .contains(digest("3").short())
    );
}

#[test]
fn what_left_its_source_unpassed_is_let_in_by_no_act_and_what_passed_there_is() {
    let gate = "      verify: [{expression: 'image.labels[\"tests\"] == \"passed\"'}]\n";
    let back = |tests: &str| {
        let kit = kit(gate, "").labels("1", &[("tests", "passed")]);
        let kit = kit.labels("2", &[("tests", tests)]);
        let kit = kit.moves("dev", "1").moves("qa", "1").moves("prod", "1");
        kit.moves("dev", "2")
            .moves("qa", "2")
            .rolls_back("qa", "1")
            .now(60)
    };
    let plan = made(back("passed"));
    let prod = stage(&plan, "prod");
    let lift = format!(
        "headwater unhold myapp/prod --set {} --reason ...",
        digest("2").short()
    );
    assert_eq!((prod.state, prod.help.clone()), (State::Held, Some(lift)));
    let plan = made(back("failed"));
    let prod = stage(&plan, "prod");
    let look = "headwater why myapp/qa".to_owned();
    assert_eq!((prod.state, prod.help.clone()), (State::Held, Some(look)));
    assert!(
        prod.why
            .contains("once qa has it and it passes (expression"),
        "{}",
        prod.why
    );
}

#[test]
fn an_older_set_that_somebody_asked_for_stays_until_a_newer_one_comes_or_the_hold_is_lifted() {
    for prod in ["", "      order: queue\n"] {
        let older = kit("", prod)
            .moves("dev", "1")
            .moves("qa", "1")
            .moves("dev", "2")
            .moves("qa", "2")
            .moves("prod", "2")
            .brings("prod", "1", "mara@acme.example");
        let plan = made(older.clone().now(20));
        assert!(plan.is_empty(), "{plan:#?}");
        let stage = stage(&plan, "prod");
        assert_eq!(stage.state, State::Held);
        assert!(
            stage
                .why
                .contains("Replaced: mara@acme.example asked for an older set"),
            "{}",
            stage.why
        );
        let help = stage.help.as_deref();
        assert!(help.is_some_and(|help| help.contains("headwater unhold myapp/prod")));

        let newer = made(older.clone().moves("dev", "3").moves("qa", "3").now(20));
        assert!(
            promotes(&newer, "prod")
                .unwrap()
                .contains(digest("3").short())
        );
        let again = made(older.asks("2", "x@y", "x@y").now(20));
        assert_eq!(
            promotes(&again, "prod"),
            None,
            "what is held is not asked for past its hold"
        );
    }
    let newer = kit("", "")
        .moves("dev", "1")
        .moves("qa", "1")
        .moves("prod", "1")
        .moves("dev", "2")
        .moves("qa", "2")
        .brings("prod", "2", "mara@acme.example");
    let plan = made(newer.now(20));
    assert_eq!(stage(&plan, "prod").state, State::Settled);
}
