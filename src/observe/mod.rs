//! Observation: asks Git, registries, the forge and the clock; failures become data.
