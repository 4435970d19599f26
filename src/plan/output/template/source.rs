//! What templates ask about images, and how the planner answers.

use crate::model::PinnedImage;
use crate::plan::version::Version;

/// An image that a stream's tag holds at this moment (settled view).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// Repository and digest.
    pub pinned: PinnedImage,
    /// The tag of the stream that holds it.
    pub tag: String,
    /// Its version; `None` while the labels of the image have not been read.
    pub version: Option<Version>,
}

/// Why a name cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupProblem {
    /// There is no such stream or tag, or this environment may not use it: the author's to mend.
    #[error("{0}")]
    Unknown(String),
    /// The tag is there but holds no digest yet; a later pass may know more.
    #[error("{0}")]
    NotYet(String),
}

/// Answers of the planner for one application in one environment. Pure: the same question has the same answer.
pub trait ImageSource: Sync {
    /// The image of `stream[:tag]`, as the helpers `image`, `tag`, `digest`, `repository` and `version` name it.
    /// `None` is the application's own stream.
    ///
    /// # Errors
    /// When the name cannot be answered, or not yet.
    fn image(&self, spec: Option<&str>) -> Result<ResolvedImage, LookupProblem>;

    /// The image of a bare short name (`stream[:tag]`) in a pod spec, if that stream has local lookup; `None` leaves
    /// the name as it stands, which then is refused as not pinned.
    ///
    /// # Errors
    /// When the name means a stream that cannot be answered, or not yet.
    fn short_name(&self, name: &str) -> Result<Option<ResolvedImage>, LookupProblem>;
}
