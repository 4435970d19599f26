//! Timelines read from small histories written as tables: commit, who, where the tag points.

use super::*;
use crate::model::promotion::FromStage;
use crate::plan::history::HistoryCommit;

fn stream() -> StreamKey {
    "default/myapp".to_owned().try_into().unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn set(text: &str) -> Set {
    Set::new([(stream(), digest(text))])
}

fn commit_id(at: usize) -> CommitId {
    format!("{at:040x}").parse().unwrap()
}

/// A history of one stream: each row is (ours, tag, digest or "", record).
fn history(rows: &[(bool, &str, &str, Option<Promotion>)]) -> History {
    let mut history = History {
        complete: true,
        ..History::default()
    };
    for (at, (ours, tag, to, record)) in rows.iter().enumerate() {
        history.commits.push(HistoryCommit {
            id: commit_id(at),
            time: Timestamp::from_second(1_000_000 + at as i64 * 60).unwrap(),
            ours: *ours,
            in_our_name: false,
            author: "a@b".into(),
        });
        history
            .moves
            .entry(TagKey::new(stream(), *tag))
            .or_default()
            .push(Move {
                at,
                digest: (!to.is_empty()).then(|| digest(to)),
                repository: None,
                by_spec: *tag != "dev",
                record: record.clone().map(Box::new),
            });
    }
    history
}

fn record(from_at: usize, to: &str, cause: Cause) -> Option<Promotion> {
    Some(Promotion {
        asked_by: None,
        cause,
        evidence: vec![],
        from: vec![FromStage {
            commit: commit_id(from_at),
            stage: "dev".parse().unwrap(),
        }],
        pipeline: "myapp".parse().unwrap(),
        set: set(to).id(),
        stage: "qa".parse().unwrap(),
        v: 1,
    })
}

fn qa(history: &History) -> Timeline {
    let (dev, qa): (Name, Name) = ("dev".parse().unwrap(), "qa".parse().unwrap());
    let streams = [stream()];
    let first = From::All(vec![]);
    let source = timeline(
        history,
        &StageRoad {
            name: &dev,
            tag: "dev",
            streams: &streams,
            from: &first,
        },
        &BTreeMap::new(),
    );
    let from = From::All(vec![dev.clone()]);
    timeline(
        history,
        &StageRoad {
            name: &qa,
            tag: "qa",
            streams: &streams,
            from: &from,
        },
        &BTreeMap::from([(dev, source)]),
    )
}

#[test]
fn a_commit_of_ours_makes_a_set_current() {
    let timeline = qa(&history(&[
        (true, "dev", "1", None),
        (true, "qa", "1", record(0, "1", Cause::Promotion)),
    ]));
    let current = timeline.current().unwrap();
    assert_eq!(current.id, set("1").id());
    assert_eq!(current.whose, Whose::Ours);
    assert_eq!(
        current.since,
        Some(Timestamp::from_second(1_000_060).unwrap())
    );
}

#[test]
fn a_merge_by_a_person_counts_when_its_record_proves_it() {
    let merged = qa(&history(&[
        (true, "dev", "1", None),
        (false, "qa", "1", record(0, "1", Cause::Promotion)),
    ]));
    assert_eq!(merged.current().unwrap().whose, Whose::Merged);
    let forged = qa(&history(&[
        (true, "dev", "1", None),
        (false, "qa", "2", record(0, "2", Cause::Promotion)),
    ]));
    assert_eq!(
        forged.current(),
        None,
        "a record of a set that the source never held proves nothing"
    );
    assert!(forged.by_hand.is_some());
}

#[test]
fn a_move_by_hand_moves_nothing_until_it_is_put_right() {
    let rows = [
        (true, "dev", "1", None),
        (true, "qa", "1", record(0, "1", Cause::Promotion)),
        (false, "qa", "evil", None),
    ];
    let edited = qa(&history(&rows));
    assert_eq!(edited.current().unwrap().id, set("1").id());
    assert_eq!(
        edited.by_hand.as_ref().unwrap().digest,
        Some(digest("evil"))
    );
    let mut mended = rows.to_vec();
    mended.push((false, "qa", "1", None));
    assert_eq!(qa(&history(&mended)).by_hand, None);
}

#[test]
fn a_revert_holds_the_set_that_left_and_a_rollback_does_not() {
    let up = |at: usize, to: &'static str| (true, "qa", to, record(at, to, Cause::Promotion));
    let rows = vec![
        (true, "dev", "1", None),
        up(0, "1"),
        (true, "dev", "2", None),
        up(2, "2"),
    ];
    let mut reverted = rows.clone();
    reverted.push((false, "qa", "1", None));
    let reverted = qa(&history(&reverted));
    assert_eq!(reverted.current().unwrap().whose, Whose::Back);
    assert!(reverted.reverted.contains_key(&set("2").id()));
    assert_eq!(reverted.last_forward().unwrap().id, set("2").id());
    assert_eq!(gone_back(&reverted), BTreeMap::from([(set("2").id(), 4)]));

    let mut rolled = rows;
    rolled.push((false, "qa", "1", record(0, "1", Cause::Rollback)));
    let rolled = qa(&history(&rolled));
    assert!(
        rolled.reverted.is_empty(),
        "a Hold file pins the stage instead"
    );
    assert!(came_by_rollback(&rolled));
    assert_eq!(
        rolled.previous(),
        None,
        "going back twice is not going forward"
    );
}

#[test]
fn a_revert_of_the_first_promotion_leaves_nothing_current_and_holds_the_set() {
    let timeline = qa(&history(&[
        (true, "dev", "1", None),
        (true, "qa", "1", record(0, "1", Cause::Promotion)),
        (false, "qa", "", None),
    ]));
    assert_eq!(timeline.current(), None);
    assert!(timeline.reverted.contains_key(&set("1").id()));
}

#[test]
fn a_recorded_event_written_by_hand_opens_nothing_in_a_first_stage() {
    let history = history(&[(false, "dev", "evil", None), (true, "qa", "x", None)]);
    let dev: Name = "dev".parse().unwrap();
    let from = From::All(vec![]);
    let timeline = timeline(
        &history,
        &StageRoad {
            name: &dev,
            tag: "dev",
            streams: &[stream()],
            from: &from,
        },
        &BTreeMap::new(),
    );
    let current = timeline.current().unwrap();
    assert!(!current.confirmed);
    assert_eq!(
        current.since,
        Some(Timestamp::from_second(1_000_060).unwrap()),
        "its clock starts at a later commit of ours"
    );
}

/// The same history, but what was ours was made by the forge in our name.
fn in_our_name(rows: &[(bool, &str, &str, Option<Promotion>)]) -> History {
    let mut history = history(rows);
    for commit in &mut history.commits {
        commit.in_our_name = std::mem::take(&mut commit.ours);
    }
    history
}

#[test]
fn what_the_forge_commits_in_our_name_is_ours_at_first_and_judged_by_its_record_later() {
    let promoted = record(0, "1", Cause::Promotion);
    let rows = [(true, "dev", "1", None), (true, "qa", "1", promoted)];
    let current = qa(&in_our_name(&rows)).current().cloned().unwrap();
    assert_eq!((current.whose, current.confirmed), (Whose::Merged, true));

    let dev = StageRoad {
        name: &"dev".parse().unwrap(),
        tag: "dev",
        streams: &[stream()],
        from: &From::All(vec![]),
    };
    let dev = timeline(&in_our_name(&rows), &dev, &BTreeMap::new());
    let current = dev.current().unwrap();
    assert_eq!((current.whose, current.confirmed), (Whose::Ours, true));

    // Whoever may merge can have such a commit made: without a record that History proves it moves nothing.
    for lie in [
        None,
        record(0, "1", Cause::Promotion),
        record(0, "2", Cause::Promotion),
        record(1, "1", Cause::Promotion),
    ] {
        let forged = qa(&in_our_name(&[
            (true, "dev", "1", None),
            (true, "qa", "2", lie),
        ]));
        assert_eq!((forged.current(), forged.by_hand.is_some()), (None, true));
    }
}

#[test]
fn what_ran_before_is_believed_of_a_stage_that_never_held_anything_and_of_no_other() {
    let adopted = |to: &str| record(0, to, Cause::Adopted);
    let fresh = qa(&history(&[
        (true, "dev", "1", None),
        (false, "qa", "old", adopted("old")),
    ]));
    let current = fresh.current().unwrap();
    assert_eq!((current.whose, current.confirmed), (Whose::Adopted, true));
    assert!(current.since.is_some());

    let known = qa(&history(&[
        (true, "dev", "1", None),
        (true, "qa", "1", record(0, "1", Cause::Promotion)),
        (false, "qa", "evil", adopted("evil")),
    ]));
    assert_eq!(known.current().unwrap().id, set("1").id());
    assert!(known.by_hand.is_some());

    let lie = qa(&history(&[
        (true, "dev", "1", None),
        (false, "qa", "evil", adopted("old")),
    ]));
    assert_eq!(lie.current(), None, "its record is about another set");
}
