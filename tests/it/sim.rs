//! A simulated day: the real engine on a virtual clock, with a real repository, a registry in memory behind fronts that
//! have moods, and people. Everything is drawn by a seed, so a day that went wrong can be lived again.
//!
//! - `HEADWATER_SIM_PASSES=20000`: as many passes in all, in days of 24 hours, every other one over HTTP; memory is looked
//!   at. Best alone and with this crate's code optimized:
//!   `cargo test --config profile.dev.package.headwater.opt-level=1 --test it sim::days -- --nocapture`
//! - `HEADWATER_SIM_STEP=4`: so many seconds from one pass to the next instead of a minute, so that one day has more than
//!   20,000.
//! - `HEADWATER_SIM_SEED=7`: the day of this seed only.

mod clock;
mod day;
mod front;
mod log;
mod memory;
mod passes;
mod people;
mod remote;
mod world;

use std::time::Instant;

use clock::Clock;
use day::Day;
use log::Counts;
use memory::{Memory, resident_mib};

/// Seconds from one pass to the next.
const STEP: u32 = 60;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
}

/// Passes of a day of 24 hours: one after each step, and a ninth of it at rest.
const fn passes_of_a_day(step: u32) -> usize {
    (24 * 3_600 / step) as usize * 10 / 9
}

fn step() -> u32 {
    let asked = asked("HEADWATER_SIM_STEP").and_then(|step| step.try_into().ok());
    asked.map_or(STEP, |step: u32| step.clamp(1, STEP))
}

/// What a day came to.
struct Lived {
    passes: usize,
    counts: Counts,
    /// Resident MiB in its evening.
    resident: usize,
}

/// The day of a seed, in place or over HTTP.
fn live(seed: u64, served: bool, passes: usize) -> Lived {
    // One thread, whose timers go by the virtual clock.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    // What the program itself draws, such as how long it waits.
    fastrand::seed(seed);
    runtime.block_on(async {
        let clock = Clock::begin();
        let mut day = Day::begin(seed, served, step()).await;
        day.live(passes).await;
        let resident = resident_mib();
        day.end().await;
        drop(clock);
        Lived {
            passes: day.passes,
            counts: day.log.counts(),
            resident,
        }
    })
}

#[test]
fn a_morning_in_place_keeps_the_laws_whatever_happens() {
    live(asked("HEADWATER_SIM_SEED").unwrap_or(1), false, 150);
}

#[test]
fn a_morning_over_http_keeps_the_laws_whatever_happens() {
    live(asked("HEADWATER_SIM_SEED").unwrap_or(2), true, 40);
}

/// Runs only where `HEADWATER_SIM_PASSES` asks for it, best alone: other tests in the same process take memory too.
#[test]
fn days_on_end_keep_the_laws_and_take_no_more_memory() {
    let Some(wanted) = asked("HEADWATER_SIM_PASSES") else {
        return;
    };
    let only = asked("HEADWATER_SIM_SEED");
    let wanted = usize::try_from(wanted).unwrap();
    let (begin, mut passes, mut seed) = (Instant::now(), 0, only.unwrap_or(100));
    let day = passes_of_a_day(step());
    let (mut counts, mut memory) = (Counts::default(), Memory::default());
    while passes < wanted {
        let lived = live(seed, seed.is_multiple_of(2), (wanted - passes).min(day));
        passes += lived.passes;
        counts.add(lived.counts);
        memory.note(passes, lived.resident);
        eprintln!(
            "seed {seed}: {} passes, {passes} in all after {} s, {} MiB resident; {}",
            lived.passes,
            begin.elapsed().as_secs(),
            lived.resident,
            lived.counts
        );
        if only.is_some() {
            return;
        }
        seed += 1;
    }
    eprintln!("{passes} passes, no law broken: {counts}; {memory}");
    memory.is_flat();
}
