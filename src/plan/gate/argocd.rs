//! `deployed.argocd`: Argo CD says of an application that it is in sync and healthy, and shows the set's images, or, where no
//! pod shows any, that it synced a commit with the same content.

use super::Desk;
use super::said::Said;
use crate::model::gate::ArgoCdApplication;
use crate::model::time::stamp;
use crate::model::{PinnedImage, SetId, StageKey, Timestamp};
use crate::plan::desk::Known;
use crate::plan::facts::ArgoCdFacts;
use crate::plan::question::{ArgoCdAsk, POLL_INTERVAL};
use crate::plan::road::timeline::Stay;

/// What an application should run.
pub(super) struct Wanted<'a> {
    /// The stage whose set it is.
    pub(super) stage: &'a StageKey,
    /// The set.
    pub(super) set: &'a SetId,
    /// Since when the stage holds it.
    pub(super) stay: &'a Stay,
    /// Index of the commit since which what is rendered for the application is as it is.
    pub(super) from: usize,
    /// Images of the set that the application uses.
    pub(super) images: Vec<PinnedImage>,
}

/// How the application of this name fares.
pub(super) fn fares(
    rule: &ArgoCdApplication,
    name: &str,
    wanted: &Wanted<'_>,
    desk: &mut Desk<'_>,
) -> Said {
    let left = wanted.stay.left.is_some();
    let question = ArgoCdAsk {
        server: rule.server.clone(),
        application: name.to_owned(),
        stage: wanted.stage.clone(),
        set: wanted.set.clone(),
        left,
    };
    let (at, told) = match desk.argocd(&question) {
        Known::NotYet => return Said::Asking,
        Known::Failed(failure) => {
            if let Some(at) = failure.retry_at {
                desk.expires(at);
            }
            return Said::Untold(format!("{name}: {}", failure.message));
        }
        Known::Yes(told) => told,
    };
    if !left {
        desk.expires(POLL_INTERVAL.after(at));
    }
    let state = format!(
        "{name} is {} and {}",
        shown(&told.sync),
        shown(&told.health)
    );
    if !runs(told, wanted, desk) {
        return Said::Nothing(format!("{} does not show it yet: {state}", rule.server));
    }
    let since = since(told, wanted, desk);
    let words = format!(
        "{}: {state}{}",
        rule.server,
        since.map_or_else(String::new, |at| format!(" since {}", stamp(at)))
    );
    match (told.sync.as_str(), told.health.as_str()) {
        (_, "Degraded") if told.message.is_empty() => Said::Bad(words),
        (_, "Degraded") => Said::Bad(format!("{words} ({})", told.message)),
        ("Synced", "Healthy") => Said::Well(since, words),
        _ => Said::Nothing(words),
    }
}

fn shown(word: &str) -> &str {
    match word {
        "" => "Unknown",
        word => word,
    }
}

/// Whether what it shows is what is wanted.
fn runs(told: &ArgoCdFacts, wanted: &Wanted<'_>, desk: &Desk<'_>) -> bool {
    let shows = |image: &PinnedImage| {
        let digest = format!("@{}", image.digest);
        told.images.iter().any(|shown| shown.ends_with(&digest))
    };
    if !wanted.images.is_empty() && wanted.images.iter().all(shows) {
        return true;
    }
    // Pods that show another image of the same place have not changed yet, whatever was synced.
    let another = wanted.images.iter().any(|image| {
        let place = image.repository.to_string();
        let of_place = |shown: &String| {
            let rest = shown.strip_prefix(place.as_str());
            rest.is_some_and(|rest| rest.starts_with(['@', ':']))
        };
        !shows(image) && told.images.iter().any(of_place)
    });
    !another
        && told
            .revisions
            .iter()
            .any(|revision| is_in(revision, wanted, desk))
}

/// Whether a revision is a commit that holds what is wanted.
fn is_in(revision: &str, wanted: &Wanted<'_>, desk: &Desk<'_>) -> bool {
    let commits = &desk.obs.history.commits;
    let at = commits
        .iter()
        .rposition(|commit| commit.id.as_str() == revision);
    let from = wanted.from.max(wanted.stay.at);
    at.is_some_and(|at| at >= from && wanted.stay.left.is_none_or(|(left, _)| at < left))
}

/// Since when it fares so with this content.
fn since(told: &ArgoCdFacts, wanted: &Wanted<'_>, desk: &Desk<'_>) -> Option<Timestamp> {
    let ours = told.deployed.iter().filter(|(revisions, _)| {
        revisions
            .iter()
            .any(|revision| is_in(revision, wanted, desk))
    });
    let begun = ours.map(|(_, at)| *at).min();
    told.since.max(begun)
}
