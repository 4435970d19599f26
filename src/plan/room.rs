//! What a forge lets be made in a while: pull requests that do not fit now wait for their turn, and say when that comes.

use super::desk::Desk;
use super::effect::Effect;
use super::facts::Room;
use super::refusal::subjects_of;
use super::report::{Change, HoldReport, State};
use crate::model::{Period, Timestamp};

/// Calls that people are told of when a pull request is opened: it, and asking for its review.
const OPENING: usize = 2;
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// The effects that fit now. What finishes something goes before what begins something; of the rest the first go, and
/// each of the others is told when its turn comes.
pub(super) fn fitting(
    effects: Vec<(Effect, Change)>,
    holds: &mut Vec<HoldReport>,
    desk: &mut Desk<'_>,
) -> Vec<(Effect, Change)> {
    let Some(room) = desk.obs.facts.room.clone() else {
        return effects;
    };
    let now = desk.now();
    let mut turns = Turns::of(&room, now);
    let opens = |effect: &Effect| matches!(effect, Effect::OpenPullRequest { .. });
    for (effect, _) in effects.iter().filter(|(effect, _)| !opens(effect)) {
        turns.take(calls(effect));
    }
    let mut left = Vec::new();
    for (effect, change) in effects {
        if !opens(&effect) {
            left.push((effect, change));
            continue;
        }
        let turn = turns.take(OPENING);
        if turn <= now {
            left.push((effect, change));
            continue;
        }
        desk.expires(turn);
        let (hour, minute) = (room.per_hour, room.per_minute);
        let subjects = subjects_of(&effect, desk).into_iter();
        holds.extend(subjects.map(|subject| HoldReport {
            subject,
            reason: "ForgeBudget".to_owned(),
            why: format!(
                "its pull request waits for its turn: the forge is told of no more than {hour} things an hour and {minute} a minute"
            ),
            until: Some(turn),
            help: None,
            state: State::Waiting,
        }));
    }
    left
}

/// Calls of an effect that people are told of.
fn calls(effect: &Effect) -> usize {
    match effect {
        Effect::OpenPullRequest { .. } => OPENING,
        Effect::MergePullRequest { .. } | Effect::EnqueuePullRequest { .. } => 1,
        Effect::TendPullRequest { tending, .. } => {
            usize::from(!tending.ask.is_empty()) + tending.notes.len()
        }
        Effect::PushBase { .. }
        | Effect::UpdatePullRequest { .. }
        | Effect::SetCommitStatus { .. }
        | Effect::RecordMerge { .. }
        | Effect::ClearBranches { .. }
        | Effect::RecordDeployment { .. }
        | Effect::DispatchWorkflow { .. }
        | Effect::ClosePullRequest { .. } => 0,
    }
}

/// Instants of calls, those made and those to come, in order.
struct Turns {
    made: Vec<Timestamp>,
    per_minute: usize,
    per_hour: usize,
    now: Timestamp,
}

impl Turns {
    fn of(room: &Room, now: Timestamp) -> Self {
        let mut made = room.made.clone();
        made.sort();
        Self {
            made,
            per_minute: room.per_minute.max(1) as usize,
            per_hour: room.per_hour.max(1) as usize,
            now,
        }
    }

    /// The instant at which so many calls may be made together, after all that were taken before.
    fn take(&mut self, calls: usize) -> Timestamp {
        let mut turn = self.now;
        for (window, most) in [(MINUTE, self.per_minute), (HOUR, self.per_hour)] {
            // With these calls there are no more than `most` in the window that ends with them.
            let kept = most.saturating_sub(calls);
            let oldest = self.made.len().checked_sub(kept + 1);
            if let Some(oldest) = oldest.and_then(|at| self.made.get(at)) {
                turn = turn.max(Period::seconds(window).after(*oldest));
            }
        }
        turn = self.made.last().map_or(turn, |last| turn.max(*last));
        self.made.extend(std::iter::repeat_n(turn, calls));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::kit::at;

    fn room(made: &[Timestamp]) -> Room {
        Room {
            per_minute: 80,
            per_hour: 500,
            made: made.to_vec(),
        }
    }

    /// How many of `turns` lie in the window that ends with each.
    fn most_within(turns: &[Timestamp], seconds: i64) -> usize {
        let within = |end: &Timestamp| {
            let begin = end.as_second() - seconds;
            let inside = turns.iter().filter(|t| t.as_second() > begin && *t <= end);
            inside.count()
        };
        turns.iter().map(within).max().unwrap_or(0)
    }

    #[test]
    fn five_hundred_promotions_keep_both_limits_and_each_knows_its_turn() {
        let now = at(0);
        let mut turns = Turns::of(&room(&[]), now);
        let when: Vec<Timestamp> = (0..500).map(|_| turns.take(OPENING)).collect();
        assert!(when.is_sorted());
        assert_eq!(when.iter().filter(|turn| **turn == now).count(), 40);
        assert_eq!(when[40], at(1));
        let calls: Vec<Timestamp> = when.iter().flat_map(|turn| [*turn; OPENING]).collect();
        assert_eq!(most_within(&calls, 60), 80);
        assert_eq!(most_within(&calls, 3600), 500);
        assert_eq!(when[249], at(6), "250 of them in the first hour");
        assert_eq!(when[250], at(60));
        assert_eq!(when[499], at(66), "the last one");
    }

    #[test]
    fn what_was_made_before_counts_until_it_is_an_hour_old() {
        let before: Vec<Timestamp> = (0..499).map(|n| at(-59 + n / 10)).collect();
        let mut turns = Turns::of(&room(&before), at(0));
        assert_eq!(turns.take(1), at(0));
        assert_eq!(turns.take(1), at(1), "the oldest is an hour old then");
        let mut turns = Turns::of(&room(&[at(5)]), at(0));
        assert_eq!(turns.take(1), at(5), "a clock that is ahead is waited for");
    }
}
