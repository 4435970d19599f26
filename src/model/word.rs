//! Texts that come again and again: words of the formats cost no memory of their own, others are shared.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserializer, Serializer};

use super::promotion::{FOLLOW, INTERVAL, PROMOTION, REQUEST, SOURCE};

/// A text that is usually one of few.
pub type Word = Cow<'static, str>;

/// Words of the formats.
const KNOWN: [&str; 12] = [
    "DockerImage",
    "ImageStreamTag",
    "ImageStreamImage",
    "Local",
    "Source",
    "ImportSuccess",
    "False",
    SOURCE,
    PROMOTION,
    REQUEST,
    INTERVAL,
    FOLLOW,
];

/// What a type of this program asks for, in the words of somebody who writes YAML.
pub fn wanted(expected: &str) -> String {
    match expected {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "a nonzero u32" | "a nonzero u64" => "a whole number from 1".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "unit" => "a word alone".to_owned(),
        "a sequence" => "a list".to_owned(),
        words if words.starts_with("struct ") => "a map".to_owned(),
        words => words.to_owned(),
    }
}

/// A text as a word.
pub fn word(text: &str) -> Word {
    let known = KNOWN.iter().find(|known| **known == text);
    known.map_or_else(
        || Word::Owned(text.to_owned()),
        |known| Word::Borrowed(known),
    )
}

/// Reads a word.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    text(deserializer, word)
}

/// Reads any text into what is made of it, without a copy in between.
pub(super) fn text<'de, D, T>(deserializer: D, make: fn(&str) -> T) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    struct Reads<T>(fn(&str) -> T, PhantomData<T>);
    impl<T> Visitor<'_> for Reads<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }
        fn visit_str<E>(self, text: &str) -> Result<T, E> {
            Ok(self.0(text))
        }
    }
    deserializer.deserialize_string(Reads(make, PhantomData))
}

/// `Arc<str>` as any other text.
pub(super) mod shared {
    use super::{Arc, Deserializer, Serializer, text};

    pub(in crate::model) fn serialize<S: Serializer>(
        value: &Arc<str>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<str>, D::Error> {
        text(deserializer, |text| Arc::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_take_no_memory_and_others_stay_as_they_are() {
        assert!(matches!(word("DockerImage"), Cow::Borrowed(_)));
        assert!(matches!(word(SOURCE), Cow::Borrowed(_)));
        assert_eq!(word("dockerimage"), "dockerimage");
    }
}
