//! Text to tree. Stops at the first thing that is no YAML, too deep, or said twice.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::Range;

use serde_saphyr::granit_parser::{
    ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle,
};

use super::{Content, Id, MAX_BYTES, MAX_DEPTH, Node, Tree};

/// Why a text gives no tree, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// The bytes it is about.
    pub at: Range<usize>,
    /// What is wrong.
    pub limit: Limit,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It is no YAML; the parser's words.
    Grammar(String),
    /// A key is said twice in one map.
    DuplicateKey(String),
    /// Larger than we read.
    TooLarge,
    /// Deeper than we follow.
    TooDeep,
}

/// Parses a text (YAML, or JSON, which is YAML here: tabs included).
pub(crate) fn parse(text: &str) -> Result<Tree<'_>, SyntaxError> {
    if text.len() > MAX_BYTES {
        return Err(SyntaxError {
            at: 0..0,
            limit: Limit::TooLarge,
        });
    }
    let mut builder = Builder::new(text);
    let mut options = Options::default();
    options.set_emit_comments(false);
    // As libyaml reads it, so that the second opinion behind every edit agrees.
    options.block_scalar_eof_without_line_feed = true;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| refused(text, &error))?;
        builder.take(event, &span)?;
    }
    Ok(builder.tree)
}

fn refused(text: &str, error: &ScanError) -> SyntaxError {
    let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let limit = match error.kind() {
        ErrorKind::RecursionLimitExceeded => Limit::TooDeep,
        _ => Limit::Grammar(error.info().trim_end_matches('.').to_lowercase()),
    };
    SyntaxError { at: at..at, limit }
}

/// An open collection and, in a map, the key that waits for its value.
struct Open {
    id: Id,
    key: Option<Id>,
}

