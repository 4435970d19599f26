//! Two pipelines that share their pull requests into prod, told in plans: what one plan opens, the next is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{BlobId, CommitId, CommitState, CommitStatus, RepoPath, StageKey};
use crate::plan::effect::{CommitContent, PullRequestText};
use crate::plan::facts::marker::Subject;
use crate::plan::facts::pull::{ApprovalFacts, BranchFacts, PullRequestFacts, PullState};
use crate::plan::kit::{Kit, at, commit, set};
use crate::plan::report::State;
use crate::plan::{Effect, Observation, Plan, StageReport, plan};

const HEAD: usize = 900;
const PRODUCTION: &str = "apiVersion: headwater.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec:
  pullRequest: {group: 30m, labels: [promotion]}
";
const APPROVED: &str = "  approvals: {count: 1, from: [\"@acme/release\"]}\n";

/// Two stages that go to prod: one behind qa, one straight from dev.
fn pipeline(live: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: myapp}}\nspec:\n  stages:\n    - {{name: dev, environments: []}}\n    - {{name: qa, environments: []}}\n    - {{name: prod, from: [qa]}}\n{live}"
    )
}

fn live(more: &str) -> String {
    format!("    - {{name: live, from: [dev], environments: [prod]{more}}}\n")
}

fn kit(environment: &str, live: &str, more: &[(&str, &str)]) -> Kit {
    let (environment, pipeline) = (format!("{PRODUCTION}{environment}"), pipeline(live));
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {delivery: commit}\n";
    let mut files = vec![
        ("pipelines/myapp/pipeline.yaml", pipeline.as_str()),
        ("environments/prod.yaml", environment.as_str()),
        ("headwater.yaml", config),
    ];
    files.extend(more);
    Kit::new(&files)
}

/// Only the stage `live` is ready.
fn one(environment: &str) -> Kit {
    kit(environment, &live(""), &[]).moves("dev", "1")
}

fn two(environment: &str) -> Kit {
    one(environment).moves("qa", "1")
}

type Opened = (String, CommitContent, PullRequestText);

fn opened(plan: &Plan) -> Vec<Opened> {
    let opened = plan.effects.iter().filter_map(|effect| match effect {
        Effect::OpenPullRequest {
            branch,
            commit,
            text,
            ..
        } => Some((branch.clone(), commit.clone(), text.clone())),
        _ => None,
    });
    opened.collect()
}

fn rebuilt(plan: &Plan) -> Opened {
    let mut rebuilt = plan.effects.iter().filter_map(|effect| match effect {
        Effect::UpdatePullRequest {
            branch,
            rebuild: Some(rebuild),
            text: Some(text),
            ..
        } => Some((branch.clone(), rebuild.commit.clone(), text.clone())),
        _ => None,
    });
    rebuilt.next().unwrap_or_else(|| panic!("{plan:#?}"))
}

fn only(plan: &Plan) -> Opened {
    let mut opened = opened(plan);
    assert_eq!(opened.len(), 1, "{plan:#?}");
    opened.remove(0)
}

/// The observation with that pull request open since the fifth minute.
fn with(mut obs: Observation, (branch, content, text): &Opened) -> Observation {
    let files = content.files.iter();
    let blobs: BTreeMap<RepoPath, Option<BlobId>> = files
        .map(|(path, text)| {
            let blob = text.as_ref().map(|t| BlobId::of(t.as_bytes()));
            (path.clone(), blob)
        })
        .collect();
    for text in content.files.values().flatten() {
        let blob = BlobId::of(text.as_bytes());
        obs.blobs.insert(blob, Some(Arc::from(text.as_str())));
    }
    obs.facts.branches.insert(branch.clone(), commit(HEAD));
    let release = vec!["rita".to_owned()];
    obs.facts.teams.insert("@acme/release".to_owned(), release);
    let pulls = obs.facts.pulls.get_or_insert_default();
    pulls.push(PullRequestFacts {
        id: "7".to_owned(),
        branch: branch.clone(),
        state: PullState::Open,
        marker: text.marker.clone(),
        title: text.title.clone(),
        body: text.body.clone(),
        labels: text.labels.clone(),
        head: commit(HEAD),
        closed_by: None,
        closed_why: None,
        merged_as: None,
        unrecorded: false,
        queue: None,
        unmarked: false,
        statuses: Some(Vec::new()),
        approvals: Vec::new(),
        past: None,
        opened_at: Some(at(5)),
        branch_facts: Some(BranchFacts {
            head: commit(HEAD),
            merge_base: commit(1),
            foreign: None,
            pushed_by: Vec::new(),
            changed: blobs.clone(),
            merged: Some(blobs),
        }),
    });
    obs
}

