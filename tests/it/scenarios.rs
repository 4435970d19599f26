//! Stories that must come out right, each told in a world of its own.

mod argocd;
mod asking;
mod bad_input;
mod bundles;
mod by_itself;
mod environments;
mod follow;
mod gates;
mod going_back;
mod graphs;
mod imports;
mod long_past;
mod matrix;
mod past_the_road;
mod pull_requests;
mod saved;
mod signatures;
mod straight;
mod streams;
mod whole;
