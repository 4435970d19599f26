//! Pull requests: those with our marker, each open one's branch held against the base.

use headwater::forge::{Forge as _, NewPull, PullText};
use headwater::plan::facts::marker::Marker;
use headwater::plan::facts::pull::{BranchFacts, PullState};

use super::*;

const BRANCH: &str = "headwater/promote/myapp/qa/aaaaaaaa";

/// A base with one import and a promotion branch of ours that waits.
async fn begin(world: &World) -> BareRepository<'_> {
    let base = world.base();
    let both = stream(&[imported("one")]);
    base.commit_as(OURS, "main", "Import", &[file(STREAM, both)]);
    base.git(&["branch", BRANCH, "main"]);
    let both = stream(&[imported("one"), promoted("one", "first")]);
    base.commit_as(OURS, BRANCH, "Promote", &[file(STREAM, both)]);
    let marker = Marker::promotion("myapp/qa".parse().unwrap(), "a".repeat(64).parse().unwrap());
    open(
        world,
        &base,
        BRANCH,
        &format!("{}\n\ntext", marker.to_line()),
    )
    .await;
    base
}

async fn open(world: &World, base: &BareRepository<'_>, branch: &str, body: &str) {
    let text = PullText {
        title: "Promote".to_owned(),
        body: body.to_owned(),
        labels: vec!["promotion".to_owned()],
    };
    let pull = NewPull {
        branch: branch.to_owned(),
        text,
        now: now(),
    };
    let repository = world.repository(base);
    repository.fetch().await.unwrap();
    forge(&repository).open(pull).await.unwrap();
}

async fn branch(world: &World, base: &BareRepository<'_>) -> BranchFacts {
    let pulls = world.observe(base).await.facts.pulls.unwrap();
    assert_eq!(pulls.len(), 1);
    pulls.into_iter().next().unwrap().branch_facts.unwrap()
}

/// Merges `main` into the branch as a person, with a tree of its own if one is given.
fn update_branch(base: &BareRepository<'_>, tree: Option<String>) {
    let tree = tree.unwrap_or_else(|| base.git(&["merge-tree", "--write-tree", BRANCH, "main"]));
    let name = ["-c", "user.name=Ivo", "-c", "user.email=ivo@example.com"];
    let merge = [
        "commit-tree",
        &tree,
        "-m",
        "Update branch",
        "-p",
        BRANCH,
        "-p",
        "main",
    ];
    let merge = base.git(&[&name[..], &merge[..]].concat());
    base.git(&["update-ref", &format!("refs/heads/{BRANCH}"), &merge]);
}

#[tokio::test]
async fn a_branch_of_ours_is_held_against_the_base() {
    let world = World::new();
    let base = begin(&world).await;
    base.git(&["branch", "headwater/env/prod/12345678", "main"]);
    open(&world, &base, "headwater/env/prod/12345678", "no marker").await;
    let main = base.commit("main", "Note", &[file("NOTES", "x")]);
    let observed = world.observe(&base).await;
    let pulls = observed.facts.pulls.unwrap();
    assert_eq!(pulls.len(), 1, "without our marker it is none of ours");
    let pull = &pulls[0];
    assert_eq!(
        (pull.state, pull.branch.as_str()),
        (PullState::Open, BRANCH)
    );
    assert_eq!((pull.title.as_str(), pull.labels.len()), ("Promote", 1));
    let head: headwater::model::CommitId = base.resolve(BRANCH).unwrap().parse().unwrap();
    let facts = pull.branch_facts.as_ref().unwrap();
    assert_eq!((&facts.head, &pull.head), (&head, &head));
    assert_eq!(facts.merge_base.as_str(), base.resolve("main~1").unwrap());
    assert_ne!(facts.merge_base.as_str(), main);
    assert_eq!((&facts.foreign, facts.pushed_by.len()), (&None, 0));
    let paths: Vec<&str> = facts.changed.keys().map(|path| path.as_str()).collect();
    assert_eq!(paths, [STREAM]);
    assert_eq!(facts.merged.as_ref(), Some(&facts.changed));
    let branches: Vec<&str> = observed.facts.branches.keys().map(String::as_str).collect();
    assert_eq!(branches, ["headwater/env/prod/12345678", BRANCH]);
    assert_eq!(observed.facts.branches[BRANCH], head);
}

#[tokio::test]
async fn what_others_push_to_a_branch_is_named_and_merging_the_base_is_not_foreign() {
    let world = World::new();
    let base = begin(&world).await;
    base.commit("main", "Note", &[file("NOTES", "x")]);
    update_branch(&base, None);
    let facts = branch(&world, &base).await;
    assert_eq!((facts.foreign, facts.changed.len()), (None, 1));

    base.commit("main", "Note again", &[file("NOTES", "y")]);
    update_branch(&base, Some(base.git(&["rev-parse", "main^{tree}"])));
    let facts = branch(&world, &base).await;
    let words = facts.foreign.unwrap();
    assert!(
        words.ends_with("by Ivo <ivo@example.com> is not ours"),
        "{words}"
    );
    assert_eq!(
        facts.pushed_by,
        ["ivo@example.com"],
        "a merge that is not what Git makes of it"
    );

    base.commit(BRANCH, "Mine", &[file("x", "y")]);
    let head = base.resolve(BRANCH).unwrap();
    let facts = branch(&world, &base).await;
    let words = format!(
        "commit {} by Mara <mara@example.com> and 1 more is not ours",
        &head[..8]
    );
    assert_eq!(facts.foreign, Some(words));
    assert_eq!(facts.pushed_by, ["ivo@example.com", "mara@example.com"]);
}

#[tokio::test]
async fn a_conflict_and_a_branch_that_is_gone_are_told() {
    let world = World::new();
    let base = begin(&world).await;
    let other = stream(&[imported("one"), promoted("two", "second")]);
    base.commit_as(OURS, "main", "Promote", &[file(STREAM, other)]);
    assert_eq!(branch(&world, &base).await.merged, None);
    base.git(&["update-ref", "-d", &format!("refs/heads/{BRANCH}")]);
    let pulls = world.observe(&base).await.facts.pulls.unwrap();
    assert_eq!((pulls.len(), &pulls[0].branch_facts), (1, &None));
}
