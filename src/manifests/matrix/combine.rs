//! The combinations of a matrix, by the rules of GitHub Actions: every one of the values of its dimensions, less what `exclude`
//! fits, with what `include` adds.

use std::collections::BTreeMap;

use super::values::{fits, in_words, same};
use crate::manifests::yaml::{Id, Tree};

/// A dimension with its values.
pub(super) struct Column {
    pub name: String,
    pub values: Vec<Id>,
}

/// What a matrix gives.
#[derive(Debug)]
pub(super) struct Matrix {
    /// Names of dimensions in order, then those that `include` adds.
    pub keys: Vec<String>,
    /// How many of the names are dimensions.
    pub dimensions: usize,
    /// In order.
    pub combinations: Vec<Combination>,
}

/// Values by the index of their name.
#[derive(Debug, Clone)]
pub(super) struct Combination {
    pub values: BTreeMap<usize, Id>,
    /// Made by `include` alone.
    fresh: bool,
}

impl Matrix {
    /// What a combination is called: its dimensions, or all it has if `include` made it.
    pub(super) fn in_words(&self, tree: &Tree<'_>, combination: &Combination) -> String {
        let values = combination.values.iter();
        let said = values.filter(|(key, _)| combination.fresh || **key < self.dimensions);
        let said = said.map(|(key, value)| in_words(tree, &self.keys[*key], *value));
        said.collect::<Vec<_>>().join(", ")
    }
}

/// How many combinations there are of the values of all dimensions.
pub(super) fn product(columns: &[Column]) -> usize {
    let counts = columns.iter().map(|column| column.values.len());
    match columns.is_empty() {
        true => 0,
        false => counts.fold(1, usize::saturating_mul),
    }
}

/// Every combination of the values of all dimensions, the first dimension changing last.
fn all(columns: &[Column]) -> Vec<Combination> {
    if columns.is_empty() {
        return Vec::new();
    }
    let mut all = vec![BTreeMap::new()];
    for (key, column) in columns.iter().enumerate() {
        let longer = all.iter().flat_map(|values: &BTreeMap<usize, Id>| {
            let values = values.clone();
            column.values.iter().map(move |value| {
                let mut longer = values.clone();
                longer.insert(key, *value);
                longer
            })
        });
        all = longer.collect();
    }
    let combination = |values| Combination {
        values,
        fresh: false,
    };
    all.into_iter().map(combination).collect()
}

impl Matrix {
    /// All combinations; there must not be more of them than are read.
    pub(super) fn of(columns: Vec<Column>) -> Self {
        Self {
            dimensions: columns.len(),
            combinations: all(&columns),
            keys: columns.into_iter().map(|column| column.name).collect(),
        }
    }

    /// Takes out what an entry fits, if only in part.
    pub(super) fn exclude(&mut self, tree: &Tree<'_>, entries: &[Id]) {
        let filters: Vec<Vec<(usize, Id)>> = entries
            .iter()
            .map(|entry| self.pairs(tree, *entry))
            .collect();
        self.combinations.retain(|combination| {
            !filters.iter().any(|filter| {
                filter.iter().all(|(key, value)| {
                    combination
                        .values
                        .get(key)
                        .is_some_and(|own| fits(tree, *value, *own))
                })
            })
        });
    }

    /// Adds each entry to every combination of dimensions in which it changes none of them, or makes one of its own of it.
    pub(super) fn include(&mut self, tree: &Tree<'_>, entries: &[Id]) {
        let original = self.combinations.len();
        for entry in entries {
            let pairs = self.pairs(tree, *entry);
            let mut added = false;
            for combination in &mut self.combinations[..original] {
                let keeps =
                    pairs
                        .iter()
                        .filter(|(key, _)| *key < self.dimensions)
                        .all(|(key, value)| {
                            combination
                                .values
                                .get(key)
                                .is_some_and(|own| same(tree, *own, *value))
                        });
                if keeps {
                    added = true;
                    let more = pairs.iter().filter(|(key, _)| *key >= self.dimensions);
                    combination.values.extend(more.copied());
                }
            }
            if !added {
                self.combinations.push(Combination {
                    values: pairs.into_iter().collect(),
                    fresh: true,
                });
            }
        }
    }

    /// The values of an entry; names that are not known yet are added.
    fn pairs(&mut self, tree: &Tree<'_>, entry: Id) -> Vec<(usize, Id)> {
        let entries = tree.entries(entry).iter();
        let pairs = entries.filter_map(|(key, value)| {
            let name = tree.scalar(*key)?;
            let known = self.keys.iter().position(|known| known == name);
            let index = known.unwrap_or_else(|| {
                self.keys.push(name.to_owned());
                self.keys.len() - 1
            });
            Some((index, *value))
        });
        pairs.collect()
    }
}
