//! A run of a workflow, started where none with its key is there. At least once: whoever dies between GitHub's answer and the
//! next look may start it again.

use super::{Applier, Done, Ended, Refusal};
use crate::model::Faulty as _;
use crate::model::workflow_run::Dispatch;

pub(super) async fn run(applier: &Applier, dispatch: &Dispatch) -> Ended {
    let what = format!(
        "start {} in {}",
        dispatch.workflow.file, dispatch.workflow.repository
    );
    match applier.forge.dispatch(dispatch).await {
        Ok(run) => Ended::Done(Done::Dispatched {
            dispatch: dispatch.clone(),
            run,
        }),
        Err(error) => Ended::Refused(Refusal {
            what,
            why: error.to_string(),
            fault: error.fault(),
            changes: Vec::new(),
        }),
    }
}
