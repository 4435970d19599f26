//! What cannot be done, in plain words with the next step, and nothing written.

use crate::acts::{STREAM_FILE, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_words_end_with_two_and_say_what_to_write() {
    let world = World::by_commit().await;
    let rows: &[(&[&str], &[&str])] = &[
        (
            &["tag", "registry.example/a/b:1"],
            &["which tag shall point to"],
        ),
        (
            &["tag", "registry.example/a/b:1", "shop"],
            &["the tag is missing", "STREAM:TAG"],
        ),
        (
            &["tag", "shoop:dev", "shop:x"],
            &["no image stream `shoop`", "did you mean `shop`"],
        ),
        (
            &["tag", "shop:devv", "shop:x"],
            &["has no tag `devv`", "did you mean `dev`"],
        ),
        (
            &["tag", "shop:dev", "shop:x", "--scheduled"],
            &["--scheduled is for images of registries"],
        ),
        (
            &["tag", "shop:dev", "other:x", "--alias"],
            &["only a tag of the same image stream"],
        ),
        (&["tag", "-d", "shop:nosuch"], &["has no tag `nosuch`"]),
        (&["create", "is", "My--App"], &["names no image stream"]),
        (
            &["import-image", "shop:dev", "--all"],
            &["do not go together"],
        ),
        (&["import-image", "shop@sha256:12"], &["never changes"]),
        (
            &["import-image", "shop:nosuch"],
            &["no tag `nosuch`", "--from"],
        ),
        (
            &["set", "image-lookup", "nosuch"],
            &["no image stream `nosuch`"],
        ),
        (&["prune", "nosuch"], &["no image stream `nosuch`"]),
        (
            &["rollback", "shop:nosuch", "--reason", "x"],
            &["has no tag `nosuch`"],
        ),
    ];
    for (line, words) in rows {
        world.run(line).fails(2, words);
    }
    assert_eq!(world.dirty(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_as_it_is_ends_with_one_and_says_what_helps() {
    let world = World::by_commit().await;
    world.write(
        "streams/two.yaml",
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: two}\n",
    );
    world.write(
        "pipelines/two.yaml",
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: two}\n",
    );
    world.write("streams/taken.yaml", "a: 1\n");
    let anchors = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: odd}\nspec: &spec\n  tags: &tags\n    - &tag {name: a, from: {kind: DockerImage, name: \"registry.example/a/b:1\"}}\n    - *tag\n";
    world.write("streams/odd.yaml", anchors);
    let before = world.dirty();
    let rows: &[(&[&str], &[&str])] = &[
        (
            &["create", "is", "shop"],
            &["is there already", STREAM_FILE],
        ),
        (
            &["create", "is", "taken"],
            &["streams/taken.yaml", "holds something else"],
        ),
        (
            &["create", "istag", "shop:dev", "--from-image", "a/b:1"],
            &["is there already", "headwater tag"],
        ),
        (
            &["import-image", "nosuch:1"],
            &["no image stream `nosuch` yet", "--confirm"],
        ),
        (
            &["import-image", "shop:dev", "--from=registry.example/x/y:1"],
            &["takes its image from", "headwater tag"],
        ),
        (
            &["tag", "shop:dev", "shop:x"],
            &["points to no image yet", "import-image shop:dev"],
        ),
        (
            &["tag", "registry.example/a/b:1", "two:x"],
            &["two", "headwater check"],
        ),
    ];
    for (line, words) in rows {
        world.run(line).fails(1, words);
    }
    assert_eq!(world.dirty(), before);
}
