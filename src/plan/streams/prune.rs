//! `prune`: takes old items out of the history of tags. Upstream's rules (imagestreams 7) as far as they make sense in Git,
//! where everything taken away stays in the commits before; a tag's head is never taken.

use std::collections::BTreeSet;

use super::{Done, Drafts, Refused, Scene};
use crate::model::image_stream::NamedTagEventList;
use crate::model::{Digest, Period, StreamKey, TagKey};

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// So many items of each tag, the newest; the head is kept in any case.
    pub revisions: usize,
    /// Items younger than this.
    pub younger_than: Period,
    /// Digests that something still names: outputs, holds, pinned tags of any stream.
    pub named: BTreeSet<String>,
}

/// Items taken out of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The tag.
    pub tag: TagKey,
    /// Digests taken out, newest first.
    pub gone: Vec<String>,
    /// How many are left.
    pub left: usize,
}

/// Items that stay although they are beyond the number of revisions, of all tags together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spared {
    /// Too young.
    pub young: usize,
    /// Something still names their digest.
    pub named: usize,
}

/// Takes out what is not kept, of these streams or of all that can be used.
///
/// # Errors
/// When a stream is not there, or cannot be used.
pub fn prune(
    streams: &[StreamKey],
    keep: &Keep,
    scene: Scene<'_>,
) -> Result<(Done, Vec<Pruned>, Spared), Refused> {
    let usable = scene.docs.streams.keys();
    let usable = usable.filter(|key| !scene.docs.broken_streams.contains_key(*key));
    let streams: Vec<StreamKey> = match streams {
        [] => usable.cloned().collect(),
        named => named.to_vec(),
    };
    let mut named = keep.named.clone();
    for located in scene.docs.streams.values() {
        let pinned = located
            .value
            .spec
            .tags
            .iter()
            .filter_map(|tag| tag.from.as_ref());
        let pinned = pinned.filter_map(|from| from.name.split_once('@'));
        named.extend(pinned.map(|(_, digest)| digest.to_owned()));
        let lists = located.value.status.tags.iter();
        named.extend(lists.filter_map(|list| Some(list.items.first()?.image().into_owned())));
    }
    let mut drafts = Drafts::new(scene);
    let mut pruned = Vec::new();
    let mut spared = Spared::default();
    for key in &streams {
        let draft = drafts.open(key)?;
        for list in draft.stream.status.tags.clone() {
            let (kept, gone) = split(&list, keep, &named, scene, &mut spared);
            if gone.is_empty() {
                continue;
            }
            pruned.push(Pruned {
                tag: TagKey::new(key.clone(), &list.tag),
                gone,
                left: kept.items.len(),
            });
            draft.put(kept);
        }
    }
    let says = pruned.iter().map(|p| {
        let name = format!("{}:{}", scene.shown(&p.tag.stream), p.tag.tag);
        format!(
            "{name}: {} of {} taken out",
            p.gone.len(),
            p.gone.len() + p.left
        )
    });
    let done = Done {
        says: says.collect(),
        changes: drafts.changes(),
        manifests: Vec::new(),
        warnings: Vec::new(),
        ..Done::default()
    };
    Ok((done, pruned, spared))
}

/// Every digest that a text speaks of, whatever it is: an output, a hold, values.
pub fn digests_in(text: &str) -> impl Iterator<Item = String> + '_ {
    const HEX: usize = 64;
    text.match_indices("sha256:").filter_map(|(at, algorithm)| {
        let end = at + algorithm.len() + HEX;
        let found = text.get(at..end)?;
        found
            .parse::<Digest>()
            .ok()
            .map(|digest| digest.to_string())
    })
}

