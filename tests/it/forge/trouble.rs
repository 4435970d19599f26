//! Servers that refuse, descriptions that make no sense.

use headwater::config::forge::{OfflineSettings, PullRefs};
use headwater::forge::{Forge as _, ForgeError, MergeMethod, PullState};

use super::{BRANCH, ID, META, World, approver, at, closing, new_pull, settings, text};
use crate::support::git_http::{commit_to, git, git_is_here, hook};

const AS_BRANCH: &str = "refs/heads/headwater-pulls/promote-myapp-prod-1a2b3c4d/meta";

/// Opens, approves, closes, reopens and merges; gives the refs that are left besides branches of others.
async fn whole_life(world: &World, name: &str) {
    let process = world.process(name);
    let id = process.open_pull().await;
    assert_eq!(id, ID);
    let head = world.head(BRANCH);
    process
        .forge
        .approve(&id, head, approver("ann@acme.example", None))
        .await
        .unwrap();
    assert!(
        process
            .forge
            .close(&id, closing(Some("ann")))
            .await
            .unwrap()
    );
    assert!(process.forge.reopen(&id, at(400)).await.unwrap());
    // Another process finds it where it is.
    let other = world.process("other");
    assert!(!other.forge.open(new_pull(BRANCH)).await.unwrap().created);
    assert_eq!(other.pull().await.approvals.len(), 1);
    let merging = other.merging(MergeMethod::Squash).await;
    assert!(other.forge.merge(&id, merging).await.unwrap().fresh);
    assert_eq!(process.pull().await.state, PullState::Merged);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_other_refs_are_hidden_everything_lives_in_branches() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    git(
        &world.bare,
        &["config", "receive.hideRefs", "refs/headwater"],
    );
    whole_life(&world, "one").await;
    assert!(world.refs_below("refs/headwater").is_empty());
    let kept = world.refs_below("refs/heads/headwater-pulls");
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.contains(&AS_BRANCH.to_owned()), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_hook_refuses_other_refs_everything_lives_in_branches() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    hook(
        &world.bare,
        "pre-receive",
        "while read old new name; do case \"$name\" in refs/heads/*) ;; *) echo 'branches only' >&2; exit 1;; esac; done",
    );
    whole_life(&world, "one").await;
    assert!(world.refs_below("refs/headwater").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_refs_and_hides_them_gets_branches() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    git(
        &world.bare,
        &["config", "uploadpack.hideRefs", "refs/headwater"],
    );
    whole_life(&world, "one").await;
    assert!(
        world
            .refs_below("refs/heads/headwater-pulls")
            .contains(&AS_BRANCH.to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_choose_branches_at_once() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process_with(
        "one",
        OfflineSettings {
            refs: PullRefs::Heads,
            ..settings()
        },
    );
    process.open_pull().await;
    assert!(world.refs_below("refs/headwater").is_empty());
    assert_eq!(world.refs_below("refs/heads/headwater-pulls"), [AS_BRANCH]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_moves_to_branches_when_the_server_changes_its_mind() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    process
        .forge
        .approve(&id, world.head(BRANCH), approver("ann@acme.example", None))
        .await
        .unwrap();
    git(
        &world.bare,
        &["config", "receive.hideRefs", "refs/headwater"],
    );
    assert!(
        process
            .forge
            .update_text(&id, text("Another title"), at(300))
            .await
            .unwrap()
    );
    let pull = process.pull().await;
    assert_eq!(pull.title, "Another title");
    assert_eq!(pull.approvals.len(), 1, "approvals are not lost on the way");
    assert!(
        process
            .forge
            .close(&id, closing(Some("ann")))
            .await
            .unwrap()
    );
    assert_eq!(process.pull().await.state, PullState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_everything_is_quoted() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    hook(
        &world.bare,
        "pre-receive",
        "echo 'closed for the night' >&2; exit 1",
    );
    let opened = world.process("one").forge.open(new_pull(BRANCH)).await;
    assert!(
        matches!(&opened, Err(ForgeError::Refused { message, .. }) if message.contains("closed for the night")),
        "{opened:?}"
    );
    assert!(!opened.unwrap_err().is_transient());
}

/// A commit with this file, under this ref.
fn put(world: &World, reference: &str, file: &str, content: &[u8]) {
    let place = world.dir.path().join("content");
    std::fs::write(&place, content).unwrap();
    let blob = git(&world.bare, &["hash-object", "-w", place.to_str().unwrap()]);
    std::fs::write(&place, format!("100644 blob {blob}\t{file}\n")).unwrap();
    let tree = {
        let input = std::fs::File::open(&place).unwrap();
        let output = std::process::Command::new("git")
            .current_dir(&world.bare)
            .arg("mktree")
            .stdin(input)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let commit = git(&world.bare, &["commit-tree", "-m", "hostile", &tree]);
    git(&world.bare, &["update-ref", reference, &commit]);
}

/// An approval that is an object no `git` would make, and few servers would take or hand out.
fn put_odd_commit(world: &World, name: &str, text: &str) {
    let file = world.dir.path().join("raw");
    std::fs::write(&file, text).unwrap();
    let odd = git(
        &world.bare,
        &[
            "hash-object",
            "-t",
            "commit",
            "-w",
            "--literally",
            file.to_str().unwrap(),
        ],
    );
    std::fs::write(
        world
            .bare
            .join("refs/headwater/pulls")
            .join(ID)
            .join("approvals")
            .join(name),
        format!("{odd}\n"),
    )
    .unwrap();
}

/// Descriptions that are broken, too large, or somebody else's.
fn put_hostile_descriptions(world: &World) {
    let good = git(&world.bare, &["show", &format!("{META}:pull.json")]);
    let meta = |id: &str| format!("refs/headwater/pulls/{id}/meta");
    put(world, &meta("bad-json"), "pull.json", b"{{{{");
    put(world, &meta("bad-file"), "other.json", good.as_bytes());
    put(world, &meta("deep"), "pull.json", &vec![b'['; 60_000]);
    put(world, &meta("huge"), "pull.json", &vec![b' '; 1 << 20]);
    put(world, &meta("a-stolen-name"), "pull.json", good.as_bytes());
    put(
        world,
        &meta("of-main"),
        "pull.json",
        good.replace(BRANCH, "main").as_bytes(),
    );
    put(world, &meta("bytes"), "pull.json", &[0xff, 0xfe, 0]);
    put(
        world,
        "refs/headwater/pulls/%7Eodd/meta",
        "pull.json",
        good.as_bytes(),
    );
    // The very commit of the good one under another name, which sorts before it.
    git(&world.bare, &["update-ref", &meta("also-stolen"), META]);
    put(
        world,
        &format!("refs/headwater/pulls/{ID}/approvals/empty"),
        "x",
        b"",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_and_hostile_descriptions_are_named_and_hinder_no_other() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let process = world.process("one");
    let id = process.open_pull().await;
    process
        .forge
        .approve(&id, world.head(BRANCH), approver("ann@acme.example", None))
        .await
        .unwrap();
    put_hostile_descriptions(&world);
    for (process, local) in [(process, false), (world.local(), true)] {
        if local {
            put_odd_commit(&world, "odd", "tree nothing\n\nx\n");
        }
        let listing = process.list().await;
        let ids: Vec<&str> = listing.pulls.iter().map(|p| p.id.as_str()).collect();
        assert_eq!(ids, [ID]);
        assert_eq!(listing.pulls[0].approvals.len(), 1);
        let mut named: Vec<&str> = listing.problems.iter().map(|p| p.id.as_str()).collect();
        named.dedup();
        assert_eq!(
            named,
            [
                "%7Eodd",
                "a-stolen-name",
                "also-stolen",
                "bad-file",
                "bad-json",
                "bytes",
                "deep",
                "huge",
                "of-main",
                ID
            ],
            "{:?}",
            listing.problems
        );
        assert!(
            listing
                .problems
                .iter()
                .all(|p| p.message.len() < 400 && !p.message.contains('\n'))
        );
        // Writing to a good one works, to a bad one does not overwrite it.
        assert!(
            process
                .forge
                .close("bad-json", closing(None))
                .await
                .is_err()
        );
        let bad = process
            .forge
            .update_text("bad-json", text("x"), at(300))
            .await;
        assert!(matches!(bad, Err(ForgeError::Malformed { .. })), "{bad:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_by_nobody_is_named_and_hinders_no_other() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let id = world.process("one").open_pull().await;
    let head = world.head(BRANCH);
    let tree = git(&world.bare, &["rev-parse", &format!("{head}^{{tree}}")]);
    let who = "<x@y> 1767603600 +0000";
    let local = world.local();
    let ann = approver("ann@acme.example", None);
    local.forge.approve(&id, head.clone(), ann).await.unwrap();
    for (name, author) in [
        ("no-time", "author Ann <ann@acme.example>"),
        ("no-author", "what Ann"),
        ("nothing", ""),
    ] {
        let text = format!("tree {tree}\n{author}\ncommitter A {who}\n\napprove {head}\n");
        put_odd_commit(&world, name, &text);
    }
    let listing = local.list().await;
    assert_eq!(listing.pulls.len(), 1);
    let good = listing.pulls[0].approvals.iter();
    assert!(
        good.filter(|a| a.who == "ann@acme.example").count() >= 1,
        "{listing:?}"
    );
    assert!(!listing.problems.is_empty());
    assert!(listing.problems.iter().all(|p| p.id == ID), "{listing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_description_is_never_overwritten_by_opening() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    put(&world, META, "pull.json", b"not json");
    let before = git(&world.bare, &["rev-parse", META]);
    let opened = world.process("one").forge.open(new_pull(BRANCH)).await;
    assert!(
        matches!(opened, Err(ForgeError::Malformed { .. })),
        "{opened:?}"
    );
    assert_eq!(git(&world.bare, &["rev-parse", META]), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_loses_the_race_is_made_again_on_what_won() {
    if !git_is_here() {
        return;
    }
    let world = World::new().await;
    let (one, two) = (world.process("one"), world.local());
    let id = one.open_pull().await;
    let name = id.clone();
    let runtime = tokio::runtime::Handle::current();
    world.server.between(move || {
        runtime
            .block_on(async { two.forge.close(&name, closing(Some("bob"))).await })
            .unwrap();
    });
    assert!(
        one.forge
            .update_text(&id, text("Another title"), at(300))
            .await
            .unwrap()
    );
    let pull = one.pull().await;
    assert_eq!(pull.title, "Another title");
    assert_eq!(
        (pull.state, pull.closed_by.as_deref()),
        (PullState::Closed, Some("bob"))
    );
    commit_to(&world.bare, "main", &[("b.yaml", "b: 2\n")], "unrelated");
    assert_eq!(one.pull().await.state, PullState::Closed);
}
