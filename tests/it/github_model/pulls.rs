//! Pull requests: opened, listed, reviewed, merged, closed.

use octocrab::models::IssueState;
use octocrab::models::pulls::{MergeableState, ReviewState};
use octocrab::params::State;
use octocrab::params::pulls::{MergeMethod, Sort};

use super::{BOT, BRANCH, refused, world};
use crate::support::github::{Method, Permission, Protection};

#[tokio::test]
async fn a_pull_request_is_opened_once_and_found_by_its_head() {
    let (github, client) = world().await;
    let pulls = client.pulls("acme", "deploy");
    let opened = pulls
        .create("Promote myapp", BRANCH, "main")
        .body("why")
        .send()
        .await
        .unwrap();
    assert_eq!(opened.number, 1);
    assert_eq!(opened.head.sha, github.head(BRANCH).unwrap());
    assert_eq!(opened.mergeable, Some(true));

    let again = refused(pulls.create("Again", BRANCH, "main").send().await);
    assert_eq!(again.status_code, 422);
    let text = format!("{:?}", again.errors);
    let sentence = format!("A pull request already exists for acme:{BRANCH}.");
    assert!(text.contains(&sentence), "{text}");

    let head = format!("acme:{BRANCH}");
    let found = pulls
        .list()
        .state(State::All)
        .head(head)
        .send()
        .await
        .unwrap();
    assert_eq!(found.items.len(), 1);
    let none = pulls.list().head("acme:other").send().await.unwrap();
    assert_eq!(none.items.len(), 0);
}

#[tokio::test]
async fn a_head_that_is_not_there_or_changes_nothing_is_refused() {
    let (github, client) = world().await;
    let pulls = client.pulls("acme", "deploy");
    let missing = refused(pulls.create("x", "not/there", "main").send().await);
    assert_eq!(missing.status_code, 422);
    assert!(
        format!("{:?}", missing.errors).contains("head"),
        "{missing:?}"
    );
    github.force_push("same", &github.head("main").unwrap(), BOT);
    let same = refused(pulls.create("x", "same", "main").send().await);
    assert!(format!("{:?}", same.errors).contains("No commits between main and same"));
    let long = "x".repeat(257);
    let long = refused(pulls.create(long, BRANCH, "main").send().await);
    assert_eq!(long.status_code, 422);
}

#[tokio::test]
async fn a_list_comes_in_pages_and_in_the_order_that_was_asked_for() {
    let (github, client) = world().await;
    for n in 0..7 {
        github.push(&format!("b{n}"), &[("c.yaml", &format!("c: {n}\n"))], BOT);
        github.open(&format!("b{n}"), &format!("pull {n}"), BOT);
        github.advance("1m");
    }
    github.close(3, "mara");
    let pulls = client.pulls("acme", "deploy");
    let page = pulls
        .list()
        .state(State::All)
        .per_page(3)
        .send()
        .await
        .unwrap();
    assert_eq!(page.items[0].number, 7, "the newest comes first");
    assert!(page.next.is_some());
    let all = client.all_pages(page).await.unwrap();
    let numbers: Vec<u64> = all.iter().map(|pull| pull.number).collect();
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(github.requests("GET", "/pulls$"), 3);
    let open = pulls.list().send().await.unwrap();
    assert_eq!(open.items.len(), 6);
    let last = pulls
        .list()
        .state(State::All)
        .sort(Sort::Updated)
        .direction(octocrab::params::Direction::Descending)
        .send()
        .await
        .unwrap();
    assert_eq!(last.items[0].number, 3);
}

