//! Everything rendered as a base or a work tree stands, for people to look at: settled heads, nothing moves.

use std::collections::BTreeMap;

use super::survey::{Place, applications, heads};
use super::{Stop, Templates, wanted};
use crate::manifests::suggest::proposed;
use crate::model::{Name, RepoPath};
use crate::plan::acts::ActError;
use crate::plan::desk::Desk;
use crate::plan::observation::Observation;
use crate::plan::road::roads;

/// Why an application could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRendered {
    /// What is wrong.
    pub why: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether it merely waits for an image.
    pub waiting: bool,
}

/// Every application that was asked for, with its files.
pub type Renderings = BTreeMap<Place, Result<BTreeMap<RepoPath, String>, NotRendered>>;

/// Renders all applications, those of one environment, or one.
///
/// # Errors
/// When there is no such environment or application, or facts are lacking.
pub fn renderings(
    obs: &Observation,
    environment: Option<&Name>,
    application: Option<&Name>,
) -> Result<Renderings, ActError> {
    let mut desk = Desk::new(obs);
    let heads = heads(&roads(&desk), &desk);
    let mut templates = Templates::default();
    let mut renderings = Renderings::new();
    for (place_environment, place_application) in applications(&desk) {
        let name = place_application.name.to_string();
        let meant = environment.is_none_or(|e| e == place_environment.name())
            && application.is_none_or(|a| a.as_str() == name);
        if !meant {
            continue;
        }
        let result = wanted(
            place_environment,
            place_application,
            &heads,
            &mut templates,
            &mut desk,
        );
        let place = (place_environment.name().clone(), name);
        renderings.insert(place, result.map_err(not_rendered));
    }
    if !desk.questions.is_empty() {
        return Err(ActError::Asking(desk.questions.into_iter().collect()));
    }
    if renderings.is_empty() {
        return Err(unknown(&desk, environment, application));
    }
    Ok(renderings)
}

fn not_rendered(stop: Stop) -> NotRendered {
    let (why, help, waiting) = match stop {
        Stop::Asking => ("its files are not read yet".to_owned(), None, true),
        Stop::NotYet(why) | Stop::Unread { why, .. } => (why, None, true),
        Stop::Unfinished(what) => (
            format!("{what} is not carried out by this version"),
            None,
            false,
        ),
        Stop::Broken { why, help } => (why, help, false),
    };
    NotRendered { why, help, waiting }
}

fn unknown(desk: &Desk<'_>, environment: Option<&Name>, application: Option<&Name>) -> ActError {
    let no = |why: String| ActError::No { why, help: None };
    let docs = desk.docs;
    let Some(name) = environment else {
        return no("no environment has an application".to_owned());
    };
    if let Some(why) = docs.broken_environments.get(name) {
        let why = format!("environment `{name}` cannot be read: {why}");
        return ActError::Invalid { why };
    }
    let Some(found) = docs.environments.get(name) else {
        let known = docs.environments.keys().map(Name::as_str);
        return ActError::Unknown {
            why: format!("there is no environment `{name}`"),
            help: Some(proposed(name.as_str(), known)),
        };
    };
    let applications = &found.value.spec.applications;
    let known: Vec<String> = applications.iter().map(|a| a.name.to_string()).collect();
    match application {
        None => no(format!("environment `{name}` has no application")),
        Some(a) => ActError::Unknown {
            why: format!("environment `{name}` has no application `{a}`"),
            help: Some(proposed(a.as_str(), known.iter().map(String::as_str))),
        },
    }
}
