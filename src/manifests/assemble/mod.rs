//! Loaded files to one set of documents: identities, what is broken and by what, and every problem in order. One broken
//! file never hides another; only holds and freezes fail closed.

mod lean;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::check::{self, At, Report, Repository, Thing};
use super::diagnostic::{Diagnostic, Severity};
use super::documents::{Documents, Located};
use super::load::{BrokenDocument, Document, DocumentKind, Kind, Loaded};
use super::matrix::{Expansions, ResultOf, Said, every, once};
use super::role::Role;
use super::yaml;
use super::{code, suggest};
use crate::model::name::{Name, StreamKey};
use crate::model::{Environment, ImageStream, Pipeline, RepoPath, RepositoryConfig};

/// The texts of files, asked only to place a problem that was found by comparing documents.
pub trait Texts {
    /// The text of a file, if it is at hand.
    fn text(&self, path: &RepoPath) -> Option<Arc<str>>;
}

/// Which paths exist in the commit or work tree.
pub trait Listing {
    /// Whether a file exists.
    fn exists(&self, path: &RepoPath) -> bool;
    /// Whether a folder exists.
    fn folder_exists(&self, path: &RepoPath) -> bool;
    /// Names of the folders directly in a folder, sorted; none of those behind symbolic links.
    fn folders(&self, path: &RepoPath) -> Vec<String>;
    /// Whether the path, or a folder on the way to it, is a symbolic link.
    fn is_symlink(&self, _path: &RepoPath) -> bool {
        false
    }
}

/// What a repository chooses for itself, from its loaded `headwater.yaml`: needed before any other file can be found.
/// `None` where the file is there but cannot be read.
pub fn config_of(loaded: &Loaded) -> Option<RepositoryConfig> {
    let mut configs = loaded.documents.iter().filter_map(|d| match &d.kind {
        DocumentKind::Config(config) => Some(RepositoryConfig::clone(config)),
        _ => None,
    });
    let broken = loaded.unreadable || !loaded.broken.is_empty();
    match (configs.next(), broken) {
        (_, true) => None,
        (config, false) => Some(config.unwrap_or_default()),
    }
}

/// Puts all files of a commit together.
pub fn assemble(
    mut files: Vec<(RepoPath, Role, Arc<Loaded>)>,
    texts: &dyn Texts,
    listing: &dyn Listing,
) -> Documents {
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Expansions::default().carry_out(&mut files, listing);
    let mut assembly = Assembly::default();
    assembly.settings(&files);
    for (path, role, loaded) in &files {
        assembly.file(path, *role, loaded);
    }
    assembly.identities();
    let Assembly {
        mut documents,
        partial,
        findings,
        ..
    } = assembly;
    // Identities first: what nobody owns is broken to the rules, not unknown.
    apply(findings, &mut documents, texts);
    let partial = lend(partial, &mut documents);
    let mut report = Report::default();
    every::expand(&mut documents, listing, &mut report);
    let repository = Repository {
        documents: &documents,
        listing,
    };
    check::run(&repository, &mut report);
    apply(report, &mut documents, texts);
    every::settle(&mut documents);
    documents
        .pipelines
        .retain(|name, _| !partial.contains(name));
    lean::on_broken(&mut documents);
    sort(&mut documents.problems);
    documents
}

/// Lets rules see what can be read of pipelines that must not be used; gives their names, to be taken back.
fn lend(partial: Vec<Located<Pipeline>>, documents: &mut Documents) -> BTreeSet<Name> {
    let mut lent = BTreeSet::new();
    for pipeline in partial {
        let name = pipeline.value.metadata.name.clone();
        if let Entry::Vacant(free) = documents.pipelines.entry(name) {
            lent.insert(free.key().clone());
            free.insert(pipeline);
        }
    }
    lent
}

fn sort(problems: &mut Vec<Diagnostic>) {
    let key = |p: &Diagnostic| {
        (
            p.path.clone(),
            p.place.clone(),
            p.code.clone(),
            p.message.clone(),
        )
    };
    problems.sort_by_cached_key(key);
    problems.dedup();
}

#[derive(Default)]
struct Assembly {
    documents: Documents,
    streams: BTreeMap<StreamKey, Vec<Located<ImageStream>>>,
    pipelines: BTreeMap<Name, Vec<Located<Pipeline>>>,
    environments: BTreeMap<Name, Vec<Located<Environment>>>,
    /// Pipelines of which some words are wrong.
    partial: Vec<Located<Pipeline>>,
    findings: Report,
}

impl Assembly {
    /// The repository's own settings come first, because identities hang on them.
    fn settings(&mut self, files: &[(RepoPath, Role, Arc<Loaded>)]) {
        for (path, _, loaded) in files.iter().filter(|(_, role, _)| *role == Role::Config) {
            match config_of(loaded) {
                Some(config) => self.documents.config = config,
                // Without it nobody knows where the brakes are.
                None => {
                    self.brake(path);
                    self.documents.config_broken = Some(path.clone());
                }
            }
        }
    }

