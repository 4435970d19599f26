//! One host's door: who may go when, how many at a time, and until when nobody. Overtaxed hosts get fewer requests, failing
//! ones none but a probe now and then.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::clock::{Clock, Told};
use super::door::{Door, Tally};
use super::error::RegistryError;
use super::limit::Limit;
use super::pause::{LONGEST_PAUSE, Quota};
use crate::model::Timestamp;

/// Strikes without a success between them after which a host is left alone.
const STRIKES: u32 = 5;
/// Strikes for a try that failed after so long a time: waiting for nothing costs most.
const SLOW: (Duration, u32) = (Duration::from_secs(5), 3);
/// The first and the longest time a failing host is left alone.
const REST: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));
/// The longest that is waited at the door for a scarce quota's sake; whoever would wait longer comes back later.
const QUEUE: Duration = Duration::from_secs(2);

/// Why a door is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shut {
    /// The registry asked for it.
    Asked,
    /// It failed too often.
    Failing,
}

#[derive(Debug)]
struct State {
    limit: Limit,
    under_way: usize,
    waiting: VecDeque<oneshot::Sender<Pass>>,
    /// The number of the next pass, and the first one of this round: requests that were under way together are told one
    /// thing, not many.
    next: u64,
    round: u64,
    /// Monotone, so that a jumping wall clock neither opens nor bars the door.
    shut: Option<(Instant, Shut)>,
    told: Told,
    probing: bool,
    refusals: u32,
    strikes: u32,
    answers: u64,
    rests: u32,
    /// How it failed the last time.
    cause: String,
    /// The time between requests that a scarce quota allows, and when the next one may go.
    pace: Option<(Duration, Instant)>,
}

/// The door of one host.
#[derive(Debug)]
pub(super) struct Gate {
    host: String,
    clock: Arc<Clock>,
    /// What passed.
    pub(super) tally: Tally,
    state: Mutex<State>,
}

/// A place at the host, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    gate: Arc<Gate>,
    number: u64,
    entered: Instant,
    probe: bool,
}

