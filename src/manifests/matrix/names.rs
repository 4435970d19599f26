//! What results are called: each by a name of its own, made of dimensions that there are.

use std::collections::BTreeMap;

use super::combine::{Combination, Matrix};
use super::fill::{Slots, stranger};
use super::problem::Problem;
use crate::manifests::code;
use crate::manifests::suggest::{did_you_mean, listed};
use crate::manifests::yaml::{Id, Tree, place_of};

/// The values of so many results of one name are shown.
const MOST_VALUES: usize = 3;

/// Numbers of results by the name they have.
pub(super) type Named = BTreeMap<String, Vec<usize>>;

/// What is wrong with the name of a document because of a word in braces that is none of the matrix.
pub(super) fn of_strangers(
    tree: &Tree<'_>,
    name: Id,
    matrix: &Matrix,
    named: &Named,
) -> Option<Problem> {
    let stranger = named.keys().find_map(|name| stranger(name, &matrix.keys))?;
    let keys = || matrix.keys.iter().map(String::as_str);
    let words = format!("`{stranger}` is no dimension of this matrix");
    let problem = Problem::new(tree.range(name), code::MATRIX_PLACEHOLDER, words)
        .label(format!("it has {}", listed(keys())))
        .help(did_you_mean(stranger, keys().collect::<Vec<_>>()));
    Some(problem)
}

/// Takes out the names that several results have; of the first of them it says what is wrong.
pub(super) fn alike(
    tree: &Tree<'_>,
    name: Id,
    matrix: &Matrix,
    slots: &Slots<'_>,
    named: Named,
) -> Option<(Problem, Named)> {
    let twice = named
        .into_iter()
        .filter(|(name, numbers)| numbers.len() > 1 && !name.contains("{{"));
    let twice: Named = twice.collect();
    let (first, numbers) = twice.first_key_value()?;
    let used = slots.used_by(name);
    let unused = matrix.keys[..matrix.dimensions].iter();
    let unused: Vec<&str> = unused
        .map(String::as_str)
        .filter(|key| !used.contains(key))
        .collect();
    let help = match unused.as_slice() {
        [] => "let the values differ, or take out what is there twice".to_owned(),
        keys => format!(
            "name them by {} too, as in \"{}\"",
            listed(keys.iter().copied()),
            longer(tree, name, keys, matrix)
        ),
    };
    let more = match twice.len() - 1 {
        0 => String::new(),
        1 => ", and another name is that of several too".to_owned(),
        more => format!(", and {more} other names are those of several too"),
    };
    let words = format!(
        "{} results of this matrix are called `{first}`{more}",
        numbers.len()
    );
    let problem = Problem::new(tree.range(name), code::MATRIX_NAME, words).help(help);
    let problem = problem.label(values(tree, matrix, numbers));
    Some((problem, twice))
}

/// `in line 5: app=web; app=web`: the values of which some results are made, and where they stand.
fn values(tree: &Tree<'_>, matrix: &Matrix, numbers: &[usize]) -> String {
    let made = numbers.iter().take(MOST_VALUES);
    let made: Vec<_> = made.filter_map(|at| matrix.combinations.get(*at)).collect();
    let ids = made
        .iter()
        .flat_map(|combination| combination.values.values());
    let starts = ids.map(|id| tree.range(*id).start);
    let line = starts.map(|start| place_of(tree.text, &(start..start)).line);
    let line = line.min().unwrap_or(1);
    let said = made.iter().map(|made| matrix.in_words(tree, made));
    format!("in line {line}: {}", said.collect::<Vec<_>>().join("; "))
}

/// A name that makes use of what it does not yet.
fn longer(tree: &Tree<'_>, name: Id, keys: &[&str], matrix: &Matrix) -> String {
    let mut text: String = tree
        .scalar(name)
        .unwrap_or_default()
        .chars()
        .take(80)
        .collect();
    for key in keys {
        let index = matrix.keys.iter().position(|known| known == key);
        let first = |combination: &Combination| combination.values.get(&index?).copied();
        let value = matrix.combinations.iter().find_map(first);
        let of_map = value.and_then(|value| tree.entries(value).first());
        match of_map.and_then(|(key, _)| tree.scalar(*key)) {
            Some(of_map) => text.push_str(&format!("-{{{{{key}.{of_map}}}}}")),
            None => text.push_str(&format!("-{{{{{key}}}}}")),
        }
    }
    text
}
