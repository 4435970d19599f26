//! Teams, as rules name them (`@org/team`): who is in one is GitHub's word, read when somebody's approval depends on it.

use super::GitHubForge;
use super::wire::User;
use crate::forge::error::ForgeError;

impl GitHubForge {
    /// Members of a team; `None` where there is no such team, or the token may not see who is in it.
    pub(super) async fn team(&self, team: &str) -> Result<Option<Vec<String>>, ForgeError> {
        let Some((organization, slug)) = parts(team) else {
            return Ok(None);
        };
        let what = format!("list the members of {team}");
        let route = format!("/orgs/{organization}/teams/{slug}/members");
        let hundred = [("per_page", "100")];
        let members = self
            .client
            .list::<User>(&what, &route, &hundred)
            .all()
            .await;
        let members = match members {
            Err(ForgeError::Api {
                reason: "NotFound" | "Forbidden",
                ..
            }) => return Ok(None),
            members => members?,
        };
        let logins = members.into_iter().map(|user| format!("@{}", user.login));
        Ok(Some(logins.collect()))
    }
}

/// Organization and short name of a team. What holds anything else than letters, digits and dashes names none: it becomes
/// part of an address.
fn parts(team: &str) -> Option<(&str, &str)> {
    let (organization, slug) = team.strip_prefix('@')?.split_once('/')?;
    let word = |word: &str| {
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !word.is_empty() && word.len() <= 100 && word.bytes().all(letters)
    };
    (word(organization) && word(slug)).then_some((organization, slug))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_teams_become_addresses() {
        assert_eq!(parts("@acme/release"), Some(("acme", "release")));
        for none in [
            "@acme",
            "acme/release",
            "@acme/../x",
            "@acme/a/b",
            "@/x",
            "@acme/x?y",
            "ann@x/y",
        ] {
            assert_eq!(parts(none), None, "{none}");
        }
    }
}
