//! Tree to types through serde, so that every error knows the value it is about, in YAML and JSON alike.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use super::{Content, Fault, Id, MAX_ALIASED, MAX_DEPTH, Scalar, Style, Tree, ValueError, resolve};

/// Reads one value of a tree as a type.
pub(crate) fn from_node<T: DeserializeOwned>(tree: &Tree<'_>, id: Id) -> Result<T, ValueError> {
    from_node_without(tree, id, &BTreeSet::new())
}

/// Reads one value of a tree as a type, as if the keys and values of `passed` were not there.
pub(crate) fn from_node_without<T: DeserializeOwned>(
    tree: &Tree<'_>,
    id: Id,
    passed: &BTreeSet<Id>,
) -> Result<T, ValueError> {
    let visits = Cell::new(0);
    T::deserialize(Reader {
        tree,
        id,
        depth: 0,
        visits: &visits,
        passed,
    })
    .map_err(|error| error.or_at(id))
}

#[derive(Clone, Copy)]
struct Reader<'de, 't> {
    tree: &'de Tree<'t>,
    id: Id,
    depth: usize,
    visits: &'de Cell<usize>,
    passed: &'de BTreeSet<Id>,
}

impl<'de, 't> Reader<'de, 't> {
    fn child(self, id: Id) -> Self {
        Self {
            id,
            depth: self.depth + 1,
            ..self
        }
    }

    /// The value behind aliases; refuses what aliases blow up.
    fn follow(self) -> Result<(Id, &'de Content<'t>), ValueError> {
        let visits = self.visits.get() + 1;
        self.visits.set(visits);
        // A text without aliases is visited once per value; more than that is what aliases add.
        if visits > self.tree.nodes.len() + MAX_ALIASED || self.depth > 2 * MAX_DEPTH {
            return Err(ValueError::new(self.id, Fault::Aliases));
        }
        let id = self.tree.resolved(self.id);
        Ok((id, &self.tree.node(id).content))
    }

    fn scalar<V: Visitor<'de>>(
        text: &str,
        style: Style,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        if style != Style::Plain {
            return visitor.visit_str(text);
        }
        match resolve(text) {
            Scalar::Null => visitor.visit_unit(),
            Scalar::Bool(value) => visitor.visit_bool(value),
            Scalar::Integer(value) => visitor.visit_i64(value),
            Scalar::Unsigned(value) => visitor.visit_u64(value),
            Scalar::Float(value) => visitor.visit_f64(value),
            Scalar::Text => visitor.visit_str(text),
        }
    }

    fn items(self, items: &'de [Id]) -> Cow<'de, [Id]> {
        if self.passed.is_empty() {
            return Cow::Borrowed(items);
        }
        let left = items.iter().copied().filter(|item| !self.is_passed(*item));
        Cow::Owned(left.collect())
    }

    /// Whether an item is not read: named so itself, or a choice (a map of one key) whose word or value is.
    fn is_passed(self, id: Id) -> bool {
        let named = |id: &Id| self.passed.contains(id);
        named(&id) || matches!(self.tree.entries(id), [(key, value)] if named(key) || named(value))
    }

    /// The entries of a map that are read.
    fn entries(self, id: Id) -> Result<Cow<'de, [(Id, Id)]>, ValueError> {
        let mut entries = self.merged(id)?;
        if !self.passed.is_empty() {
            entries
                .to_mut()
                .retain(|(key, value)| !self.passed.contains(key) && !self.passed.contains(value));
        }
        Ok(entries)
    }

    fn merged(self, id: Id) -> Result<Cow<'de, [(Id, Id)]>, ValueError> {
        let own = self.tree.entries(id);
        let merged = own.iter().any(|(key, _)| self.is_merge(*key));
        if !merged {
            return Ok(Cow::Borrowed(own));
        }
        let mut all: Vec<(Id, Id)> = own
            .iter()
            .copied()
            .filter(|(key, _)| !self.is_merge(*key))
            .collect();
        for (_, value) in own.iter().filter(|(key, _)| self.is_merge(*key)) {
            let sources = match &self.tree.node(self.tree.resolved(*value)).content {
                Content::List { items, .. } => items.clone(),
                _ => vec![*value],
            };
            for source in sources {
                self.child(source).follow()?;
                for (key, value) in self.tree.entries(source) {
                    let name = self.tree.scalar(*key);
                    if !all.iter().any(|(k, _)| self.tree.scalar(*k) == name) {
                        all.push((*key, *value));
                    }
                }
            }
        }
        Ok(Cow::Owned(all))
    }

    fn is_merge(self, key: Id) -> bool {
        matches!(&self.tree.node(key).content, Content::Scalar(text, Style::Plain) if text == "<<")
    }
}

