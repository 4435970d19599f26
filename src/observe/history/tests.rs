//! How commits become History: what moves a tag, what does not, and that it does not matter where reading began.

use std::sync::Arc;

use serde_json::json;

use super::fold::{ChangedFile, Fold};
use super::line::CommitLine;
use super::texts::TextHistory;
use super::view::FileView;
use crate::git::{CommitInfo, FileChange, Person, Us};
use crate::manifests::{Role, load};
use crate::model::promotion::PROMOTION;
use crate::model::repository_config::ConfigSpec;
use crate::model::{BlobId, CommitId, Digest, StreamKey, TagKey, Timestamp};
use crate::plan::History;
use crate::plan::history::Move;

const OURS: &str = "headwater@localhost";
const THEIRS: &str = "mara@example.com";
const FORGE: &str = "noreply@github.com";

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

/// A stream with tags `(name, image, record)`; a record is told apart by its detail.
fn stream(name: &str, tags: &[(&str, &str, Option<&str>)]) -> String {
    let tags: Vec<_> = tags
        .iter()
        .map(|(tag, image, record)| {
            let record = record.map(|detail| {
                json!({"cause": "promotion", "pipeline": "p", "stage": tag, "set": "a".repeat(64), "v": 1,
                    "evidence": [{"at": "2026-01-05T09:00:00Z", "detail": detail, "gate": "age", "verdict": "open"}]})
                .to_string()
            });
            let annotations = record.map_or(json!({}), |record| json!({PROMOTION: record}));
            let from = format!("{name}@{}", digest(image));
            json!({"name": tag, "annotations": annotations, "from": {"kind": "ImageStreamImage", "name": from}})
        })
        .collect();
    json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": {"name": name},
        "spec": {"tags": tags}})
    .to_string()
}

fn view(text: &str) -> Arc<FileView> {
    let path = "streams/x.json".parse().unwrap();
    let loaded = load(&path, text.as_bytes(), Role::Streams);
    Arc::new(FileView::of(&loaded, &"default".parse().unwrap()))
}

fn us() -> Us {
    Us {
        email: OURS.to_owned(),
        forge: Some(FORGE.to_owned()),
    }
}

/// A base that is committed to, one second apart.
struct Base {
    fold: Fold,
    lines: Vec<CommitLine>,
}

impl Base {
    fn new(complete: bool) -> Self {
        Self {
            fold: Fold::new(&us(), complete),
            lines: Vec::new(),
        }
    }

    fn info(&self, email: &str, second: i64) -> CommitInfo {
        let person = |email: &str| Person {
            name: "x".to_owned(),
            email: email.to_owned(),
        };
        let at = Timestamp::from_second(second).unwrap();
        CommitInfo {
            id: id(self.fold.history.commits.len()),
            parents: Vec::new(),
            author: person("author@example.com"),
            committer: person(email),
            author_time: at,
            commit_time: at,
            message: String::new(),
            signed: false,
        }
    }

    /// Commits changed files: path, content before if it is to be learnt, content after.
    fn commit(&mut self, email: &str, files: &[(&str, Option<&str>, Option<&str>)]) {
        let files: Vec<ChangedFile> = files
            .iter()
            .map(|(path, before, after)| ChangedFile {
                path: path.parse().unwrap(),
                before: before.map(view),
                after: after.map(view),
            })
            .collect();
        let info = self.info(email, 1_000_000 + self.lines.len() as i64);
        let line = self.fold.reduce(&info, &files, &[]);
        self.lines.push(line.clone());
        self.fold.push(line);
    }

    fn touch(&mut self, email: &str, path: &str, old: &[u8]) {
        let change = FileChange {
            path: path.parse().unwrap(),
            old: Some(BlobId::of(old)),
            new: None,
        };
        let line = self
            .fold
            .reduce(&self.info(email, 1_000_000), &[], &[change]);
        self.fold.push(line);
    }

    fn history(&self) -> &History {
        &self.fold.history
    }

