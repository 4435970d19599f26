//! A scalar of the shape cut into the template's own text and the values inserted into it, and how the pieces are put
//! together again in each style of scalar.

use super::error::Problem;
use super::helpers::Insert;
use super::scalar;
use super::scan::MARKS;
use serde_json::Value;

/// The template's text, or a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'p> {
    Text(&'p str),
    Insert(&'p Insert),
}

impl Piece<'_> {
    /// Whether the piece is a value.
    pub(super) const fn is_insert(&self) -> bool {
        matches!(self, Self::Insert(_))
    }
}

/// What is to be written instead of the whole scalar (`None`: the values just take the place of their marks), and the
/// text that the scalar then has.
pub(super) type Written = (Option<String>, String);

/// Cuts a text at its marks; `None` if a mark names no value.
pub(super) fn split<'p>(text: &'p str, inserts: &'p [Insert]) -> Option<Vec<Piece<'p>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(MARKS[0]) {
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        let (number, after) = rest[start + MARKS[0].len_utf8()..].split_once(MARKS[1])?;
        pieces.push(Piece::Insert(inserts.get(number.parse::<usize>().ok()?)?));
        rest = after;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Some(pieces)
}

/// A text with `{{...}}` where its marks are, for messages.
pub(super) fn without_marks(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(MARKS[0]) {
        out.push_str(before);
        out.push_str("{{...}}");
        rest = after.split_once(MARKS[1]).map_or("", |(_, rest)| rest);
    }
    out + rest
}

/// The pieces in a row, values as `write` says.
pub(super) fn join(
    pieces: &[Piece<'_>],
    write: impl Fn(&Insert) -> Result<String, Problem>,
) -> Result<String, Problem> {
    pieces.iter().try_fold(String::new(), |mut text, piece| {
        match piece {
            Piece::Text(own) => text.push_str(own),
            Piece::Insert(insert) => text.push_str(&write(insert)?),
        }
        Ok(text)
    })
}

/// An error at the place where a value was inserted.
pub(super) fn wrong(insert: &Insert, message: &str) -> Problem {
    let message = format!("{message} (`{}`)", scalar::escaped(&insert.what));
    Problem::new(&insert.file, Some(insert.line), message)
}

/// A value as text; maps and lists as `collection` writes them.
pub(super) fn as_text(
    insert: &Insert,
    collection: impl Fn(&Value) -> String,
) -> Result<String, Problem> {
    match &insert.value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Err(wrong(insert, "null cannot be part of a text")
            .help("give it a value, or use `default`")),
        Value::Array(_) | Value::Object(_) => Ok(collection(&insert.value)),
        other => Ok(scalar::literal(other).unwrap_or_default()),
    }
}

/// Values in the midst of a plain scalar.
pub(super) fn in_plain(pieces: &[Piece<'_>]) -> Result<Written, Problem> {
    let mut harmless = true;
    let text = join(pieces, |insert| {
        if insert.value.is_array() || insert.value.is_object() {
            let message = "a list or a map cannot be part of a plain text";
            return Err(wrong(insert, message).help("let it stand alone, or use `toJson`"));
        }
        as_text(insert, scalar::flow)
    })?;
    for piece in pieces {
        if let Piece::Insert(insert) = piece {
            harmless &= scalar::is_inline_safe(&as_text(insert, scalar::flow)?);
        }
    }
    harmless &= scalar::is_plain_string(&text);
    Ok(((!harmless).then(|| scalar::quoted(&text)), text))
}

/// Values in the midst of a quoted scalar. `raw` are the pieces as written, `pieces` those of its meaning.
pub(super) fn in_quotes(
    raw: &[Piece<'_>],
    pieces: &[Piece<'_>],
    single: bool,
) -> Result<Written, Problem> {
    let text = join(pieces, |insert| as_text(insert, Value::to_string))?;
    let several_lines = raw
        .iter()
        .any(|p| matches!(p, Piece::Text(t) if t.contains('\n')));
    let mut unusual = several_lines;
    for piece in raw {
        if let Piece::Insert(insert) = piece {
            let value = as_text(insert, Value::to_string)?;
            unusual |= single && !value.chars().all(scalar::is_printable);
        }
    }
    if unusual {
        return Ok((Some(scalar::quoted(&text)), text));
    }
    let written = join(raw, |insert| {
        let value = as_text(insert, Value::to_string)?;
        Ok(if single {
            value.replace('\'', "''")
        } else {
            scalar::escaped(&value)
        })
    })?;
    Ok((Some(written), text))
}

/// Values in the midst of a block scalar (`|` or `>`). `margin` is what stands before `raw` on its first line.
pub(super) fn in_block(
    margin: &str,
    raw: &str,
    pieces: &[Piece<'_>],
    inserts: &[Insert],
    folded: bool,
) -> Result<Written, Problem> {
    for piece in pieces {
        if let Piece::Insert(insert) = piece {
            check_block(insert, folded)?;
        }
    }
    let written = split(raw, inserts).unwrap_or_default();
    Ok((Some(in_lines(margin, &written)?), in_lines("", pieces)?))
}

fn block_text(insert: &Insert) -> Result<String, Problem> {
    let mut text = as_text(insert, |value| scalar::block(value).join("\n"))?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

fn check_block(insert: &Insert, folded: bool) -> Result<(), Problem> {
    let text = block_text(insert)?;
    let printable = |c: char| c == '\n' || c == '\t' || scalar::is_printable(c);
    let problem = if folded && text.contains('\n') {
        "a value of several lines cannot stand in a folded text (`>`)"
    } else if !text.chars().all(printable) {
        "a value with characters that do not print cannot stand in a block of text"
    } else if text.is_empty()
        || text.starts_with([' ', '\t', '\n'])
        || text.ends_with(['\n', ' ', '\t'])
    {
        "a value that is empty, or begins or ends with white space, cannot stand in a block of text"
    } else {
        return Ok(());
    };
    Err(wrong(insert, problem).help("put the text between double quotes"))
}

/// The pieces in a row, further lines of a value indented like the line on which it begins.
fn in_lines(margin: &str, pieces: &[Piece<'_>]) -> Result<String, Problem> {
    let mut text = margin.to_owned();
    for piece in pieces {
        match piece {
            Piece::Text(own) => text.push_str(own),
            Piece::Insert(insert) => {
                let line = &text[text.rfind('\n').map_or(0, |i| i + 1)..];
                let blanks = line.len() - line.trim_start_matches(' ').len();
                let indent = " ".repeat(blanks);
                for (index, line) in block_text(insert)?.split('\n').enumerate() {
                    if index > 0 {
                        text.push('\n');
                        text.push_str(if line.is_empty() { "" } else { &indent });
                    }
                    text.push_str(line);
                }
            }
        }
    }
    Ok(text.split_off(margin.len()))
}
