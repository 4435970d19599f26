//! `pr`: pull requests of the offline forge, listed, shown, approved, merged, closed and reopened by people.

mod approve;
mod found;
mod merge;
mod reopen;

use std::collections::BTreeMap;

use super::act::{forge, person};
use super::args::{PrArgs, PrVerb, Reason};
use super::engine::edge;
use super::output::{Format, Style};
use super::view::pulls::{PullView, PullsView};
use super::view::words::safe;
use super::view::{self, diff};
use super::{CliError, Context, Exit};
use crate::forge::Closing;
use crate::git::FileChange;
use crate::model::{BlobId, CommitId, RepoPath};
use crate::plan::facts::marker::{Carried, Subject};
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use found::Found;

/// Does what was asked with pull requests.
///
/// # Errors
/// When there is no such pull request, or it is not in a state for that.
pub async fn run(context: &Context, args: &PrArgs) -> Result<Exit, CliError> {
    match &args.act {
        PrVerb::List { all } => list(context, *all).await,
        PrVerb::Show(id) => show(context, &id.id).await,
        PrVerb::Approve { id, key } => approve::run(context, &id.id, key.as_deref()).await,
        PrVerb::Merge { id, method } => merge::run(context, &id.id, *method).await,
        PrVerb::Close { id, reason } => close(context, &id.id, reason).await,
        PrVerb::Reopen(id) => reopen::run(context, &id.id).await,
    }
}

async fn list(context: &Context, all: bool) -> Result<Exit, CliError> {
    let mut found = Found::load(context).await?;
    let stages = found.reports().await?;
    let opened = found.opened().await?;
    let pulls = PullsView {
        pulls: found.pulls()?,
        stages: &stages,
        opened: &opened,
        all,
    };
    view::print(&context.out, &pulls, found.now)?;
    Ok(Exit::Settled)
}

async fn show(context: &Context, id: &str) -> Result<Exit, CliError> {
    let mut found = Found::load(context).await?;
    let pull = found.find(id)?;
    let stages = found.reports().await?;
    let opened = found.opened().await?;
    let diff = if matches!(context.out.format(), Format::Text | Format::Wide) {
        changes(&found, &pull).await?
    } else {
        String::new()
    };
    let mut uncounted = BTreeMap::new();
    for approval in pull.approvals.iter().filter(|a| a.head == pull.head) {
        if let Some(why) = found.uncounted(&pull, &approval.who).await? {
            uncounted.insert(approval.who.clone(), why.of_them());
        }
    }
    let shown = PullView {
        pull: &pull,
        uncounted: &uncounted,
        stages: &stages,
        opened: opened.get(&pull.id).copied(),
        diff,
    };
    view::print(&context.out, &shown, found.now)?;
    Ok(Exit::Settled)
}

async fn close(context: &Context, id: &str, reason: &Reason) -> Result<Exit, CliError> {
    let person = person(context)?;
    let found = Found::load(context).await?;
    let pull = found.find_ended(id)?;
    refuse_merged(&pull)?;
    if pull.state == PullState::Closed {
        let by = pull.closed_by.as_ref();
        let by = by.map_or_else(String::new, |by| format!(", by {}", safe(by)));
        let why = pull.closed_why.as_ref();
        let why = why.map_or_else(String::new, |why| format!(": {}", safe(why)));
        let text = format!("{} is closed already{by}{why}", bold(&pull));
        told(context, &pull, &text)?;
        return Ok(Exit::Settled);
    }
    let closing = Closing {
        by: Some(person.email.clone()),
        reason: reason.to_string(),
        text: None,
        now: found.now,
    };
    let closed = found.engine.forge.close(&pull.id, closing).await;
    closed.map_err(|e| forge(&e))?;
    let after = match &pull.marker.subject {
        Subject::Promotion { stage, .. } => {
            format!(
                "its set stays out of {stage} until `headwater unhold {stage}` or `headwater pr reopen`"
            )
        }
        Subject::Group { members, .. } => {
            let stages: Vec<String> = members.iter().map(|m| m.stage.to_string()).collect();
            format!(
                "its sets stay out of {} until `headwater pr reopen`, or `headwater unhold` for one of them",
                stages.join(", ")
            )
        }
        Subject::Environment { environment, .. } => {
            format!("this very change of {environment} is not proposed again")
        }
        Subject::Act { act, stage, .. } => format!("the {act} of {stage} is not carried out"),
        Subject::Streams { act, streams, .. } if streams.is_empty() => {
            format!("the {act} is not carried out")
        }
        Subject::Streams { streams, .. } => format!("{} stays as it is", streams.join(", ")),
    };
    told(context, &pull, &format!("closed {}: {after}", bold(&pull)))?;
    Ok(Exit::Settled)
}

