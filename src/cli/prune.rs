//! `prune`: takes old images out of the history of tags. Shows what would go; `--confirm` writes it.

use std::collections::BTreeSet;

use super::args::{PruneArgs, WriteArgs};
use super::output::Table;
use super::streams::{DONE, Place, Proof, Wish, refused, shown_tag};
use super::{CliError, Context, Exit};
use crate::model::StreamKey;
use crate::plan::streams::prune::{Keep, Spared, prune};

/// Prunes streams.
///
/// # Errors
/// When a stream is not there, or it cannot be written where it was asked for.
pub async fn run(context: &Context, args: &PruneArgs) -> Result<Exit, CliError> {
    let write = WriteArgs {
        dry_run: args.write.dry_run || !args.confirm,
        ..args.write.clone()
    };
    let place = Place::open(context, &write).await?;
    let scene = place.scene(&place.docs);
    let streams = args.streams.iter().map(|text| scene.stream_key(text));
    let streams: Vec<StreamKey> = streams.collect::<Result<_, _>>().map_err(refused)?;
    let keep = Keep {
        revisions: args.keep_tag_revisions,
        younger_than: args.keep_younger_than,
        named: place.named_digests().await?,
    };
    let (_, pruned, spared) = prune(&streams, &keep, scene).map_err(refused)?;
    if pruned.is_empty() {
        let spared = words_of(spared, args);
        context.out.note(format!("nothing to prune{spared}"));
        return Ok(DONE);
    }
    let mut table = Table::new(["TAG", "TAKEN OUT", "LEFT"]).right(1).right(2);
    for one in &pruned {
        let counts = [one.gone.len().to_string(), one.left.to_string()];
        table.row([shown_tag(scene, &one.tag)].into_iter().chain(counts));
    }
    if matches!(
        context.out.format(),
        super::output::Format::Text | super::output::Format::Wide
    ) {
        context.out.table(&table);
    }
    let tags: BTreeSet<&StreamKey> = pruned.iter().map(|one| &one.tag.stream).collect();
    let wish = Wish {
        verb: "prune",
        title: format!("Prune the history of {} image streams", tags.len()),
        proof: Proof::None,
        write: &write,
    };
    place
        .edit(&wish, &|scene| {
            prune(&streams, &keep, scene).map(|(done, ..)| done)
        })
        .await?;
    let spared = words_of(spared, args);
    if !spared.is_empty() {
        context.out.note(spared.trim_start_matches([':', ' ']));
    }
    if write.dry_run && !args.confirm {
        context.out.note("nothing was written: add --confirm");
    }
    Ok(DONE)
}

/// `: 2 older images stay because they are younger than 1h (--keep-younger-than), 1 because something names it`
fn words_of(spared: Spared, args: &PruneArgs) -> String {
    let images = |n: usize| format!("{n} older image{}", if n == 1 { "" } else { "s" });
    let young = format!(
        "younger than {} (--keep-younger-than)",
        args.keep_younger_than
    );
    let named = "named by an output, a hold or another tag";
    match spared {
        Spared { young: 0, named: 0 } => String::new(),
        Spared { young: n, named: 0 } => format!(": {} stay, {young}", images(n)),
        Spared { young: 0, named: n } => format!(": {} stay, {named}", images(n)),
        both => format!(
            ": {} stay, {} {young}, {} {named}",
            images(both.young + both.named),
            both.young,
            both.named
        ),
    }
}
