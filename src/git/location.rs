//! Where a repository is: a URL to mirror, a bare path used in place, or a work tree that leads to one of the two.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use url::Url;

use super::error::{GitError, clean};
use crate::config::known::{self, percent_decode};

/// A place to take a repository from.
#[derive(Debug, Clone)]
pub(super) enum Location {
    /// A server spoken to over HTTP.
    Http(HttpUrl),
    /// Another repository on this machine.
    File(PathBuf),
    /// A repository that is its own base.
    InPlace {
        /// The directory with objects and refs.
        git_dir: PathBuf,
        /// The folder people work in, if there is one.
        work_tree: Option<PathBuf>,
    },
}

/// An HTTP address, with what stood before its `@` kept apart so that it is never printed.
#[derive(Debug, Clone)]
pub(super) struct HttpUrl {
    /// The address without user and password.
    pub(super) url: Url,
    /// User and password, if the address had any. The user may be a token, so it is kept as close.
    pub(super) userinfo: Option<(SecretString, SecretString)>,
}

impl HttpUrl {
    fn new(mut url: Url) -> Result<Self, GitError> {
        if url.host_str().is_none_or(str::is_empty) || url.query().is_some() {
            return Err(GitError::Invalid(format!(
                "`{}` is not the address of a repository: give scheme, host and path",
                redact(&url)
            )));
        }
        let decode = |text: &str| {
            percent_decode(text)
                .ok_or_else(|| GitError::Invalid("the user in the address is not text".to_owned()))
        };
        let user = decode(url.username())?;
        let password = url.password().map(decode).transpose()?;
        let userinfo: Option<(SecretString, SecretString)> = match password {
            Some(password) => Some((user.clone().into(), password.into())),
            None if user.is_empty() => None,
            // A token alone before the `@` is common; servers take it as user or as password.
            None => Some((user.clone().into(), user.clone().into())),
        };
        if let Some((_, password)) = &userinfo {
            known::register_login(&user, password);
        }
        url = redact(&url);
        while url.path().len() > 1 && url.path().ends_with('/') {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
        }
        Ok(Self { url, userinfo })
    }
}

fn redact(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only for addresses without a host, which then hold no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// Finds out what `text` names. `local` makes a work tree its own base; `relative_to` is where relative paths begin.
pub(super) fn locate(
    text: &str,
    local: bool,
    relative_to: Option<&Path>,
) -> Result<Location, GitError> {
    if let Some((scheme, _)) = text.split_once("://") {
        if local {
            return Err(GitError::Invalid(
                "`--local` is for a folder, which is its own base then: name it by its path, or leave `--local` out".to_owned(),
            ));
        }
        return locate_url(text, scheme);
    }
    let path = relative_to.map_or_else(|| PathBuf::from(text), |from| from.join(text));
    if !path.exists() {
        if looks_like_ssh(text) {
            return Err(no_ssh());
        }
        return Err(no_repository(&path));
    }
    if relative_to.is_some() {
        return Ok(Location::File(path));
    }
    locate_path(&path, local)
}

fn locate_url(text: &str, scheme: &str) -> Result<Location, GitError> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" | "file" => {}
        "ssh" | "git+ssh" | "ssh+git" => return Err(no_ssh()),
        other => {
            return Err(GitError::Unsupported(format!(
                "addresses that begin with `{}://` are not supported: use https, http or file",
                clean(other, 30)
            )));
        }
    }
    let url = Url::parse(text)
        .map_err(|error| GitError::Invalid(format!("this is not an address: {error}")))?;
    if url.scheme() != "file" {
        return HttpUrl::new(url).map(Location::Http);
    }
    let path = url.to_file_path().map_err(|()| {
        GitError::Invalid(format!(
            "`{}` names no local path: write file:///path",
            redact(&url)
        ))
    })?;
    if path.exists() {
        Ok(Location::File(path))
    } else {
        Err(no_repository(&path))
    }
}

