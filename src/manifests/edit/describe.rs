//! An edit in words, for the person who has to make it by hand.

use super::StreamEdit;

/// The smallest change a person can make to the file instead of the edit.
pub(super) fn smallest_change(edit: &StreamEdit) -> String {
    match edit {
        StreamEdit::SetTag {
            name,
            from,
            annotations,
            ..
        } => {
            let mut parts = Vec::new();
            if let Some(from) = from {
                let namespace = match &from.namespace {
                    Some(namespace) => format!(", namespace: {namespace}"),
                    None => String::new(),
                };
                parts.push(format!(
                    "from: {{kind: {}{namespace}, name: {}}}",
                    from.kind, from.name
                ));
            }
            for (key, value) in annotations {
                parts.push(match value {
                    Some(value) => format!("annotation {key}: '{value}'"),
                    None => format!("no annotation {key}"),
                });
            }
            let what = if parts.is_empty() {
                "its policies".to_owned()
            } else {
                parts.join(", ")
            };
            format!("write the tag `{name}` of `spec.tags` as a plain block of its own with {what}")
        }
        StreamEdit::DeleteTag { name } => format!("delete the tag `{name}` from `spec.tags`"),
        StreamEdit::RecordEvent { tag, items, .. } => match items.first() {
            Some(head) => format!(
                "write the history of `{tag}` in `status.tags` as a plain block beginning with {}",
                head.docker_image_reference()
            ),
            None => format!("delete the history of `{tag}` from `status.tags`"),
        },
        StreamEdit::SetLookup(local) => format!("set `spec.lookupPolicy.local` to {local}"),
        StreamEdit::SetAnnotation { key, value } => match value {
            Some(value) => format!("set the annotation {key}: '{value}' in `metadata.annotations`"),
            None => format!("delete the annotation {key} from `metadata.annotations`"),
        },
    }
}
