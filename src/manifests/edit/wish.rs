//! A document as plain values: what it says now, and, after the edits, what it shall say.

use super::Refusal;
use crate::manifests::yaml::{Content, Id, MAX_ALIASED, MAX_DEPTH, Scalar, Style, Tree, resolve};

/// A value. Items of lists remember which item they were, so that kept ones are never written anew.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wish {
    Null,
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Item>),
    Map(Vec<(String, Self)>),
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Its index in the text, or `None` for a fresh one.
    pub origin: Option<usize>,
    /// What it says.
    pub wish: Wish,
}

impl Item {
    pub(super) const fn fresh(wish: Wish) -> Self {
        Self { origin: None, wish }
    }
}

impl Wish {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The value in a tree, aliases followed.
    pub(super) fn of(tree: &Tree<'_>, id: Id) -> Result<Self, Refusal> {
        let mut left = tree.nodes.len() + MAX_ALIASED;
        Self::read(tree, id, 0, &mut left)
    }

    fn read(tree: &Tree<'_>, id: Id, depth: usize, left: &mut usize) -> Result<Self, Refusal> {
        *left = left.saturating_sub(1);
        if *left == 0 || depth > 2 * MAX_DEPTH {
            return Err(Refusal::at(
                tree.node(id).start,
                "aliases stand for too many values",
            ));
        }
        let id = tree.resolved(id);
        Ok(match &tree.node(id).content {
            Content::Scalar(text, style) => Self::scalar(text, *style),
            Content::List { items, .. } => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    list.push(Item {
                        origin: Some(index),
                        wish: Self::read(tree, *item, depth + 1, left)?,
                    });
                }
                Self::List(list)
            }
            Content::Map { entries, .. } => {
                let mut map = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let name = tree.scalar(*key).ok_or_else(|| {
                        Refusal::at(tree.node(*key).start, "a key of this map is not text")
                    })?;
                    map.push((name.to_owned(), Self::read(tree, *value, depth + 1, left)?));
                }
                Self::Map(map)
            }
            Content::Alias(_) => {
                return Err(Refusal::at(tree.node(id).start, "an alias leads nowhere"));
            }
        })
    }

    pub(super) fn scalar(text: &str, style: Style) -> Self {
        if style != Style::Plain {
            return Self::text(text);
        }
        match resolve(text) {
            Scalar::Null => Self::Null,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Integer(value) => Self::Integer(value),
            Scalar::Unsigned(value) => Self::Unsigned(value),
            Scalar::Float(value) => Self::Float(value),
            Scalar::Text => Self::text(text),
        }
    }

    /// The value of something that serialises, its fields in the order of their declaration.
    pub(super) fn from_value(value: &serde_yaml::Value) -> Self {
        use serde_yaml::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => number
                .as_i64()
                .map(Self::Integer)
                .or_else(|| number.as_u64().map(Self::Unsigned))
                .or_else(|| number.as_f64().map(Self::Float))
                .unwrap_or(Self::Null),
            Value::String(text) => Self::text(text),
            Value::Sequence(items) => Self::List(
                items
                    .iter()
                    .map(|v| Item::fresh(Self::from_value(v)))
                    .collect(),
            ),
            Value::Mapping(map) => Self::Map(
                map.iter()
                    .filter_map(|(k, v)| Some((k.as_str()?.to_owned(), Self::from_value(v))))
                    .collect(),
            ),
            Value::Tagged(tagged) => Self::from_value(&tagged.value),
        }
    }

    /// Whether it is neither a list nor a map.
    pub(super) const fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }

    /// Whether it is a list or map without anything in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match self {
            Self::Map(entries) => entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Sets a key of a map; what is no map becomes one.
    pub(super) fn set(&mut self, key: &str, value: Self) {
        if let Some(old) = self.get_mut(key) {
            *old = value;
            return;
        }
        match self {
            Self::Map(entries) => entries.push((key.to_owned(), value)),
            other => *other = Self::Map(vec![(key.to_owned(), value)]),
        }
    }

    /// Takes a key out of a map; says whether it was there.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        match self {
            Self::Map(entries) => {
                let before = entries.len();
                entries.retain(|(k, _)| k != key);
                entries.len() < before
            }
            _ => false,
        }
    }

    /// The map at a key, made where there is none or null.
    pub(super) fn map_at(&mut self, key: &str) -> &mut Self {
        self.at(key, Self::Map(Vec::new()))
    }

    /// The list at a key, made where there is none or null.
    pub(super) fn list_at(&mut self, key: &str) -> &mut Self {
        self.at(key, Self::List(Vec::new()))
    }

    fn at(&mut self, key: &str, empty: Self) -> &mut Self {
        if matches!(self.get(key), None | Some(Self::Null)) {
            self.set(key, empty);
        }
        // The key was set just now, so the fallback is never taken.
        match self {
            Self::Map(entries) => {
                let position = entries.iter().position(|(k, _)| k == key).unwrap_or(0);
                &mut entries[position].1
            }
            other => other,
        }
    }
}

impl Wish {
    /// Does something with the map at a key, if there is a map.
    pub(super) fn map_at_if_map(&mut self, key: &str, act: impl FnOnce(&mut Self) -> bool) -> bool {
        match self.get_mut(key) {
            Some(map @ Self::Map(_)) => act(map),
            _ => false,
        }
    }
}
