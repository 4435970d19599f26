//! Outputs: what the folders of generated manifests should hold, against what they hold.

pub mod lookup;
pub mod rendering;
pub mod survey;
pub mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::desk::Desk;
use super::output::lookup::Lookup;
use super::output::template::{RenderInput, TemplateError, TemplateSet};
use super::report::Subject;
use super::shield::shielded;
use crate::manifests::workload::image_fields;
use crate::model::{
    Application, ApplicationName, Environment, Name, PinnedImage, RepoPath, TagKey,
};

/// How the first line of every output begins.
pub const MARKER: &str = "# headwater: generated from ";

/// An application as it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Files by path.
    pub files: BTreeMap<RepoPath, String>,
    /// Tags that its images came from.
    pub used: BTreeSet<TagKey>,
}

/// Why an application cannot be rendered now.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// Questions are noted; the next round knows more.
    Asking,
    /// An image has no digest yet.
    NotYet(String),
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

/// Compiled templates, kept for one plan.
#[derive(Default)]
pub struct Templates {
    compiled: BTreeMap<Name, Result<Rc<TemplateSet>, Stop>>,
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

/// Renders one application and compares it with what is there. A panic on the way is its own affair.
pub fn look(
    environment: &Environment,
    application: &Application,
    heads: &BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> (Result<(Wanted, Delta), Stop>, BTreeSet<TagKey>) {
    let name = application.name.to_string();
    let subject = Subject::Application {
        environment: environment.name().clone(),
        application: name.clone(),
    };
    let looked = shielded(&subject, desk, |desk| {
        let (result, used) = wanted(environment, application, heads, templates, desk);
        let result = result.and_then(|w| delta(environment, &name, &w, desk).map(|d| (w, d)));
        (result, used)
    });
    looked.unwrap_or_else(|hold| {
        let stop = Stop::Broken {
            why: hold.why,
            help: hold.help,
        };
        (Err(stop), BTreeSet::new())
    })
}

/// Renders one application with `heads` for what the plan moves.
pub fn wanted(
    environment: &Environment,
    application: &Application,
    heads: &BTreeMap<TagKey, PinnedImage>,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> (Result<Wanted, Stop>, BTreeSet<TagKey>) {
    let docs = desk.docs;
    // The lookup borrows the documents, not the desk, so that labels it lacks can be asked for afterwards.
    let environment_value = docs.environments.get(environment.name()).map(|e| &*e.value);
    let Some(environment_value) = environment_value else {
        return (
            Err(Stop::Broken {
                why: "the environment is gone".to_owned(),
                help: None,
            }),
            BTreeSet::new(),
        );
    };
    let Some(application_value) = environment_value
        .spec
        .applications
        .iter()
        .find(|a| a.name == application.name)
    else {
        return (
            Err(Stop::Broken {
                why: "the application is gone".to_owned(),
                help: None,
            }),
            BTreeSet::new(),
        );
    };
    let lookup = Lookup::new(desk, environment_value, application_value, heads);
    let result = render(
        environment_value,
        application_value,
        &lookup,
        templates,
        desk,
    );
    let used = lookup.used();
    (
        result.map(|files| Wanted {
            files,
            used: used.clone(),
        }),
        used,
    )
}

fn render(
    environment: &Environment,
    application: &Application,
    lookup: &Lookup<'_>,
    templates: &mut Templates,
    desk: &mut Desk<'_>,
) -> Result<BTreeMap<RepoPath, String>, Stop> {
    let broken = &desk.docs.broken_applications;
    if let Some(why) = broken.get(&(environment.name().clone(), application.name.clone())) {
        return Err(Stop::Broken {
            why: why.clone(),
            help: Some("headwater check".to_owned()),
        });
    }
    let ApplicationName::One(name) = &application.name else {
        return Err(Stop::Unfinished("an application named `*`".to_owned()));
    };
    let Some(kind) = &application.template else {
        let how = [
            ("kustomization", &application.kustomization),
            ("yaml", &application.yaml),
            ("manifests", &application.manifests),
        ];
        let how = how
            .into_iter()
            .find(|(_, v)| v.is_some())
            .map_or("nothing", |(k, _)| k);
        return Err(Stop::Unfinished(format!("an application by `{how}`")));
    };
    let set = templates.get(kind, desk)?;
    let values = values(environment, name, desk)?;
    let namespace = application
        .namespace
        .as_ref()
        .or(environment.spec.namespace.as_ref());
    let input = RenderInput {
        app: name,
        environment: environment.name(),
        namespace,
        values: &values,
        images: lookup,
    };
    let rendered = set
        .render(&input)
        .map_err(|error| stop(error, kind, lookup, desk))?;
    let Some(folder) = folder(environment, name.as_str(), desk) else {
        return Err(Stop::Broken {
            why: format!("no folder for {name}"),
            help: None,
        });
    };
    rendered
        .into_iter()
        .map(|(file, text)| match folder.join(&file) {
            Ok(path) => Ok((path, text)),
            Err(e) => Err(Stop::Broken {
                why: e.to_string(),
                help: None,
            }),
        })
        .collect()
}

fn stop(error: TemplateError, kind: &Name, lookup: &Lookup<'_>, desk: &mut Desk<'_>) -> Stop {
    match error {
        TemplateError::NeedsLabels(images) => {
            for image in images {
                for key in lookup.used() {
                    desk.describe_if(&image, &key);
                }
            }
            Stop::Asking
        }
        TemplateError::NotYet(problem) => Stop::NotYet(problem.message),
        other => {
            let place = other.problem().map_or_else(String::new, |p| {
                let line = p.line.map_or_else(String::new, |l| format!(":{l}"));
                format!("templates/{kind}/{}{line}: ", p.file)
            });
            let help = other.problem().and_then(|p| p.help.clone());
            Stop::Broken {
                why: format!("{place}{other}"),
                help,
            }
        }
    }
}

/// The application's own values, as JSON; none is an empty map.
fn values(
    environment: &Environment,
    application: &Name,
    desk: &mut Desk<'_>,
) -> Result<serde_json::Value, Stop> {
    let base = &desk.docs.config.spec.paths.environments;
    let Ok(path) = base.join(&format!("{}/{application}/values.yaml", environment.name())) else {
        return Ok(serde_json::Value::Object(serde_json::Map::new()));
    };
    let Some(blob) = desk.blob_of(&path) else {
        return Ok(serde_json::Value::Object(serde_json::Map::new()));
    };
    let broken = |why: String| Stop::Broken { why, help: None };
    match desk.text(blob) {
        None => Err(Stop::Asking),
        Some(None) => Err(broken(format!("{path} cannot be read as text"))),
        Some(Some(text)) => crate::manifests::values::parse(&path, &text).map_err(|d| {
            let line = d
                .place
                .as_ref()
                .map_or_else(String::new, |p| format!(":{}:{}", p.line, p.column));
            Stop::Broken {
                why: format!("{path}{line}: {}", d.message),
                help: d.help,
            }
        }),
    }
}

impl Templates {
    fn get(&mut self, kind: &Name, desk: &mut Desk<'_>) -> Result<Rc<TemplateSet>, Stop> {
        if let Some(known) = self.compiled.get(kind) {
            return known.clone();
        }
        let compiled = compile(kind, desk);
        self.compiled.insert(kind.clone(), compiled.clone());
        compiled
    }
}

fn compile(kind: &Name, desk: &mut Desk<'_>) -> Result<Rc<TemplateSet>, Stop> {
    let broken = |why: String| Stop::Broken { why, help: None };
    let folder = desk
        .docs
        .config
        .spec
        .paths
        .templates
        .join(kind.as_str())
        .map_err(|e| broken(e.to_string()))?;
    let files: Vec<_> = desk
        .obs
        .snapshot
        .below(&folder)
        .map(|(p, e)| (p.clone(), e.blob.clone()))
        .collect();
    if files.is_empty() {
        return Err(broken(format!("there is no template `{kind}` ({folder}/)")));
    }
    let mut texts = BTreeMap::new();
    let mut asking = false;
    for (path, blob) in files {
        let name = path.as_str()[folder.as_str().len() + 1..].to_owned();
        match desk.text(&blob) {
            None => asking = true,
            Some(None) => return Err(broken(format!("{path} cannot be read as text"))),
            Some(Some(text)) => {
                texts.insert(name, text.to_string());
            }
        }
    }
    if asking {
        return Err(Stop::Asking);
    }
    TemplateSet::compile(kind, texts)
        .map(Rc::new)
        .map_err(|error| {
            let place = error.problem().map_or_else(String::new, |p| {
                let line = p.line.map_or_else(String::new, |l| format!(":{l}"));
                format!("templates/{kind}/{}{line}: ", p.file)
            });
            Stop::Broken {
                why: format!("{place}{error}"),
                help: error.problem().and_then(|p| p.help.clone()),
            }
        })
}

/// What must be written and deleted. A file that stands in an output's place and is not ours is never touched.
pub fn delta(
    environment: &Environment,
    application: &str,
    wanted: &Wanted,
    desk: &mut Desk<'_>,
) -> Result<Delta, Stop> {
    let mut delta = Delta::default();
    let Some(folder) = folder(environment, application, desk) else {
        return Ok(delta);
    };
    let mut asking = false;
    for (path, text) in &wanted.files {
        let Some(entry) = desk.obs.snapshot.files.get(path) else {
            delta.files.insert(path.clone(), Some(text.clone()));
            continue;
        };
        if entry.plain && entry.blob == crate::model::BlobId::of(text.as_bytes()) {
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
    for path in present
        .into_iter()
        .filter(|p| !wanted.files.contains_key(p))
    {
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
            at > last_move && desk.obs.history.commit(at).is_some_and(|c| !c.ours)
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
    let blob = crate::model::BlobId::of(text.as_bytes());
    desk.obs.history.outputs.get(path).is_some_and(|o| {
        o.replaced_by_us
            .iter()
            .any(|(at, b)| *at > since && *b == blob)
    })
}
