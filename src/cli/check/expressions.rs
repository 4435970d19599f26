//! Expressions of gates: one that cannot be parsed, or can be neither true nor false, refuses every set, so it is told before
//! it does.

use crate::cli::read::Files;
use crate::manifests::{Diagnostic, Documents, Located, Step, Texts as _, code, locate};
use crate::model::Gate;
use crate::plan::gate::cel;

/// What is wrong with expressions of pipelines and environments.
pub(super) fn problems(documents: &Documents, files: &Files) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for located in documents.pipelines.values() {
        let streams: Vec<String> = documents
            .pipeline_streams(&located.value)
            .into_iter()
            .map(|key| key.name.to_string())
            .collect();
        for (at, stage) in located.value.spec.stages.iter().enumerate() {
            for (list, gates) in [("enter", &stage.enter), ("verify", &stage.verify)] {
                let route =
                    |gate| vec![key("stages"), Step::Index(at), key(list), Step::Index(gate)];
                problems.extend(of_list(located, gates, route, Some(&streams), files));
            }
        }
    }
    for located in documents.environments.values() {
        let route = |gate| vec![key("enter"), Step::Index(gate)];
        let gates = &located.value.spec.enter;
        problems.extend(of_list(located, gates, route, None, files));
    }
    problems
}

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

fn of_list<T>(
    located: &Located<T>,
    gates: &[Gate],
    route: impl Fn(usize) -> Vec<Step>,
    streams: Option<&[String]>,
    files: &Files,
) -> Vec<Diagnostic> {
    let sources = gates
        .iter()
        .enumerate()
        .filter_map(|(at, gate)| match gate {
            Gate::Expression(source) => Some((at, source)),
            _ => None,
        });
    let wrong =
        sources.filter_map(|(at, source)| Some((at, cel::check_in(source, streams).err()?)));
    wrong
        .map(|(at, why)| {
            let mut whole = vec![key("spec")];
            whole.extend(route(at));
            whole.push(key("expression"));
            let text = files.text(&located.path);
            let place = text.and_then(|text| locate(&text, located.index, &whole));
            Diagnostic::error(
                &located.path,
                code::EXPRESSION,
                format!("this expression lets no set pass: {why}"),
            )
            .at(place)
        })
        .collect()
}
