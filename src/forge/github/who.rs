//! Who we are at GitHub: our own word is nobody's approval.

use serde::Deserialize;
use serde_json::Value;

use super::GitHubForge;
use super::why::refused;
use super::wire::User;
use crate::forge::error::ForgeError;
use crate::forge::types::PullRequest;

/// What GraphQL says of whoever asks; of another App's token too, which REST tells nothing of.
const QUERY: &str = "{ viewer { login } }";

const WHAT: &str = "say who we are";

#[derive(Debug, Clone, Deserialize)]
struct Answer {
    data: Option<Data>,
}

#[derive(Debug, Clone, Deserialize)]
struct Data {
    viewer: User,
}

impl GitHubForge {
    /// Our login; `None` where GitHub does not tell. Asked for once.
    pub(super) async fn who(&self) -> Result<Option<String>, ForgeError> {
        let ask = async || {
            if let Some(app) = self.login.app() {
                let installed = app.installed(&self.http).await;
                let installed = installed.map_err(|stopped| refused(WHAT, &stopped))?;
                return Ok(Some(installed.login()));
            }
            match self.client.query::<Answer>(WHAT, QUERY, &Value::Null).await {
                Ok(answer) => Ok(answer.data.map(|data| data.viewer.login)),
                Err(error) if error.is_transient() => Err(error),
                Err(_) => Ok(None),
            }
        };
        Ok(self.who.get_or_try_init(ask).await?.clone())
    }

    /// Takes our own approvals away.
    pub(super) async fn without_us(&self, pulls: &mut [PullRequest]) -> Result<(), ForgeError> {
        if pulls.iter().all(|pull| pull.approvals.is_empty()) {
            return Ok(());
        }
        let Some(us) = self.who().await? else {
            return Ok(());
        };
        let ours = format!("@{us}");
        for pull in pulls {
            pull.approvals
                .retain(|approval| !approval.who.eq_ignore_ascii_case(&ours));
        }
        Ok(())
    }
}