#[tokio::test]
async fn a_merge_is_refused_once_the_head_has_moved() {
    let (github, client) = world().await;
    let number = github.open(BRANCH, "Promote", BOT);
    let approved = github.pull(number).head_sha;
    github.push(BRANCH, &[("a.yaml", "a: 3\n")], "otto");
    let pulls = client.pulls("acme", "deploy");
    let merge = |sha: String| {
        pulls
            .merge(number)
            .sha(sha)
            .method(MergeMethod::Squash)
            .send()
    };
    let moved = refused(merge(approved).await);
    assert_eq!(moved.status_code, 409);
    assert_eq!(
        moved.message,
        "Head branch was modified. Review and try the merge again."
    );
    assert!(github.pull(number).open);
    let head = github.pull(number).head_sha;
    let merged = merge(head).await.unwrap();
    assert!(merged.merged);
    let pull = github.pull(number);
    assert_eq!(pull.closed_by.as_deref(), Some(BOT));
    let commit = pull.merged.unwrap().commit;
    assert_eq!(Some(&commit), merged.sha.as_ref());
    assert_eq!(github.head("main"), Some(commit));
    let again = refused(pulls.merge(number).send().await);
    assert_eq!(again.status_code, 405);
}

#[tokio::test]
async fn what_conflicts_does_not_merge() {
    let (github, client) = world().await;
    let number = github.open(BRANCH, "Promote", BOT);
    github.push("main", &[("a.yaml", "a: 9\n")], "mara");
    let pulls = client.pulls("acme", "deploy");
    let pull = pulls.get(number).await.unwrap();
    assert_eq!(pull.mergeable, Some(false));
    assert_eq!(pull.mergeable_state, Some(MergeableState::Dirty));
    assert_eq!(refused(pulls.merge(number).send().await).status_code, 405);
    github.know_mergeability(false);
    assert_eq!(pulls.get(number).await.unwrap().mergeable, None);
}

#[tokio::test]
async fn each_way_of_merging_makes_the_commits_it_should() {
    let (github, _) = world().await;
    github.push(BRANCH, &[("a.yaml", "a: 3\n")], BOT);
    github.push("main", &[("b.yaml", "b: 2\n")], "mara");
    for (n, method) in [(0, Method::Squash), (1, Method::Merge), (2, Method::Rebase)] {
        let branch = format!("topic{n}");
        let file = format!("{n}.yaml");
        github.push(&branch, &[(&file, "x: 1\n")], BOT);
        github.push(&branch, &[(&file, "x: 2\n")], BOT);
        github.push("main", &[("b.yaml", &format!("b: {}\n", n + 3))], "mara");
        let before = github.head("main").unwrap();
        let number = github.open(&branch, "Topic", BOT);
        let commit = github.merge_by(number, "mara", method);
        let count = format!("{before}..{commit}");
        let git = |arguments: &[&str]| crate::support::git_http::git(github.bare(), arguments);
        let line = git(&["rev-list", "--count", "--first-parent", &count]);
        let all = git(&["rev-list", "--count", &count]);
        let expected = match method {
            Method::Squash => ("1", "1"),
            Method::Merge => ("1", "3"),
            Method::Rebase => ("2", "2"),
        };
        assert_eq!((line.as_str(), all.as_str()), expected, "{method:?}");
        assert_eq!(git(&["show", &format!("main:{file}")]), "x: 2");
    }
}

#[tokio::test]
async fn a_protected_base_waits_for_reviews_and_checks() {
    let (github, client) = world().await;
    let protection = Protection {
        checks: vec!["headwater/prod".to_owned()],
        approvals: Some(1),
        dismiss_stale: true,
        ..Protection::default()
    };
    github.protect("main", Some(protection));
    let number = github.open(BRANCH, "Promote", BOT);
    let pulls = client.pulls("acme", "deploy");
    let state = async || pulls.get(number).await.unwrap().mergeable_state;
    assert_eq!(state().await, Some(MergeableState::Blocked));
    github.approve(number, "rita");
    let refusal = refused(pulls.merge(number).send().await);
    assert_eq!(refusal.status_code, 405);
    assert!(
        refusal
            .message
            .starts_with("At least 1 approving review is required")
    );
    github.approve(number, "mara");
    let refusal = refused(pulls.merge(number).send().await);
    assert_eq!(
        refusal.message,
        "Required status check \"headwater/prod\" is expected."
    );
    github.check(&github.pull(number).head_sha, "headwater/prod", "success");
    assert_eq!(state().await, Some(MergeableState::Clean));

    github.push(BRANCH, &[("a.yaml", "a: 4\n")], BOT);
    assert_eq!(
        state().await,
        Some(MergeableState::Blocked),
        "a push takes approvals away"
    );
    let reviews = pulls.list_reviews(number).send().await.unwrap().items;
    let states: Vec<_> = reviews.iter().map(|review| review.state).collect();
    assert_eq!(states, [Some(ReviewState::Dismissed); 2]);
}

