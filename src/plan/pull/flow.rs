//! A promotion handed over as a pull request: what to open, move, merge or close in this pass.

use std::collections::{BTreeMap, BTreeSet};

use super::closing::close;
use super::command::{Answers, commands, is_hold, is_rebuild, keep_boxes};
use super::due::held_by;
use super::life::{may_supersede, next_branch, open_of, outputs_on_branch, still_merges};
use super::queue::{Mark, is_queued};
use super::tend::left_alone;
use crate::model::{CommitState, Name, RepoPath, SetId};
use crate::plan::change::files::{self, Files, apply};
use crate::plan::change::propose::{Proposal, Stamps};
use crate::plan::change::stamps::{Found, read};
use crate::plan::change::wave::{Item, refused, stop_report};
use crate::plan::desk::Desk;
use crate::plan::effect::{CommitContent, Effect, Rebuild};
use crate::plan::facts::marker::Marker;
use crate::plan::facts::pull::{CommandFacts, PullRequestFacts};
use crate::plan::output::survey::{Survey, applications, uses};
use crate::plan::output::{self, Stop, Templates, difference};
use crate::plan::report::{Change, ChangeKind, HoldReport, State, Subject};
use crate::plan::road::StageView;
use crate::plan::stage::Decided;
use crate::plan::stage::decide::{Judged, is_eligible};

