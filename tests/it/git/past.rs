//! The base as it was: by commit, by instant, and since when a file is there.

use super::*;
use headwater::git::Stood;

/// A commit so many hours after an instant that stands still.
async fn at_hour(
    repository: &Repository,
    parent: &CommitId,
    hour: i64,
    file: (&str, Option<&str>),
) -> CommitId {
    let person = Person {
        name: "Mara".to_owned(),
        email: "mara@example.com".to_owned(),
    };
    let (path, text) = file;
    let text = text.map(|text| text.as_bytes().to_vec());
    let new = NewCommit {
        parents: vec![parent.clone()],
        start: Some(parent.clone()),
        files: BTreeMap::from([(path.parse().unwrap(), text)]),
        message: format!("hour {hour}"),
        author: person.clone(),
        committer: person,
        time: hours(hour),
    };
    repository.commit(new).await.unwrap()
}

/// Hours after noon of 2100-01-01: whatever the first commit's time is, these are later.
fn hours(hour: i64) -> Timestamp {
    Timestamp::from_second(4_102_488_000 + 3600 * hour).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_base_is_found_as_it_was_at_a_commit_and_at_an_instant() {
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = repository.fetch().await.unwrap().base.unwrap();
    let one = at_hour(&repository, &first, 1, ("b", Some("1"))).await;
    // A clock that ran ahead, and one that ran behind it.
    let two = at_hour(&repository, &one, 5, ("b", Some("2"))).await;
    let three = at_hour(&repository, &two, 3, ("c", Some("1"))).await;

    let stood = |at: Timestamp| {
        let (repository, head) = (repository.clone(), three.clone());
        async move {
            match repository.stood_at(&head, at).await.unwrap() {
                Stood::At(commit) => commit.id,
                other => panic!("{other:?}"),
            }
        }
    };
    for (hour, commit) in [(0, &first), (1, &one), (2, &one), (3, &three), (9, &three)] {
        assert_eq!(stood(hours(hour)).await, *commit, "hour {hour}");
    }
    let long_ago = Timestamp::from_second(0).unwrap();
    let before = repository.stood_at(&three, long_ago).await.unwrap();
    assert!(matches!(before, Stood::Before(info) if info.id == first));

    let found = repository
        .commit_by_prefix(&one.as_str()[..10])
        .await
        .unwrap();
    assert_eq!(found.id, one);
    for unknown in ["ffffffffff", "zzzz"] {
        assert!(
            repository.commit_by_prefix(unknown).await.is_err(),
            "{unknown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_there_since_the_commit_that_brought_it_last() {
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = repository.fetch().await.unwrap().base.unwrap();
    let brought = at_hour(&repository, &first, 1, ("b/c", Some("1"))).await;
    let gone = at_hour(&repository, &brought, 2, ("b/c", None)).await;
    let again = at_hour(&repository, &gone, 3, ("b/c", Some("2"))).await;
    let head = at_hour(&repository, &again, 4, ("b/c", Some("3"))).await;
    let since = |commit: &CommitId, path: &str| {
        let (repository, commit) = (repository.clone(), commit.clone());
        let path = path.parse().unwrap();
        async move { repository.there_since(&commit, &path).await.unwrap() }
    };
    assert_eq!(since(&head, "b/c").await, Some(hours(3)));
    assert_eq!(since(&brought, "b/c").await, Some(hours(1)));
    assert_eq!(since(&gone, "b/c").await, None);
    let begin = repository.commit_info(&first).await.unwrap().commit_time;
    assert_eq!(since(&head, "a").await, Some(begin));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_cut_history_nothing_is_guessed() {
    let world = World::with(&[("a", "1")]).await;
    crate::support::git_http::commit_to(&world.bare, "main", &[("b", "2")], "second");
    let source = format!("file://{}", world.bare.display());
    let clone = ["clone", "-q", "--bare", "--depth", "1", &source, "cut.git"];
    crate::support::git_http::git(world.dir.path(), &clone);
    let cut = world.dir.path().join("cut.git").display().to_string();
    let repository = Repository::open(&cut, &world.settings, false).unwrap();
    let head = repository.fetch().await.unwrap().base.unwrap();
    let long_ago = Timestamp::from_second(0).unwrap();
    let stood = repository.stood_at(&head, long_ago).await.unwrap();
    assert!(matches!(stood, Stood::Cut(info) if info.id == head));
    let since = repository.there_since(&head, &"a".parse().unwrap()).await;
    assert_eq!(since.unwrap(), None);
}
