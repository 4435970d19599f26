//! Markdown of our pull requests as text for a terminal: tables aligned, fences in colour, the marker hidden.

use super::words::{hang, safe};
use super::{Frame, diff};
use crate::cli::output::style::width;
use crate::cli::output::{Style, Table};
use crate::plan::facts::marker::END;

/// How the hidden marker begins; it is the first line of a body.
const MARKER: &str = "<!-- headwater:";
/// Tags of the little HTML that is used, left out of the text.
const TAGS: [&str; 4] = ["<details>", "</details>", "<summary>", "</summary>"];

/// A body as text.
pub(super) fn plain(body: &str, frame: &Frame) -> String {
    let marked = body
        .lines()
        .next()
        .is_some_and(|line| line.trim().starts_with(MARKER));
    let mut lines = body.lines().skip(usize::from(marked)).peekable();
    let mut out: Vec<String> = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim() == END {
            continue;
        }
        if line.trim_start().starts_with("```") {
            let inside = lines
                .by_ref()
                .take_while(|line| !line.trim_start().starts_with("```"));
            out.extend(inside.map(|line| format!("  {}", diff::paint(line))));
        } else if line.trim_start().starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(next) = lines.next_if(|line| line.trim_start().starts_with('|')) {
                rows.push(cells(next));
            }
            out.push(table(&rows, frame));
        } else {
            let line = TAGS
                .iter()
                .fold(line.to_owned(), |line, tag| line.replace(tag, " "));
            let text = inline(&line);
            // Two empty lines are one: headings of HTML leave some.
            if !(text.is_empty() && out.last().is_none_or(String::is_empty)) {
                out.push(hang("", &text, frame));
            }
        }
    }
    out.join("\n").trim_end().to_owned()
}

/// Cells of a row; a bar behind a backslash is no border.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|');
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        if c == '|' && !escaped {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            if c == '|' {
                cell.pop();
            }
            cell.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    if cells.last().is_some_and(|cell| cell.trim().is_empty()) {
        cells.pop();
    }
    cells
}

fn table(rows: &[Vec<String>], frame: &Frame) -> String {
    let is_rule = |row: &&Vec<String>| {
        let rule = |cell: &String| cell.trim().chars().all(|c| matches!(c, '-' | ':'));
        row.iter().all(rule)
    };
    let rows: Vec<Vec<String>> = rows
        .iter()
        .filter(|row| !is_rule(row))
        .map(|row| row.iter().map(|cell| inline(cell)).collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let headers = (0..columns).map(|at| {
        rows.first()
            .and_then(|row| row.get(at))
            .cloned()
            .unwrap_or_default()
    });
    let headers: Vec<String> = headers.collect();
    let bare = headers.iter().all(|header| width(header) == 0);
    let mut table = Table::with_columns(headers);
    rows.iter().skip(1).for_each(|row| table.row(row.clone()));
    let table = if bare { table.bare() } else { table };
    let text = table.draw(frame.width.map(|width| width.saturating_sub(2)));
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// One line without markup: code and bold in colour, links with their address behind them.
fn inline(text: &str) -> String {
    let text = safe(text);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '`' => code(rest),
            '*' => bold(rest),
            '[' => link(rest),
            '\\' => escape(rest),
            _ => None,
        };
        let (shown, length) = taken.unwrap_or_else(|| (c.to_string(), c.len_utf8()));
        out.push_str(&shown);
        rest = &rest[length..];
    }
    out
}

/// Code between two equally long runs of backticks: what is shown, and how many bytes it took.
fn code(text: &str) -> Option<(String, usize)> {
    let fence = text.len() - text.trim_start_matches('`').len();
    let (fence, rest) = text.split_at(fence);
    let mut from = 0;
    loop {
        let at = from + rest.get(from..)?.find(fence)?;
        let longer = rest[at + fence.len()..].starts_with('`');
        if !longer {
            let inner = rest[..at].trim();
            return Some((Style::Cyan.paint(inner), at + 2 * fence.len()));
        }
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        from = at + run;
    }
}

fn bold(text: &str) -> Option<(String, usize)> {
    let rest = text.strip_prefix("**")?;
    let end = rest.find("**").filter(|end| *end > 0)?;
    Some((Style::Bold.paint(&rest[..end]), end + 4))
}

fn link(text: &str) -> Option<(String, usize)> {
    let end = text.find("](")?;
    let close = end + text[end..].find(')')?;
    let (name, address) = (&text[1..end], &text[end + 2..close]);
    (!name.contains('[')).then(|| (format!("{name} ({address})"), close + 1))
}

fn escape(text: &str) -> Option<(String, usize)> {
    let next = text[1..]
        .chars()
        .next()
        .filter(char::is_ascii_punctuation)?;
    Some((next.to_string(), 2))
}