/// Builds the change of a set: `(judged, stamps)` to edits. First stages import, later ones promote.
pub type Build<'b> =
    dyn Fn(&Judged, &Stamps, &mut Desk<'_>) -> Result<Proposal, Box<HoldReport>> + 'b;

/// Everything a pull request's life needs of the plan.
pub struct Flow<'f, 'a> {
    /// The stage, decided.
    pub decided: &'f mut Decided<'a>,
    /// Stages of the pipeline.
    pub road: &'f BTreeMap<Name, &'a StageView<'a>>,
    /// Rendered base.
    pub survey: &'f Survey,
    /// Templates.
    pub templates: &'f mut Templates,
    /// How the change of a set is built.
    pub build: &'f Build<'f>,
    /// The set of the open pull request as judged now, where it still is one of the stage's.
    pub open_judged: Option<Judged>,
    /// Who asked, for approvals.
    pub asked_by: Option<String>,
}

/// What this pass does to the stage's pull request.
#[derive(Default)]
pub struct Outcome {
    /// Effects.
    pub effects: Vec<Effect>,
    /// For people.
    pub changes: Vec<Change>,
    /// What goes onto the base with the next commit.
    pub items: Vec<Item>,
    /// What keeps it from going on.
    pub hold: Option<HoldReport>,
    /// What was said of heads, for the groups of a merge queue.
    pub marks: Vec<Mark>,
    /// Applications whose drift waits for this pull request.
    pub claimed: BTreeSet<(Name, String)>,
}

impl Flow<'_, '_> {
    /// Runs one step of the life.
    pub fn run(mut self, desk: &mut Desk<'_>) -> Outcome {
        let view = self.decided.view;
        let mut outcome = Outcome::default();
        let Some((set, pull)) = open_of(view, desk) else {
            if let Some(chosen) = self.decided.decision.chosen.clone() {
                self.claim(&mut outcome);
                self.ask_ahead(&outcome, desk);
                self.open(&chosen, desk, &mut outcome);
            }
            return outcome;
        };
        self.claim(&mut outcome);
        self.ask_ahead(&outcome, desk);
        let asked = commands(pull);
        if !asked.is_empty() {
            self.obey(asked, &set, pull, desk, &mut outcome);
            return outcome;
        }
        self.empty_boxes(pull, &mut outcome);
        if let Some(foreign) = pull.branch_facts.as_ref().and_then(|b| b.foreign.as_ref()) {
            let words = "holds changes that are not headwater's, and is left alone";
            self.mark(CommitState::Failure, words, pull, &mut outcome);
            self.leave_note(left_alone(foreign), pull, desk, &mut outcome);
            return outcome;
        }
        // What is wrong may be the very line that says what this stage is: nothing is concluded from it.
        if view.broken.is_some() {
            return outcome;
        }
        if let Some(reason) = self.useless(&set) {
            close(view, pull, &reason, &mut outcome);
            return outcome;
        }
        let newer = self
            .decided
            .decision
            .chosen
            .clone()
            .filter(|c| c.candidate.id != set);
        match newer {
            Some(newer)
                if !is_queued(pull)
                    && may_supersede(view, pull, self.asked_by.as_deref(), desk) =>
            {
                self.take_over(&newer, pull, desk, &mut outcome)
            }
            newer => {
                if let Some(newer) = newer {
                    let words = match is_queued(pull) {
                        true => "what is in the merge queue stays; this one waits for it",
                        false => "an approved pull request stays; this one waits for it",
                    };
                    let words = words.to_owned();
                    self.decided.report.passed_over.push((
                        crate::plan::stage::set_report(&newer.candidate.set, None, desk),
                        words,
                    ));
                }
                self.keep(&set, pull, desk, &mut outcome);
            }
        }
        outcome
    }

    pub(super) fn claim(&self, outcome: &mut Outcome) {
        let view = self.decided.view;
        let places = self
            .survey
            .places
            .iter()
            .filter(|((e, _), s)| view.environments.contains(e) && uses(s, view));
        outcome
            .claimed
            .extend(places.map(|(place, _)| place.clone()));
    }

    /// Asks together for every text that the change will be laid over.
    pub(super) fn ask_ahead(&self, outcome: &Outcome, desk: &mut Desk<'_>) {
        files::ask_ahead(&self.decided.view.streams, desk);
        for (environment, application) in &outcome.claimed {
            if let Some(environment) = desk.docs.environments.get(environment) {
                output::ask_ahead(&environment.value, application, desk);
            }
        }
    }

    /// Why an open pull request is of no use any more.
    pub(super) fn useless(&self, set: &SetId) -> Option<String> {
        let view = self.decided.view;
        if view.timeline.current().is_some_and(|c| c.id == *set) {
            return Some("the stage holds this set already".to_owned());
        }
        let request = self.decided.decision.request.as_ref();
        // Whoever asks for an older set has asked for just that.
        let asked = request.is_some_and(|request| request.set == *set);
        if !view.is_first() && !asked && !is_eligible(set, view, self.road) {
            return Some("the set is no longer one this stage could take".to_owned());
        }
        None
    }

    /// Final texts of a set's change on the present base, with outputs as the templates of that base make them.
    fn files(
        &mut self,
        proposal: &Proposal,
        desk: &mut Desk<'_>,
    ) -> Result<Files, Option<Box<HoldReport>>> {
        let mut files = self.outputs(proposal, desk)?;
        self.edits(proposal, &mut files, desk)?;
        Ok(files)
    }

    fn edits(
        &self,
        proposal: &Proposal,
        files: &mut Files,
        desk: &mut Desk<'_>,
    ) -> Result<(), Option<Box<HoldReport>>> {
        let subject = Subject::Stage(self.decided.view.key.clone());
        apply(&proposal.edits, files, desk).map_err(|no_text| refused(&subject, no_text))
    }

    fn outputs(
        &mut self,
        proposal: &Proposal,
        desk: &mut Desk<'_>,
    ) -> Result<Files, Option<Box<HoldReport>>> {
        let view = self.decided.view;
        let subject = Subject::Stage(view.key.clone());
        let mut heads = self.survey.heads.clone();
        heads.extend(proposal.heads.clone());
        let mut files = Files::new();
        for (environment, application) in applications(desk) {
            let place = (environment.name().clone(), application.name.to_string());
            let used = self
                .survey
                .places
                .get(&place)
                .is_some_and(|s| uses(s, view));
            if !view.environments.contains(environment.name()) || !used {
                continue;
            }
            let (result, _) = difference(environment, application, &heads, self.templates, desk);
            match result {
                Ok(delta) => files.extend(delta.files),
                Err(stop @ Stop::Asking) => {
                    return Err(stop_report(&subject, &place, &stop).map(Box::new));
                }
                Err(stop) => return Err(stop_report(&subject, &place, &stop).map(Box::new)),
            }
        }
        Ok(files)
    }

    fn open(&mut self, chosen: &Judged, desk: &mut Desk<'_>, outcome: &mut Outcome) {
        let view = self.decided.view;
        let stamps = Stamps {
            created: desk.stamp(),
            record: None,
        };
        let Some((proposal, files)) = self.proposal_and_files(chosen, &stamps, desk, outcome)
        else {
            return;
        };
        let stem = format!(
            "headwater/promote/{}/{}/{}",
            view.key.pipeline,
            view.key.stage,
            proposal.id.short()
        );
        let text = self.text(chosen, &proposal, &files, desk);
        let message = self.message(&text.title, &proposal, None);
        let branch = next_branch(&stem, desk);
        outcome
            .changes
            .push(self.told(ChangeKind::Open, chosen, &files, "pull request", desk));
        outcome.effects.push(Effect::OpenPullRequest {
            branch: branch.name,
            expect: branch.expect,
            start: desk.obs.snapshot.commit.clone(),
            commit: CommitContent { message, files },
            text,
        });
        self.decided.report.state = State::Moving;
        self.decided.report.why = "a pull request is opened".to_owned();
    }

    fn take_over(
        &mut self,
        newer: &Judged,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let stamps = Stamps {
            created: desk.stamp(),
            record: None,
        };
        self.rebuild(newer, &stamps, pull, desk, outcome);
    }

    fn rebuild(
        &mut self,
        judged: &Judged,
        stamps: &Stamps,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let Some((proposal, files)) = self.proposal_and_files(judged, stamps, desk, outcome) else {
            return;
        };
        let mut text = self.text(judged, &proposal, &files, desk);
        text.body = Marker::keeping(text.body, &pull.body);
        let message = self.message(&text.title, &proposal, None);
        outcome.changes.push(self.told(
            ChangeKind::Update,
            judged,
            &files,
            &format!("pull request {}", pull.id),
            desk,
        ));
        outcome.effects.push(Effect::UpdatePullRequest {
            id: pull.id.clone(),
            branch: pull.branch.clone(),
            expect: pull.head.clone(),
            rebuild: Some(Rebuild {
                start: desk.obs.snapshot.commit.clone(),
                commit: CommitContent { message, files },
            }),
            text: Some(text),
        });
        self.decided.report.state = State::Moving;
        self.decided.report.why = format!("pull request {} is made anew", pull.id);
    }

    /// Does what people ask for in comments and by boxes, and answers what is done.
    fn obey(
        &mut self,
        commands: &[CommandFacts],
        set: &SetId,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let mut answers = Answers::default();
        for command in commands {
            if is_hold(command) {
                let braked = self.hold_for(command, pull, desk);
                answers.hold(command, braked, &mut outcome.items);
            } else if is_rebuild(command) {
                let made = outcome.effects.is_empty().then(|| {
                    self.asked_anew(set, pull, desk, outcome);
                    !outcome.effects.is_empty()
                });
                answers.rebuild(command, made.unwrap_or(true));
            } else {
                answers.say(command, None);
            }
        }
        // Until it is answered, the box says what was asked.
        keep_boxes(pull, &mut outcome.effects);
        self.leave_notes(answers.notes, pull, desk, outcome);
        if !answers.pending {
            self.empty_boxes(pull, outcome);
        }
    }

    /// Makes the branch anew because somebody asks for it.
    fn asked_anew(
        &mut self,
        set: &SetId,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let judged = self.open_judged.clone();
        let Some(judged) = judged.filter(|j| j.candidate.id == *set) else {
            return;
        };
        let view = self.decided.view;
        let ours = pull.branch_facts.as_ref().filter(|b| b.foreign.is_none());
        let stamps = match ours.map(|branch| read(view, set, branch, desk)) {
            Some(Found::Asking) => return,
            Some(Found::Yes(stamps)) => stamps,
            // What others wrote is no evidence.
            Some(Found::No) | None => Stamps {
                created: desk.stamp(),
                record: None,
            },
        };
        self.rebuild(&judged, &stamps, pull, desk, outcome);
    }

    /// Leaves a good pull request alone, rebuilds one that no longer merges, merges one that is due.
    fn keep(
        &mut self,
        set: &SetId,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let view = self.decided.view;
        let Some(branch) = pull.branch_facts.as_ref() else {
            return;
        };
        let Some(judged) = self.open_judged.clone().filter(|j| j.candidate.id == *set) else {
            return;
        };
        let stamps = match read(view, set, branch, desk) {
            Found::Asking => return,
            Found::Yes(stamps) => stamps,
            Found::No if is_queued(pull) => return self.not_so(pull, outcome),
            Found::No => {
                let fresh = Stamps {
                    created: desk.stamp(),
                    record: None,
                };
                return self.rebuild(&judged, &fresh, pull, desk, outcome);
            }
        };
        let proposal = match (self.build)(&judged, &stamps, desk) {
            Ok(proposal) => proposal,
            Err(hold) => {
                self.mark(CommitState::Pending, &held_by(&hold.reason), pull, outcome);
                outcome.hold = Some(*hold);
                return;
            }
        };
        let streams: BTreeSet<RepoPath> = view
            .streams
            .iter()
            .filter_map(|s| desk.docs.streams.get(s))
            .map(|l| l.path.clone())
            .collect();
        let Some(mut wished) = outputs_on_branch(pull, &streams, desk) else {
            return;
        };
        if let Err(hold) = self.edits(&proposal, &mut wished, desk) {
            outcome.hold = hold.map(|h| *h);
            return;
        }
        if !still_merges(pull, &wished) {
            if is_queued(pull) {
                return self.not_so(pull, outcome);
            }
            return self.rebuild(&judged, &stamps, pull, desk, outcome);
        }
        self.tell_open(&judged, pull, desk);
        // What the base's templates cannot make any more is not merged, whatever its branch holds.
        if let Err(hold) = self.outputs(&proposal, desk) {
            let Some(hold) = hold else { return };
            self.mark(CommitState::Pending, &held_by(&hold.reason), pull, outcome);
            outcome.hold = Some(*hold);
            return;
        }
        let (state, words) = self.standing(&judged, &proposal, pull, desk);
        self.mark(state, &words, pull, outcome);
        self.care(&judged, &proposal, pull, desk, outcome);
        if state == CommitState::Success {
            self.merge(&judged, &proposal, pull, desk, outcome);
        }
    }

    fn proposal_and_files(
        &mut self,
        judged: &Judged,
        stamps: &Stamps,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) -> Option<(Proposal, Files)> {
        let proposal = match (self.build)(judged, stamps, desk) {
            Ok(proposal) => proposal,
            Err(hold) => {
                outcome.hold = Some(*hold);
                return None;
            }
        };
        match self.files(&proposal, desk) {
            Ok(files) => Some((proposal, files)),
            Err(hold) => {
                outcome.hold = hold.map(|h| *h);
                None
            }
        }
    }
}
