//! The second opinion behind every edit: another parser must read from the new text exactly what was wished, and from
//! every other document what it read before.

use serde::Deserialize as _;
use serde_yaml::Value;

use super::Refusal;
use super::wish::Wish;
use crate::manifests::yaml::{self, Tree};

/// Refuses an edit whose text does not say what was wished, or says anything else differently.
pub(super) fn verify(old: &Tree<'_>, new: &str, index: usize, wish: &Wish) -> Result<(), Refusal> {
    let tree = yaml::parse(new).map_err(|_| Refusal::whole("the edited text would not be YAML"))?;
    let own = match tree.documents().get(index) {
        Some(root) => Wish::of(&tree, *root)?,
        None => return Err(Refusal::whole("the document would be lost")),
    };
    if !alike(&own, wish) {
        return Err(Refusal::whole("the edited text would say something else"));
    }
    let read = documents(new)?;
    // Nothing but the document itself is in the file: then there is nothing else to compare, in the old text either.
    let alone = |tree: &Tree<'_>| tree.documents() == tree.roots && tree.roots.len() == 1;
    let is_all = alone(old) && alone(&tree) && read.len() == 1;
    if !is_all && !others_same(&documents(old.text)?, &read, index) {
        return Err(Refusal::whole("another document of the file would change"));
    }
    match read.get(index) {
        Some(value) if same(value, wish) => Ok(()),
        _ => Err(Refusal::whole(
            "two YAML readers would not agree on the edited text",
        )),
    }
}

fn others_same(old: &[Value], new: &[Value], index: usize) -> bool {
    let mut pairs = old.iter().zip(new).enumerate();
    old.len() == new.len() && pairs.all(|(i, (old, new))| i == index || old == new)
}

/// Every document as generic values, items of lists counted one by one, the rest of a list last.
fn documents(text: &str) -> Result<Vec<Value>, Refusal> {
    let refuse = |_| Refusal::whole("the file cannot be read by a second YAML reader");
    let text = text.trim_start_matches('\u{feff}');
    let roots = match serde_json::from_str::<Value>(text) {
        Ok(value) if text.trim_start().starts_with(['{', '[']) => vec![value],
        _ => serde_yaml::Deserializer::from_str(text)
            .map(Value::deserialize)
            .collect::<Result<Vec<_>, _>>()
            .map_err(refuse)?,
    };
    let mut documents = Vec::with_capacity(roots.len());
    let mut rest = Vec::new();
    for mut root in roots {
        let kind = root.get("kind").and_then(Value::as_str);
        let is_list = matches!(kind, Some("List" | "ImageStreamList"));
        match root.get_mut("items").filter(|_| is_list) {
            Some(Value::Sequence(items)) => {
                documents.append(items);
                rest.push(root);
            }
            _ => documents.push(root),
        }
    }
    documents.append(&mut rest);
    Ok(documents)
}

/// Whether two wishes say the same, wherever their items come from.
fn alike(a: &Wish, b: &Wish) -> bool {
    match (a, b) {
        (Wish::List(a), Wish::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(&a.wish, &b.wish))
        }
        (Wish::Map(a), Wish::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.iter().any(|(k, v)| k == key && alike(value, v)))
        }
        _ => a == b,
    }
}

/// Whether the second parser read what was wished.
fn same(value: &Value, wish: &Wish) -> bool {
    match (value, wish) {
        (Value::Null, Wish::Null) => true,
        (Value::Bool(a), Wish::Bool(b)) => a == b,
        (Value::Number(a), Wish::Integer(b)) => a.as_i64() == Some(*b),
        (Value::Number(a), Wish::Unsigned(b)) => a.as_u64() == Some(*b),
        (Value::Number(a), Wish::Float(b)) => a.as_f64() == Some(*b),
        (Value::String(a), Wish::Text(b)) => a == b,
        (Value::Sequence(a), Wish::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, &b.wish))
        }
        (Value::Mapping(a), Wish::Map(b)) => {
            a.len() == b.len()
                && b.iter().all(|(key, wish)| {
                    let value = a
                        .get(key.as_str())
                        .or_else(|| a.iter().find(|(k, _)| name_of(k) == *key).map(|(_, v)| v));
                    value.is_some_and(|value| same(value, wish))
                })
        }
        _ => false,
    }
}

/// A key as text: keys that look like numbers are read as text here.
fn name_of(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null => "~".to_owned(),
        _ => String::new(),
    }
}
