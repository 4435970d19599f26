//! Where something stands: from a route through a document, or from bytes, to line, column and length.

use std::ops::Range;

use super::{Content, Id, Tree, parse};
use crate::manifests::Place;

/// How much of a line is kept for showing it.
const SHOWN: usize = 200;

/// One step of a route into a document: a key of a map, or an index of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The value of this key.
    Key(String),
    /// The item with this index, from 0.
    Index(usize),
    /// The key itself instead of its value; only as the last step.
    Name(String),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<String> for Step {
    fn from(key: String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The place of a route in document `index` of a file (items of a `List` count one by one), or of the nearest value on
/// the way to it that exists. `None` where the text cannot be parsed or has no such document.
pub fn locate(text: &str, index: usize, route: &[Step]) -> Option<Place> {
    let tree = parse(text).ok()?;
    let root = *tree.documents().get(index)?;
    Some(place_of(text, &range_of(&tree, root, route)))
}

/// The bytes to underline for a route: the value, or its key where the value is empty or spans lines.
pub(crate) fn range_of(tree: &Tree<'_>, root: Id, route: &[Step]) -> Range<usize> {
    let mut here = root;
    let mut key: Option<Id> = None;
    for step in route {
        let next = match step {
            Step::Key(name) => tree.entry(here, name).map(|(k, v)| (Some(k), v)),
            Step::Index(index) => tree.items(here).get(*index).map(|item| (None, *item)),
            Step::Name(name) => match tree.entry(here, name) {
                Some((name, _)) => return tree.range(name),
                None => None,
            },
        };
        let Some((name, value)) = next else { break };
        (key, here) = (name, value);
    }
    shown(tree, here, key)
}

fn shown(tree: &Tree<'_>, id: Id, key: Option<Id>) -> Range<usize> {
    let range = tree.range(id);
    let one_line = !range.is_empty() && !tree.text[range.clone()].contains('\n');
    match (&tree.node(id).content, key) {
        _ if one_line => range,
        (_, Some(key)) => tree.range(key),
        (Content::Map { entries, .. }, None) => entries
            .first()
            .map_or(range, |(first, _)| tree.range(*first)),
        _ => range,
    }
}

/// Turns bytes of a text into a place: line and column from 1, in characters, cut at the end of the line.
pub(crate) fn place_of(text: &str, range: &Range<usize>) -> Place {
    let mut start = range.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].split('\n').next().unwrap_or("");
    let line = line.strip_suffix('\r').unwrap_or(line);
    let bare = line.trim_start_matches('\u{feff}');
    let line_end = line_start + line.len();
    let mut end = range.end.clamp(start, line_end.max(start));
    while !text.is_char_boundary(end) {
        end += 1;
    }
    Place {
        line: before.matches('\n').count() + 1,
        column: text[line_start..start]
            .trim_start_matches('\u{feff}')
            .chars()
            .count()
            + 1,
        length: text[start..end].chars().count().max(1),
        text: bare.chars().take(SHOWN).map(printable).collect(),
    }
}

fn printable(character: char) -> char {
    match character {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(steps: &[&str]) -> Vec<Step> {
        steps
            .iter()
            .map(|s| s.parse::<usize>().map_or_else(|_| (*s).into(), Step::Index))
            .collect()
    }

    fn at(text: &str, index: usize, steps: &[&str]) -> (usize, usize, usize) {
        let place = locate(text, index, &route(steps)).unwrap();
        (place.line, place.column, place.length)
    }

    #[test]
    fn a_route_leads_to_its_value_in_every_style() {
        let text = "\u{feff}# head\r\na: 1\r\nspec:\r\n  stages:\r\n  - name: dev\r\n  - {name: qa, from: [stagging]}\r\n";
        assert_eq!(at(text, 0, &["a"]), (2, 4, 1));
        assert_eq!(
            at(text, 0, &["spec", "stages", "1", "from", "0"]),
            (6, 23, 8)
        );
        assert_eq!(
            at(text, 0, &["spec", "stages", "0"]),
            (5, 5, 9),
            "an item on one line is underlined whole"
        );
        assert_eq!(
            at(text, 0, &["spec"]),
            (3, 1, 4),
            "a value over several lines is shown at its key"
        );
        let json = "{\n\t\"a\": {\n\t\t\"é\": [1, \"two\"]\n\t}\n}\n";
        assert_eq!(at(json, 0, &["a", "é", "1"]), (3, 12, 5));
    }

    #[test]
    fn documents_and_items_of_lists_are_counted_on() {
        let text = "kind: List\nitems:\n- x: 1\n- x: 2\n---\n---\nx: 3\n";
        assert_eq!(at(text, 1, &["x"]), (4, 6, 1));
        assert_eq!(at(text, 3, &["x"]), (7, 4, 1));
        assert!(locate(text, 4, &[]).is_none());
    }

    #[test]
    fn what_is_absent_is_shown_at_the_nearest_thing_that_exists() {
        let text = "a:\n  b:\n  c: {d: 1}\n";
        assert_eq!(
            at(text, 0, &["a", "b"]),
            (2, 3, 1),
            "an empty value at its key"
        );
        assert_eq!(at(text, 0, &["a", "c", "x", "y"]), (3, 6, 6));
        assert_eq!(
            locate(text, 0, &[Step::Name("a".to_owned())])
                .unwrap()
                .length,
            1
        );
        assert!(locate("a: [", 0, &[]).is_none());
    }

    #[test]
    fn lines_are_shown_bounded_and_without_control_characters() {
        let text = format!("a:\t\"{}\"\n", "x".repeat(300));
        let place = place_of(&text, &(3..8));
        assert_eq!(place.text.chars().count(), 200);
        assert!(place.text.starts_with("a: \"xx"));
        assert_eq!(place_of("a\u{7}b\n", &(0..1)).text, "a\u{fffd}b");
    }
}
