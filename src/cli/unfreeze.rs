//! `unfreeze`: lifts a freeze.

use super::args::UnfreezeArgs;
use super::streams::{DONE, Place, Proof, Wish};
use super::{CliError, Context, Exit};
use crate::plan::acts::freeze::unfreeze;

/// Deletes a Freeze file.
///
/// # Errors
/// When nothing is frozen so, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &UnfreezeArgs) -> Result<Exit, CliError> {
    let wish = Wish {
        verb: "unfreeze",
        title: format!("Lift the freeze of {}: {}", args.freeze, args.reason),
        proof: Proof::None,
        write: &args.write,
    };
    let place = Place::open(context, &args.write).await?;
    place
        .edit(&wish, &|scene| unfreeze(&args.freeze, scene))
        .await?;
    Ok(DONE)
}
