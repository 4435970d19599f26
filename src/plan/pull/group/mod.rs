//! Promotions that share one pull request (`pullRequest.group`): what becomes ready within that time after one was opened
//! joins it, until somebody approves. It moves, waits and is merged as a whole; what can go no further leaves it.

mod keep;
mod make;
mod parts;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::command::{Answers, Braked, commands, is_hold, is_of, is_rebuild, keep_boxes};
use super::due::held_by;
use super::flow::{Build, Flow, Outcome};
use super::life::{is_approved_by_anybody, next_branch, open_of};
use super::queue::is_queued;
use super::tend::left_alone;
use crate::model::object::hash8;
use crate::model::{CommitState, Name, Timestamp};
use crate::plan::desk::Desk;
use crate::plan::effect::{CommitContent, Effect, Rebuild};
use crate::plan::facts::marker::{Carried, Marker, Subject as Carries};
use crate::plan::facts::pull::{CommandFacts, PullRequestFacts};
use crate::plan::output::Templates;
use crate::plan::output::survey::Survey;
use crate::plan::report::{BlockReport, ChangeKind, HoldReport, State};
use crate::plan::road::StageView;
use crate::plan::stage::Decided;
use crate::plan::stage::decide::Judged;
use make::{Change, Unmade};
use parts::{Part, Parts};

/// More promotions do not share a pull request: nobody could read it.
const MOST_MEMBERS: usize = 60;

/// A stage whose promotions may share a pull request.
pub struct Member<'s> {
    /// The stage, decided.
    pub decided: Decided<'s>,
    /// Stages of its pipeline.
    pub road: &'s BTreeMap<Name, &'s StageView<'s>>,
    /// How the change of a set is built.
    pub build: Box<Build<'s>>,
    /// The set of the open pull request as judged now, where it still is one of the stage's.
    pub open_judged: Option<Judged>,
    /// Who asked, for approvals.
    pub asked_by: Option<String>,
}

impl<'s> Member<'s> {
    fn view(&self) -> &'s StageView<'s> {
        self.decided.view
    }

    /// The same stage as if it were alone.
    fn flow<'f>(&'f mut self, survey: &'f Survey, templates: &'f mut Templates) -> Flow<'f, 's> {
        Flow {
            decided: &mut self.decided,
            road: self.road,
            survey,
            templates,
            build: &self.build,
            open_judged: self.open_judged.clone(),
            asked_by: self.asked_by.clone(),
        }
    }

    /// Puts a hold on its report, and on record.
    fn tell(&mut self, hold: HoldReport, desk: &mut Desk<'_>) {
        self.decided.report.stopped_by(BlockReport::from(&hold));
        desk.holds.push(hold);
    }
}

/// Whether the stage goes with others: by the pull request it is in, else by its environments' rules.
pub fn is_member(view: &StageView<'_>, desk: &Desk<'_>) -> bool {
    match open_of(view, desk) {
        Some((_, pull)) => matches!(pull.marker.subject, Carries::Group { .. }),
        None => view.group.is_some(),
    }
}

/// One step in the life of every pull request that several stages share.
pub fn run<'s>(
    members: &mut [Member<'s>],
    survey: &'s Survey,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Outcome {
    let mut group = Group {
        members,
        survey,
        templates,
        outcome: Outcome::default(),
        free: Vec::new(),
    };
    group.all(desk);
    group.outcome
}

struct Group<'g, 's> {
    members: &'g mut [Member<'s>],
    survey: &'s Survey,
    templates: &'g mut Templates,
    outcome: Outcome,
    /// Members with a set to propose that are in no pull request.
    free: Vec<usize>,
}

