//! The worked examples beside the pipelines: each is sound as it stands there, and there is one for every kind of gate.

use std::path::Path;

use headwater::model::Gate;

use super::check;
use crate::support::hermetic::Hermetic;

const EXAMPLES: &str = include_str!("../../../pipelines/README.md");

/// Sections by their headings, each with its files.
fn sections() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let sections = EXAMPLES.split("\n## ").skip(1);
    let files = |section: &'static str| {
        let blocks = section.split("\n```").skip(1).step_by(2);
        blocks.map(|block| {
            let (_, text) = block.split_once("\n# ").unwrap();
            let (path, text) = text.split_once('\n').unwrap();
            (path, text)
        })
    };
    sections
        .map(|section| (section.lines().next().unwrap(), files(section).collect()))
        .collect()
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("{text}\n")).unwrap();
    }
}

#[test]
fn every_worked_example_is_sound_beside_the_common_part() {
    let sections = sections();
    let (common, examples) = sections.split_first().unwrap();
    assert_eq!((common.0, common.1.len()), ("The common part", 3));
    assert_eq!(examples.len(), 13);
    for (heading, files) in examples {
        let machine = Hermetic::new();
        let root = machine.folder().join("tree");
        write(&root, &common.1);
        write(&root, files);
        let said = check::check(&machine, &root, &[]);
        assert_eq!(said.code, 0, "{heading}: {said:?}");
        let warned = said.stdout.contains("HW") || said.stderr.contains("HW");
        assert!(!warned, "{heading}: {said:?}");
    }
}

#[test]
fn there_is_a_worked_example_for_every_kind_of_gate() {
    let headings: Vec<&str> = sections().iter().map(|(heading, _)| *heading).collect();
    let known = serde_json::from_str::<Gate>(r#"{"nope": 1}"#).unwrap_err();
    let known = known.to_string();
    let (_, known) = known.split_once("expected one of ").unwrap();
    let kinds: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    assert!(kinds.len() >= 8, "{known}");
    for kind in kinds {
        assert!(headings.contains(&kind), "{kind}");
    }
}
