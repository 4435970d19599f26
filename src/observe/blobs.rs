//! Many blobs, a few at a time: fetched in bulk, read on all cores, and dropped before the next ones come.

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::error::{ObserveError, aside};
use crate::git::{BlobProblem, Repository};
use crate::manifests::Role;
use crate::model::{BlobId, RepoPath};

/// How many blobs are in memory at a time and core.
const AT_ONCE: usize = 128;

/// A file to be read as a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Where it is.
    pub path: RepoPath,
    /// Its content.
    pub blob: BlobId,
    /// What it is read as.
    pub role: Role,
}

/// Reads every wanted file. The order of the results is that of `wanted`.
pub(super) async fn read_each<T, F>(
    repository: &Repository,
    wanted: Vec<Wanted>,
    most: usize,
    read: F,
) -> Result<Vec<(Wanted, T)>, ObserveError>
where
    T: Send + 'static,
    F: Fn(&Wanted, Result<&[u8], &BlobProblem>) -> T + Clone + Send + 'static,
{
    let mut chunks = Vec::new();
    let mut rest = wanted.into_iter().peekable();
    while rest.peek().is_some() {
        chunks.push(rest.by_ref().take(AT_ONCE).collect::<Vec<_>>());
    }
    let work = chunks.into_iter().map(|chunk| {
        let read = read.clone();
        async move {
            let ids = chunk.iter().map(|w| w.blob.clone()).collect();
            let contents = repository.blobs(ids, most).await?;
            aside(move || {
                chunk
                    .into_iter()
                    .map(|wanted| {
                        let content = match contents.get(&wanted.blob) {
                            Some(content) => content.as_deref(),
                            None => Err(&BlobProblem::Missing),
                        };
                        let result = read(&wanted, content);
                        (wanted, result)
                    })
                    .collect::<Vec<_>>()
            })
            .await
        }
    });
    let results: Vec<Vec<(Wanted, T)>> = futures_util::stream::iter(work)
        .buffered(cores())
        .try_collect()
        .await?;
    Ok(results.into_iter().flatten().collect())
}

/// How much is done side by side.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}
