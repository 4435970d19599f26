//! YAML as a bounded list of events with their places, and as a tree over them. What hides a second meaning (tags,
//! merge keys, duplicate keys, directives) is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use granit_parser::{Event as Raw, Parser, ScalarStyle, StructureStyle};

/// Most events that one file may hold.
const MAX_EVENTS: usize = 200_000;

/// Deepest nesting of collections.
const MAX_DEPTH: usize = 64;

/// What is wrong with a text, and on which line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlProblem {
    /// Line, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) message: String,
}

/// One event. Anchors are numbered from 1 in the order of their definition; 0 is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Document,
    DocumentEnd,
    Alias(usize),
    Scalar {
        text: String,
        style: ScalarStyle,
        anchor: usize,
    },
    Sequence {
        flow: bool,
        anchor: usize,
    },
    SequenceEnd,
    Mapping {
        flow: bool,
        anchor: usize,
    },
    MappingEnd,
    Comment,
}

/// An event and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) event: Event,
    /// Bytes of the text.
    pub(super) range: Range<usize>,
    /// Line, from 1.
    pub(super) line: usize,
    /// Column in characters, from 0.
    pub(super) column: usize,
}

/// Reads a text into events; comments only if they are asked for.
pub(super) fn events(text: &str, comments: bool) -> Result<Vec<Item>, YamlProblem> {
    let mut options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        max_buffered_comment_events: 10_000,
    };
    options.set_emit_comments(comments);
    let mut items = Vec::new();
    for parsed in Parser::new_from_str_with_options(text, options) {
        let (raw, span) = parsed.map_err(|e| YamlProblem {
            line: e.marker().line(),
            message: e.info(),
        })?;
        let line = span.start.line();
        let problem = |message: &str| YamlProblem {
            line,
            message: message.to_owned(),
        };
        if items.len() >= MAX_EVENTS {
            return Err(problem("the file holds too many values"));
        }
        let Some(event) = translated(raw).map_err(problem)? else {
            continue;
        };
        let range = span
            .byte_range()
            .filter(|range| text.get(range.clone()).is_some())
            .ok_or_else(|| problem("the place of a value is not known"))?;
        items.push(Item {
            event,
            range,
            line,
            column: span.start.col(),
        });
    }
    Ok(items)
}

fn translated(raw: Raw<'_>) -> Result<Option<Event>, &'static str> {
    const TAGGED: &str = "tags (`!name`) are not allowed; quote the value instead";
    Ok(Some(match raw {
        Raw::DocumentStart(..) => Event::Document,
        Raw::DocumentEnd => Event::DocumentEnd,
        Raw::Alias(anchor) => Event::Alias(anchor),
        Raw::Scalar(_, _, _, Some(_))
        | Raw::SequenceStart(_, _, Some(_))
        | Raw::MappingStart(_, _, Some(_)) => return Err(TAGGED),
        Raw::Scalar(text, style, anchor, None) => Event::Scalar {
            text: text.into_owned(),
            style,
            anchor,
        },
        Raw::SequenceStart(style, anchor, None) => Event::Sequence {
            flow: style == StructureStyle::Flow,
            anchor,
        },
        Raw::MappingStart(style, anchor, None) => Event::Mapping {
            flow: style == StructureStyle::Flow,
            anchor,
        },
        Raw::SequenceEnd => Event::SequenceEnd,
        Raw::MappingEnd => Event::MappingEnd,
        Raw::Comment(..) => Event::Comment,
        _ => return Ok(None),
    }))
}

/// A value of a document; scalars are named by the index of their event.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Scalar(usize),
    Sequence(Vec<usize>),
    Mapping(Vec<(usize, usize)>),
    Alias(usize),
}

/// All documents of a text as trees in one arena.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    lines: Vec<usize>,
    anchors: BTreeMap<usize, usize>,
    /// The value of each document.
    pub(super) roots: Vec<usize>,
}

