//! Hosts, credentials and servers that conditions name, held against the operator's settings where these list any: whom they
//! do not name is never asked, so the condition never opens.

use super::place::{key, placed};
use crate::cli::read::Files;
use crate::config::Settings;
use crate::manifests::{Diagnostic, Documents, Located, Said, Step, code};
use crate::model::gate::Http;
use crate::model::{Environment, Gate, Pipeline};

/// Conditions that ask whom the settings do not name.
pub(super) fn problems(documents: &Documents, files: &Files, settings: &Settings) -> Vec<Said> {
    let pipelines = documents.pipelines.values();
    let asked = pipelines.flat_map(|pipeline| of_pipeline(pipeline, files, settings));
    let environments = documents.environments.values();
    let told = environments.filter_map(|environment| of_environment(environment, files, settings));
    asked.chain(told).collect()
}

fn of_pipeline(located: &Located<Pipeline>, files: &Files, settings: &Settings) -> Vec<Said> {
    let mut problems = Vec::new();
    for (at, stage) in located.value.spec.stages.iter().enumerate() {
        for (position, gate) in stage.verify.iter().enumerate() {
            let Gate::Http(http) = gate else { continue };
            let Some((field, words, help)) = unlisted(http, settings) else {
                continue;
            };
            let route = [
                key("spec"),
                key("stages"),
                Step::Index(at),
                key("verify"),
                Step::Index(position),
                key("http"),
                key(field),
            ];
            problems.push(said(located, &route, words, help, files));
        }
    }
    problems
}

/// The field that names whom the settings do not, and what to do about it.
fn unlisted(http: &Http, settings: &Settings) -> Option<(&'static str, String, &'static str)> {
    if settings.egress.is_empty() {
        return None;
    }
    let host = http.url.host();
    let mut listed = settings.egress.iter();
    let Some(listed) = listed.find(|listed| listed.host.eq_ignore_ascii_case(&host)) else {
        let words = format!("`{host}` is no host that the operator's settings let gates ask");
        return Some((
            "url",
            words,
            "name one of `egress`, or ask the operator to list this one",
        ));
    };
    let auth = http.auth.as_ref()?;
    let mut credentials = listed.credentials.iter();
    if credentials.any(|credential| credential.name == *auth) {
        return None;
    }
    let words = format!("the operator's settings have no credential `{auth}` for `{host}`");
    Some((
        "auth",
        words,
        "name one of `egress[].credentials`, or ask the operator to add it",
    ))
}

fn of_environment(
    located: &Located<Environment>,
    files: &Files,
    settings: &Settings,
) -> Option<Said> {
    let deployed = located.value.spec.deployed.as_ref()?;
    let server = &deployed.argocd.as_ref()?.server;
    if settings.argocd.is_empty() || settings.argocd.contains_key(server) {
        return None;
    }
    let route = ["spec", "deployed", "argocd", "server"].map(key);
    let words = format!("`{server}` is no Argo CD server of the operator's settings");
    let help = "name one of `argocd`, or ask the operator to list this one";
    Some(said(located, &route, words, help, files))
}

fn said<T>(located: &Located<T>, route: &[Step], words: String, help: &str, files: &Files) -> Said {
    // The settings at hand may be those of somebody's own machine.
    let problem = Diagnostic::warning(&located.path, code::NOT_NAMED, words).help(help);
    placed(located, route, problem, files)
}
