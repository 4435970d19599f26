//! Approvals that count for nothing, whatever else they are: of whoever pushed to the branch, asked for the change, or is
//! named by no rule.

use super::ActError;
use super::room::Room;
use crate::model::Approvals;
use crate::plan::change::stamps::{Found, read};
use crate::plan::facts::marker::{Carried, Subject as Carries};
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::gate::{Barred, barred, may_approve};
use crate::plan::observation::Observation;
use crate::plan::road::environment_approvals;
use crate::plan::stage::request::request;

/// Why somebody's approval counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uncounted {
    /// They pushed to its branch, or asked for it.
    Barred(Barred),
    /// Every rule names others: these.
    NotNamed(Vec<String>),
}

impl Uncounted {
    /// In words, to whoever approved.
    pub fn to_you(&self) -> String {
        match self {
            Self::Barred(barred) => format!("you {}", barred.did()),
            Self::NotNamed(_) => self.of_them(),
        }
    }

    /// In words, to others.
    pub fn of_them(&self) -> String {
        match self {
            Self::Barred(barred) => format!("they {}", barred.did()),
            Self::NotNamed(who) => format!("approvals are for {}", who.join(", ")),
        }
    }
}

/// Why an approval by `who` would count for nothing, if that is so.
///
/// # Errors
/// When facts are lacking.
pub fn uncounted(
    obs: &Observation,
    pull: &PullRequestFacts,
    who: &str,
) -> Result<Option<Uncounted>, ActError> {
    let mut room = Room::new(obs);
    let (asked_by, rules) = asked_and_rules(&mut room, pull);
    let mut askers = asked_by.iter().map(|by| Some(by.as_str()));
    let barred = |by| barred(who, pull, by, &obs.facts);
    let found = barred(None)
        .or_else(|| askers.find_map(barred))
        .map(Uncounted::Barred)
        .or_else(|| not_named(who, &rules, obs));
    room.done(Ok(found))
}

fn not_named(who: &str, rules: &[Approvals], obs: &Observation) -> Option<Uncounted> {
    let counted: Vec<&Approvals> = rules.iter().filter(|rule| rule.count > 0).collect();
    let nowhere = !counted.is_empty()
        && counted
            .iter()
            .all(|rule| !may_approve(rule, who, &obs.facts.teams));
    nowhere.then(|| {
        let mut named: Vec<String> = Vec::new();
        for name in counted.iter().flat_map(|rule| &rule.from) {
            if !named.contains(name) {
                named.push(name.clone());
            }
        }
        Uncounted::NotNamed(named)
    })
}

/// Whoever asked for a part of it, and the rules of all parts.
fn asked_and_rules(room: &mut Room<'_>, pull: &PullRequestFacts) -> (Vec<String>, Vec<Approvals>) {
    match &pull.marker.subject {
        Carries::Promotion { .. } | Carries::Group { .. } => {
            let (mut asked, mut rules) = (Vec::new(), Vec::new());
            for carried in pull.marker.promotions() {
                asked.extend(asked_by(room, pull, &carried));
                let view = room.view(&carried.stage);
                let of_stage = view.map(|view| view.approvals).unwrap_or_default();
                rules.extend(of_stage.into_iter().map(|ruled| ruled.rule));
            }
            (asked, rules)
        }
        Carries::Act { by, .. } | Carries::Streams { by, .. } => (vec![by.clone()], Vec::new()),
        Carries::Environment { environment, .. } => {
            let environments = room.desk.docs.environments.iter();
            let known = environments.filter(|(name, _)| name.as_str() == environment);
            let rules = known.flat_map(|(_, e)| environment_approvals(&e.value, &room.desk));
            (Vec::new(), rules.map(|ruled| ruled.rule).collect())
        }
    }
}

/// Who asked for a promotion: by the record on its branch, else by the request on the base.
fn asked_by(room: &mut Room<'_>, pull: &PullRequestFacts, carried: &Carried) -> Option<String> {
    let view = room.view(&carried.stage).ok()?;
    let set = &carried.set;
    let branch = pull.branch_facts.as_ref();
    let recorded = branch.and_then(|branch| match read(&view, set, branch, &mut room.desk) {
        Found::Yes(stamps) => stamps.record?.asked_by,
        Found::Asking | Found::No => None,
    });
    recorded.or_else(|| Some(request(&view, &room.desk).ok()??.by))
}
