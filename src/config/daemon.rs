//! Operator settings for the daemon: how often it looks by itself, and where it can be asked.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::Period;

/// Settings for `serve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct DaemonSettings {
    /// Time between two passes when nothing wakes it; at least a second.
    #[serde(deserialize_with = "read_tick")]
    pub tick: Period,
    /// Address for health and status, or `off`. Loopback unless the operator opens it.
    #[serde(serialize_with = "write_listen", deserialize_with = "read_listen")]
    pub listen: Option<SocketAddr>,
    /// A pass that takes longer than this has stalled: the liveness check fails, so that whoever watches starts anew.
    #[serde(deserialize_with = "read_patience")]
    pub stalled_after: Period,
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self {
            tick: Period::seconds(60),
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            stalled_after: Period::seconds(1200),
        }
    }
}

fn read_tick<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    let tick = Period::deserialize(deserializer)?;
    if tick.as_seconds() == 0 {
        return Err(de::Error::custom("a tick is at least 1s"));
    }
    Ok(tick)
}

fn read_patience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    let patience = Period::deserialize(deserializer)?;
    if patience.as_seconds() == 0 {
        return Err(de::Error::custom("a pass needs at least 1s"));
    }
    Ok(patience)
}

fn write_listen<S: Serializer>(
    listen: &Option<SocketAddr>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match listen {
        Some(address) => serializer.collect_str(address),
        None => serializer.serialize_str("off"),
    }
}

fn read_listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = Option<SocketAddr>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address like 127.0.0.1:8080, or off")
        }
        fn visit_bool<E: de::Error>(self, on: bool) -> Result<Self::Value, E> {
            if on {
                Err(E::invalid_value(de::Unexpected::Bool(on), &self))
            } else {
                Ok(None)
            }
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text {
                "off" => Ok(None),
                text => text
                    .parse()
                    .map(Some)
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self)),
            }
        }
    }
    deserializer.deserialize_any(Visitor)
}
