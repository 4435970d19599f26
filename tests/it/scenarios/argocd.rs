//! Environments whose Argo CD tells whether a set runs, and since when.

use headwater::config::ArgoCdServer;
use headwater::model::Digest;
use headwater::plan::State;

use crate::support::argocd::{ArgoCd, TOKEN};
use crate::support::world::{World, small};

const DEPLOYED: &str = "delivery: commit\n  deployed: {argocd: {server: eu, app: \"{{app}}-{{environment}}\"}, timeout: 20m}";

fn server(argocd: &ArgoCd, token: &str, private: bool) -> ArgoCdServer {
    let text = format!(
        "{{url: '{}', token: {token}, private: {private}}}",
        argocd.url()
    );
    serde_yaml::from_str(&text).unwrap()
}

/// qa is verified by these gates, and its Argo CD is asked; prod takes by commit.
async fn begin(argocd: &ArgoCd, verify: &str) -> World {
    let pipeline = small::PIPELINE.replace(
        "        - expression: 'image.labels[\"tests\"] == \"passed\"'\n",
        verify,
    );
    let qa = small::environment("qa", DEPLOYED, &["app"]);
    let prod = small::by_commit("prod");
    let files = [
        (small::PIPELINE_PATH, pipeline.as_str()),
        ("environments/qa.yaml", qa.as_str()),
        ("environments/prod.yaml", prod.as_str()),
    ];
    let mut world = World::with(&files).await;
    let eu = server(argocd, TOKEN, true);
    world.operator(|settings| {
        settings.argocd.insert("eu".parse().unwrap(), eu);
    });
    world
}

async fn in_qa(world: &mut World, version: &str) -> Digest {
    let build = world.good_build(version);
    world.settle().await;
    assert_eq!(world.head("app", "qa").as_ref(), Some(&build));
    build
}

