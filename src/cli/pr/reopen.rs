//! `pr reopen`: a closed pull request is proposed again, and its set is held no longer.

use super::found::Found;
use super::{approve, bold, refuse_merged, told};
use crate::cli::act::forge;
use crate::cli::view::words::safe;
use crate::cli::{CliError, Context, Exit};
use crate::forge::ForgeError;
use crate::plan::facts::marker::{Carried, Subject};
use crate::plan::facts::pull::{PullRequestFacts, PullState};

pub(super) async fn run(context: &Context, id: &str) -> Result<Exit, CliError> {
    let found = Found::load(context).await?;
    let pull = found.find_ended(id)?;
    refuse_merged(&pull)?;
    if pull.state == PullState::Open {
        told(context, &pull, &format!("{} is open already", bold(&pull)))?;
        return Ok(Exit::Settled);
    }
    refuse_replaced(&found, &pull)?;
    let reopened = found.engine.forge.reopen(&pull.id, found.now).await;
    reopened.map_err(|error| refused(&error, &pull))?;
    let after = match &pull.marker.subject {
        Subject::Promotion { stage, .. } => format!("its set may enter {stage} again"),
        Subject::Group { members, .. } => {
            let stages: Vec<String> = members.iter().map(|m| m.stage.to_string()).collect();
            format!("its sets may enter {} again", stages.join(", "))
        }
        Subject::Environment { environment, .. } => {
            format!("this change of {environment} is proposed again")
        }
        Subject::Act { act, stage, .. } => format!("the {act} of {stage} is proposed again"),
        Subject::Streams { act, streams, .. } if streams.is_empty() => {
            format!("the {act} is proposed again")
        }
        Subject::Streams { streams, .. } => {
            format!("its edit of {} is proposed again", streams.join(", "))
        }
    };
    told(
        context,
        &pull,
        &format!("reopened {}: {after}", bold(&pull)),
    )?;
    approve::still(context, &pull).await?;
    Ok(Exit::Settled)
}

/// What we closed holds nothing, and a stage has one open pull request at a time.
fn refuse_replaced(found: &Found, pull: &PullRequestFacts) -> Result<(), CliError> {
    let id = safe(&pull.id);
    let carried = pull.marker.promotions();
    let Some(first) = carried.first() else {
        return Ok(());
    };
    if pull.marker.superseded {
        return Err(CliError::failed(format!(
            "pull request {id} was closed by headwater itself, because something else took its place"
        ))
        .help(format!("it holds nothing: headwater why {}", first.stage)));
    }
    for Carried { stage, .. } in &carried {
        if let Some(open) = found.open_of(stage)?.first() {
            return Err(CliError::failed(format!(
                "pull request {id} stays closed: {} of {stage} is open, and a stage has one at a time",
                safe(&open.id)
            ))
            .help(format!(
                "headwater unhold {stage} --reason ... lifts the hold; headwater pr close {} makes room",
                safe(&open.id)
            )));
        }
    }
    Ok(())
}

fn refused(error: &ForgeError, pull: &PullRequestFacts) -> CliError {
    let refused = forge(error).context(format!("pull request {} stays closed", safe(&pull.id)));
    match (error, pull.marker.promotions().first()) {
        (ForgeError::NoBranch(_), Some(Carried { stage, .. })) => refused.help(format!(
            "its branch is gone: headwater unhold {stage} --reason ... lifts the hold without it"
        )),
        _ => refused,
    }
}
