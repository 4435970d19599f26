//! `render`: manifests of a work tree, or of the base where there is none, with the images that its stages hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::act::{observed, settle, work_tree};
use super::args::RenderArgs;
use super::engine::Engine;
use super::output::Format;
use super::view::words::safe;
use super::work::observation;
use super::{CliError, Context, Exit};
use crate::model::RepoPath;
use crate::plan::output::MARKER;
use crate::plan::output::rendering::{Renderings, renderings};
use crate::plan::output::survey::Place;

/// A rendered file as data.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rendered<'a> {
    environment: &'a str,
    application: &'a str,
    path: &'a RepoPath,
    text: &'a str,
}

/// Renders what was asked for.
///
/// # Errors
/// When there is no such environment or application, or a file cannot be written.
pub async fn run(context: &Context, args: &RenderArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let base = engine.reconciler.observer.observe(context.now()).await;
    let base = base.map_err(|e| observed(&e))?;
    let mut obs = match work_tree(context)? {
        Some(tree) => observation(&tree, &base)?,
        None => base,
    };
    let target = args.target.as_ref();
    let environment = target.map(|t| &t.environment);
    let application = target.and_then(|t| t.application.as_ref());
    let found = settle(&engine, &mut obs, |obs| {
        renderings(obs, environment, application)
    })
    .await?;
    match &args.out {
        Some(folder) => write(context, &found, folder)?,
        None => print(context, &found)?,
    }
    Ok(ending(context, &found))
}

fn print(context: &Context, found: &Renderings) -> Result<(), CliError> {
    let out = &context.out;
    let files: Vec<Rendered<'_>> = each(found)
        .map(|(place, path, text)| Rendered {
            environment: place.0.as_str(),
            application: &place.1,
            path,
            text,
        })
        .collect();
    match out.format() {
        Format::Json => out.json(&files)?,
        Format::Yaml => out.yaml(&files)?,
        Format::Name => files.iter().for_each(|f| out.line(f.path.as_str())),
        _ => files.iter().for_each(|f| {
            let end = if f.text.ends_with('\n') { "" } else { "\n" };
            out.verbatim(&format!("---\n# {}\n{}{end}", f.path, f.text));
        }),
    }
    Ok(())
}

/// Into `FOLDER/<environment>/<application>/<file>`. A file there that is not one of ours is never overwritten.
fn write(context: &Context, found: &Renderings, folder: &Path) -> Result<(), CliError> {
    let files: BTreeMap<PathBuf, &str> = each(found)
        .map(|(place, path, text)| {
            let output = format!("/rendered/{}/", place.1);
            let file = path.as_str().split_once(&output);
            let file = file.map_or_else(|| path.file_name(), |(_, file)| file);
            let place = folder.join(place.0.as_str()).join(&place.1);
            (place.join(file), text)
        })
        .collect();
    for path in files.keys() {
        let there = fs::read(path);
        if there.is_ok_and(|bytes| !bytes.starts_with(MARKER.as_bytes())) {
            return Err(CliError::failed(format!(
                "`{}` was not written by headwater, so it is not overwritten",
                path.display()
            ))
            .help("name another folder, or move it away"));
        }
    }
    for (path, text) in files {
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .map_err(|e| CliError::failed(format!("cannot write `{}`: {e}", path.display())))?;
        context.out.line(safe(&path.display().to_string()));
    }
    Ok(())
}

fn each(found: &Renderings) -> impl Iterator<Item = (&Place, &RepoPath, &str)> {
    found.iter().flat_map(|(place, result)| {
        let files = result.iter().flatten();
        files.map(move |(path, text)| (place, path, text.as_str()))
    })
}

/// Names what could not be rendered. Waiting for an image is no failure; anything else is.
fn ending(context: &Context, found: &Renderings) -> Exit {
    let mut exit = Exit::Settled;
    for ((environment, application), result) in found {
        let Err(not) = result else { continue };
        let why = format!(
            "{application} in {environment} is not rendered: {}",
            not.why
        );
        let help = not
            .help
            .as_ref()
            .map(|help| format!("\nhelp: {}", safe(help)));
        context
            .out
            .warning(&format!("{}{}", safe(&why), help.unwrap_or_default()));
        if !not.waiting {
            exit = Exit::Broken;
        }
    }
    exit
}
