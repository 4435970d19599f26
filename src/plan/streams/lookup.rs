//! `set image-lookup`: whether short names in pod specs resolve through a stream (imagestreams 3.4).

use super::{Done, Drafts, Refused, Scene};
use crate::model::StreamKey;

/// Sets it on these streams.
///
/// # Errors
/// When one of them is not there, or cannot be used.
pub fn set(streams: &[StreamKey], local: bool, scene: Scene<'_>) -> Result<Done, Refused> {
    let mut drafts = Drafts::new(scene);
    let mut says = Vec::new();
    for key in streams {
        drafts.open(key)?.set_lookup(local);
        says.push(format!(
            "imagestream.image.openshift.io/{} image lookup updated",
            key.name
        ));
    }
    Ok(Done {
        changes: drafts.changes(),
        says,
        warnings: Vec::new(),
    })
}
