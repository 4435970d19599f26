//! Every fault of a document, not only the first: it is read again without what was wrong, until nothing is.

use std::collections::BTreeSet;

use crate::manifests::yaml::{Fault, Id, Tree, ValueError};

/// More faults than this of one document are not looked for: each is another reading of it.
const MAX_FAULTS: usize = 20;

/// The faults of the document at `root`, `first` among them. `read` reads it as if some keys and values were not there.
pub(super) fn all<T>(
    tree: &Tree<'_>,
    root: Id,
    first: ValueError,
    read: impl Fn(&BTreeSet<Id>) -> Result<T, ValueError>,
) -> Vec<ValueError> {
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
            next = read(&passed).err();
        }
    }
    faults
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
