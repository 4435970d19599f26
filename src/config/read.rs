//! From merged values to typed settings: notes where each came from, and finds unknown keys with their nearest kin.

use std::cell::RefCell;
use std::collections::BTreeMap;

use config::{Value, ValueKind};
use serde::de::{self, IntoDeserializer, Visitor};

use super::environment::PREFIX;
use super::load::Problem;
use super::origin::Origins;
use access::{Choice, Entries, Items};
use error::{ReadError, suggestion};
use names::{named, together};

mod access;
mod error;
mod names;

/// What is learned while reading.
#[derive(Default)]
pub(super) struct Trace {
    origins: RefCell<Origins>,
    problems: RefCell<Vec<Problem>>,
}

/// Reads typed settings; all unknown keys are reported together, and the first value that does not fit.
pub(super) fn read<T: de::DeserializeOwned>(root: Value) -> Result<(T, Origins), Vec<Problem>> {
    let trace = Trace::default();
    let result = T::deserialize(Reader {
        value: root,
        path: String::new(),
        trace: &trace,
    });
    let mut problems = trace.problems.into_inner();
    match result {
        Ok(settings) if problems.is_empty() => Ok((settings, trace.origins.into_inner())),
        Ok(_) => Err(problems),
        Err(error) => {
            problems.push(error.0);
            Err(problems)
        }
    }
}

/// A value at a path.
struct Reader<'a> {
    value: Value,
    path: String,
    trace: &'a Trace,
}

/// Where a value came from: its own origin, else that of the first thing in it.
fn origin_of(value: &Value) -> Option<&str> {
    value.origin().or_else(|| match &value.kind {
        ValueKind::Table(table) => {
            let sorted: BTreeMap<_, _> = table.iter().collect();
            sorted.into_values().find_map(origin_of)
        }
        ValueKind::Array(items) => items.iter().find_map(origin_of),
        _ => None,
    })
}

impl<'a> Reader<'a> {
    fn child(&self, value: Value, path: String) -> Self {
        Self {
            value,
            path,
            trace: self.trace,
        }
    }

    fn child_path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Whether the value was typed as plain text (a variable or a flag) and so may stand for a number or a list.
    fn is_typed(&self) -> bool {
        self.value
            .origin()
            .is_some_and(|origin| origin.starts_with(PREFIX) || origin.starts_with('-'))
    }

    fn note(&self) {
        if let Some(origin) = self.value.origin() {
            self.trace
                .origins
                .borrow_mut()
                .insert(self.path.clone(), origin);
        }
    }

