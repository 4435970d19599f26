//! Bytes to typed documents: every document of a file, whatever its dress (several documents, lists, JSON, legacy
//! versions, byte order marks), and every problem with its place. Pure; one file at a time.

mod envelope;
mod explain;
mod faults;
mod identify;
mod nearly;
mod partial;
mod remedy;
pub(crate) mod typed;

use std::sync::Arc;

pub(crate) use explain::{ALIASES, syntax as syntax_problem};
pub(crate) use identify::Kind;

use super::check;
use super::code;
use super::diagnostic::{Diagnostic, Severity};
use super::matrix::{ResultOf, Template};
use super::role::Role;
use super::yaml::{self, Id, Tree};
use crate::model::{Environment, Freeze, Hold, ImageStream, Pipeline, RepoPath, RepositoryConfig};
use identify::Identity;

/// More problems than this of one stream are only counted.
const MAX_PROBLEMS: usize = 200;

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// The documents that could be read, in order.
    pub documents: Vec<Document>,
    /// What is wrong with the file itself, in order of place.
    pub problems: Vec<Diagnostic>,
    /// Documents that must not be used, and why.
    pub broken: Vec<BrokenDocument>,
    /// Pipelines without those of their words that are wrong. They are only looked at, so that one mistake hides no other.
    pub partial: Vec<Partial>,
    /// Documents with a matrix, which become others once the folders of the tree are known.
    pub templates: Vec<Template>,
    /// Whether the file could not be read at all.
    pub unreadable: bool,
}

/// A document and which of its file it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// From 0; items of a `List` count one by one.
    pub index: usize,
    /// The document.
    pub kind: DocumentKind,
    /// Whether it is a stream at rest ([`ImageStream::rests`]).
    pub rests: bool,
    /// Which result of a matrix it is.
    pub result: Option<Arc<ResultOf>>,
}

/// A pipeline of which some words are wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// Which of its file.
    pub index: usize,
    /// What can be read of it.
    pub pipeline: Arc<Pipeline>,
    /// Which result of a matrix it is.
    pub result: Option<Arc<ResultOf>>,
}

/// A typed document.
#[derive(Debug, Clone, PartialEq)]
pub enum DocumentKind {
    /// An image stream.
    ImageStream(Arc<ImageStream>),
    /// A pipeline.
    Pipeline(Arc<Pipeline>),
    /// An environment.
    Environment(Arc<Environment>),
    /// A hold.
    Hold(Arc<Hold>),
    /// A freeze.
    Freeze(Arc<Freeze>),
    /// What the repository chooses for itself.
    Config(Arc<RepositoryConfig>),
}

/// A document that is there but must not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenDocument {
    /// Which of its file.
    pub index: usize,
    /// Its kind as written.
    pub kind: String,
    /// Its name as written, if it has one.
    pub name: Option<String>,
    /// Its namespace as written, if it has one.
    pub namespace: Option<String>,
    /// What is wrong, in short.
    pub why: String,
    /// Set of a matrix that cannot be carried out: it stands for documents whose names nobody knows.
    pub nameless: bool,
}

/// Reads one file. Never fails: what cannot be read is in `problems`.
pub fn load(path: &RepoPath, bytes: &[u8], role: Role) -> Loaded {
    let text = match readable(bytes) {
        Ok(text) => text,
        Err(why) => return unreadable(Diagnostic::error(path, code::UNREADABLE, why)),
    };
    // A repository may choose nothing for itself.
    if role != Role::Config && nearly::is_blank(text) {
        return emptied(path, role);
    }
    // Charts, kustomizations and values lie about in environments; none of them is a document of ours.
    let named = role != Role::Environments || text.contains("headwater.dev/");
    if !named && !nearly::hinted(text) {
        return Loaded::default();
    }
    let tree = match yaml::parse(text) {
        Ok(tree) => tree,
        Err(_) if !named => return Loaded::default(),
        Err(error) => return unreadable(explain::syntax(path, text, &error)),
    };
    let mut loader = Loader {
        path,
        role,
        tree: &tree,
        templates: None,
        loaded: Loaded::default(),
    };
    for (index, root) in tree.documents().into_iter().enumerate() {
        loader.document(index, root);
    }
    let mut loaded = loader.loaded;
    loaded.problems.sort_by(by_place);
    // Nearly every file holds one document, and all of them are kept.
    loaded.documents.shrink_to_fit();
    loaded
}

pub(crate) fn by_place(a: &Diagnostic, b: &Diagnostic) -> std::cmp::Ordering {
    (&a.place, &a.code, &a.message).cmp(&(&b.place, &b.code, &b.message))
}

