//! The past of tags, as commits of a real base tell it.

use headwater::observe::ObserveError;

use super::*;

#[tokio::test]
async fn the_log_tells_who_moved_what_on_which_record() {
    let world = World::new();
    let base = world.base();
    let ours = |message, text: String| base.commit_as(OURS, "main", message, &[file(STREAM, text)]);
    ours("Import", stream(&[imported("one")]));
    ours(
        "Promote",
        stream(&[imported("one"), promoted("one", "first")]),
    );
    let two = stream(&[imported("two"), promoted("two", "second")]);
    ours("Import and promote", two.clone());
    let before = stream(&[imported("two"), promoted("one", "first")]);
    base.commit("main", "Revert", &[file(STREAM, before)]);
    let by_hand = stream(&[imported("two"), promoted("evil", "first")]);
    base.commit("main", "Edit", &[file(STREAM, by_hand)]);
    base.commit("main", "Break", &[file(STREAM, "a: [")]);
    base.commit("main", "Mend", &[file(STREAM, two), file("README.md", "x")]);

    let observed = world.observe(&base).await;
    let history = &observed.history;
    assert!(history.complete);
    assert_eq!(history.commits.len(), 7);
    assert_eq!(history.commits[6].author, "mara@example.com");
    assert_eq!(moves(history, "dev"), ["0 ours: one", "2 ours: two"]);
    assert_eq!(
        moves(history, "qa"),
        [
            "1 ours: one (first)",
            "2 ours: two (second)",
            "3 theirs: one",
            "4 theirs: evil",
            "6 theirs: two",
        ],
        "a record that is put back is not written, and a broken file moves nothing"
    );
    assert!(history.moves[&key("qa")][0].by_spec && !history.moves[&key("dev")][0].by_spec);
}

#[tokio::test]
async fn outputs_tell_who_touched_them_last_and_what_we_replaced() {
    let world = World::new();
    let base = world.base();
    let path = "environments/prod/rendered/myapp/deployment.yaml";
    base.commit(
        "main",
        "Begin",
        &[file(path, "1"), file("environments/prod/x", "1")],
    );
    base.commit_as(OURS, "main", "Render", &[file(path, "2")]);
    base.commit("main", "Edit", &[file(path, "3")]);
    base.commit_as(OURS, "main", "Put back", &[file(path, "2")]);
    base.commit_as(OURS, "main", "Else", &[file("environments/prod/x", "2")]);
    let history = world.observe(&base).await.history;
    assert_eq!(history.outputs.len(), 1);
    let output = &history.outputs[&path.parse().unwrap()];
    let blob = |text: &str| headwater::model::BlobId::of(text.as_bytes());
    assert_eq!(output.last, 3);
    assert_eq!(output.replaced_by_us, [(1, blob("1")), (3, blob("3"))]);
}

#[tokio::test]
async fn somebody_who_pulled_and_pushed_hides_none_of_our_commits() {
    let world = World::new();
    let base = world.base();
    let one = stream(&[imported("one")]);
    base.commit_as(OURS, "main", "Begin", &[file(STREAM, one)]);
    let start = base.resolve("main").unwrap();
    base.git(&["branch", "mara", &start]);
    let two = stream(&[imported("two")]);
    base.commit_as(
        OURS,
        "main",
        "Import\n\nHeadwater-Base: x",
        &[file(STREAM, two)],
    );
    base.commit("mara", "Note", &[file("NOTES", "x")]);
    let tree = base.git(&["merge-tree", "--write-tree", "mara", "main"]);
    let name = ["-c", "user.name=Mara", "-c", "user.email=mara@example.com"];
    let merge = [
        "commit-tree",
        &tree,
        "-m",
        "Merge",
        "-p",
        "mara",
        "-p",
        "main",
    ];
    let merge = base.git(&[&name[..], &merge[..]].concat());
    base.git(&["update-ref", "refs/heads/main", &merge]);

    let history = world.observe(&base).await.history;
    assert_eq!(moves(&history, "dev"), ["0 ours: one", "1 ours: two"]);
    assert_eq!(
        history.commits.len(),
        3,
        "her own commit is not on the base's line"
    );
}

