//! Why a value does not fit its type, with the value it is about.

use std::fmt;

use serde::de;

use super::{Id, MAX_ALIASED};
use crate::model::word::wanted;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// A field nobody knows; the ones that are known here.
    UnknownField(String, &'static [&'static str]),
    /// A word that is none of the known ones.
    UnknownVariant(String, &'static [&'static str]),
    /// A field that must be there.
    MissingField(&'static str),
    /// A plain scalar that is a number, a boolean or null where text belongs.
    Unquoted(String),
    /// A value of another shape.
    Shape(String),
    /// Aliases that stand for more values than are followed.
    Aliases,
    /// Anything else, in words.
    Other(String),
}

/// A fault and the value it is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueError {
    /// The value (or key), once known.
    pub at: Option<Id>,
    /// What is wrong.
    pub fault: Fault,
}

impl ValueError {
    pub(super) fn new(at: Id, fault: Fault) -> Self {
        Self {
            at: Some(at),
            fault,
        }
    }

    /// With a place, unless a more exact one is known already.
    pub(super) fn or_at(mut self, id: Id) -> Self {
        self.at.get_or_insert(id);
        self
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::UnknownField(field, _) => write!(f, "unknown field `{field}`"),
            Fault::UnknownVariant(word, _) => write!(f, "unknown value `{word}`"),
            Fault::MissingField(field) => write!(f, "field `{field}` is missing"),
            Fault::Unquoted(text) if text.is_empty() => f.write_str("text is missing here"),
            Fault::Unquoted(text) => write!(f, "`{text}` is not text without quotes"),
            Fault::Aliases => write!(f, "aliases stand for more than {MAX_ALIASED} values"),
            Fault::Shape(words) | Fault::Other(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for ValueError {}

impl From<Fault> for ValueError {
    fn from(fault: Fault) -> Self {
        Self { at: None, fault }
    }
}

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Fault::Other(message.to_string()).into()
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Fault::Shape(format!(
            "expected {}, found {}",
            wanted(&expected.to_string()),
            in_words(found)
        ))
        .into()
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = wanted(&expected.to_string());
        Fault::Other(format!("expected {expected}, found {}", in_words(found))).into()
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Fault::UnknownField(field.to_owned(), expected).into()
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Fault::UnknownVariant(variant.to_owned(), expected).into()
    }

    fn missing_field(field: &'static str) -> Self {
        Fault::MissingField(field).into()
    }
}

fn in_words(found: de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Str(text) => format!("`{}`", text.chars().take(100).collect::<String>()),
        de::Unexpected::Bool(value) => format!("`{value}`"),
        de::Unexpected::Signed(value) => format!("`{value}`"),
        de::Unexpected::Unsigned(value) => format!("`{value}`"),
        de::Unexpected::Float(value) => format!("`{value}`"),
        de::Unexpected::Unit => "nothing".to_owned(),
        de::Unexpected::Seq => "a list".to_owned(),
        de::Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}
