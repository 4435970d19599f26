//! Caches: what was read before is not read again, and whatever is wrong with a cache costs time only.

use std::fs;

use super::*;

/// A base with three commits of ours, and one observer's History of it.
async fn begin<'w>(world: &'w World) -> (BareRepository<'w>, History) {
    let base = world.base();
    base.commit_as(
        OURS,
        "main",
        "1",
        &[file(STREAM, stream(&[imported("one")]))],
    );
    let both = stream(&[imported("one"), promoted("one", "first")]);
    base.commit_as(OURS, "main", "2", &[file(STREAM, both)]);
    let both = stream(&[imported("two"), promoted("one", "first")]);
    base.commit_as(OURS, "main", "3", &[file(STREAM, both)]);
    let history = History::clone(&world.observe(&base).await.history);
    (base, history)
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_process_stopped() {
    let world = World::new();
    let (base, before) = begin(&world).await;
    let path = world.cached("history.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 4);
    // What Git does not say shows that the cache was believed.
    fs::write(
        &path,
        text.replace("\"author\":\"headwater@localhost\"", "\"author\":\"cache\""),
    )
    .unwrap();
    let both = stream(&[imported("two"), promoted("two", "second")]);
    base.commit_as(OURS, "main", "4", &[file(STREAM, both)]);
    let after = world.observe(&base).await.history;
    let authors: Vec<&str> = after.commits.iter().map(|c| c.author.as_str()).collect();
    assert_eq!(authors, ["cache", "cache", "cache", "headwater@localhost"]);
    assert_eq!(moves(&after, "dev"), moves(&before, "dev"));
    assert_eq!(
        moves(&after, "qa"),
        ["1 ours: one (first)", "3 ours: two (second)"]
    );
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 5);
}

#[tokio::test]
async fn a_cache_that_is_wrong_is_made_anew() {
    let world = World::new();
    let (base, history) = begin(&world).await;
    let path = world.cached("history.jsonl");
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    for bad in [
        String::new(),
        "\n".to_owned(),
        "garbage".to_owned(),
        good.replacen("\"v\":", "\"v\":9", 1),
        good[..good.len() - 20].to_owned(),
        format!("{}\n{}\n{}\n", lines[0], lines[1], lines[3]),
        format!("{good}{}\n", lines[3]),
        format!("{good}\u{0}\u{0}\u{0}"),
    ] {
        fs::write(&path, &bad).unwrap();
        assert_eq!(*world.observe(&base).await.history, history, "{bad}");
        assert_eq!(fs::read_to_string(&path).unwrap(), good, "{bad}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(
        *world.observe(&base).await.history,
        history,
        "no cache can be kept"
    );
}

#[tokio::test]
async fn a_base_that_was_moved_back_keeps_the_common_past_only() {
    let world = World::new();
    let (base, _) = begin(&world).await;
    let observer = world.observer(&base);
    let first = observer.observe(now()).await.unwrap();
    assert_eq!(first.facts.moved_back, None);
    let third = base.resolve("main").unwrap();
    base.git(&["update-ref", "refs/heads/main", "main~2"]);
    base.commit(
        "main",
        "Else",
        &[file(STREAM, stream(&[imported("three")]))],
    );
    let second = observer.observe(now()).await.unwrap();
    assert_eq!(second.facts.moved_back, Some(third.parse().unwrap()));
    assert_eq!(
        moves(&second.history, "dev"),
        ["0 ours: one", "1 theirs: three"]
    );
    assert_eq!(moves(&second.history, "qa"), Vec::<String>::new());
    assert_eq!(world.observe(&base).await.history, second.history);
    let again = observer.observe(now()).await.unwrap();
    assert!(Arc::ptr_eq(&again.history, &second.history));
    assert!(Arc::ptr_eq(
        &again.snapshot.documents,
        &second.snapshot.documents
    ));
}

#[tokio::test]
async fn another_default_namespace_reads_the_past_anew() {
    let world = World::new();
    let (base, _) = begin(&world).await;
    let config = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {namespace: team}\n";
    base.commit("main", "Choose", &[file("headwater.yaml", config)]);
    let history = world.observe(&base).await.history;
    let tags: Vec<String> = history.moves.keys().map(ToString::to_string).collect();
    assert_eq!(tags, ["team/myapp:dev", "team/myapp:qa"]);
}

#[tokio::test]
async fn without_a_cache_folder_nothing_is_written() {
    let world = World::new();
    let base = world.base();
    base.commit_as(
        OURS,
        "main",
        "1",
        &[file(STREAM, stream(&[imported("one")]))],
    );
    let repository = world.repository(&base);
    let settings = ObserverSettings {
        us: headwater::git::Us {
            email: "headwater@localhost".to_owned(),
            forge: None,
        },
        ..ObserverSettings::default()
    };
    let client = Client::new(&RegistrySettings::default());
    let observer = Observer::new(repository.clone(), client, forge(&repository), settings);
    let observed = observer.observe(now()).await.unwrap();
    assert_eq!(moves(&observed.history, "dev"), ["0 ours: one"]);
    assert!(!world.cache().exists());
}
