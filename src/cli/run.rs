//! `run`: observe, plan and apply until nothing is left to do; for CI and for whoever wants no daemon.

use serde::Serialize;

use super::args::RunArgs;
use super::engine::{self, Engine};
use super::output::diagnostics::counted;
use super::output::{Format, Style};
use super::view::plan::{PlanData, PlanView};
use super::view::run::{RunData, RunView};
use super::view::{Frame, View};
use super::{CliError, Context, Exit, base};
use crate::model::Timestamp;
use crate::plan::{Observation, due};
use crate::reconciler::Pass;

/// A run as data.
#[derive(Serialize)]
struct RunReport {
    v: u32,
    /// Passes that did something, in order.
    passes: Vec<RunData>,
    /// What is left, and why it waits.
    left: Option<PlanData>,
}

/// Runs passes at one instant. Ends with 0 when all is settled or merely waits, 4 when something is broken, 75 when Git,
/// the forge or a registry is away.
///
/// # Errors
/// When the repository cannot be read.
pub async fn run(context: &Context, args: &RunArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let now = context.now();
    engine.reconciler.observer.try_refused().await;
    if args.refresh {
        engine.reconciler.observer.refresh().await;
    }
    let passes = {
        let _spinner = context.out.progress().spinner("running");
        let passes = engine.reconciler.run(now).await;
        passes.map_err(|e| engine::unobserved(&e))?
    };
    let Some(last) = passes.last() else {
        return Ok(Exit::Settled);
    };
    base::tell_problems(&context.out, &last.observation);
    print(context, &passes, last, now)?;
    tell_resting(context, &last.observation, now);
    Ok(base::exit_of(last))
}

/// Says which tags this run could not have found anything new of, so that nobody waits for them in vain.
fn tell_resting(context: &Context, observation: &Observation, now: Timestamp) {
    let Some(resting) = due::resting(observation) else {
        return;
    };
    let tags = counted(resting.tags, "tag");
    let was = if resting.tags == 1 { "was" } else { "were" };
    context.out.note(Style::Dim.paint(&format!(
        "{tags} {was} not asked again so soon, the next is due at {}: `run --refresh` asks now",
        Frame::of(&context.out, now).zone.near(resting.next, now)
    )));
}

fn print(context: &Context, passes: &[Pass], last: &Pass, now: Timestamp) -> Result<(), CliError> {
    let out = &context.out;
    let acted = passes.iter().filter(|pass| !pass.plan.is_empty());
    let done: Vec<RunView<'_>> = acted
        .map(|pass| RunView {
            plan: &pass.plan,
            receipt: &pass.receipt,
        })
        .collect();
    // What the last pass still had to do is told by its steps; only a plan without any says what waits.
    let left = last.plan.is_empty().then_some(PlanView {
        plan: &last.plan,
        saved_as: None,
        old: None,
    });
    let report = RunReport {
        v: 1,
        passes: done.iter().map(View::data).collect(),
        left: left.as_ref().map(View::data),
    };
    out.result(&report, |out| {
        if out.format() == Format::Name {
            done.iter()
                .flat_map(View::names)
                .for_each(|name| out.line(name));
            return;
        }
        let frame = Frame::of(out, now);
        let parts = done.iter().map(|view| view.text(&frame));
        let left = left.iter().map(|view| view.text(&frame));
        let parts: Vec<String> = parts.chain(left).filter(|text| !text.is_empty()).collect();
        out.line(parts.join("\n\n"));
    })
}
