//! People's acts as changes of files: rollback, promote, hold, unhold. Pure: from an observation to final texts; who
//! writes them, and where, is the command line's affair.

use std::collections::BTreeMap;

use super::candidates::from_sources;
use super::desk::Desk;
use super::files::{Files, NoText, apply};
use super::first::by_name;
use super::observation::Observation;
use super::outputs::{Stop, Templates, delta, wanted};
use super::propose::move_stage;
use super::question::Question;
use super::road::{Road, StageView, roads};
use super::survey::{Survey, applications, survey, uses};
use super::timeline::Stay;
use crate::manifests::edit::StreamEdit;
use crate::manifests::hold_text;
use crate::model::hold::{HoldCause, HoldSpec};
use crate::model::pipeline::ObjectMeta;
use crate::model::promotion::{Cause, FromStage, REQUEST, annotation};
use crate::model::time::stamp;
use crate::model::{Hold, Name, Promotion, RepoPath, Request, Set, SetId, StageKey, Timestamp};

/// A person's act, ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// Final texts; `None` deletes.
    pub files: Files,
    /// Message for its commit.
    pub message: String,
    /// The stage.
    pub stage: StageKey,
    /// Version and digest before.
    pub from: Option<String>,
    /// Version and digest after, where the act moves anything.
    pub to: Option<String>,
    /// What it skips, holds or lifts, in plain words.
    pub notes: Vec<String>,
    /// A pull request to open again, instead of any file.
    pub reopen: Option<String>,
}

/// Why an act cannot be done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ActError {
    /// Facts are lacking; ask and try again.
    #[error("facts are lacking")]
    Asking(Vec<Question>),
    /// It makes no sense, or is not allowed: what and what to do.
    #[error("{why}")]
    No {
        /// The reason.
        why: String,
        /// What to do instead.
        help: Option<String>,
    },
}

fn no<T>(why: impl Into<String>, help: Option<&str>) -> Result<T, ActError> {
    Err(ActError::No {
        why: why.into(),
        help: help.map(str::to_owned),
    })
}

/// How people name a set: `previous`, a version, a tag, or at least eight hex digits of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// The set before the present one.
    Previous,
    /// Anything else.
    Text(String),
}

/// Who acts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// E-mail address or login.
    pub by: String,
    /// The reason.
    pub reason: String,
}

struct Room<'a> {
    desk: Desk<'a>,
    roads: BTreeMap<Name, Road<'a>>,
}

impl<'a> Room<'a> {
    fn new(obs: &'a Observation) -> Self {
        let desk = Desk::new(obs);
        let roads = roads(&desk);
        Self { desk, roads }
    }

    fn view(&self, key: &StageKey) -> Result<StageView<'a>, ActError> {
        let Some(road) = self.roads.get(&key.pipeline) else {
            let known: Vec<&str> = self.roads.keys().map(Name::as_str).collect();
            return no(
                format!("there is no pipeline `{}`", key.pipeline),
                Some(&format!("there are {}", known.join(", "))),
            );
        };
        let known: Vec<String> = road.iter().map(|v| v.key.stage.to_string()).collect();
        match road.iter().find(|v| v.key == *key) {
            Some(view) => Ok(view.clone()),
            None => no(
                format!("pipeline {} has no stage `{}`", key.pipeline, key.stage),
                Some(&format!("it has {}", known.join(", "))),
            ),
        }
    }

    fn done<T>(&mut self, result: Result<T, ActError>) -> Result<T, ActError> {
        if self.desk.questions.is_empty() {
            result
        } else {
            Err(ActError::Asking(
                std::mem::take(&mut self.desk.questions)
                    .into_iter()
                    .collect(),
            ))
        }
    }
}

/// Going back: the move, its record and a Hold that pins the stage, as one change. Release tags stay where they are.
///
/// # Errors
/// When there is nothing to go back to, the set was never here, or facts are lacking.
pub fn rollback(
    obs: &Observation,
    key: &StageKey,
    to: &Named,
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = rollback_in(&mut room, &view, to, person);
    room.done(result)
}

