//! `check`: every problem of every document at once, in a work tree, a plain folder, or the base of a remote. Writes
//! nothing but the baseline that it is told to write, and asks registries only with `--online`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use baseline::{Baseline, Split};
use manifests::Manifests;

use super::args::CheckArgs;
use super::output::diagnostics::{self, counted};
use super::output::{Format, Out};
use super::read::{self, Files, Lookup};
use super::{CliError, Context, Exit};
use crate::config::Settings;
use crate::manifests::{Diagnostic, Documents, Severity, assemble, code, once, role_of};
use crate::model::RepoPath;

mod baseline;
mod gates;
mod guards;
mod manifests;
mod named;
mod online;
mod place;
mod release_tags;
mod templates;

/// Checks documents, expressions and templates. Ends with 3 if anything reported is an error.
///
/// # Errors
/// When there is nothing to read, or a path to report on does not exist.
pub async fn run(context: &Context, args: &CheckArgs) -> Result<Exit, CliError> {
    let out = &context.out;
    let read::Read { files, origin } = {
        let _spinner = out.progress().spinner("reading files");
        read::read(context, None).await?
    };
    let scope = scope(&files, &args.paths)?;
    let silent = silent(&files, &scope);
    let inside =
        |path: &RepoPath| scope.is_empty() || scope.iter().any(|s| path == s || path.is_below(s));
    let known = match &args.baseline {
        Some(file) if !args.write_baseline => Some(Baseline::read(file)?),
        _ => None,
    };
    let others = manifests::read(&origin, &files.paths, &files.read).await?;
    let settings = context.settings().clone();
    let (files, documents, others, mut problems) = tokio::task::spawn_blocking(move || {
        let (documents, problems) = problems(&files, &others, &settings);
        (files, documents, others, problems)
    })
    .await
    .map_err(|error| CliError::failed(format!("the check stopped: {error}")))?;
    let asked = match args.online {
        true => online::ask(context, &documents, &files, &inside).await?,
        false => online::Asked::default(),
    };
    // Where not every registry told, what is known of it stays known.
    let told = args.online && asked.untold.is_empty();
    problems.extend(asked.problems);
    problems.retain(|problem| inside(&problem.path));
    problems.sort();
    let checked = files.read.iter().chain(others.keys());
    let checked = checked.filter(|path| inside(path)).count();
    let looked_for =
        |path: &RepoPath, found: &str| inside(path) && (told || found != code::IMAGE_GONE);
    let split = match (&args.baseline, known) {
        (Some(file), None) => taken_over(out, file, problems, told)?,
        (_, Some(known)) => known.split(problems, &looked_for),
        (None, None) => Split {
            new: problems,
            ..Split::default()
        },
    };
    print(out, &split, args.baseline.is_some(), checked)?;
    silent.iter().for_each(|words| out.warning(words));
    let unused = guards::unused(&documents, &context.settings().guards);
    unused.iter().for_each(|words| out.warning(words));
    asked.untold.iter().for_each(|words| out.warning(words));
    let invalid = split.new.iter().any(|p| p.severity == Severity::Error);
    Ok(match asked.exit {
        _ if invalid => Exit::Invalid,
        Some(exit) => exit,
        None => Exit::Settled,
    })
}

/// All that was found is known from now on, and so is what was known of images where not every registry told.
fn taken_over(
    out: &Out,
    file: &Path,
    mut problems: Vec<Diagnostic>,
    told: bool,
) -> Result<Split, CliError> {
    if !told && file.exists() {
        let old = Baseline::read(file)?.with_code(code::IMAGE_GONE);
        let is_new = |one: &Diagnostic| {
            let mut found = problems.iter().filter(|p| p.code == one.code);
            found.all(|p| (&p.path, p.without_lines()) != (&one.path, one.message.clone()))
        };
        let old: Vec<Diagnostic> = old.into_iter().filter(is_new).collect();
        problems.extend(old);
    }
    Baseline::write(file, &problems)?;
    let count = counted(problems.len(), "finding");
    out.note(format!("{} has {count} from now on", file.display()));
    Ok(Split {
        known: problems,
        ..Split::default()
    })
}