/// The same, with a base that others moved and that merges cleanly with its branch.
fn merging(obs: Observation) -> Observation {
    let anew = rebuilt(&plan(&obs)).1;
    let mut obs = obs;
    let files = anew.files.iter();
    let merged = files.map(|(path, text)| {
        let blob = text.as_ref().map(|t| BlobId::of(t.as_bytes()));
        (path.clone(), blob)
    });
    let merged = merged.collect();
    let branch = pull(&mut obs).branch_facts.as_mut();
    branch.expect("open").merged = Some(merged);
    obs
}

fn pull(obs: &mut Observation) -> &mut PullRequestFacts {
    let pulls = obs.facts.pulls.as_mut();
    pulls
        .and_then(|pulls| pulls.last_mut())
        .expect("a pull request")
}

fn approve(obs: &mut Observation) {
    pull(obs).approvals.push(ApprovalFacts {
        who: "rita".to_owned(),
        head: commit(HEAD),
        at: at(6),
        authentic: true,
        reader: false,
    });
}

fn stages(text: &PullRequestText) -> Vec<String> {
    text.marker
        .stages()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn report<'p>(plan: &'p Plan, key: &str) -> &'p StageReport {
    let key: StageKey = key.parse().unwrap();
    plan.stages.iter().find(|s| s.key == key).expect("a stage")
}

fn status(plan: &Plan) -> CommitStatus {
    let mut set = plan.effects.iter().filter_map(|effect| match effect {
        Effect::SetCommitStatus { status, .. } => Some(status.clone()),
        _ => None,
    });
    set.next().unwrap_or_else(|| panic!("{plan:#?}"))
}

fn merge(plan: &Plan) -> Option<(CommitId, String)> {
    plan.effects.iter().find_map(|effect| match effect {
        Effect::MergePullRequest { head, message, .. } => Some((head.clone(), message.clone())),
        _ => None,
    })
}

#[test]
fn what_is_ready_together_shares_one_pull_request() {
    let made = plan(&two("").now(5).observe());
    let (branch, content, text) = only(&made);
    assert!(branch.starts_with("headwater/group/prod/"), "{branch}");
    assert_eq!(stages(&text), ["myapp/live", "myapp/prod"]);
    assert!(
        text.title.starts_with("Promote 2 services to prod: myapp "),
        "{}",
        text.title
    );
    for words in ["in **prod**", "in **live**", "passed qa", "passed dev"] {
        assert!(text.body.contains(words), "{}", text.body);
    }
    let stream = content.files.values().flatten().next().unwrap();
    assert_eq!(
        stream.matches("headwater.dev/promotion: ").count(),
        3,
        "{stream}"
    );
    for stage in ["myapp/live", "myapp/prod"] {
        assert!(
            content
                .message
                .contains(&format!("Headwater-Stage: {stage}\n"))
        );
        assert_eq!(report(&made, stage).state, State::Moving);
    }
    assert!(!content.message.contains("Headwater-Base"));
    let again = plan(&with(two("").now(6).observe(), &only(&made)));
    let again: Vec<&Effect> = again.effects.iter().collect();
    assert!(
        matches!(again.as_slice(), [Effect::SetCommitStatus { .. }]),
        "{again:#?}"
    );
}

