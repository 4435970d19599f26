//! Operator settings for Argo CD: servers that environments name to tell whether a set runs.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::egress::{EgressCredential, EgressHost};
use super::hosts;
use crate::model::Name;

/// An Argo CD server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArgoCdServer {
    /// Its address, with the path that it is served below, if any.
    #[serde(deserialize_with = "hosts::read_origin")]
    pub url: String,
    /// A token of an account or a project role that may get applications.
    #[serde(with = "super::secret")]
    pub token: SecretString,
    /// Whether it may have an address of a private network or of this machine.
    #[serde(default)]
    pub private: bool,
    /// A PEM bundle trusted for it besides the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl ArgoCdServer {
    /// The host as others are listed, with the token as its only credential, of this name.
    ///
    /// # Errors
    /// When the address makes none; in words.
    pub fn host(&self, credential: &Name) -> Result<(Url, EgressHost), String> {
        let url = Url::parse(&self.url).map_err(|_| "its address is none".to_owned())?;
        let name = url.host_str().unwrap_or_default();
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        let entry = EgressHost {
            host,
            private: self.private,
            plain_http: url.scheme() == "http",
            ca_file: self.ca_file.clone(),
            credentials: vec![EgressCredential {
                name: credential.clone(),
                token: self.token.clone(),
                header: None,
                username: None,
                password: SecretString::from(String::new()),
            }],
        };
        Ok((url, entry))
    }
}
