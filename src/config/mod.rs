//! Operator settings: one struct per concern, every value with its origin. They come from the operator's YAML, over it
//! `HEADWATER_` variables, over them flags, and never from the repository.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::model::{Guard, Name, NamePattern};

pub mod argocd;
pub mod clock;
pub mod daemon;
pub mod egress;
mod environment;
pub mod forge;
pub mod git;
pub mod github;
mod github_app;
pub mod hosts;
pub mod known;
pub mod load;
pub mod log;
pub mod origin;
mod read;
pub mod registry;
pub mod secret;
mod tokens;
mod yaml;

pub use argocd::ArgoCdServer;
pub use daemon::DaemonSettings;
pub use egress::EgressHost;
pub use forge::ForgeSettings;
pub use git::GitSettings;
pub use load::{ConfigError, Gathered, Inputs, Loaded, gather, load};
pub use log::{LogFormat, LogSettings};
pub use origin::{ConfigLine, Origins};
pub use registry::RegistrySettings;

/// Everything the operator chooses.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Settings {
    /// Git.
    pub git: GitSettings,
    /// Registries.
    pub registry: RegistrySettings,
    /// The forge.
    pub forge: ForgeSettings,
    /// The daemon.
    pub daemon: DaemonSettings,
    /// Hosts that gates may ask. Every other one is refused.
    #[serde(deserialize_with = "egress::read")]
    pub egress: Vec<EgressHost>,
    /// Argo CD servers, by the name that environments call them.
    pub argocd: BTreeMap<Name, ArgoCdServer>,
    /// What is fixed for environments, by name or by its beginning.
    #[serde(deserialize_with = "guards")]
    pub guards: BTreeMap<NamePattern, Guard>,
    /// Logs.
    pub log: LogSettings,
}

/// Guards that fix something: an empty one would look as if it did.
fn guards<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<NamePattern, Guard>, D::Error> {
    struct Fixing(Guard);
    impl<'de> Deserialize<'de> for Fixing {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let guard = Guard::deserialize(deserializer)?;
            match guard == Guard::default() {
                true => Err(de::Error::custom(
                    "this guard fixes nothing: write `delivery`, `gates`, `keys` or `owners`, or leave it out",
                )),
                false => Ok(Self(guard)),
            }
        }
    }
    let all = BTreeMap::<NamePattern, Fixing>::deserialize(deserializer)?;
    Ok(all
        .into_iter()
        .map(|(name, guard)| (name, guard.0))
        .collect())
}

#[cfg(test)]
mod tests;
