//! Worlds to look at: stages, plans and frames with fixed times.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};

use crate::cli::output::clean::is_unsafe;
use crate::cli::output::style::width;
use crate::cli::output::tests::captured;
use crate::cli::output::{Look, Zone};
use crate::cli::view::{Frame, View};
use crate::model::{Delivery, Digest, Period, Set, StreamKey, Timestamp, Verdict};
use crate::plan::report::{
    Change, ChangeKind, Condition, HoldReport, SetReport, StageReport, State, Subject,
};
use crate::plan::{PLAN_VERSION, Plan};

/// Monday afternoon in Berlin.
pub(super) const CHECKED: &str = "2026-11-23T13:02:11Z";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// So long before the plan was made.
pub(super) fn before(age: &str) -> Timestamp {
    let age: Period = age.parse().unwrap();
    at(CHECKED) - jiff::SignedDuration::from_secs(age.as_seconds() as i64)
}

/// Somebody in Berlin looks nine seconds later.
pub(super) fn frame(width: Option<usize>) -> Frame {
    Frame {
        width,
        zone: Zone::named("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
        now: at("2026-11-23T13:02:20Z"),
        wide: false,
    }
}

pub(super) fn wide(width: Option<usize>) -> Frame {
    Frame {
        wide: true,
        ..frame(width)
    }
}

/// The text as it comes out of a pipe: no colours, nothing that steers a terminal, no line too long.
pub(super) fn shown(view: &impl View, frame: &Frame) -> String {
    let (out, stdout, _) = captured(Look::default());
    out.line(view.text(frame));
    let text = stdout.text();
    assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)), "{text:?}");
    for line in text.lines() {
        assert!(
            frame.width.is_none_or(|columns| width(line) <= columns),
            "too wide: {line:?}\n{text}"
        );
        assert_eq!(line, line.trim_end(), "space at the end");
    }
    text
}

/// Data that reads back as it was written, as JSON and as YAML.
pub(super) fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    data: &T,
) -> serde_json::Value {
    let json = serde_json::to_string(data).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *data);
    let yaml = serde_yaml::to_string(data).unwrap();
    assert_eq!(serde_yaml::from_str::<T>(&yaml).unwrap(), *data);
    serde_json::from_str(&json).unwrap()
}

pub(super) fn key(pipeline: &str) -> StreamKey {
    format!("default/{pipeline}").try_into().unwrap()
}

pub(super) fn set(pipeline: &str, version: &str) -> SetReport {
    let digest = Digest::sha256(format!("{pipeline} {version}").as_bytes());
    SetReport {
        set: Set::new([(key(pipeline), digest)]),
        version: version.to_owned(),
        since: None,
        commit: None,
    }
}

pub(super) fn current(pipeline: &str, version: &str, age: &str) -> SetReport {
    SetReport {
        since: Some(before(age)),
        commit: Some("77ab01c2".repeat(5).parse().unwrap()),
        ..set(pipeline, version)
    }
}

/// A settled stage that runs a version since some time.
pub(super) fn stage(name: &str, version: &str, age: &str) -> StageReport {
    let (pipeline, _) = name.split_once('/').unwrap();
    StageReport {
        key: name.parse().unwrap(),
        tag: name.split_once('/').unwrap().1.to_owned(),
        state: State::Settled,
        why: String::new(),
        delivery: Delivery::Commit,
        blocks: Vec::new(),
        current: Some(current(pipeline, version, age)),
        candidate: None,
        conditions: Vec::new(),
        verify: Vec::new(),
        passed_over: Vec::new(),
        pull_request: None,
        until: None,
        help: None,
    }
}

impl StageReport {
    pub(super) fn is(self, state: State, why: &str) -> Self {
        Self {
            state,
            why: why.to_owned(),
            ..self
        }
    }

    pub(super) fn until(self, until: &str) -> Self {
        Self {
            until: Some(at(until)),
            ..self
        }
    }

