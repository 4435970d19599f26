//! Fuzz target: image references, digests, names and paths as strangers write them.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use headwater::model::{
    Digest, ImageReference, Name, Period, PinnedImage, RegistryHost, RepoPath, StageKey,
    StreamName, TagName,
};

/// One input: what can be read at all says itself again, and is read as the same.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(reference) = again::<ImageReference>(text) {
        assert!(!reference.tag_or_latest().is_empty());
        let repository = reference.repository.clone();
        assert!(!repository.path().contains(".."), "{repository}");
        again::<RegistryHost>(repository.registry().as_str()).expect("a host is one by itself");
    }
    again::<PinnedImage>(text);
    if let Some(digest) = again::<Digest>(text) {
        assert!(digest.hex().bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(digest.as_str().starts_with(digest.algorithm()));
    }
    if let Some(path) = again::<RepoPath>(text) {
        let mut parts = path.as_str().split('/');
        assert!(parts.all(|part| !part.is_empty() && part != "." && part != ".."));
    }
    again::<Name>(text);
    again::<StreamName>(text);
    again::<TagName>(text);
    let _ = text.parse::<StageKey>();
    let _ = text.parse::<Period>();
}

fn again<T: FromStr + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    let said = read.to_string();
    assert!(
        said.parse::<T>().ok().as_ref() == Some(&read),
        "{text:?} is read as {read:?}, which says {said:?}"
    );
    Some(read)
}
