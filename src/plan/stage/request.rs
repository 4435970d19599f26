//! Requests: a person's wish that one set be promoted next, and whether it may pass over gates.

use super::block::Block;
use crate::model::{Name, Request, TagKey};
use crate::plan::desk::Desk;
use crate::plan::guard;
use crate::plan::report::State;
use crate::plan::road::StageView;

/// The request in force for a stage, if there is one.
///
/// # Errors
/// A block, where it cannot be read or asks for what the environment does not allow.
pub fn request(view: &StageView<'_>, desk: &Desk<'_>) -> Result<Option<Request>, Block> {
    for stream in &view.streams {
        let Some(tag) = desk.stream(stream).and_then(|s| s.spec_tag(view.tag())) else {
            continue;
        };
        match Request::recorded(tag) {
            None => {}
            Some(Ok(request)) => {
                let key = TagKey::new(stream.clone(), view.tag());
                if is_fulfilled(&request, &key, view, desk) {
                    continue;
                }
                genuine(&request, &key, desk)?;
                return allowed(request, view, desk).map(Some);
            }
            Some(Err(why)) => {
                return Err(Block {
                    state: State::Broken,
                    reason: "Request",
                    why: format!(
                        "the annotation headwater.dev/request on {stream}:{} cannot be read: {why}",
                        view.tag()
                    ),
                    help: Some("delete it, or use `headwater promote`".to_owned()),
                });
            }
        }
    }
    Ok(None)
}

/// Whether the set came since it was asked for. A promotion takes the request away; a person who puts the set there past it
/// does not, and what was wished is so all the same.
fn is_fulfilled(request: &Request, tag: &TagKey, view: &StageView<'_>, desk: &Desk<'_>) -> bool {
    let asked = desk.obs.history.requests.get(tag);
    asked.is_some_and(|asked| {
        let mut stays = view.timeline.stays_of(&request.set);
        stays.any(|stay| stay.at > asked.at)
    })
}

/// Whoever asks is the author of the commit that asks; a commit of ours came through a pull request.
fn genuine(request: &Request, tag: &TagKey, desk: &Desk<'_>) -> Result<(), Block> {
    let history = &desk.obs.history;
    let commit = history
        .requests
        .get(tag)
        .and_then(|asked| history.commit(asked.at));
    let why = match commit {
        Some(commit) if commit.ours || commit.author.eq_ignore_ascii_case(&request.by) => {
            return Ok(());
        }
        Some(commit) => format!(
            "the request on {tag} is in the name of {}, but {} wrote it",
            request.by, commit.author
        ),
        None => format!("nobody knows who wrote the request on {tag}: the history is cut"),
    };
    let block = Block::new(State::Refused, "Request", why);
    Err(block.help("delete the annotation headwater.dev/request, or use `headwater promote`"))
}

/// A request may pass over a gate only where every environment of the stage allows that gate and that person.
pub fn allowed(request: Request, view: &StageView<'_>, desk: &Desk<'_>) -> Result<Request, Block> {
    let block = |why: String| Block {
        state: State::Refused,
        reason: "SkipNotAllowed",
        why,
        help: Some(
            "promote without --skip, or ask somebody whom the environment's `overrides` name"
                .to_owned(),
        ),
    };
    for gate in &request.skip {
        if let Some((setting, environment)) =
            guard::forbids_skipping(gate, &view.environments, desk.guards())
        {
            let why = format!(
                "{gate} cannot be skipped for environment {environment}: the operator asks for it ({setting})"
            );
            return Err(Block::new(State::Refused, "SkipNotAllowed", why)
                .help("promote without --skip, or wait until it opens"));
        }
        for environment in view
            .environments
            .iter()
            .filter_map(|e| desk.docs.environments.get(e))
        {
            let overrides = &environment.value.spec.overrides;
            if !overrides.skip.contains(gate) {
                let allowed: Vec<&str> = overrides.skip.iter().map(Name::as_str).collect();
                let allowed = match allowed.as_slice() {
                    [] => "its `overrides` allow nothing".to_owned(),
                    some => format!("its `overrides` allow {}", some.join(", ")),
                };
                return Err(block(format!(
                    "environment {} does not allow to skip {gate}: {allowed}",
                    environment.value.name()
                )));
            }
            let rule = crate::model::Approvals {
                count: 1,
                from: overrides.by.clone(),
            };
            if !overrides.by.is_empty()
                && !crate::plan::gate::may_approve(&rule, &request.by, &desk.obs.facts.teams)
            {
                return Err(block(format!(
                    "{} may not skip {gate} in environment {}",
                    request.by,
                    environment.value.name()
                )));
            }
        }
    }
    Ok(request)
}
