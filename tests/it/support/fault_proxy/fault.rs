//! What can be made to happen to a request and its answer.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::record::Seen;

/// An answer, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names as they were sent. `Content-Length` is written anew unless one stands here.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// An answer with these parts.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            status,
            headers: headers.iter().map(owned).collect(),
            body: body.into(),
        }
    }

    /// Takes a header away.
    pub(crate) fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Puts a header in the place of all of its name.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.drop_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

type Answering = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;
type Changing = Arc<dyn Fn(&mut Reply) + Send + Sync>;

/// What happens to a request; the table in the parent's documentation tells which to take when.
#[derive(Clone)]
pub(crate) enum Fault {
    /// It passes.
    Nothing,
    /// Answered by the proxy itself; nobody else is asked.
    Answer(Answering),
    /// Passes; the whole answer is changed before it goes on.
    Change(Changing),
    /// Answered with the first answer that the upstream gave to the same method and target since the rule was added.
    Replay,
    /// Passes; the connection is cut after so many bytes of the answer's head.
    CutHead(u64),
    /// Passes; the connection is cut after so many bytes of the answer's body, whatever its head promised.
    CutBody(u64),
    /// The connections on both sides are cut after so many bytes of the request's body.
    CutRequest(u64),
    /// Passes and is carried out to its end; then the connection is cut without an answer.
    LoseAnswer,
    /// The connection is reset once the request's head was read.
    Reset,
    /// Nothing ever comes.
    Silence,
    /// Nothing comes until this turns true; then it passes.
    Until(tokio::sync::watch::Receiver<bool>),
    /// Passes; the answer comes so many bytes at a time with this time between.
    Drip(usize, Duration),
    /// 200 with these headers and a body of spaces that never ends.
    Endless(Vec<(String, String)>),
    /// These bytes and then the end.
    Raw(Vec<u8>),
}

impl Fault {
    /// An answer of this status and nothing else.
    pub(crate) fn status(status: u16) -> Self {
        Self::reply(status, &[], "")
    }

    /// An answer with these parts.
    pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let reply = Reply::new(status, headers, body);
        Self::Answer(Arc::new(move |_| reply.clone()))
    }

    /// An answer made from the request.
    pub(crate) fn answer(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::Answer(Arc::new(answer))
    }

    /// The upstream's answer, changed.
    pub(crate) fn change(change: impl Fn(&mut Reply) + Send + Sync + 'static) -> Self {
        Self::Change(Arc::new(change))
    }

    /// 307 to another place; `{host}` stands for the proxy's own, `{path}` for what was asked.
    pub(crate) fn redirect(location: &str) -> Self {
        let location = location.to_owned();
        Self::answer(move |seen| {
            let to = location
                .replace("{host}", &seen.proxy)
                .replace("{path}", &seen.target);
            Reply::new(307, &[("location", &to)], "")
        })
    }

    /// The upstream's answer with a header put in the place of all of its name.
    pub(crate) fn header(name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        Self::change(move |reply| reply.set_header(&name, &value))
    }

    /// The upstream's answer without a header.
    pub(crate) fn without(name: &str) -> Self {
        let name = name.to_owned();
        Self::change(move |reply| reply.drop_header(&name))
    }

    /// The upstream's answer with one bit of its body turned over.
    pub(crate) fn corrupt(at: usize) -> Self {
        Self::change(move |reply| {
            if let Some(byte) = reply.body.get_mut(at) {
                *byte ^= 1;
            }
        })
    }

    /// 200 with a gzip-coded body that unpacks to so many bytes, a thousand times its size.
    pub(crate) fn gzip_bomb(bytes: usize, headers: &[(&str, &str)]) -> Self {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![b' '; bytes]).unwrap();
        let mut reply = Reply::new(200, headers, packed.finish().unwrap());
        reply.set_header("content-encoding", "gzip");
        Self::Answer(Arc::new(move |_| reply.clone()))
    }

    /// 200 with these headers and a body that never ends.
    pub(crate) fn endless(headers: &[(&str, &str)]) -> Self {
        Self::Endless(Reply::new(200, headers, "").headers)
    }
}
