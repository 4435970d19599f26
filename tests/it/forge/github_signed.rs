//! Commits that GitHub makes and signs (`git.commits: api`): the same story, with the same end whatever is lost on the way.

use futures_util::{StreamExt as _, TryStreamExt as _};
use headwater::config::forge::GitHubSettings;
use headwater::config::git::CommitWay;
use headwater::plan::State as StageState;

use super::github_story::{AT_ONCE, at, calls, demo, live, tell};
use crate::support::fault_proxy::Rule;
use crate::support::git_http::git;
use crate::support::github::{Fault, GitHub, Method};
use crate::support::world::World;

const BOT: &str = "headwater[bot]";

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github_signed(&github).await;
    (github, world)
}

/// Authors and committers of the base's commits, oldest first, without the first one, which Mara made.
fn people(github: &GitHub, branch: &str) -> Vec<String> {
    let log = git(
        github.bare(),
        &["log", "--reverse", "--format=%ae %ce", branch],
    );
    log.lines().map(str::to_owned).collect()
}

fn staging(github: &GitHub) -> Vec<String> {
    let refs = git(
        github.bare(),
        &[
            "for-each-ref",
            "--format=%(refname)",
            "refs/heads/headwater/staging",
        ],
    );
    refs.lines().map(str::to_owned).collect()
}

