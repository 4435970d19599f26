//! `hold`: keep a stage, or one set, where it is.

use super::act::{Wish, run as act};
use super::args::HoldArgs;
use super::view::act::ActKind;
use super::{CliError, Context, Exit, SetName};
use crate::plan::acts;

/// Stops a stage, or keeps a set out of it.
///
/// # Errors
/// When the stage or the set is not known, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &HoldArgs) -> Result<Exit, CliError> {
    if args.set == Some(SetName::Previous) {
        return Err(CliError::usage("`previous` is what a stage goes back to")
            .help("name the set by version, tag, or at least 8 hex digits of a digest"));
    }
    let set = args.set.as_ref().map(ToString::to_string);
    let wish = Wish {
        kind: ActKind::Hold,
        reason: &args.reason,
        write: &args.write,
    };
    act(context, &wish, &|obs, person| {
        acts::hold(obs, &args.stage, set.as_deref(), person)
    })
    .await
}
