//! Values files of applications: one YAML map, bounded like every other file, as JSON for the templates.

use super::diagnostic::Diagnostic;
use super::{code, yaml};
use crate::model::RepoPath;

/// Reads a values file; an empty one is an empty map.
///
/// # Errors
/// A diagnostic with the place, when it is no YAML, no map, or more than one document.
pub fn parse(path: &RepoPath, text: &str) -> Result<serde_json::Value, Box<Diagnostic>> {
    let problem =
        |code, message: &str, place| Box::new(Diagnostic::error(path, code, message).at(place));
    let tree = yaml::parse(text).map_err(|error| {
        problem(
            code::VALUES_SYNTAX,
            "this is not valid YAML",
            Some(yaml::place_of(text, &error.at)),
        )
    })?;
    let documents = tree.documents();
    let only = match documents.as_slice() {
        [] => return Ok(serde_json::Value::Object(serde_json::Map::new())),
        [only] if tree.is_null(*only) => {
            return Ok(serde_json::Value::Object(serde_json::Map::new()));
        }
        [only] => *only,
        [_, second, ..] => {
            let place = Some(yaml::place_of(text, &tree.range(*second)));
            return Err(problem(
                code::VALUES_DOCUMENTS,
                "values are one document",
                place,
            ));
        }
    };
    let place = || Some(yaml::place_of(text, &tree.range(only)));
    let value: serde_json::Value = yaml::from_node(&tree, only)
        .map_err(|_| problem(code::VALUES, "these values cannot be read", place()))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(problem(
            code::VALUES_MAP,
            "values are a map of names to values",
            place(),
        ))
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
