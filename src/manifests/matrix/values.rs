//! Values of a matrix: what they are called to people, and when two of them are the same.

use crate::manifests::yaml::{Content, Id, MAX_DEPTH, Tree};

/// Longest value that is said.
const SAID: usize = 60;

/// Whether two values are the same: scalars by their text, maps whatever the order of their keys.
pub(super) fn same(tree: &Tree<'_>, a: Id, b: Id) -> bool {
    alike(tree, a, b, false, MAX_DEPTH)
}

/// Whether a value is one that a filter means: maps only have to hold what the filter says.
pub(super) fn fits(tree: &Tree<'_>, filter: Id, value: Id) -> bool {
    alike(tree, filter, value, true, MAX_DEPTH)
}

fn alike(tree: &Tree<'_>, a: Id, b: Id, part: bool, depth: usize) -> bool {
    let (a, b) = (tree.resolved(a), tree.resolved(b));
    if a == b || depth == 0 {
        return a == b;
    }
    match (&tree.node(a).content, &tree.node(b).content) {
        (Content::Scalar(a, _), Content::Scalar(b, _)) => a == b,
        (Content::List { items: a, .. }, Content::List { items: b, .. }) => {
            let mut pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.all(|(a, b)| alike(tree, *a, *b, part, depth - 1))
        }
        (Content::Map { entries: a, .. }, Content::Map { entries, .. }) => {
            let mut keys = a.iter();
            (part || a.len() == entries.len())
                && keys.all(|(key, value)| {
                    let other = tree.scalar(*key).and_then(|key| tree.get(b, key));
                    other.is_some_and(|other| alike(tree, *value, other, part, depth - 1))
                })
        }
        _ => false,
    }
}

/// A value in short: a scalar as it reads, a map by its name or its first scalar.
pub(super) fn in_words(tree: &Tree<'_>, key: &str, value: Id) -> String {
    let cut = |text: &str| text.chars().take(SAID).collect::<String>();
    if let Some(text) = tree.scalar(value) {
        return format!("{key}={}", cut(text));
    }
    let entries = tree.entries(value);
    let said = |(name, value): &(Id, Id)| Some((tree.scalar(*name)?, tree.scalar(*value)?));
    let named = tree.entry(value, "name").and_then(|entry| said(&entry));
    match named.or_else(|| entries.iter().find_map(said)) {
        Some((name, text)) => format!("{key}.{}={}", cut(name), cut(text)),
        None => format!("{key}=..."),
    }
}
