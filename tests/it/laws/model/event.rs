//! What happens to a world, and how a story tells it.

use std::fmt;

use proptest::prelude::*;

use super::shape::{STAGES, STREAMS, Shape};

/// How a registry is, as far as one stream is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It answers what is so.
    Well,
    /// It fails in a way that a retry may mend.
    Fails,
    /// It says that nothing is there.
    Gone,
    /// It answers after it is well again, and then what was so when it was asked.
    Late,
    /// It loses questions.
    Loses,
    /// It answers the build before the newest.
    Stale,
}

/// A stage by number, whatever the shape: the rest of a division says which.
pub(super) type Which = usize;

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Build {
        stream: usize,
        good: bool,
    },
    TagBack {
        stream: usize,
    },
    Moody {
        stream: usize,
        mood: Mood,
    },
    ForgeAway(bool),
    Forget,
    Wait(u16),
    Edit,
    Revert(usize),
    Rollback(Which),
    Promote(Which, usize),
    Hold(Which),
    HoldSet(Which, usize),
    Unhold(Which),
    UnholdSet(Which, usize),
    Freeze(Which),
    Thaw,
    Scribble(&'static str),
    Mend,
    ByHand {
        which: Which,
        stream: usize,
        build: usize,
    },
    Approve(usize),
    Close(usize),
    Reopen(usize),
    Merge(usize),
    Push(usize),
}

/// What goes wrong in the first pass after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// The program is killed behind so many half effects.
    Killed(usize),
    /// Another one carries out the same plan at the same time.
    Twin,
    /// Somebody pushes to the base between planning and pushing.
    Raced,
}

/// One step of a story.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) event: Event,
    pub(super) trouble: Trouble,
}

/// A pipeline's shape and what happens.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) shape: Shape,
    pub(super) steps: Vec<Step>,
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "this repository:")?;
        for (path, text) in self.shape.files() {
            writeln!(f, "\n--- {path}\n{text}")?;
        }
        writeln!(
            f,
            "and then, after the first builds were taken (as the registries of step 1 let them):"
        )?;
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:3}. {}", number + 1, told(step, &self.shape))?;
        }
        Ok(())
    }
}

/// The stage that a number means in this shape; `later` leaves first stages out.
pub(super) fn stage_of(which: Which, shape: &Shape, later: bool) -> (usize, usize) {
    let begin = usize::from(later);
    let all =
        (0..shape.roads.len()).flat_map(|r| (begin..shape.roads[r].len()).map(move |s| (r, s)));
    let all: Vec<(usize, usize)> = all.collect();
    all[which % all.len()]
}

