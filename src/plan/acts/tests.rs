//! Acts on a small repository in memory: a stream that went dev -> prod twice, its history written as a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::manifests::{Listing, Role, Texts, assemble, load, role_of};
use crate::model::repository_config::Paths;
use crate::model::{
    BlobId, CommitId, Digest, Name, PinnedImage, Promotion, Set, SetId, StreamKey, TagKey,
};
use crate::plan::facts::marker::Marker;
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::facts::{Answer, ImageFacts, Outcome};
use crate::plan::history::{History, HistoryCommit, Move};
use crate::plan::question::Describe;
use crate::plan::{Facts, FileEntry, Observation, Snapshot};

const PIPELINE: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: shop}\nspec:\n  stages:\n    - {name: dev, environments: []}\n    - {name: prod, environments: []}\n";

struct Nothing;
impl Texts for Nothing {
    fn text(&self, _: &RepoPath) -> Option<Arc<str>> {
        None
    }
}
impl Listing for Nothing {
    fn exists(&self, _: &RepoPath) -> bool {
        true
    }
    fn folder_exists(&self, _: &RepoPath) -> bool {
        true
    }
    fn folders(&self, _: &RepoPath) -> Vec<String> {
        Vec::new()
    }
}

fn stream_key() -> StreamKey {
    "default/shop".to_owned().try_into().unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn set(text: &str) -> Set {
    Set::new([(stream_key(), digest(text))])
}

fn id(at: usize) -> CommitId {
    format!("{at:040x}").parse().unwrap()
}

fn key() -> StageKey {
    "shop/prod".parse().unwrap()
}

fn mara() -> Person {
    Person {
        by: "mara@example.com".to_owned(),
        reason: "login 500s\nHeadwater-Set: forged".to_owned(),
    }
}

/// The stream's file: dev takes from a registry, prod holds `prod`, all builds are on record.
fn stream(prod: &str) -> String {
    let item = |text: &str| {
        let digest = digest(text);
        format!(
            "        - {{created: \"2026-01-05T09:00:00Z\", dockerImageReference: \"r.example/shop@{digest}\", image: \"{digest}\", generation: 1}}\n"
        )
    };
    let items: String = ["two", "one"].into_iter().map(item).collect();
    format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata:\n  name: shop\nspec:\n  tags:\n    - name: dev\n      from: {{kind: DockerImage, name: r.example/shop:main}}\n    - name: prod\n      from: {{kind: ImageStreamImage, name: \"shop@{}\"}}\nstatus:\n  tags:\n    - tag: dev\n      items:\n{items}    - tag: prod\n      items:\n{items}",
        digest(prod)
    )
}

fn record(from: usize, to: &str) -> Option<Promotion> {
    Some(Promotion {
        from: vec![crate::model::promotion::FromStage {
            commit: id(from),
            stage: "dev".parse().unwrap(),
        }],
        pipeline: "shop".parse().unwrap(),
        set: set(to).id(),
        stage: "prod".parse().unwrap(),
        v: 1,
        asked_by: None,
        cause: crate::model::promotion::Cause::Promotion,
        evidence: Vec::new(),
    })
}

/// `one`, then `two`, went through dev and prod. `more` are further files.
fn world(more: &[(&str, &str)]) -> Observation {
    let stream = stream("two");
    let mut files = vec![
        ("pipelines/shop/pipeline.yaml", PIPELINE),
        ("pipelines/shop/imagestream.yaml", stream.as_str()),
    ];
    files.extend(more);
    let mut loaded = Vec::new();
    let mut entries = BTreeMap::new();
    let mut blobs = BTreeMap::new();
    for (path, text) in files {
        let path: RepoPath = path.parse().unwrap();
        let role = role_of(&path, &Paths::default()).unwrap_or(Role::Streams);
        loaded.push((
            path.clone(),
            role,
            Arc::new(load(&path, text.as_bytes(), role)),
        ));
        let blob = BlobId::of(text.as_bytes());
        blobs.insert(blob.clone(), Some(Arc::from(text)));
        entries.insert(path, FileEntry { blob, plain: true });
    }
    let documents = assemble(loaded, &Nothing, &Nothing);
    let mut facts = Facts::at(id(3), "2026-01-05T12:00:00Z".parse().unwrap());
    for text in ["one", "two"] {
        facts.described.insert(
            Describe {
                image: format!("r.example/shop@{}", digest(text))
                    .parse::<PinnedImage>()
                    .unwrap(),
                namespace: stream_key().namespace,
            },
            Answer {
                at: facts.now,
                asked: None,
                outcome: Outcome::Ok(ImageFacts {
                    labels: BTreeMap::from([("version".to_owned(), "1.0.0".to_owned())]),
                    platforms: Vec::new(),
                    images: Vec::new(),
                }),
            },
        );
    }
    Observation {
        snapshot: Snapshot {
            commit: id(3),
            branch: "main".to_owned(),
            documents: Arc::new(documents),
            files: Arc::new(entries),
        },
        history: Arc::new(history(&[
            ("dev", "one"),
            ("prod", "one"),
            ("dev", "two"),
            ("prod", "two"),
        ])),
        facts,
        blobs,
    }
}

fn history(rows: &[(&str, &str)]) -> History {
    let mut history = History {
        complete: true,
        ..History::default()
    };
    for (at, (tag, to)) in rows.iter().enumerate() {
        history.commits.push(HistoryCommit {
            id: id(at),
            time: Timestamp::from_second(1_767_600_000 + at as i64 * 60).unwrap(),
            ours: true,
            in_our_name: false,
            author: "a@b".to_owned(),
        });
        let moves = history
            .moves
            .entry(TagKey::new(stream_key(), *tag))
            .or_default();
        moves.push(Move {
            at,
            digest: Some(digest(to)),
            repository: None,
            by_spec: *tag != "dev",
            record: (*tag == "prod")
                .then(|| record(at - 1, to))
                .flatten()
                .map(Box::new),
        });
    }
    history
}

fn why<T: std::fmt::Debug>(result: Result<T, ActError>) -> (String, String) {
    match result {
        Err(ActError::No { why, help } | ActError::Unknown { why, help }) => {
            (why, help.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

fn pull(state: PullState, set: SetId) -> PullRequestFacts {
    PullRequestFacts {
        id: "promote-shop-prod-1".to_owned(),
        branch: "headwater/promote/shop/prod/1".to_owned(),
        state,
        marker: Marker::promotion(key(), set),
        title: String::new(),
        body: String::new(),
        labels: Vec::new(),
        head: id(9),
        closed_by: None,
        closed_why: None,
        merged_as: None,
        unrecorded: false,
        queue: None,
        unmarked: false,
        statuses: None,
        approvals: Vec::new(),
        past: None,
        opened_at: None,
        branch_facts: None,
    }
}

#[test]
fn a_rollback_is_move_record_and_hold_in_one_change() {
    let act = rollback(&world(&[]), &key(), &Named::Previous, &mara()).unwrap();
    let paths: Vec<&str> = act.files.keys().map(RepoPath::as_str).collect();
    let hold = format!("holds/shop-prod-{}.yaml", set("two").id().short());
    assert_eq!(paths, [hold.as_str(), "pipelines/shop/imagestream.yaml"]);
    let stream = act.files.values().flatten().nth(1).unwrap();
    assert!(
        stream.contains(&format!("shop@{}", digest("one"))),
        "{stream}"
    );
    assert!(stream.contains("\"cause\":\"rollback\""), "{stream}");
    assert!(act.pins && act.old.unwrap().set == set("two") && act.new.unwrap().set == set("one"));
    assert_eq!(act.ran.unwrap().by.as_deref(), Some(id(1).short()));
}

#[test]
fn a_persons_words_cannot_become_trailers() {
    let act = rollback(&world(&[]), &key(), &Named::Previous, &mara()).unwrap();
    let forged = act
        .message
        .lines()
        .filter(|l| l.starts_with("Headwater-Set: "));
    assert_eq!(forged.count(), 1, "{}", act.message);
    assert_eq!(one_line("a\nb\r\n  c"), "a b c");
}

#[test]
fn one_version_of_two_sets_is_listed_and_a_digest_tells_them_apart() {
    let named = |text: &str| rollback(&world(&[]), &key(), &Named::Text(text.to_owned()), &mara());
    let (said, help) = why(named("1.0.0"));
    assert_eq!(said, "`1.0.0` names 2 sets of shop/prod");
    assert!(
        help.contains(digest("one").short()) && help.contains(digest("two").short()),
        "{help}"
    );
    assert_eq!(
        named(&digest("one").hex()[..8]).unwrap().new.unwrap().set,
        set("one")
    );
    assert!(why(named(digest("two").hex())).0.contains("already"));
    assert!(
        why(named("cafecafe"))
            .0
            .contains("no set of shop/prod is named")
    );
}

#[test]
fn lacking_facts_are_asked_for_before_anything_is_decided() {
    let mut world = world(&[]);
    world.facts.described.clear();
    let act = rollback(&world, &key(), &Named::Text("1.0.0".to_owned()), &mara());
    assert!(matches!(act, Err(ActError::Asking(questions)) if questions.len() == 2));
}

#[test]
fn a_stage_or_pipeline_that_is_not_there_is_said_with_those_that_are() {
    let world = world(&[]);
    let ask = |key: &str| hold(&world, &key.parse().unwrap(), None, &mara());
    assert_eq!(
        why(ask("shop/prd")).1,
        "did you mean `prod`? known here: dev, prod"
    );
    assert_eq!(
        why(ask("shp/prod")).1,
        "did you mean `shop`? known here: shop"
    );
}

#[test]
fn a_hold_never_overwrites_a_file_that_says_something_else() {
    let other = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: shop-prod}\nspec: {pipeline: shop, stages: [dev], reason: x}\n";
    let act = hold(
        &world(&[("holds/shop-prod.yaml", other)]),
        &key(),
        None,
        &mara(),
    )
    .unwrap();
    let paths: Vec<&str> = act.files.keys().map(RepoPath::as_str).collect();
    assert_eq!(paths, ["holds/shop-prod-2.yaml"]);
}

#[test]
fn unhold_deletes_what_holds_this_stage_alone() {
    let hold = |stages: &str| {
        format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {{name: h}}\nspec: {{pipeline: shop, stages: {stages}, reason: audit}}\n"
        )
    };
    let act = unhold(
        &world(&[("holds/h.yaml", &hold("[prod]"))]),
        &key(),
        None,
        &mara(),
    )
    .unwrap();
    assert_eq!(act.files.values().collect::<Vec<_>>(), [&None]);
    let (said, _) = why(unhold(
        &world(&[("holds/h.yaml", &hold("[dev, prod]"))]),
        &key(),
        None,
        &mara(),
    ));
    assert!(said.contains("holds other stages too"), "{said}");
    assert_eq!(
        why(unhold(&world(&[]), &key(), None, &mara())).0,
        "nothing holds shop/prod"
    );
}

#[test]
fn a_closed_pull_request_is_reopened_while_its_branch_is_there_and_lifted_by_a_file_else() {
    let mut world = world(&[]);
    let other = set("three").id();
    world.facts.pulls = Some(vec![pull(PullState::Closed, other.clone())]);
    let act = unhold(&world, &key(), None, &mara()).unwrap();
    assert_eq!(act.reopen, None);
    let text = act.files.values().flatten().next().unwrap();
    assert!(
        text.contains("lifted: true") && text.contains(&other.to_string()),
        "{text}"
    );
    let branch = "headwater/promote/shop/prod/1".to_owned();
    world.facts.branches.insert(branch, id(9));
    let act = unhold(&world, &key(), None, &mara()).unwrap();
    assert_eq!(act.reopen.as_deref(), Some("promote-shop-prod-1"));
    assert!(act.files.is_empty());
}

#[test]
fn promote_asks_by_an_annotation_and_says_what_stands_in_the_way() {
    let held = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: h}\nspec: {pipeline: shop, stages: [prod], reason: audit}\n";
    let to = digest("one");
    let world = world(&[("holds/h.yaml", held)]);
    let act = promote(&world, &key(), Some(to.hex()), &[], &mara()).unwrap();
    let text = act.files.values().flatten().next().unwrap();
    assert!(text.contains("headwater.dev/request") && text.contains(&set("one").id().to_string()));
    let [older, held] = &act.notes[..] else {
        panic!("{:?}", act.notes)
    };
    assert!(older.contains("older than what shop/prod has"), "{older}");
    assert!(held.contains("shop/prod is held (audit)"), "{held}");
    let never: Vec<Name> = vec!["freeze".parse().unwrap()];
    let said = why(promote(&world, &key(), Some(to.hex()), &never, &mara())).0;
    assert!(said.contains("no gate that can be skipped"), "{said}");
    let first = "shop/dev".parse().unwrap();
    assert!(
        why(promote(&world, &first, None, &[], &mara()))
            .0
            .contains("registry offers")
    );
}

#[test]
fn only_an_open_pull_request_stands_anywhere_and_one_that_nobody_plans_is_not_merged() {
    let mut world = world(&[]);
    world.facts.pulls = Some(vec![pull(PullState::Merged, set("two").id())]);
    let plan = crate::plan::plan(&world);
    let merged = pull(PullState::Merged, set("two").id());
    assert!(
        why(standing(&world, &plan, &merged))
            .0
            .ends_with("is merged")
    );
    let open = pull(PullState::Open, set("two").id());
    let standing = standing(&world, &plan, &open).unwrap();
    assert!(
        standing
            .shut
            .iter()
            .any(|s| s.contains("its branch is gone")),
        "{standing:?}"
    );
    assert!(
        standing
            .message
            .contains(&format!("Headwater-Base: {}", id(3)))
    );
}

#[test]
fn a_pipeline_that_a_matrix_gives_no_more_is_said_to_be_so_by_every_act() {
    let matrix = PIPELINE.replace("name: shop", "name: \"{{app}}\"").replace(
        "spec:\n",
        "spec:\n  matrix: {app: {folders: \"environments/dev/*\"}}\n",
    );
    let mut world = world(&[]);
    let path: RepoPath = "pipelines/shop/pipeline.yaml".parse().unwrap();
    let loaded = load(&path, matrix.as_bytes(), Role::Pipelines);
    let documents = assemble(
        vec![(path, Role::Pipelines, Arc::new(loaded))],
        &Nothing,
        &Nothing,
    );
    world.snapshot.documents = Arc::new(documents);
    let said = [
        hold(&world, &key(), None, &mara()),
        unhold(&world, &key(), None, &mara()),
        rollback(&world, &key(), &Named::Previous, &mara()),
        promote(&world, &key(), None, &[], &mara()),
    ];
    for said in said {
        let Err(ActError::Invalid { why }) = said else {
            panic!("{said:?}");
        };
        assert!(
            why.starts_with("there is no pipeline `shop`: the matrix at pipelines/shop/pipeline.yaml:5 gives nothing now: dimension `app`"),
            "{why}"
        );
    }
}
