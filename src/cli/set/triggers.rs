//! `set triggers`: shows and changes by which tags of image streams the images of objects with pods move.

use serde::Serialize;

use super::meant::Meant;
use crate::cli::args::TriggersArgs;
use crate::cli::output::Table;
use crate::cli::streams::{DONE, Found, Place, Proof, Wish, refused, row};
use crate::cli::{CliError, Context, Exit};
use crate::manifests::pods::Workload;
use crate::manifests::triggers::{TRIGGERS, TriggerWish, WATCHED, read};
use crate::model::RepoPath;
use crate::plan::streams::triggers;

/// A line of the table.
#[derive(Serialize)]
struct Row {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
    auto: bool,
}

/// Sets them, or shows how they are.
///
/// # Errors
/// When something that was named is not there, or it cannot be written where it was asked for.
pub(super) async fn run(context: &Context, args: &TriggersArgs) -> Result<Exit, CliError> {
    let wish = wish(args)?;
    let place = Place::open(context, &args.write).await?;
    let named = !args.names.is_empty() || !args.files.is_empty();
    if wish.is_some() && !named && !args.all {
        let error = CliError::usage("nothing is named whose triggers are to change");
        return Err(error.help("name it as KIND/NAME or with -f FILE, or say --all"));
    }
    let mut meant = match named {
        true => Meant::of(context, &place, &args.objects()).await?,
        false => Meant::all(&place, &WATCHED).await?,
    };
    if let (Some(stream), true) = (meant.streams.first(), args.files.is_empty()) {
        let error = CliError::usage(format!("image stream `{stream}` has no triggers"));
        return Err(error.help("triggers are those of objects with pods: deployment/NAME"));
    }
    if let (false, Some(selector)) = (named, &args.selector) {
        meant
            .workloads
            .retain(|found| selector.matches(&found.workload.labels));
    }
    meant.notes.iter().for_each(|note| context.out.note(note));
    let Some(wish) = wish else {
        return show(context, &meant.workloads);
    };
    let workloads: Vec<(RepoPath, Workload)> = meant
        .workloads
        .into_iter()
        .map(|found| found.editable(TRIGGERS))
        .collect::<Result<_, _>>()?;
    if workloads.is_empty() {
        context.out.note("nothing bears these labels");
        return Ok(DONE);
    }
    let names: Vec<String> = workloads.iter().map(|(_, w)| w.id.to_string()).collect();
    let asked = Wish {
        verb: "set",
        title: format!("Set triggers of {}", row(&names)),
        proof: Proof::None,
        write: &args.write,
    };
    place
        .edit(&asked, &|scene| triggers::set(&workloads, &wish, scene))
        .await?;
    Ok(DONE)
}

/// What is to change, if anything.
fn wish(args: &TriggersArgs) -> Result<Option<TriggerWish>, CliError> {
    if args.remove_all {
        return Ok(Some(TriggerWish::RemoveAll));
    }
    let fires = (args.auto || args.manual).then_some(args.auto);
    let Some(from) = &args.from_image else {
        return Ok(fires.map(|auto| TriggerWish::Fire { from: None, auto }));
    };
    let from = triggers::image(from).map_err(refused)?;
    let containers = args.containers.clone();
    if args.remove {
        return Ok(Some(TriggerWish::Remove { from, containers }));
    }
    match (containers.is_empty(), fires) {
        (false, fires) => Ok(Some(TriggerWish::Set {
            from,
            containers,
            auto: fires.unwrap_or(true),
        })),
        (true, Some(auto)) => {
            let from = Some(from);
            Ok(Some(TriggerWish::Fire { from, auto }))
        }
        (true, None) => Err(CliError::usage(format!(
            "nobody says which containers take the image of {from}"
        ))
        .help("name them with -c NAME,...")),
    }
}

fn show(context: &Context, workloads: &[Found]) -> Result<Exit, CliError> {
    let mut rows = Vec::new();
    for workload in workloads.iter().map(|found| &found.workload) {
        let name = workload.id.to_string();
        let line = |kind, value, auto| Row {
            name: name.clone(),
            kind,
            value,
            auto,
        };
        // What somebody writes into it is rolled out, unless that is paused.
        rows.push(line("config", String::new(), !workload.paused));
        match read(workload) {
            Ok(triggers) => rows.extend(triggers.into_iter().map(|trigger| {
                let value = format!("{} ({})", trigger.from, trigger.container);
                line("image", value, trigger.auto)
            })),
            Err(error) => context.out.warning(&error.to_string()),
        }
    }
    let mut table = Table::new(["NAME", "TYPE", "VALUE", "AUTO"]);
    for row in &rows {
        let auto = row.auto.to_string();
        table.row([
            row.name.clone(),
            row.kind.to_owned(),
            row.value.clone(),
            auto,
        ]);
    }
    context.out.result(&rows, |out| out.table(&table))?;
    Ok(DONE)
}
