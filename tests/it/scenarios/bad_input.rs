//! Bad input: each is named with its file and what to do, and nothing is written because of it.

use headwater::cli::engine::{Engine, Opening};
use headwater::observe::ObserveError;
use headwater::plan::State;

use crate::support::git_http::hook;
use crate::support::world::{World, small};

/// What is said of the small repository with one file more or other.
async fn said_of(path: &str, text: &str) -> String {
    let mut world = World::with(&[(path, text)]).await;
    world.good_build("1.0.0");
    let plan = world.plan().await;
    let holds = plan.holds.iter().map(|h| {
        let help = h.help.as_deref().unwrap_or_default();
        format!("{} [{}] {help}", h.why, h.reason)
    });
    let stages = plan
        .stages
        .iter()
        .map(|s| format!("{:?} {}", s.state, s.why));
    holds.chain(stages).collect::<Vec<_>>().join("\n")
}

async fn assert_said(path: &str, text: &str, words: &[&str]) {
    let said = said_of(path, text).await;
    for word in words {
        assert!(
            said.contains(word),
            "`{word}` is not said of {path}:\n{text}\n---\n{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_that_is_no_yaml_is_named_with_its_line() {
    assert_said(
        "pipelines/x.yaml",
        "a:\n  - b\n c: [\n",
        &["pipelines/x.yaml:"],
    )
    .await;
    let unquoted = small::PIPELINE.to_owned() + "      releaseTag: {{version}}\n";
    assert_said(
        small::PIPELINE_PATH,
        &unquoted,
        &[
            "pipelines/app/pipeline.yaml:12",
            "starts a YAML map; write \"",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_types_and_unknown_fields_of_our_kinds_are_named() {
    let wrong = small::PIPELINE.replace("stages:", "stages: 7\n  x:");
    assert_said(
        small::PIPELINE_PATH,
        &wrong,
        &["pipelines/app/pipeline.yaml:5", "expected a list"],
    )
    .await;
    let unknown = small::PIPELINE.replace("verify:", "verfiy:");
    assert_said(small::PIPELINE_PATH, &unknown, &["verfiy", "verify"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_twice_is_refused_with_both_places() {
    assert_said(
        "pipelines/again.yaml",
        small::STREAM,
        &["pipelines/again.yaml", "app"],
    )
    .await;
    let twice = small::PIPELINE.replace("- name: prod", "- name: prod\n      tag: qa");
    assert_said(small::PIPELINE_PATH, &twice, &["app:qa", "2 stages"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_nothing_bears_are_named_where_they_stand() {
    let stage = small::PIPELINE.replace("from: [qa]", "from: [staging]");
    assert_said(
        small::PIPELINE_PATH,
        &stage,
        &["staging", small::PIPELINE_PATH],
    )
    .await;
    let stream = small::PIPELINE.replace("spec:", "spec:\n  streams: [nowhere]");
    assert_said(small::PIPELINE_PATH, &stream, &["nowhere"]).await;
    let environment =
        small::PIPELINE.replace("- name: prod", "- name: prod\n      environments: [mars]");
    assert_said(small::PIPELINE_PATH, &environment, &["mars"]).await;
    let template = small::by_commit("dev").replace("template: plain", "template: fancy");
    assert_said("environments/dev.yaml", &template, &["fancy"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_that_wait_for_each_other_are_refused() {
    let cycle = small::PIPELINE.replace("    - name: qa\n", "    - name: qa\n      from: [prod]\n");
    assert_said(small::PIPELINE_PATH, &cycle, &["Broken", "qa", "prod"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_lead_out_are_refused_with_the_form_that_works() {
    for path in ["../secrets/*.yaml", "/../etc/*.yaml", "a/../../b.yaml"] {
        let environment =
            small::by_commit("dev") + &format!("    - {{name: out, manifests: \"{path}\"}}\n");
        assert_said(
            "environments/dev.yaml",
            &environment,
            &["environments/dev.yaml", ".."],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_neither_read_nor_written() {
    let mut world = World::small().await;
    let output = "environments/qa/rendered/app/deployment.yaml";
    world.repository.link(output, "/etc/passwd", world.now());
    world
        .repository
        .link("environments/moon.yaml", "prod.yaml", world.now());
    world.good_build("1.0.0");
    world.settle().await;
    assert!(world.head("app", "dev").is_some());
    assert_eq!(world.head("app", "qa"), None);
    world.assert_stage("app/qa", State::Broken, output).await;
    let text = world.repository.text("main", output);
    assert_eq!(text.as_deref(), Some("/etc/passwd"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_cannot_be_read_holds_what_it_may_own() {
    for broken in [
        "kind: [",
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: app}\nspec: 7\n",
    ] {
        let dev = small::by_pull_request("dev");
        let mut world = World::with(&[("environments/dev.yaml", &dev)]).await;
        world.person_commits(&[(small::PIPELINE_PATH, broken)], "Break the pipeline");
        world.good_build("1.0.0");
        world.settle().await;
        assert_eq!(
            world.head("app", "dev"),
            None,
            "no rule was known by which it could move"
        );
        world
            .assert_hold("PipelineUnreadable", small::PIPELINE_PATH)
            .await;
        world.person_commits(&[(small::PIPELINE_PATH, small::PIPELINE)], "Mend it");
        world.settle().await;
        world.open_pull().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_pipeline_lets_nothing_past_its_rules_and_closes_nothing() {
    for (right, wrong) in [
        ("spec:\n", "spec:\n  streams: [ap]\n"),
        (
            "    - name: qa\n",
            "    - name: qa\n      from: [nowhere]\n",
        ),
        ("    - name: dev\n", "    - name: dev\n      tag: devv\n"),
    ] {
        let dev = small::by_pull_request("dev");
        let mut world = World::with(&[("environments/dev.yaml", &dev)]).await;
        let first = world.proposed("1.0.0").await.1;
        world.person_edits(small::PIPELINE_PATH, right, wrong);
        world.good_build("1.1.0");
        world.settle().await;
        assert_eq!(world.head("app", "dev"), None, "{wrong}");
        assert_eq!(world.open_pull().await.id, first.id, "{wrong}");
        world.person_edits(small::PIPELINE_PATH, wrong, right);
        world.settle().await;
        assert_eq!(
            world.head("app", "dev"),
            None,
            "nobody approved it: {wrong}"
        );
        world.open_pull().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_a_hook_refuses_is_reported_in_its_words_and_loses_nothing() {
    let mut world = World::served(&[]).await;
    hook(
        world.repository.path(),
        "pre-receive",
        "echo 'main is protected' >&2; exit 1",
    );
    let build = world.good_build("1.0.0");
    let head = world.repository.resolve("main");
    for _ in 0..2 {
        world.advance("1m");
        let pass = world.pass().await;
        assert!(
            pass.receipt.done.is_empty() && !pass.receipt.again,
            "{:?}",
            pass.receipt
        );
        let refusal = &pass.receipt.refused[0];
        assert!(
            !refusal.fault.heals() && refusal.what.contains("main"),
            "{refusal:?}"
        );
        assert!(
            refusal.why.contains("pre-receive") || refusal.why.contains("protected"),
            "{refusal:?}"
        );
    }
    assert_eq!(world.repository.resolve("main"), head);
    std::fs::remove_file(world.repository.path().join("hooks/pre-receive")).unwrap();
    world.advance("2m");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone_holds_what_needs_its_past_and_guesses_nothing() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    world.settle().await;
    world.good_build("1.1.0");
    world.pass().await;
    let head = world.repository.resolve("main").unwrap();
    std::fs::write(world.repository.path().join("shallow"), format!("{head}\n")).unwrap();
    world.forget();
    world.settle().await;
    assert_eq!(
        world.repository.resolve("main").as_deref(),
        Some(head.as_str())
    );
    world.assert_stage("app/qa", State::Broken, "shallow").await;
    let help = world.stage("app/qa").await.help.unwrap_or_default();
    assert!(help.contains("fetch-depth: 0"), "{help}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_not_there_or_empty_says_so() {
    let world = World::small().await;
    let settings = headwater::config::Settings::default();
    let nowhere = Opening {
        location: world.folder().join("nowhere").display().to_string(),
        ..Opening::default()
    };
    let error = Engine::assemble(&settings, nowhere)
        .unwrap_err()
        .to_string();
    assert!(error.contains("nowhere"), "{error}");

    let path = world.folder().join("empty.git");
    crate::support::world::Repository::init(&path);
    let mut settings = headwater::config::Settings::default();
    settings.git.cache_dir = world.folder().join("other-cache");
    let empty = Opening {
        location: path.display().to_string(),
        ..Opening::default()
    };
    let engine = Engine::assemble(&settings, empty).unwrap();
    let error = engine.reconciler.pass(world.now()).await.unwrap_err();
    assert!(matches!(error, ObserveError::Empty(_)), "{error}");
    assert!(error.to_string().contains("empty.git"), "{error}");
}
