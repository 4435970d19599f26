//! HW0204 and HW0205: paths are relative to the environment's folder, or begin with `/` at the top of the repository; none
//! leaves its folder, follows a symbolic link, or reaches what is never written.

use super::{breaks, written};
use crate::manifests::check::finding::{Finding, Report, Repository, route};
use crate::manifests::code;
use crate::manifests::role::CONFIG_FILES;
use crate::manifests::yaml::Step;
use crate::model::{Application, ApplicationName, RepoPath};

pub(super) fn check(repository: &Repository<'_>, report: &mut Report) {
    let folders = &repository.documents.config.spec.paths.environments;
    for (name, environment) in &repository.documents.environments {
        let Ok(base) = folders.join(name.as_str()) else {
            continue;
        };
        // What is wrong with a path of `*` is told once.
        let mut told = None;
        for (index, application) in environment.value.spec.applications.iter().enumerate() {
            let index = written(application, index);
            if told == Some(index) {
                continue;
            }
            if let Some(link) = output_link(repository, &base, application) {
                let place = route!["spec", "applications", index, "template"];
                let words = format!(
                    "what is rendered goes below `{link}`, a symbolic link, which is not followed"
                );
                let finding = Finding::error(code::PATH_FORBIDDEN, place, words)
                    .help("delete the link: the folder is made with the first rendering");
                breaks(report, environment, application, finding);
            }
            let fields = [
                ("kustomization", &application.kustomization),
                ("yaml", &application.yaml),
                ("manifests", &application.manifests),
            ];
            for (field, path) in fields {
                let Some(path) = path else { continue };
                let place = route!["spec", "applications", index, field];
                if let Err(finding) = inside(repository, &base, path, place) {
                    told = Some(index);
                    breaks(report, environment, application, *finding);
                }
            }
        }
    }
}

/// The symbolic link in the way of an application's output folder, the nearest to the top.
fn output_link(
    repository: &Repository<'_>,
    base: &RepoPath,
    application: &Application,
) -> Option<RepoPath> {
    application.template.as_ref()?;
    if application.name == ApplicationName::Every {
        return None;
    }
    let mut folder = base.join(&format!("rendered/{}", application.name)).ok();
    let mut link = None;
    while let Some(here) = folder {
        folder = here.parent();
        if repository.listing.is_symlink(&here) {
            link = Some(here);
        }
    }
    link
}

fn inside(
    repository: &Repository<'_>,
    base: &RepoPath,
    path: &str,
    place: Vec<Step>,
) -> Result<(), Box<Finding>> {
    let forbidden = |words: String| {
        let finding = Finding::error(code::PATH_FORBIDDEN, place.clone(), words);
        Err(Box::new(finding.help("a leading / is the repository root")))
    };
    if path.split('/').any(|part| part == "..") {
        let words = format!("`{path}` leaves {base}");
        let help = match resolved(base, path) {
            Some(whole) => format!("write /{whole} (a leading / is the repository root)"),
            None => "nothing outside of the repository is read or written".to_owned(),
        };
        let finding = Finding::error(code::PATH_LEAVES, place, words).help(help);
        return Err(Box::new(finding));
    }
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with("//") || path.starts_with('~') || path.contains("://") || drive {
        return forbidden(format!("`{path}` is no path of the repository"));
    }
    let whole = match path.strip_prefix('/') {
        Some(rest) => rest.trim_end_matches('/').parse::<RepoPath>(),
        None => base.join(path.trim_end_matches('/')),
    };
    let whole = match whole {
        Ok(whole) => whole,
        Err(error) => return forbidden(error.to_string()),
    };
    let templates = &repository.documents.config.spec.paths.templates;
    if whole.has_dot_component()
        || whole.is_below(templates)
        || CONFIG_FILES.contains(&whole.as_str())
    {
        return forbidden(format!("`{path}` is a place that is never written"));
    }
    let mut folder = Some(whole);
    while let Some(here) = folder {
        if repository.listing.is_symlink(&here) {
            return forbidden(format!(
                "`{path}` leads over the symbolic link `{here}`, which is not followed"
            ));
        }
        folder = here.parent();
    }
    Ok(())
}

/// Where a path with `..` leads, if it stays in the repository.
fn resolved(base: &RepoPath, path: &str) -> Option<RepoPath> {
    let mut parts: Vec<&str> = match path.starts_with('/') {
        true => Vec::new(),
        false => base.as_str().split('/').collect(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    parts.join("/").parse().ok()
}
