//! What runs in the environments of a stage, as far as its outputs say.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::{Survey, output_files};
use crate::manifests::image_fields;
use crate::model::{
    Digest, ImageReference, ImageRepository, ImageStream, PinnedImage, RepoPath, Set, StreamKey,
};
use crate::plan::desk::Desk;
use crate::plan::road::StageView;

/// What runs in the environments of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The image of each stream.
    pub images: BTreeMap<StreamKey, PinnedImage>,
    /// Outputs that say so.
    pub files: BTreeSet<RepoPath>,
}

impl Running {
    /// The set they make.
    pub fn set(&self) -> Set {
        let members = self.images.iter();
        Set::new(members.map(|(stream, image)| (stream.clone(), image.digest.clone())))
    }
}

/// Why it cannot be said what runs in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// Outputs are not read yet; the questions are noted.
    Asking,
    /// No output names an image of this stream by its digest.
    NoImage(StreamKey),
    /// Two outputs name different images of one stream.
    Differ {
        /// The stream.
        stream: StreamKey,
        /// A digest and where it stands.
        one: (Digest, RepoPath),
        /// Another one.
        other: (Digest, RepoPath),
    },
    /// An output that is no manifest.
    Unreadable(RepoPath),
}

impl std::fmt::Display for Unclear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asking => f.write_str("its outputs are not read yet"),
            Self::NoImage(stream) => {
                write!(
                    f,
                    "no output there names an image of {stream} by its digest"
                )
            }
            Self::Differ { stream, one, other } => write!(
                f,
                "outputs there name different images of {stream}: {} in {}, {} in {}",
                one.0.short(),
                one.1,
                other.0.short(),
                other.1
            ),
            Self::Unreadable(path) => write!(f, "{path} cannot be read as a manifest"),
        }
    }
}

/// What the outputs of a stage's environments say that runs there.
///
/// # Errors
/// When they do not say one image for each stream.
pub fn running(
    view: &StageView<'_>,
    survey: &Survey,
    desk: &mut Desk<'_>,
) -> Result<Running, Unclear> {
    let repositories: Vec<(&StreamKey, BTreeSet<Place>)> = view
        .streams
        .iter()
        .filter_map(|key| Some((key, repositories(desk.stream(key)?))))
        .collect();
    let mut found: BTreeMap<StreamKey, (PinnedImage, RepoPath)> = BTreeMap::new();
    let mut files = BTreeSet::new();
    let mut asking = false;
    for path in output_files(view, survey, desk) {
        let text = desk.blob_of(&path).cloned().map(|blob| desk.text(&blob));
        let text = match text {
            Some(Some(Some(text))) => text,
            Some(None) => {
                asking = true;
                continue;
            }
            Some(Some(None)) | None => return Err(Unclear::Unreadable(path)),
        };
        let fields = image_fields(&path, &text).map_err(|_| Unclear::Unreadable(path.clone()))?;
        let images = fields.iter().filter_map(|field| field.image.parse().ok());
        for image in images.collect::<Vec<PinnedImage>>() {
            let place = place(&image.repository);
            let Some((stream, _)) = repositories
                .iter()
                .find(|(_, known)| known.contains(&place))
            else {
                continue;
            };
            let (first, at) = found
                .entry((*stream).clone())
                .or_insert_with(|| (image.clone(), path.clone()));
            if first.digest != image.digest {
                return Err(Unclear::Differ {
                    stream: (*stream).clone(),
                    one: (first.digest.clone(), at.clone()),
                    other: (image.digest, path),
                });
            }
            files.insert(path.clone());
        }
    }
    if asking {
        return Err(Unclear::Asking);
    }
    match view.streams.iter().find(|key| !found.contains_key(key)) {
        Some(missing) => Err(Unclear::NoImage(missing.clone())),
        None => Ok(Running {
            images: found
                .into_iter()
                .map(|(key, (image, _))| (key, image))
                .collect(),
            files,
        }),
    }
}

/// A repository however it is written: Docker Hub has several spellings.
type Place = (String, String);

fn place(repository: &ImageRepository) -> Place {
    (repository.registry().to_string(), repository.path())
}

/// Repositories that images of a stream come from, by its spec and by what it records.
fn repositories(stream: &ImageStream) -> BTreeSet<Place> {
    let sources = stream.spec.tags.iter().filter_map(|tag| tag.from.as_ref());
    let sources = sources.filter(|from| from.kind == "DockerImage");
    let written = sources.map(|from| from.name.to_string());
    let written = written.chain(stream.spec.docker_image_repository.clone());
    let written = written.filter_map(|name| Some(name.parse::<ImageReference>().ok()?.repository));
    let events = stream.status.tags.iter().flat_map(|list| &list.items);
    let recorded = events.filter_map(|event| event.repository());
    written.chain(recorded).map(|r| place(&r)).collect()
}
