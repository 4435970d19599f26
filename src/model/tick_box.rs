//! Boxes in the text of a pull request that people tick to ask us for something. A comment that nobody sees tells ours from
//! those that people write.

/// Behind each of ours, where no page shows it.
const MARK: &str = " <!-- headwater-box -->";
const EMPTY: &str = "- [ ] ";
const TICKED: [&str; 2] = ["- [x] ", "- [X] "];

/// An empty box with these words.
pub fn empty(words: &str) -> String {
    format!("{EMPTY}{words}{MARK}")
}

/// The words of our boxes that are ticked, in order.
pub fn ticked(body: &str) -> impl Iterator<Item = &str> {
    body.lines().filter_map(words_of_ticked)
}

/// The same text with all of our boxes empty.
pub fn emptied(body: &str) -> String {
    let lines = body.split('\n').map(|line| match words_of_ticked(line) {
        Some(words) => empty(words),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn words_of_ticked(line: &str) -> Option<&str> {
    let line = line.trim_end().strip_suffix(MARK)?;
    let words = TICKED.iter().find_map(|start| line.strip_prefix(start));
    words.map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_boxes_are_read_and_emptied() {
        let body = format!(
            "a\n{}\n- [x] mine\n{}\n",
            empty("rebuild"),
            empty("hold app/prod")
        );
        assert_eq!(ticked(&body).count(), 0);
        let by_hand = body.replace("[ ] hold", "[x] hold").replace('\n', "\r\n");
        assert_eq!(ticked(&by_hand).collect::<Vec<_>>(), ["hold app/prod"]);
        let again = emptied(&by_hand);
        assert_eq!(ticked(&again).count(), 0);
        assert!(again.contains("- [x] mine\r\n"), "{again}");
        assert_eq!(emptied(&body), body);
    }
}
