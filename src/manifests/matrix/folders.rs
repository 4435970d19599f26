//! `folders: "environments/dev-eu/*"`: the names of the folders of the tree that fit a pattern and hold a `values.yaml`.

use std::collections::BTreeSet;

use crate::manifests::assemble::Listing;
use crate::model::{Name, RepoPath};

/// What makes a folder one that people keep for an application.
pub(super) const VALUES: &str = "values.yaml";
/// The folder of what we write.
pub(super) const RENDERED: &str = "rendered";
/// What is said of folders whose names are none for an application.
pub(super) const ODD: &str = "folders that no application can be called";
/// What to do about them.
pub(super) const HELP: &str = "use lower-case letters, digits, `-` and `.`";
/// More folders than this are not looked through.
const MOST: usize = 50_000;
/// A pattern has at most so many parts.
const PARTS: usize = 32;

/// Names of the folders that fit, sorted, each once. An error says what is wrong with the pattern.
pub(super) fn names(pattern: &str, listing: &dyn Listing) -> Result<Vec<String>, String> {
    let parts = parts(pattern)?;
    let (last, before) = parts.split_last().ok_or_else(empty)?;
    let (first, between) = before.split_first().ok_or_else(|| {
        "a pattern begins with a folder that has no `*`, such as `environments/dev/*`".to_owned()
    })?;
    let mut folders = vec![path(first)?];
    for part in between {
        let mut next = Vec::new();
        for folder in &folders {
            match part.contains('*') {
                false => next.extend(folder.join(part).ok()),
                true => {
                    let fitting = fitting(listing, folder, part);
                    next.extend(fitting.filter_map(|name| folder.join(&name).ok()));
                }
            }
            if next.len() > MOST {
                return Err(format!("more than {MOST} folders fit"));
            }
        }
        folders = next;
    }
    let mut found = BTreeSet::new();
    for folder in &folders {
        found.extend(with_values(listing, folder, last));
        if found.len() > MOST {
            return Err(format!("more than {MOST} folders fit"));
        }
    }
    Ok(found.into_iter().collect())
}

/// Names of the folders directly in a folder that fit and hold values.
pub(super) fn with_values<'a>(
    listing: &'a dyn Listing,
    folder: &'a RepoPath,
    part: &'a str,
) -> impl Iterator<Item = String> + 'a {
    fitting(listing, folder, part).filter(move |name| {
        let values = folder.join(name).and_then(|folder| folder.join(VALUES));
        values.is_ok_and(|values| listing.exists(&values) && !listing.is_symlink(&values))
    })
}

/// Names that an application can have, and the others.
pub(super) fn apart(names: impl IntoIterator<Item = String>) -> (Vec<String>, Vec<String>) {
    let names = names.into_iter();
    names.partition(|name| name.parse::<Name>().is_ok())
}

fn fitting<'a>(
    listing: &'a dyn Listing,
    folder: &'a RepoPath,
    part: &'a str,
) -> impl Iterator<Item = String> + 'a {
    let names = listing.folders(folder).into_iter();
    names.filter(move |name| name != RENDERED && !name.starts_with('.') && fits(part, name))
}

fn parts(pattern: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<&str> = pattern
        .strip_prefix('/')
        .unwrap_or(pattern)
        .trim_end_matches('/')
        .split('/')
        .collect();
    if parts.contains(&"..") {
        return Err("`..` leaves the repository; a pattern begins at its top".to_owned());
    }
    if parts.iter().any(|part| part.contains("**")) {
        return Err("`**` is not known; `*` stands for one folder".to_owned());
    }
    if parts.len() > PARTS
        || parts
            .iter()
            .any(|part| part.is_empty() || part.starts_with('.'))
    {
        return Err("this is no path of folders".to_owned());
    }
    if !parts.last().is_some_and(|last| last.contains('*')) {
        return Err("a pattern ends with a `*` for the folders that are meant".to_owned());
    }
    Ok(parts)
}

fn empty() -> String {
    "a pattern is missing here".to_owned()
}

fn path(part: &str) -> Result<RepoPath, String> {
    if part.contains('*') {
        return Err("a pattern begins with a folder that has no `*`".to_owned());
    }
    part.parse().map_err(|_| format!("`{part}` is no folder"))
}

/// Whether a name fits a pattern in which `*` stands for any run of characters.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::world::World;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("svc-*", "svc-a", true),
            ("svc-*", "a-svc-b", false),
            ("*-eu", "dev-eu", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("dev", "dev", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn folders_with_values_are_found_each_once_and_nothing_that_we_write() {
        let files = [
            "environments/dev-eu/orders/values.yaml",
            "environments/dev-eu/cart/values.yaml",
            "environments/dev-us/cart/values.yaml",
            "environments/dev-eu/empty/readme.md",
            "environments/dev-eu/rendered/values.yaml",
            "environments/dev-eu/rendered/x/values.yaml",
            "environments/dev-eu/.git/values.yaml",
            "environments/dev-eu/deep/er/values.yaml",
            "environments/dev-eu/linked/values.yaml",
            "environments/dev-eu/linked/values.yaml@",
            "environments/dev-eu/values.yaml",
        ];
        let world = World(files.map(|f| (f.to_owned(), String::new())).into());
        let found = |pattern: &str| names(pattern, &world);
        for pattern in [
            "environments/dev-eu/*",
            "/environments/dev-eu/*/",
            "environments/*/*",
        ] {
            assert_eq!(found(pattern).unwrap(), ["cart", "orders"], "{pattern}");
        }
        assert_eq!(found("environments/dev-eu/or*").unwrap(), ["orders"]);
        assert_eq!(found("environments/*-us/*").unwrap(), ["cart"]);
        assert!(found("nowhere/*").unwrap().is_empty());
        for (pattern, words) in [
            ("*", "begins with a folder"),
            ("*/x/*", "has no `*`"),
            ("a/**", "`**` is not known"),
            ("../a/*", "leaves the repository"),
            ("a//*", "no path of folders"),
            ("a/b", "ends with a `*`"),
            ("", "no path of folders"),
        ] {
            let why = found(pattern).unwrap_err();
            assert!(why.contains(words), "{pattern}: {why}");
        }
    }
}
