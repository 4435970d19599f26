//! Outputs on a desk: what is rendered again, and what need not be.

use std::collections::BTreeMap;

use super::kept::watch;
use super::rendering::renderings;
use crate::plan::kit::Kit;
use crate::plan::observation::Observation;
use crate::plan::report::Subject;
use crate::plan::{Effect, Plan, plan};

const OUTPUT: &str = "environments/kept/rendered/myapp/deployment.yaml";
const VALUES: &str = "environments/kept/myapp/values.yaml";
const DEFAULTS: &str = "templates/kept/values.yaml";
const TEMPLATE: &str = "templates/kept/deployment.yaml.hbs";

/// A stage with one output, and these files laid over it.
fn world(image: &str, over: &[(&str, &str)]) -> Observation {
    let mut files = vec![
        (
            "pipelines/myapp/pipeline.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: myapp}\nspec: {stages: [{name: dev, environments: [kept]}]}\n",
        ),
        (
            "environments/kept.yaml",
            "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: kept}\nspec:\n  delivery: commit\n  applications: [{name: myapp, template: kept}]\n",
        ),
        (
            TEMPLATE,
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{app}} }\nspec:\n  replicas: {{values.replicas}}\n  template: {spec: {containers: [{name: main, image: {{image}} }]}}\n",
        ),
        (DEFAULTS, "replicas: 2\n"),
        (VALUES, "replicas: 3\n"),
    ];
    files.retain(|(path, _)| over.iter().all(|(other, _)| other != path));
    files.extend_from_slice(over);
    Kit::new(&files).moves("dev", image).now(1).observe()
}

fn made(observation: &Observation) -> (Plan, usize) {
    watch::count(|| plan(observation))
}

/// The output that a plan writes, if it writes one.
fn output(plan: &Plan) -> Option<String> {
    let pushed = plan.effects.iter().find_map(|effect| match effect {
        Effect::PushBase { commit, .. } => Some(&commit.files),
        _ => None,
    });
    pushed?.get(&OUTPUT.parse().unwrap())?.clone()
}

#[test]
fn what_was_proven_is_not_rendered_again_until_something_that_goes_into_it_changes() {
    let (first, renders) = made(&world("1", &[]));
    let text = output(&first).unwrap_or_else(|| panic!("{first:#?}"));
    assert!(renders > 0 && text.contains("replicas: 3"), "{text}");

    let settled = world("1", &[(OUTPUT, &text)]);
    let (warm, renders) = made(&settled);
    assert_eq!(renders, 0, "nothing changed");
    assert!(warm.is_empty(), "{warm:#?}");
    let (cold, renders) = watch::count(|| watch::forgetful(|| plan(&settled)));
    assert!(renders > 0);
    assert_eq!(cold, warm, "what is remembered changes no plan");

    let by_hand = text.replace("replicas: 3", "replicas: 9");
    let changed = [
        world("2", &[(OUTPUT, &text)]),
        world("1", &[(OUTPUT, &text), (VALUES, "replicas: 4\n")]),
        world(
            "1",
            &[(OUTPUT, &text), (TEMPLATE, "a: {{values.replicas}}\n")],
        ),
        world("1", &[(OUTPUT, &by_hand)]),
    ];
    for observation in changed {
        let (warm, renders) = made(&observation);
        assert!(renders > 0);
        assert_ne!(output(&warm), None, "{warm:#?}");
        let cold = watch::forgetful(|| plan(&observation));
        assert_eq!(cold, warm, "what is remembered changes no plan");
    }

    // Back again: both are still known.
    let (_, renders) = made(&settled);
    assert_eq!(renders, 0);
}

#[test]
fn a_file_too_many_or_in_the_place_of_an_output_is_seen_although_all_is_known() {
    let (first, _) = made(&world("1", &[(DEFAULTS, "replicas: 5\n")]));
    let text = output(&first).unwrap();
    let ours = text.replace("kind: Deployment", "kind: Old");
    let more = OUTPUT.replace("deployment", "old");
    let (plan, _) = made(&world(
        "1",
        &[(DEFAULTS, "replicas: 5\n"), (OUTPUT, &text), (&more, &ours)],
    ));
    let deleted = plan.effects.iter().any(|effect| match effect {
        Effect::PushBase { commit, .. } => commit.files.get(&more.parse().unwrap()) == Some(&None),
        _ => false,
    });
    assert!(deleted, "{plan:#?}");
    let (plan, _) = made(&world(
        "1",
        &[(DEFAULTS, "replicas: 5\n"), (OUTPUT, "kind: Foreign\n")],
    ));
    assert!(output(&plan).is_none(), "{plan:#?}");
}

#[test]
fn many_at_once_come_out_as_each_of_them_would_alone() {
    let names: Vec<String> = (0..40).map(|n| format!("app{n:02}")).collect();
    let mut applications = "applications:\n".to_owned();
    let mut values = Vec::new();
    for (n, name) in names.iter().enumerate() {
        applications +=
            &format!("    - {{name: {name}, template: many, images: [{{stream: myapp}}]}}\n");
        let text = if n == 7 {
            "replicas: [\n".to_owned()
        } else {
            format!("replicas: {n}\n")
        };
        values.push((format!("environments/kept/{name}/values.yaml"), text));
    }
    let environment = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: kept}}\nspec:\n  delivery: commit\n  {applications}"
    );
    let template = "kind: Pod\nmetadata: {name: {{app}}, labels: {n: \"{{values.replicas}}\"}}\nspec: {containers: [{name: main, image: {{image \"myapp\"}} }]}\n";
    let mut over = vec![
        ("environments/kept.yaml", environment.as_str()),
        ("templates/many/pod.yaml.hbs", template),
        ("templates/many/values.yaml", "replicas: 0\n"),
    ];
    over.extend(
        values
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    );
    let observation = world("1", &over);

    let plan = plan(&observation);
    let alone = renderings(&observation, None, None).unwrap();
    let mut expected = BTreeMap::new();
    for rendered in alone.into_values().flatten() {
        expected.extend(rendered.into_iter().map(|(path, text)| (path, Some(text))));
    }
    assert_eq!(expected.len(), 39);
    let pushed = plan.effects.iter().find_map(|effect| match effect {
        Effect::PushBase { commit, .. } => Some(&commit.files),
        _ => None,
    });
    assert_eq!(pushed, Some(&expected), "{plan:#?}");
    let broken = plan.holds.iter().any(|hold| match &hold.subject {
        Subject::Application { application, .. } => application == "app07",
        _ => false,
    });
    assert!(broken, "{:#?}", plan.holds);
}
