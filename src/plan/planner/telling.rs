//! What stages are told of the wave, of imports that failed, and in which order they are shown.

use std::collections::{BTreeMap, BTreeSet};

use super::Work;
use crate::model::{Name, StageKey, TagKey};
use crate::plan::change::wave::Wave;
use crate::plan::desk::Desk;
use crate::plan::report::{BlockReport, HoldReport, StageReport, State, Subject};
use crate::plan::road::Road;

impl Work<'_> {
    /// Completes the reports of stages with what became of their moves.
    pub(super) fn tell_wave(&mut self, wave: &Wave, desk: &mut Desk<'_>) {
        for key in &wave.moved {
            if let Some(report) = self.reports.get_mut(key) {
                report.state = State::Moving;
                report.why = "moves with this plan".to_owned();
                report.until = None;
                report.help = None;
            }
        }
        for hold in &wave.stopped {
            match &hold.subject {
                Subject::Stage(key) => {
                    if let Some(report) = self.reports.get_mut(key) {
                        tell(report, hold, desk);
                    }
                }
                _ => desk.holds.push(hold.clone()),
            }
        }
        self.tell_failed_imports(desk);
    }

    /// A first stage whose tag cannot be imported is broken, whatever it still holds.
    fn tell_failed_imports(&mut self, desk: &Desk<'_>) {
        for hold in desk.holds.iter().filter(|h| {
            matches!(
                h.reason.as_str(),
                "ImportFailed" | "NotAnswered" | "NotFollowed" | "NotYet" | "Settling" | "Stalled"
            )
        }) {
            let Subject::Tag(tag) = &hold.subject else {
                continue;
            };
            let owners = self.reports.values_mut().filter(|r| {
                let pipeline = desk.docs.pipelines.get(&r.key.pipeline);
                (r.tag == tag.tag || tag.is_all() && lacks_first(r, tag, desk))
                    && pipeline
                        .is_some_and(|p| desk.docs.pipeline_streams(&p.value).contains(&tag.stream))
            });
            let block = BlockReport {
                why: format!("import: {}", hold.why),
                ..BlockReport::from(hold)
            };
            // A digest that settles stops nothing: it is told only where nothing else is to be told.
            let stops = hold.state <= State::Held;
            for report in owners.filter(|r| stops || hold.state < r.state) {
                report.stopped_by(block.clone());
            }
        }
    }
}

/// Whether a first stage begins with a tag that is still to come, with the repository that its stream imports as a whole.
fn lacks_first(report: &StageReport, all: &TagKey, desk: &Desk<'_>) -> bool {
    let stream = desk.stream(&all.stream);
    let lacks = stream.is_some_and(|stream| stream.spec_tag(&report.tag).is_none());
    let carriers = desk.carriers.get(&all.stream);
    let mut stages = carriers.into_iter().flatten();
    lacks
        && stages.any(|(pipeline, stage)| {
            let pipeline = (**pipeline == report.key.pipeline)
                .then(|| desk.docs.pipelines.get(*pipeline))
                .flatten();
            let from = pipeline.and_then(|pipeline| pipeline.value.sources(stage));
            stage.name == report.key.stage && from.is_some_and(|from| from.stages().is_empty())
        })
}

/// Puts a hold on a stage's report, and on record.
pub(super) fn tell(report: &mut StageReport, hold: &HoldReport, desk: &mut Desk<'_>) {
    report.stopped_by(BlockReport::from(hold));
    desk.holds.push(hold.clone());
}

/// Stages as their pipelines list them.
pub(super) fn stage_order(roads: &BTreeMap<Name, Road<'_>>, desk: &Desk<'_>) -> Vec<StageKey> {
    let known: BTreeSet<&StageKey> = roads.values().flatten().map(|v| &v.key).collect();
    let pipelines = desk.docs.pipelines.iter();
    pipelines
        .flat_map(|(name, p)| {
            p.value.spec.stages.iter().map(move |s| StageKey {
                pipeline: name.clone(),
                stage: s.name.clone(),
            })
        })
        .filter(|k| known.contains(k))
        .collect()
}
