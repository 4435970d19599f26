//! Broken files: each is named once in the plan, with its first error, whatever else stands still because of it.

use std::collections::BTreeMap;

use super::desk::Desk;
use super::report::{HoldReport, State, Subject};
use crate::manifests::Diagnostic;
use crate::model::RepoPath;

/// Reports every file with an error. What depends on it says so itself; this is for what nothing depends on.
pub fn report(desk: &mut Desk<'_>) {
    let mut by_file: BTreeMap<&RepoPath, Vec<&Diagnostic>> = BTreeMap::new();
    for error in desk.docs.errors() {
        by_file.entry(&error.path).or_default().push(error);
    }
    for (path, errors) in by_file {
        let Some(first) = errors.first() else {
            continue;
        };
        let line = first
            .place
            .as_ref()
            .map_or_else(String::new, |place| format!(":{}", place.line));
        let more = match errors.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        desk.holds.push(HoldReport {
            subject: Subject::File(path.clone()),
            reason: "Invalid".to_owned(),
            why: format!("{path}{line}: {}{more}", first.message),
            until: None,
            help: Some("headwater check".to_owned()),
            state: State::Broken,
        });
    }
}