struct Builder<'t> {
    tree: Tree<'t>,
    open: Vec<Open>,
    anchors: HashMap<usize, Id>,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            tree: Tree {
                text,
                nodes: Vec::with_capacity(text.len() / 16),
                roots: Vec::new(),
            },
            open: Vec::new(),
            anchors: HashMap::new(),
        }
    }

    fn take(&mut self, event: Event<'t>, span: &Span) -> Result<(), SyntaxError> {
        let range = span.byte_range().unwrap_or(0..0);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let range = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => self.block_text(range),
                    _ => range,
                };
                let content = Content::Scalar(text, style);
                self.add(content, range, anchor, tag.is_some());
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied().unwrap_or(0);
                self.add(Content::Alias(target), range, 0, false);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let content = Content::List {
                    flow: style == StructureStyle::Flow,
                    items: Vec::new(),
                };
                let id = self.add(content, range, anchor, tag.is_some());
                self.enter(id)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let content = Content::Map {
                    flow: style == StructureStyle::Flow,
                    entries: Vec::new(),
                };
                let id = self.add(content, range, anchor, tag.is_some());
                self.enter(id)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(&range)?,
            _ => {}
        }
        Ok(())
    }

    /// The lines of a block scalar alone: the scanner counts comments behind it in.
    fn block_text(&self, range: Range<usize>) -> Range<usize> {
        let text = self.tree.text;
        let line = text[..range.start].rfind('\n').map_or(0, |i| i + 1);
        let column = range.start - line;
        let mut end = line;
        for line in text[line..].split_inclusive('\n') {
            let indent = line.len() - line.trim_start_matches(' ').len();
            // The scanner may stop in the middle of the line that ended the text.
            if end >= range.end || (indent < column && !line.trim().is_empty()) {
                break;
            }
            end += line.len();
        }
        range.start..end.clamp(range.start, text.len())
    }

    fn enter(&mut self, id: Id) -> Result<(), SyntaxError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(SyntaxError {
                at: self.tree.range(id),
                limit: Limit::TooDeep,
            });
        }
        self.open.push(Open { id, key: None });
        Ok(())
    }

    fn add(
        &mut self,
        content: Content<'t>,
        range: Range<usize>,
        anchor: usize,
        tagged: bool,
    ) -> Id {
        let id = self.tree.nodes.len();
        self.tree.nodes.push(Node {
            start: range.start,
            end: range.end,
            content,
            decorated: anchor != 0 || tagged,
            filled: false,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        match self.open.last_mut() {
            None => self.tree.roots.push(id),
            Some(open) => match &mut self.tree.nodes[open.id].content {
                Content::List { items, .. } => items.push(id),
                Content::Map { entries, .. } => match open.key.take() {
                    None => open.key = Some(id),
                    Some(key) => entries.push((key, id)),
                },
                _ => {}
            },
        }
        id
    }

    fn leave(&mut self, end: &Range<usize>) -> Result<(), SyntaxError> {
        let Some(Open { id, .. }) = self.open.pop() else {
            return Ok(());
        };
        let last = match &self.tree.nodes[id].content {
            Content::List { flow: false, items } => items.last().copied(),
            Content::Map {
                flow: false,
                entries,
            } => entries.last().map(|(key, value)| {
                // An empty value has no bytes of its own: then the entry ends where its key does.
                if self.tree.nodes[*value].end > self.tree.nodes[*key].end {
                    *value
                } else {
                    *key
                }
            }),
            _ => None,
        };
        // A block collection ends with its last child; what the scanner calls its end lies behind blank lines.
        self.tree.nodes[id].end = match last {
            Some(last) => self.tree.nodes[last].end.max(self.tree.nodes[id].start),
            None => end.end,
        };
        self.refuse_lost_keys(id)?;
        self.refuse_duplicates(id)
    }

    /// A colon without a key before it: libyaml, and with it nearly everybody else, reads no such map.
    fn refuse_lost_keys(&self, id: Id) -> Result<(), SyntaxError> {
        let Content::Map { entries, .. } = &self.tree.nodes[id].content else {
            return Ok(());
        };
        let mut keys = entries.iter().map(|(key, _)| *key);
        let lost = keys.find(|key| self.tree.range(*key).is_empty());
        match lost {
            Some(key) => Err(SyntaxError {
                at: self.tree.range(key),
                limit: Limit::Grammar("a key is missing before the colon".to_owned()),
            }),
            None => Ok(()),
        }
    }

    fn refuse_duplicates(&self, id: Id) -> Result<(), SyntaxError> {
        let Content::Map { entries, .. } = &self.tree.nodes[id].content else {
            return Ok(());
        };
        let mut seen: HashSet<&str> = HashSet::new();
        let few = entries.len() <= 8;
        for (position, (key, _)) in entries.iter().enumerate() {
            let Some(text) = self.tree.scalar(*key) else {
                continue;
            };
            let twice = if few {
                entries[..position]
                    .iter()
                    .any(|(earlier, _)| self.tree.scalar(*earlier) == Some(text))
            } else {
                !seen.insert(text)
            };
            if twice {
                return Err(SyntaxError {
                    at: self.tree.range(*key),
                    limit: Limit::DuplicateKey(text.to_owned()),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> (Range<usize>, Limit) {
        let error = parse(text).unwrap_err();
        (error.at, error.limit)
    }

    #[test]
    fn values_cover_their_bytes_in_every_style() {
        let text = "\u{feff}a: 1 # x\r\nb: 'q'\r\nc:\r\n- x\r\n-   y: |\r\n      te\r\n\r\n- \r\nd: &x !t {e: \"f\"}\r\n";
        let tree = parse(text).unwrap();
        let all: Vec<&str> = (0..tree.nodes.len())
            .map(|id| &text[tree.range(id)])
            .collect();
        for bytes in ["1", "'q'", "x", "te\r\n\r\n", "{e: \"f\"}", "\"f\""] {
            assert!(all.contains(&bytes), "{bytes:?} in {all:?}");
        }
        assert_eq!(tree.nodes.iter().filter(|n| n.decorated).count(), 1);
    }

    #[test]
    fn json_with_tabs_is_read_as_it_is() {
        let text =
            "{\n\t\"a\": {\n\t\t\"b\": null,\n\t\t\"c\": [1, \"\\ud83d\\ude00\\/\"]\n\t}\n}\n";
        let tree = parse(text).unwrap();
        let a = tree.get(tree.roots[0], "a").unwrap();
        assert!(tree.is_null(tree.get(a, "b").unwrap()));
        assert_eq!(
            tree.scalar(tree.items(tree.get(a, "c").unwrap())[1]),
            Some("😀/")
        );
    }

    #[test]
    fn what_is_said_twice_too_deep_or_too_large_is_refused_with_its_place() {
        assert_eq!(
            limit("a: 1\nb: 2\na: 3\n"),
            (10..11, Limit::DuplicateKey("a".to_owned()))
        );
        let many: String = (0..20).map(|i| format!("k{i}: 1\n")).collect();
        assert!(matches!(
            limit(&format!("{many}k3: 1\n")).1,
            Limit::DuplicateKey(_)
        ));
        assert_eq!(limit(&"[".repeat(10_000)).1, Limit::TooDeep);
        let deep: String = (0..100).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
        assert_eq!(limit(&deep).1, Limit::TooDeep);
        assert_eq!(limit(&"x".repeat(MAX_BYTES + 1)).1, Limit::TooLarge);
        for text in [
            "a:\n  b: 1\n:  c:\n",
            ": 1\n",
            "- a: 1\n  : 2\n",
            "? \n: 1\n",
        ] {
            let (_, lost) = limit(text);
            let words = "a key is missing before the colon";
            assert_eq!(lost, Limit::Grammar(words.to_owned()), "{text:?}");
        }
        assert!(parse("\"\": 1\n'': 2\n").is_err(), "said twice");
        assert!(parse("{\"\": 1, a, b: }\n").is_ok());
        let (at, grammar) = limit("a: 1\nb: [1, 2\nc: 3\n");
        assert!(
            matches!(grammar, Limit::Grammar(_)) && at.start >= 8,
            "{at:?}"
        );
    }
}
