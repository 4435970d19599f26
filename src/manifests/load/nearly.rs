//! Documents that were meant for us and miss by a word: a version or kind left out or misspelt. Silence about them would
//! look like a pipeline that nobody wrote.

use super::identify::{Fault, fault, names, place};
use crate::manifests::suggest::nearest;
use crate::manifests::yaml::{Id, Tree};
use crate::model::{image_stream, pipeline};

/// The group of our own kinds.
const GROUP: &str = "headwater.dev";
/// Kinds beside image streams that come with them, in other tools' hands.
const KIN: [&str; 7] = [
    "ImageStreamTag",
    "ImageStreamImage",
    "ImageStreamImport",
    "ImageStreamMapping",
    "ImageStreamList",
    "ImageTag",
    "Image",
];

/// What is wrong with a document of no kind that is read, if it was meant for us.
pub(super) fn nearly(
    tree: &Tree<'_>,
    root: Id,
    version: Option<&str>,
    kind: Option<&str>,
) -> Option<Fault> {
    match (version, kind) {
        (None, Some(kind)) => without_version(tree, root, kind),
        (Some(version), None) => without_kind(tree, root, version),
        (Some(version), Some(kind)) => misspelt(tree, root, version, kind),
        (None, None) => None,
    }
}

/// What is wrong with an object that names neither kind nor version, where only documents of ours and what stands beside
/// them are kept.
pub(super) fn nameless(tree: &Tree<'_>, root: Id) -> Option<Fault> {
    let has = |key| tree.get(root, key).is_some();
    let is_object = has("metadata") && has("spec") && !has("kind") && !has("apiVersion");
    is_object.then(|| {
        let known: Vec<&str> = names().collect();
        let help = format!(
            "begin it with apiVersion: {} and kind: one of {}, with apiVersion: {} and kind: {}, or move it away",
            pipeline::API_VERSION,
            known.join(", "),
            image_stream::API_VERSION,
            image_stream::KIND,
        );
        let words = "an object without `apiVersion` and `kind`".to_owned();
        fault(place(tree, root, "metadata"), words, Some(help))
    })
}

/// Whether a text may hold a document that is nearly ours, without parsing it.
pub(super) fn hinted(text: &str) -> bool {
    text.lines().any(|line| {
        let Some((key, value)) = line.split_once(':') else {
            return false;
        };
        let word = |text: &str| {
            let odd = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '{' | '}');
            text.trim_matches(odd).to_owned()
        };
        let (key, value) = (word(key), word(value));
        let value = value.split(" #").next().unwrap_or_default().trim_end();
        key.eq_ignore_ascii_case("kind") && ours(value).is_some()
            || key.eq_ignore_ascii_case("apiVersion") && is_our_version(value)
    })
}

/// Whether a text says nothing: blanks, comments and document marks.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().all(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#') || matches!(line, "---" | "...")
    })
}

fn without_version(tree: &Tree<'_>, root: Id, kind: &str) -> Option<Fault> {
    let (meant, version) = meant(kind)?;
    let help = match misspelt_key(tree, root, "apiVersion") {
        Some(key) => format!("did you mean `apiVersion` by `{key}`?"),
        None if meant == kind => format!("write apiVersion: {version}"),
        None => format!("write apiVersion: {version} and kind: {meant}"),
    };
    let words = format!("a `{kind}` without `apiVersion`");
    Some(fault(place(tree, root, "kind"), words, Some(help)))
}

fn without_kind(tree: &Tree<'_>, root: Id, version: &str) -> Option<Fault> {
    let group = if is_our_version(version) {
        GROUP
    } else if version == image_stream::API_VERSION {
        "image.openshift.io"
    } else {
        return None;
    };
    let help = match misspelt_key(tree, root, "kind") {
        Some(key) => format!("did you mean `kind` by `{key}`?"),
        None if group == GROUP => {
            let known: Vec<&str> = names().collect();
            format!("known here: {}", known.join(", "))
        }
        None => format!("write kind: {}", image_stream::KIND),
    };
    let words = format!("a document of `{group}` without `kind`");
    Some(fault(place(tree, root, "apiVersion"), words, Some(help)))
}

fn misspelt(tree: &Tree<'_>, root: Id, version: &str, kind: &str) -> Option<Fault> {
    let at_version = || place(tree, root, "apiVersion");
    let bare = version == "v1alpha1" && ours(kind).is_some();
    if is_our_version(version) || bare {
        let help = format!("did you mean `{}`?", pipeline::API_VERSION);
        let words = format!("unknown version `{version}`");
        return Some(fault(at_version(), words, Some(help)));
    }
    if kind == image_stream::KIND {
        let help = format!("write {}", image_stream::API_VERSION);
        let words = format!("an image stream of an unknown version `{version}`");
        return Some(fault(at_version(), words, Some(help)));
    }
    let of_streams = matches!(version, image_stream::API_VERSION | "v1");
    (of_streams && is_nearly_a_stream(kind)).then(|| {
        let help = format!("did you mean `{}`?", image_stream::KIND);
        let words = format!("unknown kind `{kind}`");
        fault(place(tree, root, "kind"), words, Some(help))
    })
}

/// The kind that is meant by a word, and its version.
fn meant(kind: &str) -> Option<(&'static str, &'static str)> {
    if let Some(ours) = ours(kind) {
        return Some((ours, pipeline::API_VERSION));
    }
    let stream = kind == image_stream::KIND || is_nearly_a_stream(kind);
    stream.then_some((image_stream::KIND, image_stream::API_VERSION))
}

fn ours(kind: &str) -> Option<&'static str> {
    nearest(kind, names())
}

fn is_nearly_a_stream(kind: &str) -> bool {
    !KIN.contains(&kind) && nearest(kind, [image_stream::KIND]).is_some()
}

fn is_our_version(version: &str) -> bool {
    let group = version.split('/').next().unwrap_or_default();
    group == "headwater" || nearest(group, [GROUP]).is_some()
}

/// A key that was probably meant as this one.
fn misspelt_key<'t>(tree: &'t Tree<'_>, root: Id, key: &str) -> Option<&'t str> {
    let keys = tree.entries(root).iter();
    let keys = keys.filter_map(|(key, _)| tree.scalar(*key));
    nearest(key, keys.filter(|found| *found != key))
}
