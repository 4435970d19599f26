//! Values into the rendered shape. The shape holds a mark wherever a value goes, so its structure is the template's
//! alone; each mark is filled in as the scalar around it demands, and what a parser must then see is written down.
//!
//! The rule, by where the value stands:
//! - alone (`key: {{x}}`, `- {{x}}`): numbers, booleans and null as such; strings plain where every YAML reader takes
//!   them for that string, else double-quoted; maps and lists as block YAML (as flow JSON within `[]` and `{}`);
//! - within plain text (`name: {{app}}-web`): as it is, if all of it is harmless; else the whole scalar is quoted. Such
//!   a scalar is always a string, and so is a key;
//! - within quotes: escaped; maps and lists as JSON;
//! - within a literal block (`|`): line by line, indented like its first line; maps and lists as YAML;
//! - within a comment: escaped, on one line.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::error::Problem;
use super::helpers::Insert;
use super::piece::{self, Piece};
use super::scalar;
use super::yaml::{Event, Item, YamlProblem, events};

/// What a parser must find in the filled text, event by event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// Exactly what the template itself says.
    Same(Event),
    /// A string from a value: plain only where it can be nothing else.
    Text(String),
    /// A number, boolean or null from a value.
    Literal(String),
    /// A collection from a value opens.
    Open { mapping: bool },
    /// A collection from a value closes.
    Close { mapping: bool },
}

impl Expected {
    /// Whether an event is what was expected.
    pub(super) fn is(&self, event: &Event) -> bool {
        match (self, event) {
            (Self::Same(expected), event) => expected == event,
            (Self::Text(expected), Event::Scalar { text, style, .. }) => {
                text == expected && (*style != ScalarStyle::Plain || scalar::is_plain_string(text))
            }
            (Self::Literal(expected), Event::Scalar { text, style, .. }) => {
                text == expected && *style == ScalarStyle::Plain
            }
            (Self::Open { mapping }, Event::Mapping { .. })
            | (Self::Close { mapping }, Event::MappingEnd) => *mapping,
            (Self::Open { mapping }, Event::Sequence { .. })
            | (Self::Close { mapping }, Event::SequenceEnd) => !*mapping,
            _ => false,
        }
    }

    fn of(value: &Value, out: &mut Vec<Self>) {
        match value {
            Value::Array(items) => {
                out.push(Self::Open { mapping: false });
                items.iter().for_each(|item| Self::of(item, out));
                out.push(Self::Close { mapping: false });
            }
            Value::Object(entries) => {
                out.push(Self::Open { mapping: true });
                for (key, value) in entries {
                    out.push(Self::Text(key.clone()));
                    Self::of(value, out);
                }
                out.push(Self::Close { mapping: true });
            }
            Value::String(text) => out.push(Self::Text(text.clone())),
            other => out.push(Self::Literal(scalar::literal(other).unwrap_or_default())),
        }
    }
}

/// A collection that is open while the shape is read.
struct Frame {
    mapping: bool,
    flow: bool,
    key_next: bool,
    key_column: usize,
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct Role {
    key: bool,
    flow: bool,
    /// Column below which a block value of this node may be laid out.
    column: usize,
}

/// The filled text and what must be found in it.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) text: String,
    pub(super) expected: Vec<Expected>,
}

/// The last shape of each output with what a parser finds in it. Applications of one template mostly differ by their
/// values alone, and then share it.
#[derive(Debug, Default)]
pub(super) struct Shapes(Mutex<BTreeMap<String, Shape>>);

type Shape = (String, Arc<[Item]>);

impl Shapes {
    /// What stands in a shape.
    pub(super) fn read(&self, output: &str, shape: &str) -> Result<Arc<[Item]>, Problem> {
        let shapes = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((text, items)) = shapes().get(output)
            && text == shape
        {
            return Ok(Arc::clone(items));
        }
        let items = events(shape, true).map_err(|problem| in_shape(output, problem))?;
        let items: Arc<[Item]> = items.into();
        let read = (shape.to_owned(), Arc::clone(&items));
        shapes().insert(output.to_owned(), read);
        Ok(items)
    }
}

