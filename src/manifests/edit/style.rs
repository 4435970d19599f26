//! How a file is written: indentation, dashes, line endings, JSON or not. Fresh text is written the same way.

use crate::manifests::yaml::{Content, Id, Tree};

/// The habits of a file.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    /// Spaces by which a nested map is indented.
    pub step: usize,
    /// Spaces between a key and the dashes of its list.
    pub list_offset: usize,
    /// Characters from a dash to its item.
    pub dash: usize,
    /// Line ending.
    pub newline: &'static str,
    /// Whether the file is JSON: every text in double quotes.
    pub json: bool,
    /// What one level of JSON is indented by, if it is written over several lines.
    pub unit: Option<String>,
}

impl Default for Habits {
    /// How our own files are written.
    fn default() -> Self {
        Self {
            step: 2,
            list_offset: 2,
            dash: 2,
            newline: "\n",
            json: false,
            unit: None,
        }
    }
}

impl Habits {
    /// Learns the habits of a document.
    pub(super) fn of(tree: &Tree<'_>, root: Id) -> Self {
        let text = tree.text;
        let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
        let spec = tree.get(root, "spec");
        let tags = spec
            .and_then(|spec| tree.get(spec, "tags"))
            .or_else(|| tree.get(root, "status").and_then(|s| tree.get(s, "tags")));
        let first_tag = tags.and_then(|tags| tree.items(tags).first().copied());
        let step = [first_tag, spec, Some(root)]
            .into_iter()
            .flatten()
            .find_map(|id| step_of(tree, id))
            .unwrap_or(2);
        let mut habits = Self {
            step,
            list_offset: 0,
            dash: 2,
            newline: if crlf { "\r\n" } else { "\n" },
            json: is_json(text),
            unit: unit_of(tree, root),
        };
        let holder = spec.or_else(|| tree.get(root, "status"));
        if let (Some(holder), Some(item)) = (holder, first_tag)
            && let Some((key, _)) = tree.entry(holder, "tags")
            && let Some(dash) = dash_before(text, tree.node(item).start)
        {
            habits.list_offset =
                column(text, dash).saturating_sub(column(text, tree.node(key).start));
            habits.dash = (tree.node(item).start - dash).clamp(2, 8);
        }
        habits
    }
}

fn is_json(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// By how much the block maps in a block map are indented.
fn step_of(tree: &Tree<'_>, map: Id) -> Option<usize> {
    tree.entries(map).iter().find_map(|(key, value)| {
        let Content::Map {
            flow: false,
            entries,
        } = &tree.node(*value).content
        else {
            return None;
        };
        let inner = tree.node(entries.first()?.0).start;
        column(tree.text, inner).checked_sub(column(tree.text, tree.node(*key).start))
    })
}

/// The indentation of one level of a braced document over several lines.
fn unit_of(tree: &Tree<'_>, root: Id) -> Option<String> {
    let Content::Map {
        flow: true,
        entries,
    } = &tree.node(root).content
    else {
        return None;
    };
    let inner = indent_of(tree.text, tree.node(entries.first()?.0).start);
    let outer = indent_of(tree.text, tree.node(root).start);
    inner
        .strip_prefix(outer)
        .filter(|unit| !unit.is_empty())
        .map(str::to_owned)
}

/// Where the line of a byte begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |i| i + 1);
    // A byte order mark is no part of the first line.
    if text[start..at].starts_with('\u{feff}') {
        start + '\u{feff}'.len_utf8()
    } else {
        start
    }
}

/// Bytes between the beginning of the line and a byte.
pub(super) fn column(text: &str, at: usize) -> usize {
    at - line_start(text, at)
}

/// The white space at the beginning of the line of a byte.
pub(super) fn indent_of(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The dash of the item that begins at a byte; `None` where something else (an anchor, a comment) stands between.
pub(super) fn dash_before(text: &str, item: usize) -> Option<usize> {
    let before = text[..item].trim_end_matches([' ', '\t', '\n', '\r']);
    before.ends_with('-').then(|| before.len() - 1)
}
