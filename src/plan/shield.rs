//! The shield: a panic in the work on one item stops that item and nothing else. Everything in here is a pure function over
//! the desk, so what a panic leaves half done are notes for people, which are taken back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::desk::Desk;
use super::report::{HoldReport, State, Subject};

/// The longest piece of a panic's own words that people are shown.
const MOST_CHARACTERS: usize = 200;

/// Works on one item. A panic is told as the hold it means: the same facts would only make it again.
pub fn shielded<'a, T>(
    subject: impl Fn() -> Subject,
    desk: &mut Desk<'a>,
    work: impl FnOnce(&mut Desk<'a>) -> T,
) -> Result<T, Box<HoldReport>> {
    let notes = desk.holds.len();
    let worked = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        trap::spring(&subject());
        work(desk)
    }));
    worked.map_err(|panic| {
        desk.holds.truncate(notes);
        hold(subject(), &*panic)
    })
}

/// The hold that a panic in the work on one item means.
pub fn hold(subject: Subject, panic: &(dyn Any + Send)) -> Box<HoldReport> {
    Box::new(HoldReport {
        subject,
        reason: "Stalled".to_owned(),
        why: stalled(&words(panic)),
        until: None,
        help: Some(
            "report it, with the file that `headwater observe --out facts.json` writes".to_owned(),
        ),
        state: State::Broken,
    })
}

/// What people are told of an item that a panic stopped.
pub fn stalled(words: &str) -> String {
    format!("Stalled: a bug in headwater stops the work on this, and on nothing else: {words}")
}

/// What a panic says, on one line and free of what does not print.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("it does not say why").chars();
    text.map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST_CHARACTERS)
        .collect()
}

/// Panics on purpose, for tests: no input is known that makes one.
#[cfg(test)]
pub(super) mod trap {
    use std::cell::RefCell;

    use super::Subject;

    thread_local! {
        static SET: RefCell<Vec<Subject>> = const { RefCell::new(Vec::new()) };
    }

    /// Runs `work` with the work on these items panicking on this thread.
    pub(in crate::plan) fn with<T>(subjects: &[Subject], work: impl FnOnce() -> T) -> T {
        SET.set(subjects.to_vec());
        let done = work();
        SET.set(Vec::new());
        done
    }

    pub(super) fn spring(subject: &Subject) {
        if SET.with_borrow(|set| set.contains(subject)) {
            panic!("trapped\u{1b}[2J {}", "x".repeat(1000));
        }
    }
}
