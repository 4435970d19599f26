//! Deployments at the forge, and what is remembered of them: a file that may be deleted. What is over is asked for no more,
//! and a forge that does not let us in is asked again later and later.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::{ObserveError, aside};
use super::store;
use super::untold::{not_kept, untold};
use crate::forge::Forge;
use crate::model::{Deployment, DeploymentPlace, DeploymentState, Party, Period, Timestamp};
use crate::plan::facts::{DeploymentMemory, Failure, Outcome};
use crate::plan::question::Deployments;

/// Version of the file.
const VERSION: u32 = 1;
/// A larger file is none of ours.
const MOST_BYTES: u64 = 16 << 20;
/// More places are not remembered.
const MOST: usize = 20_000;
/// So often the time is doubled after which a forge is asked again.
const MOST_DOUBLINGS: u32 = 6;

/// How deployments fare by key, or why nobody tells.
pub(super) type Told = Outcome<BTreeMap<String, DeploymentState>>;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u32,
    places: Vec<(DeploymentPlace, DeploymentMemory)>,
}

/// What is remembered of deployments, with its file.
#[derive(Debug, Default)]
pub(super) struct Memory {
    path: Option<PathBuf>,
    places: BTreeMap<DeploymentPlace, DeploymentMemory>,
    rest: Option<Rest>,
}

/// A forge that does not tell until somebody mends something.
#[derive(Debug)]
struct Rest {
    failure: Failure,
    since: Timestamp,
    until: Timestamp,
    tries: u32,
}

impl Memory {
    /// What an earlier process left in a file.
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let read = path
            .as_ref()
            .and_then(|path| store::read_json::<Kept>(path, MOST_BYTES, VERSION));
        let places = read.unwrap_or_default().places;
        Self {
            path,
            places: places.into_iter().take(MOST).collect(),
            rest: None,
        }
    }

    /// What is remembered, where somebody wants it.
    pub(super) fn places(&self, wanted: bool) -> BTreeMap<DeploymentPlace, DeploymentMemory> {
        match wanted {
            true => self.places.clone(),
            false => BTreeMap::new(),
        }
    }

    /// Asks the forge, and remembers what it has.
    pub(super) async fn ask(
        &mut self,
        forge: &dyn Forge,
        questions: Vec<Deployments>,
        now: Timestamp,
    ) -> Result<BTreeMap<Deployments, Told>, ObserveError> {
        let mut told = BTreeMap::new();
        let mut is_news = false;
        for question in questions {
            let outcome = match self.rests(now) {
                Some(failure) => Outcome::Failed(failure),
                None => self.one(forge, &question, now).await,
            };
            if let Outcome::Ok(found) = &outcome {
                is_news |= self.learn(&question, found);
            }
            told.insert(question, outcome);
        }
        if is_news {
            self.save().await?;
        }
        Ok(told)
    }

    /// Takes in what the forge was told.
    pub(super) async fn recorded(
        &mut self,
        recorded: Vec<(Deployment, DeploymentState)>,
        now: Timestamp,
    ) -> Result<(), ObserveError> {
        if recorded.is_empty() {
            return Ok(());
        }
        for (deployment, state) in recorded {
            let memory = DeploymentMemory {
                key: deployment.key,
                state,
                told: Some(now),
            };
            self.put(deployment.place, memory);
        }
        self.save().await
    }

    /// What it answered last, where it is not asked at this instant.
    fn rests(&self, now: Timestamp) -> Option<Failure> {
        let rest = self.rest.as_ref();
        let rest = rest.filter(|rest| rest.since <= now && now < rest.until)?;
        Some(rest.failure.clone())
    }

    async fn one(&mut self, forge: &dyn Forge, asked: &Deployments, now: Timestamp) -> Told {
        let keys = asked.wanted.iter().map(|(_, key)| key.clone()).collect();
        let environment = asked.environment.as_str();
        let failure = match forge.deployments(environment, &keys).await {
            Ok(Some(found)) => {
                self.rest = None;
                return Outcome::Ok(found);
            }
            Ok(None) => none_kept(forge.name()),
            Err(error) => untold(&error),
        };
        Outcome::Failed(self.failed(failure, now))
    }

    /// Rests for 1, 2, 4 .. 60 minutes where no retry helps by itself.
    fn failed(&mut self, mut failure: Failure, now: Timestamp) -> Failure {
        let before = self.rest.take().map_or(0, |rest| rest.tries);
        if !failure.transient {
            let minutes = 1 << before.min(MOST_DOUBLINGS);
            let until = Period::seconds(60 * minutes.min(60)).after(now);
            failure.retry_at = Some(until);
            self.rest = Some(Rest {
                failure: failure.clone(),
                since: now,
                until,
                tries: before + 1,
            });
        }
        failure
    }

    fn learn(&mut self, asked: &Deployments, found: &BTreeMap<String, DeploymentState>) -> bool {
        let mut is_news = false;
        for (place, key) in &asked.wanted {
            if let Some(state) = found.get(key) {
                let memory = DeploymentMemory {
                    key: key.clone(),
                    state: *state,
                    told: None,
                };
                self.put(place.clone(), memory);
                is_news = true;
            }
        }
        is_news
    }

    fn put(&mut self, place: DeploymentPlace, memory: DeploymentMemory) {
        if self.places.len() < MOST || self.places.contains_key(&place) {
            self.places.insert(place, memory);
        }
    }

    async fn save(&self) -> Result<(), ObserveError> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let kept = Kept {
            v: VERSION,
            places: self.places.clone().into_iter().collect(),
        };
        aside(move || store::keep_json(&path, &kept)).await
    }
}

fn none_kept(forge: &str) -> Failure {
    not_kept(
        format!("the {forge} forge keeps no deployments"),
        Party::Operator,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> Timestamp {
        format!("2026-01-05T09:{minute:02}:00Z").parse().unwrap()
    }

    fn deployment(commit: char) -> Deployment {
        let place = DeploymentPlace {
            environment: "prod".parse().unwrap(),
            stage: "app/prod".parse().unwrap(),
        };
        let commit = commit.to_string().repeat(40).parse().unwrap();
        Deployment::of(place, "a".repeat(64).parse().unwrap(), commit, "1.0.0")
    }

    #[tokio::test]
    async fn the_last_one_of_a_place_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deployments.json");
        let open = || Memory::open(Some(path.clone()));
        let mut memory = open();
        memory.recorded(Vec::new(), at(0)).await.unwrap();
        assert!(!path.exists(), "nothing happened");
        for (commit, minute) in [('b', 1), ('c', 2)] {
            let one = (deployment(commit), DeploymentState::Success);
            memory.recorded(vec![one], at(minute)).await.unwrap();
        }
        let places = open().places(true);
        let known = &places[&deployment('c').place];
        assert_eq!((places.len(), &known.key), (1, &deployment('c').key));
        assert_eq!(known.told, Some(at(2)));
    }

    #[test]
    fn who_does_not_let_us_in_is_asked_later_and_later() {
        let mut memory = Memory::default();
        let refused = none_kept("x");
        for (now, next) in [(0, 1), (1, 3), (3, 7)] {
            let failure = memory.failed(refused.clone(), at(now));
            assert_eq!(failure.retry_at, Some(at(next)));
            assert!(memory.rests(at(now)).is_some());
            assert!(memory.rests(at(next)).is_none());
        }
    }
}
