//! `observe`: what Git, registries and the forge say now, in one file from which every decision can be made again.

use std::path::Path;

use serde::Serialize;

use super::args::ObserveArgs;
use super::engine::Engine;
use super::output::Format;
use super::{CliError, Context, Exit, base, files};
use crate::model::{CommitId, Timestamp};

/// What was written, as data.
#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    file: String,
    branch: &'a str,
    commit: &'a CommitId,
    now: Timestamp,
    /// Answers of registries that it holds.
    answers: usize,
}

/// Writes the facts that a whole plan asked for.
///
/// # Errors
/// When the repository cannot be read, or the file cannot be written.
pub async fn run(context: &Context, args: &ObserveArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let (observation, plan) = engine.plan(context, context.now()).await?;
    let out = &context.out;
    base::tell_problems(out, &observation);
    if !plan.questions.is_empty() {
        out.warning(&format!(
            "{} questions of the plan have no answer yet; facts of another run may have more",
            plan.questions.len()
        ));
    }
    let facts = &observation.facts;
    if args.out == Path::new("-") {
        out.json(facts)?;
        return Ok(Exit::Settled);
    }
    files::write(&args.out, facts)?;
    let written = Written {
        v: 1,
        file: args.out.display().to_string(),
        branch: &facts.branch,
        commit: &facts.commit,
        now: facts.now,
        answers: facts.resolved.len() + facts.described.len(),
    };
    out.result(&written, |out| match out.format() {
        Format::Name => out.line(&written.file),
        _ => out.line(format!(
            "wrote {}: facts of {} at {}, {} answers of registries\nnext: headwater plan --facts {}",
            written.file,
            super::view::words::safe(written.branch),
            written.commit.short(),
            written.answers,
            written.file
        )),
    })?;
    Ok(Exit::Settled)
}
