//! Why a value does not fit: where, what was expected, what was probably meant. Never the value of a secret.

use std::fmt;

use serde::de::{self, Unexpected};

use crate::config::load::Problem;
use crate::config::secret::is_secret;
use crate::model::word::wanted;

/// Why a value does not fit.
#[derive(Debug)]
pub(super) struct ReadError(pub(super) Problem);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Problem::new(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!(
            "expected {}, found {}",
            wanted(&expected.to_string()),
            kind_of(&found)
        ))
    }

    fn invalid_value(_found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {}", wanted(&expected.to_string())))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self(Problem {
            help: Some(suggestion(variant, expected)),
            ..Problem::new(format!("unknown value `{variant}`"))
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing"))
    }
}

impl ReadError {
    /// Says where, unless something further inside did already.
    pub(super) fn at(mut self, path: &str, origin: Option<&str>) -> Self {
        if self.0.path.is_empty() {
            path.clone_into(&mut self.0.path);
            self.0.origin = origin.map(str::to_owned);
            if is_secret(path) {
                "cannot be used (its value is not shown)".clone_into(&mut self.0.message);
                self.0.help = None;
            }
        }
        self
    }
}

/// What was found, without its value: that may be a secret.
const fn kind_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a map",
        _ => "something else",
    }
}

/// `did you mean x?`, or the list of what there is.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&normal(word), &normal(known)),
                known,
            )
        })
        .min();
    match nearest {
        Some((distance, known)) if distance <= 1 + word.chars().count() / 4 => {
            format!("did you mean `{known}`?")
        }
        _ => format!("there is {}", known.join(", ")),
    }
}

/// A key without case and underscores.
pub(super) fn normal(key: &str) -> String {
    key.chars()
        .filter(|c| *c != '_' && *c != '-')
        .flat_map(char::to_lowercase)
        .collect()
}
