//! Candidates: which sets a stage could take next. The law of identity and the law against going backwards live here.

use std::collections::BTreeMap;

use super::StageView;
use super::timeline::{Stay, Whose, came_from, gone_back};
use crate::model::hold::HoldSpec;
use crate::model::pipeline::From;
use crate::model::promotion::FromStage;
use crate::model::{Name, Set, SetId, StageKey};
use crate::plan::desk::Desk;
use crate::plan::facts::marker::Carried;
use crate::plan::facts::pull::{PullRequestFacts, PullState};

/// A set that became current where the stage takes its sets from.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The set.
    pub set: Set,
    /// Its identity.
    pub id: SetId,
    /// Index of the commit that (last) made it current in its source; the order of candidates.
    pub at: usize,
    /// Where it came from.
    pub from: Vec<FromStage>,
}

/// A set that may not enter the stage, and why.
#[derive(Debug, Clone)]
pub struct HeldSet {
    /// Why, in words.
    pub why: String,
    /// A stable word.
    pub reason: &'static str,
    /// The command that lets it in again.
    pub lift: String,
    /// What tells more where lifting it alone changes nothing.
    pub look: Option<String>,
}

impl HeldSet {
    fn new(reason: &'static str, why: String, lift: String) -> Self {
        Self {
            why,
            reason,
            lift,
            look: None,
        }
    }
}

/// The command that lifts what stands against one set in a stage.
fn unhold_set(key: &StageKey, set: &Set) -> String {
    let digest = set.members().next().map_or("...", |(_, d)| d.short());
    format!("headwater unhold {key} --set {digest} --reason ...")
}

/// The command that lifts whatever holds a stage.
fn unhold(key: &StageKey) -> String {
    format!("headwater unhold {key} --reason ...")
}

/// What a stage itself has against a set.
struct Refusal {
    id: SetId,
    /// What a lift must name: the commit of the revert, or the id of the pull request.
    of: String,
    set: HeldSet,
}

/// All sets of the sources, oldest first, whether they may enter or not.
pub fn from_sources(
    view: &StageView<'_>,
    sources: &BTreeMap<Name, &StageView<'_>>,
) -> Vec<Candidate> {
    let named = view.from.stages();
    let mut ids: BTreeMap<&SetId, &Set> = BTreeMap::new();
    for source in named.iter().filter_map(|s| sources.get(s)) {
        ids.extend(
            source
                .timeline
                .stays
                .iter()
                .filter(|s| s.confirmed)
                .map(|s| (&s.id, &s.set)),
        );
    }
    let mut all: Vec<Candidate> = ids
        .into_iter()
        .filter_map(|(id, set)| {
            let stays: Vec<(&Name, &Stay)> = named
                .iter()
                .filter_map(|s| {
                    Some((
                        s,
                        sources
                            .get(s)?
                            .timeline
                            .latest(id)
                            .filter(|stay| stay.confirmed)?,
                    ))
                })
                .collect();
            let enough = match &view.from {
                From::All(stages) => stays.len() == stages.len(),
                From::Any(_) => !stays.is_empty(),
            };
            let at = came(view, sources, id, usize::MAX)?;
            let from = stays
                .iter()
                .map(|(name, stay)| FromStage {
                    commit: stay.commit.clone(),
                    stage: (*name).clone(),
                })
                .collect();
            enough.then(|| Candidate {
                set: set.clone(),
                id: id.clone(),
                at,
                from,
            })
        })
        .collect();
    all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    all
}

/// When a set last came forward to what a stage takes its sets from.
fn came(
    view: &StageView<'_>,
    sources: &BTreeMap<Name, &StageView<'_>>,
    id: &SetId,
    until: usize,
) -> Option<usize> {
    came_from(
        &view.from,
        |name| Some(&sources.get(name)?.timeline),
        id,
        until,
    )
}

/// What a stage never goes below by itself.
#[derive(Debug, Clone)]
pub struct Floor {
    /// When the set of the last move forward had come to the source.
    at: usize,
    /// That set; none before the first move.
    id: Option<SetId>,
}

impl Floor {
    /// Whether a candidate is above it. Of two sets that came to different sources in one commit, neither is newer.
    pub fn lets(&self, candidate: &Candidate) -> bool {
        let same = self.id.as_ref().is_none_or(|id| *id == candidate.id);
        candidate.at > self.at || (same && candidate.at == self.at)
    }
}

/// The floor of a stage: nothing older than the set of its last move forward is ever a candidate. Where the stage still has
/// that set, it counts as often as the source came to it: what the source took in between and left is older.
pub fn floor(view: &StageView<'_>, sources: &BTreeMap<Name, &StageView<'_>>) -> Floor {
    let Some(last) = view.timeline.last_forward() else {
        return Floor { at: 0, id: None };
    };
    let has_it = view
        .timeline
        .current()
        .is_some_and(|stay| stay.id == last.id);
    let until = if has_it { usize::MAX } else { last.at };
    let came = came(view, sources, &last.id, until).unwrap_or(last.at);
    Floor {
        // What ran when the stage was adopted stays until something comes to the source afterwards.
        at: match last.whose {
            Whose::Adopted => came.max(last.at),
            _ => came,
        },
        id: Some(last.id.clone()),
    }
}

