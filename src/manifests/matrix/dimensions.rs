//! `spec.matrix` as it is written: dimensions in order, `include` and `exclude`, and all that may be wrong with them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::combine::{Column, Matrix, product};
use super::problem::Problem;
use super::{Asked, MAX_RESULTS, folders};
use crate::manifests::assemble::Listing;
use crate::manifests::code;
use crate::manifests::load::Kind;
use crate::manifests::suggest::{did_you_mean, listed};
use crate::manifests::yaml::{Content, Id, Node, Style, Tree};

/// More entries than this of `include` and `exclude` are refused: each is held against every combination.
const MAX_ENTRIES: usize = 500;
/// More dimensions and names that `include` adds than this are refused.
const MAX_NAMES: usize = 32;
/// Words that stand for something else where they are filled in later, or that would be taken for it.
const RESERVED: [&str; 11] = [
    "digest",
    "environment",
    "image",
    "namespace",
    "pipeline",
    "repository",
    "set",
    "stage",
    "tag",
    "values",
    "version",
];

/// Reads a matrix, with what does not keep it from being carried out, and notes which folders were asked for.
pub(super) fn read(
    tree: &mut Tree<'_>,
    (key, matrix): (Id, Id),
    kind: Kind,
    listing: &dyn Listing,
    asked: &mut Vec<Asked>,
) -> Result<(Matrix, Vec<Problem>), Vec<Problem>> {
    let is_map = matches!(
        tree.node(tree.resolved(matrix)).content,
        Content::Map { .. }
    );
    let entries = tree.entries(matrix).to_vec();
    if entries.is_empty() {
        let (code, words) = match is_map || tree.is_null(matrix) {
            true => (code::MATRIX_EMPTY, "this matrix gives nothing"),
            false => (code::MATRIX, "a matrix is a map of lists"),
        };
        let problem = Problem::of_entry(tree, (key, matrix), code, words);
        return Err(vec![
            problem.help("write matrix: {region: [eu, us]}, or take it out"),
        ]);
    }
    let mut reader = Reader {
        kind,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    reader.nested(tree, matrix, 0);
    let mut columns = Vec::new();
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    for entry in entries {
        match tree.scalar(entry.0) {
            Some("include") => include = reader.maps(tree, entry),
            Some("exclude") => exclude = reader.maps(tree, entry),
            _ => columns.extend(reader.dimension(tree, entry, listing, asked)),
        }
    }
    let entries = include.iter().flat_map(|entry| tree.entries(*entry));
    let mut names: BTreeSet<&str> = entries.filter_map(|(key, _)| tree.scalar(*key)).collect();
    names.extend(columns.iter().map(|column| column.name.as_str()));
    if names.len() > MAX_NAMES {
        let words = format!(
            "this matrix has {} names; at most {MAX_NAMES} are read",
            names.len()
        );
        let problem = Problem::new(tree.range(key), code::MATRIX_SIZE, words);
        return Err(vec![problem.help("make several documents of it")]);
    }
    reader.excluded(tree, &columns, &exclude);
    reader.included(tree, &include);
    if !reader.problems.is_empty() {
        reader.problems.append(&mut reader.warnings);
        return Err(reader.problems);
    }
    let matrix = combined(tree, (key, matrix), columns, [&exclude, &include]);
    let matrix = matrix.map_err(|problem| vec![problem])?;
    Ok((matrix, reader.warnings))
}

/// The combinations, unless there are none or too many.
fn combined(
    tree: &Tree<'_>,
    entry: (Id, Id),
    columns: Vec<Column>,
    [exclude, include]: [&[Id]; 2],
) -> Result<Matrix, Problem> {
    let too_many = |count: &str| {
        let words = format!("this matrix has {count} combinations; at most {MAX_RESULTS} are read");
        let problem = Problem::new(tree.range(entry.0), code::MATRIX_SIZE, words);
        Err(problem.help("make several documents of it"))
    };
    let count = product(&columns);
    if count > MAX_RESULTS {
        return too_many(&count.to_string());
    }
    let mut matrix = Matrix::of(columns);
    matrix.exclude(tree, exclude);
    matrix.include(tree, include);
    match matrix.combinations.len() {
        0 => {
            let words = "this matrix gives nothing: `exclude` takes all of it";
            let problem = Problem::of_entry(tree, entry, code::MATRIX_EMPTY, words);
            Err(problem.help("leave a combination, or delete the document"))
        }
        1..=MAX_RESULTS => Ok(matrix),
        many => too_many(&many.to_string()),
    }
}

struct Reader {
    kind: Kind,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Reader {
    fn say(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Values are filled in, and nothing is filled into them.
    fn nested(&mut self, tree: &Tree<'_>, id: Id, depth: usize) {
        if depth > crate::manifests::yaml::MAX_DEPTH {
            return;
        }
        match &tree.node(id).content {
            Content::Scalar(text, _) if text.contains("{{") => {
                let words = "a value of a matrix holds `{{`, and nothing is filled in there";
                let problem = Problem::new(tree.range(id), code::MATRIX, words);
                self.say(problem.help("write out what is meant"));
            }
            Content::List { items, .. } => {
                items
                    .iter()
                    .for_each(|item| self.nested(tree, *item, depth + 1));
            }
            Content::Map { entries, .. } => entries.iter().for_each(|(key, value)| {
                self.nested(tree, *key, depth + 1);
                self.nested(tree, *value, depth + 1);
            }),
            _ => {}
        }
    }

    /// The name of a dimension, or of what `include` adds.
    fn name(&mut self, tree: &Tree<'_>, key: Id) -> Option<String> {
        let name = tree.scalar(key).unwrap_or_default();
        let at = tree.range(key);
        if !is_word(name) {
            let words =
                "a dimension is called by letters, digits, `-` and `_`, beginning with a letter";
            let problem = Problem::new(at, code::MATRIX, words);
            self.say(problem.help("write a name such as `tier` or `region`"));
            return None;
        }
        let own = name == "app" && self.kind == Kind::Environment;
        if RESERVED.contains(&name) || own {
            let words = format!(
                "no dimension can be called `{name}`: `{{{{{name}}}}}` has another meaning"
            );
            let help = "call it something else, such as `tier` or `region`";
            self.say(Problem::new(at, code::MATRIX, words).help(help));
            return None;
        }
        Some(name.to_owned())
    }

    fn dimension(
        &mut self,
        tree: &mut Tree<'_>,
        (key, value): (Id, Id),
        listing: &dyn Listing,
        asked: &mut Vec<Asked>,
    ) -> Option<Column> {
        let name = self.name(tree, key)?;
        let entry = (key, value);
        let values = match &tree.node(tree.resolved(value)).content {
            Content::List { items, .. } if items.is_empty() => {
                let words = format!("dimension `{name}` has no value");
                let problem = Problem::of_entry(tree, entry, code::MATRIX_EMPTY, words);
                self.say(problem.help(format!(
                    "write its values, as in {name}: [a, b]; or delete the document if nothing is meant"
                )));
                return None;
            }
            Content::List { items, .. } => {
                let items = items.clone();
                self.values(tree, &name, &items)?;
                items
            }
            Content::Map { entries, .. } => match entries.as_slice() {
                [(folders, pattern)] if tree.scalar(*folders) == Some("folders") => {
                    let pattern = *pattern;
                    self.folders(tree, &name, pattern, listing, asked)?
                }
                _ => return self.no_list(tree, entry, &name),
            },
            _ => return self.no_list(tree, entry, &name),
        };
        Some(Column { name, values })
    }

    fn no_list(&mut self, tree: &Tree<'_>, entry: (Id, Id), name: &str) -> Option<Column> {
        let words = format!("dimension `{name}` is no list");
        let help = format!("write {name}: [a, b], or {name}: {{folders: \"environments/dev/*\"}}");
        self.say(Problem::of_entry(tree, entry, code::MATRIX, words).help(help));
        None
    }

    /// Whether all values of a list are scalars or maps with words for keys.
    fn values(&mut self, tree: &Tree<'_>, name: &str, items: &[Id]) -> Option<()> {
        let before = self.problems.len();
        for item in items {
            let words = match &tree.node(tree.resolved(*item)).content {
                Content::Scalar(..) if !tree.is_null(*item) => continue,
                Content::Map { entries, .. } if !entries.is_empty() => {
                    let odd = entries
                        .iter()
                        .find(|(key, _)| !tree.scalar(*key).is_some_and(is_word));
                    match odd {
                        None => continue,
                        Some((key, _)) => {
                            let words = "a key is written in letters, digits, `-` and `_`, beginning with a letter";
                            let problem = Problem::new(tree.range(*key), code::MATRIX, words);
                            self.say(problem.help("write a key such as `name` or `timeZone`"));
                            continue;
                        }
                    }
                }
                Content::List { .. } => format!("a value of dimension `{name}` is a list"),
                _ => format!("a value of dimension `{name}` is missing"),
            };
            let help = "a value is text, a number, true or false, or a map such as {name: eu, timeZone: Europe/Berlin}";
            self.say(Problem::new(tree.range(*item), code::MATRIX, words).help(help));
        }
        (self.problems.len() == before).then_some(())
    }

    /// Names of folders as values, which stand where their pattern does.
    fn folders(
        &mut self,
        tree: &mut Tree<'_>,
        name: &str,
        pattern: Id,
        listing: &dyn Listing,
        asked: &mut Vec<Asked>,
    ) -> Option<Vec<Id>> {
        let at = tree.range(pattern);
        let text = tree.scalar(pattern).unwrap_or_default().to_owned();
        if !text.contains(['/', '*']) {
            let words = format!("`{text}` is no pattern of folders");
            let problem = Problem::new(at, code::MATRIX, words);
            self.say(problem.help("write {folders: \"environments/dev/*\"}"));
            return None;
        }
        let names = match folders::names(&text, listing) {
            Ok(names) => names,
            Err(why) => {
                let problem = Problem::new(at, code::MATRIX, why);
                self.say(problem.help("write {folders: \"environments/dev/*\"}"));
                // Asked again each time: with other folders it may be another matter.
                asked.push((text, Vec::new()));
                return None;
            }
        };
        asked.push((text.clone(), names.clone()));
        let (names, odd) = folders::apart(names);
        if !odd.is_empty() {
            let odd = listed(odd.iter().map(String::as_str));
            let words = format!("`{text}` leaves out {}: {odd}", folders::ODD);
            let problem = Problem::new(at.clone(), code::MATRIX, words).warning();
            self.warnings.push(problem.help(folders::HELP));
        }
        if names.is_empty() {
            let words = format!(
                "dimension `{name}` has no value: no folder `{text}` holds a {}",
                folders::VALUES
            );
            let problem = Problem::new(at, code::MATRIX_EMPTY, words);
            self.say(problem.help(format!(
                "put a {} into each folder that is meant, or correct the pattern",
                folders::VALUES
            )));
            return None;
        }
        if names.len() > MAX_RESULTS {
            let words = format!(
                "{} folders fit; at most {MAX_RESULTS} are read",
                names.len()
            );
            let problem = Problem::new(at, code::MATRIX_SIZE, words);
            self.say(problem.help("make several documents of it, each with a pattern of its own"));
            return None;
        }
        let nodes = names.into_iter().map(|name| {
            tree.nodes.push(Node {
                start: at.start,
                end: at.end,
                content: Content::Scalar(Cow::Owned(name), Style::DoubleQuoted),
                decorated: false,
                filled: false,
            });
            tree.nodes.len() - 1
        });
        Some(nodes.collect())
    }

    /// The maps of `include` or `exclude`.
    fn maps(&mut self, tree: &Tree<'_>, entry: (Id, Id)) -> Vec<Id> {
        let name = tree.scalar(entry.0).unwrap_or_default().to_owned();
        let items = tree.items(entry.1);
        let is_list = matches!(
            tree.node(tree.resolved(entry.1)).content,
            Content::List { .. }
        );
        if !is_list && !tree.is_null(entry.1) {
            let words = format!("`{name}` is a list of maps");
            let problem = Problem::of_entry(tree, entry, code::MATRIX, words);
            self.say(problem.help(format!("write {name}: [{{region: eu}}]")));
        }
        if items.len() > MAX_ENTRIES {
            let words = format!(
                "`{name}` has {} entries; at most {MAX_ENTRIES} are read",
                items.len()
            );
            let problem = Problem::new(tree.range(entry.0), code::MATRIX_SIZE, words);
            self.say(problem.help("make several documents of it"));
            return Vec::new();
        }
        for item in items.iter().filter(|item| tree.entries(**item).is_empty()) {
            let words = format!("an entry of `{name}` is a map of dimensions and values");
            let problem = Problem::new(tree.range(*item), code::MATRIX, words);
            self.say(problem.help(format!("write {name}: [{{region: eu}}]")));
        }
        items.to_vec()
    }

    fn excluded(&mut self, tree: &Tree<'_>, columns: &[Column], exclude: &[Id]) {
        let names = || columns.iter().map(|column| column.name.as_str());
        for (key, _) in exclude.iter().flat_map(|entry| tree.entries(*entry)) {
            let name = tree.scalar(*key).unwrap_or_default();
            // With a dimension that is wrong nobody knows what there is.
            if self.problems.is_empty() && !names().any(|known| known == name) {
                let words = format!("`{name}` is no dimension of this matrix");
                let problem = Problem::new(tree.range(*key), code::MATRIX, words);
                let nearest = did_you_mean(name, names().collect::<Vec<_>>());
                self.say(
                    problem
                        .label(format!("it has {}", listed(names())))
                        .help(nearest),
                );
            }
        }
    }

    fn included(&mut self, tree: &Tree<'_>, include: &[Id]) {
        for (key, value) in include.iter().flat_map(|entry| tree.entries(*entry)) {
            self.name(tree, *key);
            if tree.is_null(*value) {
                let words = "a value is missing here";
                let problem = Problem::of_entry(tree, (*key, *value), code::MATRIX, words);
                self.say(problem.help("write one, or take the key out"));
            }
        }
    }
}

/// A name that can stand in `{{...}}`.
pub(super) fn is_word(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    text.len() <= 63
        && text.bytes().all(word)
        && text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
}
