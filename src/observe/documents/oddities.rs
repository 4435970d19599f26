//! What lies where documents are read and is no file: links, submodules, and names that are no paths. None is followed
//! or read, so each is said by name; among holds and freezes it fails closed, because it may be a brake that nobody sees.

use std::sync::Arc;

use crate::git::{EntryKind, TreeListing};
use crate::manifests::role::CONFIG_FILES;
use crate::manifests::{Diagnostic, Loaded, Role, code};
use crate::model::RepoPath;
use crate::model::repository_config::Paths;

/// Endings of files that somebody here reads.
const READ: [&str; 4] = ["yaml", "yml", "json", "hbs"];

/// Everything of a commit that must be said so, as files that cannot be read.
pub(crate) fn of(listing: &TreeListing, paths: &Paths) -> Vec<(RepoPath, Role, Arc<Loaded>)> {
    let folders = folders(paths);
    let no_files = listing.entries.iter().filter_map(|(path, entry)| {
        let (what, help) = match entry.kind {
            EntryKind::File | EntryKind::Executable => return None,
            EntryKind::Symlink => (
                "a symbolic link is never followed",
                "put the file itself here",
            ),
            EntryKind::Submodule => (
                "a submodule is never entered",
                "put its files into this repository, or the submodule elsewhere",
            ),
        };
        let folder = entry.kind == EntryKind::Submodule;
        let role = role_at(path.as_str(), folder, &folders)?;
        let problem = Diagnostic::error(path, code::NO_FILE, what).help(help);
        Some((path.clone(), role, problem))
    });
    let no_paths = listing.odd.iter().filter_map(|(name, why)| {
        let role = role_at(name, false, &folders)?;
        let parent = known_folder(name)?;
        let message = format!("`{name}` cannot be read: {why}");
        let problem = Diagnostic::error(&parent, code::NO_PATH, message).help("rename it");
        Some((parent, role, problem))
    });
    let all = no_files.chain(no_paths);
    all.map(|(path, role, problem)| {
        let loaded = Loaded {
            problems: vec![problem],
            unreadable: true,
            ..Loaded::default()
        };
        (path, role, Arc::new(loaded))
    })
    .collect()
}

/// Folders that are read, and as what; templates and values are no documents, but they are read all the same.
fn folders(paths: &Paths) -> [(&RepoPath, Role); 6] {
    [
        (&paths.templates, Role::Pipelines),
        (&paths.pipelines, Role::Pipelines),
        (&paths.streams, Role::Streams),
        (&paths.environments, Role::Environments),
        (&paths.holds, Role::Holds),
        (&paths.freezes, Role::Freezes),
    ]
}

/// What would be read at a name if it were a file, or below it if it were a folder.
fn role_at(name: &str, is_folder: bool, folders: &[(&RepoPath, Role)]) -> Option<Role> {
    if CONFIG_FILES.contains(&name) {
        return Some(Role::Config);
    }
    // A name in place of a folder, or of one on the way to it, hides all of it.
    let hidden = folders
        .iter()
        .filter(|(folder, _)| folder.as_str() == name || below(folder.as_str(), name));
    if let Some(role) = hidden.map(|(_, role)| *role).max() {
        return Some(role);
    }
    let (folder, role) = folders
        .iter()
        .filter(|(folder, _)| below(name, folder.as_str()))
        .max_by_key(|(folder, role)| (folder.as_str().len(), *role))?;
    let inside = &name[folder.as_str().len() + 1..];
    if name.split('/').any(|part| part.starts_with('.')) {
        return None;
    }
    // What lies in an output folder is ours to write, and nobody reads it.
    if *role == Role::Environments && inside.split('/').skip(1).any(|part| part == "rendered") {
        return None;
    }
    let file_name = inside.rsplit('/').next().unwrap_or(inside);
    let may_be_read = match file_name.rsplit_once('.') {
        None => true,
        Some((_, ending)) => is_folder || READ.contains(&ending),
    };
    (may_be_read || role.is_brake()).then_some(*role)
}

fn below(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The innermost folder of a name that is a path.
fn known_folder(name: &str) -> Option<RepoPath> {
    let mut rest = name;
    while let Some((folder, _)) = rest.rsplit_once('/') {
        if let Ok(path) = folder.parse() {
            return Some(path);
        }
        rest = folder;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Entry;
    use crate::model::BlobId;

    fn found(entries: &[(&str, EntryKind)], odd: &[(&str, &str)]) -> Vec<String> {
        let listing = TreeListing {
            entries: entries
                .iter()
                .map(|(path, kind)| {
                    let blob = BlobId::of(b"");
                    (path.parse().unwrap(), Entry { blob, kind: *kind })
                })
                .collect(),
            odd: odd
                .iter()
                .map(|(name, why)| ((*name).to_owned(), (*why).to_owned()))
                .collect(),
        };
        let paths = Paths {
            freezes: "ops/brakes/freezes".parse().unwrap(),
            ..Paths::default()
        };
        of(&listing, &paths)
            .into_iter()
            .map(|(path, role, _)| format!("{path} {role:?}"))
            .collect()
    }

    #[test]
    fn links_and_submodules_are_told_only_where_something_is_read() {
        let link = |path| (path, EntryKind::Symlink);
        assert_eq!(
            found(
                &[
                    link("README.md"),
                    link("apps/x.yaml"),
                    link("environments/prod/myapp/values.yaml"),
                    link("environments/prod/rendered/myapp/x.yaml"),
                    link("headwater.yaml"),
                    link("holds/README.md"),
                    link("pipelines/.hidden/x.yaml"),
                    link("pipelines/README.md"),
                    link("pipelines/a/stream.yaml"),
                    link("pipelines/team"),
                    ("streams", EntryKind::Submodule),
                    ("templates/v1.2", EntryKind::Submodule),
                    link("templates/web/deployment.yaml.hbs"),
                    ("pipelines/plain.yaml", EntryKind::File),
                ],
                &[]
            ),
            [
                "environments/prod/myapp/values.yaml Environments",
                "headwater.yaml Config",
                "holds/README.md Holds",
                "pipelines/a/stream.yaml Pipelines",
                "pipelines/team Pipelines",
                "streams Streams",
                "templates/v1.2 Pipelines",
                "templates/web/deployment.yaml.hbs Pipelines",
            ]
        );
    }

    #[test]
    fn a_link_in_place_of_a_folder_hides_all_that_is_below_it() {
        assert_eq!(found(&[("ops", EntryKind::Symlink)], &[]), ["ops Freezes"]);
        assert_eq!(
            found(&[("holds", EntryKind::Symlink)], &[]),
            ["holds Holds"]
        );
    }

    #[test]
    fn names_that_are_no_paths_are_told_at_the_folder_they_are_in() {
        let why = "its name is not UTF-8";
        assert_eq!(
            found(
                &[],
                &[
                    ("holds/\u{fffd}.yaml", why),
                    ("pipelines/a\\b/x.yaml", why),
                    ("pipelines/\u{fffd}.md", why),
                    ("src/\u{fffd}.rs", why),
                ]
            ),
            ["holds Holds", "pipelines Pipelines"]
        );
    }
}
