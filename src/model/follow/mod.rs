//! `headwater.dev/follow`: which of a repository's tags an image stream's tag takes its image from. By semantic version,
//! glob or regular expression; exact, stable, and able to say of every tag why it is not the one.

mod rank;

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use semver::{Version, VersionReq};

use rank::{Rank, natural};

/// A longer policy is refused.
const LONGEST: usize = 500;
/// What a compiled expression may take, in bytes.
const LARGEST_REGEX: usize = 256 * 1024;
/// The group of an expression that the order goes by.
const GROUP: &str = "order";

/// A rule for the newest tag.
#[derive(Debug, Clone)]
pub struct Follow {
    text: String,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    Semver(VersionReq),
    Glob(Regex),
    Regex(Regex),
}

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no policy: {why}")]
pub struct FollowError {
    text: String,
    why: String,
}

/// Where a tag that follows a rule goes, by what it has and what is newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What it has is the newest, or ranks with it.
    Stays,
    /// To the newest: what it has is older, or does not match and is no later version either.
    Moves,
    /// The newest is older than what it has: nobody goes back without somebody saying so.
    Backwards,
}

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the newest.
    Newest,
    /// It matches, but another one comes first.
    Older,
    /// It does not match.
    Unfit(String),
}

impl FromStr for Follow {
    type Err = FollowError;

    /// Reads `semver RANGE`, `glob PATTERN` or `regex EXPRESSION`.
    fn from_str(text: &str) -> Result<Self, FollowError> {
        let error = |why: String| FollowError {
            text: text.chars().take(LONGEST).collect(),
            why,
        };
        if text.len() > LONGEST {
            return Err(error(format!("it is longer than {LONGEST} bytes")));
        }
        let (kind, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let rest = rest.trim();
        if rest.is_empty() {
            return Err(error(
                "write `semver ~25.0`, `glob 25.0.*` or `regex ^25\\.0\\.\\d+$`".to_owned(),
            ));
        }
        let rule = match kind {
            "semver" => Rule::Semver(VersionReq::parse(rest).map_err(|e| error(e.to_string()))?),
            "glob" => Rule::Glob(compile(&glob(rest)).map_err(error)?),
            "regex" => Rule::Regex(ordered(compile(rest).map_err(error)?).map_err(error)?),
            other => {
                return Err(error(format!(
                    "`{other}` is none of semver, glob and regex"
                )));
            }
        };
        Ok(Self {
            text: text.trim().to_owned(),
            rule,
        })
    }
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Follow {
    /// The newest of these tags, if any matches. The order of the tags makes no difference.
    pub fn newest<'t>(&self, tags: impl IntoIterator<Item = &'t str>) -> Option<&'t str> {
        let matching = tags
            .into_iter()
            .filter_map(|tag| Some((self.rank(tag).ok()?, tag)));
        // Of equal ranks (`v1.0.0` and `1.0.0`) the smaller text wins, whatever the order of the listing.
        let newest = matching.max_by(|(a, one), (b, other)| a.cmp(b).then_with(|| other.cmp(one)));
        newest.map(|(_, tag)| tag)
    }

    /// Where a tag goes that has `current`, when `newest` is the newest of a list.
    pub fn step(&self, current: &str, newest: &str) -> Step {
        match (self.rank(current), self.rank(newest)) {
            (Ok(has), Ok(new)) if has > new => Step::Backwards,
            (Ok(has), Ok(new)) if has < new => Step::Moves,
            (Ok(_), _) => Step::Stays,
            (Err(_), _) if self.is_beyond(current, newest) => Step::Backwards,
            (Err(_), _) => Step::Moves,
        }
    }

    /// Whether a tag that does not match is a later version than one that does: as where a range was mistyped.
    fn is_beyond(&self, current: &str, newest: &str) -> bool {
        let version = |tag: &str| Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok();
        let by_version = matches!(self.rule, Rule::Semver(_));
        let versions = version(current).zip(version(newest)).filter(|_| by_version);
        versions.is_some_and(|(has, new)| has.cmp_precedence(&new).is_gt())
    }

