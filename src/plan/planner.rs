//! The planner: one walk over imports, stages, outputs and pull requests, put together as a Plan.

mod carried;
mod loose;
mod telling;
mod together;

use std::collections::BTreeMap;

use super::broken;
use super::change::propose::{Stamps, promotion};
use super::change::wave::{self, Item};
use super::cut;
use super::deployments::deployments;
use super::desk::Desk;
use super::dispatches::dispatches;
use super::import::{Imports, imports, promoted_tags};
use super::left_over;
use super::observation::Observation;
use super::output::Templates;
use super::output::frozen;
use super::output::survey::{Survey, survey};
use super::pull::drift;
use super::pull::flow::{Flow, Outcome};
use super::pull::group::{self, Member};
use super::pull::queue::mark_groups;
use super::pull::recording::unrecorded;
use super::pull::room::within_limits;
use super::pull::vanished::vanished;
use super::refusal;
use super::report::{StageReport, State, Subject};
use super::rewound;
use super::road::{Road, StageView, roads};
use super::room;
use super::shield::shielded;
use super::stage::adoption::{before_import, contradicted};
use super::stage::first::{self, Offer};
use super::stage::{self, Decided, Wish, going_back, judge_open};
use super::{Effect, PLAN_VERSION, Plan};
use crate::model::{Delivery, Name, StageKey};
use carried::carried_set;
use telling::{stage_order, tell};

/// Makes the plan for an observation. Pure: the same observation gives the same bytes.
pub fn plan(obs: &Observation) -> Plan {
    let mut desk = Desk::new(obs);
    let roads = roads(&desk);
    let views: Vec<&StageView<'_>> = roads.values().flatten().collect();
    let promoted = promoted_tags(
        views
            .iter()
            .map(|v| (v.streams.as_slice(), v.tag(), v.is_first())),
    );
    let imports = imports(&promoted, &mut desk);
    let names: Vec<Names<'_>> = roads.values().map(|road| first::by_name(road)).collect();
    let mut templates = Templates::default();
    let survey = survey(&roads, &mut templates, &mut desk);
    let mut work = Work {
        survey: &survey,
        templates,
        items: Vec::new(),
        reports: BTreeMap::new(),
        pulls: Outcome::default(),
        members: Vec::new(),
    };
    for (road, names) in roads.values().zip(&names) {
        work.pipeline(road, names, &imports, &mut desk);
    }
    work.groups(&mut desk);
    work.loose(&imports, &views, &mut desk);
    work.take(vanished(&views, &desk), &mut desk);
    work.take(unrecorded(&desk), &mut desk);
    let started = dispatches(&mut desk);
    work.take(started, &mut desk);
    drift::report_stops(&survey, &mut desk);
    frozen::report(&survey, &mut desk);
    broken::report(&mut desk);
    rewound::report(&mut desk);
    cut::report(&mut desk);
    work.finish(&roads, desk)
}

/// Stages of one pipeline by their names.
type Names<'a> = BTreeMap<Name, &'a StageView<'a>>;

struct Work<'s> {
    survey: &'s Survey,
    templates: Templates,
    items: Vec<Item>,
    reports: BTreeMap<StageKey, StageReport>,
    pulls: Outcome,
    /// Stages that may share a pull request.
    members: Vec<Member<'s>>,
}

impl<'s> Work<'s> {
    fn pipeline(
        &mut self,
        road: &'s Road<'s>,
        names: &'s Names<'s>,
        imports: &Imports,
        desk: &mut Desk<'_>,
    ) {
        for view in road {
            let done = self.counts();
            let subject = || Subject::Stage(view.key.clone());
            let worked = shielded(subject, desk, |desk| {
                if view.is_first() {
                    self.first(view, names, imports, desk);
                } else {
                    self.later(view, names, desk);
                }
            });
            if let Err(hold) = worked {
                self.take_back(done);
                self.stall(view, *hold, desk);
            }
        }
    }

    fn counts(&self) -> [usize; 4] {
        let (pulls, members) = (&self.pulls, self.members.len());
        [
            self.items.len(),
            pulls.effects.len(),
            pulls.changes.len(),
            members,
        ]
    }

