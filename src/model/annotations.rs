//! Annotations in little room: a repository holds as many lists of them as it has tags, most of one entry that repeats
//! what the tag says anyway.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::word::{self, Word, word};

/// Annotations, sorted by key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Annotations(Box<[(Key, Value)]>);

#[derive(Clone, PartialEq, Eq)]
struct Key(Word);

#[derive(Clone, PartialEq, Eq)]
enum Value {
    Text(Box<str>),
    /// A source as we write it. Only what reads back to the same bytes is kept so.
    Imported(Imported),
}

/// What is recorded of a source that names neither a namespace nor a mode of import, which is what nearly all do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// `from.name` at that time.
    pub name: Arc<str>,
    /// Whether only the text was kept.
    pub reference: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Docker,
    Tag,
    Image,
}

const KINDS: [(Kind, &str); 3] = [
    (Kind::Docker, "DockerImage"),
    (Kind::Tag, "ImageStreamTag"),
    (Kind::Image, "ImageStreamImage"),
];
const BEFORE_KIND: &str = r#"{"importMode":"","kind":""#;
const BEFORE_NAME: &str = r#"","name":""#;
const BEFORE_REFERENCE: &str = r#"","namespace":"","reference":"#;

impl Imported {
    /// The exact inverse of [`Self::text`]; `None` for any other text.
    fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.strip_prefix(BEFORE_KIND)?.split_once(BEFORE_NAME)?;
        let (name, rest) = rest.split_once(BEFORE_REFERENCE)?;
        let reference = match rest {
            "true}" => true,
            "false}" => false,
            _ => return None,
        };
        let plain = |c: char| c != '"' && c != '\\' && !c.is_control();
        let (kind, _) = KINDS.into_iter().find(|(_, word)| *word == kind)?;
        name.chars().all(plain).then(|| Self {
            name: name.into(),
            reference,
            kind,
        })
    }

    fn text(&self) -> String {
        let (kind, name, reference) = (self.kind(), &self.name, self.reference);
        format!("{BEFORE_KIND}{kind}{BEFORE_NAME}{name}{BEFORE_REFERENCE}{reference}}}")
    }

    /// `from.kind` at that time.
    pub fn kind(&self) -> &'static str {
        let found = KINDS.iter().find(|(kind, _)| *kind == self.kind);
        found.map_or("", |(_, word)| word)
    }
}

impl Value {
    fn of(text: &str) -> Self {
        Imported::read(text).map_or_else(|| Self::Text(text.into()), Self::Imported)
    }

    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Imported(imported) => Cow::Owned(imported.text()),
        }
    }
}

impl Annotations {
    fn value(&self, key: &str) -> Option<&Value> {
        // Few: most often one.
        self.0.iter().find(|(k, _)| k.0 == key).map(|(_, v)| v)
    }

    /// What a key says.
    pub fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        self.value(key).map(Value::text)
    }

    /// The source that a key records, where it is written as we write it.
    pub fn imported(&self, key: &str) -> Option<&Imported> {
        match self.value(key)? {
            Value::Imported(imported) => Some(imported),
            Value::Text(_) => None,
        }
    }

    /// Whether a key is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.0.iter().map(|(key, value)| (&*key.0, value.text()))
    }

    /// Sets what a key says.
    pub fn insert(&mut self, key: impl AsRef<str>, value: impl AsRef<str>) {
        self.set(Key(word(key.as_ref())), Value::of(value.as_ref()));
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        if self.contains_key(key) {
            let mut all = std::mem::take(&mut self.0).into_vec();
            all.retain(|(k, _)| k.0 != key);
            self.0 = all.into();
        }
    }

    fn set(&mut self, key: Key, value: Value) {
        match self.0.binary_search_by(|(k, _)| k.0.cmp(&key.0)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => {
                let mut all = std::mem::take(&mut self.0).into_vec();
                all.insert(at, (key, value));
                self.0 = all.into();
            }
        }
    }

    /// Lets a recorded source use the name of the present one, where they are equal.
    pub(super) fn share(&mut self, name: &Arc<str>) {
        for (_, value) in &mut self.0 {
            if let Value::Imported(imported) = value
                && imported.name == *name
            {
                imported.name = Arc::clone(name);
            }
        }
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Annotations {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let all = all.into_iter();
        let all = all.map(|(key, value)| (Key(word(key.as_ref())), Value::of(value.as_ref())));
        Self::of(all.collect())
    }
}

impl Annotations {
    /// Of two with one key the later one counts.
    fn of(mut all: Vec<(Key, Value)>) -> Self {
        all.reverse();
        all.sort_by(|a, b| a.0.0.cmp(&b.0.0));
        all.dedup_by(|earlier, later| earlier.0 == later.0);
        Self(all.into())
    }
}

impl fmt::Debug for Annotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Annotations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::read(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word::text(deserializer, Self::of)
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Annotations;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry::<Key, Value>()? {
                    all.push(entry);
                }
                Ok(Annotations::of(all))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;
    use crate::model::promotion::{SOURCE, annotation};

    fn source(kind: &str, name: &str, namespace: &str, reference: bool) -> String {
        annotation(&Source {
            import_mode: String::new(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            reference,
        })
    }

    #[test]
    fn every_text_reads_back_as_it_was_written() {
        let ours = source("DockerImage", "q.io/acme/ünicode:1", "", true);
        for (text, lean) in [
            (ours.clone(), true),
            (source("ImageStreamTag", "app:1", "", false), true),
            (source("ImageStreamImage", "", "", false), true),
            (source("DockerImage", "q.io/a", "team", false), false),
            (source("DockerImage", "say \"x\"", "", false), false),
            (source("DockerImage", "a\\b", "", false), false),
            (source("DockerImage", "tab\tbell\u{7f}", "", false), false),
            (source("Other", "a", "", false), false),
            (ours.replace(':', ": "), false),
            (format!("{ours} "), false),
            (ours.replace("true", "1"), false),
            (String::new(), false),
            ("1.10".to_owned(), false),
        ] {
            let mut all = Annotations::default();
            all.insert(SOURCE, &text);
            assert_eq!(all.get(SOURCE).as_deref(), Some(text.as_str()));
            assert_eq!(all.imported(SOURCE).is_some(), lean, "{text}");
            let json = serde_json::to_string(&all).unwrap();
            assert_eq!(
                serde_json::from_str::<Annotations>(&json).unwrap(),
                all,
                "{text}"
            );
        }
    }

    #[test]
    fn they_behave_like_a_map() {
        let mut all: Annotations = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        all.insert("c", "4");
        all.insert("a", "5");
        all.remove("c");
        all.remove("never there");
        let texts: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(texts, ["a=5", "b=3"]);
        assert!(all.contains_key("b") && !all.contains_key("c"));
        assert_eq!(
            serde_json::from_str::<Annotations>(r#"{"b":"1","a":"5","b":"3"}"#).unwrap(),
            all
        );
        assert!(serde_json::from_str::<Annotations>(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn a_source_that_repeats_its_tag_takes_one_entry_and_no_text() {
        let name: Arc<str> = "registry.example/acme/myapp:main".into();
        let mut all = Annotations::default();
        all.insert(SOURCE, source("DockerImage", &name, "", false));
        all.share(&name);
        assert!(Arc::ptr_eq(&name, &all.imported(SOURCE).unwrap().name));
        assert_eq!(size_of::<Annotations>(), 2 * size_of::<usize>());
        assert!(size_of::<(Key, Value)>() <= 48);
    }
}
