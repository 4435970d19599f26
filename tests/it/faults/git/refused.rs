//! A server that refuses by a rule of its own: one change set waits with the server's words, the others land, and nobody
//! knocks again before it is time.

use std::path::PathBuf;

use headwater::apply::Done;
use headwater::plan::report::Subject;
use headwater::plan::{Plan, State};

use crate::support::git_http::{git, hook};
use crate::support::world::{World, shown, small};

/// Refuses every push to `main` that changes a path which begins so, and counts all pushes to `main`.
fn refuse_path(world: &World, path: &str) {
    let script = format!(
        "while read -r old new ref; do
  [ \"$ref\" = refs/heads/main ] || continue
  echo \"$new\" >> {tries}
  if git diff --name-only \"$old\" \"$new\" | grep -q '^{path}'; then
    echo '{path} is closed for the night' >&2; exit 1
  fi
done",
        tries = tries_file(world).display()
    );
    hook(world.repository.path(), "pre-receive", &script);
}

/// Refuses every push to refs that begin so, and counts them.
fn refuse_ref(world: &World, prefix: &str) {
    let script = format!(
        "while read -r old new ref; do case \"$ref\" in {prefix}*)
  echo \"$new\" >> {tries}; echo '{prefix} is protected' >&2; exit 1;; esac; done",
        tries = tries_file(world).display()
    );
    hook(world.repository.path(), "pre-receive", &script);
}

fn allow_everything(world: &World) {
    std::fs::remove_file(world.repository.path().join("hooks/pre-receive")).unwrap();
}

fn tries_file(world: &World) -> PathBuf {
    world.folder().join("tries")
}

/// How many pushes the hook has seen.
fn tries(world: &World) -> usize {
    std::fs::read_to_string(tries_file(world)).map_or(0, |text| text.lines().count())
}

/// Two applications that have nothing to do with each other.
async fn two_applications() -> World {
    let pipeline = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: other}\nspec:\n  stages:\n    - {name: dev, environments: [other]}\n";
    let environment = small::environment("other", "delivery: commit", &["other"]);
    World::served(&[
        ("pipelines/other/imagestream.yaml", &small::stream("other")),
        ("pipelines/other/pipeline.yaml", pipeline),
        ("environments/other.yaml", &environment),
    ])
    .await
}

