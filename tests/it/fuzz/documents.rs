//! Fuzz target: files of a repository, in every role and every dress. The first byte says where the file lies.

use std::sync::Arc;

use headwater::manifests::{Diagnostic, Listing, Role, Texts, assemble, load};
use headwater::model::RepoPath;

const PLACES: [(&str, Role); 7] = [
    ("pipelines/a/imagestream.yaml", Role::Streams),
    ("pipelines/a/pipeline.yaml", Role::Pipelines),
    ("environments/a.yaml", Role::Environments),
    ("holds/a.yaml", Role::Holds),
    ("freezes/a.yaml", Role::Freezes),
    ("headwater.yaml", Role::Config),
    ("streams/a.json", Role::Streams),
];

/// One input: it is read without a panic and always alike, and every problem lies inside the file.
pub(crate) fn run(data: &[u8]) {
    let Some((place, bytes)) = data.split_first() else {
        return;
    };
    let (path, role) = PLACES[usize::from(*place) % PLACES.len()];
    let path: RepoPath = path.parse().unwrap();
    let loaded = load(&path, bytes, role);
    assert_eq!(loaded, load(&path, bytes, role));
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split(['\n', '\r']).count();
    let inside = |problem: &Diagnostic| {
        let place = problem.place.as_ref();
        place.is_none_or(|place| place.line >= 1 && place.line <= lines + 1)
    };
    for problem in &loaded.problems {
        assert!(inside(problem), "{problem:?}");
    }
    if loaded.unreadable {
        assert!(!loaded.problems.is_empty(), "nobody says why");
    }
    let at_hand = Text(text.into());
    let all = assemble(vec![(path, role, Arc::new(loaded))], &at_hand, &Nothing);
    for problem in &all.problems {
        assert!(inside(problem), "{problem:?}");
    }
    // Everything that was found can be shown.
    let _ = format!("{:?}", all.problems);
}

struct Text(Arc<str>);

impl Texts for Text {
    fn text(&self, _path: &RepoPath) -> Option<Arc<str>> {
        Some(Arc::clone(&self.0))
    }
}

struct Nothing;

impl Listing for Nothing {
    fn exists(&self, path: &RepoPath) -> bool {
        path.file_name() == "values.yaml"
    }

    fn folder_exists(&self, _path: &RepoPath) -> bool {
        false
    }

    /// Some for every pattern, so that matrices over folders give something.
    fn folders(&self, _path: &RepoPath) -> Vec<String> {
        ["cart", "orders", "No Name"].map(str::to_owned).to_vec()
    }
}
