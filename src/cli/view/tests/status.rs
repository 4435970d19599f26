//! `status`

use super::samples::*;
use crate::cli::view::View;
use crate::cli::view::status::StatusView;
use crate::plan::Plan;
use crate::plan::report::{State, Subject};

fn view(plan: &Plan) -> StatusView<'_> {
    StatusView {
        plan,
        all: false,
        checked: true,
    }
}

#[test]
fn many_services_show_first_what_needs_somebody_and_fold_the_rest() {
    same(&shown(&view(&many()), &frame(Some(140))), "\
main 3f9c2ab4   29 pipelines x 3 stages   checked 14:02:11, 9 s ago   1 broken  1 refused  1 held  2 waiting  24 settled

PIPELINE   DEV          QA           PROD-EU              STATE
search     3.1.0   6d   3.1.0   6d   3.1.0   5d           broken   dev import: ghcr.io answered 401 since 13:40, 6 tries, next try 14:10
payments   2.9.0  40m   2.9.0  38m   2.8.8   6d           refused  qa: e2e: failed, run 1187 at 13:31
invoice    5.0.2   1d   5.0.2   1d   5.0.1  12h (held)    held     prod-eu: 5.0.2 rolled back: login 500s, INC-2291 (@mara)
orders     1.42.7  6h   1.42.7  6h   1.42.3 11d -> #482   waiting  prod-eu: approval by 1 of @shop/release: 0 of 1 @shop/release
checkout   4.2.2  50m   4.2.2  42m   4.2.1   4h           waiting  prod-eu: soak 4h: since 13:20, until 17:20

24 settled (same digest in all stages): --all    why: headwater why search/dev    next change without anybody: 14:10
");
}

#[test]
fn on_a_narrower_terminal_reasons_go_below_their_rows() {
    same(
        &shown(&view(&many()), &frame(Some(100))),
        "\
main 3f9c2ab4   29 pipelines x 3 stages   checked 14:02:11, 9 s ago
1 broken  1 refused  1 held  2 waiting  24 settled

PIPELINE   DEV          QA           PROD-EU              STATE
search     3.1.0   6d   3.1.0   6d   3.1.0   5d           broken
    dev import: ghcr.io answered 401 since 13:40, 6 tries, next try 14:10
payments   2.9.0  40m   2.9.0  38m   2.8.8   6d           refused
    qa: e2e: failed, run 1187 at 13:31
invoice    5.0.2   1d   5.0.2   1d   5.0.1  12h (held)    held
    prod-eu: 5.0.2 rolled back: login 500s, INC-2291 (@mara)
orders     1.42.7  6h   1.42.7  6h   1.42.3 11d -> #482   waiting
    prod-eu: approval by 1 of @shop/release: 0 of 1 @shop/release
checkout   4.2.2  50m   4.2.2  42m   4.2.1   4h           waiting
    prod-eu: soak 4h: since 13:20, until 17:20

24 settled (same digest in all stages): --all    why: headwater why search/dev
next change without anybody: 14:10
",
    );
}

#[test]
fn on_the_narrowest_terminal_each_pipeline_is_a_block() {
    same(
        &shown(&view(&many()), &frame(Some(60))),
        "\
main 3f9c2ab4   29 pipelines x 3 stages
checked 14:02:11, 9 s ago
1 broken  1 refused  1 held  2 waiting  24 settled

search     broken   dev import: ghcr.io answered 401 since
                    13:40, 6 tries, next try 14:10
    dev 3.1.0 6d  >  qa 3.1.0 6d  >  prod-eu 3.1.0 5d
payments   refused  qa: e2e: failed, run 1187 at 13:31
    dev 2.9.0 40m  >  qa 2.9.0 38m  >  prod-eu 2.8.8 6d
invoice    held     prod-eu: 5.0.2 rolled back: login 500s,
                    INC-2291 (@mara)
    dev 5.0.2 1d  >  qa 5.0.2 1d  >
    prod-eu 5.0.1 12h (held)
orders     waiting  prod-eu: approval by 1 of @shop/release:
                    0 of 1 @shop/release
    dev 1.42.7 6h  >  qa 1.42.7 6h  >
    prod-eu 1.42.3 11d -> #482
checkout   waiting  prod-eu: soak 4h: since 13:20, until
                    17:20
    dev 4.2.2 50m  >  qa 4.2.2 42m  >  prod-eu 4.2.1 4h

24 settled (same digest in all stages): --all
why: headwater why search/dev
next change without anybody: 14:10
",
    );
}

#[test]
fn one_service_shows_what_moves_and_what_waits() {
    same(&shown(&view(&one()), &frame(None)), "\
main 3f9c2ab4   1 pipeline x 3 stages   checked 14:02:11, 9 s ago   1 waiting

PIPELINE   DEV                 QA                  PROD       STATE
myapp      1.2.0 2d -> 1.2.1   1.1.9 9d -> 1.2.0   1.1.9 8d   waiting  prod: soak 30m: since 14:02, until 14:32

why: headwater why myapp/prod    1 effect to carry out: headwater run    next change without anybody: 14:32
");
}

#[test]
fn a_few_settled_pipelines_are_not_folded_and_many_are_shown_on_demand() {
    let plan = plan_of(vec![
        stage("myapp/dev", "1.2.0", "2d"),
        stage("myapp/prod", "1.2.0", "1d"),
    ]);
    same(
        &shown(&view(&plan), &frame(Some(80))),
        "\
main 3f9c2ab4   1 pipeline x 2 stages   checked 14:02:11, 9 s ago   1 settled

PIPELINE   DEV        PROD       STATE
myapp      1.2.0 2d   1.2.0 1d   settled
",
    );
    let all = shown(
        &StatusView {
            plan: &many(),
            all: true,
            checked: true,
        },
        &frame(Some(60)),
    );
    assert!(
        all.contains("\nservice-24   settled\n    1.0.0 in all stages\n"),
        "{all}"
    );
}

#[test]
fn pipelines_of_different_roads_share_columns_only_where_that_helps() {
    let mut plan = plan_of(vec![
        stage("keycloak/vendor", "25.0.3", "2d"),
        stage("keycloak/prod", "25.0.2", "9h").is(State::Held, "login 500s, INC-2291 (@mara)"),
        stage("myapp/dev", "1.2.0", "2d"),
        stage("myapp/qa", "1.2.0", "1d"),
        stage("myapp/prod", "1.2.0", "5h"),
    ]);
    same(
        &shown(&view(&plan), &frame(Some(100))),
        "\
main 3f9c2ab4   2 pipelines, 5 stages   checked 14:02:11, 9 s ago   1 held  1 settled

PIPELINE   VENDOR      DEV        QA         PROD               STATE
keycloak   25.0.3 2d                         25.0.2 9h (held)   held
    prod: login 500s, INC-2291 (@mara)
myapp                  1.2.0 2d   1.2.0 1d   1.2.0  5h          settled

why: headwater why keycloak/prod
",
    );
    plan.stages.push(stage("other/one", "1", "5h"));
    plan.stages.push(stage("other/two", "1", "5h"));
    same(
        &shown(&view(&plan), &frame(Some(100))),
        "\
main 3f9c2ab4   3 pipelines, 7 stages   checked 14:02:11, 9 s ago   1 held  2 settled

keycloak   held     prod: login 500s, INC-2291 (@mara)
    vendor 25.0.3 2d  >  prod 25.0.2 9h (held)
myapp      settled
    1.2.0 in all stages
other      settled
    1 in all stages

why: headwater why keycloak/prod
",
    );
}

#[test]
fn what_is_in_no_pipeline_has_a_table_of_its_own() {
    let mut plan = plan_of(vec![stage("keycloak/prod", "25.0.2", "9h")]);
    let tag = Subject::Tag("default/postgres:16".to_owned().try_into().unwrap());
    let environment = "prod".parse().unwrap();
    plan.holds = vec![
        hold(tag, State::Broken, "ImportFailed", "docker.io answered 429"),
        hold(
            Subject::Application {
                environment,
                application: "myapp".to_owned(),
            },
            State::Broken,
            "Template",
            "`values.image` is missing",
        ),
        hold(
            Subject::Repository,
            State::Held,
            "BrakesUnreadable",
            "holds/prod.yaml cannot be read: every promotion holds",
        ),
        hold(
            Subject::Pipeline("shop".parse().unwrap()),
            State::Broken,
            "Invalid",
            "unknown stage `stagging`",
        ),
    ];
    plan.holds[0].until = Some(at("2026-11-23T13:10:00Z"));
    same(
        &shown(&view(&plan), &frame(Some(100))),
        "\
main 3f9c2ab4   2 pipelines, 1 stage   checked 14:02:11, 9 s ago   3 broken  1 held  1 settled

PIPELINE   PROD        STATE
shop                   broken   unknown stage `stagging`
keycloak   25.0.2 9h   settled

ELSEWHERE             STATE
repository            held     holds/prod.yaml cannot be read: every promotion holds
default/postgres:16   broken   docker.io answered 429, next try 14:10
prod/myapp            broken   `values.image` is missing

next change without anybody: 14:10
",
    );
}

#[test]
fn words_from_outside_cannot_steer_the_terminal() {
    let mut plan = plan_of(vec![
        stage("myapp/prod", "1.0\u{1b}[2J\u{202e}", "2d")
            .is(State::Broken, "bad\u{1b}]0;x\u{7}\nsecond line"),
    ]);
    plan.holds = vec![hold(
        Subject::Application {
            environment: "prod".parse().unwrap(),
            application: "\u{1b}[31m".to_owned(),
        },
        State::Broken,
        "Template",
        "\u{9b}31m",
    )];
    for columns in [None, Some(60)] {
        let text = shown(&view(&plan), &frame(columns));
        assert!(text.contains("second line"), "{text}");
    }
}

#[test]
fn status_as_data_reads_back_and_names_lead_to_why() {
    let plan = many();
    let data = view(&plan).data();
    let json = round_trip(&data);
    assert_eq!(json["counts"]["settled"], 24);
    assert_eq!(json["pipelines"][0]["pipeline"], "search");
    assert_eq!(json["nextChange"], "2026-11-23T13:10:00Z");
    assert_eq!(json["pipelines"][0]["reasons"][0]["place"], "dev import");
    let names = view(&plan).names();
    assert_eq!(
        names,
        [
            "payments/qa",
            "invoice/prod-eu",
            "orders/prod-eu",
            "checkout/prod-eu"
        ]
    );
}

#[test]
fn colours_are_the_writers_decision_and_change_no_column() {
    let plan = many();
    let colored = colored(&view(&plan), &frame(Some(140)));
    assert!(
        colored.contains("\u{1b}[1;31mbroken\u{1b}[0m"),
        "{colored:?}"
    );
    let bare: String = colored
        .split('\u{1b}')
        .enumerate()
        .map(|(at, part)| {
            if at == 0 {
                part
            } else {
                part.split_once('m').unwrap().1
            }
        })
        .collect();
    same(&bare, &shown(&view(&plan), &frame(Some(140))));
}

#[test]
fn an_empty_stage_shows_what_comes() {
    let mut empty = stage("myapp/prod", "1.2.0", "1d").is(State::Waiting, "approval");
    empty.current = None;
    let plan = plan_of(vec![
        stage("myapp/qa", "1.2.0", "1d"),
        empty.proposed("482"),
        stage("keycloak/qa", "25.0.2", "9h"),
        stage("keycloak/prod", "25.0.2", "9h"),
    ]);
    same(
        &shown(&view(&plan), &frame(Some(100))),
        "\
main 3f9c2ab4   2 pipelines x 2 stages   checked 14:02:11, 9 s ago   1 waiting  1 settled

PIPELINE   QA          PROD        STATE
myapp      1.2.0  1d   - -> #482   waiting  prod: approval
keycloak   25.0.2 9h   25.0.2 9h   settled

why: headwater why myapp/prod
",
    );
}

#[test]
fn what_waits_at_the_offline_forge_shows_its_version_and_no_piece_of_a_branch() {
    let stage = stage("orders/prod", "1.42.3", "11d").is(State::Waiting, "approval");
    let known = stage
        .clone()
        .wants("1.42.7")
        .proposed("promote-orders-prod-1a2b3c4d-2");
    let text = shown(&view(&plan_of(vec![known])), &frame(Some(100)));
    assert!(text.contains("1.42.3 11d -> 1.42.7"), "{text}");
    let numbered = stage.wants("1.42.7").proposed("482");
    let text = shown(&view(&plan_of(vec![numbered])), &frame(Some(100)));
    assert!(text.contains("1.42.3 11d -> #482"), "{text}");
}
