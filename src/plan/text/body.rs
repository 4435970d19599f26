//! Texts of pull requests: of one promotion, and of several that go together.

use super::{arrow, code_free, code_span, cut, file_list, short, some_of};
use crate::model::{PinnedImage, StageKey};
use crate::plan::facts::marker::{END, Marker};
use crate::plan::report::Condition;

/// Conditions of a stage are shown as tables in a text of so many promotions; with more, one line each.
const MOST_TABLES: usize = 12;

/// One promotion, for people.
pub struct Moved {
    /// Pipeline and stage.
    pub key: StageKey,
    /// Version before, if any.
    pub old: Option<String>,
    /// Version after.
    pub new: String,
    /// Images before, by stream, where there were any.
    pub images: Vec<(String, Option<PinnedImage>, PinnedImage)>,
    /// Conditions when it was proposed: evidence, never refreshed.
    pub conditions: Vec<Condition>,
    /// Approvals needed: how many, of whom.
    pub approvals: Vec<(u32, String)>,
    /// Where the set comes from.
    pub from: Vec<String>,
}

/// All that a pull request says.
pub struct Body<'a> {
    /// The marker, first line of the body.
    pub marker: &'a Marker,
    /// Where it goes, for people.
    pub place: &'a str,
    /// What it moves.
    pub moves: &'a [Moved],
    /// Files it writes.
    pub files: &'a [String],
    /// Boxes to tick, where the forge has such.
    pub boxes: &'a [String],
}

/// Title of a promotion's pull request; into a stage that takes from no other it is an import, as commits say.
pub fn promotion_title(moved: &Moved, place: &str) -> String {
    let pipeline = &moved.key.pipeline;
    let versions = arrow(moved.old.as_deref(), &moved.new);
    cut(&format!("{} {pipeline} {versions} to {place}", verb(moved)))
}

/// Title of a pull request of several promotions.
pub fn group_title(body: &Body<'_>) -> String {
    let [first, _, ..] = body.moves else {
        let only = body.moves.first();
        return only.map_or_else(String::new, |only| promotion_title(only, body.place));
    };
    let moves = body.moves.iter();
    let moves = moves.map(|moved| format!("{} {}", moved.key.pipeline, code_free(&moved.new)));
    let moves: Vec<String> = moves.collect();
    cut(&format!(
        "{} {} services to {}: {}",
        verb(first),
        moves.len(),
        body.place,
        some_of(&moves)
    ))
}

fn verb(moved: &Moved) -> &'static str {
    match moved.from.as_slice() {
        [] => "Import",
        _ => "Promote",
    }
}

/// The body of a promotion's pull request.
pub fn promotion_body(
    marker: &Marker,
    moved: &Moved,
    files: &[String],
    boxes: &[String],
) -> String {
    let mut out = vec![
        marker.to_line(),
        String::new(),
        sentence(moved),
        String::new(),
    ];
    out.extend(images(moved));
    out.push(String::new());
    out.extend(conditions(moved));
    out.push(String::new());
    out.extend(changes(files));
    let key = &moved.key;
    let new = code_free(&moved.new);
    out.push(format!(
        "**If you do not want it,** close it: {new} is refused for {} until you reopen or run `headwater unhold {key}`; the next build gets its own pull request.",
        key.stage,
    ));
    out.push("**If a newer build comes,** this pull request moves to it until somebody approves; then it stays, and the newer one waits.".to_owned());
    out.push(format!(
        "**Going back:** press Revert, or `headwater rollback {key}`; {new} is then held.",
    ));
    out.extend(ticks(boxes, "`/headwater hold REASON`"));
    out.push(END.to_owned());
    out.join("\n") + "\n"
}

/// The body of a pull request of several promotions.
pub fn group_body(body: &Body<'_>) -> String {
    let mut out = vec![body.marker.to_line(), String::new()];
    let few = body.moves.len() <= MOST_TABLES;
    for moved in body.moves {
        out.push(sentence(moved));
        out.push(String::new());
        out.extend(images(moved));
        out.push(String::new());
        if few {
            out.extend(conditions(moved));
            out.push(String::new());
        }
    }
    out.extend(changes(body.files));
    let place = body.place;
    out.push("**They go together:** merged as one, when every condition of each holds. What is held, frozen or refused meanwhile leaves this pull request.".to_owned());
    out.push(format!(
        "**If you do not want one of them,** `headwater hold PIPELINE/STAGE` takes it out. Close this pull request, and every set in it is refused for {place} until you reopen it or run `headwater unhold` for its stage.",
    ));
    out.push("**What becomes ready soon** joins this pull request, and newer builds replace older ones in it, until somebody approves; then it stays, and others get their own.".to_owned());
    out.push("**Going back:** `headwater rollback PIPELINE/STAGE` for one of them, or press Revert for all.".to_owned());
    out.extend(ticks(body.boxes, "`/headwater hold PIPELINE/STAGE REASON`"));
    out.push(END.to_owned());
    out.join("\n") + "\n"
}

/// Boxes, and the comments that ask for the same.
fn ticks(boxes: &[String], hold: &str) -> Vec<String> {
    if boxes.is_empty() {
        return Vec::new();
    }
    let words = format!(
        "Whoever may write to this repository may tick one, or comment `/headwater rebuild` or {hold}."
    );
    let end = [String::new(), words];
    std::iter::once(String::new())
        .chain(boxes.iter().cloned())
        .chain(end)
        .collect()
}

fn sentence(moved: &Moved) -> String {
    let from = match moved.from.as_slice() {
        [] => String::new(),
        from => format!(
            " Same image that passed {}; nothing is rebuilt.",
            from.join(" and ")
        ),
    };
    let old = moved.old.as_deref();
    let old = old.map_or_else(String::new, |old| format!(" from **{}**", code_free(old)));
    format!(
        "**{}** moves{old} to **{}** in **{}**.{from}",
        moved.key.pipeline,
        code_free(&moved.new),
        moved.key.stage
    )
}

fn images(moved: &Moved) -> Vec<String> {
    let mut lines = vec!["| stream | now | after merge |\n|---|---|---|".to_owned()];
    for (stream, now, after) in &moved.images {
        let now = now
            .as_ref()
            .map_or("nothing".to_owned(), |i| format!("`{}`", short(&i.digest)));
        lines.push(format!("| {stream} | {now} | `{after}` |"));
    }
    lines
}

fn conditions(moved: &Moved) -> Vec<String> {
    let mut lines = vec!["| | condition | evidence |\n|---|---|---|".to_owned()];
    for condition in &moved.conditions {
        let yes = match condition.verdict.is_open() {
            true => "yes",
            false => "no",
        };
        lines.push(format!(
            "| {yes} | {} | {} |",
            condition.name,
            code_span(condition.verdict.why())
        ));
    }
    for (count, who) in &moved.approvals {
        lines.push(format!(
            "| | approval by {count} of {} | whoever asked for this promotion does not count |",
            code_span(who)
        ));
    }
    lines
}

fn changes(files: &[String]) -> Vec<String> {
    vec!["**Changes**".to_owned(), file_list(files), String::new()]
}
