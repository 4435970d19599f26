//! Boxes in the text of a pull request: who ticks one asks for the same as by a comment.

use headwater::plan::State as StageState;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub, Permission};
use crate::support::world::World;

const REBUILD: &str = "rebuild this branch";
const HOLD: &str = "hold app/prod";

/// A build that waits for its review as pull request 1.
async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let mut world = World::on_github(&github).await;
    world.good_build("1.0.0");
    world.settle().await;
    (github, world)
}

fn body(github: &GitHub) -> String {
    github.pull(1).body.unwrap()
}

fn comments(github: &GitHub) -> Vec<String> {
    let comments = github.pull(1).comments.into_iter();
    comments.map(|comment| comment.body).collect()
}

/// Nothing is ticked, nothing is left to do, and nobody is asked who ticked what.
async fn at_rest(github: &GitHub, world: &mut World) {
    assert!(!body(github).contains("- [x]"), "{}", body(github));
    github.forget_requests();
    world.advance("1h");
    world.settle().await;
    assert_eq!(github.writing(), 0, "{:?}", github.seen());
    assert_eq!(github.requests("POST", "/graphql$"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_has_the_branch_made_anew_once_and_is_empty_again() {
    let (github, mut world) = begin().await;
    assert_eq!(body(&github).matches("- [ ] ").count(), 2);
    assert_eq!(github.requests("POST", "/graphql$"), 0);
    github.edit_body(
        1,
        "mara",
        &format!("{}\n- [x] seen by finance\n", body(&github)),
    );
    let branch = github.pull(1).head;
    let theirs = github.push(&branch, &[("notes.txt", "mine")], "otto");
    world.settle().await;
    assert_eq!(github.head(&branch), Some(theirs));
    github.tick(1, "otto", REBUILD);
    world.settle().await;
    assert!(world.repository.text(&branch, "notes.txt").is_none());
    let said = comments(&github);
    let answers = said.iter().filter(|said| said.contains("as @otto asked"));
    assert_eq!(answers.count(), 1, "{said:?}");
    let text = body(&github);
    assert!(text.ends_with("\n- [x] seen by finance\n"), "{text}");
    github.edit_body(1, "mara", &text.replace("- [x] seen", "- [ ] seen"));
    at_rest(&github, &mut world).await;
    github.approve(1, "mara");
    world.settle().await;
    assert!(github.pull(1).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_holds_the_stage_as_the_verb_would_and_unhold_lifts_it() {
    let (github, mut world) = begin().await;
    github.tick(1, "otto", HOLD);
    github.approve(1, "mara");
    world.settle().await;
    assert!(github.pull(1).open, "it is held, approved or not");
    world
        .assert_stage("app/prod", StageState::Held, "asked for in pull request 1")
        .await;
    let hold = world
        .repository
        .text("main", "holds/app-prod.yaml")
        .unwrap();
    assert!(
        hold.contains("by: \"@otto\"") || hold.contains("by: '@otto'"),
        "{hold}"
    );
    let said = comments(&github);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("headwater unhold app/prod"), "{said:?}");
    at_rest(&github, &mut world).await;
    world.unholds("app/prod").await;
    world.settle().await;
    assert!(github.pull(1).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_holds_the_stage_with_its_reason_and_both_boxes_are_two_acts() {
    let (github, mut world) = begin().await;
    github.comment(1, "otto", "/headwater hold login fails, INC-7");
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Held, "login fails, INC-7")
        .await;
    github.tick(1, "mara", REBUILD);
    github.tick(1, "otto", HOLD);
    world.settle().await;
    let said = comments(&github);
    for words in ["is held by ` @otto `", "as @mara asked"] {
        assert!(said.iter().any(|said| said.contains(words)), "{said:?}");
    }
    assert_eq!(said.len(), 4, "the command, and three answers: {said:?}");
    at_rest(&github, &mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_repository_wants_pull_requests_a_hold_is_not_pushed_and_what_to_run_is_told() {
    let (github, mut world) = begin().await;
    let config = world.repository.text("main", "headwater.yaml").unwrap();
    let config = config.replacen("spec: {", "spec: {delivery: pullRequest, ", 1);
    world.person_commits(&[("headwater.yaml", &config)], "Nobody pushes here");
    github.tick(1, "otto", HOLD);
    world.settle().await;
    let said = comments(&github);
    assert!(
        said[0].contains("headwater hold app/prod --reason")
            && said[0].contains("delivery: pullRequest"),
        "{said:?}"
    );
    assert_eq!(world.repository.text("main", "holds/app-prod.yaml"), None);
    at_rest(&github, &mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_write_gets_one_answer_and_nothing_is_done() {
    let (github, mut world) = begin().await;
    let head = github.pull(1).head_sha;
    github.tick(1, "otto", REBUILD);
    github.set_permission("otto", Permission::Read);
    world.advance("1h");
    world.settle().await;
    let said = comments(&github);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("@otto ticked `rebuild`, and may not write"),
        "{said:?}"
    );
    assert_eq!(github.pull(1).head_sha, head);
    at_rest(&github, &mut world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_tells_who_ticked_nothing_is_done_and_that_is_said_once() {
    let (github, mut world) = begin().await;
    let head = github.pull(1).head_sha;
    for _ in 0..2 {
        github.tick(1, "otto", REBUILD);
        github.hide_edits(1);
        world.settle().await;
        assert_eq!(github.pull(1).head_sha, head);
        at_rest(&github, &mut world).await;
    }
    let said = comments(&github);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("does not tell who ticked"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_before_the_box_is_empty_answers_once_all_the_same() {
    for (method, path, fault) in [
        ("POST", "/comments$", Fault::LoseRequest),
        ("POST", "/comments$", Fault::LoseAnswer),
        ("PATCH", "/pulls/1$", Fault::LoseRequest),
        ("PATCH", "/pulls/1$", Fault::LoseAnswer),
    ] {
        let (github, mut world) = begin().await;
        github.tick(1, "otto", REBUILD);
        world.advance("1m");
        let died = format!("{path} {fault:?}");
        github.die(Rule::on(method, path), fault);
        for _ in 0..4 {
            let _ = world.engine.reconciler.pass(world.now()).await;
            if github.is_dead() {
                github.heal();
                world.forget();
            }
        }
        world.settle().await;
        assert_eq!(
            comments(&github).len(),
            1,
            "{died}: {:?}",
            comments(&github)
        );
        at_rest(&github, &mut world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_offline_forge_shows_no_boxes() {
    let mut world = World::small().await;
    let (_, pull) = world.proposed("1.0.0").await;
    assert!(!pull.body.contains("- [ ]"), "{}", pull.body);
}