/// Fills all marks of `shape`. At most `limit` bytes come out.
pub(super) fn fill(
    output: &str,
    (shape, items): (&str, &[Item]),
    inserts: &[Insert],
    limit: usize,
) -> Result<Filled, Problem> {
    let mut filler = Filler {
        output,
        shape,
        inserts,
        frames: Vec::new(),
        edits: Vec::new(),
        expected: Vec::new(),
    };
    for item in items {
        filler.item(item)?;
    }
    filler.finish(limit)
}

/// A problem of the rendered text, told with the line of the output since the template's is not known.
fn in_shape(output: &str, problem: YamlProblem) -> Problem {
    let message = format!(
        "the rendered text is not valid YAML on line {}: {}",
        problem.line,
        piece::without_marks(&problem.message)
    );
    Problem::new(output, None, message)
}

struct Filler<'f> {
    output: &'f str,
    shape: &'f str,
    inserts: &'f [Insert],
    frames: Vec<Frame>,
    edits: Vec<(std::ops::Range<usize>, String)>,
    expected: Vec<Expected>,
}

impl Filler<'_> {
    fn item(&mut self, item: &Item) -> Result<(), Problem> {
        match &item.event {
            Event::Comment => return self.comment(item),
            Event::Scalar { text, style, .. } => {
                let role = self.role(item);
                let pieces = piece::split(text, self.inserts)
                    .ok_or_else(|| self.misplaced("in this place"))?;
                if pieces.iter().any(Piece::is_insert) {
                    return self.scalar(item, *style, &pieces, role);
                }
            }
            Event::Alias(_) => {
                self.role(item);
            }
            Event::Sequence { flow, .. } | Event::Mapping { flow, .. } => {
                self.role(item);
                self.frames.push(Frame {
                    mapping: matches!(item.event, Event::Mapping { .. }),
                    flow: *flow,
                    key_next: true,
                    key_column: 0,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.frames.pop();
            }
            Event::Document | Event::DocumentEnd => {}
        }
        self.expected.push(Expected::Same(item.event.clone()));
        Ok(())
    }

    fn role(&mut self, item: &Item) -> Role {
        let Some(frame) = self.frames.last_mut() else {
            return Role {
                key: false,
                flow: false,
                column: 0,
            };
        };
        let key = frame.mapping && frame.key_next;
        if key {
            frame.key_column = item.column;
        }
        frame.key_next = !frame.key_next;
        Role {
            key,
            flow: frame.flow,
            column: frame.key_column + 2,
        }
    }

    fn misplaced(&self, place: &str) -> Problem {
        Problem::new(self.output, None, format!("a value cannot stand {place}"))
    }

    fn comment(&mut self, item: &Item) -> Result<(), Problem> {
        let raw = &self.shape[item.range.clone()];
        let pieces = piece::split(raw, self.inserts).ok_or_else(|| self.misplaced("here"))?;
        if !pieces.iter().any(Piece::is_insert) {
            return Ok(());
        }
        let text = piece::join(&pieces, |insert| {
            Ok(scalar::escaped(&piece::as_text(insert, scalar::flow)?))
        })?;
        self.edits.push((item.range.clone(), text));
        Ok(())
    }

    fn scalar(
        &mut self,
        item: &Item,
        style: ScalarStyle,
        pieces: &[Piece<'_>],
        role: Role,
    ) -> Result<(), Problem> {
        if let ([Piece::Insert(insert)], ScalarStyle::Plain) = (pieces, style) {
            return self.alone(item, insert, role);
        }
        let raw = &self.shape[item.range.clone()];
        let (written, text) = match style {
            ScalarStyle::Plain => piece::in_plain(pieces)?,
            ScalarStyle::DoubleQuoted | ScalarStyle::SingleQuoted => {
                let raw = piece::split(raw, self.inserts)
                    .filter(|raw| raw.iter().filter(|p| p.is_insert()).count() > 0)
                    .ok_or_else(|| self.misplaced("in this scalar"))?;
                piece::in_quotes(&raw, pieces, style == ScalarStyle::SingleQuoted)?
            }
            ScalarStyle::Literal | ScalarStyle::Folded => piece::in_block(
                self.margin(item),
                raw,
                pieces,
                self.inserts,
                style == ScalarStyle::Folded,
            )?,
        };
        if let Some(written) = written {
            self.edits.push((item.range.clone(), written));
            self.expected.push(Expected::Text(text));
        } else {
            // Harmless pieces go where the marks are, so that the rest keeps its line breaks.
            let raw = piece::split(raw, self.inserts).ok_or_else(|| self.misplaced("here"))?;
            let written = piece::join(&raw, |insert| piece::as_text(insert, scalar::flow))?;
            self.edits.push((item.range.clone(), written));
            self.expected.push(Expected::Text(text));
        }
        Ok(())
    }

    /// What stands before an item on its line.
    fn margin(&self, item: &Item) -> &str {
        let before = &self.shape[..item.range.start];
        &before[before.rfind('\n').map_or(0, |i| i + 1)..]
    }

    /// A value that is a whole scalar of the shape.
    fn alone(&mut self, item: &Item, insert: &Insert, role: Role) -> Result<(), Problem> {
        let value = &insert.value;
        if role.key {
            let text = piece::as_text(insert, |_| String::new())?;
            if value.is_array() || value.is_object() {
                return Err(piece::wrong(insert, "a list or a map cannot be a key"));
            }
            self.edits.push((item.range.clone(), scalar::string(&text)));
            self.expected.push(Expected::Text(text));
            return Ok(());
        }
        Expected::of(value, &mut self.expected);
        let is_single = match value {
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            _ => true,
        };
        if is_single || role.flow {
            let text = match value {
                Value::String(text) if role.flow => scalar::string(text),
                Value::String(_) => scalar::block(value).concat(),
                other => scalar::flow(other),
            };
            self.edits.push((item.range.clone(), text));
            return Ok(());
        }
        self.lay_out(item, value, role);
        Ok(())
    }

    /// A map or a list as block YAML: at its own column where it begins a line or an item, else below its key.
    fn lay_out(&mut self, item: &Item, value: &Value, role: Role) {
        let line = self.margin(item);
        let begins = line.bytes().all(|b| b == b' ' || b == b'-') && !line.starts_with("---");
        let lines = scalar::block(value);
        if begins {
            let text = lines.join(&format!("\n{}", " ".repeat(line.len())));
            self.edits.push((item.range.clone(), text));
            return;
        }
        let gap = line.len() - line.trim_end_matches(' ').len();
        let indent = format!("\n{}", " ".repeat(role.column));
        let text = lines
            .iter()
            .map(|line| format!("{indent}{line}"))
            .collect::<String>();
        let range = item.range.start - gap..item.range.end;
        self.edits.push((range, text));
    }

    fn finish(mut self, limit: usize) -> Result<Filled, Problem> {
        self.edits.sort_by_key(|(range, _)| range.start);
        let grown = self.edits.iter().map(|(_, text)| text.len()).sum::<usize>();
        if self.shape.len() + grown > limit {
            let message = "the output is larger than 1 MiB, or all outputs than 16 MiB";
            return Err(Problem::new(self.output, None, message));
        }
        let mut text = String::with_capacity(self.shape.len() + grown);
        let mut at = 0;
        for (range, written) in &self.edits {
            let between = self.shape.get(at..range.start);
            text.push_str(between.ok_or_else(|| self.misplaced("here"))?);
            text.push_str(written);
            at = range.end;
        }
        text.push_str(&self.shape[at..]);
        if text.contains(super::scan::MARKS) {
            return Err(self.misplaced("outside of keys, values and comments"));
        }
        Ok(Filled {
            text,
            expected: self.expected,
        })
    }
}
