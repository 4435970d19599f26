//! One value of a tree as a typed document, or everything that is wrong with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::envelope::{self, Envelope};
use super::identify::Kind;
use super::{DocumentKind, explain, faults, partial};
use crate::manifests::code;
use crate::manifests::diagnostic::Diagnostic;
use crate::manifests::yaml::{self, Id, Tree};
use crate::model::{Environment, Freeze, Hold, ImageStream, Pipeline, RepoPath, RepositoryConfig};

/// More stages than this in one pipeline are refused.
pub(super) const MAX_STAGES: usize = 200;
/// More applications than this in one environment are refused.
pub(crate) const MAX_APPLICATIONS: usize = 2_000;

/// A document that must not be used.
pub(crate) struct Wrong {
    /// What is wrong; the first of them says it in short.
    pub problems: Vec<Diagnostic>,
    /// A pipeline without those of its words that are wrong.
    pub partial: Option<Arc<Pipeline>>,
}

/// Reads the document at `root` as its kind.
pub(crate) fn read(
    path: &RepoPath,
    tree: &Tree<'_>,
    root: Id,
    kind: Kind,
) -> Result<DocumentKind, Wrong> {
    let first = match parse(tree, root, kind, &BTreeSet::new()) {
        Ok(document) => match too_many(&document) {
            None => return Ok(document),
            Some(words) => {
                return Err(Wrong {
                    problems: vec![Diagnostic::error(path, code::TOO_MANY, words)],
                    partial: None,
                });
            }
        },
        Err(first) => first,
    };
    let all = faults::all(tree, root, first, |passed| parse(tree, root, kind, passed));
    let partial = match all.rest {
        Some((DocumentKind::Pipeline(pipeline), passed))
            if partial::is_harmless(tree, root, &passed) =>
        {
            Some(pipeline)
        }
        _ => None,
    };
    let faults = all.all.iter();
    Err(Wrong {
        problems: faults
            .map(|fault| explain::value(path, tree, root, fault))
            .collect(),
        partial,
    })
}

/// What a document has more of than is read.
fn too_many(document: &DocumentKind) -> Option<String> {
    let (count, most, what) = match document {
        DocumentKind::Pipeline(pipeline) => (pipeline.spec.stages.len(), MAX_STAGES, "stages"),
        DocumentKind::Environment(environment) => (
            environment.spec.applications.len(),
            MAX_APPLICATIONS,
            "applications",
        ),
        _ => return None,
    };
    (count > most).then(|| format!("there are {count} {what}; at most {most} are read"))
}

/// The document at `root`, as if the keys and values of `passed` were not there.
fn parse(
    tree: &Tree<'_>,
    root: Id,
    kind: Kind,
    passed: &BTreeSet<Id>,
) -> Result<DocumentKind, yaml::ValueError> {
    Ok(match kind {
        Kind::ImageStream => {
            let stream: ImageStream = yaml::from_node_without(tree, root, passed)?;
            DocumentKind::ImageStream(Arc::new(stream.lean()))
        }
        Kind::Pipeline => {
            let Envelope { metadata, spec, .. } = yaml::from_node_without(tree, root, passed)?;
            DocumentKind::Pipeline(Arc::new(Pipeline { metadata, spec }))
        }
        Kind::Environment => {
            let Envelope { metadata, spec, .. } = yaml::from_node_without(tree, root, passed)?;
            DocumentKind::Environment(Arc::new(Environment { metadata, spec }))
        }
        Kind::Hold => {
            let Envelope { metadata, spec, .. } = yaml::from_node_without(tree, root, passed)?;
            DocumentKind::Hold(Arc::new(Hold { metadata, spec }))
        }
        Kind::Freeze => {
            let Envelope { metadata, spec, .. } = yaml::from_node_without(tree, root, passed)?;
            DocumentKind::Freeze(Arc::new(Freeze { metadata, spec }))
        }
        Kind::Config => {
            let envelope::Config { metadata, spec, .. } =
                yaml::from_node_without(tree, root, passed)?;
            DocumentKind::Config(Arc::new(RepositoryConfig { metadata, spec }))
        }
    })
}
