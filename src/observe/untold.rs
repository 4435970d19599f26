//! Why a forge did not tell something that a plan asks: data like any other answer.

use crate::config::known::hide;
use crate::forge::ForgeError;
use crate::model::{Faulty as _, Party};
use crate::plan::facts::Failure;

/// Longer messages are cut.
const MOST_CHARACTERS: usize = 500;

/// That it was asked and failed.
pub(super) fn untold(error: &ForgeError) -> Failure {
    let fault = error.fault();
    Failure {
        reason: "Unknown".to_owned(),
        message: hide(&error.to_string())
            .chars()
            .take(MOST_CHARACTERS)
            .collect(),
        canonical: "the forge does not tell".to_owned(),
        transient: fault.heals(),
        party: Some(fault.party),
        retry_at: fault.retry.at(),
    }
}

/// That it keeps nothing of that kind, which somebody has to know who sets it up, or who asks for it in a file.
pub(super) fn not_kept(message: String, party: Party) -> Failure {
    Failure {
        reason: "NotKept".to_owned(),
        canonical: message.clone(),
        message,
        transient: false,
        party: Some(party),
        retry_at: None,
    }
}