    fn take_back(&mut self, [items, effects, changes, members]: [usize; 4]) {
        self.items.truncate(items);
        self.pulls.effects.truncate(effects);
        self.pulls.changes.truncate(changes);
        self.members.truncate(members);
    }

    fn first(
        &mut self,
        view: &'s StageView<'s>,
        road: &'s Names<'s>,
        imports: &Imports,
        desk: &mut Desk<'_>,
    ) {
        let offer = first::offer(view, &imports.imports, desk);
        let mut decision = first::decide(view, offer.as_ref(), desk);
        let offered = offer.as_ref().map(|offer| &offer.set);
        let before = before_import(view, offered, self.survey, desk);
        for block in before.into_iter().chain(contradicted(view, self.survey)) {
            decision.stop(block);
        }
        let report = stage::report(view, road, &decision, desk);
        let decided = Decided {
            view,
            decision,
            report,
        };
        if view.delivery == Delivery::Commit {
            if let Some(offer) = offer.as_ref().filter(|_| decided.decision.chosen.is_some()) {
                self.items.push(first::item(view, offer, desk));
            }
        } else {
            self.first_by_pull(decided, road, offer, desk);
            return;
        }
        self.reports.insert(view.key.clone(), decided.report);
    }

    fn first_by_pull(
        &mut self,
        mut decided: Decided<'s>,
        road: &'s Names<'s>,
        offer: Option<Offer>,
        desk: &mut Desk<'_>,
    ) {
        let view = decided.view;
        let carried = carried_set(view, desk);
        let (carried, sources) = carried.unzip();
        let sources = sources.unwrap_or_default();
        let open_judged = carried.as_ref().map(|set| first::judge(view, set, desk));
        let build = move |judged: &super::stage::decide::Judged,
                          stamps: &Stamps,
                          desk: &mut Desk<'_>| {
            let offer = offer
                .as_ref()
                .filter(|o| o.set.id() == judged.candidate.id)
                .cloned();
            let offer = offer
                .unwrap_or_else(|| first::offer_of(view, &judged.candidate.set, &sources, desk));
            Ok(first::proposal(&offer, stamps, desk))
        };
        if group::is_member(view, desk) {
            self.members.push(Member {
                decided,
                road,
                build: Box::new(build),
                open_judged,
                asked_by: None,
            });
            return;
        }
        let flow = Flow {
            decided: &mut decided,
            road,
            survey: self.survey,
            templates: &mut self.templates,
            build: &build,
            open_judged,
            asked_by: None,
        };
        let outcome = flow.run(desk);
        self.take(outcome, desk);
        self.reports.insert(view.key.clone(), decided.report);
    }

    fn later(&mut self, view: &'s StageView<'s>, road: &'s Names<'s>, desk: &mut Desk<'_>) {
        let mut decided = stage::later(view, road, self.survey, desk);
        let asked_by = decided.decision.request.as_ref().map(|r| r.by.clone());
        if let Some(item) = going_back::automatic(&mut decided, road, desk) {
            self.items.push(item);
            self.reports.insert(view.key.clone(), decided.report);
            return;
        }
        if view.delivery == Delivery::Commit {
            if let Some(judged) = decided.decision.chosen.clone() {
                match stage::proposal(view, &Wish { judged, asked_by }, desk) {
                    Ok(proposal) => {
                        let item = stage::item(view, proposal, desk);
                        self.items.push(item);
                    }
                    Err(hold) => tell(&mut decided.report, &hold, desk),
                }
            }
        } else {
            let open_judged = judge_open(view, road, desk);
            let by = asked_by.clone();
            let build = move |judged: &super::stage::decide::Judged,
                              stamps: &Stamps,
                              desk: &mut Desk<'_>| {
                promotion(view, judged, by.clone(), stamps, desk)
            };
            if group::is_member(view, desk) {
                self.members.push(Member {
                    decided,
                    road,
                    build: Box::new(build),
                    open_judged,
                    asked_by,
                });
                return;
            }
            let flow = Flow {
                decided: &mut decided,
                road,
                survey: self.survey,
                templates: &mut self.templates,
                build: &build,
                open_judged,
                asked_by,
            };
            let outcome = flow.run(desk);
            if let Some(hold) = &outcome.hold {
                tell(&mut decided.report, hold, desk);
            }
            self.take(
                Outcome {
                    hold: None,
                    ..outcome
                },
                desk,
            );
        }
        self.reports.insert(view.key.clone(), decided.report);
    }

    fn take(&mut self, outcome: Outcome, desk: &mut Desk<'_>) {
        desk.holds.extend(outcome.hold);
        self.items.extend(outcome.items);
        self.pulls.effects.extend(outcome.effects);
        self.pulls.changes.extend(outcome.changes);
        self.pulls.claimed.extend(outcome.claimed);
        self.pulls.marks.extend(outcome.marks);
    }

    fn finish(mut self, roads: &BTreeMap<Name, Road<'_>>, mut desk: Desk<'_>) -> Plan {
        let items = std::mem::take(&mut self.items);
        let (items, refused) = refusal::part(items, self.survey, &mut desk);
        let mut wave = wave::build(items, self.survey, &mut self.templates, &mut desk);
        wave.stopped.extend(refused);
        let drift = drift::environments(self.survey, &self.pulls.claimed, &mut desk);
        let mut pulls = std::mem::take(&mut self.pulls);
        pulls.marks.extend(drift.marks.iter().cloned());
        let groups = mark_groups(&pulls.marks, &desk);
        let left = left_over::branches(&desk);
        let others = pulls
            .effects
            .into_iter()
            .chain(drift.effects)
            .chain(left.effects)
            .chain(groups.effects)
            .zip(
                pulls
                    .changes
                    .into_iter()
                    .chain(drift.changes)
                    .chain(left.changes)
                    .chain(groups.changes),
            );
        let others = refusal::allowed(others, &mut wave.stopped, &mut desk);
        let others = within_limits(others, roads, &mut wave.stopped, &desk);
        let mut others = room::fitting(others, &mut wave.stopped, &mut desk);
        let mut effects: Vec<Effect> = wave.effect(&desk).into_iter().collect();
        let views: Vec<&StageView<'_>> = roads.values().flatten().collect();
        let recorded = deployments(&views, &mut desk);
        others.extend(recorded.effects.into_iter().zip(recorded.changes));
        let still = refusal::still(&wave.stopped, &effects, &views, &desk);
        wave.stopped.extend(still);
        self.tell_wave(&wave, &mut desk);
        let mut changes = wave.changes;
        for (effect, change) in others {
            // The base moves at most once in a plan: what a merge was checked on must be what it is merged into.
            let moves_base = matches!(effect, Effect::MergePullRequest { .. });
            let moved = effects
                .iter()
                .any(|e| matches!(e, Effect::PushBase { .. } | Effect::MergePullRequest { .. }));
            if !(moves_base && moved) {
                effects.push(effect);
                changes.push(change);
            }
        }
        if let Some(path) = &desk.docs.config_broken {
            let why = format!(
                "{path} cannot be read, so nobody knows where to write and how to hand over"
            );
            let hold = desk.hold(Subject::Repository, State::Broken, "Invalid", why);
            hold.help = Some("headwater check".to_owned());
            effects.clear();
            changes.clear();
        }
        let order: Vec<StageKey> = stage_order(roads, &desk);
        let stages = order
            .into_iter()
            .filter_map(|key| self.reports.remove(&key))
            .collect();
        desk.holds
            .sort_by(|a, b| (&a.subject, &a.reason, &a.why).cmp(&(&b.subject, &b.reason, &b.why)));
        desk.holds.dedup();
        Plan {
            v: PLAN_VERSION,
            base: desk.obs.snapshot.commit.clone(),
            branch: desk.obs.snapshot.branch.clone(),
            now: desk.now(),
            stamp: desk.stamp(),
            valid_until: desk.valid_until,
            changes,
            effects,
            holds: desk.holds,
            stages,
            questions: desk.questions.into_iter().collect(),
        }
    }
}
