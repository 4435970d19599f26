//! Hundreds of streams as people write them: nothing is odd about them, and an edit of one is an edit of one file.

use std::path::Path;

use crate::support::hermetic::Hermetic;

const ROUNDS: usize = 100;
/// Files as people write them, and what in them names their streams.
const FIXTURES: [(&str, &[&str]); 5] = [
    ("comments.yaml", &["  name: gateway"]),
    ("crlf-bom.yaml", &["name: mailer"]),
    ("legacy.json", &["\"name\":\"parcel"]),
    ("several.yaml", &["name: indexer", "name: crawler"]),
    ("tabs.json", &["ledger-runtime"]),
];

/// Copies of real files whose streams have other names; all else stays to the byte.
fn spread(root: &Path) {
    let folder = root.join("streams");
    std::fs::create_dir_all(&folder).unwrap();
    for round in 0..ROUNDS {
        for (name, streams) in FIXTURES {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/imagestreams");
            let mut text = std::fs::read_to_string(source.join(name)).unwrap();
            for stream in streams {
                assert!(text.contains(stream), "{name}");
                text = text.replace(stream, &format!("{stream}-{round}"));
            }
            std::fs::write(folder.join(format!("{round:03}-{name}")), text).unwrap();
        }
    }
}

fn contents(root: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(root.join("streams")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn hundreds_of_streams_are_checked_and_an_edit_of_one_changes_one_file() {
    let machine = Hermetic::new();
    let root = machine.folder().join("tree");
    spread(&root);
    let run = |line: &[&str]| {
        let mut command = machine.headwater();
        let output = command.args(line).current_dir(&root).output().unwrap();
        assert!(output.status.success(), "{line:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&["check"]);
    let files = ROUNDS * FIXTURES.len();
    assert_eq!(said, format!("checked {files} files: no problems\n"));
    let names = run(&["get", "is", "-o", "name"]);
    let streams: usize = FIXTURES.iter().map(|(_, streams)| streams.len()).sum();
    assert_eq!(names.lines().count(), ROUNDS * streams);
    let before = contents(&root);
    run(&["tag", "quay.io/acme/new:1", "mailer-42:zz-new"]);
    let after = contents(&root);
    let pairs = before.iter().zip(&after).filter(|(old, new)| old != new);
    let changed: Vec<&str> = pairs.map(|((name, _), _)| name.as_str()).collect();
    assert_eq!(changed, ["042-crlf-bom.yaml"]);
}
