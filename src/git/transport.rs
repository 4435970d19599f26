//! Git's smart HTTP protocol on our own HTTP client, handed to libgit2 as a transport: one TLS stack, one set of
//! time limits, credentials that stay with their origin. The only file with `unsafe`.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use bytes::Buf as _;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use tokio::runtime::Handle;

use super::error::GitError;
use super::http::{Answer, Server, Session, lock};

const SCHEME: &str = "headwater-http";
const MAX_ANSWER: u64 = 8 << 30;
const MAX_REQUEST: usize = 2 << 30;

/// One conversation with a server, known to libgit2 by a number, so that no address and no secret ever enters it.
pub(super) struct Channel {
    id: u64,
    session: Arc<Session>,
}

static SESSIONS: LazyLock<Mutex<HashMap<u64, Arc<Session>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Channel {
    /// Opens a conversation. `runtime` does the network work while libgit2 blocks its own thread.
    pub(super) fn open(server: &Server, runtime: Handle) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let session = Arc::new(Session {
            server: server.clone(),
            runtime,
            state: Mutex::default(),
        });
        lock(&SESSIONS).insert(id, Arc::clone(&session));
        Self { id, session }
    }

    /// The address to give to libgit2.
    pub(super) fn url(&self) -> String {
        format!("{SCHEME}://{}/", self.id)
    }

    /// Why the conversation failed, if it was ours to notice.
    pub(super) fn failure(&self) -> Option<GitError> {
        lock(&self.session.state).failure.take()
    }

    /// Commits at which the server says its history is cut.
    pub(super) fn shallow(&self) -> Vec<git2::Oid> {
        lock(&self.session.state).shallow.clone()
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        lock(&SESSIONS).remove(&self.id);
    }
}

/// Makes libgit2 know this transport. Everything here that uses a remote of whatever kind calls this first.
#[allow(unsafe_code)]
pub(super) fn register() -> Result<(), GitError> {
    static REGISTERED: OnceLock<Result<(), String>> = OnceLock::new();
    REGISTERED
        .get_or_init(|| {
            // SAFETY: libgit2 asks that its list of transports does not change while another thread reads it. This
            // runs once in the process, and no thread here reaches the use of a remote before it has run.
            unsafe { git2::transport::register(SCHEME, connect) }
                .map_err(|error| error.message().to_owned())
        })
        .clone()
        .map_err(GitError::Unsupported)
}

fn connect(remote: &git2::Remote<'_>) -> Result<Transport, git2::Error> {
    let id = remote
        .url()
        .ok()
        .and_then(|url| url.strip_prefix(SCHEME)?.strip_prefix("://"))
        .and_then(|rest| rest.trim_end_matches('/').parse().ok())
        .unwrap_or(0);
    let session = lock(&SESSIONS)
        .get(&id)
        .cloned()
        .ok_or_else(|| git2::Error::from_str("the conversation is over"))?;
    Transport::smart(remote, true, Requests(session))
}

struct Requests(Arc<Session>);

impl SmartSubtransport for Requests {
    fn action(
        &self,
        _url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        Ok(Box::new(Exchange {
            session: Arc::clone(&self.0),
            service,
            request: Vec::new(),
            answer: None,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer: written whole, sent at the first read.
struct Exchange {
    session: Arc<Session>,
    service: Service,
    request: Vec<u8>,
    answer: Option<Answer>,
}

impl Write for Exchange {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.request.len() + data.len() > MAX_REQUEST {
            return Err(self.session.fail(GitError::Invalid(
                "the push is larger than 2 GiB".to_owned(),
            )));
        }
        self.request.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let session = Arc::clone(&self.session);
        if self.answer.is_none() {
            let request = std::mem::take(&mut self.request);
            session.server.tally.sent(request.len());
            let sent = session
                .runtime
                .block_on(session.exchange(self.service, request));
            let answer = sent.map_err(|error| session.fail(error))?;
            session.server.tally.received(answer.ready.len());
            self.answer = Some(answer);
        }
        let Some(answer) = self.answer.as_mut() else {
            return Ok(0);
        };
        while answer.ready.is_empty() {
            let Some(response) = answer.response.as_mut() else {
                return Ok(0);
            };
            let next = session.runtime.block_on(response.chunk());
            match next.map_err(|error| session.fail(session.network(&error)))? {
                Some(chunk) => answer.ready = chunk,
                None => return Ok(0),
            }
            answer.received += answer.ready.len() as u64;
            session.server.tally.received(answer.ready.len());
            if answer.received > MAX_ANSWER {
                return Err(session.fail(session.broken("the answer is larger than 8 GiB")));
            }
        }
        let count = answer.ready.len().min(buffer.len());
        answer.ready.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
