//! Deployments as the forge shows them: one for each set that came into an environment by a move of ours. It says what Git
//! has, and where the environment tells, whether it runs. What is recorded is no evidence, and nothing waits for it.

use std::collections::{BTreeMap, BTreeSet};

use super::desk::{Desk, Known};
use super::effect::Effect;
use super::facts::Failure;
use super::gate::{Asked, Runs, deployed};
use super::pull::flow::Outcome;
use super::question::Deployments;
use super::refusal::{self, deployment_id};
use super::report::{Change, ChangeKind, State, Subject};
use super::road::StageView;
use super::road::timeline::{Stay, Whose};
use crate::model::deployment::line;
use crate::model::{
    Deployment, DeploymentPlace, DeploymentState, Environment, Name, Period, Timestamp, Verdict,
};

/// So many of an environment are asked about in a pass, those that moved last: the rest come with the next passes.
const MOST_ASKED: usize = 30;
/// So many are recorded in a minute: each takes two calls, one after the other.
const MOST_A_MINUTE: usize = 20;
const MINUTE: u64 = 60;
/// What success means where nobody tells whether it runs.
const IN_GIT: &str = "it is in Git; nobody tells whether it runs";
const HELP: &str = "grant `deployments: write`, or set `forge.github.deployments: false`";

/// What came where, and is not known to be over.
struct Open<'a> {
    deployment: Deployment,
    environment: &'a Environment,
    view: &'a StageView<'a>,
    stay: &'a Stay,
}

/// What is to be recorded now.
pub(super) fn deployments<'v, 'd: 'v>(views: &[&'v StageView<'v>], desk: &mut Desk<'d>) -> Outcome {
    let mut outcome = Outcome::default();
    let facts = &desk.obs.facts;
    if !facts.settings.deployments || facts.forge_failure.is_some() {
        return outcome;
    }
    let mut by_environment: BTreeMap<&Name, Vec<Open<'_>>> = BTreeMap::new();
    for view in views {
        for open in open(view, desk) {
            let name = open.environment.name();
            by_environment.entry(name).or_default().push(open);
        }
    }
    let mut due = Vec::new();
    for (environment, mut all) in by_environment {
        all.sort_by_key(|open| std::cmp::Reverse(open.stay.at));
        due.extend(of_environment(environment, all, desk));
    }
    due.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let mut room = room(desk);
    let mut waiting = 0;
    for (_, deployment, state, words) in due {
        if is_refused(&deployment, desk) {
            continue;
        }
        if room == 0 {
            waiting += 1;
            continue;
        }
        room -= 1;
        outcome.changes.push(change(&deployment, state, &words));
        outcome.effects.push(Effect::RecordDeployment {
            deployment,
            state,
            words,
        });
    }
    tell_waiting(waiting, desk);
    outcome
}

/// What a stage holds by a move of ours, in each of its environments, and is not known to be over.
fn open<'v, 'd: 'v>(view: &'v StageView<'v>, desk: &mut Desk<'d>) -> Vec<Open<'v>> {
    let Some(stay) = view.timeline.current() else {
        return Vec::new();
    };
    let is_known = stay.at > 0 || desk.obs.history.complete;
    if stay.whose == Whose::ByHand || !is_known || view.broken.is_some() {
        return Vec::new();
    }
    let docs = desk.docs;
    let environments = view.environments.iter();
    let environments = environments.filter_map(|name| docs.environments.get(name));
    let mut open = Vec::new();
    for environment in environments.map(|located| &*located.value) {
        let place = DeploymentPlace {
            environment: environment.name().clone(),
            stage: view.key.clone(),
        };
        // Its name for people costs a look at labels, and is only needed where there is something to record.
        let bare = Deployment::of(place, stay.id.clone(), stay.commit.clone(), "");
        let known = desk.obs.facts.deployed.get(&bare.place);
        if known.is_some_and(|known| known.key == bare.key && known.state.is_final()) {
            continue;
        }
        let version = desk.version_of_set(&stay.set);
        open.push(Open {
            deployment: Deployment::of(bare.place, bare.set, bare.commit, &version),
            environment,
            view,
            stay,
        });
    }
    open
}

type Due = (usize, Deployment, DeploymentState, String);

