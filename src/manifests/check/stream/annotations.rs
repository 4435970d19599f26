//! HW0414: what we remember about a tag in its annotations must be readable, and a key of ours must be one we know.

use super::super::Finding;
use super::super::finding::route;
use crate::manifests::code;
use crate::manifests::suggest::did_you_mean;
use crate::manifests::yaml::Step;
use crate::model::follow::Follow;
use crate::model::promotion::{FOLLOW, INTERVAL, PROMOTION, REQUEST, SOURCE};
use crate::model::{Annotations, ImageStream, Period, Promotion, Request, Source};

const PREFIX: &str = "headwater.dev/";
const KNOWN: [&str; 5] = [SOURCE, PROMOTION, REQUEST, INTERVAL, FOLLOW];

pub(super) fn check(stream: &ImageStream, findings: &mut Vec<Finding>) {
    one(&stream.metadata.annotations, route!["metadata"], findings);
    for (index, tag) in stream.spec.tags.iter().enumerate() {
        one(&tag.annotations, route!["spec", "tags", index], findings);
    }
}

fn one(annotations: &Annotations, holder: Vec<Step>, findings: &mut Vec<Finding>) {
    for (key, value) in annotations
        .iter()
        .filter(|(key, _)| key.starts_with(PREFIX))
    {
        let mut place = holder.clone();
        place.push(Step::from("annotations"));
        if !KNOWN.contains(&key) {
            place.push(Step::Name(key.to_owned()));
            let message = format!("unknown annotation `{key}`");
            findings.push(
                Finding::warning(code::ANNOTATION, place, message).help(did_you_mean(key, KNOWN)),
            );
            continue;
        }
        if let Err(why) = readable(key, &value) {
            place.push(Step::from(key));
            let message = format!("the annotation `{key}` cannot be read: {why}");
            let help = match key {
                INTERVAL => "write a length of time such as 1h",
                FOLLOW => {
                    "write a rule such as `semver ~25.0`, `glob 25.0.*` or `regex ^25-(?<order>\\d+)$`"
                }
                REQUEST => "delete it, or ask again with `promote`",
                _ => "restore the line from Git's history; people do not write it",
            };
            findings.push(Finding::error(code::ANNOTATION, place, message).help(help));
        }
    }
}

fn readable(key: &str, value: &str) -> Result<(), String> {
    let json = |error: serde_json::Error| error.to_string();
    match key {
        SOURCE => serde_json::from_str::<Source>(value)
            .map(drop)
            .map_err(json),
        PROMOTION => serde_json::from_str::<Promotion>(value)
            .map(drop)
            .map_err(json),
        REQUEST => serde_json::from_str::<Request>(value)
            .map(drop)
            .map_err(json),
        INTERVAL => value
            .parse::<Period>()
            .map(drop)
            .map_err(|error| error.to_string()),
        FOLLOW => value
            .parse::<Follow>()
            .map(drop)
            .map_err(|error| error.to_string()),
        _ => Ok(()),
    }
}
