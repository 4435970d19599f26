//! `HEADWATER_` variables as a source of settings: `HEADWATER_GIT__BASE=main` sets `git.base`.

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};

use super::load::ConfigError;

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "HEADWATER_";

/// Variables of ours that are no settings: where the settings are, and in which time zone times are shown.
const RESERVED: [&str; 2] = ["HEADWATER_CONFIG", "HEADWATER_TZ"];

/// The largest index a variable may name in a list.
const LARGEST_INDEX: usize = 999;

/// The settings among the variables, by path as the `config` crate reads paths.
pub(super) fn read(
    variables: &BTreeMap<String, String>,
) -> Result<Map<String, Value>, ConfigError> {
    let mut settings = Map::new();
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if value.is_empty() || RESERVED.contains(&name.as_str()) || is_service_link(rest) {
            continue;
        }
        let path = path(name, rest)?;
        settings.insert(
            path,
            Value::new(Some(name), ValueKind::from(value.as_str())),
        );
    }
    Ok(settings)
}

/// Kubernetes puts `HEADWATER_PORT_8080_TCP` and the like into every pod beside a service named `headwater`.
fn is_service_link(rest: &str) -> bool {
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}

fn path(name: &str, rest: &str) -> Result<String, ConfigError> {
    let wrong = |help: String| ConfigError::Variable {
        name: name.to_owned(),
        help,
    };
    let mut path = String::new();
    let parts: Vec<&str> = rest.split("__").collect();
    if parts.len() < 2 {
        let example = match rest.split_once('_') {
            Some((section, name)) => format!("did you mean {PREFIX}{section}__{name}?"),
            None => {
                format!("write it like {PREFIX}GIT__BASE (`headwater config` lists what there is)")
            }
        };
        return Err(wrong(format!(
            "two underscores step into a section: {example}"
        )));
    }
    for part in parts {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(wrong(
                "use letters, digits and single underscores".to_owned(),
            ));
        }
        match part.parse::<usize>() {
            Ok(index) if index > LARGEST_INDEX || path.is_empty() => {
                return Err(wrong(format!(
                    "a list index goes from 0 to {LARGEST_INDEX}"
                )));
            }
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&part.to_ascii_lowercase());
            }
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &[(&str, &str)]) -> Result<Vec<String>, ConfigError> {
        let variables = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let mut paths: Vec<String> = read(&variables)?.into_keys().collect();
        paths.sort();
        Ok(paths)
    }

    #[test]
    fn two_underscores_nest_and_numbers_index() {
        let found = paths(&[
            ("HEADWATER_GIT__CACHE_DIR", "/x"),
            ("HEADWATER_GIT__CREDENTIALS__0__PASSWORD", "p"),
            ("PATH", "/bin"),
            ("HEADWATER_GIT__BASE", ""),
        ])
        .unwrap();
        assert_eq!(found, ["git.cache_dir", "git.credentials[0].password"]);
    }

    #[test]
    fn one_underscore_is_answered_with_the_right_spelling() {
        let error = paths(&[("HEADWATER_GIT_BASE", "main")]).unwrap_err();
        assert!(error.help().unwrap().contains("HEADWATER_GIT__BASE"));
        assert!(paths(&[("HEADWATER_A__99999999__B", "1")]).is_err());
        assert!(paths(&[("HEADWATER_A____B", "1")]).is_err());
    }

    #[test]
    fn variables_of_a_service_named_headwater_are_no_settings() {
        let links = [
            ("HEADWATER_PORT", "tcp://10.0.0.1:8080"),
            ("HEADWATER_SERVICE_HOST", "10.0.0.1"),
            ("HEADWATER_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("HEADWATER_TZ", "UTC"),
        ];
        assert!(paths(&links).unwrap().is_empty());
    }
}