impl<'s> Group<'_, 's> {
    fn all(&mut self, desk: &mut Desk<'_>) {
        let mut open: BTreeMap<&str, (&PullRequestFacts, Vec<usize>)> = BTreeMap::new();
        for (at, member) in self.members.iter_mut().enumerate() {
            let pull = open_of(member.view(), desk);
            if pull.is_none() && member.decided.decision.chosen.is_none() {
                continue;
            }
            let flow = member.flow(self.survey, self.templates);
            flow.claim(&mut self.outcome);
            match pull {
                Some((_, pull)) => open
                    .entry(&pull.id)
                    .or_insert((pull, Vec::new()))
                    .1
                    .push(at),
                None => self.free.push(at),
            }
        }
        self.ask_ahead(desk);
        for (pull, mine) in open.into_values() {
            self.live(pull, &mine, desk);
        }
        while let Some(first) = self.free.first().copied() {
            self.open(first, desk);
        }
    }

    /// Asks together for every text that a change will be laid over.
    fn ask_ahead(&mut self, desk: &mut Desk<'_>) {
        for member in self.members.iter_mut() {
            let flow = member.flow(self.survey, self.templates);
            flow.ask_ahead(&self.outcome, desk);
        }
    }

    /// One step in the life of one that is open.
    fn live(&mut self, pull: &PullRequestFacts, mine: &[usize], desk: &mut Desk<'_>) {
        let asked = commands(pull);
        if !asked.is_empty() {
            self.obey(asked, pull, mine, desk);
            return;
        }
        self.empty_boxes(mine, pull);
        if let Some(foreign) = pull.branch_facts.as_ref().and_then(|b| b.foreign.as_ref()) {
            let words = "holds changes that are not headwater's, and is left alone";
            self.mark(mine, CommitState::Failure, words, pull);
            self.notes(mine, vec![left_alone(foreign)], pull, desk);
            return;
        }
        // What is wrong may be the very line that says what a stage is: it leaves, and nothing more is concluded from it.
        let is_sound = |at: &usize| self.members[*at].view().broken.is_none();
        let mut mine: Vec<usize> = mine.iter().copied().filter(is_sound).collect();
        if mine.is_empty() {
            return;
        }
        let is_whole = self.is_whole(pull, &mine, desk);
        let mut out = BTreeSet::new();
        loop {
            let parts = match self.parts(pull, &mine, &out, desk) {
                Parts::Unknown => return,
                Parts::Useless(_) if !is_whole => return,
                Parts::Useless(why) => {
                    let (group, place) = self.names(&mine);
                    let closing = super::closing::closing(&group, &place, pull, &why);
                    self.outcome.changes.push(closing.0);
                    self.outcome.effects.push(closing.1);
                    return;
                }
                Parts::Are(parts) => parts,
            };
            match self.step(&parts, pull, desk) {
                Ok(()) => {
                    let joined: BTreeSet<usize> = parts.iter().map(|part| part.at).collect();
                    self.free
                        .retain(|at| !joined.contains(at) && !out.contains(at));
                    return;
                }
                Err(Unmade::Asking) => return,
                Err(Unmade::Stopped { at, hold }) => {
                    let kept = parts.iter().any(|part| part.at == at && part.kept);
                    let (reason, waits) = (hold.reason.clone(), hold.state == State::Waiting);
                    self.members[at].tell(*hold, desk);
                    match kept {
                        false => drop(out.insert(at)),
                        // What stops one for good stops none of the others.
                        true if mine.len() > 1 && !waits => mine.retain(|other| *other != at),
                        true => {
                            self.mark(&mine, CommitState::Pending, &held_by(&reason), pull);
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Whether all that it carries is known: what is not among these members is gone, and not only unreadable.
    fn is_whole(&self, pull: &PullRequestFacts, mine: &[usize], desk: &Desk<'_>) -> bool {
        let sound = desk.docs.errors().next().is_none();
        pull.marker.stages().into_iter().all(|stage| {
            let at = |member: &Member<'s>| member.view().key == *stage;
            match self.members.iter().position(at) {
                Some(at) => mine.contains(&at),
                None => sound || desk.docs.pipelines.contains_key(&stage.pipeline),
            }
        })
    }

    /// Keeps it as it is, or makes it anew with these parts.
    fn step(
        &mut self,
        parts: &[Part],
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) -> Result<(), Unmade> {
        let carried = pull.marker.promotions().len();
        let same = parts.len() == carried && parts.iter().all(|part| part.kept);
        let proposals = self.proposals(parts, Some(pull), desk)?;
        if same && proposals.iter().all(|proposal| proposal.stamped) {
            return self.keep(parts, proposals, pull, desk);
        }
        if is_queued(pull) {
            self.not_so(parts, pull);
            return Ok(());
        }
        let change = self.change(parts, proposals, desk)?;
        self.rebuild(parts, &change, pull, desk);
        Ok(())
    }

    fn rebuild(
        &mut self,
        parts: &[Part],
        change: &Change,
        pull: &PullRequestFacts,
        desk: &mut Desk<'_>,
    ) {
        let environments = self.environments(parts);
        let mut text = self.text(parts, change, environments, desk);
        text.body = Marker::keeping(text.body, &pull.body);
        let message = self.message(&text.title, parts, &change.proposals, None);
        let how = format!("pull request {}", pull.id);
        let told = self.told(ChangeKind::Update, parts, change.files.keys(), &how, desk);
        self.outcome.changes.push(told);
        self.outcome.effects.push(Effect::UpdatePullRequest {
            id: pull.id.clone(),
            branch: pull.branch.clone(),
            expect: pull.head.clone(),
            rebuild: Some(Rebuild {
                start: desk.obs.snapshot.commit.clone(),
                commit: CommitContent {
                    message,
                    files: change.files.clone(),
                },
            }),
            text: Some(text),
        });
        self.moving(parts, &format!("pull request {} is made anew", pull.id));
    }

    /// Opens one with this member and all others that go to the same environments.
    fn open(&mut self, first: usize, desk: &mut Desk<'_>) {
        let environments = self.members[first].view().environments.clone();
        let fits = |at: &usize| self.members[*at].view().environments == environments;
        let mut mine: Vec<usize> = self.free.iter().copied().filter(fits).collect();
        mine.truncate(MOST_MEMBERS);
        self.free.retain(|at| !mine.contains(at));
        while !mine.is_empty() {
            let parts: Vec<Part> = mine.iter().filter_map(|at| self.fresh(*at)).collect();
            let made = self
                .proposals(&parts, None, desk)
                .and_then(|proposals| self.change(&parts, proposals, desk));
            match made {
                Ok(change) => {
                    self.propose(&parts, &change, environments, desk);
                    return;
                }
                Err(Unmade::Asking) => return,
                Err(Unmade::Stopped { at, hold }) => {
                    self.members[at].tell(*hold, desk);
                    mine.retain(|other| *other != at);
                }
            }
        }
    }

    fn propose(
        &mut self,
        parts: &[Part],
        change: &Change,
        environments: Vec<Name>,
        desk: &mut Desk<'_>,
    ) {
        let names: Vec<&str> = environments.iter().map(Name::as_str).collect();
        let lines = parts.iter().map(|part| {
            let key = &self.members[part.at].view().key;
            format!("{key}={}\n", part.judged.candidate.id)
        });
        let lines: Vec<String> = lines.collect();
        let stem = format!(
            "headwater/group/{}/{}",
            names.join("+"),
            hash8(&lines.concat())
        );
        let text = self.text(parts, change, environments.clone(), desk);
        let message = self.message(&text.title, parts, &change.proposals, None);
        let branch = next_branch(&stem, desk);
        let told = self.told(
            ChangeKind::Open,
            parts,
            change.files.keys(),
            "pull request",
            desk,
        );
        self.outcome.changes.push(told);
        self.outcome.effects.push(Effect::OpenPullRequest {
            branch: branch.name,
            expect: branch.expect,
            start: desk.obs.snapshot.commit.clone(),
            commit: CommitContent {
                message,
                files: change.files.clone(),
            },
            text,
        });
        self.moving(parts, "a pull request is opened");
    }

    /// Does what people ask for in comments and by boxes, and answers what is done.
    fn obey(
        &mut self,
        commands: &[CommandFacts],
        pull: &PullRequestFacts,
        mine: &[usize],
        desk: &mut Desk<'_>,
    ) {
        let mut answers = Answers::default();
        let mut made = None;
        for command in commands {
            if is_hold(command) {
                let braked = self.hold_one(command, pull, mine, desk);
                answers.hold(command, braked, &mut self.outcome.items);
            } else if is_rebuild(command) {
                let made = *made.get_or_insert_with(|| self.asked_anew(pull, mine, desk));
                answers.rebuild(command, made);
            } else {
                answers.say(command, None);
            }
        }
        // Until it is answered, the box says what was asked.
        keep_boxes(pull, &mut self.outcome.effects);
        self.notes(mine, answers.notes, pull, desk);
        if !answers.pending {
            self.empty_boxes(mine, pull);
        }
    }

    /// Makes the branch anew because somebody asks for it; whether it is.
    fn asked_anew(&mut self, pull: &PullRequestFacts, mine: &[usize], desk: &mut Desk<'_>) -> bool {
        let Some(parts) = self.carried(pull, mine) else {
            return false;
        };
        let ours = pull.branch_facts.as_ref().filter(|b| b.foreign.is_none());
        // What others wrote is no evidence.
        let made = self
            .proposals(&parts, ours.map(|_| pull), desk)
            .and_then(|proposals| self.change(&parts, proposals, desk));
        match made {
            Ok(change) => self.rebuild(&parts, &change, pull, desk),
            Err(Unmade::Asking) => return false,
            Err(Unmade::Stopped { at, hold }) => {
                self.members[at].tell(*hold, desk);
                return false;
            }
        }
        true
    }

    /// Has the one stage held that the command names.
    fn hold_one(
        &mut self,
        command: &CommandFacts,
        pull: &PullRequestFacts,
        mine: &[usize],
        desk: &mut Desk<'_>,
    ) -> Braked {
        let named = |at: &&usize| is_of(command, &self.members[**at].view().key);
        let at = match (mine.iter().find(named), mine) {
            (Some(at), _) => *at,
            (None, [only]) => *only,
            (None, _) => {
                let words = "This pull request carries several promotions: comment `/headwater hold PIPELINE/STAGE REASON`, or tick the box of one.";
                return Braked::Said(words.to_owned());
            }
        };
        self.alone(at).hold_for(command, pull, desk)
    }

    /// A part that takes the set that its stage would take now.
    fn fresh(&self, at: usize) -> Option<Part> {
        let judged = self.members[at].decided.decision.chosen.clone()?;
        Some(Part {
            at,
            judged,
            kept: false,
        })
    }

    fn moving(&mut self, parts: &[Part], why: &str) {
        for part in parts {
            let report = &mut self.members[part.at].decided.report;
            report.state = State::Moving;
            why.clone_into(&mut report.why);
        }
    }

    fn is_approved(&self, pull: &PullRequestFacts, mine: &[usize], desk: &Desk<'_>) -> bool {
        mine.iter().any(|at| {
            let member = &self.members[*at];
            is_approved_by_anybody(member.view(), pull, member.asked_by.as_deref(), desk)
        })
    }

    /// Until when others join it; `None` where that is over.
    fn collects_until(
        &self,
        pull: &PullRequestFacts,
        mine: &[usize],
        desk: &Desk<'_>,
    ) -> Option<Timestamp> {
        let wait = mine.iter().filter_map(|at| self.members[*at].view().group);
        let until = wait.min()?.after(pull.opened_at?);
        (desk.now() < until && !self.is_approved(pull, mine, desk)).then_some(until)
    }

    fn environments(&self, parts: &[Part]) -> Vec<Name> {
        let first = parts.first().map(|part| self.members[part.at].view());
        first.map_or_else(Vec::new, |view| view.environments.clone())
    }

    /// What a promotion's marker says of each part.
    fn members_of(&self, parts: &[Part], change: &Change) -> Vec<Carried> {
        let pairs = parts.iter().zip(&change.proposals);
        let mut members: Vec<Carried> = pairs
            .map(|(part, proposal)| {
                let view = self.members[part.at].view();
                let before = view.timeline.latest(&proposal.proposal.id);
                Carried {
                    stage: view.key.clone(),
                    set: proposal.proposal.id.clone(),
                    asked_by: proposal.proposal.asked_by.clone(),
                    after: before.map(|stay| stay.commit.clone()),
                }
            })
            .collect();
        members.sort_by(|a, b| a.stage.cmp(&b.stage));
        members
    }
}
