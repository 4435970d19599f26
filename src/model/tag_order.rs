//! The order in which people look at the tags of one repository or stream (`PrioritizeTags` upstream).

use std::cmp::{Ordering, Reverse};

use semver::Version;

/// Orders tags: `latest`; then minor versions (`5.1`, `v5.1`, `5.1-rc1`) from new to old; then full versions (`5.1.3`,
/// `v5.1.3-x`) from new to old; then all others by their bytes. Of equal versions the one without `v` comes first.
pub fn prioritize<T: AsRef<str>>(tags: &mut [T]) {
    tags.sort_by_cached_key(|tag| Priority::of(tag.as_ref()));
}

/// Of a whole repository so many tags are imported (upstream's `maxImagesBulkImportedPerRepository`).
pub const MOST_TAGS: usize = 50;

/// The tags of a repository that are imported where nobody names one, in their order.
pub fn foremost<T: AsRef<str>>(tags: &[T]) -> Vec<&str> {
    let mut tags: Vec<&str> = tags.iter().map(AsRef::as_ref).collect();
    prioritize(&mut tags);
    tags.truncate(MOST_TAGS);
    tags
}

/// The place of a tag; derived order is the order of the fields.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Priority {
    group: Group,
    version: Option<Reverse<Precedence>>,
    has_v: bool,
    tag: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Latest,
    Minor,
    Full,
    Other,
}

impl Priority {
    fn of(tag: &str) -> Self {
        let (group, version) = if tag == "latest" {
            (Group::Latest, None)
        } else {
            versioned(tag.strip_prefix('v').unwrap_or(tag))
        };
        Self {
            // Others are ordered by their bytes alone, whatever they begin with.
            has_v: version.is_some() && tag.starts_with('v'),
            group,
            version: version.map(|version| Reverse(Precedence(version))),
            tag: tag.to_owned(),
        }
    }
}

fn versioned(text: &str) -> (Group, Option<Version>) {
    if let Some(version) = version(text) {
        return (Group::Full, Some(version));
    }
    match minor(text).and_then(|full| version(&full)) {
        Some(version) => (Group::Minor, Some(version)),
        None => (Group::Other, None),
    }
}

/// `5.1` or `5.1-rc1` with the patch number it leaves out.
fn minor(text: &str) -> Option<String> {
    let (numbers, rest) = match text.split_once('-') {
        Some((numbers, rest)) => (numbers, Some(rest)),
        None => (text, None),
    };
    let (major, minor) = numbers.split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(major) || !digits(minor) {
        return None;
    }
    match rest {
        None => Some(format!("{numbers}.0")),
        Some(rest) => {
            let word = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric());
            word.then(|| format!("{numbers}.0-{rest}"))
        }
    }
}

/// A full version whose numbers all fit 64 bits, as upstream's parser wants them.
fn version(text: &str) -> Option<Version> {
    let version = Version::parse(text).ok()?;
    let too_large = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && part.parse::<u64>().is_err()
    };
    let fits = !version.pre.split('.').any(too_large);
    fits.then_some(version)
}

/// A version compared without its build metadata.
#[derive(PartialEq, Eq)]
struct Precedence(Version);

impl Ord for Precedence {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

impl PartialOrd for Precedence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ordered(tags: &str, expected: &str) {
        let mut tags: Vec<&str> = tags.split(' ').collect();
        prioritize(&mut tags);
        assert_eq!(tags.join(" "), expected);
    }

    #[test]
    fn tags_are_ordered_as_upstream_orders_them() {
        for (tags, expected) in [
            (
                "other latest v5.5 5.2.3 5.5 v5.3.6-bother 5.3.6-abba 5.6",
                "latest 5.6 5.5 v5.5 v5.3.6-bother 5.3.6-abba 5.2.3 other",
            ),
            (
                "1.1-beta1 1.2-rc1 1.1-rc1 1.1-beta2 1.2-beta1 1.2-alpha1 1.2-beta4 latest",
                "latest 1.2-rc1 1.2-beta4 1.2-beta1 1.2-alpha1 1.1-rc1 1.1-beta2 1.1-beta1",
            ),
            ("7.1 v7.1 7.1.0", "7.1 v7.1 7.1.0"),
            ("7.1.0 v7.1 7.1", "7.1 v7.1 7.1.0"),
        ] {
            ordered(tags, expected);
        }
    }

    #[test]
    fn of_many_tags_the_first_fifty_are_imported() {
        let many: Vec<String> = (0..60).map(|minor| format!("1.{minor}")).collect();
        let first = foremost(&many);
        assert_eq!((first.len(), first[0], first[49]), (50, "1.59", "1.10"));
        // The row of upstream's importer, whose limit is five there.
        let tags = foremost(&["v1", "other", "v2", "3", "3.1", "abc"]);
        assert_eq!(tags, ["3.1", "3", "abc", "other", "v1", "v2"]);
    }

    #[test]
    fn what_is_no_version_is_ordered_by_its_bytes() {
        // A number alone, leading zeros, an underscore, and numbers beyond 64 bits are no versions.
        ordered(
            "5 01.2 1.2-a_b 1.2- vx 99999999999999999999.1 1.0.0-99999999999999999999 1.2 B a",
            "1.2 01.2 1.0.0-99999999999999999999 1.2- 1.2-a_b 5 99999999999999999999.1 B a vx",
        );
        ordered("18446744073709551615.1 2.0", "18446744073709551615.1 2.0");
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_build_metadata_is_not() {
        ordered("1.9 1.10 1.10-rc9", "1.10 1.10-rc9 1.9");
        ordered("1.0.0+b v1.0.0+a 1.0.0+a", "1.0.0+a 1.0.0+b v1.0.0+a");
    }
}