    fn parsed<T: std::str::FromStr>(&self) -> Option<T> {
        match &self.value.kind {
            ValueKind::String(text) if self.is_typed() => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// Any value as it is.
    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.note();
        let (path, origin) = (self.path.clone(), origin_of(&self.value).map(str::to_owned));
        match &self.value.kind {
            ValueKind::Nil => visitor.visit_unit(),
            ValueKind::Boolean(value) => visitor.visit_bool(*value),
            ValueKind::I64(value) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            ValueKind::U64(value) => visitor.visit_u64(*value),
            ValueKind::I128(value) => visitor.visit_i128(*value),
            ValueKind::U128(value) => visitor.visit_u128(*value),
            ValueKind::Float(value) => visitor.visit_f64(*value),
            ValueKind::String(value) => visitor.visit_str(value),
            ValueKind::Array(_) => self.list(visitor),
            ValueKind::Table(_) => self.table(visitor, None),
        }
        .map_err(|error| error.at(&path, origin.as_deref()))
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let origin = origin_of(&self.value).map(str::to_owned);
        let items = match self.value.kind.clone() {
            ValueKind::Array(items) => items,
            ValueKind::String(text) if self.is_typed() => text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(|part| Value::new(origin.as_ref(), part))
                .collect(),
            _ => return self.any(visitor),
        };
        self.note();
        let path = self.path.clone();
        visitor
            .visit_seq(Items {
                reader: self,
                items: items.into_iter().enumerate(),
            })
            .map_err(|error| error.at(&path, origin.as_deref()))
    }

    fn table<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        fields: Option<&'static [&'static str]>,
    ) -> Result<V::Value, ReadError> {
        let ValueKind::Table(table) = self.value.kind.clone() else {
            if fields.is_some() {
                let error: ReadError = de::Error::custom("expected a map of settings");
                return Err(error.at(&self.path, origin_of(&self.value)));
            }
            return self.any(visitor);
        };
        let mut entries: BTreeMap<String, Value> = BTreeMap::new();
        for (key, value) in table.into_iter().collect::<BTreeMap<_, _>>() {
            match fields {
                Some(_) if matches!(value.kind, ValueKind::Nil) => {}
                Some(fields) => self.field(key, value, fields, &mut entries),
                None => {
                    entries.insert(key, value);
                }
            }
        }
        let (path, origin) = (self.path.clone(), origin_of(&self.value).map(str::to_owned));
        visitor
            .visit_map(Entries {
                reader: self,
                entries: entries.into_iter(),
                current: None,
            })
            .map_err(|error| error.at(&path, origin.as_deref()))
    }

    /// Files into `entries` what a key says about one of the `fields`, or notes that no field is called so.
    fn field(
        &self,
        key: String,
        value: Value,
        fields: &'static [&'static str],
        entries: &mut BTreeMap<String, Value>,
    ) {
        let Some(field) = named(&key, &value, fields) else {
            self.trace.problems.borrow_mut().push(Problem {
                path: self.child_path(&key),
                origin: origin_of(&value).map(str::to_owned),
                message: format!("unknown key `{key}`"),
                help: Some(suggestion(&key, fields)),
            });
            return;
        };
        let value = match entries.remove(field) {
            Some(other) => together(other, value),
            None => value,
        };
        entries.insert(field.to_owned(), value);
    }
}

macro_rules! parse_or_any {
    ($($method:ident => $type:ty, $visit:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.parsed::<$type>() {
                Some(value) => {
                    self.note();
                    let origin = self.value.origin().map(str::to_owned);
                    visitor.$visit(value).map_err(|error: ReadError| error.at(&self.path, origin.as_deref()))
                }
                None => self.any(visitor),
            }
        })*
    };
}

macro_rules! text {
    ($($method:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            use ValueKind::{Boolean, Float, I64, I128, U64, U128};
            if matches!(self.value.kind, Boolean(_) | Float(_) | I64(_) | I128(_) | U64(_) | U128(_)) {
                let error = ReadError(Problem {
                    help: Some(match self.value.kind {
                        I64(number) if number >= 0 => {
                            format!("quote it: \"{number}\"; a length of time needs a unit: {number}m")
                        }
                        _ => "write it in quotes".to_owned(),
                    }),
                    ..Problem::new("this must be text".to_owned())
                });
                return Err(error.at(&self.path, self.value.origin()));
            }
            self.any(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.any(visitor)
    }

    parse_or_any!(
        deserialize_bool => bool, visit_bool,
        deserialize_i8 => i64, visit_i64, deserialize_i16 => i64, visit_i64,
        deserialize_i32 => i64, visit_i64, deserialize_i64 => i64, visit_i64,
        deserialize_u8 => u64, visit_u64, deserialize_u16 => u64, visit_u64,
        deserialize_u32 => u64, visit_u64, deserialize_u64 => u64, visit_u64,
        deserialize_f32 => f64, visit_f64, deserialize_f64 => f64, visit_f64
    );

    text!(
        deserialize_str,
        deserialize_string,
        deserialize_char,
        deserialize_identifier
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.value.kind {
            ValueKind::Nil => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.table(visitor, None)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.table(visitor, Some(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.note();
        let (path, origin) = (self.path.clone(), origin_of(&self.value).map(str::to_owned));
        match &self.value.kind {
            ValueKind::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            ValueKind::Table(_) => self.table(Choice(visitor), None),
            _ => Err(de::Error::custom(format_args!(
                "expected one of {}",
                variants.join(", ")
            ))),
        }
        .map_err(|error: ReadError| error.at(&path, origin.as_deref()))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}
