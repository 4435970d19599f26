//! From wished values to bytes: walks text and wish side by side and writes only where they differ.

use super::quote::{Spot, scalar};
use super::render::Render;
use super::style::Habits;
use super::wish::{Item, Wish};
use super::{Refusal, Splice};
use crate::manifests::yaml::{Content, Id, Style, Tree};

/// Collects the changes of one document.
pub(super) struct Editor<'a, 't> {
    pub tree: &'a Tree<'t>,
    pub render: Render<'a, 't>,
    pub splices: Vec<Splice>,
}

/// Where a value stands: behind a key, or in a list or at the top.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// Behind this key of a block map.
    Block(Id),
    /// Behind this key of a map in braces.
    Flow(Id),
    /// Anywhere else.
    Bare,
}

impl<'a, 't> Editor<'a, 't> {
    pub(super) fn new(tree: &'a Tree<'t>, root: Id) -> Self {
        let habits = Habits::of(tree, root);
        Self {
            tree,
            render: Render { tree, habits },
            splices: Vec::new(),
        }
    }

    /// Makes a document say what is wished.
    pub(super) fn document(&mut self, root: Id, wish: &Wish) -> Result<(), Refusal> {
        self.value(root, wish, Slot::Bare)
    }

    pub(super) fn replace(&mut self, start: usize, end: usize, text: impl Into<String>) {
        self.splices.push(Splice {
            start,
            end,
            text: text.into(),
        });
    }

    /// Makes one value say what is wished.
    pub(super) fn value(&mut self, id: Id, wish: &Wish, slot: Slot) -> Result<(), Refusal> {
        let node = self.tree.node(id);
        match (&node.content, wish) {
            (Content::Alias(_), wish) => {
                if Wish::of(self.tree, id)? == *wish {
                    return Ok(());
                }
                Err(Refusal::at(
                    node.start,
                    "this value is an alias of another one",
                ))
            }
            (Content::Scalar(text, style), wish) if wish.is_scalar() => {
                if Wish::scalar(text, *style) == *wish {
                    return Ok(());
                }
                self.plainly_written(id)?;
                self.scalar(id, wish, slot)
            }
            (Content::Map { flow: false, .. }, Wish::Map(wished)) => {
                self.block_map(id, wished, slot)
            }
            (
                Content::Map {
                    flow: true,
                    entries,
                },
                Wish::Map(wished),
            ) if !entries.is_empty() => self.flow_map(id, wished),
            (Content::List { flow: false, .. }, Wish::List(wished)) => {
                self.block_list(id, wished, slot)
            }
            (Content::List { flow: true, items }, Wish::List(wished)) if !items.is_empty() => {
                self.flow_list(id, wished)
            }
            (Content::List { items, .. }, Wish::List(wished))
                if items.is_empty() && wished.is_empty() =>
            {
                Ok(())
            }
            (Content::Map { entries, .. }, Wish::Map(wished))
                if entries.is_empty() && wished.is_empty() =>
            {
                Ok(())
            }
            _ if self.is_nothing(id) && !wish.is_scalar() => {
                self.plainly_written(id)?;
                self.fill(id, wish, slot)
            }
            _ => Err(Refusal::at(
                node.start,
                "this value is of another kind than expected",
            )),
        }
    }

    /// Whether a value is null or empty.
    fn is_nothing(&self, id: Id) -> bool {
        match &self.tree.node(id).content {
            Content::Map { entries, .. } => entries.is_empty(),
            Content::List { items, .. } => items.is_empty(),
            _ => self.tree.is_null(id),
        }
    }

    pub(super) fn plainly_written(&self, id: Id) -> Result<(), Refusal> {
        let node = self.tree.node(id);
        if node.decorated {
            return Err(Refusal::at(node.start, "this value has an anchor or a tag"));
        }
        Ok(())
    }

    fn scalar(&mut self, id: Id, wish: &Wish, slot: Slot) -> Result<(), Refusal> {
        let node = self.tree.node(id);
        let (start, end) = (node.start, node.end);
        let style = self.render.style(Some(id));
        let spot = Spot {
            json: self.render.habits.json,
            flow: matches!(slot, Slot::Flow(_)),
            like: style.filter(|_| !self.tree.is_null(id)),
        };
        match (style, slot) {
            (Some(Style::Literal | Style::Folded), Slot::Block(key)) => {
                let header = self.colon_after(key)?;
                let newline = self.render.habits.newline;
                let text = scalar(wish, Spot { like: None, ..spot });
                let ends_line = self.tree.text[..end].ends_with('\n');
                let tail = if ends_line { newline } else { "" };
                self.replace(header, end, format!(" {text}{tail}"));
            }
            (Some(Style::Literal | Style::Folded), _) => {
                return Err(Refusal::at(start, "this text is written as a block"));
            }
            _ if start == end => match slot {
                Slot::Block(key) | Slot::Flow(key) => {
                    let colon = self.colon_after(key)?;
                    self.replace(colon, colon, format!(" {}", scalar(wish, spot)));
                }
                Slot::Bare => return Err(Refusal::at(start, "there is no value to change")),
            },
            _ => self.replace(start, end, scalar(wish, spot)),
        }
        Ok(())
    }

    /// The byte behind the colon of a key.
    pub(super) fn colon_after(&self, key: Id) -> Result<usize, Refusal> {
        let end = self.tree.node(key).end;
        let rest = &self.tree.text[end..];
        let gap = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest[gap..].starts_with(':') {
            Ok(end + gap + 1)
        } else {
            Err(Refusal::at(end, "this key is written in an unusual way"))
        }
    }

    /// Puts a list or map where nothing stands.
    fn fill(&mut self, id: Id, wish: &Wish, slot: Slot) -> Result<(), Refusal> {
        let (start, end) = (self.tree.node(id).start, self.tree.node(id).end);
        match slot {
            Slot::Block(key) => self.fill_block(key, start, end, wish),
            Slot::Flow(key) if start == end => {
                let colon = self.colon_after(key)?;
                let text = self.render.flow(wish, None);
                self.replace(colon, colon, format!(" {text}"));
                Ok(())
            }
            Slot::Flow(key) => {
                let indent = super::style::indent_of(self.tree.text, self.tree.node(key).start);
                let text = self.render.spread(wish, indent, None);
                self.replace(start, end, text);
                Ok(())
            }
            Slot::Bare => Err(Refusal::at(start, "there is nothing to add to")),
        }
    }
}

/// Which of a list's old items stay, and where the fresh ones go: `(before this old item or at the end, fresh ones)`.
pub(super) struct Arrangement<'w> {
    /// Old index and wish of the items that stay, in order.
    pub kept: Vec<(usize, &'w Wish)>,
    /// Fresh items with the old index that the kept item before them has.
    pub fresh: Vec<(Option<usize>, Vec<&'w Wish>)>,
}

impl<'w> Arrangement<'w> {
    pub(super) fn of(wished: &'w [Item]) -> Self {
        let mut arrangement = Self {
            kept: Vec::new(),
            fresh: Vec::new(),
        };
        for item in wished {
            match item.origin {
                Some(origin) => arrangement.kept.push((origin, &item.wish)),
                None => {
                    let after = arrangement.kept.last().map(|(origin, _)| *origin);
                    match arrangement.fresh.last_mut() {
                        Some((last, run)) if *last == after => run.push(&item.wish),
                        _ => arrangement.fresh.push((after, vec![&item.wish])),
                    }
                }
            }
        }
        arrangement
    }

    pub(super) fn keeps(&self, origin: usize) -> bool {
        self.kept.iter().any(|(kept, _)| *kept == origin)
    }
}
