//! What people do beside the client, and what it sees of that.

use octocrab::models::pulls::ReviewState;
use serde_json::{Value, json};

use super::{BOT, BRANCH, refused, world};
use crate::support::github::{GitHub, Method, Permission, Protection};

#[tokio::test]
async fn reviews_have_a_last_word_and_can_be_dismissed() {
    let (github, client) = world().await;
    github.add_user("ines", Permission::Write);
    let number = github.open(BRANCH, "Promote", BOT);
    github.request_changes(number, "mara");
    let approval = github.approve(number, "mara");
    github.request_changes(number, "ines");
    let pull = github.pull(number);
    let verdicts: Vec<_> = pull.verdicts().into_iter().collect();
    assert_eq!(verdicts, [("ines", false), ("mara", true)]);
    github.dismiss(number, approval, "otto");
    let pulls = client.pulls("acme", "deploy");
    let reviews = pulls.list_reviews(number).send().await.unwrap().items;
    let states: Vec<_> = reviews.iter().filter_map(|review| review.state).collect();
    let expected = [
        ReviewState::ChangesRequested,
        ReviewState::Dismissed,
        ReviewState::ChangesRequested,
    ];
    assert_eq!(states, expected);
    let heads = reviews
        .iter()
        .map(|review| review.commit_id.clone().unwrap());
    assert!(heads.eq([pull.head_sha.clone(), pull.head_sha.clone(), pull.head_sha]));
}

#[tokio::test]
async fn texts_labels_and_comments_are_everybodys_to_change() {
    let (github, client) = world().await;
    let number = github.open(BRANCH, "Promote", BOT);
    github.edit_title(number, "mara", "Promote, please");
    github.edit_body(number, "mara", "By hand");
    github.comment(number, "rita", "When?");
    github.label(number, "mara", &["Promotion"]);
    let issues = client.issues("acme", "deploy");
    issues
        .add_labels(number, &["promotion".to_owned(), "prod".to_owned()])
        .await
        .unwrap();
    assert_eq!(
        github.pull(number).labels,
        ["Promotion", "prod"],
        "case does not matter"
    );
    issues
        .replace_all_labels(number, &["prod".to_owned()])
        .await
        .unwrap();
    let comment = issues.create_comment(number, "Soon").await.unwrap();
    issues.update_comment(comment.id, "Now").await.unwrap();
    let comments = issues.list_comments(number).send().await.unwrap().items;
    let bodies: Vec<_> = comments.iter().filter_map(|c| c.body.as_deref()).collect();
    assert_eq!(bodies, ["When?", "Now"]);
    let pull = client.pulls("acme", "deploy").get(number).await.unwrap();
    assert_eq!(pull.title.as_deref(), Some("Promote, please"));
    assert_eq!(pull.body.as_deref(), Some("By hand"));
    github.label(number, "mara", &[]);
    assert_eq!(github.pull(number).labels, Vec::<String>::new());
    assert_eq!((github.writing(), github.content()), (4, 1));
}

#[tokio::test]
async fn the_base_is_merged_into_a_branch_that_fell_behind() {
    let (github, client) = world().await;
    let strict = Protection {
        strict: true,
        enforce_admins: true,
        ..Protection::default()
    };
    github.protect("main", Some(strict));
    let number = github.open(BRANCH, "Promote", BOT);
    github.push("main", &[("b.yaml", "b: 2\n")], "mara");
    let pulls = client.pulls("acme", "deploy");
    let word = async || pulls.get(number).await.unwrap().mergeable_state;
    assert_eq!(
        word().await,
        Some(octocrab::models::pulls::MergeableState::Behind)
    );
    let head = github.update_branch(number, "mara");
    assert_eq!(github.head(BRANCH), Some(head));
    assert_eq!(
        word().await,
        Some(octocrab::models::pulls::MergeableState::Clean)
    );
    let again = pulls.update_branch(number).await.unwrap();
    assert!(!again, "there is nothing new");
    github.protect("main", None);
}

#[tokio::test]
async fn a_closed_pull_request_is_opened_again_and_a_merged_branch_goes_if_so_set() {
    let (github, _) = world().await;
    let number = github.open(BRANCH, "Promote", BOT);
    github.close(number, "mara");
    github.push(BRANCH, &[("a.yaml", "a: 7\n")], BOT);
    assert_ne!(
        Some(github.pull(number).head_sha),
        github.head(BRANCH),
        "untouched while closed"
    );
    github.reopen(number, "mara");
    assert_eq!(Some(github.pull(number).head_sha), github.head(BRANCH));
    github.delete_merged_branches(true);
    github.allow_methods(&[Method::Squash]);
    let client = github.client(&github.token("mara"));
    let merge = client.pulls("acme", "deploy").merge(number).send().await;
    let refusal = refused(merge);
    assert_eq!(
        refusal.message,
        "Merge commits are not allowed on this repository."
    );
    github.merge_by(number, "mara", Method::Squash);
    assert_eq!(github.head(BRANCH), None);
}

#[tokio::test]
async fn reviewers_are_people_and_teams_who_may_read() {
    let (github, client) = world().await;
    github.team("release", &["mara", "otto"]);
    let number = github.open(BRANCH, "Promote", BOT);
    let pulls = client.pulls("acme", "deploy");
    let ask = |who: &str| pulls.request_reviews(number, [who.to_owned()], ["release".to_owned()]);
    assert_eq!(refused(ask(BOT).await).status_code, 422, "not the author");
    assert_eq!(refused(ask("nobody").await).status_code, 422);
    ask("mara").await.unwrap();
    assert_eq!(github.pull(number).reviewers, ["mara"]);
    github.approve(number, "mara");
    assert_eq!(github.pull(number).reviewers, Vec::<String>::new());
    let members: Value = client
        .get("/orgs/acme/teams/release/members", None::<&()>)
        .await
        .unwrap();
    assert_eq!(members[1]["login"], "otto");
    let path = "/repos/acme/deploy/collaborators/mara/permission";
    let permission: Value = client.get(path, None::<&()>).await.unwrap();
    assert_eq!(permission["permission"], "admin");
}

#[tokio::test]
async fn time_passes_when_it_is_told_to() {
    let github = GitHub::start().await;
    let begin = github.now();
    github.push("topic", &[("a", "1")], BOT);
    let number = github.open("topic", "Topic", BOT);
    github.advance("2h");
    github.close(number, "mara");
    let pull = github.pull(number);
    assert_eq!(pull.created, begin);
    assert_eq!(pull.closed.unwrap().as_second() - begin.as_second(), 7200);
    github.set_time(begin);
    assert_eq!(github.now(), begin);
    let client = github.client(&github.token("mara"));
    let shown: Value = client
        .get("/repos/acme/deploy/pulls/1", None::<&()>)
        .await
        .unwrap();
    assert_eq!(shown["created_at"], json!("2026-01-05T09:00:00Z"));
}
