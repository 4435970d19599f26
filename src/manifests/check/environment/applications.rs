//! HW0202, HW0203, HW0207: an application has a name of its own and says in exactly one way how it is written; its
//! template exists.

use super::{breaks, written};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::model::Application;

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    for environment in repository.documents.environments.values() {
        let applications = &environment.value.spec.applications;
        for (index, application) in applications.iter().enumerate() {
            // What `*` means is written as `*` is, and told of that.
            if application.from_every {
                continue;
            }
            let place = written(application, index);
            let findings = [
                twice(applications, index),
                kinds(application, place),
                template(repository, application, place),
            ];
            for finding in findings.into_iter().flatten() {
                breaks(report, environment, application, finding);
            }
        }
    }
}

fn twice(applications: &[Application], index: usize) -> Option<Finding> {
    let name = &applications[index].name;
    let place = written(&applications[index], index);
    let place = route!["spec", "applications", place, "name"];
    applications[..index]
        .iter()
        .any(|earlier| earlier.name == *name)
        .then(|| {
            Finding::error(
                code::APPLICATION_TWICE,
                place,
                format!("a second application `{name}`"),
            )
        })
}

fn kinds(application: &Application, index: usize) -> Option<Finding> {
    let said: Vec<&str> = [
        ("template", application.template.is_some()),
        ("kustomization", application.kustomization.is_some()),
        ("yaml", application.yaml.is_some()),
        ("manifests", application.manifests.is_some()),
    ]
    .into_iter()
    .filter(|(_, said)| *said)
    .map(|(kind, _)| kind)
    .collect();
    let name = &application.name;
    let words = match said[..] {
        [_] => return None,
        [] => format!("application `{name}` does not say how it is written"),
        _ => format!(
            "application `{name}` is written in several ways: {}",
            said.join(", ")
        ),
    };
    let place = route!["spec", "applications", index, "name"];
    let help = "give it exactly one of template, kustomization, yaml, manifests";
    Some(Finding::error(code::APPLICATION_KIND, place, words).help(help))
}

fn template(
    repository: &Repository<'_>,
    application: &Application,
    index: usize,
) -> Option<Finding> {
    let name = application.template.as_ref()?;
    let folder = repository
        .documents
        .config
        .spec
        .paths
        .templates
        .join(name.as_str())
        .ok()?;
    let place = route!["spec", "applications", index, "template"];
    (!repository.listing.folder_exists(&folder)).then(|| {
        Finding::error(
            code::UNKNOWN_TEMPLATE,
            place,
            format!("there is no template `{name}`"),
        )
        .help(format!("a template is a folder: {folder}/"))
    })
}