    /// Moves of a tag: commit, where to, and the detail of the record written.
    fn moves(&self, stream: &str, tag: &str) -> Vec<(usize, Option<Digest>, Option<String>)> {
        let stream = StreamKey::try_from(format!("default/{stream}")).unwrap();
        let moves = self.history().moves.get(&TagKey::new(stream, tag));
        let detail = |step: &Move| {
            let record = step.record.as_ref()?;
            Some(record.evidence[0].detail.clone())
        };
        let moves = moves.into_iter().flatten();
        moves.map(|m| (m.at, m.digest.clone(), detail(m))).collect()
    }
}

fn id(n: usize) -> CommitId {
    format!("{n:040x}").parse().unwrap()
}

fn to(image: &str) -> Option<Digest> {
    Some(digest(image))
}

const A: &str = "streams/a.yaml";
const B: &str = "streams/b.yaml";

#[test]
fn a_tag_moves_only_where_it_points_elsewhere() {
    let mut base = Base::new(true);
    base.commit(
        THEIRS,
        &[(A, None, Some(&stream("a", &[("dev", "1", None)])))],
    );
    base.commit(
        OURS,
        &[(
            A,
            None,
            Some(&stream("a", &[("dev", "1", None), ("qa", "1", None)])),
        )],
    );
    base.commit(
        OURS,
        &[(A, None, Some(&stream("a", &[("dev", "2", None)])))],
    );
    base.commit(THEIRS, &[(A, None, None)]);
    assert_eq!(
        base.moves("a", "dev"),
        [(0, to("1"), None), (2, to("2"), None), (3, None, None)]
    );
    assert_eq!(base.moves("a", "qa"), [(1, to("1"), None), (2, None, None)]);
    let ours: Vec<bool> = base.history().commits.iter().map(|c| c.ours).collect();
    assert_eq!(ours, [false, true, true, false]);
}

#[test]
fn the_repository_of_a_digest_outlives_the_items_that_recorded_it() {
    let pinned = |image: &str, recorded: &[(&str, &str)]| {
        let items = recorded.iter().map(|(repository, image)| {
            let image = digest(image);
            json!({"created": "2026-01-05T09:00:00Z", "generation": 1, "image": image,
                "dockerImageReference": format!("{repository}@{image}")})
        });
        let items: Vec<_> = items.collect();
        json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream", "metadata": {"name": "a"},
            "spec": {"tags": [{"name": "qa", "from": {"kind": "ImageStreamImage", "name": format!("a@{}", digest(image))}}]},
            "status": {"tags": [{"tag": "qa", "items": items}]}})
        .to_string()
    };
    let mut base = Base::new(true);
    for text in [
        pinned("1", &[("q.io/old/a", "1")]),
        pinned("2", &[("q.io/new/a", "2"), ("q.io/old/a", "1")]),
        pinned("3", &[("q.io/new/a", "3")]),
        pinned("1", &[("q.io/new/a", "3")]),
    ] {
        base.commit(OURS, &[(A, None, Some(&text))]);
    }
    // What is kept on disk says the same.
    let mut again = Fold::new(&us(), true);
    for line in &base.lines {
        let line = serde_json::to_string(line).unwrap();
        again.push(serde_json::from_str(&line).unwrap());
    }
    let stream = StreamKey::try_from("default/a".to_owned()).unwrap();
    for history in [base.history(), &again.history] {
        let repository = |image: &str| {
            let found = history.repository_of(&stream, &digest(image));
            found.map(ToString::to_string)
        };
        assert_eq!(repository("1").as_deref(), Some("q.io/old/a"));
        assert_eq!(repository("2").as_deref(), Some("q.io/new/a"));
        assert_eq!(repository("4"), None);
    }
}

#[test]
fn a_record_counts_where_it_is_written_and_a_revert_writes_none() {
    let one = stream("a", &[("dev", "1", None), ("qa", "1", Some("first"))]);
    let two = stream("a", &[("dev", "1", None), ("qa", "2", Some("second"))]);
    let dev = stream("a", &[("dev", "3", None), ("qa", "1", Some("first"))]);
    let again = stream("a", &[("dev", "3", None), ("qa", "1", Some("third"))]);
    let mut base = Base::new(true);
    base.commit(OURS, &[(A, None, Some(&one))]);
    base.commit(OURS, &[(A, None, Some(&two))]);
    base.commit(THEIRS, &[(A, None, Some(&one))]);
    base.commit(OURS, &[(A, None, Some(&dev))]);
    base.commit(THEIRS, &[(A, None, Some(&again))]);
    assert_eq!(
        base.moves("a", "qa"),
        [
            (0, to("1"), Some("first".to_owned())),
            (1, to("2"), Some("second".to_owned())),
            (2, to("1"), None),
            (4, to("1"), Some("third".to_owned())),
        ],
        "the restored record is not written, not even by our next commit to the file"
    );
}

