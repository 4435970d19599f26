//! What one application is rendered from: its template, its own values, and answers about images.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::kept::{self, Key, Listener};
use super::lookup::Lookup;
use super::template::{RenderInput, TemplateError, TemplateSet};
use super::{Stop, Templates, folder};
use crate::manifests::values;
use crate::model::{
    Application, ApplicationName, BlobId, Environment, Name, Namespace, PinnedImage, RepoPath,
    TagKey,
};
use crate::plan::desk::Desk;

/// Texts by file name, or why there are none.
pub(super) type Rendered = Result<BTreeMap<String, String>, NotRendered>;

/// Why nothing was rendered.
pub(super) enum NotRendered {
    /// The application's own values are wrong.
    Stopped(Stop),
    /// The template is, or what it asked for is not known.
    Template(TemplateError),
}

/// Everything that a rendering depends on but the images.
pub(super) struct Recipe<'a> {
    pub(super) environment: &'a Environment,
    application: &'a Application,
    pub(super) name: &'a Name,
    kind: &'a Name,
    set: Arc<TemplateSet>,
    /// The application's own values, where it has any.
    values: Option<(RepoPath, &'a BlobId, Arc<str>)>,
}

impl<'a> Recipe<'a> {
    /// As far as everything is known. The documents are borrowed, not the desk, so that what is lacking can be asked for.
    pub(super) fn of(
        environment: &'a Environment,
        application: &'a Application,
        templates: &mut Templates,
        desk: &mut Desk<'a>,
    ) -> Result<Self, Stop> {
        let docs = desk.docs;
        let place = (environment.name().clone(), application.name.clone());
        if let Some(why) = docs.broken_applications.get(&place) {
            return Err(Stop::Broken {
                why: why.clone(),
                help: Some("headwater check".to_owned()),
            });
        }
        let ApplicationName::One(name) = &application.name else {
            return Err(Stop::Broken {
                why: "`*` is no application of its own".to_owned(),
                help: None,
            });
        };
        let Some(kind) = &application.template else {
            return Err(other_way(application));
        };
        let set = templates.get(kind, desk)?;
        Ok(Self {
            environment,
            application,
            name,
            kind,
            set,
            values: own_values(environment, name, desk)?,
        })
    }

    /// Answers about images, with `heads` for what the plan moves.
    pub(super) fn lookup<'h>(
        &self,
        heads: &'h BTreeMap<TagKey, PinnedImage>,
        desk: &Desk<'a>,
    ) -> Lookup<'h>
    where
        'a: 'h,
    {
        Lookup::new(desk, self.environment, self.application, heads)
    }

    fn namespace(&self) -> Option<&'a Namespace> {
        namespace(self.environment, self.application)
    }

    /// Equal where everything but the images is equal.
    pub(super) fn key(&self) -> Key {
        let mut hash = Sha256::new();
        hash.update(self.set.fingerprint());
        let parts = [
            self.environment.name().as_str(),
            self.name.as_str(),
            self.namespace().map_or("", Namespace::as_str),
            self.values
                .as_ref()
                .map_or("", |(_, blob, _)| blob.as_str()),
        ];
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// Renders, and remembers what was proven of it.
    pub(super) fn render(&self, lookup: &Lookup<'_>) -> Rendered {
        #[cfg(test)]
        kept::watch::rendered();
        let values = self.values().map_err(NotRendered::Stopped)?;
        let images = Listener::new(lookup);
        let input = RenderInput {
            app: self.name,
            environment: self.environment.name(),
            namespace: self.namespace(),
            values: &values,
            images: &images,
        };
        let rendered = self.set.render(&input).map_err(NotRendered::Template)?;
        kept::remember(self.key(), images, &rendered);
        Ok(rendered)
    }

    /// What was rendered by the paths where it belongs; what lacks for it is asked.
    pub(super) fn placed(
        &self,
        rendered: Rendered,
        lookup: &Lookup<'_>,
        desk: &mut Desk<'_>,
    ) -> Result<BTreeMap<RepoPath, String>, Stop> {
        let rendered = rendered.map_err(|not| match not {
            NotRendered::Stopped(stop) => stop,
            NotRendered::Template(error) => stop(error, self.kind, lookup, desk),
        })?;
        let Some(folder) = folder(self.environment, self.name.as_str(), desk) else {
            return Err(Stop::Broken {
                why: format!("no folder for {}", self.name),
                help: None,
            });
        };
        let rendered = rendered.into_iter();
        rendered
            .map(|(file, text)| match folder.join(&file) {
                Ok(path) => Ok((path, text)),
                Err(e) => Err(Stop::Broken {
                    why: e.to_string(),
                    help: None,
                }),
            })
            .collect()
    }

    /// The application's own values, as JSON; none is an empty map.
    fn values(&self) -> Result<Value, Stop> {
        let Some((path, _, text)) = &self.values else {
            return Ok(Value::Object(Map::new()));
        };
        values::parse(path, text).map_err(|d| {
            let line = d
                .place
                .as_ref()
                .map_or_else(String::new, |p| format!(":{}:{}", p.line, p.column));
            Stop::Broken {
                why: format!("{path}{line}: {}", d.message),
                help: d.help,
            }
        })
    }
}

/// Where an application's objects belong: its own namespace, else the environment's.
pub(super) fn namespace<'e>(
    environment: &'e Environment,
    application: &'e Application,
) -> Option<&'e Namespace> {
    let own = application.namespace.as_ref();
    own.or(environment.spec.namespace.as_ref())
}

/// An application that is not made from a template.
fn other_way(application: &Application) -> Stop {
    let how = [
        ("kustomization", &application.kustomization),
        ("yaml", &application.yaml),
        ("manifests", &application.manifests),
    ];
    let how = how
        .into_iter()
        .find(|(_, v)| v.is_some())
        .map_or("nothing", |(k, _)| k);
    Stop::Unfinished(format!("an application by `{how}`"))
}

type OwnValues<'a> = Option<(RepoPath, &'a BlobId, Arc<str>)>;

fn own_values<'a>(
    environment: &Environment,
    application: &Name,
    desk: &mut Desk<'a>,
) -> Result<OwnValues<'a>, Stop> {
    let base = &desk.docs.config.spec.paths.environments;
    let Ok(path) = base.join(&format!("{}/{application}/values.yaml", environment.name())) else {
        return Ok(None);
    };
    let Some(blob) = desk.blob_of(&path) else {
        return Ok(None);
    };
    match desk.text(blob) {
        None => Err(Stop::Asking),
        Some(None) => Err(Stop::Broken {
            why: format!("{path} cannot be read as text"),
            help: None,
        }),
        Some(Some(text)) => Ok(Some((path, blob, text))),
    }
}

fn stop(error: TemplateError, kind: &Name, lookup: &Lookup<'_>, desk: &mut Desk<'_>) -> Stop {
    match error {
        TemplateError::NeedsLabels(images) => {
            for image in images {
                for key in lookup.used() {
                    if let Some(failure) = desk.describe_if(&image, &key) {
                        return Stop::Unread {
                            why: format!(
                                "the labels of {image} cannot be read: {}",
                                failure.message
                            ),
                            heals: failure.transient,
                        };
                    }
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
