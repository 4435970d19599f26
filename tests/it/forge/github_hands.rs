//! What people do to a pull request on GitHub beside reviewing it: they edit its text, push to its branch, take branches away,
//! let it go elsewhere, rename or archive the repository.

use headwater::plan::State as StageState;

use crate::support::github::GitHub;
use crate::support::world::World;

async fn begin() -> (GitHub, World) {
    let github = GitHub::start().await;
    github.team("release", &["mara"]);
    let world = World::on_github(&github).await;
    (github, world)
}

/// A build that waits for its review; the number of its pull request.
async fn proposed(world: &mut World, version: &str) -> u64 {
    world.good_build(version);
    world.settle().await;
    world.open_pull().await.id.parse().unwrap()
}

fn body(github: &GitHub, number: u64) -> String {
    github.pull(number).body.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_lost_its_marker_gets_it_back_and_what_people_wrote_below_stays() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let ours = body(&github, number);
    let (marker, rest) = ours.split_once('\n').unwrap();
    let edited = format!("Seen by finance.\r\n{rest}\nTicket CHG-4711, do not merge on Friday.\n");
    github.edit_body(number, "otto", &edited);
    world.settle().await;
    assert_eq!(github.pulls().len(), 1, "it is still the same one");
    let again = body(&github, number);
    assert_eq!(again, format!("{marker}\n{}", edited.replace("\r\n", "\n")));
    world.assert_nothing_to_do().await;

    // What is ours is written anew once there is something new to say; the ticket is no business of ours.
    let newer = world.good_build("1.1.0");
    world.settle().await;
    let newest = body(&github, number);
    assert!(newest.contains("**1.1.0**"), "{newest}");
    assert!(
        newest.ends_with("\nTicket CHG-4711, do not merge on Friday.\n"),
        "{newest}"
    );
    assert_eq!(newest.matches("headwater ends here").count(), 1, "{newest}");

    github.edit_body(number, "otto", "");
    github.approve(number, "mara");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(newer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_lost_its_marker_still_holds_when_it_is_closed() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.edit_body(number, "otto", "no");
    github.close(number, "otto");
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Held, "@otto")
        .await;
    assert_eq!(github.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_people_edit_stays_until_there_is_something_new_to_say() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.edit_title(number, "otto", "Ship it on Monday");
    world.settle().await;
    world.assert_nothing_to_do().await;
    assert_eq!(github.pull(number).title, "Ship it on Monday");
    world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(github.pull(number).title, "Promote app 1.1.0 to prod");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_others_are_told_in_one_comment_and_nothing_more_is_done() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let branch = github.pull(number).head;
    let theirs = github.push(&branch, &[("notes.txt", "mine")], "otto");
    world.settle().await;
    github.push(&branch, &[("notes.txt", "mine too")], "otto");
    world.settle().await;
    world.good_build("1.1.0");
    world.settle().await;
    let comments = github.pull(number).comments;
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(
        comments[0].body.contains("leaves this pull request alone"),
        "{comments:?}"
    );
    github.forget_requests();
    world.forget();
    world.settle().await;
    assert_eq!(github.writing(), 0, "{:?}", github.seen());
    assert_ne!(
        github.head(&branch),
        Some(theirs),
        "it is where otto left it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_somebody_deletes_holds_its_set() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let branch = github.pull(number).head;
    github.delete_branch(&branch, "otto");
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Held, "@otto")
        .await;
    assert_eq!((github.head(&branch), github.pulls().len()), (None, 1));

    // The next build gets one of its own.
    let newer = world.good_build("1.1.0");
    world.settle().await;
    let number = world.open_pull().await.id.parse().unwrap();
    github.approve(number, "mara");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(newer));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_let_go_elsewhere_is_left_alone_until_it_is_pointed_back() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.push("elsewhere", &[("x.txt", "1")], "otto");
    github.retarget(number, "otto", "elsewhere");
    github.approve(number, "mara");
    world.settle().await;
    let pull = github.pull(number);
    assert!(pull.open, "it is merged nowhere");
    assert!(
        pull.comments[0].body.contains("goes into `elsewhere`"),
        "{pull:?}"
    );
    assert_eq!(github.requests("PUT", "/merge$"), 0);
    github.retarget(number, "otto", "main");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_gets_another_name_is_followed() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.rename_main("trunk");
    world.settle().await;
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
    world.good_build("1.1.0");
    world.settle().await;
    let number = world.open_pull().await.id.parse().unwrap();
    assert_eq!(github.pull(number).base, "trunk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_gone_is_told_and_nothing_is_lost_until_it_is_back() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let base = |name: &str| Some(name.to_owned());
    world.operator(|settings| settings.git.base = base("main"));
    let head = github.head("main").unwrap();
    let gone = async |world: &World| {
        github.forget_requests();
        let passed = world.engine.reconciler.pass(world.now()).await;
        let said = passed.unwrap_err().to_string();
        assert!(said.contains("`main`"), "{said}");
        assert_eq!(github.writing(), 0, "{:?}", github.seen());
        let trouble = world.engine.reconciler.observer.git_trouble().await;
        assert_eq!(trouble.unwrap().reason, "NotFound");
    };

    // Deleted: GitHub closes what goes into it. Back again, and reopened, it goes on.
    github.delete_branch("main", "otto");
    gone(&world).await;
    gone(&world).await;
    github.force_push("main", &head, "otto");
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Held, "@otto")
        .await;
    assert_eq!(github.pulls().len(), 1);
    github.reopen(number, "otto");
    world.settle().await;
    assert_eq!(world.open_pull().await.id, number.to_string());

    // Renamed, and the operator had fixed its name.
    github.rename_main("trunk");
    gone(&world).await;
    world.operator(|settings| settings.git.base = base("trunk"));
    world.settle().await;
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
    assert_eq!(github.pulls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_called_otherwise_now_is_told_and_opens_nothing_twice() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.rename(Some("acme/fleet"));
    world.advance("1h");
    let pass = world.pass().await;
    let failure = pass.observation.facts.forge_failure.clone().unwrap();
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("Moved", false)
    );
    assert!(
        failure
            .message
            .contains("`acme/deploy` is called `acme/fleet` now"),
        "{failure:?}"
    );
    github.approve(number, "mara");
    github.forget_requests();
    world.settle().await;
    assert_eq!(
        (github.pulls().len(), github.writing()),
        (1, 0),
        "{:?}",
        github.seen()
    );
    github.rename(None);
    world.advance("2h");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_repository_is_told_and_not_asked_all_the_time() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.approve(number, "mara");
    github.archive(true);
    let mut refused = Vec::new();
    for _ in 0..5 {
        refused.extend(world.pass().await.receipt.refused);
    }
    assert!(
        refused.iter().any(|r| r.why.contains("was archived")),
        "{refused:?}"
    );
    github.forget_requests();
    for _ in 0..5 {
        world.pass().await;
    }
    assert_eq!(github.writing(), 0, "{:?}", github.seen());
    github.archive(false);
    world.advance("2h");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_may_write_has_the_branch_made_anew_by_a_comment_once() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let ours = github.pull(number).head_sha;
    let branch = github.pull(number).head;
    let theirs = github.push(&branch, &[("notes.txt", "mine")], "otto");
    world.settle().await;
    for (who, command) in [
        ("rita", "/headwater rebuild"),
        ("nobody", "/headwater rebuild"),
        ("otto", "please /headwater rebuild"),
    ] {
        if who != "nobody" {
            github.comment(number, who, command);
        }
        world.settle().await;
        assert_eq!(
            github.head(&branch),
            Some(theirs.clone()),
            "{who}: {command}"
        );
    }
    github.comment(number, "otto", "/headwater rebuild\nthat was a mistake");
    world.settle().await;
    let anew = github.head(&branch).unwrap();
    assert_eq!(anew, ours, "at the same instant it is the same commit");
    assert!(world.repository.text(&branch, "notes.txt").is_none());
    let said: Vec<String> = github
        .pull(number)
        .comments
        .into_iter()
        .map(|c| c.body)
        .collect();
    let answers = said.iter().filter(|body| body.contains("as @otto asked"));
    assert_eq!(answers.count(), 1, "{said:?}");

    github.forget_requests();
    world.advance("1h");
    world.forget();
    world.settle().await;
    assert_eq!(github.head(&branch), Some(anew), "once");
    assert_eq!(github.writing(), 0, "{:?}", github.seen());
    github.comment(number, "otto", "/headwater dance");
    world.settle().await;
    let said = github.pull(number).comments.pop().unwrap().body;
    assert!(said.contains("`dance` is no command"), "{said}");
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}
