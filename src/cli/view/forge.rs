//! What the forge lets us do, below `status`: what is lacking, and with `-o wide` all of it.

use serde::{Deserialize, Serialize};

use super::Frame;
use super::words::{hang, pad, safe};
use crate::cli::output::Style;
use crate::forge::{Abilities, Ability, Deed, May};

/// What the forge lets us do, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForgeData {
    /// Its name.
    pub name: String,
    /// Who we are there, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What we may do.
    pub abilities: Vec<AbilityData>,
    /// What somebody should know about how it is set up.
    pub notes: Vec<String>,
}

/// Whether we may do something, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AbilityData {
    /// `push`, `pullRequests`, `statuses`, `deployments`, `merge`, `mergeQueue` or `teams`.
    pub deed: String,
    /// `yes`, `no`, `perhaps` or `unknown`.
    pub may: String,
    /// Why, or why not and what to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

/// The same as data.
pub fn data(abilities: &Abilities) -> ForgeData {
    let row = |ability: &Ability| AbilityData {
        deed: deed(ability.deed).0.to_owned(),
        may: may(ability.may).to_owned(),
        words: ability.words.clone(),
    };
    ForgeData {
        name: abilities.name.to_owned(),
        who: abilities.who.clone(),
        abilities: abilities.deeds.iter().map(row).collect(),
        notes: abilities.notes.clone(),
    }
}

/// A line for each; nothing where all is well and nobody wants to see more.
pub fn draw(abilities: &Abilities, frame: &Frame) -> String {
    let shown = |ability: &&Ability| frame.wide || ability.may >= May::Perhaps;
    let deeds: Vec<&Ability> = abilities.deeds.iter().filter(shown).collect();
    let notes = abilities.notes.iter().filter(|_| frame.wide);
    if deeds.is_empty() && notes.clone().next().is_none() {
        return String::new();
    }
    let who = abilities.who.as_ref();
    let who = who.map_or_else(String::new, |who| format!(" as {}", safe(who)));
    let head = format!("{}   {}{who}", Style::Dim.paint("FORGE"), abilities.name);
    let widest = deeds.iter().map(|ability| deed(ability.deed).1.len()).max();
    let row = |ability: &&Ability| {
        let word = pad(may(ability.may), 7);
        let head = format!(
            "{word}   {}   ",
            pad(deed(ability.deed).1, widest.unwrap_or(0))
        );
        hang(&head, &safe(&ability.words), frame)
    };
    let rows = deeds.iter().map(row);
    let notes = notes.map(|note| hang("", &safe(note), frame));
    let lines: Vec<String> = [head].into_iter().chain(rows).chain(notes).collect();
    lines.join("\n")
}

/// For programs and for people.
const fn deed(deed: Deed) -> (&'static str, &'static str) {
    match deed {
        Deed::Push => ("push", "push to the base"),
        Deed::PullRequests => ("pullRequests", "open pull requests"),
        Deed::Statuses => ("statuses", "set commit statuses"),
        Deed::Deployments => ("deployments", "record deployments"),
        Deed::Merge => ("merge", "merge"),
        Deed::MergeQueue => ("mergeQueue", "merge queue"),
        Deed::Teams => ("teams", "read who is in a team"),
    }
}

const fn may(may: May) -> &'static str {
    match may {
        May::Yes => "yes",
        May::No => "no",
        May::Perhaps => "perhaps",
        May::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Zone;
    use crate::model::Timestamp;

    fn frame(wide: bool) -> Frame {
        Frame {
            width: None,
            zone: Zone::UTC,
            now: Timestamp::UNIX_EPOCH,
            wide,
        }
    }

    #[test]
    fn what_is_lacking_is_told_and_the_rest_only_to_whoever_wants_to_know() {
        let ability = |deed, may, words: &str| Ability {
            deed,
            may,
            words: words.to_owned(),
        };
        let mut abilities = Abilities {
            name: "github",
            who: Some("@headwater[bot]".to_owned()),
            deeds: vec![
                ability(Deed::Push, May::Perhaps, "`main` is protected"),
                ability(Deed::Statuses, May::Yes, ""),
                ability(Deed::Teams, May::No, "not granted"),
            ],
            notes: Vec::new(),
        };
        let short = draw(&abilities, &frame(false));
        let lines: Vec<&str> = short.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "perhaps   push to the base        `main` is protected",
                "no        read who is in a team   not granted",
            ]
        );
        assert!(short.contains("github as @headwater[bot]"), "{short}");
        let wide = draw(&abilities, &frame(true));
        assert!(wide.contains("yes       set commit statuses"), "{wide}");
        assert_eq!(data(&abilities).abilities[2].may, "no");
        abilities.deeds.retain(|ability| ability.may == May::Yes);
        assert_eq!(draw(&abilities, &frame(false)), "");
    }
}
