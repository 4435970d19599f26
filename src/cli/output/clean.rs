//! Text from outside made safe for terminals: no control character, no escape sequence, no change of direction.

use std::borrow::Cow;

/// What stands in place of a character that must not be printed.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character may steer a terminal or hide what is there.
pub fn is_unsafe(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Data for one line: every unsafe character, line breaks and tabs too, replaced.
pub fn clean(text: &str) -> Cow<'_, str> {
    replace(text, is_unsafe)
}

/// Text of several lines: as [`clean`], but line breaks stay.
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    replace(text, |c| c != '\n' && is_unsafe(c))
}

fn replace(text: &str, bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.contains(&bad) {
        let clean = |c| if bad(c) { REPLACEMENT } else { c };
        Cow::Owned(text.chars().map(clean).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// JSON in which unsafe characters are escaped; nothing is lost.
pub fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        for bad in [
            "\u{1b}[31mred",
            "a\u{9b}2J",
            "a\rb",
            "a\u{8}b",
            "user\u{202e}gpj.exe",
            "a\u{2066}b",
            "a\nb",
            "a\u{200b}b",
            "a\u{e0041}b",
            "\u{1b}]0;title\u{7}",
        ] {
            assert!(!clean(bad).chars().any(is_unsafe), "{bad:?}");
        }
        assert_eq!(clean("größe ✓ 日本"), "größe ✓ 日本");
        assert_eq!(clean_lines("a\nb\tc"), "a\nb\u{fffd}c");
    }

    #[test]
    fn json_keeps_what_it_escapes() {
        let value = "a\u{202e}b\u{9b}c\u{e0041}\u{1b}";
        let json = clean_json(&serde_json::to_string(value).unwrap());
        assert!(!json.chars().any(is_unsafe), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
    }
}
