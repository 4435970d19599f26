//! All that is written, read back by a reader that knows upstream's types and nothing of ours.

use crate::acts::{STREAM_FILE, World};
use crate::support::upstream::{FromKind, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_writes_a_stream_upstream_would_take_it() {
    let world = World::by_commit().await;
    let (_, second) = world.two_in_prod().await;
    assert_eq!(
        read(&world.on_base(STREAM_FILE)).len(),
        1,
        "written by passes"
    );
    world.build_at("acme/db", "16", "16.2");
    for line in [
        "create is cache --lookup-local",
        "create is team/other",
        "create istag cache:1 --from-image registry.example/acme/cache:1 -A description={A:#1}",
        "import-image db:16 --from=registry.example/acme/db:16 --confirm --scheduled --reference-policy=local",
        "tag registry.example/acme/shop:main cache:2 --scheduled --insecure --import-mode=Legacy",
        "tag registry.example/acme/shop:main cache:3 --reference",
        &format!("tag shop@{second} cache:4 team/other:keep"),
        "tag cache:1 cache:latest --alias",
        "tag shop:dev db:16",
        "rollback db:16 --reason slow",
        "set image-lookup --all",
        "tag -d cache:2",
        "prune --keep-tag-revisions=1 --keep-younger-than=0s --confirm",
        "rollback shop/prod --reason slow",
    ] {
        world.run(&line.split(' ').collect::<Vec<_>>()).ok();
        for file in [
            STREAM_FILE,
            "streams/cache.yaml",
            "streams/team/other.yaml",
            "streams/db.yaml",
        ] {
            if world.clone.join(file).exists() {
                read(&world.here(file));
            }
        }
    }
    for line in ["get is -o yaml", "get is -o json", "get is cache -o yaml"] {
        let line: Vec<&str> = line.split(' ').collect();
        assert!(!read(&world.run(&line).ok().stdout).is_empty());
    }
    let dry = ["tag", "quay.io/a/b:1", "cache:9", "--dry-run", "-o", "yaml"];
    assert_eq!(
        read(&world.run(&dry).ok().stdout).len(),
        1,
        "what is only shown, too"
    );

    let fit = world.run(&["get", "is", "-A", "-o", "yaml", "--for-cluster"]);
    fits_a_cluster(&fit.ok().stdout);
}

/// Nothing that only servers or we write, and nothing that a new stream could not resolve.
fn fits_a_cluster(text: &str) {
    let streams = read(text);
    assert_eq!(streams.len(), 4, "{text}");
    for stream in &streams {
        let meta = &stream.metadata;
        assert!(stream.status.is_none(), "{}", meta.name);
        assert!(meta.generation.is_none() && meta.resource_version.is_none());
        assert!(meta.uid.is_none() && meta.creation_timestamp.is_none());
        for tag in &stream.spec.tags {
            let ours = tag.annotations.iter().flatten();
            let ours = ours.chain(meta.annotations.iter().flatten());
            let mut ours = ours.filter(|(key, _)| key.starts_with("headwater.dev/"));
            assert_eq!(ours.next(), None, "{}", tag.name);
            // A stream that comes into being has no history that an image could be found in.
            let from = tag.from.as_ref();
            assert!(
                from.is_none_or(|from| from.kind != FromKind::ImageStreamImage),
                "{}",
                tag.name
            );
            let imported = from.is_some_and(|from| from.kind == FromKind::DockerImage);
            let imported = imported && !tag.reference;
            assert!(
                !imported || tag.import_policy.import_mode.is_some(),
                "{}",
                tag.name
            );
        }
    }
}
