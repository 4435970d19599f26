//! Documents of a commit: parsed once, isolated from each other, and nothing followed that is no file.

use headwater::observe::DocumentReader;

use super::*;

const PIPELINE: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: myapp}\n\
    spec:\n  stages: [{name: dev, environments: []}]\n";

#[tokio::test]
async fn only_what_changed_is_parsed_again() {
    let world = World::new();
    let base = world.base();
    let other = stream(&[imported("one")]).replace("\"myapp\"", "\"other\"");
    base.commit(
        "main",
        "Begin",
        &[
            file(STREAM, stream(&[imported("one")])),
            file("streams/other.yaml", other),
            file("pipelines/myapp/pipeline.yaml", PIPELINE),
            file(
                "environments/dev/rendered/myapp/x.yaml",
                "kind: Deployment\n",
            ),
            file("environments/dev/myapp/values.yaml", "a: 1\n"),
            file("README.md", "x"),
        ],
    );
    let repository = world.repository(&base);
    let mut reader = DocumentReader::default();
    let read = async |reader: &mut DocumentReader| {
        let head = base.resolve("main").unwrap().parse().unwrap();
        reader.read(&repository, &head).await.unwrap()
    };
    let first = read(&mut reader).await;
    assert_eq!((first.parsed, first.files.len()), (3, 6));
    assert_eq!(
        (
            first.documents.streams.len(),
            first.documents.pipelines.len()
        ),
        (2, 1)
    );
    assert_eq!(read(&mut reader).await.parsed, 0);
    base.commit("main", "Note", &[file("README.md", "y")]);
    assert_eq!(read(&mut reader).await.parsed, 0);
    base.commit("main", "Go on", &[file(STREAM, stream(&[imported("two")]))]);
    let third = read(&mut reader).await;
    assert_eq!(third.parsed, 1);
    assert_ne!(third.documents.streams, first.documents.streams);
    base.commit(
        "main",
        "Move",
        &[
            gone(STREAM),
            file("streams/new.yaml", stream(&[imported("two")])),
        ],
    );
    let fourth = read(&mut reader).await;
    assert_eq!((fourth.parsed, fourth.documents.streams.len()), (1, 2));
}

#[tokio::test]
async fn the_settings_file_decides_what_is_read() {
    let world = World::new();
    let base = world.base();
    let config =
        "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec: {paths: {streams: oci}}\n";
    base.commit(
        "main",
        "Begin",
        &[
            file("headwater.yaml", config),
            file("oci/myapp.yaml", stream(&[imported("one")])),
            file("streams/other.yaml", "a: ["),
        ],
    );
    let observed = world.observe(&base).await;
    let documents = &observed.snapshot.documents;
    assert_eq!((documents.streams.len(), documents.problems.len()), (1, 0));
    assert_eq!(moves(&observed.history, "dev"), ["0 theirs: one"]);
}

#[tokio::test]
async fn broken_files_and_links_are_told_by_name_and_hinder_nothing_else() {
    let world = World::new();
    let base = world.base();
    let large = format!("# {}\n", "x".repeat(2 << 20));
    base.commit(
        "main",
        "Begin",
        &[
            file(STREAM, stream(&[imported("one")])),
            file("pipelines/myapp/pipeline.yaml", PIPELINE),
            file("pipelines/broken.yaml", "a: [\n"),
            file("streams/large.yaml", large),
        ],
    );
    let link =
        "M 120000 inline pipelines/other/imagestream.yaml\ndata 22\n../../streams/x.secret\n";
    odd_entry(&world, &base, link);
    let observed = world.observe(&base).await;
    let documents = &observed.snapshot.documents;
    let problems: Vec<String> = documents
        .problems
        .iter()
        .map(|p| format!("{} {} {}", p.code, p.path, p.message))
        .collect();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(
        problems[0].starts_with("HW0002 pipelines/broken.yaml"),
        "{problems:?}"
    );
    assert_eq!(
        problems[1],
        "HW0501 pipelines/other/imagestream.yaml a symbolic link is never followed"
    );
    assert!(
        problems[2].starts_with("HW0001 streams/large.yaml the file has 2097155 bytes"),
        "{problems:?}"
    );
    assert_eq!((documents.streams.len(), documents.pipelines.len()), (1, 1));
    assert!(documents.broken_pipelines.is_empty() && documents.brakes_unreadable.is_none());
    let link = "pipelines/other/imagestream.yaml".parse().unwrap();
    assert!(!observed.snapshot.files[&link].plain);
}

#[tokio::test]
async fn a_folder_of_holds_that_cannot_be_looked_into_holds_everything() {
    let world = World::new();
    let base = world.base();
    base.commit("main", "Begin", &[file(STREAM, stream(&[imported("one")]))]);
    odd_entry(&world, &base, "M 120000 inline holds\ndata 5\n../ho\n");
    let documents = world.observe(&base).await.snapshot.documents;
    assert_eq!(
        documents.brakes_unreadable.as_deref(),
        Some("`holds` cannot be read")
    );
    assert_eq!(documents.streams.len(), 1);
}

#[tokio::test]
async fn a_stream_behind_a_link_is_hidden_and_not_gone() {
    let world = World::new();
    let base = world.base();
    base.commit_as(
        OURS,
        "main",
        "Begin",
        &[file(STREAM, stream(&[imported("one")]))],
    );
    odd_entry(
        &world,
        &base,
        &format!("M 120000 inline {STREAM}\ndata 12\nelse/my x.ya\n"),
    );
    let observed = world.observe(&base).await;
    assert!(observed.snapshot.documents.streams.is_empty());
    assert_eq!(moves(&observed.history, "dev"), ["0 ours: one"]);
    base.commit("main", "Back", &[file(STREAM, stream(&[imported("one")]))]);
    assert_eq!(
        moves(&world.observe(&base).await.history, "dev"),
        ["0 ours: one"]
    );
}
