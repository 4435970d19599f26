//! Operator settings for GitHub: which repository, where its API is, and who we are there. In GitHub Actions the runner's
//! own variables stand in for all three.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::GitSettings;
use super::git::GitCredential;
pub use super::github_app::{GitHubApp, GitHubAppSettings};
use super::known;
use crate::model::Period;

/// The API of github.com.
const PUBLIC_API: &str = "https://api.github.com";
/// The user that GitHub wants beside a token, whoever's it is.
pub const TOKEN_USER: &str = "x-access-token";

/// Settings for GitHub.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct GitHubSettings {
    /// `owner/name`. Without it `GITHUB_REPOSITORY`, or what the repository's address says.
    pub repository: Option<String>,
    /// Address of the REST API: `https://HOST/api/v3` for an Enterprise server. Without it `GITHUB_API_URL`, or that of
    /// github.com.
    pub api: Option<String>,
    /// A token that may write contents and pull requests of that repository. Without it `GITHUB_TOKEN`.
    #[serde(with = "super::secret")]
    pub token: SecretString,
    /// A GitHub App instead of a token.
    pub app: Option<GitHubAppSettings>,
    /// The address by which this GitHub commits what is done through its API and its pages. Without it `noreply@github.com`,
    /// or `noreply@HOST` for an Enterprise server, whose management console may name another one. Where it is set, what
    /// GitHub committed in our name stays ours also with `git.commits: push`.
    pub noreply: Option<String>,
    /// Whether GitHub is told of each set that comes into an environment: its deployments.
    pub deployments: bool,
    /// Repositories (`owner/name`) whose workflows gates may start. None is started elsewhere.
    pub workflows: Vec<String>,
    /// How much is asked of GitHub in a while.
    pub budget: GitHubBudget,
}

/// How much is asked of GitHub in a while. The defaults are what it publishes (its documentation, "Rate limits for the REST
/// API" and "Best practices for using the REST API").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct GitHubBudget {
    /// The least time between two calls that change something.
    pub pause: Period,
    /// Calls that people are told of (a pull request, a request for review, a comment, a merge) in any minute.
    pub per_minute: u32,
    /// The same in any hour.
    pub per_hour: u32,
}

impl Default for GitHubBudget {
    fn default() -> Self {
        Self {
            pause: Period::seconds(1),
            per_minute: 80,
            per_hour: 500,
        }
    }
}

/// Who we are at a GitHub.
#[derive(Debug, Clone)]
pub enum GitHubLogin {
    /// Whoever's token it is; it is for the API and for Git on the same server.
    Token(SecretString),
    /// An App where it is installed.
    App(GitHubApp),
}

/// A repository on a GitHub, with everything that is needed to speak of it.
#[derive(Debug, Clone)]
pub struct GitHubPlace {
    /// Where the API is, without a `/` at its end.
    pub api: String,
    /// `owner/name`.
    pub repository: String,
    /// Who we are there.
    pub login: GitHubLogin,
    /// The address by which GitHub commits what it is asked for.
    pub noreply: String,
    /// Whether that is certain: it is github.com's, or the operator says so.
    pub noreply_sure: bool,
    /// Whether it is told of deployments.
    pub deployments: bool,
    /// Repositories whose workflows may be started.
    pub workflows: Vec<String>,
    /// How much is asked of it in a while.
    pub budget: GitHubBudget,
}

impl GitHubSettings {
    /// Where to go, for a repository at `location` (as Git is told) and with the variables of the environment.
    ///
    /// # Errors
    /// What is missing or makes no sense, and what to do about it.
    pub fn place(
        &self,
        location: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<GitHubPlace, String> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let api = self.api.clone().or_else(|| variable("GITHUB_API_URL"));
        let api = api.unwrap_or_else(|| PUBLIC_API.to_owned());
        let api = api.trim_end_matches('/').to_owned();
        sound(&api)?;
        let from_address = || named_by(location, &api);
        let repository = self.repository.clone();
        let repository = repository.or_else(|| variable("GITHUB_REPOSITORY"));
        let repository = repository
            .or_else(from_address)
            .ok_or("which repository on GitHub is it? Set `forge.github.repository: owner/name`")?;
        if !is_name(&repository) {
            return Err(format!(
                "`forge.github.repository: {repository}` is no repository: write `owner/name`"
            ));
        }
        let noreply = self.noreply.clone().unwrap_or_else(|| noreply(&api));
        Ok(GitHubPlace {
            noreply,
            noreply_sure: self.noreply.is_some() || api == PUBLIC_API,
            api,
            repository,
            login: self.login(variable)?,
            deployments: self.deployments,
            workflows: self.workflows.clone(),
            budget: self.budget,
        })
    }

