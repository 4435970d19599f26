//! What people ask us for below a pull request of ours: by a comment (`/headwater rebuild`, `/headwater hold REASON`), or by a
//! box in its text that they tick. Each is done once and answered once; then the box is empty again.

use super::flow::{Flow, Outcome};
use super::tend::{Wanted, told};
use crate::model::{Delivery, StageKey, tick_box};
use crate::plan::acts::{self, ActError, Person};
use crate::plan::change::wave::Item;
use crate::plan::desk::Desk;
use crate::plan::effect::{Effect, Note, PullRequestText};
use crate::plan::facts::pull::{CommandFacts, PullRequestFacts};
use crate::plan::report::{Change, ChangeKind, Subject};
use crate::plan::road::candidates::stage_hold;
use crate::plan::text::code_span;

/// The word of a command that has a branch made anew.
const REBUILD: &str = "rebuild";
/// The word of one that holds the stage.
const HOLD: &str = "hold";
/// So many stages get a box of their own.
const MOST_HOLDS: usize = 20;

/// What people ask for, and nobody has answered.
pub fn commands(pull: &PullRequestFacts) -> &[CommandFacts] {
    let past = pull.past.as_ref();
    past.map_or(&[], |past| past.commands.as_slice())
}

/// The first of it.
pub fn command(pull: &PullRequestFacts) -> Option<&CommandFacts> {
    commands(pull).first()
}

/// What is answered in this pass.
#[derive(Default)]
pub struct Answers {
    /// The answers.
    pub notes: Vec<Note>,
    /// Whether something is not done yet, and answered later.
    pub pending: bool,
}

impl Answers {
    /// Answers what is done, or never will be; each thing once.
    pub fn say(&mut self, command: &CommandFacts, said: Option<String>) {
        if self.notes.iter().all(|note| note.key != command.key) {
            self.notes.push(answer(command, said));
        }
    }

    /// Of a branch that was made anew, or could not be yet.
    pub fn rebuild(&mut self, command: &CommandFacts, made: bool) {
        match made {
            true => self.say(command, None),
            false => self.pending = true,
        }
    }

    /// Of a stage that is held. A Hold is answered once it is on the base, and goes there once.
    pub fn hold(&mut self, command: &CommandFacts, braked: Braked, items: &mut Vec<Item>) {
        match braked {
            Braked::Said(words) => self.say(command, Some(words)),
            Braked::Asking => self.pending = true,
            Braked::Item(item) => {
                self.pending = true;
                if items.iter().all(|other| other.subject != item.subject) {
                    items.push(*item);
                }
            }
        }
    }
}

/// Whether a command has the branch made anew, whatever others pushed to it.
pub fn is_rebuild(command: &CommandFacts) -> bool {
    command.word == REBUILD && !command.barred
}

/// Whether a command holds the stage.
pub fn is_hold(command: &CommandFacts) -> bool {
    command.word == HOLD && !command.barred
}

/// Whether a command names this stage.
pub fn is_of(command: &CommandFacts, stage: &StageKey) -> bool {
    command.text.split(' ').next() == Some(String::from(stage.clone()).as_str())
}

/// The boxes of promotions into these stages, where the forge has such.
pub fn boxes(stages: &[&StageKey], desk: &Desk<'_>) -> Vec<String> {
    if !desk.obs.facts.boxes {
        return Vec::new();
    }
    let holds = stages.iter().take(MOST_HOLDS);
    let holds = holds.map(|stage| tick_box::empty(&format!("{HOLD} {stage}")));
    std::iter::once(tick_box::empty("rebuild this branch"))
        .chain(holds)
        .collect()
}

/// The note that answers a command; `said` of one that was more than a word.
pub fn answer(command: &CommandFacts, said: Option<String>) -> Note {
    let who = &command.who;
    let text = match said {
        Some(said) => said,
        None if command.barred && who.is_empty() => format!(
            "GitHub does not tell who ticked `{}`, so nothing is done. The comment `/headwater {}` by somebody who may write is obeyed.",
            command.word, command.word
        ),
        None if command.barred => format!(
            "Nothing is done: {who} ticked `{}`, and may not write to this repository.",
            command.word
        ),
        None if is_rebuild(command) => format!("The branch is made anew, as {who} asked."),
        None => format!(
            "`{}` is no command here; there are `/headwater rebuild` and, below a promotion, `/headwater hold REASON`.",
            command.word
        ),
    };
    Note {
        key: command.key.clone(),
        text,
    }
}