    pub(super) fn wants(self, version: &str) -> Self {
        let candidate = Some(set(self.key.pipeline.as_str(), version));
        Self { candidate, ..self }
    }

    pub(super) fn on(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    pub(super) fn proposed(self, id: &str) -> Self {
        Self {
            pull_request: Some(id.to_owned()),
            ..self
        }
    }
}

pub(super) fn yes(name: &str, why: &str) -> Condition {
    let verdict = Verdict::Open {
        why: why.to_owned(),
    };
    condition(name, verdict)
}

pub(super) fn not_yet(name: &str, why: &str, until: Option<&str>) -> Condition {
    let (why, until) = (why.to_owned(), until.map(at));
    condition(name, Verdict::Waiting { why, until })
}

pub(super) fn condition(name: &str, verdict: Verdict) -> Condition {
    let kind = match name.split(' ').next().unwrap() {
        "approval" => "approvals",
        kind => kind,
    };
    Condition {
        name: name.to_owned(),
        kind: kind.to_owned(),
        verdict,
        set_by: matches!(kind, "window" | "approvals").then(|| "environment prod".to_owned()),
    }
}

pub(super) fn hold(subject: Subject, state: State, reason: &str, why: &str) -> HoldReport {
    HoldReport {
        subject,
        reason: reason.to_owned(),
        why: why.to_owned(),
        until: None,
        help: None,
        state,
    }
}

pub(super) fn change(
    kind: ChangeKind,
    group: &str,
    place: &str,
    subject: &str,
    old: &str,
    new: &str,
) -> Change {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Change {
        kind,
        group: group.to_owned(),
        place: place.to_owned(),
        subject: subject.to_owned(),
        old: text(old),
        new: text(new),
        why: None,
        delivery: "commit on main".to_owned(),
        files: vec![
            format!("pipelines/{group}/imagestream.yaml")
                .parse()
                .unwrap(),
        ],
    }
}

pub(super) fn plan_of(stages: Vec<StageReport>) -> Plan {
    Plan {
        v: PLAN_VERSION,
        base: "3f9c2ab4".repeat(5).parse().unwrap(),
        branch: "main".to_owned(),
        now: at(CHECKED),
        stamp: at(CHECKED),
        valid_until: None,
        changes: Vec::new(),
        effects: Vec::new(),
        holds: Vec::new(),
        stages,
        questions: Vec::new(),
    }
}

/// Many services: what needs somebody, and 24 that do not.
pub(super) fn many() -> Plan {
    let mut stages = vec![
        stage("search/dev", "3.1.0", "6d"),
        stage("search/qa", "3.1.0", "6d"),
        stage("search/prod-eu", "3.1.0", "5d"),
        stage("payments/dev", "2.9.0", "40m"),
        stage("payments/qa", "2.9.0", "38m").is(
            State::Refused,
            "e2e: failed, run 1187 at 2026-11-23T12:31:00Z",
        ),
        stage("payments/prod-eu", "2.8.8", "6d"),
        stage("invoice/dev", "5.0.2", "1d"),
        stage("invoice/qa", "5.0.2", "1d"),
        stage("invoice/prod-eu", "5.0.1", "12h").is(
            State::Held,
            "5.0.2 rolled back: login 500s, INC-2291 (@mara)",
        ),
        stage("orders/dev", "1.42.7", "6h"),
        stage("orders/qa", "1.42.7", "6h"),
        stage("orders/prod-eu", "1.42.3", "11d")
            .is(
                State::Waiting,
                "approval by 1 of @shop/release: 0 of 1 @shop/release",
            )
            .wants("1.42.7")
            .proposed("482"),
        stage("checkout/dev", "4.2.2", "50m"),
        stage("checkout/qa", "4.2.2", "42m"),
        stage("checkout/prod-eu", "4.2.1", "4h")
            .is(
                State::Waiting,
                "soak 4h: since 2026-11-23T12:20:00Z, until 2026-11-23T16:20:00Z",
            )
            .wants("4.2.2")
            .until("2026-11-23T16:20:00Z"),
    ];
    for n in 1..=24 {
        let stage = |s: &str, age| stage(&format!("service-{n:02}/{s}"), "1.0.0", age);
        stages.extend([
            stage("dev", "3d"),
            stage("qa", "2d"),
            stage("prod-eu", "1d"),
        ]);
    }
    let mut plan = plan_of(stages);
    let tag = "default/search:dev".to_owned().try_into().unwrap();
    let mut broken = hold(
        Subject::Tag(tag),
        State::Broken,
        "ImportFailed",
        "ghcr.io answered 401 since 2026-11-23T12:40:00Z, 6 tries",
    );
    broken.until = Some(at("2026-11-23T13:10:00Z"));
    plan.holds.push(broken);
    plan
}

/// One service: an import and a promotion are due, prod soaks.
pub(super) fn one() -> Plan {
    let mut plan = plan_of(vec![
        stage("myapp/dev", "1.2.0", "2d")
            .is(State::Moving, "")
            .wants("1.2.1"),
        stage("myapp/qa", "1.1.9", "9d")
            .is(State::Moving, "")
            .wants("1.2.0"),
        stage("myapp/prod", "1.1.9", "8d")
            .is(
                State::Waiting,
                "soak 30m: since 2026-11-23T13:02:11Z, until 2026-11-23T13:32:11Z",
            )
            .wants("1.2.0")
            .on(yes(
                "from qa",
                "holds it since 2026-11-23T13:02:11Z (77ab01c2)",
            ))
            .on(not_yet(
                "soak 30m",
                "since 2026-11-23T13:02:11Z, until 2026-11-23T13:32:11Z",
                Some("2026-11-23T13:32:11Z"),
            ))
            .until("2026-11-23T13:32:11Z"),
    ]);
    plan.changes = vec![
        change(
            ChangeKind::Import,
            "myapp",
            "dev",
            "registry.example/acme/myapp:main",
            "sha256:3f9a12c4d5e6",
            "sha256:81c2d0aa90bd",
        ),
        change(
            ChangeKind::Promote,
            "myapp",
            "qa <- dev",
            "qa-stable",
            "1.1.9 (sha256:9c04e1f7a2b8)",
            "1.2.0 (sha256:3f9a12c4d5e6)",
        ),
    ];
    plan.effects = vec![push(&[(
        "pipelines/myapp/imagestream.yaml",
        Some("kind: ImageStream\nspec:\n  tag: new\n"),
    )])];
    plan
}

pub(super) fn files(
    files: &[(&str, Option<&str>)],
) -> BTreeMap<crate::model::RepoPath, Option<String>> {
    let files = files.iter();
    files
        .map(|(path, text)| (path.parse().unwrap(), text.map(str::to_owned)))
        .collect()
}

pub(super) fn push(changed: &[(&str, Option<&str>)]) -> crate::plan::Effect {
    crate::plan::Effect::PushBase {
        expect: "3f9c2ab4".repeat(5).parse().unwrap(),
        commit: crate::plan::effect::CommitContent {
            message: "Carry out 1 import, 1 promotion\n\nmore".to_owned(),
            files: files(changed),
        },
        sets: Vec::new(),
    }
}

/// Text as a reader sees it, line by line.
#[track_caller]
pub(super) fn same(actual: &str, expected: &str) {
    assert_eq!(actual, expected, "\n{actual}");
}

/// What a terminal with colours gets.
pub(super) fn colored(view: &impl View, frame: &Frame) -> String {
    let look = Look {
        color: true,
        ..Look::default()
    };
    let (out, stdout, _) = captured(look);
    out.line(view.text(frame));
    stdout.text()
}

/// What a pipe gets of a text.
pub(super) fn printed(text: &str) -> String {
    let (out, stdout, _) = captured(Look::default());
    out.line(text);
    stdout.text()
}