impl Tree {
    /// Builds the trees. Refuses keys that are missing or no scalars, that come twice, or that merge another mapping.
    pub(super) fn build(items: &[Item]) -> Result<Self, YamlProblem> {
        let mut tree = Self::default();
        let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let done = match &item.event {
                Event::Document | Event::DocumentEnd | Event::Comment => continue,
                Event::Sequence { anchor, .. } | Event::Mapping { anchor, .. } => {
                    let id = tree.push(Node::Sequence(Vec::new()), item.line, *anchor);
                    open.push((id, Vec::new()));
                    continue;
                }
                Event::Scalar { anchor, .. } => tree.push(Node::Scalar(index), item.line, *anchor),
                Event::Alias(anchor) => tree.push(Node::Alias(*anchor), item.line, 0),
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some((id, children)) = open.pop() else {
                        continue;
                    };
                    tree.nodes[id] = if item.event == Event::SequenceEnd {
                        Node::Sequence(children)
                    } else {
                        tree.mapping(&children, items)?
                    };
                    id
                }
            };
            match open.last_mut() {
                Some((_, children)) => children.push(done),
                None => tree.roots.push(done),
            }
        }
        Ok(tree)
    }

    fn push(&mut self, node: Node, line: usize, anchor: usize) -> usize {
        let id = self.nodes.len();
        self.nodes.push(node);
        self.lines.push(line);
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn mapping(&self, children: &[usize], items: &[Item]) -> Result<Node, YamlProblem> {
        let mut seen = BTreeSet::new();
        let mut entries = Vec::with_capacity(children.len() / 2);
        for pair in children.chunks_exact(2) {
            let problem = |message: String| YamlProblem {
                line: self.lines[pair[0]],
                message,
            };
            let Node::Scalar(key) = &self.nodes[pair[0]] else {
                return Err(problem("a key must be plain text".to_owned()));
            };
            let Event::Scalar { text, style, .. } = &items[*key].event else {
                continue;
            };
            // libyaml, and with it nearly everybody else, reads no such map.
            if items[*key].range.is_empty() {
                return Err(problem("a key is missing before the colon".to_owned()));
            }
            if text == "<<" && *style == ScalarStyle::Plain {
                let message = "merge keys (`<<`) are not allowed; write the values out";
                return Err(problem(message.to_owned()));
            }
            if !seen.insert(text.as_str()) {
                return Err(problem(format!(
                    "the key `{}` comes twice",
                    shortened(text)
                )));
            }
            entries.push((pair[0], pair[1]));
        }
        Ok(Node::Mapping(entries))
    }

    /// A node with aliases followed.
    pub(super) fn node(&self, id: usize) -> Option<&Node> {
        let mut node = self.nodes.get(id)?;
        for _ in 0..MAX_DEPTH {
            let Node::Alias(anchor) = node else {
                return Some(node);
            };
            node = self.nodes.get(*self.anchors.get(anchor)?)?;
        }
        None
    }

    /// The value of a key of a mapping.
    pub(super) fn get(&self, id: usize, key: &str, items: &[Item]) -> Option<usize> {
        let Node::Mapping(entries) = self.node(id)? else {
            return None;
        };
        let is_key = |id: usize| self.scalar(id, items).is_some_and(|(_, text)| text == key);
        entries
            .iter()
            .find_map(|(k, value)| is_key(*k).then_some(*value))
    }

    /// The elements of a sequence; empty for anything else.
    pub(super) fn elements(&self, id: usize) -> &[usize] {
        match self.node(id) {
            Some(Node::Sequence(children)) => children,
            _ => &[],
        }
    }

    /// The text of a scalar and the index of its event.
    pub(super) fn scalar<'i>(&self, id: usize, items: &'i [Item]) -> Option<(usize, &'i str)> {
        let Node::Scalar(index) = self.node(id)? else {
            return None;
        };
        match &items.get(*index)?.event {
            Event::Scalar { text, .. } => Some((*index, text)),
            _ => None,
        }
    }

    /// The line on which a node begins.
    pub(super) fn line(&self, id: usize) -> usize {
        self.lines.get(id).copied().unwrap_or(1)
    }
}

/// A text cut for a message, without anything that does not print.
pub(super) fn shortened(text: &str) -> String {
    super::scalar::escaped(&text.chars().take(80).collect::<String>())
}
