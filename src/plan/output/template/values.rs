//! Values of templates: defaults and the application's own, merged.

use serde_json::{Map, Value};

use super::error::Problem;

/// Largest values, in bytes of text or of JSON.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// Reads `values.yaml`. Nothing in it is the same as an empty map.
pub(super) fn parse(file: &str, text: &str) -> Result<Value, Problem> {
    if text.len() > MAX_BYTES {
        return Err(Problem::new(
            file,
            None,
            "the values are larger than 256 KiB",
        ));
    }
    let value: Value = serde_yaml::from_str(text).map_err(|error| {
        let line = error.location().map(|place| place.line());
        let problem = Problem::new(file, line, format!("the values cannot be read: {error}"));
        if text.contains("{{") {
            problem.help("values are not templates; `{{` must be quoted")
        } else {
            problem
        }
    })?;
    match value {
        Value::Null => Ok(Value::Object(Map::new())),
        Value::Object(_) => Ok(value),
        _ => Err(Problem::new(file, None, "the values must be a map")),
    }
}

/// Lays `over` on `base`: maps merge deeply, null deletes, everything else replaces.
pub(super) fn merge(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            let mut merged = base.clone();
            for (key, value) in over {
                if value.is_null() {
                    merged.remove(key);
                } else {
                    let below = merged.get(key).unwrap_or(&Value::Null);
                    let value = merge(below, value);
                    merged.insert(key.clone(), value);
                }
            }
            Value::Object(merged)
        }
        (_, Value::Object(_)) => merge(&Value::Object(Map::new()), over),
        _ => over.clone(),
    }
}

/// About how many bytes a value takes.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| 8 + size(item)).sum(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| 8 + key.len() + size(value))
            .sum(),
        Value::String(text) => text.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

/// Whether a value nests no deeper than `limit`.
pub(super) fn is_shallow(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(items) => limit > 0 && items.iter().all(|item| is_shallow(item, limit - 1)),
        Value::Object(entries) => {
            limit > 0 && entries.values().all(|value| is_shallow(value, limit - 1))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_merge_deeply_lists_replace_and_null_deletes() {
        let base = json!({"a": {"x": 1, "y": 2}, "l": [1, 2], "gone": 1, "map": {"k": 1}});
        let over = json!({"a": {"y": 3, "z": {"n": null}}, "l": [9], "gone": null, "map": "text"});
        let merged = json!({"a": {"x": 1, "y": 3, "z": {}}, "l": [9], "map": "text"});
        assert_eq!(merge(&base, &over), merged);
    }

    #[test]
    fn values_are_a_map_or_nothing() {
        assert_eq!(parse("values.yaml", "# nothing\n"), Ok(json!({})));
        assert!(parse("values.yaml", "- a\n").is_err());
        assert_eq!(
            parse("values.yaml", "a: b\nc: {{x}}\n").unwrap_err().file,
            "values.yaml"
        );
    }
}
