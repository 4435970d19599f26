//! The whole story on GitHub: what becomes of builds there from import to rollback, and that a process which dies at any call
//! leaves nothing behind that is not found again.
//!
//! `HEADWATER_EVERY_CALL=1` lets it die at every call there is, also at those that only read: some minutes.

use futures_util::{StreamExt as _, TryStreamExt as _};
use headwater::plan::State as StageState;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Asked, Fault, GitHub, Kind, Method};
use crate::support::world::World;
use crate::support::world::small;

/// So many stories are told at a time.
pub(super) const AT_ONCE: usize = 4;
/// Passes that no story needs.
const MANY: usize = 30;

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github(&github).await;
    world.person_edits(
        "environments/prod.yaml",
        "delivery: pullRequest\n",
        "delivery: pullRequest\n  pullRequest: {labels: [promotion]}\n",
    );
    (github, world)
}

/// Passes until nothing is left to do. A process that dies is followed by another one that knows nothing.
pub(super) async fn live(github: &GitHub, world: &mut World) {
    for _ in 0..MANY {
        github.set_time(world.now());
        let pass = world.engine.reconciler.pass(world.now()).await;
        if github.is_dead() {
            github.heal();
            world.forget();
            continue;
        }
        // A machine that is busy may be too slow for Git's patience: that is no death.
        let Ok(pass) = pass else {
            continue;
        };
        let facts = &pass.observation.facts;
        if pass.plan.is_empty() && facts.forge_failure.is_none() && facts.refused.is_empty() {
            return;
        }
        if !pass.receipt.refused.is_empty() || !facts.refused.is_empty() {
            world.advance("10m");
        }
    }
    panic!("it does not come to rest");
}

