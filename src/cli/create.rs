//! `create`: image streams and tags that are not there yet.

use super::args::{CreateArgs, CreateTagArgs, CreateVerb};
use super::streams::{DONE, Place, Proof, Wish};
use super::{CliError, Context, Exit};
use crate::plan::streams::create;

/// Makes a stream or a tag.
///
/// # Errors
/// When it is there already, a name is none, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &CreateArgs) -> Result<Exit, CliError> {
    match &args.what {
        CreateVerb::Imagestream {
            name,
            lookup_local,
            write,
        } => {
            let wish = Wish {
                verb: "create",
                title: format!("Create image stream {name}"),
                proof: Proof::None,
                write,
            };
            let place = Place::open(context, write).await?;
            place
                .edit(&wish, &|scene| create::stream(name, *lookup_local, scene))
                .await?;
        }
        CreateVerb::Imagestreamtag(args) => tag(context, args).await?,
    }
    Ok(DONE)
}

async fn tag(context: &Context, args: &CreateTagArgs) -> Result<(), CliError> {
    let from = match (&args.from_image, &args.from) {
        (Some(image), _) => create::From::Image(image.clone()),
        (None, Some(source)) => create::From::Stream(source.clone()),
        (None, None) => return Err(CliError::usage("say --from-image or --from")),
    };
    let policies = args.policy.policies(args.reference.then_some(true));
    let annotations = args.annotations.iter().cloned().collect();
    let wish = Wish {
        verb: "create",
        title: format!("Create tag {}", args.name),
        proof: Proof::None,
        write: &args.write,
    };
    let place = Place::open(context, &args.write).await?;
    place
        .edit(&wish, &|scene| {
            create::tag(&args.name, &from, &policies, &annotations, scene)
        })
        .await?;
    Ok(())
}