/// Leaves the text of a branch that is made anew as it is while a box in it waits for its answer.
pub fn keep_boxes(pull: &PullRequestFacts, effects: &mut [Effect]) {
    if tick_box::ticked(&pull.body).next().is_none() {
        return;
    }
    for effect in effects {
        if let Effect::UpdatePullRequest {
            id,
            rebuild: Some(_),
            text,
            ..
        } = effect
            && *id == pull.id
        {
            *text = None;
        }
    }
}

/// What came of holding a stage.
pub enum Braked {
    /// The Hold goes onto the base.
    Item(Box<Item>),
    /// It is there, or cannot come there: words for people.
    Said(String),
    /// Facts are lacking.
    Asking,
}

impl Flow<'_, '_> {
    /// Has the stage held, as the verb `hold` would.
    pub(super) fn hold_for(
        &self,
        command: &CommandFacts,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) -> Braked {
        let view = self.decided.view;
        let key = String::from(view.key.clone());
        let who = &command.who;
        if command.ticked && command.text != key {
            return Braked::Said(format!(
                "This is a promotion to {key}: nothing else is held from here."
            ));
        }
        if let Some(hold) = stage_hold(view, desk) {
            let by = hold.by.as_deref().unwrap_or("somebody");
            return Braked::Said(format!(
                "{key} is held by {}: {}. `headwater unhold {key} --reason ... --push` lifts it.",
                code_span(by),
                code_span(&hold.reason)
            ));
        }
        let by_hand = format!(
            "Nothing is done. Run `headwater hold {key} --reason ...` with `--push` or `--pull-request`"
        );
        if desk.docs.config.spec.delivery != Delivery::Commit {
            return Braked::Said(format!(
                "{by_hand}: `headwater.yaml` says `delivery: pullRequest`."
            ));
        }
        let subject = Subject::Stage(view.key.clone());
        let mut refused = desk.obs.facts.refused.values();
        if let Some(refused) = refused.find(|r| r.about.as_ref() == Some(&subject)) {
            return Braked::Said(format!(
                "{by_hand}: the server does not take it, {}.",
                code_span(&refused.why)
            ));
        }
        let text = command.text.strip_prefix(&key).unwrap_or(&command.text);
        let reason = match text.trim() {
            "" => format!("asked for in pull request {}", pull.id),
            text => text.to_owned(),
        };
        let person = Person {
            by: who.clone(),
            reason: reason.clone(),
        };
        match acts::hold(desk.obs, &view.key, None, &person) {
            Ok(act) => Braked::Item(Box::new(Item {
                subject,
                environments: Vec::new(),
                edits: Default::default(),
                files: act.files,
                heads: Default::default(),
                changes: vec![self.held_change(who, reason)],
                trailer: None,
            })),
            Err(ActError::Asking(questions)) => {
                desk.questions.extend(questions);
                Braked::Asking
            }
            Err(error) => Braked::Said(format!("{by_hand}: {}.", code_span(&error.to_string()))),
        }
    }

    fn held_change(&self, who: &str, reason: String) -> Change {
        let key = &self.decided.view.key;
        Change {
            kind: ChangeKind::Hold,
            group: key.pipeline.to_string(),
            place: key.stage.to_string(),
            subject: String::from(key.clone()),
            old: None,
            new: Some(who.to_owned()),
            why: Some(reason),
            delivery: String::new(),
            files: Vec::new(),
        }
    }

    /// Empties the boxes of its text once they are answered.
    pub(super) fn empty_boxes(&self, pull: &PullRequestFacts, outcome: &mut Outcome) {
        let (changes, effects) = (&mut outcome.changes, &mut outcome.effects);
        empty_boxes(&self.nothing_wanted(), pull, changes, effects);
    }
}

/// Empties the boxes of a text that are answered; all else in it stays. Where nobody tells what was asked, so do they.
pub fn empty_boxes(
    wanted: &Wanted<'_>,
    pull: &PullRequestFacts,
    changes: &mut Vec<Change>,
    effects: &mut Vec<Effect>,
) {
    if pull.past.is_none() || tick_box::ticked(&pull.body).next().is_none() {
        return;
    }
    let emptied = tick_box::emptied(&pull.body);
    let body = match pull.unmarked {
        true => format!("{}\n{emptied}", pull.marker.to_line()),
        false => emptied,
    };
    let subject = format!("Empty the boxes of pull request {}", pull.id);
    changes.push(told(wanted, subject, pull));
    effects.push(Effect::UpdatePullRequest {
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
    });
}
