//! What a stage does once holds are lifted, so that whoever lifts them knows before the next run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Next;
use super::room::Room;
use crate::manifests::documents::Located;
use crate::model::hold::HoldSpec;
use crate::model::pipeline::ObjectMeta;
use crate::model::{Hold, Name, RepoPath, Set, StageKey};
use crate::plan::desk::Desk;
use crate::plan::facts::pull::PullState;
use crate::plan::gate::{Asked, Runs};
use crate::plan::observation::Observation;
use crate::plan::output::Templates;
use crate::plan::output::survey::survey;
use crate::plan::road::StageView;
use crate::plan::stage::decide::{first_timeline, refusal, verification};
use crate::plan::stage::first::by_name;
use crate::plan::stage::later;

/// Hold files that an act deletes (`None`) or adds.
pub(super) type Holds = BTreeMap<RepoPath, Option<HoldSpec>>;

/// How the stage stands with these holds changed and that pull request open again; what is asked on the way goes to `desk`.
/// `None` for a first stage, which takes what its registry has.
pub(super) fn next(
    obs: &Observation,
    key: &StageKey,
    holds: &Holds,
    reopened: Option<&str>,
    desk: &mut Desk<'_>,
) -> Option<Box<Next>> {
    let changed = changed(obs, holds, reopened);
    let mut room = Room::new(&changed);
    let view = room.view(key).ok().filter(|view| !view.is_first())?;
    let road = by_name(room.roads.get(&key.pipeline)?);
    let survey = survey(&room.roads, &mut Templates::default(), &mut room.desk);
    let stage = later(&view, &road, &survey, &mut room.desk).report;
    let candidate = stage.candidate.as_ref().map(|candidate| &candidate.set);
    let before = candidate.filter(|set| view.timeline.latest(&set.id()).is_some());
    let refused = before.and_then(|set| refused(set, &view, &road, &mut room.desk));
    let again = before.is_some();
    desk.questions.append(&mut room.desk.questions);
    Some(Box::new(Next {
        stage,
        again,
        refused,
    }))
}

/// Why a stage refuses a set that was there before.
fn refused(
    set: &Set,
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    desk: &mut Desk<'_>,
) -> Option<String> {
    let first = first_timeline(view, road);
    let id = set.id();
    let asked = Asked {
        stage: &view.key,
        set,
        id: &id,
        stays: &view.timeline,
        first: &first,
        runs: Runs::NobodyTells,
    };
    refusal(&verification(view, asked, desk))
}

fn changed(obs: &Observation, holds: &Holds, reopened: Option<&str>) -> Observation {
    let mut changed = obs.clone();
    let documents = Arc::make_mut(&mut changed.snapshot.documents);
    for (path, spec) in holds {
        match (spec, path.file_name().trim_end_matches(".yaml").parse()) {
            (Some(spec), Ok(name)) => {
                let metadata = ObjectMeta {
                    name,
                    namespace: None,
                    labels: serde_json::Value::Null,
                    annotations: serde_json::Value::Null,
                };
                let value = Arc::new(Hold {
                    metadata,
                    spec: spec.clone(),
                });
                let located = Located {
                    path: path.clone(),
                    index: 0,
                    value,
                    rests: false,
                    result: None,
                };
                documents.holds.insert(path.clone(), located);
            }
            _ => drop(documents.holds.remove(path)),
        }
    }
    let pulls = changed.facts.pulls.iter_mut().flatten();
    for pull in pulls.filter(|pull| Some(pull.id.as_str()) == reopened) {
        pull.state = PullState::Open;
    }
    changed
}
