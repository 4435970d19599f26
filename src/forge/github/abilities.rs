//! What GitHub lets us do, as far as it tells: asked for when somebody wants to know, never in a pass.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::GitHubForge;
use super::queue::RULE;
use super::why::refused;
use super::wire::{Repository, Rule};
use crate::forge::error::ForgeError;
use crate::forge::types::{Abilities, Ability, Deed, May};

/// `GET /repos/{owner}/{repo}/branches/{branch}`.
#[derive(Debug, Clone, Deserialize)]
struct Branch {
    #[serde(default)]
    protected: bool,
}

/// What is known of the base and of us.
struct Seen {
    repository: Repository,
    base: String,
    /// `None` where the token may not look.
    protected: Option<bool>,
    rules: Option<Vec<String>>,
    /// What an App was granted; `None` where we are none.
    granted: Option<BTreeMap<String, String>>,
}

impl GitHubForge {
    /// Everything that can be told.
    pub(super) async fn what_we_may(&self) -> Result<Abilities, ForgeError> {
        let seen = self.seen().await?;
        let mut deeds = vec![
            push(&seen),
            area(&seen, Deed::PullRequests, "pull_requests"),
            area(&seen, Deed::Statuses, "statuses"),
        ];
        if self.deployments {
            deeds.push(area(&seen, Deed::Deployments, "deployments"));
        }
        deeds.push(merge(&seen));
        deeds.extend(queue(&seen));
        deeds.push(teams(&seen));
        Ok(Abilities {
            name: "github",
            who: self.who().await?.map(|login| format!("@{login}")),
            deeds,
            notes: Vec::new(),
        })
    }

    async fn seen(&self) -> Result<Seen, ForgeError> {
        let repository = self.facts().await?;
        let base = self
            .base
            .clone()
            .unwrap_or_else(|| repository.default_branch.clone());
        let route = self.route(&format!("/branches/{base}"));
        let branch = self
            .client
            .get::<Branch>("show the base", &route, &[])
            .await;
        let route = self.route(&format!("/rules/branches/{base}"));
        let hundred = [("per_page", "100")];
        let rules = self
            .client
            .list::<Rule>("list the base's rules", &route, &hundred)
            .all()
            .await;
        let granted = match self.login.app() {
            Some(app) => {
                let installed = app.installed(&self.http).await;
                let installed =
                    installed.map_err(|stopped| refused("say what the App may", &stopped))?;
                Some(installed.permissions)
            }
            None => None,
        };
        Ok(Seen {
            repository,
            base,
            protected: told(branch)?.map(|branch| branch.protected),
            rules: told(rules)?.map(|rules| rules.into_iter().map(|rule| rule.kind).collect()),
            granted,
        })
    }
}

/// What may not be seen is not known; all else that goes wrong is told.
fn told<T>(answer: Result<T, ForgeError>) -> Result<Option<T>, ForgeError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ForgeError::Api {
            reason: "NotFound" | "Forbidden" | "AppPermissions",
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Seen {
    /// Whether a ruleset demands something of the base; `None` where that may not be seen.
    fn demands(&self, kind: &str) -> Option<bool> {
        let rules = self.rules.as_ref()?;
        Some(rules.iter().any(|rule| rule == kind))
    }

    /// Whether we may write there at all, as GitHub says it of us.
    fn writes(&self, area: &str) -> May {
        let may = match &self.granted {
            Some(granted) => Some(granted.get(area).is_some_and(|level| level == "write")),
            None => self.repository.permissions.map(|may| may.push),
        };
        match may {
            Some(true) => May::Yes,
            Some(false) => May::No,
            None => May::Unknown,
        }
    }
}

const fn ability(deed: Deed, may: May, words: String) -> Ability {
    Ability { deed, may, words }
}

fn push(seen: &Seen) -> Ability {
    let (base, name) = (&seen.base, &seen.repository.full_name);
    let demanded = [RULE, "pull_request", "required_status_checks", "update"];
    let demanded = demanded
        .into_iter()
        .find(|kind| seen.demands(kind) == Some(true));
    let (may, words) = match (seen.writes("contents"), demanded, seen.protected) {
        _ if seen.repository.archived => {
            let words = format!("`{name}` is archived: nothing can be changed");
            (May::No, words)
        }
        (May::No, ..) => {
            let words = format!("we may not write to `{name}`: nothing can be delivered");
            (May::No, words)
        }
        (_, Some(kind), _) => {
            let asks = match kind {
                RULE => "for a merge queue",
                "pull_request" => "for a pull request",
                "required_status_checks" => "for checks",
                _ => "that nobody pushes",
            };
            let words = format!(
                "a ruleset of `{base}` asks {asks}: `delivery: commit` works only if it lets us bypass it; else `delivery: pullRequest`"
            );
            (May::Perhaps, words)
        }
        (_, None, Some(true)) => {
            let words = format!(
                "`{base}` is protected: `delivery: commit` works only if that lets us push; else `delivery: pullRequest`"
            );
            (May::Perhaps, words)
        }
        (may, None, Some(false)) => (may, format!("nothing protects `{base}`")),
        (_, None, None) => {
            let words = format!("whether `{base}` is protected is not for us to see");
            (May::Unknown, words)
        }
    };
    ability(Deed::Push, may, words)
}

fn area(seen: &Seen, deed: Deed, area: &str) -> Ability {
    let may = seen.writes(area);
    let words = match may {
        May::No if seen.granted.is_some() => format!(
            "the App was not granted `{area}: write`: its page on GitHub asks for it, and an owner accepts"
        ),
        May::No => "the token's owner may not write".to_owned(),
        May::Yes => String::new(),
        May::Perhaps | May::Unknown => "GitHub does not tell before it is tried".to_owned(),
    };
    ability(deed, may, words)
}

fn merge(seen: &Seen) -> Ability {
    let (may, words) = match seen.demands(RULE) {
        Some(true) => (
            seen.writes("contents"),
            "by the base's merge queue".to_owned(),
        ),
        Some(false) => (seen.writes("contents"), String::new()),
        None => {
            let words = "whether there is a merge queue is not for us to see";
            (May::Unknown, words.to_owned())
        }
    };
    ability(Deed::Merge, may, words)
}

/// Nothing where there is none.
fn queue(seen: &Seen) -> Option<Ability> {
    if seen.demands(RULE) != Some(true) {
        return None;
    }
    let areas = ["contents", "pull_requests"];
    let worst = areas.into_iter().max_by_key(|area| seen.writes(area))?;
    let row = area(seen, Deed::MergeQueue, worst);
    let base = &seen.base;
    Some(match row.may {
        May::Yes => ability(
            row.deed,
            row.may,
            format!(
                "what is approved is added to that of `{base}`; a check that it asks for has to run for its merge groups too"
            ),
        ),
        _ => row,
    })
}

fn teams(seen: &Seen) -> Ability {
    let (may, words) = match &seen.granted {
        Some(granted) if granted.contains_key("members") => (May::Yes, ""),
        Some(_) => (
            May::No,
            "the App was not granted `members: read`: approvals of a team's members cannot count",
        ),
        None => (
            May::Unknown,
            "GitHub does not tell before a rule names a team; a workflow's own token never may",
        ),
    };
    ability(Deed::Teams, may, words.to_owned())
}
