//! Docker credential helpers: programs of the operator's that keep credentials elsewhere.

use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::credentials::CredentialKind;

/// The longest a helper may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of a helper's answer.
const MAX_ANSWER: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    username: String,
    secret: String,
}

/// Asks `docker-credential-<name>` about a server; `None` if it knows nothing. Errors hold no output of the helper.
pub(super) async fn ask(name: &str, server: &str) -> Result<Option<CredentialKind>, String> {
    let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 100 || !name.bytes().all(word) {
        return Err("the docker configuration names a helper that is no plain word".to_owned());
    }
    let program = format!("docker-credential-{name}");
    let bad = |why: &str| format!("`{program}` {why}");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| bad(&format!("cannot be started: {e}")))?;
    let talk = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A helper may answer without reading; only its answer counts.
            let _ = stdin.write_all(server.as_bytes()).await;
        }
        let mut bytes = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_ANSWER).read_to_end(&mut bytes).await?;
        }
        Ok::<_, std::io::Error>((SecretSlice::from(bytes), child.wait().await?))
    };
    let (answer, status) = match tokio::time::timeout(PATIENCE, talk).await {
        Err(_) => return Err(bad("did not answer in 10 s")),
        Ok(Err(e)) => return Err(bad(&format!("cannot be talked to: {e}"))),
        Ok(Ok(done)) => done,
    };
    if !status.success() {
        let nothing =
            String::from_utf8_lossy(answer.expose_secret()).contains("credentials not found");
        return if nothing {
            Ok(None)
        } else {
            Err(bad("failed"))
        };
    }
    let told: Told = serde_json::from_slice(answer.expose_secret())
        .map_err(|_| bad("answered with something else than a credential"))?;
    let secret = SecretString::from(told.secret);
    Ok(Some(match told.username.as_str() {
        "<token>" => CredentialKind::Identity(secret),
        _ => CredentialKind::Password(told.username, secret),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_plain_words_are_started() {
        for bad in ["", "../../bin/sh", "a b", "a;b"] {
            assert!(
                ask(bad, "quay.io")
                    .await
                    .unwrap_err()
                    .contains("no plain word"),
                "{bad}"
            );
        }
        let error = ask("that-nobody-has", "quay.io").await.unwrap_err();
        assert!(error.contains("cannot be started"), "{error}");
    }
}
