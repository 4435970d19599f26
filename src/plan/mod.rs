//! The pure core: from an Observation to a Plan.

pub mod expression;
pub mod template;
pub mod version;
