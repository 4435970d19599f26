//! What a rule says: a problem at a route of a document, and what must not be used because of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::manifests::assemble::Listing;
use crate::manifests::diagnostic::{Diagnostic, Severity};
use crate::manifests::documents::{Documents, Located};
use crate::manifests::matrix::ResultOf;
use crate::manifests::yaml::{Id, Step, Tree, place_of, range_of};
use crate::model::name::{Name, StreamKey};
use crate::model::{ApplicationName, RepoPath};

/// A problem of one document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub code: &'static str,
    pub severity: Severity,
    pub route: Vec<Step>,
    pub message: String,
    pub label: Option<String>,
    pub help: Option<String>,
    /// Whether the whole document must not be used because of it.
    pub breaks: bool,
}

/// A route from keys and indices.
macro_rules! route {
    ($($step:expr),* $(,)?) => { vec![$($crate::manifests::yaml::Step::from($step)),*] };
}
pub(crate) use route;

impl Finding {
    pub(crate) fn error(code: &'static str, route: Vec<Step>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            route,
            message: message.into(),
            label: None,
            help: None,
            breaks: false,
        }
    }

    pub(crate) fn warning(
        code: &'static str,
        route: Vec<Step>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, route, message)
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn breaking(mut self) -> Self {
        self.breaks = true;
        self
    }

    /// The diagnostic, with its place if the document is at hand.
    pub(crate) fn into_diagnostic(self, path: &RepoPath, tree: &Tree<'_>, root: Id) -> Diagnostic {
        let place = place_of(tree.text, &range_of(tree, root, &self.route));
        self.without_place(path).at(Some(place))
    }

    /// The diagnostic of a document whose text is not at hand.
    pub(crate) fn without_place(self, path: &RepoPath) -> Diagnostic {
        Diagnostic {
            path: path.clone(),
            place: None,
            severity: self.severity,
            code: self.code.to_owned(),
            message: self.message,
            label: self.label,
            help: self.help,
        }
    }
}

/// What rules over all documents may look at.
pub(crate) struct Repository<'a> {
    /// The documents so far.
    pub documents: &'a Documents,
    /// Which files and folders exist.
    pub listing: &'a dyn Listing,
}

/// Something that must not be used because of a problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    Pipeline(Name),
    Environment(Name),
    Application(Name, ApplicationName),
    Brakes(RepoPath),
    Stream(StreamKey),
}

/// Which document a problem is of.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub path: RepoPath,
    pub index: usize,
    /// Which of its results, if it has a matrix.
    pub result: Option<Arc<ResultOf>>,
}

impl At {
    pub(crate) fn new(path: &RepoPath, index: usize) -> Self {
        Self {
            path: path.clone(),
            index,
            result: None,
        }
    }
}

impl<T> From<&Located<T>> for At {
    fn from(located: &Located<T>) -> Self {
        Self {
            result: located.result.clone(),
            ..Self::new(&located.path, located.index)
        }
    }
}

/// What the rules said.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Problems by document.
    pub findings: Vec<(At, Finding)>,
    /// What must not be used, and why. The first reason counts.
    pub broken: Vec<(Thing, String)>,
}

impl Report {
    /// A problem that leaves everything usable.
    pub(crate) fn say(&mut self, at: impl Into<At>, finding: Finding) {
        self.findings.push((at.into(), finding));
    }

    /// A problem that makes a thing unusable.
    pub(crate) fn breaks(&mut self, thing: Thing, at: impl Into<At>, finding: Finding) {
        self.broken.push((thing, finding.message.clone()));
        self.say(at, finding);
    }
}

/// All circles in which things follow one another, each told once, each thing following at most one other.
pub(crate) fn circles<'n>(follows: &BTreeMap<&'n str, &'n str>) -> Vec<Vec<&'n str>> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for start in follows.keys() {
        let mut way: Vec<&str> = Vec::new();
        let mut position: BTreeMap<&str, usize> = BTreeMap::new();
        let mut here = *start;
        while !done.contains(here) && !position.contains_key(here) {
            position.insert(here, way.len());
            way.push(here);
            match follows.get(here) {
                Some(next) => here = next,
                None => break,
            }
        }
        // A way that ran into itself holds a circle; one that ran into an earlier way, or ended, holds none.
        if let Some(first) = position.get(here)
            && follows.contains_key(here)
        {
            found.push(way[*first..].to_vec());
        }
        done.extend(way);
    }
    found
}

/// A circle as a way that begins and ends with one of its members; long ones are cut.
pub(crate) fn circle_in_words(circle: &[&str], first: &str) -> String {
    let start = circle.iter().position(|name| *name == first).unwrap_or(0);
    let mut way: Vec<&str> = circle[start..]
        .iter()
        .chain(&circle[..start])
        .copied()
        .collect();
    if way.len() > 12 {
        way.truncate(12);
        way.push("...");
    }
    way.push(first);
    way.join(" -> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_told_once_and_ways_into_them_are_not() {
        let follows = BTreeMap::from([
            ("a", "b"),
            ("b", "c"),
            ("c", "b"),
            ("d", "a"),
            ("e", "e"),
            ("f", "g"),
        ]);
        assert_eq!(circles(&follows), [vec!["b", "c"], vec!["e"]]);
        assert_eq!(circle_in_words(&["b", "c"], "c"), "c -> b -> c");
    }
}
