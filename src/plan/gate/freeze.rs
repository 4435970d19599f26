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
        let covered = environments
            .iter()
            .any(|e| spec.environments.iter().any(|p| fits(p, e.as_str())));
        if !covered || pipeline.is_some_and(|p| spec.except.pipelines.contains(p)) {
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
