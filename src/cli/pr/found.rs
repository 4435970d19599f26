//! Pull requests with the plan they stand in: loaded once for each command, found by id, its beginning, or a stage.

use std::collections::BTreeMap;

use crate::cli::act::{forge, observed, settle};
use crate::cli::engine::{Engine, edge};
use crate::cli::{CliError, Context};
use crate::model::{StageKey, Timestamp};
use crate::plan::acts::{Standing, standing};
use crate::plan::facts::marker::Subject;
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

    /// The pull request that a word names.
    pub(super) fn find(&self, word: &str) -> Result<PullRequestFacts, CliError> {
        let pulls = self.pulls()?;
        if let Some(pull) = pulls.iter().find(|pull| pull.id == word) {
            return Ok(pull.clone());
        }
        let stage: Option<StageKey> = word.parse().ok();
        let named: Vec<&PullRequestFacts> = match &stage {
            Some(key) => pulls.iter().filter(|p| is_open_of(p, key)).collect(),
            None if word.is_empty() => Vec::new(),
            None => pulls.iter().filter(|p| p.id.starts_with(word)).collect(),
        };
        match named.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(CliError::failed(match &stage {
                Some(key) => format!("no pull request of {key} is open"),
                None => format!("there is no pull request `{word}`"),
            })
            .help(match &stage {
                Some(key) => format!("headwater why {key}"),
                None => "`headwater pr list --all` shows all of them".to_owned(),
            })),
            several => {
                let ids: Vec<&str> = several.iter().map(|p| p.id.as_str()).collect();
                Err(
                    CliError::failed(format!("`{word}` names {} pull requests", ids.len()))
                        .help(format!("name one of {}", ids.join(", "))),
                )
            }
        }
    }

    /// How an open pull request stands.
    pub(super) async fn standing(&mut self, pull: &PullRequestFacts) -> Result<Standing, CliError> {
        let plan = &self.plan;
        settle(&self.engine, &mut self.obs, |obs| standing(obs, plan, pull)).await
    }

    /// Reports of all stages, and stand-ins for open pull requests that no stage's report is about.
    pub(super) async fn reports(&mut self) -> Result<Vec<StageReport>, CliError> {
        let mut reports = self.plan.stages.clone();
        let others: Vec<PullRequestFacts> = self
            .pulls()?
            .iter()
            .filter(|pull| pull.state == PullState::Open)
            .filter(|pull| !matches!(pull.marker.subject, Subject::Promotion { .. }))
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

fn is_open_of(pull: &PullRequestFacts, key: &StageKey) -> bool {
    let stage = match &pull.marker.subject {
        Subject::Promotion { stage, .. } | Subject::Act { stage, .. } => Some(stage),
        Subject::Environment { .. } => None,
    };
    pull.state == PullState::Open && stage == Some(key)
}
