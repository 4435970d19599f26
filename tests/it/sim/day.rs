//! One simulated day: some seconds, what people do in them, a pass, again and again; now and then everything that is broken is
//! mended, and then the laws must hold at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use headwater::cli::engine::Engine;
use headwater::forge::{PullRequest, PullState};
use headwater::model::Digest;
use headwater::plan::{Plan, State};

use super::front::{Front, Mood};
use super::log::Log;
use super::remote::Remote;
use super::world::{ROADS, STREAMS, begin, is_known};
use crate::laws::ledger::{Ledger, Road, pins};
use crate::support::world::{World, shown, stage, without_tries};

/// Everything rests once in so many passes.
const REST: u32 = 40;
/// How many of a hundred minutes have a first thing that happens, and a second one.
const EVENTS: u32 = 35;
/// In how many of a hundred minutes a registry that is fine gets a mood.
const MOODS: u32 = 4;
/// As often as somebody looks until the last build of the day is in prod.
const PATIENCE: usize = 25;

/// A day, and what the test remembers of it.
pub(super) struct Day {
    pub(super) world: World,
    pub(super) fronts: [Front; 2],
    pub(super) chance: Rng,
    pub(super) log: Log,
    pub(super) ledger: Ledger,
    pub(super) remote: Remote,
    /// Another process on the same repository.
    pub(super) twin: Engine,
    /// What was built, by stream.
    pub(super) built: [Vec<Digest>; 2],
    pub(super) builds: u32,
    /// Commits of people who pinned something by hand and have not thought better of it.
    pub(super) by_hand: Vec<String>,
    pub(super) broken: BTreeSet<&'static str>,
    pub(super) passes: usize,
    /// Seconds from one pass to the next.
    step: u32,
    /// How many times that has been.
    steps: u32,
    /// Until which step each registry keeps its mood.
    moods: [u32; 2],
}

impl Day {
    /// The morning; there will be so many seconds, at most sixty, from one pass to the next.
    pub(super) async fn begin(seed: u64, served: bool, step: u32) -> Self {
        let (world, fronts) = begin(served).await;
        let twin = world.another_engine("twin");
        let mut day = Self {
            log: Log::new(seed, served),
            chance: Rng::with_seed(seed),
            ledger: Ledger::new(&ROADS),
            remote: Remote::new(served),
            twin,
            world,
            fronts,
            built: [Vec::new(), Vec::new()],
            builds: 0,
            by_hand: Vec::new(),
            broken: BTreeSet::new(),
            passes: 0,
            step,
            steps: 0,
            moods: [0; 2],
        };
        day.rest().await;
        day
    }

    /// Lives until so many passes were made.
    pub(super) async fn live(&mut self, passes: usize) {
        while self.passes < passes {
            self.steps += 1;
            self.world.advance(&format!("{}s", self.step));
            time_passes(self.step).await;
            self.moods_change();
            for _ in 0..2 {
                if self.comes(EVENTS) {
                    self.something_happens().await;
                }
            }
            self.one_pass().await;
            self.read();
            if self.steps.is_multiple_of(REST) {
                self.rest().await;
            }
        }
    }

    pub(super) fn tell(&mut self, line: impl Into<String>) {
        self.log.add(self.world.now(), line);
    }

