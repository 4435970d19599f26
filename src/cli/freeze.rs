//! `freeze`: no set enters some environments for a time.

use super::args::FreezeArgs;
use super::streams::{DONE, Place, Proof, Wish, row};
use super::{CliError, Context, Exit};
use crate::plan::acts::freeze::{FreezeWish, freeze};

/// Writes a Freeze file.
///
/// # Errors
/// When it would freeze nothing, or cannot be written where it was asked for.
pub async fn run(context: &Context, args: &FreezeArgs) -> Result<Exit, CliError> {
    let wished = FreezeWish {
        environments: args.environments.clone(),
        from: args.from,
        until: args.until,
        time_zone: args.time_zone.clone(),
        except: args.except.clone(),
        name: args.name.clone(),
        reason: args.reason.to_string(),
    };
    let wish = Wish {
        verb: "freeze",
        title: format!("Freeze {}: {}", row(&args.environments), args.reason),
        proof: Proof::None,
        write: &args.write,
    };
    let place = Place::open(context, &args.write).await?;
    place.edit(&wish, &|scene| freeze(&wished, scene)).await?;
    Ok(DONE)
}
