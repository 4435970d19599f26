//! YAML and JSON text as a tree that knows where every value stands: one parser for loading, for places in diagnostics
//! and for byte-exact edits. Bounded in size, depth and alias expansion, because the text is anybody's.

mod deserialize;
mod error;
mod parse;
mod place;
mod scalar;

pub(crate) use deserialize::{from_node, from_node_without};
pub(crate) use error::{Fault, ValueError};
pub(crate) use parse::{Limit, SyntaxError, parse};
pub use place::{Step, locate};
pub(crate) use place::{place_of, range_of};
pub(crate) use scalar::{Scalar, resolve};
pub use serde_saphyr::granit_parser::ScalarStyle as Style;

use std::borrow::Cow;
use std::ops::Range;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The deepest nesting that is followed.
pub const MAX_DEPTH: usize = 64;
/// How many values aliases may stand for in one document.
pub const MAX_ALIASED: usize = 100_000;

/// A value's place in its tree.
pub(crate) type Id = usize;

/// A parsed text: its values, and which of them are the documents.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    /// The text it was made from.
    pub text: &'t str,
    /// All values; parents before children.
    pub nodes: Vec<Node<'t>>,
    /// The root value of each document.
    pub roots: Vec<Id>,
}

/// One value.
#[derive(Debug)]
pub(crate) struct Node<'t> {
    /// First byte of the value itself (behind anchor and tag).
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What it is.
    pub content: Content<'t>,
    /// Whether an anchor or a tag stands before it.
    pub decorated: bool,
    /// Whether it stands for a value of a matrix, which is text where text belongs, without quotes too.
    pub filled: bool,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Content<'t> {
    /// A scalar as it reads after unescaping.
    Scalar(Cow<'t, str>, Style),
    /// A list; `flow` when written in brackets.
    List {
        /// Written as `[...]`.
        flow: bool,
        /// The items.
        items: Vec<Id>,
    },
    /// A map; `flow` when written in braces.
    Map {
        /// Written as `{...}`.
        flow: bool,
        /// Keys and values in order.
        entries: Vec<(Id, Id)>,
    },
    /// `*name`: the value it stands for.
    Alias(Id),
}

impl<'t> Tree<'t> {
    /// The value itself.
    pub(crate) fn node(&self, id: Id) -> &Node<'t> {
        &self.nodes[id]
    }

    /// The value behind any aliases.
    pub(crate) fn resolved(&self, id: Id) -> Id {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match self.nodes[id].content {
                Content::Alias(target) => id = target,
                _ => break,
            }
        }
        id
    }

    /// Whether a value, or one on the way to what it stands for, was filled in.
    pub(crate) fn is_filled(&self, id: Id) -> bool {
        let mut id = id;
        for _ in 0..MAX_DEPTH {
            match self.nodes[id].content {
                _ if self.nodes[id].filled => return true,
                Content::Alias(target) => id = target,
                _ => break,
            }
        }
        false
    }

    /// The bytes a value covers.
    pub(crate) fn range(&self, id: Id) -> Range<usize> {
        self.nodes[id].start..self.nodes[id].end
    }

    /// The text of a scalar, aliases followed.
    pub(crate) fn scalar(&self, id: Id) -> Option<&str> {
        match &self.nodes[self.resolved(id)].content {
            Content::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Entries of a map, aliases followed; empty for anything else.
    pub(crate) fn entries(&self, id: Id) -> &[(Id, Id)] {
        match &self.nodes[self.resolved(id)].content {
            Content::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// Items of a list, aliases followed; empty for anything else.
    pub(crate) fn items(&self, id: Id) -> &[Id] {
        match &self.nodes[self.resolved(id)].content {
            Content::List { items, .. } => items,
            _ => &[],
        }
    }

    /// Key and value of a map's entry.
    pub(crate) fn entry(&self, map: Id, key: &str) -> Option<(Id, Id)> {
        self.entries(map)
            .iter()
            .copied()
            .find(|(k, _)| self.scalar(*k) == Some(key))
    }

    /// Value of a map's entry.
    pub(crate) fn get(&self, map: Id, key: &str) -> Option<Id> {
        self.entry(map, key).map(|(_, value)| value)
    }

    /// Whether the value is null: absent text or a plain `null`.
    pub(crate) fn is_null(&self, id: Id) -> bool {
        match &self.nodes[self.resolved(id)].content {
            Content::Scalar(text, Style::Plain) => matches!(resolve(text), Scalar::Null),
            _ => false,
        }
    }

    /// The documents of a file, the items of a `List` counted one by one.
    pub(crate) fn documents(&self) -> Vec<Id> {
        let mut documents = Vec::with_capacity(self.roots.len());
        for &root in &self.roots {
            let is_list = self
                .get(root, "kind")
                .and_then(|kind| self.scalar(kind))
                .is_some_and(|kind| matches!(kind, "List" | "ImageStreamList"));
            match self.get(root, "items") {
                Some(items) if is_list => documents.extend_from_slice(self.items(items)),
                _ => documents.push(root),
            }
        }
        documents
    }
}
