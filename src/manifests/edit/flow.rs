//! Changes of maps and lists in braces and brackets: JSON, and YAML written that way, on one line or on many.

use super::Refusal;
use super::reconcile::{Arrangement, Editor, Slot};
use super::style::indent_of;
use super::wish::{Item, Wish};
use crate::manifests::yaml::Id;

/// The bytes of one part of a collection: an entry, or an item.
#[derive(Debug, Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
}

impl Editor<'_, '_> {
    /// Makes a map in braces say what is wished. It is not empty.
    pub(super) fn flow_map(&mut self, id: Id, wished: &[(String, Wish)]) -> Result<(), Refusal> {
        let entries = self.tree.entries(id).to_vec();
        let wish_of = |key: Id| {
            let name = self.tree.scalar(key);
            wished
                .iter()
                .find(|(k, _)| Some(k.as_str()) == name)
                .map(|(_, w)| w)
        };
        let wishes: Vec<Option<&Wish>> = entries.iter().map(|(key, _)| wish_of(*key)).collect();
        let fresh: Vec<&(String, Wish)> = wished
            .iter()
            .filter(|(key, _)| self.tree.entry(id, key).is_none())
            .collect();
        if entries
            .iter()
            .any(|(key, _)| self.tree.scalar(*key) == Some("<<"))
            && (!fresh.is_empty() || wishes.iter().any(Option::is_none))
        {
            return Err(Refusal::at(
                self.tree.node(id).start,
                "this map merges another one",
            ));
        }
        for ((key, value), wish) in entries.iter().zip(&wishes) {
            if let Some(wish) = wish {
                self.value(*value, wish, Slot::Flow(*key))?;
            }
        }
        let parts: Vec<Part> = entries
            .iter()
            .map(|(key, value)| self.part(*key, *value))
            .collect();
        let gone: Vec<bool> = wishes.iter().map(Option::is_none).collect();
        if gone.iter().all(|gone| *gone) {
            return self.rewrite(id, &parts, &Wish::Map(wished.to_vec()));
        }
        self.remove_parts(&parts, &gone)?;
        let names: Vec<&str> = entries
            .iter()
            .filter_map(|(k, _)| self.tree.scalar(*k))
            .collect();
        let sorted = names.len() > 1 && names.is_sorted();
        let like_key = entries.first().map(|(key, _)| *key);
        for (key, wish) in fresh {
            let after = names.iter().position(|name| sorted && *name > key.as_str());
            let place = after.unwrap_or(names.len()).max(1) - 1;
            let indent = indent_of(self.tree.text, parts[place].start).to_owned();
            let value = if self.is_spread(id, &parts) {
                self.render.spread(wish, &indent, None)
            } else {
                self.render.flow(wish, None)
            };
            let text = format!("{}: {value}", self.render.flow_key(key, like_key));
            self.add_parts(id, &parts, &gone, Some(place), &[text])?;
        }
        Ok(())
    }

    /// Makes a list in brackets say what is wished. It is not empty.
    pub(super) fn flow_list(&mut self, id: Id, wished: &[Item]) -> Result<(), Refusal> {
        let items = self.tree.items(id).to_vec();
        let arrangement = Arrangement::of(wished);
        for (origin, wish) in &arrangement.kept {
            self.value(items[*origin], wish, Slot::Bare)?;
        }
        let parts: Vec<Part> = items.iter().map(|item| self.part(*item, *item)).collect();
        let gone: Vec<bool> = (0..items.len()).map(|i| !arrangement.keeps(i)).collect();
        if gone.iter().all(|gone| *gone) {
            return self.rewrite(id, &parts, &Wish::List(wished.to_vec()));
        }
        self.remove_parts(&parts, &gone)?;
        for (after, run) in &arrangement.fresh {
            let like = items[after.unwrap_or(0)];
            let spread = self.is_spread(id, &parts);
            let inner_spread = self.tree.text[self.tree.range(like)].contains('\n');
            let indent = indent_of(self.tree.text, self.tree.node(like).start).to_owned();
            let texts: Vec<String> = run
                .iter()
                .map(|wish| match spread && inner_spread {
                    true => self.render.spread(wish, &indent, Some(like)),
                    false => self.render.flow(wish, Some(like)),
                })
                .collect();
            self.add_parts(id, &parts, &gone, *after, &texts)?;
        }
        Ok(())
    }