/// How many holds tell of a refusal.
fn refusals(plan: &Plan) -> usize {
    let holds = plan.holds.iter();
    holds.filter(|hold| hold.reason == "PushRefused").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_path_holds_one_change_set_and_the_others_land() {
    let mut world = two_applications().await;
    refuse_path(&world, "environments/other/");
    let build = world.good_build("1.0.0");
    world.push_build("acme/other:main", "2.0.0", &[]);
    let pass = world.pass().await;
    let receipt = &pass.receipt;
    assert!(!receipt.again, "{receipt:?}");
    let [Done::Pushed { subject, .. }] = receipt.done.as_slice() else {
        panic!("{receipt:?}");
    };
    assert!(subject.starts_with("Import app "), "{subject}");
    let [refusal] = receipt.refused.as_slice() else {
        panic!("{receipt:?}");
    };
    assert!(refusal.what.contains("Import other "), "{refusal:?}");
    assert!(
        refusal.why.contains("is closed for the night"),
        "{refusal:?}"
    );
    assert_eq!(tries(&world), 3, "all of it together, then each by itself");
    assert_eq!(world.head("app", "dev"), Some(build.clone()));
    assert_eq!(world.head("other", "dev"), None);

    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    world
        .assert_stage("other/dev", State::Broken, "is closed for the night")
        .await;
    let plan = world.plan().await;
    let hold = plan.holds.iter().find(|h| h.reason == "PushRefused");
    let hold = hold.unwrap_or_else(|| panic!("{}", shown(&plan)));
    let wait = hold.until.unwrap().as_second() - world.now().as_second();
    assert_eq!(wait, 60);
    assert!(hold.help.as_deref().unwrap().contains("headwater run"));
    assert_eq!(refusals(&plan), 1);
    git(world.repository.path(), &["fsck", "--strict"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_tried_again_later_and_later_or_when_it_changes() {
    let mut world = two_applications().await;
    refuse_path(&world, "environments/other/");
    world.push_build("acme/other:main", "2.0.0", &[]);
    world.pass().await;
    assert_eq!(
        tries(&world),
        1,
        "a single change set is not tried in parts"
    );
    let mut seen = Vec::new();
    for _ in 0..8 {
        for _ in 0..3 {
            world.pass().await;
        }
        world.restart();
        world.advance("1m");
        seen.push(tries(&world));
    }
    assert_eq!(seen, [1, 2, 2, 3, 3, 3, 3, 4], "after 1, 2 and 4 minutes");

    let next = world.push_build("acme/other:main", "2.1.0", &[]);
    world.pass().await;
    assert_eq!(tries(&world), 5, "other content is another question");
    allow_everything(&world);
    world.pass().await;
    assert_eq!(world.head("other", "dev"), None, "it is not due yet");
    world.advance("2m");
    world.settle().await;
    assert_eq!(world.head("other", "dev"), Some(next));
    assert_eq!(refusals(&world.plan().await), 0);
    assert_eq!(world.repository.subjects().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn change_sets_that_share_a_file_do_not_share_a_refusal() {
    for (closed, dev, qa) in [("environments/qa/", 2, 0), ("environments/dev/", 1, 1)] {
        let hold = small::hold("qa", "app", "qa");
        let mut world = World::served(&[("holds/qa.yaml", &hold)]).await;
        let first = world.good_build("1.0.0");
        world.settle().await;
        let second = world.good_build("1.1.0");
        world.person_deletes(&["holds/qa.yaml"], "Let it go");
        refuse_path(&world, closed);
        let before = world.repository.line().len();
        let pass = world.pass().await;
        assert!(!pass.receipt.again, "{:?}", pass.receipt);
        assert_eq!(pass.receipt.done.len(), 1, "{:?}", pass.receipt);
        assert_eq!(pass.receipt.refused.len(), 1, "{:?}", pass.receipt);
        let builds = [None, Some(first), Some(second)];
        assert_eq!(world.head("app", "dev"), builds[dev], "{closed}");
        assert_eq!(world.head("app", "qa"), builds[qa], "{closed}");
        assert_eq!(world.repository.line().len(), before + 1);
        let so_far = tries(&world);
        world.settle().await;
        assert_eq!(tries(&world), so_far);

        allow_everything(&world);
        world.advance("5m");
        world.settle().await;
        assert_eq!(world.head("app", "qa"), builds[2], "{closed}");
        git(world.repository.path(), &["fsck", "--strict"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_one_environment_refuses_are_put_right_in_the_others() {
    let mut world = World::served(&[]).await;
    world.good_build("1.0.0");
    world.settle().await;
    refuse_path(&world, "environments/qa/");
    world.person_edits("templates/plain/values.yaml", "green", "blue");
    let pass = world.pass().await;
    assert_eq!(pass.receipt.refused.len(), 1, "{:?}", pass.receipt);
    world.settle().await;
    assert!(world.rendered("dev", "app").contains("blue"));
    assert!(world.rendered("qa", "app").contains("green"));
    let plan = world.plan().await;
    let held = plan
        .holds
        .iter()
        .find(|h| h.reason == "PushRefused")
        .unwrap();
    assert!(
        matches!(&held.subject, Subject::Application { environment, .. } if environment.as_str() == "qa"),
        "{held:?}"
    );
    allow_everything(&world);
    world.advance("1m");
    world.settle().await;
    assert!(world.rendered("qa", "app").contains("blue"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_refused_is_not_pushed_with_every_tick() {
    let mut world = World::served(&[]).await;
    refuse_ref(&world, "refs/heads/headwater/");
    let build = world.good_build("1.0.0");
    for _ in 0..6 {
        world.pass().await;
    }
    assert_eq!(world.head("app", "qa"), Some(build));
    assert_eq!(tries(&world), 1);
    world
        .assert_stage(
            "app/prod",
            State::Broken,
            "refs/heads/headwater/ is protected",
        )
        .await;
    allow_everything(&world);
    world.advance("1m");
    world.settle().await;
    world.open_pull().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_refused_waits_and_is_made_once() {
    let mut world = World::served(&[]).await;
    let (build, pull) = world.proposed("1.0.0").await;
    world.approve(&pull, "Ines").await;
    refuse_ref(&world, "refs/heads/main");
    for _ in 0..4 {
        world.pass().await;
    }
    assert_eq!(tries(&world), 1);
    world
        .assert_stage("app/prod", State::Broken, "refs/heads/main is protected")
        .await;
    allow_everything(&world);
    world.advance("1m");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    assert_eq!(world.repository.subjects().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_holds_only_what_writes_it() {
    let mut world = two_applications().await;
    world
        .repository
        .link("environments/other/rendered", "elsewhere", world.now());
    let build = world.good_build("1.0.0");
    world.push_build("acme/other:main", "2.0.0", &[]);
    for _ in 0..3 {
        world.pass().await;
    }
    assert_eq!(world.head("app", "qa"), Some(build));
    assert_eq!(world.head("other", "dev"), None);
    let stage = world.stage("other/dev").await;
    assert_eq!(stage.state, State::Broken);
    assert!(
        stage.why.contains("environments/other/rendered"),
        "{}",
        stage.why
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_was_overtaken_is_no_refusal_whatever_the_server_calls_it() {
    let mut world = World::served(&[]).await;
    let build = world.good_build("1.0.0");
    // Somebody pushes just before us, and the server says so in words of its own.
    let script = format!(
        "while read -r old new ref; do
  [ \"$ref\" = refs/heads/main ] && [ ! -e {once} ] || continue
  touch {once}
  unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
  export GIT_AUTHOR_NAME=Ines GIT_AUTHOR_EMAIL=i@x GIT_COMMITTER_NAME=Ines GIT_COMMITTER_EMAIL=i@x
  git update-ref refs/heads/main $(git commit-tree -m Faster -p $old \"$old^{{tree}}\")
  echo 'the train has left' >&2; exit 1
done",
        once = tries_file(&world).display()
    );
    hook(world.repository.path(), "pre-receive", &script);
    let pass = world.pass().await;
    assert!(pass.receipt.refused.is_empty(), "{:?}", pass.receipt);
    world.settle().await;
    assert!(tries_file(&world).exists());
    assert_eq!(world.head("app", "qa"), Some(build));
    let plan = world.plan().await;
    assert_eq!(refusals(&plan), 0, "{}", shown(&plan));
}