    fn brake(&mut self, path: &RepoPath) {
        self.documents
            .brakes_unreadable
            .get_or_insert_with(|| format!("`{path}` cannot be read"));
    }

    fn file(&mut self, path: &RepoPath, role: Role, loaded: &Loaded) {
        self.documents
            .problems
            .extend(loaded.problems.iter().cloned());
        if loaded.unreadable {
            self.documents.unreadable.insert(path.clone());
        }
        let errors = loaded
            .problems
            .iter()
            .any(|p| p.severity == Severity::Error);
        if role.is_brake() && errors {
            self.brake(path);
        }
        for broken in &loaded.broken {
            self.broken(path, broken, loaded);
        }
        for document in &loaded.documents {
            self.document(path, document);
        }
        let partial = loaded.partial.iter();
        let partial = partial.map(|p| located(path, p.index, &p.pipeline, p.result.as_ref()));
        self.partial.extend(partial);
    }

    fn broken(&mut self, path: &RepoPath, broken: &BrokenDocument, loaded: &Loaded) {
        let why = format!("{}: {}", path, broken.why);
        let name: Option<Name> = broken.name.as_deref().and_then(|name| name.parse().ok());
        let kind = |kind: Kind| kind.as_str() == broken.kind;
        if broken.nameless && kind(Kind::Pipeline) {
            let mut problems = loaded.problems.iter();
            let told = problems.find(|problem| problem.message == broken.why);
            let line = told.and_then(|problem| problem.place.as_ref());
            let line = line.map_or_else(String::new, |place| format!(":{}", place.line));
            let why = || {
                format!(
                    "the matrix at {path}{line} gives nothing now: {}",
                    broken.why
                )
            };
            self.documents.nameless_pipelines.get_or_insert_with(why);
        } else if broken.nameless && kind(Kind::Environment) {
            let path = || path.clone();
            self.documents
                .nameless_environments
                .get_or_insert_with(path);
        }
        if kind(Kind::Hold) || kind(Kind::Freeze) {
            self.brake(path);
        } else if kind(Kind::ImageStream) {
            let name = broken.name.as_deref().unwrap_or_default();
            if let Some(key) = self.documents.stream_key(broken.namespace.as_deref(), name) {
                self.documents.broken_streams.entry(key).or_insert(why);
            }
        } else if let (true, Some(name)) = (kind(Kind::Pipeline), name.clone()) {
            self.documents.broken_pipelines.entry(name).or_insert(why);
        } else if let (true, Some(name)) = (kind(Kind::Environment), name) {
            self.documents
                .broken_environments
                .entry(name)
                .or_insert(why);
        }
    }

    fn document(&mut self, path: &RepoPath, document: &Document) {
        let index = document.index;
        match &document.kind {
            DocumentKind::ImageStream(stream) => self.stream(path, document, stream),
            DocumentKind::Pipeline(pipeline) => self
                .pipelines
                .entry(pipeline.metadata.name.clone())
                .or_default()
                .push(located(path, index, pipeline, document.result.as_ref())),
            DocumentKind::Environment(environment) => self
                .environments
                .entry(environment.metadata.name.clone())
                .or_default()
                .push(located(path, index, environment, document.result.as_ref())),
            DocumentKind::Hold(hold) => {
                let other = self
                    .documents
                    .holds
                    .insert(path.clone(), located(path, index, hold, None));
                self.one_brake_per_file(path, index, other.is_some());
            }
            DocumentKind::Freeze(freeze) => {
                let other = self
                    .documents
                    .freezes
                    .insert(path.clone(), located(path, index, freeze, None));
                self.one_brake_per_file(path, index, other.is_some());
            }
            DocumentKind::Config(_) => {}
        }
    }

    fn one_brake_per_file(&mut self, path: &RepoPath, index: usize, twice: bool) {
        if twice {
            let finding = check::Finding::error(
                code::MISPLACED,
                vec![yaml::Step::from("kind")],
                "a second hold or freeze in one file",
            )
            .help("write one document per file, so that deleting the file lifts it");
            self.findings.say(At::new(path, index), finding);
            self.brake(path);
        }
    }

    fn stream(&mut self, path: &RepoPath, document: &Document, stream: &Arc<ImageStream>) {
        let (index, metadata) = (document.index, &stream.metadata);
        match self
            .documents
            .stream_key(metadata.namespace.as_deref(), &metadata.name)
        {
            Some(key) => self.streams.entry(key).or_default().push(Located {
                rests: document.rests,
                ..located(path, index, stream, None)
            }),
            None => self.findings.say(At::new(path, index), stream_name(stream)),
        }
    }

