//! Text to nouns and back: finding, loading, checking and byte-exact editing of documents. Pure over an in-memory tree.

pub mod assemble;
mod check;
pub mod code;
pub mod diagnostic;
pub mod documents;
pub mod edit;
mod field_path;
pub mod load;
pub mod matrix;
pub mod pods;
pub mod role;
pub(crate) mod suggest;
pub mod triggers;
pub mod values;
pub mod workload;
#[cfg(test)]
pub(crate) mod world;
pub mod written;
pub mod yaml;

pub use assemble::{Listing, Texts, assemble, config_of};
pub use check::{manifest_findings, may_have_findings};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use documents::{Documents, Located};
pub use edit::{
    EditRefused, PodEdit, StreamEdit, edit_stream, edit_workload, freeze_text, hold_text,
    new_stream_text,
};
pub use load::{BrokenDocument, Document, DocumentKind, Loaded, load};
pub use matrix::{Expansions, Said, once};
pub use role::{Role, role_of};
pub use workload::{ImageField, image_fields, replace_images};
pub use written::written;
pub use yaml::{Step, locate};