fn rollback_in(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    to: &Named,
    person: &Person,
) -> Result<Act, ActError> {
    let Some(current) = view.timeline.current().cloned() else {
        return no(format!("{} holds nothing to go back from", view.key), None);
    };
    let before: Vec<&Stay> = view
        .timeline
        .stays
        .iter()
        .filter(|s| s.id != current.id)
        .collect();
    let target = match to {
        Named::Previous => match view.timeline.previous() {
            Some(stay) => stay.clone(),
            None => {
                return no(
                    format!("{} has held no other set", view.key),
                    Some("headwater history shows what it held"),
                );
            }
        },
        Named::Text(text) => pick(&before, text, &view.key, room)?,
    };
    let created = room.desk.stamp();
    let record = Promotion {
        asked_by: Some(person.by.clone()),
        cause: Cause::Rollback,
        evidence: Vec::new(),
        from: target
            .record
            .as_ref()
            .map(|r| r.from.clone())
            .unwrap_or_default(),
        pipeline: view.key.pipeline.clone(),
        set: target.id.clone(),
        stage: view.key.stage.clone(),
        v: 1,
    };
    let (edits, heads) = move_stage(view, &target.set, &record, created, false, &mut room.desk)
        .map_err(|hold| ActError::No {
            why: hold.why.clone(),
            help: hold.help.clone(),
        })?;
    let mut files = rendered(room, view, &heads)?;
    write(&edits, &mut files, &mut room.desk)?;
    let left = version(&current.set, room);
    let hold = HoldSpec {
        pipeline: view.key.pipeline.clone(),
        stages: vec![view.key.stage.clone()],
        set: None,
        digest: None,
        reason: person.reason.clone(),
        by: Some(person.by.clone()),
        cause: HoldCause::Rollback,
        lifted: false,
    };
    let name = format!(
        "{}-{}-{}",
        view.key.pipeline,
        view.key.stage,
        current.id.short()
    );
    add_hold(&name, hold, &mut files, &room.desk)?;
    let (from, to) = (words(&current.set, room), words(&target.set, room));
    let message = format!(
        "Roll {} back to {to}\n\n{}\n\nHeadwater-Set: {}\nHeadwater-Stage: {}\n",
        slashed(&view.key),
        one_line(&person.reason),
        target.id,
        slashed(&view.key)
    );
    let skipped: Vec<String> = view
        .enter
        .iter()
        .map(|g| g.rule.kind().to_owned())
        .chain((!view.approvals.is_empty()).then(|| "approval".to_owned()))
        .collect();
    let mut notes = Vec::new();
    if !skipped.is_empty() {
        notes.push(format!("skipped: {}", skipped.join(", ")));
    }
    notes.push(format!(
        "held: {} stays until `headwater unhold {}` ({left} does not come back by itself)",
        slashed(&view.key),
        slashed(&view.key)
    ));
    Ok(Act {
        files,
        message,
        stage: view.key.clone(),
        from: Some(from),
        to: Some(to),
        notes,
        reopen: None,
    })
}

/// Asks for a set: an annotation on the target's tag. It passes no gate unless `skip` names it.
///
/// # Errors
/// When the set never was in the source, or the stage's tag cannot carry a request yet.
pub fn promote(
    obs: &Observation,
    key: &StageKey,
    to: Option<&str>,
    skip: &[Name],
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = promote_in(&mut room, &view, to, skip, person);
    room.done(result)
}

fn promote_in(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    to: Option<&str>,
    skip: &[Name],
    person: &Person,
) -> Result<Act, ActError> {
    if view.is_first() {
        return no(
            format!("{} takes what the registry offers", view.key),
            Some("promote a later stage, or tag another image"),
        );
    }
    let roads = room.roads.clone();
    let Some(road) = roads.get(&view.key.pipeline) else {
        return no("the pipeline is gone", None);
    };
    let candidates = from_sources(view, &by_name(road));
    let wanted: Set = match to {
        None => match candidates.last() {
            Some(newest) => newest.set.clone(),
            None => {
                return no(
                    format!("nothing has been where {} takes its sets from", view.key),
                    None,
                );
            }
        },
        Some(text) => {
            let sets: Vec<&Set> = candidates.iter().map(|c| &c.set).collect();
            pick_set(&sets, text, &view.key, room)?
        }
    };
    if view.timeline.current().is_some_and(|c| c.id == wanted.id()) {
        return no(format!("{} holds that set already", view.key), None);
    }
    let request = Request {
        by: person.by.clone(),
        reason: one_line(&person.reason),
        set: wanted.id(),
        skip: skip.to_vec(),
    };
    let text = annotation(&request);
    let mut edits = BTreeMap::new();
    for stream in view.streams.iter().take(1) {
        let annotations = BTreeMap::from([(REQUEST.to_owned(), Some(text.clone()))]);
        let edit = StreamEdit::SetTag {
            name: view.tag().to_owned(),
            from: None,
            annotations,
            reference: None,
            import_policy: None,
            reference_policy: None,
        };
        edits.insert(stream.clone(), vec![edit]);
    }
    let mut files = Files::new();
    write(&edits, &mut files, &mut room.desk)?;
    let (from, to) = (
        view.timeline
            .current()
            .map(|s| s.set.clone())
            .map(|s| words(&s, room)),
        words(&wanted, room),
    );
    let message = format!(
        "Ask for {to} in {}\n\n{}\n",
        slashed(&view.key),
        one_line(&person.reason)
    );
    let notes = if skip.is_empty() {
        vec!["it passes no gate; the next pass promotes it when all are open".to_owned()]
    } else {
        vec![format!(
            "asks to skip: {}",
            skip.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")
        )]
    };
    Ok(Act {
        files,
        message,
        stage: view.key.clone(),
        from,
        to: Some(to),
        notes,
        reopen: None,
    })
}

