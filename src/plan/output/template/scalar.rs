//! Text as one YAML scalar: when it may stand plain, and how it is quoted otherwise. Never more than one line.

use std::fmt::Write as _;

use serde_json::Value;

/// Words that some YAML reader takes for a boolean or null (YAML 1.1 and 1.2 together).
const RESERVED: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

/// Whether `text` may stand inside a plain or quoted scalar of a template as it is, wherever that is:
/// `[A-Za-z0-9][A-Za-z0-9._/@:-]*`, not ending with a colon.
pub(super) fn is_inline_safe(text: &str) -> bool {
    text.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && !text.ends_with(':')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._/@:-".contains(&b))
}

/// Whether every YAML reader takes the plain scalar `text` for a string. Errs on the side of no: numbers of all kinds,
/// dates, sexagesimals and reserved words are refused by the letters they are made of.
pub(super) fn is_plain_string(text: &str) -> bool {
    let Some(first) = text.bytes().next() else {
        return false;
    };
    if first.is_ascii_digit() || matches!(first, b'.' | b'-' | b'+') {
        let never_in_numbers = |b: u8| {
            b.is_ascii_alphabetic() && !b"abcdefABCDEFxXoOtTzZinINylYL_".contains(&b)
                || matches!(b, b'/' | b'@')
        };
        return text.bytes().any(never_in_numbers);
    }
    if matches!(first, b'~' | b'=' | b'<') {
        return false;
    }
    !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether `text` may be written plain and alone.
pub(super) fn is_plain_safe(text: &str) -> bool {
    text.len() <= 512 && is_inline_safe(text) && is_plain_string(text)
}

/// A string as a scalar: plain where that is safe, else double-quoted.
pub(super) fn string(text: &str) -> String {
    if is_plain_safe(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A string between double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    out.push_str(&escaped(text));
    out.push('"');
    out
}

/// A string as it stands between double quotes: JSON's escapes, and escapes for everything that does not print or
/// that turns the direction of writing.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c if (c as u32) <= 0xffff => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
        }
    }
    out
}

/// Whether a character may stand in YAML unescaped, is no line break and is visible as what it is.
pub(super) fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{10ffff}')
}

/// A number, boolean or null as YAML writes it; `None` for the rest.
pub(super) fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Any value as flow JSON on one line (which is YAML too).
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted(key), flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::String(text) => quoted(text),
        other => literal(other).unwrap_or_default(),
    }
}

/// A value as lines of block YAML, the first one too without indentation.
pub(super) fn block(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .flat_map(|item| hang("- ", block(item)))
            .collect(),
        Value::Object(entries) if !entries.is_empty() => entries
            .iter()
            .flat_map(|(key, value)| entry(&string(key), value))
            .collect(),
        Value::String(text) => vec![string(text)],
        other => vec![flow(other)],
    }
}

fn entry(key: &str, value: &Value) -> Vec<String> {
    let nested = match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        _ => false,
    };
    if !nested {
        return vec![format!("{key}: {}", block(value).concat())];
    }
    let mut lines = vec![format!("{key}:")];
    lines.extend(block(value).into_iter().map(|line| format!("  {line}")));
    lines
}

fn hang(mark: &str, lines: Vec<String>) -> Vec<String> {
    let mut lines = lines.into_iter();
    let mut out = vec![format!("{mark}{}", lines.next().unwrap_or_default())];
    out.extend(lines.map(|line| format!("{}{line}", " ".repeat(mark.len()))));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_reader_takes_for_something_else_is_quoted() {
        for text in [
            "",
            "yes",
            "No",
            "NULL",
            "~",
            "1",
            "1.0",
            "1e3",
            "0x1F",
            "0o17",
            "1_000",
            "12:30:45",
            "2024-01-01",
            "2001-12-14T21:59:43.10Z",
            ".5",
            ".inf",
            "-.inf",
            ".nan",
            "on",
            "a: b",
            "a #b",
            "- a",
            "a:",
            "{a}",
            "a\nb",
            "\u{1b}[31m",
            "é",
        ] {
            assert!(string(text).starts_with('"'), "{text:?}");
        }
        for text in [
            "myapp",
            "8080Mi",
            "1h",
            "quay.io/acme/app@sha256:00",
            "v1.2.3",
            "a-b",
            "100m",
            "n1",
        ] {
            assert_eq!(string(text), text);
        }
    }

    #[test]
    fn a_value_is_laid_out_in_blocks() {
        let value = serde_json::json!({"a": {"b": [1, {"c": "x", "d": []}]}, "on": "1"});
        let lines = [
            "a:",
            "  b:",
            "    - 1",
            "    - c: x",
            "      d: []",
            "\"on\": \"1\"",
        ];
        assert_eq!(block(&value), lines);
    }
}
