//! What a good open pull request comes to: people are told of it, its head is marked, and it is merged when nothing is in
//! the way.

use super::flow::{Flow, Outcome};
use super::life::{approval_conditions, bot_merges};
use super::queue::{Landing, NOT_SO, adding, landing};
use super::status::{self, Standing};
use super::tend::{Wanted, tend};
use crate::model::{CommitState, Name, Timestamp, Verdict};
use crate::plan::change::files::Files;
use crate::plan::change::propose::Proposal;
use crate::plan::desk::Desk;
use crate::plan::effect::{Effect, Note};
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::gate::{self, approved};
use crate::plan::report::{ChangeKind, Condition, State, Subject};
use crate::plan::stage::decide::Judged;

impl Flow<'_, '_> {
    /// Shows beside the head what may become of it.
    pub(super) fn mark(
        &self,
        state: CommitState,
        words: &str,
        pull: &PullRequestFacts,
        outcome: &mut Outcome,
    ) {
        let view = self.decided.view;
        let mut places: Vec<&str> = view.environments.iter().map(Name::as_str).collect();
        if places.is_empty() {
            places.push(view.key.stage.as_str());
        }
        let standing = Standing {
            group: view.key.pipeline.as_str(),
            places,
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

    /// What is in the merge queue and not what would be merged now is shown so, and nothing else: the queue throws it out.
    pub(super) fn not_so(&self, pull: &PullRequestFacts, outcome: &mut Outcome) {
        self.mark(CommitState::Failure, NOT_SO, pull, outcome);
    }

    /// Labels it, and asks whom the rules name.
    pub(super) fn care(
        &self,
        judged: &Judged,
        proposal: &Proposal,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let view = self.decided.view;
        let vouched = judged.vouched.as_deref();
        let asked = proposal.asked_by.as_deref().or(self.asked_by.as_deref());
        let facts = &desk.obs.facts;
        let rules = view.approvals.iter().map(|ruled| &ruled.rule);
        let rules =
            rules.filter(|rule| !approved(rule, Some(pull), vouched, asked, facts).is_open());
        let wanted = Wanted {
            labels: &view.labels,
            rules: rules.collect(),
            asked_by: asked.into_iter().collect(),
            ..self.nothing_wanted()
        };
        tend(
            wanted,
            pull,
            desk,
            &mut outcome.changes,
            &mut outcome.effects,
        );
    }

    /// Tells people something below it, once.
    pub(super) fn leave_note(
        &self,
        note: Note,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        self.leave_notes(vec![note], pull, desk, outcome);
    }

    /// The same of several things.
    pub(super) fn leave_notes(
        &self,
        notes: Vec<Note>,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let wanted = Wanted {
            notes,
            ..self.nothing_wanted()
        };
        tend(
            wanted,
            pull,
            desk,
            &mut outcome.changes,
            &mut outcome.effects,
        );
    }

    pub(super) fn nothing_wanted(&self) -> Wanted<'_> {
        let view = self.decided.view;
        Wanted {
            subject: Subject::Stage(view.key.clone()),
            group: view.key.pipeline.as_str(),
            place: view.key.stage.as_str(),
            labels: &[],
            rules: Vec::new(),
            asked_by: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether it may be merged now, or what is in the way.
    pub(super) fn standing(
        &self,
        judged: &Judged,
        proposal: &Proposal,
        pull: &PullRequestFacts,
        desk: &Desk<'_>,
    ) -> (CommitState, String) {
        let view = self.decided.view;
        let asked = proposal.asked_by.as_deref().or(self.asked_by.as_deref());
        let vouched = judged.vouched.as_deref();
        let approvals = approval_conditions(view, Some(pull), vouched, asked, desk);
        if let Some(block) = self.decided.decision.blocks.first() {
            return (CommitState::Pending, held_by(block.reason));
        }
        let conditions: Vec<Condition> =
            judged.conditions.iter().cloned().chain(approvals).collect();
        match status::shut(&conditions) {
            Some(shut) => shut,
            None if judged.is_open() => (CommitState::Success, "every condition holds".to_owned()),
            None => (CommitState::Pending, held_by("Held")),
        }
    }

    /// Merges it, unless that is for a person to do.
    pub(super) fn merge(
        &mut self,
        judged: &Judged,
        proposal: &Proposal,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
        outcome: &mut Outcome,
    ) {
        let view = self.decided.view;
        let landing = landing(pull, Subject::Stage(view.key.clone()));
        match landing {
            Landing::Under(words) => {
                self.decided.report.why = words;
                return;
            }
            Landing::ThrownOut(hold) => {
                outcome.hold = Some(*hold);
                return;
            }
            Landing::Merge | Landing::Add => {}
        }
        if !bot_merges(view) {
            self.decided.report.why = format!("pull request {} can be merged by a person", pull.id);
            return;
        }
        let adds = matches!(landing, Landing::Add);
        let message = self.message(&pull.title, proposal, Some(&desk.obs.snapshot.commit));
        outcome.changes.push(self.told(
            ChangeKind::Merge,
            judged,
            &Files::new(),
            &format!("pull request {}", pull.id),
            desk,
        ));
        outcome.effects.push(match adds {
            true => adding(pull),
            false => Effect::MergePullRequest {
                id: pull.id.clone(),
                branch: pull.branch.clone(),
                head: pull.head.clone(),
                expect_base: desk.obs.snapshot.commit.clone(),
                message,
            },
        });
        self.decided.report.state = State::Moving;
        self.decided.report.why = match adds {
            true => format!("pull request {} is added to the merge queue", pull.id),
            false => format!("pull request {} is merged", pull.id),
        };
    }

    /// What people are told of a stage whose pull request is open: the set in it is the candidate.
    pub(super) fn tell_open(
        &mut self,
        judged: &Judged,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) {
        let view = self.decided.view;
        let (vouched, asked) = (judged.vouched.as_deref(), self.asked_by.as_deref());
        let approvals = approval_conditions(view, Some(pull), vouched, asked, desk);
        let lift = gate::lift(&view.key.pipeline, &view.environments, desk);
        let report = &mut self.decided.report;
        report.candidate = Some(crate::plan::stage::set_report(
            &judged.candidate.set,
            None,
            desk,
        ));
        report.conditions = judged.conditions.iter().cloned().chain(approvals).collect();
        let shut = report.conditions.iter().find(|c| !c.verdict.is_open());
        if self.decided.decision.blocks.is_empty() && judged.held.is_none() {
            report.state = match shut {
                Some(c) if c.kind == "freeze" => State::Frozen,
                _ => State::Waiting,
            };
            report.why = match shut {
                Some(c) if c.kind == "approvals" => format!("approval {}", c.verdict.why()),
                Some(c) => format!("{}: {}", c.name, c.verdict.why()),
                None => format!("pull request {} is open", pull.id),
            };
            report.until = shut.and_then(|c| until(&c.verdict));
            report.help = lift.filter(|_| report.state == State::Frozen);
        }
    }
}

fn until(verdict: &Verdict) -> Option<Timestamp> {
    match verdict {
        Verdict::Waiting { until, .. } => *until,
        Verdict::Open { .. } | Verdict::Refused { .. } => None,
    }
}

/// Words for a reason of `status` and `why`, which say the rest.
pub(super) fn held_by(reason: &str) -> String {
    format!("the stage is held ({reason}); `headwater why` tells more")
}
