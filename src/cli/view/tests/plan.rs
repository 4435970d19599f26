//! `plan`

use super::samples::*;
use crate::cli::view::plan::PlanView;
use crate::cli::view::{View, diff};
use crate::model::RepoPath;
use crate::plan::report::{ChangeKind, State, Subject};
use crate::plan::{Plan, Question};

fn view(plan: &Plan) -> PlanView<'_> {
    PlanView {
        plan,
        saved_as: None,
        old: None,
    }
}

#[test]
fn changes_come_first_then_what_stands_still_then_a_line_to_count_by() {
    same(&shown(&view(&one()), &frame(Some(140))), "\
myapp
  import    dev          registry.example/acme/myapp:main   sha256:3f9a12c4d5e6 -> sha256:81c2d0aa90bd                   commit on main
  promote   qa <- dev    qa-stable                          1.1.9 (sha256:9c04e1f7a2b8) -> 1.2.0 (sha256:3f9a12c4d5e6)   commit on main
  waiting   prod <- qa   1.2.0                              soak 30m: since 14:02, until 14:32

Plan: 1 import, 1 promotion; 1 waiting.
Nothing written; `headwater apply` carries this out.
");
}

#[test]
fn on_a_narrower_terminal_what_moves_goes_below() {
    same(
        &shown(&view(&one()), &frame(Some(100))),
        "\
myapp
  import    dev          registry.example/acme/myapp:main
      sha256:3f9a12c4d5e6 -> sha256:81c2d0aa90bd   commit on main
  promote   qa <- dev    qa-stable
      1.1.9 (sha256:9c04e1f7a2b8) -> 1.2.0 (sha256:3f9a12c4d5e6)   commit on main
  waiting   prod <- qa   1.2.0
      soak 30m: since 14:02, until 14:32

Plan: 1 import, 1 promotion; 1 waiting.
Nothing written; `headwater apply` carries this out.
",
    );
    same(
        &shown(&view(&one()), &frame(Some(60))),
        "\
myapp
  import    dev          registry.example/acme/myapp:main
      sha256:3f9a12c4d5e6 -> sha256:81c2d0aa90bd   commit on
      main
  promote   qa <- dev    qa-stable
      1.1.9 (sha256:9c04e1f7a2b8) -> 1.2.0
      (sha256:3f9a12c4d5e6)   commit on main
  waiting   prod <- qa   1.2.0
      soak 30m: since 14:02, until 14:32

Plan: 1 import, 1 promotion; 1 waiting.
Nothing written; `headwater apply` carries this out.
",
    );
}

#[test]
fn a_pull_request_says_what_moves_and_when_it_was_saved() {
    let mut plan = one();
    let mut open = change(
        ChangeKind::Open,
        "orders",
        "prod <- qa",
        "Open pull request",
        "1.42.3 (sha256:9c04e1f7a2b8)",
        "1.42.7 (sha256:2b82f9c1d4e7)",
    );
    open.delivery = "pull request".to_owned();
    let mut close = change(
        ChangeKind::Close,
        "orders",
        "prod",
        "Close pull request 470: a newer build took its place",
        "",
        "",
    );
    close.delivery = "pull request 470".to_owned();
    plan.changes.extend([open, close]);
    plan.valid_until = Some(at("2026-11-23T13:32:11Z"));
    let view = PlanView {
        saved_as: Some("plan.json"),
        ..view(&plan)
    };
    same(&shown(&view, &wide(None)), "\
myapp
  import    dev          registry.example/acme/myapp:main   sha256:3f9a12c4d5e6 -> sha256:81c2d0aa90bd                     commit on main
      pipelines/myapp/imagestream.yaml
  promote   qa <- dev    qa-stable                          1.1.9 (sha256:9c04e1f7a2b8) -> 1.2.0 (sha256:3f9a12c4d5e6)     commit on main
      pipelines/myapp/imagestream.yaml
  waiting   prod <- qa   1.2.0                              soak 30m: since 14:02, until 14:32
orders
  open      prod <- qa                                      1.42.3 (sha256:9c04e1f7a2b8) -> 1.42.7 (sha256:2b82f9c1d4e7)   pull request
      pipelines/orders/imagestream.yaml
  close     prod         a newer build took its place                                                                      pull request 470
      pipelines/orders/imagestream.yaml

Plan: 1 import, 1 promotion, 1 pull request, 1 closing; 1 waiting.
Nothing written; `headwater apply plan.json` carries this out. After 14:32 it is planned again first.
");
}

#[test]
fn adopting_a_repository_plans_nothing() {
    let stages = (1..=40).map(|n| stage(&format!("app-{n}/prod"), "1.0.0", "1d"));
    let plan = plan_of(stages.collect());
    same(
        &shown(&view(&plan), &frame(Some(60))),
        "Plan: nothing to do. 40 settled.\n",
    );
    let mut plan = plan_of(vec![
        stage("myapp/prod", "1.0.0", "1d")
            .is(State::Held, "NotAdopted: something runs here already"),
    ]);
    plan.stages[0].help = Some("headwater promote myapp/prod --reason ...".to_owned());
    plan.questions
        .push(Question::Blob("a".repeat(40).parse().unwrap()));
    same(
        &shown(&view(&plan), &frame(Some(80))),
        "\
myapp
  held   prod      NotAdopted: something runs here already
      help: headwater promote myapp/prod --reason ...

Plan: nothing to do. 1 held.
1 fact could not be learnt: what needs them waits.
",
    );
}

#[test]
fn holds_are_grouped_with_what_they_are_about() {
    let mut plan = plan_of(vec![stage("keycloak/prod", "25.0.2", "9h")]);
    let environment = "prod".parse().unwrap();
    plan.holds = vec![
        hold(
            Subject::Tag("default/postgres:16".to_owned().try_into().unwrap()),
            State::Waiting,
            "Settling",
            "a new digest settles",
        ),
        hold(
            Subject::Tag("default/keycloak:prod".to_owned().try_into().unwrap()),
            State::Broken,
            "ImportFailed",
            "401",
        ),
        hold(
            Subject::Application {
                environment,
                application: "keycloak".to_owned(),
            },
            State::Broken,
            "Template",
            "`values.image` is missing",
        ),
        hold(
            Subject::Environment("qa".parse().unwrap()),
            State::Held,
            "NotYet",
            "matrix is not carried out",
        ),
        hold(
            Subject::File("pipelines/x.yaml".parse().unwrap()),
            State::Broken,
            "Invalid",
            "is no YAML",
        ),
        hold(
            Subject::Repository,
            State::Held,
            "BrakesUnreadable",
            "holds/x.yaml cannot be read",
        ),
    ];
    same(
        &shown(&view(&plan), &frame(Some(100))),
        "\
environment qa
  held                            matrix is not carried out
files
  broken    pipelines/x.yaml      is no YAML
keycloak
  broken    prod import           401
  broken    prod                  `values.image` is missing
postgres
  waiting   16                    a new digest settles
repository
  held                            holds/x.yaml cannot be read

Plan: nothing to do. 1 waiting, 2 held, 3 broken.
",
    );
}

#[test]
fn a_diff_shows_files_against_what_they_are() {
    let plan = one();
    let old = |_: &RepoPath| Some("kind: ImageStream\nspec:\n  tag: old\r\n".to_owned());
    let view = PlanView {
        old: Some(&old),
        ..view(&plan)
    };
    same(&shown(&view, &frame(Some(140))), "\
commit on main: Carry out 1 import, 1 promotion
--- a/pipelines/myapp/imagestream.yaml
+++ b/pipelines/myapp/imagestream.yaml
@@ -1,3 +1,3 @@
 kind: ImageStream
 spec:
-  tag: old␍
+  tag: new

myapp
  import    dev          registry.example/acme/myapp:main   sha256:3f9a12c4d5e6 -> sha256:81c2d0aa90bd                   commit on main
  promote   qa <- dev    qa-stable                          1.1.9 (sha256:9c04e1f7a2b8) -> 1.2.0 (sha256:3f9a12c4d5e6)   commit on main
  waiting   prod <- qa   1.2.0                              soak 30m: since 14:02, until 14:32

Plan: 1 import, 1 promotion; 1 waiting.
Nothing written; `headwater apply` carries this out.
");
}

#[test]
fn a_diff_knows_new_and_deleted_files_and_leaves_out_equal_ones() {
    let changed = files(&[
        ("a", Some("1\n\tx\u{1b}")),
        ("b", None),
        ("c", Some("same\n")),
    ]);
    let old = |path: &RepoPath| match path.as_str() {
        "a" => None,
        "b" => Some("gone\n".to_owned()),
        _ => Some("same\n".to_owned()),
    };
    let text = crate::cli::view::tests::samples::printed(&diff::files(&changed, &old));
    same(
        &text,
        "\
--- /dev/null
+++ b/a
@@ -0,0 +1,2 @@
+1
+    x�
\\ No newline at end of file
--- a/b
+++ /dev/null
@@ -1 +0,0 @@
-gone
",
    );
}

#[test]
fn a_plan_as_data_reads_back_without_the_bytes_of_files() {
    let plan = one();
    let json = round_trip(&view(&plan).data());
    assert_eq!(json["v"], 1);
    assert_eq!(json["nothingToDo"], false);
    assert_eq!(json["effects"][0]["do"], "pushBase");
    assert_eq!(
        json["effects"][0]["files"][0],
        "pipelines/myapp/imagestream.yaml"
    );
    assert_eq!(json["summary"], "Plan: 1 import, 1 promotion; 1 waiting.");
    assert!(!json.to_string().contains("kind: ImageStream"));
    assert_eq!(view(&plan).names(), ["myapp/dev", "myapp/qa"]);
}

#[test]
fn a_failed_import_is_told_once() {
    let why = "ghcr.io answered 401";
    let stage = stage("search/dev", "3.1.0", "6d").is(State::Broken, &format!("import: {why}"));
    let mut plan = plan_of(vec![stage]);
    let tag = Subject::Tag("default/search:dev".to_owned().try_into().unwrap());
    plan.holds = vec![hold(tag, State::Broken, "ImportFailed", why)];
    same(
        &shown(&view(&plan), &frame(Some(80))),
        "\
search
  broken   dev import      ghcr.io answered 401

Plan: nothing to do. 1 broken.
",
    );
    let status = crate::cli::view::status::StatusView {
        plan: &plan,
        all: false,
        checked: true,
    };
    let text = shown(&status, &frame(None));
    assert!(
        text.contains("broken   dev import: ghcr.io answered 401\n"),
        "{text}"
    );
    assert!(text.contains("why: headwater why search/dev"), "{text}");
}

#[test]
fn instants_are_told_in_the_readers_zone_but_for_what_somebody_wrote() {
    let told = crate::cli::view::words::told(
        "frozen until 2026-11-24T08:00:00Z: `2026-11-25T08:00:00Z` is no time",
        &frame(None),
    );
    assert!(told.contains("`2026-11-25T08:00:00Z` is no time"), "{told}");
    assert!(!told.contains("2026-11-24T08:00:00Z"), "{told}");
}