impl<'de> de::Deserializer<'de> for Reader<'de, '_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let (id, content) = self.follow()?;
        match content {
            Content::Scalar(text, style) => Self::scalar(text, *style, visitor),
            Content::List { items, .. } => visitor.visit_seq(Items {
                reader: self,
                items: self.items(items),
                next: 0,
            }),
            Content::Map { .. } => visitor.visit_map(Entries {
                entries: self.entries(id)?,
                reader: self,
                next: 0,
            }),
            Content::Alias(_) => Err(Fault::Other("this alias leads nowhere".to_owned()).into()),
        }
        .map_err(|error| error.or_at(self.id))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let (_, content) = self.follow()?;
        match content {
            Content::Scalar(text, _) if self.tree.is_filled(self.id) => visitor.visit_str(text),
            Content::Scalar(text, Style::Plain) if resolve(text) != Scalar::Text => {
                let written = self.tree.text[self.tree.range(self.id)].to_owned();
                Err(ValueError::new(self.id, Fault::Unquoted(written)))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        if self.tree.is_null(self.id) {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let (id, content) = self.follow()?;
        let variant = match content {
            Content::Scalar(..) => Variant {
                reader: self,
                name: id,
                value: None,
            },
            Content::Map { entries, .. } if entries.len() == 1 => Variant {
                reader: self,
                name: entries[0].0,
                value: Some(entries[0].1),
            },
            _ => {
                let words = "expected one word, or a map with a single key".to_owned();
                return Err(ValueError::new(self.id, Fault::Shape(words)));
            }
        };
        visitor
            .visit_enum(variant)
            .map_err(|error| error.or_at(self.id))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct
    }
}

struct Items<'de, 't> {
    reader: Reader<'de, 't>,
    items: Cow<'de, [Id]>,
    next: usize,
}

impl<'de> de::SeqAccess<'de> for Items<'de, '_> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ValueError> {
        let Some(&item) = self.items.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        seed.deserialize(self.reader.child(item))
            .map(Some)
            .map_err(|error| error.or_at(item))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'de, 't> {
    reader: Reader<'de, 't>,
    entries: Cow<'de, [(Id, Id)]>,
    next: usize,
}

impl<'de> de::MapAccess<'de> for Entries<'de, '_> {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ValueError> {
        let Some((key, _)) = self.entries.get(self.next) else {
            return Ok(None);
        };
        let Some(text) = self.reader.tree.scalar(*key) else {
            let words = "a key of a map is text here".to_owned();
            return Err(ValueError::new(*key, Fault::Shape(words)));
        };
        // Keys are text whatever they look like (`25: x`), as kubectl reads them.
        let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
        seed.deserialize(text)
            .map(Some)
            .map_err(|error| error.or_at(*key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, ValueError> {
        let (key, value) = self.entries[self.next];
        self.next += 1;
        let empty = self.reader.tree.range(value).is_empty();
        seed.deserialize(self.reader.child(value)).map_err(|error| {
            let mut error = error.or_at(value);
            // Nothing can be underlined where nothing stands.
            if empty && error.at == Some(value) {
                error.at = Some(key);
            }
            error
        })
    }
}

struct Variant<'de, 't> {
    reader: Reader<'de, 't>,
    name: Id,
    value: Option<Id>,
}

impl<'de, 't> de::EnumAccess<'de> for Variant<'de, 't> {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), ValueError> {
        let text = self.reader.tree.scalar(self.name).unwrap_or_default();
        let text: StrDeserializer<'_, ValueError> = text.into_deserializer();
        let name = seed
            .deserialize(text)
            .map_err(|error| error.or_at(self.name))?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de, '_> {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.value {
            Some(value) if !self.reader.tree.is_null(value) => Err(ValueError::new(
                value,
                Fault::Shape("this word takes no value".to_owned()),
            )),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, ValueError> {
        let Some(value) = self.value else {
            let words = "this needs a value behind a colon".to_owned();
            return Err(ValueError::new(self.name, Fault::Shape(words)));
        };
        seed.deserialize(self.reader.child(value))
            .map_err(|error| error.or_at(value))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let value = self.value.unwrap_or(self.name);
        de::Deserializer::deserialize_any(self.reader.child(value), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let value = self.value.unwrap_or(self.name);
        de::Deserializer::deserialize_any(self.reader.child(value), visitor)
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::manifests::yaml::parse;

    #[test]
    fn merge_keys_anchors_and_aliases_read_as_their_values() {
        let text = "base: &b {x: 1, y: two}\nall:\n- <<: *b\n  y: own\n- *b\n- 25: k\n  ~: n\n";
        let tree = parse(text).unwrap();
        let value: serde_json::Value = from_node(&tree, tree.roots[0]).unwrap();
        assert_eq!(
            value["all"],
            serde_json::json!([{"x": 1, "y": "own"}, {"x": 1, "y": "two"}, {"25": "k", "~": "n"}])
        );
    }

    #[test]
    fn alias_bombs_and_aliases_to_themselves_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let item = format!("*a{}", level - 1);
            bomb.push_str(&format!(
                "a{level}: &a{level} [{}]\n",
                [item.as_str(); 9].join(", ")
            ));
        }
        for text in [bomb.as_str(), "a: &a [1, *a]\n", "a: &a {b: *a, <<: *a}\n"] {
            let tree = parse(text).unwrap();
            let value: Result<serde_json::Value, _> = from_node(&tree, tree.roots[0]);
            assert!(value.unwrap_err().to_string().contains("aliases"));
        }
    }
}
