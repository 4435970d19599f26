//! `why`

use std::collections::BTreeMap;

use super::samples::*;
use crate::cli::view::View;
use crate::cli::view::why::{Imported, WhyView};
use crate::model::image_stream::{NamedTagEventList, ObjectReference};
use crate::model::{Digest, ImageStream, Period, TagEvent, TagReference, Verdict};
use crate::plan::facts::CheckMemory;
use crate::plan::report::{BlockReport, StageReport, State};

fn orders() -> StageReport {
    let mut stage = stage("orders/prod-eu", "1.42.3", "11d")
        .is(
            State::Waiting,
            "approval by 1 of @shop/release: 0 of 1 @shop/release",
        )
        .wants("1.42.7")
        .proposed("482")
        .on(yes(
            "from qa",
            "holds it since 2026-11-23T06:52:00Z (77ab01c2)",
        ))
        .on(yes(
            "soak 4h",
            "2026-11-23T06:55:00Z - 2026-11-23T10:55:00Z, not interrupted",
        ))
        .on(not_yet(
            "window",
            "Mon-Thu 09:00-16:00 America/New_York, shut now",
            Some("2026-11-23T14:00:00Z"),
        ))
        .on(not_yet(
            "approval by 1 of @shop/release",
            "0 of 1 @shop/release",
            None,
        ))
        .on(yes(
            "freeze",
            "none; black-friday begins 2026-11-25T23:00:00Z (CHG-4711)",
        ));
    stage.passed_over = vec![(
        set("orders", "1.42.8"),
        "soak 4h: until 2026-11-23T17:20:00Z".to_owned(),
    )];
    stage
}

type Labels = BTreeMap<Digest, BTreeMap<String, String>>;

fn labels(stage: &StageReport) -> Labels {
    let set = &stage.candidate.as_ref().unwrap().set;
    let label = |name: &str, value: String| (format!("org.opencontainers.image.{name}"), value);
    let labels = BTreeMap::from([
        label("created", "2026-11-23T06:40:00Z".to_owned()),
        label("source", "https://github.com/acme/orders.git".to_owned()),
        label("revision", "8f31c2d0".repeat(5)),
    ]);
    set.members()
        .map(|(_, digest)| (digest.clone(), labels.clone()))
        .collect()
}

fn plain<'a>(stage: &'a StageReport, labels: &'a Labels) -> WhyView<'a> {
    WhyView {
        stage,
        imported: Vec::new(),
        labels,
        unaffected: 29,
        skippable: Vec::new(),
        can_go_back: true,
        overridden: None,
    }
}

