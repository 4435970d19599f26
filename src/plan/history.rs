//! History: the base's first-parent log reduced to moves. Gates, soak and identity read this, never `status`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{
    BlobId, CommitId, Digest, ImageRepository, Promotion, RepoPath, StreamKey, TagKey, Timestamp,
};

/// The base's past.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Commits in first-parent order, oldest first; a move names its commit by index.
    pub commits: Vec<HistoryCommit>,
    /// Whether the log reaches its root; otherwise what came before is unknown.
    pub complete: bool,
    /// Moves of each tag, oldest first.
    pub moves: BTreeMap<TagKey, Vec<Move>>,
    /// Requests that stand on tags now, and who wrote them.
    #[serde(default)]
    pub requests: BTreeMap<TagKey, Asked>,
    /// What happened to each output file.
    pub outputs: BTreeMap<RepoPath, OutputHistory>,
}

/// One commit of the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryCommit {
    /// The commit.
    pub id: CommitId,
    /// Committer time, never earlier than its first parent's.
    pub time: Timestamp,
    /// Whether it bears our committer identity.
    pub ours: bool,
    /// Whether the forge made it in our name. Whoever may merge there can have such a commit made too, so a move between
    /// stages in it is judged by its record, like a merge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_our_name: bool,
    /// The author's e-mail address.
    pub author: String,
}

/// A tag pointing to something else than one commit before, or bearing a record that this commit wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Index of the commit.
    pub at: usize,
    /// What it points to since; `None` when the tag went away or points to nothing by digest.
    pub digest: Option<Digest>,
    /// The repository that digest was recorded in, where that commit says so.
    #[serde(default, with = "shared")]
    pub repository: Option<Arc<ImageRepository>>,
    /// Whether the digest follows from the spec (a pinned `from`), rather than from a recorded event alone.
    pub by_spec: bool,
    /// The promotion record on the tag at that commit, if that commit wrote it.
    pub record: Option<Box<Promotion>>,
}

/// A person's request on a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Index of the commit that wrote it.
    pub at: usize,
    /// The annotation as written.
    pub text: String,
}

/// What happened to an output file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputHistory {
    /// Index of the last commit that touched it.
    pub last: usize,
    /// Contents that commits of ours replaced, with the commit, newest last, at most sixteen.
    pub replaced_by_us: Vec<(usize, BlobId)>,
}

/// How many replaced contents are remembered per output file.
pub const REPLACED_KEPT: usize = 16;

impl History {
    /// The commit a move or touch names.
    pub fn commit(&self, at: usize) -> Option<&HistoryCommit> {
        self.commits.get(at)
    }

    /// Index of a commit in the base's first-parent line.
    pub fn position(&self, commit: &CommitId) -> Option<usize> {
        self.commits.iter().rposition(|c| c.id == *commit)
    }

    /// The repository that a digest of a stream was last recorded in: what its file says of old moves is trimmed, not this.
    pub fn repository_of(&self, stream: &StreamKey, digest: &Digest) -> Option<&ImageRepository> {
        let moves = self.moves.range(TagKey::new(stream.clone(), "")..);
        let mine = moves.take_while(|(tag, _)| tag.stream == *stream);
        let of_digest = mine
            .flat_map(|(_, moves)| moves)
            .filter(|step| step.digest.as_ref() == Some(digest));
        of_digest
            .filter_map(|step| Some((step.at, step.repository.as_deref()?)))
            .max_by_key(|(at, _)| *at)
            .map(|(_, repository)| repository)
    }

    /// Committer time of the first commit at or after `at` made by us, or by the forge in our name: where the clock of a move by hand starts.
    pub fn first_of_ours_from(&self, at: usize) -> Option<Timestamp> {
        self.commits
            .get(at..)?
            .iter()
            .find(|c| c.ours || c.in_our_name)
            .map(|c| c.time)
    }
}

/// A shared value, written as the value alone.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::model::ImageRepository;

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Arc<ImageRepository>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Arc<ImageRepository>>, D::Error> {
        Ok(Option::deserialize(from)?.map(Arc::new))
    }
}
