//! Git beside REST: pushes with tokens, refs and commits.

use octocrab::params::repos::Reference;

use super::{BOT, BRANCH, refused, world};
use crate::support::git_http::git;
use crate::support::github::Protection;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_with_a_token_moves_the_head_of_its_pull_request() {
    let (github, _) = world().await;
    let number = github.open(BRANCH, "Promote", BOT);
    let place = github.folder().join("clone");
    let url = github.git_url_as(&github.token(BOT));
    git(
        github.folder(),
        &["clone", "-q", "-b", BRANCH, &url, "clone"],
    );
    std::fs::write(place.join("a.yaml"), "a: 5\n").unwrap();
    git(&place, &["commit", "-qam", "five"]);
    git(&place, &["push", "-q", "origin", BRANCH]);
    let head = git(&place, &["rev-parse", "HEAD"]);
    assert_eq!(github.pull(number).head_sha, head);
    let bare = github.bare();
    let pull = format!("refs/pull/{number}/head");
    assert_eq!(git(bare, &["rev-parse", &pull]), head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_do_not_push_and_nobody_pushes_to_a_protected_branch() {
    let (github, _) = world().await;
    let pushes = |login: &str| {
        let url = github.git_url_as(&github.token(login));
        let refspec = format!("{BRANCH}:main");
        let output = std::process::Command::new("git")
            .current_dir(github.bare())
            .args(["push", "-q", &url, &refspec])
            .output();
        let output = output.unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert!(!pushes("rita").0);
    let (done, words) = pushes("nobody");
    assert!(!done && words.contains("not found"), "{words}");
    let protection = Protection {
        approvals: Some(1),
        ..Protection::default()
    };
    github.protect("main", Some(protection));
    let (done, words) = pushes(BOT);
    assert!(
        !done && words.contains("Protected branch update failed"),
        "{words}"
    );
    assert!(pushes("mara").0, "admins are not bound");
}

#[tokio::test]
async fn refs_are_made_moved_and_taken_away() {
    let (github, client) = world().await;
    let repo = client.repos("acme", "deploy");
    let main = github.head("main").unwrap();
    let branch = |name: &str| Reference::Branch(name.to_owned());
    repo.create_ref(&branch("new"), main.clone()).await.unwrap();
    let twice = refused(repo.create_ref(&branch("new"), main.clone()).await);
    assert_eq!(twice.message, "Reference already exists");
    let found = repo.get_ref(&branch(BRANCH)).await.unwrap();
    let text = format!("{:?}", found.object);
    assert!(text.contains(&github.head(BRANCH).unwrap()), "{text}");
    repo.delete_ref(&branch("new")).await.unwrap();
    let gone = refused(repo.get_ref(&branch("new")).await);
    assert_eq!(gone.status_code, 404);
    assert_eq!(github.head("new"), None);
}
