//! What verbs on the base have in common: problems of documents on stderr, stages by name, and how a pass ends.

use std::collections::BTreeSet;

use super::error::CliError;
use super::exit::Exit;
use super::output::diagnostics;
use super::output::{Out, Style};
use crate::manifests::suggest::proposed;
use crate::manifests::{Diagnostic, Severity};
use crate::model::StageKey;
use crate::plan::failing::{forge_waits, is_tried_again};
use crate::plan::report::StageReport;
use crate::plan::{Observation, Plan, State};
use crate::reconciler::Pass;

/// More problems than these are only counted.
const MOST_PROBLEMS: usize = 20;
/// What stands under an excerpt is not longer than this.
const WIDEST: usize = 120;

/// Says which errors documents have, beside the result. Each concerns itself only; the rest goes on.
pub fn tell_problems(out: &Out, observation: &Observation) {
    let problems = &observation.snapshot.documents.problems;
    let columns = out.look().width.unwrap_or(WIDEST).min(WIDEST);
    let (errors, warnings): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        problems.iter().partition(|p| p.severity == Severity::Error);
    for error in errors.iter().take(MOST_PROBLEMS) {
        out.note(diagnostics::draw(error, columns));
    }
    let hidden = errors.len().saturating_sub(MOST_PROBLEMS);
    let rest: Vec<String> = [(hidden, "error"), (warnings.len(), "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} more {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    // Warnings alone are for `check`: a verb that runs every few minutes must not repeat them.
    if !errors.is_empty() && !rest.is_empty() {
        let rest = rest.join(", ");
        out.note(Style::Dim.paint(&format!("{rest}: `headwater check` shows everything")));
    }
    if let Some(failure) = &observation.facts.forge_failure {
        let message = super::view::words::safe(&failure.message);
        out.warning(&format!("pull requests are not known: {message}"));
    }
}

/// A stage by its name.
///
/// # Errors
/// When there is none: lists those there are.
pub fn find_stage<'p>(
    plan: &'p Plan,
    observation: &Observation,
    key: &StageKey,
) -> Result<&'p StageReport, CliError> {
    if let Some(found) = plan.stages.iter().find(|stage| stage.key == *key) {
        return Ok(found);
    }
    let documents = &observation.snapshot.documents;
    let stages = plan.stages.iter();
    let own: Vec<&str> = stages
        .clone()
        .filter(|stage| stage.key.pipeline == key.pipeline)
        .map(|stage| stage.key.stage.as_str())
        .collect();
    if documents.broken_pipelines.contains_key(&key.pipeline) || own.is_empty() {
        if let Some(why) = documents.why_no_pipeline(&key.pipeline) {
            return Err(invalid(why));
        }
        let pipelines: BTreeSet<&str> = stages.map(|s| s.key.pipeline.as_str()).collect();
        let help = proposed(key.pipeline.as_str(), pipelines);
        let message = format!("there is no pipeline `{}`", key.pipeline);
        return Err(CliError::usage(message).help(help));
    }
    let help = proposed(key.stage.as_str(), own);
    let message = format!("pipeline `{}` has no stage `{}`", key.pipeline, key.stage);
    Err(CliError::usage(message).help(help))
}

/// Something named cannot be read as it is written.
pub fn invalid(what: String) -> CliError {
    CliError::new(Exit::Invalid, what).help("`headwater check` shows what is wrong")
}

/// How a run of passes ends, by its last one.
pub fn exit_of(pass: &Pass) -> Exit {
    let receipt = &pass.receipt;
    let facts = &pass.observation.facts;
    let away = receipt.again
        || !pass.plan.questions.is_empty()
        || receipt.refused.iter().any(|refusal| refusal.fault.heals())
        || facts.forge_failure.as_ref().is_some_and(|f| f.transient);
    if away {
        Exit::TryAgain
    } else if !receipt.refused.is_empty() {
        Exit::Broken
    } else {
        exit_of_plan(&pass.plan, &pass.observation)
    }
}

/// How looking at a plan ends: by what a person must mend, then by what a registry did not answer and is asked again.
pub fn exit_of_plan(plan: &Plan, observation: &Observation) -> Exit {
    if is_broken(plan, observation) {
        Exit::Broken
    } else if observation.facts.forge_failure.is_some() || plan.holds.iter().any(is_tried_again) {
        Exit::TryAgain
    } else {
        Exit::Settled
    }
}

/// Whether a person must mend something.
fn is_broken(plan: &Plan, observation: &Observation) -> bool {
    plan.holds.iter().any(|hold| hold.state == State::Broken)
        || plan.stages.iter().any(|stage| stage.state == State::Broken)
        || (observation.facts.forge_failure.is_some() && !forge_waits(&observation.facts))
        || observation.snapshot.documents.errors().next().is_some()
}
