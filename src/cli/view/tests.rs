//! What the views show, as text, in the five situations: one service, many, adoption, vendor images with an incident, and
//! pull requests of a hosted forge.

mod acts;
mod drift;
mod edges;
mod gates;
mod plan;
mod pulls;
mod samples;
mod status;
mod why;
