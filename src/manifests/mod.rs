//! Text to nouns and back: finding, loading, checking and byte-exact editing of documents. Pure over an in-memory tree.

pub mod diagnostic;
pub mod documents;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use documents::{Documents, Located};
