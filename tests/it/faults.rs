//! What must happen when something outside fails, lies or attacks: every fault staged through the fault proxy.

mod git;
mod process;
mod proxy;
mod registry;