#[tokio::test]
async fn a_pull_request_follows_what_is_pushed_beside_it() {
    let (github, client) = world().await;
    let pulls = client.pulls("acme", "deploy");
    let closed = github.open(BRANCH, "Promote", BOT);
    github.delete_branch(BRANCH, "otto");
    assert_eq!(github.pull(closed).closed_by.as_deref(), Some("otto"));
    let pull = pulls.get(closed).await.unwrap();
    assert_eq!(pull.state, Some(IssueState::Closed));
    assert_eq!(pull.merged_at, None);
    let issue = client.issues("acme", "deploy").get(closed).await.unwrap();
    assert_eq!(issue.closed_by.unwrap().login, "otto");
    let update = pulls
        .update(closed)
        .state(octocrab::params::pulls::State::Open)
        .send()
        .await;
    assert_eq!(refused(update).status_code, 422, "its branch is gone");

    github.push("topic", &[("c.yaml", "c: 1\n")], BOT);
    let merged = github.open("topic", "Topic", BOT);
    let head = github.head("topic").unwrap();
    github.force_push("main", &head, "mara");
    let pull = pulls.get(merged).await.unwrap();
    assert!(pull.merged_at.is_some());
    assert_eq!(pull.merge_commit_sha, Some(head));
    assert_eq!(pull.merged_by.unwrap().login, "mara");
}

#[tokio::test]
async fn nobody_approves_their_own_and_readers_write_nothing() {
    let (github, client) = world().await;
    let number = github.open(BRANCH, "Promote", BOT);
    let reviews = format!("/repos/acme/deploy/pulls/{number}/reviews");
    let body = serde_json::json!({ "event": "APPROVE" });
    let own: octocrab::Result<serde_json::Value> = client.post(reviews, Some(&body)).await;
    assert_eq!(refused(own).status_code, 422);
    let rita = github.client(&github.token("rita"));
    let merge = rita.pulls("acme", "deploy").merge(number).send().await;
    assert_eq!(refused(merge).status_code, 403);
    github.set_permission("rita", Permission::None);
    let get = rita.pulls("acme", "deploy").get(number).await;
    assert_eq!(refused(get).status_code, 404);
}

#[tokio::test]
async fn a_merge_takes_along_what_it_contains() {
    let (github, client) = world().await;
    let small = github.open(BRANCH, "Small", BOT);
    github.force_push("large", &github.head(BRANCH).unwrap(), BOT);
    github.push("large", &[("b.yaml", "b: 2\n")], BOT);
    let large = github.open("large", "Large", BOT);
    let commit = github.merge_by(large, "mara", Method::Merge);
    let taken = github.pull(small).merged.unwrap();
    assert_eq!((taken.commit, taken.by.as_deref()), (commit, Some("mara")));
    github.fault(
        crate::support::fault_proxy::Rule::on("GET", "/pulls").once(),
        crate::support::github::Fault::Stale(1),
    );
    let pulls = client.pulls("acme", "deploy");
    assert_eq!(
        pulls.list().send().await.unwrap().items.len(),
        2,
        "one change"
    );
    assert_eq!(pulls.list().send().await.unwrap().items.len(), 0);
}
