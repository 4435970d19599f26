//! The results of the documents of a file: each filled in, typed, and named where something is wrong with it.

use std::sync::Arc;

use super::combine::Matrix;
use super::dimensions;
use super::fill::Slots;
use super::names::{self, Named};
use super::problem::Problem;
use super::told::{ResultOf, Said, once};
use super::{Asked, Template};
use crate::manifests::assemble::Listing;
use crate::manifests::code;
use crate::manifests::load::{self, BrokenDocument, Document, Loaded, Partial, typed};
use crate::manifests::yaml::{self, Content, Id, MAX_DEPTH, Tree};
use crate::model::RepoPath;

/// So many values and pieces of text are read for the results of one document.
const MAX_WORK: usize = 1 << 20;
/// A scalar counts once more for each so many bytes.
const PIECE: usize = 32;

/// The file with the results of its matrices, the folders that were asked for, how many results there are, and how much was
/// read for them.
pub(super) fn of_file(
    path: &RepoPath,
    loaded: &Loaded,
    listing: &dyn Listing,
) -> (Loaded, Vec<Asked>, [usize; 2]) {
    let mut expanded = loaded.clone();
    let templates = std::mem::take(&mut expanded.templates);
    let (mut asked, mut results, mut read) = (Vec::new(), 0, 0);
    let Some(text) = templates.first().map(|template| Arc::clone(&template.text)) else {
        return (expanded, asked, [0, 0]);
    };
    // It was parsed before, so it can be parsed now.
    if let Ok(mut tree) = yaml::parse(&text) {
        let roots = tree.documents();
        for template in &templates {
            if let Some(root) = roots.get(template.index) {
                let mut work = Work::new(path, template, *root, &mut expanded);
                results += work.carry_out(&mut tree, listing, &mut asked);
                read += MAX_WORK - work.left;
            }
        }
    }
    expanded.documents.sort_by_key(|document| document.index);
    expanded.problems.sort_by(load::by_place);
    expanded.documents.shrink_to_fit();
    (expanded, asked, [results, read])
}

struct Work<'w> {
    path: &'w RepoPath,
    template: &'w Template,
    root: Id,
    into: &'w mut Loaded,
    said: Vec<Said>,
    /// Results by name.
    named: Named,
    /// What may still be read.
    left: usize,
}

impl<'w> Work<'w> {
    fn new(path: &'w RepoPath, template: &'w Template, root: Id, into: &'w mut Loaded) -> Self {
        Self {
            path,
            template,
            root,
            into,
            said: Vec::new(),
            named: Named::new(),
            left: MAX_WORK,
        }
    }