fn split(
    list: &NamedTagEventList,
    keep: &Keep,
    named: &BTreeSet<String>,
    scene: Scene<'_>,
    spared: &mut Spared,
) -> (NamedTagEventList, Vec<String>) {
    let mut kept = list.clone();
    let mut gone = Vec::new();
    let mut position = 0;
    kept.items.retain(|item| {
        // An item without a time is as old as can be.
        let young = item
            .created
            .is_some_and(|created| keep.younger_than.after(created) > scene.now);
        let is_named = !item.image().is_empty() && named.contains(&*item.image());
        let is_new = position < keep.revisions.max(1);
        position += 1;
        spared.young += usize::from(!is_new && young);
        spared.named += usize::from(!is_new && !young && is_named);
        let stays = is_new || young || is_named;
        if !stays {
            gone.push(item.image().into_owned());
        }
        stays
    });
    (kept, gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::streams::testing::{digest, documents, scene};

    /// `app:dev` was at these images, newest first, one hour after another until now.
    fn app(words: &[&str]) -> String {
        let items: String = words
            .iter()
            .enumerate()
            .map(|(hour, word)| {
                format!(
                    "        - {{created: \"2026-01-05T0{}:00:00Z\", dockerImageReference: \"quay.io/acme/app@{1}\", generation: 1, image: \"{1}\"}}\n",
                    9 - hour,
                    digest(word)
                )
            })
            .collect();
        format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: app}}\nspec:\n  tags:\n    - name: dev\n      from: {{kind: DockerImage, name: \"quay.io/acme/app:main\"}}\nstatus:\n  tags:\n    - tag: dev\n      items:\n{items}"
        )
    }

    fn left(words: &[&str], revisions: usize, younger: &str, named: &[&str]) -> Vec<usize> {
        let text = app(words);
        let docs = documents(&[("streams/app.yaml", &text)]);
        let namespace = "default".parse().unwrap();
        let keep = Keep {
            revisions,
            younger_than: younger.parse().unwrap(),
            named: named.iter().map(|word| digest(word)).collect(),
        };
        let (done, ..) = prune(&[], &keep, scene(&docs, &namespace)).unwrap();
        let list = match done.changes.into_values().next() {
            Some(draft) => draft.stream.status_tag("dev").unwrap().clone(),
            None => docs.streams.values().next().unwrap().value.status.tags[0].clone(),
        };
        let place = |image: &str| words.iter().position(|word| digest(word) == image).unwrap();
        list.items.iter().map(|item| place(&item.image())).collect()
    }

    #[test]
    fn what_stays_beyond_the_revisions_is_told_by_its_reason() {
        let text = app(&["a", "b", "c", "d", "e"]);
        let docs = documents(&[("streams/app.yaml", &text)]);
        let namespace = "default".parse().unwrap();
        let keep = Keep {
            revisions: 1,
            younger_than: "90m".parse().unwrap(),
            named: [digest("d"), digest("b")].into(),
        };
        let (_, pruned, spared) = prune(&[], &keep, scene(&docs, &namespace)).unwrap();
        assert_eq!(spared, Spared { young: 1, named: 1 });
        assert_eq!((pruned[0].gone.len(), pruned[0].left), (2, 3));
    }

    #[test]
    fn what_is_young_new_or_named_stays() {
        let words = ["a", "b", "c", "d", "e"];
        assert_eq!(left(&words, 3, "1m", &[]), [0, 1, 2]);
        assert_eq!(left(&words, 1, "150m", &[]), [0, 1, 2], "three are younger");
        assert_eq!(left(&words, 1, "1m", &["d"]), [0, 3], "an output names it");
        assert_eq!(left(&words, 9, "1m", &[]), [0, 1, 2, 3, 4]);
    }

    /// What is left of each tag of these streams, by its images' words; a `~` before one says that nobody knows its age.
    fn left_of(
        streams: &[(&str, &[(&str, &str)])],
        revisions: usize,
        named: &[&str],
    ) -> Vec<String> {
        let words = ["a", "b", "c", "d", "e"];
        let files: Vec<(String, String)> = streams
            .iter()
            .map(|(name, tags)| {
                let list = |(tag, images): &(&str, &str)| {
                    let item = |word: &str| {
                        let bare = word.trim_start_matches('~');
                        let created = match word == bare {
                            true => "created: '2026-01-01T00:00:00Z', ",
                            false => "",
                        };
                        let digest = digest(bare);
                        format!("{{{created}dockerImageReference: 'q.io/x@{digest}', image: '{digest}', generation: 1}}")
                    };
                    let items: Vec<String> = images.split(' ').map(item).collect();
                    format!("  - {{tag: {tag}, items: [{}]}}\n", items.join(", "))
                };
                let wished: Vec<String> = tags.iter().map(|(tag, _)| format!("{{name: {tag}}}")).collect();
                let text = format!(
                    "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {name}}}\nspec: {{tags: [{}]}}\nstatus:\n  tags:\n{}",
                    wished.join(", "),
                    tags.iter().map(list).collect::<String>()
                );
                (format!("streams/{name}.yaml"), text)
            })
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
        let docs = documents(&files);
        let namespace = "default".parse().unwrap();
        let keep = Keep {
            revisions,
            younger_than: "1h".parse().unwrap(),
            named: named.iter().map(|word| digest(word)).collect(),
        };
        let (done, ..) = prune(&[], &keep, scene(&docs, &namespace)).unwrap();
        let mut told = Vec::new();
        for (key, located) in &docs.streams {
            let changed = done.changes.get(key).map(|draft| &draft.stream);
            for list in &changed.unwrap_or(&located.value).status.tags {
                let word = |image: &str| *words.iter().find(|w| digest(w) == image).unwrap();
                let left: Vec<&str> = list.items.iter().map(|item| word(&item.image())).collect();
                told.push(format!("{}:{} {}", key.name, list.tag, left.join(" ")));
            }
        }
        told
    }

    #[test]
    fn histories_are_pruned_as_upstream_prunes_them() {
        for (streams, revisions, named, wanted) in [
            // The most recent ones stay, of each tag by itself.
            (
                &[("x", &[("v1", "a b c d")][..])][..],
                3,
                &[][..],
                &["x:v1 a b c"][..],
            ),
            (
                &[("x", &[("v1", "a b c"), ("v2", "d e")])],
                1,
                &[],
                &["x:v1 a", "x:v2 d"],
            ),
            // They are counted by their places, also where one stands there twice.
            (&[("x", &[("v1", "a b a c")])], 2, &[], &["x:v1 a b a"]),
            // What something names stays, wherever it stands, and takes no place from the others.
            (&[("x", &[("v1", "a b c d")])], 2, &["d"], &["x:v1 a b d"]),
            (
                &[("x", &[("v1", "a b")]), ("y", &[("v1", "c b")])],
                1,
                &["b"],
                &["x:v1 a b", "y:v1 c b"],
            ),
            // Different here: the head of any tag counts as something that names its image.
            (
                &[("x", &[("v1", "a b c")]), ("y", &[("v1", "c d")])],
                1,
                &[],
                &["x:v1 a c", "y:v1 c"],
            ),
            // What bears no time is old.
            (&[("x", &[("v1", "a ~b c")])], 1, &[], &["x:v1 a"]),
            // Different here: a tag is never left without an image.
            (&[("x", &[("v1", "a")])], 0, &[], &["x:v1 a"]),
        ] {
            assert_eq!(
                left_of(streams, revisions, named),
                wanted,
                "{streams:?} {revisions}"
            );
        }
    }

    #[test]
    fn digests_are_found_in_any_text() {
        let (a, b) = (digest("a"), digest("b"));
        let text = format!("image: quay.io/x@{a}\n# sha256:12 and {b}, sha256:");
        assert_eq!(digests_in(&text).collect::<Vec<_>>(), [a, b]);
    }

    #[test]
    fn a_head_is_never_taken() {
        assert_eq!(left(&["a", "b"], 0, "1m", &[]), [0]);
    }
}
