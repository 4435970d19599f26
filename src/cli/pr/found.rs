//! Pull requests with the plan they stand in: loaded once for each command, found by id, its beginning, or a stage.

use std::collections::BTreeMap;

use crate::cli::act::{forge, observed, settle};
use crate::cli::base::find_stage;
use crate::cli::engine::{Engine, edge};
use crate::cli::{CliError, Context};
use crate::manifests::suggest::proposed;
use crate::model::{StageKey, Timestamp};
use crate::plan::acts::{Standing, Uncounted, standing, uncounted};
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::{Observation, Plan, StageReport};

pub(super) struct Found {
    pub(super) engine: Engine,
    pub(super) obs: Observation,
    pub(super) plan: Plan,
    pub(super) now: Timestamp,
}

impl Found {
    /// Observes and plans.
    pub(super) async fn load(context: &Context) -> Result<Self, CliError> {
        let engine = Engine::open(context, false)?;
        let now = context.now();
        let planned = engine.reconciler.plan(now).await;
        let (obs, plan) = planned.map_err(|e| observed(&e))?;
        Ok(Self {
            engine,
            obs,
            plan,
            now,
        })
    }

    /// All pull requests.
    pub(super) fn pulls(&self) -> Result<&[PullRequestFacts], CliError> {
        let facts = &self.obs.facts;
        facts.pulls.as_deref().ok_or_else(|| {
            let failure = facts.forge_failure.as_ref();
            let why = failure.map_or("the forge was not asked", |f| f.message.as_str());
            CliError::failed(format!("pull requests cannot be read: {why}"))
        })
    }

    /// Open pull requests of a stage.
    pub(super) fn open_of(&self, key: &StageKey) -> Result<Vec<&PullRequestFacts>, CliError> {
        let pulls = self.pulls()?.iter();
        Ok(pulls
            .filter(|p| p.state == PullState::Open && is_of(p, key))
            .collect())
    }

    /// The pull request that a word names; of a stage without an open one, the only one that a person closed.
    pub(super) fn find_ended(&self, word: &str) -> Result<PullRequestFacts, CliError> {
        if let Ok(key) = word.parse::<StageKey>()
            && self.open_of(&key)?.is_empty()
        {
            let pulls = self.pulls()?.iter().filter(|p| is_of(p, &key));
            let closed: Vec<&PullRequestFacts> = pulls
                .filter(|p| p.state == PullState::Closed && !p.marker.superseded)
                .collect();
            match closed.as_slice() {
                [] => {}
                [one] => return Ok((*one).clone()),
                several => return Err(too_many(word, several)),
            }
        }
        self.find(word)
    }

    /// The pull request that a word names.
    pub(super) fn find(&self, word: &str) -> Result<PullRequestFacts, CliError> {
        let pulls = self.pulls()?;
        if let Some(pull) = pulls.iter().find(|pull| pull.id == word) {
            return Ok(pull.clone());
        }
        let stage: Option<StageKey> = word.parse().ok();
        let named: Vec<&PullRequestFacts> = match &stage {
            Some(key) => self.open_of(key)?,
            None if word.is_empty() => Vec::new(),
            None => pulls.iter().filter(|p| p.id.starts_with(word)).collect(),
        };
        match named.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(match &stage {
                Some(key) => self.none_of(key),
                None => unknown(word, pulls),
            }),
            several => Err(too_many(word, several)),
        }
    }

    /// Why a stage has no open pull request: it has none, or there is no such stage.
    fn none_of(&self, key: &StageKey) -> CliError {
        match find_stage(&self.plan, &self.obs, key) {
            Err(error) => error,
            Ok(_) => CliError::failed(format!("no pull request of {key} is open"))
                .help(format!("headwater why {key}")),
        }
    }

    /// How an open pull request stands.
    pub(super) async fn standing(&mut self, pull: &PullRequestFacts) -> Result<Standing, CliError> {
        let plan = &self.plan;
        settle(&self.engine, &mut self.obs, |obs| standing(obs, plan, pull)).await
    }

    /// Why an approval by somebody would count for nothing, if that is so.
    pub(super) async fn uncounted(
        &mut self,
        pull: &PullRequestFacts,
        who: &str,
    ) -> Result<Option<Uncounted>, CliError> {
        settle(&self.engine, &mut self.obs, |obs| uncounted(obs, pull, who)).await
    }

    /// Reports of all stages, and stand-ins for open pull requests that no stage's report is about.
    pub(super) async fn reports(&mut self) -> Result<Vec<StageReport>, CliError> {
        let mut reports = self.plan.stages.clone();
        let others: Vec<PullRequestFacts> = self
            .pulls()?
            .iter()
            .filter(|pull| pull.state == PullState::Open)
            .filter(|pull| pull.marker.promotions().is_empty())
            .cloned()
            .collect();
        for pull in others {
            let Some(like) = self.plan.stages.first().cloned() else {
                continue;
            };
            let conditions = self.standing(&pull).await?.conditions;
            reports.push(StageReport {
                conditions,
                pull_request: Some(pull.id),
                ..like
            });
        }
        Ok(reports)
    }

    /// When each pull request was opened.
    pub(super) async fn opened(&self) -> Result<BTreeMap<String, Timestamp>, CliError> {
        let fetched = self.engine.git.fetch().await;
        let fetched = fetched.map_err(|e| edge(&e))?;
        let listing = self.engine.forge.list(&fetched).await;
        let pulls = listing.map_err(|e| forge(&e))?.pulls;
        Ok(pulls.into_iter().map(|p| (p.id, p.opened_at)).collect())
    }
}

/// Nothing is named so. Open ones are listed before all others.
fn unknown(word: &str, pulls: &[PullRequestFacts]) -> CliError {
    let (open, ended): (Vec<&PullRequestFacts>, Vec<&PullRequestFacts>) =
        pulls.iter().partition(|p| p.state == PullState::Open);
    let ids = open.iter().chain(&ended).map(|p| p.id.as_str());
    let message = match word {
        "" => {
            "a pull request is named by its id, the beginning of it, or PIPELINE/STAGE".to_owned()
        }
        _ => format!("there is no pull request `{word}`"),
    };
    CliError::usage(message).help(match pulls {
        [] => "there are none yet; `headwater status` shows what each stage waits for".to_owned(),
        _ => format!("{} (`headwater pr list --all`)", proposed(word, ids)),
    })
}

fn too_many(word: &str, several: &[&PullRequestFacts]) -> CliError {
    let ids: Vec<&str> = several.iter().map(|p| p.id.as_str()).collect();
    CliError::usage(format!("`{word}` names {} pull requests", ids.len()))
        .help(format!("name one of {}", ids.join(", ")))
}

fn is_of(pull: &PullRequestFacts, key: &StageKey) -> bool {
    pull.marker.stages().contains(&key)
}
