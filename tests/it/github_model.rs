//! The model of GitHub itself, through the real client: it behaves as GitHub does where others rely on it.

mod checks;
mod git;
mod graphql;
mod people;
mod pulls;
mod traffic;

use octocrab::{Error, GitHubError, Octocrab};

use crate::support::github::GitHub;

const BOT: &str = "headwater-bot";
const BRANCH: &str = "headwater/promote/myapp/prod/1a2b3c4d";

/// A repository with the files `a.yaml` and `b.yaml`, a branch that changes `a.yaml`, and a client.
async fn world() -> (GitHub, Octocrab) {
    let github = GitHub::with(&[("a.yaml", "a: 1\n"), ("b.yaml", "b: 1\n")]).await;
    github.push(BRANCH, &[("a.yaml", "a: 2\n")], BOT);
    let client = github.client(&github.token(BOT));
    (github, client)
}

/// The error that GitHub answered.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> GitHubError {
    match result.unwrap_err() {
        Error::GitHub { source, .. } => *source,
        other => panic!("not an answer of GitHub's: {other}"),
    }
}
