//! GitHub as a forge: the small world's pull requests on it, through the real client, with everything that goes wrong there.

use headwater::plan::State as StageState;

use crate::support::fault_proxy::Rule;
use crate::support::github::{Fault, GitHub, Method, Protection};
use crate::support::world::World;

/// The small repository on a GitHub where Mara is of the release team.
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
    let id = world.open_pull().await.id;
    id.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewed_promotion_is_merged_and_a_quiet_pass_reads_one_page() {
    let (github, mut world) = begin().await;
    let build = world.good_build("1.0.0");
    world.settle().await;
    let pull = world.open_pull().await;
    let number = pull.id.parse().unwrap();
    assert!(
        pull.branch.starts_with("headwater/promote/app/prod/"),
        "{pull:?}"
    );
    world
        .assert_stage("app/prod", StageState::Waiting, "0 of 1 @acme/release")
        .await;
    assert_eq!(
        github.content(),
        2,
        "people are told that it was opened, and asked for a review: {:?}",
        github.seen()
    );

    github.forget_requests();
    world.pass().await;
    assert_eq!(github.writing(), 0);
    assert_eq!(
        github.reading(),
        1,
        "beside Git's refs all is known: {:?}",
        github.seen()
    );
    assert!(github.conditional() <= 4, "{:?}", github.seen());

    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
    assert_eq!(world.head("app", "prod"), Some(build));
    world.assert_nothing_to_do().await;

    github.forget_requests();
    world.pass().await;
    let counts = (github.reading(), github.writing(), github.conditional());
    assert_eq!(counts, (1, 0, 1), "{:?}", github.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_of_strangers_of_other_heads_and_taken_back_do_not_count() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.approve(number, "otto");
    world.settle().await;
    assert!(github.pull(number).open, "otto is not of the team");

    github.approve(number, "mara");
    github.request_changes(number, "mara");
    world.settle().await;
    assert!(github.pull(number).open, "mara took it back");

    github.approve(number, "mara");
    github.push("headwater/side", &[("x.txt", "1")], "otto");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_closes_is_held_and_what_they_reopen_goes_on() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    github.close(number, "otto");
    world.settle().await;
    world
        .assert_stage("app/prod", StageState::Held, "@otto")
        .await;
    world.advance("2h");
    world.settle().await;
    assert_eq!(world.pulls().await.len(), 1, "closed means closed");

    github.reopen(number, "otto");
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_build_moves_the_pull_request_and_a_merge_by_hand_is_found() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let newer = world.good_build("1.1.0");
    world.settle().await;
    let open = world.open_pull().await;
    let now: u64 = open.id.parse().unwrap();
    if now != number {
        assert!(!github.pull(number).open);
    }
    assert!(
        github.pull(now).title.contains("1.1.0"),
        "{}",
        github.pull(now).title
    );
    github.approve(now, "mara");
    github.merge_by(now, "mara", Method::Squash);
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(newer));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_are_found_again() {
    let (github, mut world) = begin().await;
    github.fault(Rule::on("POST", "/pulls$").once(), Fault::LoseAnswer);
    world.good_build("1.0.0");
    // The first pass may be told of a refusal; the next finds what that one did.
    for _ in 0..4 {
        world.pass().await;
    }
    world.settle().await;
    assert_eq!(world.pulls().await.len(), 1, "it was opened once");
    let number = world.open_pull().await.id.parse().unwrap();

    github.fault(Rule::on("PUT", "/merge$").once(), Fault::LoseAnswer);
    github.approve(number, "mara");
    for _ in 0..4 {
        world.pass().await;
    }
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
    assert_eq!(github.requests("PUT", "/merge$"), 1, "{:?}", github.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_behind_opens_nothing_twice() {
    let (github, mut world) = begin().await;
    github.fault(Rule::on("GET", r"/pulls\?state=all"), Fault::Stale(1));
    world.good_build("1.0.0");
    for _ in 0..6 {
        world.pass().await;
    }
    assert_eq!(github.requests("POST", "/pulls$"), 1, "{:?}", github.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_used_up_is_waited_for_and_nothing_else_stops() {
    let (github, mut world) = begin().await;
    github.fault(
        Rule::on("GET", r"/pulls\?state=all").once(),
        Fault::SecondaryLimit(Some(3_600)),
    );
    let build = world.good_build("1.0.0");
    let pass = world.pass().await;
    let failure = pass.observation.facts.forge_failure.clone().unwrap();
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("TooManyRequests", true),
        "{failure:?}"
    );
    assert!(failure.retry_at.is_some(), "{failure:?}");
    for _ in 0..6 {
        world.pass().await;
    }
    assert_eq!(world.head("app", "qa"), Some(build), "commits go on");
    let asked = github.requests("*", "^/repos/");
    assert_eq!(asked, 1, "nobody is asked until then: {:?}", github.seen());

    // Another process does not know of it, and the hour is over.
    world.restart();
    world.settle().await;
    assert_eq!(world.pulls().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_the_operators_and_is_shown_nowhere() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let token = github.token("headwater-bot");
    github.fault(Rule::on("GET", r"/pulls\?state=all"), Fault::status(401));
    let plan = world.plan().await;
    let said = format!("{plan:?}");
    assert!(said.contains("forge.github.token"), "{said}");
    assert!(!said.contains(&token));
    assert!(github.pull(number).open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_asks_for_our_status_is_merged_once_it_is_green_and_not_before() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    // What is delivered as a commit went before; a bot without a bypass could not push it any more.
    github.protect(
        "main",
        Some(Protection {
            checks: vec!["headwater/prod".to_owned()],
            ..Protection::default()
        }),
    );
    let shown = |github: &GitHub| {
        let head = github.pull(number).head_sha;
        let records = github.records();
        let of_head = records.statuses.iter().filter(|status| status.sha == head);
        of_head
            .map(|status| format!("{} {}", status.context, status.state))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&github), ["headwater/prod pending"]);
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
    assert_eq!(
        shown(&github),
        ["headwater/prod pending", "headwater/prod success"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_push_to_a_promotion_turns_it_red_and_is_left_alone() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let branch = github.pull(number).head;
    let theirs = github.push(&branch, &[("notes.txt", "mine")], "otto");
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).open);
    assert_eq!(
        github.head(&branch),
        Some(theirs.clone()),
        "nobody's work is lost"
    );
    let records = github.records();
    let red = records.statuses.iter().find(|status| status.sha == theirs);
    assert!(
        red.is_some_and(|status| status.state == "failure"),
        "{:?}",
        records.statuses
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn updating_the_branch_from_the_base_is_not_adding_to_it() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    world.person_commits(&[("README.md", "hello\n")], "Say hello");
    github.update_branch(number, "otto");
    world.settle().await;
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_github_has_not_seen_yet_and_labels_it_refuses_stop_nothing() {
    let (github, mut world) = begin().await;
    let unknown = r#"{"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "head", "code": "invalid"}]}"#;
    let json = [("content-type", "application/json; charset=utf-8")];
    let unknown = Fault::reply(422, &json, unknown);
    github.fault(Rule::on("POST", "/pulls$").once(), unknown);
    github.fault(Rule::on("POST", "/labels$").once(), Fault::status(422));
    world.person_edits(
        "environments/prod.yaml",
        "delivery: pullRequest\n",
        "delivery: pullRequest\n  pullRequest: {labels: [promotion]}\n",
    );
    let number = proposed(&mut world, "1.0.0").await;
    assert_eq!(github.requests("POST", "/pulls$"), 2, "{:?}", github.seen());
    assert_eq!(github.pull(number).labels, ["promotion"]);
    github.approve(number, "mara");
    world.settle().await;
    assert!(github.pull(number).merged.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_status_is_found_behind_a_hundred_of_others() {
    let (github, mut world) = begin().await;
    world.good_build("1.0.0");
    world.settle().await;
    let head = github.pull(1).head_sha;
    for number in 0..120 {
        github.status(&head, &format!("ci/{number}"), "success", "otto");
    }
    github.forget_requests();
    world.pass().await;
    assert_eq!(github.writing(), 0, "{:?}", github.seen());
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_all_bounds_is_shortened_and_a_strange_answer_is_no_panic() {
    let (github, mut world) = begin().await;
    let number = proposed(&mut world, "1.0.0").await;
    let text = headwater::forge::PullText {
        title: "t".repeat(400),
        body: format!("marker\n{}", "x".repeat(70_000)),
        labels: vec![],
    };
    let forge = &world.engine.forge;
    assert!(
        forge
            .update_text(&number.to_string(), text.clone(), world.now())
            .await
            .unwrap()
    );
    assert!(
        !forge
            .update_text(&number.to_string(), text, world.now())
            .await
            .unwrap(),
        "it fits already"
    );
    assert!(github.pull(number).body.unwrap().len() <= 65_536);

    let html = [("content-type", "text/html")];
    let cut = [("content-type", "application/json")];
    for fault in [
        Fault::reply(502, &html, "<html>bad gateway</html>"),
        Fault::reply(200, &html, "<html>sign in</html>"),
        Fault::reply(200, &cut, r#"[{"number": 1, "sta"#),
        Fault::reply(200, &cut, r#"[{"number": 1, "state": "levitating"}]"#),
    ] {
        github.fault(Rule::on("GET", r"/pulls\?state=all"), fault);
        let pass = world.pass().await;
        let failure = pass.observation.facts.forge_failure.clone().unwrap();
        assert!(failure.transient, "{failure:?}");
        github.heal();
        let pass = world.pass().await;
        assert_eq!(pass.observation.facts.forge_failure, None);
    }
}
