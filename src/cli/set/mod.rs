//! `set image-lookup`: whether short names resolve through image streams, and whether one object with pods has all its
//! names looked up. `set triggers` beside it.

mod meant;
mod triggers;

use meant::Meant;

use super::args::{LookupArgs, SetArgs, SetVerb};
use super::output::Table;
use super::streams::{DONE, Place, Proof, Wish, refused, row};
use super::{CliError, Context, Exit};
use crate::manifests::pods::{RESOLVE_NAMES, Workload};
use crate::model::RepoPath;
use crate::plan::streams::lookup;

/// Sets it, or shows how it is set.
///
/// # Errors
/// When something that was named is not there, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &SetArgs) -> Result<Exit, CliError> {
    match &args.what {
        SetVerb::ImageLookup(args) => image_lookup(context, args).await,
        SetVerb::Triggers(args) => triggers::run(context, args).await,
    }
}

async fn image_lookup(context: &Context, args: &LookupArgs) -> Result<Exit, CliError> {
    let place = Place::open(context, &args.write).await?;
    let meant = Meant::of(context, &place, args).await?;
    meant.notes.iter().for_each(|note| context.out.note(note));
    if args.list || (args.names_nothing() && !args.all) {
        return show(context, &place, &meant);
    }
    let streams = meant.streams.clone();
    let workloads: Vec<(RepoPath, Workload)> = meant
        .workloads
        .into_iter()
        .map(|found| found.editable(RESOLVE_NAMES))
        .collect::<Result<_, _>>()?;
    let mut names: Vec<String> = streams.iter().map(|key| key.name.to_string()).collect();
    names.extend(workloads.iter().map(|(_, w)| w.id.to_string()));
    if names.is_empty() {
        context.out.note("nothing bears these labels");
        return Ok(DONE);
    }
    let on = if args.enabled { "on" } else { "off" };
    let wish = Wish {
        verb: "set",
        title: format!("Turn image lookup of {} {on}", row(&names)),
        proof: Proof::None,
        write: &args.write,
    };
    place
        .edit(&wish, &|scene| {
            lookup::set(&streams, &workloads, args.enabled, scene)
        })
        .await?;
    Ok(DONE)
}

fn show(context: &Context, place: &Place<'_>, meant: &Meant) -> Result<Exit, CliError> {
    let scene = place.scene(&place.docs);
    let mut rows = Vec::new();
    for key in &meant.streams {
        let local = scene.stream(key).map_err(refused)?.spec.lookup_policy.local;
        rows.push((scene.shown(key), local));
    }
    for found in &meant.workloads {
        rows.push((found.workload.id.to_string(), found.workload.resolves));
    }
    let mut table = Table::new(["NAME", "LOCAL"]);
    for (name, local) in &rows {
        table.row([name.clone(), local.to_string()]);
    }
    let data: Vec<_> = rows
        .iter()
        .map(|(name, local)| serde_json::json!({"name": name, "local": local}))
        .collect();
    context.out.result(&data, |out| out.table(&table))?;
    Ok(DONE)
}
