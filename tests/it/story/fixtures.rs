//! The project's own image streams, as people write them: `check` takes them as they are, or says what is odd about them.

use super::*;

/// Each file, and the codes that it is there for.
const STREAMS: [(&str, &[&str]); 7] = [
    ("comments.yaml", &[]),
    ("crlf-bom.yaml", &[]),
    ("legacy.json", &[]),
    ("list.yaml", &[]),
    ("misplaced.yaml", &["HW0415", "HW0415"]),
    ("several.yaml", &[]),
    ("tabs.json", &[]),
];

#[test]
fn check_takes_image_streams_as_people_write_them() {
    let machine = Hermetic::new();
    let folder = machine.folder().join("tree/pipelines/streams");
    std::fs::create_dir_all(&folder).unwrap();
    let fixture = |name: &str| {
        let root = env!("CARGO_MANIFEST_DIR");
        std::fs::copy(
            format!("{root}/tests/fixtures/imagestreams/{name}"),
            folder.join(name),
        )
        .unwrap();
    };
    STREAMS.iter().for_each(|(name, _)| fixture(name));
    let check = |code: i32| {
        let mut command = machine.headwater();
        command.args(["check", "-o", "json"]);
        let output = command.current_dir(machine.folder().join("tree")).output();
        Said::from(output.unwrap()).ends(code, &[])
    };
    let said = check(0);
    assert!(said.stderr.contains("checked 7 files"), "{said:#?}");
    let said = said.json();
    let mut found: Vec<(&str, &str)> = Vec::new();
    for problem in said["problems"].as_array().unwrap() {
        let path = problem["path"].as_str().unwrap();
        let name = path.rsplit('/').next().unwrap();
        found.push((name, problem["code"].as_str().unwrap()));
    }
    let wanted = STREAMS.iter();
    let wanted: Vec<_> = wanted
        .flat_map(|(name, codes)| codes.iter().map(|code| (*name, *code)))
        .collect();
    assert_eq!(found, wanted, "{said:#}");

    fixture("helm.yaml");
    let said = check(3).json();
    assert_eq!(said["errors"], 1, "a Helm template is no YAML: {said:#}");
}
