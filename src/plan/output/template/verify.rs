//! The proof of a rendered text: it parses to exactly what was to be written, and every image in it is pinned.

use std::ops::Range;

use granit_parser::ScalarStyle;
use serde::Deserialize as _;
use serde::de::IgnoredAny;

use super::error::{Problem, TemplateError};
use super::fill::Expected;
use super::scalar;
use super::source::{ImageSource, LookupProblem};
use super::yaml::{Item, Node, Tree, YamlProblem, events, shortened};
use crate::model::{ImageReference, PinnedImage};

/// Deepest nesting of `kind: List`.
const MAX_LISTS: usize = 4;

/// Most containers in one file, counted with aliases followed.
const MAX_CONTAINERS: usize = 10_000;

/// An image in a pod spec.
struct Found {
    container: String,
    /// Index of its event; `None` where the container names no image.
    event: Option<usize>,
    text: String,
}

/// Parses `text`, compares it with what was expected, resolves short names in image fields, and checks that every image
/// is pinned. Returns the text, and whether it holds any object at all.
pub(super) fn verify(
    file: &str,
    text: String,
    mut expected: Vec<Expected>,
    images: &dyn ImageSource,
) -> Result<(String, bool), TemplateError> {
    let items = parsed(file, &text, &expected)?;
    let tree = Tree::build(&items).map_err(|problem| in_output(file, problem))?;
    let found = images_of(file, &tree, &items)?;
    let has_objects = !tree.roots.is_empty()
        && tree
            .roots
            .iter()
            .any(|root| matches!(tree.node(*root), Some(Node::Mapping(_))));
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for image in found {
        if image.text.parse::<PinnedImage>().is_ok() {
            continue;
        }
        let not_pinned = || TemplateError::NotPinned {
            file: file.to_owned(),
            container: shortened(&image.container),
            image: shortened(&image.text),
        };
        let event = image.event.ok_or_else(not_pinned)?;
        let pinned = local(file, &items[event], &image.text, images)?.ok_or_else(not_pinned)?;
        let written = written_like(&items[event], &pinned);
        expected[event] = Expected::Text(pinned);
        edits.push((items[event].range.clone(), written));
    }
    if edits.is_empty() {
        read_by_others(file, &text, has_objects)?;
        return Ok((text, has_objects));
    }
    let text = spliced(&text, edits);
    // What was spliced in is checked like everything else.
    parsed(file, &text, &expected)?;
    read_by_others(file, &text, has_objects)?;
    Ok((text, has_objects))
}

/// A second opinion: what libyaml refuses, clusters and most tools refuse as well.
fn read_by_others(file: &str, text: &str, has_objects: bool) -> Result<(), TemplateError> {
    // Comments alone are no document, and are not written.
    if !has_objects {
        return Ok(());
    }
    for document in serde_yaml::Deserializer::from_str(text) {
        if let Err(error) = IgnoredAny::deserialize(document) {
            let line = error.location().map_or(1, |place| place.line());
            let message = format!("most readers of YAML refuse it: {error}");
            return Err(in_output(file, YamlProblem { line, message }).into());
        }
    }
    Ok(())
}

fn in_output(file: &str, problem: YamlProblem) -> Problem {
    let message = format!("line {} of the output: {}", problem.line, problem.message);
    Problem::new(file, None, message)
}

fn parsed(file: &str, text: &str, expected: &[Expected]) -> Result<Vec<Item>, Problem> {
    let items = events(text, false).map_err(|problem| in_output(file, problem))?;
    let differs = items
        .iter()
        .zip(expected)
        .find(|(item, expected)| !expected.is(&item.event))
        .map(|(item, _)| item.line)
        .or_else(|| (items.len() != expected.len()).then_some(1));
    match differs {
        None => Ok(items),
        Some(line) => {
            let message = format!(
                "line {line} of the output: a value changes the meaning of the text around it"
            );
            Err(Problem::new(file, None, message).help("put the value between double quotes"))
        }
    }
}

fn images_of(file: &str, tree: &Tree, items: &[Item]) -> Result<Vec<Found>, Problem> {
    let mut found = Vec::new();
    for root in &tree.roots {
        match tree.node(*root) {
            Some(Node::Mapping(_)) => object(file, tree, items, *root, MAX_LISTS, &mut found)?,
            Some(Node::Scalar(_)) if is_empty_document(tree, items, *root) => {}
            _ => {
                let message = format!(
                    "line {} of the output: a document must be an object",
                    tree.line(*root)
                );
                return Err(Problem::new(file, None, message));
            }
        }
    }
    Ok(found)
}

