//! Scalars as text: plain where that is safe for every YAML reader, else in quotes; always in double quotes in JSON.

use super::wish::Wish;
use crate::manifests::yaml::{Scalar, Style, resolve};

/// Where a scalar is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The file is JSON.
    pub json: bool,
    /// Inside brackets or braces.
    pub flow: bool,
    /// How the scalar before it, or its neighbour, was written.
    pub like: Option<Style>,
}

/// Writes a scalar. Lists and maps are none and read as null.
pub(super) fn scalar(wish: &Wish, spot: Spot) -> String {
    match wish {
        Wish::Bool(value) => value.to_string(),
        Wish::Integer(value) => value.to_string(),
        Wish::Unsigned(value) => value.to_string(),
        Wish::Float(value) => format!("{value:?}"),
        Wish::Text(text) => quoted(text, spot),
        Wish::Null | Wish::List(_) | Wish::Map(_) => "null".to_owned(),
    }
}

/// An image in place of another one, with the quotes that stood there.
pub(in crate::manifests) fn image_text(image: &str, like: Style) -> String {
    let spot = Spot {
        json: false,
        flow: true,
        like: Some(like),
    };
    quoted(image, spot)
}

/// Writes text.
pub(super) fn quoted(text: &str, spot: Spot) -> String {
    let single_fits = !text.is_empty() && text.chars().all(is_simple);
    if spot.json || !single_fits {
        return double(text);
    }
    match spot.like {
        Some(Style::DoubleQuoted) => double(text),
        Some(Style::SingleQuoted) => single(text),
        _ if is_plain_safe(text, spot.flow) => text.to_owned(),
        // JSON within YAML stays readable in single quotes.
        _ if text.contains('"') => single(text),
        _ => double(text),
    }
}

fn is_simple(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}')
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// JSON's string syntax, which is also YAML's double-quoted one.
fn double(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether text without quotes is text to every reader, YAML 1.1 ones included.
fn is_plain_safe(text: &str, flow: bool) -> bool {
    let first_safe = text.chars().next().is_some_and(|c| {
        c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '$' | '^' | '(' | ';')
    });
    // In brackets some readers take `:?` for a key.
    let flow_safe = !flow || !text.contains([',', '[', ']', '{', '}', '?']);
    first_safe
        && flow_safe
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && resolve(text) == Scalar::Text
        && !looks_like_something_else(text)
}

/// Words and numbers that older readers take for booleans, numbers, times or dates.
fn looks_like_something_else(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    let old_word = matches!(
        word.as_str(),
        "y" | "n" | "yes" | "no" | "on" | "off" | "null" | "true" | "false" | "---" | "..."
    );
    let numeric = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_digit() || b == b'.')
        && text.bytes().all(|b| {
            b.is_ascii_hexdigit()
                || matches!(
                    b,
                    b'.' | b':' | b'-' | b'+' | b'_' | b'T' | b'Z' | b'x' | b'o'
                )
        });
    old_word || numeric
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Spot = Spot {
        json: false,
        flow: false,
        like: None,
    };

    #[test]
    fn text_is_quoted_only_where_a_reader_could_take_it_for_something_else() {
        for (text, written) in [
            ("latest-dev", "latest-dev"),
            ("registry.example/a/b:1.2", "registry.example/a/b:1.2"),
            ("a@sha256:00ff", "a@sha256:00ff"),
            ("sha256:0e1", "sha256:0e1"),
            ("25.0", "\"25.0\""),
            ("1.2.3", "\"1.2.3\""),
            ("1e3", "\"1e3\""),
            ("012", "\"012\""),
            ("12:30", "\"12:30\""),
            ("0x1F", "\"0x1F\""),
            ("2026-01-02T03:04:05Z", "\"2026-01-02T03:04:05Z\""),
            ("yes", "\"yes\""),
            ("Null", "\"Null\""),
            ("~", "\"~\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("#b", "\"#b\""),
            ("- a", "\"- a\""),
            ("*a", "\"*a\""),
            ("&a", "\"&a\""),
            ("!a", "\"!a\""),
            ("%a", "\"%a\""),
            ("@a", "\"@a\""),
            ("a:", "\"a:\""),
            (" a", "\" a\""),
            ("a\nb", "\"a\\nb\""),
            ("{\"a\":1}", "'{\"a\":1}'"),
            ("{\"a\":\"it's\"}", "'{\"a\":\"it''s\"}'"),
        ] {
            assert_eq!(quoted(text, BLOCK), written);
        }
        let flow = Spot {
            flow: true,
            ..BLOCK
        };
        assert_eq!(quoted("a,b", flow), "\"a,b\"");
        let json = Spot { json: true, ..flow };
        assert_eq!(quoted("a", json), "\"a\"");
    }

    #[test]
    fn the_quotes_of_the_neighbour_are_kept() {
        let like = |like| Spot {
            like: Some(like),
            ..BLOCK
        };
        assert_eq!(quoted("a", like(Style::SingleQuoted)), "'a'");
        assert_eq!(quoted("a", like(Style::DoubleQuoted)), "\"a\"");
        assert_eq!(quoted("a\tb", like(Style::SingleQuoted)), "\"a\\tb\"");
    }

    #[test]
    fn in_brackets_a_question_mark_is_quoted() {
        let flow = Spot {
            flow: true,
            ..BLOCK
        };
        assert_eq!(quoted("a:?", flow), "\"a:?\"");
        assert_eq!(quoted("a:?", BLOCK), "a:?");
    }
}
