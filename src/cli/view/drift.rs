//! `drift`: two places side by side, what differs first.

use serde::{Deserialize, Serialize};

use super::words::{ago, counted, version_and_digest};
use super::{Frame, View};
use crate::cli::output::{Style, Table};
use crate::plan::compare::{Pair, Standing};
use crate::plan::report::SetReport;

/// Two places compared.
pub struct DriftView<'a> {
    /// The one word.
    pub left: &'a str,
    /// The other.
    pub right: &'a str,
    /// Every pipeline that has both.
    pub pairs: &'a [Pair],
    /// Whether pipelines that hold the same are shown too.
    pub all: bool,
}

/// As data (`v` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftData {
    /// Version of this structure.
    pub v: u32,
    /// The one word.
    pub left: String,
    /// The other.
    pub right: String,
    /// Every pipeline that has both, also where both hold the same.
    pub pipelines: Vec<Pair>,
}

impl DriftView<'_> {
    fn differing(&self) -> impl Iterator<Item = &Pair> {
        let pairs = self.pairs.iter();
        pairs.filter(|row| row.standing != Standing::Same)
    }
}

impl View for DriftView<'_> {
    type Data = DriftData;

    fn text(&self, frame: &Frame) -> String {
        if self.pairs.is_empty() {
            return format!("no pipeline has both {} and {}", self.left, self.right);
        }
        let same = self.pairs.len() - self.differing().count();
        let (left, right) = (self.left.to_uppercase(), self.right.to_uppercase());
        let mut table = Table::new(["PIPELINE", &left, &right, "DRIFT"]);
        let equal = self
            .pairs
            .iter()
            .filter(|row| self.all && row.standing == Standing::Same);
        for row in self.differing().chain(equal) {
            table.row([
                row.pipeline.to_string(),
                held(row.left.as_ref(), frame),
                held(row.right.as_ref(), frame),
                self.words(row.standing),
            ]);
        }
        let mut parts = Vec::new();
        if !table.is_empty() {
            parts.push(table.draw(frame.width));
        }
        if same > 0 && !self.all {
            let names = counted(same, "pipeline");
            parts.push(Style::Dim.paint(&format!("{names} with the same in both: --all")));
        }
        parts.join("\n")
    }

    fn names(&self) -> Vec<String> {
        self.differing()
            .map(|row| row.pipeline.to_string())
            .collect()
    }

    fn data(&self) -> DriftData {
        DriftData {
            v: 1,
            left: self.left.to_owned(),
            right: self.right.to_owned(),
            pipelines: self.pairs.to_vec(),
        }
    }
}

impl DriftView<'_> {
    fn words(&self, standing: Standing) -> String {
        let (left, right) = (self.left, self.right);
        match standing {
            Standing::Same => "same".to_owned(),
            Standing::Behind { sets } => {
                Style::Yellow.paint(&format!("{right} is {} behind", counted(sets, "set")))
            }
            Standing::Ahead { sets } => {
                Style::Yellow.paint(&format!("{left} is {} behind", counted(sets, "set")))
            }
            Standing::Apart => Style::Red.paint(&format!("{right} holds what {left} never had")),
            Standing::Lacks => Style::Yellow.paint(&format!("{right} holds nothing yet")),
            Standing::Only => Style::Red.paint(&format!("{left} holds nothing")),
        }
    }
}

fn held(set: Option<&SetReport>, frame: &Frame) -> String {
    match set {
        None => "-".to_owned(),
        Some(set) => {
            let since = ago(set.since, frame);
            let named = version_and_digest(set);
            format!("{named}  {}", Style::Dim.paint(&since))
        }
    }
}
