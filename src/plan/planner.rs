//! The planner: one walk over imports, stages, outputs and pull requests, put together as a Plan.

use std::collections::{BTreeMap, BTreeSet};

use super::broken;
use super::change::files::Files;
use super::change::propose::{Stamps, promotion};
use super::change::stamps::stream_in;
use super::change::wave::{self, Item, Wave};
use super::cut;
use super::deployments::deployments;
use super::desk::Desk;
use super::import::{Imports, imports, promoted_tags};
use super::left_over;
use super::observation::Observation;
use super::output::Templates;
use super::output::survey::{Survey, survey, uses};
use super::pull::drift;
use super::pull::flow::{Flow, Outcome};
use super::pull::group::{self, Member};
use super::pull::life::open_of;
use super::pull::queue::mark_groups;
use super::pull::recording::unrecorded;
use super::pull::room::within_limits;
use super::pull::vanished::vanished;
use super::refusal;
use super::report::{BlockReport, Change, ChangeKind, HoldReport, StageReport, State, Subject};
use super::rewound;
use super::road::settled::settled;
use super::road::{Road, StageView, roads};
use super::room;
use super::shield::shielded;
use super::stage::first::{self, Offer};
use super::stage::{self, Decided, Wish, judge_open};
use super::{Effect, PLAN_VERSION, Plan};
use crate::model::{Delivery, Name, Set, StageKey, StreamKey, TagKey};

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
    work.groups(&views, &mut desk);
    work.loose(&imports, &views, &mut desk);
    work.take(vanished(&views, &desk), &mut desk);
    work.take(unrecorded(&desk), &mut desk);
    drift::report_stops(&survey, &mut desk);
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

    /// Pull requests that several stages share, once every stage is decided.
    fn groups(&mut self, views: &[&'s StageView<'s>], desk: &mut Desk<'_>) {
        let mut members = std::mem::take(&mut self.members);
        if members.is_empty() {
            return;
        }
        let known: BTreeSet<&StageKey> = views.iter().map(|view| &view.key).collect();
        let subject = || Subject::Repository;
        let (survey, templates) = (self.survey, &mut self.templates);
        let worked = shielded(subject, desk, |desk| {
            group::run(&mut members, &known, survey, templates, desk)
        });
        match worked {
            Ok(outcome) => {
                self.take(outcome, desk);
                let reports = members.into_iter().map(|member| member.decided);
                self.reports
                    .extend(reports.map(|decided| (decided.view.key.clone(), decided.report)));
            }
            Err(hold) => {
                for member in members {
                    let view = member.decided.view;
                    let subject = Subject::Stage(view.key.clone());
                    self.stall(
                        view,
                        HoldReport {
                            subject,
                            ..(*hold).clone()
                        },
                        desk,
                    );
                }
            }
        }
    }

    /// A stage that a bug stopped. Nothing else may speak for its outputs: what its pull request holds is not known.
    fn stall(&mut self, view: &StageView<'_>, hold: HoldReport, desk: &mut Desk<'_>) {
        let places = self.survey.places.iter();
        let mine = places.filter(|((environment, _), surveyed)| {
            view.environments.contains(environment) && uses(surveyed, view)
        });
        self.pulls
            .claimed
            .extend(mine.map(|(place, _)| place.clone()));
        let report = stage::stalled_report(view, &hold);
        self.reports.insert(view.key.clone(), report);
        desk.holds.push(hold);
    }

    fn first(
        &mut self,
        view: &'s StageView<'s>,
        road: &'s Names<'s>,
        imports: &Imports,
        desk: &mut Desk<'_>,
    ) {
        let offer = first::offer(view, &imports.imports, desk);
        let decision = first::decide(view, offer.as_ref(), desk);
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

    /// Tags in no pipeline, and failures written down.
    fn loose(&mut self, imports: &Imports, views: &[&StageView<'_>], desk: &mut Desk<'_>) {
        let by_commit = desk.docs.config.spec.delivery == Delivery::Commit;
        for import in first::loose(&imports.imports, views) {
            if let Some(why) = first::perhaps_owned(&import.tag.stream, desk) {
                let why = format!("its pipeline may be unreadable: {why}");
                let subject = Subject::Tag(import.tag.clone());
                desk.hold(subject, State::Held, "PipelineUnreadable", why);
                continue;
            }
            if let Some(why) =
                first::perhaps_meant(&import.tag.stream, &imports.imports, views, desk)
            {
                let subject = Subject::Tag(import.tag.clone());
                let hold = desk.hold(subject, State::Held, "StageTagMissing", why);
                hold.help = Some("mend the stage's tag, or add that tag to the stream".to_owned());
                continue;
            }
            if by_commit {
                self.items.push(first::loose_item(import, desk));
            } else {
                let why =
                    "NotYet: a tag in no pipeline with `delivery: pullRequest` in headwater.yaml";
                desk.hold(Subject::Tag(import.tag.clone()), State::Held, "NotYet", why);
            }
        }
        for record in &imports.records {
            self.items.push(Item {
                subject: Subject::Tag(record.tag.clone()),
                environments: Vec::new(),
                edits: BTreeMap::from([(record.tag.stream.clone(), record.edits.clone())]),
                files: Files::new(),
                heads: BTreeMap::new(),
                changes: vec![Change {
                    kind: ChangeKind::Record,
                    group: record.tag.stream.name.to_string(),
                    place: record.tag.tag.clone(),
                    subject: record.subject.to_owned(),
                    old: None,
                    new: Some(record.what.clone()),
                    why: None,
                    delivery: String::new(),
                    files: Vec::new(),
                }],
                trailer: None,
            });
        }
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

    /// Completes the reports of stages with what became of their moves.
    fn tell_wave(&mut self, wave: &Wave, desk: &mut Desk<'_>) {
        for key in &wave.moved {
            if let Some(report) = self.reports.get_mut(key) {
                report.state = State::Moving;
                report.why = "moves with this plan".to_owned();
                report.until = None;
                report.help = None;
            }
        }
        for hold in &wave.stopped {
            match &hold.subject {
                Subject::Stage(key) => {
                    if let Some(report) = self.reports.get_mut(key) {
                        tell(report, hold, desk);
                    }
                }
                _ => desk.holds.push(hold.clone()),
            }
        }
        self.tell_failed_imports(desk);
    }

    /// A first stage whose tag cannot be imported is broken, whatever it still holds.
    fn tell_failed_imports(&mut self, desk: &Desk<'_>) {
        for hold in desk.holds.iter().filter(|h| {
            matches!(
                h.reason.as_str(),
                "ImportFailed" | "NotAnswered" | "NotFollowed" | "NotYet" | "Settling" | "Stalled"
            )
        }) {
            let Subject::Tag(tag) = &hold.subject else {
                continue;
            };
            let owners = self.reports.values_mut().filter(|r| {
                let pipeline = desk.docs.pipelines.get(&r.key.pipeline);
                (r.tag == tag.tag || tag.is_all() && lacks_first(r, tag, desk))
                    && pipeline
                        .is_some_and(|p| desk.docs.pipeline_streams(&p.value).contains(&tag.stream))
            });
            let block = BlockReport {
                why: format!("import: {}", hold.why),
                ..BlockReport::from(hold)
            };
            // A digest that settles stops nothing: it is told only where nothing else is to be told.
            let stops = hold.state <= State::Held;
            for report in owners.filter(|r| stops || hold.state < r.state) {
                report.stopped_by(block.clone());
            }
        }
    }
}

/// Whether a first stage begins with a tag that is still to come, with the repository that its stream imports as a whole.
fn lacks_first(report: &StageReport, all: &TagKey, desk: &Desk<'_>) -> bool {
    let stream = desk.stream(&all.stream);
    let lacks = stream.is_some_and(|stream| stream.spec_tag(&report.tag).is_none());
    let carriers = desk.carriers.get(&all.stream);
    let mut stages = carriers.into_iter().flatten();
    lacks
        && stages.any(|(pipeline, stage)| {
            let pipeline = (**pipeline == report.key.pipeline)
                .then(|| desk.docs.pipelines.get(*pipeline))
                .flatten();
            let from = pipeline.and_then(|pipeline| pipeline.value.sources(stage));
            stage.name == report.key.stage && from.is_some_and(|from| from.stages().is_empty())
        })
}

/// Puts a hold on a stage's report, and on record.
fn tell(report: &mut StageReport, hold: &HoldReport, desk: &mut Desk<'_>) {
    report.stopped_by(BlockReport::from(hold));
    desk.holds.push(hold.clone());
}

/// Stages as their pipelines list them.
fn stage_order(roads: &BTreeMap<Name, Road<'_>>, desk: &Desk<'_>) -> Vec<StageKey> {
    let known: BTreeSet<&StageKey> = roads.values().flatten().map(|v| &v.key).collect();
    let pipelines = desk.docs.pipelines.iter();
    pipelines
        .flat_map(|(name, p)| {
            p.value.spec.stages.iter().map(move |s| StageKey {
                pipeline: name.clone(),
                stage: s.name.clone(),
            })
        })
        .filter(|k| known.contains(k))
        .collect()
}

/// The set that the open pull request of a first stage carries, read from its branch, and the sources of its tags there.
fn carried_set(
    view: &StageView<'_>,
    desk: &mut Desk<'_>,
) -> Option<(Set, BTreeMap<StreamKey, String>)> {
    let (id, pull) = open_of(view, desk)?;
    let branch = pull.branch_facts.as_ref()?;
    let (mut members, mut sources) = (Vec::new(), BTreeMap::new());
    for key in &view.streams {
        let located = desk.docs.streams.get(key)?;
        let digest = match branch.changed.get(&located.path) {
            Some(Some(blob)) => {
                let text = desk.text(blob)??;
                let stream = stream_in(&text, &located.path, key, desk)?;
                let image = settled(&stream, view.tag())?.image;
                let from = stream
                    .spec_tag(view.tag())
                    .and_then(|tag| tag.from.as_ref());
                sources.extend(from.map(|from| (key.clone(), from.name.to_string())));
                desk.fresh
                    .insert((key.clone(), image.digest.clone()), image.clone());
                image.digest
            }
            _ => desk.head(key, view.tag())?.digest,
        };
        members.push((key.clone(), digest));
    }
    let set = Set::new(members);
    (set.id() == id).then_some((set, sources))
}