    /// One of these.
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.chance.usize(0..of.len())])
    }

    /// Whether something comes in this step that comes in so many of a hundred minutes.
    fn comes(&mut self, of_hundred: u32) -> bool {
        self.chance.u32(0..6_000) < of_hundred * self.step
    }

    /// Steps of some minutes.
    fn steps_of(&self, minutes: u32) -> u32 {
        minutes * 60 / self.step
    }

    fn moods_change(&mut self) {
        for (index, (stream, _)) in STREAMS.into_iter().enumerate() {
            if self.fronts[index].mood() != Mood::Fine {
                if self.steps >= self.moods[index] {
                    self.fronts[index].is_now(Mood::Fine);
                    self.tell(format!(
                        "the registry of {} is fine again",
                        STREAMS[index].0
                    ));
                }
            } else if self.comes(MOODS) {
                let mood = self.one(&Mood::BAD).unwrap();
                self.fronts[index].is_now(mood);
                let minutes = self.chance.u32(1..6);
                self.moods[index] = self.steps + self.steps_of(minutes);
                self.tell(format!("the registry of {stream} is {mood:?}"));
            }
        }
        if let Some(line) = self.remote.change(&self.world, &mut self.chance, self.step) {
            self.tell(line);
        }
    }

    /// Reads what is new on the base.
    pub(super) fn read(&mut self) {
        let fronts = &self.fronts;
        let known = |stream: &str, digest: &Digest| is_known(fronts, stream, digest);
        self.ledger.read(&self.world.repository, known);
    }

    fn mend(&mut self) {
        for front in &self.fronts {
            front.is_now(Mood::Fine);
        }
        self.remote.mend(&self.world);
    }

    /// Nothing is broken, nobody acts and the clock stands still: the laws hold.
    pub(super) async fn rest(&mut self) {
        self.read();
        self.mend();
        self.tell("rest");
        self.passes += self.world.settle().await.len();
        self.read();
        let (refs, bodies) = (self.world.repository.refs(), self.bodies());
        let pass = self.world.pass().await;
        self.passes += 1;
        assert!(pass.receipt.done.is_empty(), "{:?}", pass.receipt);
        assert_eq!(self.world.repository.refs(), refs, "rest is silent");
        assert_eq!(self.bodies(), bodies, "rest asks registries for no body");
        let (one, other) = (self.world.plan().await, self.world.plan().await);
        self.log.planned(shown(&one));
        assert_eq!(without_tries(&one), without_tries(&other));
        self.everything_is_pinned();
        self.nothing_is_forgotten(&one);
        self.pulls_are_honest().await;
    }

    fn bodies(&self) -> usize {
        self.fronts.iter().map(Front::bodies).sum()
    }

    /// Outputs say what tags say, except where a person put a tag somewhere by hand.
    fn everything_is_pinned(&self) {
        let by_hand: BTreeSet<&str> = ROADS
            .iter()
            .filter(|road| self.ledger.is_by_hand(road.tag))
            .map(|road| road.environment)
            .collect();
        pins(&self.world.repository, |environment, application| {
            let tag = match (environment, application) {
                (place, _) if by_hand.contains(place) => return None,
                ("shop", _) => "live",
                (place, _) => place,
            };
            Some(format!("{application}:{tag}"))
        });
    }

    /// What could go on and does not is named with its reason.
    fn nothing_is_forgotten(&self, plan: &Plan) {
        for road in ROADS.iter().filter(|road| self.ledger.has_news(road)) {
            let report = stage(plan, road.stage);
            let named = matches!(
                report.state,
                State::Moving
                    | State::Waiting
                    | State::Held
                    | State::Frozen
                    | State::Refused
                    | State::Broken
            );
            assert!(
                named && !report.why.is_empty(),
                "{} holds {:?}, {} does not, and nobody says why: {:?} {}\n{}",
                road.source,
                self.ledger.head(road.source),
                road.tag,
                report.state,
                report.why,
                shown(plan)
            );
        }
    }

    /// No stage has two open pull requests, and none carries what was not in qa.
    async fn pulls_are_honest(&self) {
        let mut open: BTreeMap<&str, Vec<&PullRequest>> = BTreeMap::new();
        let pulls = self.world.pulls().await;
        for pull in pulls.values().filter(|p| p.state == PullState::Open) {
            if pull.branch.starts_with("headwater/promote/app/prod/") {
                open.entry("app/prod").or_default().push(pull);
            }
            let heads = self
                .world
                .repository
                .heads(&format!("refs/heads/{}", pull.branch));
            for (tag, digest) in &heads {
                let stream = tag.split(':').next().unwrap();
                assert!(
                    is_known(&self.fronts, stream, digest),
                    "{pull:?}: {tag} {digest}"
                );
            }
            if let Some(digest) = heads.get("app:prod") {
                let settled = self.ledger.head("app:prod") == Some(digest);
                assert!(
                    settled || self.ledger.was_in("app:qa", digest),
                    "{pull:?}: {digest}"
                );
            }
        }
        for (stage, pulls) in open {
            assert!(
                pulls.len() <= 1,
                "{stage} has several pull requests: {pulls:#?}"
            );
        }
    }

    /// The evening: brakes are lifted, a last good build of each stream is pushed, and it gets to the end of its road.
    pub(super) async fn end(&mut self) {
        self.mend();
        self.tell("the evening");
        self.brakes_off();
        for pull in self.world.pulls().await.into_values() {
            if pull.state == PullState::Open {
                self.world.close(&pull, "ines@example.com").await;
            }
        }
        self.world.advance("1h");
        self.rest().await;
        self.build(0, true, false);
        self.build(1, true, true);
        for _ in 0..PATIENCE {
            self.world.advance("7m");
            time_passes(60).await;
            self.rest().await;
            let last: Vec<Digest> = self
                .built
                .iter()
                .filter_map(|b| b.last().cloned())
                .collect();
            let there = |road: &&Road| {
                let index = usize::from(road.tag.starts_with("lib"));
                self.ledger.head(road.tag) == Some(&last[index])
            };
            let behind: Vec<Road> = ROADS.iter().filter(|r| !there(r)).copied().collect();
            let is_by_hand = |road: &&Road| self.ledger.is_by_hand(road.tag);
            let edited: Vec<Road> = ROADS.iter().filter(is_by_hand).copied().collect();
            if behind.is_empty() && edited.is_empty() {
                return;
            }
            for road in edited {
                self.promote(road.stage).await;
            }
            for pull in self.world.pulls().await.into_values() {
                if pull.state == PullState::Open {
                    self.tell(format!("{} is approved", pull.id));
                    self.world.approve(&pull, "Ines").await;
                }
            }
        }
        let plan = self.world.plan().await;
        panic!("the last builds do not get to the end: {}", shown(&plan));
    }
}

/// Timers of the program go by its own clock, not by that of commits.
async fn time_passes(seconds: u32) {
    tokio::time::advance(Duration::from_secs(seconds.into())).await;
}
