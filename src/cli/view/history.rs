//! `history PIPELINE/STAGE`: the sets that were current in a stage, newest first, with who brought each and on which
//! evidence.

use serde::{Deserialize, Serialize};

use super::words::{counted, digest, hang, safe, told};
use super::{Frame, View};
use crate::cli::output::{Style, Table};
use crate::model::promotion::{Cause, Evidence, FromStage};
use crate::model::{CommitId, Set, SetId, StageKey, Timestamp};
use crate::plan::timeline::Whose;

/// The past of one stage.
pub struct HistoryView {
    /// The stage.
    pub stage: StageKey,
    /// Its tag.
    pub tag: String,
    /// Whether the log reaches its root; otherwise there may have been more.
    pub complete: bool,
    /// How many moves there were in all.
    pub total: usize,
    /// The commit of an edit by hand that the stage does not follow, and where it points.
    pub by_hand: Option<(CommitId, String)>,
    /// Moves, newest first.
    pub moves: Vec<Moved>,
}

/// A set that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moved {
    /// Its version as shown.
    pub version: String,
    /// The set.
    pub set: Set,
    /// Its identity.
    pub id: SetId,
    /// When its clock started; absent while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it left; absent while it is current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Timestamp>,
    /// Whether it left by a move back.
    pub left_back: bool,
    /// Whether it is held for this stage because of that.
    pub held: bool,
    /// Whose move brought it.
    pub whose: By,
    /// Whether the stage takes its sets from registries.
    pub first: bool,
    /// The commit that brought it.
    pub commit: CommitId,
    /// Author of that commit.
    pub author: String,
    /// Why it moved, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Who asked for it, as recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// Where it came from, as recorded.
    pub from: Vec<FromStage>,
    /// What the gates said, as recorded.
    pub evidence: Vec<Evidence>,
}

/// Whose move it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum By {
    /// Ours.
    Ours,
    /// A person merged a promotion of ours.
    Merged,
    /// A set that was current before came back.
    Back,
    /// A person edited the tag.
    ByHand,
}

impl From<Whose> for By {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Ours => Self::Ours,
            Whose::Merged => Self::Merged,
            Whose::Back => Self::Back,
            Whose::ByHand => Self::ByHand,
        }
    }
}

/// History as data (`v` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryData {
    /// Version of this structure.
    pub v: u32,
    /// The stage.
    pub stage: StageKey,
    /// Its tag.
    pub tag: String,
    /// Whether the log reaches its root.
    pub complete: bool,
    /// How many moves there were in all.
    pub total: usize,
    /// Moves, newest first.
    pub moves: Vec<Moved>,
}

impl View for HistoryView {
    type Data = HistoryData;

    fn text(&self, frame: &Frame) -> String {
        let mut parts = vec![self.head(frame)];
        if !self.moves.is_empty() {
            let mut table = Table::new(["SINCE", "SET", "HOW", "COMMIT", "EVIDENCE"]);
            for moved in &self.moves {
                table.row(moved.cells(frame));
            }
            parts.push(table.draw(frame.width));
        }
        if let Some((commit, to)) = &self.by_hand {
            let text = format!(
                "edited by hand in {}: points to {}, which the stage does not follow",
                commit.short(),
                safe(to)
            );
            parts.push(hang("", &Style::Yellow.paint(&text), frame));
        }
        parts.join("\n\n")
    }

    /// Commits.
    fn names(&self) -> Vec<String> {
        self.moves.iter().map(|m| m.commit.to_string()).collect()
    }

    fn data(&self) -> HistoryData {
        HistoryData {
            v: 1,
            stage: self.stage.clone(),
            tag: self.tag.clone(),
            complete: self.complete,
            total: self.total,
            moves: self.moves.clone(),
        }
    }
}

impl HistoryView {
    fn head(&self, frame: &Frame) -> String {
        let stage = Style::Bold.paint(&self.stage.to_string());
        let count = match (self.total, self.moves.len()) {
            (0, _) => "nothing was ever here".to_owned(),
            (total, shown) if shown < total => {
                format!("the last {shown} of {}", counted(total, "move"))
            }
            (total, _) => counted(total, "move"),
        };
        let cut = if self.complete {
            ""
        } else {
            "; the log of this repository is cut off, so there may have been more"
        };
        hang(
            "",
            &format!("{stage}   tag {}   {count}{cut}", safe(&self.tag)),
            frame,
        )
    }
}

