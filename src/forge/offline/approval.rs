//! One approval: a commit whose message names the full head, by somebody who may have signed it.

use std::path::Path;

use ssh_key::public::KeyData;
use ssh_key::{PublicKey, SshSig};

use super::document::one_line;
use super::signers::Signers;
use crate::config::forge::Trust;
use crate::forge::error::ForgeError;
use crate::forge::types::Approval;
use crate::git::{NAMESPACE, SignedCommit, SigningKey};
use crate::model::{CommitId, Timestamp};

const VERB: &str = "approve ";

/// What an approval's commit says, and which key stands behind it. It depends on the commit alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) head: CommitId,
    email: String,
    at: Timestamp,
    signed_by: Result<KeyData, String>,
}

/// The message of an approval.
pub(super) fn message(head: &CommitId) -> String {
    format!("{VERB}{head}\n")
}

impl Statement {
    /// Reads an approval. Head and time are taken from the signed bytes themselves.
    pub(super) fn read(commit: &SignedCommit) -> Result<Self, String> {
        let text = std::str::from_utf8(&commit.payload)
            .map_err(|_| "the approval is not UTF-8".to_owned())?;
        let (headers, message) = text
            .split_once("\n\n")
            .ok_or("the approval has no message")?;
        let head = message
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(VERB))
            .and_then(|id| id.trim_end().parse().ok())
            .ok_or("the approval does not begin with `approve` and a full commit id")?;
        let at = headers
            .lines()
            .find(|line| line.starts_with("committer "))
            .and_then(|line| line.rsplit(' ').nth(1))
            .and_then(|seconds| seconds.parse().ok())
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .ok_or("the approval has no time")?;
        Ok(Self {
            head,
            email: one_line(&commit.info.author.email),
            at,
            signed_by: signing_key(commit),
        })
    }

    /// What it is worth. `head_made` is when the approved head was made, where that is known: nobody can have approved
    /// it earlier, so a key that was not valid then does not become so by an older date.
    pub(super) fn judge(
        &self,
        trust: Trust,
        signers: &Signers,
        head_made: Option<Timestamp>,
    ) -> Approval {
        let verdict = match (trust, &self.signed_by) {
            (Trust::Push, _) => Ok(self.email.clone()),
            (Trust::Signed, Err(why)) => Err(why.clone()),
            (Trust::Signed, Ok(key)) => signers
                .whose(key, head_made.map_or(self.at, |made| made.max(self.at)))
                .map(str::to_owned),
        };
        let (who, authentic, note) = match verdict {
            Ok(who) => (who, true, None),
            Err(why) => (self.email.clone(), false, Some(why)),
        };
        Approval {
            who,
            head: self.head.clone(),
            at: self.at,
            reader: false,
            authentic,
            note,
        }
    }
}

/// The key that provably made the signature, or why there is none.
fn signing_key(commit: &SignedCommit) -> Result<KeyData, String> {
    let Some(signature) = &commit.signature else {
        return Err("not signed".to_owned());
    };
    if !signature.starts_with(b"-----BEGIN SSH SIGNATURE-----") {
        return Err("not signed with an SSH key".to_owned());
    }
    let signature = SshSig::from_pem(signature)
        .map_err(|error| format!("its signature cannot be read: {error}"))?;
    let key = PublicKey::from(signature.public_key().clone());
    key.verify(NAMESPACE, &commit.payload, &signature)
        .map_err(|error| format!("its signature is not valid: {error}"))?;
    Ok(signature.public_key().clone())
}

/// Signs a commit's bytes with a private key file.
pub(super) async fn sign(path: &Path, payload: &[u8]) -> Result<String, ForgeError> {
    let (path, payload) = (path.to_owned(), payload.to_owned());
    let fail = {
        let path = path.clone();
        move |problem: String| ForgeError::Key { path, problem }
    };
    let signed = tokio::task::spawn_blocking(move || SigningKey::read(&path)?.sign(&payload));
    match signed.await {
        Ok(signed) => signed.map_err(fail),
        Err(error) => Err(fail(format!("signing stopped: {error}"))),
    }
}
