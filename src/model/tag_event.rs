//! When the history of a tag changes: upstream's add-event rule, which import, push and tagging share.

use super::event::TagEvent;
use super::image_stream::NamedTagEventList;

/// What adding an event did to a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// Same reference, image and generation: not a byte changes.
    Nothing,
    /// The head was rewritten where it stands (`created` kept).
    InPlace,
    /// A new head was put in front.
    Front,
}

/// Adds an event to a tag's history (`AddTagEventToImageStream` upstream), comparing with the head only.
///
/// | reference same | image same | result |
/// | --- | --- | --- |
/// | yes | yes | nothing, or only the head's generation |
/// | yes | no | the head's image is replaced in place |
/// | no | yes | the head's reference is replaced in place |
/// | no | no | a new item in front |
///
/// Every change clears the tag's conditions.
pub fn add_event(list: &mut NamedTagEventList, event: TagEvent) -> Added {
    let added = match list.items.first_mut() {
        None => Added::Front,
        Some(head) => {
            let same_reference = head.docker_image_reference() == event.docker_image_reference();
            let same_image = head.image() == event.image();
            match (same_reference, same_image) {
                (true, true) if head.generation == event.generation => return Added::Nothing,
                (true, true) => head.generation = event.generation,
                (true, false) => *head = head.with_image(&event.image()),
                (false, true) => *head = head.with_reference(&event.docker_image_reference()),
                (false, false) => {}
            }
            if same_reference || same_image {
                Added::InPlace
            } else {
                Added::Front
            }
        }
    };
    if added == Added::Front {
        list.items.insert(0, event);
    }
    list.conditions.clear();
    added
}

/// The generation for a new item: one more than the tag's highest (we never read the stream's own counter, because
/// writing it made every waiting pull request conflict).
pub fn next_generation(list: Option<&NamedTagEventList>) -> i64 {
    let highest = list.and_then(|l| {
        l.items
            .iter()
            .map(|i| i.generation)
            .chain(l.conditions.iter().map(|c| c.generation))
            .max()
    });
    highest.unwrap_or(0).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::TagEventCondition;

    fn event(reference: &str, image: &str, generation: i64) -> TagEvent {
        TagEvent::new(None, reference, image, generation)
    }

    fn list(items: &[TagEvent]) -> NamedTagEventList {
        NamedTagEventList {
            tag: "v1".to_owned(),
            items: items.to_vec(),
            conditions: vec![TagEventCondition {
                kind: "ImportSuccess".to_owned(),
                ..Default::default()
            }],
        }
    }

    #[test]
    fn the_add_event_table_of_upstream() {
        for (name, before, new, result, after) in [
            (
                "first",
                vec![],
                event("r@1", "1", 1),
                Added::Front,
                vec![event("r@1", "1", 1)],
            ),
            (
                "the very same",
                vec![event("r@1", "1", 1)],
                event("r@1", "1", 1),
                Added::Nothing,
                vec![event("r@1", "1", 1)],
            ),
            (
                "generation",
                vec![event("r@1", "1", 1)],
                event("r@1", "1", 2),
                Added::InPlace,
                vec![event("r@1", "1", 2)],
            ),
            (
                "image",
                vec![event("r@1", "1", 1)],
                event("r@1", "2", 1),
                Added::InPlace,
                vec![event("r@1", "2", 1)],
            ),
            (
                "reference",
                vec![event("r@1", "1", 1)],
                event("q@1", "1", 1),
                Added::InPlace,
                vec![event("q@1", "1", 1)],
            ),
            (
                "both",
                vec![event("r@1", "1", 1)],
                event("r@2", "2", 2),
                Added::Front,
                vec![event("r@2", "2", 2), event("r@1", "1", 1)],
            ),
            (
                "only the head is compared",
                vec![event("r@2", "2", 2), event("r@1", "1", 1)],
                event("r@1", "1", 3),
                Added::Front,
                vec![
                    event("r@1", "1", 3),
                    event("r@2", "2", 2),
                    event("r@1", "1", 1),
                ],
            ),
        ] {
            let mut history = list(&before);
            assert_eq!(add_event(&mut history, new), result, "{name}");
            assert_eq!(history.items, after, "{name}");
            assert_eq!(
                history.conditions.is_empty(),
                result != Added::Nothing,
                "{name}: a change clears conditions"
            );
        }
    }

    #[test]
    fn the_next_generation_is_one_above_the_highest() {
        assert_eq!(next_generation(None), 1);
        assert_eq!(
            next_generation(Some(&list(&[event("a", "1", 4), event("b", "2", 9)]))),
            10
        );
    }
}
