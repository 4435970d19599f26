//! Text aligned by tabs, to the byte as `oc describe` prints it: Go's tabwriter with tabs of eight columns and one column
//! of padding.

use super::clean::clean;
use super::style::width;
use crate::telemetry::redact;

/// Columns between tab stops.
const TAB: usize = 8;
/// The least space behind a cell.
const PADDING: usize = 1;

/// Lines of cells. A cell is aligned with those above and below it, as far as the lines around have that cell, too; what
/// stands last in a line is not aligned.
#[derive(Debug, Clone, Default)]
pub struct Tabbed {
    lines: Vec<Vec<String>>,
}

impl Tabbed {
    /// Adds a line. Data in it need not be cleaned: whatever could steer a terminal, a tab or a line break too, is replaced.
    pub fn line<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let safe = |cell: T| clean(&redact(cell.as_ref())).into_owned();
        self.lines.push(cells.into_iter().map(safe).collect());
    }

    /// The text, each line with its end.
    pub fn draw(&self) -> String {
        let mut text = String::new();
        self.block(0, self.lines.len(), &mut Vec::new(), &mut text);
        text
    }

    /// Draws lines whose first cells have these widths.
    fn block(&self, start: usize, end: usize, widths: &mut Vec<usize>, text: &mut String) {
        let column = widths.len();
        let has = |line: usize| line < end && column + 1 < self.lines[line].len();
        let (mut at, mut drawn) = (start, start);
        while at < end {
            if !has(at) {
                at += 1;
                continue;
            }
            self.draw_lines(drawn, at, widths, text);
            let first = at;
            let mut widest = 0;
            while has(at) {
                widest = widest.max(width(&self.lines[at][column]) + PADDING);
                at += 1;
            }
            widths.push(widest);
            self.block(first, at, widths, text);
            widths.pop();
            drawn = at;
        }
        self.draw_lines(drawn, end, widths, text);
    }

    fn draw_lines(&self, start: usize, end: usize, widths: &[usize], text: &mut String) {
        for line in &self.lines[start..end] {
            for (column, cell) in line.iter().enumerate() {
                text.push_str(cell);
                if let Some(widest) = widths.get(column) {
                    let left = widest.next_multiple_of(TAB).saturating_sub(width(cell));
                    text.extend(std::iter::repeat_n('\t', left.div_ceil(TAB)));
                }
            }
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(lines: &[&[&str]]) -> String {
        let mut tabbed = Tabbed::default();
        lines.iter().for_each(|line| tabbed.line(*line));
        tabbed.draw()
    }

    #[test]
    fn values_stand_below_each_other() {
        assert_eq!(
            drawn(&[
                &["Unique Images:", "3"],
                &["Tags:", "6"],
                &[""],
                &["x:", "y"]
            ]),
            "Unique Images:\t3\nTags:\t\t6\n\nx:\ty\n"
        );
        // A cell that fills its tab stop goes on to the next.
        assert_eq!(drawn(&[&["1234567", "x"]]), "1234567\tx\n");
        assert_eq!(
            drawn(&[&["12345678", "x"], &["1", "y"]]),
            "12345678\tx\n1\t\ty\n"
        );
    }

    #[test]
    fn only_neighbours_are_aligned_and_inner_columns_by_themselves() {
        assert_eq!(
            drawn(&[
                &["Layers:", "3.409kB", "sha256:1"],
                &["", "1.024kB", "sha256:2"],
                &["Author:", "<none>"],
            ]),
            "Layers:\t3.409kB\tsha256:1\n\t1.024kB\tsha256:2\nAuthor:\t<none>\n"
        );
        assert_eq!(
            drawn(&[&["    long reference"], &["      2 days ago", "sha256:1"]]),
            "    long reference\n      2 days ago\tsha256:1\n"
        );
    }

    #[test]
    fn data_breaks_neither_lines_nor_cells_nor_terminals() {
        assert_eq!(
            drawn(&[&["Name:", "a\nb\tc\u{1b}[2J"]]),
            "Name:\ta\u{fffd}b\u{fffd}c\u{fffd}[2J\n"
        );
        assert_eq!(drawn(&[]), "");
    }
}
