//! Stories that must come out right, each told in a world of its own.

mod going_back;
mod imports;
mod pull_requests;
mod straight;
