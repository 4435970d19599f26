//! Adoption: what already runs, by its outputs, in the environments of a stage without a history, and why such a stage takes
//! nothing by itself until that is recorded.

use std::collections::{BTreeMap, BTreeSet};

use super::block::Block;
use crate::manifests::image_fields;
use crate::model::{
    Digest, ImageReference, ImageRepository, ImageStream, Name, PinnedImage, RepoPath, Set,
    StreamKey,
};
use crate::plan::desk::Desk;
use crate::plan::output::survey::{Survey, output_files};
use crate::plan::report::State;
use crate::plan::road::StageView;
use crate::plan::road::timeline::Whose;

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

/// What keeps a first stage from its first import: something else runs in its environments already than the set that the
/// import would bring, where that is known.
pub fn before_import(
    view: &StageView<'_>,
    offered: Option<&Set>,
    survey: &Survey,
    desk: &mut Desk<'_>,
) -> Option<Block> {
    let recorded = view.streams.iter().any(|key| {
        let list = desk.stream(key).and_then(|s| s.status_tag(view.tag()));
        list.is_some_and(|list| !list.items.is_empty())
    });
    // A history that is cut off may have its moves in what is not here.
    if recorded || !view.timeline.stays.is_empty() || !desk.obs.history.complete {
        return None;
    }
    let why = match running(view, survey, desk) {
        Ok(running) if Some(&running.set()) == offered => return None,
        Ok(running) => {
            let digests: Vec<&str> = running.images.values().map(|i| i.digest.short()).collect();
            format!(
                "{} runs here already, and no import brought it",
                digests.join("+")
            )
        }
        Err(Unclear::Asking | Unclear::NoImage(_)) => return None,
        Err(unclear) => unclear.to_string(),
    };
    let tags: Vec<String> = view
        .streams
        .iter()
        .map(|s| format!("{}:{}", s.name, view.tag()))
        .collect();
    let help = format!(
        "headwater init --adopt {}   to keep it until something newer comes; headwater import-image {} --push   to take what the registry has",
        view.key,
        tags.join(" "),
    );
    Some(Block::new(State::Held, NOT_ADOPTED, format!("{NOT_ADOPTED}: {why}")).help(help))
}

/// What keeps a later stage without a history from its first set.
pub fn before_promotion(view: &StageView<'_>) -> Block {
    let why = format!("{NOT_ADOPTED}: something runs here already that no promotion brought");
    let help = format!(
        "headwater init --adopt {key}   to keep it until something newer comes; headwater promote {key} --reason ...   to replace it",
        key = view.key
    );
    Block::new(State::Held, NOT_ADOPTED, why).help(help)
}

/// What somebody should know of a stage that still has what it was adopted with, while its source has something else: that
/// was there before, so it does not come by itself.
pub fn behind(view: &StageView<'_>, road: &BTreeMap<Name, &StageView<'_>>) -> Option<String> {
    let stay = view.timeline.current()?;
    let adopted = stay.whose == Whose::Adopted;
    let mut sources = view.from.stages().iter().filter_map(|name| road.get(name));
    let source = sources.find(|source| {
        let current = source.timeline.current();
        current.is_some_and(|current| current.id != stay.id && current.at <= stay.at)
    });
    let source = source.filter(|_| adopted)?;
    Some(format!(
        "adopted in {}; what {} held then comes only when it is asked for",
        stay.commit.short(),
        source.key.stage
    ))
}

/// The reason of a stage that waits to be adopted.
const NOT_ADOPTED: &str = "NotAdopted";
