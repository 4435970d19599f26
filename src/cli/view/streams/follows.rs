//! What a tag follows by its rule, and why each listed tag is or is not the one.

use std::collections::BTreeMap;

use super::describe::value;
use crate::cli::output::tabs::Tabbed;
use crate::model::follow::{Follow, Verdict};
use crate::plan::import::Following;

/// So many names are shown of each kind; the others are counted.
const MOST_NAMES: usize = 20;
/// So many reasons.
const MOST_REASONS: usize = 50;

/// The text, each line with its end; `tags` if the registry was asked which there are.
pub fn follows(following: &Following<'_>, tags: Option<&[String]>) -> String {
    let mut out = Tabbed::default();
    let repository = &following.reference().repository;
    let text = format!("{} of {repository}", following.text());
    value(&mut out, "Follows", &text);
    match (following.rule(), tags) {
        (Err(error), _) => value(&mut out, "Newest", &format!("none: {error}")),
        (Ok(rule), Some(tags)) => verdicts(&mut out, &rule, tags),
        (Ok(_), None) => {}
    }
    out.draw()
}

fn verdicts(out: &mut Tabbed, rule: &Follow, tags: &[String]) {
    let (mut newest, mut older) = (None, Vec::new());
    let mut unfit: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (tag, verdict) in rule.explain(tags.iter().map(String::as_str)) {
        match verdict {
            Verdict::Newest => newest = Some(tag),
            Verdict::Older => older.push(tag),
            Verdict::Unfit(why) => unfit.entry(why).or_default().push(tag),
        }
    }
    let none = match tags.len() {
        0 => "none: no tags are listed".to_owned(),
        listed => format!("none of {listed}"),
    };
    value(out, "Newest", newest.unwrap_or(&none));
    if !older.is_empty() {
        value(out, "Older", &names(&older));
    }
    let more = unfit.len().saturating_sub(MOST_REASONS);
    let reasons = unfit.iter().take(MOST_REASONS);
    let mut lines: Vec<String> = reasons
        .map(|(why, tags)| format!("{}: {why}", names(tags)))
        .collect();
    lines.extend((more > 0).then(|| format!("and others for {more} more reasons")));
    if !lines.is_empty() {
        value(out, "Not It", &lines.join("\n"));
    }
}

fn names(tags: &[&str]) -> String {
    let shown = tags.iter().take(MOST_NAMES).copied();
    let shown = shown.collect::<Vec<_>>().join(", ");
    match tags.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::image_stream::ObjectReference;
    use crate::model::promotion::FOLLOW;
    use crate::model::{StreamKey, TagReference};

    fn shown(rule: &str, tags: Option<&[&str]>) -> String {
        let stream: StreamKey = "default/keycloak".to_owned().try_into().unwrap();
        let mut tag = TagReference {
            from: Some(ObjectReference::docker_image(
                "quay.io/keycloak/keycloak:25.0.2",
            )),
            ..TagReference::default()
        };
        tag.annotations.insert(FOLLOW, rule);
        let tags = tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
        follows(&Following::of(&stream, &tag).unwrap(), tags.as_deref())
    }

    #[test]
    fn every_listed_tag_has_its_reason() {
        let tags = [
            "latest",
            "25.0.1",
            "26.0.0",
            "25.0.3",
            "25.0.2",
            "26.1.0",
            "25.0.4-rc1",
        ];
        assert_eq!(
            shown("semver ~25.0", Some(&tags)),
            "Follows:\tsemver ~25.0 of quay.io/keycloak/keycloak\n\
             Newest:\t\t25.0.3\n\
             Older:\t\t25.0.2, 25.0.1\n\
             Not It:\t\t25.0.4-rc1: it is a pre-release, which ~25.0 does not name\n\
             \t\tlatest: it is no whole version such as 1.2.3\n\
             \t\t26.0.0, 26.1.0: it is not in ~25.0\n"
        );
        assert_eq!(
            shown("glob 26.*", Some(&[])),
            "Follows:\tglob 26.* of quay.io/keycloak/keycloak\nNewest:\t\tnone: no tags are listed\n"
        );
        assert_eq!(
            shown("glob 26.*", None),
            "Follows:\tglob 26.* of quay.io/keycloak/keycloak\n"
        );
        assert!(shown("newest", Some(&tags)).contains("Newest:\t\tnone: `newest` is no policy"));
    }

    #[test]
    fn of_many_tags_some_are_named_and_all_are_counted() {
        let many: Vec<String> = (0..100).map(|n| format!("1.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let text = shown("semver 1", Some(&many));
        assert!(
            text.contains("Newest:\t\t1.0.99\n") && text.contains("1.0.79 and 79 more"),
            "{text}"
        );
    }
}
