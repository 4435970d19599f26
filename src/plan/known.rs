//! Digests that were checked before: those of the stream files and of the check memory. A registry that names one of them
//! again need not prove it. They are no part of a question, so that one which many tags ask stays one.

use std::collections::{BTreeMap, BTreeSet};

use super::due::question;
use super::facts::Facts;
use super::question::Resolve;
use crate::manifests::Documents;
use crate::model::{Digest, ImageStream, Source, TagKey, TagReference};

/// Known digests, by question.
#[derive(Debug, Default)]
pub struct Known {
    /// Questions of tags that hold, or were seen to stand for, an image of where they are asked.
    familiar: BTreeSet<Resolve>,
    /// By repository.
    digests: BTreeMap<String, BTreeSet<Digest>>,
    none: BTreeSet<Digest>,
}

impl Known {
    /// What is known of what is asked.
    pub fn of(asked: &[Resolve], facts: &Facts, docs: &Documents) -> Self {
        let mut known = Self::default();
        if asked.is_empty() {
            return known;
        }
        let wanted: BTreeSet<&Resolve> = asked.iter().collect();
        for question in asked {
            let repository = question.reference.repository.to_string();
            known.digests.entry(repository).or_default();
        }
        for (key, located) in &docs.streams {
            let stream = &located.value;
            known.learn(stream);
            for tag in stream.spec.tags.iter() {
                let Some(question) = question(key, tag).filter(|q| wanted.contains(q)) else {
                    continue;
                };
                let repository = question.reference.repository.to_string();
                let seen = seen(&TagKey::new(key.clone(), &tag.name), tag, facts);
                if seen.is_some() || holds(stream, tag, &repository) {
                    known.digests.entry(repository).or_default().extend(seen);
                    known.familiar.insert(question);
                }
            }
        }
        known
    }

    /// The digests of its repository, for a question whose tag is known; none for a new one, whose digest is likely new.
    pub fn digests(&self, question: &Resolve) -> &BTreeSet<Digest> {
        if !self.familiar.contains(question) {
            return &self.none;
        }
        let repository = question.reference.repository.to_string();
        self.digests.get(&repository).unwrap_or(&self.none)
    }

    /// Takes in what a stream recorded of repositories that are asked.
    fn learn(&mut self, stream: &ImageStream) {
        let items = stream.status.tags.iter().flat_map(|list| list.items.iter());
        for item in items {
            let reference = item.docker_image_reference();
            let Some(repository) = repository(&reference) else {
                continue;
            };
            if let Some(digests) = self.digests.get_mut(repository) {
                digests.extend(item.image().parse::<Digest>().ok());
            }
        }
    }
}

/// Whether a tag holds an image of the repository that it was last imported from, and still asks for.
fn holds(stream: &ImageStream, tag: &TagReference, asked: &str) -> bool {
    let held = stream
        .head(&tag.name)
        .map(|head| head.docker_image_reference());
    held.as_deref().and_then(repository) == Some(asked) && !Source::differs_on(tag)
}

/// What a tag was seen to stand for and did not take yet: it settles, or its pull request waits.
fn seen(key: &TagKey, tag: &TagReference, facts: &Facts) -> Option<Digest> {
    let memory = facts.memory.get(key)?;
    let same = *memory.source == *tag.from.as_ref()?.name;
    memory
        .seen
        .clone()
        .filter(|_| same)
        .map(|(digest, _)| digest)
}

fn repository(pinned: &str) -> Option<&str> {
    pinned.split_once('@').map(|(repository, _)| repository)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::CheckMemory;
    use crate::plan::kit::{Kit, at, digest};

    fn stream(name: &str, tags: &[(&str, &str, &str, &str)]) -> (String, String) {
        let mut spec = String::new();
        let mut status = String::new();
        for (tag, from, source, held) in tags {
            let source = format!(
                r#"{{"importMode":"","kind":"DockerImage","name":"{source}","namespace":"","reference":false}}"#
            );
            spec += &format!(
                "    - name: {tag}\n      from: {{kind: DockerImage, name: '{from}'}}\n      annotations: {{headwater.dev/source: '{source}'}}\n"
            );
            let image = digest(held);
            status += &format!(
                "    - tag: {tag}\n      items: [{{created: '2026-01-05T09:00:00Z', dockerImageReference: 'q.io/a/x@{image}', image: '{image}', generation: 1}}]\n"
            );
        }
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec:\n  tags:\n{spec}status:\n  tags:\n{status}"
        );
        (format!("streams/{name}.yaml"), text)
    }

    #[test]
    fn a_tag_that_holds_an_image_knows_all_of_its_repository_and_a_new_one_nothing() {
        let files = [
            stream(
                "one",
                &[
                    ("main", "q.io/a/x:main", "q.io/a/x:main", "1"),
                    ("moved", "q.io/a/x:next", "q.io/a/x:last", "2"),
                    ("other", "q.io/a/y:main", "q.io/a/y:main", "3"),
                ],
            ),
            stream("two", &[("v1", "q.io/a/x:v1", "q.io/a/x:v1", "4")]),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
        let mut obs = Kit::new(&files).observe();
        let ask = |reference: &str| Resolve {
            reference: reference.parse().unwrap(),
            namespace: "default".parse().unwrap(),
            insecure: false,
        };
        let asked = ["q.io/a/x:main", "q.io/a/x:next", "q.io/a/y:main"].map(ask);
        let all = |words: &[&str]| words.iter().map(|word| digest(word)).collect();
        let known = Known::of(&asked, &obs.facts, &obs.snapshot.documents);
        assert_eq!(known.digests(&asked[0]), &all(&["1", "2", "3", "4"]));
        for new in &asked[1..] {
            assert_eq!(known.digests(new), &BTreeSet::new(), "{}", new.reference);
        }

        // What was checked a moment ago and only settles is known as well, of that source.
        for (source, knows) in [("q.io/a/y:main", true), ("q.io/a/y:old", false)] {
            let memory = CheckMemory {
                seen: Some((digest("5"), at(0))),
                source: source.to_owned(),
                ..CheckMemory::default()
            };
            let key = TagKey::new("default/one".to_owned().try_into().unwrap(), "other");
            std::sync::Arc::make_mut(&mut obs.facts.memory).insert(key, memory);
            let known = Known::of(&asked, &obs.facts, &obs.snapshot.documents);
            let words: &[&str] = if knows { &["5"] } else { &[] };
            assert_eq!(known.digests(&asked[2]), &all(words), "{source}");
        }
    }
}
