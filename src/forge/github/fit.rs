//! Titles and bodies in the length that GitHub takes: what is longer would be refused as a whole.

use std::borrow::Cow;

use crate::forge::types::PullText;

/// Characters of a title.
const TITLE: usize = 256;
/// Characters of a body.
const BODY: usize = 65_536;
/// What a shortened body ends with.
const REST: &str = "\n\n_This text was too long for GitHub; the rest of it is left out._\n";

/// Title and body, shortened where they have to be. The first line of the body, our marker, is never too long.
pub(super) fn fit(text: &PullText) -> (Cow<'_, str>, Cow<'_, str>) {
    (
        shortened(&text.title, TITLE, "..."),
        shortened(&text.body, BODY, REST),
    )
}

fn shortened<'a>(text: &'a str, most: usize, end: &str) -> Cow<'a, str> {
    // GitHub counts UTF-16 units in some places and characters in others: the larger number is the safe one.
    let units = |text: &str| text.encode_utf16().count();
    if units(text) <= most {
        return Cow::Borrowed(text);
    }
    let room = most - units(end);
    let mut taken = 0;
    let kept = text.char_indices().take_while(|(_, letter)| {
        taken += letter.len_utf16();
        taken <= room
    });
    let until = kept.last().map_or(0, |(at, letter)| at + letter.len_utf8());
    Cow::Owned(format!("{}{end}", &text[..until]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_shortened_between_letters_and_says_so() {
        let text = |title: &str, body: String| PullText {
            title: title.to_owned(),
            body,
            labels: Vec::new(),
        };
        let short = text("t", "marker\n\nbody".to_owned());
        assert_eq!(fit(&short), ("t".into(), "marker\n\nbody".into()));
        let exact = text("t", "x".repeat(BODY));
        assert!(matches!(fit(&exact).1, Cow::Borrowed(_)));
        let long = text(
            &"ü".repeat(300),
            format!("marker\n{}", "\u{1f600}".repeat(70_000)),
        );
        let (title, body) = fit(&long);
        assert_eq!(title.chars().count(), TITLE);
        assert!(body.starts_with("marker\n") && body.ends_with(REST));
        assert!(body.encode_utf16().count() <= BODY && body.encode_utf16().count() > BODY - 4);
    }
}