#[test]
fn a_file_that_is_broken_for_a_while_moves_nothing() {
    let mut base = Base::new(true);
    let good = stream("a", &[("dev", "1", None), ("qa", "1", None)]);
    let bent = good.replace("\"tags\":", "\"tags\": 1, \"x\":");
    base.commit(OURS, &[(A, None, Some(&good))]);
    base.commit(THEIRS, &[(A, None, Some("a: ["))]);
    base.commit(THEIRS, &[(A, None, Some(&bent))]);
    base.commit(
        THEIRS,
        &[(
            A,
            None,
            Some(&stream("a", &[("dev", "2", None), ("qa", "1", None)])),
        )],
    );
    assert_eq!(
        base.moves("a", "dev"),
        [(0, to("1"), None), (3, to("2"), None)]
    );
    assert_eq!(base.moves("a", "qa"), [(0, to("1"), None)]);
}

#[test]
fn a_stream_that_two_files_claim_stays_where_it_was() {
    let mut base = Base::new(true);
    let one = stream("a", &[("dev", "1", None)]);
    let two = stream("a", &[("dev", "2", None)]);
    base.commit(OURS, &[(A, None, Some(&one))]);
    base.commit(THEIRS, &[(B, None, Some(&two))]);
    base.commit(THEIRS, &[(A, None, Some(&two))]);
    base.commit(THEIRS, &[(B, None, None)]);
    assert_eq!(base.moves("a", "dev"), [(0, to("1"), None)]);
    base.commit(THEIRS, &[(B, None, Some(&two)), (A, None, None)]);
    assert_eq!(
        base.moves("a", "dev"),
        [(0, to("1"), None), (4, to("2"), None)]
    );
}

#[test]
fn renaming_a_file_moves_nothing() {
    let mut base = Base::new(true);
    let text = stream("a", &[("dev", "1", None)]);
    base.commit(OURS, &[(A, None, Some(&text))]);
    base.commit(THEIRS, &[(A, None, None), (B, None, Some(&text))]);
    assert_eq!(base.moves("a", "dev").len(), 1);
}

#[test]
fn reading_on_after_a_restart_gives_what_reading_at_once_gives() {
    let texts = [
        stream("a", &[("dev", "1", None), ("qa", "1", Some("first"))]),
        stream("a", &[("dev", "1", None), ("qa", "2", Some("second"))]),
        stream("a", &[("dev", "1", None), ("qa", "1", Some("first"))]),
        stream("a", &[("dev", "2", None), ("qa", "1", Some("first"))]),
        stream("b", &[("dev", "2", None)]),
    ];
    let mut whole = Base::new(true);
    for text in &texts {
        whole.commit(OURS, &[(A, None, Some(text))]);
    }
    for restart in 1..texts.len() {
        let mut base = Base::new(true);
        for line in &whole.lines[..restart] {
            let text = serde_json::to_string(line).unwrap();
            base.fold.push(serde_json::from_str(&text).unwrap());
        }
        base.lines = whole.lines[..restart].to_vec();
        for (at, text) in texts.iter().enumerate().skip(restart) {
            let before = (at == restart).then(|| texts[at - 1].as_str());
            base.commit(OURS, &[(A, before, Some(text))]);
        }
        assert_eq!(base.history(), whole.history(), "restarted after {restart}");
        assert_eq!(base.lines, whole.lines);
    }
}

#[test]
fn what_was_there_before_a_cut_moved_at_no_known_time() {
    let mut base = Base::new(false);
    let old = stream("a", &[("dev", "1", None), ("qa", "1", Some("first"))]);
    let new = stream("a", &[("dev", "2", None), ("qa", "1", Some("first"))]);
    base.commit(OURS, &[]);
    base.commit(OURS, &[(A, Some(&old), Some(&new))]);
    base.commit(
        OURS,
        &[(B, Some("b: ["), Some(&stream("b", &[("dev", "1", None)])))],
    );
    base.commit(
        OURS,
        &[(B, None, Some(&stream("b", &[("dev", "2", None)])))],
    );
    assert_eq!(base.moves("a", "dev"), [(1, to("2"), None)]);
    assert_eq!(base.moves("a", "qa"), []);
    assert_eq!(
        base.moves("b", "dev"),
        [(3, to("2"), None)],
        "what it held is not guessed"
    );
    assert!(!base.history().complete);
}

