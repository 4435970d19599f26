//! One document that stands for many: `spec.matrix` of pipelines and environments as in GitHub Actions, and applications
//! named `*`. Pure over the text of the document and the folders of the tree; what it gives is kept until one of these changes.

mod combine;
mod dimensions;
pub(super) mod every;
mod fill;
mod folders;
mod names;
mod problem;
mod results;
mod told;
mod values;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::assemble::Listing;
use super::code;
use super::diagnostic::Diagnostic;
use super::load::{BrokenDocument, Kind, Loaded};
use super::role::Role;
use super::yaml::{self, Id, Tree};
use crate::model::RepoPath;
pub use told::{ResultOf, Said, once};

/// More results than this of one document are refused.
pub const MAX_RESULTS: usize = 2_000;
/// More results than this of all documents together are refused.
pub const MAX_ALL: usize = 10_000;

/// So many values and pieces of text are read for the results of all documents together.
const MAX_WORK: usize = 4 << 20;

/// A document with a matrix, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Which of its file.
    pub index: usize,
    kind: Kind,
    /// The whole file.
    text: Arc<str>,
}

impl Template {
    /// Whether the document at `root` says what stands for what in it.
    pub(super) fn is_at(tree: &Tree<'_>, root: Id, kind: Kind) -> bool {
        let spec = tree.get(root, "spec");
        let matrix = spec.and_then(|spec| tree.get(spec, "matrix"));
        matches!(kind, Kind::Pipeline | Kind::Environment) && matrix.is_some()
    }

    pub(super) const fn new(index: usize, kind: Kind, text: Arc<str>) -> Self {
        Self { index, kind, text }
    }
}

/// Folders that a pattern was asked for, and those that were found.
type Asked = (String, Vec<String>);

/// What became of the documents with a matrix, to be used again while neither they nor the folders they name change.
#[derive(Debug)]
pub struct Expansions {
    known: HashMap<RepoPath, Expansion>,
    /// So many results may there be in all.
    most: usize,
    /// Files that were carried out anew by the last call.
    #[cfg(test)]
    pub(super) fresh: usize,
}

#[derive(Debug)]
struct Expansion {
    of: Arc<Loaded>,
    asked: Vec<Asked>,
    results: usize,
    /// How much was read for them.
    work: usize,
    loaded: Arc<Loaded>,
}

impl Default for Expansions {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            most: MAX_ALL,
            #[cfg(test)]
            fresh: 0,
        }
    }
}

impl Expansions {
    /// Puts the results of matrices into the place of their documents. Without any matrix nothing is touched.
    pub fn carry_out(
        &mut self,
        files: &mut [(RepoPath, Role, Arc<Loaded>)],
        listing: &dyn Listing,
    ) {
        let mut before = std::mem::take(&mut self.known);
        #[cfg(test)]
        {
            self.fresh = 0;
        }
        let mut with: Vec<_> = files
            .iter_mut()
            .filter(|(_, _, loaded)| !loaded.templates.is_empty())
            .collect();
        // Which documents still fit into the room for all must not hang on the order in which files were read.
        with.sort_by(|a, b| a.0.cmp(&b.0));
        let mut room = self.most;
        let mut work = MAX_WORK;
        for (path, _, loaded) in with {
            let known = before.remove(path);
            let known = known.filter(|known| known.still_holds(loaded, listing));
            let expansion = known.unwrap_or_else(|| {
                #[cfg(test)]
                {
                    self.fresh += 1;
                }
                Expansion::of(path, loaded, listing)
            });
            let fits = expansion.results <= room && expansion.work <= work;
            *loaded = match fits {
                true => {
                    room -= expansion.results;
                    work -= expansion.work;
                    Arc::clone(&expansion.loaded)
                }
                false => Arc::new(crowded(path, loaded, expansion.results, self.most)),
            };
            self.known.insert(path.clone(), expansion);
        }
    }
}

impl Expansion {
    fn of(path: &RepoPath, loaded: &Arc<Loaded>, listing: &dyn Listing) -> Self {
        let work = AssertUnwindSafe(|| results::of_file(path, loaded, listing));
        let (expanded, asked, [results, work]) = catch_unwind(work).unwrap_or_else(|_| {
            let words = "a bug in headwater stops the reading of this matrix";
            let problem = Diagnostic::error(path, code::UNREADABLE, words);
            (refused(loaded, &problem), Vec::new(), [0, 0])
        });
        Self {
            of: Arc::clone(loaded),
            asked,
            results,
            work,
            loaded: Arc::new(expanded),
        }
    }

    fn still_holds(&self, loaded: &Arc<Loaded>, listing: &dyn Listing) -> bool {
        let same = |(pattern, names): &Asked| {
            folders::names(pattern, listing).ok().as_ref() == Some(names)
        };
        Arc::ptr_eq(&self.of, loaded) && self.asked.iter().all(same)
    }
}

/// A file whose documents with a matrix are none.
fn refused(loaded: &Loaded, problem: &Diagnostic) -> Loaded {
    let mut left = loaded.clone();
    let templates = std::mem::take(&mut left.templates);
    left.broken
        .extend(templates.iter().map(|template| BrokenDocument {
            index: template.index,
            kind: template.kind.as_str().to_owned(),
            name: None,
            namespace: None,
            why: problem.message.clone(),
            nameless: true,
        }));
    left.problems.push(problem.clone());
    left
}

fn crowded(path: &RepoPath, loaded: &Loaded, results: usize, most: usize) -> Loaded {
    let words = format!(
        "with the {results} results of this matrix there would be more than {most} in all, or more text than is read"
    );
    let template = loaded.templates.first();
    let place = template.and_then(|template| {
        let route = [
            yaml::Step::from("spec"),
            yaml::Step::Name("matrix".to_owned()),
        ];
        yaml::locate(&template.text, template.index, &route)
    });
    let problem = Diagnostic::error(path, code::MATRIX_SIZE, words)
        .at(place)
        .help("take values out of it, or out of a matrix before it");
    refused(loaded, &problem)
}

#[cfg(test)]
mod tests;
