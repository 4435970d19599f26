//! Outputs: what the folders of generated manifests should hold, against what they hold.

pub mod frozen;
mod kept;
pub mod lookup;
mod many;
mod recipe;
pub mod rendering;
pub mod running;
pub mod survey;
pub mod template;
mod templates;
#[cfg(test)]
mod tests;
pub mod trial;

use std::collections::{BTreeMap, BTreeSet};

use super::desk::Desk;
use super::report::{HoldReport, Subject};
use super::shield::shielded;
use crate::manifests::workload::image_fields;
use crate::model::{Application, BlobId, Environment, PinnedImage, RepoPath, TagKey};
use lookup::Lookup;
use recipe::{Recipe, Rendered};
pub use templates::Templates;

/// How the first line of every output begins.
pub const MARKER: &str = "# headwater: generated from ";

/// Why an application cannot be rendered now.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// Questions are noted; the next round knows more.
    Asking,
    /// An image has no digest yet.
    NotYet(String),
    /// Labels that it needs cannot be read now.
    Unread {
        /// What cannot be read, and why.
        why: String,
        /// Whether nobody has to do anything about it.
        heals: bool,
    },
    /// A person must mend something.
    Broken {
        /// What is wrong.
        why: String,
        /// What to do.
        help: Option<String>,
    },
    /// Understood, but not carried out by this version.
    Unfinished(String),
}

/// What must be written so that an application is as wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Delta {
    /// New text, or `None` to delete.
    pub files: BTreeMap<RepoPath, Option<String>>,
}

/// The folder of an application's outputs.
pub fn folder(environment: &Environment, application: &str, desk: &Desk<'_>) -> Option<RepoPath> {
    desk.docs
        .config
        .spec
        .paths
        .environments
        .join(&format!("{}/rendered/{application}", environment.name()))
        .ok()
}

/// What became of an application: what must be written, or why that is not known, and the tags it asked for.
pub type Looked = (Result<Delta, Stop>, BTreeSet<TagKey>);

/// Renders one application and compares it with what is there. A panic on the way is its own affair.
pub fn look<'a>(
    environment: &'a Environment,
    application: &'a Application,
    heads: &BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'a>,
) -> Looked {
    let subject = || subject(environment, application);
    let looked = shielded(subject, desk, |desk| {
        difference(environment, application, heads, templates, desk)
    });
    looked.unwrap_or_else(|hold| stopped(*hold))
}

fn subject(environment: &Environment, application: &Application) -> Subject {
    Subject::Application {
        environment: environment.name().clone(),
        application: application.name.to_string(),
    }
}

/// What becomes of an application whose work panicked.
fn stopped(hold: HoldReport) -> Looked {
    let stop = Stop::Broken {
        why: hold.why,
        help: hold.help,
    };
    (Err(stop), BTreeSet::new())
}

/// What must be written so that an application is as it should be with `heads` for what the plan moves.
pub fn difference<'a>(
    environment: &'a Environment,
    application: &'a Application,
    heads: &BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'a>,
) -> Looked {
    match begin(environment, application, heads, templates, desk) {
        Begun::Known(looked) => looked,
        Begun::ToRender(work) => {
            let rendered = work.recipe.render(&work.lookup);
            work.end(rendered, desk)
        }
    }
}

/// How far an application comes without rendering.
enum Begun<'a, 'h> {
    Known(Looked),
    ToRender(Box<Work<'a, 'h>>),
}

/// What is rendered.
struct Work<'a, 'h> {
    recipe: Recipe<'a>,
    lookup: Lookup<'h>,
}

/// What was proven before is not rendered again if the base holds it already.
fn begin<'a, 'h>(
    environment: &'a Environment,
    application: &'a Application,
    heads: &'h BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'a>,
) -> Begun<'a, 'h>
where
    'a: 'h,
{
    let recipe = match Recipe::of(environment, application, templates, desk) {
        Ok(recipe) => recipe,
        Err(stop) => return Begun::Known((Err(stop), BTreeSet::new())),
    };
    let name = application.name.to_string();
    if let Some(folder) = folder(environment, &name, desk) {
        let lookup = recipe.lookup(heads, desk);
        let prefix = folder.as_str().len() + 1;
        let present = desk.obs.snapshot.below(&folder);
        let present: Vec<(&str, &BlobId)> = present
            .map(|(path, entry)| (&path.as_str()[prefix..], &entry.blob))
            .collect();
        if kept::holds(&recipe.key(), &lookup, &present) {
            return Begun::Known((Ok(Delta::default()), lookup.used()));
        }
    }
    let lookup = recipe.lookup(heads, desk);
    Begun::ToRender(Box::new(Work { recipe, lookup }))
}

impl Work<'_, '_> {
    fn end(&self, rendered: Rendered, desk: &mut Desk<'_>) -> Looked {
        let placed = self.recipe.placed(rendered, &self.lookup, desk);
        let used = self.lookup.used();
        let Recipe {
            environment, name, ..
        } = self.recipe;
        (
            placed.and_then(|files| delta(environment, name.as_str(), &files, desk)),
            used,
        )
    }
}

