//! `set image-lookup`: whether short names resolve through image streams.

use super::args::{LookupArgs, SetArgs, SetVerb};
use super::output::Table;
use super::streams::{DONE, Place, Wish, refused, row};
use super::{CliError, Context, Exit};
use crate::model::StreamKey;
use crate::plan::streams::{Scene, lookup};

/// Sets it, or shows how it is set.
///
/// # Errors
/// When a stream is not there, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &SetArgs) -> Result<Exit, CliError> {
    let SetVerb::ImageLookup(args) = &args.what;
    let place = Place::open(context, &args.write).await?;
    let streams = named(args, place.scene(&place.docs))?;
    if args.list || (args.streams.is_empty() && !args.all) {
        return show(context, &place, &streams);
    }
    let names: Vec<String> = streams.iter().map(|key| key.name.to_string()).collect();
    let on = if args.enabled { "on" } else { "off" };
    let wish = Wish {
        verb: "set",
        title: format!("Turn image lookup of {} {on}", row(&names)),
        proven: false,
        write: &args.write,
    };
    place
        .edit(&wish, &|scene| lookup::set(&streams, args.enabled, scene))
        .await?;
    Ok(DONE)
}

/// The streams that were named, or all of the namespace.
fn named(args: &LookupArgs, scene: Scene<'_>) -> Result<Vec<StreamKey>, CliError> {
    if args.streams.is_empty() {
        let own = scene.docs.streams.keys();
        let own = own.filter(|key| key.namespace == *scene.namespace);
        return Ok(own.cloned().collect());
    }
    let named = args.streams.iter().map(|text| {
        let kinds = ["is/", "imagestream/", "imagestreams/"];
        let name = kinds.iter().find_map(|kind| text.strip_prefix(kind));
        scene.stream_key(name.unwrap_or(text)).map_err(refused)
    });
    named.collect()
}

fn show(context: &Context, place: &Place<'_>, streams: &[StreamKey]) -> Result<Exit, CliError> {
    let scene = place.scene(&place.docs);
    let mut table = Table::new(["NAME", "LOCAL"]);
    let mut rows = Vec::new();
    for key in streams {
        let local = scene.stream(key).map_err(refused)?.spec.lookup_policy.local;
        table.row([scene.shown(key), local.to_string()]);
        rows.push(serde_json::json!({"name": scene.shown(key), "local": local}));
    }
    context.out.result(&rows, |out| out.table(&table))?;
    Ok(DONE)
}
