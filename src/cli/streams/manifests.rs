//! What manifests say, wherever they lie in the place: objects with pods by kind and name or in a file that was named, and
//! digests that anything speaks of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Place, Source};
use crate::cli::CliError;
use crate::cli::engine::edge;
use crate::manifests::pods::{Workload, workloads};
use crate::model::RepoPath;
use crate::plan::output::MARKER;
use crate::plan::streams::prune::digests_in;

/// Contents read from Git at a time.
const AT_ONCE: usize = 256;

/// An object with pods.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Found {
    /// Its file.
    pub(in crate::cli) path: RepoPath,
    /// What it is.
    pub(in crate::cli) workload: Workload,
    /// Whether the file is an output of ours, which is rendered anew.
    generated: bool,
}

/// What one file holds.
pub(in crate::cli) struct InFile {
    /// The file.
    pub(in crate::cli) path: RepoPath,
    /// Objects with pods in it.
    pub(in crate::cli) workloads: Vec<Found>,
    /// How many objects are none.
    pub(in crate::cli) others: usize,
}

impl Found {
    /// Whether it is rendered by us.
    pub(in crate::cli) const fn is_generated(&self) -> bool {
        self.generated
    }

    /// The object and its file, if editing `annotation` there lasts.
    ///
    /// # Errors
    /// When the file is rendered.
    pub(in crate::cli) fn editable(
        self,
        annotation: &str,
    ) -> Result<(RepoPath, Workload), CliError> {
        if !self.generated {
            return Ok((self.path, self.workload));
        }
        let (path, id) = (&self.path, &self.workload.id);
        Err(CliError::failed(format!(
            "{id} in `{path}` is generated from a template, and the next pass would put it back"
        ))
        .help(format!(
            "write the annotation {annotation} into the template that the first line of `{path}` names"
        )))
    }
}

/// All objects that were found, and files that are no YAML.
#[derive(Default)]
pub(in crate::cli) struct Search {
    /// The objects, by file.
    pub(in crate::cli) found: Vec<Found>,
    /// Files that speak of such objects and cannot be read.
    pub(in crate::cli) unreadable: Vec<RepoPath>,
}

impl Place<'_> {
    /// Every object of these kinds.
    ///
    /// # Errors
    /// When files cannot be listed or read.
    pub(in crate::cli) async fn search(&self, kinds: &[&str]) -> Result<Search, CliError> {
        let mut search = Search::default();
        let mut look = |path: &RepoPath, text: &str| {
            if !kinds.iter().any(|kind| text.contains(kind)) {
                return;
            }
            match workloads(path, text) {
                Err(_) => search.unreadable.push(path.clone()),
                Ok((found, _)) => {
                    let meant = found.into_iter();
                    let meant = meant.filter(|one| kinds.contains(&one.id.kind.kind));
                    let found = meant.map(|workload| found_in(path, text, workload));
                    search.found.extend(found);
                }
            }
        };
        self.each_manifest(&mut look).await?;
        Ok(search)
    }

    /// Shows every file in YAML or JSON that is somebody's own, one after another.
    ///
    /// # Errors
    /// When files cannot be listed or read.
    async fn each_manifest(
        &self,
        look: &mut (dyn FnMut(&RepoPath, &str) + Send),
    ) -> Result<(), CliError> {
        match &self.source {
            Source::Tree(tree) => {
                let paths = tree.checkout().list(&is_manifest);
                for path in paths.map_err(|e| edge(&e))? {
                    if let Some(text) = tree.text(&path)? {
                        look(&path, &text);
                    }
                }
            }
            Source::Base { engine, obs, .. } => {
                let paths = obs.snapshot.files.keys();
                let paths = paths.filter(|path| !is_hidden(path) && is_manifest(path.file_name()));
                let paths: Vec<&RepoPath> = paths.collect();
                for chunk in paths.chunks(AT_ONCE) {
                    let texts = crate::cli::act::texts(engine, obs, chunk.iter().copied()).await?;
                    texts.iter().for_each(|(path, text)| look(path, text));
                }
            }
        }
        Ok(())
    }

    /// Digests that outputs, holds, whatever else lies below environments, and manifests anywhere else speak of.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(in crate::cli) async fn named_digests(&self) -> Result<BTreeSet<String>, CliError> {
        let paths = &self.docs.config.spec.paths;
        let folders = [paths.environments.clone(), paths.holds.clone()];
        let texts: Vec<String> = match &self.source {
            Source::Tree(tree) => tree.texts_below(&folders)?,
            Source::Base { engine, obs, .. } => {
                let below = |path: &RepoPath| folders.iter().any(|folder| path.is_below(folder));
                let files = obs.snapshot.files.keys().filter(|path| below(path));
                let texts = crate::cli::act::texts(engine, obs, files).await?;
                texts.into_values().collect()
            }
        };
        let texts = texts.iter();
        let mut named: BTreeSet<String> = texts.flat_map(|text| digests_in(text)).collect();
        // What streams record is what is pruned.
        let streams = self.docs.streams.values().map(|located| &located.path);
        let streams: BTreeSet<&RepoPath> = streams.collect();
        self.each_manifest(&mut |path, text| {
            if !streams.contains(path) {
                named.extend(digests_in(text));
            }
        })
        .await?;
        Ok(named)
    }

    /// What is in a file that a person named.
    ///
    /// # Errors
    /// When there is no such file, or it is no YAML.
    pub(in crate::cli) async fn in_file(&self, file: &Path) -> Result<InFile, CliError> {
        let missing = || {
            CliError::usage(format!("there is no file `{}`", file.display()))
                .help("-f takes a YAML or JSON file of the repository")
        };
        let (path, text) = match &self.source {
            Source::Tree(tree) => {
                let path = tree.checkout().relative(file);
                let path = path.map_err(|e| CliError::usage(e.to_string()))?;
                let path = path.ok_or_else(missing)?;
                let text = tree.text(&path)?.ok_or_else(missing)?;
                (path, text)
            }
            Source::Base { engine, obs, .. } => {
                let path = file.to_string_lossy();
                let path: RepoPath = path
                    .trim_start_matches("./")
                    .parse()
                    .map_err(|e| CliError::usage(format!("`{path}`: {e}")))?;
                let mut texts: BTreeMap<_, _> =
                    crate::cli::act::texts(engine, obs, std::iter::once(&path)).await?;
                let text = texts.remove(&path).ok_or_else(missing)?;
                (path, text)
            }
        };
        if is_hidden(&path) {
            return Err(CliError::usage(format!(
                "`{path}` lies in a dot folder, where nothing is written from here"
            ))
            .help("edit it by hand"));
        }
        let (found, others) = workloads(&path, &text).map_err(|problem| {
            CliError::failed(format!("`{path}` is no YAML: {}", problem.message))
                .help("templates and charts are edited by hand")
        })?;
        let workloads = found.into_iter().map(|w| found_in(&path, &text, w));
        Ok(InFile {
            workloads: workloads.collect(),
            others,
            path,
        })
    }
}

fn found_in(path: &RepoPath, text: &str, workload: Workload) -> Found {
    Found {
        path: path.clone(),
        workload,
        generated: text.starts_with(MARKER),
    }
}

fn is_hidden(path: &RepoPath) -> bool {
    path.as_str().split('/').any(|part| part.starts_with('.'))
}

fn is_manifest(name: &str) -> bool {
    let kinds = [".yaml", ".yml", ".json"];
    kinds.iter().any(|kind| name.ends_with(kind))
}
