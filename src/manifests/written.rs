//! One document of a file as it is written there: every field, known here or not.

use super::yaml;

/// The document as plain data, with maps in the order of their keys; `None` if there is none at that place, or it holds what
/// JSON cannot. Items of a `List` count one by one, as in [`super::load()`].
pub fn written(text: &str, index: usize) -> Option<serde_json::Value> {
    let tree = yaml::parse(text).ok()?;
    let document = *tree.documents().get(index)?;
    yaml::from_node(&tree, document).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_given_with_all_that_is_written_in_it() {
        let text = "kind: A\n---\nkind: List\nitems:\n- {kind: B, x: &x [1, '2', 1.5, null, true]}\n- {y: *x, when: 2026-01-05T09:00:00Z}\n";
        assert_eq!(written(text, 0), Some(json!({"kind": "A"})));
        let list = json!([1, "2", 1.5, null, true]);
        assert_eq!(written(text, 1), Some(json!({"kind": "B", "x": list})));
        let second = json!({"y": list, "when": "2026-01-05T09:00:00Z"});
        assert_eq!(written(text, 2), Some(second));
        assert_eq!(written(text, 3), None);
        assert_eq!(written("a: [", 0), None);
        assert_eq!(written("\t{\"a\": 1}", 0), Some(json!({"a": 1})));
    }
}
