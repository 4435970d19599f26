//! Changes: what a decision writes. Edits of streams with their record, and everything a pass hands over as one commit.

pub mod files;
pub mod propose;
pub mod sets;
pub mod stamps;
pub mod wave;
