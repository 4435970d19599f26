//! Drift of environments that take pull requests: outputs that differ for another reason than a promotion share one
//! pull request per environment.

use std::collections::BTreeSet;

use crate::model::environment::Merger;
use crate::model::object::hash8;
use crate::model::{Approvals, CommitState, Delivery, Environment, Name, TagKey};
use crate::plan::change::files::Files;
use crate::plan::desk::Desk;
use crate::plan::effect::{CommitContent, Effect, Note, PullRequestText, Rebuild};
use crate::plan::facts::marker::Subject as Carries;
use crate::plan::facts::marker::{END, Marker};
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::gate::approvals;
use crate::plan::output::Stop;
use crate::plan::output::survey::{Place, Survey};
use crate::plan::pull::closing::closing;
use crate::plan::pull::command::{answer, command, is_rebuild};
use crate::plan::pull::life::{next_branch, still_merges};
use crate::plan::pull::queue::{Landing, Mark, NOT_SO, adding, is_queued, landing};
use crate::plan::pull::status::{self, Standing};
use crate::plan::pull::tend::{Wanted, left_alone, tend};
use crate::plan::report::{Change, ChangeKind, HoldReport, State, Subject};
use crate::plan::road::{environment_approvals, environment_delivery};
use crate::plan::text::file_list;

/// Images named in a text.
const MOST_LOOSE: usize = 20;

/// What this pass does about drift.
#[derive(Default)]
pub struct Outcome {
    /// Effects.
    pub effects: Vec<Effect>,
    /// For people.
    pub changes: Vec<Change>,
    /// What was said of heads, for the groups of a merge queue.
    pub marks: Vec<Mark>,
}

/// Looks at every environment that takes pull requests. `claimed` applications wait for their own pull request.
pub fn environments(survey: &Survey, claimed: &BTreeSet<Place>, desk: &mut Desk<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let docs = desk.docs;
    for (name, environment) in &docs.environments {
        if docs.broken_environments.contains_key(name)
            || environment_delivery(&environment.value, desk) != Delivery::PullRequest
        {
            continue;
        }
        if desk.obs.facts.pulls.is_none() {
            continue;
        }
        let differing = differing(name, survey, claimed);
        one(&environment.value, differing, desk, &mut outcome);
    }
    outcome
}

/// Names every application that cannot be rendered, except for reasons that heal by themselves.
pub fn report_stops(survey: &Survey, desk: &mut Desk<'_>) {
    for ((environment, application), surveyed) in &survey.places {
        let subject = Subject::Application {
            environment: environment.clone(),
            application: application.clone(),
        };
        let report = match &surveyed.result {
            Err(Stop::Broken { why, help }) => HoldReport {
                subject,
                reason: "Template".to_owned(),
                why: why.clone(),
                until: None,
                help: help.clone(),
                state: State::Broken,
            },
            Err(Stop::Unfinished(what)) => HoldReport {
                subject,
                reason: "NotYet".to_owned(),
                why: format!("NotYet: {what} is understood but not carried out by this version"),
                until: None,
                help: None,
                state: State::Held,
            },
            _ => continue,
        };
        desk.holds.push(report);
    }
}

/// What an environment's outputs lack.
#[derive(Default)]
struct Differing {
    files: Files,
    /// Tags among what they use that come by no stage.
    loose: BTreeSet<TagKey>,
    /// Whether something differs that may not come in now.
    frozen: bool,
}

fn differing(environment: &Name, survey: &Survey, claimed: &BTreeSet<Place>) -> Differing {
    let mut differing = Differing::default();
    for (place, surveyed) in &survey.places {
        let waits = claimed.contains(place) || survey.left_alone.contains(place);
        let delta = surveyed.result.as_ref().ok();
        let delta = delta.filter(|d| place.0 == *environment && !waits && !d.files.is_empty());
        if delta.is_some() && survey.frozen.contains_key(place) {
            differing.frozen = true;
        } else if let Some(delta) = delta {
            differing.files.extend(delta.files.clone());
            let loose = survey.loose.get(place).into_iter().flatten();
            differing.loose.extend(loose.cloned());
        }
    }
    differing
}

/// First eight hex digits over the sorted path and content pairs.
fn change_id(files: &Files) -> String {
    let lines: Vec<String> = files
        .iter()
        .map(|(path, text)| format!("{path}\0{}\0", text.as_deref().unwrap_or("\0")))
        .collect();
    hash8(&lines.concat())
}