impl Moved {
    fn cells(&self, frame: &Frame) -> [String; 5] {
        let since = self
            .since
            .map_or_else(|| "not yet".to_owned(), |at| frame.zone.near(at, frame.now));
        let (version, digest) = (safe(&self.version), digest(&self.set));
        let set = if version == digest {
            version
        } else {
            format!("{version}  {digest}")
        };
        let set = match self.left {
            None => Style::Bold.paint(&set),
            Some(_) => set,
        };
        [
            since,
            set,
            self.how(),
            self.commit.short().to_owned(),
            self.why(frame),
        ]
    }

    /// What happened, and by whom where that says more.
    fn how(&self) -> String {
        let author = safe(&self.author);
        let did = match (self.whose, self.cause) {
            (By::Ours, _) if self.first => "imported".to_owned(),
            (By::Ours, Some(Cause::Adopted)) => "adopted".to_owned(),
            (By::Ours, _) => "promoted".to_owned(),
            (By::Merged, _) => format!("merged by {author}"),
            (By::Back, Some(Cause::Rollback)) => format!("rolled back by {author}"),
            (By::Back, _) => format!("put back by {author}"),
            (By::ByHand, _) => format!("by hand: {author}"),
        };
        match &self.asked_by {
            Some(by) if safe(by) != author => format!("{did}, asked by {}", safe(by)),
            _ => did,
        }
    }

    fn why(&self, frame: &Frame) -> String {
        let from = self
            .from
            .iter()
            .map(|from| format!("from {} ({})", from.stage, from.commit.short()));
        let evidence = self.evidence.iter().map(|e| {
            let verdict = match e.verdict.as_str() {
                "open" => String::new(),
                other => format!(" {}", safe(other)),
            };
            format!("{}{verdict}: {}", safe(&e.gate), told(&e.detail, frame))
        });
        let left = self.left.filter(|_| self.left_back).map(|at| {
            let at = frame.zone.near(at, frame.now);
            let held = if self.held { ", and is held" } else { "" };
            format!("left by a move back {at}{held}")
        });
        let parts: Vec<String> = from.chain(evidence).chain(left).collect();
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::{Zone, style};
    use crate::model::Digest;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn moved(whose: By, cause: Option<Cause>) -> Moved {
        let stream = "default/myapp".to_owned().try_into().unwrap();
        let set = Set::new(vec![(stream, Digest::sha256(b"1"))]);
        Moved {
            version: "1.2.3".to_owned(),
            id: set.id(),
            set,
            since: Some(at("2026-01-05T09:00:00Z")),
            left: None,
            left_back: false,
            held: false,
            whose,
            first: false,
            commit: "1234567890123456789012345678901234567890".parse().unwrap(),
            author: "mara@example.com".to_owned(),
            cause,
            asked_by: None,
            from: vec![FromStage {
                commit: "2234567890123456789012345678901234567890".parse().unwrap(),
                stage: "qa".parse().unwrap(),
            }],
            evidence: vec![Evidence {
                at: at("2026-01-05T09:00:00Z"),
                detail: "2h old at 2026-01-05T08:59:00Z".to_owned(),
                gate: "age".to_owned(),
                verdict: "open".to_owned(),
            }],
        }
    }

    #[test]
    fn each_move_says_who_brought_it_and_on_which_evidence() {
        let mut back = moved(By::Back, Some(Cause::Rollback));
        back.asked_by = Some("ivo@example.com".to_owned());
        let mut gone = moved(By::Merged, Some(Cause::Promotion));
        gone.left = Some(at("2026-01-05T10:00:00Z"));
        (gone.left_back, gone.held) = (true, true);
        let view = HistoryView {
            stage: "myapp/prod".parse().unwrap(),
            tag: "prod".to_owned(),
            complete: false,
            total: 7,
            by_hand: None,
            moves: vec![back, gone],
        };
        let frame = Frame {
            width: None,
            zone: Zone::UTC,
            now: at("2026-01-05T12:00:00Z"),
            wide: false,
        };
        let text = style::render(&view.text(&frame), false).to_string();
        for part in [
            "the last 2 of 7 moves",
            "cut off",
            "rolled back by mara@example.com, asked by ivo@example.com",
            "merged by mara@example.com",
            "from qa (2234567890",
            "age: 2h old at 08:59Z",
            "left by a move back 10:00Z, and is held",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert_eq!(view.data().moves.len(), 2);
        assert_eq!(view.names().len(), 2);
    }
}
