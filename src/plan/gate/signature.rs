//! `signature`: every image of the set is signed with a key of the repository, for exactly its digest. Without such a
//! signature it waits, because one may still come.

use super::super::desk::Known;
use super::{Asked, Desk};
use crate::model::gate::Signature;
use crate::model::{Fingerprint, Verdict, VerifyingKey};
use crate::plan::guard;
use crate::plan::question::SignedBy;

pub(super) fn verdict(gate: &Signature, asked: &Asked<'_>, desk: &mut Desk<'_>) -> Verdict {
    let path = &gate.key;
    let refused = |why: String| Verdict::Refused { why };
    let waiting = |why: String| Verdict::Waiting { why, until: None };
    let Some(blob) = desk.blob_of(path).cloned() else {
        return refused(format!("there is no key {path}"));
    };
    let key = match desk.text(&blob) {
        None => return waiting(format!("{path} is not read yet")),
        Some(None) => return refused(format!("{path} is no text")),
        Some(Some(text)) => match VerifyingKey::of_pem(&text) {
            Ok(key) => key,
            Err(why) => return refused(format!("{path}: {why}")),
        },
    };
    let fingerprint = key.fingerprint();
    if let Some(setting) = forbidden(&fingerprint, asked, desk) {
        return refused(format!(
            "{path} holds the key {fingerprint}, which the operator does not let sign for this stage ({setting})"
        ));
    }
    let mut open = false;
    for (stream, digest) in asked.set.members() {
        let Some(image) = desk.image(stream, digest) else {
            return refused(format!("{stream} no longer records {}", digest.short()));
        };
        let question = SignedBy {
            image,
            namespace: stream.namespace.clone(),
            key: key.clone(),
        };
        match desk.signed(question) {
            Known::Yes(signed) if signed.by_key => {}
            Known::Yes(signed) => {
                let others = match signed.found {
                    0 => "it is not signed".to_owned(),
                    1 => "its only signature is not by that key for this digest".to_owned(),
                    n => format!("none of its {n} signatures is by that key for this digest"),
                };
                return waiting(format!("{} and {path}: {others}", stream.name));
            }
            Known::Failed(failure) => {
                return Verdict::Waiting {
                    why: format!(
                        "signatures of {} could not be read: {}",
                        stream.name, failure.message
                    ),
                    until: failure.retry_at,
                };
            }
            Known::NotYet => open = true,
        }
    }
    if open {
        return waiting("signatures are not read yet".to_owned());
    }
    Verdict::Open {
        why: format!("signed with {path} ({})", fingerprint.short()),
    }
}

/// The operator's setting that names the keys for the stage's environments, and not this one.
fn forbidden(key: &Fingerprint, asked: &Asked<'_>, desk: &Desk<'_>) -> Option<String> {
    let pipeline = desk.docs.pipelines.get(&asked.stage.pipeline)?;
    let stage = pipeline.value.stage(&asked.stage.stage)?;
    guard::forbids_key(key, &stage.environments(), desk.guards())
}
