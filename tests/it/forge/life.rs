//! Opening, changing, closing, opening again.

use headwater::forge::{Forge as _, ForgeError, PullState};
use headwater::git::{NewCommit, RefUpdate};

use super::{BRANCH, ID, MARKER, META, World, approver, at, closing, new_pull, person, text};
use crate::support::git_http::{commit_to, git, git_is_here};

#[tokio::test(flavor = "multi_thread")]
async fn opening_twice_gives_one_pull_request() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let first = world
        .process("one")
        .forge
        .open(new_pull(BRANCH))
        .await
        .unwrap();
    assert_eq!((first.id.as_str(), first.created), (ID, true));
    // A restart after a crash: nothing is remembered but what Git holds.
    let again = world.process("two");
    let second = again.forge.open(new_pull(BRANCH)).await.unwrap();
    assert_eq!((second.id.as_str(), second.created), (ID, false));
    assert_eq!(world.refs_below("refs/headwater"), [META]);
    let pull = again.pull().await;
    assert_eq!(pull.state, PullState::Open);
    assert_eq!(pull.branch, BRANCH);
    assert_eq!(pull.head, world.head(BRANCH));
    assert_eq!(pull.title, "Promote myapp 1.3 to prod");
    assert_eq!(pull.body, format!("{MARKER}\n\n**myapp** moves\n"));
    assert_eq!(pull.labels, ["promotion"]);
    assert_eq!(pull.opened_at, at(100));
    assert_eq!((pull.closed_by, pull.merged_as), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_open_at_once_agree_on_one() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let (one, two) = (world.process("one"), world.process("two"));
    let mut other = new_pull(BRANCH);
    other.now = at(101);
    let (first, second) = tokio::join!(one.forge.open(new_pull(BRANCH)), two.forge.open(other));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.id, second.id);
    assert!(first.created != second.created, "one of them made it");
    assert_eq!(world.refs_below("refs/headwater"), [META]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_cut_off_does_not_make_a_second_pull_request() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    world.server.cut_next_answer();
    let error = process.forge.open(new_pull(BRANCH)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let opened = process.forge.open(new_pull(BRANCH)).await.unwrap();
    assert!(!opened.created);
    assert_eq!(process.list().await.pulls.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_not_there_or_not_ours_gets_no_pull_request() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.local();
    let absent = process
        .forge
        .open(new_pull("headwater/env/prod/12345678"))
        .await;
    assert!(matches!(absent, Err(ForgeError::NoBranch(_))), "{absent:?}");
    let foreign = process.forge.open(new_pull("main")).await;
    assert!(
        matches!(foreign, Err(ForgeError::Invalid(_))),
        "{foreign:?}"
    );
    let mut hostile = new_pull(BRANCH);
    hostile.text.title = "a\nb".to_owned();
    assert!(matches!(
        process.forge.open(hostile).await,
        Err(ForgeError::Invalid(_))
    ));
    assert!(world.refs_below("refs/headwater").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_whose_ids_would_be_the_same_get_two() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let other = "headwater/promote/myapp-prod/1a2b3c4d";
    commit_to(&world.bare, other, &[("b.yaml", "b: 2\n")], "other");
    let process = world.process("one");
    let first = process.open_pull().await;
    let second = process.forge.open(new_pull(other)).await.unwrap();
    assert!(second.created && second.id != first, "{}", second.id);
    assert!(!process.forge.open(new_pull(other)).await.unwrap().created);
    let listing = process.list().await;
    assert_eq!(listing.problems, []);
    let branches: Vec<&str> = listing.pulls.iter().map(|p| p.branch.as_str()).collect();
    assert_eq!(branches, [BRANCH, other]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_branch_keeps_its_pull_request_and_its_old_approvals_name_the_old_head() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let old = world.head(BRANCH);
    let ann = approver("ann@acme.example", None);
    process
        .forge
        .approve(&id, old.clone(), ann.clone())
        .await
        .unwrap();
    // Made anew from the base, as a rebuild does.
    git(
        &world.bare,
        &[
            "update-ref",
            &format!("refs/heads/{BRANCH}"),
            "refs/heads/main",
        ],
    );
    commit_to(&world.bare, BRANCH, &[("a.yaml", "a: 3\n")], "rebuilt");
    let new = world.head(BRANCH);
    assert!(
        process
            .forge
            .update_text(&id, text("Promote myapp 1.4 to prod"), at(250))
            .await
            .unwrap()
    );
    let pull = process.pull().await;
    assert_eq!(
        (pull.id.as_str(), &pull.head, pull.state),
        (ID, &new, PullState::Open)
    );
    assert_eq!(pull.title, "Promote myapp 1.4 to prod");
    assert_eq!(pull.opened_at, at(100));
    assert_eq!(pull.approvals.len(), 1);
    assert_eq!(pull.approvals[0].head, old);
    let late = process.forge.approve(&id, old, ann).await;
    assert!(
        matches!(&late, Err(ForgeError::HeadMoved { found, .. }) if *found == new),
        "{late:?}"
    );
    assert!(late.unwrap_err().is_race());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_again_writes_nothing() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let before = git(&world.bare, &["rev-parse", META]);
    let changed = process
        .forge
        .update_text(&id, new_pull(BRANCH).text, at(900))
        .await;
    assert!(!changed.unwrap());
    assert_eq!(git(&world.bare, &["rev-parse", META]), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_closes_is_remembered_and_reopening_forgets_it() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    assert!(
        process
            .forge
            .close(&id, closing(Some("mara@acme.example")))
            .await
            .unwrap()
    );
    assert!(
        !process.forge.close(&id, closing(None)).await.unwrap(),
        "closed already"
    );
    let pull = process.pull().await;
    assert_eq!(pull.state, PullState::Closed);
    assert_eq!(pull.closed_by.as_deref(), Some("mara@acme.example"));
    let opened = process.forge.open(new_pull(BRANCH)).await;
    assert!(
        matches!(opened, Err(ForgeError::State { .. })),
        "a name is never used again: {opened:?}"
    );
    assert!(process.forge.reopen(&id, at(400)).await.unwrap());
    let pull = process.pull().await;
    assert_eq!((pull.state, pull.closed_by), (PullState::Open, None));
    assert!(!process.forge.reopen(&id, at(401)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_close_ourselves_names_nobody_and_bears_the_new_marker() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let mut superseded = text("Promote myapp 1.3 to prod");
    superseded.body = "<!-- headwater: {\"superseded\":true} -->\n".to_owned();
    let mut how = closing(None);
    how.text = Some(superseded.clone());
    assert!(process.forge.close(&id, how).await.unwrap());
    let pull = process.pull().await;
    assert_eq!((pull.state, pull.closed_by), (PullState::Closed, None));
    assert_eq!(pull.body, superseded.body);
    let steps = git(&world.bare, &["rev-list", "--count", META]);
    assert_eq!(steps, "2", "text and state change in one step");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_branch_closes_and_pushing_it_again_opens() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let head = world.head(BRANCH);
    git(&world.bare, &["branch", "-D", BRANCH]);
    let pull = process.pull().await;
    assert_eq!((pull.state, &pull.head), (PullState::Closed, &head));
    assert_eq!(
        pull.closed_by.as_deref(),
        Some("whoever deleted its branch")
    );
    let reopened = process.forge.reopen(&id, at(400)).await;
    assert!(
        matches!(reopened, Err(ForgeError::NoBranch(_))),
        "{reopened:?}"
    );
    git(&world.bare, &["branch", BRANCH, head.as_str()]);
    assert_eq!(process.pull().await.state, PullState::Open);
}

/// Makes copies of one approved pull request, each with a branch of its own.
async fn copy_pull_request(world: &World, count: usize) {
    let local = world.local();
    let id = local.open_pull().await;
    let head = world.head(BRANCH);
    let ann = approver("ann@acme.example", None);
    local.forge.approve(&id, head.clone(), ann).await.unwrap();
    let refs = local.repository.fetch().await.unwrap().refs;
    let approval = refs.iter().find(|(name, _)| name.contains("/approvals/"));
    let approval = approval.unwrap().1.clone();
    let pull = git(&world.bare, &["show", &format!("{META}:pull.json")]);
    let mut updates = vec![RefUpdate {
        name: META.to_owned(),
        expect: Some(refs[META].clone()),
        new: None,
    }];
    for n in 0..count {
        let branch = format!("headwater/promote/app{n}/prod/1a2b3c4d");
        let place = format!("refs/headwater/pulls/promote-app{n}-prod-1a2b3c4d");
        let file = pull.replace(BRANCH, &branch).into_bytes();
        let meta = local.repository.commit(NewCommit {
            parents: Vec::new(),
            start: None,
            files: [("pull.json".parse().unwrap(), Some(file))].into(),
            message: "open\n".to_owned(),
            author: person("headwater", "headwater@localhost"),
            committer: person("headwater", "headwater@localhost"),
            time: at(100),
        });
        for (name, new) in [
            (format!("refs/heads/{branch}"), head.clone()),
            (format!("{place}/meta"), meta.await.unwrap()),
            (format!("{place}/approvals/ann"), approval.clone()),
        ] {
            updates.push(RefUpdate {
                name,
                expect: None,
                new: Some(new),
            });
        }
    }
    local.repository.push(updates).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pull_requests_are_listed_whole_and_in_order() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    copy_pull_request(&world, 200).await;
    let process = world.process("one");
    let fetched = process.repository.fetch().await.unwrap();
    let start = std::time::Instant::now();
    let listing = process.forge.list(&fetched).await.unwrap();
    let cold = start.elapsed();
    let again = process.forge.list(&fetched).await.unwrap();
    let warm = start.elapsed() - cold;
    println!("200 pull requests with approvals: cold {cold:?}, warm {warm:?}");
    assert_eq!(listing.pulls.len(), 200);
    assert!(listing.pulls.iter().all(|pull| pull.approvals.len() == 1));
    assert!(listing.pulls.is_sorted_by_key(|pull| pull.id.clone()));
    assert_eq!(listing, again);
}
