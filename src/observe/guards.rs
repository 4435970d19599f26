//! Guards that are for no environment of the repository, which is said once: perhaps their names are slips.

use crate::manifests::Documents;
use crate::plan::guard::{Guards, idle};

/// Says so in the log, the first time that documents are at hand.
pub(super) fn tell_idle(told: &mut bool, documents: &Documents, guards: &Guards) {
    if std::mem::replace(told, true) {
        return;
    }
    for pattern in idle(documents, guards) {
        let settings = format!("guards.{pattern}");
        tracing::warn!(
            settings,
            "this guard is for no environment of the repository"
        );
    }
}
