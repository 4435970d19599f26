//! Many pipelines with a long past: how long the plan takes that reads it all, and what a process needs that made it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use headwater::config::git::GitSettings;
use headwater::model::{Digest, Set};
use headwater::plan::plan as make_plan;
use tempfile::TempDir;

use crate::child;
use crate::corpus::BEGIN;
use crate::engine::{Ours, at};
use crate::measure::{Plan, pairs, timed};
use crate::registry::Embedded;
use crate::table::{Row, seconds};

/// Stages of every pipeline, the first one first.
const STAGES: [&str; 4] = ["dev", "qa", "eu", "us"];
/// Sets that every stage but the last two has held, one after another.
const SETS: usize = 10;
/// What every pipeline says of its stages: the last set waits for its soak in qa.
const ROAD: &str = "  stages:
    - {name: dev, environments: []}
    - {name: qa, environments: [], verify: [{soak: 30d}]}
    - name: eu
      environments: []
      from: [qa]
      enter:
        - age: 1h
        - window: {allow: [\"Mon-Fri 08:00-18:00\"], timeZone: Europe/Berlin}
    - {name: us, environments: [], from: [eu]}
";
const CONFIG: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nmetadata: {name: headwater}\nspec: {delivery: commit}\n";

/// The time of the plan, and the memory of a process that made passes.
pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("base.git");
    let bytes = write(&bare, plan.roads);
    let registry = Embedded::start();
    let ours = Ours::open(&bare, &folder.path().join("cache"), &registry.address());
    let minute = SETS + STAGES.len();
    let planned = ours.engine.reconciler.plan(at(minute));
    let (observation, made) = ours.runtime.block_on(planned).unwrap();
    assert!(made.is_empty(), "{:?}", made.changes);
    let waiting = made.stages.iter().filter(|s| s.candidate.is_some());
    assert_eq!(waiting.count(), plan.roads, "one waits in every pipeline");
    let held: usize = observation.history.moves.values().map(Vec::len).sum();
    assert_eq!(held, plan.roads * (4 * SETS - 2));
    let sets: Vec<Set> = (0..plan.roads).flat_map(sets).collect();
    let pair = pairs(
        plan,
        |_| timed(|| assert!(make_plan(&observation).is_empty())).0,
        |_| timed(|| assert!(sets.iter().all(|set| set.id().as_str().len() == 64))).0,
    );
    let what = format!(
        "plan of {} pipelines with {} stages and {} sets of history",
        plan.roads,
        STAGES.len(),
        sets.len()
    );
    let time = Row {
        what: what.clone(),
        ours: seconds(pair.ours),
        floor: format!("{} (SHA-256 of every set)", seconds(pair.floor)),
        ratio: format!("{:.1} x", pair.ratio),
        bar: "<= 1 s".to_owned(),
        met: Some(pair.ours.as_secs_f64() <= 1.0),
    };
    drop(observation);
    let memory = child::row(
        format!("memory after passes over {} pipelines", plan.roads),
        folder.path(),
        &registry.address(),
        minute,
        bytes,
    );
    vec![time, memory]
}

fn sets(pipeline: usize) -> impl Iterator<Item = Set> {
    (1..=SETS).map(move |number| {
        let stream = format!("web/{}", name(pipeline)).try_into().unwrap();
        Set::new([(stream, digest(pipeline, number))])
    })
}

fn name(pipeline: usize) -> String {
    format!("app{pipeline:04}")
}

fn digest(pipeline: usize, set: usize) -> Digest {
    Digest::sha256(format!("{pipeline} {set}").as_bytes())
}

/// The set that a stage holds after so many commits; 0 is none. What came last waits before the third stage.
fn held(stage: usize, commit: usize) -> usize {
    let last = if stage < 2 { SETS } else { SETS - 1 };
    commit.saturating_sub(stage).min(last)
}

/// Writes the repository; the bytes of its head.
fn write(folder: &Path, count: usize) -> usize {
    let bare = Repository::init_bare(folder).unwrap();
    let odb = bare.odb().unwrap();
    let memory = odb.add_new_mempack_backend(1_000).unwrap();
    let mut tree = bare.treebuilder(None).unwrap().write().unwrap();
    let (mut parent, mut bytes) = (None, 0);
    for commit in 0..SETS + STAGES.len() {
        let mut update = TreeUpdateBuilder::new();
        bytes = 0;
        let mut put = |path: String, text: &str| {
            bytes += text.len();
            let blob = bare.blob(text.as_bytes()).unwrap();
            update.upsert(path, blob, FileMode::Blob);
        };
        put("headwater.yaml".to_owned(), CONFIG);
        for number in 0..count {
            let app = name(number);
            put(
                format!("pipelines/{app}/imagestream.yaml"),
                &stream(number, commit),
            );
            let head = format!(
                "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: {app}, namespace: web}}\nspec:\n{ROAD}"
            );
            put(format!("pipelines/{app}/pipeline.yaml"), &head);
        }
        let before = bare.find_tree(tree).unwrap();
        tree = update.create_updated(&bare, &before).unwrap();
        parent = Some(record(&bare, tree, parent, commit));
    }
    let mut pack = git2::Buf::new();
    memory.dump(&bare, &mut pack).unwrap();
    let mut writer = odb.packwriter().unwrap();
    writer.write_all(&pack).unwrap();
    writer.commit().unwrap();
    let bare = Repository::open_bare(folder).unwrap();
    bare.reference("refs/heads/main", parent.unwrap(), true, "begin")
        .unwrap();
    bare.set_head("refs/heads/main").unwrap();
    bytes
}

fn stream(pipeline: usize, commit: usize) -> String {
    let app = name(pipeline);
    let source = format!("registry.example/web/{app}:main");
    let (mut spec, mut status) = (String::new(), String::new());
    for (stage, tag) in STAGES.iter().enumerate() {
        let now = held(stage, commit);
        let (kind, from) = match (stage, now) {
            (0, _) => ("DockerImage", source.clone()),
            (_, 0) => continue,
            (_, now) => (
                "ImageStreamImage",
                format!("{app}@{}", digest(pipeline, now)),
            ),
        };
        writeln!(
            spec,
            "    - name: {tag}\n      annotations:\n        headwater.dev/source: '{{\"importMode\":\"\",\"kind\":\"{kind}\",\"name\":\"{from}\",\"namespace\":\"\",\"reference\":false}}'\n      from: {{kind: {kind}, name: \"{from}\"}}"
        )
        .unwrap();
        if now == 0 {
            continue;
        }
        writeln!(status, "    - tag: {tag}\n      items:").unwrap();
        for set in (1..=now).rev() {
            let digest = digest(pipeline, set);
            writeln!(
                status,
                "        - {{created: \"2026-01-05T09:{set:02}:00Z\", dockerImageReference: \"registry.example/web/{app}@{digest}\", generation: {set}, image: \"{digest}\"}}"
            )
            .unwrap();
        }
    }
    let status = match status.as_str() {
        "" => String::new(),
        tags => format!("status:\n  tags:\n{tags}"),
    };
    format!(
        "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {{name: {app}, namespace: web}}\nspec:\n  tags:\n{spec}{status}"
    )
}

/// A commit of ours.
fn record(bare: &Repository, tree: Oid, parent: Option<Oid>, number: usize) -> Oid {
    let at = BEGIN + 60 * i64::try_from(number).unwrap();
    let us = GitSettings::default().committer;
    let who = Signature::new(&us.name, &us.email, &Time::new(at, 0)).unwrap();
    let tree = bare.find_tree(tree).unwrap();
    let parents = parent.map(|id| bare.find_commit(id).unwrap());
    let parents: Vec<_> = parents.iter().collect();
    bare.commit(None, &who, &who, "move\n", &tree, &parents)
        .unwrap()
}
