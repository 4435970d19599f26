//! Where every setting came from: `default`, `file:line`, `HEADWATER_X`, `--flag`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Origins of settings by path (`git.credentials[0].host`). What is not in it is a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, String>);

/// One setting as `headwater config` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigLine {
    /// Path such as `git.base`.
    pub path: String,
    /// The value; a secret is the text `(set)`.
    pub value: Value,
    /// `default`, `file:line`, a variable or a flag.
    pub origin: String,
}

impl Origins {
    pub(super) fn insert(&mut self, path: String, origin: String) {
        self.0.insert(path, origin);
    }

    /// Where the setting at this path came from: itself, what holds it, or `default`.
    pub fn of(&self, path: &str) -> &str {
        let mut path = path;
        loop {
            if let Some(origin) = self.0.get(path) {
                return origin;
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => return "default",
            }
        }
    }

    /// Every setting below `value` with its origin, sorted by path; lists of plain values are one setting.
    pub fn lines(&self, value: &Value) -> Vec<ConfigLine> {
        let mut lines = Vec::new();
        self.walk("", value, &mut lines);
        lines
    }

    fn walk(&self, path: &str, value: &Value, lines: &mut Vec<ConfigLine>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let path = match path {
                        "" => key.clone(),
                        path => format!("{path}.{key}"),
                    };
                    self.walk(&path, value, lines);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(&format!("{path}[{index}]"), item, lines);
                }
            }
            value => lines.push(ConfigLine {
                path: path.to_owned(),
                value: value.clone(),
                origin: self.of(path).to_owned(),
            }),
        }
    }
}
