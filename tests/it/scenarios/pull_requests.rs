//! Promotions that wait as pull requests, and everything that may happen to them meanwhile.

use headwater::forge::PullState;
use headwater::git::{NewCommit, Person, RefUpdate};
use headwater::plan::{Effect, Plan, State};

use crate::support::world::{Repository, World, shown, small};

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_pull_request_survives_twenty_imports_into_the_same_file() {
    let mut world = World::small().await;
    world.delivered("1.0.0").await;
    let (build, pull) = world.proposed("1.1.0").await;
    for n in 0..20 {
        world.advance("1m");
        // Their tests did not pass, so they come as far as qa.
        world.push_build("acme/app:main", &format!("1.2.{n}"), &[]);
        world.settle().await;
    }
    let waiting = world.open_pull().await;
    assert_eq!((&waiting.id, &waiting.head), (&pull.id, &pull.head));

    world.approve(&waiting, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_build_takes_an_unapproved_pull_request_over_in_place() {
    let mut world = World::small().await;
    let (_, first) = world.proposed("1.0.0").await;
    let (build, second) = world.proposed("1.1.0").await;
    assert_eq!((&second.id, &second.branch), (&first.id, &first.branch));
    assert_ne!(second.head, first.head);
    assert!(second.title.contains("1.1.0"), "{}", second.title);
    world.approve(&second, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_build_waits_behind_an_approved_pull_request() {
    let freeze = small::freeze("now", "prod");
    let mut world = World::small().await;
    let (first, pull) = world.proposed("1.0.0").await;
    world.approve(&pull, "Ines").await;
    world.person_commits(&[("freezes/now.yaml", &freeze)], "Freeze");
    let newer = world.good_build("1.1.0");
    world.settle().await;
    assert_eq!(world.open_pull().await.head, pull.head);
    world
        .assert_stage("app/prod", State::Frozen, "inventory")
        .await;

    world.person_deletes(&["freezes/now.yaml"], "Thaw");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(first));
    let next = world.open_pull().await;
    world.approve(&next, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(newer));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_an_older_head_does_not_count() {
    let mut world = World::small().await;
    let (_, pull) = world.proposed("1.0.0").await;
    world.approve(&pull, "Mara").await;
    world.settle().await;
    assert_eq!(
        world.head("app", "prod"),
        None,
        "Mara is not of the release team"
    );
    world.good_build("1.1.0");
    world.settle().await;
    let moved = world.open_pull().await;
    assert_ne!(moved.head, pull.head, "nobody who counts had approved it");
    world
        .assert_stage("app/prod", State::Waiting, "approval 0 of 1")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pull_request_stays_closed_and_the_next_build_gets_one_of_its_own() {
    let mut world = World::small().await;
    let (_, pull) = world.proposed("1.0.0").await;
    world.close(&pull, "ines@example.com").await;
    world.settle().await;
    world.advance("3h");
    world.forget();
    world.settle().await;
    assert_eq!(world.pulls().await[&pull.id].state, PullState::Closed);
    assert_eq!(world.pulls().await.len(), 1);
    world.assert_stage("app/prod", State::Held, "closed").await;

    let (build, next) = world.proposed("1.1.0").await;
    assert_ne!(next.branch, pull.branch);
    world.approve(&next, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_opened_again_goes_on() {
    let mut world = World::small().await;
    let (build, pull) = world.proposed("1.0.0").await;
    world.close(&pull, "ines@example.com").await;
    world.settle().await;
    world.reopen(&pull).await;
    world.settle().await;
    let again = world.open_pull().await;
    assert_eq!(again.id, pull.id);
    world.approve(&again, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_commit_on_the_branch_is_left_alone_and_reported() {
    let mut world = World::small().await;
    let (_, pull) = world.proposed("1.0.0").await;
    let file = ("evil.yaml".to_owned(), Some(b"a: 1\n".to_vec()));
    let head = world.repository.commit_to(
        &pull.branch,
        "Mara",
        world.now(),
        "Slip something in",
        &vec![file],
    );
    world.approve(&pull, "Ines").await;
    world.good_build("1.1.0");
    world.settle().await;
    let left = world.open_pull().await;
    assert_eq!(left.head.as_str(), head);
    assert_eq!(world.head("app", "prod"), None);
    world
        .assert_stage("app/prod", State::Held, "left alone")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_moves_while_it_is_made_anew_is_looked_at_again_and_not_overwritten() {
    let mut world = World::served(&[]).await;
    let (_, pull) = world.proposed("1.0.0").await;
    world.good_build("1.1.0");
    let takes_over = |plan: &Plan| {
        let updates = |e: &Effect| matches!(e, Effect::UpdatePullRequest { branch, .. } if *branch == pull.branch);
        plan.effects.iter().any(updates)
    };
    let mut passes = 0;
    while !takes_over(&world.plan().await) {
        world.pass().await;
        passes += 1;
        assert!(passes < 5, "the newer build never takes it over");
    }
    let (path, now, branch) = (
        world.repository.path().to_owned(),
        world.now(),
        pull.branch.clone(),
    );
    let (moved, slipped) = std::sync::mpsc::channel();
    world.server().between(move || {
        let file = ("evil.yaml".to_owned(), Some(b"a: 1\n".to_vec()));
        let theirs = Repository::open(&path);
        let head = theirs.commit_to(&branch, "Mara", now, "Slip something in", &vec![file]);
        moved.send(head).unwrap();
    });
    let pass = world.pass().await;
    assert_eq!(
        (pass.effort.tries, pass.receipt.again),
        (2, false),
        "{:?}",
        pass.receipt
    );
    let head = slipped.recv().unwrap();
    assert_ne!(head, pull.head.as_str());
    assert_eq!(world.repository.resolve(&pull.branch), Some(head));
    world
        .assert_stage("app/prod", State::Held, "left alone")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bringing_the_branch_up_to_date_is_not_foreign() {
    let mut world = World::small().await;
    let (build, pull) = world.proposed("1.0.0").await;
    world.person_commits(&[("notes.md", "hello\n")], "Take notes");
    let head = world
        .repository
        .merge("main", &pull.branch, "Mara", world.now());
    world.settle().await;
    let updated = world.open_pull().await;
    assert_eq!(updated.head.as_str(), head);
    world.approve(&updated, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    assert!(world.repository.text("main", "notes.md").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_no_longer_merges_is_rebuilt_and_must_be_approved_again() {
    let mut world = World::small().await;
    let (build, pull) = world.proposed("1.0.0").await;
    world.person_edits(
        small::STREAM_PATH,
        "    - name: qa\n",
        "    - name: nightly\n      from: {kind: DockerImage, name: 'registry.example/acme/app:nightly'}\n    - name: qa\n",
    );
    world.approve(&pull, "Ines").await;
    world.settle().await;
    let rebuilt = world.open_pull().await;
    assert_ne!(rebuilt.head, pull.head);
    assert_eq!(world.head("app", "prod"), None);
    world.approve(&rebuilt, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
    let text = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert_eq!(text.matches("- name: prod").count(), 1, "{text}");
    assert_eq!(text.matches("- name: nightly").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_by_a_person_is_a_fact_and_moves_no_output_afterwards() {
    for squash in [false, true] {
        let mut world = World::small().await;
        let (build, pull) = world.proposed("1.0.0").await;
        if squash {
            world.repository.squash(&pull.branch, "Mara", world.now());
        } else {
            world
                .repository
                .merge(&pull.branch, "main", "Mara", world.now());
        }
        let merged = world.repository.resolve("main");
        world.settle().await;
        assert_eq!(
            world.repository.resolve("main"),
            merged,
            "nothing is left to record"
        );
        assert_eq!(world.head("app", "prod").as_ref(), Some(&build));
        let prod = world.stage("app/prod").await;
        assert_eq!(prod.state, State::Settled, "{}", prod.why);
        assert!(prod.current.is_some(), "squash: {squash}");
        assert_ne!(world.pulls().await[&pull.id].state, PullState::Open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_of_a_branch_that_was_pushed_before_a_crash_is_opened_once() {
    let mut world = World::small().await;
    world.good_build("1.0.0");
    // Up to the pass that would open it.
    let plan = loop {
        let plan = world.plan().await;
        if plan
            .effects
            .iter()
            .any(|e| matches!(e, Effect::OpenPullRequest { .. }))
        {
            break plan;
        }
        world.pass().await;
    };
    let Some(Effect::OpenPullRequest {
        branch,
        start,
        commit,
        ..
    }) = plan.effects.first()
    else {
        panic!("{}", shown(&plan));
    };
    let us = Person {
        name: "headwater".to_owned(),
        email: "headwater@localhost".to_owned(),
    };
    let files = commit.files.iter();
    let new = NewCommit {
        parents: vec![start.clone()],
        start: Some(start.clone()),
        files: files
            .map(|(p, t)| (p.clone(), t.clone().map(String::into_bytes)))
            .collect(),
        message: commit.message.clone(),
        author: us.clone(),
        committer: us,
        time: plan.stamp,
    };
    let head = world.engine.git.commit(new).await.unwrap();
    let update = RefUpdate {
        name: format!("refs/heads/{branch}"),
        expect: None,
        new: Some(head),
    };
    world.engine.git.push(vec![update]).await.unwrap();
    world.forget();
    // Time went by, and the base moved on.
    world.advance("5m");
    world.person_commits(&[("notes.md", "hello\n")], "Take notes");
    world.settle().await;
    let pull = world.open_pull().await;
    assert_eq!(&pull.branch, branch);
    let branches = world.repository.refs();
    let ours = branches
        .keys()
        .filter(|r| r.starts_with("refs/heads/headwater/"));
    assert_eq!(ours.count(), 1, "{branches:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_pull_request_of_a_stage_that_vanished_is_closed_by_us() {
    let mut world = World::small().await;
    let (_, pull) = world.proposed("1.0.0").await;
    world.person_edits(
        small::PIPELINE_PATH,
        "    - name: prod\n      from: [qa]\n",
        "",
    );
    world.settle().await;
    let closed = &world.pulls().await[&pull.id];
    assert_eq!(closed.state, PullState::Closed);
    assert_eq!(closed.closed_by, None, "closed by us, so it holds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_stage_may_take_builds_by_pull_request_and_newer_ones_take_it_over() {
    let dev = small::by_pull_request("dev");
    let mut world = World::with(&[("environments/dev.yaml", &dev)]).await;
    let (_, first) = world.proposed("1.0.0").await;
    assert_eq!(world.head("app", "dev"), None);
    let (newer, second) = world.proposed("1.1.0").await;
    assert_eq!(first.id, second.id);
    assert_eq!(second.title, "Import app 1.1.0 to dev");
    world.approve(&second, "Ines").await;
    let pass = world.pass().await;
    assert_eq!(
        world.head("app", "dev").as_ref(),
        Some(&newer),
        "{}",
        shown(&pass.plan)
    );
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(newer));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_base_cannot_render_any_more_is_not_merged_and_told_before() {
    let mut world = World::small().await;
    let (build, pull) = world.proposed("1.0.0").await;
    let broken = small::TEMPLATE.replace("{{image}}", "{{image \"nowhere\"}}");
    world.person_commits(&[(small::TEMPLATE_PATH, &broken)], "A mistake");
    world.approve(&pull, "Ines").await;
    world.settle().await;
    assert_eq!(world.head("app", "prod"), None);
    world
        .assert_stage("app/prod", State::Broken, "nowhere")
        .await;
    world.person_commits(&[(small::TEMPLATE_PATH, small::TEMPLATE)], "Mended");
    world.settle().await;
    assert_eq!(world.head("app", "prod"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_goes_to_the_end_of_a_road_of_pull_requests_that_nobody_has_to_approve() {
    let names = ["dev", "qa", "canary", "prod"];
    let from = ["", ", from: [dev]", ", from: [qa]", ", from: [canary]"];
    let stages = names.iter().zip(from);
    let stages = stages.map(|(name, from)| format!("    - {{name: {name}{from}}}\n"));
    let stages: String = stages.collect();
    let pipeline = small::PIPELINE
        .split_once("    - name")
        .unwrap()
        .0
        .to_owned()
        + &stages;
    let files: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let rules = "delivery: pullRequest";
            let text = small::environment(name, rules, &["app"]);
            (format!("environments/{name}.yaml"), text)
        })
        .chain([(small::PIPELINE_PATH.to_owned(), pipeline)])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
    let mut world = World::with(&files).await;
    let build = world.good_build("1.0.0");
    let passes = world.run_once().await;
    let reached = world.head("app", "prod");
    assert_eq!(reached, Some(build), "{passes} passes");
    world.assert_nothing_to_do().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_merges_what_several_pipelines_have_though_each_pass_merges_one() {
    let names = ["app", "api", "web", "shop", "cart"];
    let files = small::services(&names, "delivery: pullRequest");
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
    let world = World::with(&files).await;
    let mut builds = Vec::new();
    for name in names {
        let passed = [("tests", "passed")];
        let place = format!("acme/{name}:main");
        builds.push((name, world.push_build(&place, "1.0.0", &passed)));
    }
    let passes = world.run_once().await;
    for (name, build) in builds {
        let reached = world.head(name, "prod");
        assert_eq!(reached, Some(build), "{name} after {passes} passes");
    }
    world.assert_nothing_to_do().await;
}
