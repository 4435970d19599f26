//! Templates that applications use, compiled, the values that applications give them, parsed, and the two rendered
//! together with stand-ins for images.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::cli::read::Files;
use crate::manifests::{Diagnostic, Documents, Place, Texts as _, code, values};
use crate::model::{ApplicationName, Name, RepoPath};
use crate::plan::output::template::{TemplateError, TemplateSet};
use crate::plan::output::trial::Trial;

/// Longest line that is shown.
const LONGEST_LINE: usize = 200;

/// What is wrong with templates in use, with the values of applications that use them, and with the two together.
pub(super) fn problems(documents: &Documents, files: &Files) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let mut sets: BTreeMap<&Name, Option<TemplateSet>> = BTreeMap::new();
    let mut stumbled = Stumbled::new();
    let trial = Trial::new(documents);
    for environment in documents.environments.values().map(|e| &*e.value) {
        for application in &environment.spec.applications {
            let Some(kind) = &application.template else {
                continue;
            };
            let set = sets.entry(kind).or_insert_with(|| {
                let compiled = compile(kind, files)?;
                compiled.map_err(|problem| problems.extend(problem)).ok()
            });
            let ApplicationName::One(name) = &application.name else {
                continue;
            };
            let values = own_values(environment.name(), name, files);
            let values = values.map_err(|problem| problems.push(*problem)).ok();
            let place = (environment.name().clone(), application.name.clone());
            let broken = documents.broken_applications.contains_key(&place);
            let (Some(set), Some(values), false) = (set, values, broken) else {
                continue;
            };
            let rendered = trial.render(environment, (application, name), set, &values);
            for error in rendered.err().into_iter().flatten() {
                let who = format!("{}/{name}", environment.name());
                let found = told(kind, &error, files);
                stumbled.entry(found).or_default().push(who);
            }
        }
    }
    problems.extend(stumbled.into_iter().map(with_names));
    problems
}

/// Problems of rendering, and the applications that meet them.
type Stumbled = BTreeMap<Diagnostic, Vec<String>>;

/// One problem of a template, however many applications it keeps from being rendered.
fn with_names((mut problem, who): (Diagnostic, Vec<String>)) -> Diagnostic {
    let more = match who.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let first = who.first().map_or("", String::as_str);
    let rendering = format!("rendering {first}{more}");
    if problem.place.is_some() {
        return problem.label(rendering);
    }
    // Where nothing is underlined, no label is shown.
    problem.message = format!("{} ({rendering})", problem.message);
    problem
}

/// The values of an application; none is an empty map.
fn own_values(
    environment: &Name,
    application: &Name,
    files: &Files,
) -> Result<Value, Box<Diagnostic>> {
    let folder = &files.paths.environments;
    let path = folder.join(&format!("{environment}/{application}/values.yaml"));
    let path = path.ok();
    let text = path.and_then(|path| Some((files.text(&path)?, path)));
    text.map_or_else(
        || Ok(Value::Object(Map::new())),
        |(text, path)| values::parse(&path, &text),
    )
}

/// The templates of a kind, if there are any. An error without a problem has been told elsewhere.
fn compile(kind: &Name, files: &Files) -> Option<Result<TemplateSet, Option<Diagnostic>>> {
    let folder = files.paths.templates.join(kind.as_str()).ok()?;
    let texts = files.below(&folder);
    // That the folder is not there is told by the environment that names it.
    if texts.is_empty() {
        return None;
    }
    let compiled = TemplateSet::compile(kind, texts);
    Some(compiled.map_err(|error| error.problem().and(Some(told(kind, &error, files)))))
}

/// An error of a template, at its place.
fn told(kind: &Name, error: &TemplateError, files: &Files) -> Diagnostic {
    let templates = &files.paths.templates;
    let folder = templates
        .join(kind.as_str())
        .unwrap_or_else(|_| templates.clone());
    let (file, line, help) = match (error, error.problem()) {
        (TemplateError::NotPinned { file, .. }, _) => (file.as_str(), None, None),
        (_, Some(problem)) => (problem.file.as_str(), problem.line, problem.help.clone()),
        (_, None) => ("", None, None),
    };
    let below = |file: &str| folder.join(file).ok().filter(|p| files.text(p).is_some());
    let source = below(file);
    // A line of an output is no line of its template.
    let line = line.filter(|_| source.is_some());
    let path = source.or_else(|| below(&format!("{file}.hbs")));
    let path = path.unwrap_or(folder);
    let mut found = Diagnostic::error(&path, code::TEMPLATE, error.to_string());
    found.place = line.and_then(|line| place(&path, line, files));
    found.help = help;
    found
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
