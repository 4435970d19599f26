//! `{{dimension}}` and `{{dimension.key}}` in the scalars of a document, and what stands there in one of its results.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use super::combine::{Combination, Matrix};
use super::dimensions::is_word;
use super::problem::Problem;
use crate::manifests::code;
use crate::manifests::suggest::{did_you_mean, listed};
use crate::manifests::yaml::{Content, Id, Style, Tree};

/// The longest text that comes out of filling, in bytes.
const LONGEST: usize = 16 << 10;
/// The longest placeholder, in bytes.
const PLACEHOLDER: usize = 256;

/// A scalar with placeholders of the matrix in it.
struct Slot<'t> {
    id: Id,
    parts: Vec<Part>,
    original: Content<'t>,
}

enum Part {
    Text(String),
    Value {
        route: Vec<String>,
        at: Range<usize>,
    },
}

/// All places of a document that something is filled into.
pub(super) struct Slots<'t> {
    slots: Vec<Slot<'t>>,
    /// Maps of which a key is filled.
    maps: Vec<Id>,
}

impl<'t> Slots<'t> {
    /// Those of the document at `root`, without its matrix.
    pub(super) fn of(tree: &Tree<'t>, root: Id, matrix: &Matrix, without: Id) -> Self {
        let mut found = Self {
            slots: Vec::new(),
            maps: Vec::new(),
        };
        let mut seen = BTreeSet::from([without]);
        let mut next = vec![root];
        while let Some(id) = next.pop() {
            if !seen.insert(id) {
                continue;
            }
            match &tree.node(id).content {
                Content::Scalar(text, _) => {
                    let parts = parts(tree, id, text, &matrix.keys);
                    if let Some(parts) = parts {
                        let original = Content::Scalar(text.clone(), style(tree, id));
                        found.slots.push(Slot {
                            id,
                            parts,
                            original,
                        });
                    }
                }
                Content::List { items, .. } => next.extend(items),
                Content::Map { entries, .. } => {
                    let key = |key: &Id| tree.scalar(*key).is_some_and(|text| text.contains("{{"));
                    if entries.iter().any(|(k, _)| key(k)) {
                        found.maps.push(id);
                    }
                    next.extend(entries.iter().flat_map(|(key, value)| [*key, *value]));
                }
                Content::Alias(target) => next.push(*target),
            }
        }
        found.slots.sort_by_key(|slot| slot.id);
        found
    }

    /// Names that a scalar makes use of.
    pub(super) fn used_by(&self, id: Id) -> BTreeSet<&str> {
        let slots = self.slots.iter().filter(|slot| slot.id == id);
        let routes = slots
            .flat_map(|slot| &slot.parts)
            .filter_map(|part| match part {
                Part::Value { route, .. } => route.first().map(String::as_str),
                Part::Text(_) => None,
            });
        routes.collect()
    }

    /// Writes the values of one combination into the tree; what cannot be filled in is told, and left as it is.
    pub(super) fn fill(
        &self,
        tree: &mut Tree<'t>,
        matrix: &Matrix,
        combination: &Combination,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        for slot in &self.slots {
            match filled(tree, slot, matrix, combination) {
                Ok(content) => tree.nodes[slot.id].content = content,
                Err(problem) => {
                    tree.nodes[slot.id].content = slot.original();
                    problems.push(problem);
                }
            }
            tree.nodes[slot.id].filled = true;
        }
        problems.extend(self.maps.iter().filter_map(|map| twice(tree, *map)));
        problems
    }

    /// Puts everything back as it was written.
    pub(super) fn restore(&self, tree: &mut Tree<'t>) {
        for slot in &self.slots {
            let node = &mut tree.nodes[slot.id];
            node.content = slot.original();
            node.filled = false;
        }
    }
}

impl<'t> Slot<'t> {
    fn original(&self) -> Content<'t> {
        match &self.original {
            Content::Scalar(text, style) => Content::Scalar(text.clone(), *style),
            _ => Content::Scalar(Cow::Borrowed(""), Style::Plain),
        }
    }
}

fn style(tree: &Tree<'_>, id: Id) -> Style {
    match &tree.node(id).content {
        Content::Scalar(_, style) => *style,
        _ => Style::Plain,
    }
}

/// The parts of a text that has placeholders of the matrix; `None` if it has none.
fn parts(tree: &Tree<'_>, id: Id, text: &str, keys: &[String]) -> Option<Vec<Part>> {
    let range = tree.range(id);
    let raw = &tree.text[range.clone()];
    let mut parts = Vec::new();
    let mut plain = String::new();
    let (mut rest, mut seen) = (text, 0);
    while let Some(open) = rest.find("{{") {
        plain.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some((whole, route)) = placeholder(rest, keys) else {
            plain.push_str("{{");
            rest = &rest[2..];
            continue;
        };
        // Escapes and line breaks may part what is written from what is read: then all of it is shown.
        let at = match raw[seen..].find(whole) {
            Some(found) => {
                let start = range.start + seen + found;
                seen += found + whole.len();
                start..start + whole.len()
            }
            None => range.clone(),
        };
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(Part::Value { route, at });
        rest = &rest[whole.len()..];
    }
    plain.push_str(rest);
    let found = parts.iter().any(|part| matches!(part, Part::Value { .. }));
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    found.then_some(parts)
}

