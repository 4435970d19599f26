//! Documents with what is around them, for verbs that only look: whose namespace, since when, as of when, in which words.

use std::sync::Arc;

use super::{Asked, Files, Origin, Thing};
use crate::cli::args::{At, Resource, Selector};
use crate::cli::engine::edge;
use crate::cli::output::Style;
use crate::cli::view::words::safe;
use crate::cli::{CliError, Context};
use crate::git::Repository;
use crate::manifests::{Documents, Texts as _, assemble, written};
use crate::model::{Namespace, RepoPath, StreamKey, Timestamp};

/// More problems than these are only counted.
const MOST_PROBLEMS: usize = 20;

/// All documents of a place, at a time.
pub(in crate::cli) struct Looked {
    /// The documents.
    pub(in crate::cli) docs: Documents,
    /// The instant that ages count to: now, or that of the past that was asked for.
    pub(in crate::cli) now: Timestamp,
    files: Files,
    origin: Origin,
}

impl Looked {
    /// Reads the documents of the work tree or the base, or of the base as it was.
    ///
    /// # Errors
    /// When there is nothing to read.
    pub(in crate::cli) async fn at(context: &Context, at: Option<&At>) -> Result<Self, CliError> {
        let read = {
            let _spinner = context.out.progress().spinner("reading files");
            super::read(context, at).await?
        };
        let now = match read.origin.asked() {
            Some(past) => {
                let commit = &past.commit;
                let time = context.out.zone().day(commit.commit_time, context.now());
                context.out.note(Style::Dim.paint(&format!(
                    "as of {}, {time}; ages count to the time asked for",
                    commit.id.short()
                )));
                past.instant.min(context.now())
            }
            None => context.now(),
        };
        let files = read.files;
        let assembled = tokio::task::spawn_blocking(move || {
            let loaded = files.loaded.iter();
            let loaded =
                loaded.map(|(path, role, loaded)| (path.clone(), *role, Arc::clone(loaded)));
            let docs = assemble(loaded.collect(), &files, &files.lookup);
            (docs, files)
        });
        let (docs, files) = assembled
            .await
            .map_err(|error| CliError::failed(format!("reading stopped: {error}")))?;
        Ok(Self {
            docs,
            now,
            files,
            origin: read.origin,
        })
    }

    /// The namespace of names without one.
    pub(in crate::cli) fn namespace(&self, context: &Context) -> Namespace {
        let default = &self.docs.config.spec.namespace;
        let asked = context.globals.namespace.as_ref();
        asked.unwrap_or(default).clone()
    }

    /// What was asked for; nothing at all is said on stderr, as are streams that cannot be trusted.
    ///
    /// # Errors
    /// When something named is not there, or its file cannot be used.
    pub(in crate::cli) fn find<'d>(
        &'d self,
        context: &Context,
        things: Vec<(Resource, Option<String>)>,
        everywhere: bool,
        selector: Option<&Selector>,
    ) -> Result<Vec<Thing<'d>>, CliError> {
        let asked = Asked {
            things,
            namespace: self.namespace(context),
            everywhere,
            selector,
            now: self.now,
        };
        let found = asked.find(&self.docs)?;
        self.warn(context, &asked, &found);
        if found.is_empty() {
            context.out.note(self.nothing(&asked));
        }
        Ok(found)
    }

    fn nothing(&self, asked: &Asked<'_>) -> String {
        let what = asked
            .things
            .first()
            .map_or("image streams", |(kind, _)| kind.plural());
        let place = if asked.everywhere {
            "any namespace".to_owned()
        } else {
            format!("namespace `{}`", asked.namespace)
        };
        let labels = asked.selector.map_or("", |_| " with these labels");
        let elsewhere = self
            .docs
            .streams
            .keys()
            .any(|key| key.namespace != asked.namespace);
        let hint = if elsewhere && !asked.everywhere {
            "; there are streams in others: add -A"
        } else {
            ""
        };
        format!("no {what}{labels} in {place}{hint}")
    }

    /// Says which of the streams in sight have errors, and which files are no help.
    fn warn(&self, context: &Context, asked: &Asked<'_>, found: &[Thing<'_>]) {
        let out = &context.out;
        let listed = asked.things.iter().any(|(_, name)| name.is_none());
        let in_sight = |key: &StreamKey| {
            let here = asked.everywhere || key.namespace == asked.namespace;
            found.iter().any(|thing| thing.key == *key) || (listed && here)
        };
        let broken = self.docs.broken_streams.iter();
        let broken = broken.filter(|(key, _)| in_sight(key));
        let broken = broken.map(|(key, why)| format!("image stream `{key}` has errors: {why}"));
        let unreadable = self.docs.unreadable.iter().filter(|_| listed);
        let unreadable = unreadable.map(|path| format!("`{path}` cannot be read"));
        let said: Vec<String> = broken.chain(unreadable).collect();
        said.iter()
            .take(MOST_PROBLEMS)
            .for_each(|words| out.warning(&safe(words)));
        let more = said.len().saturating_sub(MOST_PROBLEMS);
        if more > 0 {
            out.warning(&format!("{more} more problems"));
        }
        if !said.is_empty() {
            out.note(Style::Dim.paint("`headwater check` shows everything"));
        }
    }

    /// The document of a thing as it is written in its file.
    pub(in crate::cli) fn written(&self, thing: &Thing<'_>) -> Option<serde_json::Value> {
        let text = self.files.text(&thing.located.path)?;
        written(&text, thing.located.index)
    }

    /// Since when a file is there, if its past is at hand.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub(in crate::cli) async fn there_since(
        &self,
        context: &Context,
        path: &RepoPath,
    ) -> Result<Option<Timestamp>, CliError> {
        let (repository, head) = match &self.origin {
            Origin::Commit {
                repository, commit, ..
            } => (repository.clone(), commit.clone()),
            Origin::Disk(tree) => {
                // A folder that no Git knows of, or without a commit, has no past.
                let Some(head) = tree.head().ok().flatten() else {
                    return Ok(None);
                };
                let root = tree.root().display().to_string();
                let opened = Repository::open(&root, &context.settings().git, true);
                (opened.map_err(|e| edge(&e))?, head)
            }
        };
        let since = repository.there_since(&head, path).await;
        since.map_err(|e| edge(&e))
    }
}
