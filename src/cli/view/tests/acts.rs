//! `rollback` and the other acts, `apply`, `history`

use std::collections::BTreeMap;

use super::samples::*;
use crate::apply::{Done, Receipt, Refusal};
use crate::cli::view::View;
use crate::cli::view::act::{Act, ActKind, Ran, Written};
use crate::cli::view::history::HistoryView;
use crate::cli::view::run::RunView;
use crate::model::promotion::{Cause, Evidence, FromStage};
use crate::model::{CommitId, Fault, Party, Promotion, Set};
use crate::plan::road::timeline::{HandMove, Stay, Timeline, Whose};

fn commit(hex: &str) -> CommitId {
    hex.repeat(5).parse().unwrap()
}

fn rollback(written: Written) -> Act {
    Act {
        v: 1,
        kind: ActKind::Rollback,
        stage: "keycloak/prod".parse().unwrap(),
        reason: "login 500s, INC-2291".to_owned(),
        old: Some(set("keycloak", "25.0.3")),
        new: Some(set("keycloak", "25.0.2")),
        ran: Some(Ran {
            from: Some(at("2026-11-02T08:00:00Z")),
            until: Some(at("2026-11-23T00:14:00Z")),
            by: Some("#431".to_owned()),
        }),
        skipped: vec![
            "age".to_owned(),
            "window".to_owned(),
            "approvals".to_owned(),
        ],
        skipped_by: Some("environment prod: rollback".to_owned()),
        pins: true,
        files: files(&[
            ("pipelines/keycloak/imagestream.yaml", None),
            ("holds/keycloak-prod.yaml", None),
        ])
        .into_keys()
        .collect(),
        removed: Vec::new(),
        images: 1,
        next: None,
        written,
    }
}

#[test]
fn a_rollback_at_night_takes_three_lines() {
    let pushed = Written::Pushed {
        commit: commit("81c02fe4"),
        branch: "main".to_owned(),
    };
    same(
        &shown(&rollback(pushed.clone()), &frame(Some(160))),
        "\
keycloak/prod  25.0.3 (4fd5e94d45d2) -> 25.0.2 (4fa978677fff), which ran here Mon 2 Nov 09:00 - Mon 23 Nov 01:14 and came by #431
skipped: age, window, approvals (environment prod: rollback)     held: 25.0.3 in prod until `headwater unhold keycloak/prod`, which lets it in again
pushed 81c02fe4 to main (2 files, 1 image). Watch: headwater why keycloak/prod
",
    );
    same(
        &shown(&rollback(pushed), &frame(Some(60))),
        "\
keycloak/prod  25.0.3 (4fd5e94d45d2) -> 25.0.2
(4fa978677fff), which ran here Mon 2 Nov 09:00 - Mon 23 Nov
01:14 and came by #431
skipped: age, window, approvals (environment prod: rollback)
held: 25.0.3 in prod until `headwater unhold keycloak/prod`,
which lets it in again
pushed 81c02fe4 to main (2 files, 1 image). Watch: headwater
why keycloak/prod
",
    );
}

#[test]
fn an_act_says_where_it_was_written_and_what_is_in_the_way() {
    let last = |written| {
        shown(&rollback(written), &frame(None))
            .lines()
            .last()
            .unwrap()
            .to_owned()
    };
    let in_the_way = vec!["ruleset main: 1 approval of @acme/sre".to_owned()];
    same(
        &last(Written::PullRequest {
            id: "483".to_owned(),
            in_the_way,
        }),
        "proposed as #483 (2 files, 1 image); in its way: ruleset main: 1 approval of @acme/sre. Watch: headwater why keycloak/prod",
    );
    same(
        &last(Written::Commit {
            commit: commit("81c02fe4"),
        }),
        "committed 81c02fe4 (2 files, 1 image), not pushed",
    );
    same(
        &last(Written::WorkTree),
        "wrote holds/keycloak-prod.yaml, pipelines/keycloak/imagestream.yaml; commit and push it, or add --push",
    );
    same(
        &last(Written::Nowhere),
        "nothing written (2 files, 1 image would be)",
    );
}

#[test]
fn other_acts_say_what_they_mean() {
    let act = |kind, new: Option<&str>| {
        let new = new.map(|version| set("keycloak", version));
        let act = Act {
            kind,
            new,
            ran: None,
            skipped: vec![],
            pins: false,
            ..rollback(Written::WorkTree)
        };
        round_trip(&act.data());
        assert_eq!(act.names(), ["keycloak/prod"]);
        shown(&act, &frame(None)).lines().next().unwrap().to_owned()
    };
    same(
        &act(ActKind::Hold, None),
        "keycloak/prod  takes nothing until `headwater unhold keycloak/prod`: login 500s, INC-2291",
    );
    same(
        &act(ActKind::Unhold, None),
        "keycloak/prod  moves again: login 500s, INC-2291",
    );
    let held = act(ActKind::Hold, Some("25.0.3"));
    assert!(
        held.starts_with("keycloak/prod  does not take 25.0.3 ("),
        "{held}"
    );
    let promoted = act(ActKind::Promote, Some("25.0.4"));
    assert!(promoted.contains(") asked for: login 500s"), "{promoted}");
}