#[test]
fn what_becomes_ready_while_it_collects_joins_it_and_stamps_stay() {
    let first = only(&plan(&one("").now(5).observe()));
    assert_eq!(stages(&first.2), ["myapp/live"]);
    let joined = plan(&with(two("").now(20).observe(), &first));
    assert!(opened(&joined).is_empty());
    let (branch, content, text) = rebuilt(&joined);
    assert_eq!(
        (branch, stages(&text)),
        (
            first.0.clone(),
            vec!["myapp/live".to_owned(), "myapp/prod".to_owned()]
        )
    );
    let record = |content: &CommitContent| {
        let text = content.files.values().flatten().next().unwrap().clone();
        let lines = text
            .lines()
            .filter(|l| l.contains("promotion: ") && l.contains("live"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(record(&content), record(&first.1), "stamped once");
    let late = plan(&with(two("").now(35).observe(), &first));
    assert_eq!(
        stages(&only(&late).2),
        ["myapp/prod"],
        "its own, once that is over"
    );
}

#[test]
fn nobody_joins_what_somebody_approved() {
    let first = only(&plan(&one(APPROVED).now(5).observe()));
    let mut obs = with(two(APPROVED).now(20).observe(), &first);
    approve(&mut obs);
    let made = plan(&merging(obs));
    assert_eq!(stages(&only(&made).2), ["myapp/prod"]);
    assert!(merge(&made).is_some(), "and what is approved goes on");
}

#[test]
fn without_approvals_it_is_merged_when_it_has_collected() {
    let first = only(&plan(&two("").now(5).observe()));
    let early = plan(&with(two("").now(20).observe(), &first));
    assert!(merge(&early).is_none());
    let shown = status(&early);
    assert_eq!(shown.state, CommitState::Pending);
    assert!(
        shown
            .words
            .starts_with("collects what becomes ready until "),
        "{shown:?}"
    );
    assert_eq!(early.valid_until, Some(at(35)));
    assert_eq!(report(&early, "myapp/live").until, Some(at(35)));
    let due = plan(&with(two("").now(35).observe(), &first));
    let (head, message) = merge(&due).unwrap();
    assert_eq!(head, commit(HEAD));
    for line in [
        "Headwater-Stage: myapp/prod\n",
        "Headwater-Stage: myapp/live\n",
        "Headwater-Base: ",
    ] {
        assert!(message.contains(line), "{message}");
    }
}

#[test]
fn what_is_held_leaves_the_others_and_what_nothing_goes_on_beside_stays() {
    let first = only(&plan(&two(APPROVED).now(5).observe()));
    let hold = |stage: &str| {
        format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {{name: {stage}}}\nspec: {{pipeline: myapp, stages: [{stage}], reason: no}}\n"
        )
    };
    let (mine, others) = (hold("prod"), hold("live"));
    let ready = |holds: &[(&str, &str)]| {
        let kit = kit(APPROVED, &live(""), holds)
            .moves("dev", "1")
            .moves("qa", "1");
        with(kit.now(20).observe(), &first)
    };
    let left = plan(&ready(&[("holds/a.yaml", &mine)]));
    assert_eq!(stages(&rebuilt(&left).2), ["myapp/live"]);
    assert_eq!(report(&left, "myapp/prod").state, State::Held);
    let stays = plan(&ready(&[
        ("holds/a.yaml", &mine),
        ("holds/b.yaml", &others),
    ]));
    let effects: Vec<&Effect> = stays.effects.iter().collect();
    assert!(
        matches!(effects.as_slice(), [Effect::SetCommitStatus { .. }]),
        "{effects:#?}"
    );
    assert_ne!(status(&stays).state, CommitState::Success);
}

#[test]
fn what_cannot_be_made_keeps_nobody_else_back() {
    let kit = kit("", &live(", releaseTag: \"v{{version.major}}\""), &[]);
    let kit = kit.moves("dev", "1").moves("qa", "1").labels("1", &[]);
    let made = plan(&kit.now(5).observe());
    assert_eq!(stages(&only(&made).2), ["myapp/prod"]);
    let other = report(&made, "myapp/live");
    assert!(other.why.contains("VersionUnclear"), "{other:?}");
}

#[test]
fn a_newer_build_takes_the_place_of_its_own_promotion_alone() {
    let first = only(&plan(&two(APPROVED).now(5).observe()));
    let newer = || two(APPROVED).moves("dev", "2").now(50).observe();
    let text = rebuilt(&plan(&with(newer(), &first))).2;
    let carried = text.marker.promotions();
    let sets: Vec<_> = carried
        .iter()
        .map(|c| (c.stage.to_string(), c.set.clone()))
        .collect();
    let wanted = [("myapp/live", set("2").id()), ("myapp/prod", set("1").id())];
    assert_eq!(sets, wanted.map(|(stage, set)| (stage.to_owned(), set)));
    let mut approved = with(newer(), &first);
    approve(&mut approved);
    let approved = plan(&merging(approved));
    // The base moves once in a plan, and qa goes first.
    assert!(opened(&approved).is_empty() && merge(&approved).is_none());
    let live = report(&approved, "myapp/live");
    assert_eq!(live.passed_over.len(), 1, "{live:?}");
}

#[test]
fn closed_by_a_person_it_holds_every_set_in_it() {
    let first = only(&plan(&two("").now(5).observe()));
    let mut obs = with(two("").now(50).observe(), &first);
    let closed = pull(&mut obs);
    closed.state = PullState::Closed;
    closed.closed_by = Some("@ann".to_owned());
    closed.branch_facts = None;
    let made = plan(&obs);
    assert!(made.is_empty(), "{:#?}", made.effects);
    for stage in ["myapp/live", "myapp/prod"] {
        let report = report(&made, stage);
        assert_eq!(report.state, State::Held);
        assert!(
            report.why.contains("pull request 7 was closed by @ann"),
            "{report:?}"
        );
    }
}

#[test]
fn a_stage_that_is_gone_or_cannot_be_read_leaves_and_alone_it_is_left_alone() {
    let mut first = only(&plan(&two(APPROVED).now(5).observe()));
    let Subject::Group { members, .. } = &mut first.2.marker.subject else {
        panic!("{:?}", first.2.marker);
    };
    members[0].stage = "ghost/live".parse().unwrap();
    let ready = |files: &[(&str, &str)], first: &Opened| {
        let kit = kit(APPROVED, "", files);
        let kit = kit.moves("dev", "1").moves("qa", "1");
        with(kit.now(50).observe(), first)
    };
    let broken = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: [";
    let unread = [("pipelines/ghost/pipeline.yaml", broken)];
    for files in [&unread[..], &[]] {
        let made = plan(&ready(files, &first));
        assert_eq!(stages(&rebuilt(&made).2), ["myapp/prod"]);
    }
    let Subject::Group { members, .. } = &mut first.2.marker.subject else {
        panic!("{:?}", first.2.marker);
    };
    members[1].stage = "ghost/prod".parse().unwrap();
    let alone = plan(&ready(&unread, &first));
    let touches = |e: &Effect| {
        matches!(
            e,
            Effect::UpdatePullRequest { .. } | Effect::ClosePullRequest { .. }
        )
    };
    assert!(!alone.effects.iter().any(touches), "{:#?}", alone.effects);
}

#[test]
fn nothing_of_it_is_of_use_and_it_is_closed_by_us() {
    let mut first = only(&plan(&two(APPROVED).now(5).observe()));
    for gone in [false, true] {
        if let (true, Subject::Group { members, .. }) = (gone, &mut first.2.marker.subject) {
            members[0].stage = "ghost/live".parse().unwrap();
        }
        closes(&first);
    }
}

fn closes(first: &Opened) {
    let arrived = two(APPROVED).moves("prod", "1").moves("live", "1");
    let made = plan(&with(arrived.now(50).observe(), first));
    let [Effect::ClosePullRequest { text, .. }] = made.effects.as_slice() else {
        panic!("{made:#?}");
    };
    assert!(text.marker.superseded);
}
