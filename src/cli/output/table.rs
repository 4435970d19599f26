//! Tables as `kubectl` lays them out: no borders, headers in capitals, fitted to the width of a terminal.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement};

use super::clean::clean_lines;
use super::style::width;
use crate::telemetry::redact;

/// Space between two columns.
const GAP: u16 = 3;
/// A column that may wrap is never squeezed below this.
const NARROWEST: usize = 16;

/// A table that is being filled.
#[derive(Debug, Clone)]
pub struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
    show_headers: bool,
}

impl Table {
    /// A table with these columns. The last one wraps if the terminal is too narrow.
    pub fn new<const N: usize>(headers: [&str; N]) -> Self {
        Self::with_columns(headers)
    }

    /// The same with columns known only at run time (one per stage).
    pub fn with_columns<T: Into<String>>(headers: impl IntoIterator<Item = T>) -> Self {
        Self {
            headers: headers.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
            right: Vec::new(),
            show_headers: true,
        }
    }

    /// Adds a row; missing cells are empty, cells too many are left out. Cells may be painted.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.headers.len(), String::new());
        self.rows.push(cells);
    }

    /// Aligns a column to the right.
    #[must_use]
    pub fn right(mut self, column: usize) -> Self {
        self.right.push(column);
        self
    }

    /// Without the line of headers.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.show_headers = false;
        self
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text; without a width nothing wraps. Trailing spaces are cut.
    pub fn draw(&self, columns: Option<usize>) -> String {
        let mut table = comfy_table::Table::new();
        table
            .force_no_tty()
            .load_style(comfy_table::presets::NOTHING);
        if self.show_headers {
            table.set_header(self.headers.iter().map(|header| Cell::new(safe(header))));
        }
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| Cell::new(safe(cell))));
        }
        table.discover_columns();
        let last = self.headers.len().saturating_sub(1);
        let squeeze = columns.filter(|columns| self.fixed_width() + NARROWEST <= *columns);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { GAP }));
            if self.right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            if index != last && squeeze.is_some() {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        if let Some(columns) = columns {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(u16::try_from(columns).unwrap_or(u16::MAX));
        }
        table.trim_fmt()
    }

    /// Columns taken by all but the last one.
    fn fixed_width(&self) -> usize {
        let last = self.headers.len().saturating_sub(1);
        let column = |index: usize| {
            let cells = self.rows.iter().map(|row| width(&row[index]));
            cells
                .chain([width(&self.headers[index])])
                .max()
                .unwrap_or(0)
                + usize::from(GAP)
        };
        (0..last).map(column).sum()
    }
}

/// A cell whose data is safe; marks of styles stay, since the writer knows what to do with them. Secrets go first, since
/// wrapping would hide them from the writer.
fn safe(cell: &str) -> String {
    redact(cell)
        .split_inclusive(super::style::is_mark)
        .map(|part| {
            let mark = part
                .chars()
                .next_back()
                .filter(|c| super::style::is_mark(*c));
            let text = &part[..part.len() - mark.map_or(0, char::len_utf8)];
            let mut text = clean_lines(text).into_owned();
            text.extend(mark);
            text
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::style::{Style, render};
    use super::*;

    fn example() -> Table {
        let mut table = Table::new(["PIPELINE", "AGE", "STATE", "WHY"]).right(1);
        table.row([
            "search".to_owned(),
            "6d".to_owned(),
            Style::Red.paint("broken"),
            "dev import: ghcr.io 401 since 13:40, next try 14:10".to_owned(),
        ]);
        table.row(["cart", "40m", "waiting", "window opens"]);
        table
    }

    #[test]
    fn a_wide_table_is_aligned_without_borders_and_trailing_space() {
        let text = render(&example().draw(None), false);
        assert_eq!(
            text,
            "PIPELINE   AGE   STATE     WHY\n\
             search      6d   broken    dev import: ghcr.io 401 since 13:40, next try 14:10\n\
             cart       40m   waiting   window opens"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_the_last_column_only() {
        let text = render(&example().draw(Some(60)), false);
        assert!(text.lines().all(|line| width(line) <= 60), "{text}");
        assert!(
            text.contains("\nsearch      6d   broken    dev import:"),
            "{text}"
        );
        assert!(text.lines().count() > 3, "{text}");
    }

    #[test]
    fn even_the_narrowest_terminal_is_respected() {
        let text = render(&example().draw(Some(30)), false);
        assert!(text.lines().all(|line| width(line) <= 30), "{text}");
    }

    #[test]
    fn cells_cannot_break_out() {
        let mut table = Table::new(["A", "B"]);
        table.row(["x\u{1b}[2J\ty", "z"]);
        let text = render(&table.draw(None), true);
        assert!(!text.contains('\u{1b}') && !text.contains('\t'), "{text:?}");
    }
}
