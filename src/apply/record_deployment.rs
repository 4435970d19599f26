//! A deployment shown at the forge, with how it fares. It is a record of what is done already, so nothing else waits for it,
//! and no race is lost over it.

use super::{Applier, Done, Ended, Refusal, git_refusal};
use crate::forge::ForgeError;
use crate::model::{Deployment, DeploymentState, Faulty as _};

pub(super) async fn run(
    applier: &Applier,
    deployment: &Deployment,
    state: DeploymentState,
    words: &str,
) -> Ended {
    let recorded = applier
        .forge
        .record_deployment(deployment, state, words)
        .await;
    let what = format!("record the deployment of {}", deployment.title);
    match recorded {
        Ok(()) => Ended::Done(Done::Deployed {
            deployment: deployment.clone(),
            state,
        }),
        Err(ForgeError::Git(error)) => git_refusal(&what, &error),
        Err(error) => Ended::Refused(Refusal {
            what,
            why: error.to_string(),
            fault: error.fault(),
            changes: Vec::new(),
        }),
    }
}