const SOAK: &str = "        - soak: 10m\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_soak_counts_from_when_argo_cd_shows_the_set_healthy_and_begins_anew_once_it_degraded() {
    let argocd = ArgoCd::start().await;
    let mut world = begin(&argocd, SOAK).await;
    let old = in_qa(&mut world, "1.0.0").await;
    argocd.sync("app-qa", &"0".repeat(40), &[&old], world.now());
    argocd.fares("app-qa", "Healthy", world.now());
    let build = in_qa(&mut world, "1.1.0").await;
    let words = "eu does not show it yet: app-qa is Synced and Healthy";
    world.assert_stage("app/prod", State::Waiting, words).await;

    world.advance("2m");
    let head = world.repository.resolve("main").unwrap();
    argocd.sync("app-qa", &head, &[&old, &build], world.now());
    world.settle().await;
    let words = "eu: app-qa is Synced and Progressing";
    world.assert_stage("app/prod", State::Waiting, words).await;
    world.advance("1m");
    argocd.fares("app-qa", "Healthy", world.now());
    world.settle().await;
    let begun = world.now();
    world
        .assert_stage("app/prod", State::Waiting, "runs since")
        .await;
    let asked = argocd.requests();
    world.settle().await;
    world.restart();
    world.settle().await;
    assert_eq!(argocd.requests(), asked, "once a minute");

    // Degraded: what soaked so far is lost.
    world.advance("5m");
    argocd.fares("app-qa", "Degraded", world.now());
    world.settle().await;
    let words = "(Deployment exceeded its progress deadline)";
    world.assert_stage("app/qa", State::Refused, words).await;
    world.advance("1m");
    argocd.fares("app-qa", "Healthy", world.now());
    world.settle().await;
    world.advance("9m");
    world.settle().await;
    assert!(world.now().as_second() - begun.as_second() >= 900);
    assert_eq!(world.head("app", "prod"), None, "it soaks anew");
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_pod_shows_an_image_a_later_commit_with_the_same_content_counts() {
    let argocd = ArgoCd::start().await;
    let mut world = begin(&argocd, SOAK).await;
    let build = in_qa(&mut world, "1.0.0").await;
    let older = world.repository.resolve("main~1").unwrap();
    argocd.sync("app-qa", &older, &[], world.now());
    argocd.fares("app-qa", "Healthy", world.now());
    world.advance("1m");
    let words = "eu does not show it yet";
    world.assert_stage("app/prod", State::Waiting, words).await;

    let later = world.person_commits(&[("notes.txt", "unrelated")], "Notes");
    argocd.sync("app-qa", &later, &[], world.now());
    argocd.fares("app-qa", "Healthy", world.now());
    world.advance("1m");
    world.settle().await;
    world
        .assert_stage("app/prod", State::Waiting, "runs since")
        .await;
    argocd.out_of_sync("app-qa");
    world.advance("1m");
    let words = "eu: app-qa is OutOfSync and Healthy";
    world.assert_stage("app/prod", State::Waiting, words).await;
    argocd.sync("app-qa", &later, &[], world.now());
    argocd.fares("app-qa", "Healthy", world.now());
    // A set is not told by what another one's pods show.
    let other = Digest::sha256(b"other");
    argocd.sync("app-qa", &later, &[&other], world.now());
    argocd.fares("app-qa", "Healthy", world.now());
    world.advance("1m");
    world
        .assert_stage("app/prod", State::Waiting, "does not show it yet")
        .await;
    argocd.sync("app-qa", &later, &[&build], world.now());
    argocd.fares("app-qa", "Healthy", world.now());
    world.advance("11m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_argo_cd_that_does_not_tell_opens_nothing_and_its_silence_is_no_failure_of_the_set() {
    let argocd = ArgoCd::start().await;
    let mut world = begin(&argocd, SOAK).await;
    let build = in_qa(&mut world, "1.0.0").await;
    let words = "`eu` does not tell: it does not show application `app-qa` to the account of the token, or there is none";
    world.assert_stage("app/prod", State::Waiting, words).await;
    argocd.down(true);
    world.advance("30m");
    let words = "answers with status 503";
    world.assert_stage("app/prod", State::Waiting, words).await;
    argocd.down(false);

    let wrong = server(&argocd, "another-token", true);
    let public = server(&argocd, TOKEN, false);
    for (eu, words) in [
        (
            None,
            "the operator's settings list no Argo CD server `eu` under `argocd`",
        ),
        (Some(wrong), "does not take the token"),
        (Some(public), "private: true"),
    ] {
        world.operator(|settings| {
            settings.argocd.clear();
            settings
                .argocd
                .extend(eu.map(|eu| ("eu".parse().unwrap(), eu)));
        });
        world.advance("20m");
        world.assert_stage("app/prod", State::Waiting, words).await;
        let (observation, plan) = world.observed().await;
        let shown = format!("{plan:?}{observation:?}");
        assert!(!shown.contains(TOKEN) && !shown.contains("another-token"));
    }

    // Told, and for too long not what is wanted.
    let eu = server(&argocd, TOKEN, true);
    world.operator(|settings| {
        settings.argocd.clear();
        settings.argocd.insert("eu".parse().unwrap(), eu);
    });
    let head = world.repository.resolve("main").unwrap();
    argocd.sync("app-qa", &head, &[&build], world.now());
    world.advance("20m");
    let words = "its time was up at";
    world.assert_stage("app/qa", State::Refused, words).await;
    argocd.fares("app-qa", "Healthy", world.now());
    world.advance("10m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build), "late, but well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_ran_before_the_next_one_came_is_remembered_to_have_run() {
    let argocd = ArgoCd::start().await;
    let mut world = begin(&argocd, SOAK).await;
    let freeze = small::freeze("now", "prod");
    world.person_commits(&[("freezes/now.yaml", &freeze)], "Freeze");
    let build = in_qa(&mut world, "1.0.0").await;
    let head = world.repository.resolve("main").unwrap();
    argocd.sync("app-qa", &head, &[&build], world.now());
    argocd.fares("app-qa", "Healthy", world.now());
    for _ in 0..12 {
        world.advance("1m");
        world.settle().await;
    }
    let next = in_qa(&mut world, "1.1.0").await;
    let head = world.repository.resolve("main").unwrap();
    argocd.sync("app-qa", &head, &[&next], world.now());
    argocd.fares("app-qa", "Degraded", world.now());
    world.advance("2m");
    world.settle().await;
    world.person_deletes(&["freezes/now.yaml"], "Thaw");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}
