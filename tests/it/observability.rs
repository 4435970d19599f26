//! What operators see of the edges: whose fault a failure is, logs, metrics, broken edges in `status`, and no secret anywhere.

mod crash;
mod edges;
mod faults;