/// The repository that a path lies in.
pub(super) fn discover(path: &Path) -> Result<git2::Repository, GitError> {
    git2::Repository::discover(path).map_err(|error| match error.code() {
        git2::ErrorCode::NotFound => no_repository(path),
        _ => GitError::libgit2(&path.display().to_string(), &error),
    })
}

fn no_repository(path: &Path) -> GitError {
    let shown = clean(&path.display().to_string(), 300);
    GitError::NotFound(if path.is_file() {
        format!("`{shown}` is a file, not a repository")
    } else if path.exists() {
        format!("there is no repository at `{shown}`, nor in a folder above it")
    } else {
        format!("there is no repository at `{shown}`")
    })
}

fn locate_path(path: &Path, local: bool) -> Result<Location, GitError> {
    let repository = discover(path)?;
    let work_tree = repository.workdir().map(Path::to_owned);
    if let Some(work_tree) = work_tree.as_ref().filter(|_| !local) {
        let url = remote_url(&repository)?.ok_or_else(|| {
            GitError::Invalid(format!(
                "`{}` has no remote: pass `--local` to let it be its own base, or name the remote repository",
                work_tree.display()
            ))
        })?;
        return locate(&url, false, Some(work_tree));
    }
    Ok(Location::InPlace {
        git_dir: repository.path().to_owned(),
        work_tree,
    })
}

/// The name of the remote a repository is cloned from: `origin`, or the only one; `None` without any.
pub(super) fn default_remote(repository: &git2::Repository) -> Result<Option<String>, GitError> {
    let shown = repository.path().display().to_string();
    let fail = |error| GitError::libgit2(&shown, &error);
    let names = repository.remotes().map_err(fail)?;
    let names: Vec<String> = names
        .iter()
        .filter_map(|name| name.ok().flatten().map(str::to_owned))
        .collect();
    if names.iter().any(|name| name == "origin") {
        return Ok(Some("origin".to_owned()));
    }
    match names.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => Err(GitError::Invalid(format!(
            "`{shown}` has several remotes ({}) and none is called `origin`: give the address of the repository",
            clean(&several.join(", "), 200)
        ))),
    }
}

/// The address of the default remote.
pub(super) fn remote_url(repository: &git2::Repository) -> Result<Option<String>, GitError> {
    let Some(name) = default_remote(repository)? else {
        return Ok(None);
    };
    let shown = repository.path().display().to_string();
    let remote = repository
        .find_remote(&name)
        .map_err(|error| GitError::libgit2(&shown, &error))?;
    let url = remote
        .url()
        .map_err(|_| GitError::Invalid(format!("the remote `{name}` has no readable address")))?;
    Ok(Some(url.to_owned()))
}

/// `git@host:path` and the like.
fn looks_like_ssh(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
}

fn no_ssh() -> GitError {
    GitError::Unsupported(
        "repositories over SSH are not supported: use the https address, with a token in `git.credentials`".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn http(text: &str) -> HttpUrl {
        match locate(text, false, None).unwrap() {
            Location::Http(url) => url,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_secret_in_an_address_is_kept_apart_and_never_printed() {
        let url = http("https://bot:c%40nary@git.example/acme/app.git/");
        assert_eq!(url.url.as_str(), "https://git.example/acme/app.git");
        assert!(!format!("{url:?}").contains("nary"));
        let (user, password) = url.userinfo.unwrap();
        assert_eq!(
            (user.expose_secret(), password.expose_secret()),
            ("bot", "c@nary")
        );
        let token = http("https://canary@git.example/x");
        assert!(!format!("{token:?}").contains("canary"));
        let text = locate("https://u:canary@git.example/x?token=canary", false, None)
            .unwrap_err()
            .to_string();
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn ssh_and_foreign_schemes_are_refused_with_a_way_out() {
        for text in ["ssh://git@host/x", "git@github.com:acme/app.git"] {
            let error = locate(text, false, None).unwrap_err();
            assert!(error.to_string().contains("https"), "{error}");
        }
        for text in ["git://host/x", "ext::sh -c true", "ftp://h/x"] {
            assert!(locate(text, false, None).is_err(), "{text}");
        }
    }
}
