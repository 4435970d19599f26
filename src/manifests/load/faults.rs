//! Every fault of a document, not only the first: it is read again without what was wrong, until nothing is.

use std::collections::BTreeSet;

use crate::manifests::yaml::{Fault, Id, Tree, ValueError};

/// More faults than this of one document are not looked for: each is another reading of it.
const MAX_FAULTS: usize = 20;

/// What is wrong with a document.
pub(super) struct Faults<T> {
    /// Each fault.
    pub(super) all: Vec<ValueError>,
    /// The document without what was wrong, if there is any, and the keys and values that are missing from it.
    pub(super) rest: Option<(T, BTreeSet<Id>)>,
}

/// The faults of the document at `root`, `first` among them. `read` reads it as if some keys and values were not there.
pub(super) fn all<T>(
    tree: &Tree<'_>,
    root: Id,
    first: ValueError,
    read: impl Fn(&BTreeSet<Id>) -> Result<T, ValueError>,
) -> Faults<T> {
    let mut rest = None;
    let mut passed = BTreeSet::new();
    let mut faults = Vec::new();
    let mut next = Some(first);
    while let Some(fault) = next.take() {
        let at = fault.at;
        if !follows(tree, &fault, &passed) {
            faults.push(fault);
        }
        // What has no place, or is the whole document, cannot be left out.
        let fresh = at.is_some_and(|at| at != root && passed.insert(at));
        if fresh && faults.len() < MAX_FAULTS {
            match read(&passed) {
                Ok(document) => rest = Some(document),
                Err(fault) => next = Some(fault),
            }
        }
    }
    Faults {
        all: faults,
        rest: rest.map(|rest| (rest, passed)),
    }
}

/// Whether a fault is only there because something inside of its value was left out.
fn follows(tree: &Tree<'_>, fault: &ValueError, passed: &BTreeSet<Id>) -> bool {
    let Some(at) = fault.at else {
        return !passed.is_empty();
    };
    if let Fault::MissingField(field) = &fault.fault {
        return tree.get(at, field).is_some();
    }
    let whole = tree.range(at);
    passed.iter().any(|id| {
        let part = tree.range(*id);
        whole.start <= part.start && part.end <= whole.end
    })
}
