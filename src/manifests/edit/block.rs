//! Changes of maps and lists that are written line by line: whole lines come and go, none is half changed.

use super::Refusal;
use super::reconcile::{Arrangement, Editor, Slot};
use super::style::{column, dash_before, line_start};
use super::wish::{Item, Wish};
use crate::manifests::yaml::{Content, Id};

impl Editor<'_, '_> {
    /// Makes a block map say what is wished.
    pub(super) fn block_map(
        &mut self,
        id: Id,
        wished: &[(String, Wish)],
        slot: Slot,
    ) -> Result<(), Refusal> {
        let entries = self.tree.entries(id).to_vec();
        let find = |key: Id| {
            let name = self.tree.scalar(key);
            wished.iter().find(|(k, _)| Some(k.as_str()) == name)
        };
        let wishes: Vec<Option<&Wish>> = entries
            .iter()
            .map(|(key, _)| find(*key).map(|(_, w)| w))
            .collect();
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
                self.value(*value, wish, Slot::Block(*key))?;
            }
        }
        let gone: Vec<bool> = wishes.iter().map(Option::is_none).collect();
        if gone.iter().all(|gone| *gone) && fresh.is_empty() {
            return self.empty(id, "{}", slot);
        }
        self.remove_entries(&entries, &gone)?;
        for (key, wish) in fresh {
            self.add_entry(&entries, &gone, (key, wish), slot)?;
        }
        Ok(())
    }

    fn add_entry(
        &mut self,
        entries: &[(Id, Id)],
        gone: &[bool],
        (key, wish): (&str, &Wish),
        slot: Slot,
    ) -> Result<(), Refusal> {
        if let Some(at) = self.before_list(entries, gone, key, slot)? {
            let lines = self
                .render
                .entry(key, wish, self.column(entries[0].0), None);
            self.insert_lines(at, &lines);
            return Ok(());
        }
        let names: Vec<&str> = entries
            .iter()
            .filter_map(|(k, _)| self.tree.scalar(*k))
            .collect();
        let sorted = names.len() > 1 && names.is_sorted();
        let place = names
            .iter()
            .position(|name| sorted && *name > key)
            .unwrap_or(names.len());
        // Not before the first entry: it may share its line with a dash, and comments above it head the whole map.
        let wanted = place.clamp(1, entries.len()) - 1;
        let kept = (0..=wanted)
            .rev()
            .chain(wanted..entries.len())
            .find(|i| !gone[*i]);
        let before = entries[kept.unwrap_or(wanted)];
        let column = self.column(entries[0].0);
        let at = self.line_after(self.entry_end(before), column);
        let lines = self.render.entry(key, wish, column, None);
        self.insert_lines(at, &lines);
        Ok(())
    }

    /// Where a map begins whose only entry is a list that the new key comes before by name (`lookupPolicy` and `tags`).
    /// Behind the list it would stand where the list grows, and Git would see a conflict with every new last item.
    fn before_list(
        &self,
        entries: &[(Id, Id)],
        gone: &[bool],
        key: &str,
        slot: Slot,
    ) -> Result<Option<usize>, Refusal> {
        let ([(name, value)], [false], Slot::Block(parent)) = (entries, gone, slot) else {
            return Ok(None);
        };
        let list = matches!(self.tree.node(*value).content, Content::List { .. });
        if !list || self.tree.scalar(*name).is_none_or(|name| name <= key) {
            return Ok(None);
        }
        let at = self.line_end(self.colon_after(parent)?);
        let first = line_start(self.tree.text, self.tree.node(*name).start);
        // A comment in between may head the whole map.
        Ok((at == first).then_some(at))
    }

    fn remove_entries(&mut self, entries: &[(Id, Id)], gone: &[bool]) -> Result<(), Refusal> {
        let column = self.column(entries[0].0);
        let first = self.tree.node(entries[0].0).start;
        let shares_line = !self.tree.text[line_start(self.tree.text, first)..first]
            .trim()
            .is_empty();
        let mut from = 0;
        if gone[0] && shares_line {
            let Some(kept) = gone.iter().position(|gone| !gone) else {
                return Err(Refusal::at(first, "nothing of this item would be left"));
            };
            let next = self.tree.node(entries[kept].0).start;
            let last = self.entry_end(entries[kept - 1]);
            if self.tree.text[self.line_after(last, column).min(next)..next].contains('#') {
                return Err(Refusal::at(
                    first,
                    "a comment stands between this entry and the next",
                ));
            }
            self.replace(first, next, "");
            from = kept;
        }
        for index in from..entries.len() {
            if gone[index] {
                let key = self.tree.node(entries[index].0).start;
                let start = self.with_heading(line_start(self.tree.text, key), column, index > 0);
                let end = self.line_after(self.entry_end(entries[index]), column);
                self.replace(start, end, "");
            }
        }
        Ok(())
    }

    /// Makes a block list say what is wished.
    pub(super) fn block_list(
        &mut self,
        id: Id,
        wished: &[Item],
        slot: Slot,
    ) -> Result<(), Refusal> {
        let items = self.tree.items(id).to_vec();
        let arrangement = Arrangement::of(wished);
        for (origin, wish) in &arrangement.kept {
            self.value(items[*origin], wish, Slot::Bare)?;
        }
        let gone: Vec<usize> = (0..items.len())
            .filter(|i| !arrangement.keeps(*i))
            .collect();
        if gone.is_empty() && arrangement.fresh.is_empty() {
            return Ok(());
        }
        if wished.is_empty() {
            return self.empty(id, "[]", slot);
        }
        let dash = self.dash(items[0])?;
        let dash_column = column(self.tree.text, dash);
        for index in &gone {
            let start = line_start(self.tree.text, self.dash(items[*index])?);
            let start = self.with_heading(start, dash_column, *index > 0);
            let end = self.line_after(self.tree.node(items[*index]).end, dash_column);
            self.replace(start, end, "");
        }
        for (after, run) in &arrangement.fresh {
            let at = match (after, slot) {
                (Some(after), _) => self.line_after(self.tree.node(items[*after]).end, dash_column),
                (None, Slot::Block(key)) => self.line_end(self.colon_after(key)?),
                (None, _) => {
                    return Err(Refusal::at(
                        dash,
                        "this list has no line of its own to begin at",
                    ));
                }
            };
            let like = after.map_or(items[0], |after| items[after]);
            let width = (self.tree.node(like).start - self.dash(like)?).clamp(2, 8);
            let lines: Vec<String> = run
                .iter()
                .flat_map(|wish| self.render.item(wish, dash_column, width, Some(like)))
                .collect();
            self.insert_lines(at, &lines);
        }
        Ok(())
    }

    /// Leaves an empty pair of brackets where a list or map was.
    fn empty(&mut self, id: Id, brackets: &str, slot: Slot) -> Result<(), Refusal> {
        let (start, end) = (self.tree.node(id).start, self.tree.node(id).end);
        let Slot::Block(key) = slot else {
            return Err(Refusal::at(start, "nothing would be left here"));
        };
        let colon = self.colon_after(key)?;
        let first = self.line_end(colon);
        let last = self.line_after(end, self.column(key));
        self.replace(colon, colon, format!(" {brackets}"));
        self.replace(first, last.max(first), "");
        Ok(())
    }

    /// Puts a list or map below a key that has none.
    pub(super) fn fill_block(
        &mut self,
        key: Id,
        start: usize,
        end: usize,
        wish: &Wish,
    ) -> Result<(), Refusal> {
        let colon = self.colon_after(key)?;
        if end > start {
            self.replace(colon, end, "");
        }
        let lines = self.render.nested(wish, self.column(key), None);
        self.insert_lines(self.line_end(end.max(colon)), &lines);
        Ok(())
    }

    fn insert_lines(&mut self, at: usize, lines: &[String]) {
        let newline = self.render.habits.newline;
        let mut text = lines.join(newline);
        // At the end of a file without a final newline the lines begin with one instead of ending with it.
        if at > 0 && !self.tree.text[..at].ends_with('\n') {
            text.insert_str(0, newline);
        } else {
            text.push_str(newline);
        }
        self.replace(at, at, text);
    }

    fn column(&self, id: Id) -> usize {
        column(self.tree.text, self.tree.node(id).start)
    }

    fn dash(&self, item: Id) -> Result<usize, Refusal> {
        let start = self.tree.node(item).start;
        dash_before(self.tree.text, start)
            .ok_or_else(|| Refusal::at(start, "this item is written in an unusual way"))
    }

    fn entry_end(&self, (key, value): (Id, Id)) -> usize {
        self.tree.node(value).end.max(self.tree.node(key).end)
    }

    /// The beginning of the line after the one on which a value ends.
    fn line_end(&self, end: usize) -> usize {
        let text = self.tree.text;
        if text[..end].ends_with('\n') {
            return end;
        }
        text[end..].find('\n').map_or(text.len(), |at| end + at + 1)
    }

    /// The same, behind comment lines that are indented deeper than `column` and so belong to the value.
    fn line_after(&self, end: usize, column: usize) -> usize {
        let text = self.tree.text;
        let mut at = self.line_end(end);
        loop {
            let line = text[at..].split_inclusive('\n').next().unwrap_or("");
            let bare = line.trim_start_matches(' ');
            if !bare.starts_with('#') || line.len() - bare.len() <= column {
                return at;
            }
            at += line.len();
        }
    }

    /// The beginning of the comment lines right above a line and in line with it, which head what stands there. Comments
    /// above a first entry head the whole list and stay.
    fn with_heading(&self, line: usize, column: usize, has_own: bool) -> usize {
        let text = self.tree.text;
        let mut start = line;
        while has_own && start > 0 {
            let above = line_start(text, start - 1);
            let comment = &text[above..start];
            let bare = comment.trim_start_matches(' ');
            if !bare.starts_with('#') || comment.len() - bare.len() != column {
                break;
            }
            start = above;
        }
        start
    }
}
