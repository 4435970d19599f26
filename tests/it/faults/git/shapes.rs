//! Repositories of odd shapes: what can be read works to the byte, what cannot is named, and neither hinders the other.

use std::io::Write as _;
use std::process::{Command, Stdio};

use headwater::plan::{Plan, State};

use crate::support::world::{World, shown, small};

/// A commit on `main` by the pieces of `git fast-import`, for names and modes that no work tree could hold.
fn import(world: &World, pieces: &[u8]) {
    let mut stream = format!(
        "commit refs/heads/main\ncommitter Mara <mara@example.com> {} +0000\ndata 4\nodd\n\nfrom refs/heads/main^0\n",
        world.now().as_second()
    )
    .into_bytes();
    stream.extend_from_slice(pieces);
    let mut child = Command::new("git")
        .current_dir(world.repository.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&stream).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// One file for [`import`]; the path may hold escapes in C's way.
fn piece(mode: &str, path: &str, content: &[u8]) -> Vec<u8> {
    let mut piece = format!("M {mode} inline \"{path}\"\ndata {}\n", content.len()).into_bytes();
    piece.extend_from_slice(content);
    piece.push(b'\n');
    piece
}

/// What the documents of the base have wrong, a line each.
async fn problems(world: &World) -> Vec<String> {
    let (observation, _) = world.observed().await;
    let problems = observation.snapshot.documents.problems.iter();
    problems
        .map(|p| format!("{} {} {}", p.code, p.path, p.message))
        .collect()
}

#[track_caller]
fn assert_named(problems: &[String], words: &[&str]) {
    let found = |p: &&String| words.iter().all(|word| p.contains(word));
    assert!(
        problems.iter().any(|p| found(&p)),
        "{words:?} in {problems:#?}"
    );
}

/// What is told of files, tags and stages that are wrong.
fn told(plan: &Plan) -> String {
    let holds = plan.holds.iter().map(|h| format!("{h:?}"));
    let stages = plan
        .stages
        .iter()
        .map(|s| format!("{:?} {}", s.state, s.why));
    holds.chain(stages).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_line_ends_and_a_missing_last_line_break_stay_as_people_wrote_them() {
    let crlf = format!("\u{feff}{}", small::STREAM.replace('\n', "\r\n"));
    let crlf = crlf.strip_suffix("\r\n").unwrap();
    let bare = small::STREAM.strip_suffix('\n').unwrap();
    for text in [crlf, bare] {
        let mut world = World::with(&[(small::STREAM_PATH, text)]).await;
        world.delivered("1.0.0").await;
        world.delivered("1.1.0").await;
        let after = world.repository.text("main", small::STREAM_PATH).unwrap();
        assert_eq!(after.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
        if text.contains('\r') {
            assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
        } else {
            assert!(!after.contains('\r'));
        }
        let mut left = after.lines();
        for line in text.lines() {
            assert!(left.any(|l| l == line), "{line:?} is lost in\n{after}");
        }
        for commit in world.repository.line().iter().skip(1) {
            let diff = world.repository.diff(commit);
            assert!(!diff.contains("-# The stream of app"), "{diff}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn indentation_by_tabs_is_refused_in_yaml_and_kept_in_json() {
    let json = serde_json::json!({
        "apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": {"name": "app"},
        "spec": {"tags": [{"name": "dev", "importPolicy": {"scheduled": true},
            "from": {"kind": "DockerImage", "name": "registry.example/acme/app:main"}}]},
    });
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(&json, &mut serializer).unwrap();
    let text = String::from_utf8(text).unwrap() + "\n";
    let mut world = World::with(&[
        (small::STREAM_PATH, &text),
        (
            "streams/tabs.yaml",
            "kind: ImageStream\nspec:\n\ttags: []\n",
        ),
    ])
    .await;
    let build = world.delivered("1.0.0").await;
    assert_eq!(world.head("app", "prod"), Some(build));
    let after = world.repository.text("main", small::STREAM_PATH).unwrap();
    assert!(
        serde_json::from_str::<serde_json::Value>(&after).is_ok(),
        "{after}"
    );
    assert!(
        after
            .lines()
            .skip(1)
            .all(|l| l.starts_with('\t') || l == "}"),
        "{after}"
    );
    assert_named(
        &problems(&world).await,
        &["streams/tabs.yaml", "not valid YAML"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_kind_are_read_or_named_and_hinder_nothing() {
    let mut world = World::small().await;
    let stream = |name: &str| small::stream(name).into_bytes();
    let long = format!("streams/{}.yaml", "x".repeat(250));
    let longer = format!("streams/{}.yaml", "y".repeat(5000));
    let pieces = [
        piece("100644", "streams/bad\\377.yaml", &stream("bytes")),
        piece("100644", "streams/new\\nline.yaml", &stream("line")),
        piece("100644", "streams/back\\\\slash.yaml", &stream("slash")),
        piece("100644", &longer, &stream("longer")),
        piece("100644", &long, &stream("long")),
        piece("100644", "streams/Twin.yaml", &stream("upper")),
        piece("100644", "streams/twin.yaml", &stream("lower")),
        piece("100644", "streams/caf\u{e9}.yaml", &stream("composed")),
        piece("100644", "streams/cafe\u{301}.yaml", &stream("decomposed")),
        piece("100644", "streams/a b'c.yaml", &stream("blank")),
    ];
    import(&world, &pieces.concat());
    let read = ["long", "upper", "lower", "composed", "decomposed", "blank"];
    let builds: Vec<_> = read
        .iter()
        .map(|name| world.push_build(&format!("acme/{name}:main"), "1.0.0", &[]))
        .collect();
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    let (observation, _) = world.observed().await;
    for (name, build) in read.iter().zip(builds) {
        let mut streams = observation.snapshot.documents.streams.iter();
        let found = streams.find(|(key, _)| key.name.as_str() == *name);
        let (_, found) = found.unwrap_or_else(|| panic!("{name} is not read"));
        assert_eq!(
            found.value.head("dev").unwrap().digest(),
            Some(build),
            "{name}"
        );
    }
    let problems = problems(&world).await;
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_named(&problems, &["bad\u{fffd}.yaml", "not UTF-8"]);
    assert_named(&problems, &["new line.yaml", "control character"]);
    assert_named(&problems, &["back\\slash.yaml", "backslash"]);
    assert_named(&problems, &["yyyy", "too long"]);
    assert!(problems.iter().all(|p| !p.contains('\n')));
}

#[tokio::test(flavor = "multi_thread")]
async fn links_loops_submodules_and_pointers_are_not_followed_and_are_named() {
    let mut world = World::small().await;
    let head = world.repository.resolve("main").unwrap();
    let submodule = format!("M 160000 {head} \"streams/module\"\n").into_bytes();
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";
    let pieces = [
        piece(
            "120000",
            "streams/file.yaml",
            b"../pipelines/app/imagestream.yaml",
        ),
        piece("120000", "streams/folder", b"../pipelines"),
        piece("120000", "streams/absolute.yaml", b"/etc/passwd"),
        piece("120000", "streams/config.yaml", b"../.git/config"),
        piece("120000", "streams/dangling.yaml", b"nowhere"),
        piece("120000", "streams/loop.yaml", b"loop.yaml"),
        piece("100644", "streams/large.yaml", pointer),
        submodule,
    ];
    import(&world, &pieces.concat());
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    let problems = problems(&world).await;
    assert_eq!(problems.len(), 8, "{problems:#?}");
    for link in [
        "file.yaml",
        "folder",
        "absolute.yaml",
        "config.yaml",
        "dangling.yaml",
        "loop.yaml",
    ] {
        assert_named(
            &problems,
            &[
                &format!("streams/{link}"),
                "symbolic link is never followed",
            ],
        );
    }
    assert_named(&problems, &["streams/module", "submodule is never entered"]);
    assert_named(&problems, &["streams/large.yaml", "Git LFS"]);
}

/// Nine levels of nine aliases each.
fn bomb() -> String {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for pair in ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"] {
        let (from, to) = pair.split_at(1);
        let nine = vec![format!("*{from}"); 9].join(", ");
        text += &format!("{to}: &{to} [{nine}]\n");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_would_blow_up_are_refused_by_name_and_the_rest_goes_on() {
    let mut world = World::small().await;
    let begin = "apiVersion: image.openshift.io/v1\nkind: ImageStream\n";
    let bomb = format!(
        "{begin}metadata: {{name: bomb}}\nspec:\n  tags: *i\n{}",
        bomb()
    )
    .replace("spec:\n  tags: *i\n", "")
        + "spec: {tags: *i}\n";
    let deep = format!("{begin}x: {}", "[".repeat(10_000));
    let tags: String = (0..1_000_000)
        .map(|n| format!("  - {{name: t{n}}}\n"))
        .collect();
    let tags = format!("{begin}metadata: {{name: many}}\nspec:\n  tags:\n{tags}");
    let large = vec![b'#'; 100 << 20];
    let pieces = [
        piece("100644", "streams/bomb.yaml", bomb.as_bytes()),
        piece("100644", "streams/deep.yaml", deep.as_bytes()),
        piece("100644", "streams/tags.yaml", tags.as_bytes()),
        piece("100644", "streams/large.yaml", &large),
    ];
    import(&world, &pieces.concat());
    drop((pieces, large, tags));
    let build = world.good_build("1.0.0");
    world.settle().await;
    assert_eq!(world.head("app", "qa"), Some(build));
    let mut problems = problems(&world).await;
    assert!(problems.len() < 30, "{problems:#?}");
    // The bomb is wrong in many places of one kind.
    problems.dedup();
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_named(&problems, &["streams/bomb.yaml"]);
    assert_named(&problems, &["streams/deep.yaml", "nested deeper"]);
    assert_named(&problems, &["streams/tags.yaml", "bytes; at most"]);
    assert_named(
        &problems,
        &["streams/large.yaml", "104857600 bytes; at most"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_broken_manifests_among_two_thousand_stop_nobody_else() {
    let files: Vec<(String, String)> = (0..2000)
        .map(|n| {
            let text = if n % 40 == 7 {
                format!("kind: ImageStream\nmetadata: {{name: s{n}\n")
            } else {
                small::stream(&format!("s{n}"))
            };
            (format!("streams/s{n}.yaml"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    let mut world = World::with(&files).await;
    for n in (0..2000).filter(|n| n % 40 != 7) {
        world.push_build(&format!("acme/s{n}:main"), "1.0.0", &[]);
    }
    let build = world.good_build("1.0.0");
    let pass = world.pass().await;
    assert!(pass.receipt.refused.is_empty(), "{:?}", pass.receipt);
    let (observation, plan) = world.observed().await;
    let documents = &observation.snapshot.documents;
    let imported = documents
        .streams
        .values()
        .filter(|s| s.value.head("dev").is_some());
    assert_eq!(imported.count(), 1951);
    assert_eq!(documents.errors().count(), 50);
    let named = plan.holds.iter().filter(|h| h.why.contains("streams/s"));
    assert_eq!(named.count(), 50, "{}", shown(&plan));
    assert_eq!(world.head("app", "dev"), Some(build));
}

#[tokio::test(flavor = "multi_thread")]
async fn circles_and_strangers_in_a_pipeline_are_told_with_the_way_they_go() {
    let circle = small::PIPELINE.replace("- name: qa\n", "- name: qa\n      from: [prod]\n");
    let itself = small::PIPELINE.replace("- name: qa\n", "- name: qa\n      from: [qa]\n");
    let stranger = small::PIPELINE.replace("from: [qa]", "from: [staging]");
    for (text, words) in [
        (circle, "prod -> qa -> prod|qa -> prod -> qa"),
        (itself, "stage `qa` takes sets from itself"),
        (stranger, "staging"),
    ] {
        let mut world = World::with(&[(small::PIPELINE_PATH, &text)]).await;
        world.good_build("1.0.0");
        world.settle().await;
        assert_eq!(world.head("app", "qa"), None, "{words}");
        let said = problems(&world).await.join("\n") + &told(&world.plan().await);
        assert!(
            words.split('|').any(|w| said.contains(w)),
            "{words} in {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_or_settings_that_vanish_from_the_history_stop_what_they_ruled() {
    let mut world = World::served(&[]).await;
    world.good_build("1.0.0");
    world.settle().await;
    let good = world.repository.resolve("main").unwrap();

    world.person_deletes(&[small::PIPELINE_PATH], "No pipeline any more");
    world.good_build("1.1.0");
    world.settle().await;
    assert!(world.plan().await.stages.is_empty());
    let qa = world.head("app", "qa");
    world.settle().await;
    assert_eq!(
        world.head("app", "qa"),
        qa,
        "without a rule nothing is promoted"
    );

    // Somebody forces the base back: what rules there rules again.
    world.repository.set("main", &good);
    world.settle().await;
    assert_eq!(world.plan().await.stages.len(), 3);

    let before = world.person_commits(&[("headwater.yaml", "spec: [")], "Break the settings");
    world.good_build("1.2.0");
    for _ in 0..2 {
        let pass = world.pass().await;
        assert!(pass.plan.is_empty(), "{}", shown(&pass.plan));
    }
    assert_eq!(world.repository.resolve("main"), Some(before));
    world
        .assert_hold("Invalid", "headwater.yaml cannot be read")
        .await;
    world.person_commits(&[("headwater.yaml", small::CONFIG)], "Mend them");
    world.settle().await;
    assert_eq!(world.stage("app/qa").await.state, State::Settled);
}
