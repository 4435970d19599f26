//! Merging: what the base becomes, who is faster, and what a crash leaves.

use headwater::forge::{Forge as _, ForgeError, MergeMethod, PullState};

use super::{BRANCH, META, World, closing};
use crate::support::git_http::{commit_to, git, git_is_here, hook};

#[tokio::test(flavor = "multi_thread")]
async fn a_squash_is_one_commit_with_exactly_the_merged_tree() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let base = commit_to(&world.bare, "main", &[("b.yaml", "b: 2\n")], "meanwhile");
    let merging = process.merging(MergeMethod::Squash).await;
    let merged = process.forge.merge(&id, merging.clone()).await.unwrap();
    assert!(merged.fresh);
    let commit = merged.commit.clone().unwrap();
    assert_eq!(world.head("main"), commit);
    assert_eq!(
        git(
            &world.bare,
            &["log", "-1", "--format=%P|%an|%ae|%ce|%at", "main"]
        ),
        format!("{base}|Mara|mara@acme.example|headwater@localhost|1700000500")
    );
    assert_eq!(
        git(&world.bare, &["log", "-1", "--format=%B", "main"]).trim_end(),
        merging.message.trim_end()
    );
    let expected = git(&world.bare, &["merge-tree", "--write-tree", &base, BRANCH]);
    assert_eq!(git(&world.bare, &["rev-parse", "main^{tree}"]), expected);
    assert_eq!(git(&world.bare, &["show", "main:a.yaml"]), "a: 2");
    assert_eq!(git(&world.bare, &["show", "main:b.yaml"]), "b: 2");

    let pull = process.pull().await;
    assert_eq!(
        (pull.state, pull.merged_as.as_ref()),
        (PullState::Merged, Some(&commit))
    );
    assert_eq!(pull.head, merging.head);
    let again = process.forge.merge(&id, merging).await.unwrap();
    assert_eq!((again.commit, again.fresh), (Some(commit.clone()), false));
    assert_eq!(world.head("main"), commit);
    let closed = process.forge.close(&id, closing(Some("x"))).await;
    assert!(
        matches!(closed, Err(ForgeError::State { .. })),
        "{closed:?}"
    );
    let reopened = process.forge.reopen(&id, super::at(600)).await;
    assert!(
        matches!(reopened, Err(ForgeError::State { .. })),
        "{reopened:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_commit_has_the_branch_as_its_second_parent() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.local();
    let id = process.open_pull().await;
    let base = commit_to(&world.bare, "main", &[("b.yaml", "b: 2\n")], "meanwhile");
    let head = world.head(BRANCH);
    let merging = process.merging(MergeMethod::Merge).await;
    let merged = process.forge.merge(&id, merging).await.unwrap();
    assert_eq!(
        git(&world.bare, &["log", "-1", "--format=%P", "main"]),
        format!("{base} {head}")
    );
    assert_eq!(process.pull().await.merged_as, merged.commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebase_makes_each_commit_anew_with_its_author_and_message() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    commit_to(&world.bare, BRANCH, &[("c.yaml", "c: 1\n")], "more");
    let process = world.process("one");
    let id = process.open_pull().await;
    let base = commit_to(&world.bare, "main", &[("b.yaml", "b: 2\n")], "meanwhile");
    let merging = process.merging(MergeMethod::Rebase).await;
    let merged = process.forge.merge(&id, merging).await.unwrap();
    assert_eq!(world.head("main"), merged.commit.unwrap());
    let log = git(
        &world.bare,
        &[
            "log",
            "--reverse",
            "--format=%s %an %ce",
            &format!("{base}..main"),
        ],
    );
    assert_eq!(
        log,
        "promote Ann headwater@localhost\nmore Ann headwater@localhost"
    );
    let expected = git(&world.bare, &["merge-tree", "--write-tree", &base, BRANCH]);
    assert_eq!(git(&world.bare, &["rev-parse", "main^{tree}"]), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_told_and_moves_nothing() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let base = commit_to(&world.bare, "main", &[("a.yaml", "a: 9\n")], "meanwhile");
    for method in [MergeMethod::Squash, MergeMethod::Merge, MergeMethod::Rebase] {
        let merging = process.merging(method).await;
        let merged = process.forge.merge(&id, merging).await;
        assert!(
            matches!(&merged, Err(ForgeError::Conflict { paths, .. }) if paths == &["a.yaml"]),
            "{merged:?}"
        );
    }
    assert_eq!(world.head("main").as_str(), base);
    assert_eq!(process.pull().await.state, PullState::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_head_that_was_approved_and_the_base_that_was_checked_are_merged() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let merging = process.merging(MergeMethod::Squash).await;
    commit_to(
        &world.bare,
        BRANCH,
        &[("a.yaml", "a: 3\n")],
        "somebody pushed",
    );
    let merged = process.forge.merge(&id, merging.clone()).await;
    assert!(
        matches!(merged, Err(ForgeError::HeadMoved { .. })),
        "{merged:?}"
    );
    git(
        &world.bare,
        &[
            "update-ref",
            &format!("refs/heads/{BRANCH}"),
            merging.head.as_str(),
        ],
    );
    let moved = commit_to(&world.bare, "main", &[("b.yaml", "b: 2\n")], "meanwhile");
    let merged = process.forge.merge(&id, merging).await;
    assert!(
        matches!(&merged, Err(ForgeError::BaseMoved { found: Some(found), .. }) if found.as_str() == moved),
        "{merged:?}"
    );
    assert_eq!(world.head("main").as_str(), moved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_moves_between_the_look_and_the_push_loses_nothing() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let merging = process.merging(MergeMethod::Squash).await;
    let bare = world.bare.clone();
    // The first push of a merge is the note; the base moves while it is under way.
    world.server.between(move || {
        commit_to(&bare, "main", &[("b.yaml", "b: 2\n")], "faster");
    });
    let merged = process.forge.merge(&id, merging).await;
    assert!(
        matches!(merged, Err(ForgeError::BaseMoved { .. })),
        "{merged:?}"
    );
    assert_eq!(
        git(&world.bare, &["log", "-1", "--format=%s", "main"]),
        "faster"
    );
    assert_eq!(
        process.pull().await.state,
        PullState::Open,
        "a note alone merges nothing"
    );
    let merging = process.merging(MergeMethod::Squash).await;
    assert!(process.forge.merge(&id, merging).await.unwrap().fresh);
    assert_eq!(git(&world.bare, &["show", "main:b.yaml"]), "b: 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_merge_at_once_make_one_commit() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let (one, two) = (world.process("one"), world.process("two"));
    let id = one.open_pull().await;
    let first = one.merging(MergeMethod::Squash).await;
    let mut second = first.clone();
    second.now = super::at(501);
    let (first, second) = tokio::join!(one.forge.merge(&id, first), two.forge.merge(&id, second));
    let fresh = [&first, &second]
        .iter()
        .filter(|merged| merged.as_ref().is_ok_and(|merged| merged.fresh))
        .count();
    assert_eq!(fresh, 1, "{first:?} {second:?}");
    for lost in [first, second].into_iter().filter_map(Result::err) {
        assert!(lost.is_race(), "{lost}");
    }
    assert_eq!(git(&world.bare, &["rev-list", "--count", "main"]), "2");
    let pull = one.pull().await;
    assert_eq!(
        (pull.state, pull.merged_as),
        (PullState::Merged, Some(world.head("main")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_step_of_a_merge_leaves_the_truth() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let base = world.head("main");
    let merging = process.merging(MergeMethod::Squash).await;
    let merged = process.forge.merge(&id, merging.clone()).await.unwrap();
    let commit = merged.commit.unwrap();

    // As if it had died before it wrote down that it is done.
    git(&world.bare, &["update-ref", META, &format!("{META}~1")]);
    let restarted = world.process("two");
    let pull = restarted.pull().await;
    assert_eq!(
        (pull.state, pull.merged_as.as_ref()),
        (PullState::Merged, Some(&commit))
    );
    let opened = restarted.forge.open(super::new_pull(BRANCH)).await;
    assert!(
        matches!(opened, Err(ForgeError::State { .. })),
        "{opened:?}"
    );
    let again = restarted.forge.merge(&id, merging.clone()).await.unwrap();
    assert_eq!((again.commit.as_ref(), again.fresh), (Some(&commit), false));
    assert!(git(&world.bare, &["show", &format!("{META}:pull.json")]).contains("\"merged\""));

    // As if it had died before the base was pushed: the note alone is nothing.
    git(&world.bare, &["update-ref", META, &format!("{META}~1")]);
    git(
        &world.bare,
        &["update-ref", "refs/heads/main", base.as_str()],
    );
    let restarted = world.process("three");
    assert_eq!(restarted.pull().await.state, PullState::Open);
    let again = restarted.forge.merge(&id, merging).await.unwrap();
    assert!(again.fresh);
    assert_eq!(git(&world.bare, &["rev-list", "--count", "main"]), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_overtakes_a_merge_does_not_hide_it() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let merging = process.merging(MergeMethod::Squash).await;
    let commit = process.forge.merge(&id, merging).await.unwrap().commit;
    // Back to the note, with a base that has not got it yet; somebody closes; then the base gets it after all.
    git(&world.bare, &["update-ref", META, &format!("{META}~1")]);
    git(
        &world.bare,
        &["update-ref", "refs/heads/main", "refs/heads/main~1"],
    );
    assert!(
        process
            .forge
            .close(&id, closing(Some("eve")))
            .await
            .unwrap()
    );
    git(
        &world.bare,
        &[
            "update-ref",
            "refs/heads/main",
            commit.as_ref().unwrap().as_str(),
        ],
    );
    let pull = process.pull().await;
    assert_eq!(
        (pull.state, pull.merged_as, pull.closed_by),
        (PullState::Merged, commit, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_base_refuses_in_its_own_words() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    hook(
        &world.bare,
        "update",
        "case \"$1\" in refs/heads/main) echo 'main is protected' >&2; exit 1;; esac",
    );
    let merging = process.merging(MergeMethod::Squash).await;
    let merged = process.forge.merge(&id, merging).await;
    assert!(
        matches!(&merged, Err(ForgeError::Refused { name, message }) if name == "refs/heads/main" && message.contains("main is protected")),
        "{merged:?}"
    );
    assert_eq!(process.pull().await.state, PullState::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_merged_by_hand_is_merged() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    process.open_pull().await;
    commit_to(&world.bare, "main", &[("b.yaml", "b: 2\n")], "before");
    let tree = git(&world.bare, &["merge-tree", "--write-tree", "main", BRANCH]);
    let merge = git(
        &world.bare,
        &[
            "commit-tree",
            "-p",
            "main",
            "-p",
            BRANCH,
            "-m",
            "by hand",
            &tree,
        ],
    );
    git(&world.bare, &["update-ref", "refs/heads/main", &merge]);
    commit_to(&world.bare, "main", &[("b.yaml", "b: 3\n")], "after");
    let pull = process.pull().await;
    assert_eq!(
        (pull.state, pull.merged_as.map(String::from)),
        (PullState::Merged, Some(merge.clone()))
    );
    // Many delete the branch after that.
    git(&world.bare, &["branch", "-D", BRANCH]);
    let pull = process.pull().await;
    assert_eq!(
        (pull.state, pull.merged_as.map(String::from)),
        (PullState::Merged, Some(merge))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_forward_by_hand_is_merged_but_an_emptied_branch_is_not() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    process.open_pull().await;
    let (base, head) = (world.head("main"), world.head(BRANCH));
    let newer = commit_to(&world.bare, "main", &[("b.yaml", "b: 2\n")], "meanwhile");
    for emptied in [base.as_str(), &newer] {
        git(
            &world.bare,
            &["update-ref", &format!("refs/heads/{BRANCH}"), emptied],
        );
        assert_eq!(process.pull().await.state, PullState::Open, "{emptied}");
    }
    for (name, to) in [(BRANCH, &head), ("main", &head)] {
        git(
            &world.bare,
            &["update-ref", &format!("refs/heads/{name}"), to.as_str()],
        );
    }
    let pull = process.pull().await;
    assert_eq!(
        (pull.state, pull.merged_as),
        (PullState::Merged, Some(head))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_was_cut_off_is_finished_once_and_leaves_no_second_note() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let base = world.head("main");
    let merging = process.merging(MergeMethod::Squash).await;
    let merged = process.forge.merge(&id, merging.clone()).await.unwrap();
    let (whole, commit) = (
        git(&world.bare, &["rev-list", "--count", META]),
        merged.commit,
    );
    assert!(!process.pull().await.unrecorded);

    // Cut off behind the push to the base: anybody sees that it is not written down, and can do that.
    git(&world.bare, &["update-ref", META, &format!("{META}~1")]);
    let restarted = world.process("two");
    assert!(restarted.pull().await.unrecorded);
    let written = restarted
        .forge
        .record_merge(&id, merging.now)
        .await
        .unwrap();
    assert_eq!(written, commit);
    assert!(!restarted.pull().await.unrecorded);
    assert_eq!(git(&world.bare, &["rev-list", "--count", META]), whole);
    restarted
        .forge
        .record_merge(&id, merging.now)
        .await
        .unwrap();
    assert_eq!(git(&world.bare, &["rev-list", "--count", META]), whole);

    // Cut off before that push: the commit that was noted is pushed, at whatever time that is.
    git(&world.bare, &["update-ref", META, &format!("{META}~1")]);
    git(
        &world.bare,
        &["update-ref", "refs/heads/main", base.as_str()],
    );
    let restarted = world.process("three");
    let later = headwater::forge::Merging {
        now: headwater::model::Period::seconds(3600).after(merging.now),
        ..merging
    };
    let again = restarted.forge.merge(&id, later).await.unwrap();
    assert_eq!((again.commit, again.fresh), (commit, true));
    assert_eq!(git(&world.bare, &["rev-list", "--count", META]), whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_merge_of_ours_is_to_be_written_down() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    let merging = process.merging(MergeMethod::Squash).await;
    let open = process.forge.record_merge(&id, merging.now).await;
    assert!(matches!(open, Err(ForgeError::State { .. })), "{open:?}");
    let head = process.pull().await.head;
    git(
        &world.bare,
        &["update-ref", "refs/heads/main", head.as_str()],
    );
    let pull = process.pull().await;
    assert_eq!((pull.state, pull.unrecorded), (PullState::Merged, false));
}
