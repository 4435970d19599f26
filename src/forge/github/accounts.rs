//! Accounts behind the e-mail addresses of commits: by GitHub's own addresses, else by what GitHub says of a commit that
//! bears the address.

use super::GitHubForge;
use super::wire::Authored;
use crate::forge::error::ForgeError;

impl GitHubForge {
    /// `@login`; `None` where no commit of the repository tells.
    pub(super) async fn account_of(&self, email: &str) -> Result<Option<String>, ForgeError> {
        if email.starts_with('@') {
            return Ok(Some(email.to_owned()));
        }
        if let Some(login) = of_noreply(email) {
            return Ok(Some(format!("@{login}")));
        }
        let key = email.to_lowercase();
        if let Some(known) = self.accounts.lock().await.get(&key) {
            return Ok(Some(known.clone()));
        }
        let parameters = [("author", email), ("per_page", "1")];
        let what = format!("say whose address {email} is");
        let route = self.route("/commits");
        let commits: Vec<Authored> = self.client.get(&what, &route, &parameters).await?;
        let author = commits.into_iter().next().and_then(|commit| {
            // GitHub leaves out a filter that it does not understand.
            let same = commit.commit.author?.email?.eq_ignore_ascii_case(email);
            commit.author.filter(|_| same)
        });
        let Some(author) = author else {
            return Ok(None);
        };
        let account = format!("@{}", author.login);
        self.accounts.lock().await.insert(key, account.clone());
        Ok(Some(account))
    }
}

/// The account of an address that GitHub gave (`ID+LOGIN@users.noreply.HOST`, of old without `ID+`).
fn of_noreply(email: &str) -> Option<&str> {
    let (name, host) = email.split_once('@')?;
    if !host.to_lowercase().starts_with("users.noreply.") {
        return None;
    }
    let login = name.split_once('+').map_or(name, |(_, login)| login);
    (!login.is_empty()).then_some(login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_own_addresses_name_their_accounts() {
        for (email, login) in [
            ("1001+mara@users.noreply.github.com", Some("mara")),
            ("mara@users.noreply.ghe.example", Some("mara")),
            (
                "41898282+github-actions[bot]@users.noreply.github.com",
                Some("github-actions[bot]"),
            ),
            ("noreply@github.com", None),
            ("mara@example.com", None),
            ("1001+@users.noreply.github.com", None),
        ] {
            assert_eq!(of_noreply(email), login, "{email}");
        }
    }
}