    fn part(&self, first: Id, last: Id) -> Part {
        Part {
            start: self.tree.node(first).start,
            end: self.tree.node(last).end.max(self.tree.node(first).end),
        }
    }

    /// Whether each part stands on a line of its own.
    fn is_spread(&self, id: Id, parts: &[Part]) -> bool {
        let inside = self.tree.node(id).start + 1..parts[0].start;
        self.tree.text[inside].contains('\n')
    }

    /// Writes a collection of which nothing stays.
    fn rewrite(&mut self, id: Id, parts: &[Part], wish: &Wish) -> Result<(), Refusal> {
        let (start, end) = (self.tree.node(id).start, self.tree.node(id).end);
        self.no_comment(start, end)?;
        let text = if self.is_spread(id, parts) {
            self.render
                .spread(wish, indent_of(self.tree.text, start), None)
        } else {
            self.render.flow(wish, None)
        };
        self.replace(start, end, text);
        Ok(())
    }

    /// Takes out some parts, but never all.
    fn remove_parts(&mut self, parts: &[Part], gone: &[bool]) -> Result<(), Refusal> {
        let mut index = 0;
        while index < parts.len() {
            if !gone[index] {
                index += 1;
                continue;
            }
            let run = gone[index..].iter().take_while(|gone| **gone).count();
            let next = index + run;
            let (start, end) = match (parts.get(next), index.checked_sub(1)) {
                (Some(next), _) => (parts[index].start, next.start),
                (None, Some(previous)) => (parts[previous].end, parts[next - 1].end),
                (None, None) => (parts[index].start, parts[next - 1].end),
            };
            self.no_comment(start, end)?;
            self.replace(start, end, "");
            index = next;
        }
        Ok(())
    }

    fn no_comment(&self, start: usize, end: usize) -> Result<(), Refusal> {
        if self.tree.text[start..end].contains(" #") || self.tree.text[start..end].contains("\n#") {
            return Err(Refusal::at(start, "a comment would be lost"));
        }
        Ok(())
    }

    /// Adds parts behind part `after`, or in front of all.
    fn add_parts(
        &mut self,
        id: Id,
        parts: &[Part],
        gone: &[bool],
        after: Option<usize>,
        texts: &[String],
    ) -> Result<(), Refusal> {
        let text = self.tree.text;
        let next = after.map_or(0, |after| after + 1);
        let gap = if self.is_spread(id, parts) {
            let line = after.unwrap_or(0);
            format!(
                "{}{}",
                self.render.habits.newline,
                indent_of(text, parts[line].start)
            )
        } else {
            self.gap_after_comma(parts)
        };
        let last_kept = gone.iter().rposition(|gone| !gone);
        if parts.len() > next && last_kept.is_some_and(|last| last >= next) {
            let at = parts[next].start;
            self.replace(at, at, format!("{},{gap}", texts.join(&format!(",{gap}"))));
        } else {
            let Some(after) = after else {
                return Err(Refusal::at(
                    parts[0].start,
                    "everything in these brackets would change",
                ));
            };
            let at = parts[after].end;
            self.replace(at, at, format!(",{gap}{}", texts.join(&format!(",{gap}"))));
        }
        Ok(())
    }

    /// What stands behind the commas on one line.
    fn gap_after_comma(&self, parts: &[Part]) -> String {
        let between = parts
            .windows(2)
            .map(|pair| &self.tree.text[pair[0].end..pair[1].start])
            .find_map(|between| between.trim_start().strip_prefix(','));
        match between {
            Some(gap) if gap.trim().is_empty() && !gap.contains('\n') => gap.to_owned(),
            _ => " ".to_owned(),
        }
    }
}
