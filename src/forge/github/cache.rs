//! Answers kept for conditional requests: what did not change costs GitHub's limits nothing. As many as are asked for in
//! a pass, and no more however long the program runs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, Uri};
use octocrab::service::middleware::cache::{CacheKey, CacheStorage, CacheWriter, CachedResponse};

/// So many answers are kept; the oldest goes first.
const MOST: usize = 1_024;
/// Longer answers are not kept, in bytes.
const LONGEST: usize = 4 << 20;

/// Answers by address.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    answers: HashMap<Uri, (CacheKey, CachedResponse)>,
    order: VecDeque<Uri>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answers", self.answers.len())
    }
}

impl Kept {
    fn put(&mut self, uri: Uri, key: CacheKey, response: CachedResponse) {
        if self.answers.insert(uri.clone(), (key, response)).is_none() {
            self.order.push_back(uri);
        }
        while self.answers.len() > MOST {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.answers.remove(&oldest);
        }
    }
}

impl Answers {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheStorage for Answers {
    fn try_hit(&self, uri: &Uri) -> Option<CacheKey> {
        self.kept().answers.get(uri).map(|(key, _)| key.clone())
    }

    fn load(&self, uri: &Uri) -> Option<CachedResponse> {
        let kept = self.kept();
        kept.answers.get(uri).map(|(_, response)| response.clone())
    }

    fn writer(&self, uri: &Uri, key: CacheKey, headers: HeaderMap) -> Box<dyn CacheWriter> {
        Box::new(Writer {
            answers: self.clone(),
            uri: uri.clone(),
            key,
            response: CachedResponse {
                body: Vec::new(),
                headers,
            },
        })
    }
}

/// Gathers an answer while it is read.
struct Writer {
    answers: Answers,
    uri: Uri,
    key: CacheKey,
    response: CachedResponse,
}

impl CacheWriter for Writer {
    fn write_body(&mut self, data: &[u8]) {
        self.response.body.extend_from_slice(data);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let CachedResponse { body, headers } = &mut self.response;
        let length = headers.get(http::header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        // One that was cut off would be taken for the whole by every later request.
        let whole = length.is_none_or(|length| length == body.len());
        if whole
            && body.len() <= LONGEST
            && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
        {
            let response = CachedResponse {
                body: std::mem::take(body),
                headers: std::mem::take(headers),
            };
            let mut kept = self.answers.kept();
            kept.put(self.uri.clone(), self.key.clone(), response);
        }
    }
}
