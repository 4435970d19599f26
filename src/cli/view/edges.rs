//! Broken edges below `status`: what a registry, the Git remote or the forge answered, since when, and whom it concerns.

use serde::{Deserialize, Serialize};

use super::forge::{self, ForgeData};
use super::status::{StatusData, StatusView};
use super::words::{ago_in_words, counted, hang, safe, told};
use super::{Frame, View};
use crate::cli::output::{Style, states};
use crate::forge::Abilities;
use crate::model::{Party, Timestamp};
use crate::plan::edges::{EdgeKind, EdgeReport};

/// Names of pipelines that are worth a line.
const MOST_NAMES: usize = 5;

/// `status` with the edges that do not answer.
pub struct WithEdges<'a> {
    /// Where everything is.
    pub status: StatusView<'a>,
    /// What does not answer.
    pub edges: &'a [EdgeReport],
    /// The daemon that serves this repository on this machine.
    pub daemon: Option<Daemon>,
    /// What the forge lets us do, where it was asked.
    pub forge: Option<Abilities>,
}

/// A daemon that serves the same repository, as its own status page has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Daemon {
    /// Address of its status page.
    pub address: String,
    /// When its last pass ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pass: Option<Timestamp>,
    /// Since when a pass of it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_since: Option<Timestamp>,
}

/// The same as data: `status`, and `edges` beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithEdgesData {
    /// Where everything is.
    #[serde(flatten)]
    pub status: StatusData,
    /// What does not answer.
    pub edges: Vec<EdgeReport>,
    /// The daemon that serves this repository on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon: Option<Daemon>,
    /// What the forge lets us do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge: Option<ForgeData>,
}

impl View for WithEdges<'_> {
    type Data = WithEdgesData;

    fn text(&self, frame: &Frame) -> String {
        // Without the repository the rest is what was last seen: that comes first.
        let away = self.edges.iter().any(|edge| edge.kind == EdgeKind::Git);
        let mut parts = [self.status.text(frame), draw(self.edges, frame)];
        if away {
            parts.reverse();
        }
        let daemon = self.daemon.as_ref().map(|daemon| served(daemon, frame));
        let forge = self.forge.as_ref().map(|may| forge::draw(may, frame));
        let parts = parts.into_iter().chain(forge).chain(daemon);
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        parts.join("\n\n")
    }

    fn names(&self) -> Vec<String> {
        self.status.names()
    }

    fn data(&self) -> WithEdgesData {
        WithEdgesData {
            status: self.status.data(),
            edges: self.edges.to_vec(),
            daemon: self.daemon.clone(),
            forge: self.forge.as_ref().map(forge::data),
        }
    }
}

/// A block per edge.
pub fn draw(edges: &[EdgeReport], frame: &Frame) -> String {
    if edges.is_empty() {
        return String::new();
    }
    let block = |edge: &EdgeReport| {
        let head = format!(
            "{}   {}  ",
            Style::Bold.paint(&name(edge)),
            states::paint(edge.state)
        );
        let lines = [
            hang(&head, &told(&edge.answered, frame), frame),
            hang("    ", &row(edge, frame), frame),
            hang("    ", &reach(edge), frame),
        ];
        lines.join("\n")
    };
    let blocks = edges.iter().map(block);
    let header = Style::Dim.paint("EDGES");
    [header]
        .into_iter()
        .chain(blocks)
        .collect::<Vec<_>>()
        .join("\n")
}

/// `daemon: http://127.0.0.1:8080/status   last pass 13:40:02Z, 3 s ago; one is under way since 13:40:05Z`
fn served(daemon: &Daemon, frame: &Frame) -> String {
    let last = match daemon.last_pass {
        Some(at) => format!("last pass {}", ago_in_words(at, frame.now)),
        None => "no pass has ended yet".to_owned(),
    };
    let now = match daemon.pass_since {
        Some(since) => format!("; one began {}", ago_in_words(since, frame.now)),
        None => String::new(),
    };
    let head = format!("{} ", Style::Dim.paint("served by the daemon at"));
    hang(
        &head,
        &format!("{}   {last}{now}", safe(&daemon.address)),
        frame,
    )
}

/// `registry quay.io`, `git https://git.example/acme.git`
fn name(edge: &EdgeReport) -> String {
    match edge.kind {
        EdgeKind::Forge => format!("forge ({})", safe(&edge.name)),
        kind => format!("{} {}", kind.as_str(), safe(&edge.name)),
    }
}

/// `since 13:40, 22m ago, 12 tries, next try 14:10; the operator has to mend it`
fn row(edge: &EdgeReport, frame: &Frame) -> String {
    let near = |at| frame.zone.near(at, frame.now);
    let mut pieces = Vec::new();
    if let Some(since) = edge.since {
        pieces.push(format!(
            "since {}, {}",
            near(since),
            ago_in_words(since, frame.now)
        ));
    }
    match edge.tries {
        0 => {}
        1 => pieces.push("1 try".to_owned()),
        tries => pieces.push(format!("{tries} tries")),
    }
    if let Some(next) = edge.next_try {
        pieces.push(format!("next try {}", near(next)));
    }
    let who = match edge.fault {
        Some(Party::User) => "; the repository has to be mended",
        Some(Party::Operator) => "; the operator has to mend it",
        Some(Party::Us) => "; this is a bug",
        Some(Party::Remote) => "; it may heal by itself",
        None => "",
    };
    match pieces.is_empty() {
        true => who.trim_start_matches("; ").to_owned(),
        false => format!("{}{who}", pieces.join(", ")),
    }
}

/// `3 tags wait: orders, web; 29 other pipelines are unaffected`
fn reach(edge: &EdgeReport) -> String {
    let names = edge.affected.iter().take(MOST_NAMES);
    let mut names: Vec<String> = names.map(|name| safe(name.as_str())).collect();
    let more = edge.affected_pipelines.saturating_sub(names.len());
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let tags = match edge.tags {
        0 => String::new(),
        tags => format!("{} ", counted(tags, "tag")),
    };
    let affected = match edge.affected_pipelines {
        0 => format!("{tags}affected, no pipeline"),
        1 => format!("{tags}affected, of pipeline {}", names.concat()),
        _ => format!("{tags}affected, of pipelines {}", names.join(", ")),
    };
    let affected = if edge.tags == 0 {
        match edge.affected_pipelines {
            0 => "no pipeline is affected".to_owned(),
            1 => format!("pipeline {} is affected", names.concat()),
            _ => format!("pipelines {} are affected", names.join(", ")),
        }
    } else {
        affected
    };
    let rest = match edge.unaffected_pipelines {
        0 => String::new(),
        1 => "; 1 other pipeline is unaffected".to_owned(),
        more => format!("; {more} other pipelines are unaffected"),
    };
    format!("{affected}{rest}")
}
