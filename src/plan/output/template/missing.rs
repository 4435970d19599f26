//! Values that templates ask for and nobody gives: all of them are told, not only the one that is met first.

use serde_json::{Map, Value, json};

use super::TemplateError;
use super::error::Problem;

/// More than these are not looked for: each is another rendering.
pub(super) const MOST: usize = 20;

/// Everything that is wrong, never nothing.
pub type TemplateErrors = Vec<TemplateError>;

/// Puts something where a value is missing, to see what else is; says whether that could be done.
pub(super) fn fill(data: &mut Value, path: &str) -> bool {
    let mut keys = path.split('.').peekable();
    if keys.next() != Some("values") || keys.peek().is_none() {
        return false;
    }
    let mut at = &mut data["values"];
    for key in keys {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        let Some(map) = at
            .as_object_mut()
            .filter(|_| !key.is_empty() && key.chars().all(plain))
        else {
            return false;
        };
        at = map.entry(key).or_insert(Value::Null);
    }
    let missing = at.is_null();
    if missing {
        *at = json!("missing");
    }
    missing
}

/// All of them as one: with the place of the first.
pub(super) fn together(errors: TemplateErrors) -> TemplateError {
    let mut missing = errors
        .iter()
        .filter_map(|error| error.problem()?.missing.clone());
    let names: Vec<String> = match missing.next() {
        Some(first) => std::iter::once(first)
            .chain(missing)
            .map(|name| format!("`{name}`"))
            .collect(),
        None => Vec::new(),
    };
    let first = errors.into_iter().next();
    match (first, names.as_slice()) {
        (Some(TemplateError::Broken(first)), [others @ .., last]) if !others.is_empty() => {
            let message = format!("there are no values {} and {last}", others.join(", "));
            TemplateError::Broken(Problem { message, ..first })
        }
        (Some(first), _) => first,
        (None, _) => Problem::new("", None, "it cannot be rendered").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_put_where_a_value_is_missing_and_nowhere_else() {
        let mut data = json!({"values": {"a": {"b": 1}, "t": "text", "n": null}, "app": "x"});
        for (path, done) in [
            ("values.a.c", true),
            ("values.x.y", true),
            ("values.n", true),
            ("values.a.b", false),
            ("values.t.u", false),
            ("values", false),
            ("this.a", false),
            ("values.list.[0]", false),
            ("namespace", false),
        ] {
            assert_eq!(fill(&mut data, path), done, "{path}");
        }
        let wanted = json!({"a": {"b": 1, "c": "missing"}, "t": "text", "n": "missing", "x": {"y": "missing"}, "list": {}});
        assert_eq!(data["values"], wanted);
    }
}
