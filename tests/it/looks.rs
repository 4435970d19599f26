//! Looking at image streams with the real binary, as `oc` users do: lists, descriptions and objects of a work tree, of a plain
//! folder, of the base, and of the base as it was.

use headwater::model::Digest;
use serde_json::Value;

use crate::acts::{STREAM_FILE, Said, World};

/// The instant of the first commit of every repository of these tests lies on this day.
const FIRST_DAY: &str = "2026-01-05";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_described_as_it_lies_in_the_work_tree_and_as_it_was() {
    let world = World::by_commit().await;
    let (first, second) = world.two_in_prod().await;
    let describe = |more: &[&str]| world.run(&[&["describe", "is", "shop"][..], more].concat());
    let image = |digest: &dyn std::fmt::Display| format!("registry.example/acme/shop@{digest}");

    let now = describe(&[]).ok().stdout;
    assert!(
        now.starts_with("Name:\t\t\tshop\nNamespace:\t\tdefault\nCreated:\t\t"),
        "{now}"
    );
    assert!(
        now.contains("Unique Images:\t\t2\nTags:\t\t\t3\n\ndev\n"),
        "{now}"
    );
    let history = format!(
        "dev\n  updates automatically from registry registry.example/acme/shop:main\n\n  * {}\n",
        image(&second)
    );
    assert!(now.contains(&history), "{now}");
    assert!(now.contains(&format!("\n    {}\n", image(&first))), "{now}");
    assert!(
        now.contains(&format!("prod\n  tagged from shop@{second}\n")),
        "{now}"
    );

    // What is not committed counts here, and nowhere else.
    let text = world.here(STREAM_FILE);
    let edited = text.replace(
        "name: registry.example/acme/shop:main",
        "name: registry.example/acme/shop:next",
    );
    world.write(STREAM_FILE, &edited);
    let pending = describe(&[]).ok().stdout;
    assert!(
        pending.contains("shop:next\n\n  ~ importing latest image ...\n"),
        "{pending}"
    );
    let bare = world.base(&["rev-parse", "--absolute-git-dir"]);
    let of_base = world.run_at(&bare, &["describe", "is/shop"]).ok().stdout;
    assert!(of_base.contains("shop:main\n\n  * "), "{of_base}");

    let line = ["log", "--reverse", "--format=%H", "main", "--", STREAM_FILE];
    let log = world.base(&line);
    let import = log.lines().nth(1).unwrap();
    for at in [import, &import[..8]] {
        let then = describe(&["--at", at]).ok();
        assert!(
            then.stdout.contains(&format!("  * {}\n", image(&first))),
            "{then:?}"
        );
        assert!(!then.stdout.contains(second.as_str()), "{then:?}");
        assert!(
            then.stderr.contains(&format!("as of {}", &import[..8])),
            "{then:?}"
        );
    }
    let begin = describe(&["--at", FIRST_DAY]).ok().stdout;
    assert!(
        begin.contains("Unique Images:\t\t0\nTags:\t\t\t1\n"),
        "{begin}"
    );
    let present = describe(&["--at", "0h ago"]).ok().stdout;
    assert_eq!(without_ages(&present), without_ages(&of_base));

    describe(&["--at", "2020-01-01"]).fails(2, &["main is not that old", FIRST_DAY_WORDS]);
    describe(&["--at", "ffffffff"]).fails(2, &["there is no commit `ffffffff`"]);
    describe(&["--at", "yesterday"]).fails(2, &["write a commit"]);
    let before = describe(&["--at", "HEAD~1"]).ok().stdout;
    assert_eq!(before, describe(&["--at", "main^"]).ok().stdout);
    assert_ne!(before, describe(&["--at", "HEAD"]).ok().stdout);
    describe(&["--at", "HEAD~9999"]).fails(2, &["`HEAD~9999` leads to no commit"]);
    describe(&["--at", "nosuch~1"]).fails(2, &["`nosuch~1` leads to no commit"]);
    let side = side_commit(&world, &bare);
    describe(&["--at", &side]).fails(2, &["is not on main"]);
}

/// Lines that stay the same while time goes on.
fn without_ages(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.ends_with(" ago"))
        .collect()
}

/// As messages show that day in UTC.
const FIRST_DAY_WORDS: &str = "Mon 5 Jan 09:00Z";

/// A commit that is on a branch, but not on the base.
fn side_commit(world: &World, bare: &str) -> String {
    let tree = world.base(&["rev-parse", "main^{tree}"]);
    let commit = [
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@example.com",
        "commit-tree",
        "-p",
        "main",
        "-m",
        "x",
        &tree,
    ];
    let commit = world.git(bare.as_ref(), &commit);
    world.base(&["update-ref", "refs/heads/side", &commit]);
    commit
}