fn one(
    environment: &Environment,
    differing: Differing,
    desk: &mut Desk<'_>,
    outcome: &mut Outcome,
) {
    let files = &differing.files;
    let name = environment.name();
    let pulls: Vec<(&String, &PullRequestFacts)> = desk
        .obs
        .facts
        .pulls
        .iter()
        .flatten()
        .filter_map(|p| match &p.marker.subject {
            Carries::Environment {
                environment,
                change,
            } if environment == name.as_str() => Some((change, p)),
            _ => None,
        })
        .collect();
    let open = pulls
        .iter()
        .find(|(_, p)| p.state == PullState::Open)
        .copied();
    let id = change_id(files);
    match open {
        None if files.is_empty() => {}
        None => {
            if let Some((_, closed)) = pulls
                .iter()
                .find(|(c, p)| **c == id && p.state == PullState::Closed && !p.marker.superseded)
            {
                let why = format!(
                    "pull request {} with this very change was closed",
                    closed.id
                );
                let hold = desk.hold(
                    Subject::Environment(name.clone()),
                    State::Held,
                    "Closed",
                    why,
                );
                hold.help = Some("reopen it, or change the template again".to_owned());
                return;
            }
            open_new(environment, differing, &id, desk, outcome);
        }
        // It stays open with what people said of it, and nobody is told that it may be merged.
        Some((_, pull)) if differing.frozen => {
            mark(
                name,
                CommitState::Pending,
                "waits for the end of a freeze",
                pull,
                outcome,
            );
        }
        Some((_, pull)) if files.is_empty() => {
            let (change, effect) = closing(
                name.as_str(),
                name.as_str(),
                pull,
                "nothing differs any more",
            );
            outcome.changes.push(change);
            outcome.effects.push(effect);
        }
        Some((_, pull)) => keep(environment, differing, &id, pull, desk, outcome),
    }
}

fn open_new(
    environment: &Environment,
    differing: Differing,
    id: &str,
    desk: &Desk<'_>,
    outcome: &mut Outcome,
) {
    let name = environment.name();
    let branch = next_branch(&format!("headwater/env/{name}/{id}"), desk);
    let text = text(environment, &differing, id, desk);
    let files = differing.files;
    outcome
        .changes
        .push(told(name, ChangeKind::Open, &files, "pull request"));
    outcome.effects.push(Effect::OpenPullRequest {
        branch: branch.name,
        expect: branch.expect,
        start: desk.obs.snapshot.commit.clone(),
        commit: commit(&text, files),
        text,
    });
}

fn keep(
    environment: &Environment,
    differing: Differing,
    id: &str,
    pull: &PullRequestFacts,
    desk: &mut Desk<'_>,
    outcome: &mut Outcome,
) {
    let files = &differing.files;
    let name = environment.name();
    let command = command(pull).cloned();
    let rebuild = command.as_ref().is_some_and(is_rebuild);
    if let Some(other) = command.as_ref().filter(|command| !is_rebuild(command)) {
        let note = Some(answer(other, None));
        care(name, &[], Vec::new(), note, pull, desk, outcome);
    }
    if !rebuild && let Some(foreign) = pull.branch_facts.as_ref().and_then(|b| b.foreign.clone()) {
        let why = format!("pull request {} is left alone: {foreign}", pull.id);
        desk.hold(
            Subject::Environment(name.clone()),
            State::Held,
            "Foreign",
            why,
        );
        let words = "holds changes that are not headwater's, and is left alone";
        mark(name, CommitState::Failure, words, pull, outcome);
        let note = left_alone(&foreign);
        care(name, &[], Vec::new(), Some(note), pull, desk, outcome);
        return;
    }
    if !rebuild && is_queued(pull) && !still_merges(pull, files) {
        mark(name, CommitState::Failure, NOT_SO, pull, outcome);
        return;
    }
    if rebuild || !still_merges(pull, files) {
        make_anew(environment, differing, id, pull, desk, outcome);
        if let Some(command) = command.filter(is_rebuild) {
            let note = Some(answer(&command, None));
            care(name, &[], Vec::new(), note, pull, desk, outcome);
        }
        return;
    }
    let facts = &desk.obs.facts;
    let rules = environment_approvals(environment, desk);
    let rules = rules.iter().map(|ruled| &ruled.rule);
    let shut = rules.filter(|rule| !approvals(rule, pull, None, facts).is_open());
    let rules: Vec<&Approvals> = shut.collect();
    let approved = rules.is_empty();
    let (state, words) = match approved {
        true => (CommitState::Success, "every condition holds"),
        false => (CommitState::Pending, "waits for approval"),
    };
    let labels = &environment.spec.pull_request.labels;
    care(name, labels, rules, None, pull, desk, outcome);
    mark(name, state, words, pull, outcome);
    if approved {
        land(environment, files, pull, desk, outcome);
    }
}

/// Merges it, or has the base's queue merge it, unless that is for a person to do.
fn land(
    environment: &Environment,
    files: &Files,
    pull: &PullRequestFacts,
    desk: &mut Desk<'_>,
    outcome: &mut Outcome,
) {
    let name = environment.name();
    let landing = landing(pull, Subject::Environment(name.clone()));
    if let Landing::ThrownOut(hold) = landing {
        desk.holds.push(*hold);
        return;
    }
    let adds = matches!(landing, Landing::Add);
    let waits = matches!(landing, Landing::Under(_));
    if !waits && environment.spec.pull_request.merge == Merger::Bot {
        outcome.changes.push(told(
            name,
            ChangeKind::Merge,
            files,
            &format!("pull request {}", pull.id),
        ));
        outcome.effects.push(match adds {
            true => adding(pull),
            false => Effect::MergePullRequest {
                id: pull.id.clone(),
                branch: pull.branch.clone(),
                head: pull.head.clone(),
                expect_base: desk.obs.snapshot.commit.clone(),
                message: format!(
                    "{}\n\nHeadwater-Base: {}\n",
                    pull.title, desk.obs.snapshot.commit
                ),
            },
        });
    }
}

