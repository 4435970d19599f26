//! A deployment as a forge shows it: that a set came into an environment, by which commit of the base, and how it fares.

use serde::{Deserialize, Serialize};

use super::object::hash16;
use super::{CommitId, Name, SetId, StageKey};

/// Characters of a description: GitHub takes so many.
const WORDS: usize = 140;

/// Where something is deployed: several stages may lead to one environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentPlace {
    /// The environment.
    pub environment: Name,
    /// The stage that leads there.
    pub stage: StageKey,
}

/// One set that came into one environment by one move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// By which it is found again.
    pub key: String,
    /// Where.
    pub place: DeploymentPlace,
    /// What.
    pub set: SetId,
    /// The commit of the base that made it current there.
    pub commit: CommitId,
    /// The same for people, one line: `myapp 1.4.2 to prod`.
    pub title: String,
}

/// How a deployment fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeploymentState {
    /// Nobody has said yet that it runs.
    InProgress,
    /// It is there.
    Success,
    /// Somebody said that it does not run.
    Failure,
    /// Another one took its place.
    Inactive,
}

impl Deployment {
    /// Of a set in a place, which people call by this version.
    pub fn of(place: DeploymentPlace, set: SetId, commit: CommitId, version: &str) -> Self {
        let DeploymentPlace { environment, stage } = &place;
        let title = line(&format!("{} {version} to {environment}", stage.pipeline));
        let key = hash16(&format!(
            "deployment\n{environment}\n{stage}\n{set}\n{commit}"
        ));
        Self {
            key,
            place,
            set,
            commit,
            title,
        }
    }
}

impl DeploymentState {
    /// The word for it, which is GitHub's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Inactive => "inactive",
        }
    }

    /// Whether nothing comes after it. What failed may still come up.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Inactive)
    }
}

/// Words on one line, of a length that a forge takes, without what only looks like a letter.
pub fn line(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    line.chars().filter(|c| !hidden(*c)).take(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(environment: &str, commit: char, version: &str) -> Deployment {
        let place = DeploymentPlace {
            environment: environment.parse().unwrap(),
            stage: "myapp/prod".parse().unwrap(),
        };
        let set = "a".repeat(64).parse().unwrap();
        let commit = commit.to_string().repeat(40).parse().unwrap();
        Deployment::of(place, set, commit, version)
    }

    #[test]
    fn each_place_and_each_move_has_a_key_of_its_own_whatever_the_version_is_called() {
        let one = of("prod", 'b', "1.4.2");
        assert_eq!(one.title, "myapp 1.4.2 to prod");
        assert_eq!(one.key, of("prod", 'b', "main").key);
        assert_ne!(one.key, of("prod", 'c', "1.4.2").key);
        assert_ne!(one.key, of("prod-us", 'b', "1.4.2").key);
    }

    #[test]
    fn words_are_one_line_without_hidden_letters() {
        let evil = format!("1.0\n\u{1b}[31m\u{202e} {}", "x".repeat(500));
        let title = of("prod", 'b', &evil).title;
        assert_eq!(title.chars().count(), WORDS);
        assert!(!title.contains(['\n', '\u{1b}', '\u{202e}']), "{title}");
    }
}
