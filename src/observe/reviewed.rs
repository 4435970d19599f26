//! Who approved merged pull requests, and who pushed to them: read once, for they do not change any more, with the teams and
//! accounts that rules of another stage need to judge them.

use std::collections::BTreeMap;

use super::ObserveError;
use super::accounts::account;
use super::pulls::{approval_facts, pushers};
use super::teams::members;
use super::untold::untold;
use crate::forge::{Forge, ForgeError};
use crate::git::{GitError, Repository, Us};
use crate::model::CommitId;
use crate::plan::Facts;
use crate::plan::facts::Outcome;
use crate::plan::facts::pull::{PullRequestFacts, PullState, ReviewFacts};
use crate::plan::question::Reviewed;

/// More are forgotten.
const MOST: usize = 2_000;

/// Where to look.
pub(super) struct Place<'a> {
    pub repository: &'a Repository,
    pub forge: &'a dyn Forge,
    pub us: &'a Us,
}

/// Merged pull requests that were asked about, each with its merge.
#[derive(Debug, Default)]
pub(super) struct Reviews {
    known: BTreeMap<(String, CommitId), ReviewFacts>,
}

impl Reviews {
    /// Answers, and adds to the facts whose members teams have and whose addresses are.
    pub(super) async fn ask(
        &mut self,
        place: &Place<'_>,
        questions: Vec<Reviewed>,
        facts: &mut Facts,
    ) -> Result<(), ObserveError> {
        for question in questions {
            let pulls = facts.pulls.iter().flatten();
            let mut merged = pulls.filter(|pull| pull.state == PullState::Merged);
            let pull = merged.find(|pull| pull.id == question.pull);
            let Some((pull, commit)) = pull.and_then(|p| Some((p, p.merged_as.clone()?))) else {
                continue;
            };
            let outcome = match self.one(place, pull, commit).await? {
                Ok(found) => Outcome::Ok(found),
                Err(error) => Outcome::Failed(untold(&error)),
            };
            if let Outcome::Ok(found) = &outcome
                && found.approvals.iter().any(|a| a.head == pull.head)
            {
                people(place, &question, facts).await;
            }
            facts.reviewed.insert(question, outcome);
        }
        Ok(())
    }

    async fn one(
        &mut self,
        place: &Place<'_>,
        pull: &PullRequestFacts,
        commit: CommitId,
    ) -> Result<Result<ReviewFacts, ForgeError>, GitError> {
        let key = (pull.id.clone(), commit);
        if let Some(found) = self.known.get(&key) {
            return Ok(Ok(found.clone()));
        }
        let approvals = match place.forge.approvals(&pull.id, &pull.head).await {
            Ok(Some(approvals)) => approvals.into_iter().map(approval_facts).collect(),
            Ok(None) => pull.approvals.clone(),
            Err(error) => return Ok(Err(error)),
        };
        let found = ReviewFacts {
            approvals,
            pushed_by: pushers(place.repository, place.us, &pull.head, &key.1).await?,
        };
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(key, found.clone());
        Ok(Ok(found))
    }
}

/// Members of the teams that count, and accounts of whoever does not. What the forge does not tell is left out.
async fn people(place: &Place<'_>, question: &Reviewed, facts: &mut Facts) {
    for team in &question.teams {
        if !facts.teams.contains_key(team)
            && let Some(found) = members(place.forge, team).await
        {
            facts.teams.insert(team.clone(), found);
        }
    }
    for email in &question.people {
        let key = email.to_lowercase();
        if !facts.accounts.contains_key(&key)
            && let Some(found) = account(place.forge, email).await
        {
            facts.accounts.insert(key, found);
        }
    }
}