#[test]
fn a_pass_says_in_one_line_each_what_was_done() {
    let plan = one();
    let receipt = Receipt {
        done: vec![
            Done::Pushed {
                commit: commit("81c02fe4"),
                subject: "Carry out 1 import, 1 promotion".to_owned(),
                files: 3,
            },
            Done::Opened {
                id: "promote-orders-prod-1a2b3c4d".to_owned(),
                title: "Promote orders 1.42.3 -> 1.42.7 to prod".to_owned(),
            },
            Done::Updated {
                id: "481".to_owned(),
            },
            Done::Merged {
                id: "479".to_owned(),
                commit: Some(commit("77ab01c2")),
            },
            Done::Closed {
                id: "470".to_owned(),
                reason: "a newer build took its place".to_owned(),
            },
        ],
        refused: vec![],
        again: false,
    };
    let view = RunView {
        plan: &plan,
        receipt: &receipt,
    };
    same(
        &shown(&view, &frame(Some(140))),
        "\
pushed    81c02fe4 to main               Carry out 1 import, 1 promotion (3 files)
opened    promote-orders-prod-1a2b3c4d   Promote orders 1.42.3 -> 1.42.7 to prod
updated   #481
merged    #479 as 77ab01c2
closed    #470                           a newer build took its place
Done: 1 import, 1 promotion; 1 waiting.
",
    );
    same(
        &shown(&view, &frame(Some(60))),
        "\
pushed    81c02fe4 to main
      Carry out 1 import, 1 promotion (3 files)
opened    promote-orders-prod-1a2b3c4d
      Promote orders 1.42.3 -> 1.42.7 to prod
updated   #481
merged    #479 as 77ab01c2
closed    #470
      a newer build took its place
Done: 1 import, 1 promotion; 1 waiting.
",
    );
    assert_eq!(round_trip(&view.data())["done"][3]["did"], "merged");
    assert_eq!(view.names()[0], "81c02fe4".repeat(5));
}

#[test]
fn a_refused_push_is_not_called_done() {
    let plan = one();
    let receipt = Receipt {
        done: vec![],
        refused: vec![Refusal {
            changes: Vec::new(),
            what: "push to main".to_owned(),
            why: "main takes changes only by pull request".to_owned(),
            fault: Fault::of(Party::Operator),
        }],
        again: true,
    };
    same(
        &shown(
            &RunView {
                plan: &plan,
                receipt: &receipt,
            },
            &frame(Some(100)),
        ),
        "\
refused   push to main   main takes changes only by pull request
somebody else was faster: what is left must be planned again
Done in part: 0 of 1 effect (1 import, 1 promotion planned), 1 refused; 1 waiting.
",
    );
    let nothing = plan_of(vec![stage("myapp/prod", "1", "1d")]);
    same(
        &shown(
            &RunView {
                plan: &nothing,
                receipt: &Receipt::default(),
            },
            &frame(None),
        ),
        "Done: nothing to do.\n",
    );
}

fn stay(
    version: &str,
    from: &str,
    left: Option<&str>,
    whose: Whose,
    record: Option<Promotion>,
) -> Stay {
    let set = set("keycloak", version).set;
    Stay {
        id: set.id(),
        set,
        at: 0,
        commit: commit("77ab01c2"),
        since: Some(at(from)),
        left: left.map(|left| (1, at(left))),
        left_back: false,
        whose,
        confirmed: whose != Whose::ByHand,
        record,
    }
}

fn record(cause: Cause, asked_by: Option<&str>) -> Option<Promotion> {
    Some(Promotion {
        asked_by: asked_by.map(str::to_owned),
        cause,
        evidence: vec![
            Evidence {
                at: at(CHECKED),
                detail: "imported 2026-11-01T08:00:00Z".to_owned(),
                gate: "age 3d".to_owned(),
                verdict: "open".to_owned(),
            },
            Evidence {
                at: at(CHECKED),
                detail: "skipped: CHG-1\u{1b}[2J".to_owned(),
                gate: "window".to_owned(),
                verdict: "skipped".to_owned(),
            },
        ],
        from: vec![FromStage {
            commit: commit("3f9c2ab4"),
            stage: "vendor".parse().unwrap(),
        }],
        pipeline: "keycloak".parse().unwrap(),
        set: Set::default().id(),
        stage: "prod".parse().unwrap(),
        v: 1,
    })
}

