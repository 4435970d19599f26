//! Edits applied to values: what the document shall say, before any byte is looked at.

use std::collections::BTreeMap;

use super::wish::{Item, Wish};
use super::{Refusal, StreamEdit, events};
use crate::manifests::yaml::{Id, Tree};
use crate::model::image_stream::{ImportPolicy, ObjectReference, ReferencePolicy};

/// Applies one edit to the values of a document.
pub(super) fn apply(
    wish: &mut Wish,
    tree: &Tree<'_>,
    root: Id,
    edit: &StreamEdit,
) -> Result<(), Refusal> {
    match edit {
        StreamEdit::SetTag {
            name,
            from,
            annotations,
            reference,
            import_policy,
            reference_policy,
        } => {
            let tag = tag_at(spec_tags(wish), "name", name)?;
            if let Some(from) = from {
                set_from(tag, from);
            }
            annotate(tag, annotations);
            set_flag(tag, "reference", *reference);
            if let Some(policy) = import_policy {
                set_import_policy(tag, policy);
            }
            if let Some(policy) = reference_policy {
                set_reference_policy(tag, policy);
            }
            Ok(())
        }
        StreamEdit::DeleteTag { name } => {
            let exists = wish
                .get("spec")
                .and_then(|spec| spec.get("tags"))
                .is_some_and(|tags| matches!(tags, Wish::List(_)));
            if exists {
                delete_named(spec_tags(wish), "name", name);
            }
            Ok(())
        }
        StreamEdit::RecordEvent {
            tag,
            items,
            conditions,
        } => events::record(wish, tree, root, tag, items, conditions),
        StreamEdit::SetLookup(local) => {
            let now = wish
                .get("spec")
                .and_then(|spec| spec.get("lookupPolicy"))
                .and_then(|policy| policy.get("local"));
            if *local || now.is_some_and(|now| *now == Wish::Bool(true)) {
                let policy = wish.map_at("spec").map_at("lookupPolicy");
                policy.set("local", Wish::Bool(*local));
            }
            Ok(())
        }
        StreamEdit::SetAnnotation { key, value } => {
            let change = BTreeMap::from([(key.clone(), value.clone())]);
            annotate(wish.map_at("metadata"), &change);
            Ok(())
        }
    }
}

/// Where an edit belongs, for refusals that know no better.
pub(super) fn place(tree: &Tree<'_>, root: Id, edit: &StreamEdit) -> usize {
    let route: &[&str] = match edit {
        StreamEdit::SetTag { .. } | StreamEdit::DeleteTag { .. } => &["spec", "tags"],
        StreamEdit::RecordEvent { .. } => &["status", "tags"],
        StreamEdit::SetLookup(_) => &["spec"],
        StreamEdit::SetAnnotation { .. } => &["metadata"],
    };
    let found = route.iter().try_fold(root, |map, key| tree.get(map, key));
    tree.node(found.unwrap_or(root)).start
}

fn spec_tags(wish: &mut Wish) -> &mut Wish {
    wish.map_at("spec").list_at("tags")
}

/// The item of a list that a key names, added at its sorted place where it is missing.
pub(super) fn tag_at<'w>(
    list: &'w mut Wish,
    key: &str,
    name: &str,
) -> Result<&'w mut Wish, Refusal> {
    let Wish::List(items) = list else {
        return Err(Refusal::whole("`tags` is not a list"));
    };
    let mut found = (0..items.len()).filter(|i| named(&items[*i], key) == Some(name));
    let position = match (found.next(), found.next()) {
        (Some(_), Some(_)) => {
            return Err(Refusal::whole(format!("there are two tags `{name}`")));
        }
        (Some(position), None) => position,
        (None, _) => {
            let position = sorted_place(items, key, name);
            let fresh = Wish::Map(vec![(key.to_owned(), Wish::text(name))]);
            items.insert(position, Item::fresh(fresh));
            position
        }
    };
    Ok(&mut items[position].wish)
}

fn named<'i>(item: &'i Item, key: &str) -> Option<&'i str> {
    item.wish.get(key).and_then(Wish::as_str)
}

/// Where a name belongs: before the first greater one; in a list that falls, before the first smaller one. A list in no
/// order at all takes it at its end.
fn sorted_place(items: &[Item], key: &str, name: &str) -> usize {
    let names: Vec<&str> = items.iter().filter_map(|item| named(item, key)).collect();
    let falling = names.len() > 1 && names.is_sorted_by(|a, b| a > b);
    let position = if falling {
        items.iter().position(|item| named(item, key) < Some(name))
    } else if names.is_sorted() {
        items.iter().position(|item| named(item, key) > Some(name))
    } else {
        None
    };
    position.unwrap_or(items.len())
}

/// Deletes the items that a key names.
pub(super) fn delete_named(list: &mut Wish, key: &str, name: &str) {
    if let Wish::List(items) = list {
        items.retain(|item| named(item, key) != Some(name));
    }
}

fn set_from(tag: &mut Wish, from: &ObjectReference) {
    let target = tag.map_at("from");
    target.set("kind", Wish::text(&*from.kind));
    set_or_remove(target, "namespace", from.namespace.as_deref());
    target.set("name", Wish::text(&*from.name));
}

/// Sets text, or removes it; an empty or null value counts as absent and keeps its bytes.
fn set_or_remove(map: &mut Wish, key: &str, value: Option<&str>) {
    let absent = match map.get(key) {
        None | Some(Wish::Null) => true,
        Some(now) => now.as_str() == Some(""),
    };
    match value.filter(|value| !value.is_empty()) {
        Some(value) => map.set(key, Wish::text(value)),
        None if absent => {}
        None => {
            map.remove(key);
        }
    }
}

fn set_flag(map: &mut Wish, key: &str, value: Option<bool>) {
    match (value, map.get(key)) {
        (Some(true), _) => map.set(key, Wish::Bool(true)),
        (Some(false), Some(Wish::Bool(true))) => map.set(key, Wish::Bool(false)),
        _ => {}
    }
}

/// Sets and deletes annotations of whatever holds them; the last one takes the map with it.
pub(super) fn annotate(holder: &mut Wish, changes: &BTreeMap<String, Option<String>>) {
    let mut removed = false;
    for (key, value) in changes {
        match value {
            Some(value) => holder
                .map_at("annotations")
                .set(key, Wish::text(value.as_str())),
            None if holder.get("annotations").is_some() => {
                removed |= holder.map_at_if_map("annotations", |map| map.remove(key));
            }
            None => {}
        }
    }
    let emptied = matches!(holder.get("annotations"), Some(Wish::Map(map)) if map.is_empty());
    if removed && emptied {
        holder.remove("annotations");
    }
}

fn set_import_policy(tag: &mut Wish, policy: &ImportPolicy) {
    let filled = matches!(tag.get("importPolicy"), Some(Wish::Map(map)) if !map.is_empty());
    if *policy == ImportPolicy::default() && !filled {
        return;
    }
    let target = tag.map_at("importPolicy");
    set_flag(target, "insecure", Some(policy.insecure));
    set_flag(target, "scheduled", Some(policy.scheduled));
    set_or_remove(target, "importMode", policy.import_mode.as_deref());
    if target.is_empty() {
        tag.remove("importPolicy");
    }
}

fn set_reference_policy(tag: &mut Wish, policy: &ReferencePolicy) {
    let now = tag
        .get("referencePolicy")
        .and_then(|now| now.get("type"))
        .and_then(Wish::as_str)
        .unwrap_or_default();
    if now != policy.kind {
        tag.map_at("referencePolicy")
            .set("type", Wish::text(&*policy.kind));
    }
}
