//! `pr list` and `pr show`: pull requests with what they still need.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::why::approve;
use super::words::{ago, ago_in_words, flow, hang, safe, told};
use super::{Frame, View, markdown, why_text};
use crate::cli::output::{Style, Table};
use crate::model::{CommitId, StageKey, Timestamp};
use crate::plan::facts::pull::{ApprovalFacts, PullRequestFacts, PullState};
use crate::plan::report::{Condition, StageReport, State};

/// Narrower than this, the title takes a line of its own.
const NARROW: usize = 100;

/// All pull requests of ours.
pub struct PullsView<'a> {
    /// As the forge knows them.
    pub pulls: &'a [PullRequestFacts],
    /// Every stage, for what each pull request still needs.
    pub stages: &'a [StageReport],
    /// When each was opened, by id, as far as the forge tells.
    pub opened: &'a BTreeMap<String, Timestamp>,
    /// Whether closed and merged ones are shown too.
    pub all: bool,
}

/// One pull request.
pub struct PullView<'a> {
    /// As the forge knows it.
    pub pull: &'a PullRequestFacts,
    /// Every stage.
    pub stages: &'a [StageReport],
    /// Why approvals of the present head count for nothing, by who gave them.
    pub uncounted: &'a BTreeMap<String, String>,
    /// When it was opened.
    pub opened: Option<Timestamp>,
    /// Its change as `diff::files` draws it; empty where it is not asked for.
    pub diff: String,
}

/// A pull request as data (`v` 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PullData {
    /// Version of this structure.
    pub v: u32,
    /// The forge's name for it.
    pub id: String,
    /// Title.
    pub title: String,
    /// Open, merged or closed.
    pub state: PullState,
    /// Its branch.
    pub branch: String,
    /// Head of the branch.
    pub head: CommitId,
    /// The stage it enters or is about, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<StageKey>,
    /// The stages that share it, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageKey>,
    /// When it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// The commit that merged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_as: Option<CommitId>,
    /// Who closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// Why it was closed, where the forge tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_why: Option<String>,
    /// Labels.
    pub labels: Vec<String>,
    /// Approvals of any head.
    pub approvals: Vec<ApprovalFacts>,
    /// Why approvals of the present head count for nothing, by who gave them; `pr show` alone finds that out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncounted: BTreeMap<String, String>,
    /// Conditions as they stand now.
    pub conditions: Vec<Condition>,
    /// What blocks it, in words; empty when nothing does.
    pub blocked_by: Vec<String>,
}

/// A pull request with its stage.
struct Known<'a> {
    pull: &'a PullRequestFacts,
    /// Every stage that it moves.
    stages: Vec<&'a StageReport>,
    /// Stages that it is to move and that are not there.
    gone: Vec<StageKey>,
    opened: Option<Timestamp>,
}

impl<'a> Known<'a> {
    fn of(
        pull: &'a PullRequestFacts,
        stages: &'a [StageReport],
        opened: Option<Timestamp>,
    ) -> Self {
        let mine = |stage: &&StageReport| stage.pull_request.as_ref() == Some(&pull.id);
        let promotions = pull.marker.promotions().into_iter();
        let gone = promotions.map(|carried| carried.stage);
        let gone = gone.filter(|key| stages.iter().all(|stage| stage.key != *key));
        Self {
            pull,
            stages: stages.iter().filter(mine).collect(),
            gone: gone.collect(),
            opened,
        }
    }

    /// Conditions of every stage, each with its stage where there are several. What all of them say is said once.
    fn conditions(&self) -> Vec<Condition> {
        let [first, rest @ ..] = self.stages.as_slice() else {
            return Vec::new();
        };
        if rest.is_empty() {
            return first.conditions.clone();
        }
        let shared = |condition: &&Condition| rest.iter().all(|s| s.conditions.contains(condition));
        let common = first.conditions.iter().filter(shared).cloned();
        let common: Vec<Condition> = common.collect();
        let own = self.stages.iter().flat_map(|stage| {
            let own = stage.conditions.iter().filter(|c| !common.contains(c));
            own.map(|condition| Condition {
                name: format!("{}: {}", stage.key, condition.name),
                ..condition.clone()
            })
        });
        let own: Vec<Condition> = own.collect();
        own.into_iter().chain(common).collect()
    }

    fn is_open(&self) -> bool {
        self.pull.state == PullState::Open
    }

