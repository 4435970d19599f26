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
use crate::plan::facts::marker::Subject;
use crate::plan::facts::pull::PullRequestFacts;

pub(super) async fn run(context: &Context, id: &str, key: Option<&Path>) -> Result<Exit, CliError> {
    let person = person(context)?;
    let trust = context.settings().forge.offline.trust;
    if trust == Trust::Signed && key.is_none() {
        return Err(CliError::usage("an approval counts only if it is signed")
            .help("add --key with your private key in OpenSSH's format: --key ~/.ssh/id_ed25519"));
    }
    let found = Found::load(context).await?;
    let pull = found.find(id)?;
    refuse_unless_open(&pull)?;
    let barred = does_not_count(&pull, &person.email);
    if let Some(why) = &barred {
        context
            .out
            .warning(&format!("your approval does not count: {why}"));
    }
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
    let worth = match (&approval.note, trust) {
        (Some(note), _) => format!("which does not count: {}", safe(note)),
        (None, Trust::Push) => "not authenticated".to_owned(),
        (None, Trust::Signed) => "by signature".to_owned(),
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

/// Why somebody's approval is none, as far as the pull request itself tells.
fn does_not_count(pull: &PullRequestFacts, email: &str) -> Option<String> {
    let pushed = pull.branch_facts.iter().flat_map(|b| &b.pushed_by);
    if pushed
        .into_iter()
        .any(|who| who.eq_ignore_ascii_case(email))
    {
        return Some("you pushed to its branch".to_owned());
    }
    match &pull.marker.subject {
        Subject::Act { by, .. } | Subject::Streams { by, .. } if by.eq_ignore_ascii_case(email) => {
            Some("you asked for it".to_owned())
        }
        _ => None,
    }
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
