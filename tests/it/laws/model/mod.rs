//! The laws over random pipelines, histories and interleavings of events: a model without Git and IO, in which the program's
//! own plans are carried out, and a ledger that reads the base alone.
//!
//! - `HEADWATER_LAWS_CASES=10000`: so many stories instead of 500.
//! - `HEADWATER_LAWS_SEED=7`: stories of another seed than 12; one that broke a law says its seed.

mod bars;
mod book;
mod carry;
mod event;
mod line;
mod passes;
mod people;
mod pulls;
mod registry;
mod rules;
mod shape;
mod world;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use book::{Book, Kept};
use event::{Event, Story, Trouble, story};
use world::World;

/// Stories of a normal run.
const CASES: u32 = 500;
/// Their seed, so that a normal run is the same everywhere.
const SEED: u64 = 12;
/// A story that breaks a law is made shorter by so many tries at most.
const MOST_SHRINKS: u32 = 1_000;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
}

fn live(story: &Story) -> Kept {
    let mut world = World::new(&story.shape);
    let mut book = Book::new(&world.shape);
    if let Some(Event::Moody { .. }) = story.steps.first().map(|step| step.event) {
        // Some registries are not well from the beginning.
        world.happens(&story.steps[0].event, &mut book);
    }
    world.settles(Trouble::None, &mut book)?;
    for (number, step) in story.steps.iter().enumerate() {
        let lived = (|| {
            world.happens(&step.event, &mut book);
            book.read(&world)?;
            world.settles(step.trouble, &mut book)
        })();
        lived.map_err(|why| {
            let base = book.told(&world);
            format!(
                "after step {}, at {}: {why}\nthe base:\n{base}",
                number + 1,
                world.now
            )
        })?;
    }
    Ok(())
}

fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

#[test]
fn whatever_pipelines_there_are_and_whatever_happens_the_laws_are_kept() {
    let cases = asked("HEADWATER_LAWS_CASES").and_then(|cases| u32::try_from(cases).ok());
    let config = Config {
        cases: cases.unwrap_or(CASES),
        max_shrink_iters: MOST_SHRINKS,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = asked("HEADWATER_LAWS_SEED").unwrap_or(SEED);
    let mut runner = TestRunner::new_with_rng(config, rng(seed));
    let ran = runner.run(&story(3..11), |story| {
        live(&story).map_err(TestCaseError::fail)
    });
    if let Err(broken) = ran {
        panic!("HEADWATER_LAWS_SEED={seed}\n{broken}");
    }
}
