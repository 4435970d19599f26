//! Two stages of each pipeline side by side: what they hold, and how far one is behind the other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Plan;
use super::desk::Desk;
use super::observation::Observation;
use super::report::{SetReport, StageReport};
use super::road::timeline::Timeline;
use super::road::{StageView, roads};
use crate::model::{Name, SetId};

/// One pipeline with both stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// Its name.
    pub pipeline: Name,
    /// The stages that are compared.
    pub stages: [Name; 2],
    /// What the first holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<SetReport>,
    /// What the second holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<SetReport>,
    /// How the second stands to the first.
    pub standing: Standing,
}

/// How the second stands to the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Standing {
    /// Both hold the same set, or none.
    Same,
    /// The first went on from what the second holds.
    Behind {
        /// Over so many sets.
        sets: usize,
    },
    /// The second went on from what the first holds.
    Ahead {
        /// Over so many sets.
        sets: usize,
    },
    /// Neither ever had what the other holds.
    Apart,
    /// The second holds nothing.
    Lacks,
    /// The first holds nothing.
    Only,
}

/// Compares what two words name in every pipeline: stages, or environments that stages move. `plan` was made from the same
/// observation.
///
/// # Errors
/// The word that names nothing anywhere.
pub fn compare<'w>(
    observation: &Observation,
    plan: &Plan,
    words: [&'w Name; 2],
) -> Result<Vec<Pair>, &'w Name> {
    let desk = Desk::new(observation);
    let roads = roads(&desk);
    let reports: BTreeMap<_, &StageReport> = plan.stages.iter().map(|s| (&s.key, s)).collect();
    let mut found: [bool; 2] = [false; 2];
    let mut rows = Vec::new();
    for road in roads.values() {
        let sides = words.map(|word| meant(word, road));
        for (found, side) in found.iter_mut().zip(&sides) {
            *found |= !side.is_empty();
        }
        for left in &sides[0] {
            for right in sides[1].iter().filter(|right| right.key != left.key) {
                let report = |view: &StageView<'_>| {
                    let report = reports.get(&view.key);
                    report.and_then(|report| report.current.clone())
                };
                rows.push(Pair {
                    pipeline: left.key.pipeline.clone(),
                    stages: [left.key.stage.clone(), right.key.stage.clone()],
                    left: report(left),
                    right: report(right),
                    standing: standing(&left.timeline, &right.timeline),
                });
            }
        }
    }
    let lost = found.into_iter().zip(words).find(|(found, _)| !found);
    match lost {
        Some((_, word)) => Err(word),
        None => Ok(rows),
    }
}

/// Stages of that name; where there is none, those that move the environment of that name.
fn meant<'r, 'a>(word: &Name, road: &'r [StageView<'a>]) -> Vec<&'r StageView<'a>> {
    let named: Vec<_> = road.iter().filter(|view| view.key.stage == *word).collect();
    if !named.is_empty() {
        return named;
    }
    road.iter()
        .filter(|view| view.environments.contains(word))
        .collect()
}

fn standing(left: &Timeline, right: &Timeline) -> Standing {
    match (left.current(), right.current()) {
        (None, None) => Standing::Same,
        (Some(one), Some(other)) if one.id == other.id => Standing::Same,
        (Some(_), None) => Standing::Lacks,
        (None, Some(_)) => Standing::Only,
        (Some(one), Some(other)) => match (since(left, &other.id), since(right, &one.id)) {
            (Some(sets), _) => Standing::Behind { sets },
            (None, Some(sets)) => Standing::Ahead { sets },
            (None, None) => Standing::Apart,
        },
    }
}

/// How many other sets a stage came to since it had this one; `None` where it never had it.
fn since(timeline: &Timeline, id: &SetId) -> Option<usize> {
    let last = timeline.stays.iter().rposition(|stay| stay.id == *id)?;
    let later: BTreeSet<_> = timeline.stays[last..].iter().map(|stay| &stay.id).collect();
    Some(later.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::kit::{Kit, pipeline};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn standings(kit: Kit) -> Standing {
        let observation = kit.now(60).observe();
        let plan = crate::plan::plan(&observation);
        let mut rows = compare(&observation, &plan, [&name("qa"), &name("prod")]).unwrap();
        assert_eq!(rows.len(), 1);
        rows.remove(0).standing
    }

    fn kit() -> Kit {
        Kit::new(&[("pipelines/myapp/pipeline.yaml", &pipeline("", ""))])
    }

    #[test]
    fn a_stage_is_the_same_behind_ahead_or_somewhere_else() {
        let begun = || kit().moves("dev", "1").moves("qa", "1");
        assert_eq!(standings(kit()), Standing::Same);
        assert_eq!(standings(begun()), Standing::Lacks);
        let both = || begun().moves("prod", "1");
        assert_eq!(standings(both()), Standing::Same);
        let newer = |kit: Kit, word: &str| kit.moves("dev", word).moves("qa", word);
        assert_eq!(standings(newer(both(), "2")), Standing::Behind { sets: 1 });
        let twice = newer(newer(both(), "2"), "3");
        assert_eq!(standings(twice), Standing::Behind { sets: 2 });
        let back = newer(both(), "2").moves("prod", "2").rolls_back("qa", "1");
        assert_eq!(standings(back), Standing::Behind { sets: 1 });
        let by_hand = both().person_moves("dev", "9");
        assert_eq!(standings(by_hand), Standing::Same);
    }

    #[test]
    fn a_word_that_names_nothing_is_told_and_one_that_only_some_know_is_not() {
        let observation = kit().moves("dev", "1").observe();
        let plan = crate::plan::plan(&observation);
        let (qa, wrong) = (name("qa"), name("prd"));
        assert_eq!(compare(&observation, &plan, [&qa, &wrong]), Err(&wrong));
        let same = compare(&observation, &plan, [&qa, &qa]).unwrap();
        assert!(same.is_empty(), "nothing is compared with itself: {same:?}");
    }
}