#[tokio::test]
async fn a_shallow_clone_says_that_its_past_is_unknown() {
    let world = World::new();
    let base = world.base();
    let both = |dev, qa| stream(&[imported(dev), promoted(qa, "first")]);
    for text in [both("one", "one"), both("two", "one"), both("three", "one")] {
        base.commit_as(OURS, "main", "Import", &[file(STREAM, text)]);
    }
    let path = world.machine.folder().join("shallow.git");
    let url = format!("file://{}", base.path().display());
    let mut clone = world.machine.command("git");
    clone.args(["clone", "--quiet", "--bare", "--depth", "2", &url]);
    assert!(clone.arg(&path).status().unwrap().success());

    let settings = GitSettings {
        cache_dir: world.cache().join("git"),
        ..GitSettings::default()
    };
    let repository = Repository::open(path.to_str().unwrap(), &settings, false).unwrap();
    let settings = ObserverSettings {
        us: headwater::git::Us {
            email: "headwater@localhost".to_owned(),
            forge: None,
        },
        cache_dir: Some(world.cache()),
        ..ObserverSettings::default()
    };
    for _ in 0..2 {
        let forge = forge(&repository);
        let client = Client::new(&RegistrySettings::default());
        let observer = Observer::new(repository.clone(), client, forge, settings.clone());
        let history = observer.observe(now()).await.unwrap().history;
        assert!(!history.complete);
        assert_eq!(moves(&history, "dev"), ["1 ours: three"]);
        assert_eq!(moves(&history, "qa"), Vec::<String>::new());
    }
    // Once the whole past is here, it is read.
    let mut fetch = world.machine.command("git");
    fetch
        .arg("--git-dir")
        .arg(&path)
        .args(["fetch", "--quiet", "--unshallow", &url]);
    assert!(fetch.status().unwrap().success());
    let forge = forge(&repository);
    let client = Client::new(&RegistrySettings::default());
    let observer = Observer::new(repository, client, forge, settings);
    let history = observer.observe(now()).await.unwrap().history;
    assert!(history.complete);
    assert_eq!(moves(&history, "dev").len(), 3);
    assert_eq!(moves(&history, "qa"), ["0 ours: one (first)"]);
}

#[tokio::test]
async fn an_empty_repository_and_a_missing_branch_are_said_plainly() {
    let world = World::new();
    let base = world.base();
    let error = world.observer(&base).observe(now()).await.unwrap_err();
    assert!(matches!(error, ObserveError::Empty(_)) && !error.is_transient());
    assert!(
        error
            .to_string()
            .ends_with("is empty: it needs a first commit"),
        "{error}"
    );
    base.commit("trunk", "Begin", &[file("a", "b")]);
    let error = world.observer(&base).observe(now()).await.unwrap_err();
    assert!(
        error.to_string().contains("has no branch `main`"),
        "{error}"
    );
}

#[tokio::test]
async fn contents_that_are_not_here_cut_the_past_and_stop_nothing() {
    let world = World::new();
    let base = world.base();
    let both = |dev, qa| stream(&[imported(dev), promoted(qa, "first")]);
    for text in [both("one", "one"), both("two", "one"), both("three", "one")] {
        base.commit_as(OURS, "main", "Import", &[file(STREAM, text)]);
    }
    let old = base.git(&["rev-parse", &format!("main~1:{STREAM}")]);
    let object = base.path().join("objects").join(&old[..2]).join(&old[2..]);
    let content = std::fs::read(&object).unwrap();
    std::fs::remove_file(&object).unwrap();
    let observed = world.observe(&base).await;
    assert!(!observed.history.complete);
    assert_eq!(moves(&observed.history, "qa"), Vec::<String>::new());
    assert_eq!(
        moves(&observed.history, "dev"),
        Vec::<String>::new(),
        "what is not here is not guessed"
    );
    assert_eq!(observed.snapshot.documents.streams.len(), 1);

    base.commit_as(OURS, "main", "Import", &[file(STREAM, both("one", "one"))]);
    assert_eq!(
        moves(&world.observe(&base).await.history, "dev"),
        ["2 ours: one"]
    );
    std::fs::write(&object, content).unwrap();
    let history = world.observe(&base).await.history;
    assert!(history.complete);
    assert_eq!(moves(&history, "dev").len(), 4);
}
