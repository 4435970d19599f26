//! Image streams, their tags and images as `oc` shows them: pure functions from documents to text, tables and objects.

mod block;
pub mod cluster;
pub mod describe;
pub mod follows;
pub mod image;
pub mod list;
pub mod object;
mod words;