fn timeline() -> Timeline {
    Timeline {
        stays: vec![
            stay(
                "25.0.1",
                "2025-12-02T08:00:00Z",
                Some("2026-11-02T08:00:00Z"),
                Whose::ByHand,
                None,
            ),
            stay(
                "25.0.2",
                "2026-11-02T08:00:00Z",
                Some("2026-11-22T09:00:00Z"),
                Whose::Merged,
                record(Cause::Promotion, None),
            ),
            stay(
                "25.0.3",
                "2026-11-22T09:00:00Z",
                Some("2026-11-23T01:14:00Z"),
                Whose::Ours,
                record(Cause::Promotion, Some("@lena")),
            ),
            stay(
                "25.0.2",
                "2026-11-23T01:14:00Z",
                None,
                Whose::Back,
                record(Cause::Rollback, Some("@mara")),
            ),
        ],
        by_hand: None,
        reverted: BTreeMap::new(),
    }
}

fn version(set: &Set) -> String {
    let known = ["25.0.1", "25.0.2", "25.0.3"];
    let known = known
        .into_iter()
        .find(|v| super::samples::set("keycloak", v).set == *set);
    known.unwrap().to_owned()
}

#[test]
fn a_history_shows_the_newest_first_and_whose_move_each_was() {
    let (key, timeline) = ("keycloak/prod".parse().unwrap(), timeline());
    let merged = BTreeMap::from([(commit("77ab01c2"), "482".to_owned())]);
    let view = HistoryView {
        key: &key,
        timeline: &timeline,
        version: &version,
        merged: &merged,
        limit: 3,
        complete: true,
    };
    same(&shown(&view, &frame(Some(140))), "\
VERSION   DIGEST         SINCE              AGE   FOR       COMMIT     MOVE
25.0.2    4fa978677fff   Mon 23 Nov 02:14   11h   current   77ab01c2   rollback, #482, asked by @mara
25.0.3    4fd5e94d45d2   Sun 22 Nov 10:00   1d    16h 14m   77ab01c2   promotion, #482, asked by @lena
25.0.2    4fa978677fff   Mon 2 Nov 09:00    21d   20d 1h    77ab01c2   promotion, #482

1 older: --limit 4
");
    same(
        &shown(&view, &frame(Some(60))),
        "\
25.0.2  4fa978677fff  Mon 23 Nov 02:14  current
    rollback, #482, asked by @mara, commit 77ab01c2
25.0.3  4fd5e94d45d2  Sun 22 Nov 10:00  16h 14m
    promotion, #482, asked by @lena, commit 77ab01c2
25.0.2  4fa978677fff  Mon 2 Nov 09:00  20d 1h
    promotion, #482, commit 77ab01c2

1 older: --limit 4
",
    );
    same(
        &shown(&view, &wide(Some(100))),
        "\
25.0.2  4fa978677fff  Mon 23 Nov 02:14  current
    rollback, #482, asked by @mara, commit 77ab01c2
    from vendor at 3f9c2ab4
    yes          age 3d   imported Sun 1 Nov 09:00
    skipped      window   skipped: CHG-1�[2J
25.0.3  4fd5e94d45d2  Sun 22 Nov 10:00  16h 14m
    promotion, #482, asked by @lena, commit 77ab01c2
    from vendor at 3f9c2ab4
    yes          age 3d   imported Sun 1 Nov 09:00
    skipped      window   skipped: CHG-1�[2J
25.0.2  4fa978677fff  Mon 2 Nov 09:00  20d 1h
    promotion, #482, commit 77ab01c2
    from vendor at 3f9c2ab4
    yes          age 3d   imported Sun 1 Nov 09:00
    skipped      window   skipped: CHG-1�[2J

1 older: --limit 4
",
    );
    let json = round_trip(&view.data());
    assert_eq!(json["total"], 4);
    assert_eq!(json["sets"][0]["version"], "25.0.2");
    assert_eq!(json["sets"][0]["whose"], "back");
    assert!(view.names()[0].starts_with("sha256:"));
}

#[test]
fn a_history_admits_what_it_does_not_know_and_what_it_does_not_follow() {
    let key = "keycloak/prod".parse().unwrap();
    let tag = "default/keycloak:prod".to_owned().try_into().unwrap();
    let timeline = Timeline {
        stays: vec![],
        by_hand: Some(HandMove {
            tag,
            commit: commit("3f9c2ab4"),
            digest: None,
        }),
        reverted: BTreeMap::new(),
    };
    let merged = BTreeMap::new();
    let view = HistoryView {
        key: &key,
        timeline: &timeline,
        version: &version,
        merged: &merged,
        limit: 20,
        complete: false,
    };
    same(
        &shown(&view, &frame(Some(80))),
        "\
default/keycloak:prod was put to nothing by hand in 3f9c2ab4; the stage does not
follow it

of no set is it known that it was in keycloak/prod

older ones are not known: the clone is shallow
",
    );
    round_trip(&view.data());
}