    /// Every tag with its verdict, the newest first, then those that match from new to old, then all others.
    pub fn explain<'t>(&self, tags: impl IntoIterator<Item = &'t str>) -> Vec<(&'t str, Verdict)> {
        let (mut fit, mut unfit) = (Vec::new(), Vec::new());
        for tag in tags {
            match self.rank(tag) {
                Ok(rank) => fit.push((rank, tag)),
                Err(why) => unfit.push((tag, Verdict::Unfit(why))),
            }
        }
        fit.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.cmp(other)));
        unfit.sort_by_key(|(tag, _)| *tag);
        let verdict = |place| match place {
            0 => Verdict::Newest,
            _ => Verdict::Older,
        };
        let fit = fit.into_iter().enumerate();
        fit.map(|(place, (_, tag))| (tag, verdict(place)))
            .chain(unfit)
            .collect()
    }

    /// Where a tag stands among those that match, or why it does not match.
    fn rank(&self, tag: &str) -> Result<Rank, String> {
        match &self.rule {
            Rule::Semver(range) => {
                let bare = tag.strip_prefix('v').unwrap_or(tag);
                let version = Version::parse(bare).map_err(|e| match bare.split('.').count() {
                    0..=2 => "it is no whole version such as 1.2.3".to_owned(),
                    _ => format!("it is no semantic version: {e}"),
                })?;
                if range.matches(&version) {
                    return Ok(Rank::Version(Box::new(version)));
                }
                let release = Version::new(version.major, version.minor, version.patch);
                Err(match !version.pre.is_empty() && range.matches(&release) {
                    true => format!("it is a pre-release, which {range} does not name"),
                    false => format!("it is not in {range}"),
                })
            }
            Rule::Glob(pattern) => match pattern.is_match(tag) {
                true => Ok(Rank::Natural(natural(tag))),
                false => Err("it does not match the pattern".to_owned()),
            },
            Rule::Regex(expression) => {
                let Some(found) = expression.captures(tag) else {
                    return Err("it does not match the expression".to_owned());
                };
                let part = found.name(GROUP).map_or(tag, |part| part.as_str());
                Ok(Rank::Natural(natural(part)))
            }
        }
    }
}

/// The expression, unless it names groups and none of them is the one that the order goes by: that one is misspelt.
fn ordered(expression: Regex) -> Result<Regex, String> {
    let names: Vec<&str> = expression.capture_names().flatten().collect();
    match names.first() {
        Some(name) if !names.contains(&GROUP) => Err(format!(
            "the order goes by a group named `{GROUP}`, and it has only `{name}`: write (?<{GROUP}>...), or (...) where no name is needed"
        )),
        _ => Ok(expression),
    }
}