/// The same pull request with the change as it is now.
fn make_anew(
    environment: &Environment,
    differing: Differing,
    id: &str,
    pull: &PullRequestFacts,
    desk: &Desk<'_>,
    outcome: &mut Outcome,
) {
    let name = environment.name();
    let mut text = text(environment, &differing, id, desk);
    let files = differing.files;
    text.body = Marker::keeping(text.body, &pull.body);
    outcome.changes.push(told(
        name,
        ChangeKind::Update,
        &files,
        &format!("pull request {}", pull.id),
    ));
    outcome.effects.push(Effect::UpdatePullRequest {
        id: pull.id.clone(),
        branch: pull.branch.clone(),
        expect: pull.head.clone(),
        rebuild: Some(Rebuild {
            start: desk.obs.snapshot.commit.clone(),
            commit: commit(&text, files),
        }),
        text: Some(text),
    });
}

/// Labels, people to ask and notes.
fn care(
    name: &Name,
    labels: &[String],
    rules: Vec<&Approvals>,
    note: Option<Note>,
    pull: &PullRequestFacts,
    desk: &mut Desk<'_>,
    outcome: &mut Outcome,
) {
    let wanted = Wanted {
        subject: Subject::Environment(name.clone()),
        group: name.as_str(),
        place: name.as_str(),
        labels,
        rules,
        asked_by: Vec::new(),
        notes: note.into_iter().collect(),
    };
    tend(
        wanted,
        pull,
        desk,
        &mut outcome.changes,
        &mut outcome.effects,
    );
}

/// Shows beside the head what may become of it.
fn mark(
    name: &Name,
    state: CommitState,
    words: &str,
    pull: &PullRequestFacts,
    outcome: &mut Outcome,
) {
    let standing = Standing {
        group: name.as_str(),
        places: vec![name.as_str()],
        state,
        words: words.to_owned(),
    };
    status::set(
        &standing,
        pull,
        &mut outcome.changes,
        &mut outcome.effects,
        &mut outcome.marks,
    );
}

fn commit(text: &PullRequestText, files: Files) -> CommitContent {
    CommitContent {
        message: format!("{}\n", text.title),
        files,
    }
}

fn text(
    environment: &Environment,
    differing: &Differing,
    id: &str,
    desk: &Desk<'_>,
) -> PullRequestText {
    let name = environment.name();
    let subject = Carries::Environment {
        environment: name.to_string(),
        change: id.to_owned(),
    };
    let marker = Marker::of(subject);
    let list: Vec<String> = differing.files.keys().map(ToString::to_string).collect();
    let body = format!(
        "{}\n\nThe manifests of **{name}** are not what its templates and values give. This change puts them right; no image of a stage moves.{}\n\n**Changes**\n{}\n\n\
         **If you do not want it,** close it: this very change is not proposed again.\n{END}\n",
        marker.to_line(),
        loose_images(&differing.loose, desk),
        file_list(&list)
    );
    PullRequestText {
        title: format!("Render {name}"),
        body,
        labels: environment.spec.pull_request.labels.clone(),
        marker,
    }
}

/// Images that a reviewer alone looks at: no stage brings them, and so no gate was asked.
fn loose_images(tags: &BTreeSet<TagKey>, desk: &Desk<'_>) -> String {
    let line = |tag: &TagKey| {
        let image = desk.head(&tag.stream, &tag.tag);
        let digest = image.map_or_else(String::new, |i| format!(" `{}`", i.digest));
        format!("\n- `{}:{}`{digest}", tag.stream.name, tag.tag)
    };
    let lines: String = tags.iter().take(MOST_LOOSE).map(line).collect();
    let more = match tags.len().saturating_sub(MOST_LOOSE) {
        0 => String::new(),
        more => format!("\n- and {more} more"),
    };
    match tags.is_empty() {
        true => String::new(),
        false => format!(
            "\n\n**Images that come by no stage,** so that no gate was asked for them; the manifests will have\n{lines}{more}"
        ),
    }
}

fn told(environment: &Name, kind: ChangeKind, files: &Files, how: &str) -> Change {
    let verb = match kind {
        ChangeKind::Merge => "Merge",
        ChangeKind::Update => "Update",
        _ => "Open",
    };
    Change {
        kind,
        group: environment.to_string(),
        place: environment.to_string(),
        subject: format!("{verb} {how} with rendered manifests"),
        old: None,
        new: None,
        why: None,
        delivery: how.to_owned(),
        files: files.keys().cloned().collect(),
    }
}