    fn blocked_by(&self) -> Vec<String> {
        if !self.is_open() {
            return Vec::new();
        }
        let branch = self.pull.branch_facts.as_ref();
        let foreign = branch
            .and_then(|b| b.foreign.as_ref())
            .map(|why| format!("not ours any more: {why}"));
        let conflict = branch
            .is_some_and(|b| b.merged.is_none())
            .then(|| "it conflicts with the base".to_owned());
        let conditions = self.conditions();
        let shut = conditions.iter().filter(|c| !c.verdict.is_open());
        let shut = shut.map(|c| match c.kind.as_str() {
            "approvals" => "approval".to_owned(),
            _ => c.name.clone(),
        });
        let gone = self.gone.iter();
        let gone = gone.map(|key| format!("there is no stage {key} any more"));
        let branch = foreign.into_iter().chain(conflict).chain(gone);
        let mut blocked: Vec<String> = branch.chain(self.stopped()).chain(shut).collect();
        // The same act answers several rules about approvals, and the same mending several stages.
        let mut told = BTreeSet::new();
        blocked.retain(|words| told.insert(words.clone()));
        blocked
    }

    /// What stops its whole stage, as a merge would be told.
    fn stopped(&self) -> Vec<String> {
        // What somebody does beside the road is not stopped by what stops that: it may be what mends it.
        if self.pull.marker.promotions().is_empty() {
            return Vec::new();
        }
        let stages = self.stages.iter();
        let words = stages.flat_map(|stage| {
            let words = stopped(stage).into_iter();
            words.map(|why| match self.stages.len() {
                1 => why,
                _ => format!("{}: {why}", stage.key),
            })
        });
        words.collect()
    }

    /// Whether the rules of its stage cannot be read.
    fn is_lawless(&self) -> bool {
        let mut blocks = self.stages.iter().flat_map(|stage| &stage.blocks);
        blocks.any(|block| block.reason == "Invalid")
    }

    /// `0 of 1` where a rule counts them, else how many people approved the present head.
    fn approvals(&self) -> String {
        let conditions = self.conditions();
        let rules = conditions.iter().filter(|c| c.kind == "approvals");
        let rules = rules.map(|c| super::words::approved(c).unwrap_or_else(|| "?".to_owned()));
        let mut rules: Vec<String> = rules.collect();
        if self.stages.len() > 1 {
            rules.dedup();
        }
        if !rules.is_empty() {
            return rules.join(", ");
        }
        if self.is_open() && self.is_lawless() {
            return "?".to_owned();
        }
        let head = self
            .pull
            .approvals
            .iter()
            .filter(|a| a.head == self.pull.head);
        head.map(|a| &a.who)
            .collect::<BTreeSet<_>>()
            .len()
            .to_string()
    }

    fn state(&self) -> String {
        match self.pull.state {
            PullState::Open => Style::Yellow.paint("open"),
            PullState::Merged => Style::Green.paint("merged"),
            PullState::Closed if self.pull.marker.superseded => Style::Dim.paint("superseded"),
            PullState::Closed => Style::Red.paint("closed"),
        }
    }

    fn data(&self) -> PullData {
        let pull = self.pull;
        PullData {
            v: 1,
            id: pull.id.clone(),
            title: pull.title.clone(),
            state: pull.state,
            branch: pull.branch.clone(),
            head: pull.head.clone(),
            stage: match pull.marker.stages().as_slice() {
                [only] => Some((*only).clone()),
                _ => None,
            },
            stages: match pull.marker.stages().as_slice() {
                [_] => Vec::new(),
                several => several.iter().map(|stage| (*stage).clone()).collect(),
            },
            opened_at: self.opened,
            merged_as: pull.merged_as.clone(),
            closed_by: pull.closed_by.clone(),
            closed_why: pull.closed_why.clone(),
            labels: pull.labels.clone(),
            approvals: pull.approvals.clone(),
            uncounted: BTreeMap::new(),
            conditions: self.conditions(),
            blocked_by: self.blocked_by(),
        }
    }
}

/// What stops a whole stage. A foreign commit is told by the branch.
fn stopped(stage: &StageReport) -> Vec<String> {
    let blocks = stage.blocks.iter().filter(|b| b.reason != "Foreign");
    let mut words: Vec<String> = blocks.map(|block| block.why.clone()).collect();
    let stopped = matches!(stage.state, State::Broken | State::Held);
    if stage.blocks.is_empty() && stopped && !stage.why.is_empty() {
        words.push(stage.why.clone());
    }
    words
}

impl View for PullsView<'_> {
    type Data = Vec<PullData>;

    fn text(&self, frame: &Frame) -> String {
        let pulls = self.known();
        if pulls.is_empty() {
            return if self.all {
                "no pull requests"
            } else {
                "no open pull requests"
            }
            .to_owned();
        }
        let narrow = frame.width.is_some_and(|width| width < NARROW);
        if narrow {
            return pulls
                .iter()
                .map(|pull| short(pull, frame))
                .collect::<Vec<_>>()
                .join("\n");
        }
        let mut table = Table::new(["ID", "STATE", "APPROVALS", "AGE", "TITLE", "BLOCKED BY"]);
        for pull in &pulls {
            table.row([
                safe(&pull.pull.id),
                pull.state(),
                pull.approvals(),
                ago(pull.opened, frame),
                safe(&pull.pull.title),
                safe(&pull.blocked_by().join(", ")),
            ]);
        }
        table.draw(frame.width)
    }

    fn names(&self) -> Vec<String> {
        self.known()
            .iter()
            .map(|pull| safe(&pull.pull.id))
            .collect()
    }

    fn data(&self) -> Vec<PullData> {
        self.known().iter().map(Known::data).collect()
    }
}

