//! Teams that rules name, with their members as the forge tells. It is asked for those of approvals only once somebody
//! approved what an open pull request holds: nobody's membership matters before.

use std::collections::{BTreeMap, BTreeSet};

use crate::forge::Forge;
use crate::manifests::Documents;
use crate::model::Faulty as _;
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::guard::Guards;

/// So many teams are asked for.
const MOST: usize = 100;

/// Members by team. A team that the forge does not tell is left out: nobody's approval counts as one of its members.
pub(super) async fn teams(
    forge: &dyn Forge,
    documents: &Documents,
    guards: &Guards,
    pulls: &[PullRequestFacts],
) -> BTreeMap<String, Vec<String>> {
    let mut open = pulls.iter().filter(|pull| pull.state == PullState::Open);
    let matters = |pull: &PullRequestFacts| {
        forge.knows_members() || pull.approvals.iter().any(|a| a.head == pull.head)
    };
    let open = open.any(matters);
    let mut teams = BTreeMap::new();
    for team in named(documents, guards, open).into_iter().take(MOST) {
        if let Some(members) = members(forge, team).await {
            teams.insert(team.to_owned(), members);
        }
    }
    teams
}

/// Members of one team; `None` where the forge does not tell, which is logged.
pub(super) async fn members(forge: &dyn Forge, team: &str) -> Option<Vec<String>> {
    match forge.members(team).await {
        Ok(members) => members,
        Err(error) => {
            tracing::warn!(
                %error,
                fault = error.fault().party.as_str(),
                retry = error.fault().retry.as_str(),
                "the members of a team are not known"
            );
            None
        }
    }
}

/// Teams named by rules of pipelines and environments, and by the operator.
fn named<'a>(documents: &'a Documents, guards: &'a Guards, open: bool) -> BTreeSet<&'a str> {
    let environments = documents
        .environments
        .values()
        .map(|located| &located.value.spec);
    let skippers = environments.clone().flat_map(|spec| &spec.overrides.by);
    let stages = documents
        .pipelines
        .values()
        .flat_map(|located| &located.value.spec.stages);
    let rules = environments
        .filter_map(|spec| spec.approvals.as_ref())
        .chain(stages.filter_map(|stage| stage.approvals.as_ref()));
    let owners = guards.values().flat_map(|guard| &guard.owners);
    let approvers = rules.flat_map(|rule| &rule.from).chain(owners);
    let approvers = approvers.filter(|_| open);
    let all = skippers.chain(approvers).map(String::as_str);
    all.filter(|name| name.starts_with('@') && name.contains('/'))
        .collect()
}
