//! Merging by a person: what a pull request still needs, asked in full, and the message of its commit.

use super::room::Room;
use super::{ActError, no};
use crate::model::{Approvals, StageKey};
use crate::plan::facts::marker::{Carried, Subject as Carries};
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::gate::approvals;
use crate::plan::observation::Observation;
use crate::plan::output::Templates;
use crate::plan::output::survey::survey;
use crate::plan::report::{Condition, Subject};
use crate::plan::road::{Ruled, StageView, environment_approvals};
use crate::plan::stage::decide::Judged;
use crate::plan::stage::first;
use crate::plan::stage::{judge_open, later};
use crate::plan::{Effect, Plan};

/// How an open pull request stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Every condition, as it stands now.
    pub conditions: Vec<Condition>,
    /// What keeps it from being merged, in words; empty where nothing does.
    pub shut: Vec<String>,
    /// Message of the commit on the base.
    pub message: String,
}

/// How a pull request stands in a plan that was made from the same observation.
///
/// # Errors
/// When it is not open, or facts are lacking.
pub fn standing(
    obs: &Observation,
    plan: &Plan,
    pull: &PullRequestFacts,
) -> Result<Standing, ActError> {
    if pull.state != PullState::Open {
        let state = if pull.state == PullState::Merged {
            "merged"
        } else {
            "closed"
        };
        return no(format!("pull request {} is {state}", pull.id), None);
    }
    let mut room = Room::new(obs);
    let result = in_room(&mut room, plan, pull);
    room.done(result)
}

fn in_room(
    room: &mut Room<'_>,
    plan: &Plan,
    pull: &PullRequestFacts,
) -> Result<Standing, ActError> {
    let (conditions, mut shut) = match &pull.marker.subject {
        Carries::Promotion { .. } | Carries::Group { .. } => {
            let (mut conditions, mut shut) = (Vec::new(), Vec::new());
            for key in pull.marker.stages() {
                match promotion(room, plan, pull, key) {
                    Ok((of_stage, stopped)) => {
                        conditions.extend(of_stage);
                        shut.extend(stopped);
                    }
                    // The next pass takes it out.
                    Err(ActError::Unknown { why, .. } | ActError::Invalid { why }) => {
                        shut.push(format!("{key}: {why}"));
                    }
                    Err(error) => return Err(error),
                }
            }
            (conditions, shut)
        }
        Carries::Environment { environment, .. } => drift(room, plan, pull, environment),
        Carries::Act { act, stage, by } => (act_approvals(room, pull, act, stage, by)?, Vec::new()),
        Carries::Streams { .. } => (Vec::new(), Vec::new()),
    };
    shut.extend(branch(pull));
    shut.extend(effects(plan, pull));
    let closed = conditions.iter().filter(|c| !c.verdict.is_open());
    shut.extend(closed.map(|c| format!("{}: {}", c.name, c.verdict.why())));
    Ok(Standing {
        conditions,
        shut,
        message: message(plan, pull),
    })
}

type Found = (Vec<Condition>, Vec<String>);

fn promotion(
    room: &mut Room<'_>,
    plan: &Plan,
    pull: &PullRequestFacts,
    key: &StageKey,
) -> Result<Found, ActError> {
    let view = room.view(key)?;
    let mut shut = blocks(room, &view);
    let holds = plan.holds.iter();
    shut.extend(
        holds
            .filter(|h| h.subject == Subject::Stage(key.clone()))
            .map(|h| h.why.clone()),
    );
    let report = plan.stages.iter().find(|s| s.key == *key);
    let report = report.filter(|s| s.pull_request.as_ref() == Some(&pull.id));
    let conditions = report.map(|s| s.conditions.clone()).unwrap_or_default();
    if report.is_none() {
        shut.push(format!("{key} does not go by this pull request"));
    }
    Ok((conditions, shut))
}

/// What stops the whole stage, and a hold on the set itself.
fn blocks(room: &mut Room<'_>, view: &StageView<'_>) -> Vec<String> {
    let roads = room.roads.clone();
    let road = roads
        .get(&view.key.pipeline)
        .map(|road| first::by_name(road));
    let road = road.unwrap_or_default();
    let (decision, judged): (_, Option<Judged>) = if view.is_first() {
        (first::decide(view, None, &mut room.desk), None)
    } else {
        let survey = survey(&roads, &mut Templates::default(), &mut room.desk);
        let decision = later(view, &road, &survey, &mut room.desk).decision;
        (decision, judge_open(view, &road, &mut room.desk))
    };
    let held = judged
        .and_then(|j| j.held)
        .map(|h| format!("held: {}", h.why));
    let blocks = decision.blocks.into_iter().map(|block| block.why);
    blocks.chain(held).collect()
}

