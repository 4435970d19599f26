//! What the operator's guards ask for, where settings are at hand: stages that lack a condition, keys that may not sign, and
//! guards that are for nothing.

use crate::cli::read::Files;
use crate::manifests::{Diagnostic, Documents, Located, Said, Step, Texts as _, code, locate};
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
                let said = said(located, route.clone(), found.why, files);
                let problem = said.problem.clone().help(found.mend);
                problems.push(Said { problem, ..said });
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
        let said = said(located, [enter.to_vec(), field].concat(), words, files);
        let help = "sign with a key of that setting, or ask the operator to add this one";
        let problem = said.problem.clone().help(help);
        Some(Said { problem, ..said })
    });
    wrong.collect()
}

fn said<T>(located: &Located<T>, route: Vec<Step>, words: String, files: &Files) -> Said {
    let text = files.text(&located.path);
    let place = text.and_then(|text| locate(&text, located.index, &route));
    let problem = Diagnostic::error(&located.path, code::GUARD, words).at(place);
    Said::of(located, problem)
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}