#[test]
fn conditions_are_listed_with_evidence_and_what_to_do() {
    let stage = orders();
    let labels = labels(&stage);
    let view = WhyView {
        skippable: vec![("window".to_owned(), vec!["@shop/oncall".to_owned()])],
        ..plain(&stage, &labels)
    };
    same(&shown(&view, &frame(Some(140))), "\
orders/prod-eu   waiting   waits for window and an approval

  runs now      1.42.3  a907cc8cce55  since Thu 12 Nov 14:02 (11d), commit 77ab01c2
  candidate     1.42.7  8a184a20885d  built 07:40 from acme/orders@8f31c2d0
  proposed in   #482

  yes   from qa           holds it since 07:52 (77ab01c2)
  yes   soak 4h           07:55 - 11:55, not interrupted
  NO    window            Mon-Thu 09:00-16:00 America/New_York, shut now, until 15:00, 58m left   environment prod
  NO    approval 0 of 1   @shop/release                                                           environment prod
  yes   freeze            none; black-friday begins Thu 26 Nov 00:00 (CHG-4711)

  not considered: 1.42.8 3291464b664f: soak 4h: until 18:20
  to act:
    gh pr review 482 --approve
    headwater pr show 482
    headwater promote orders/prod-eu --to 1.42.7 --skip window --reason ... (@shop/oncall)
    headwater hold orders/prod-eu --reason ...
");
    same(
        &shown(&view, &frame(Some(100))),
        "\
orders/prod-eu   waiting   waits for window and an approval

  runs now      1.42.3  a907cc8cce55  since Thu 12 Nov 14:02 (11d), commit 77ab01c2
  candidate     1.42.7  8a184a20885d  built 07:40 from acme/orders@8f31c2d0
  proposed in   #482

  yes   from qa           holds it since 07:52 (77ab01c2)
  yes   soak 4h           07:55 - 11:55, not interrupted
  NO    window            Mon-Thu 09:00-16:00 America/New_York, shut now, until 15:00, 58m left
                          (environment prod)
  NO    approval 0 of 1   @shop/release (environment prod)
  yes   freeze            none; black-friday begins Thu 26 Nov 00:00 (CHG-4711)

  not considered: 1.42.8 3291464b664f: soak 4h: until 18:20
  to act:
    gh pr review 482 --approve
    headwater pr show 482
    headwater promote orders/prod-eu --to 1.42.7 --skip window --reason ... (@shop/oncall)
    headwater hold orders/prod-eu --reason ...
",
    );
    same(
        &shown(&view, &frame(Some(60))),
        "\
orders/prod-eu   waiting   waits for window and an approval

  runs now      1.42.3  a907cc8cce55  since Thu 12 Nov 14:02
                (11d), commit 77ab01c2
  candidate     1.42.7  8a184a20885d  built 07:40 from
                acme/orders@8f31c2d0
  proposed in   #482

  yes   from qa           holds it since 07:52 (77ab01c2)
  yes   soak 4h           07:55 - 11:55, not interrupted
  NO    window            Mon-Thu 09:00-16:00
                          America/New_York, shut now, until
                          15:00, 58m left (environment prod)
  NO    approval 0 of 1   @shop/release (environment prod)
  yes   freeze            none; black-friday begins Thu 26
                          Nov 00:00 (CHG-4711)

  not considered: 1.42.8 3291464b664f: soak 4h: until 18:20
  to act:
    gh pr review 482 --approve
    headwater pr show 482
    headwater promote orders/prod-eu --to 1.42.7 --skip
    window --reason ... (@shop/oncall)
    headwater hold orders/prod-eu --reason ...
",
    );
}

#[test]
fn what_opens_by_itself_says_when() {
    let stage = stage("checkout/prod-us", "4.2.0", "5d")
        .is(State::Waiting, "window: shut")
        .wants("4.2.1")
        .on(not_yet(
            "soak 4h",
            "since 2026-11-23T12:20:00Z",
            Some("2026-11-23T16:20:00Z"),
        ))
        .on(not_yet(
            "window",
            "Mon-Thu 09:00-16:00",
            Some("2026-11-24T14:00:00Z"),
        ));
    let text = shown(&plain(&stage, &Labels::new()), &frame(Some(100)));
    assert!(
        text.starts_with("checkout/prod-us   waiting   opens by itself Tue 24 Nov 15:00\n"),
        "{text}"
    );
    assert!(!text.contains("--skip"), "nobody may skip here: {text}");
}

#[test]
fn a_rollback_at_night_is_explained_in_the_morning() {
    let mut stage = stage("keycloak/prod", "25.0.2", "11h")
        .is(State::Held, "login 500s, INC-2291 (@mara)")
        .wants("25.0.3");
    stage.help = Some("headwater unhold keycloak/prod".to_owned());
    same(
        &shown(&plain(&stage, &Labels::new()), &frame(Some(100))),
        "\
keycloak/prod   held   stopped until somebody lifts it

  runs now    25.0.2  4fa978677fff  since 03:02 (11h), commit 77ab01c2
  candidate   25.0.3  4fd5e94d45d2
  because     login 500s, INC-2291 (@mara)

  to act: headwater unhold keycloak/prod
",
    );
}

#[test]
fn a_refusal_is_no_wait() {
    let mut stage = stage("payments/qa", "2.9.0", "38m").is(State::Refused, "e2e: run 1187 failed");
    let why = "run 1187 failed at 2026-11-23T12:31:00Z".to_owned();
    stage.verify = vec![
        yes("checks", "green"),
        condition("e2e", Verdict::Refused { why }),
    ];
    same(
        &shown(&plain(&stage, &Labels::new()), &frame(Some(100))),
        "\
payments/qa   refused   e2e says no

  runs now   2.9.0  45e8606a15ed  since 13:24 (38m), commit 77ab01c2
  because    e2e: run 1187 failed

  2.9.0 has not passed here yet; the next stage takes it when every line says yes:
  yes   checks   green
  NO    e2e      run 1187 failed at 13:31

  to act: headwater rollback payments/qa --reason ...
",
    );
}

fn dev(scheduled: bool) -> ImageStream {
    let mut stream = ImageStream::default();
    stream.metadata.name = "myapp".to_owned();
    let mut tag = TagReference {
        name: "dev".to_owned(),
        from: Some(ObjectReference::docker_image(
            "registry.example/acme/myapp:main",
        )),
        ..Default::default()
    };
    tag.import_policy.scheduled = scheduled;
    stream.spec.tags = vec![tag];
    stream.status.tags = vec![NamedTagEventList {
        tag: "dev".to_owned(),
        items: vec![TagEvent::new(
            Some(before("2d")),
            &format!("registry.example/acme/myapp@{}", Digest::sha256(b"x")),
            Digest::sha256(b"x").as_str(),
            1,
        )],
        conditions: Vec::new(),
    }];
    stream
}

#[test]
fn a_first_stage_says_what_was_imported_and_when_it_is_looked_at_again() {
    let mut stage = stage("myapp/dev", "1.2.0", "2d");
    stage.verify = vec![not_yet(
        "soak 3d",
        "since 2026-11-21T13:02:11Z, until 2026-11-24T13:02:11Z",
        Some("2026-11-24T13:02:11Z"),
    )];
    let tag = "default/myapp:dev".to_owned().try_into().unwrap();
    let interval = Period::seconds(900);
    let memory = CheckMemory {
        last_check: Some(before("5m")),
        ..Default::default()
    };
    let scheduled = Imported::of(&tag, &dev(true), Some(&memory), interval);
    assert_eq!(scheduled.next_check, Some(at("2026-11-23T13:12:11Z")));
    let labels = Labels::new();
    let view = WhyView {
        imported: vec![scheduled],
        ..plain(&stage, &labels)
    };
    same(
        &shown(&view, &frame(Some(100))),
        "\
myapp/dev   settled   nothing to take; soak 3d is still to be shown

  runs now     1.2.0  d4ec429463cc  since Sat 21 Nov 14:02 (2d), commit 77ab01c2
  imported     default/myapp:dev: Sat 21 Nov 14:02 from registry.example/acme/myapp:main
  next check   14:12, every 15m; last 13:57

  1.2.0 has not passed here yet; the next stage takes it when every line says yes:
  NO    soak 3d   since Sat 21 Nov 14:02, until Tue 24 Nov 14:02, 1d left

  to go back: headwater rollback myapp/dev --reason ...
",
    );

    let failing = CheckMemory {
        failures: 6,
        failing_since: Some(at("2026-11-23T12:40:00Z")),
        message: "registry.example answered 401".to_owned(),
        next_try: Some(at("2026-11-23T13:10:00Z")),
        ..memory
    };
    let failing = Imported::of(&tag, &dev(true), Some(&failing), interval);
    let once = Imported::of(&tag, &dev(false), None, interval);
    let view = WhyView {
        imported: vec![failing, once],
        ..plain(&stage, &labels)
    };
    let text = shown(&view, &frame(Some(140)));
    assert!(
        text.contains("registry.example answered 401 since 13:40, 6 tries"),
        "{text}"
    );
    assert!(
        text.contains("dev stays at 1.2.0 (d4ec429463cc); 29 other pipelines are unaffected"),
        "{text}"
    );
    assert!(text.contains("14:10, every 15m; last 13:57"), "{text}");
    assert!(text.contains("none: this tag is imported once"), "{text}");
}

#[test]
fn labels_are_data_and_nothing_else() {
    let stage = orders();
    let mut labels = labels(&stage);
    for label in labels.values_mut().flat_map(BTreeMap::values_mut) {
        *label = format!("\u{1b}[2J\u{202e}{}", "x".repeat(500));
    }
    let text = shown(&plain(&stage, &labels), &frame(Some(100)));
    assert!(!text.contains(&"x".repeat(200)), "{text}");
}

#[test]
fn why_as_data_reads_back_with_commands() {
    let stage = orders();
    let json = round_trip(&plain(&stage, &Labels::new()).data());
    assert_eq!(json["stage"]["pullRequest"], "482");
    assert_eq!(json["act"][0], "gh pr review 482 --approve");
    assert_eq!(
        json["opensAt"],
        serde_json::Value::Null,
        "an approval does not come by itself"
    );
    let offline = orders().proposed("promote-orders-prod-eu-1a2b3c4d");
    let act = plain(&offline, &Labels::new()).data().act;
    assert_eq!(
        act[0],
        "headwater pr approve promote-orders-prod-eu-1a2b3c4d"
    );
}

#[test]
fn two_rules_about_approvals_are_one_wait() {
    let two = |state, why: &str| {
        stage("keycloak/prod", "25.0.2", "9h")
            .is(state, why)
            .wants("25.0.3")
            .on(yes("freeze", "none"))
            .on(not_yet(
                "approval by 1 of @acme/release",
                "0 of 1 @acme/release",
                None,
            ))
            .on(not_yet(
                "approval by 1 of @acme/sre",
                "0 of 1 @acme/sre",
                None,
            ))
    };
    let waiting = two(State::Waiting, "approval 0 of 1 @acme/release");
    let text = shown(&plain(&waiting, &Labels::new()), &frame(None));
    assert!(
        text.starts_with("keycloak/prod   waiting   waits for approvals\n"),
        "{text}"
    );
    assert!(!text.contains("because"), "a condition says it: {text}");
    let moving = two(State::Moving, "a pull request is opened");
    let text = shown(&plain(&moving, &Labels::new()), &frame(None));
    let first = "keycloak/prod   moving   its pull request comes with the next run and waits for approvals\n";
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn everything_that_stops_a_stage_is_listed_the_worst_first() {
    let block = |state, reason: &str, why: &str, help: &str| BlockReport {
        state,
        reason: reason.to_owned(),
        why: why.to_owned(),
        until: None,
        help: Some(help.to_owned()),
    };
    let mut stage = stage("shop/prod", "1.0.0", "1d");
    stage.stopped_by(block(
        State::Held,
        "EditedByHand",
        "EditedByHand: shop:prod was put to 4fd5e94d45d2 by 77ab01c2, which is no promotion",
        "revert it",
    ));
    stage.stopped_by(block(
        State::Held,
        "Held",
        "audit (@mara)",
        "headwater unhold shop/prod",
    ));
    stage.stopped_by(block(
        State::Broken,
        "Invalid",
        "a file cannot be read",
        "headwater check",
    ));
    let view = plain(&stage, &BTreeMap::new()).data();
    let reasons: Vec<&str> = view
        .stage
        .blocks
        .iter()
        .map(|b| b.reason.as_str())
        .collect();
    assert_eq!(reasons, ["Invalid", "EditedByHand", "Held"]);
    same(
        &shown(&plain(&stage, &Labels::new()), &frame(Some(120))),
        "\
shop/prod   broken   somebody must mend it

  runs now   1.0.0  8a87d4658ecf  since Sun 22 Nov 14:02 (1d), commit 77ab01c2
  because    a file cannot be read
  and        shop:prod was put to 4fd5e94d45d2 by 77ab01c2, which is no promotion (EditedByHand)
  and        audit (@mara)

  to act: headwater check   |   revert it   |   headwater unhold shop/prod
",
    );
    let plan = plan_of(vec![stage]);
    let status = crate::cli::view::status::StatusView {
        plan: &plan,
        all: false,
        checked: true,
    };
    let text = shown(&status, &frame(None));
    assert!(
        text.contains("broken   prod: a file cannot be read (+2 more)"),
        "{text}"
    );
}

#[test]
fn nobody_is_sent_back_to_where_nothing_was() {
    let mut stage = orders();
    stage.state = State::Settled;
    let labels = Labels::new();
    let first = WhyView {
        can_go_back: false,
        ..plain(&stage, &labels)
    };
    let frame = frame(Some(100));
    assert!(!shown(&first, &frame).contains("rollback"));
    assert!(shown(&plain(&stage, &labels), &frame).contains("headwater rollback"));
}
