//! Random lives of a small world. After every event it comes to rest, and then identity, pins, the way forward, a quiet
//! second pass and the sameness of plans are checked from Git alone.

use std::collections::BTreeSet;

use headwater::forge::PullState;
use headwater::model::Digest;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::ledger::{Ledger, SMALL, pins};
use crate::support::world::{World, shown, small, without_tries};

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    Build { good: bool, index: bool },
    TagGoesBack,
    Advance(u16),
    UnrelatedEdit,
    RevertOfPromotion,
    Approve,
    Close,
    Reopen,
    Hold(&'static str),
    Unhold(&'static str),
    Freeze(&'static str),
    Unfreeze,
    Restart,
    Forget,
    Break(&'static str),
    Mend,
}

fn event() -> impl Strategy<Value = Event> {
    let stage = || prop_oneof![Just("qa"), Just("prod")];
    prop_oneof![
        6 => (prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(good, index)| Event::Build { good, index }),
        1 => Just(Event::TagGoesBack),
        3 => (1..90u16).prop_map(Event::Advance),
        1 => Just(Event::UnrelatedEdit),
        2 => Just(Event::RevertOfPromotion),
        6 => Just(Event::Approve),
        1 => Just(Event::Close),
        1 => Just(Event::Reopen),
        1 => stage().prop_map(Event::Hold),
        2 => stage().prop_map(Event::Unhold),
        1 => stage().prop_map(Event::Freeze),
        2 => Just(Event::Unfreeze),
        1 => Just(Event::Restart),
        1 => Just(Event::Forget),
        1 => prop_oneof![
            Just("pipelines/other/pipeline.yaml"),
            Just("environments/other.yaml"),
            Just("holds/broken.yaml"),
            Just("freezes/broken.yaml"),
        ]
        .prop_map(Event::Break),
        2 => Just(Event::Mend),
    ]
}

/// A world and what the test remembers of its life.
struct Life {
    world: World,
    built: Vec<Digest>,
    builds: u32,
    broken: BTreeSet<&'static str>,
    ledger: Ledger,
}

impl Life {
    async fn begin() -> Self {
        Self {
            world: World::small().await,
            built: Vec::new(),
            builds: 0,
            broken: BTreeSet::new(),
            ledger: Ledger::new(&SMALL),
        }
    }

    async fn happens(&mut self, event: &Event) {
        match event {
            Event::Build { good, index } => self.build(*good, *index),
            Event::TagGoesBack => {
                if let Some(first) = self.built.first() {
                    self.world.registry.retag("acme/app", "main", first);
                }
                self.world.advance("1m");
            }
            Event::Advance(minutes) => self.world.advance(&format!("{minutes}m")),
            Event::UnrelatedEdit => {
                let text = format!("notes of {}\n", self.world.now());
                self.world
                    .person_commits(&[("notes.md", &text)], "Take notes");
            }
            Event::RevertOfPromotion => self.revert(),
            Event::Approve | Event::Close | Event::Reopen => self.on_pull(event).await,
            Event::Hold(stage) => self.write(
                &format!("holds/{stage}.yaml"),
                &small::hold(stage, "app", stage),
            ),
            Event::Unhold(stage) => self.delete(&format!("holds/{stage}.yaml")),
            Event::Freeze(place) => self.write("freezes/now.yaml", &small::freeze("now", place)),
            Event::Unfreeze => self.delete("freezes/now.yaml"),
            Event::Restart => self.world.restart(),
            Event::Forget => self.world.forget(),
            Event::Break(path) => {
                self.write(path, "kind: [broken\n");
                self.broken.insert(path);
            }
            Event::Mend => {
                for path in std::mem::take(&mut self.broken) {
                    self.delete(path);
                }
            }
        }
    }

    fn build(&mut self, good: bool, index: bool) {
        self.builds += 1;
        self.world.advance("1m");
        let labels: &[(&str, &str)] = if good { &[("tests", "passed")] } else { &[] };
        let platforms: &[(&str, &str)] = if index {
            &[("linux", "amd64"), ("linux", "arm64")]
        } else {
            &[]
        };
        let version = format!("1.0.{}", self.builds);
        let built = self
            .world
            .push_image("acme/app:main", &version, labels, platforms);
        self.built.push(built);
    }

    fn write(&self, path: &str, text: &str) {
        self.world.person_commits(&[(path, text)], "Write a file");
    }

    fn delete(&self, path: &str) {
        if self.world.repository.text("main", path).is_some() {
            self.world.person_deletes(&[path], "Delete a file");
        }
    }

    /// The last commit that moved qa or prod is reverted, where that is possible.
    fn revert(&mut self) {
        let repository = &self.world.repository;
        let line = repository.line();
        let Some(last) = line.iter().rev().find(|id| {
            let message = repository.message(id);
            message.contains("Headwater-Stage: app/qa")
                || message.contains("Headwater-Stage: app/prod")
        }) else {
            return;
        };
        let before = repository.heads("main");
        if self.world.try_revert(last).is_none() {
            return;
        }
        let after = repository.heads("main");
        for stage in ["qa", "prod"] {
            let tag = format!("app:{stage}");
            if let Some(gone) = before.get(&tag).filter(|d| after.get(&tag) != Some(*d)) {
                self.ledger.thrown_out.insert((tag, gone.clone()));
            }
        }
    }

    async fn on_pull(&mut self, event: &Event) {
        let pulls = self.world.pulls().await;
        let state = match event {
            Event::Reopen => PullState::Closed,
            _ => PullState::Open,
        };
        let fits = |p: &&headwater::forge::PullRequest| {
            p.state == state && (state == PullState::Open || p.closed_by.is_some())
        };
        let Some(pull) = pulls.values().rfind(fits) else {
            return;
        };
        let branch = format!("refs/heads/{}", pull.branch);
        let carried = self.world.repository.heads(&branch).remove("app:prod");
        let tag = "app:prod".to_owned();
        match event {
            Event::Approve => self.world.approve(pull, "Ines").await,
            Event::Close => {
                self.world.close(pull, "ines@example.com").await;
                self.ledger.thrown_out.extend(carried.map(|d| (tag, d)));
            }
            _ => {
                let others_open = pulls.values().any(|p| p.state == PullState::Open);
                if !others_open {
                    self.world.reopen(pull).await;
                    carried.map(|d| self.ledger.thrown_out.remove(&(tag, d)));
                }
            }
        }
    }

    async fn check(&mut self) {
        let passes = self.world.settle().await;
        let built = &self.built;
        let is_known = |_: &str, digest: &Digest| built.contains(digest);
        self.ledger.read(&self.world.repository, is_known);
        pins(&self.world.repository, |environment, _| {
            Some(format!("app:{environment}"))
        });
        self.check_silence().await;
        let (one, other) = (self.world.plan().await, self.world.plan().await);
        assert_eq!(
            without_tries(&one),
            without_tries(&other),
            "{}",
            shown(&one)
        );
        assert!(!passes.is_empty());
    }

    /// At rest a pass asks registries for no body and moves no ref. A tag that never had an image is asked for whole: while
    /// it is not there, there is no body either.
    async fn check_silence(&self) {
        let (refs, asked) = (self.world.repository.refs(), self.world.requests());
        let pass = self.world.pass().await;
        assert!(pass.receipt.done.is_empty() && pass.receipt.refused.is_empty());
        assert_eq!(self.world.repository.refs(), refs);
        let bodies = self.world.registry.requests();
        let bodies: Vec<_> = bodies[asked..]
            .iter()
            .filter(|r| r.method != "HEAD" && r.status != 404)
            .collect();
        assert!(bodies.is_empty(), "{bodies:?}");
    }
}

fn live(events: &[Event]) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut life = Life::begin().await;
        life.check().await;
        for event in events {
            life.happens(event).await;
            life.check().await;
        }
    });
}

fn config(cases: u32) -> Config {
    // More with PROPTEST_CASES; a story that fails is shrunk, but not for ever.
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|c| c.parse().ok());
    Config {
        cases: asked.unwrap_or(cases),
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config(4))]

    #[test]
    fn whatever_happens_a_world_comes_to_rest_and_keeps_the_laws(
        events in prop::collection::vec(event(), 12..24)
    ) {
        live(&events);
    }
}
