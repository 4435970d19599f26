//! Whom commits are by that GitHub makes in our name: the owner of the token, by an address that GitHub gave.

use serde::Deserialize;
use serde_json::Value;

use super::GitHubForge;
use super::graphql::Answer;
use super::why::refused;
use crate::forge::error::ForgeError;
use crate::forge::types::Author;

const QUERY: &str = "{ viewer { login databaseId email } }";
const WHAT: &str = "say whom our commits are by";
const BOT: &str = "[bot]";
/// The account of a workflow's own token on github.com (GitHub's documentation, "Automatic token authentication").
const ACTIONS: (&str, u64) = ("github-actions", 41_898_282);

#[derive(Debug, Clone, Deserialize)]
struct Data {
    viewer: Viewer,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Viewer {
    login: String,
    #[serde(default)]
    database_id: Option<u64>,
    /// As the profile shows it.
    #[serde(default)]
    email: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Account {
    id: u64,
}

impl GitHubForge {
    /// Asked for once. A bot has one address; a person may have chosen another one, so a first commit tells for certain.
    pub(super) async fn author_of_ours(&self) -> Result<Author, ForgeError> {
        let mut known = self.author.lock().await;
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        let author = match self.login.app() {
            Some(app) => {
                let installed = app.installed(&self.http).await;
                let installed = installed.map_err(|stopped| refused(WHAT, &stopped))?;
                let login = installed.login();
                let route = format!("/users/{}", login.replace('[', "%5B").replace(']', "%5D"));
                let account: Account = self.client.get(WHAT, &route, &[]).await?;
                self.bot(login, account.id)
            }
            None => {
                let answer: Answer<Data> = self.client.query(WHAT, QUERY, &Value::Null).await?;
                self.viewer(answer.data(WHAT)?.viewer)
            }
        };
        *known = Some(author.clone());
        Ok(author)
    }

    fn bot(&self, login: String, id: u64) -> Author {
        Author {
            emails: vec![self.address(&login, id)],
            name: login,
            sure: self.noreply_sure,
        }
    }

    fn viewer(&self, viewer: Viewer) -> Author {
        let Viewer { login, .. } = viewer;
        let actions = login.trim_end_matches(BOT) == ACTIONS.0;
        let id = viewer.database_id.unwrap_or(ACTIONS.1);
        if actions || login.ends_with(BOT) {
            return self.bot(format!("{}{BOT}", login.trim_end_matches(BOT)), id);
        }
        let shown = viewer.email.filter(|email| !email.is_empty());
        Author {
            emails: std::iter::once(self.address(&login, id))
                .chain(shown)
                .collect(),
            name: login,
            sure: false,
        }
    }

    /// The address that GitHub gives an account.
    fn address(&self, login: &str, id: u64) -> String {
        let domain = self.noreply.rsplit('@').next().unwrap_or_default();
        format!("{id}+{login}@users.noreply.{domain}")
    }
}