/// Stops a stage, or keeps one set out of it.
///
/// # Errors
/// When the stage or the set is not known.
pub fn hold(
    obs: &Observation,
    key: &StageKey,
    set: Option<&str>,
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = hold_in(&mut room, &view, set, person);
    room.done(result)
}

fn hold_in(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    set: Option<&str>,
    person: &Person,
) -> Result<Act, ActError> {
    let held: Option<Set> = match set {
        None => None,
        Some(text) => Some(pick_set(
            &known_sets(room, view).iter().collect::<Vec<_>>(),
            text,
            &view.key,
            room,
        )?),
    };
    let id: Option<SetId> = held.as_ref().map(Set::id);
    let tail = id
        .as_ref()
        .map_or_else(String::new, |id| format!("-{}", id.short()));
    let spec = HoldSpec {
        pipeline: view.key.pipeline.clone(),
        stages: vec![view.key.stage.clone()],
        set: id,
        digest: None,
        reason: person.reason.clone(),
        by: Some(person.by.clone()),
        cause: HoldCause::Person,
        lifted: false,
    };
    let mut files = Files::new();
    add_hold(
        &format!("{}-{}{tail}", view.key.pipeline, view.key.stage),
        spec,
        &mut files,
        &room.desk,
    )?;
    let what = held.map_or_else(|| "the stage".to_owned(), |s| words(&s, room));
    let message = format!(
        "Hold {}: {what}\n\n{}\n",
        slashed(&view.key),
        one_line(&person.reason)
    );
    let notes = vec![format!(
        "held: {what} in {} until `headwater unhold {}`",
        slashed(&view.key),
        slashed(&view.key)
    )];
    Ok(Act {
        files,
        message,
        stage: view.key.clone(),
        from: None,
        to: None,
        notes,
        reopen: None,
    })
}

/// Lifts what holds a stage: Hold files are deleted, a revert gets a file that says so, a closed pull request is opened
/// again, outputs changed by hand are rendered again.
///
/// # Errors
/// When nothing holds it.
pub fn unhold(
    obs: &Observation,
    key: &StageKey,
    set: Option<&str>,
    person: &Person,
) -> Result<Act, ActError> {
    let mut room = Room::new(obs);
    let view = room.view(key)?;
    let result = unhold_in(&mut room, &view, set, person);
    room.done(result)
}