/// Sets that may not enter this stage: by Hold files, reverts, closed pull requests, and by leaving a source backwards.
pub fn held_sets(
    view: &StageView<'_>,
    sources: &BTreeMap<Name, &StageView<'_>>,
    candidates: &[Candidate],
    desk: &Desk<'_>,
) -> BTreeMap<SetId, HeldSet> {
    let lifted: Vec<(&HoldSpec, SetId)> = named_by_holds(&view.key.stage, view, candidates, desk)
        .filter(|(spec, _)| spec.lifted)
        .collect();
    let mut held: BTreeMap<SetId, HeldSet> = BTreeMap::new();
    for Refusal { id, of, set } in refused_here(view, desk) {
        let mut lifts = lifted.iter().filter(|(_, lifted)| *lifted == id);
        if !lifts.any(|(spec, _)| spec.lifts.contains(&of)) {
            held.insert(id, set);
        }
    }
    for source in before(view, sources) {
        let stage = &source.key.stage;
        for (id, of) in left(source, desk) {
            let is_lifted =
                |(spec, lifted): &(&HoldSpec, SetId)| *lifted == id && spec.lifts.contains(&of);
            let set = source.timeline.latest(&id).map(|stay| &stay.set);
            let Some(set) = set.filter(|_| !lifted.iter().any(is_lifted)) else {
                continue;
            };
            let why = format!("it left {stage} by going back, and comes again once {stage} has it");
            let lift = unhold_set(&view.key, set);
            let look = Some(format!("headwater why {}", source.key));
            held.entry(id).or_insert_with(|| HeldSet {
                look,
                ..HeldSet::new("LeftSource", why, lift)
            });
        }
        for (spec, id) in named_by_holds(&source.key.stage, view, candidates, desk)
            .filter(|(spec, _)| !spec.lifted)
            .filter(|(_, id)| !lifted.iter().any(|(_, lifted)| lifted == id))
        {
            let why = format!("held in {stage}: {}", spec.reason);
            let lift = unhold(&source.key);
            held.entry(id)
                .or_insert_with(|| HeldSet::new("Held", why, lift));
        }
    }
    for (spec, id) in
        named_by_holds(&view.key.stage, view, candidates, desk).filter(|(s, _)| !s.lifted)
    {
        let lift = unhold(&view.key);
        held.insert(id, HeldSet::new("Held", spec.reason.clone(), lift));
    }
    held
}

/// All stages that a set came through before this one, the nearest first: what one of them took back enters none behind it.
fn before<'r, 'v>(
    view: &StageView<'_>,
    road: &'r BTreeMap<Name, &'v StageView<'v>>,
) -> Vec<&'r StageView<'v>> {
    let mut found: Vec<&StageView<'v>> = Vec::new();
    let mut next: Vec<&Name> = view.from.stages().iter().collect();
    while let Some(name) = next.pop() {
        let known = *name == view.key.stage || found.iter().any(|f| f.key.stage == *name);
        let Some(stage) = road.get(name).filter(|_| !known) else {
            continue;
        };
        found.push(stage);
        let more = stage.from.stages().iter();
        next.splice(0..0, more);
    }
    found
}

/// Sets that left a source by going back, each with the commit by which it did: what a lift must name.
fn left(source: &StageView<'_>, desk: &Desk<'_>) -> Vec<(SetId, String)> {
    let commits = &desk.obs.history.commits;
    let gone = gone_back(&source.timeline).into_iter();
    gone.map(|(id, at)| {
        (
            id,
            commits
                .get(at)
                .map_or_else(String::new, |c| c.id.to_string()),
        )
    })
    .collect()
}

/// The same for all sources of a stage: the stage a set left, and the commit.
pub fn left_sources(
    view: &StageView<'_>,
    sources: &BTreeMap<Name, &StageView<'_>>,
    desk: &Desk<'_>,
) -> Vec<(SetId, Name, String)> {
    let left = before(view, sources).into_iter().flat_map(|source| {
        let stage = source.key.stage.clone();
        let left = left(source, desk).into_iter();
        left.map(move |(id, of)| (id, stage.clone(), of))
    });
    left.collect()
}

