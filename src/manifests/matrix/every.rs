//! Applications named `*`: one for every folder `environments/<env>/<app>/` with a `values.yaml` that is not named by itself.
//! `{{app}}` in its paths is the folder's name.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::folders::{HELP, ODD, apart, with_values};
use crate::manifests::assemble::Listing;
use crate::manifests::check::{Finding, Report, Thing, route};
use crate::manifests::code;
use crate::manifests::documents::Documents;
use crate::manifests::load::typed::MAX_APPLICATIONS;
use crate::manifests::suggest::listed;
use crate::model::{Application, ApplicationName, Environment, Name};

/// What stands for the application in a path.
const APP: &str = "{{app}}";

/// Adds the applications that `*` means behind it. It stays, so that rules speak of it once, until [`settle`].
pub(crate) fn expand(documents: &mut Documents, listing: &dyn Listing, report: &mut Report) {
    let folders = &documents.config.spec.paths.environments;
    for (name, located) in &mut documents.environments {
        let applications = &located.value.spec.applications;
        let every = |a: &Application| a.name == ApplicationName::Every;
        let Some(index) = applications.iter().position(every) else {
            continue;
        };
        let Ok(folder) = folders.join(name.as_str()) else {
            continue;
        };
        if let Some((field, finding)) = pathless(&applications[index], index) {
            let finding = finding.help(format!(
                "write {APP} where the paths differ, as in {field}: /apps/{APP}/{name}"
            ));
            report.breaks(
                Thing::Application(name.clone(), ApplicationName::Every),
                &*located,
                finding,
            );
        }
        let found: Vec<String> = with_values(listing, &folder, "*").collect();
        if found.len() > MAX_APPLICATIONS {
            let words = format!(
                "`*` means {} applications; at most {MAX_APPLICATIONS} are read",
                found.len()
            );
            let finding = Finding::error(
                code::TOO_MANY,
                route!["spec", "applications", index, "name"],
                words,
            );
            report.breaks(Thing::Environment(name.clone()), &*located, finding);
            continue;
        }
        let (names, odd) = apart(found);
        if !odd.is_empty() {
            let odd = listed(odd.iter().map(String::as_str));
            let words = format!("`*` leaves out {ODD}: {odd}");
            let place = route!["spec", "applications", index, "name"];
            let finding = Finding::warning(code::EVERY, place, words);
            report.say(&*located, finding.help(HELP));
        }
        let names: Vec<Name> = names.iter().filter_map(|name| name.parse().ok()).collect();
        located.value = Arc::new(with(&located.value, index, &names));
    }
}

/// The environment with an application for each name behind the `*` at `index`.
fn with(environment: &Environment, index: usize, names: &[Name]) -> Environment {
    let named: BTreeSet<&ApplicationName> = environment
        .spec
        .applications
        .iter()
        .map(|a| &a.name)
        .collect();
    let mut applications = Vec::with_capacity(environment.spec.applications.len() + names.len());
    for (written, application) in environment.spec.applications.iter().enumerate() {
        applications.push(Application {
            written: Some(written),
            ..application.clone()
        });
        if written == index {
            let names = names.iter().map(|name| ApplicationName::One(name.clone()));
            let names = names.filter(|name| !named.contains(name));
            applications.extend(names.map(|name| one(application, name, written)));
        }
    }
    let mut with = environment.clone();
    with.spec.applications = applications;
    with
}

fn one(every: &Application, name: ApplicationName, written: usize) -> Application {
    let word = name.to_string();
    let fill = |text: &String| text.replace(APP, &word);
    let mut images = every.images.clone();
    for image in &mut images {
        image.name = image.name.as_ref().map(fill);
    }
    Application {
        kustomization: every.kustomization.as_ref().map(fill),
        yaml: every.yaml.as_ref().map(fill),
        manifests: every.manifests.as_ref().map(fill),
        set: every
            .set
            .iter()
            .map(|(path, value)| (path.clone(), fill(value)))
            .collect(),
        images,
        name,
        written: Some(written),
        from_every: true,
        template: every.template.clone(),
        namespace: every.namespace.clone(),
    }
}

/// A path that is the same for all applications, so that all would write to one place.
fn pathless(every: &Application, index: usize) -> Option<(&'static str, Finding)> {
    let fields = [
        ("kustomization", &every.kustomization),
        ("yaml", &every.yaml),
        ("manifests", &every.manifests),
    ];
    let same = |path: &&Option<String>| path.as_ref().is_some_and(|path| !path.contains(APP));
    let (field, _) = fields.into_iter().find(|(_, path)| same(path))?;
    let words =
        format!("`*` stands for several applications, and all would be written by one `{field}`");
    let place = route!["spec", "applications", index, field];
    Some((field, Finding::error(code::EVERY, place, words)))
}

/// Takes `*` out again. What is wrong with it is wrong with all that it means.
pub(crate) fn settle(documents: &mut Documents) {
    let every = |a: &Application| a.name == ApplicationName::Every;
    let broken = &mut documents.broken_applications;
    for (name, located) in &mut documents.environments {
        if !located.value.spec.applications.iter().any(every) {
            continue;
        }
        let why = broken.remove(&(name.clone(), ApplicationName::Every));
        let meant = located
            .value
            .spec
            .applications
            .iter()
            .filter(|a| a.from_every);
        for application in meant.filter(|_| why.is_some()) {
            let why = why.clone().unwrap_or_default();
            broken
                .entry((name.clone(), application.name.clone()))
                .or_insert(why);
        }
        Arc::make_mut(&mut located.value)
            .spec
            .applications
            .retain(|a| !every(a));
    }
}
