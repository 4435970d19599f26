//! What an act of a person did: `promote`, `rollback`, `hold`, `unhold`, in a few lines that can be read at night.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::why::WhyView;
use super::words::{counted, digest, hang, safe, version};
use super::{Frame, View};
use crate::cli::output::Style;
use crate::model::{CommitId, RepoPath, StageKey, Timestamp};
use crate::plan::report::{SetReport, StageReport, State};

/// An act and what came of it. It is its own data (`v` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Act {
    /// Version of this structure.
    pub v: u32,
    /// What was done.
    pub kind: ActKind,
    /// The stage.
    pub stage: StageKey,
    /// Why, as the person says.
    pub reason: String,
    /// What was current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<SetReport>,
    /// What is asked for or current now; of a hold or unhold the set it is about, none for the whole stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<SetReport>,
    /// Of a rollback: when `new` ran here before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Ran>,
    /// Gates that are not asked.
    pub skipped: Vec<String>,
    /// Who allows that (`environment prod: rollback`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_by: Option<String>,
    /// Whether the stage is pinned until `unhold`.
    pub pins: bool,
    /// Files it writes.
    pub files: Vec<RepoPath>,
    /// Those among them that it takes away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<RepoPath>,
    /// How many images change in outputs.
    pub images: usize,
    /// Of an unhold: how the stage stands then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// Where it was written.
    pub written: Written,
}

/// How a stage stands once an act is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// The stage.
    pub stage: StageReport,
    /// Whether what it takes next was here before.
    pub again: bool,
    /// Why the stage itself refuses that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActKind {
    /// A set was asked for.
    Promote,
    /// The stage went back.
    Rollback,
    /// The stage or a set was stopped.
    Hold,
    /// The stop was lifted.
    Unhold,
}

/// When a set ran in a stage before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    /// From when; absent where its clock never started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What brought it then: a pull request or a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Where an act was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "to")]
pub enum Written {
    /// Nowhere: `--dry-run`.
    Nowhere,
    /// Into the work tree.
    WorkTree,
    /// Into a commit of a local branch.
    Commit {
        /// The commit.
        commit: CommitId,
    },
    /// To the base.
    Pushed {
        /// The commit.
        commit: CommitId,
        /// The base branch.
        branch: String,
    },
    /// Into a pull request.
    #[serde(rename_all = "camelCase")]
    PullRequest {
        /// Its id.
        id: String,
        /// The rules and people that still stand in the way, in words.
        in_the_way: Vec<String>,
    },
    /// Nothing was written: a closed pull request was opened again.
    Reopened {
        /// Its id.
        id: String,
    },
}

impl View for Act {
    type Data = Self;

    fn text(&self, frame: &Frame) -> String {
        let lines = [
            self.what(frame),
            self.brakes(),
            self.next(frame),
            self.place(),
        ];
        let lines = lines.into_iter().filter(|line| !line.is_empty());
        lines
            .map(|line| hang("", &line, frame))
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn names(&self) -> Vec<String> {
        vec![self.stage.to_string()]
    }

    fn data(&self) -> Self {
        self.clone()
    }
}

impl Act {
    /// `keycloak/prod  25.0.3 (c1677e0162e9) -> 25.0.2 (5569a81bb311), which ran here 2 Nov - 23 Nov`
    fn what(&self, frame: &Frame) -> String {
        let stage = Style::Bold.paint(&self.stage.to_string());
        let new = self.new.as_ref().map(named);
        match self.kind {
            ActKind::Promote => {
                let new = new.unwrap_or_else(|| "the newest candidate".to_owned());
                format!(
                    "{stage}  {} asked for: {}",
                    self.moves(&new),
                    safe(&self.reason)
                )
            }
            ActKind::Rollback => {
                let new = new.unwrap_or_else(|| "nothing".to_owned());
                let ran = self
                    .ran
                    .as_ref()
                    .map_or_else(String::new, |ran| ran.words(frame));
                format!("{stage}  {}{ran}", self.moves(&new))
            }
            ActKind::Hold => {
                let what = new.map_or_else(
                    || "takes nothing".to_owned(),
                    |new| format!("does not take {new}"),
                );
                format!(
                    "{stage}  {what} until `headwater unhold {}`: {}",
                    self.stage,
                    safe(&self.reason)
                )
            }
            ActKind::Unhold => {
                let what = new.map_or_else(
                    || "moves again".to_owned(),
                    |new| format!("may take {new} again"),
                );
                format!("{stage}  {what}: {}", safe(&self.reason))
            }
        }
    }

    fn moves(&self, new: &str) -> String {
        self.old
            .as_ref()
            .map_or_else(|| new.to_owned(), |old| format!("{} -> {new}", named(old)))
    }

