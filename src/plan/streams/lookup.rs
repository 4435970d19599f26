//! `set image-lookup`: whether short names in pod specs resolve through a stream, and whether all image names of one
//! object are looked up whatever its streams say (imagestreams 3.4).

use super::{Done, Drafts, Manifest, Refused, Scene};
use crate::manifests::PodEdit;
use crate::manifests::pods::Workload;
use crate::model::{RepoPath, StreamKey};

/// Sets it on these streams and objects.
///
/// # Errors
/// When one of the streams is not there, or cannot be used.
pub fn set(
    streams: &[StreamKey],
    workloads: &[(RepoPath, Workload)],
    on: bool,
    scene: Scene<'_>,
) -> Result<Done, Refused> {
    let mut drafts = Drafts::new(scene);
    let mut says = Vec::new();
    for key in streams {
        drafts.open(key)?.set_lookup(on);
        says.push(format!(
            "imagestream.image.openshift.io/{} image lookup updated",
            key.name
        ));
    }
    let names = workloads.iter().map(|(_, workload)| workload.full_name());
    says.extend(names.map(|name| format!("{name} image lookup updated")));
    let manifests = workloads.iter().map(|(path, workload)| Manifest {
        path: path.clone(),
        workload: workload.clone(),
        edit: PodEdit::Resolve(on),
    });
    Ok(Done {
        changes: drafts.changes(),
        manifests: manifests.collect(),
        says,
        warnings: Vec::new(),
        ..Done::default()
    })
}
