//! Bugs of our own: a panic about one item stops that item, is counted, and leaves the process and all others alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater::apply::Done;
use headwater::forge::{
    Abilities, Approval, Approver, Closing, Forge, ForgeError, Listing, Merged, Merging, NewPull,
    Opened, Part, PullText, Tending,
};
use headwater::git::Fetched;
use headwater::model::workflow_run::{Dispatch, WorkflowFile, WorkflowRun};
use headwater::model::{
    CommitCheck, CommitId, CommitStatus, Deployment, DeploymentState, Timestamp,
};
use headwater::observe::Progress;
use headwater::plan::State;
use headwater::plan::report::Subject;

use crate::support::world::{World, shown};

use super::*;

/// Panics while the first answer of every round is taken in.
fn panicking() -> Progress {
    Progress::new(|done, _| assert!(done != 1, "a bug on purpose"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_over_one_answer_fails_that_tag_alone_and_is_tried_again() {
    let stream = small::stream("other");
    let mut world = World::with(&[("pipelines/other/imagestream.yaml", &stream)]).await;
    world.push_build("acme/other:main", "2.0.0", &[]);
    world.good_build("1.0.0");
    let engine = world.engine_telling(panicking());
    let pass = engine.reconciler.pass(world.now()).await.unwrap();
    let heads = world.repository.heads("main");
    assert_eq!(heads.len(), 1, "one of two is there: {heads:?}");
    let bugs = pass.plan.holds.iter().filter(|h| h.why.contains("a bug"));
    let failed: Vec<_> = bugs
        .filter(|h| matches!(h.subject, Subject::Tag(_)))
        .collect();
    assert_eq!(failed.len(), 1, "{}", shown(&pass.plan));
    assert_eq!(failed[0].reason, "ImportFailed");

    // It heals as soon as the bug does not strike.
    world.restart();
    world.advance("1m");
    world.settle().await;
    let heads = world.repository.heads("main");
    assert!(
        heads.contains_key("other:dev") && heads.contains_key("app:qa"),
        "{heads:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_that_comes_back_each_time_is_called_stalled() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    let engine = world.engine_telling(panicking());
    let mut reasons = Vec::new();
    for _ in 0..4 {
        let pass = engine.reconciler.pass(world.now()).await.unwrap();
        let hold = pass.plan.holds.iter().find(|h| h.why.contains("a bug"));
        let hold = hold.unwrap_or_else(|| panic!("{}", shown(&pass.plan)));
        assert_eq!(hold.state, State::Broken);
        reasons.push(hold.reason.clone());
        assert!(pass.receipt.done.is_empty());
        world.advance("10m");
    }
    assert_eq!(
        reasons,
        ["ImportFailed", "ImportFailed", "Stalled", "Stalled"]
    );
    world.restart();
    world.settle().await;
    assert!(world.head("app", "qa").is_some());
}

/// A forge that panics when a pull request is opened, the first few times.
#[derive(Debug)]
struct Panicking {
    forge: Arc<dyn Forge>,
    left: AtomicUsize,
}

type Answer<'a, T> = headwater::forge::Answer<'a, T>;

impl Forge for Panicking {
    fn name(&self) -> &'static str {
        self.forge.name()
    }
    fn abilities(&self) -> Answer<'_, Abilities> {
        self.forge.abilities()
    }
    fn list<'a>(&'a self, fetched: &'a Fetched) -> Answer<'a, Listing> {
        self.forge.list(fetched)
    }
    fn members<'a>(&'a self, team: &'a str) -> Answer<'a, Option<Vec<String>>> {
        self.forge.members(team)
    }
    fn account<'a>(&'a self, email: &'a str) -> Answer<'a, Option<String>> {
        self.forge.account(email)
    }
    fn tend<'a>(&'a self, id: &'a str, what: Tending) -> Answer<'a, Vec<(Part, ForgeError)>> {
        self.forge.tend(id, what)
    }
    fn open(&self, new: NewPull) -> Answer<'_, Opened> {
        let left = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        assert!(left.is_err(), "a bug on purpose");
        self.forge.open(new)
    }
    fn update_text<'a>(&'a self, id: &'a str, text: PullText, now: Timestamp) -> Answer<'a, bool> {
        self.forge.update_text(id, text, now)
    }
    fn close<'a>(&'a self, id: &'a str, closing: Closing) -> Answer<'a, bool> {
        self.forge.close(id, closing)
    }
    fn reopen<'a>(&'a self, id: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.forge.reopen(id, now)
    }
    fn approve<'a>(&'a self, id: &'a str, head: CommitId, who: Approver) -> Answer<'a, Approval> {
        self.forge.approve(id, head, who)
    }
    fn merge<'a>(&'a self, id: &'a str, merging: Merging) -> Answer<'a, Merged> {
        self.forge.merge(id, merging)
    }
    fn enqueue<'a>(&'a self, id: &'a str, head: &'a CommitId) -> Answer<'a, Option<u32>> {
        self.forge.enqueue(id, head)
    }
    fn shown<'a>(&'a self, commit: &'a CommitId) -> Answer<'a, Vec<CommitStatus>> {
        self.forge.shown(commit)
    }
    fn checks<'a>(&'a self, commit: &'a CommitId) -> Answer<'a, Option<Vec<CommitCheck>>> {
        self.forge.checks(commit)
    }
    fn set_status<'a>(&'a self, head: &'a CommitId, status: &'a CommitStatus) -> Answer<'a, ()> {
        self.forge.set_status(head, status)
    }
    fn runs<'a>(
        &'a self,
        workflow: &'a WorkflowFile,
        since: Timestamp,
    ) -> Answer<'a, Option<Vec<WorkflowRun>>> {
        self.forge.runs(workflow, since)
    }
    fn dispatch<'a>(&'a self, dispatch: &'a Dispatch) -> Answer<'a, Option<u64>> {
        self.forge.dispatch(dispatch)
    }
    fn deployments<'a>(
        &'a self,
        environment: &'a str,
        keys: &'a BTreeSet<String>,
    ) -> Answer<'a, Option<BTreeMap<String, DeploymentState>>> {
        self.forge.deployments(environment, keys)
    }
    fn record_deployment<'a>(
        &'a self,
        deployment: &'a Deployment,
        state: DeploymentState,
        words: &'a str,
    ) -> Answer<'a, ()> {
        self.forge.record_deployment(deployment, state, words)
    }
    fn record_merge<'a>(&'a self, id: &'a str, now: Timestamp) -> Answer<'a, Option<CommitId>> {
        self.forge.record_merge(id, now)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_one_thing_is_done_is_a_refusal_and_the_next_pass_goes_on_from_there() {
    // Two environments by pull request, so that one pass opens two.
    let other = small::by_pull_request("other").replace("name: app,", "name: second,");
    let stream = small::stream("second");
    let pipeline = small::PIPELINE
        .replace("name: app", "name: second")
        .replace(
            "name: dev",
            "name: first\n      tag: dev\n      environments: []",
        )
        .replace("name: qa", "name: middle\n      environments: []")
        .replace(
            "name: prod\n      from: [qa]",
            "name: other\n      from: [middle]",
        );
    let mut world = World::with(&[
        ("environments/other.yaml", &other),
        ("pipelines/second/imagestream.yaml", &stream),
        ("pipelines/second/pipeline.yaml", &pipeline),
    ])
    .await;
    world.push_build("acme/second:main", "1.0.0", &[("tests", "passed")]);
    world.good_build("1.0.0");
    let mut reconciler = world.engine.reconciler.clone();
    reconciler.applier.forge = Arc::new(Panicking {
        forge: Arc::clone(&reconciler.applier.forge),
        left: AtomicUsize::new(1),
    });
    let mut refused = Vec::new();
    let mut opened = 0;
    for _ in 0..6 {
        let pass = reconciler.pass(world.now()).await.unwrap();
        let new = pass.receipt.done.iter();
        opened += new
            .filter(|done| matches!(done, Done::Opened { .. }))
            .count();
        refused.extend(pass.receipt.refused);
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].why.contains("a bug"), "{refused:?}");
    assert!(
        refused[0]
            .what
            .starts_with("open a pull request from headwater/")
    );
    assert_eq!((opened, world.pulls().await.len()), (2, 2));
    world.assert_nothing_to_do().await;
}
