//! Fuzz target: files of facts and plans that people hand to `plan --facts` and `apply`. What is read says itself again,
//! and any facts at all give a plan, the same every time.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater::manifests::{Documents, Listing, Texts, assemble, load, role_of};
use headwater::model::{BlobId, RepoPath};
use headwater::plan::observation::FileEntry;
use headwater::plan::{Facts, History, Observation, Plan, Question, Snapshot, plan};

/// The small repository after two builds, as the tests of the line left it: `path`, a line, its text, a blank line.
const FILES: &str = include_str!("saved/files.json");
/// Its history.
const HISTORY: &str = include_str!("saved/history.json");

/// One input.
pub(crate) fn run(data: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<Plan>(data) {
        let said = serde_json::to_vec(&read).unwrap();
        let again: Plan = serde_json::from_slice(&said).expect("a plan that was written is read");
        assert_eq!(read, again);
    }
    let Ok(facts) = serde_json::from_slice::<Facts>(data) else {
        return;
    };
    let said = serde_json::to_vec(&facts).unwrap();
    let again: Facts = serde_json::from_slice(&said).expect("facts that were written are read");
    assert_eq!(facts, again);

    thread_local!(static DESK: OnceCell<Desk> = const { OnceCell::new() });
    DESK.with(|desk| desk.get_or_init(Desk::new).plan(&facts));
}

struct Desk {
    documents: Arc<Documents>,
    files: Arc<BTreeMap<RepoPath, FileEntry>>,
    history: Arc<History>,
    blobs: BTreeMap<BlobId, Option<Arc<str>>>,
}

impl Desk {
    fn new() -> Self {
        let texts: BTreeMap<RepoPath, String> = serde_json::from_str(FILES).unwrap();
        let texts: BTreeMap<RepoPath, Arc<str>> = texts
            .into_iter()
            .map(|(path, text)| (path, text.into()))
            .collect();
        let history: History = serde_json::from_str(HISTORY).unwrap();
        let config = Default::default();
        let loaded = texts.iter().filter_map(|(path, text)| {
            let role = role_of(path, &config)?;
            Some((
                path.clone(),
                role,
                Arc::new(load(path, text.as_bytes(), role)),
            ))
        });
        let files = texts.iter().map(|(path, text)| {
            let blob = BlobId::of(text.as_bytes());
            (path.clone(), FileEntry { blob, plain: true })
        });
        let blobs = texts
            .values()
            .map(|text| (BlobId::of(text.as_bytes()), Some(Arc::clone(text))));
        let tree = Tree(&texts);
        Self {
            documents: Arc::new(assemble(loaded.collect(), &tree, &tree)),
            files: Arc::new(files.collect()),
            blobs: blobs.collect(),
            history: Arc::new(history),
        }
    }

    fn plan(&self, facts: &Facts) {
        let mut observation = Observation {
            snapshot: Snapshot {
                commit: facts.commit.clone(),
                branch: facts.branch.clone(),
                documents: Arc::clone(&self.documents),
                files: Arc::clone(&self.files),
            },
            history: Arc::clone(&self.history),
            facts: facts.clone(),
            blobs: BTreeMap::new(),
        };
        let mut made = plan(&observation);
        for _ in 0..4 {
            let asked = made.questions.iter().filter_map(|question| match question {
                Question::Blob(blob) => Some(blob.clone()),
                _ => None,
            });
            let answers: Vec<BlobId> = asked
                .filter(|b| !observation.blobs.contains_key(b))
                .collect();
            if answers.is_empty() {
                break;
            }
            for blob in answers {
                let text = self.blobs.get(&blob).cloned().flatten();
                observation.blobs.insert(blob, text);
            }
            made = plan(&observation);
        }
        assert_eq!(made, plan(&observation));
        let said = serde_json::to_string(&made).unwrap();
        assert_eq!(
            serde_json::from_str::<Plan>(&said).ok().as_ref(),
            Some(&made)
        );
    }
}

struct Tree<'a>(&'a BTreeMap<RepoPath, Arc<str>>);

impl Texts for Tree<'_> {
    fn text(&self, path: &RepoPath) -> Option<Arc<str>> {
        self.0.get(path).cloned()
    }
}

impl Listing for Tree<'_> {
    fn exists(&self, path: &RepoPath) -> bool {
        self.0.contains_key(path)
    }

    fn folder_exists(&self, path: &RepoPath) -> bool {
        self.0.keys().any(|p| p.is_below(path))
    }

    fn folders(&self, path: &RepoPath) -> Vec<String> {
        let prefix = format!("{path}/");
        let below = self
            .0
            .keys()
            .filter_map(|file| file.as_str().strip_prefix(&prefix));
        let folders = below.filter_map(|file| file.split_once('/'));
        let names: BTreeSet<&str> = folders.map(|(name, _)| name).collect();
        names.into_iter().map(str::to_owned).collect()
    }
}
