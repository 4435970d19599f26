//! Values files of applications: one YAML map, bounded like every other file, as JSON for the templates.

use super::diagnostic::Diagnostic;
use super::load::{ALIASES, syntax_problem};
use super::yaml::Fault;
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
        let explained = syntax_problem(path, text, &error);
        Box::new(Diagnostic {
            code: code::VALUES_SYNTAX.to_owned(),
            ..explained
        })
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
    let value: serde_json::Value = yaml::from_node(&tree, only).map_err(|error| {
        let at = tree.range(error.at.unwrap_or(only));
        let message = format!("these values cannot be read: {error}");
        let mut problem = problem(code::VALUES, &message, Some(yaml::place_of(text, &at)));
        problem.help = (error.fault == Fault::Aliases).then(|| ALIASES.to_owned());
        problem
    })?;
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

    #[test]
    fn what_is_too_deep_or_blown_up_is_told_with_its_limit_and_what_to_do() {
        let path: RepoPath = "environments/dev/a/values.yaml".parse().unwrap();
        let deep = format!("a: {}{}", "[".repeat(300), "]".repeat(300));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..9 {
            let before = format!("*a{},", n - 1).repeat(10);
            bomb += &format!("a{n}: &a{n} [{before}]\n");
        }
        for (text, code, message, help) in [
            (
                deep,
                code::VALUES_SYNTAX,
                "deeper than 64 levels",
                "flatten",
            ),
            (
                bomb,
                code::VALUES,
                "more than 100000 values",
                "write the values out",
            ),
        ] {
            let problem = parse(&path, &text).unwrap_err();
            assert_eq!(problem.code, code);
            assert!(problem.message.contains(message), "{problem:?}");
            assert!(
                problem.help.as_deref().is_some_and(|h| h.contains(help)),
                "{problem:?}"
            );
        }
    }
}
