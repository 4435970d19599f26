//! GitHub's published schema: which fields a type has, and which arguments a field takes.

use std::sync::OnceLock;

use async_graphql_parser::types::SelectionSet;
use serde_json::Value;

use super::Arguments;

const PUBLISHED: &str = include_str!("../published/graphql.json");

fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| serde_json::from_str(PUBLISHED).unwrap())
}

/// What is wrong with asking a type for a field.
pub(super) fn problem(
    of: &str,
    name: &str,
    given: &Arguments,
    selected: &SelectionSet,
) -> Option<String> {
    let field = &schema()[of][name];
    if field.is_null() {
        return Some(format!("Field '{name}' doesn't exist on type '{of}'"));
    }
    let known = &field["args"];
    let unknown = |argument: &&String| known[argument.as_str()].is_null();
    if let Some(argument) = given.keys().find(unknown) {
        return Some(format!(
            "Field '{name}' doesn't accept argument '{argument}'"
        ));
    }
    for (argument, kind) in known.as_object().into_iter().flatten() {
        let kind = kind.as_str().unwrap_or_default();
        match given.get(argument) {
            None if kind.ends_with('!') => {
                return Some(format!(
                    "Field '{name}' is missing required arguments: {argument}"
                ));
            }
            Some(value) => {
                if let Some(problem) = misfit(kind, value) {
                    return Some(format!(
                        "Argument '{argument}' on Field '{name}': {problem}"
                    ));
                }
            }
            None => {}
        }
    }
    let kind = field["type"].as_str().unwrap_or_default();
    let is_object = !schema()[bare(kind)].is_null();
    if is_object && selected.items.is_empty() {
        return Some(format!(
            "Field must have selections (field '{name}' returns {kind})"
        ));
    }
    None
}

/// Why a value is not of a type: numbers, texts, lists and the fields of input objects are looked at.
fn misfit(kind: &str, value: &Value) -> Option<String> {
    let bare = bare(kind);
    if let (Value::Array(items), true) = (value, kind.starts_with('[')) {
        return items.iter().find_map(|item| misfit(bare, item));
    }
    let fits = match bare {
        "Int" => value.is_i64(),
        "Boolean" => value.is_boolean(),
        "String" | "ID" | "GitObjectID" | "Base64String" => value.is_string(),
        _ => true,
    };
    if !fits {
        return Some(format!("{value} is no {kind}"));
    }
    let described = schema()[bare].as_object()?;
    let Some(given) = value.as_object() else {
        return Some(format!("{value} is no {kind}"));
    };
    let unknown = given.keys().find(|name| !described.contains_key(*name));
    if let Some(name) = unknown {
        return Some(format!("'{name}' is not defined on {bare}"));
    }
    described.iter().find_map(|(name, field)| {
        let kind = field["type"].as_str()?;
        match given.get(name).filter(|value| !value.is_null()) {
            Some(value) => misfit(kind, value),
            None => kind
                .ends_with('!')
                .then(|| format!("'{name}' is missing in {bare}")),
        }
    })
}

fn bare(kind: &str) -> &str {
    kind.trim_matches(['[', ']', '!'])
}
