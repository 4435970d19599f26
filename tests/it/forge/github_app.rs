//! A GitHub App as who we are: tokens for this repository alone that change while we work, and everything that keeps an App
//! from getting one.

use std::sync::atomic::{AtomicI64, Ordering};

use headwater::cli::engine;
use headwater::config::Settings;
use headwater::config::forge::{ForgeKind, GitHubAppSettings, GitHubSettings};
use headwater::forge::{Forge as _, GitHubForge};
use headwater::model::{Party, Timestamp};
use headwater::plan::facts::Failure;
use serde_json::Value;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub, Permission, Protection};
use crate::support::world::World;

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const TOKENS: &str = "/access_tokens$";

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github_as_app(&github).await;
    (github, world)
}

/// What keeps an App with these settings from asking for pull requests. Git has a token of its own, so only the forge fails.
async fn failure(github: &GitHub, change: impl Fn(&mut GitHubAppSettings)) -> Failure {
    let key = github.app();
    let mut app = key.settings();
    change(&mut app);
    let settings = GitHubSettings {
        app: Some(app),
        ..GitHubSettings::default()
    };
    let mut world = World::on_github_as(github, settings).await;
    world.reach_at(&github.git_url_as(&github.token("headwater-bot")));
    let pass = world.pass().await;
    let failure = pass.observation.facts.forge_failure.clone().unwrap();
    assert_eq!(failure.party, Some(Party::Operator), "{failure:?}");
    let line = key.pem.lines().nth(1).unwrap();
    nothing_secret_in(&format!("{pass:?} {:?}", world.engine.forge), line);
    failure
}

