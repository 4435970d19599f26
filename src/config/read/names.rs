//! Which setting a key means. Files and flags spell keys exactly; variables cannot tell `cacheDir` from `cache_dir`, so
//! that one setting may arrive under two names and is put together here.

use config::{Value, ValueKind};

use super::error::normal;
use super::origin_of;
use crate::config::environment::PREFIX;

/// The field that a key names: exactly, or in a variable regardless of case and underscores.
pub(super) fn named(
    key: &str,
    value: &Value,
    fields: &'static [&'static str],
) -> Option<&'static str> {
    let exact = fields.iter().find(|field| **field == key);
    let loose = || fields.iter().find(|field| normal(field) == normal(key));
    let from_variable = origin_of(value).is_some_and(|origin| origin.starts_with(PREFIX));
    exact
        .or_else(|| from_variable.then(loose).flatten())
        .copied()
}

/// Two values of one setting as one: maps and lists part by part, otherwise the one that goes over the other.
pub(super) fn together(one: Value, other: Value) -> Value {
    let origin = one.origin().or(other.origin()).map(str::to_owned);
    let (low, high) = if rank(&one) > rank(&other) {
        (other, one)
    } else {
        (one, other)
    };
    let high_origin = high.origin().map(str::to_owned);
    match (low.kind, high.kind) {
        (ValueKind::Table(mut table), ValueKind::Table(over)) => {
            for (key, value) in over {
                let value = match table.remove(&key) {
                    Some(under) => together(under, value),
                    None => value,
                };
                table.insert(key, value);
            }
            Value::new(origin.as_ref(), ValueKind::Table(table))
        }
        (ValueKind::Array(items), ValueKind::Array(over)) => {
            let (mut items, mut over) = (items.into_iter(), over.into_iter());
            let items = std::iter::from_fn(|| match (items.next(), over.next()) {
                (Some(under), Some(over)) => Some(together(under, over)),
                (under, over) => under.or(over),
            });
            Value::new(origin.as_ref(), ValueKind::Array(items.collect()))
        }
        (_, kind) => Value::new(high_origin.as_ref(), kind),
    }
}

/// What goes over what: flags over variables over the rest. Where a variable names one item of a list, those before it
/// are nothing and go below all.
fn rank(value: &Value) -> u8 {
    match (&value.kind, origin_of(value)) {
        (ValueKind::Nil, _) => 0,
        (_, Some(origin)) if origin.starts_with('-') => 3,
        (_, Some(origin)) if origin.starts_with(PREFIX) => 2,
        _ => 1,
    }
}
