//! The daemon: ticks and wakes coalesced into passes.
