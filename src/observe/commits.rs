//! What the forge says of commits of the base, for gates that wait for it.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;

use crate::forge::Forge;
use crate::model::{CommitCheck, CommitId, Faulty as _, Party};
use crate::plan::facts::{Failure, Outcome};

/// So many commits are asked for at a time.
const AT_ONCE: usize = 4;

/// The word where a forge keeps no checks.
const NONE_KEPT: &str = "NotKept";

/// Checks by commit. That they cannot be told is an answer, too.
pub(super) async fn checks(
    forge: &dyn Forge,
    commits: &[CommitId],
) -> BTreeMap<CommitId, Outcome<Vec<CommitCheck>>> {
    let asked = futures_util::stream::iter(commits.iter().cloned());
    let answered = asked.map(async |commit| {
        let outcome = match forge.checks(&commit).await {
            Ok(Some(checks)) => Outcome::Ok(checks),
            Ok(None) => Outcome::Failed(not_kept(forge.name())),
            Err(error) => {
                let fault = error.fault();
                Outcome::Failed(Failure {
                    reason: "Unknown".to_owned(),
                    message: error.to_string(),
                    canonical: "the forge does not tell".to_owned(),
                    transient: fault.heals(),
                    party: Some(fault.party),
                    retry_at: fault.retry.at(),
                })
            }
        };
        (commit, outcome)
    });
    answered.buffer_unordered(AT_ONCE).collect().await
}

fn not_kept(forge: &str) -> Failure {
    let message = format!("the {forge} forge keeps no checks of commits");
    Failure {
        reason: NONE_KEPT.to_owned(),
        canonical: message.clone(),
        message,
        transient: false,
        party: Some(Party::User),
        retry_at: None,
    }
}
