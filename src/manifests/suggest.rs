//! "Did you mean": the known word nearest to one that nobody knows.

/// So many known words are looked at; in a repository with thousands of streams a proposal is not worth more.
const MOST: usize = 2_000;

/// The nearest of the known words, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= far * 4)
        .take(MOST)
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= far || candidate.eq_ignore_ascii_case(word))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Help that proposes the nearest known word, or lists the known ones.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match nearest(word, known.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("known here: {}", listed(known)),
    }
}

/// Help for a name that is not there: the nearest one, and all there are.
pub(crate) fn proposed<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let all = format!("known here: {}", listed(known.clone()));
    match nearest(word, known) {
        Some(candidate) => format!("did you mean `{candidate}`? {all}"),
        None => all,
    }
}

/// Words in a row, cut after a dozen.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.len() {
        0 => "nothing".to_owned(),
        1..=12 => words.join(", "),
        more => format!("{} and {} more", words[..12].join(", "), more - 12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_proposed() {
        let known = ["dev", "staging", "prod"];
        assert_eq!(nearest("stagging", known), Some("staging"));
        assert_eq!(nearest("PROD", known), Some("prod"));
        assert_eq!(nearest("canary", known), None);
        assert_eq!(
            did_you_mean("canary", known),
            "known here: dev, staging, prod"
        );
        assert_eq!(
            proposed("prd", known),
            "did you mean `prod`? known here: dev, staging, prod"
        );
        assert_eq!(proposed("prod", []), "known here: nothing");
    }
}