#[test]
fn contents_that_we_replaced_are_remembered_and_those_of_others_are_not() {
    let mut base = Base::new(true);
    let path = "environments/prod/rendered/a/x.yaml";
    base.touch(THEIRS, path, b"theirs");
    for n in 0..20_u8 {
        base.touch(OURS, path, &[n]);
    }
    base.touch(THEIRS, path, b"again");
    let output = &base.history().outputs[&path.parse().unwrap()];
    assert_eq!(output.last, 21);
    let replaced: Vec<usize> = output.replaced_by_us.iter().map(|(at, _)| *at).collect();
    assert_eq!(replaced, (5..=20).collect::<Vec<_>>());
}

#[test]
fn a_commit_is_never_earlier_than_the_one_before() {
    let mut base = Base::new(true);
    for second in [100, 50, 200] {
        let line = base.fold.reduce(&base.info(OURS, second), &[], &[]);
        base.fold.push(line);
    }
    let times: Vec<i64> = base
        .history()
        .commits
        .iter()
        .map(|c| c.time.as_second())
        .collect();
    assert_eq!(times, [100, 100, 200]);
}

#[test]
fn outputs_are_what_lies_in_the_output_folder_of_an_environment() {
    let environments = "environments".parse().unwrap();
    for (path, is) in [
        ("environments/prod/rendered/a/x.yaml", true),
        ("environments/prod/eu/rendered/x.yaml", true),
        ("environments/rendered/x.yaml", false),
        ("environments/prod/rendered", false),
        ("environments/prod/values.yaml", false),
        ("apps/prod/rendered/x.yaml", false),
        ("environments", false),
    ] {
        assert_eq!(
            super::work::is_output(&path.parse().unwrap(), &environments),
            is,
            "{path}"
        );
    }
}

#[test]
fn what_the_forge_commits_is_in_our_name_only_if_we_are_its_author() {
    for (author, committer, ours, named) in [
        (OURS, FORGE, false, true),
        (THEIRS, FORGE, false, false),
        (OURS, THEIRS, false, false),
        (THEIRS, OURS, true, false),
    ] {
        let mut base = Base::new(true);
        let mut info = base.info(committer, 1_000_000);
        author.clone_into(&mut info.author.email);
        let change = FileChange {
            path: "out.yaml".parse().unwrap(),
            old: Some(BlobId::of(b"old")),
            new: None,
        };
        let line = base.fold.reduce(&info, &[], &[change]);
        base.fold.push(line);
        let commit = &base.history().commits[0];
        assert_eq!((commit.ours, commit.in_our_name), (ours, named), "{author}");
        let output = base.history().outputs.values().next().unwrap();
        assert_eq!(!output.replaced_by_us.is_empty(), ours || named, "{author}");
    }
}

#[test]
fn the_past_of_texts_is_that_of_commits() {
    let [one, two] = ["1", "2"].map(|image| stream("a", &[("dev", image, None)]));
    let mut base = Base::new(true);
    base.commit(THEIRS, &[(A, None, Some(&one))]);
    base.commit(OURS, &[(A, None, Some(&two))]);
    base.commit(THEIRS, &[(A, None, None)]);
    let mut past = TextHistory::new(&us(), &ConfigSpec::default());
    let files = [Some(one.as_str()), Some(&two), None];
    for (at, (text, by)) in files.into_iter().zip([THEIRS, OURS, THEIRS]).enumerate() {
        let mut info = base.info(by, 1_000_000 + at as i64);
        info.id = id(at);
        let path = A.parse().unwrap();
        let loaded = text.map(|text| Arc::new(load(&path, text.as_bytes(), Role::Streams)));
        past.commit(&info, &[(path, loaded)]);
    }
    assert_eq!(*past.history(), *base.history());
}
