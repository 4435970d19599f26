//! Hold and Freeze documents: people's brakes. One file each; deleting the file lifts it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::digest::Digest;
use super::name::Name;
use super::pipeline::ObjectMeta;
use super::set::SetId;
use super::time::Timestamp;

/// A Hold: a stage stands still, or a set may not enter it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hold {
    /// Name, like its file.
    pub metadata: ObjectMeta,
    /// What is held and why.
    pub spec: HoldSpec,
}

/// What is held and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HoldSpec {
    /// The pipeline.
    pub pipeline: Name,
    /// The stages.
    pub stages: Vec<Name>,
    /// Only this set; with neither `set` nor `digest` the whole stage is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetId>,
    /// Only sets with this digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Why.
    pub reason: String,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What made it.
    #[serde(default)]
    pub cause: HoldCause,
    /// The opposite of a hold: what `lifts` names no longer counts against this set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifted: bool,
    /// What is lifted: commits of reverts, and by which the source went back, ids of pull requests. A later revert, going back or
    /// closing of the same set counts again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifts: Vec<String>,
}

/// What made a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldCause {
    /// `hold`, or a file written by a person.
    #[default]
    Person,
    /// `rollback`.
    Rollback,
    /// `unhold` of a revert.
    Revert,
}

/// A Freeze: environments that no set may enter for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// Name, like its file.
    pub metadata: ObjectMeta,
    /// Where, when and why.
    pub spec: FreezeSpec,
}

/// Where, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeSpec {
    /// Environments by name; `*` at the end stands for any rest.
    pub environments: Vec<String>,
    /// What goes on nevertheless.
    #[serde(default)]
    pub except: FreezeExcept,
    /// Begin, local to `timeZone` (`2026-11-26T00:00`); absent means at once.
    #[serde(
        default,
        deserialize_with = "local_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub from: Option<jiff::civil::DateTime>,
    /// End; absent means until the file is deleted.
    #[serde(
        default,
        deserialize_with = "local_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<jiff::civil::DateTime>,
    /// IANA name of the time zone; absent means UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Why.
    pub reason: String,
}

/// Reads a local time, in words that name the text instead of the parser's trouble with it.
fn local_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<jiff::civil::DateTime>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let shown: String = text.chars().take(60).collect();
    let time = text.parse().map_err(|_| {
        let words = match text.parse::<Timestamp>().is_ok() {
            true => "says which clock is meant, as `timeZone` does: write 2026-12-24T18:00 alone",
            false => "is no time of the calendar: write 2026-12-24, or 2026-12-24T18:00",
        };
        D::Error::custom(format!("`{shown}` {words}"))
    })?;
    Ok(Some(time))
}

/// What goes on during a freeze.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FreezeExcept {
    /// Pipelines.
    #[serde(default)]
    pub pipelines: Vec<Name>,
}
