//! A promotion that somebody merged although those who must approve had not: a fact, never taken back, and said.

use super::ActError;
use super::room::Room;
use crate::model::{Approvals, StageKey};
use crate::plan::gate::{approvals, merged, reviewed};
use crate::plan::observation::Observation;
use crate::plan::road::StageView;
use crate::plan::road::timeline::Whose;

/// What today's rules miss in the pull request by which the present set of a stage came; `None` where they miss nothing, or
/// nobody can tell.
///
/// # Errors
/// When there is no such stage, or facts are lacking.
pub fn overridden(obs: &Observation, key: &StageKey) -> Result<Option<String>, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let found = missed(&view, &mut room);
    room.done(Ok(found))
}

fn missed(view: &StageView<'_>, room: &mut Room<'_>) -> Option<String> {
    let stay = view.timeline.current()?;
    let rules = view.approvals.iter().map(|ruled| &ruled.rule);
    let rules: Vec<&Approvals> = rules.filter(|rule| rule.count > 0).collect();
    // Where pull requests cannot be read nobody knows by which one it came.
    if stay.whose != Whose::Merged || rules.is_empty() || room.desk.obs.facts.pulls.is_none() {
        return None;
    }
    let Some(pull) = merged(view, &stay.id, &room.desk) else {
        return Some("it came by no pull request of ours".to_owned());
    };
    let asked_by = stay.record.as_ref().and_then(|r| r.asked_by.clone());
    let people = asked_by.iter().cloned().collect();
    let pull = reviewed(pull, &rules, people, &mut room.desk)?.ok()?;
    let facts = &room.desk.obs.facts;
    let verdicts = rules
        .iter()
        .map(|rule| approvals(rule, &pull, asked_by.as_deref(), facts));
    let shut = verdicts.into_iter().find(|verdict| !verdict.is_open())?;
    Some(format!(
        "pull request {} was merged with approval {}",
        pull.id,
        shut.why()
    ))
}