/// A build from the registry to prod.
pub(super) async fn tell(github: &GitHub, world: &mut World) {
    let build = world.good_build("1.0.0");
    live(github, world).await;
    assert_eq!(github.pulls().len(), 1);
    github.approve(1, "mara");
    live(github, world).await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

/// One branch, one pull request that was opened, labelled and asked for once, one merge.
fn told_once(github: &GitHub, world: &World, died: &str) {
    let pulls = github.pulls();
    assert_eq!(pulls.len(), 1, "{died}: {pulls:?}");
    let pull = &pulls[0];
    assert!(pull.merged.is_some(), "{died}: {pull:?}");
    assert_eq!(pull.labels, ["promotion"], "{died}");
    let asked = |event: &&crate::support::github::Happening| event.event == "review_requested";
    assert_eq!(
        pull.events.iter().filter(asked).count(),
        1,
        "{died}: {pull:?}"
    );
    assert_eq!(pull.comments.len(), 0, "{died}: {pull:?}");
    let refs = world.repository.refs();
    let ours = refs
        .keys()
        .filter(|name| name.starts_with("refs/heads/headwater/"));
    assert_eq!(ours.count(), 1, "{died}: {refs:?}");
    let subjects = world.repository.subjects();
    for (what, times) in [("Promote app 1.0.0 to prod", 1), ("Import app sha256:", 1)] {
        let found = subjects.iter().filter(|s| s.starts_with(what)).count();
        assert_eq!(found, times, "{died}: {what}: {subjects:#?}");
    }
}

/// The calls at which a process may die: each with which one of its kind it is.
pub(super) fn calls(seen: &[Asked]) -> Vec<(Asked, usize)> {
    let every = std::env::var_os("HEADWATER_EVERY_CALL").is_some();
    let mut calls: Vec<(Asked, usize)> = Vec::new();
    for asked in seen.iter().filter(|a| every || a.kind == Kind::Write) {
        let same = |(other, _): &&(Asked, usize)| {
            (&other.method, &other.path, &other.query) == (&asked.method, &asked.path, &asked.query)
        };
        let before = calls.iter().filter(same).count();
        calls.push((asked.clone(), before + 1));
    }
    calls
}

/// The same call in another story. Heads have other names there: what is named by one is any of its kind.
pub(super) fn at(asked: &Asked, which: usize) -> Rule {
    let path = regex::Regex::new("[0-9a-f]{40}").unwrap();
    let path = regex::escape(&path.replace_all(&asked.path, "COMMIT"));
    let path = path.replace("COMMIT", "[0-9a-f]{40}");
    let query = match asked.query.as_str() {
        "" => String::new(),
        query => format!(r"\?{}", regex::escape(query)),
    };
    Rule::on(&asked.method, &format!("{path}{query}$")).nth(which..=which)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_at_any_call_leaves_one_branch_one_pull_request_and_one_merge() {
    let (github, mut world) = begin().await;
    github.forget_requests();
    tell(&github, &mut world).await;
    told_once(&github, &world, "nobody died");
    let calls = calls(&github.seen());
    assert!(calls.len() >= 8, "{calls:?}");
    let deaths = calls.into_iter().flat_map(|call| {
        [
            (call.clone(), Fault::LoseRequest),
            (call, Fault::LoseAnswer),
        ]
    });
    let stories = deaths.map(|((asked, which), fault)| async move {
        let died = format!("{fault:?} of {} {} ({which})", asked.method, asked.path);
        let (github, mut world) = begin().await;
        github.die(at(&asked, which), fault);
        tell(&github, &mut world).await;
        told_once(&github, &world, &died);
        Ok::<(), String>(())
    });
    let stories = futures_util::stream::iter(stories).buffer_unordered(AT_ONCE);
    stories.try_collect::<Vec<()>>().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_the_demo_is_told_on_github() {
    let (github, mut world) = begin().await;
    demo(&github, &mut world).await;
}

/// The story of the demo.
pub(super) async fn demo(github: &GitHub, world: &mut World) {
    tell(github, world).await;
    let first = world.head("app", "prod").unwrap();

    // A build whose tests failed reaches qa, and stays out of prod whatever comes.
    world.advance("1m");
    let bad = world.push_build("acme/app:main", "1.1.0", &[("tests", "failed")]);
    live(github, world).await;
    assert_eq!(world.head("app", "qa"), Some(bad));
    world.advance("1d");
    live(github, world).await;
    assert_eq!(github.pulls().len(), 1);

    // The next one waits for its review; a freeze comes, and the review: it stays open and red, and nobody merges it.
    let second = world.good_build("1.2.0");
    live(github, world).await;
    let head = github.pull(2).head_sha;
    world.person_commits(
        &[("freezes/now.yaml", &small::freeze("now", "prod"))],
        "Count the stock",
    );
    github.approve(2, "mara");
    live(github, world).await;
    assert!(github.pull(2).open);
    assert_eq!(
        github.pull(2).head_sha,
        head,
        "its approval counts as before"
    );
    world
        .assert_stage("app/prod", StageState::Frozen, "freeze")
        .await;

    // Somebody presses the button all the same: that is a fact, and is written down as overridden.
    github.merge_by(2, "otto", Method::Squash);
    live(github, world).await;
    assert_eq!(world.head("app", "prod"), Some(second.clone()));
    world.person_deletes(&["freezes/now.yaml"], "It is counted");
    live(github, world).await;
    world.assert_nothing_to_do().await;

    // Back to what ran before, which sticks.
    world.rolls_back("app/prod").await;
    live(github, world).await;
    assert_eq!(world.head("app", "prod"), Some(first.clone()));
    world.good_build("1.3.0");
    world.advance("1d");
    live(github, world).await;
    assert_eq!(world.head("app", "prod"), Some(first));
    assert_eq!(
        github.pulls().len(),
        2,
        "nothing is proposed while it is held"
    );

    // Lifted, the newest goes on; its first proposal is refused by a person and stays refused.
    world.unholds("app/prod").await;
    live(github, world).await;
    github.close(3, "otto");
    world.advance("1d");
    live(github, world).await;
    world
        .assert_stage("app/prod", StageState::Held, "@otto")
        .await;
    let last = world.good_build("1.4.0");
    live(github, world).await;
    github.approve(4, "mara");
    live(github, world).await;
    assert_eq!(world.head("app", "prod"), Some(last));
    assert_eq!(github.pulls().len(), 4);
    assert!(!github.pull(3).open && github.pull(3).merged.is_none());
}
