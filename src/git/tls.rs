//! The HTTP client for Git servers: time limits, whom it trusts, and what a certificate that fails means in words.

use std::error::Error;
use std::path::Path;

use reqwest::{Certificate, Client};

use super::error::{GitError, clean};
use crate::config::git::GitSettings;

/// The largest file of certificates that is read, in bytes.
const MAX_CA_FILE: u64 = 16 << 20;

/// A client that follows no redirect by itself and trusts the system's authorities and those of `git.caFile`.
pub(super) fn client(settings: &GitSettings) -> Result<Client, GitError> {
    let mut builder = Client::builder()
        .user_agent(concat!(
            "git/2.0 (headwater ",
            env!("CARGO_PKG_VERSION"),
            ")"
        ))
        .connect_timeout(settings.timeouts.connect.as_std())
        .read_timeout(settings.timeouts.read.as_std())
        .timeout(settings.timeouts.total.as_std())
        .redirect(reqwest::redirect::Policy::none())
        .referer(false);
    if let Some(file) = &settings.ca_file {
        builder = builder.tls_certs_merge(certificates(file)?);
    }
    builder.build().map_err(|error| {
        GitError::Invalid(format!(
            "the HTTP client cannot be set up: {}",
            causes(&error)
        ))
    })
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, GitError> {
    let bad = |why: String| {
        GitError::Invalid(format!(
            "`git.caFile` names `{}`, which cannot be used: {why}",
            file.display()
        ))
    };
    let size = std::fs::metadata(file)
        .map_err(|error| bad(error.to_string()))?
        .len();
    if size > MAX_CA_FILE {
        return Err(bad(format!("it has more than {MAX_CA_FILE} bytes")));
    }
    let pem = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
    let bundle = Certificate::from_pem_bundle(&pem).map_err(|error| bad(causes(&error)))?;
    if bundle.is_empty() {
        return Err(bad("it holds no PEM certificate".to_owned()));
    }
    Ok(bundle)
}

/// The innermost cause of a network error; the outer ones only repeat the address.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    clean(&innermost.to_string(), 300)
}

/// What a failed handshake means and what to do, if `cause` tells of one. Asking again does not mend any of them.
pub(super) fn words(cause: &str) -> Option<String> {
    let known = [
        (
            "CaUsedAsEndEntity",
            "its certificate is an authority's own, used as a server certificate; give the server a certificate issued by that authority and name the authority in `git.caFile`",
        ),
        (
            "UnknownIssuer",
            "its certificate comes from an unknown authority; name that authority's PEM file in `git.caFile`",
        ),
        (
            "BadSignature",
            "its certificate names an authority that is trusted, but another key signed it; if that authority was renewed, name its new PEM file in `git.caFile`",
        ),
        (
            "Expired",
            "its certificate has expired; renew it on the server",
        ),
        (
            "expired",
            "its certificate has expired; renew it on the server",
        ),
        (
            "NotValidYet",
            "its certificate is not valid yet; look at the clocks on both sides",
        ),
        (
            "not valid yet",
            "its certificate is not valid yet; look at the clocks on both sides",
        ),
        (
            "NotValidForName",
            "its certificate is for another host; use the name that it bears, or renew it with this one",
        ),
        (
            "not valid for name",
            "its certificate is for another host; use the name that it bears, or renew it with this one",
        ),
        (
            "InvalidContentType",
            "it does not speak TLS on this port; write http:// if that is meant",
        ),
        (
            "ProtocolVersion",
            "it speaks no TLS version that is still considered safe",
        ),
    ];
    if let Some((_, words)) = known.iter().find(|(mark, _)| cause.contains(mark)) {
        return Some((*words).to_owned());
    }
    let marks = [
        "invalid peer certificate",
        "received fatal alert",
        "peer is incompatible",
    ];
    let mark = marks.iter().find_map(|mark| cause.find(mark))?;
    Some(cause[mark..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_that_fail_are_told_with_what_to_do() {
        for (cause, word) in [
            ("invalid peer certificate: UnknownIssuer", "`git.caFile`"),
            ("invalid peer certificate: Expired", "renew"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for \"b\"",
                "another host",
            ),
            (
                "received corrupt message of type InvalidContentType",
                "http://",
            ),
            ("received fatal alert: AccessDenied", "AccessDenied"),
        ] {
            let said = words(cause).unwrap();
            assert!(said.contains(word), "{cause}: {said}");
        }
        assert_eq!(words("Connection refused (os error 111)"), None);
    }
}