/// The paths to report on, as paths of the repository; none means all.
fn scope(files: &Files, paths: &[PathBuf]) -> Result<Vec<RepoPath>, CliError> {
    let mut scope = Vec::new();
    for path in paths {
        let shown = path.display();
        let found = match &files.lookup {
            Lookup::Folder(tree) => tree
                .relative(path)
                .map_err(|e| CliError::usage(e.to_string()))?,
            Lookup::Commit(_) => {
                let text = path.to_string_lossy();
                let text = text.trim_start_matches("./").trim_end_matches('/');
                let path = text.parse::<RepoPath>();
                Some(path.map_err(|e| CliError::usage(format!("`{shown}`: {e}")))?)
            }
        };
        // The root is everything.
        let Some(found) = found else {
            return Ok(Vec::new());
        };
        if !files.lookup.has(&found) {
            return Err(CliError::usage(format!("there is no `{shown}` to check"))
                .help("paths are files or folders of the repository"));
        }
        scope.push(found);
    }
    Ok(scope)
}

/// What to say of places without anything to check, so that nobody takes them for sound.
fn silent(files: &Files, scope: &[RepoPath]) -> Vec<String> {
    let says = |inside: &dyn Fn(&RepoPath) -> bool| {
        let documents = files.loaded.iter().any(|(path, _, loaded)| {
            let empty = loaded.documents.is_empty() && loaded.problems.is_empty();
            !empty && inside(path)
        });
        let others = files.read.iter().filter(|path| inside(path));
        documents
            || others
                .into_iter()
                .any(|path| role_of(path, &files.paths).is_none())
    };
    let paths = &files.paths;
    let read = format!(
        "{}/, {}/, {}/, {}/ and {}/ are read, without what is rendered below them",
        paths.pipelines, paths.streams, paths.environments, paths.holds, paths.freezes
    );
    if scope.is_empty() {
        return match says(&|_| true) {
            true => Vec::new(),
            false => vec![format!("there are no documents of ours here: {read}")],
        };
    }
    let nothing = scope
        .iter()
        .filter(|place| !says(&|path| path == *place || path.is_below(place)));
    nothing
        .map(|place| format!("there are no documents of ours in `{place}`: {read}"))
        .collect()
}

fn problems(
    files: &Files,
    others: &Manifests,
    settings: &Settings,
) -> (Documents, Vec<Diagnostic>) {
    let loaded = files.loaded.iter();
    let loaded = loaded.map(|(path, role, loaded)| (path.clone(), *role, Arc::clone(loaded)));
    let documents = assemble(loaded.collect(), files, &files.lookup);
    let mut problems = documents.problems.clone();
    problems.extend(templates::problems(&documents, files));
    problems.extend(once(gates::problems(&documents, files)));
    problems.extend(once(guards::problems(&documents, files, &settings.guards)));
    problems.extend(once(named::problems(&documents, files, settings)));
    problems.extend(once(release_tags::problems(&documents, files)));
    problems.extend(manifests::problems(others, &documents));
    problems.sort();
    problems.dedup();
    (documents, problems)
}

fn print(out: &Out, split: &Split, baseline: bool, checked: usize) -> Result<(), CliError> {
    let known = baseline.then_some(split.known.as_slice());
    diagnostics::print(out, &split.new, known)?;
    let mut summary = format!(
        "checked {}: {}",
        counted(checked, "file"),
        diagnostics::summary(&split.new)
    );
    if !split.known.is_empty() {
        summary.push_str(&format!("; {} of the baseline", split.known.len()));
    }
    match out.format() {
        Format::Text | Format::Wide => out.line(summary),
        _ => out.note(summary),
    }
    if split.gone > 0 {
        let gone = counted(split.gone, "finding");
        out.note(format!(
            "mended since the baseline was written: {gone}; --write-baseline takes out what is mended"
        ));
    }
    Ok(())
}
