//! What is printed of an edit of streams: what `oc` prints, or the streams as they will be.

use serde::Serialize;
use serde_json::{Value, json};

use super::Edit;
use crate::cli::CliError;
use crate::cli::output::{Format, Out};
use crate::cli::view::act::Written;
use crate::cli::view::words::counted;
use crate::manifests::pods;
use crate::model::{ImageStream, image_stream};
use crate::plan::change::files::Files;

/// A stream as an object of its own.
#[derive(Serialize)]
struct Object<'s> {
    #[serde(rename = "apiVersion")]
    version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    stream: &'s ImageStream,
}

/// Prints the result.
///
/// # Errors
/// When it cannot be written as data.
pub(super) fn print(out: &Out, edit: &Edit, dry_run: bool) -> Result<(), CliError> {
    let done = &edit.done;
    match out.format() {
        Format::Name => {
            for key in done.changes.keys() {
                out.line(format!("imagestream.image.openshift.io/{}", key.name));
            }
            let manifests = done.manifests.iter();
            manifests.for_each(|manifest| out.line(manifest.workload.full_name()));
            done.names.iter().for_each(|name| out.line(name));
        }
        Format::Json => out.json(&object(edit)?)?,
        Format::Yaml => out.yaml(&object(edit)?)?,
        _ => {
            let tail = if dry_run { " (dry run)" } else { "" };
            done.says
                .iter()
                .for_each(|line| out.line(format!("{line}{tail}")));
        }
    }
    Ok(())
}

/// One object, or a list of several: as they will be.
fn object(edit: &Edit) -> Result<Value, CliError> {
    let streams = edit.done.changes.values().map(|draft| Object {
        version: image_stream::API_VERSION,
        kind: image_stream::KIND,
        stream: &draft.stream,
    });
    let mut items: Vec<Value> = streams
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()?;
    let workloads = edit.done.manifests.iter().filter_map(|manifest| {
        let new = edit.files.get(&manifest.path).and_then(Option::as_ref);
        let text = new.or_else(|| edit.old.get(&manifest.path))?;
        pods::object(text, &manifest.workload.id)
    });
    items.extend(workloads);
    let whole = edit.done.files.iter().map(|(path, new)| {
        // What is taken away is shown as it was.
        let text = new.as_ref().or_else(|| edit.old.get(path));
        let value = text.map(|text| serde_yaml::from_str::<Value>(text));
        value
            .transpose()
            .map_err(|error| CliError::failed(format!("{path}: {error}")))
    });
    let whole: Vec<Option<Value>> = whole.collect::<Result<_, _>>()?;
    items.extend(whole.into_iter().flatten());
    Ok(match items.len() {
        1 => items.remove(0),
        _ => json!({"apiVersion": "v1", "kind": "List", "items": items}),
    })
}

/// Says where it went.
pub(super) fn note(out: &Out, written: &Written, files: &Files) {
    let names: Vec<&str> = files.keys().map(|path| path.as_str()).collect();
    let names = names.join(", ");
    let did = match files.values().all(Option::is_none) {
        true => "deleted",
        false => "wrote",
    };
    match written {
        Written::WorkTree => out.note(format!("{did} {names}")),
        Written::Commit { commit } => {
            out.note(format!("committed {} ({names})", commit.short()));
        }
        Written::Pushed { commit, branch } => {
            let files = counted(files.len(), "file");
            out.note(format!("pushed {} to {branch} ({files})", commit.short()));
        }
        Written::PullRequest { id, in_the_way } => {
            out.note(format!("opened {id}; next: {}", in_the_way.join(", ")));
        }
        Written::Reopened { id } => out.note(format!("opened {id} again")),
        Written::Nowhere => out.note("nothing was written"),
    }
}
