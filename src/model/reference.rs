//! Image references: the grammar of `registry/repository:tag@digest`, read once and total afterwards.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digest::Digest;

/// A registry host with its port, as written in a reference (`quay.io`, `localhost:5000`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistryHost(Arc<str>);

impl RegistryHost {
    /// Docker Hub: where references without a registry point.
    pub fn docker_hub() -> Self {
        Self("docker.io".into())
    }

    /// The host as text, with its port if it has one.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegistryHost {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let label = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        let port_ok =
            port.is_none_or(|p| !p.is_empty() && p.len() <= 5 && p.parse::<u16>().is_ok());
        if host.len() <= 253 && host.split('.').all(label) && port_ok {
            Ok(Self(text.to_ascii_lowercase().into()))
        } else {
            Err(ReferenceError::new(text, "the registry is not a host name"))
        }
    }
}

impl TryFrom<String> for RegistryHost {
    type Error = ReferenceError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RegistryHost> for String {
    fn from(host: RegistryHost) -> Self {
        host.0.as_ref().to_owned()
    }
}

/// The longest name of a repository with its registry, in bytes (`NameTotalLengthMax` of distribution).
const LONGEST_NAME: usize = 255;

/// A repository of images in a registry (`quay.io/acme/app`), without tag or digest. Cheap to clone: questions and answers
/// carry it about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRepository {
    /// The registry as the user wrote it; `None` means Docker Hub.
    registry: Option<RegistryHost>,
    /// The path below the registry, as written.
    path: Arc<str>,
}

impl ImageRepository {
    /// The registry this repository lives in.
    pub fn registry(&self) -> RegistryHost {
        self.registry
            .clone()
            .unwrap_or_else(RegistryHost::docker_hub)
    }

    /// The path below the registry; Docker Hub's single names get their `library/`.
    pub fn path(&self) -> String {
        if self.registry().as_str() == "docker.io" && !self.path.contains('/') {
            format!("library/{}", self.path)
        } else {
            self.path.as_ref().to_owned()
        }
    }

    /// This repository pinned to one digest.
    pub fn at(&self, digest: Digest) -> PinnedImage {
        PinnedImage {
            repository: self.clone(),
            digest,
        }
    }
}

impl fmt::Display for ImageRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.registry {
            Some(registry) => write!(f, "{registry}/{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

impl TryFrom<String> for ImageRepository {
    type Error = ReferenceError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let reference: ImageReference = text.parse()?;
        if reference.tag.is_some() || reference.digest.is_some() {
            return Err(ReferenceError::new(
                &text,
                "a repository carries neither tag nor digest",
            ));
        }
        Ok(reference.repository)
    }
}

impl From<ImageRepository> for String {
    fn from(repository: ImageRepository) -> Self {
        repository.to_string()
    }
}

/// An image pinned by digest: the only thing that may be rendered into a deployment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PinnedImage {
    /// Where the image is.
    pub repository: ImageRepository,
    /// Which bytes it is.
    pub digest: Digest,
}

impl fmt::Display for PinnedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

impl FromStr for PinnedImage {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reference: ImageReference = text.parse()?;
        match reference.digest {
            Some(digest) => Ok(Self {
                repository: reference.repository,
                digest,
            }),
            None => Err(ReferenceError::new(text, "it is not pinned by a digest")),
        }
    }
}

impl TryFrom<String> for PinnedImage {
    type Error = ReferenceError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PinnedImage> for String {
    fn from(image: PinnedImage) -> Self {
        image.to_string()
    }
}

/// A pull spec: a repository with a tag, a digest, or neither (which means `latest`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    /// Where the image is.
    pub repository: ImageRepository,
    /// The tag; dropped when a digest is given as well (as upstream does).
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// The tag asked for when no digest is given.
    pub fn tag_or_latest(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }

    /// Whether the reference names a registry at all.
    pub fn has_registry(&self) -> bool {
        self.repository.registry.is_some()
    }
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {why}")]
pub struct ReferenceError {
    text: String,
    why: String,
}

impl ReferenceError {
    fn new(text: &str, why: impl Into<String>) -> Self {
        match login(text) {
            Some(rest) => Self {
                text: format!("[redacted]@{rest}").chars().take(200).collect(),
                why: "leave out user and password; they belong into the settings".to_owned(),
            },
            None => Self {
                text: text.chars().take(200).collect(),
                why: why.into(),
            },
        }
    }
}

/// What follows a user and password, if a text has them where a reference has none.
fn login(text: &str) -> Option<&str> {
    let (before, rest) = text.split_once('@')?;
    let before = before.split_once("://").map_or(before, |(_, login)| login);
    let is_digest = rest.starts_with("sha256:") || rest.starts_with("sha512:");
    (!is_digest && before.contains(':') && !before.contains('/')).then_some(rest)
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    /// The grammar of distribution's reference package with upstream's traps (imagestreams 1.4): a first component
    /// with a dot or colon, or `localhost`, is a registry; such a component alone is a registry without a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |why: &str| Err(ReferenceError::new(text, why));
        if text.is_empty() || text.len() > 1024 {
            return fail("it is empty or too long");
        }
        if text.contains("://") {
            return fail("leave out the scheme; write registry/repository:tag");
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest: Digest = digest
                    .parse()
                    .map_err(|e| ReferenceError::new(text, format!("{e}")))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (name, tag) = split_tag(rest);
        if let Some(tag) = tag
            && tag.parse::<super::name::TagName>().is_err()
        {
            return fail("its tag is not valid: letters, digits, `_`, `.` and `-`, at most 128");
        }
        let repository = parse_repository(text, name)?;
        let tag = if digest.is_some() {
            None
        } else {
            tag.map(str::to_owned)
        };
        Ok(Self {
            repository,
            tag,
            digest,
        })
    }
}

fn split_tag(text: &str) -> (&str, Option<&str>) {
    let last_slash = text.rfind('/').map_or(0, |i| i + 1);
    match text[last_slash..].find(':') {
        // A colon in a sole component may also be a port (`localhost:5000`), but then no name is left: a tag it is.
        Some(colon) => (
            &text[..last_slash + colon],
            Some(&text[last_slash + colon + 1..]),
        ),
        None => (text, None),
    }
}

fn parse_repository(text: &str, name: &str) -> Result<ImageRepository, ReferenceError> {
    let looks_like_registry = |part: &str| {
        part.contains('.')
            || part.contains(':')
            || part == "localhost"
            || part.bytes().any(|b| b.is_ascii_uppercase())
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, path)) if looks_like_registry(first) => (Some(first), path),
        Some(_) => (None, name),
        None if name.contains('.') || name == "localhost" => {
            return Err(ReferenceError::new(
                text,
                "it names a registry but no repository",
            ));
        }
        None => (None, name),
    };
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ReferenceError::new(
            text,
            "a repository is written in lower case",
        ));
    }
    if path.is_empty() || !path.split('/').all(is_path_component) {
        return Err(ReferenceError::new(
            text,
            "its repository is not valid: lower-case letters and digits, joined by `.`, `_`, `__` or `-`",
        ));
    }
    let registry: Option<RegistryHost> = registry
        .map(|host| {
            host.parse()
                .map_err(|_| ReferenceError::new(text, "the registry is not a host name"))
        })
        .transpose()?;
    // Written down it is in lower case, and would then be read as a folder of the default registry.
    if registry
        .as_ref()
        .is_some_and(|host| !looks_like_registry(host.as_str()))
    {
        return Err(ReferenceError::new(
            text,
            "nothing but upper case makes its first part a registry; write the host with its domain or port",
        ));
    }
    let repository = ImageRepository {
        registry,
        path: path.into(),
    };
    // Upstream measures the name with its registry and, on Docker Hub, with the `library/` that is left out.
    let registry = repository.registry.as_ref().map(RegistryHost::as_str);
    let prefix = registry.map_or(0, |host| host.len() + 1);
    if prefix + repository.path().len() > LONGEST_NAME {
        return Err(ReferenceError::new(
            text,
            format!("its name is longer than {LONGEST_NAME} bytes"),
        ));
    }
    Ok(repository)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` (distribution spec).
fn is_path_component(part: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    if bytes.is_empty() || !word(bytes[0]) || !word(bytes[bytes.len() - 1]) {
        return false;
    }
    let mut separator = String::new();
    for &byte in bytes {
        if word(byte) {
            let good = matches!(separator.as_str(), "" | "." | "_" | "__")
                || separator.bytes().all(|b| b == b'-');
            if !good {
                return false;
            }
            separator.clear();
        } else if matches!(byte, b'.' | b'_' | b'-') {
            separator.push(char::from(byte));
        } else {
            return false;
        }
    }
    true
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ImageReference {
    type Error = ReferenceError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(reference: ImageReference) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_as_users_write_them() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, registry, path, tag) in [
            ("mysql", "docker.io", "library/mysql", "latest"),
            ("mysql:8", "docker.io", "library/mysql", "8"),
            ("acme/app:1", "docker.io", "acme/app", "1"),
            ("docker.io/nginx", "docker.io", "library/nginx", "latest"),
            (
                "quay.io/keycloak/keycloak:25.0.2",
                "quay.io",
                "keycloak/keycloak",
                "25.0.2",
            ),
            ("localhost:5000/a/b_c", "localhost:5000", "a/b_c", "latest"),
            (
                "registry:5000/a__b/c--d",
                "registry:5000",
                "a__b/c--d",
                "latest",
            ),
        ] {
            let reference: ImageReference = text.parse().unwrap();
            assert_eq!(reference.repository.registry().as_str(), registry, "{text}");
            assert_eq!(reference.repository.path(), path, "{text}");
            assert_eq!(reference.tag_or_latest(), tag, "{text}");
            assert_eq!(reference.to_string(), text);
        }
        let both: ImageReference = format!("quay.io/a/b:1@{digest}").parse().unwrap();
        assert_eq!(
            both.to_string(),
            format!("quay.io/a/b@{digest}"),
            "tag and digest together keep the digest"
        );
    }

    /// Upstream's rows as `registry | path | tag or digest` behind the text they are read from.
    #[test]
    fn references_are_read_as_upstream_reads_them() {
        const ID: &str = "sha256:3c87c572822935df60f0f5d3665bd376841a7fcfeb806b5f212de6a00e9a7b25";
        let (a63, b182, b231) = ("a".repeat(63), "b".repeat(182), "b".repeat(231));
        let rows = [
            ("foo", "", "foo", ""),
            ("foo:tag", "", "foo", "tag"),
            (ID, "", "sha256", &ID[7..]),
            (&format!("foo@{ID}"), "", "foo", ID),
            ("bar/foo", "", "bar/foo", ""),
            ("bar/foo:tag", "", "bar/foo", "tag"),
            (&format!("bar/foo@{ID}"), "", "bar/foo", ID),
            ("bar/foo/baz", "", "bar/foo/baz", ""),
            ("bar/library/baz", "", "bar/library/baz", ""),
            ("bar/foo/baz:tag", "", "bar/foo/baz", "tag"),
            (&format!("bar/foo/baz@{ID}"), "", "bar/foo/baz", ID),
            ("bar/foo/baz/biz", "", "bar/foo/baz/biz", ""),
            ("bar:5000/foo/baz", "bar:5000", "foo/baz", ""),
            ("bar:5000/library/baz", "bar:5000", "library/baz", ""),
            ("bar:5000/baz", "bar:5000", "baz", ""),
            ("bar:5000/foo/baz:tag", "bar:5000", "foo/baz", "tag"),
            (&format!("bar:5000/foo/baz@{ID}"), "bar:5000", "foo/baz", ID),
            ("myregistry.io/foo", "myregistry.io", "foo", ""),
            ("localhost/bar", "localhost", "bar", ""),
            ("localhost:5000/org", "localhost:5000", "org", ""),
            ("quay.io/org", "quay.io", "org", ""),
            ("docker.io/library/myapp", "docker.io", "library/myapp", ""),
            ("docker.io/myapp", "docker.io", "myapp", ""),
            ("docker.io/user/myapp", "docker.io", "user/myapp", ""),
            (
                "docker.io/user/project/myapp",
                "docker.io",
                "user/project/myapp",
                "",
            ),
            ("index.docker.io/bar", "index.docker.io", "bar", ""),
            (
                &format!("bar:5000/{a63}/{b182}:tag"),
                "bar:5000",
                &format!("{a63}/{b182}"),
                "tag",
            ),
            (
                &format!("docker.io/library/{b231}:tag"),
                "docker.io",
                &format!("library/{b231}"),
                "tag",
            ),
            (&format!("docker.io/{b231}:tag"), "docker.io", &b231, "tag"),
        ];
        for (text, registry, path, version) in rows {
            let read: ImageReference = text.parse().unwrap();
            let digest = read.digest.as_ref().map(Digest::as_str);
            let found = (
                read.repository.registry.as_ref().map_or("", |r| r.as_str()),
                &*read.repository.path,
                digest.or(read.tag.as_deref()).unwrap_or(""),
            );
            assert_eq!(found, (registry, path, version), "{text}");
        }
        let refused = [
            // Upstream takes the two for a registry alone, in which no image is.
            "quay.io",
            "localhost:5000",
            &format!("bar:5000/{a63}/{b182}b:tag"),
            &format!("docker.io/{}:tag", "b".repeat(246)),
            "registry.io/foo/bar/:Tag",
            "https://bar:5000/foo/baz",
            &format!("http://bar:5000/foo/baz@{ID}"),
            "registry:3000/integration/imageStream:success",
            "registry:5000/integration/test-image-stream@sha256:00000000000000000000000000000001",
            "abc@badid",
            "index.docker.io/mysql@sha256:bad",
            &format!("@{ID}"),
            ":tag",
            "bar/foo/baz////biz",
            "//foo/baz/biz",
            "ftp://baz/baz/biz",
            "",
        ];
        for text in refused {
            assert!(text.parse::<ImageReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_reason() {
        let short = format!("a@sha256:{}", "a".repeat(32));
        for (text, why) in [
            ("quay.io", "no repository"),
            ("my.app:1.0", "no repository"),
            ("localhost", "no repository"),
            ("https://quay.io/a", "scheme"),
            ("quay.io/Acme/app", "lower case"),
            ("a..b/c", "registry is not"),
            ("quay.io/a___b", "repository is not valid"),
            ("quay.io/a:", "tag"),
            ("", "empty"),
            (short.as_str(), "digits"),
            ("quay.io/../x", "repository is not valid"),
            ("-bad.io/x", "host name"),
            ("REGISTRY/app", "upper case"),
        ] {
            let error = text.parse::<ImageReference>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(
            format!("q.io/{}", "a".repeat(256))
                .parse::<ImageReference>()
                .is_err()
        );
    }
}
