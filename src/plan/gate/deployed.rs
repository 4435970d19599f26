//! `deployed` of an environment: the agent there said that what the set brought runs, by a check of a commit or through Argo
//! CD's API. Soak counts from then.

use super::argocd::{Wanted, fares};
use super::checks::together;
use super::said::{Said, said};
use super::{Asked, Desk};
use crate::model::gate::Deployed;
use crate::model::time::stamp;
use crate::model::{Application, Environment, PinnedImage, StreamKey, Timestamp, Verdict};
use crate::plan::output::folder;

/// What the environment says, and since when all of it runs.
pub fn deployed(
    rule: &Deployed,
    environment: &Environment,
    streams: &[StreamKey],
    asked: &Asked<'_>,
    desk: &mut Desk<'_>,
) -> (Verdict, Option<Timestamp>) {
    let waits = |why: String| (Verdict::Waiting { why, until: None }, None);
    if rule.check.is_none() && rule.argocd.is_none() {
        return waits(
            "`deployed` names neither a check nor an application of Argo CD, so nobody tells"
                .to_owned(),
        );
    }
    let Some(stay) = asked.stays.latest(asked.id).cloned() else {
        return waits("it was never here".to_owned());
    };
    let mut all = Vec::new();
    for application in concerned(environment, streams) {
        let from = match stay.left {
            None => content_since(environment, application, desk),
            Some(_) => stay.at,
        };
        if let Some(check) = &rule.check {
            let name = named(check, application, environment);
            all.push(said(&name, &stay, from, desk));
        }
        if let Some(argocd) = &rule.argocd {
            let name = named(&argocd.app, application, environment);
            let wanted = Wanted {
                stage: asked.stage,
                set: asked.id,
                stay: &stay,
                from,
                images: images(application, asked, desk),
            };
            all.push(fares(argocd, &name, &wanted, desk));
        }
    }
    if all.is_empty() {
        return waits(
            "the environment has no application of which anything could be said".to_owned(),
        );
    }
    let since = all.iter().filter_map(|said| match said {
        Said::Well(at, _) => *at,
        _ => None,
    });
    let since = since.max();
    let silent = !all
        .iter()
        .any(|said| matches!(said, Said::Untold(_) | Said::Asking));
    match together(all) {
        Verdict::Waiting { why, .. } if silent => (overdue(rule, stay.since, why, desk), None),
        verdict if verdict.is_open() => (verdict, since.or(stay.since)),
        verdict => (verdict, None),
    }
}

/// Silence is failure once the time is up.
fn overdue(rule: &Deployed, since: Option<Timestamp>, why: String, desk: &mut Desk<'_>) -> Verdict {
    let until = rule
        .timeout
        .zip(since)
        .map(|(timeout, since)| timeout.after(since));
    match until {
        Some(until) if until <= desk.now() => Verdict::Refused {
            why: format!("{why}; its time was up at {}", stamp(until)),
        },
        Some(until) => {
            desk.expires(until);
            // That is when it has failed, not when it opens.
            Verdict::Waiting {
                why: format!("{why}, until {} at most", stamp(until)),
                until: None,
            }
        }
        None => Verdict::Waiting { why, until: None },
    }
}

/// Applications that run an image of the stage: those of a stream's name and those that list one, else all there are.
fn concerned<'e>(environment: &'e Environment, streams: &[StreamKey]) -> Vec<&'e Application> {
    let all = environment.spec.applications.iter();
    let named: Vec<&Application> = all
        .clone()
        .filter(|application| {
            let mut streams = streams.iter();
            streams.any(|stream| uses(application, stream))
        })
        .collect();
    match named.is_empty() {
        true => all.collect(),
        false => named,
    }
}

/// Images of the set that an application uses: of streams of its name and those that it lists, else all.
fn images(application: &Application, asked: &Asked<'_>, desk: &Desk<'_>) -> Vec<PinnedImage> {
    let members = asked.set.members();
    let all = members.filter_map(|(stream, digest)| {
        let uses = uses(application, stream);
        Some((uses, desk.image(stream, digest)?))
    });
    let all: Vec<(bool, PinnedImage)> = all.collect();
    let any = all.iter().any(|(uses, _)| *uses);
    let used = all.into_iter().filter(|(uses, _)| *uses || !any);
    used.map(|(_, image)| image).collect()
}

fn uses(application: &Application, stream: &StreamKey) -> bool {
    let own = application.name.to_string();
    let listed = application.images.iter().map(|image| image.stream.as_str());
    listed
        .chain([own.as_str()])
        .any(|name| stream.name.as_str() == name)
}

/// The check's name for an application; only these two words stand for anything.
fn named(check: &str, application: &Application, environment: &Environment) -> String {
    check
        .replace("{{app}}", &application.name.to_string())
        .replace("{{environment}}", environment.name().as_str())
}

/// Index of the last commit that changed what is rendered for an application: what was said before is about something else.
fn content_since(environment: &Environment, application: &Application, desk: &Desk<'_>) -> usize {
    let Some(folder) = folder(environment, &application.name.to_string(), desk) else {
        return 0;
    };
    let outputs = desk.obs.history.outputs.range(folder.clone()..);
    let below = outputs.take_while(|(path, _)| path.as_str().starts_with(folder.as_str()));
    let touched = below.filter(|(path, _)| path.is_below(&folder));
    touched.map(|(_, output)| output.last).max().unwrap_or(0)
}
