//! Which set was current in a stage from when to when, and whose move each change was. Read from History alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::pipeline::From;
use crate::model::promotion::Cause;
use crate::model::{CommitId, Digest, Name, Promotion, Set, SetId, StreamKey, TagKey, Timestamp};
use crate::plan::history::{History, HistoryCommit, Move};

/// Whose move put a set where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A commit with our committer identity; in a first stage also one that the forge made in our name.
    Ours,
    /// A person merged a promotion that its record proves.
    Merged,
    /// What ran here before we came was written down as the first set of all.
    Adopted,
    /// A set that was current here before came back, or somebody asked for one that is older than what it replaced.
    Back,
    /// Anything else.
    ByHand,
}

/// A set being current in a stage without interruption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The set.
    pub set: Set,
    /// Its identity.
    pub id: SetId,
    /// Index of the commit that made it current.
    pub at: usize,
    /// That commit.
    pub commit: CommitId,
    /// When its clock started; `None` while it has not (a move by hand that nothing of ours followed yet).
    pub since: Option<Timestamp>,
    /// When and by which commit it left.
    pub left: Option<(usize, Timestamp)>,
    /// Whether it left by a move back (rollback, revert, or the tag vanishing).
    pub left_back: bool,
    /// Whose move brought it.
    pub whose: Whose,
    /// Whether its coming is proof enough for later stages.
    pub confirmed: bool,
    /// The record written when it came.
    pub record: Option<Promotion>,
}

impl Stay {
    /// Whether the set came forward, rather than back.
    pub fn is_forward(&self) -> bool {
        self.whose != Whose::Back
    }

    /// Whether the move back was a `rollback`, which pins by a Hold file; a bare revert holds the set that left.
    fn is_rollback(&self) -> bool {
        self.record
            .as_ref()
            .is_some_and(|r| r.cause == Cause::Rollback)
    }
}

/// A move by hand that the stage does not follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandMove {
    /// The tag.
    pub tag: TagKey,
    /// The commit.
    pub commit: CommitId,
    /// Where the tag was put.
    pub digest: Option<Digest>,
}

/// The past of one stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Sets in the order they came, oldest first.
    pub stays: Vec<Stay>,
    /// A move by hand that nothing put right yet.
    pub by_hand: Option<HandMove>,
    /// Sets that left by a bare revert, with the commit: held until lifted or current again.
    pub reverted: BTreeMap<SetId, CommitId>,
}

impl Timeline {
    /// What is current.
    pub fn current(&self) -> Option<&Stay> {
        self.stays.last().filter(|s| s.left.is_none())
    }

    /// The last move forward.
    pub fn last_forward(&self) -> Option<&Stay> {
        self.stays.iter().rev().find(|s| s.is_forward())
    }

    /// The latest stay of a set.
    pub fn latest(&self, id: &SetId) -> Option<&Stay> {
        self.stays.iter().rev().find(|s| s.id == *id)
    }

    /// Who asked for the older set that this commit brought in place of a newer one.
    pub fn asked_back_by(&self, commit: &CommitId) -> Option<&str> {
        let mut stays = self.stays.iter();
        let stay = stays.find(|stay| stay.whose == Whose::Back && stay.commit == *commit)?;
        let record = stay.record.as_ref()?;
        record
            .asked_by
            .as_deref()
            .filter(|_| record.cause == Cause::Promotion)
    }

    /// When a set last came forward, up to some commit: a move back never makes it newer than what it replaced.
    pub fn came(&self, id: &SetId, until: usize) -> Option<usize> {
        let stays = || self.stays_of(id).filter(|s| s.at <= until);
        let forward = stays().filter(|s| s.is_forward()).map(|s| s.at).max();
        forward.or_else(|| stays().map(|s| s.at).max())
    }

    /// All stays of a set.
    pub fn stays_of<'a>(&'a self, id: &'a SetId) -> impl Iterator<Item = &'a Stay> {
        self.stays.iter().filter(move |s| s.id == *id)
    }

    /// Whether the set was current at the commit of that index.
    pub fn holds_at(&self, id: &SetId, at: usize) -> bool {
        self.stays_of(id)
            .any(|s| s.at <= at && s.left.is_none_or(|(left, _)| left > at))
    }

    /// The set current before the present one, other than it: what `previous` means. Never one that was taken back: going
    /// back twice goes further back.
    pub fn previous(&self) -> Option<&Stay> {
        let current = self.current()?;
        let gone = gone_back(self);
        let mut before = self.stays.iter().rev();
        before.find(|s| s.id != current.id && !gone.contains_key(&s.id))
    }
}

