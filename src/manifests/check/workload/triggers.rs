//! HW0802, HW0803: image change triggers that servers pass over without a word (imagestreams 5).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::super::Finding;
use super::super::finding::route;
use super::Object;
use crate::manifests::code;
use crate::manifests::field_path::{self, Which};
use crate::manifests::suggest::{nearest, proposed};
use crate::manifests::triggers::{TRIGGERS as ANNOTATION, WATCHED};

const KEYS: [&str; 3] = ["from", "fieldPath", "paused"];

/// What is odd about one trigger or all.
struct Odd {
    code: &'static str,
    why: String,
    help: String,
}

fn all(why: impl Into<String>, help: impl Into<String>) -> Odd {
    Odd {
        code: code::TRIGGERS,
        why: format!("no trigger of this object works: {}", why.into()),
        help: help.into(),
    }
}

fn one(why: impl Into<String>, help: impl Into<String>) -> Odd {
    Odd {
        code: code::TRIGGER,
        why: format!("this trigger never fires: {}", why.into()),
        help: help.into(),
    }
}

/// Says what is odd, and gives the names of containers whose images triggers move.
pub(super) fn check(object: &Object<'_, '_>, findings: &mut Vec<Finding>) -> BTreeSet<String> {
    let mut moved = BTreeSet::new();
    let annotation = object.at(&["metadata", "annotations", ANNOTATION]);
    let Some(text) = annotation.and_then(|id| object.tree.scalar(id)) else {
        return moved;
    };
    let mut odd = Vec::new();
    let kind = object.workload.id.kind;
    if !WATCHED.contains(&kind.kind) {
        odd.push(all(
            format!("nobody looks at those of a {}", kind.kind),
            format!("kinds with triggers: {}", WATCHED.join(", ")),
        ));
    }
    match serde_json::from_str::<Vec<Value>>(text) {
        Err(error) => odd.push(all(
            format!("its annotation is no list in JSON ({error})"),
            "write [{\"from\": {\"kind\": \"ImageStreamTag\", \"name\": \"STREAM:TAG\"}, \"fieldPath\": ...}]",
        )),
        Ok(triggers) => {
            let mut paths: BTreeMap<String, usize> = BTreeMap::new();
            for trigger in &triggers {
                let Some(trigger) = trigger.as_object() else {
                    odd.push(all("one of them is no map", "write {\"from\": ..., \"fieldPath\": ...}"));
                    continue;
                };
                if let Some(path) = trigger.get("fieldPath").and_then(Value::as_str) {
                    *paths.entry(path.to_owned()).or_default() += 1;
                }
                source(object, trigger, &mut odd);
                moved.extend(target(object, trigger, &mut odd));
            }
            let twice = paths.into_iter().filter(|(_, count)| *count > 1);
            odd.extend(twice.map(|(path, _)| {
                all(format!("two have the field path `{path}`"), "delete one of them")
            }));
        }
    }
    findings.extend(odd.into_iter().map(|odd| {
        let place = route!["metadata", "annotations", ANNOTATION];
        Finding::warning(odd.code, place, odd.why).help(odd.help)
    }));
    moved
}

/// Keys, `paused` and `from`.
fn source(object: &Object<'_, '_>, trigger: &Map<String, Value>, odd: &mut Vec<Odd>) {
    for key in trigger.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let meant = nearest(key, KEYS).map(|key| format!("did you mean `{key}`? "));
        odd.push(Odd {
            code: code::TRIGGER,
            why: format!("a trigger has no key `{key}`, so it is passed over"),
            help: format!(
                "{}keys are from, fieldPath and paused",
                meant.unwrap_or_default()
            ),
        });
    }
    if let Some(paused) = trigger
        .get("paused")
        .filter(|p| !p.is_boolean() && !p.is_null())
    {
        odd.push(all(
            format!("`paused` is {paused}, which is no boolean"),
            "write true or false without quotes",
        ));
    }
    let from = trigger.get("from").and_then(Value::as_object);
    let text = |key: &str| from.and_then(|from| from.get(key)).and_then(Value::as_str);
    let version = text("apiVersion").unwrap_or_default();
    if text("kind") != Some("ImageStreamTag") || !version.is_empty() {
        odd.push(one(
            "`from` must be of kind ImageStreamTag, without an apiVersion",
            "write {\"kind\": \"ImageStreamTag\", \"name\": \"STREAM:TAG\"}",
        ));
        return;
    }
    let name = text("name").unwrap_or_default();
    let parts: Vec<&str> = name.split(':').collect();
    let &[stream, tag] = parts.as_slice() else {
        odd.push(one(
            format!("`{name}` names no tag of an image stream"),
            "write STREAM:TAG; there is no default tag here",
        ));
        return;
    };
    match object.stream(text("namespace").filter(|n| !n.is_empty()), stream) {
        None if object.is_broken(stream) => {}
        None => {
            let known = object.docs.streams.keys().map(|key| key.name.as_str());
            odd.push(one(
                format!("there is no image stream `{stream}` in this repository"),
                proposed(stream, known),
            ));
        }
        Some((key, stream)) if object.tags(&key, stream).contains(tag) => {}
        Some((key, stream)) => odd.push(one(
            format!("image stream `{}` has no tag `{tag}`", key.name),
            proposed(tag, object.tags(&key, stream)),
        )),
    }
}

/// The container whose image is moved, if there is one.
fn target(
    object: &Object<'_, '_>,
    trigger: &Map<String, Value>,
    odd: &mut Vec<Odd>,
) -> Option<String> {
    let pod_spec = object.pod_spec().join(".");
    let path = trigger.get("fieldPath").and_then(Value::as_str);
    let path = path.unwrap_or_default();
    let which = match field_path::parse(path, &pod_spec) {
        Ok(which) => which,
        Err(bad) => {
            let why = format!("the field path `{path}`: {}", bad.why);
            odd.push(match bad.alone {
                true => one(why, bad.help),
                false => all(why, bad.help),
            });
            return None;
        }
    };
    let lists = ["initContainers", "containers"].map(|list| object.containers(list));
    let found = match &which {
        Which::At(list, index) => {
            let list = usize::from(*list == "containers");
            lists[list].get(*index).map(|name| (*name).to_owned())
        }
        Which::Named(name) => lists
            .iter()
            .flatten()
            .any(|n| n == name)
            .then(|| name.clone()),
    };
    if found.is_none() {
        let names = lists.iter().flatten().copied();
        let word = match &which {
            Which::Named(name) => name.as_str(),
            Which::At(..) => path,
        };
        odd.push(all(
            format!("there is no container at the field path `{path}`"),
            proposed(word, names),
        ));
    }
    found
}
