//! How applications fare, by Argo CD's word.

use super::polls::{Missed, Poll};
use crate::config::known::hide;
use crate::egress::ArgoCd;
use crate::plan::facts::ArgoCdFacts;
use crate::plan::question::ArgoCdAsk;

impl Poll for ArgoCdAsk {
    type Answer = ArgoCdFacts;

    fn while_here(&self) -> Option<Self> {
        self.left.then(|| Self {
            left: false,
            ..self.clone()
        })
    }

    fn host(&self) -> &str {
        self.server.as_str()
    }

    fn size(answer: &ArgoCdFacts) -> usize {
        let deployed = answer.deployed.iter().flat_map(|(revisions, _)| revisions);
        let texts = answer
            .images
            .iter()
            .chain(&answer.revisions)
            .chain(deployed);
        texts.map(String::len).sum()
    }
}

/// Asks how one fares.
pub(super) async fn one(argocd: &ArgoCd, question: &ArgoCdAsk) -> Result<ArgoCdFacts, Missed> {
    let told = argocd
        .application(&question.server, &question.application)
        .await?;
    Ok(ArgoCdFacts {
        sync: told.sync,
        health: told.health,
        since: told.since,
        message: hide(&told.message).into_owned(),
        images: told.images,
        revisions: told.revisions,
        deployed: told.deployed,
    })
}
