//! Headwater brings OpenShift image streams to plain Git: it imports image digests into stream files, promotes the
//! identical digest from stage to stage, renders manifests pinned by it, and hands all of that back as commits and
//! pull requests.
//!
//! # The line
//!
//! ```text
//! wake -> OBSERVE -> Observation -> PLAN -> Plan -> APPLY -> Receipt
//!         (reads)    plain data    (pure)  plain data (writes)
//! ```
//!
//! [`observe`] asks Git, registries and the forge and turns what failed into data. [`plan`] is a pure function: no IO,
//! no clock, no chance. [`apply`] carries a plan out and decides nothing. [`reconciler`] is one pass; [`daemon`] many.
//!
//! # The rule of dependency
//!
//! `model` uses nothing of ours; `manifests` uses `model`; `plan` uses both. Edges (`git`, `registry`, `egress`, `forge`) never see
//! the plan; `observe` and `apply` adapt them to it. A test reads every `use crate::` line and refuses any other arrow.

pub mod allocator;
pub mod apply;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod egress;
pub mod forge;
pub mod git;
pub mod manifests;
pub mod model;
pub mod observe;
pub mod plan;
pub mod reconciler;
pub mod registry;
pub mod server;
pub mod telemetry;