fn drift(room: &Room<'_>, plan: &Plan, pull: &PullRequestFacts, environment: &str) -> Found {
    let holds = plan.holds.iter().filter(
        |h| matches!(&h.subject, Subject::Environment(name) if name.as_str() == environment),
    );
    let shut = holds.map(|h| h.why.clone()).collect();
    let known = room
        .desk
        .docs
        .environments
        .iter()
        .find(|(name, _)| name.as_str() == environment);
    let rules = known.map(|(_, e)| environment_approvals(&e.value, &room.desk));
    let conditions = rules
        .into_iter()
        .flatten()
        .map(|ruled| asked(room, pull, &ruled, None))
        .collect();
    (conditions, shut)
}

/// Going back needs what each environment's `rollback` asks; other acts write nothing below an environment.
fn act_approvals(
    room: &Room<'_>,
    pull: &PullRequestFacts,
    act: &str,
    key: &StageKey,
    by: &str,
) -> Result<Vec<Condition>, ActError> {
    if act != "rollback" {
        return Ok(Vec::new());
    }
    let view = room.view(key)?;
    let environments = view
        .environments
        .iter()
        .filter_map(|name| Some((name, room.desk.docs.environments.get(name)?)));
    Ok(environments
        .filter(|(_, e)| e.value.spec.rollback.approvals > 0)
        .map(|(name, e)| {
            let spec = &e.value.spec;
            let from = spec.approvals.as_ref().map(|a| a.from.clone());
            let ruled = Ruled {
                rule: Approvals {
                    count: spec.rollback.approvals,
                    from: from.unwrap_or_default(),
                },
                set_by: format!("environment {name}"),
            };
            asked(room, pull, &ruled, Some(by))
        })
        .collect())
}

fn asked(
    room: &Room<'_>,
    pull: &PullRequestFacts,
    ruled: &Ruled<Approvals>,
    by: Option<&str>,
) -> Condition {
    let rule = &ruled.rule;
    Condition {
        name: format!("approval by {} of {}", rule.count, rule.who()),
        kind: "approvals".to_owned(),
        verdict: approvals(rule, pull, by, &room.desk.obs.facts),
        set_by: Some(ruled.set_by.clone()),
    }
}

fn branch(pull: &PullRequestFacts) -> Vec<String> {
    let Some(branch) = &pull.branch_facts else {
        return vec!["its branch is gone".to_owned()];
    };
    let foreign = branch
        .foreign
        .as_ref()
        .map(|why| format!("not ours any more: {why}"));
    let conflict = branch
        .merged
        .is_none()
        .then(|| "it conflicts with the base".to_owned());
    foreign.into_iter().chain(conflict).collect()
}

/// What the next pass would do with it instead.
fn effects(plan: &Plan, pull: &PullRequestFacts) -> Vec<String> {
    let mut shut = Vec::new();
    for effect in &plan.effects {
        match effect {
            Effect::UpdatePullRequest {
                id,
                rebuild: Some(_),
                ..
            } if *id == pull.id => {
                shut.push(
                    "it is not what is planned now: the next `headwater run` makes it anew"
                        .to_owned(),
                );
            }
            Effect::ClosePullRequest { id, reason, .. } if *id == pull.id => {
                shut.push(format!("it is of no use any more: {reason}"));
            }
            _ => {}
        }
    }
    shut
}

/// The message that a pass would give it.
fn message(plan: &Plan, pull: &PullRequestFacts) -> String {
    let planned = plan.effects.iter().find_map(|effect| match effect {
        Effect::MergePullRequest { id, message, .. } if *id == pull.id => Some(message.clone()),
        _ => None,
    });
    let trailers = match &pull.marker.subject {
        Carries::Promotion { .. } | Carries::Group { .. } => {
            let promotions = pull.marker.promotions().into_iter();
            let lines = promotions.map(|Carried { stage, set, .. }| {
                format!("Headwater-Set: {set}\nHeadwater-Stage: {stage}\n")
            });
            lines.collect::<String>()
        }
        Carries::Act { stage, .. } => format!("Headwater-Stage: {stage}\n"),
        Carries::Environment { .. } | Carries::Streams { .. } => String::new(),
    };
    planned.unwrap_or_else(|| {
        format!(
            "{}\n\n{trailers}Headwater-Base: {}\n",
            pull.title, plan.base
        )
    })
}
