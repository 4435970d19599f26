//! The history of a tag as values: which items stay, which are new, which are rewritten where they stand.

use serde::de::DeserializeOwned;

use super::Refusal;
use super::change::{delete_named, tag_at};
use super::wish::{Item, Wish};
use crate::manifests::yaml::{Id, Tree, from_node};
use crate::model::image_stream::{TagEvent, TagEventCondition};

/// What an item says, field by field; `None` for what is absent.
type Fields = Vec<(&'static str, Option<Wish>)>;

/// Makes the history of a tag exactly this.
pub(super) fn record(
    wish: &mut Wish,
    tree: &Tree<'_>,
    root: Id,
    tag: &str,
    items: &[TagEvent],
    conditions: &[TagEventCondition],
) -> Result<(), Refusal> {
    if items.is_empty() && conditions.is_empty() {
        drop_history(wish, tag);
        return Ok(());
    }
    let entry = tag_at(wish.map_at("status").list_at("tags"), "tag", tag)?;
    let written = tree
        .get(root, "status")
        .and_then(|status| tree.get(status, "tags"))
        .and_then(|tags| {
            tree.items(tags)
                .iter()
                .copied()
                .find(|item| tree.get(*item, "tag").and_then(|t| tree.scalar(t)) == Some(tag))
        });
    let field = |name| written.and_then(|entry| tree.get(entry, name));
    set_list(
        entry,
        "items",
        old(tree, field("items"))?,
        items,
        event_fields,
    );
    set_list(
        entry,
        "conditions",
        old(tree, field("conditions"))?,
        conditions,
        condition_fields,
    );
    if matches!(entry.get("conditions"), Some(Wish::List(list)) if list.is_empty()) {
        entry.remove("conditions");
    }
    Ok(())
}

fn drop_history(wish: &mut Wish, tag: &str) {
    wish.map_at_if_map("status", |status| {
        if status.get("tags").is_none_or(Wish::is_scalar) {
            return false;
        }
        delete_named(status.list_at("tags"), "tag", tag);
        if status.get("tags").is_some_and(Wish::is_empty) {
            status.remove("tags");
        }
        true
    });
    if wish.get("status").is_some_and(Wish::is_empty) {
        wish.remove("status");
    }
}

/// The items as they are written, typed, with their values.
fn old<T: DeserializeOwned>(tree: &Tree<'_>, list: Option<Id>) -> Result<Vec<(T, Wish)>, Refusal> {
    let items = list.map(|list| tree.items(list)).unwrap_or_default();
    items
        .iter()
        .map(|item| {
            let typed = from_node(tree, *item)
                .map_err(|error| Refusal::at(tree.node(*item).start, error.to_string()))?;
            Ok((typed, Wish::of(tree, *item)?))
        })
        .collect()
}

/// Sets a list so that it says exactly `wished`, keeping the bytes of every item that says it already.
fn set_list<T: PartialEq>(
    entry: &mut Wish,
    key: &str,
    old: Vec<(T, Wish)>,
    wished: &[T],
    fields: fn(&T) -> Fields,
) {
    if wished.is_empty() && matches!(entry.get(key), None | Some(Wish::Null)) && key == "conditions"
    {
        return;
    }
    let front = inserted_in_front(&old, wished);
    let items = wished
        .iter()
        .enumerate()
        .map(|(index, event)| {
            let origin = index
                .checked_sub(front)
                .filter(|origin| *origin < old.len());
            let mut wish = match origin {
                Some(origin) if old[origin].0 == *event => {
                    return Item {
                        origin: Some(origin),
                        wish: old[origin].1.clone(),
                    };
                }
                Some(origin) => old[origin].1.clone(),
                None => Wish::Map(Vec::new()),
            };
            let before = origin.map(|origin| fields(&old[origin].0));
            for (position, (name, value)) in fields(event).into_iter().enumerate() {
                // A field that says the same in other words (an instant with another offset) keeps its bytes.
                if before
                    .as_ref()
                    .is_some_and(|before| before[position].1 == value)
                {
                    continue;
                }
                match value {
                    Some(value) => wish.set(name, value),
                    None => {
                        wish.remove(name);
                    }
                }
            }
            Item { origin, wish }
        })
        .collect();
    entry.set(key, Wish::List(items));
}

/// How many items were put in front: the number at which most of the old items find themselves again.
fn inserted_in_front<T: PartialEq>(old: &[(T, Wish)], wished: &[T]) -> usize {
    let mut best = (0, 0);
    for front in 0..=wished.len() {
        let same = wished[front..]
            .iter()
            .zip(old)
            .filter(|(wished, (old, _))| *wished == old)
            .count();
        if same > best.1 {
            best = (front, same);
        }
        // Everything old that still fits is found: nothing further on can be better.
        if same > 0 && same == old.len().min(wished.len() - front) {
            break;
        }
    }
    best.0
}

fn event_fields(event: &TagEvent) -> Fields {
    vec![
        (
            "created",
            event.created.map(|at| Wish::text(at.to_string())),
        ),
        (
            "dockerImageReference",
            Some(Wish::text(event.docker_image_reference())),
        ),
        ("generation", Some(Wish::Integer(event.generation))),
        ("image", Some(Wish::text(event.image()))),
    ]
}

fn condition_fields(condition: &TagEventCondition) -> Fields {
    let at = condition.last_transition_time;
    vec![
        ("generation", Some(Wish::Integer(condition.generation))),
        (
            "lastTransitionTime",
            at.map(|at| Wish::text(at.to_string())),
        ),
        ("message", Some(Wish::text(&condition.message))),
        ("reason", Some(Wish::text(&condition.reason))),
        ("status", Some(Wish::text(&condition.status))),
        ("type", Some(Wish::text(&condition.kind))),
    ]
}
