//! The pure core: from an Observation to a Plan.
