//! Who a person is, by Git's own configuration.

use std::path::Path;

use git2::{Config, Repository};

use super::error::{GitError, clean};
use super::types::Person;

/// Who the person is, by `user.name` and `user.email` as they hold for a repository on this machine; without one, by the
/// user's and the machine's configuration.
pub fn identity_at(repository: Option<&Path>) -> Result<Person, GitError> {
    let config = match repository {
        Some(path) => Repository::discover(path).and_then(|repository| repository.config()),
        None => Config::open_default(),
    };
    let shown = repository.map_or_else(
        || "the configuration of Git".to_owned(),
        |path| path.display().to_string(),
    );
    person_of(config.map_err(|error| GitError::libgit2(&shown, &error))?)
}

pub(super) fn person_of(mut config: Config) -> Result<Person, GitError> {
    let config = config
        .snapshot()
        .map_err(|error| GitError::libgit2("the configuration of Git", &error))?;
    let value = |key: &str| {
        config
            .get_string(key)
            .ok()
            .map(|text| clean(&text, 300))
            .filter(|text| !text.is_empty())
            .ok_or_else(|| {
                GitError::Invalid(format!(
                    "Git does not know who you are: run `git config {key} ...`"
                ))
            })
    };
    Ok(Person {
        name: value("user.name")?,
        email: value("user.email")?,
    })
}