/// When a set last came forward to what a stage takes its sets from, up to some commit: to all of its sources, or to the first
/// of those of which one is enough, since a slower one that takes it later makes it no newer.
pub fn came_from<'t>(
    from: &From,
    timeline: impl Fn(&Name) -> Option<&'t Timeline>,
    id: &SetId,
    until: usize,
) -> Option<usize> {
    let sources = from.stages().iter().filter_map(timeline);
    let came = sources.filter_map(|source| source.came(id, until));
    match from {
        From::All(_) => came.max(),
        From::Any(_) => came.min(),
    }
}

/// A stage as far as its past is concerned.
#[derive(Debug, Clone)]
pub struct StageRoad<'a> {
    /// The stage's name.
    pub name: &'a Name,
    /// Its tag in every stream.
    pub tag: &'a str,
    /// Streams of the pipeline.
    pub streams: &'a [StreamKey],
    /// Where it takes its sets from; empty for a first stage.
    pub from: &'a From,
}

impl StageRoad<'_> {
    fn is_first(&self) -> bool {
        self.from.stages().is_empty()
    }
}

/// Reads the past of one stage. `sources` are the timelines of the stages it takes its sets from.
pub fn timeline(
    history: &History,
    road: &StageRoad<'_>,
    sources: &BTreeMap<Name, Timeline>,
) -> Timeline {
    let mut reader = Reader {
        history,
        road,
        sources,
        timeline: Timeline::default(),
        digests: BTreeMap::new(),
    };
    for (at, moves) in moves_by_commit(history, road) {
        reader.step(at, &moves);
    }
    reader.timeline
}

fn moves_by_commit<'a>(
    history: &'a History,
    road: &StageRoad<'_>,
) -> BTreeMap<usize, Vec<(StreamKey, &'a Move)>> {
    let mut by_commit: BTreeMap<usize, Vec<(StreamKey, &Move)>> = BTreeMap::new();
    for stream in road.streams {
        for step in history
            .moves
            .get(&TagKey::new(stream.clone(), road.tag))
            .into_iter()
            .flatten()
        {
            by_commit
                .entry(step.at)
                .or_default()
                .push((stream.clone(), step));
        }
    }
    by_commit
}

struct Reader<'a> {
    history: &'a History,
    road: &'a StageRoad<'a>,
    sources: &'a BTreeMap<Name, Timeline>,
    timeline: Timeline,
    /// Where each stream's tag points, as far as it counts.
    digests: BTreeMap<StreamKey, Digest>,
}

