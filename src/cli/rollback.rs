//! `rollback`: go back to an earlier set, or with a tag to an earlier image, and stay there.

use super::act::{Wish, run as act};
use super::args::{RollbackArgs, RollbackTarget};
use super::streams::{DONE, Place, Proof, Wish as Edit};
use super::view::act::ActKind;
use super::{CliError, Context, Exit, SetName};
use crate::model::StageKey;
use crate::plan::acts::{self, Named};
use crate::plan::streams::undo::undo;

/// Takes a stage or a tag back.
///
/// # Errors
/// When there is nothing to go back to, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &RollbackArgs) -> Result<Exit, CliError> {
    match &args.target {
        RollbackTarget::Stage(key) => stage(context, args, key).await,
        RollbackTarget::Tag(name) => tag(context, args, name).await,
    }
}

async fn stage(context: &Context, args: &RollbackArgs, key: &StageKey) -> Result<Exit, CliError> {
    let to = match &args.to {
        SetName::Previous => Named::Previous,
        other => Named::Text(other.to_string()),
    };
    let wish = Wish {
        kind: ActKind::Rollback,
        reason: &args.reason,
        write: &args.write,
    };
    act(context, &wish, &|obs, person| {
        acts::rollback(obs, key, &to, person)
    })
    .await
}

async fn tag(context: &Context, args: &RollbackArgs, name: &str) -> Result<Exit, CliError> {
    let to = match &args.to {
        SetName::Previous => None,
        other => Some(other.to_string()),
    };
    let wish = Edit {
        verb: "rollback",
        title: format!("Roll {name} back: {}", args.reason),
        proof: Proof::None,
        write: &args.write,
    };
    let place = Place::open(context, &args.write).await?;
    place
        .edit(&wish, &|scene| undo(name, to.as_deref(), scene))
        .await?;
    Ok(DONE)
}
