//! What is secret among the settings, and how it is shown: as `(set)`, never by value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use config::{Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serializer};

use super::known::percent_decode;

/// What stands in place of a secret wherever settings are printed.
pub const SHOWN: &str = "(set)";

/// Last words of keys whose values are secrets.
const SECRET_WORDS: [&str; 8] = [
    "password",
    "token",
    "secret",
    "passphrase",
    "privatekey",
    "apikey",
    "accesskey",
    "authorization",
];

/// For `#[serde(with = "super::secret")]` on secrets of settings: writes `(set)`, or nothing for an empty one.
pub fn serialize<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() {
        ""
    } else {
        SHOWN
    })
}

/// The other half: reads text, and never says what it found instead.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    // The parser's own words would quote a password that is a number.
    String::deserialize(deserializer)
        .map(SecretString::from)
        .map_err(|_| serde::de::Error::custom("a secret is text: put it in quotes"))
}

/// Whether the setting at this path (`git.credentials[0].password`) is a secret, judged by its last key.
pub fn is_secret(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    let last = last.split('[').next().unwrap_or(last);
    let plain: String = last
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SECRET_WORDS.iter().any(|word| plain.ends_with(word))
}

/// Every secret in a tree of settings: values under secret keys, and passwords inside of URLs.
pub(super) fn collect(value: &Value, secret: bool, into: &mut Vec<SecretString>) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (key, value) in table {
                collect(value, secret || is_secret(key), into);
            }
            into.extend(login(table));
        }
        ValueKind::Array(items) => items.iter().for_each(|item| collect(item, secret, into)),
        ValueKind::Nil | ValueKind::Boolean(_) => {}
        scalar if secret => into.push(SecretString::from(scalar.to_string())),
        ValueKind::String(text) => into.extend(in_url(text)),
        _ => {}
    }
}

/// User name and password as HTTP's basic authentication writes them.
fn login(table: &config::Map<String, Value>) -> Option<SecretString> {
    let text = |wanted: &str| {
        let found = table.iter().find(|(key, _)| key.to_lowercase() == wanted);
        found.map(|(_, value)| value.kind.to_string())
    };
    let pair = format!("{}:{}", text("username")?, text("password")?);
    Some(SecretString::from(STANDARD_NO_PAD.encode(pair)))
}

/// The password inside of an address, as it is written and as it is meant.
fn in_url(text: &str) -> Vec<SecretString> {
    let written = url_password(text);
    let meant = written.as_deref().and_then(percent_decode);
    written
        .into_iter()
        .chain(meant)
        .map(SecretString::from)
        .collect()
}

/// The password of `scheme://user:password@host`.
fn url_password(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let password = user.split_once(':').map_or(user, |(_, password)| password);
    Some(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_last_key() {
        for secret in [
            "git.credentials[0].password",
            "forge.webhookSecret",
            "a.privateKey",
            "x.tokens.apiToken",
            "a.password[3]",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for open in [
            "git.base",
            "registry.registries[0].tokenRealms",
            "a.passwordFile",
            "secret.name",
        ] {
            assert!(!is_secret(open), "{open}");
        }
    }

    #[test]
    fn passwords_inside_of_urls_are_secrets() {
        assert_eq!(
            url_password("https://u:p%40w@host/x").as_deref(),
            Some("p%40w")
        );
        assert_eq!(
            url_password("https://token@host/x").as_deref(),
            Some("token")
        );
        assert_eq!(url_password("https://host/a@b"), None);
    }
}