    /// `skipped: age, window (environment prod: rollback)     held: 25.0.3 in prod until ...`
    fn brakes(&self) -> String {
        let mut parts = Vec::new();
        if !self.skipped.is_empty() {
            let by = self
                .skipped_by
                .as_ref()
                .map_or_else(String::new, |by| format!(" ({})", safe(by)));
            parts.push(format!("skipped: {}{by}", safe(&self.skipped.join(", "))));
        }
        if self.pins {
            let (key, stage) = (&self.stage, &self.stage.stage);
            let what = match (&self.old, self.kind) {
                (Some(old), ActKind::Rollback) => format!("{} in {stage}", version(old)),
                _ => stage.to_string(),
            };
            let again = match self.kind {
                ActKind::Rollback => ", which lets it in again",
                _ => "",
            };
            parts.push(format!(
                "held: {what} until `headwater unhold {key}`{again}"
            ));
        }
        parts.join("     ")
    }

    /// `next: 1.2.3 (e59fa07b983f) to prod: every condition is open, it moves with the next run`
    fn next(&self, frame: &Frame) -> String {
        let Some(next) = &self.next else {
            return String::new();
        };
        let stage = &next.stage;
        let labels = BTreeMap::new();
        let why = WhyView {
            stage,
            imported: Vec::new(),
            labels: &labels,
            unaffected: 0,
            skippable: Vec::new(),
            can_go_back: false,
            overridden: None,
        };
        let words = why.in_a_few_words(frame);
        let words = match &stage.candidate {
            Some(set) => format!("{} to {}: {words}", named(set), stage.key.stage),
            None => format!("{} takes nothing: {words}", stage.key.stage),
        };
        let because = match stage.state {
            State::Broken | State::Held if !stage.why.is_empty() => {
                format!(" ({})", safe(&stage.why))
            }
            _ => String::new(),
        };
        let again = match (&next.refused, &stage.candidate) {
            (Some(why), Some(set)) => format!(
                "; it was here before, and {} itself refuses it ({}): `headwater hold {} --set {}` keeps it out",
                stage.key.stage,
                safe(why),
                stage.key,
                digest(&set.set)
            ),
            _ if next.again => {
                "; it was here before, and what it has shown since (soak, age) counts".to_owned()
            }
            _ => String::new(),
        };
        format!("next: {words}{because}{again}")
    }

    /// `pushed 81c02fe4 to main (3 files, 1 image). Watch: headwater why keycloak/prod`
    fn place(&self) -> String {
        let mut size = counted(self.files.len(), "file");
        if self.images > 0 {
            size.push_str(&format!(", {}", counted(self.images, "image")));
        }
        let next = format!("headwater why {}", self.stage);
        match &self.written {
            Written::Nowhere => format!("nothing written ({size} would be)"),
            Written::WorkTree => {
                format!("{}; commit and push it, or add --push", self.wrote())
            }
            Written::Commit { commit } => {
                format!("committed {} ({size}), not pushed", commit.short())
            }
            Written::Pushed { commit, branch } => {
                format!(
                    "pushed {} to {} ({size}). Watch: {next}",
                    commit.short(),
                    safe(branch)
                )
            }
            Written::PullRequest { id, in_the_way } => {
                let id = safe(id);
                let name = if super::words::is_number(&id) {
                    format!("#{id}")
                } else {
                    id
                };
                let way = match in_the_way.as_slice() {
                    [] => "it merges by itself".to_owned(),
                    way => format!("in its way: {}", safe(&way.join("; "))),
                };
                format!("proposed as {name} ({size}); {way}. Watch: {next}")
            }
            Written::Reopened { id } => {
                format!("reopened pull request {}. Watch: {next}", safe(id))
            }
        }
    }
}

impl Act {
    /// `wrote holds/a.yaml, removed holds/b.yaml`
    fn wrote(&self) -> String {
        let (removed, written): (Vec<&RepoPath>, Vec<&RepoPath>) =
            self.files.iter().partition(|f| self.removed.contains(f));
        let said = |word: &str, files: Vec<&RepoPath>| {
            let files: Vec<String> = files.into_iter().map(|f| safe(f.as_str())).collect();
            (!files.is_empty()).then(|| format!("{word} {}", files.join(", ")))
        };
        let parts = [said("wrote", written), said("removed", removed)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Ran {
    fn words(&self, frame: &Frame) -> String {
        let day = |at: Timestamp| frame.zone.day(at, frame.now);
        let when = match (self.from, self.until) {
            (Some(from), Some(until)) => format!(" {} - {}", day(from), day(until)),
            (Some(from), None) => format!(" since {}", day(from)),
            (None, Some(until)) => format!(" until {}", day(until)),
            (None, None) => String::new(),
        };
        let by = self
            .by
            .as_ref()
            .map_or_else(String::new, |by| format!(" and came by {}", safe(by)));
        format!(", which ran here{when}{by}")
    }
}

/// `25.0.3 (c1677e0162e9)`
fn named(set: &SetReport) -> String {
    let (version, digest) = (version(set), digest(&set.set));
    if version == digest {
        version
    } else {
        format!("{version} ({digest})")
    }
}
