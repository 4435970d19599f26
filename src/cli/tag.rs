//! `tag`: points tags of image streams at an image or at another tag, or deletes them.

use super::args::TagArgs;
use super::streams::{DONE, Place, Proof, Wish, row};
use super::{CliError, Context, Exit};
use crate::plan::streams::tag::{TagWish, delete, tag};

/// Sets or deletes tags.
///
/// # Errors
/// When a name is none, a source points nowhere, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &TagArgs) -> Result<Exit, CliError> {
    if args.delete {
        let wish = Wish {
            verb: "tag",
            title: format!("Delete tag {}", row(&args.names)),
            proof: Proof::None,
            write: &args.write,
        };
        let place = Place::open(context, &args.write).await?;
        place
            .edit(&wish, &|scene| delete(&args.names, scene))
            .await?;
        return Ok(DONE);
    }
    let [source, to @ ..] = args.names.as_slice() else {
        return Err(CliError::usage("`tag` needs a source and a tag"));
    };
    if to.is_empty() {
        return Err(
            CliError::usage(format!("which tag shall point to `{source}`?"))
                .help("headwater tag SOURCE STREAM:TAG"),
        );
    }
    let wished = TagWish {
        kind: args.source,
        source: source.clone(),
        to: to.to_vec(),
        alias: args.alias,
        policies: args.policy.policies(args.reference),
    };
    let wish = Wish {
        verb: "tag",
        title: format!("Tag {} from {source}", row(to)),
        proof: Proof::None,
        write: &args.write,
    };
    let place = Place::open(context, &args.write).await?;
    place.edit(&wish, &|scene| tag(&wished, scene)).await?;
    Ok(DONE)
}
