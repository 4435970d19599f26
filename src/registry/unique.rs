//! Maps of texts in which no key stands twice: parsers disagree about which of two counts, and attackers know it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{Error as _, MapAccess, Visitor};

struct Unique;

impl<'de> Visitor<'de> for Unique {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = access.next_entry::<String, String>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(map)
    }
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Map(#[serde(deserialize_with = "map")] BTreeMap<String, String>);

fn map<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    from.deserialize_map(Unique)
}

/// For `deserialize_with`: such a map, or null.
pub(super) fn optional<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    Ok(Option::<Map>::deserialize(from)?.map(|Map(map)| map))
}
