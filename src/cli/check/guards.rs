//! What the operator's guards ask for, where settings are at hand: stages that lack a condition, keys that may not sign, and
//! guards that are for nothing.

use super::place::{key, placed};
use crate::cli::read::Files;
use crate::manifests::{Diagnostic, Documents, Located, Said, Step, Texts as _, code};
use crate::model::{Gate, Name, VerifyingKey};
use crate::plan::guard::{Guards, forbids_key, idle, lacking};

/// What is wrong with pipelines and environments by the operator's guards.
pub(super) fn problems(documents: &Documents, files: &Files, guards: &Guards) -> Vec<Said> {
    let mut problems = Vec::new();
    for located in documents.pipelines.values() {
        let pipeline = &located.value;
        let stages = pipeline.spec.stages.iter().enumerate();
        for (at, stage) in
            stages.filter(|_| !documents.broken_pipelines.contains_key(pipeline.name()))
        {
            let route = vec![key("spec"), key("stages"), Step::Index(at)];
            for found in lacking(pipeline, stage, documents, guards) {
                problems.push(said(located, &route, found.why, &found.mend, files));
            }
            let enter = [route, vec![key("enter")]].concat();
            let environments = stage.environments();
            problems.extend(keys(
                located,
                &stage.enter,
                &enter,
                &environments,
                guards,
                files,
            ));
        }
    }
    for (name, located) in &documents.environments {
        let enter = [key("spec"), key("enter")];
        let gates = &located.value.spec.enter;
        let environments = std::slice::from_ref(name);
        problems.extend(keys(located, gates, &enter, environments, guards, files));
    }
    problems
}

/// Guards for environments that are not there, in words.
pub(super) fn unused(documents: &Documents, guards: &Guards) -> Vec<String> {
    let idle = idle(documents, guards).into_iter();
    idle.map(|pattern| format!("guards.{pattern} of your settings is for no environment here"))
        .collect()
}

fn keys<T>(
    located: &Located<T>,
    gates: &[Gate],
    enter: &[Step],
    environments: &[Name],
    guards: &Guards,
    files: &Files,
) -> Vec<Said> {
    let wrong = gates.iter().enumerate().filter_map(|(at, gate)| {
        let Gate::Signature(signature) = gate else {
            return None;
        };
        let text = files.text(&signature.key)?;
        let fingerprint = VerifyingKey::of_pem(&text).ok()?.fingerprint();
        let setting = forbids_key(&fingerprint, environments, guards)?;
        let words = format!(
            "`{}` holds the key {fingerprint}, which the operator does not let sign ({setting})",
            signature.key
        );
        let field = vec![Step::Index(at), key("signature"), key("key")];
        let help = "sign with a key of that setting, or ask the operator to add this one";
        let route = [enter.to_vec(), field].concat();
        Some(said(located, &route, words, help, files))
    });
    wrong.collect()
}

fn said<T>(located: &Located<T>, route: &[Step], words: String, help: &str, files: &Files) -> Said {
    let problem = Diagnostic::error(&located.path, code::GUARD, words).help(help);
    placed(located, route, problem, files)
}