/// Renders one application with `heads` for what the plan moves.
pub fn wanted<'a>(
    environment: &'a Environment,
    application: &'a Application,
    heads: &BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'a>,
) -> Result<BTreeMap<RepoPath, String>, Stop> {
    let recipe = Recipe::of(environment, application, templates, desk)?;
    let lookup = recipe.lookup(heads, desk);
    recipe.placed(recipe.render(&lookup), &lookup, desk)
}

/// What must be written and deleted. A file that stands in an output's place and is not ours is never touched.
fn delta(
    environment: &Environment,
    application: &str,
    wanted: &BTreeMap<RepoPath, String>,
    desk: &mut Desk<'_>,
) -> Result<Delta, Stop> {
    let mut delta = Delta::default();
    let Some(folder) = folder(environment, application, desk) else {
        return Ok(delta);
    };
    let mut asking = false;
    for (path, text) in wanted {
        let Some(entry) = desk.obs.snapshot.files.get(path) else {
            delta.files.insert(path.clone(), Some(text.clone()));
            continue;
        };
        if entry.plain && entry.blob == BlobId::of(text.as_bytes()) {
            continue;
        }
        match existing(path, desk) {
            Existing::Asking => asking = true,
            Existing::Ours(_) => {
                delta.files.insert(path.clone(), Some(text.clone()));
            }
            Existing::Foreign => {
                return Err(Stop::Broken {
                    why: format!("{path} was not written by us, so it is not overwritten"),
                    help: Some("move it away, or give the application another name".to_owned()),
                });
            }
        }
    }
    let present: Vec<RepoPath> = desk
        .obs
        .snapshot
        .below(&folder)
        .map(|(p, _)| p.clone())
        .collect();
    for path in present.into_iter().filter(|p| !wanted.contains_key(p)) {
        match existing(&path, desk) {
            Existing::Asking => asking = true,
            Existing::Ours(_) => {
                delta.files.insert(path, None);
            }
            Existing::Foreign => {}
        }
    }
    if asking { Err(Stop::Asking) } else { Ok(delta) }
}

/// Notes at once that the present outputs of an application will be read: rounds of questions are few, and which labels
/// its images have may take one more before the outputs are compared.
pub fn ask_ahead(environment: &Environment, application: &str, desk: &mut Desk<'_>) {
    let Some(folder) = folder(environment, application, desk) else {
        return;
    };
    let present = desk.obs.snapshot.below(&folder);
    let blobs: Vec<_> = present
        .filter(|(_, e)| e.plain)
        .map(|(_, e)| e.blob.clone())
        .collect();
    for blob in blobs {
        let _ = desk.text(&blob);
    }
}

enum Existing {
    Asking,
    Ours(std::sync::Arc<str>),
    Foreign,
}

fn existing(path: &RepoPath, desk: &mut Desk<'_>) -> Existing {
    let Some(blob) = desk.blob_of(path) else {
        return Existing::Foreign;
    };
    match desk.text(blob) {
        None => Existing::Asking,
        Some(Some(text)) if text.starts_with(MARKER) => Existing::Ours(text),
        Some(_) => Existing::Foreign,
    }
}

/// An output that a person changed to another digest after the stage's last move: `(file, digest)`.
pub fn hand_edit(
    delta: &Delta,
    settled: &BTreeMap<TagKey, PinnedImage>,
    last_move: usize,
    desk: &mut Desk<'_>,
) -> Option<(RepoPath, String)> {
    for path in delta.files.keys() {
        let touched = desk.obs.history.outputs.get(path).map(|o| o.last);
        let by_person = touched.is_some_and(|at| {
            at > last_move
                && desk
                    .obs
                    .history
                    .commit(at)
                    .is_some_and(|c| !c.ours && !c.in_our_name)
        });
        if !by_person {
            continue;
        }
        let Existing::Ours(text) = existing(path, desk) else {
            continue;
        };
        let Ok(fields) = image_fields(path, &text) else {
            continue;
        };
        for image in fields
            .iter()
            .filter_map(|f| f.image.parse::<PinnedImage>().ok())
        {
            let known: Vec<&PinnedImage> = settled
                .values()
                .filter(|s| s.repository == image.repository)
                .collect();
            if !known.is_empty() && !known.iter().any(|s| s.digest == image.digest) {
                return Some((path.clone(), image.digest.short().to_owned()));
            }
        }
    }
    None
}

/// Whether our own commits replaced this very content lately without any tag moving: two programs, or two
/// configurations, write against each other.
pub fn flips_back(path: &RepoPath, text: &str, since: usize, desk: &Desk<'_>) -> bool {
    let blob = BlobId::of(text.as_bytes());
    desk.obs.history.outputs.get(path).is_some_and(|o| {
        o.replaced_by_us
            .iter()
            .any(|(at, b)| *at > since && *b == blob)
    })
}
