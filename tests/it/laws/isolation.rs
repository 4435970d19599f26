//! What is broken stays alone and is named; only brakes that cannot be read stop everything.

use headwater::plan::report::Subject;
use headwater::plan::{Plan, State};

use crate::support::world::{World, shown, small};

pub(super) fn other_stream() -> String {
    small::stream("other")
}

pub(super) fn other_pipeline() -> String {
    "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: other}\nspec:\n  stages:\n    - {name: dev, environments: [other]}\n".to_owned()
}

pub(super) fn other_environment() -> String {
    small::environment("other", "delivery: commit", &["other"])
}

async fn two_applications() -> World {
    let (stream, pipeline, environment) = (other_stream(), other_pipeline(), other_environment());
    let mut world = World::with(&[
        ("pipelines/other/imagestream.yaml", &stream),
        ("pipelines/other/pipeline.yaml", &pipeline),
        ("environments/other.yaml", &environment),
        ("templates/second/pod.yaml.hbs", small::TEMPLATE),
    ])
    .await;
    world.push_build("acme/other:main", "2.0.0", &[]);
    world.good_build("1.0.0");
    world.settle().await;
    world.good_build("1.1.0");
    world
}

/// What a plan does for `app`, in every respect but the commit it starts from.
fn about_app(plan: &Plan) -> String {
    let changes = plan.changes.iter().filter(|c| c.group == "app");
    let stages = plan
        .stages
        .iter()
        .filter(|s| s.key.pipeline.as_str() == "app");
    let texts = plan.effects.iter().filter_map(|effect| {
        let commit = match effect {
            headwater::plan::Effect::PushBase { commit, .. }
            | headwater::plan::Effect::OpenPullRequest { commit, .. } => commit,
            _ => return None,
        };
        let files = commit.files.iter();
        Some(
            files
                .filter(|(p, _)| p.as_str().contains("app"))
                .collect::<Vec<_>>(),
        )
    });
    format!(
        "{:#?}\n{:#?}\n{:#?}",
        changes.collect::<Vec<_>>(),
        stages.collect::<Vec<_>>(),
        texts.collect::<Vec<_>>()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_neighbour_changes_nothing_for_the_others_and_is_named() {
    let world = two_applications().await;
    let good = world.plan().await;
    assert!(!good.is_empty(), "{}", shown(&good));
    let broken: &[(&str, &str, &str)] = &[
        (
            "pipelines/other/imagestream.yaml",
            "spec: [",
            "pipelines/other/imagestream.yaml",
        ),
        (
            "pipelines/other/pipeline.yaml",
            "kind: Pipeline\n  x: [",
            "pipelines/other/pipeline.yaml",
        ),
        (
            "pipelines/other/more.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: {{x}}}\n",
            "pipelines/other/more.yaml",
        ),
        (
            "environments/other.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: other}\nspec: 7\n",
            "environments/other.yaml",
        ),
        (
            "environments/other/other/values.yaml",
            "colour: [",
            "values.yaml",
        ),
    ];
    for (path, text, named) in broken {
        let before = world.repository.resolve("main").unwrap();
        world.person_commits(&[(path, text)], "Break a neighbour");
        let plan = world.plan().await;
        assert_eq!(about_app(&plan), about_app(&good), "with {path}");
        let holds = format!("{:?}", plan.holds);
        assert!(
            holds.contains(named),
            "{path} is not named\n{}",
            shown(&plan)
        );
        world.repository.set("main", &before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_or_a_template_that_fails_holds_only_what_needs_it() {
    let mut world = two_applications().await;
    let good = world.plan().await;
    let elsewhere = other_stream().replace("registry.example", "nowhere.example");
    let template = other_environment().replace("template: plain", "template: second");
    world.person_commits(
        &[
            ("pipelines/other/imagestream.yaml", &elsewhere),
            ("environments/other.yaml", &template),
            ("templates/second/pod.yaml.hbs", "{{#if}"),
        ],
        "Break the other's registry and template",
    );
    let plan = world.plan().await;
    assert_eq!(about_app(&plan), about_app(&good));
    let held = |subject: fn(&Subject) -> bool| plan.holds.iter().any(|h| subject(&h.subject));
    assert!(
        held(|s| matches!(s, Subject::Tag(t) if t.stream.name.as_str() == "other")),
        "{}",
        shown(&plan)
    );
    assert!(
        held(|s| matches!(s, Subject::Application { application, .. } if application == "other")),
        "{}",
        shown(&plan)
    );
    world.advance("1m");
    world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_file_among_holds_or_freezes_holds_every_promotion() {
    for path in ["holds/typo.yaml", "freezes/typo.yaml"] {
        let mut world = World::small().await;
        world.good_build("1.0.0");
        world.person_commits(&[(path, "kind: Freeze\nspec: [\n")], "Mistype a brake");
        world.settle().await;
        assert_eq!(world.head("app", "qa"), None, "{path}");
        world.assert_stage("app/prod", State::Held, path).await;
        world.assert_stage("app/qa", State::Held, path).await;

        world.person_deletes(&[path], "Take it away");
        world.settle().await;
        assert!(world.head("app", "qa").is_some());
    }
}
