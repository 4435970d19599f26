//! A simulated day: the real engine on a virtual clock, with a real repository, a registry in memory behind fronts that
//! have moods, and people. Everything is drawn by a seed, so a day that went wrong can be lived again.
//!
//! - `HEADWATER_SIM_PASSES=20000`: as many passes in all, in days of 24 hours, every other one over HTTP; memory is looked at.
//! - `HEADWATER_SIM_SEED=7`: the day of this seed only.

mod day;
mod front;
mod log;
mod passes;
mod people;
mod remote;
mod world;

use day::Day;

/// Passes of a day of 24 hours: one in a minute, and those at rest.
const DAY: usize = 1_600;
/// Resident memory may grow by so many MiB after the first two days.
const GROWTH: usize = 64;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
}

/// The day of a seed, in place or over HTTP; how many passes it had.
fn live(seed: u64, served: bool, passes: usize) -> usize {
    // One thread, whose timers go by the virtual clock.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut day = Day::begin(seed, served).await;
        day.live(passes).await;
        let noon = resident_mib();
        day.end().await;
        eprintln!(
            "seed {seed}: {}; {noon} MiB before the evening",
            day.log.summary()
        );
        day.passes
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
    let (mut passes, mut seed, mut warm) = (0, only.unwrap_or(100), None);
    while passes < wanted {
        let most = usize::try_from(wanted - passes).unwrap().min(DAY);
        let lived = live(seed, seed.is_multiple_of(2), most);
        passes += lived as u64;
        let resident = resident_mib();
        eprintln!("seed {seed}: {lived} passes, {passes} in all, {resident} MiB resident");
        if passes >= 2 * DAY as u64 {
            let warm = *warm.get_or_insert(resident);
            assert!(
                resident <= warm + GROWTH,
                "{warm} MiB became {resident} MiB"
            );
        }
        if only.is_some() {
            return;
        }
        seed += 1;
    }
}

fn resident_mib() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|p| p.parse::<usize>().ok());
    pages.unwrap_or(0) * 4 / 1024
}
