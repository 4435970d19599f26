//! Deployments that GitHub shows: one for each set that comes into an environment, however often somebody looks.

use headwater::plan::State;
use serde_json::json;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub};
use crate::support::world::{World, small};

const MAKE: &str = "/deployments$";
const TELL: &str = r"/deployments/\d+/statuses$";
const ANY: &str = "/deployments";

/// The small repository on a GitHub that is told of deployments, where these files are others.
async fn begin(files: &[(&str, &str)]) -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let mut world = World::on_github(&github).await;
    github.set_time(world.now());
    world.operator(|settings| settings.forge.github.deployments = true);
    if !files.is_empty() {
        github.push("main", files, "mara");
    }
    (github, world)
}

/// Environment, words, and all states of each deployment, in the order in which they were made.
fn shown(github: &GitHub) -> Vec<(String, String, String)> {
    let all = github.records().deployments.into_iter();
    all.map(|d| {
        let states: Vec<String> = d.statuses.into_iter().map(|s| s.state).collect();
        let words = d.description.unwrap_or_default();
        (d.environment, words, states.join(" "))
    })
    .collect()
}

fn one(environment: &str, words: &str, states: &str) -> (String, String, String) {
    (environment.to_owned(), words.to_owned(), states.to_owned())
}

async fn delivered(github: &GitHub, world: &mut World, version: &str) {
    world.good_build(version);
    world.settle().await;
    let number: u64 = world.open_pull().await.id.parse().unwrap();
    github.approve(number, "mara");
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_set_that_comes_into_an_environment_is_shown_once_and_ends_what_was_there() {
    let (github, mut world) = begin(&[]).await;
    delivered(&github, &mut world, "1.0.0").await;
    let first = [
        one("dev", "app 1.0.0 to dev", "success"),
        one("qa", "app 1.0.0 to qa", "success"),
        one("prod", "app 1.0.0 to prod", "success"),
    ];
    assert_eq!(shown(&github), first);
    let made = github.records().deployments;
    let prod = &made[2];
    assert_eq!(Some(&prod.sha), github.head("main").as_ref());
    assert_eq!(prod.task, "headwater");
    assert_eq!(prod.payload["stage"], json!("app/prod"));
    assert_eq!(prod.payload["set"].as_str().map(str::len), Some(64));
    assert_eq!(
        prod.statuses[0].description,
        "it is in Git; nobody tells whether it runs"
    );

    // Nothing is left to do, and nobody asks. A process that knows nothing looks, and writes nothing.
    github.forget_requests();
    world.pass().await;
    assert_eq!(github.requests("*", ANY), 0, "{:?}", github.seen());
    world.restart();
    world.pass().await;
    assert_eq!(github.requests("*", ANY), 0, "{:?}", github.seen());
    world.forget();
    world.pass().await;
    assert_eq!(github.requests("GET", ANY), 6, "{:?}", github.seen());
    assert_eq!(github.requests("POST", ANY), 0, "{:?}", github.seen());

    delivered(&github, &mut world, "1.1.0").await;
    // Back to what ran before: that is a deployment, too.
    world.rolls_back("app/prod").await;
    world.settle().await;
    let now = shown(&github);
    assert_eq!(
        now[..2],
        [
            one("dev", "app 1.0.0 to dev", "success inactive"),
            one("qa", "app 1.0.0 to qa", "success inactive"),
        ]
    );
    assert_eq!(
        now[5..],
        [
            one("prod", "app 1.1.0 to prod", "success inactive"),
            one("prod", "app 1.0.0 to prod", "success"),
        ]
    );
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_bring_into_the_same_environment_stays_and_production_is_ended_as_well() {
    let environment = |name: &str| small::environment(name, "delivery: commit", &["app", "web"]);
    let pipeline = small::PIPELINE.replace(
        "    - name: prod\n",
        "    - name: prod\n      environments: [production]\n",
    );
    let web = pipeline.replace("name: app", "name: web");
    let stream = small::stream("web");
    let files = [
        ("environments/dev.yaml", environment("dev")),
        ("environments/qa.yaml", environment("qa")),
        ("environments/production.yaml", environment("production")),
        ("pipelines/app/pipeline.yaml", pipeline.clone()),
        ("pipelines/web/pipeline.yaml", web),
        ("pipelines/web/imagestream.yaml", stream),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let (github, mut world) = begin(&files).await;
    world.push_build("acme/web:main", "7.0.0", &[("tests", "passed")]);
    world.good_build("1.0.0");
    world.settle().await;
    world.good_build("1.1.0");
    world.settle().await;
    let in_production: Vec<_> = shown(&github)
        .into_iter()
        .filter(|(environment, ..)| environment == "production")
        .collect();
    assert_eq!(in_production.len(), 3, "{in_production:?}");
    for (words, states) in [
        ("app 1.0.0 to production", "success inactive"),
        ("app 1.1.0 to production", "success"),
        ("web 7.0.0 to production", "success"),
    ] {
        let wanted = one("production", words, states);
        assert!(in_production.contains(&wanted), "{in_production:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_agent_tells_whether_it_runs_the_deployment_follows_its_word() {
    let qa = small::environment(
        "qa",
        "delivery: commit\n  deployed: {check: \"argocd/{{app}}-{{environment}}\", timeout: 20m}",
        &["app"],
    );
    let (github, mut world) = begin(&[("environments/qa.yaml", &qa)]).await;
    world.good_build("1.0.0");
    world.settle().await;
    let states = |github: &GitHub| shown(github)[1].2.clone();
    assert_eq!(states(&github), "in_progress");
    github.forget_requests();
    for _ in 0..3 {
        world.advance("1m");
        world.pass().await;
    }
    assert_eq!(github.requests("*", ANY), 0, "its state is remembered");

    let head = github.head("main").unwrap();
    github.check(&head, "argocd/app-qa", "failure");
    world.settle().await;
    assert_eq!(states(&github), "in_progress failure");
    let told = &github.records().deployments[1].statuses[1].description;
    assert!(told.starts_with("argocd/app-qa: failed"), "{told}");
    github.check(&head, "argocd/app-qa", "success");
    world.settle().await;
    assert_eq!(states(&github), "in_progress failure success");

    // It came into the environment; what becomes of it later is not told there any more.
    github.check(&head, "argocd/app-qa", "failure");
    world.settle().await;
    assert_eq!(states(&github), "in_progress failure success");
    world.forget();
    world.settle().await;
    assert_eq!(states(&github), "in_progress failure success");

    // One that never came up ends with the next that does.
    world.good_build("1.1.0");
    world.settle().await;
    world.good_build("1.2.0");
    world.settle().await;
    github.check(&github.head("main").unwrap(), "argocd/app-qa", "success");
    world.settle().await;
    let in_qa: Vec<_> = shown(&github)
        .into_iter()
        .filter(|(e, ..)| e == "qa")
        .collect();
    assert_eq!(in_qa[0].2, "in_progress failure success inactive");
    assert_eq!(in_qa[1].2, "in_progress inactive");
    assert_eq!(in_qa[2].2, "in_progress success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_on_the_way_records_none_twice() {
    let deaths = [
        (MAKE, 1, Fault::LoseAnswer),
        (TELL, 1, Fault::LoseRequest),
        (TELL, 3, Fault::LoseAnswer),
    ];
    let stories = deaths.map(|(path, which, fault)| async move {
        let died = format!("{fault:?} of the {which}th {path}");
        let (github, mut world) = begin(&[]).await;
        github.die(Rule::on("POST", path).nth(which..=which), fault);
        for version in ["1.0.0", "1.1.0"] {
            world.good_build(version);
            for _ in 0..20 {
                let pass = world.engine.reconciler.pass(world.now()).await;
                if github.is_dead() {
                    github.heal();
                    world.forget();
                } else if pass.is_ok_and(|pass| pass.plan.is_empty()) {
                    break;
                }
            }
        }
        let all = shown(&github);
        assert_eq!(all.len(), 4, "{died}: {all:?}");
        let ended = all.iter().filter(|(.., s)| s == "success inactive").count();
        let there = all.iter().filter(|(.., s)| s == "success").count();
        assert_eq!((ended, there), (2, 2), "{died}: {all:?}");
    });
    futures_util::future::join_all(stories).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_does_not_let_us_record_is_told_and_hinders_nothing() {
    let (github, mut world) = begin(&[]).await;
    github.fault(Rule::on("POST", MAKE), Fault::status(403));
    world.good_build("1.0.0");
    for _ in 0..6 {
        world.pass().await;
    }
    assert!(world.head("app", "qa").is_some());
    let number: u64 = world.open_pull().await.id.parse().unwrap();
    let why = world
        .assert_hold(
            "DeploymentNotRecorded",
            "the deployment of app 1.0.0 to qa is not recorded",
        )
        .await;
    assert!(why.contains("403"), "{why}");
    world
        .assert_stage("app/prod", State::Waiting, "approval")
        .await;
    github.forget_requests();
    for _ in 0..5 {
        world.pass().await;
    }
    assert_eq!(github.requests("POST", MAKE), 0, "not in every pass");

    // Nor may it look: another process asks, is told so, and asks again later and later.
    github.fault(Rule::on("GET", r"/deployments\?"), Fault::status(404));
    world.forget();
    github.forget_requests();
    for _ in 0..5 {
        world.pass().await;
    }
    world
        .assert_hold("DeploymentNotRecorded", "deployments are not recorded: ")
        .await;
    assert_eq!(github.requests("GET", MAKE), 1, "{:?}", github.seen());
    github.approve(number, "mara");
    for _ in 0..4 {
        world.pass().await;
    }
    assert!(github.pull(number).merged.is_some());
    github.heal();
    world.advance("2m");
    world.settle().await;
    assert_eq!(shown(&github).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_asks_for_deployments_only_where_somebody_wants_them() {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let mut world = World::on_github_as_app(&github).await;
    let asked = |github: &GitHub| {
        let seen = github.seen();
        let tokens = seen.iter().filter(|s| s.path.ends_with("/access_tokens"));
        tokens.filter(|s| s.body.contains("deployments")).count()
    };
    world.good_build("1.0.0");
    world.settle().await;
    assert_eq!((asked(&github), github.requests("*", ANY)), (0, 0));
    let rows = async |world: &World| {
        let may = world.engine.forge.abilities().await.unwrap();
        let deeds = may.deeds.into_iter();
        let rows = deeds.map(|row| (format!("{:?}", row.deed), format!("{:?}", row.may)));
        rows.filter(|(deed, _)| deed == "Deployments")
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&world).await, []);

    world.operator(|settings| settings.forge.github.deployments = true);
    world.settle().await;
    assert_eq!(asked(&github), 1);
    assert_eq!(shown(&github).len(), 2);
    let row = |may: &str| vec![("Deployments".to_owned(), may.to_owned())];
    assert_eq!(rows(&world).await, row("Yes"));
    github.grant("deployments", Some("read"));
    world.restart();
    assert_eq!(rows(&world).await, row("No"));
}
