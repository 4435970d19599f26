//! How new objects come to lie on the disk: a few as files of their own, many as one pack, as Git itself has it. Making a
//! file costs more than all else there is to do for an object.

use std::io::Write;
use std::panic::resume_unwind;
use std::{iter, thread};

use flate2::{Compress, Compression, FlushCompress, Status};
use git2::{ErrorClass, ErrorCode, Indexer, ObjectType, Odb, OdbObject, Oid, Repository};
use sha1::{Digest as _, Sha1};

/// From so many objects on they are one pack (Git's `transfer.unpackLimit`): fewer would make more packs than are saved.
pub(super) const PACK_FROM: usize = 100;
/// Bytes of a pack that are gathered before they are handed on.
const CHUNK: usize = 1 << 20;
/// Bytes of objects that wait for each other in memory.
const AT_ONCE: usize = 4 << 20;
/// Fewer objects are not worth another thread.
const FEW: usize = 64;

/// Stores objects of `from` in `to`, in the order given: whoever names others comes behind them. Gives the name of the
/// pack (`pack-...`, without extension) where it became one; that pack is there as a whole or not at all.
pub(super) fn store(
    objects: &[(ObjectType, Oid)],
    from: &Odb<'_>,
    to: &Repository,
) -> Result<Option<String>, git2::Error> {
    let odb = to.odb()?;
    if objects.len() < PACK_FROM {
        for (kind, id) in objects {
            odb.write(*kind, from.read(*id)?.data())?;
        }
        return Ok(None);
    }
    let folder = to.commondir().join("objects/pack");
    let mut indexer = Indexer::new(None, &folder, 0o444, false)?;
    let mut encoder = Encoder::new(objects.len(), &mut indexer)?;
    let mut waiting = Vec::new();
    let mut bytes = 0;
    for (kind, id) in objects {
        let object = from.read(*id)?;
        bytes += object.len();
        waiting.push((*kind, object));
        if bytes >= AT_ONCE {
            encoder.objects(&waiting)?;
            waiting.clear();
            bytes = 0;
        }
    }
    encoder.objects(&waiting)?;
    encoder.finish()?;
    let name = indexer.commit()?;
    odb.refresh()?;
    Ok(Some(format!("pack-{name}")))
}

/// An object to be packed.
type Content<'a> = (ObjectType, &'a [u8]);

/// Writes a pack of whole objects. The search for differences between them would take longer than all else.
struct Encoder<W> {
    out: W,
    hash: Sha1,
    ready: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    fn new(count: usize, out: W) -> Result<Self, git2::Error> {
        let count = u32::try_from(count).map_err(|_| error("there are too many objects"))?;
        let mut ready = Vec::with_capacity(CHUNK + (64 << 10));
        ready.extend_from_slice(b"PACK\0\0\0\x02");
        ready.extend_from_slice(&count.to_be_bytes());
        Ok(Self {
            out,
            hash: Sha1::new(),
            ready,
        })
    }

    /// Adds objects in the order given, compressed on all processors.
    fn objects(&mut self, objects: &[(ObjectType, OdbObject<'_>)]) -> Result<(), git2::Error> {
        let contents: Vec<Content<'_>> =
            objects.iter().map(|(kind, o)| (*kind, o.data())).collect();
        for part in side_by_side(&contents) {
            self.ready.extend_from_slice(&part?);
            if self.ready.len() >= CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), git2::Error> {
        self.hash.update(&self.ready);
        self.send()
    }

    fn send(&mut self) -> Result<(), git2::Error> {
        self.out
            .write_all(&self.ready)
            .map_err(|e| error(&e.to_string()))?;
        self.ready.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(), git2::Error> {
        self.flush()?;
        let sum = self.hash.clone().finalize();
        self.ready.extend_from_slice(&sum);
        self.send()
    }
}

/// Entries of a pack, made on all processors; on one where no thread can be started, as under a tight limit.
fn side_by_side(contents: &[Content<'_>]) -> Vec<Result<Vec<u8>, git2::Error>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let each = contents.len().div_ceil(cores).max(FEW);
    let mut parts = contents.chunks(each);
    let own = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let start = |part| {
            let started = thread::Builder::new().spawn_scoped(scope, move || entries(part));
            (part, started.ok())
        };
        let others: Vec<_> = parts.map(start).collect();
        let own = entries(own);
        let others = others.into_iter().map(|(part, started)| match started {
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => entries(part),
        });
        iter::once(own).chain(others).collect()
    })
}

/// Entries of a pack, one behind the other.
fn entries(contents: &[Content<'_>]) -> Result<Vec<u8>, git2::Error> {
    let mut zip = Compress::new(Compression::fast(), true);
    let mut ready = Vec::new();
    for (kind, data) in contents {
        entry(*kind, data, &mut zip, &mut ready)?;
    }
    Ok(ready)
}

fn entry(
    kind: ObjectType,
    data: &[u8],
    zip: &mut Compress,
    ready: &mut Vec<u8>,
) -> Result<(), git2::Error> {
    let kind = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Blob => 3,
        _ => return Err(error("only commits, trees and blobs are packed")),
    };
    head(kind, data.len(), ready);
    zip.reset();
    loop {
        ready.reserve(data.len() / 2 + 64);
        let done = usize::try_from(zip.total_in()).unwrap_or(usize::MAX);
        let left = data.get(done..).unwrap_or_default();
        let step = zip
            .compress_vec(left, ready, FlushCompress::Finish)
            .map_err(|e| error(&e.to_string()))?;
        if step == Status::StreamEnd {
            return Ok(());
        }
    }
}

/// Kind and size: four bits of the size beside the kind, then seven at a time.
fn head(kind: u8, size: usize, ready: &mut Vec<u8>) {
    let low = |size: usize, bits: u32| (size & ((1 << bits) - 1)) as u8;
    let (mut byte, mut left) = (kind << 4 | low(size, 4), size >> 4);
    while left > 0 {
        ready.push(byte | 0x80);
        (byte, left) = (low(left, 7), left >> 7);
    }
    ready.push(byte);
}

fn error(text: &str) -> git2::Error {
    git2::Error::new(ErrorCode::GenericError, ErrorClass::Odb, text)
}
