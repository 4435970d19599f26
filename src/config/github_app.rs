//! Operator settings for a GitHub App: which one, where it is installed, and the key that proves it.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::known;

/// A larger file holds no key.
const MOST_BYTES: u64 = 64 << 10;

/// A GitHub App that is installed in the repository. It acts under its own name, with tokens that live for an hour.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct GitHubAppSettings {
    /// The App's number, or its client id.
    #[serde(deserialize_with = "number_or_text")]
    pub id: String,
    /// The number of its installation; without it the one of the repository.
    pub installation: Option<u64>,
    /// Its private key, in PEM.
    #[serde(with = "super::secret")]
    pub private_key: SecretString,
    /// A file that holds the key instead.
    pub private_key_file: Option<PathBuf>,
}

/// An App with its key.
#[derive(Debug, Clone)]
pub struct GitHubApp {
    /// The App's number, or its client id.
    pub id: String,
    /// The number of its installation, where the operator gives it.
    pub installation: Option<u64>,
    /// Its private key, in PEM.
    pub key: SecretString,
}

impl GitHubAppSettings {
    /// The App with its key, from wherever that is.
    ///
    /// # Errors
    /// What is missing or cannot be read, and what to do about it.
    pub fn app(&self) -> Result<GitHubApp, String> {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if self.id.is_empty() || self.id.len() > 100 || !self.id.bytes().all(letters) {
            return Err(format!(
                "`forge.github.app.id: {}` is no App: write the App ID (or the client ID) of the App's page",
                self.id.chars().take(100).collect::<String>()
            ));
        }
        let given = self.private_key.expose_secret();
        let pem = match (&self.private_key_file, given.is_empty()) {
            (Some(_), false) => {
                return Err(
                    "set `forge.github.app.privateKey` or `privateKeyFile`, not both".to_owned(),
                );
            }
            (None, true) => {
                return Err("a GitHub App needs its private key: set `forge.github.app.privateKeyFile`, or `privateKey` (`HEADWATER_FORGE__GITHUB__APP__PRIVATE_KEY`); its page on GitHub makes one".to_owned());
            }
            (Some(file), true) => read(file).map_err(|why| {
                format!(
                    "`forge.github.app.privateKeyFile: {}` cannot be read: {why}",
                    file.display()
                )
            })?,
            // A variable or a secret of CI often holds the line ends as two letters.
            (None, false) if !given.trim_end().contains('\n') => given.replace("\\n", "\n"),
            (None, false) => given.to_owned(),
        };
        let key = SecretString::from(pem);
        known::register(&key);
        Ok(GitHubApp {
            id: self.id.clone(),
            installation: self.installation,
            key,
        })
    }
}

fn read(file: &std::path::Path) -> Result<String, String> {
    let size = std::fs::metadata(file).map_err(|e| e.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!(
            "it has more than {MOST_BYTES} bytes, which no key has"
        ));
    }
    std::fs::read_to_string(file).map_err(|e| e.to_string())
}

/// A number or a text, as a text: App IDs are numbers, client IDs are not.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an App ID or a client ID")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Visitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> GitHubAppSettings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_key_comes_from_the_settings_or_from_a_file_and_is_never_printed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "canary\nkey\n").unwrap();
        let from_file = settings(&format!(
            r#"{{"id": 4242, "privateKeyFile": "{}"}}"#,
            file.path().display()
        ));
        let app = from_file.app().unwrap();
        assert_eq!(
            (app.id.as_str(), app.key.expose_secret()),
            ("4242", "canary\nkey\n")
        );
        let given = settings(r#"{"id": "Iv23liX", "privateKey": "canary\\nkey\\n"}"#);
        let app = given.app().unwrap();
        assert_eq!(app.key.expose_secret(), "canary\nkey\n");
        let shown = format!(
            "{app:?} {given:?} {}",
            serde_json::to_string(&given).unwrap()
        );
        assert!(!shown.contains("canary"), "{shown}");
        assert!(!known::hide("the canary\nkey\n").contains("canary"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = |json: &str| settings(json).app().unwrap_err();
        assert!(refused(r#"{"id": 1}"#).contains("privateKeyFile"));
        assert!(refused(r#"{"privateKey": "x"}"#).contains("forge.github.app.id"));
        assert!(refused(r#"{"id": "a b", "privateKey": "x"}"#).contains("forge.github.app.id"));
        let both = r#"{"id": 1, "privateKey": "x", "privateKeyFile": "/x"}"#;
        assert!(refused(both).contains("not both"));
        let nowhere = r#"{"id": 1, "privateKeyFile": "/nowhere/key.pem"}"#;
        assert!(refused(nowhere).contains("/nowhere/key.pem"));
    }
}
