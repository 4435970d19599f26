//! `demo`: the whole story on embedded parts.

use super::args::DemoArgs;
use super::output::Format;
use super::{CliError, Context, Exit};
use crate::demo::story;

/// Tells the story and checks it on the way. Needs no network, no home, no Git, and nothing of the user's.
///
/// # Errors
/// When a part of it does not work, or the story goes otherwise than it should.
pub async fn run(context: &Context, args: &DemoArgs) -> Result<Exit, CliError> {
    if !matches!(context.out.format(), Format::Text | Format::Wide) {
        return Err(CliError::usage("the demo is a text for people")
            .help("leave `-o` out; every command it shows has `-o json` of its own"));
    }
    story::tell(context, args.keep.as_deref()).await?;
    Ok(Exit::Settled)
}
