//! Fresh values as text, written like their neighbours: the same keys first, the same quotes, braces where they use them.

use super::quote::{Spot, quoted, scalar};
use super::style::Habits;
use super::wish::Wish;
use crate::manifests::yaml::{Content, Id, Style, Tree};

/// Writes fresh values into a document.
pub(super) struct Render<'a, 't> {
    pub tree: &'a Tree<'t>,
    pub habits: Habits,
}

impl Render<'_, '_> {
    /// How a scalar of the text is quoted.
    pub(super) fn style(&self, id: Option<Id>) -> Option<Style> {
        match self.tree.node(id?).content {
            Content::Scalar(_, style) => Some(style),
            _ => None,
        }
    }

    fn spot(&self, flow: bool, like: Option<Id>) -> Spot {
        Spot {
            json: self.habits.json,
            flow,
            like: self.style(like),
        }
    }

    fn like_key(&self, like: Option<Id>, key: &str) -> (Option<Id>, Option<Id>) {
        match like.and_then(|like| self.tree.entry(like, key)) {
            Some((key, value)) => (Some(key), Some(value)),
            None => (None, None),
        }
    }

    fn like_item(&self, like: Option<Id>) -> Option<Id> {
        like.and_then(|like| self.tree.items(like).first().copied())
    }

    /// The entries of a map in the order in which the neighbour has them.
    fn ordered<'w>(
        &self,
        entries: &'w [(String, Wish)],
        like: Option<Id>,
    ) -> Vec<&'w (String, Wish)> {
        let known = |key: &str| {
            let entries = like.map(|like| self.tree.entries(like)).unwrap_or_default();
            entries
                .iter()
                .position(|(k, _)| self.tree.scalar(*k) == Some(key))
        };
        let mut ordered: Vec<_> = entries.iter().collect();
        ordered.sort_by_key(|(key, _)| known(key).unwrap_or(usize::MAX));
        ordered
    }

    /// Whether the neighbour is written in braces or brackets on one line and holds something.
    fn is_inline(&self, like: Option<Id>) -> bool {
        like.is_some_and(|id| {
            let filled = match &self.tree.node(id).content {
                Content::Map { flow, entries } => *flow && !entries.is_empty(),
                Content::List { flow, items } => *flow && !items.is_empty(),
                _ => false,
            };
            filled && !self.tree.text[self.tree.range(id)].contains('\n')
        })
    }

    /// Lines of `key: value` in a block map whose keys stand in `column`.
    pub(super) fn entry(
        &self,
        key: &str,
        wish: &Wish,
        column: usize,
        like: Option<Id>,
    ) -> Vec<String> {
        let (like_key, like) = self.like_key(like, key);
        let key = quoted(key, self.spot(false, like_key));
        let pad = " ".repeat(column);
        if let Some(value) = self.inline(wish, like) {
            return vec![format!("{pad}{key}: {value}")];
        }
        let mut lines = vec![format!("{pad}{key}:")];
        lines.extend(self.nested(wish, column, like));
        lines
    }

    /// Lines of a map or list below a key in `column`.
    pub(super) fn nested(&self, wish: &Wish, column: usize, like: Option<Id>) -> Vec<String> {
        match wish {
            Wish::Map(entries) => self.map(entries, column + self.habits.step, like),
            Wish::List(items) => items
                .iter()
                .flat_map(|item| {
                    let column = column + self.habits.list_offset;
                    self.item(&item.wish, column, self.habits.dash, self.like_item(like))
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn map(&self, entries: &[(String, Wish)], column: usize, like: Option<Id>) -> Vec<String> {
        self.ordered(entries, like)
            .into_iter()
            .flat_map(|(key, wish)| self.entry(key, wish, column, like))
            .collect()
    }

    /// Lines of an item whose dash stands in `column`, `dash` characters before its value.
    pub(super) fn item(
        &self,
        wish: &Wish,
        column: usize,
        dash: usize,
        like: Option<Id>,
    ) -> Vec<String> {
        let lead = format!("{}-{}", " ".repeat(column), " ".repeat(dash - 1));
        match wish {
            Wish::Map(entries) if self.inline(wish, like).is_none() => {
                let mut lines = self.map(entries, column + dash, like);
                if let Some(first) = lines.first_mut() {
                    *first = format!("{lead}{}", &first[column + dash..]);
                }
                lines
            }
            _ => vec![format!("{lead}{}", self.flow(wish, like))],
        }
    }

    /// The value on one line, if that is how it is written: scalars, what is empty, and what neighbours write inline.
    fn inline(&self, wish: &Wish, like: Option<Id>) -> Option<String> {
        if wish.is_scalar() {
            Some(scalar(wish, self.spot(false, like)))
        } else if wish.is_empty() || self.is_inline(like) {
            Some(self.flow(wish, like))
        } else {
            None
        }
    }

    /// The value in braces and brackets, on one line.
    pub(super) fn flow(&self, wish: &Wish, like: Option<Id>) -> String {
        match wish {
            Wish::Map(entries) => {
                let entries: Vec<String> = self
                    .ordered(entries, like)
                    .into_iter()
                    .map(|(key, wish)| {
                        let (like_key, like) = self.like_key(like, key);
                        format!(
                            "{}: {}",
                            self.flow_key(key, like_key),
                            self.flow(wish, like)
                        )
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            Wish::List(items) => {
                let like = self.like_item(like);
                let items: Vec<String> = items
                    .iter()
                    .map(|item| self.flow(&item.wish, like))
                    .collect();
                format!("[{}]", items.join(", "))
            }
            _ => scalar(wish, self.spot(true, like)),
        }
    }

    pub(super) fn flow_key(&self, key: &str, like: Option<Id>) -> String {
        quoted(key, self.spot(true, like))
    }

    /// The value over several lines, each level indented by one unit more than `indent`, as JSON is printed.
    pub(super) fn spread(&self, wish: &Wish, indent: &str, like: Option<Id>) -> String {
        let Some(unit) = &self.habits.unit else {
            return self.flow(wish, like);
        };
        let inner = format!("{indent}{unit}");
        let newline = self.habits.newline;
        let (open, close, parts): (_, _, Vec<String>) = match wish {
            _ if wish.is_scalar() || wish.is_empty() => return self.flow(wish, like),
            Wish::Map(entries) => {
                let parts = self.ordered(entries, like).into_iter().map(|(key, wish)| {
                    let (like_key, like) = self.like_key(like, key);
                    format!(
                        "{}: {}",
                        self.flow_key(key, like_key),
                        self.spread(wish, &inner, like)
                    )
                });
                ('{', '}', parts.collect())
            }
            Wish::List(items) => {
                let like = self.like_item(like);
                let parts = items
                    .iter()
                    .map(|item| self.spread(&item.wish, &inner, like));
                ('[', ']', parts.collect())
            }
            _ => return self.flow(wish, like),
        };
        let separator = format!(",{newline}{inner}");
        format!(
            "{open}{newline}{inner}{}{newline}{indent}{close}",
            parts.join(&separator)
        )
    }
}