    /// Gives every identity to the one document that claims it, or to none where several do.
    fn identities(&mut self) {
        let report = &mut self.findings;
        let documents = &mut self.documents;
        documents.streams = unique(
            std::mem::take(&mut self.streams),
            report,
            &Clash {
                what: "image streams",
                code: code::STREAM_TWICE,
                thing: Thing::Stream,
            },
        );
        documents.pipelines = unique(
            std::mem::take(&mut self.pipelines),
            report,
            &Clash {
                what: "pipelines",
                code: code::PIPELINE_TWICE,
                thing: Thing::Pipeline,
            },
        );
        documents.environments = unique(
            std::mem::take(&mut self.environments),
            report,
            &Clash {
                what: "environments",
                code: code::ENVIRONMENT_TWICE,
                thing: Thing::Environment,
            },
        );
    }
}

fn located<T>(
    path: &RepoPath,
    index: usize,
    value: &Arc<T>,
    result: Option<&Arc<ResultOf>>,
) -> Located<T> {
    Located {
        path: path.clone(),
        index,
        value: Arc::clone(value),
        rests: false,
        result: result.cloned(),
    }
}

fn stream_name(stream: &ImageStream) -> check::Finding {
    use crate::model::name::{Namespace, StreamName};
    let metadata = &stream.metadata;
    let route = |field: &str| vec![yaml::Step::from("metadata"), yaml::Step::from(field)];
    let (field, why) = match metadata.name.parse::<StreamName>() {
        Err(error) => ("name", error.to_string()),
        Ok(_) => (
            "namespace",
            metadata
                .namespace
                .as_deref()
                .unwrap_or_default()
                .parse::<Namespace>()
                .map_or_else(
                    |error| error.to_string(),
                    |_| "the namespace is not valid".to_owned(),
                ),
        ),
    };
    check::Finding::error(code::STREAM_NAME, route(field), why)
}

struct Clash<K> {
    what: &'static str,
    code: &'static str,
    thing: fn(K) -> Thing,
}

fn unique<K: Ord + Clone + std::fmt::Display, T>(
    claimed: BTreeMap<K, Vec<Located<T>>>,
    report: &mut Report,
    clash: &Clash<K>,
) -> BTreeMap<K, Located<T>> {
    let mut result = Vec::with_capacity(claimed.len());
    for (key, mut claims) in claimed {
        if claims.len() == 1 {
            result.extend(claims.pop().map(|only| (key, only)));
            continue;
        }
        for claim in &claims {
            let others: Vec<String> = claims
                .iter()
                .filter(|other| (&other.path, other.index) != (&claim.path, claim.index))
                .map(|other| format!("`{}`", other.path))
                .collect();
            let others = suggest::listed(others.iter().map(String::as_str));
            let finding = check::Finding::error(
                clash.code,
                vec![yaml::Step::from("metadata"), yaml::Step::from("name")],
                format!("{} {} are called `{key}`", claims.len(), clash.what),
            )
            .label(format!("also in {others}"))
            .help("rename or remove all but one; none of them is used until then");
            report.breaks((clash.thing)(key.clone()), claim, finding);
        }
    }
    // Put together from a list, a map has no room to spare.
    result.into_iter().collect()
}

/// Turns what rules said into problems with places, and marks what is broken by it.
fn apply(mut report: Report, documents: &mut Documents, texts: &dyn Texts) {
    for (thing, why) in report.broken {
        match thing {
            Thing::Pipeline(name) => {
                documents.broken_pipelines.entry(name).or_insert(why);
            }
            Thing::Environment(name) => {
                documents.broken_environments.entry(name).or_insert(why);
            }
            Thing::Application(environment, name) => {
                documents
                    .broken_applications
                    .entry((environment, name))
                    .or_insert(why);
            }
            Thing::Brakes(path) => {
                let why = || format!("`{path}` cannot be kept: {why}");
                documents.brakes_unreadable.get_or_insert_with(why);
            }
            Thing::Stream(key) => {
                documents.broken_streams.entry(key).or_insert(why);
            }
        }
    }
    report
        .findings
        .sort_by(|(a, _), (b, _)| (&a.path, a.index).cmp(&(&b.path, b.index)));
    let mut said = Vec::with_capacity(report.findings.len());
    for findings in report.findings.chunk_by(|(a, _), (b, _)| a.path == b.path) {
        let text = texts.text(&findings[0].0.path);
        let tree = text.as_deref().and_then(|text| yaml::parse(text).ok());
        let roots = tree.as_ref().map(yaml::Tree::documents).unwrap_or_default();
        for (at, finding) in findings {
            let finding = finding.clone();
            let problem = match (&tree, roots.get(at.index)) {
                (Some(tree), Some(root)) => finding.into_diagnostic(&at.path, tree, *root),
                _ => finding.without_place(&at.path),
            };
            said.push(Said {
                index: at.index,
                result: at.result.clone(),
                problem,
            });
        }
    }
    documents.problems.extend(once(said));
}

#[cfg(test)]
mod tests;
