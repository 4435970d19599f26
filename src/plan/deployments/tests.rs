//! What is recorded of deployments, when, and in which words.

use std::collections::BTreeMap;

use super::*;
use crate::plan::facts::{DeploymentMemory, Outcome as Answered};
use crate::plan::kit::{Kit, at, commit};
use crate::plan::observation::Observation;
use crate::plan::{Plan, Question, plan};

const PIPELINE: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: myapp}\nspec:\n  stages:\n    - name: dev\n    - name: qa\n      environments: []\n    - {name: prod, from: [qa]}\n";

fn environment(name: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: {name}}}\nspec: {{delivery: commit}}\n"
    )
}

fn kit() -> Kit {
    Kit::new(&[
        ("pipelines/myapp/pipeline.yaml", PIPELINE),
        ("environments/dev.yaml", &environment("dev")),
        ("environments/prod.yaml", &environment("prod")),
    ])
}

/// Observed, with deployments to be recorded, and none of them at the forge yet.
fn observed(kit: Kit) -> Observation {
    let mut obs = kit.observe();
    obs.facts.settings.deployments = true;
    let asked: Vec<Deployments> = asked(&plan(&obs));
    let none = asked
        .into_iter()
        .map(|q| (q, Answered::Ok(BTreeMap::new())));
    obs.facts.deployments = none.collect();
    obs
}

fn asked(made: &Plan) -> Vec<Deployments> {
    let questions = made.questions.iter();
    questions
        .filter_map(|question| match question {
            Question::Deployments(question) => Some(question.clone()),
            _ => None,
        })
        .collect()
}

fn recorded(made: &Plan) -> Vec<(Deployment, DeploymentState, String)> {
    let effects = made.effects.iter();
    effects
        .filter_map(|effect| match effect {
            Effect::RecordDeployment {
                deployment,
                state,
                words,
            } => Some((deployment.clone(), *state, words.clone())),
            _ => None,
        })
        .collect()
}

fn remember(obs: &mut Observation, state: DeploymentState) {
    for (deployment, ..) in recorded(&plan(obs)) {
        let memory = DeploymentMemory {
            key: deployment.key,
            state,
            told: Some(obs.facts.now),
        };
        obs.facts.deployed.insert(deployment.place, memory);
    }
    obs.facts.deployments.clear();
}

fn all_the_way() -> Kit {
    kit()
        .moves("dev", "1")
        .moves("qa", "1")
        .moves("prod", "1")
        .now(5)
}

#[test]
fn what_each_environment_holds_is_recorded_once_with_the_commit_that_brought_it() {
    let mut obs = all_the_way().observe();
    assert_eq!(asked(&plan(&obs)), [], "nobody wants it");
    obs.facts.settings.deployments = true;
    let first = plan(&obs);
    assert_eq!(asked(&first).len(), 2, "one for each environment");
    assert_eq!(recorded(&first), [], "the forge is asked first");

    let mut obs = observed(all_the_way());
    let all = recorded(&plan(&obs));
    let shown: Vec<_> = all
        .iter()
        .map(|(d, state, words)| (d.commit.clone(), *state, words.as_str()))
        .collect();
    let success = DeploymentState::Success;
    assert_eq!(
        shown,
        [(commit(2), success, IN_GIT), (commit(0), success, IN_GIT)],
        "the last one first"
    );
    assert!(all[0].0.title.starts_with("myapp "), "{:?}", all[0].0);
    assert!(all[0].0.title.ends_with(" to prod"), "{:?}", all[0].0);

    remember(&mut obs, success);
    let quiet = plan(&obs);
    assert_eq!((recorded(&quiet), asked(&quiet)), (vec![], vec![]));
}

#[test]
fn going_back_is_a_deployment_too_and_a_move_by_hand_is_none() {
    let back = all_the_way()
        .moves("dev", "2")
        .moves("qa", "2")
        .moves("prod", "2")
        .rolls_back("prod", "1")
        .now(9);
    let obs = observed(back);
    let places: Vec<_> = recorded(&plan(&obs))
        .into_iter()
        .map(|(d, ..)| d.commit)
        .collect();
    assert_eq!(places, [commit(6), commit(3)]);

    let obs = observed(kit().person_moves("dev", "1").now(3));
    assert_eq!(recorded(&plan(&obs)), []);
}

#[test]
fn a_forge_that_does_not_tell_is_a_condition_and_nothing_is_recorded_meanwhile() {
    let mut obs = observed(all_the_way());
    for told in obs.facts.deployments.values_mut() {
        *told = Answered::Failed(Failure {
            reason: "Unknown".to_owned(),
            message: "not accessible".to_owned(),
            canonical: String::new(),
            transient: false,
            party: None,
            retry_at: Some(at(7)),
        });
    }
    let made = plan(&obs);
    assert_eq!(recorded(&made), []);
    let holds: Vec<_> = made
        .holds
        .iter()
        .filter(|hold| hold.reason == "DeploymentNotRecorded")
        .collect();
    assert_eq!(holds.len(), 2, "{:?}", made.holds);
    assert_eq!(
        (holds[0].state, holds[0].until),
        (State::Broken, Some(at(7)))
    );
}

#[test]
fn no_more_are_recorded_in_a_minute_than_fit() {
    let mut obs = observed(all_the_way());
    for number in 0..MOST_A_MINUTE - 1 {
        let place = DeploymentPlace {
            environment: "prod".parse().unwrap(),
            stage: format!("other/s{number}").parse().unwrap(),
        };
        let memory = DeploymentMemory {
            key: number.to_string(),
            state: DeploymentState::Success,
            told: Some(obs.facts.now),
        };
        obs.facts.deployed.insert(place, memory);
    }
    let made = plan(&obs);
    assert_eq!(recorded(&made).len(), 1);
    let waits = made
        .holds
        .iter()
        .find(|hold| hold.reason == "DeploymentsWait");
    let waits = waits.unwrap();
    assert!(waits.why.starts_with("1 more"), "{waits:?}");
    assert_eq!(waits.until, Some(at(6)));
    obs.facts.now = at(6);
    assert_eq!(recorded(&plan(&obs)).len(), 2);
}