/// Neither the key, nor what the App signs, nor a token.
fn nothing_secret_in(said: &str, key: &str) {
    for secret in [key, "eyJ", "ghs_"] {
        assert!(!said.contains(secret), "`{secret}` is shown in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_promotes_with_one_token_that_can_do_no_more_than_it_must() {
    let (github, mut world) = begin().await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    let number = world.open_pull().await.id.parse().unwrap();
    assert_eq!(github.pull(number).author, "headwater[bot]");
    let (engine, plan) = (&world.engine, world.plan().await);
    let line = github.app().pem.lines().nth(1).unwrap();
    nothing_secret_in(&format!("{engine:?} {plan:?}"), line);
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
    assert_eq!(world.head("app", "prod"), Some(build));

    let seen = github.seen();
    let minted: Vec<_> = seen
        .iter()
        .filter(|asked| asked.path.ends_with("/access_tokens"))
        .collect();
    assert_eq!(minted.len(), 1, "the forge and Git share it");
    let body: Value = serde_json::from_str(&minted[0].body).unwrap();
    let expected = serde_json::json!({
        "repositories": ["deploy"],
        "permissions": {
            "checks": "read", "contents": "write", "pull_requests": "write", "statuses": "write", "members": "read", "metadata": "read",
        },
    });
    assert_eq!(body, expected);
    github.forget_requests();
    world.pass().await;
    let counts = (github.reading(), github.writing(), github.conditional());
    assert_eq!(counts, (1, 0, 1), "{:?}", github.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_the_middle_of_a_list_is_replaced_once_and_the_list_goes_on() {
    let (github, mut world) = begin().await;
    world.pass().await;
    world.restart();
    let next = format!(
        "<{}/repos/acme/deploy/pulls?state=all&per_page=100&page=2>; rel=\"next\"",
        github.api()
    );
    let first = Fault::reply(200, &[JSON, ("link", &next)], "[]");
    github.fault(Rule::on("GET", r"/pulls\?state=all&sort").once(), first);
    github.fault(Rule::on("GET", "page=2$").once(), Fault::status(401));
    github.forget_requests();
    let pass = world.pass().await;
    assert_eq!(pass.observation.facts.forge_failure, None);
    assert_eq!(
        github.requests("POST", TOKENS),
        2,
        "one to begin with, and one more"
    );
    let second = github
        .seen()
        .into_iter()
        .filter(|asked| asked.query.ends_with("page=2"));
    assert_eq!(second.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_creates_is_not_repeated_with_another_token_before_somebody_looked() {
    let (github, mut world) = begin().await;
    github.fault(Rule::on("POST", "/pulls$").once(), Fault::status(401));
    world.good_build("1.0.0");
    let mut refused = Vec::new();
    for _ in 0..6 {
        refused.extend(world.pass().await.receipt.refused);
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(
        format!("{refused:?}").contains("nothing was changed"),
        "{refused:?}"
    );
    assert_eq!(github.requests("POST", "/pulls$"), 2);
    assert_eq!(github.requests("POST", TOKENS), 2);
    assert_eq!(world.pulls().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_taken_back_are_replaced_for_the_forge_and_for_git() {
    let (github, mut world) = begin().await;
    world.pass().await;
    for _ in 0..2 {
        github.revoke_tokens();
        world.good_build("1.0.0");
        let pass = world.pass().await;
        assert_eq!(pass.observation.facts.forge_failure, None);
    }
    assert_eq!(github.requests("POST", TOKENS), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_live_for_minutes_are_not_asked_for_with_every_request() {
    let (github, world) = begin().await;
    github.tokens_live(200);
    world.pass().await;
    world.pass().await;
    assert_eq!(github.requests("POST", TOKENS), 1);
}

static MINUTES: AtomicI64 = AtomicI64::new(0);

fn minutes_later() -> Timestamp {
    let seconds = Timestamp::now().as_second() + 60 * MINUTES.load(Ordering::SeqCst);
    Timestamp::from_second(seconds).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_replaced_before_it_ends() {
    let (github, world) = begin().await;
    let fetched = world.engine.git.fetch().await.unwrap();
    let forge = GitHubForge::at(world.github_place(), None, minutes_later).unwrap();
    github.forget_requests();
    for (minutes, minted) in [(0, 1), (53, 1), (56, 2), (100, 2)] {
        MINUTES.store(minutes, Ordering::SeqCst);
        // The word of the App goes by GitHub's clock, which goes on as ours does.
        github.tokens_clock(60 * minutes);
        forge.list(&fetched).await.unwrap();
        assert_eq!(github.requests("POST", TOKENS), minted, "{minutes}");
    }
    let refused = github
        .seen()
        .into_iter()
        .filter(|asked| asked.status == Some(401));
    assert_eq!(refused.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_by_minutes_or_hours_hinder_nothing() {
    for ahead in [-45, 45, -480, 480, 7_200] {
        let github = GitHub::start().await;
        github.tokens_clock(ahead);
        let world = World::on_github_as_app(&github).await;
        let pass = world.pass().await;
        assert_eq!(pass.observation.facts.forge_failure, None, "{ahead}");
        world.pass().await;
        assert_eq!(
            github.requests("POST", TOKENS),
            1,
            "{ahead}: {:?}",
            github.seen()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_not_all_of_github_knows_yet_is_waited_for() {
    let (github, world) = begin().await;
    github.fault(
        Rule::on("GET", "/repos/acme/deploy$").nth(1..=2),
        Fault::status(401),
    );
    let pass = world.pass().await;
    assert_eq!(pass.observation.facts.forge_failure, None);
    assert_eq!(github.requests("POST", TOKENS), 1);
    assert_eq!(github.requests("GET", "/repos/acme/deploy$"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_an_app_from_a_token_is_named_with_what_to_do() {
    let github = GitHub::start().await;
    let said = |failure: &Failure, reason: &str, step: &str| {
        assert_eq!(failure.reason, reason, "{failure:?}");
        assert!(failure.message.contains(step), "{failure:?}");
        assert!(failure.retry_at.is_some(), "{failure:?}");
    };
    let wrong = failure(&github, |app| app.id = "4711".to_owned()).await;
    said(&wrong, "AppUnknown", "forge.github.app.id");
    let other = failure(&github, |app| app.installation = Some(1)).await;
    said(&other, "AppNotInstalled", "forge.github.app.installation");
    let algorithm = &rcgen::PKCS_RSA_SHA256;
    let key = rcgen::KeyPair::generate_rsa_for(algorithm, rcgen::RsaKeySize::_2048).unwrap();
    let pem = key.serialize_pem();
    let signed = failure(&github, |app| app.private_key = pem.clone().into()).await;
    said(&signed, "AppKey", "forge.github.app.privateKey");

    github.suspend_app(true);
    said(
        &failure(&github, |_| {}).await,
        "AppSuspended",
        "an owner lifts that",
    );
    github.suspend_app(false);
    github.install_app(false);
    said(
        &failure(&github, |_| {}).await,
        "AppNotInstalled",
        "an owner installs it",
    );
    github.install_app(true);
    github.grant("pull_requests", None);
    said(
        &failure(&github, |_| {}).await,
        "AppPermissions",
        "an owner has to accept",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_is_removed_or_suspended_at_work_says_so_and_goes_on_when_it_is_back() {
    let (github, mut world) = begin().await;
    world.reach_at(&github.git_url_as(&github.token("headwater-bot")));
    world.pass().await;
    github.install_app(false);
    let pass = world.pass().await;
    let failure = pass.observation.facts.forge_failure.clone().unwrap();
    assert_eq!(failure.reason, "AppNotInstalled", "{failure:?}");
    github.install_app(true);
    world.restart();
    assert_eq!(world.pass().await.observation.facts.forge_failure, None);
    github.suspend_app(true);
    let pass = world.pass().await;
    let failure = pass.observation.facts.forge_failure.clone().unwrap();
    assert_eq!(failure.reason, "AppSuspended", "{failure:?}");
}

/// What we may do, as `deed may` and the words.
async fn may(world: &World) -> (Option<String>, Vec<(String, String)>) {
    let abilities = world.engine.forge.abilities().await.unwrap();
    let rows = abilities.deeds.into_iter();
    let rows = rows.map(|row| (format!("{:?} {:?}", row.deed, row.may), row.words));
    (abilities.who, rows.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_app_may_is_told_with_what_it_lacks() {
    let (github, mut world) = begin().await;
    let deeds = |rows: &[(String, String)]| {
        let deeds = rows.iter().map(|(deed, _)| deed.clone());
        deeds.collect::<Vec<_>>().join(", ")
    };
    world.pass().await;
    let quiet = github.seen().len();
    world.pass().await;
    assert!(
        !github.seen()[quiet..]
            .iter()
            .any(|asked| asked.path.contains("/rules/"))
    );
    let (who, rows) = may(&world).await;
    assert_eq!(who.as_deref(), Some("@headwater[bot]"));
    assert_eq!(
        deeds(&rows),
        "Push Yes, PullRequests Yes, Statuses Yes, Merge Yes, Teams Yes"
    );

    github.demand("main", "merge_queue");
    github.grant("members", None);
    github.grant("statuses", Some("read"));
    world.restart();
    let (_, rows) = may(&world).await;
    assert_eq!(
        deeds(&rows),
        "Push Perhaps, PullRequests Yes, Statuses No, Merge Yes, MergeQueue Yes, Teams No"
    );
    for (row, words) in [
        (0, "`delivery: pullRequest`"),
        (2, "`statuses: write`"),
        (3, "by the base's merge queue"),
        (4, "what is approved is added"),
        (5, "`members: read`"),
    ] {
        assert!(rows[row].1.contains(words), "{:?}", rows[row]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_may_is_told_as_far_as_github_tells_it() {
    let github = GitHub::start().await;
    let world = World::on_github(&github).await;
    let (who, rows) = may(&world).await;
    assert_eq!(who.as_deref(), Some("@headwater-bot"));
    assert_eq!(rows[0].0, "Push Yes", "{rows:?}");
    assert_eq!(rows[4].0, "Teams Unknown", "{rows:?}");
    github.protect(
        "main",
        Some(Protection {
            approvals: Some(1),
            ..Protection::default()
        }),
    );
    let (_, rows) = may(&world).await;
    assert_eq!(rows[0].0, "Push Perhaps", "{rows:?}");
    github.set_permission("headwater-bot", Permission::Read);
    let (_, rows) = may(&world).await;
    assert_eq!(
        (rows[0].0.as_str(), rows[2].0.as_str()),
        ("Push No", "Statuses No")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_reads_has_the_same_login_for_git() {
    let github = GitHub::start().await;
    let folder = tempfile::tempdir().unwrap();
    let token = GitHubSettings {
        token: github.token("headwater-bot").into(),
        ..GitHubSettings::default()
    };
    let app = GitHubSettings {
        app: Some(github.app().settings()),
        ..GitHubSettings::default()
    };
    for (who, reads) in [
        (token, true),
        (app, true),
        (GitHubSettings::default(), false),
    ] {
        let mut settings = Settings::default();
        settings.git.cache_dir = folder.path().to_owned();
        settings.forge.kind = ForgeKind::GitHub;
        settings.forge.github = GitHubSettings {
            repository: Some("acme/deploy".to_owned()),
            api: Some(github.api()),
            ..who
        };
        let repository = engine::repository(&settings, &github.git_url(), false).unwrap();
        let fetched = repository.fetch().await;
        assert_eq!(fetched.is_ok(), reads, "{fetched:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_word_is_no_approval() {
    let github = GitHub::start().await;
    github.team("release", &["mara", "headwater[bot]"]);
    let mut world = World::on_github(&github).await;
    world.good_build("1.0.0");
    world.settle().await;
    let number = world.open_pull().await.id.parse().unwrap();
    world.become_app(&github);
    github.approve(number, "headwater[bot]");
    world.settle().await;
    assert!(
        github.pull(number).open,
        "the App is of the team, but it is us"
    );
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_is_told_when_the_program_starts() {
    let github = GitHub::start().await;
    let app = GitHubAppSettings {
        id: "4242".to_owned(),
        private_key: "canary-of-a-key".to_owned().into(),
        ..GitHubAppSettings::default()
    };
    let settings = GitHubSettings {
        repository: Some("acme/deploy".to_owned()),
        api: Some(github.api()),
        app: Some(app),
        ..GitHubSettings::default()
    };
    let place = settings.place("/", |_| None).unwrap();
    let error = GitHubForge::new(place, None).unwrap_err().to_string();
    assert!(error.contains("forge.github.app.privateKey"), "{error}");
    assert!(!error.contains("canary"), "{error}");
}