/// Two builds in prod, and a stream of another namespace beside, not committed.
async fn two_streams() -> (World, Digest, Digest) {
    let world = World::by_commit().await;
    let (first, second) = world.two_in_prod().await;
    let other = "apiVersion: v1\nkind: ImageStream\nmetadata: {name: base, namespace: team, labels: {app: base}}\nspec: {}\n";
    world.write("streams/base.yaml", other);
    (world, first, second)
}

/// What `get` says, its words written in one line.
fn get(world: &World, line: &str) -> Said {
    let words: Vec<&str> = std::iter::once("get").chain(line.split(' ')).collect();
    world.run(&words).ok()
}

/// Rows of a table, each with single spaces.
fn rows(world: &World, line: &str) -> Vec<String> {
    let row = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
    get(world, line).stdout.lines().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_the_columns_that_oc_gives_them() {
    let (world, _, second) = two_streams().await;
    let get = |line: &str| get(&world, line);
    let rows = |line: &str| rows(&world, line);
    let list = rows("is");
    assert_eq!(list[0], "NAME IMAGE REPOSITORY TAGS UPDATED");
    assert!(
        list[1].starts_with("shop ") && list[1].ends_with(" ago"),
        "{list:?}"
    );
    assert_eq!(list.len(), 2);
    assert_eq!(rows("is -A")[1..][0].split(' ').next(), Some("default"));
    assert_eq!(rows("is -A -l app=base")[1], "team base");
    assert_eq!(
        rows("is team/base"),
        ["NAME IMAGE REPOSITORY TAGS UPDATED", "base"]
    );
    assert_eq!(get("is -l app=none").stdout, "");
    assert!(
        get("is -n none")
            .stderr
            .contains("no image streams in namespace `none`; there are streams in others: add -A")
    );

    let tags = rows("istag -o wide");
    assert_eq!(tags[0], "NAME IMAGE REFERENCE UPDATED IMAGE NAME");
    let dev = format!("shop:dev registry.example/acme/shop@{second} ");
    assert!(
        tags[1].starts_with(&dev) && tags[1].ends_with(second.as_str()),
        "{tags:?}"
    );
    assert_eq!(tags.len(), 4, "dev, qa and prod");
    let wished = rows("imagetag shop:dev");
    assert_eq!(wished[0], "NAME SPEC STATUS HISTORY UPDATED");
    assert!(
        wished[1].starts_with(&format!("shop:dev Scheduled image/{second} 2 ")),
        "{wished:?}"
    );

    let images = rows("isimage");
    assert_eq!((images[0].as_str(), images.len()), ("NAME UPDATED", 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_can_be_handed_back_as_they_are_printed() {
    let (world, first, second) = two_streams().await;
    let get = |line: &str| get(&world, line);
    assert_eq!(
        get("is -o name").stdout,
        "imagestream.image.openshift.io/shop\n"
    );
    let images = get("isimage -o name").stdout;
    let mut expected = [&first, &second]
        .map(|digest| format!("imagestreamimage.image.openshift.io/shop@{digest}"));
    expected.sort();
    assert_eq!(images.lines().collect::<Vec<_>>(), expected);
    let again: Vec<&str> = std::iter::once("get").chain(images.lines()).collect();
    assert_eq!(world.run(&again).ok().stdout.lines().count(), 3);
    let both = get(&format!("is/shop isimage/shop@{}", &first.hex()[..12])).stdout;
    assert!(
        both.contains("imagestream.image.openshift.io/shop") && both.contains("\n\nNAME"),
        "{both}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_those_of_the_api_and_a_cluster_gets_what_it_can_take() {
    let (world, _, second) = two_streams().await;
    let get = |line: &str| get(&world, line);
    let tag = json(&get("istag shop:prod -o json").stdout);
    assert_eq!(
        (tag["kind"].as_str(), tag["metadata"]["name"].as_str()),
        (Some("ImageStreamTag"), Some("shop:prod"))
    );
    assert_eq!(tag["image"]["metadata"]["name"], second.as_str());
    let all = json(&get("is -A -o json").stdout);
    assert_eq!(
        (all["kind"].as_str(), all["items"].as_array().unwrap().len()),
        (Some("List"), 2)
    );
    let legacy = &all["items"][1];
    assert_eq!(
        (&legacy["apiVersion"], &legacy["metadata"]["namespace"]),
        (&"image.openshift.io/v1".into(), &"team".into())
    );
    let yaml = get("is shop -o yaml").stdout;
    assert!(
        yaml.starts_with("apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n"),
        "{yaml}"
    );
    assert!(
        yaml.contains("headwater.dev/source") && yaml.contains("\nstatus:\n"),
        "{yaml}"
    );

    let fit = get("is shop -o json --for-cluster");
    assert_eq!(fit.stderr, "");
    let fit = json(&fit.stdout);
    let prod = fit["spec"]["tags"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tag| tag["name"] == "prod")
        .unwrap();
    let pinned = format!("registry.example/acme/shop@{second}");
    assert_eq!(
        (prod["from"]["kind"].as_str(), prod["from"]["name"].as_str()),
        (Some("DockerImage"), Some(pinned.as_str()))
    );
    assert_eq!(prod["importPolicy"]["importMode"], "PreserveOriginal");
    let text = fit.to_string();
    for gone in ["status", "generation", "headwater.dev", "namespace"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    world
        .run(&["get", "is", "shop", "--for-cluster"])
        .fails(2, &["--for-cluster", "-o yaml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_told_in_full_once_its_registry_was_asked() {
    let world = World::by_commit().await;
    let digest = world.build("1.0.0");
    world.passes().await;
    world.pull();
    let known = world.run(&["describe", "istag", "shop:dev"]).ok();
    assert!(
        known
            .stdout
            .starts_with(&format!("Image Name:\t{digest}\n")),
        "{known:?}"
    );
    assert!(!known.stdout.contains("Image Created"), "{known:?}");
    assert!(
        known.stderr.contains("--refresh asks the registry"),
        "{known:?}"
    );

    let asked = world
        .run(&["describe", "istag", "shop:dev", "--refresh"])
        .ok();
    for line in [
        "Image Created:\t",
        "Docker Labels:\torg.opencontainers.image.version=1.0.0\n",
    ] {
        assert!(asked.stdout.contains(line), "{line} in {asked:?}");
    }
    assert_eq!(asked.stderr, "");
    // It is kept: nobody is asked again.
    let id = format!("shop@{}", &digest.hex()[..10]);
    let kept = world.run(&["describe", "isimage", &id]).ok();
    assert_eq!(without_ages(&kept.stdout), without_ages(&asked.stdout));
    assert_eq!(kept.stderr, "");
    let object = json(
        &world
            .run(&["get", "istag", "shop:dev", "-o", "json"])
            .ok()
            .stdout,
    );
    let labels = &object["image"]["dockerImageMetadata"]["Config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], "1.0.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_folder_is_looked_at_too_and_what_is_broken_is_named() {
    let world = World::by_commit().await;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display().to_string();
    let stream = |name: &str, rest: &str| {
        let path = folder.path().join("streams");
        std::fs::create_dir_all(&path).unwrap();
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: {name}\n{rest}"
        );
        std::fs::write(path.join(format!("{name}.yaml")), text).unwrap();
    };
    stream(
        "app",
        "  annotations: {\"note\": \"a\\e[2Jb\\nTags: 9\"}\nspec: {tags: [{name: \"1\\e]0;x\\a\"}]}\n",
    );
    stream("bad", "spec: {tags: 3}\n");
    let tags: String = (0..9_000)
        .map(|n| {
            format!(
                "  - {{name: t{n}, from: {{kind: ImageStreamTag, name: t{}}}}}\n",
                n + 1
            )
        })
        .collect();
    stream("huge", &format!("spec:\n  tags:\n{tags}"));

    let list = world.run_at(&at, &["get", "is"]).ok();
    assert_eq!(list.stdout.lines().count(), 3, "{list:?}");
    assert!(
        list.stderr
            .contains("image stream `default/bad` has errors"),
        "{list:?}"
    );
    let app = world.run_at(&at, &["describe", "is", "app"]).ok().stdout;
    assert!(
        !app.contains(['\u{1b}', '\u{7}']) && app.contains("note=a\u{fffd}[2Jb\n\t\t\tTags: 9\n"),
        "{app}"
    );
    let objects = world
        .run_at(&at, &["get", "is", "app", "-o", "json"])
        .ok()
        .stdout;
    assert!(
        !objects.contains('\u{1b}')
            && json(&objects)["metadata"]["annotations"]["note"] == "a\u{1b}[2Jb\nTags: 9"
    );
    let huge = world.run_at(&at, &["describe", "is", "huge"]).ok().stdout;
    assert!(huge.contains("Tags:\t\t\t9000\n"), "{}", &huge[..400]);

    world
        .run_at(&at, &["get", "is", "bad"])
        .fails(3, &["`bad` cannot be used", "headwater check"]);
    world
        .run_at(&at, &["describe", "is", "ap"])
        .fails(2, &["did you mean `app`?"]);
    world
        .run_at(&at, &["get", "imagestraem"])
        .fails(2, &["no kind `imagestraem`", "did you mean `imagestream`?"]);
    world
        .run_at(&at, &["get", "is", "--at", FIRST_DAY])
        .fails(2, &["has no past"]);
    world
        .run_at(&at, &["get", "is", "app", "-l", "a=b"])
        .fails(2, &["or select them by labels"]);
    world.run_at(&at, &["get"]).fails(2, &["KIND"]);
}
