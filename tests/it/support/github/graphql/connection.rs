//! Lists in pages: by cursor, never more than a hundred at once.

use serde_json::{Value, json};

use super::fields::{Object, Out};
use super::{Arguments, Problem};

/// One page of a list.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// The type of what is in it.
    pub(super) of: &'static str,
    objects: Vec<Object>,
    /// Where the page begins in the whole list.
    start: usize,
    total: usize,
}

impl Connection {
    /// The page that was asked for.
    pub(super) fn page(
        name: &str,
        of: &'static str,
        all: Vec<Object>,
        given: &Arguments,
    ) -> Result<Self, Problem> {
        let number = |name: &str| given.get(name).and_then(Value::as_u64);
        let (size, from_end) = match (number("first"), number("last")) {
            (Some(first), None) => (first, false),
            (None, Some(last)) => (last, true),
            _ => {
                let message = format!(
                    "You must provide a `first` or `last` value to properly paginate the `{name}` connection."
                );
                return Err(Problem::Said("MISSING_PAGINATION_BOUNDARIES", message));
            }
        };
        if size > 100 {
            let message = format!(
                "Requesting {size} records on the `{name}` connection exceeds the `first` limit of 100 records."
            );
            return Err(Problem::Said("EXCESSIVE_PAGINATION", message));
        }
        let at = |name: &str| given.get(name).and_then(Value::as_str).and_then(place);
        let total = all.len();
        let low = at("after").map_or(0, |at| at + 1).min(total);
        let high = at("before").unwrap_or(total).clamp(low, total);
        let size = usize::try_from(size).unwrap().min(high - low);
        let start = if from_end { high - size } else { low };
        let objects = all.into_iter().skip(start).take(size).collect();
        Ok(Self {
            of,
            objects,
            start,
            total,
        })
    }

    /// A field of it.
    pub(super) fn field(&self, name: &str) -> Result<Out, Problem> {
        let end = self.start + self.objects.len();
        Ok(match name {
            "totalCount" => Out::Value(json!(self.total)),
            "nodes" => Out::List(self.objects.clone()),
            "edges" => {
                let edge = |(at, object): (usize, &Object)| {
                    let cursor = cursor(self.start + at);
                    Object::Edge(self.of, cursor, Box::new(object.clone()))
                };
                Out::List(self.objects.iter().enumerate().map(edge).collect())
            }
            "pageInfo" => {
                let none = self.objects.is_empty();
                Out::Object(Object::Page(json!({
                    "hasNextPage": end < self.total,
                    "hasPreviousPage": self.start > 0,
                    "startCursor": (!none).then(|| cursor(self.start)),
                    "endCursor": (!none).then(|| cursor(end - 1)),
                })))
            }
            _ => return Err(Problem::Unspoken),
        })
    }
}

fn cursor(at: usize) -> String {
    format!("Y3Vyc29y{at:04}")
}

fn place(cursor: &str) -> Option<usize> {
    cursor.strip_prefix("Y3Vyc29y")?.parse().ok()
}
