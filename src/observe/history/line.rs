//! One commit of the base reduced to what History needs of it: what the cache on disk holds, one line each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{
    BlobId, CommitId, Digest, ImageRepository, Promotion, RepoPath, StreamKey, TagKey, Timestamp,
};

/// A commit, reduced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CommitLine {
    /// The commit.
    pub id: CommitId,
    /// The commit before it on the base's line; `None` for the first one known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<CommitId>,
    /// Committer time as recorded.
    pub time: Timestamp,
    /// The committer's e-mail address.
    pub committer: String,
    /// The author's e-mail address.
    pub author: String,
    /// Tags that moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MoveLine>,
    /// Requests it wrote or, without a text, took away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<(TagKey, Option<String>)>,
    /// Output files that changed, with the content that was replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<(RepoPath, Option<BlobId>)>,
    /// Files that hold other streams than before, with those they hold since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<RepoPath, Vec<StreamKey>>,
}

/// A tag that moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MoveLine {
    /// The tag.
    pub tag: TagKey,
    /// Where it points since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The repository that digest was recorded in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<ImageRepository>,
    /// Whether that follows from the spec.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_spec: bool,
    /// The record that this commit wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Promotion>>,
}
