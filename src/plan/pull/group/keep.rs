//! A shared pull request that is what it should be: people are told of it, its head is marked, and it is merged when
//! nothing stands in the way of any part.

use std::collections::BTreeSet;

use super::super::command;
use super::super::life::{bot_merges, outputs_on_branch, still_merges};
use super::super::queue::{Landing, NOT_SO, adding, is_queued, landing};
use super::super::status::{self, Standing};
use super::super::tend::{Wanted, tend};
use super::make::{Proposed, Unmade};
use super::parts::Part;
use super::{Group, Timestamp};
use crate::model::time::stamp;
use crate::model::{Approvals, CommitState, Name, RepoPath, Verdict};
use crate::plan::desk::Desk;
use crate::plan::effect::{Effect, Note};
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::gate::approved;
use crate::plan::report::{ChangeKind, Condition, HoldReport, State, Subject};

impl Group<'_, '_> {
    /// Leaves a good one alone, makes one anew that no longer merges, merges one that is due.
    pub(super) fn keep(
        &mut self,
        parts: &[Part],
        proposals: Vec<Proposed>,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) -> Result<(), Unmade> {
        let streams: BTreeSet<RepoPath> = parts
            .iter()
            .flat_map(|part| &self.members[part.at].view().streams)
            .filter_map(|stream| desk.docs.streams.get(stream))
            .map(|located| located.path.clone())
            .collect();
        let Some(mut wished) = outputs_on_branch(pull, &streams, desk) else {
            return Err(Unmade::Asking);
        };
        self.edits(parts, &proposals, &mut wished, desk)?;
        if is_queued(pull) && !still_merges(pull, &wished) {
            self.not_so(parts, pull);
            return Ok(());
        }
        if !still_merges(pull, &wished) {
            let change = self.change(parts, proposals, desk)?;
            self.rebuild(parts, &change, pull, desk);
            return Ok(());
        }
        // What the base's templates cannot make any more is not merged, whatever its branch holds.
        self.outputs(parts, &proposals, desk)?;
        let mine: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let until = self.collects_until(pull, &mine, desk);
        let (state, words) = self.standing(parts, &proposals, until, pull, desk);
        self.mark(&mine, state, &words, pull);
        self.care(parts, &proposals, pull, desk);
        if state == CommitState::Success {
            self.merge(parts, &proposals, pull, desk);
        }
        Ok(())
    }

    /// Whether it may be merged now, or what is in the way of the part that stands worst.
    fn standing(
        &mut self,
        parts: &[Part],
        proposals: &[Proposed],
        until: Option<Timestamp>,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) -> (CommitState, String) {
        let mut stand: Vec<(CommitState, String)> = Vec::new();
        for (part, proposed) in parts.iter().zip(proposals) {
            let mut flow = self.alone(part.at);
            flow.tell_open(&part.judged, pull, desk);
            let (state, words) = flow.standing(&part.judged, &proposed.proposal, pull, desk);
            let pipeline = &flow.decided.view.key.pipeline;
            stand.push(match parts.len() {
                1 => (state, words),
                _ => (state, format!("{pipeline}: {words}")),
            });
        }
        let all = || stand.iter().enumerate();
        let failed = all().find(|(_, (state, _))| *state == CommitState::Failure);
        let worst = failed.or_else(|| all().find(|(_, (state, _))| *state != CommitState::Success));
        if let Some((at, _)) = worst {
            self.tell_the_others(parts, parts[at].at, pull);
        }
        let until = until.filter(|_| failed.is_none());
        let alone = worst.is_none();
        let collects = until.map(|until| self.tell_collecting(parts, until, alone, pull, desk));
        match (worst, collects) {
            (Some((_, worst)), _) => worst.clone(),
            (None, Some(collects)) => (CommitState::Pending, collects),
            (None, None) => (CommitState::Success, "every condition holds".to_owned()),
        }
    }

    /// Tells parts that nothing is in the way of which other one they wait for.
    fn tell_the_others(&mut self, parts: &[Part], worst: usize, pull: &PullRequestFacts) {
        let report = &self.members[worst].decided.report;
        let (key, until) = (report.key.clone(), report.until);
        let why = format!("pull request {} waits for {key}: {}", pull.id, report.why);
        let help = format!("headwater hold {key} --reason ... takes it out");
        for part in parts.iter().filter(|part| part.at != worst) {
            let report = &mut self.members[part.at].decided.report;
            let is_open = report.conditions.iter().all(|c| c.verdict.is_open());
            if report.state == State::Waiting && is_open {
                report.why.clone_from(&why);
                report.until = until;
                report.help = Some(help.clone());
            }
        }
    }

    /// Tells every part until when others join it; in its own words where it waits for that `alone`.
    fn tell_collecting(
        &mut self,
        parts: &[Part],
        until: Timestamp,
        alone: bool,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) -> String {
        desk.expires(until);
        let collects = format!("collects what becomes ready until {}", stamp(until));
        for part in parts {
            let report = &mut self.members[part.at].decided.report;
            if report.state == State::Waiting && alone {
                report.why = format!("pull request {} {collects}", pull.id);
                report.until = Some(until);
            }
            report.conditions.push(Condition {
                name: "collecting".to_owned(),
                kind: "group".to_owned(),
                verdict: Verdict::Waiting {
                    why: collects.clone(),
                    until: Some(until),
                },
                set_by: None,
            });
        }
        collects
    }