fn is_empty_document(tree: &Tree, items: &[Item], root: usize) -> bool {
    tree.scalar(root, items)
        .is_some_and(|(_, text)| matches!(text, "" | "~" | "null"))
}

fn object(
    file: &str,
    tree: &Tree,
    items: &[Item],
    id: usize,
    lists: usize,
    found: &mut Vec<Found>,
) -> Result<(), Problem> {
    let kind = tree
        .get(id, "kind", items)
        .and_then(|kind| tree.scalar(kind, items))
        .map_or("", |(_, kind)| kind);
    let path: &[&str] = match kind {
        "Pod" => &["spec"],
        "PodTemplate" => &["template", "spec"],
        "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "ReplicationController"
        | "Job"
        | "DeploymentConfig" => &["spec", "template", "spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        kind if kind.ends_with("List") => {
            let Some(children) = tree.get(id, "items", items) else {
                return Ok(());
            };
            if lists == 0 {
                let message = "lists of objects are nested too deep";
                return Err(Problem::new(file, None, message));
            }
            for child in tree.elements(children) {
                object(file, tree, items, *child, lists - 1, found)?;
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    let spec = path.iter().try_fold(id, |id, key| tree.get(id, key, items));
    spec.map_or(Ok(()), |spec| pod(file, tree, items, spec, found))
}

fn pod(
    file: &str,
    tree: &Tree,
    items: &[Item],
    spec: usize,
    found: &mut Vec<Found>,
) -> Result<(), Problem> {
    let name_of = |id: usize| {
        tree.get(id, "name", items)
            .and_then(|name| tree.scalar(name, items))
            .map_or_else(String::new, |(_, name)| name.to_owned())
    };
    let mut add = |container: String, image: Option<usize>| {
        let scalar = image.and_then(|image| tree.scalar(image, items));
        found.push(Found {
            container,
            event: scalar.map(|(event, _)| event),
            text: scalar.map_or_else(String::new, |(_, text)| text.to_owned()),
        });
        found.len() <= MAX_CONTAINERS
    };
    let too_many = || Problem::new(file, None, "the output holds too many containers");
    for key in ["initContainers", "containers", "ephemeralContainers"] {
        let containers = tree.get(spec, key, items);
        for container in containers.map_or(&[][..], |id| tree.elements(id)) {
            let image = tree.get(*container, "image", items);
            if !add(name_of(*container), image) {
                return Err(too_many());
            }
        }
    }
    let volumes = tree.get(spec, "volumes", items);
    for volume in volumes.map_or(&[][..], |id| tree.elements(id)) {
        if let Some(image) = tree.get(*volume, "image", items)
            && !add(name_of(*volume), tree.get(image, "reference", items))
        {
            return Err(too_many());
        }
    }
    Ok(())
}

/// The pinned image behind a bare short name, if that name is looked up at all (imagestreams 4).
fn local(
    file: &str,
    item: &Item,
    name: &str,
    images: &dyn ImageSource,
) -> Result<Option<String>, TemplateError> {
    let is_short = !name.contains(['/', '@']) && name.parse::<ImageReference>().is_ok();
    if !is_short {
        return Ok(None);
    }
    let problem = |message: &str| {
        Problem::new(
            file,
            None,
            format!("line {} of the output: {message}", item.line),
        )
    };
    match images.short_name(name) {
        Ok(image) => Ok(image.map(|image| image.pinned.to_string())),
        Err(LookupProblem::Unknown(message)) => Err(problem(&message).into()),
        Err(LookupProblem::NotYet(message)) => Err(TemplateError::NotYet(problem(&message))),
    }
}

fn written_like(item: &Item, text: &str) -> String {
    use super::yaml::Event;
    match &item.event {
        Event::Scalar {
            style: ScalarStyle::SingleQuoted,
            ..
        } => format!("'{text}'"),
        Event::Scalar {
            style: ScalarStyle::Plain,
            ..
        } => scalar::string(text),
        _ => scalar::quoted(text),
    }
}

fn spliced(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    // An image behind an alias is found more than once.
    edits.dedup();
    let mut out = text.to_owned();
    for (range, written) in edits.into_iter().rev() {
        out.replace_range(range, &written);
    }
    out
}
