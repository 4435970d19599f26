//! Operator settings for Git: which branch is the base, where mirrors are kept, who commits, and which credentials go where.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::model::Period;

/// How the repository is reached and who writes to it. Never read from the repository itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct GitSettings {
    /// The base branch (short name); without it the remote's default branch.
    pub base: Option<String>,
    /// Where bare mirrors are kept. A cache: it may be deleted at any time.
    pub cache_dir: PathBuf,
    /// Who our commits are made by. A base commit with this committer e-mail counts as ours.
    pub committer: GitPerson,
    /// A private SSH key without a passphrase, with which commits of ours are signed.
    pub signing_key: Option<PathBuf>,
    /// How commits of ours come into the repository.
    pub commits: CommitWay,
    /// The address by which a forge commits in our name; set by what the forge's settings say.
    #[serde(skip)]
    pub forge_committer: Option<String>,
    /// Credentials, each bound to one origin.
    pub credentials: Vec<GitCredential>,
    /// PEM file with the certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long to wait for a server.
    pub timeouts: GitTimeouts,
}

/// A name and an e-mail address as Git records them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitPerson {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// How commits of ours come into the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitWay {
    /// Made here and pushed.
    #[default]
    Push,
    /// Made by GitHub in our name, which signs them.
    Api,
}

impl GitSettings {
    /// Whether the way commits take fits the other settings; `forge_commits` where pull requests are on a forge that makes
    /// commits.
    ///
    /// # Errors
    /// What does not fit, and what to do about it.
    pub fn check_commits(&self, forge_commits: bool) -> Result<(), String> {
        match (self.commits, forge_commits, &self.signing_key) {
            (CommitWay::Push, ..) | (CommitWay::Api, true, None) => Ok(()),
            (CommitWay::Api, false, _) => Err(
                "`git.commits: api` has GitHub make our commits: it needs `forge.kind: github`"
                    .to_owned(),
            ),
            (CommitWay::Api, true, Some(_)) => Err(
                "GitHub signs what it commits (`git.commits: api`), with its own key: take `git.signingKey` away, or sign with it and set `git.commits: push`"
                    .to_owned(),
            ),
        }
    }
}

/// A secret that is sent to one origin and nowhere else.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GitCredential {
    /// Scheme, host and port (`https://git.example`), optionally with a path that the repository must lie below.
    #[serde(deserialize_with = "super::hosts::read_origin")]
    pub origin: String,
    /// With a name: HTTP basic authentication. Without: a bearer token.
    #[serde(default)]
    pub username: Option<String>,
    /// Password or token.
    #[serde(with = "super::secret")]
    pub password: SecretString,
}

/// Limits on how long a server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct GitTimeouts {
    /// To open a connection.
    pub connect: Period,
    /// Between two pieces of an answer.
    pub read: Period,
    /// For one whole request and its answer, however steadily it drips.
    pub total: Period,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self {
            base: None,
            cache_dir: default_cache_dir(),
            committer: GitPerson::default(),
            signing_key: None,
            commits: CommitWay::default(),
            forge_committer: None,
            credentials: Vec::new(),
            ca_file: None,
            timeouts: GitTimeouts::default(),
        }
    }
}

impl Default for GitPerson {
    fn default() -> Self {
        Self {
            name: "headwater".to_owned(),
            email: "headwater@localhost".to_owned(),
        }
    }
}

impl Default for GitTimeouts {
    fn default() -> Self {
        Self {
            connect: Period::seconds(10),
            read: Period::seconds(30),
            total: Period::seconds(900),
        }
    }
}

/// `$XDG_CACHE_HOME/headwater/git`, `~/.cache/headwater/git`, or a folder in the temporary directory where there is no home.
fn default_cache_dir() -> PathBuf {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("headwater")
        .join("git")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults_and_refuse_unknown_keys() {
        let settings: GitSettings = serde_json::from_str(r#"{"base": "trunk"}"#).unwrap();
        assert_eq!(settings.base.as_deref(), Some("trunk"));
        assert_eq!(settings.committer.email, "headwater@localhost");
        assert_eq!(settings.timeouts.read.as_seconds(), 30);
        assert!(serde_json::from_str::<GitSettings>(r#"{"bsae": "x"}"#).is_err());
    }

    #[test]
    fn commits_by_the_api_need_github_and_no_key_of_ours() {
        let settings = |json: &str| serde_json::from_str::<GitSettings>(json).unwrap();
        assert_eq!(settings("{}").check_commits(false), Ok(()));
        let api = settings(r#"{"commits": "api"}"#);
        assert_eq!(api.check_commits(true), Ok(()));
        assert!(
            api.check_commits(false)
                .unwrap_err()
                .contains("forge.kind: github")
        );
        let both = settings(r#"{"commits": "api", "signingKey": "/k"}"#);
        assert!(
            both.check_commits(true)
                .unwrap_err()
                .contains("git.signingKey")
        );
    }

    #[test]
    fn a_secret_is_neither_printed_nor_written() {
        let text =
            r#"{"credentials": [{"origin": "https://git.example", "password": "hunter2-canary"}]}"#;
        let settings: GitSettings = serde_json::from_str(text).unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
        let written = serde_json::to_value(&settings).unwrap();
        assert_eq!(written["credentials"][0]["password"], "(set)");
        assert!(!written.to_string().contains("canary"));
        let number =
            r#"{"credentials": [{"origin": "https://git.example", "password": 12345678}]}"#;
        let error = serde_json::from_str::<GitSettings>(number).unwrap_err();
        assert!(!error.to_string().contains("12345678"), "{error}");
    }
}
