//! The hidden marker of a pull request: one HTML comment with ids that are looked up, never trusted.

use serde::{Deserialize, Serialize};

use crate::model::{CommitId, Name, SetId, StageKey};

const OPEN: &str = "<!-- headwater: ";
const CLOSE: &str = " -->";
/// The last line of what we write into a body: what people write below it stays.
pub const END: &str = "<!-- headwater ends here, what follows stays -->";

/// What a pull request is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Marker {
    /// What it carries.
    #[serde(flatten)]
    pub subject: Subject,
    /// Set by us before we close it ourselves, so that the closing holds nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// Who asked for it, as the record on its branch says too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The commit by which the stage came to this set the last time, where it has been there before. Closed by a person,
    /// the pull request holds the set unless the stage came to it again later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<CommitId>,
}

/// What a pull request carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// A promotion.
    Promotion {
        /// The stage entered.
        stage: StageKey,
        /// The set carried.
        set: SetId,
    },
    /// Promotions of several stages into the same environments, which go together.
    Group {
        /// The environments that each of these stages moves.
        environments: Vec<Name>,
        /// What it carries, sorted by stage; never empty.
        members: Vec<Carried>,
    },
    /// Other drift of an environment.
    Environment {
        /// The environment.
        environment: String,
        /// First eight hex digits of the sha256 of the sorted path and content pairs.
        change: String,
    },
    /// A person's act where the base takes no push. Plans leave it alone: people approve and merge it.
    Act {
        /// What was done: `rollback`, `promote`, `hold`, `unhold`.
        act: String,
        /// The stage.
        stage: StageKey,
        /// Who did it.
        by: String,
    },
    /// A person's edit of image streams. Plans leave it alone: people approve and merge it.
    Streams {
        /// The verb: `tag`, `import-image`, ...
        act: String,
        /// The streams.
        streams: Vec<String>,
        /// Who did it.
        by: String,
    },
}

/// One promotion that a pull request carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Carried {
    /// The stage entered.
    pub stage: StageKey,
    /// The set carried.
    pub set: SetId,
    /// Who asked for it, as the record on its branch says too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The commit by which the stage came to this set the last time, as [`Marker::after`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<CommitId>,
}

impl Marker {
    /// Every promotion that it carries; none for what moves no stage by a plan.
    pub fn promotions(&self) -> Vec<Carried> {
        match &self.subject {
            Subject::Promotion { stage, set } => vec![Carried {
                stage: stage.clone(),
                set: set.clone(),
                asked_by: self.asked_by.clone(),
                after: self.after.clone(),
            }],
            Subject::Group { members, .. } => members.clone(),
            Subject::Environment { .. } | Subject::Act { .. } | Subject::Streams { .. } => {
                Vec::new()
            }
        }
    }

    /// What it carries for one stage.
    pub fn carried(&self, stage: &StageKey) -> Option<Carried> {
        let mut promotions = self.promotions().into_iter();
        promotions.find(|carried| carried.stage == *stage)
    }

    /// The stages that it moves, by a plan or by a person's act.
    pub fn stages(&self) -> Vec<&StageKey> {
        match &self.subject {
            Subject::Promotion { stage, .. } | Subject::Act { stage, .. } => vec![stage],
            Subject::Group { members, .. } => members.iter().map(|m| &m.stage).collect(),
            Subject::Environment { .. } | Subject::Streams { .. } => Vec::new(),
        }
    }

    /// The marker of what is opened for the first time.
    pub const fn of(subject: Subject) -> Self {
        Self {
            subject,
            superseded: false,
            asked_by: None,
            after: None,
        }
    }

    /// The marker of a promotion.
    pub const fn promotion(stage: StageKey, set: SetId) -> Self {
        Self::of(Subject::Promotion { stage, set })
    }

    /// As a line of a pull request's body.
    pub fn to_line(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{OPEN}{json}{CLOSE}")
    }

    /// The part of a body that is not the marker.
    pub fn rest(body: &str) -> &str {
        match (Self::find(body), body.split_once('\n')) {
            (None, _) => body,
            (Some(_), Some((_, rest))) => rest,
            (Some(_), None) => "",
        }
    }

    /// A body of ours with what people wrote below the old one.
    pub fn keeping(ours: String, old: &str) -> String {
        let theirs = old.split_once(END).map_or("", |(_, theirs)| theirs);
        match theirs.trim() {
            "" => ours,
            _ => format!("{}{theirs}", ours.trim_end()),
        }
    }

    /// The marker in a body: the first well-formed one, which we always write as the first line.
    pub fn find(body: &str) -> Option<Self> {
        let line = body.lines().next()?.trim();
        serde_json::from_str(line.strip_prefix(OPEN)?.strip_suffix(CLOSE)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_reads_back_from_the_first_line_only() {
        let marker = Marker::promotion(
            "myapp/prod".parse().unwrap(),
            "a".repeat(64).parse().unwrap(),
        );
        let body = format!("{}\n\n**myapp** moves", marker.to_line());
        assert_eq!(Marker::find(&body), Some(marker.clone()));
        let again = Marker {
            after: Some("b".repeat(40).parse().unwrap()),
            ..marker.clone()
        };
        assert_eq!(Marker::find(&again.to_line()), Some(again));
        assert_eq!(
            Marker::find(&format!("quoted text\n{}", marker.to_line())),
            None
        );
        assert_eq!(Marker::find("<!-- headwater: {} -->"), None);
        assert_eq!(Marker::rest(&body), "\n**myapp** moves");
        assert_eq!(Marker::rest("no marker\nhere"), "no marker\nhere");
    }

    #[test]
    fn what_people_wrote_below_stays() {
        let keeping = |old: &str| Marker::keeping(format!("new\n{END}\n"), old);
        assert_eq!(keeping("old"), format!("new\n{END}\n"));
        assert_eq!(keeping(&format!("old\n{END}\n")), format!("new\n{END}\n"));
        assert_eq!(
            keeping(&format!("old\n{END}\n\nmine\n")),
            format!("new\n{END}\n\nmine\n")
        );
    }
}
