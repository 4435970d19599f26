//! Picking a set by a word: its version, a tag that holds it, or the beginning of a digest. Several are listed.

use super::room::Room;
use super::{ActError, unknown};
use crate::manifests::suggest::nearest;
use crate::model::{Set, StageKey};
use crate::plan::road::StageView;

/// Sets named in a message.
const MOST_NAMED: usize = 10;
/// Fewest hex digits that name a digest.
const FEWEST_DIGITS: usize = 8;

impl Room<'_> {
    /// Every set a stage has to do with: those it held and those of its sources.
    pub(super) fn known_sets(&self, view: &StageView<'_>) -> Vec<Set> {
        let mut sets: Vec<Set> = Vec::new();
        let held = view.timeline.stays.iter().map(|s| s.set.clone());
        for set in held.chain(self.candidates(view).into_iter().map(|c| c.set)) {
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets
    }

    /// The one set that a word names; several are listed.
    pub(super) fn pick(
        &mut self,
        sets: &[Set],
        text: &str,
        key: &StageKey,
    ) -> Result<Set, ActError> {
        let mut found: Vec<Set> = Vec::new();
        for set in sets {
            if self.is_named(set, text) && !found.contains(set) {
                found.push(set.clone());
            }
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => {
                let help = self.proposed(sets, text);
                unknown(format!("no set of {key} is named `{text}`"), help)
            }
            several => {
                let list = self.list(&found);
                unknown(
                    format!("`{text}` names {several} sets of {key}"),
                    format!("name one by digest: {list}"),
                )
            }
        }
    }

    fn is_named(&mut self, set: &Set, text: &str) -> bool {
        let prefixed = text.strip_prefix("sha256:");
        let digits = prefixed.unwrap_or(text);
        let hex = digits.len() >= FEWEST_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let by_digest = hex
            && (set.members().any(|(_, d)| d.hex().starts_with(digits))
                || set.id().as_str().starts_with(digits));
        if by_digest || prefixed.is_some() {
            return by_digest;
        }
        let heads = set
            .members()
            .map(|(stream, digest)| (self.desk.head(stream, text).map(|i| i.digest), digest));
        let heads: Vec<_> = heads.collect();
        let by_tag = !heads.is_empty() && heads.iter().all(|(head, d)| head.as_ref() == Some(*d));
        by_tag || self.desk.version_of_set(set) == text
    }

    /// The version nearest to a word, and the newest sets.
    fn proposed(&mut self, sets: &[Set], text: &str) -> String {
        let known = self.list(sets);
        if known.is_empty() {
            return "no set has been here yet".to_owned();
        }
        let versions: Vec<String> = sets.iter().map(|s| self.desk.version_of_set(s)).collect();
        // A whole version is no slip for another one.
        let is_version = semver::Version::parse(text.trim_start_matches('v')).is_ok();
        let near = nearest(text, versions.iter().map(String::as_str));
        match near.filter(|_| !is_version) {
            Some(version) => format!("did you mean `{version}`? known here: {known}"),
            None => format!("known here: {known}"),
        }
    }

    /// The newest sets in words.
    fn list(&mut self, sets: &[Set]) -> String {
        let more = sets.len().saturating_sub(MOST_NAMED);
        let mut words: Vec<String> = sets[more..].iter().map(|s| self.words(s)).collect();
        if more > 0 {
            words.push(format!("and {more} older ones"));
        }
        words.join(", ")
    }
}
