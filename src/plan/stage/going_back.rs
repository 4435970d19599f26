//! Going back by itself: a set that its stage refuses soon after it came makes room for the last one that passed there. The
//! stage is pinned, so nothing goes round in circles: the next move is a person's.

use std::collections::BTreeMap;

use super::Decided;
use super::block::GUARDED;
use super::decide::{first_timeline, verification};
use crate::model::{Environment, Name, Verdict};
use crate::plan::acts::{self, ActError, Named, Person};
use crate::plan::change::wave::Item;
use crate::plan::desk::Desk;
use crate::plan::gate::{Asked, Runs, is_sound};
use crate::plan::guard;
use crate::plan::report::{Change, ChangeKind, State, Subject};
use crate::plan::road::StageView;
use crate::plan::road::timeline::{Stay, Whose, came_by_rollback, gone_back};
use crate::plan::text::Trailer;

/// So many earlier sets are looked at.
const MOST_SETS: usize = 10;
/// Who takes it back, in records and holds.
const BY: &str = "headwater";
/// Reasons that stand against a promotion, but not against going back.
const NO_MATTER: [&str; 3] = ["ForgeUnknown", "Foreign", GUARDED];

/// The move back that a stage makes by itself now, if it does. Where it should and cannot, its report says so.
pub fn automatic(
    decided: &mut Decided<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> Option<Item> {
    let view = decided.view;
    let current = view.timeline.current()?;
    let shut = refused(decided, current, desk)?;
    let target = match last_good(view, road, current, desk) {
        Found::Asking => return None,
        Found::Nothing => {
            let why = format!("{shut}; no set that passed here before is left to go back to");
            tell(decided, why, None);
            return None;
        }
        Found::Stay(stay) => stay,
    };
    if let Some(why) = needs_a_person(view, desk) {
        let help = format!("headwater rollback {} --reason ...", view.key);
        tell(decided, format!("{shut}; {why}"), Some(help));
        return None;
    }
    let gone = super::words(&current.set, desk);
    let person = Person {
        by: BY.to_owned(),
        reason: format!("{gone} went back by itself: {shut}"),
    };
    let to = Named::Set(target.id.clone());
    let act = match acts::rollback(desk.obs, &view.key, &to, &person) {
        Ok(act) => act,
        Err(ActError::Asking(questions)) => {
            desk.questions.extend(questions);
            return None;
        }
        Err(error) => {
            let help = format!("headwater rollback {} --reason ...", view.key);
            tell(
                decided,
                format!("{shut}; it cannot go back by itself: {error}"),
                Some(help),
            );
            return None;
        }
    };
    let streams = act
        .edits
        .keys()
        .filter_map(|key| desk.docs.streams.get(key));
    let streams: Vec<_> = streams.map(|located| &located.path).collect();
    let mut files = act.files;
    files.retain(|path, _| !streams.contains(&path));
    let change = Change {
        kind: ChangeKind::Rollback,
        group: view.key.pipeline.to_string(),
        place: view.key.stage.to_string(),
        subject: String::from(view.key.clone()),
        old: Some(gone),
        new: Some(super::words(&target.set, desk)),
        why: Some(shut.clone()),
        delivery: String::new(),
        files: Vec::new(),
    };
    decided.report.state = State::Moving;
    decided.report.why = format!("goes back by itself: {shut}");
    decided.report.until = None;
    decided.report.help = None;
    Some(Item {
        subject: Subject::Stage(view.key.clone()),
        environments: view.environments.clone(),
        edits: act.edits,
        files,
        heads: act.heads,
        changes: vec![change],
        trailer: Some(Trailer {
            set: target.id,
            stage: view.key.clone(),
            from: Vec::new(),
        }),
    })
}

/// What refuses the current set, where the stage goes back by itself for it.
fn refused(decided: &Decided<'_>, current: &Stay, desk: &mut Desk<'_>) -> Option<String> {
    let view = decided.view;
    let within = view.stage.auto_rollback.as_ref()?.within;
    let blocks = &decided.decision.blocks;
    let stands = blocks.iter().any(|b| !NO_MATTER.contains(&b.reason));
    let came_back = current.whose == Whose::Back || came_by_rollback(&view.timeline);
    // A slip in a gate is no word on the set.
    let sound = view.stage.verify.iter().all(is_sound);
    if !sound || stands || came_back || decided.decision.request.is_some() {
        return None;
    }
    let mut verify = decided.report.verify.iter();
    let shut = verify.find(|c| matches!(c.verdict, Verdict::Refused { .. }))?;
    let until = within.after(current.since?);
    if desk.now() > until {
        return None;
    }
    desk.expires(until);
    Some(format!("{}: {}", shut.name, shut.verdict.why()))
}

enum Found {
    Stay(Box<Stay>),
    Nothing,
    Asking,
}

/// The last other set that passed here and was not taken back.
fn last_good(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    current: &Stay,
    desk: &mut Desk<'_>,
) -> Found {
    let gone = gone_back(&view.timeline);
    let mut seen = vec![&current.id];
    let asked_before = desk.questions.len();
    let mut found = None;
    for stay in view.timeline.stays.iter().rev() {
        if seen.contains(&&stay.id) || seen.len() > MOST_SETS {
            continue;
        }
        seen.push(&stay.id);
        if stay.confirmed && !gone.contains_key(&stay.id) && passed(stay, view, road, desk) {
            found = Some(stay);
            break;
        }
    }
    // While something is asked, a later one may still turn out to have passed.
    match (desk.questions.len() > asked_before, found) {
        (true, _) => Found::Asking,
        (false, Some(stay)) => Found::Stay(Box::new(stay.clone())),
        (false, None) => Found::Nothing,
    }
}

/// Whether a set passed this stage: everything said of it is well, or a later stage took it from here.
fn passed(
    stay: &Stay,
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> bool {
    let took = |later: &&&StageView<'_>| {
        let mut stays = later.timeline.stays_of(&stay.id).filter(|s| s.confirmed);
        stays.any(|s| {
            let record = s.record.iter();
            let mut from = record.flat_map(|r| &r.from);
            from.any(|from| from.stage == view.key.stage)
        })
    };
    if road.values().find(took).is_some() {
        return true;
    }
    let first = first_timeline(view, road);
    let asked = Asked {
        stage: &view.key,
        set: &stay.set,
        id: &stay.id,
        stays: &view.timeline,
        first: &first,
        runs: Runs::NobodyTells,
    };
    let conditions = verification(view, asked, desk);
    conditions.iter().all(|c| c.verdict.is_open())
}

/// Why somebody has to take it back: environments want approvals of a rollback, or the operator lets nobody push there.
fn needs_a_person(view: &StageView<'_>, desk: &Desk<'_>) -> Option<String> {
    let environments = view.environments.iter();
    let mut environments = environments.filter_map(|e| desk.docs.environments.get(e));
    environments.find_map(|located| of_environment(&located.value, desk))
}

fn of_environment(environment: &Environment, desk: &Desk<'_>) -> Option<String> {
    let name = environment.name();
    let wanted = environment.spec.rollback.approvals;
    if wanted > 0 {
        return Some(format!(
            "environment {name} wants {wanted} approvals of a rollback"
        ));
    }
    let fixed = guard::forbids_pushes(name, desk.guards())?;
    Some(format!("environment {name} is guarded ({fixed})"))
}

fn tell(decided: &mut Decided<'_>, why: String, help: Option<String>) {
    let report = &mut decided.report;
    report.state = State::Refused;
    report.why = why;
    report.until = None;
    report.help = help.or(report.help.take());
}
