//! Where every setting came from: `default`, `file:line`, `HEADWATER_X`, `--flag`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::environment::PREFIX;

/// Origins of settings by path (`git.credentials[0].origin`). What is not in it is a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(BTreeMap<String, String>);

/// One setting as `headwater config` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigLine {
    /// Path such as `git.base`.
    pub path: String,
    /// The value; a secret is the text `(set)`.
    pub value: Value,
    /// `default`, `file:line`, a variable or a flag; several with commas between for a list put together from them.
    pub origin: String,
}

impl Origins {
    pub(super) fn insert(&mut self, path: String, origin: &str) {
        self.0.insert(path, line(origin).to_owned());
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

    /// The same for a list of plain values, of which variables may have set single ones.
    fn of_list(&self, path: &str, items: usize) -> String {
        let items = (0..items).map(|index| self.of(&format!("{path}[{index}]")));
        let (mut origins, rest): (Vec<&str>, Vec<&str>) =
            items.partition(|origin| origin.starts_with(PREFIX));
        origins.dedup();
        if origins.is_empty() || !rest.is_empty() {
            origins.insert(0, self.of(path));
        }
        origins.join(", ")
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
                origin: match value {
                    Value::Array(items) => self.of_list(path, items.len()),
                    _ => self.of(path).to_owned(),
                },
            }),
        }
    }
}

/// An origin without its column: where a value came from is told by the line, where it is wrong by the column, too.
fn line(origin: &str) -> &str {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    match origin.rsplit_once(':') {
        Some((line, column)) if is_number(column) => line,
        _ => origin,
    }
}