fn compile(expression: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(expression)
        .size_limit(LARGEST_REGEX)
        .build();
    built.map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

/// A pattern of `*` and `?` as an expression for the whole tag.
fn glob(pattern: &str) -> String {
    let mut expression = String::from("^");
    for c in pattern.chars() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            c => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest<'t>(policy: &str, tags: &[&'t str]) -> Option<&'t str> {
        let policy: Follow = policy.parse().unwrap();
        let backwards = policy.newest(tags.iter().rev().copied());
        let found = policy.newest(tags.iter().copied());
        assert_eq!(found, backwards, "the order of a listing says nothing");
        let first = policy.explain(tags.iter().copied()).into_iter().next();
        let first = first.filter(|(_, verdict)| *verdict == Verdict::Newest);
        assert_eq!(first.map(|(tag, _)| tag), found);
        found
    }

    #[test]
    fn versions_have_their_full_precedence() {
        let tags = [
            "25.0",
            "25.0.2",
            "v25.0.10",
            "25.0.10-rc10",
            "25.0.11-rc9",
            "25.1.0",
            "latest",
            "24.9.9",
        ];
        for (policy, expected) in [
            ("semver ~25.0", Some("v25.0.10")),
            ("semver ^25", Some("25.1.0")),
            ("semver >=24, <25", Some("24.9.9")),
            ("semver >=25.0.11-0", Some("25.1.0")),
            ("semver ~25.0.11-0", Some("25.0.11-rc9")),
            ("semver ~26", None),
        ] {
            assert_eq!(newest(policy, &tags), expected, "{policy}");
        }
        assert_eq!(
            newest(
                "semver ~1.0.0-0",
                &["1.0.0-rc9", "1.0.0-rc.9", "1.0.0-rc.10"]
            ),
            Some("1.0.0-rc9"),
            "words are greater than numbers, and numbers are no words"
        );
        assert_eq!(newest("semver *", &["1.0.0", "v1.0.0"]), Some("1.0.0"));
    }

    #[test]
    fn numbers_of_any_size_keep_their_last_digit() {
        let builds = [
            "b-20260105123456345",
            "b-20260105123456347",
            "b-9",
            "b-0100",
        ];
        assert_eq!(newest("glob b-*", &builds), Some("b-20260105123456347"));
        let long = [
            "main-340282366920938463463374607431768211457",
            "main-340282366920938463463374607431768211456",
        ];
        assert_eq!(newest("glob main-*", &long), Some(long[0]));
        assert_eq!(newest("glob rc?", &["rc9", "rc10"]), Some("rc9"));
        assert_eq!(newest("glob rc*", &["rc9", "rc10"]), Some("rc10"));
        assert_eq!(
            newest("glob 25.0.*", &["25.0.9", "25.0.10", "25x0.99"]),
            Some("25.0.10")
        );
    }

    #[test]
    fn an_expression_orders_by_its_group_or_by_the_whole_tag() {
        let tags = ["a1f-170", "fff-99", "0c0-171", "dev-171"];
        assert_eq!(
            newest(r"regex ^[0-9a-f]{3}-(?<order>\d+)$", &tags),
            Some("0c0-171")
        );
        assert_eq!(
            newest(
                r"regex ^25\.0\.\d+$",
                &["25.0.2", "25.0.12", "25.0.12-debug"]
            ),
            Some("25.0.12")
        );
        let same = [("one-5"), ("two-5")];
        assert_eq!(
            newest(r"regex -(?<order>\d+)$", &same),
            Some("one-5"),
            "ties are stable"
        );
    }

    #[test]
    fn every_tag_that_loses_is_told_why() {
        let policy: Follow = "semver ~25.0".parse().unwrap();
        let told = policy.explain([
            "latest",
            "25.0",
            "25.0.1",
            "25.0.3-rc1",
            "26.0.0",
            "25.0.2",
            "1.2.x",
        ]);
        let words: Vec<String> = told
            .iter()
            .map(|(tag, verdict)| match verdict {
                Verdict::Newest => format!("{tag}: newest"),
                Verdict::Older => format!("{tag}: older"),
                Verdict::Unfit(why) => format!("{tag}: {why}"),
            })
            .collect();
        assert_eq!(
            words,
            [
                "25.0.2: newest",
                "25.0.1: older",
                "1.2.x: it is no semantic version: unexpected character 'x' while parsing patch version number",
                "25.0: it is no whole version such as 1.2.3",
                "25.0.3-rc1: it is a pre-release, which ~25.0 does not name",
                "26.0.0: it is not in ~25.0",
                "latest: it is no whole version such as 1.2.3",
            ]
        );
    }

    #[test]
    fn a_tag_goes_forward_only_and_nowhere_among_equals() {
        let policy: Follow = "semver ~25.0".parse().unwrap();
        for (has, new, step) in [
            ("25.0.2", "25.0.3", Step::Moves),
            ("25.0.9", "25.0.10", Step::Moves),
            ("25.0.3", "25.0.3", Step::Stays),
            ("v25.0.3", "25.0.3", Step::Stays),
            ("25.0.3+b1", "25.0.3", Step::Stays),
            ("25.0.3", "25.0.2", Step::Backwards),
            // What does not match the rule was there before it.
            ("latest", "25.0.2", Step::Moves),
            ("24.0.5", "25.0.2", Step::Moves),
            ("26.0.0", "25.0.2", Step::Backwards),
        ] {
            assert_eq!(policy.step(has, new), step, "{has} and {new}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused_in_words() {
        for (text, words) in [
            ("", "write `semver ~25.0`"),
            ("semver", "write `semver ~25.0`"),
            ("newest 1", "`newest` is none of semver, glob and regex"),
            ("semver x.y.z.w", "is no policy"),
            ("regex (", "unclosed group"),
            (r"regex (\w{100}){100}{100}", "size limit"),
        ] {
            let error = text.parse::<Follow>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        assert!("glob ".repeat(200).parse::<Follow>().is_err());
    }
}
