//! Colours as invisible marks inside of text: they take no width, any text can carry them, and they become escape
//! sequences only at the writer, if at all.

use super::clean::{clean, is_unsafe};
use crate::telemetry::redact;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Important.
    Bold,
    /// Less important.
    Dim,
    /// Wrong.
    Red,
    /// Good.
    Green,
    /// Wants attention.
    Yellow,
    /// A place or a structure.
    Blue,
    /// On its way.
    Cyan,
    /// Stopped by somebody.
    Magenta,
    /// Wrong, and important.
    BoldRed,
    /// Wants attention, and is important.
    BoldYellow,
}

const ALL: [(Style, char, &str); 10] = [
    (Style::Bold, '\u{e0041}', "\u{1b}[1m"),
    (Style::Dim, '\u{e0042}', "\u{1b}[2m"),
    (Style::Red, '\u{e0043}', "\u{1b}[31m"),
    (Style::Green, '\u{e0044}', "\u{1b}[32m"),
    (Style::Yellow, '\u{e0045}', "\u{1b}[33m"),
    (Style::Blue, '\u{e0046}', "\u{1b}[34m"),
    (Style::Cyan, '\u{e0047}', "\u{1b}[36m"),
    (Style::Magenta, '\u{e0048}', "\u{1b}[35m"),
    (Style::BoldRed, '\u{e0049}', "\u{1b}[1;31m"),
    (Style::BoldYellow, '\u{e004a}', "\u{1b}[1;33m"),
];
const END: char = '\u{e007f}';
const RESET: &str = "\u{1b}[0m";

impl Style {
    /// The text in this style, made safe. Every word is marked by itself, so that tables may wrap between words; secrets
    /// go first, since marks between their words would hide them from the writer.
    pub fn paint(self, text: &str) -> String {
        let mark = ALL
            .iter()
            .find(|(style, ..)| *style == self)
            .map_or(END, |(_, mark, _)| *mark);
        let word = |word: &str| match word {
            "" => String::new(),
            word => format!("{mark}{word}{END}"),
        };
        clean(&redact(text))
            .split(' ')
            .map(word)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Text of several lines as it goes to a writer: marks become escape sequences or vanish, all else is made safe.
pub(super) fn render(text: &str, color: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut styled = false;
    for c in text.chars() {
        if c == END || c == '\n' {
            if styled {
                out.push_str(RESET);
                styled = false;
            }
            if c == '\n' {
                out.push(c);
            }
        } else if let Some((_, _, escape)) = ALL.iter().find(|(_, mark, _)| *mark == c) {
            if color {
                out.push_str(escape);
                styled = true;
            }
        } else {
            out.push(if is_unsafe(c) { '\u{fffd}' } else { c });
        }
    }
    if styled {
        out.push_str(RESET);
    }
    out
}

/// Whether a character is a mark of a style.
pub(super) fn is_mark(c: char) -> bool {
    c == END || ALL.iter().any(|(_, mark, _)| *mark == c)
}

/// Columns that text takes on a terminal; marks take none.
pub fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn painted_text_takes_the_width_of_its_words() {
        assert_eq!(width(&Style::Red.paint("two words")), 9);
        assert_eq!(width("日本"), 4);
    }

    #[test]
    fn marks_become_escapes_only_in_colour_and_end_with_the_line() {
        let text = format!("a {}\nb", Style::Red.paint("b c"));
        assert_eq!(render(&text, false), "a b c\nb");
        assert_eq!(
            render(&text, true),
            "a \u{1b}[31mb\u{1b}[0m \u{1b}[31mc\u{1b}[0m\nb"
        );
    }

    #[test]
    fn data_cannot_bring_its_own_escapes() {
        let text = Style::Green.paint("x\u{1b}[2J\u{e0043}y");
        for color in [true, false] {
            let shown = render(&text, color);
            assert!(!shown.contains("[2J") || shown.contains("\u{fffd}[2J"));
            assert!(!shown.contains("\u{1b}[31m"), "{shown:?}");
        }
        assert_eq!(render("a\u{1b}[2Jb", true), "a\u{fffd}[2Jb");
    }
}