    /// Returns how many results there are.
    fn carry_out<'t>(
        &mut self,
        tree: &mut Tree<'t>,
        listing: &dyn Listing,
        asked: &mut Vec<Asked>,
    ) -> usize {
        let spec = tree.get(self.root, "spec");
        let Some(entry) = spec.and_then(|spec| tree.entry(spec, "matrix")) else {
            return 0;
        };
        let matrix = match dimensions::read(tree, entry, self.template.kind, listing, asked) {
            Ok((matrix, warnings)) => {
                for warning in warnings {
                    self.tell(tree, warning);
                }
                matrix
            }
            Err(problems) => {
                self.refuse(tree, problems);
                return 0;
            }
        };
        let slots = Slots::of(tree, self.root, &matrix, entry.1);
        let name = self.name(tree);
        let document = self.in_words(tree, name);
        let of = matrix.combinations.len();
        let mut made = Vec::with_capacity(of);
        for (number, combination) in matrix.combinations.iter().enumerate() {
            let problems = slots.fill(tree, &matrix, combination);
            let result = Arc::new(ResultOf {
                document: document.clone(),
                values: matrix.in_words(tree, combination),
                number,
                of,
            });
            let weight = weigh(tree, self.root, entry.1, self.left, MAX_DEPTH);
            if weight >= self.left {
                slots.restore(tree);
                let words = "the results of this matrix are larger in all than is read";
                let problem = Problem::new(tree.range(entry.0), code::MATRIX_SIZE, words);
                self.refuse(tree, vec![problem.help("make several documents of it")]);
                return 0;
            }
            self.left -= weight;
            made.extend(self.result(tree, &result, problems));
        }
        slots.restore(tree);
        if let Some(name) = name {
            self.names(tree, name, &matrix, &slots, &mut made);
        }
        self.into
            .documents
            .extend(made.into_iter().map(|(_, document)| document));
        let said = std::mem::take(&mut self.said);
        self.into.problems.extend(once(said));
        of
    }

    /// What is wrong with the names of the results.
    fn names(
        &mut self,
        tree: &Tree<'_>,
        name: Id,
        matrix: &Matrix,
        slots: &Slots<'_>,
        made: &mut Vec<(usize, Document)>,
    ) {
        let named = std::mem::take(&mut self.named);
        if let Some(problem) = names::of_strangers(tree, name, matrix, &named) {
            // That such a name is not valid follows from it.
            let at = Some(yaml::place_of(tree.text, &problem.at));
            self.said.retain(|said| said.problem.place != at);
            self.tell(tree, problem);
        }
        if let Some((problem, twice)) = names::alike(tree, name, matrix, slots, named) {
            let why = problem.message.clone();
            self.tell(tree, problem);
            for (name, numbers) in twice {
                made.retain(|(number, _)| !numbers.contains(number));
                self.breaks(Some(name), None, why.clone());
            }
        }
    }

    fn tell(&mut self, tree: &Tree<'_>, problem: Problem) {
        let problem = problem.into_diagnostic(self.path, tree.text);
        self.into.problems.push(problem);
    }

    fn name(&self, tree: &Tree<'_>) -> Option<Id> {
        let metadata = tree.get(self.root, "metadata");
        metadata.and_then(|metadata| tree.get(metadata, "name"))
    }

    /// The document as it was written: ``pipeline `{{app}}` ``.
    fn in_words(&self, tree: &Tree<'_>, name: Option<Id>) -> String {
        let kind = self.template.kind.as_str().to_lowercase();
        let name = name.and_then(|name| tree.scalar(name)).unwrap_or_default();
        format!("{kind} `{}`", name.chars().take(80).collect::<String>())
    }

    /// The whole document is none.
    fn refuse(&mut self, tree: &Tree<'_>, problems: Vec<Problem>) {
        let why = problems
            .first()
            .map_or_else(String::new, |problem| problem.message.clone());
        self.breaks(None, None, why);
        for problem in problems {
            self.tell(tree, problem);
        }
        // Names of results that were read before it was too much mean nothing.
        self.said.clear();
    }

    fn breaks(&mut self, name: Option<String>, namespace: Option<String>, why: String) {
        let nameless = name.as_ref().is_none_or(|name| name.contains("{{"));
        self.into.broken.push(BrokenDocument {
            index: self.template.index,
            kind: self.template.kind.as_str().to_owned(),
            name,
            namespace,
            why,
            nameless,
        });
    }

    /// One result, and its name as far as it has one.
    fn result(
        &mut self,
        tree: &Tree<'_>,
        result: &Arc<ResultOf>,
        problems: Vec<Problem>,
    ) -> Option<(usize, Document)> {
        let text = |id: Option<Id>| id.and_then(|id| tree.scalar(id)).map(str::to_owned);
        let metadata = tree.get(self.root, "metadata");
        let name = text(self.name(tree));
        let namespace = text(metadata.and_then(|metadata| tree.get(metadata, "namespace")));
        if let Some(name) = &name {
            self.named
                .entry(name.clone())
                .or_default()
                .push(result.number);
        }
        let index = self.template.index;
        let mut problems: Vec<_> = problems
            .into_iter()
            .map(|problem| problem.into_diagnostic(self.path, tree.text))
            .collect();
        if problems.is_empty() {
            match typed::read(self.path, tree, self.root, self.template.kind) {
                Ok(kind) => {
                    let document = Document {
                        index,
                        kind,
                        rests: false,
                        result: Some(Arc::clone(result)),
                    };
                    return Some((result.number, document));
                }
                Err(wrong) => {
                    problems = wrong.problems;
                    self.into
                        .partial
                        .extend(wrong.partial.map(|pipeline| Partial {
                            index,
                            pipeline,
                            result: Some(Arc::clone(result)),
                        }));
                }
            }
        }
        let why = problems
            .first()
            .map_or_else(String::new, |problem| problem.message.clone());
        self.breaks(name, namespace, why);
        self.said.extend(problems.into_iter().map(|problem| Said {
            index,
            result: Some(Arc::clone(result)),
            problem,
        }));
        None
    }
}

/// How much there is to read in a value, aliases followed and one value left out; no more than `most` is counted.
fn weigh(tree: &Tree<'_>, id: Id, without: Id, most: usize, depth: usize) -> usize {
    if id == without {
        return 0;
    }
    if most == 0 || depth == 0 {
        return most;
    }
    let each = |ids: &mut dyn Iterator<Item = Id>| {
        let mut sum = 1;
        for id in ids {
            if sum >= most {
                return most;
            }
            sum += weigh(tree, id, without, most - sum, depth - 1);
        }
        sum
    };
    match &tree.node(tree.resolved(id)).content {
        Content::Scalar(text, _) => 1 + text.len() / PIECE,
        Content::List { items, .. } => each(&mut items.iter().copied()),
        Content::Map { entries, .. } => {
            each(&mut entries.iter().flat_map(|(key, value)| [*key, *value]))
        }
        Content::Alias(_) => most,
    }
}