impl Reader<'_> {
    fn step(&mut self, at: usize, moves: &[(StreamKey, &Move)]) {
        let Some(commit) = self.history.commit(at) else {
            return;
        };
        let mut digests = self.digests.clone();
        for (stream, step) in moves {
            match &step.digest {
                Some(digest) => digests.insert(stream.clone(), digest.clone()),
                None => digests.remove(stream),
            };
        }
        let complete = digests.len() == self.road.streams.len();
        let set = Set::new(digests.clone());
        let id = set.id();
        let record = moves
            .iter()
            .find_map(|(_, m)| m.record.as_deref().cloned())
            .filter(|r| r.stage == *self.road.name);
        let whose = match self.whose((at, commit), complete.then_some(&id), record.as_ref()) {
            Whose::Ours | Whose::Merged if self.is_asked_back(at, &id, record.as_ref()) => {
                Whose::Back
            }
            whose => whose,
        };
        if whose == Whose::ByHand && !self.road.is_first() && complete {
            let back_to_current = self.timeline.current().is_some_and(|c| c.id == id);
            self.timeline.by_hand = (!back_to_current)
                .then(|| hand_move(moves, self.road.tag, &commit.id))
                .flatten();
            return;
        }
        self.digests = digests;
        self.timeline.by_hand = None;
        if self.timeline.current().is_some_and(|c| c.id == id) {
            return;
        }
        let rollback = record.as_ref().is_some_and(|r| r.cause == Cause::Rollback);
        let back = whose == Whose::Back || (!complete && !commit.ours && !self.road.is_first());
        self.leave(at, commit.time, &commit.id, back, rollback);
        if !complete {
            return;
        }
        let by_spec = moves.iter().all(|(_, m)| m.by_spec);
        self.timeline.reverted.remove(&id);
        let known = self.timeline.stays_of(&id).any(|stay| stay.confirmed);
        self.timeline.stays.push(Stay {
            set,
            id,
            at,
            commit: commit.id.clone(),
            since: if whose == Whose::ByHand {
                self.history.first_of_ours_from(at)
            } else {
                Some(commit.time)
            },
            left: None,
            left_back: false,
            whose,
            // What was proven here before is proven, whoever brings it back.
            confirmed: whose != Whose::ByHand || by_spec || known,
            record,
        });
    }

    fn leave(&mut self, at: usize, time: Timestamp, commit: &CommitId, back: bool, rollback: bool) {
        if let Some(last) = self.timeline.stays.last_mut().filter(|s| s.left.is_none()) {
            last.left = Some((at, time));
            last.left_back = back;
            if back && !rollback {
                self.timeline
                    .reverted
                    .insert(last.id.clone(), commit.clone());
            }
        }
    }

    fn whose(
        &self,
        (at, commit): (usize, &HistoryCommit),
        id: Option<&SetId>,
        record: Option<&Promotion>,
    ) -> Whose {
        let was_here = id.is_some_and(|id| self.timeline.latest(id).is_some());
        let rollback = record.is_some_and(|r| r.cause == Cause::Rollback);
        if was_here && rollback {
            return Whose::Back;
        }
        if self.adopts(id, record) {
            return Whose::Adopted;
        }
        if commit.ours {
            return Whose::Ours;
        }
        if self.road.is_first() {
            // What was written by hand before proves nothing by being written again.
            let mut stays = id.into_iter().flat_map(|id| self.timeline.stays_of(id));
            let proven = stays.any(|stay| stay.confirmed);
            return match (commit.in_our_name, proven) {
                (true, _) => Whose::Ours,
                (false, true) => Whose::Back,
                (false, false) => Whose::ByHand,
            };
        }
        if let (Some(id), Some(record)) = (id, record)
            && self.record_proves(at, id, record)
        {
            return Whose::Merged;
        }
        if was_here { Whose::Back } else { Whose::ByHand }
    }

    /// Whether somebody asked for a set that had come to the sources before the one it replaces.
    fn is_asked_back(&self, at: usize, id: &SetId, record: Option<&Promotion>) -> bool {
        let asked = record.is_some_and(|r| r.cause == Cause::Promotion && r.asked_by.is_some());
        let came = |id| came_from(self.road.from, |name| self.sources.get(name), id, at);
        let current = self.timeline.current().filter(|_| asked);
        current.is_some_and(|current| {
            let both = came(id).zip(came(&current.id));
            both.is_some_and(|(new, old)| new < old)
        })
    }

    /// Whether a record writes down what was here from the beginning: only a stage that never held anything takes anybody's word
    /// for it.
    fn adopts(&self, id: Option<&SetId>, record: Option<&Promotion>) -> bool {
        let adopted = record.filter(|record| record.cause == Cause::Adopted);
        self.timeline.stays.is_empty() && adopted.is_some_and(|record| Some(&record.set) == id)
    }

    /// The record's set is the set held, and its source commits are ancestors at which History holds that set there.
    fn record_proves(&self, at: usize, id: &SetId, record: &Promotion) -> bool {
        let named: BTreeSet<&Name> = record.from.iter().map(|f| &f.stage).collect();
        let enough = match self.road.from {
            From::All(stages) => stages.iter().all(|s| named.contains(s)),
            From::Any(stages) => stages.iter().any(|s| named.contains(s)),
        };
        record.set == *id
            && enough
            && record.from.iter().all(|from| {
                let before = self.history.position(&from.commit).filter(|p| *p < at);
                let source = self.sources.get(&from.stage);
                before
                    .zip(source)
                    .is_some_and(|(p, source)| source.holds_at(id, p))
            })
    }
}

fn hand_move(moves: &[(StreamKey, &Move)], tag: &str, commit: &CommitId) -> Option<HandMove> {
    let (stream, step) = moves.first()?;
    Some(HandMove {
        tag: TagKey::new(stream.clone(), tag),
        commit: commit.clone(),
        digest: step.digest.clone(),
    })
}

/// Sets that left by going back and are not current again, with the index of the commit by which they last left: no
/// candidates anywhere later until they are, or are lifted.
pub fn gone_back(timeline: &Timeline) -> BTreeMap<SetId, usize> {
    let current = timeline.current().map(|s| &s.id);
    let latest = timeline.stays.iter().filter(|stay| {
        current != Some(&stay.id)
            && timeline
                .latest(&stay.id)
                .is_some_and(|l| l.left_back && l.at == stay.at)
    });
    latest
        .filter_map(|stay| Some((stay.id.clone(), stay.left?.0)))
        .collect()
}

/// Whether the current set came by a `rollback`.
pub fn came_by_rollback(timeline: &Timeline) -> bool {
    timeline.current().is_some_and(Stay::is_rollback)
}

#[cfg(test)]
mod tests;
