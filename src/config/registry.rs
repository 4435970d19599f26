//! Operator settings for registries.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Settings for registries.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RegistrySettings {
    /// Hosts that may be asked at all.
    pub allowed: Vec<String>,
    /// Who to be towards which registry.
    pub credentials: Vec<RegistryCredential>,
}

/// Credentials for one host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegistryCredential {
    /// Host and port.
    pub host: String,
    /// User.
    pub username: String,
    /// Password or token.
    #[serde(serialize_with = "super::secret::serialize")]
    pub password: SecretString,
}
