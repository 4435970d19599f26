//! Values files of applications: one YAML map, bounded like every other file, as JSON for the templates.

use super::diagnostic::Diagnostic;
use super::yaml;
use crate::model::RepoPath;

/// Reads a values file; an empty one is an empty map.
///
/// # Errors
/// A diagnostic with the place, when it is no YAML, no map, or more than one document.
pub fn parse(path: &RepoPath, text: &str) -> Result<serde_json::Value, Diagnostic> {
    let empty = || serde_json::Value::Object(serde_json::Map::new());
    let tree = yaml::parse(text).map_err(|error| {
        Diagnostic::error(path, "HW0501", "this is not valid YAML")
            .at(Some(yaml::place_of(text, &error.at)))
    })?;
    let documents = tree.documents();
    match documents.as_slice() {
        [] => Ok(empty()),
        [only] if tree.is_null(*only) => Ok(empty()),
        [only] => {
            let value: serde_json::Value = yaml::from_node(&tree, *only)
                .map_err(|_| Diagnostic::error(path, "HW0502", "these values cannot be read"))?;
            if value.is_object() {
                Ok(value)
            } else {
                Err(
                    Diagnostic::error(path, "HW0503", "values are a map of names to values")
                        .at(Some(yaml::place_of(text, &tree.range(*only)))),
                )
            }
        }
        [_, second, ..] => Err(Diagnostic::error(path, "HW0504", "values are one document")
            .at(Some(yaml::place_of(text, &tree.range(*second))))
            .help("put everything into the first document")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_one_map() {
        let path: RepoPath = "environments/dev/a/values.yaml".parse().unwrap();
        assert_eq!(
            parse(&path, "replicas: 2\nhost: n\n").unwrap(),
            serde_json::json!({"replicas": 2, "host": "n"})
        );
        assert_eq!(parse(&path, "# nothing\n").unwrap(), serde_json::json!({}));
        for bad in ["- 1\n", "a: [\n", "a: 1\n---\nb: 2\n", "x"] {
            assert!(parse(&path, bad).is_err(), "{bad}");
        }
    }
}