fn refuse_unless_open(pull: &PullRequestFacts) -> Result<(), CliError> {
    refuse_merged(pull)?;
    if pull.state == PullState::Open {
        return Ok(());
    }
    let (id, help) = (safe(&pull.id), "`headwater pr list` shows the open ones");
    let help = match pull.marker.superseded {
        true => help.to_owned(),
        false => format!("headwater pr reopen {id}"),
    };
    Err(CliError::failed(format!("pull request {id} is closed")).help(help))
}

fn refuse_merged(pull: &PullRequestFacts) -> Result<(), CliError> {
    if pull.state != PullState::Merged {
        return Ok(());
    }
    let merged = CliError::failed(format!("pull request {} is merged", safe(&pull.id)));
    Err(match pull.marker.promotions().first() {
        Some(Carried { stage, .. }) => {
            merged.help(format!("headwater rollback {stage} --reason ... goes back"))
        }
        None => merged.help("`headwater pr list` shows the open ones"),
    })
}

/// One line for people; the id for scripts.
fn told(context: &Context, pull: &PullRequestFacts, text: &str) -> Result<(), CliError> {
    let data = BTreeMap::from([("id", &pull.id)]);
    match context.out.format() {
        Format::Json => context.out.json(&data)?,
        Format::Yaml => context.out.yaml(&data)?,
        Format::Name => context.out.line(safe(&pull.id)),
        _ => context.out.line(text),
    }
    Ok(())
}

fn bold(pull: &PullRequestFacts) -> String {
    Style::Bold.paint(&safe(&pull.id))
}

/// What its branch changes, as a unified diff.
async fn changes(found: &Found, pull: &PullRequestFacts) -> Result<String, CliError> {
    let git = &found.engine.git;
    let fail = |e: crate::git::GitError| edge(&e);
    let (from, to): (Option<CommitId>, &CommitId) = match (&pull.branch_facts, &pull.merged_as) {
        (Some(branch), _) => (Some(branch.merge_base.clone()), &branch.head),
        (None, Some(merged)) => {
            let parents = git.commit_info(merged).await.map_err(fail)?.parents;
            (parents.into_iter().next(), merged)
        }
        (None, None) => {
            let base = &found.obs.snapshot.commit;
            let start = git.merge_base(base, &pull.head).await;
            (start.map_err(fail)?, &pull.head)
        }
    };
    let changes = git.changes(from.as_ref(), to).await.map_err(fail)?;
    let blobs: Vec<BlobId> = changes
        .iter()
        .flat_map(|c| c.old.iter().chain(&c.new))
        .cloned()
        .collect();
    let most = crate::manifests::yaml::MAX_BYTES;
    let blobs = git.blobs(blobs, most).await.map_err(fail)?;
    let text = |blob: &Option<BlobId>| -> Option<String> {
        let bytes = blobs.get(blob.as_ref()?)?.as_ref().ok()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    let side = |of: fn(&FileChange) -> &Option<BlobId>| -> BTreeMap<RepoPath, Option<String>> {
        changes
            .iter()
            .map(|c| (c.path.clone(), text(of(c))))
            .collect()
    };
    let (old, new) = (side(|c| &c.old), side(|c| &c.new));
    Ok(diff::files(&new, &|path| old.get(path).cloned().flatten()))
}
