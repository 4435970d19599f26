//! Operator settings for Git: which branch, as whom, with which credentials.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Settings for Git.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GitSettings {
    /// Branch that is read and pushed to; absent means the remote's default branch.
    pub base: Option<String>,
    /// Where the mirror is kept.
    pub cache_dir: Option<PathBuf>,
    /// Name and address of our commits.
    pub committer: Option<String>,
    /// Who to be towards which origin.
    pub credentials: Vec<GitCredential>,
    /// More certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
}

/// Credentials for one origin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GitCredential {
    /// Scheme, host and port.
    pub origin: String,
    /// User.
    pub username: String,
    /// Password or token.
    #[serde(serialize_with = "super::secret::serialize")]
    pub password: SecretString,
}
