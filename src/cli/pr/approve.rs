//! `pr approve`: the present head, as yourself; then what is still missing. Ends with 1 if the approval does not count.

use std::path::Path;

use super::found::Found;
use super::{bold, refuse_unless_open, told};
use crate::cli::act::{forge, person};
use crate::cli::view::words::safe;
use crate::cli::{CliError, Context, Exit};
use crate::config::forge::Trust;
use crate::forge::Approver;
use crate::plan::Effect;
use crate::plan::facts::pull::PullRequestFacts;

pub(super) async fn run(context: &Context, id: &str, key: Option<&Path>) -> Result<Exit, CliError> {
    let person = person(context)?;
    let trust = context.settings().forge.offline.trust;
    if trust == Trust::Signed && key.is_none() {
        return Err(CliError::usage("an approval counts only if it is signed")
            .help("add --key with your private key in OpenSSH's format: --key ~/.ssh/id_ed25519"));
    }
    let mut found = Found::load(context).await?;
    let pull = found.find(id)?;
    refuse_unless_open(&pull)?;
    let approver = Approver {
        person: person.clone(),
        key: key.map(Path::to_owned),
        now: found.now,
    };
    let approved = found
        .engine
        .forge
        .approve(&pull.id, pull.head.clone(), approver);
    let approval = approved.await.map_err(|e| forge(&e))?;
    let barred = found.uncounted(&pull, &approval.who).await?;
    if let Some(why) = &barred {
        let why = safe(&why.to_you());
        context
            .out
            .warning(&format!("your approval does not count: {why}"));
    }
    let worth = match (&approval.note, &barred, trust) {
        (Some(note), ..) => format!("which does not count: {}", safe(note)),
        (None, Some(why), _) => format!("which does not count: {}", safe(&why.to_you())),
        (None, None, Trust::Push) => "not authenticated".to_owned(),
        (None, None, Trust::Signed) => "by signature".to_owned(),
    };
    let text = format!(
        "approved {} at {}, recorded as {}, {worth}",
        bold(&pull),
        pull.head.short(),
        safe(&approval.who)
    );
    told(context, &pull, &text)?;
    still(context, &pull).await?;
    Ok(match approval.note.is_some() || barred.is_some() {
        true => Exit::Failed,
        false => Exit::Settled,
    })
}

/// What is still missing, beside the result.
pub(super) async fn still(context: &Context, pull: &PullRequestFacts) -> Result<(), CliError> {
    let mut found = Found::load(context).await?;
    let Ok(pull) = found.find(&pull.id) else {
        return Ok(());
    };
    if refuse_unless_open(&pull).is_err() {
        return Ok(());
    }
    let standing = found.standing(&pull).await?;
    let by_bot = found
        .plan
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::MergePullRequest { id, .. } if *id == pull.id));
    let note = match (standing.shut.as_slice(), by_bot) {
        ([], true) => "nothing stands in its way: the next `headwater run` merges it".to_owned(),
        ([], false) => format!(
            "nothing stands in its way: headwater pr merge {}",
            safe(&pull.id)
        ),
        (shut, _) => format!("still in its way: {}", safe(&shut.join("; "))),
    };
    context.out.note(note);
    Ok(())
}
