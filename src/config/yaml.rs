//! The operator's YAML file as a source of settings in which every value remembers its place.

use std::fmt;
use std::io::Read;
use std::path::Path;

use config::{Map, Value, ValueKind};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::load::ConfigError;

/// No settings file is longer than this, in bytes.
const LONGEST: u64 = 1 << 20;

/// Reads a settings file.
pub(super) fn read(path: &Path) -> Result<Value, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable {
        path: path.to_owned(),
        cause,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > LONGEST {
        return Err(ConfigError::TooLong {
            path: path.to_owned(),
        });
    }
    parse(&text, &path.display().to_string())
}

/// Parses settings; `name` is what origins call the file.
pub(super) fn parse(text: &str, name: &str) -> Result<Value, ConfigError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
    };
    let root: Option<Spanned<Node>> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            ConfigError::Syntax {
                place: error
                    .location()
                    .map_or_else(|| name.to_owned(), |at| place(name, at)),
                message: plain(&error),
            }
        })?;
    match root.map(|root| root.value.into_value(name, &root.referenced)) {
        None => Ok(Map::<String, Value>::new().into()),
        Some(value) => match value.kind {
            ValueKind::Table(_) => Ok(value),
            ValueKind::Nil => Ok(Map::<String, Value>::new().into()),
            _ => Err(ConfigError::Syntax {
                place: name.to_owned(),
                message: "the file must be a map of settings".to_owned(),
            }),
        },
    }
}

/// `file:line:column`
fn place(name: &str, at: Location) -> String {
    format!("{name}:{}:{}", at.line(), at.column())
}

/// What the parser says, without its own idea of where.
fn plain(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.rfind(" at line ").map_or(first, |at| &first[..at]);
    // Where the library goes on to speak to programmers.
    let end = [", set ", "; set ", ". Set "];
    let end = end.iter().filter_map(|words| first.find(words)).min();
    end.map_or(first, |end| &first[..end]).to_owned()
}

/// A YAML value whose parts know their places.
enum Node {
    Scalar(ValueKind),
    List(Vec<Spanned<Self>>),
    Table(Vec<(String, Spanned<Self>)>),
}

impl Node {
    fn into_value(self, name: &str, at: &Location) -> Value {
        let origin = place(name, *at);
        let kind = match self {
            Self::Scalar(kind) => kind,
            Self::List(items) => ValueKind::Array(
                items
                    .into_iter()
                    .map(|item| item.value.into_value(name, &item.referenced))
                    .collect(),
            ),
            Self::Table(entries) => ValueKind::Table(
                entries
                    .into_iter()
                    .map(|(key, node)| (key, node.value.into_value(name, &node.referenced)))
                    .collect(),
            ),
        };
        Value::new(Some(&origin), kind)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalar {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E>(self, value: $type) -> Result<Node, E> {
            Ok(Node::Scalar(ValueKind::from(value)))
        })*
    };
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting")
    }

    scalar!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::Nil))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(ValueKind::Nil))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Table(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_remembers_its_place() {
        let root = parse(
            "git:\n  base: main\n\nforge:\n  offline:\n    teams:\n      \"@acme/sre\":\n      - ann\n      - bob\n",
            "op.yaml",
        )
        .unwrap();
        let git = root.clone().into_table().unwrap()["git"]
            .clone()
            .into_table()
            .unwrap();
        assert_eq!(git["base"].origin(), Some("op.yaml:2:9"));
        let text = format!("{root:?}");
        assert!(text.contains("op.yaml:9"), "{text}");
        assert!(text.contains("@acme/sre"));
    }

    #[test]
    fn broken_yaml_names_the_line_and_shows_no_excerpt() {
        let error = parse("git:\n  password: hunter2secret\n  - [\n", "op.yaml").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("op.yaml:"), "{text}");
        assert!(!text.contains("hunter2secret"), "{text}");
    }

    #[test]
    fn an_empty_file_sets_nothing() {
        for empty in ["", "# nothing\n", "---\n", "~\n"] {
            assert!(
                parse(empty, "x").unwrap().into_table().unwrap().is_empty(),
                "{empty}"
            );
        }
        assert!(parse("- a\n", "x").is_err());
    }

    #[test]
    fn numbers_with_leading_noughts_stay_text() {
        let root = parse("a: 0123\n", "x").unwrap().into_table().unwrap();
        assert_eq!(root["a"].kind, ValueKind::String("0123".to_owned()));
    }
}
