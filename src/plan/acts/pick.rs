//! Picking a set by a word: its version, a tag that holds it, or the beginning of a digest. Several are listed.

use super::room::Room;
use super::{ActError, no};
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
                let known = self.list(sets);
                let help = if known.is_empty() {
                    "no set has been here yet".to_owned()
                } else {
                    format!("there are {known}")
                };
                no(format!("no set of {key} is named `{text}`"), Some(&help))
            }
            several => {
                let list = self.list(&found);
                no(
                    format!("`{text}` names {several} sets of {key}"),
                    Some(&format!("name one by digest: {list}")),
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
