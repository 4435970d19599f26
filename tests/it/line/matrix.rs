//! `check` of documents with a matrix, wherever they lie: in a folder, a work tree, or a base.

use std::path::Path;

use super::check::{check, checkout, init};
use super::*;

const ENVIRONMENTS: &str = "environments/all.yaml";
const PIPELINES: &str = "pipelines/shop.yaml";

fn fixture(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join("tests/fixtures/shop").join(path)).unwrap()
}

/// The shop beside the example content, whose template it uses.
fn shop() -> Vec<(String, String)> {
    let mut files: Vec<_> = [ENVIRONMENTS, PIPELINES]
        .map(|path| (path.to_owned(), fixture(path)))
        .into();
    for service in ["cart", "orders", "search"] {
        let text = format!(
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {service}}}\nspec:\n  lookupPolicy: {{local: true}}\n  tags:\n    - {{name: dev, from: {{kind: DockerImage, name: 'registry.example/shop/{service}:main'}}, importPolicy: {{scheduled: true}}}}\n"
        );
        files.push((format!("streams/{service}.yaml"), text));
        for tier in ["dev", "qa", "prod"] {
            for region in ["eu", "us", "ap"] {
                let path = format!("environments/{tier}-{region}/{service}/values.yaml");
                files.push((path, "replicas: 2\n".to_owned()));
            }
        }
    }
    files
}

#[test]
fn the_shop_of_the_readme_is_sound_in_any_dress_and_a_mistake_is_told_at_its_line() {
    let readme = include_str!("../../../README.md");
    for path in [ENVIRONMENTS, PIPELINES] {
        assert!(
            readme.contains(&fixture(path)),
            "the README does not show {path} as it is"
        );
    }
    let machine = Hermetic::new();
    let root = checkout(&machine, "tree");
    let write = |path: &str, text: &str| {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    for (path, text) in shop() {
        write(&path, &text);
    }
    let plain = check(&machine, &root, &[]);
    assert_eq!(plain.code, 0, "{plain:?}");
    init(&machine, &root);
    let tree = check(&machine, &root, &[]);
    assert_eq!((tree.code, &tree.stdout), (0, &plain.stdout));
    let base = machine.bare_repository("base");
    let mut files = example_content();
    let shop = shop().into_iter();
    files.extend(shop.map(|(path, text)| (path, Some(text.into_bytes()))));
    base.commit("main", "Begin", &files);
    let bare = check(&machine, machine.folder(), &["--repo", "base.git"]);
    assert_eq!((bare.code, &bare.stdout), (0, &plain.stdout), "{bare:?}");

    let text = fixture(ENVIRONMENTS)
        .replace("America/New_York", "America/Nowhere")
        .replace(
            "enter: [",
            "enter: [{signature: {key: \"keys/{{region.name}}.pub\"}}, ",
        );
    write(ENVIRONMENTS, &text);
    let said = check(&machine, &root, &[]);
    assert_eq!(said.code, 3, "{said:?}");
    said.has(&[
        "environments/all.yaml:24:",
        "unknown time zone `America/Nowhere` (environment `prod-{{region.name}}` with region.name=us)",
        "there is no file `keys/eu.pub`",
        "(environment `prod-{{region.name}}` with region.name=eu; likewise with region.name=us; region.name=ap)",
        "2 errors",
    ]);
}