fn unhold_in(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    set: Option<&str>,
    person: &Person,
) -> Result<Act, ActError> {
    let only: Option<SetId> = match set {
        None => None,
        Some(text) => Some(
            pick_set(
                &known_sets(room, view).iter().collect::<Vec<_>>(),
                text,
                &view.key,
                room,
            )?
            .id(),
        ),
    };
    let mut files = Files::new();
    let mut notes = Vec::new();
    for (path, hold) in &room.desk.docs.holds {
        let spec = &hold.value.spec;
        let here = spec.pipeline == view.key.pipeline
            && spec.stages == [view.key.stage.clone()]
            && !spec.lifted;
        if here && (only.is_none() || spec.set == only) {
            files.insert(path.clone(), None);
            notes.push(format!("lifted: {} ({})", path, spec.reason));
        }
    }
    for (id, commit) in view.timeline.reverted.clone() {
        if only.as_ref().is_some_and(|o| *o != id) || is_lifted(view, &id, &room.desk) {
            continue;
        }
        let spec = HoldSpec {
            pipeline: view.key.pipeline.clone(),
            stages: vec![view.key.stage.clone()],
            set: Some(id.clone()),
            digest: None,
            reason: person.reason.clone(),
            by: Some(person.by.clone()),
            cause: HoldCause::Revert,
            lifted: true,
        };
        add_hold(
            &format!(
                "{}-{}-{}-lifted",
                view.key.pipeline,
                view.key.stage,
                id.short()
            ),
            spec,
            &mut files,
            &room.desk,
        )?;
        notes.push(format!("lifted: the revert {}", commit.short()));
    }
    restore_hand_edits(room, view, &mut files, &mut notes)?;
    let closed = super::candidates::pulls_of(view, &room.desk)
        .find(|(id, p)| {
            p.state == super::pull::PullState::Closed
                && !p.marker.superseded
                && only.as_ref().is_none_or(|o| o == id)
        })
        .map(|(_, p)| p.id.clone());
    if files.is_empty() && closed.is_none() {
        return no(
            format!("nothing holds {}", view.key),
            Some(&format!("headwater why {}", slashed(&view.key))),
        );
    }
    notes.extend(
        closed
            .iter()
            .map(|id| format!("reopened: pull request {id}")),
    );
    let message = format!(
        "Lift the hold of {}\n\n{}\n",
        slashed(&view.key),
        one_line(&person.reason)
    );
    Ok(Act {
        files,
        message,
        stage: view.key.clone(),
        from: None,
        to: None,
        notes,
        reopen: closed,
    })
}

fn is_lifted(view: &StageView<'_>, id: &SetId, desk: &Desk<'_>) -> bool {
    desk.docs.holds.values().map(|h| &h.value.spec).any(|s| {
        s.lifted
            && s.pipeline == view.key.pipeline
            && s.stages.contains(&view.key.stage)
            && s.set.as_ref() == Some(id)
    })
}

fn restore_hand_edits(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    files: &mut Files,
    notes: &mut Vec<String>,
) -> Result<(), ActError> {
    let roads = room.roads.clone();
    let survey = survey(&roads, &mut Templates::default(), &mut room.desk);
    let Some((path, _)) = survey.hand_edits.get(&view.key) else {
        return Ok(());
    };
    notes.push(format!("rendered again: {path}"));
    let left: Vec<_> = survey
        .left_alone
        .iter()
        .filter_map(|place| survey.places.get(place))
        .filter(|s| uses(s, view))
        .collect();
    for (_, delta) in left.iter().filter_map(|s| s.result.as_ref().ok()) {
        files.extend(delta.files.clone());
    }
    Ok(())
}

/// Outputs of a stage's environments with its tags put elsewhere.
fn rendered(
    room: &mut Room<'_>,
    view: &StageView<'_>,
    heads: &BTreeMap<crate::model::TagKey, crate::model::PinnedImage>,
) -> Result<Files, ActError> {
    let mut templates = Templates::default();
    let roads = room.roads.clone();
    let survey: Survey = survey(&roads, &mut templates, &mut room.desk);
    let mut all = survey.heads.clone();
    all.extend(heads.clone());
    let mut files = Files::new();
    for (environment, application) in applications(&room.desk) {
        let place = (environment.name().clone(), application.name.to_string());
        let used = survey.places.get(&place).is_some_and(|s| uses(s, view));
        if !used || !view.environments.contains(environment.name()) {
            continue;
        }
        let (result, _) = wanted(
            environment,
            application,
            &all,
            &mut templates,
            &mut room.desk,
        );
        match result.and_then(|w| delta(environment, &place.1, &w, &mut room.desk)) {
            Ok(delta) => files.extend(delta.files),
            Err(Stop::Asking) => {}
            Err(Stop::NotYet(why)) => return no(why, None),
            Err(Stop::Unfinished(what)) => {
                return no(format!("{what} is not carried out by this version"), None);
            }
            Err(Stop::Broken { why, help }) => return Err(ActError::No { why, help }),
        }
    }
    Ok(files)
}

