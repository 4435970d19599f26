//! HTTP/1.1 on the wire: heads and the pieces of bodies, read without changing a byte of them.

use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::time::Duration;

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

/// Longer heads are nobody's.
const LONGEST_HEAD: usize = 256 * 1024;
/// Bytes of a body handled at a time.
const PIECE: u64 = 64 * 1024;

/// Request or status line with its headers.
pub(super) struct Head {
    /// As it came, the empty line included.
    pub(super) raw: Vec<u8>,
    /// The first line.
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    /// The next head; `None` if the connection ended before one began.
    pub(super) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Self>> {
        let mut raw = Vec::new();
        loop {
            let before = raw.len();
            if from.read_until(b'\n', &mut raw).await? == 0 {
                return if raw.is_empty() {
                    Ok(None)
                } else {
                    Err(ErrorKind::UnexpectedEof.into())
                };
            }
            if raw[before..].trim_ascii().is_empty() && before > 0 {
                break;
            }
            if raw.len() > LONGEST_HEAD {
                return Err(Error::other("a head without end"));
            }
        }
        let text = String::from_utf8_lossy(&raw);
        let mut lines = text.lines();
        let line = lines.next().unwrap_or_default().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        };
        let headers = lines.filter_map(header).collect();
        Ok(Some(Self { raw, line, headers }))
    }

    /// The word of the first line at this place.
    pub(super) fn word(&self, at: usize) -> &str {
        self.line.split(' ').nth(at).unwrap_or_default()
    }

    /// The status of an answer.
    pub(super) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or(0)
    }

    /// Whether a header has this value among others.
    pub(super) fn says(&self, name: &str, value: &str) -> bool {
        self.headers
            .iter()
            .any(|(n, v)| n.eq_ignore_ascii_case(name) && v.to_ascii_lowercase().contains(value))
    }

    fn length(&self) -> Option<u64> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case("content-length"));
        found?.1.parse().ok()
    }

    /// What follows a request's head.
    pub(super) fn request_body(&self) -> Body {
        if self.says("transfer-encoding", "chunked") {
            return Body::Chunk(0);
        }
        Body::Length(self.length().unwrap_or(0))
    }

    /// What follows the head of an answer to this method.
    pub(super) fn answer_body(&self, method: &str) -> Body {
        if method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304) {
            return Body::Length(0);
        }
        if self.says("transfer-encoding", "chunked") {
            return Body::Chunk(0);
        }
        self.length().map_or(Body::UntilEnd, Body::Length)
    }
}

/// What is still to come of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// So many bytes of a chunk with the line break behind it, then more chunks.
    Chunk(u64),
    /// All until the connection ends.
    UntilEnd,
}

impl Body {
    /// The next bytes as they are on the wire, and where in them the content is; `None` at the end.
    pub(super) async fn next(
        &mut self,
        from: &mut (impl AsyncBufRead + Unpin),
    ) -> Result<Option<(Vec<u8>, Range<usize>)>> {
        match *self {
            Self::Length(0) => Ok(None),
            Self::Length(left) => {
                let raw = some(from, left).await?.ok_or(ErrorKind::UnexpectedEof)?;
                *self = Self::Length(left - raw.len() as u64);
                let content = 0..raw.len();
                Ok(Some((raw, content)))
            }
            Self::Chunk(0) => {
                let mut raw = Vec::new();
                from.read_until(b'\n', &mut raw).await?;
                let line = String::from_utf8_lossy(&raw);
                let size = line.split([';', '\r', '\n']).next().unwrap_or_default();
                let size = u64::from_str_radix(size.trim(), 16).map_err(Error::other)?;
                *self = Self::Chunk(size + 2);
                if size == 0 {
                    while from.read_until(b'\n', &mut raw).await? > 2 {}
                    *self = Self::Length(0);
                }
                Ok(Some((raw, 0..0)))
            }
            Self::Chunk(left) => {
                let raw = some(from, left).await?.ok_or(ErrorKind::UnexpectedEof)?;
                *self = Self::Chunk(left - raw.len() as u64);
                let content = usize::try_from(left.saturating_sub(2)).unwrap_or(usize::MAX);
                let content = 0..raw.len().min(content);
                Ok(Some((raw, content)))
            }
            Self::UntilEnd => Ok(some(from, PIECE).await?.map(|raw| {
                let content = 0..raw.len();
                (raw, content)
            })),
        }
    }

    /// All of the content.
    pub(super) async fn collect(
        mut self,
        from: &mut (impl AsyncBufRead + Unpin),
    ) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some((raw, content)) = self.next(from).await? {
            all.extend_from_slice(&raw[content]);
        }
        Ok(all)
    }

    /// Hands all of it on, byte by byte as it came.
    pub(super) async fn pass<W: AsyncWrite + Unpin>(
        mut self,
        from: &mut (impl AsyncBufRead + Unpin),
        to: &mut Valve<'_, W>,
    ) -> Result<()> {
        while let Some((raw, _)) = self.next(from).await? {
            to.send(&raw).await?;
        }
        Ok(())
    }
}

/// Some bytes, at most so many; `None` at the end.
async fn some(from: &mut (impl AsyncBufRead + Unpin), most: u64) -> Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    let one = from.fill_buf().await?.len() as u64;
    from.take(most.min(one).min(PIECE))
        .read_to_end(&mut raw)
        .await?;
    Ok((!raw.is_empty()).then_some(raw))
}

/// A way out that counts, slows and cuts.
pub(super) struct Valve<'a, W> {
    pub(super) to: W,
    /// Bytes that may still pass before the cut.
    pub(super) left: Option<u64>,
    /// Bytes at a time and the time between them.
    pub(super) pace: Option<(usize, Duration)>,
    pub(super) count: &'a (dyn Fn(usize) + Sync),
}

impl<W: AsyncWrite + Unpin> Valve<'_, W> {
    /// Sends bytes; an error of kind `ConnectionAborted` where the cut is.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let length = bytes.len() as u64;
        let now = self.left.map_or(length, |left| left.min(length));
        let (now, cut) = (usize::try_from(now).unwrap_or(usize::MAX), now < length);
        let (size, pause) = self.pace.unwrap_or((usize::MAX, Duration::ZERO));
        for piece in bytes[..now].chunks(size) {
            self.to.write_all(piece).await?;
            self.to.flush().await?;
            (self.count)(piece.len());
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        if let Some(left) = &mut self.left {
            *left -= now as u64;
        }
        if cut || self.left == Some(0) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}
