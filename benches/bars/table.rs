//! Rows, and the table that they make in the terminal and in benches/README.md.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::measure::Plan;

/// One measured thing.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// Ours.
    pub(crate) ours: String,
    /// The floor, and what it is.
    pub(crate) floor: String,
    /// Ours against the floor.
    pub(crate) ratio: String,
    /// What was promised.
    pub(crate) bar: String,
    /// Whether it was kept; `None` where nothing was promised.
    pub(crate) met: Option<bool>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            ours,
            floor,
            ratio,
            bar,
            met,
        } = self;
        let verdict = verdict(*met);
        write!(
            f,
            "| {what} | {ours} | {floor} | {ratio} | {bar} | {verdict} |"
        )
    }
}

const fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "**not met**",
        None => "",
    }
}

/// A time for people.
pub(crate) fn seconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds >= 1_000.0 {
        format!("{:.2} s", milliseconds / 1e3)
    } else if milliseconds >= 10.0 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{milliseconds:.2} ms")
    }
}

/// The whole table.
pub(crate) fn markdown(rows: &[Row], plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.is_full() {
        text += "Small numbers: this shows that the bench works and nothing else.\n\n";
    }
    text += "| what | ours | floor | ratio | bar | |\n| --- | --- | --- | --- | --- | --- |\n";
    for row in rows {
        text += &format!("{row}\n");
    }
    text
}

/// Puts the table between its marks in benches/README.md.
pub(crate) fn write(text: &str) {
    const BEGIN: &str = "<!-- table -->\n";
    const END: &str = "<!-- end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/README.md");
    let old = fs::read_to_string(&path).unwrap();
    let (before, rest) = old.split_once(BEGIN).expect("the table has its mark");
    let (_, after) = rest.split_once(END).expect("the table has its end");
    fs::write(&path, format!("{before}{BEGIN}{text}{END}{after}")).unwrap();
}
