//! Broken edges as people read them.

use super::samples::{at, before, frame, round_trip, shown, stage};
use crate::cli::view::View;
use crate::cli::view::edges::WithEdges;
use crate::cli::view::status::StatusView;
use crate::model::Party;
use crate::plan::State;
use crate::plan::edges::{EdgeKind, EdgeReport};

fn quay() -> EdgeReport {
    EdgeReport {
        kind: EdgeKind::Registry,
        name: "quay.io".to_owned(),
        state: State::Broken,
        answered: "no access to `quay.io/acme/orders:main`: `quay.io` answers 401".to_owned(),
        reason: "Unauthorized".to_owned(),
        fault: Some(Party::Operator),
        since: Some(before("22m")),
        tries: 12,
        next_try: Some(at("2026-11-23T13:10:00Z")),
        affected: vec!["orders".parse().unwrap(), "web".parse().unwrap()],
        affected_pipelines: 2,
        unaffected_pipelines: 29,
        tags: 3,
    }
}

#[test]
fn a_broken_edge_says_what_it_answered_since_when_and_whom_it_concerns() {
    let plan = super::samples::plan_of(vec![stage("web/dev", "1.0.0", "2h")]);
    let status = || StatusView {
        plan: &plan,
        all: false,
        checked: true,
    };
    let view = |edges| WithEdges {
        daemon: None,
        forge: None,
        status: status(),
        edges,
    };
    let edges = [quay()];
    let text = shown(&view(&edges), &frame(None));
    assert!(
        text.ends_with(
            "EDGES
registry quay.io   broken  no access to `quay.io/acme/orders:main`: `quay.io` answers 401
    since 13:40, 22m ago, 12 tries, next try 14:10; the operator has to mend it
    3 tags affected, of pipelines orders, web; 29 other pipelines are unaffected
"
        ),
        "{text}"
    );
    for width in [40, 60, 80] {
        shown(&view(&edges), &frame(Some(width)));
    }
    let json = round_trip(&view(&edges).data());
    assert_eq!(json["edges"][0]["name"], "quay.io");
    assert_eq!(json["v"], 1);
    assert_eq!(
        shown(&view(&[]), &frame(None)),
        shown(&status(), &frame(None))
    );
}

#[test]
fn an_edge_that_was_asked_and_has_not_answered_yet_waits_and_has_no_tries() {
    let plan = super::samples::plan_of(vec![stage("web/dev", "1.0.0", "2h")]);
    let edges = [EdgeReport {
        state: State::Waiting,
        answered: "it was asked and has not answered yet".to_owned(),
        reason: "NotAnswered".to_owned(),
        fault: Some(Party::Remote),
        tries: 0,
        next_try: None,
        ..quay()
    }];
    let status = StatusView {
        plan: &plan,
        all: false,
        checked: true,
    };
    let edges = &edges;
    let text = shown(
        &WithEdges {
            status,
            edges,
            daemon: None,
            forge: None,
        },
        &frame(None),
    );
    assert!(
        text.ends_with(
            "EDGES
registry quay.io   waiting  it was asked and has not answered yet
    since 13:40, 22m ago; it may heal by itself
    3 tags affected, of pipelines orders, web; 29 other pipelines are unaffected
"
        ),
        "{text}"
    );
}
