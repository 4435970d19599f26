//! Observing on real repositories; declared with its parts by the work that follows.
