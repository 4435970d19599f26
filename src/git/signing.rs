//! Signing with an SSH key as Git does it (`gpg.format = ssh`): commits of ours, and approvals.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use git2::{ErrorClass, ErrorCode};
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey};

/// What Git signs under (sshsig's namespace).
pub const NAMESPACE: &str = "git";
const MAX_KEY_FILE: u64 = 64 << 10;

/// A private key that is never shown.
#[derive(Clone)]
pub struct SigningKey(Arc<PrivateKey>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// Reads a key without a passphrase, in OpenSSH's format.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
        if meta.len() > MAX_KEY_FILE {
            return Err("the file is too large for a key".to_owned());
        }
        let key = PrivateKey::read_openssh_file(path).map_err(|error| {
            match PublicKey::read_openssh_file(path) {
                Ok(_) => "this is a public key, and keys in an agent are not supported: name the private key's file".to_owned(),
                Err(_) => format!("it is not a private key in OpenSSH's format: {error}"),
            }
        })?;
        if key.is_encrypted() {
            return Err(
                "the key has a passphrase, which is not supported: use a key without one"
                    .to_owned(),
            );
        }
        Ok(Self(Arc::new(key)))
    }

    /// The signature over a commit's bytes, as it stands in its header.
    ///
    /// # Errors
    /// When keys of this kind sign nothing here.
    pub fn sign(&self, payload: &[u8]) -> Result<String, String> {
        let signed = self.0.sign(NAMESPACE, HashAlg::Sha512, payload);
        let signed = signed.and_then(|signature| signature.to_pem(LineEnding::LF));
        signed.map_err(|error| format!("{} keys cannot be used here: {error}", self.0.algorithm()))
    }

    /// Stores a commit object with a signature.
    pub(super) fn commit(
        &self,
        repository: &git2::Repository,
        payload: &[u8],
    ) -> Result<git2::Oid, git2::Error> {
        let invalid = |words: &str| git2::Error::new(ErrorCode::Invalid, ErrorClass::Object, words);
        let text = std::str::from_utf8(payload)
            .map_err(|_| invalid("a commit that is to be signed is not UTF-8"))?;
        let signature = self.sign(payload).map_err(|problem| invalid(&problem))?;
        repository.commit_signed(text, signature.trim_end(), None)
    }
}