/// What is to be recorded of an environment. What nothing is remembered of is asked for.
fn of_environment(name: &Name, all: Vec<Open<'_>>, desk: &mut Desk<'_>) -> Vec<Due> {
    let facts = &desk.obs.facts;
    let memory = |deployment: &Deployment| {
        let known = facts.deployed.get(&deployment.place)?;
        (known.key == deployment.key).then_some(known.state)
    };
    let unknown = all.iter().filter(|o| memory(&o.deployment).is_none());
    let wanted: BTreeSet<_> = unknown
        .take(MOST_ASKED)
        .map(|open| (open.deployment.place.clone(), open.deployment.key.clone()))
        .collect();
    let question = Deployments {
        environment: name.clone(),
        wanted,
    };
    let found = match question.wanted.is_empty() {
        true => Known::NotYet,
        false => desk.deployments(&question),
    };
    if let Known::Failed(failure) = &found {
        tell_failure(name, failure, desk);
    }
    let mut due = Vec::new();
    for open in all {
        let Open {
            deployment, stay, ..
        } = &open;
        let asked = (deployment.place.clone(), deployment.key.clone());
        let before = match (memory(deployment), &found) {
            (Some(state), _) => Some(state),
            (None, Known::Yes(found)) if question.wanted.contains(&asked) => {
                found.get(&deployment.key).copied()
            }
            (None, _) => continue,
        };
        if before.is_some_and(DeploymentState::is_final) {
            continue;
        }
        let at = stay.at;
        if let Some((state, words)) = fares(&open, desk).filter(|(s, _)| Some(*s) != before) {
            due.push((at, open.deployment, state, words));
        }
    }
    due
}

/// How it fares, as far as the environment tells; `None` while the forge is asked.
fn fares(open: &Open<'_>, desk: &mut Desk<'_>) -> Option<(DeploymentState, String)> {
    let Some(rule) = &open.environment.spec.deployed else {
        return Some((DeploymentState::Success, IN_GIT.to_owned()));
    };
    let asked = Asked {
        stage: &open.view.key,
        set: &open.stay.set,
        id: &open.stay.id,
        stays: &open.view.timeline,
        first: &open.view.timeline,
        runs: Runs::NobodyTells,
    };
    let before = desk.questions.len();
    let (verdict, _) = deployed(rule, open.environment, &open.view.streams, &asked, desk);
    if desk.questions.len() > before {
        return None;
    }
    let state = match &verdict {
        Verdict::Open { .. } => DeploymentState::Success,
        Verdict::Waiting { .. } => DeploymentState::InProgress,
        Verdict::Refused { .. } => DeploymentState::Failure,
    };
    Some((state, line(verdict.why())))
}

/// How many may be recorded now.
fn room(desk: &Desk<'_>) -> usize {
    let told = desk.obs.facts.deployed.values();
    let lately = told.filter_map(|known| known.told).filter(|told| {
        let until = Period::seconds(MINUTE).after(*told);
        *told <= desk.now() && desk.now() < until
    });
    MOST_A_MINUTE.saturating_sub(lately.count())
}

fn tell_waiting(waiting: usize, desk: &mut Desk<'_>) {
    if waiting == 0 {
        return;
    }
    let until: Timestamp = Period::seconds(MINUTE).after(desk.now());
    desk.expires(until);
    let why = format!(
        "{waiting} more deployments are recorded later: no more than {MOST_A_MINUTE} in a minute"
    );
    let hold = desk.hold(Subject::Repository, State::Waiting, "DeploymentsWait", why);
    hold.until = Some(until);
}

/// That the forge does not tell what it has hinders nothing else.
fn tell_failure(environment: &Name, failure: &Failure, desk: &mut Desk<'_>) {
    let state = match failure.transient {
        true => State::Waiting,
        false => State::Broken,
    };
    if let Some(at) = failure.retry_at {
        desk.expires(at);
    }
    let why = format!("deployments are not recorded: {}", failure.message);
    let subject = Subject::Environment(environment.clone());
    let hold = desk.hold(subject, state, "DeploymentNotRecorded", why);
    hold.until = failure.retry_at;
    hold.help = Some(HELP.to_owned());
}

/// Whether the forge refused it and its next try has not come, which is told.
fn is_refused(deployment: &Deployment, desk: &mut Desk<'_>) -> bool {
    let id = deployment_id(&deployment.key);
    let subject = Subject::Environment(deployment.place.environment.clone());
    let Some(mut hold) = refusal::hold(&id, &subject, desk) else {
        return false;
    };
    let refused = &desk.obs.facts.refused[&id];
    "DeploymentNotRecorded".clone_into(&mut hold.reason);
    hold.why = format!(
        "the deployment of {} is not recorded: {} (refused {} times since {})",
        deployment.title, refused.why, refused.times, refused.since
    );
    hold.help = Some(HELP.to_owned());
    desk.holds.push(hold);
    true
}

fn change(deployment: &Deployment, state: DeploymentState, words: &str) -> Change {
    let DeploymentPlace { environment, stage } = &deployment.place;
    Change {
        kind: ChangeKind::Record,
        group: stage.pipeline.to_string(),
        place: environment.to_string(),
        subject: format!(
            "Record the deployment of {}: {}",
            deployment.title,
            state.as_str()
        ),
        old: None,
        new: None,
        why: Some(words.to_owned()),
        delivery: "deployment".to_owned(),
        files: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
