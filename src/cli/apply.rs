//! `apply`: one pass, or a saved plan if it still is what would be planned now.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::ApplyArgs;
use super::engine::{self, Engine};
use super::view;
use super::view::plan::EffectData;
use super::view::run::RunView;
use super::view::words::safe;
use super::{CliError, Context, Exit, base, files};
use crate::model::Timestamp;
use crate::plan::Plan;
use crate::reconciler::{Applied, Pass};

/// More differences than these are only counted.
const MOST_DIFFERENCES: usize = 10;

/// Carries a plan out.
///
/// # Errors
/// When the repository or the plan cannot be read, or the saved plan is not what would be planned now.
pub async fn run(context: &Context, args: &ApplyArgs) -> Result<Exit, CliError> {
    let saved: Option<Plan> = match &args.plan {
        Some(file) => Some(files::PLAN.read(file)?),
        None => None,
    };
    let engine = Engine::open(context, false)?;
    let now = context.now();
    let pass = match (&saved, &args.plan) {
        (Some(saved), Some(file)) => self::saved(context, &engine, saved, file, now).await?,
        _ => {
            let _spinner = context.out.progress().spinner("observing and applying");
            let pass = engine.reconciler.pass(now).await;
            pass.map_err(|e| engine::unobserved(&e))?
        }
    };
    base::tell_problems(&context.out, &pass.observation);
    let view = RunView {
        plan: &pass.plan,
        receipt: &pass.receipt,
    };
    view::print(&context.out, &view, now)?;
    Ok(base::exit_of(&pass))
}

async fn saved(
    context: &Context,
    engine: &Engine,
    saved: &Plan,
    file: &Path,
    now: Timestamp,
) -> Result<Pass, CliError> {
    let _spinner = context.out.progress().spinner("checking the saved plan");
    let applied = engine.reconciler.apply_saved(saved, now).await;
    match applied.map_err(|e| engine::unobserved(&e))? {
        Applied::Done(pass) => Ok(*pass),
        Applied::Changed(made) => Err(changed(saved, &made, file, now)),
    }
}

/// Nothing was written: what would be planned now is something else.
fn changed(saved: &Plan, made: &Plan, file: &Path, now: Timestamp) -> CliError {
    let mut error = CliError::new(
        Exit::TryAgain,
        format!(
            "`{}` is not what would be planned now, so nothing was written",
            file.display()
        ),
    );
    for difference in differences(saved, made, now) {
        error = error.because(difference);
    }
    error.help("run `headwater plan` again, and look at it before you apply it")
}

fn differences(saved: &Plan, made: &Plan, now: Timestamp) -> Vec<String> {
    let mut found = Vec::new();
    if saved.base != made.base {
        let (then, now) = (saved.base.short(), made.base.short());
        found.push(format!("{} went from {then} to {now}", safe(&made.branch)));
    }
    if saved.valid_until.is_some_and(|until| until <= now) {
        let until = saved.valid_until.map(crate::model::time::stamp);
        let until = until.unwrap_or_default();
        found.push(format!("it was good until {until}"));
    }
    let words = |plan: &Plan| -> BTreeSet<String> {
        let effects = plan.effects.iter();
        effects
            .map(|e| words(&EffectData::of(e, &plan.branch)))
            .collect()
    };
    let (then, now) = (words(saved), words(made));
    let gone = then.difference(&now).map(|w| format!("no longer: {w}"));
    let added = now.difference(&then).map(|w| format!("now: {w}"));
    let effects: Vec<String> = gone.chain(added).collect();
    if found.is_empty() && effects.is_empty() {
        found.push("the same is to be done, with other content".to_owned());
    }
    let more = effects.len().saturating_sub(MOST_DIFFERENCES);
    found.extend(effects.into_iter().take(MOST_DIFFERENCES));
    if more > 0 {
        found.push(format!("and {more} more differences"));
    }
    found
}

/// `pushBase to main: Import myapp 1.2.3`
fn words(effect: &EffectData) -> String {
    let place = effect.pull_request.as_ref().or(effect.branch.as_ref());
    let place = place.map_or_else(String::new, |place| format!(" {}", safe(place)));
    let title = effect.title.as_ref();
    let title = title.map_or_else(String::new, |title| format!(": {}", safe(title)));
    format!("{}{place}{title}", effect.kind)
}
