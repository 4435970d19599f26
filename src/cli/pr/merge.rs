//! `pr merge`: only when every gate is open, and on the very base that this was found out on.

use super::found::Found;
use super::{bold, refuse_unless_open, told};
use crate::cli::act::{forge, person};
use crate::cli::args::MergeMethod as Wished;
use crate::cli::view::words::safe;
use crate::cli::{CliError, Context, Exit};
use crate::forge::{MergeMethod, Merging};

/// How often a lost race is run again.
const MOST_TRIES: u32 = 5;

pub(super) async fn run(context: &Context, id: &str, method: Wished) -> Result<Exit, CliError> {
    let author = person(context)?;
    let mut lost = None;
    for _ in 0..MOST_TRIES {
        let mut found = Found::load(context).await?;
        let pull = found.find(id)?;
        refuse_unless_open(&pull)?;
        let standing = found.standing(&pull).await?;
        if !standing.shut.is_empty() {
            return Err(CliError {
                causes: standing.shut.iter().map(|why| safe(why)).collect(),
                ..CliError::failed(format!("pull request {} cannot be merged yet", pull.id))
            }
            .help(format!("headwater pr show {}", pull.id)));
        }
        let merging = Merging {
            head: pull.head.clone(),
            base: found.obs.snapshot.commit.clone(),
            method: match method {
                Wished::Squash => MergeMethod::Squash,
                Wished::Merge => MergeMethod::Merge,
                Wished::Rebase => MergeMethod::Rebase,
            },
            message: standing.message,
            author: author.clone(),
            now: found.now,
        };
        match found.engine.forge.merge(&pull.id, merging).await {
            Ok(merged) => {
                let commit = merged.commit.as_ref().map_or_else(
                    || "a commit that cannot be told any more".to_owned(),
                    |commit| commit.short().to_owned(),
                );
                let branch = safe(&found.obs.snapshot.branch);
                told(
                    context,
                    &pull,
                    &format!("merged {} into {branch} as {commit}", bold(&pull)),
                )?;
                return Ok(Exit::Settled);
            }
            Err(error) if error.is_race() => lost = Some(forge(&error)),
            Err(error) => return Err(forge(&error)),
        }
    }
    Err(lost.unwrap_or_else(|| CliError::new(Exit::TryAgain, "others were faster all the time")))
}
