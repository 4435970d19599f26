//! Where an act is done and by whom: the work tree, if there is one, and the person by Git's configuration.

use std::path::Path;

use crate::cli::args::{Destination, Repository};
use crate::cli::engine::{edge, unopened};
use crate::cli::{CliError, Context};
use crate::git::{Person, WorkTree, identity_at};

/// The work tree that `--repo` names; none for a bare repository or an address.
///
/// # Errors
/// When there is no repository at all.
pub(in crate::cli) fn work_tree(context: &Context) -> Result<Option<WorkTree>, CliError> {
    let Repository::Path(path) = &context.globals.repository else {
        return Ok(None);
    };
    match WorkTree::discover(path) {
        Ok(tree) => Ok(Some(tree)),
        Err(crate::git::GitError::Invalid(_)) => Ok(None),
        Err(error) => Err(unopened(&error)),
    }
}

/// Who the person is: as Git has it, environment first.
///
/// # Errors
/// When Git does not know.
pub(in crate::cli) fn person(context: &Context) -> Result<Person, CliError> {
    let variable = |name: &str| context.variables.get(name).filter(|v| !v.trim().is_empty());
    let (name, email) = (variable("GIT_AUTHOR_NAME"), variable("GIT_AUTHOR_EMAIL"));
    if let (Some(name), Some(email)) = (name, email) {
        return Ok(Person {
            name: name.trim().to_owned(),
            email: email.trim().to_owned(),
        });
    }
    let path: Option<&Path> = match &context.globals.repository {
        Repository::Path(path) => Some(path),
        Repository::Url(_) => None,
    };
    identity_at(path).map_err(|error| edge(&error))
}

/// Refuses destinations that the place does not have.
pub(in crate::cli) fn check(
    context: &Context,
    tree: Option<&WorkTree>,
    destination: Destination,
    dry_run: bool,
) -> Result<(), CliError> {
    let needs_tree = matches!(destination, Destination::WorkTree | Destination::Commit);
    if tree.is_none() && needs_tree && !dry_run {
        return Err(CliError::usage(format!(
            "`{}` is no work tree, so there is nowhere to write to",
            context.globals.repository.location()
        ))
        .help("add --push, or --pull-request, or --dry-run to see what it would be"));
    }
    if tree.is_some() && context.globals.local && !needs_tree {
        return Err(CliError::usage(
            "with --local the work tree is its own base: nothing to push to",
        )
        .help("use --commit"));
    }
    Ok(())
}
