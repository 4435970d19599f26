//! `promote`: choose the set that enters a stage next.

use super::act::{Wish, run as act};
use super::args::PromoteArgs;
use super::view::act::ActKind;
use super::{CliError, Context, Exit, SetName};
use crate::plan::acts;

/// Asks for a set in a stage.
///
/// # Errors
/// When the set is not known, or what was asked for cannot be written where it was asked for.
pub async fn run(context: &Context, args: &PromoteArgs) -> Result<Exit, CliError> {
    if args.to == Some(SetName::Previous) {
        return Err(CliError::usage("`previous` is what a stage goes back to")
            .help(format!("headwater rollback {} --reason ...", args.stage)));
    }
    let to = args.to.as_ref().map(ToString::to_string);
    let wish = Wish {
        kind: ActKind::Promote,
        reason: &args.reason,
        write: &args.write,
    };
    act(context, &wish, &|obs, person| {
        acts::promote(obs, &args.stage, to.as_deref(), &args.skip, person)
    })
    .await
}