/// Every commit of ours was made by GitHub in our name, once.
fn told_once(github: &GitHub, world: &World, died: &str) {
    let pulls = github.pulls();
    assert_eq!(pulls.len(), 1, "{died}: {pulls:?}");
    assert!(pulls[0].merged.is_some(), "{died}: {pulls:?}");
    assert_eq!(pulls[0].comments.len(), 0, "{died}: {pulls:?}");
    assert_eq!(staging(github), Vec::<String>::new(), "{died}");
    let ours = format!("{} noreply@github.com", github.email(BOT));
    let made = people(github, "main");
    let foreign = made.iter().filter(|by| **by != ours).count();
    assert_eq!(
        foreign, 2,
        "GitHub's first one and Mara's: {died}: {made:?}"
    );
    let subjects = world.repository.subjects();
    for (what, times) in [
        ("Promote app 1.0.0 to prod", 1),
        ("Import app sha256:", 1),
        ("Promote app 1.0.0 (sha256:", 1),
    ] {
        let found = subjects.iter().filter(|s| s.starts_with(what)).count();
        assert_eq!(found, times, "{died}: {what}: {subjects:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_commits_for_us_is_ours_from_import_to_merge() {
    let (github, mut world) = begin().await;
    world.good_build("1.0.0");
    github.forget_requests();
    live(&github, &mut world).await;
    let head = github.pull(1).head_sha;
    let ours = format!("{} noreply@github.com", github.email(BOT));
    assert_eq!(people(&github, &head).last(), Some(&ours));
    assert!(
        github.content() <= 4,
        "opening it costs little: {:?}",
        github.seen()
    );
    let message = git(github.bare(), &["log", "-1", "--format=%B", &head]);
    let trailers = git(
        github.bare(),
        &[
            "log",
            "-1",
            "--format=%(trailers:key=Headwater-Stage,valueonly)",
            &head,
        ],
    );
    assert_eq!(trailers.trim(), "app/prod", "{message}");
    github.approve(1, "mara");
    live(&github, &mut world).await;
    told_once(&github, &world, "nobody died");
    world.assert_stage("app/qa", StageState::Settled, "").await;

    github.forget_requests();
    world.pass().await;
    assert_eq!(github.writing(), 0, "{:?}", github.seen());
    assert_eq!(github.reading(), 1, "{:?}", github.seen());

    // A newer build moves the open one in place, and GitHub does not take that for a closing.
    world.good_build("1.1.0");
    live(&github, &mut world).await;
    world.good_build("1.2.0");
    live(&github, &mut world).await;
    let pull = github.pull(2);
    assert!(pull.open && pull.title.contains("1.2.0"), "{pull:?}");
    assert_eq!(people(&github, &pull.head_sha).last(), Some(&ours));
    assert_eq!(staging(&github), Vec::<String>::new());

    // Back to pushing: what GitHub committed stays ours, as long as its address is in the settings.
    world.settings_mut().git.commits = CommitWay::Push;
    world.restart();
    github.approve(2, "mara");
    live(&github, &mut world).await;
    assert!(github.pull(2).merged.is_some());
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_at_any_call_has_every_commit_made_once() {
    let (github, mut world) = begin().await;
    github.forget_requests();
    tell(&github, &mut world).await;
    told_once(&github, &world, "nobody died");
    let mut calls = calls(&github.seen());
    if std::env::var_os("HEADWATER_EVERY_CALL").is_none() {
        // The others are those of the story where we push.
        let ours = ["/graphql", "/git-receive-pack"];
        calls.retain(|(asked, _)| ours.iter().any(|end| asked.path.ends_with(end)));
    }
    assert!(calls.len() >= 5, "{}", calls.len());
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
async fn the_story_of_the_demo_is_told_with_commits_that_github_signs() {
    let (github, mut world) = begin().await;
    demo(&github, &mut world).await;
    assert_eq!(staging(&github), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_that_an_earlier_pass_left_over_are_cleared_and_no_other_ones() {
    let (github, world) = begin().await;
    world.settle().await;
    let left = "refs/heads/headwater/staging/0123456789abcdef";
    let mine = "refs/heads/headwater/staging/mine";
    for name in [left, mine] {
        git(github.bare(), &["update-ref", name, "main"]);
    }
    world.settle().await;
    assert_eq!(staging(&github), [mine]);
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_looked_for_before_anything_is_made_again() {
    let (github, mut world) = begin().await;
    github.fault(Rule::on("POST", "/graphql$"), Fault::LoseAnswer);
    let build = world.good_build("1.0.0");
    live(&github, &mut world).await;
    assert_eq!(world.head("app", "qa"), Some(build));
    assert_eq!(github.pulls().len(), 1);
    let made = people(&github, "main");
    assert_eq!(made.len(), 4, "begun twice, imported, promoted: {made:?}");
    assert_eq!(staging(&github), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_that_is_lost_is_planned_again_on_what_won() {
    let (github, mut world) = begin().await;
    let raced = Fault::reply(
        200,
        &[("content-type", "application/json")],
        r#"{"data": {"createCommitOnBranch": null}, "errors": [{"type": "STALE_DATA", "message": "Expected branch to point to \"a\" but it points to \"b\". Pull and try again."}]}"#,
    );
    github.fault(Rule::on("POST", "/graphql$").once(), raced);
    let build = world.good_build("1.0.0");
    let pass = world.pass().await;
    assert_eq!(pass.effort.tries, 2, "{:?}", pass.receipt);
    live(&github, &mut world).await;
    assert_eq!(world.head("app", "dev"), Some(build));
    assert_eq!(people(&github, "main").len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committer_that_github_will_not_name_is_refused_before_anything_is_made() {
    let (github, mut world) = begin().await;
    let right = world.settings_mut().git.committer.clone();
    world.settings_mut().git.committer.email = "headwater@acme.example".to_owned();
    world.restart();
    world.good_build("1.0.0");
    let before = github.head("main");
    let refused = world.pass().await.receipt.refused;
    let [refusal] = refused.as_slice() else {
        panic!("{refused:?}");
    };
    let wanted = format!(
        "set `git.committer: {{name: \"{BOT}\", email: {}}}`",
        right.email
    );
    assert!(refusal.why.contains(&wanted), "{}", refusal.why);
    assert_eq!(github.head("main"), before);
    assert_eq!(github.requests("POST", "/graphql$"), 0);

    world.settings_mut().git.committer = right;
    world.restart();
    world.advance("2m");
    live(&github, &mut world).await;
    assert_eq!(github.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_address_is_another_one_than_was_thought_is_told_before_the_base_moves() {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let who = GitHubSettings {
        token: github.token("headwater-bot").into(),
        ..GitHubSettings::default()
    };
    let mut world = World::on_github_signed_as(&github, who, "headwater-bot").await;
    github.choose_email("headwater-bot", "bot@acme.example");
    let before = github.head("main");
    world.good_build("1.0.0");
    let first = world.pass().await.receipt.refused;
    assert!(!first.is_empty());
    world.advance("2m");
    let again = world.pass().await.receipt.refused;
    assert!(
        again
            .iter()
            .any(|r| r.why.contains("email: bot@acme.example")),
        "{again:?}"
    );
    assert_eq!(github.head("main"), before);
    assert_eq!(staging(&github), Vec::<String>::new());

    world.settings_mut().git.committer.email = "bot@acme.example".to_owned();
    github.show_email("headwater-bot", "bot@acme.example");
    world.restart();
    world.advance("10m");
    live(&github, &mut world).await;
    assert_eq!(github.pulls().len(), 1);
    let made = people(&github, "main");
    assert_eq!(made.last().unwrap(), "bot@acme.example noreply@github.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_commits_by_another_address_is_told_before_the_base_moves() {
    let (github, mut world) = begin().await;
    world.settings_mut().forge.github.noreply = None;
    world.restart();
    world.good_build("1.0.0");
    let before = github.head("main");
    let refused = world.pass().await.receipt.refused;
    assert!(
        refused.iter().any(|r| r
            .why
            .contains("set `forge.github.noreply: noreply@github.com`")),
        "{refused:?}"
    );
    assert_eq!(github.head("main"), before);
    assert_eq!(staging(&github), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_would_lose_its_mode_is_told_with_what_to_do() {
    let (github, mut world) = begin().await;
    world.good_build("1.0.0");
    github.make_executable("pipelines/app/imagestream.yaml");
    let refused = world.pass().await.receipt.refused;
    assert!(
        refused.iter().any(|r| r.why.contains("--chmod=-x")),
        "{refused:?}"
    );
    assert_eq!(github.requests("POST", "/graphql$"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_adds_to_a_signed_promotion_is_theirs_and_a_squash_in_our_name_proves_nothing_more()
 {
    let (github, mut world) = begin().await;
    world.good_build("1.0.0");
    live(&github, &mut world).await;
    let branch = github.pull(1).head;
    // The author of the squash will be our bot, though it holds what otto wrote: another digest for prod.
    let stream = world
        .repository
        .text(&branch, "pipelines/app/imagestream.yaml")
        .unwrap();
    let ours = world.head("app", "qa").unwrap();
    let other = headwater::model::Digest::sha256(b"otto's own");
    let forged = stream.replace(ours.as_str(), other.as_str());
    github.push(
        &branch,
        &[("pipelines/app/imagestream.yaml", &forged)],
        "otto",
    );
    live(&github, &mut world).await;
    assert!(
        github.pull(1).comments[0]
            .body
            .contains("leaves this pull request alone")
    );
    github.merge_by(1, "otto", Method::Squash);
    assert_eq!(
        people(&github, "main").last().unwrap(),
        &format!("{} noreply@github.com", github.email(BOT))
    );
    live(&github, &mut world).await;
    world
        .assert_stage("app/prod", StageState::Held, "is no promotion")
        .await;
}
