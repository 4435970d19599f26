//! `rollback`: go back to an earlier set, and stay there.

use super::act::{Wish, run as act};
use super::args::RollbackArgs;
use super::view::act::ActKind;
use super::{CliError, Context, Exit, SetName};
use crate::plan::acts::{self, Named};

/// Takes a stage back.
///
/// # Errors
/// When there is nothing to go back to, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &RollbackArgs) -> Result<Exit, CliError> {
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
        acts::rollback(obs, &args.stage, &to, person)
    })
    .await
}
