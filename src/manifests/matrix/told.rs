//! What is wrong with results of a matrix is told once for all of them that it is true of, and says which they are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::manifests::diagnostic::{Diagnostic, Place, Severity};
use crate::manifests::documents::Located;
use crate::model::RepoPath;

/// So many results are named.
const NAMED: usize = 3;

/// Which of the results of a matrix a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultOf {
    /// The document as written: ``pipeline `{{app}}` ``.
    pub document: String,
    /// Values that it was made with: `app=orders`.
    pub values: String,
    /// Which of them, from 0.
    pub number: usize,
    /// How many there are.
    pub of: usize,
}

/// A problem of a document, or of one of the results of a document.
pub struct Said {
    /// Which document of its file.
    pub index: usize,
    /// Which result, if it is one.
    pub result: Option<Arc<ResultOf>>,
    /// The problem.
    pub problem: Diagnostic,
}

impl Said {
    /// A problem of a document.
    pub fn of<T>(located: &Located<T>, problem: Diagnostic) -> Self {
        Self {
            index: located.index,
            result: located.result.clone(),
            problem,
        }
    }
}

/// Where and of what kind a problem is, and which result it is of, or which of those of one result it is.
type Key = (RepoPath, usize, Option<Place>, Severity, String, usize);

/// Problems, with those of results put together.
pub fn once(said: Vec<Said>) -> Vec<Diagnostic> {
    let mut all = Vec::with_capacity(said.len());
    let mut messages: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for one in said {
        let Some(result) = one.result else {
            all.push(one.problem);
            continue;
        };
        let Diagnostic {
            path,
            place,
            severity,
            code,
            message,
            ..
        } = &one.problem;
        let key = |last: usize| {
            let place = place.clone();
            (
                path.clone(),
                one.index,
                place,
                *severity,
                code.clone(),
                last,
            )
        };
        let earlier = messages.entry(key(result.number)).or_default();
        if earlier.contains(message) {
            continue;
        }
        earlier.push(message.clone());
        match groups.entry(key(earlier.len())) {
            Entry::Vacant(free) => {
                free.insert(Group::new(one.problem, result));
            }
            Entry::Occupied(mut group) => group.get_mut().add(one.problem, result),
        }
    }
    all.extend(groups.into_values().map(Group::into_diagnostic));
    all
}

/// One problem of several results.
struct Group {
    problem: Diagnostic,
    /// Whether all say it in the same words.
    same: bool,
    results: Vec<Arc<ResultOf>>,
}

impl Group {
    fn new(problem: Diagnostic, result: Arc<ResultOf>) -> Self {
        Self {
            problem,
            same: true,
            results: vec![result],
        }
    }

    /// The first result speaks for all of them.
    fn add(&mut self, problem: Diagnostic, result: Arc<ResultOf>) {
        self.same &= self.problem.message == problem.message;
        let at = self.results.partition_point(|r| r.number < result.number);
        if at == 0 {
            self.problem = problem;
        }
        self.results.insert(at, result);
    }

    fn into_diagnostic(mut self) -> Diagnostic {
        let Some(first) = self.results.first() else {
            return self.problem;
        };
        let document = &first.document;
        let with = match self.results.as_slice() {
            [one] => format!("{document} with {}", one.values),
            all if self.same && all.len() == first.of => {
                format!("all {} results of {document}", all.len())
            }
            all => format!(
                "{document} with {}; likewise with {}",
                first.values,
                others(&all[1..])
            ),
        };
        self.problem.message = format!("{} ({with})", self.problem.message);
        self.problem
    }
}

/// The first few of some results, and how many more there are.
fn others(results: &[Arc<ResultOf>]) -> String {
    let named = results
        .iter()
        .take(NAMED)
        .map(|result| result.values.as_str());
    let named = named.collect::<Vec<_>>().join("; ");
    match results.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
