//! What an open pull request lacks beside its content: labels, people who are asked to review it, notes. Each is given once:
//! what somebody took away stays away, and what the forge refuses hinders nothing else.

use std::collections::BTreeSet;

use crate::model::Approvals;
use crate::plan::desk::Desk;
use crate::plan::effect::{Effect, Note, PullRequestText, Tending};
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::refusal::{self, ask_id, label_id, note_id};
use crate::plan::report::{Change, ChangeKind, Subject};
use crate::plan::text::code_span;

/// What an open pull request is to have.
pub struct Wanted<'w> {
    /// What it is about.
    pub subject: Subject,
    /// The same for people: pipeline or environment.
    pub group: &'w str,
    /// And the stage or environment.
    pub place: &'w str,
    /// Labels.
    pub labels: &'w [String],
    /// Rules that are not fulfilled: whom they name is asked.
    pub rules: Vec<&'w Approvals>,
    /// Who asked for it: whose approval would not count is not asked.
    pub asked_by: Vec<&'w str>,
    /// Notes to people.
    pub notes: Vec<Note>,
}

/// Gives it what it lacks. Where the forge does not tell what was done before, nothing is.
pub fn tend(
    wanted: Wanted<'_>,
    pull: &PullRequestFacts,
    desk: &mut Desk<'_>,
    changes: &mut Vec<Change>,
    effects: &mut Vec<Effect>,
) {
    if pull.unmarked {
        let (change, effect) = mark_again(&wanted, pull);
        changes.push(change);
        effects.push(effect);
    }
    let Some(past) = &pull.past else {
        return;
    };
    let mut given = BTreeSet::new();
    let mut fresh = |name: &str, known: &BTreeSet<String>| {
        let name = name.to_lowercase();
        !known.contains(&name) && given.insert(name)
    };
    let labels = wanted.labels.iter();
    let labels: Vec<String> = labels
        .filter(|label| fresh(label, &past.labels))
        .cloned()
        .collect();
    let people = wanted.rules.iter().flat_map(|rule| &rule.from);
    let barred = |who: &str| {
        let facts = &desk.obs.facts;
        let barred = |by| crate::plan::gate::barred(who, pull, by, facts).is_some();
        barred(None) || wanted.asked_by.iter().any(|by| barred(Some(by)))
    };
    let ask: Vec<String> = people
        .filter(|who| who.starts_with('@') && !barred(who) && fresh(who, &past.informed))
        .cloned()
        .collect();
    let notes = wanted.notes.iter();
    let notes: Vec<Note> = notes
        .filter(|note| !past.notes.contains(&note.key))
        .cloned()
        .collect();
    let subject = &wanted.subject;
    let mut may = |id: String, words: String| !is_refused(&id, &words, subject, pull, desk);
    let tending = Tending {
        labels: retained(labels, |l| {
            may(label_id(&pull.id, l), format!("the label `{l}`"))
        }),
        ask: retained(ask, |w| {
            may(ask_id(&pull.id, w), format!("a review by {w}"))
        }),
        notes: retained(notes, |n| {
            may(note_id(&pull.id, &n.key), format!("a note ({})", n.key))
        }),
    };
    if tending == Tending::default() {
        return;
    }
    let subject = words(&tending, pull);
    changes.push(told(&wanted, subject, pull));
    let id = pull.id.clone();
    effects.push(Effect::TendPullRequest { id, tending });
}

/// What people are told below a pull request that is left alone, once.
pub fn left_alone(why: &str) -> Note {
    Note {
        key: "foreign".to_owned(),
        text: format!(
            "headwater leaves this pull request alone, because it is not what headwater made of it any more: {}. It is \
             neither brought up to date nor merged by headwater. Put it back as it was, or merge or close it yourself; \
             the comment `/headwater rebuild` by somebody who may write has its branch made anew and drops what others pushed.",
            code_span(why)
        ),
    }
}

/// Puts our line back into a text that somebody edited; all else in it stays.
fn mark_again(wanted: &Wanted<'_>, pull: &PullRequestFacts) -> (Change, Effect) {
    let body = format!("{}\n{}", pull.marker.to_line(), pull.body);
    let subject = format!("Mark pull request {} again", pull.id);
    let effect = Effect::UpdatePullRequest {
        id: pull.id.clone(),
        branch: pull.branch.clone(),
        expect: pull.head.clone(),
        rebuild: None,
        text: Some(PullRequestText {
            title: pull.title.clone(),
            body,
            labels: pull.labels.clone(),
            marker: pull.marker.clone(),
        }),
    };
    (told(wanted, subject, pull), effect)
}

pub(super) fn told(wanted: &Wanted<'_>, subject: String, pull: &PullRequestFacts) -> Change {
    Change {
        kind: ChangeKind::Update,
        group: wanted.group.to_owned(),
        place: wanted.place.to_owned(),
        subject,
        old: None,
        new: None,
        why: None,
        delivery: format!("pull request {}", pull.id),
        files: Vec::new(),
    }
}

fn retained<T>(mut all: Vec<T>, may: impl FnMut(&T) -> bool) -> Vec<T> {
    let mut may = may;
    all.retain(|one| may(one));
    all
}

/// Whether the forge refused it and its next try has not come, which is told.
fn is_refused(
    id: &str,
    words: &str,
    subject: &Subject,
    pull: &PullRequestFacts,
    desk: &mut Desk<'_>,
) -> bool {
    let Some(mut hold) = refusal::hold(id, subject, desk) else {
        return false;
    };
    let refused = &desk.obs.facts.refused[id];
    "Untended".clone_into(&mut hold.reason);
    hold.why = format!(
        "pull request {} goes on without {words}: {} (refused {} times since {})",
        pull.id, refused.why, refused.times, refused.since
    );
    hold.help = Some("mend the name, or what it or the token may do there".to_owned());
    desk.holds.push(hold);
    true
}

fn words(tending: &Tending, pull: &PullRequestFacts) -> String {
    let mut parts = Vec::new();
    if !tending.labels.is_empty() {
        parts.push(format!("label it {}", tending.labels.join(", ")));
    }
    if !tending.ask.is_empty() {
        parts.push(format!("ask {} to review it", tending.ask.join(", ")));
    }
    if !tending.notes.is_empty() {
        parts.push("leave a note".to_owned());
    }
    format!("Tend to pull request {}: {}", pull.id, parts.join("; "))
}