/// A step in words.
pub(super) fn told(step: &Step, shape: &Shape) -> String {
    let stage = |which: Which, later: bool| {
        let (road, stage) = stage_of(which, shape, later);
        format!("{}/{}", shape.pipeline(road), STAGES[stage])
    };
    let stream = |s: usize| STREAMS[s % shape.streams()];
    let what = match step.event {
        Event::Build {
            stream: s,
            good: true,
        } => format!("a build of {} is pushed, its tests passed", stream(s)),
        Event::Build {
            stream: s,
            good: false,
        } => format!("a build of {} is pushed, its tests failed", stream(s)),
        Event::TagBack { stream: s } => format!(
            "the registry's tag of {} goes back to an older build",
            stream(s)
        ),
        Event::Moody { stream: s, mood } => format!("the registry of {}: {mood:?}", stream(s)),
        Event::ForgeAway(true) => "the forge does not answer any more".to_owned(),
        Event::ForgeAway(false) => "the forge answers".to_owned(),
        Event::Forget => "the caches are deleted".to_owned(),
        Event::Wait(minutes) => format!("{minutes} minutes pass"),
        Event::Edit => "somebody commits a file that is no matter".to_owned(),
        Event::Revert(n) => format!(
            "somebody reverts the {}. last commit that moved a tag",
            n + 1
        ),
        Event::Rollback(w) => format!("somebody rolls {} back", stage(w, true)),
        Event::Promote(w, n) => format!("somebody asks for set {n} in {}", stage(w, true)),
        Event::Hold(w) => format!("somebody holds {}", stage(w, false)),
        Event::HoldSet(w, n) => format!("somebody holds set {n} in {}", stage(w, true)),
        Event::Unhold(w) => format!("somebody lifts what holds {}", stage(w, false)),
        Event::UnholdSet(w, n) => {
            format!("somebody lifts what holds set {n} in {}", stage(w, true))
        }
        Event::Freeze(w) => format!("somebody freezes the environment of {}", stage(w, false)),
        Event::Thaw => "somebody lifts all freezes".to_owned(),
        Event::Scribble(folder) => {
            format!("somebody commits a file in {folder}/ that cannot be read")
        }
        Event::Mend => "somebody takes unreadable files away".to_owned(),
        Event::ByHand {
            which,
            stream: s,
            build,
        } => format!(
            "somebody puts the tag of {} in {} to build {build} by hand",
            stage(which, true),
            stream(s)
        ),
        Event::Approve(n) => format!("somebody approves open pull request {n}"),
        Event::Close(n) => format!("somebody closes open pull request {n}"),
        Event::Reopen(n) => format!("somebody opens closed pull request {n} again"),
        Event::Merge(n) => format!("somebody merges open pull request {n}"),
        Event::Push(n) => format!("somebody pushes to the branch of open pull request {n}"),
    };
    match step.trouble {
        Trouble::None => what,
        Trouble::Killed(k) => format!("{what}; the next pass is killed behind {k} half effects"),
        Trouble::Twin => format!("{what}; two programs carry the next plan out"),
        Trouble::Raced => format!("{what}; somebody pushes in the middle of the next pass"),
    }
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        4 => Just(Mood::Well),
        1 => Just(Mood::Fails),
        1 => Just(Mood::Gone),
        1 => Just(Mood::Late),
        1 => Just(Mood::Loses),
        1 => Just(Mood::Stale),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let stream = || 0..2usize;
    let which = || 0..8usize;
    let n = || 0..4usize;
    let outside = prop_oneof![
        10 => (stream(), prop::bool::weighted(0.7)).prop_map(|(stream, good)| Event::Build { stream, good }),
        1 => stream().prop_map(|stream| Event::TagBack { stream }),
        3 => (stream(), mood()).prop_map(|(stream, mood)| Event::Moody { stream, mood }),
        1 => prop::bool::weighted(0.4).prop_map(Event::ForgeAway),
        1 => Just(Event::Forget),
        8 => (1..60u16).prop_map(Event::Wait),
        1 => Just(Event::Edit),
    ];
    let people = prop_oneof![
        3 => n().prop_map(Event::Revert),
        3 => which().prop_map(Event::Rollback),
        2 => (which(), n()).prop_map(|(w, n)| Event::Promote(w, n)),
        1 => which().prop_map(Event::Hold),
        1 => (which(), n()).prop_map(|(w, n)| Event::HoldSet(w, n)),
        3 => which().prop_map(Event::Unhold),
        1 => (which(), n()).prop_map(|(w, n)| Event::UnholdSet(w, n)),
        1 => which().prop_map(Event::Freeze),
        1 => Just(Event::Thaw),
        1 => prop_oneof![Just("holds"), Just("freezes")].prop_map(Event::Scribble),
        1 => Just(Event::Mend),
        1 => (which(), stream(), n()).prop_map(|(which, stream, build)| Event::ByHand { which, stream, build }),
    ];
    let forge = prop_oneof![
        8 => n().prop_map(Event::Approve),
        2 => n().prop_map(Event::Close),
        1 => n().prop_map(Event::Reopen),
        2 => n().prop_map(Event::Merge),
        1 => n().prop_map(Event::Push),
    ];
    prop_oneof![5 => outside, 4 => people, 3 => forge]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        8 => Just(Trouble::None),
        1 => (0..6usize).prop_map(Trouble::Killed),
        1 => Just(Trouble::Twin),
        1 => Just(Trouble::Raced),
    ]
}

/// Any story.
pub(super) fn story(steps: std::ops::Range<usize>) -> impl Strategy<Value = Story> {
    let step = (event(), trouble()).prop_map(|(event, trouble)| Step { event, trouble });
    (super::shape::shape(), prop::collection::vec(step, steps))
        .prop_map(|(shape, steps)| Story { shape, steps })
}
