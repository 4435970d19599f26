//! The version that people see of an image, and the release tag made from it. Labels are hostile: only what reads as a
//! semantic version is ever taken from them.

use std::collections::BTreeMap;

use crate::model::{Digest, TagName};

/// Labels that may carry a version, in the order in which they are asked.
const LABELS: [&str; 2] = ["org.opencontainers.image.version", "version"];

/// Longest label value that is looked at, in bytes; a tag is at most as long.
const LONGEST: usize = 128;

/// What an image is called in front of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// A semantic version without its `v`, else the imported tag, else the short digest. Plain ASCII, never empty.
    pub text: String,
    /// The semantic version, where there is one. Only with it can a release tag be made.
    pub semver: Option<semver::Version>,
}

/// The version of an image: a semantic version in one of its labels, else the tag it was imported by, else its short
/// digest. A leading `v` is allowed; a tag that reads as a semantic version counts as one too but keeps its spelling.
pub fn version_of(
    labels: Option<&BTreeMap<String, String>>,
    imported_tag: Option<&str>,
    digest: &Digest,
) -> Version {
    let labelled = LABELS
        .iter()
        .filter_map(|label| labels?.get(*label))
        .find_map(|value| semantic(value));
    if let Some(version) = labelled {
        return Version {
            text: version.to_string(),
            semver: Some(version),
        };
    }
    match imported_tag.filter(|tag| tag.parse::<TagName>().is_ok()) {
        Some(tag) => Version {
            text: tag.to_owned(),
            semver: semantic(tag),
        },
        None => Version {
            text: digest.short().to_owned(),
            semver: None,
        },
    }
}

fn semantic(text: &str) -> Option<semver::Version> {
    let text = text.trim();
    if text.len() > LONGEST {
        return None;
    }
    let bare = text.strip_prefix(['v', 'V']).unwrap_or(text);
    semver::Version::parse(bare).ok()
}

/// The tag that a `releaseTag` pattern gives for a version. Knows `{{version}}`, `{{version.major}}`,
/// `{{version.minor}}`, `{{version.patch}}` and `{{version.majorMinor}}`; a `+` of build metadata, which no tag may
/// hold, becomes `_`.
///
/// # Errors
/// When the pattern names something else, when it needs a semantic version and there is none, or when the result is
/// no valid tag. The text is for the person who reads why a stage waits.
pub fn release_tag(pattern: &str, version: &Version) -> Result<TagName, String> {
    let mut tag = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("{{") {
        let (field, after) = after
            .split_once("}}")
            .ok_or_else(|| format!("`releaseTag: {pattern}` opens `{{{{` without closing it"))?;
        tag.push_str(before);
        tag.push_str(&filled(field.trim(), version)?);
        rest = after;
    }
    tag.push_str(rest);
    tag.parse::<TagName>().map_err(|e| e.to_string())
}

fn filled(field: &str, version: &Version) -> Result<String, String> {
    let known = matches!(
        field,
        "version" | "version.major" | "version.minor" | "version.patch" | "version.majorMinor"
    );
    if !known {
        return Err(format!(
            "`{{{{{field}}}}}` is not known in a release tag; there are `version`, `version.major`, `version.minor`, `version.patch` and `version.majorMinor`"
        ));
    }
    let Some(semver) = &version.semver else {
        return Err(format!(
            "the version of this image is unclear: `{}` is not a semantic version; label the image with `{}` or leave out `releaseTag`",
            version.text, LABELS[0]
        ));
    };
    Ok(match field {
        "version.major" => semver.major.to_string(),
        "version.minor" => semver.minor.to_string(),
        "version.patch" => semver.patch.to_string(),
        "version.majorMinor" => format!("{}.{}", semver.major, semver.minor),
        _ => semver.to_string().replace('+', "_"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn version(pairs: &[(&str, &str)], tag: Option<&str>) -> Version {
        version_of(Some(&labels(pairs)), tag, &Digest::sha256(b"x"))
    }

    #[test]
    fn the_label_of_the_image_spec_comes_before_the_old_one_and_both_before_the_tag() {
        let both = [
            ("version", "2.0.0"),
            ("org.opencontainers.image.version", "v1.2.3"),
        ];
        assert_eq!(version(&both, Some("main")).text, "1.2.3");
        assert_eq!(version(&both[..1], Some("main")).text, "2.0.0");
        assert_eq!(version(&[], Some("main")).text, "main");
        assert_eq!(version(&[], None).text, Digest::sha256(b"x").short());
    }

    #[test]
    fn a_label_that_is_no_semantic_version_is_passed_over() {
        for bad in [
            "9.5",
            "",
            "latest",
            "1.2.3\nevil",
            "@org/team",
            "1.2.3 -- x",
        ] {
            let found = version(&[("org.opencontainers.image.version", bad)], Some("main"));
            assert_eq!(found.text, "main", "{bad:?}");
            assert_eq!(found.semver, None);
        }
    }

    #[test]
    fn a_tag_that_is_a_semantic_version_counts_as_one() {
        let found = version(&[], Some("v1.2.3"));
        assert_eq!(found.text, "v1.2.3");
        assert_eq!(
            release_tag("prod-v{{version}}", &found).unwrap().as_str(),
            "prod-v1.2.3"
        );
    }

    #[test]
    fn a_release_tag_is_filled_from_the_parts_of_the_version() {
        let found = version(&[("version", "1.2.3-rc.1+build.7")], None);
        for (pattern, tag) in [
            ("prod-v{{version.majorMinor}}", "prod-v1.2"),
            (
                "{{ version.major }}_{{version.minor}}_{{version.patch}}",
                "1_2_3",
            ),
            ("v{{version}}", "v1.2.3-rc.1_build.7"),
            ("fixed", "fixed"),
        ] {
            assert_eq!(release_tag(pattern, &found).unwrap().as_str(), tag);
        }
    }

    #[test]
    fn a_release_tag_without_a_semantic_version_says_what_is_unclear() {
        let message = release_tag("v{{version}}", &version(&[], Some("25.0"))).unwrap_err();
        assert!(
            message.contains("unclear") && message.contains("`25.0`"),
            "{message}"
        );
    }

    #[test]
    fn a_pattern_that_is_wrong_is_refused() {
        let found = version(&[("version", "1.2.3")], None);
        for bad in [
            "{{tag}}",
            "{{version",
            "a b {{version}}",
            "",
            "-{{version}}",
        ] {
            assert!(release_tag(bad, &found).is_err(), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(crate::model::testing::cases(64))]

        #[test]
        fn no_label_and_no_tag_brings_anything_but_plain_ascii(label in ".{0,200}", tag in ".{0,200}") {
            let found = version(&[("version", &label)], Some(&tag));
            prop_assert!(!found.text.is_empty());
            prop_assert!(found.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b)));
        }
    }
}