impl PullsView<'_> {
    fn known(&self) -> Vec<Known<'_>> {
        let wanted = |pull: &&PullRequestFacts| self.all || pull.state == PullState::Open;
        let known = |pull| Known::of(pull, self.stages, self.opened.get(&pull.id).copied());
        self.pulls.iter().filter(wanted).map(known).collect()
    }
}

/// A pull request on two lines.
fn short(pull: &Known<'_>, frame: &Frame) -> String {
    let blocked = pull.blocked_by();
    let pieces = [
        Style::Bold.paint(&pull.pull.id),
        pull.state(),
        format!("approvals {}", pull.approvals()),
        pull.opened
            .map_or_else(String::new, |at| ago_in_words(at, frame.now)),
        if blocked.is_empty() {
            String::new()
        } else {
            format!("blocked by {}", safe(&blocked.join(", ")))
        },
    ];
    let title = hang("    ", &safe(&pull.pull.title), frame);
    format!("{}\n{title}", flow(&pieces, 3, frame))
}

impl View for PullView<'_> {
    type Data = PullData;

    fn text(&self, frame: &Frame) -> String {
        let known = self.known();
        let mut parts = vec![self.head(&known, frame)];
        parts.push(markdown::plain(&self.pull.body, frame));
        let conditions = why_text::conditions(&known.conditions(), frame);
        if !conditions.is_empty() {
            parts.push(format!("{}\n{conditions}", Style::Bold.paint("Now")));
        }
        parts.push(self.approvals(frame));
        parts.push(self.diff.clone());
        if known.is_open() && known.blocked_by().iter().any(|what| what == "approval") {
            let command = Style::Cyan.paint(&approve(&safe(&self.pull.id)));
            parts.push(hang("", &format!("to approve: {command}"), frame));
        }
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n")
    }

    fn names(&self) -> Vec<String> {
        vec![safe(&self.pull.id)]
    }

    fn data(&self) -> PullData {
        PullData {
            uncounted: self.uncounted.clone(),
            ..self.known().data()
        }
    }
}

impl PullView<'_> {
    fn known(&self) -> Known<'_> {
        Known::of(self.pull, self.stages, self.opened)
    }

    fn head(&self, known: &Known<'_>, frame: &Frame) -> String {
        let pull = self.pull;
        let closed = match (&pull.closed_by, &pull.closed_why) {
            (Some(who), Some(why)) => Some(format!("closed by {}: {}", safe(who), safe(why))),
            (Some(who), None) => Some(format!("closed by {}", safe(who))),
            (None, Some(why)) => Some(format!("closed: {}", safe(why))),
            (None, None) => None,
        };
        let merged = pull
            .merged_as
            .as_ref()
            .map(|commit| format!("merged as {}", commit.short()));
        let labels = safe(&pull.labels.join(", "));
        let pieces = [
            known.state(),
            safe(&pull.id),
            format!("{} at {}", safe(&pull.branch), pull.head.short()),
            self.opened.map_or_else(String::new, |at| {
                format!("opened {}", ago_in_words(at, frame.now))
            }),
            merged.or(closed).unwrap_or_default(),
            if labels.is_empty() {
                labels
            } else {
                format!("labels: {labels}")
            },
        ];
        let title = hang("", &Style::Bold.paint(&safe(&pull.title)), frame);
        format!("{title}\n{}", flow(&pieces, 3, frame))
    }

    /// Who approved which head.
    fn approvals(&self, frame: &Frame) -> String {
        if self.pull.approvals.is_empty() {
            return String::new();
        }
        let line = |approval: &ApprovalFacts| {
            let current = approval.head == self.pull.head;
            let head = if current {
                "the present head"
            } else {
                "an earlier head, which does not count"
            };
            let uncounted = self.uncounted.get(&approval.who).filter(|_| current);
            let vouched = match (uncounted, approval.authentic) {
                (Some(why), _) => format!(", which does not count: {why}"),
                (None, true) => String::new(),
                (None, false) => "; the forge does not vouch for who it was".to_owned(),
            };
            let at = frame.zone.near(approval.at, frame.now);
            let text = format!("{} {at}: {head}{vouched}", safe(&approval.who));
            hang("  ", &told(&text, frame), frame)
        };
        let lines: Vec<String> = self.pull.approvals.iter().map(line).collect();
        format!("{}\n{}", Style::Bold.paint("Approvals"), lines.join("\n"))
    }
}