/// A file without a word in it may be one that lost its documents. A brake whose words are out of use is lifted.
fn emptied(path: &RepoPath, role: Role) -> Loaded {
    let words = match role.is_brake() {
        true => "there is no document in this file, so it stops nothing",
        false => "there is no document in this file",
    };
    let problem = Diagnostic::warning(path, code::EMPTY, words)
        .help("delete the file, or put the document back");
    Loaded {
        problems: vec![problem],
        ..Loaded::default()
    }
}

fn unreadable(problem: Diagnostic) -> Loaded {
    Loaded {
        problems: vec![problem],
        unreadable: true,
        ..Loaded::default()
    }
}

/// The text of a file, or why it has none.
fn readable(bytes: &[u8]) -> Result<&str, String> {
    if bytes.len() > yaml::MAX_BYTES {
        return Err(format!(
            "the file has {} bytes; at most {} are read",
            bytes.len(),
            yaml::MAX_BYTES
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|b| *b == b'\n').count();
        format!("the file is not UTF-8 (line {line})")
    })?;
    if text.starts_with("version https://git-lfs.github.com/spec/") {
        return Err("the file is only a pointer to Git LFS, which is not fetched".to_owned());
    }
    Ok(text)
}

struct Loader<'a, 't> {
    path: &'a RepoPath,
    role: Role,
    tree: &'a Tree<'t>,
    /// The whole text, once a document needs it later.
    templates: Option<Arc<str>>,
    loaded: Loaded,
}

impl Loader<'_, '_> {
    fn document(&mut self, index: usize, root: Id) {
        match identify::identify(self.tree, root, self.role) {
            Identity::Known(kind) => self.typed(index, root, kind),
            Identity::Foreign => {}
            Identity::Wrong(fault) => {
                let place = yaml::place_of(self.tree.text, &fault.at);
                let mut problem =
                    Diagnostic::error(self.path, fault.code, fault.message).at(Some(place));
                problem.severity = fault.severity;
                problem.help = fault.help;
                self.problem(index, root, problem);
            }
        }
    }

    fn typed(&mut self, index: usize, root: Id, kind: Kind) {
        if let Some(fault) = identify::misplaced(self.tree, root, kind, self.role) {
            let place = yaml::place_of(self.tree.text, &fault.at);
            let mut problem =
                Diagnostic::warning(self.path, fault.code, fault.message).at(Some(place));
            problem.help = fault.help;
            self.loaded.problems.push(problem);
        }
        if Template::is_at(self.tree, root, kind) {
            let text = self
                .templates
                .get_or_insert_with(|| Arc::from(self.tree.text));
            let template = Template::new(index, kind, Arc::clone(text));
            self.loaded.templates.push(template);
            return;
        }
        match typed::read(self.path, self.tree, root, kind) {
            Ok(document) => {
                let mut rests = false;
                if let DocumentKind::ImageStream(stream) = &document {
                    self.check_stream(index, root, stream);
                    rests = stream.rests();
                }
                self.loaded.documents.push(Document {
                    index,
                    kind: document,
                    rests,
                    result: None,
                });
            }
            Err(wrong) => {
                self.loaded
                    .partial
                    .extend(wrong.partial.map(|pipeline| Partial {
                        index,
                        pipeline,
                        result: None,
                    }));
                for (position, problem) in wrong.problems.into_iter().enumerate() {
                    match position {
                        0 => self.problem(index, root, problem),
                        _ => self.loaded.problems.push(problem),
                    }
                }
            }
        }
    }

    fn check_stream(&mut self, index: usize, root: Id, stream: &ImageStream) {
        let findings = check::stream_findings(self.tree, root, stream);
        let more = findings.len().saturating_sub(MAX_PROBLEMS);
        for (position, finding) in findings.into_iter().enumerate() {
            let breaks = finding.breaks;
            if position >= MAX_PROBLEMS && !breaks {
                continue;
            }
            let problem = finding.into_diagnostic(self.path, self.tree, root);
            if breaks {
                self.problem(index, root, problem);
            } else {
                self.loaded.problems.push(problem);
            }
        }
        if more > 0 {
            let words = format!("{more} more problems of this stream are not shown");
            let problem = Diagnostic::warning(self.path, code::TOO_MANY_PROBLEMS, words);
            self.loaded.problems.push(problem);
        }
    }

    /// Records a problem; an error makes its document unusable.
    fn problem(&mut self, index: usize, root: Id, problem: Diagnostic) {
        let text = |id: Option<Id>| id.and_then(|id| self.tree.scalar(id)).map(str::to_owned);
        let metadata = self.tree.get(root, "metadata");
        let field = |name| text(metadata.and_then(|m| self.tree.get(m, name)));
        if problem.severity == Severity::Error {
            self.loaded.broken.push(BrokenDocument {
                index,
                kind: text(self.tree.get(root, "kind")).unwrap_or_default(),
                name: field("name"),
                namespace: field("namespace"),
                why: problem.message.clone(),
                nameless: false,
            });
        }
        self.loaded.problems.push(problem);
    }
}

#[cfg(test)]
mod tests;
