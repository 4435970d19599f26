//! What is secret among the settings, and how it is shown: as `(set)`, never by value.

use config::{Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};
use serde::Serializer;

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

/// For `#[serde(serialize_with)]` on secrets of settings: writes `(set)`, or nothing for an empty one.
pub fn serialize<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() {
        ""
    } else {
        SHOWN
    })
}

/// The same for a secret that may be absent.
pub fn serialize_option<S: Serializer>(
    secret: &Option<SecretString>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serialize(secret, serializer),
        None => serializer.serialize_none(),
    }
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
        }
        ValueKind::Array(items) => items.iter().for_each(|item| collect(item, secret, into)),
        ValueKind::Nil | ValueKind::Boolean(_) => {}
        scalar if secret => into.push(SecretString::from(scalar.to_string())),
        ValueKind::String(text) => into.extend(url_password(text).map(SecretString::from)),
        _ => {}
    }
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
            "forge.webhook_secret",
            "a.private_key",
            "x.tokens.apiToken",
            "a.password[3]",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for open in [
            "git.base",
            "registry.registries[0].token_realms",
            "a.password_file",
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