/// The placeholder that a text begins with, if it is one of the matrix, and what it names.
fn placeholder<'s>(text: &'s str, keys: &[String]) -> Option<(&'s str, Vec<String>)> {
    let near = &text.as_bytes()[..text.len().min(PLACEHOLDER)];
    let end = near.windows(2).position(|pair| pair == b"}}")?;
    let inner = text.get(2..end)?.trim();
    let route: Vec<&str> = inner.split('.').collect();
    let known = route
        .first()
        .is_some_and(|name| keys.iter().any(|key| key == name));
    let words = route.iter().all(|word| is_word(word));
    (known && words).then(|| {
        let route = route.into_iter().map(str::to_owned).collect();
        (&text[..end + 2], route)
    })
}

/// The first thing in braces, if it is none of the matrix.
pub(super) fn stranger<'s>(text: &'s str, keys: &[String]) -> Option<&'s str> {
    let open = text.find("{{")?;
    let near = &text.as_bytes()[open..text.len().min(open + PLACEHOLDER)];
    let end = near.windows(2).position(|pair| pair == b"}}")?;
    let inner = text.get(open + 2..open + end)?.trim();
    let name = inner.split('.').next().unwrap_or(inner);
    (!keys.iter().any(|key| key == name)).then_some(inner)
}

fn filled<'t>(
    tree: &Tree<'t>,
    slot: &Slot<'t>,
    matrix: &Matrix,
    combination: &Combination,
) -> Result<Content<'t>, Problem> {
    if let [Part::Value { route, at }] = slot.parts.as_slice() {
        let value = value(tree, route, at, matrix, combination)?;
        // A whole dimension of maps is meant to be read by its keys.
        if route.len() == 1 && !tree.entries(value).is_empty() {
            return Err(is_map(tree, value, route, at));
        }
        return Ok(Content::Alias(value));
    }
    let mut text = String::new();
    for part in &slot.parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Value { route, at } => {
                let value = value(tree, route, at, matrix, combination)?;
                let Some(scalar) = tree.scalar(value) else {
                    return Err(is_map(tree, value, route, at));
                };
                text.push_str(scalar);
            }
        }
        if text.len() > LONGEST {
            let words = format!("this becomes longer than {LONGEST} bytes");
            let problem = Problem::new(tree.range(slot.id), code::MATRIX_SIZE, words);
            return Err(problem.help("fill in less: a value is a name, a version or an address"));
        }
    }
    Ok(Content::Scalar(Cow::Owned(text), Style::DoubleQuoted))
}

/// What a placeholder stands for.
fn value(
    tree: &Tree<'_>,
    route: &[String],
    at: &Range<usize>,
    matrix: &Matrix,
    combination: &Combination,
) -> Result<Id, Problem> {
    let name = route.first().map_or("", String::as_str);
    let index = matrix.keys.iter().position(|key| key == name);
    let Some(mut here) = index
        .and_then(|index| combination.values.get(&index))
        .copied()
    else {
        let words = format!("`{name}` has no value here");
        let problem = Problem::new(at.clone(), code::MATRIX_PLACEHOLDER, words);
        return Err(problem.help(format!(
            "give it one in every entry of `include`, or make it a dimension: {name}: [...]"
        )));
    };
    for (depth, key) in route.iter().enumerate().skip(1) {
        let whole = route[..depth].join(".");
        here = match tree.get(here, key) {
            Some(value) if !tree.is_null(value) => value,
            Some(_) => {
                let words = format!("`{key}` of `{whole}` has no value");
                let problem = Problem::new(at.clone(), code::MATRIX_PLACEHOLDER, words);
                return Err(problem.help(format!("write one: {{{key}: ...}}")));
            }
            None => {
                let keys: Vec<&str> = tree
                    .entries(here)
                    .iter()
                    .filter_map(|(key, _)| tree.scalar(*key))
                    .collect();
                let words = format!("`{whole}` has no key `{key}`");
                let problem = Problem::new(at.clone(), code::MATRIX_PLACEHOLDER, words);
                return Err(match keys.is_empty() {
                    true => problem.help(format!("write {{{{{whole}}}}}: it is no map")),
                    false => problem
                        .label(format!("it has {}", listed(keys.iter().copied())))
                        .help(did_you_mean(key, keys)),
                });
            }
        };
    }
    Ok(here)
}

/// A map or list where text is wanted.
fn is_map(tree: &Tree<'_>, value: Id, route: &[String], at: &Range<usize>) -> Problem {
    let name = route.join(".");
    let first = tree.entries(value).first();
    let (what, help) = match first.and_then(|(key, _)| tree.scalar(*key)) {
        Some(key) => (
            "a map",
            format!("say which of its keys, as in {{{{{name}.{key}}}}}"),
        ),
        None => (
            "a list",
            "a list can only be a whole value: \"{{...}}\" and nothing else".to_owned(),
        ),
    };
    Problem::new(
        at.clone(),
        code::MATRIX_PLACEHOLDER,
        format!("`{name}` is {what}"),
    )
    .help(help)
}

/// A key that is there twice once it is filled in.
fn twice(tree: &Tree<'_>, map: Id) -> Option<Problem> {
    let mut seen = BTreeSet::new();
    tree.entries(map).iter().find_map(|(key, _)| {
        let text = tree.scalar(*key)?;
        (!seen.insert(text)).then(|| {
            let words = format!("`{text}` is said twice in one map");
            Problem::new(tree.range(*key), code::DUPLICATE_KEY, words)
        })
    })
}
