//! How lists, maps and enums of settings are walked.

use std::fmt;

use config::{Value, ValueKind};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::error::ReadError;
use super::{Problem, Reader, origin_of};

/// An enum written as a map with one key.
pub(super) struct Choice<V>(pub(super) V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Choice<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0
            .visit_enum(de::value::MapAccessDeserializer::new(access))
    }
}

/// The items of a list.
pub(super) struct Items<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) items: std::iter::Enumerate<std::vec::IntoIter<Value>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some((index, value)) = self.items.next() else {
            return Ok(None);
        };
        let path = format!("{}[{index}]", self.reader.path);
        let origin = origin_of(&value).map(str::to_owned);
        if origin.is_none() && matches!(value.kind, ValueKind::Nil) {
            return Err(self.gap(index, &path));
        }
        seed.deserialize(self.reader.child(value, path.clone()))
            .map(Some)
            .map_err(|error| error.at(&path, origin.as_deref()))
    }
}

impl Items<'_> {
    /// An item that nobody set, below one that a variable did.
    fn gap(&self, index: usize, path: &str) -> ReadError {
        let mut later = self.items.clone();
        let next = later.find_map(|(_, value)| origin_of(&value).map(str::to_owned));
        let error = ReadError(Problem {
            help: Some(format!(
                "items of a list are numbered from 0 without a gap: set item {index}, or number the later ones anew"
            )),
            ..Problem::new("nothing sets this item, but a later one is set".to_owned())
        });
        error.at(path, next.as_deref())
    }
}

/// The entries of a map.
pub(super) struct Entries<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) entries: std::collections::btree_map::IntoIter<String, Value>,
    pub(super) current: Option<(String, Value)>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        self.current = self.entries.next();
        let Some((key, value)) = &self.current else {
            return Ok(None);
        };
        let path = self.reader.child_path(key);
        seed.deserialize(key.as_str().into_deserializer())
            .map(Some)
            .map_err(|error: ReadError| error.at(&path, origin_of(value)))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, ReadError> {
        let Some((key, value)) = self.current.take() else {
            return Err(de::Error::custom("a value without a key"));
        };
        let path = self.reader.child_path(&key);
        let origin = origin_of(&value).map(str::to_owned);
        seed.deserialize(self.reader.child(value, path.clone()))
            .map_err(|error| error.at(&path, origin.as_deref()))
    }
}
