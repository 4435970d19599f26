//! Facts and plans in files.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_from_facts_has_the_same_bytes_every_time_and_asks_nobody() {
    let line = Line::new().await;
    let base = line.base();
    let observed = line.said(&["observe", "--out", "facts.json"]).await;
    assert_eq!(observed.code, 0, "{observed:?}");
    observed.has(&["facts.json", "answers of registries"]);
    let requests = line.registry.requests().len();
    let replay =
        |out: &'static str| async move { vec!["plan", "--facts", "facts.json", "--out", out] };
    let (one, two) = (replay("one.json").await, replay("two.json").await);
    let first = line.said(&one).await;
    base.commit(
        "main",
        "Go on",
        &[("note.txt".to_owned(), Some(b"x".to_vec()))],
    );
    let second = line.said(&two).await;
    assert_eq!((first.code, second.code), (0, 0), "{first:?} {second:?}");
    let read = |name: &str| std::fs::read(line.machine.folder().join(name)).unwrap();
    assert_eq!(read("one.json"), read("two.json"));
    assert_eq!(
        first.stdout.replace("one.json", ""),
        second.stdout.replace("two.json", "")
    );
    first.has(&["import"]);
    assert_eq!(line.registry.requests().len(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_carried_out_only_while_it_is_what_would_be_planned() {
    let line = Line::new().await;
    let base = line.base();
    let planned = line.said(&["plan", "--out", "plan.json", "--diff"]).await;
    planned.has(&["plan.json", "+++ b/pipelines/myapp/imagestream.yaml"]);
    base.commit(
        "main",
        "Somebody else",
        &[("note.txt".to_owned(), Some(b"x".to_vec()))],
    );
    let head = base.resolve("main");
    let late = line.said(&["apply", "plan.json"]).await;
    assert_eq!((late.code, base.resolve("main")), (75, head), "{late:?}");
    late.has(&["nothing was written", "main went from", "headwater plan"]);

    line.said(&["plan", "--out", "plan.json"]).await;
    let applied = line.said(&["apply", "plan.json"]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    applied.has(&["pushed"]);
    assert_eq!(base.log("main").len(), 3);

    std::fs::remove_dir_all(line.machine.folder().join("cache")).unwrap();
    line.rebuild("1.3.0");
    line.said(&["plan", "--out", "plan.json"]).await;
    line.rebuild("1.4.0");
    let head = base.resolve("main");
    let other = line.said(&["apply", "plan.json"]).await;
    assert_eq!((other.code, base.resolve("main")), (75, head), "{other:?}");
    let one = line.said(&["apply"]).await;
    assert_eq!(one.code, 0, "{one:?}");
    one.has(&["pushed", "Done: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_plans_or_facts_are_refused() {
    let line = Line::new().await;
    let base = line.base();
    let write = |text: &str| std::fs::write(line.machine.folder().join("x.json"), text).unwrap();
    for (text, part) in [
        ("", "holds no"),
        ("{}", "does not say its version"),
        (r#"{"v": 2}"#, "is of version 2"),
    ] {
        write(text);
        for arguments in [&["apply", "x.json"][..], &["plan", "--facts", "x.json"]] {
            let said = line.said(arguments).await;
            assert_eq!(said.code, 2, "{arguments:?} {said:?}");
            said.has(&[part, "help: "]);
        }
    }
    let gone = line.said(&["apply", "none.json"]).await;
    assert_eq!(gone.code, 2, "{gone:?}");
    let nowhere = line
        .said(&["observe", "--out", "no/such/folder.json"])
        .await;
    assert_eq!(nowhere.code, 1, "{nowhere:?}");
    assert_eq!(base.log("main"), ["Begin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_a_commit_that_is_gone_are_refused() {
    let line = Line::new().await;
    let _base = line.base();
    let observed = line.said(&["observe", "--out", "-"]).await;
    let mut facts = observed.json();
    facts["commit"] = Value::from("1".repeat(40));
    let file = line.machine.folder().join("facts.json");
    std::fs::write(file, facts.to_string()).unwrap();
    let said = line.said(&["plan", "--facts", "facts.json"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    said.has(&["headwater observe"]);
}
