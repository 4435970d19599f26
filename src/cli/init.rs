//! `init --adopt`: what runs already is written down as the first set of its stage, so that nothing is replaced by itself.

use super::act::{person, settle};
use super::args::InitArgs;
use super::engine::Engine;
use super::streams::{DONE, Place, Proof, Wish};
use super::{CliError, Context, Exit};
use crate::plan::acts::{Adopted, adoption};
use crate::plan::streams::adopt::adopt;

/// Adopts stages.
///
/// # Errors
/// When a stage that is named cannot be adopted, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &InitArgs) -> Result<Exit, CliError> {
    let place = Place::open(context, &args.write).await?;
    let engine = Engine::open(context, false)?;
    let observed = engine.reconciler.observer.observe(context.now()).await;
    let mut obs = observed.map_err(|error| super::act::observed(&error))?;
    let adoption = settle(&engine, &mut obs, |obs| adoption(obs, &args.stages)).await?;
    for left in &adoption.left {
        let out = &context.out;
        out.warning(&format!("{} is not adopted: {}", left.stage, left.why));
        out.note(&left.help);
    }
    let left = match adoption.left.is_empty() {
        true => DONE,
        false => Exit::Broken,
    };
    if adoption.adopted.is_empty() {
        if adoption.left.is_empty() {
            context.out.note(
                "nothing to adopt: every stage has a history, or nothing runs in its environments",
            );
        }
        return Ok(left);
    }
    let wish = Wish {
        verb: "init",
        title: title(&adoption.adopted),
        proof: Proof::Adoption,
        write: &args.write,
    };
    let by = person(context)?.email;
    place
        .edit(&wish, &|scene| adopt(&adoption, &by, scene))
        .await?;
    Ok(left)
}

fn title(adopted: &[Adopted]) -> String {
    let stages: Vec<String> = adopted.iter().map(|one| one.stage.to_string()).collect();
    format!("Adopt what runs in {}", super::streams::row(&stages))
}
