//! The life of a promotion's pull request, told in plans: what one plan opens, the next is shown as it stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{BlobId, CommitId, CommitState, CommitStatus, Period, RepoPath};
use crate::plan::edges::edges;
use crate::plan::effect::{CommitContent, PullRequestText};
use crate::plan::facts::pull::{ApprovalFacts, BranchFacts, PullRequestFacts, PullState};
use crate::plan::facts::{Failure, Trouble};
use crate::plan::kit::{Kit, at, commit, pipeline, set};
use crate::plan::report::State;
use crate::plan::{Effect, Observation, Plan, plan};

const PROD: &str = "      approvals: {count: 1, from: [\"@acme/release\"]}\n";
const HEAD: usize = 900;

fn kit() -> Kit {
    let config =
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {delivery: pullRequest}\n";
    Kit::new(&[
        ("pipelines/myapp/pipeline.yaml", &pipeline("", PROD)),
        ("headwater.yaml", config),
    ])
}

fn ready() -> Kit {
    kit().moves("dev", "1").moves("qa", "1")
}

/// The pull request a plan opens for prod.
fn opened(plan: &Plan) -> (String, CommitContent, PullRequestText) {
    let found = plan.effects.iter().find_map(|e| match e {
        Effect::OpenPullRequest {
            branch,
            commit,
            text,
            ..
        } if branch.contains("/prod/") => Some((branch.clone(), commit.clone(), text.clone())),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing is opened: {plan:#?}"))
}

/// The observation with that pull request open, its branch as it was pushed.
fn with_pull(
    mut obs: Observation,
    opened: &(String, CommitContent, PullRequestText),
) -> Observation {
    let (branch, content, text) = opened;
    let blobs: BTreeMap<RepoPath, Option<BlobId>> = content
        .files
        .iter()
        .map(|(path, text)| {
            (
                path.clone(),
                text.as_ref().map(|t| BlobId::of(t.as_bytes())),
            )
        })
        .collect();
    for text in content.files.values().flatten() {
        obs.blobs
            .insert(BlobId::of(text.as_bytes()), Some(Arc::from(text.as_str())));
    }
    obs.facts.branches.insert(branch.clone(), commit(HEAD));
    obs.facts
        .teams
        .insert("@acme/release".to_owned(), vec!["rita".to_owned()]);
    obs.facts
        .pulls
        .get_or_insert_default()
        .push(PullRequestFacts {
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
            statuses: None,
            approvals: vec![],
            past: None,
            opened_at: Some(at(5)),
            branch_facts: Some(BranchFacts {
                head: commit(HEAD),
                merge_base: commit(1),
                foreign: None,
                pushed_by: vec![],
                changed: blobs.clone(),
                merged: Some(blobs),
            }),
        });
    obs
}

fn pull(obs: &mut Observation) -> &mut PullRequestFacts {
    obs.facts
        .pulls
        .as_mut()
        .and_then(|p| p.last_mut())
        .expect("a pull request")
}

fn approve(obs: &mut Observation, who: &str, head: CommitId) {
    pull(obs).approvals.push(ApprovalFacts {
        who: who.to_owned(),
        head,
        at: at(5),
        authentic: true,
        reader: false,
    });
}

fn prod(plan: &Plan) -> &crate::plan::StageReport {
    plan.stages
        .iter()
        .find(|s| s.key.stage.as_str() == "prod")
        .expect("prod")
}

fn open() -> (String, CommitContent, PullRequestText) {
    opened(&plan(&ready().now(5).observe()))
}

#[test]
fn a_pull_request_of_an_older_set_that_somebody_asks_for_stays_open() {
    let newer = ready().moves("prod", "1").moves("dev", "2");
    let newer = newer.moves("qa", "2").moves("prod", "2");
    let asked = || {
        newer
            .clone()
            .asks("1", "mara@x", "mara@x")
            .now(20)
            .observe()
    };
    let opened = opened(&plan(&asked()));
    let later = plan(&with_pull(asked(), &opened));
    assert!(later.is_empty(), "{:#?}", later.effects);
}

#[test]
fn an_open_pull_request_is_left_alone_however_often_it_is_looked_at() {
    let later = plan(&with_pull(ready().now(50).observe(), &open()));
    assert!(later.is_empty(), "{:#?}", later.effects);
    assert_eq!(prod(&later).state, State::Waiting);
    assert!(
        prod(&later).why.contains("0 of 1 @acme/release"),
        "{}",
        prod(&later).why
    );
    assert_eq!(prod(&later).pull_request.as_deref(), Some("7"));
}

#[test]
fn it_is_merged_once_the_right_person_approved_this_very_head() {
    let obs = || with_pull(ready().now(50).observe(), &open());
    let merges = |obs: &Observation| matches!(plan(obs).effects.as_slice(), [Effect::MergePullRequest { id, .. }] if id == "7");
    let mut right = obs();
    approve(&mut right, "rita", commit(HEAD));
    assert!(merges(&right));
    let mut stale = obs();
    approve(&mut stale, "rita", commit(3));
    assert!(!merges(&stale), "an approval of another head is stale");
    let mut stranger = obs();
    approve(&mut stranger, "mallory", commit(HEAD));
    assert!(!merges(&stranger));
    let mut pusher = obs();
    approve(&mut pusher, "rita", commit(HEAD));
    pull(&mut pusher)
        .branch_facts
        .as_mut()
        .expect("open")
        .pushed_by
        .push("@rita".to_owned());
    assert!(
        !merges(&pusher),
        "whoever pushed to the branch does not count"
    );
    let mut anybody = obs();
    approve(&mut anybody, "rita", commit(HEAD));
    pull(&mut anybody).approvals[0].authentic = false;
    assert!(
        !merges(&anybody),
        "an approval nobody vouches for does not count"
    );
}

#[test]
fn the_head_is_marked_once_and_green_only_when_it_may_be_merged() {
    let obs = |shown: &[CommitStatus]| {
        let mut obs = with_pull(ready().now(50).observe(), &open());
        pull(&mut obs).statuses = Some(shown.to_vec());
        obs
    };
    let marks = |obs: &Observation| -> Vec<(CommitState, String)> {
        let made = plan(obs);
        let marks = made.effects.into_iter().filter_map(|effect| match effect {
            Effect::SetCommitStatus { id, head, status } => {
                assert_eq!((id.as_str(), &head), ("7", &commit(HEAD)));
                assert_eq!(status.context, "headwater/prod");
                Some((status.state, status.words))
            }
            _ => None,
        });
        marks.collect()
    };
    let waits = "waits for approval by 1 of @acme/release";
    assert_eq!(marks(&obs(&[])), [(CommitState::Pending, waits.to_owned())]);
    let shown = CommitStatus::of("prod", CommitState::Pending, waits);
    assert!(
        plan(&obs(std::slice::from_ref(&shown))).is_empty(),
        "it is marked already"
    );

    let mut approved = obs(&[shown]);
    approve(&mut approved, "rita", commit(HEAD));
    assert!(
        matches!(
            plan(&approved).effects.as_slice(),
            [Effect::SetCommitStatus { status, .. }, Effect::MergePullRequest { .. }]
                if status.state == CommitState::Success
        ),
        "a protected branch takes no merge before it is green: {:#?}",
        plan(&approved).effects
    );

    let mut foreign = obs(&[]);
    let branch = pull(&mut foreign).branch_facts.as_mut().expect("open");
    branch.foreign = Some("a commit of mallory's".to_owned());
    assert_eq!(marks(&foreign)[0].0, CommitState::Failure);
}

#[test]
fn one_closed_by_a_person_holds_its_set_and_one_we_closed_holds_nothing() {
    let mut closed = with_pull(ready().now(50).observe(), &open());
    pull(&mut closed).state = PullState::Closed;
    pull(&mut closed).branch_facts = None;
    let held = plan(&closed);
    assert!(held.is_empty());
    assert_eq!(prod(&held).state, State::Held);
    pull(&mut closed).marker.superseded = true;
    let again = opened(&plan(&closed));
    assert!(
        again.0.ends_with("-2"),
        "a name is never used twice: {}",
        again.0
    );
}

#[test]
fn one_closed_for_a_set_that_was_here_before_holds_it_until_the_stage_comes_to_it_again() {
    let back = || {
        let there = ready().moves("prod", "1").moves("dev", "2");
        let there = there.moves("qa", "2").moves("prod", "2");
        let there = there.rolls_back("prod", "1");
        there.now(50)
    };
    let first = opened(&plan(&back().observe()));
    assert_eq!(first.2.marker.after, Some(commit(5)), "{first:?}");
    let closed = |obs: Observation| {
        let mut obs = with_pull(obs, &first);
        pull(&mut obs).state = PullState::Closed;
        pull(&mut obs).branch_facts = None;
        obs
    };
    let held = plan(&closed(back().observe()));
    assert!(held.is_empty(), "{:#?}", held.effects);
    assert_eq!(prod(&held).state, State::Held);
    assert!(
        prod(&held).why.contains("was closed"),
        "{}",
        prod(&held).why
    );

    let again = back().moves("prod", "2").rolls_back("prod", "1").now(50);
    let anew = opened(&plan(&closed(again.observe())));
    assert_eq!(anew.2.marker.after, Some(commit(7)), "{anew:?}");
}

#[test]
fn a_newer_set_takes_it_over_until_somebody_approved() {
    let newer = || {
        with_pull(
            ready().moves("dev", "2").moves("qa", "2").now(50).observe(),
            &open(),
        )
    };
    let moved = plan(&newer());
    let [
        Effect::UpdatePullRequest {
            id,
            rebuild: Some(_),
            text: Some(text),
            expect,
            ..
        },
    ] = moved.effects.as_slice()
    else {
        panic!("{:#?}", moved.effects)
    };
    assert_eq!((id.as_str(), expect), ("7", &commit(HEAD)));
    assert!(
        text.body.contains(set("2").id().as_str()),
        "the marker names the newer set"
    );
    let mut approved = newer();
    approve(&mut approved, "rita", commit(HEAD));
    merges_clean(&mut approved);
    let plan = plan(&approved);
    assert!(
        matches!(plan.effects.as_slice(), [Effect::MergePullRequest { .. }]),
        "the approved one stays: {:#?}",
        plan.effects
    );
    assert!(
        prod(&plan)
            .passed_over
            .iter()
            .any(|(s, _)| s.set == set("2")),
        "the newer one is named"
    );
}

/// Base and branch merged are the base plus our change: what a rebuild would write.
fn merges_clean(obs: &mut Observation) {
    let plan = plan(obs);
    let [
        Effect::UpdatePullRequest {
            rebuild: Some(rebuild),
            ..
        },
    ] = plan.effects.as_slice()
    else {
        panic!("{:#?}", plan.effects)
    };
    let files = rebuild.commit.files.iter();
    let merged = files
        .map(|(p, t)| (p.clone(), t.as_ref().map(|t| BlobId::of(t.as_bytes()))))
        .collect();
    pull(obs).branch_facts.as_mut().expect("open").merged = Some(merged);
}

#[test]
fn it_is_made_anew_where_it_no_longer_merges_and_keeps_its_stamps() {
    let opened = open();
    let mut conflicting = with_pull(ready().now(50).observe(), &opened);
    pull(&mut conflicting)
        .branch_facts
        .as_mut()
        .expect("open")
        .merged = None;
    let plan = plan(&conflicting);
    let [
        Effect::UpdatePullRequest {
            rebuild: Some(rebuild),
            ..
        },
    ] = plan.effects.as_slice()
    else {
        panic!("{:#?}", plan.effects)
    };
    assert_eq!(
        rebuild.commit.files, opened.1.files,
        "created, evidence and record are those of the first time"
    );
}

#[test]
fn foreign_commits_leave_it_alone_and_are_told() {
    let mut foreign = with_pull(ready().now(50).observe(), &open());
    pull(&mut foreign)
        .branch_facts
        .as_mut()
        .expect("open")
        .foreign = Some("1234567 by mallory".to_owned());
    approve(&mut foreign, "rita", commit(HEAD));
    let plan = plan(&foreign);
    assert!(plan.is_empty());
    assert!(prod(&plan).why.contains("mallory"), "{}", prod(&plan).why);
}

#[test]
fn one_whose_set_arrived_by_another_way_is_closed_by_us() {
    let merged = plan(&with_pull(
        ready().moves("prod", "1").now(50).observe(),
        &open(),
    ));
    let [Effect::ClosePullRequest { text, .. }] = merged.effects.as_slice() else {
        panic!("{:#?}", merged.effects)
    };
    assert!(text.marker.superseded && text.body.contains("superseded"));
}

#[test]
fn a_forge_that_cannot_be_asked_holds_what_needs_it() {
    let mut obs = ready().now(50).observe();
    obs.facts.pulls = None;
    let plan = plan(&obs);
    assert!(plan.is_empty());
    assert_eq!(prod(&plan).state, State::Broken);
}

#[test]
fn a_forge_that_heals_by_itself_is_waited_for_and_broken_after_an_hour() {
    let begun = ready().now(50).observe().facts.now;
    let away = |transient, minutes: u64| {
        let mut obs = ready().now(50).observe();
        obs.facts.pulls = None;
        obs.facts.now = Period::seconds(minutes * 60).after(begun);
        obs.facts.forge_failure = Some(Failure {
            reason: "InternalError".to_owned(),
            message: "it does not answer".to_owned(),
            canonical: "the forge cannot be asked".to_owned(),
            transient,
            party: None,
            retry_at: None,
        });
        obs.facts.forge_trouble = Some(Trouble {
            since: Some(begun),
            ..Trouble::default()
        });
        let plan = plan(&obs);
        assert!(plan.is_empty());
        let edge = edges(&obs, &plan).remove(0);
        assert_eq!(edge.state, prod(&plan).state);
        edge.state
    };
    assert_eq!(away(true, 59), State::Waiting);
    assert_eq!(away(true, 60), State::Broken);
    assert_eq!(away(false, 0), State::Broken);
}

#[test]
fn a_stage_that_hands_over_commits_by_now_has_no_use_for_its_pull_request() {
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {delivery: commit}\n";
    let by_commit = |prod: &str| {
        let pipeline = pipeline("", prod);
        let files = [
            ("pipelines/myapp/pipeline.yaml", pipeline.as_str()),
            ("headwater.yaml", config),
        ];
        let kit = Kit::new(&files).moves("dev", "1").moves("qa", "1");
        plan(&with_pull(kit.now(50).observe(), &open()))
    };
    let made = by_commit("");
    let closes = made
        .effects
        .iter()
        .any(|e| matches!(e, Effect::ClosePullRequest { text, .. } if text.marker.superseded));
    let pushes = made
        .effects
        .iter()
        .any(|e| matches!(e, Effect::PushBase { .. }));
    assert!(closes && pushes, "{:#?}", made.effects);
    let broken = by_commit("      from: [nowhere]\n");
    assert!(broken.is_empty(), "{:#?}", broken.effects);
}

#[test]
fn what_is_put_back_below_an_environment_waits_for_an_owner_whom_the_operator_names() {
    let environment = "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec: {delivery: commit, applications: [{name: web, template: plain}]}\n";
    let observed = || {
        let kit = ready().now(5).with("environments/prod.yaml", environment);
        let kit = kit.with("templates/plain/pod.yaml.hbs", "kind: Pod\n");
        let mut obs = kit.observe();
        let guards = r#"{"prod": {"owners": ["@acme/release"]}}"#;
        obs.facts.settings.guards = serde_json::from_str(guards).unwrap();
        obs
    };
    let first = plan(&observed());
    let mut opened = first.effects.iter().filter_map(|effect| match effect {
        Effect::OpenPullRequest {
            branch,
            commit,
            text,
            ..
        } if branch.starts_with("headwater/env/prod/") => {
            Some((branch.clone(), commit.clone(), text.clone()))
        }
        _ => None,
    });
    let drift = opened.next().unwrap_or_else(|| panic!("{first:#?}"));
    let merges = |who: &[&str]| {
        let mut obs = with_pull(observed(), &drift);
        for who in who {
            approve(&mut obs, who, commit(HEAD));
        }
        let effects = plan(&obs).effects;
        effects
            .iter()
            .any(|e| matches!(e, Effect::MergePullRequest { id, .. } if id == "7"))
    };
    assert!(!merges(&[]));
    assert!(!merges(&["mallory"]));
    assert!(merges(&["mallory", "rita"]));
}
