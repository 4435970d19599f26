//! Git: a bare mirror, snapshots and history from objects, commits as trees in memory, push as compare-and-swap.
