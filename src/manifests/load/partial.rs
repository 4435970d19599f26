//! Which parts of a pipeline may be missing from it while its other parts are looked at: nothing else may hang on them.

use std::collections::BTreeSet;

use crate::manifests::yaml::{Id, Tree};

/// What a stage says of its gates and ways; the order of stages, their names and their tags do not follow from it.
const HARMLESS: [&str; 6] = [
    "enter",
    "verify",
    "approvals",
    "order",
    "supersede",
    "releaseTag",
];

/// Whether all that was passed over lies within such parts of stages.
pub(super) fn is_harmless(tree: &Tree<'_>, root: Id, passed: &BTreeSet<Id>) -> bool {
    let spec = tree.get(root, "spec");
    let stages = spec.and_then(|spec| tree.get(spec, "stages"));
    let Some(stages) = stages else {
        return false;
    };
    let entries = tree
        .items(stages)
        .iter()
        .flat_map(|stage| tree.entries(*stage));
    let harmless: Vec<(Id, Id)> = entries
        .filter(|(key, _)| tree.scalar(*key).is_some_and(|key| HARMLESS.contains(&key)))
        .copied()
        .collect();
    passed.iter().all(|id| {
        let part = tree.range(*id);
        harmless.iter().any(|(key, value)| {
            let whole = tree.range(*value);
            id == key || whole.start <= part.start && part.end <= whole.end
        })
    })
}
