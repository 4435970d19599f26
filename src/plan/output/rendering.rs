//! Everything rendered as a base or a work tree stands, for people to look at: settled heads, nothing moves.

use std::collections::BTreeMap;

use super::survey::{Place, applications, heads};
use super::{Stop, Templates, wanted};
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
        let (result, _) = wanted(
            place_environment,
            place_application,
            &heads,
            &mut templates,
            &mut desk,
        );
        let place = (place_environment.name().clone(), name);
        renderings.insert(place, result.map(|w| w.files).map_err(not_rendered));
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
        Stop::NotYet(why) => (why, None, true),
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
    let no = |why: String, help: Option<String>| ActError::No { why, help };
    let docs = desk.docs;
    let Some(name) = environment else {
        return no("no environment has an application".to_owned(), None);
    };
    if let Some(why) = docs.broken_environments.get(name) {
        return no(
            format!("environment {name} cannot be rendered: {why}"),
            Some("headwater check".to_owned()),
        );
    }
    let Some(found) = docs.environments.get(name) else {
        let known: Vec<&str> = docs.environments.keys().map(Name::as_str).collect();
        return no(
            format!("there is no environment `{name}`"),
            Some(format!("there are {}", known.join(", "))),
        );
    };
    if found.value.spec.matrix.is_some() {
        let why = format!("`matrix` of environment {name} is not carried out by this version");
        return no(why, None);
    }
    let applications = &found.value.spec.applications;
    let known: Vec<String> = applications.iter().map(|a| a.name.to_string()).collect();
    no(
        application.map_or_else(
            || format!("environment {name} has no application"),
            |a| format!("environment {name} has no application `{a}`"),
        ),
        (!known.is_empty()).then(|| format!("it has {}", known.join(", "))),
    )
}