/// Sets that this stage itself refused: by a revert, a closed pull request, or a merge that is gone from the base. One
/// set may be refused for several reasons, each lifted by itself.
fn refused_here(view: &StageView<'_>, desk: &Desk<'_>) -> Vec<Refusal> {
    let refusal = |id: SetId, of: String, reason: &'static str, why: String| Refusal {
        id,
        of,
        set: HeldSet::new(reason, why, unhold(&view.key)),
    };
    let reverted = view.timeline.reverted.iter().map(|(id, commit)| {
        let (reason, why) = match view.timeline.asked_back_by(commit) {
            Some(who) => (
                "Replaced",
                format!(
                    "{who} asked for an older set in its place ({})",
                    commit.short()
                ),
            ),
            None => ("Reverted", format!("reverted by {}", commit.short())),
        };
        refusal(id.clone(), commit.to_string(), reason, why)
    });
    let closed = closed(view, desk).into_iter().map(|(id, pull)| {
        let who = pull
            .closed_by
            .as_deref()
            .map_or_else(String::new, |who| format!(" by {who}"));
        let said = pull.closed_why.as_deref();
        let said = said.map_or_else(String::new, |why| format!(": {why}"));
        let why = format!("pull request {} was closed{who}{said}", pull.id);
        refusal(id, pull.id.clone(), "Closed", why)
    });
    let undone = undone(view, desk).into_iter().map(|(id, pull)| {
        let why = "its merge is not on the base any more".to_owned();
        refusal(id, pull.id.clone(), "Undone", why)
    });
    reverted.chain(closed).chain(undone).collect()
}

/// Hold files that name one set or digest of a stage, with each set they mean.
fn named_by_holds<'d>(
    stage: &'d Name,
    view: &'d StageView<'_>,
    candidates: &'d [Candidate],
    desk: &Desk<'d>,
) -> impl Iterator<Item = (&'d HoldSpec, SetId)> {
    let holds = desk.docs.holds.values().map(|h| &h.value.spec);
    let here = holds.filter(|s| s.pipeline == view.key.pipeline && s.stages.contains(stage));
    here.flat_map(|spec| {
        let by_digest = candidates
            .iter()
            .map(|c| (&c.set, &c.id))
            .chain(view.timeline.stays.iter().map(|s| (&s.set, &s.id)));
        let by_digest = by_digest.filter(|(set, _)| {
            spec.digest
                .as_ref()
                .is_some_and(|d| set.members().any(|(_, m)| m == d))
        });
        spec.set
            .iter()
            .cloned()
            .chain(by_digest.map(|(_, id)| id.clone()))
            .map(move |id| (spec, id))
            .collect::<Vec<_>>()
    })
}

/// The Hold file that pins the whole stage, if there is one.
pub fn stage_hold<'d>(view: &StageView<'_>, desk: &Desk<'d>) -> Option<&'d HoldSpec> {
    desk.docs.holds.values().map(|h| &h.value.spec).find(|s| {
        s.pipeline == view.key.pipeline
            && s.stages.contains(&view.key.stage)
            && s.set.is_none()
            && s.digest.is_none()
            && !s.lifted
    })
}

/// Promotions of this stage that a person closed, unless the stage moved to that set later.
pub fn closed<'d>(view: &StageView<'_>, desk: &Desk<'d>) -> Vec<(SetId, &'d PullRequestFacts)> {
    carriers_of(view, desk)
        .filter(|(carried, pull)| {
            pull.state == PullState::Closed
                && !pull.marker.superseded
                && !came_since(carried, view, desk)
        })
        .map(|(carried, pull)| (carried.set, pull))
        .collect()
}

/// Whether the stage came to a set after its pull request was opened: a later move lifts the closing.
fn came_since(carried: &Carried, view: &StageView<'_>, desk: &Desk<'_>) -> bool {
    let history = &desk.obs.history;
    let last = view.timeline.latest(&carried.set);
    match (last, carried.after.as_ref().map(|c| history.position(c))) {
        (None, _) => false,
        (Some(_), None) => true,
        // A commit that is not on the base any more tells no order, and a closing holds where there is doubt.
        (Some(last), Some(known)) => known.is_some_and(|opened_after| last.at > opened_after),
    }
}

/// Merged promotions whose commit is no longer on the base.
pub fn undone<'d>(view: &StageView<'_>, desk: &Desk<'d>) -> Vec<(SetId, &'d PullRequestFacts)> {
    let history = &desk.obs.history;
    pulls_of(view, desk)
        .filter(|(id, pull)| {
            let commit = pull
                .merged_as
                .as_ref()
                .filter(|_| pull.state == PullState::Merged);
            history.complete
                && commit.is_some_and(|c| history.position(c).is_none())
                && view.timeline.latest(id).is_none()
        })
        .collect()
}

/// Pull requests of this stage, with the set each is for.
pub fn pulls_of<'d>(
    view: &StageView<'_>,
    desk: &Desk<'d>,
) -> impl Iterator<Item = (SetId, &'d PullRequestFacts)> {
    carriers_of(view, desk).map(|(carried, pull)| (carried.set, pull))
}

fn carriers_of<'d>(
    view: &StageView<'_>,
    desk: &Desk<'d>,
) -> impl Iterator<Item = (Carried, &'d PullRequestFacts)> {
    let key = view.key.clone();
    desk.obs
        .facts
        .pulls
        .iter()
        .flatten()
        .filter_map(move |pull| Some((pull.marker.carried(&key)?, pull)))
}
