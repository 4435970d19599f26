//! Operator settings for the forge: where pull requests live and whose word counts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, de};

pub use super::github::{
    GitHubApp, GitHubAppSettings, GitHubBudget, GitHubLogin, GitHubPlace, GitHubSettings,
    TOKEN_USER,
};

/// Settings for the forge.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct ForgeSettings {
    /// Which forge.
    pub kind: ForgeKind,
    /// Settings of the offline forge.
    pub offline: OfflineSettings,
    /// Settings of GitHub.
    pub github: GitHubSettings,
}

/// Which forge keeps the pull requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// Refs in the repository itself; a plain Git server is enough.
    #[default]
    Offline,
    /// GitHub, or a GitHub Enterprise server.
    GitHub,
}

/// Settings of the offline forge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct OfflineSettings {
    /// Which approvals count.
    pub trust: Trust,
    /// Keys of the people whose signed approvals count.
    pub allowed_signers: Option<AllowedSigners>,
    /// Members of teams (`"@acme/release": [ann, bob]`).
    pub teams: BTreeMap<String, Vec<String>>,
    /// Where pull requests are kept.
    pub refs: PullRefs,
}

/// Which approvals count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Those signed by a key of `allowedSigners`.
    #[default]
    Signed,
    /// Those pushed: whoever may push may approve under any name. For demos.
    Push,
}

/// Where pull requests are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullRefs {
    /// `refs/headwater/pulls/`.
    #[default]
    Custom,
    /// `refs/heads/headwater-pulls/`, for servers that refuse other refs.
    Heads,
}

/// Keys in the format of `ssh-keygen -Y` (`ALLOWED SIGNERS`): a file, or the lines themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum AllowedSigners {
    /// A file.
    File(PathBuf),
    /// Lines.
    Lines(Vec<String>),
}

impl<'de> Deserialize<'de> for AllowedSigners {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = AllowedSigners;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file, or a list of lines")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AllowedSigners, E> {
                Ok(AllowedSigners::File(text.into()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(
                self,
                mut access: A,
            ) -> Result<AllowedSigners, A::Error> {
                let mut lines = Vec::new();
                while let Some(line) = access.next_element()? {
                    lines.push(line);
                }
                Ok(AllowedSigners::Lines(lines))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
