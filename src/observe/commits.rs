//! What the forge says of commits of the base, for gates that wait for it.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;

use super::untold::{not_kept, untold};
use crate::forge::Forge;
use crate::model::{CommitCheck, CommitId, Party};
use crate::plan::facts::{Failure, Outcome};

/// So many commits are asked for at a time.
const AT_ONCE: usize = 4;

/// Checks by commit. That they cannot be told is an answer, too.
pub(super) async fn checks(
    forge: &dyn Forge,
    commits: &[CommitId],
) -> BTreeMap<CommitId, Outcome<Vec<CommitCheck>>> {
    let asked = futures_util::stream::iter(commits.iter().cloned());
    let answered = asked.map(async |commit| {
        let outcome = match forge.checks(&commit).await {
            Ok(Some(checks)) => Outcome::Ok(checks),
            Ok(None) => Outcome::Failed(none_kept(forge.name())),
            Err(error) => Outcome::Failed(untold(&error)),
        };
        (commit, outcome)
    });
    answered.buffer_unordered(AT_ONCE).collect().await
}

fn none_kept(forge: &str) -> Failure {
    not_kept(
        format!(
            "the {forge} forge keeps no checks of commits, so this never opens: let another kind of gate ask"
        ),
        Party::User,
    )
}
