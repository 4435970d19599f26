//! Templates that applications use, compiled, and the values that applications give them, parsed.

use std::collections::BTreeSet;

use crate::cli::read::Files;
use crate::manifests::{Diagnostic, Documents, Place, Texts as _, code, values};
use crate::model::{ApplicationName, Name, RepoPath};
use crate::plan::output::template::TemplateSet;

/// Longest line that is shown.
const LONGEST_LINE: usize = 200;

/// What is wrong with templates in use, and with the values of applications that use them.
pub(super) fn problems(documents: &Documents, files: &Files) -> Vec<Diagnostic> {
    let mut kinds: BTreeSet<&Name> = BTreeSet::new();
    let mut problems = Vec::new();
    for (name, environment) in &documents.environments {
        for application in &environment.value.spec.applications {
            let Some(kind) = &application.template else {
                continue;
            };
            kinds.insert(kind);
            if let ApplicationName::One(application) = &application.name {
                problems.extend(own_values(name, application, files));
            }
        }
    }
    problems.extend(kinds.into_iter().filter_map(|kind| compile(kind, files)));
    problems
}

fn own_values(environment: &Name, application: &Name, files: &Files) -> Option<Diagnostic> {
    let folder = &files.paths.environments;
    let path = folder
        .join(&format!("{environment}/{application}/values.yaml"))
        .ok()?;
    let text = files.text(&path)?;
    values::parse(&path, &text).err().map(|problem| *problem)
}

fn compile(kind: &Name, files: &Files) -> Option<Diagnostic> {
    let folder = files.paths.templates.join(kind.as_str()).ok()?;
    let texts = files.below(&folder);
    // That the folder is not there is told by the environment that names it.
    if texts.is_empty() {
        return None;
    }
    let error = TemplateSet::compile(kind, texts).err()?;
    let problem = error.problem()?;
    let path = folder.join(&problem.file).unwrap_or(folder);
    let mut found = Diagnostic::error(&path, code::TEMPLATE, error.to_string());
    found.place = problem.line.and_then(|line| place(&path, line, files));
    found.help.clone_from(&problem.help);
    Some(found)
}

fn place(path: &RepoPath, line: usize, files: &Files) -> Option<Place> {
    let text = files.text(path)?;
    let text = text.lines().nth(line.checked_sub(1)?)?;
    let indent = text.chars().take_while(|c| c.is_whitespace()).count();
    let length = text.trim().chars().count().clamp(1, LONGEST_LINE);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    Some(Place {
        line,
        column: indent + 1,
        length,
        text: text.chars().take(LONGEST_LINE).map(plain).collect(),
    })
}