impl Gate {
    /// A door for at most so many requests at a time (at least one).
    pub(super) fn new(host: &str, most: usize, clock: &Arc<Clock>) -> Arc<Self> {
        let state = State {
            limit: Limit::new(most),
            under_way: 0,
            waiting: VecDeque::new(),
            next: 1,
            round: 0,
            shut: None,
            told: Told::default(),
            probing: false,
            refusals: 0,
            strikes: 0,
            answers: 0,
            rests: 0,
            cause: String::new(),
            pace: None,
        };
        Arc::new(Self {
            host: host.to_owned(),
            clock: Arc::clone(clock),
            tally: Tally::default(),
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a free place, first come first served; an error while the door is shut. What costs nothing of a quota
    /// does not wait for it.
    pub(super) async fn enter(self: &Arc<Self>, costs: bool) -> Result<Pass, RegistryError> {
        loop {
            let place = {
                let mut state = self.state();
                state.check(self)?;
                if state.waiting.is_empty() && state.under_way < state.limit.places() {
                    Ok(state.admit(self))
                } else {
                    let (sender, place) = oneshot::channel();
                    state.waiting.push_back(sender);
                    Err(place)
                }
            };
            let pass = match place {
                Ok(pass) => pass,
                Err(place) => {
                    let waiting = self.tally.wait();
                    let pass = place.await;
                    drop(waiting);
                    // Else the door was shut, and with it the queue sent home.
                    let Ok(pass) = pass else { continue };
                    pass
                }
            };
            let at = if costs {
                self.state().book(self)?
            } else {
                None
            };
            if let Some(at) = at {
                tokio::time::sleep_until(at).await;
            }
            // Those who waited while a neighbour was sent away must not knock all the same.
            if !pass.probe {
                self.state().check(self)?;
            }
            return Ok(pass);
        }
    }

    /// Lets in as many as there are places.
    fn hand_on(self: &Arc<Self>) {
        loop {
            let (sender, pass) = {
                let mut state = self.state();
                if state.under_way >= state.limit.places() {
                    return;
                }
                let Some(sender) = state.waiting.pop_front() else {
                    return;
                };
                if sender.is_closed() {
                    continue;
                }
                (sender, state.admit(self))
            };
            // Whoever left just now gives the place back by dropping it.
            drop(sender.send(pass));
        }
    }

    /// The registry said how much of a quota is left.
    pub(super) fn quota(&self, quota: Quota) {
        let mut state = self.state();
        state.pace = quota.gap().map(|gap| match state.pace {
            Some((_, next)) => (gap, next),
            None => (gap, Instant::now() + gap),
        });
    }

    /// What it looks like now.
    pub(super) fn reading(&self) -> Door {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut state = self.state();
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        let shut = state
            .shut
            .filter(|(until, _)| state.probing || !left(*until).is_zero());
        let places = state.limit.places();
        Door {
            host: self.host.clone(),
            permits: places as u64,
            free: places.saturating_sub(state.under_way) as u64,
            waiting: read(&self.tally.waiting),
            shut_until: shut.map(|(until, _)| state.told.tell(&self.clock, until)),
            failing: shut.is_some_and(|(_, why)| why == Shut::Failing),
            retries: read(&self.tally.retries),
            refusals: read(&self.tally.refusals),
            received_bytes: read(&self.tally.received),
        }
    }

    /// Answers that showed the host at work.
    pub(super) fn answers(&self) -> u64 {
        self.state().answers
    }
}

impl State {
    fn check(&mut self, gate: &Gate) -> Result<(), RegistryError> {
        let Some((until, why)) = self.shut else {
            return Ok(());
        };
        let left = until.saturating_duration_since(Instant::now());
        let host = gate.host.clone();
        match why {
            Shut::Asked if left.is_zero() => Ok(()),
            Shut::Failing if left.is_zero() && !self.probing => Ok(()),
            Shut::Asked => Err(RegistryError::RateLimited {
                host,
                retry_at: self.told.tell(&gate.clock, until),
            }),
            Shut::Failing => Err(RegistryError::Unavailable {
                host,
                retry_at: match left.is_zero() {
                    // Somebody is just looking how it is.
                    true => gate.clock.after(Duration::from_secs(1)),
                    false => self.told.tell(&gate.clock, until),
                },
                cause: self.cause.clone(),
            }),
        }
    }

    fn admit(&mut self, gate: &Arc<Gate>) -> Pass {
        let probe = matches!(self.shut, Some((_, Shut::Failing))) && !self.probing;
        self.probing |= probe;
        self.under_way += 1;
        let number = self.next;
        self.next += 1;
        Pass {
            gate: Arc::clone(gate),
            number,
            entered: Instant::now(),
            probe,
        }
    }

    /// Takes the next turn that a scarce quota allows.
    fn book(&mut self, gate: &Gate) -> Result<Option<Instant>, RegistryError> {
        let Some((gap, next)) = &mut self.pace else {
            return Ok(None);
        };
        let now = Instant::now();
        let at = (*next).max(now);
        if at - now > QUEUE {
            return Err(RegistryError::RateLimited {
                host: gate.host.clone(),
                retry_at: gate.clock.after(at - now),
            });
        }
        *next = at + *gap;
        Ok(Some(at))
    }

    /// Shuts the door, for longer if it is shut already, and sends the queue home; until when.
    fn shut(&mut self, until: Instant, why: Shut) -> Instant {
        let before = self.shut.filter(|(before, _)| *before >= until);
        let (until, why) = before.unwrap_or((until, why));
        self.shut = Some((until, why));
        self.probing = false;
        self.waiting.clear();
        until
    }

    /// Whether a failure is the first of its round. It makes room for fewer, and what is under way now is the next round.
    fn new_round(&mut self, number: u64) -> bool {
        let first = number >= self.round;
        if first {
            self.limit.overtaxed();
            self.round = self.next;
        }
        first
    }
}

impl Pass {
    /// The registry whose door it is, as streams name it.
    pub(super) fn host(&self) -> &str {
        &self.gate.host
    }

    /// So many bytes of a body were read.
    pub(super) fn received(&self, bytes: usize) {
        self.gate.tally.received(bytes);
    }

    /// An answer came that shows the host at work.
    pub(super) fn answered(self) {
        let mut state = self.gate.state();
        state.answers += 1;
        (state.strikes, state.refusals, state.rests) = (0, 0, 0);
        if matches!(state.shut, Some((_, Shut::Failing))) {
            state.shut = None;
            state.probing = false;
        }
        let full = state.under_way >= state.limit.places();
        state.limit.answered(self.entered.elapsed(), full);
    }

    /// The registry sent us away, for `pause` or without saying how long; returns when it may be asked again.
    pub(super) fn refused(&self, pause: Option<Duration>) -> Timestamp {
        self.gate.tally.refused();
        let mut state = self.gate.state();
        let first = state.new_round(self.number);
        let clock = &self.gate.clock;
        let shut = state.shut.filter(|(until, _)| *until > Instant::now());
        if let (None, Some((until, _)), false) = (pause, shut, first) {
            return state.told.tell(clock, until);
        }
        let guess = || {
            Duration::from_secs_f64(
                f64::from(1u32 << state.refusals.min(12)) * (1.0 + fastrand::f64() / 2.0),
            )
        };
        let pause = pause.unwrap_or_else(guess).min(LONGEST_PAUSE);
        state.refusals += 1;
        let until = Instant::now() + pause;
        let until = state.shut(until, Shut::Asked);
        state.told.tell(clock, until)
    }

    /// The request failed, and is given up if it was the `last` try. Whether the host is left alone from now on.
    pub(super) fn failed(&self, last: bool, why: &RegistryError) -> bool {
        let mut state = self.gate.state();
        state.cause = why.to_string();
        if state.new_round(self.number) {
            let slow = self.entered.elapsed() >= SLOW.0;
            state.strikes += if slow { SLOW.1 } else { u32::from(last) };
        }
        if !self.probe && state.strikes < STRIKES {
            return false;
        }
        let open = |(until, _): (Instant, Shut)| until <= Instant::now();
        if state.shut.is_none_or(open) {
            let rest = REST.0.saturating_mul(1 << state.rests.min(8)).min(REST.1);
            state.rests += 1;
            state.shut(Instant::now() + rest, Shut::Failing);
        }
        true
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.under_way -= 1;
        if self.probe && matches!(state.shut, Some((until, _)) if until <= Instant::now()) {
            state.probing = false;
        }
        drop(state);
        self.gate.hand_on();
    }
}

#[cfg(test)]
mod tests;
