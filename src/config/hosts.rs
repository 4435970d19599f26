//! Hosts and addresses among the settings, checked where they are read: so whoever wrote one hears of it with its place, from
//! `config` as from `run`. What they hold is repeated only where no login can hide in it.

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::registry::RegistryEntry;
use crate::model::RegistryHost;

/// One name for a registry's several: Docker Hub is `docker.io`.
pub fn canonical_host(host: &str) -> String {
    match host.trim().to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}

/// The address of a mirror.
///
/// # Errors
/// Why it is none, in words.
pub fn mirror(text: &str) -> Result<Url, &'static str> {
    let url =
        Url::parse(text).map_err(|_| "this is no address of a mirror: write http(s)://host")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("a mirror has an http or https address");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("a mirror is scheme, host and path, no more; credentials have their own list");
    }
    Ok(url)
}

fn host(text: &str) -> Result<(), String> {
    match canonical_host(text).parse::<RegistryHost>() {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{}this is no host: {HOST}", shown(text))),
    }
}

/// How a host is written.
const HOST: &str = "write its name, with its port if it has one (`quay.io`, `localhost:5000`), without `https://` and without a path";

fn pattern(text: &str) -> Result<(), String> {
    let host = canonical_host(text);
    let host = host.strip_prefix("*.").unwrap_or(&host);
    match host == "*" || host.parse::<RegistryHost>().is_ok() {
        true => Ok(()),
        false => Err(format!(
            "{}this is neither a host nor `*.domain` nor `*`: {HOST}",
            shown(text)
        )),
    }
}

/// The text itself, unless a login may be in it.
fn shown(text: &str) -> String {
    let printable = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    match printable && !text.contains('@') && text.len() <= 100 {
        true => format!("`{text}`: "),
        false => String::new(),
    }
}

fn checked<'de, D: Deserializer<'de>>(
    deserializer: D,
    check: fn(&str) -> Result<(), String>,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check(&text).map_err(de::Error::custom)?;
    Ok(text)
}

struct Pattern(String);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, pattern).map(Self)
    }
}

struct Host(String);

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, host).map(Self)
    }
}

pub(super) fn read_patterns<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let patterns = Vec::<Pattern>::deserialize(from)?;
    Ok(patterns.into_iter().map(|pattern| pattern.0).collect())
}

pub(super) fn read_hosts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<Host>::deserialize(from)?;
    Ok(hosts.into_iter().map(|host| host.0).collect())
}

pub(super) fn read_host<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked(from, host)
}

pub(super) fn read_mirror<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    if let Some(text) = &text {
        mirror(text).map_err(de::Error::custom)?;
    }
    Ok(text)
}

/// Where a Git credential goes: an address as repositories have them.
pub(super) fn read_origin<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    checked(from, |text| {
        let url = Url::parse(text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.filter(|url| url.host_str().is_some());
        match url {
            None => Err("this is no address: write https://host, or https://host/path".to_owned()),
            Some(url) if !url.username().is_empty() || url.password().is_some() => Err(
                "an origin holds no login: `username` and `password` stand beside it".to_owned(),
            ),
            Some(url) if url.query().is_some() || url.fragment().is_some() => {
                Err("an origin is scheme, host and path, no more".to_owned())
            }
            Some(_) => Ok(()),
        }
    })
}

pub(super) fn read_registries<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<RegistryEntry>, D::Error> {
    let entries = Vec::<RegistryEntry>::deserialize(from)?;
    let mut known = std::collections::BTreeSet::new();
    for entry in &entries {
        if !known.insert(canonical_host(&entry.host)) {
            let twice = format!(
                "`{}` is listed twice: say all of it in one entry",
                entry.host
            );
            return Err(de::Error::custom(twice));
        }
    }
    Ok(entries)
}