fn write(
    edits: &BTreeMap<crate::model::StreamKey, Vec<StreamEdit>>,
    files: &mut Files,
    desk: &mut Desk<'_>,
) -> Result<(), ActError> {
    match apply(edits, files, desk) {
        Ok(()) | Err(NoText::Asking) => Ok(()),
        Err(NoText::Unreadable(path)) => no(format!("{path} cannot be read as text"), None),
        Err(NoText::Refused(refused)) => no(
            format!("{}: {}", refused.path, refused.why),
            Some(&refused.smallest_change),
        ),
    }
}

fn add_hold(
    name: &str,
    spec: HoldSpec,
    files: &mut Files,
    desk: &Desk<'_>,
) -> Result<(), ActError> {
    let name: String = name.chars().take(63).collect();
    let name: Name = name
        .trim_end_matches(['-', '.'])
        .parse()
        .map_err(|e| ActError::No {
            why: format!("{e}"),
            help: None,
        })?;
    let path: RepoPath = desk
        .docs
        .config
        .spec
        .paths
        .holds
        .join(&format!("{name}.yaml"))
        .map_err(|e| ActError::No {
            why: e.to_string(),
            help: None,
        })?;
    let metadata = ObjectMeta {
        name,
        namespace: None,
        labels: serde_json::Value::Null,
        annotations: serde_json::Value::Null,
    };
    files.insert(path, Some(hold_text(&Hold { metadata, spec })));
    Ok(())
}

/// Every set a stage has to do with: those it held and those of its sources.
fn known_sets(room: &Room<'_>, view: &StageView<'_>) -> Vec<Set> {
    let mut sets: Vec<Set> = view.timeline.stays.iter().map(|s| s.set.clone()).collect();
    if let Some(road) = room.roads.get(&view.key.pipeline) {
        sets.extend(
            from_sources(view, &by_name(road))
                .into_iter()
                .map(|c| c.set),
        );
    }
    sets.sort();
    sets.dedup();
    sets
}

fn pick(
    stays: &[&Stay],
    text: &str,
    key: &StageKey,
    room: &mut Room<'_>,
) -> Result<Stay, ActError> {
    let sets: Vec<&Set> = stays.iter().map(|s| &s.set).collect();
    let set = pick_set(&sets, text, key, room)?;
    match stays.iter().rev().find(|s| s.set == set) {
        Some(stay) => Ok((*stay).clone()),
        None => no(format!("{key} never held that set"), None),
    }
}

/// The one set that a word names; several are listed.
fn pick_set(
    sets: &[&Set],
    text: &str,
    key: &StageKey,
    room: &mut Room<'_>,
) -> Result<Set, ActError> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let hex = digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let mut found: Vec<Set> = Vec::new();
    for set in sets {
        let by_digest = hex
            && (set.members().any(|(_, d)| d.hex().starts_with(digits))
                || set.id().as_str().starts_with(digits));
        if (by_digest || version(set, room) == text) && !found.contains(set) {
            found.push((*set).clone());
        }
    }
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => {
            let mut known: Vec<String> = sets.iter().map(|s| words(s, room)).collect();
            known.dedup();
            no(
                format!("no set of {key} is named `{text}`"),
                Some(&format!("known are {}", known.join(", "))),
            )
        }
        _ => {
            let list: Vec<String> = found.iter().map(|s| words(s, room)).collect();
            no(
                format!("`{text}` names several sets"),
                Some(&format!("name one by digest: {}", list.join(", "))),
            )
        }
    }
}

fn version(set: &Set, room: &mut Room<'_>) -> String {
    room.desk.version_of_set(set)
}

fn words(set: &Set, room: &mut Room<'_>) -> String {
    let version = room.desk.version_of_set(set);
    let digests: Vec<&str> = set.members().map(|(_, d)| d.short()).collect();
    format!("{version} ({})", digests.join("+"))
}

fn slashed(key: &StageKey) -> String {
    String::from(key.clone())
}

/// A person's words as one line, so that they cannot be read as trailers.
fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(500)
        .collect()
}

/// The instants at which a stay began, for messages.
pub fn since(stay: &Stay) -> String {
    stay.since
        .map_or_else(|| "an unknown time".to_owned(), |at: Timestamp| stamp(at))
}

/// Where a set came from, for records written by acts.
pub fn origin(stay: &Stay) -> Vec<FromStage> {
    stay.record
        .as_ref()
        .map(|r| r.from.clone())
        .unwrap_or_default()
}