    /// Labels it, and asks whom the rules name.
    fn care(
        &mut self,
        parts: &[Part],
        proposals: &[Proposed],
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) {
        let mut labels: Vec<String> = Vec::new();
        let mut rules: Vec<&Approvals> = Vec::new();
        let mut asked_by: BTreeSet<&str> = BTreeSet::new();
        for (part, proposed) in parts.iter().zip(proposals) {
            let member = &self.members[part.at];
            let view = member.view();
            let asked = proposed.proposal.asked_by.as_deref();
            let asked = asked.or(member.asked_by.as_deref());
            asked_by.extend(asked);
            let fresh = view.labels.iter().filter(|label| !labels.contains(label));
            let fresh: Vec<String> = fresh.cloned().collect();
            labels.extend(fresh);
            let vouched = part.judged.vouched.as_deref();
            let facts = &desk.obs.facts;
            let shut =
                |rule: &&Approvals| !approved(rule, Some(pull), vouched, asked, facts).is_open();
            rules.extend(view.approvals.iter().map(|ruled| &ruled.rule).filter(shut));
        }
        let mine: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let (group, place) = self.names(&mine);
        let wanted = Wanted {
            subject: self.subject(&mine),
            group: &group,
            place: &place,
            labels: &labels,
            rules,
            asked_by: asked_by.into_iter().collect(),
            notes: Vec::new(),
        };
        let outcome = &mut self.outcome;
        tend(
            wanted,
            pull,
            desk,
            &mut outcome.changes,
            &mut outcome.effects,
        );
    }

    fn merge(
        &mut self,
        parts: &[Part],
        proposals: &[Proposed],
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) {
        let mine: Vec<usize> = parts.iter().map(|part| part.at).collect();
        let landing = landing(pull, self.subject(&mine));
        match landing {
            Landing::Under(words) => {
                for part in parts {
                    self.members[part.at].decided.report.why.clone_from(&words);
                }
                return;
            }
            Landing::ThrownOut(hold) => {
                for part in parts {
                    let member = &mut self.members[part.at];
                    let subject = Subject::Stage(member.view().key.clone());
                    let hold = HoldReport {
                        subject,
                        ..(*hold).clone()
                    };
                    member.tell(hold, desk);
                }
                return;
            }
            Landing::Merge | Landing::Add => {}
        }
        let adds = matches!(landing, Landing::Add);
        let all = parts
            .iter()
            .all(|part| bot_merges(self.members[part.at].view()));
        if !all {
            for part in parts {
                self.members[part.at].decided.report.why =
                    format!("pull request {} can be merged by a person", pull.id);
            }
            return;
        }
        let message = self.message(
            &pull.title,
            parts,
            proposals,
            Some(&desk.obs.snapshot.commit),
        );
        let how = format!("pull request {}", pull.id);
        let told = self.told(ChangeKind::Merge, parts, std::iter::empty(), &how, desk);
        self.outcome.changes.push(told);
        self.outcome.effects.push(match adds {
            true => adding(pull),
            false => Effect::MergePullRequest {
                id: pull.id.clone(),
                branch: pull.branch.clone(),
                head: pull.head.clone(),
                expect_base: desk.obs.snapshot.commit.clone(),
                message,
            },
        });
        let words = match adds {
            true => format!("pull request {} is added to the merge queue", pull.id),
            false => format!("pull request {} is merged", pull.id),
        };
        self.moving(parts, &words);
    }

    /// Shows beside the head what may become of it.
    pub(super) fn mark(
        &mut self,
        mine: &[usize],
        state: CommitState,
        words: &str,
        pull: &PullRequestFacts,
    ) {
        let mut places: BTreeSet<&str> = BTreeSet::new();
        for at in mine {
            let view = self.members[*at].view();
            places.extend(view.environments.iter().map(Name::as_str));
        }
        let (group, _) = self.names(mine);
        let standing = Standing {
            group: &group,
            places: places.into_iter().collect(),
            state,
            words: words.to_owned(),
        };
        let outcome = &mut self.outcome;
        status::set(
            &standing,
            pull,
            &mut outcome.changes,
            &mut outcome.effects,
            &mut outcome.marks,
        );
    }

    /// What is in the merge queue and not what would be merged now is shown so: the queue throws it out.
    pub(super) fn not_so(&mut self, parts: &[Part], pull: &PullRequestFacts) {
        let mine: Vec<usize> = parts.iter().map(|part| part.at).collect();
        self.mark(&mine, CommitState::Failure, NOT_SO, pull);
    }

    /// Tells people things below it, each once.
    pub(super) fn notes(
        &mut self,
        mine: &[usize],
        notes: Vec<Note>,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) {
        let (group, place) = self.names(mine);
        let wanted = Wanted {
            subject: self.subject(mine),
            group: &group,
            place: &place,
            labels: &[],
            rules: Vec::new(),
            asked_by: Vec::new(),
            notes,
        };
        let outcome = &mut self.outcome;
        tend(
            wanted,
            pull,
            desk,
            &mut outcome.changes,
            &mut outcome.effects,
        );
    }

    /// Empties its boxes once they are answered.
    pub(super) fn empty_boxes(&mut self, mine: &[usize], pull: &PullRequestFacts) {
        let (group, place) = self.names(mine);
        let wanted = Wanted {
            subject: self.subject(mine),
            group: &group,
            place: &place,
            labels: &[],
            rules: Vec::new(),
            asked_by: Vec::new(),
            notes: Vec::new(),
        };
        let outcome = &mut self.outcome;
        command::empty_boxes(&wanted, pull, &mut outcome.changes, &mut outcome.effects);
    }

    /// What holds about the whole of it are about.
    fn subject(&self, mine: &[usize]) -> Subject {
        let first = mine.first().map(|at| self.members[*at].view());
        match (first, mine.len()) {
            (Some(view), 1) => Subject::Stage(view.key.clone()),
            (Some(view), _) => match view.environments.first() {
                Some(environment) => Subject::Environment(environment.clone()),
                None => Subject::Stage(view.key.clone()),
            },
            (None, _) => Subject::Repository,
        }
    }
}
