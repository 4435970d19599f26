//! Which kind of document something is, by `apiVersion` and `kind`, never by the name of its file.

use std::ops::Range;

use super::nearly::{nameless, nearly};
use crate::manifests::code;
use crate::manifests::diagnostic::Severity;
use crate::manifests::role::Role;
use crate::manifests::suggest::did_you_mean;
use crate::manifests::yaml::{Id, Tree};
use crate::model::{image_stream, pipeline};

/// The kinds of document that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ImageStream,
    Pipeline,
    Environment,
    Hold,
    Freeze,
    Config,
}

const OURS: [(&str, Kind); 5] = [
    ("Pipeline", Kind::Pipeline),
    ("Environment", Kind::Environment),
    ("Hold", Kind::Hold),
    ("Freeze", Kind::Freeze),
    ("Config", Kind::Config),
];

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        OURS.iter()
            .find(|(_, kind)| *kind == self)
            .map_or(image_stream::KIND, |(name, _)| name)
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::ImageStream | Self::Pipeline => "pipelines/",
            Self::Environment => "environments/",
            Self::Hold => "holds/",
            Self::Freeze => "freezes/",
            Self::Config => "the top of the repository as headwater.yaml",
        }
    }
}

/// What a document turned out to be.
pub(super) enum Identity {
    /// One of the kinds that are read.
    Known(Kind),
    /// Something else, which is none of our business.
    Foreign,
    /// Meant for us, but not readable as any kind.
    Wrong(Fault),
}

/// Why a document is not taken as it stands.
pub(super) struct Fault {
    pub at: Range<usize>,
    pub code: &'static str,
    pub severity: Severity,
    pub message: String,
    pub help: Option<String>,
}

pub(super) fn identify(tree: &Tree<'_>, root: Id, role: Role) -> Identity {
    if tree.is_null(root) {
        return Identity::Foreign;
    }
    let among_roads = matches!(role, Role::Pipelines | Role::Streams);
    let strict = role.is_brake() || role == Role::Config;
    let text = |key| tree.get(root, key).and_then(|id| tree.scalar(id));
    let (version, kind) = (text("apiVersion"), text("kind"));
    let identity = match (version, kind) {
        (Some(version), Some(kind)) if version.starts_with("headwater.dev/") => {
            ours(tree, root, version, kind)
        }
        (Some(image_stream::API_VERSION | "v1"), Some(image_stream::KIND)) => {
            Identity::Known(Kind::ImageStream)
        }
        _ => nearly(tree, root, version, kind)
            .or_else(|| nameless(tree, root).filter(|_| among_roads))
            .map_or(Identity::Foreign, Identity::Wrong),
    };
    match identity {
        Identity::Foreign if strict => foreign_among_brakes(tree, root, role, kind),
        // Objects of a cluster lie about in environments; streams there are none of ours.
        Identity::Known(Kind::ImageStream) if role == Role::Environments => Identity::Foreign,
        Identity::Wrong(_) if role == Role::Environments && kind == Some(image_stream::KIND) => {
            Identity::Foreign
        }
        other => other,
    }
}

pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    OURS.iter().map(|(name, _)| *name)
}

fn ours(tree: &Tree<'_>, root: Id, version: &str, kind: &str) -> Identity {
    if version != pipeline::API_VERSION {
        return wrong(
            place(tree, root, "apiVersion"),
            format!("unknown version `{version}`"),
            Some(format!("write {}", pipeline::API_VERSION)),
        );
    }
    match OURS.iter().find(|(name, _)| *name == kind) {
        Some((_, kind)) => Identity::Known(*kind),
        None => wrong(
            place(tree, root, "kind"),
            format!("unknown kind `{kind}`"),
            Some(did_you_mean(kind, names())),
        ),
    }
}

fn foreign_among_brakes(tree: &Tree<'_>, root: Id, role: Role, kind: Option<&str>) -> Identity {
    let expected = match role {
        Role::Holds => Kind::Hold,
        Role::Freezes => Kind::Freeze,
        _ => Kind::Config,
    };
    wrong(
        place(tree, root, "kind"),
        match kind {
            Some(kind) => format!("`{kind}` is no {}", expected.as_str()),
            None => format!("this document is no {}", expected.as_str()),
        },
        Some(format!(
            "begin it with apiVersion: {} and kind: {}, or move it away",
            pipeline::API_VERSION,
            expected.as_str()
        )),
    )
}

pub(super) fn place(tree: &Tree<'_>, root: Id, key: &str) -> Range<usize> {
    tree.get(root, key)
        .map_or_else(|| tree.range(root), |value| tree.range(value))
}

fn wrong(at: Range<usize>, message: String, help: Option<String>) -> Identity {
    Identity::Wrong(fault(at, message, help))
}

pub(super) fn fault(at: Range<usize>, message: String, help: Option<String>) -> Fault {
    Fault {
        at,
        code: code::UNKNOWN_KIND,
        severity: Severity::Error,
        message,
        help,
    }
}

/// A warning for a document that is read although it lies in the wrong folder; brakes and settings are meant to be found
/// where people look for them.
pub(super) fn misplaced(tree: &Tree<'_>, root: Id, kind: Kind, role: Role) -> Option<Fault> {
    let at_home = match kind {
        Kind::ImageStream | Kind::Pipeline => matches!(role, Role::Pipelines | Role::Streams),
        Kind::Environment => matches!(role, Role::Environments | Role::Pipelines | Role::Streams),
        Kind::Hold | Kind::Freeze => role.is_brake(),
        Kind::Config => role == Role::Config,
    };
    if at_home {
        return None;
    }
    let effect = if kind == Kind::Config {
        "it has no effect"
    } else {
        "it counts nevertheless"
    };
    Some(Fault {
        at: place(tree, root, "kind"),
        code: code::MISPLACED,
        severity: Severity::Warning,
        message: format!("a {} does not belong here; {effect}", kind.as_str()),
        help: Some(format!("move it to {}", kind.folder())),
    })
}