    fn login(&self, variable: impl Fn(&str) -> Option<String>) -> Result<GitHubLogin, String> {
        let own = self.token.expose_secret();
        let token = match (&self.app, own.is_empty()) {
            (Some(_), false) => {
                return Err("set `forge.github.app` or `forge.github.token`, not both".to_owned());
            }
            (Some(app), true) => return Ok(GitHubLogin::App(app.app()?)),
            (None, false) => own.to_owned(),
            (None, true) => variable("GITHUB_TOKEN").ok_or(
                "GitHub needs to know who we are: set `forge.github.app`, or `forge.github.token` (`HEADWATER_FORGE__GITHUB__TOKEN`), or GITHUB_TOKEN",
            )?,
        };
        let token = SecretString::from(token);
        known::register_login(TOKEN_USER, &token);
        Ok(GitHubLogin::Token(token))
    }

    /// Settings that the runner's variables stand in for, as `config` shows them: path, value and variable.
    pub fn stand_ins(
        &self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Vec<(&'static str, String, &'static str)> {
        let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
        let mut found = Vec::new();
        if self.token.expose_secret().is_empty() && self.app.is_none() {
            let set = variable("GITHUB_TOKEN").map(|_| super::secret::SHOWN.to_owned());
            found.extend(set.map(|set| ("forge.github.token", set, "GITHUB_TOKEN")));
        }
        if self.repository.is_none() {
            let name = variable("GITHUB_REPOSITORY");
            found.extend(name.map(|name| ("forge.github.repository", name, "GITHUB_REPOSITORY")));
        }
        if self.api.is_none() {
            let api = variable("GITHUB_API_URL");
            let api = api.map(|api| known::hide(&api).into_owned());
            found.extend(api.map(|api| ("forge.github.api", api, "GITHUB_API_URL")));
        }
        found
    }
}

impl GitHubPlace {
    /// Lets Git use the token on the same server, unless the operator gave credentials for it. An App's tokens change: Git
    /// asks for them when it needs one.
    pub fn lend(&self, git: &mut GitSettings) {
        let GitHubLogin::Token(token) = &self.login else {
            return;
        };
        if let Some(origin) = self.lends_to(git) {
            git.credentials.push(GitCredential {
                origin,
                username: Some(TOKEN_USER.to_owned()),
                password: token.clone(),
            });
        }
    }

    /// The origin of Git's server, if the operator gave no credentials for it.
    pub fn lends_to(&self, git: &GitSettings) -> Option<String> {
        let origin = web(&self.api)?;
        let same = |credential: &GitCredential| {
            let theirs = Url::parse(&credential.origin).ok();
            theirs.is_some_and(|theirs| {
                Some(theirs.origin()) == Url::parse(&origin).ok().map(|ours| ours.origin())
            })
        };
        (!git.credentials.iter().any(same)).then_some(origin)
    }
}

/// A token goes over TLS, or stays on this machine.
fn sound(api: &str) -> Result<(), String> {
    let url =
        Url::parse(api).map_err(|e| format!("`forge.github.api: {api}` is no address: {e}"))?;
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        _ => {
            return Err(format!(
                "`forge.github.api: {api}`: write https://, a token is sent there"
            ));
        }
    }
    if url.host_str().is_none()
        || !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
    {
        return Err("`forge.github.api` is scheme, host and path alone; the token goes into `forge.github.token`".to_owned());
    }
    Ok(())
}

/// The address by which the GitHub of an API commits, as far as its operator chose no other one.
fn noreply(api: &str) -> String {
    let host = web(api).and_then(|web| Some(Url::parse(&web).ok()?.host_str()?.to_owned()));
    format!("noreply@{}", host.unwrap_or_default())
}

