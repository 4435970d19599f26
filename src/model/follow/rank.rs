//! The order of tags that match a rule: by semantic version, or as people count.

use std::cmp::Ordering;

use semver::Version;

/// The order of tags that match. Of one rule all are of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rank {
    Version(Box<Version>),
    Natural(Vec<Piece>),
}

/// A run of digits as a number of any size, or of anything else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Text(String),
    Number(BigNumber),
}

/// Digits without leading zeros: longer is larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BigNumber(String);

impl PartialOrd for BigNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BigNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Version(a), Self::Version(b)) => a.cmp_precedence(b),
            (Self::Natural(a), Self::Natural(b)) => a.cmp(b),
            (Self::Version(_), Self::Natural(_)) => Ordering::Greater,
            (Self::Natural(_), Self::Version(_)) => Ordering::Less,
        }
    }
}

pub(super) fn natural(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        let digits = first.is_ascii_digit();
        let end = rest.bytes().position(|b| b.is_ascii_digit() != digits);
        let (run, behind) = rest.split_at(end.unwrap_or(rest.len()));
        pieces.push(match digits {
            true => Piece::Number(BigNumber(run.trim_start_matches('0').to_owned())),
            false => Piece::Text(run.to_owned()),
        });
        rest = behind;
    }
    pieces
}
