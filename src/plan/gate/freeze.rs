//! Freezes: implicit in every stage. A frozen environment takes no promotion between two instants.

use super::Desk;
use crate::model::hold::FreezeSpec;
use crate::model::name_pattern::fits;
use crate::model::time::stamp;
use crate::model::{Name, Timestamp, Verdict};

/// Whether any freeze covers one of these environments now, for a pipeline or for what is in none.
pub fn freeze(pipeline: Option<&Name>, environments: &[Name], desk: &mut Desk<'_>) -> Verdict {
    let now = desk.now();
    let mut next: Option<String> = None;
    let docs = desk.docs;
    for freeze in docs.freezes.values().map(|f| &*f.value) {
        let spec = &freeze.spec;
        if !covers(spec, pipeline, environments) {
            continue;
        }
        let Some((from, until)) = bounds(spec) else {
            return Verdict::Waiting {
                why: format!("{}: its times cannot be read", freeze.metadata.name),
                until: None,
            };
        };
        if from > now {
            desk.expires(from);
            next = Some(format!(
                "none; {} begins {} ({})",
                freeze.metadata.name,
                stamp(from),
                spec.reason
            ));
        } else if until.is_none_or(|u| u > now) {
            let end = until.map_or_else(
                || "until its file is deleted".to_owned(),
                |u| format!("until {}", stamp(u)),
            );
            return Verdict::Waiting {
                why: format!("{} {end} ({})", freeze.metadata.name, spec.reason),
                until,
            };
        }
    }
    Verdict::Open {
        why: next.unwrap_or_else(|| "none".to_owned()),
    }
}

/// What lifts the freeze that stands in a pipeline's way, if one does.
pub fn lift(pipeline: &Name, environments: &[Name], desk: &Desk<'_>) -> Option<String> {
    let docs = desk.docs;
    let mut freezes = docs.freezes.values().map(|located| &*located.value);
    let now = desk.now();
    let in_force = |spec: &FreezeSpec| {
        bounds(spec).is_none_or(|(from, until)| from <= now && until.is_none_or(|u| u > now))
    };
    let freeze = freezes.find(|freeze| {
        covers(&freeze.spec, Some(pipeline), environments) && in_force(&freeze.spec)
    })?;
    Some(format!(
        "headwater unfreeze {} --reason ...",
        freeze.metadata.name
    ))
}

/// Whether a freeze is about one of these environments, and the pipeline no exception of it.
fn covers(spec: &FreezeSpec, pipeline: Option<&Name>, environments: &[Name]) -> bool {
    let mut patterns = spec.environments.iter();
    patterns.any(|pattern| environments.iter().any(|e| fits(pattern, e.as_str())))
        && !pipeline.is_some_and(|pipeline| spec.except.pipelines.contains(pipeline))
}

/// Begin and end as instants. Local times that a clock change skips or repeats are read as the earlier offset says.
fn bounds(spec: &FreezeSpec) -> Option<(Timestamp, Option<Timestamp>)> {
    let zone = spec.time_zone.as_deref().unwrap_or("UTC");
    // The bundled database, so that a plan is the same on a machine with other zone files, or none.
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).ok()?;
    let instant = |at: jiff::civil::DateTime| {
        zone.to_ambiguous_zoned(at)
            .compatible()
            .ok()
            .map(|z| z.timestamp())
    };
    let from = match spec.from {
        Some(from) => instant(from)?,
        None => Timestamp::MIN,
    };
    let until = match spec.until {
        Some(until) => Some(instant(until)?),
        None => None,
    };
    Some((from, until))
}