/// Where people and Git find what an API is of.
fn web(api: &str) -> Option<String> {
    if api == PUBLIC_API {
        return Some("https://github.com".to_owned());
    }
    let url = Url::parse(api).ok()?;
    Some(url.origin().ascii_serialization())
}

/// The repository that an address names, if it lies on the server of the API.
fn named_by(location: &str, api: &str) -> Option<String> {
    let url = Url::parse(location).ok()?;
    let origin = Url::parse(&web(api)?).ok()?.origin();
    if url.origin() != origin {
        return None;
    }
    let path = url.path().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    is_name(path).then(|| path.to_owned())
}

/// `owner/name` in the letters that GitHub allows.
fn is_name(text: &str) -> bool {
    let word = |word: &str| {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !word.is_empty()
            && word.len() <= 100
            && word.bytes().all(letters)
            && word != "."
            && word != ".."
    };
    text.split_once('/')
        .is_some_and(|(owner, name)| word(owner) && word(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: fn(&str) -> Option<String> = |_| None;

    fn settings(repository: Option<&str>, api: Option<&str>, token: &str) -> GitHubSettings {
        GitHubSettings {
            repository: repository.map(str::to_owned),
            api: api.map(str::to_owned),
            token: token.to_owned().into(),
            app: None,
            noreply: None,
            deployments: false,
            workflows: Vec::new(),
            budget: GitHubBudget::default(),
        }
    }

    fn token(place: &GitHubPlace) -> &str {
        match &place.login {
            GitHubLogin::Token(token) => token.expose_secret(),
            GitHubLogin::App(app) => panic!("{app:?}"),
        }
    }

    #[test]
    fn the_address_of_the_repository_is_enough_on_github_itself() {
        let place =
            settings(None, None, "t0ken").place("https://github.com/acme/deploy.git", NOTHING);
        let place = place.unwrap();
        assert_eq!(
            (place.api.as_str(), place.repository.as_str()),
            (PUBLIC_API, "acme/deploy")
        );
        assert_eq!(place.noreply, "noreply@github.com");
        let elsewhere =
            settings(None, None, "t0ken").place("https://git.example/acme/deploy", NOTHING);
        assert!(elsewhere.unwrap_err().contains("forge.github.repository"));
    }

    #[test]
    fn in_actions_nothing_has_to_be_set() {
        let runner = |name: &str| {
            let value = match name {
                "GITHUB_TOKEN" => "ghs_1",
                "GITHUB_REPOSITORY" => "acme/deploy",
                "GITHUB_API_URL" => "https://ghe.example/api/v3",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let place = settings(None, None, "").place("/work", runner).unwrap();
        assert_eq!(place.api, "https://ghe.example/api/v3");
        assert_eq!(token(&place), "ghs_1");
        assert_eq!(place.noreply, "noreply@ghe.example");
        let mut git = GitSettings::default();
        place.lend(&mut git);
        place.lend(&mut git);
        assert_eq!(git.credentials.len(), 1, "once is enough");
        assert_eq!(git.credentials[0].origin, "https://ghe.example");
    }

    #[test]
    fn what_makes_no_sense_is_told_and_no_token_goes_out_in_the_clear() {
        let refused = |settings: GitHubSettings| settings.place("/work", NOTHING).unwrap_err();
        assert!(refused(settings(Some("acme/deploy"), None, "")).contains("GITHUB_TOKEN"));
        let both = GitHubSettings {
            app: Some(GitHubAppSettings::default()),
            ..settings(Some("acme/deploy"), None, "t")
        };
        assert!(refused(both).contains("not both"));
        for api in [
            "http://ghe.example/api/v3",
            "ghe.example",
            "ftp://ghe.example",
        ] {
            assert!(
                refused(settings(Some("a/b"), Some(api), "t")).contains("forge.github.api"),
                "{api}"
            );
        }
        assert!(
            refused(settings(Some("a/b"), Some("https://u:p@ghe.example"), "t")).contains("token")
        );
        for name in ["deploy", "a/b/c", "a/..", "a/b?x", "/b", "a/"] {
            assert!(
                refused(settings(Some(name), None, "t")).contains("owner/name"),
                "{name}"
            );
        }
        assert!(!format!("{:?}", settings(None, None, "canary-9")).contains("canary"));
    }
}
