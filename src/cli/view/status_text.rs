//! The text of `status`: one table where it fits, rows with their reasons below where it does not, blocks where even the
//! stages do not fit side by side.

use super::Frame;
use super::status::{Reason, Row, StatusView, next_change, others, rows};
use super::words::{
    ago, ago_in_words, counted, digest, flow, hang, is_number, pad, pad_left, pull_name, safe,
    subject, told_until, version, widest, wrap,
};
use crate::cli::output::style::width;
use crate::cli::output::{Style, states};
use crate::plan::Plan;
use crate::plan::report::{StageReport, State};

/// Space between two columns.
const GAP: usize = 3;
/// With fewer columns than this a reason goes below its row.
const ROOM_FOR_REASON: usize = 36;
/// So many settled pipelines are not worth folding.
const NOT_FOLDED: usize = 3;
/// Columns of the word for a state.
const STATE: usize = 7;

pub(super) fn draw(view: &StatusView<'_>, frame: &Frame) -> String {
    let (plan, all) = (view.plan, view.all);
    let rows = rows(plan);
    let (settled, mut open): (Vec<&Row<'_>>, Vec<&Row<'_>>) =
        rows.iter().partition(|row| row.state == State::Settled);
    let fold = !all && settled.len() > NOT_FOLDED;
    if !fold {
        open.extend(&settled);
    }
    let folded: &[&Row<'_>] = if fold { &settled } else { &[] };
    let mut parts = vec![header(view, &rows, frame)];
    parts.push(pipelines(&open, frame));
    parts.push(elsewhere(plan, frame));
    parts.push(footer(plan, &open, folded, frame));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// `main 3f9c2ab4   30 pipelines x 5 stages   checked 14:02:11, 9 s ago   1 broken  24 settled`
fn header(view: &StatusView<'_>, rows: &[Row<'_>], frame: &Frame) -> String {
    let plan = view.plan;
    let branch = Style::Bold.paint(&plan.branch);
    let stages: Vec<usize> = rows.iter().map(|row| row.stages.len()).collect();
    let pipelines = counted(rows.len(), "pipeline");
    let size = match stages.split_first() {
        None => "no pipelines".to_owned(),
        Some((first, rest)) if rest.iter().all(|n| n == first) => {
            format!("{pipelines} x {}", counted(*first, "stage"))
        }
        Some(_) => format!("{pipelines}, {}", counted(stages.iter().sum(), "stage")),
    };
    let checked = match view.checked {
        true => format!(
            "checked {}, {}",
            frame.zone.second(plan.now),
            ago_in_words(plan.now, frame.now)
        ),
        false => "no registry was asked yet".to_owned(),
    };
    let states = rows.iter().map(|row| row.state);
    let states = states.chain(others(plan).into_iter().map(|hold| hold.state));
    let pieces = [
        format!("{branch} {}", plan.base.short()),
        size,
        checked,
        states::count(states),
    ];
    flow(&pieces, GAP, frame)
}

/// Version, age and marks of a stage.
struct Cell {
    version: String,
    age: String,
    mark: String,
}

impl Cell {
    fn of(stage: &StageReport, frame: &Frame) -> Self {
        let current = stage.current.as_ref();
        let name = current.map_or_else(|| "-".to_owned(), version);
        let digests = current.filter(|_| frame.wide).map(|c| digest(&c.set));
        let digests = digests.filter(|digests| *digests != name);
        Self {
            version: digests.map_or_else(|| name.clone(), |digests| format!("{name} {digests}")),
            age: current.map_or_else(String::new, |current| ago(current.since, frame)),
            mark: mark(stage),
        }
    }
}

/// ` (held)`, ` -> #482`, ` -> 4.2.2`
fn mark(stage: &StageReport) -> String {
    let mut mark = match stage.state {
        State::Held | State::Frozen => format!(" ({})", states::paint(stage.state)),
        _ => String::new(),
    };
    let candidate = stage.candidate.as_ref();
    let next = match &stage.pull_request {
        // A number leads to it; what the offline forge calls one is for machines.
        Some(id) if !is_number(id) && candidate.is_some() => candidate.map(version),
        Some(id) => Some(pull_name(id, &stage.key)),
        None => candidate
            .filter(|_| stage.state == State::Moving)
            .map(version),
    };
    if let Some(next) = next {
        mark.push_str(&format!(" -> {}", Style::Cyan.paint(&next)));
    }
    mark
}

/// The reasons a row shows: the worst, and how many more there are; all of them in a wide frame.
fn reasons(row: &Row<'_>, frame: &Frame) -> Vec<String> {
    let say = |reason: &Reason| {
        let why = told_until(&reason.why, reason.state, reason.until, frame);
        match (reason.place.as_str(), why.as_str()) {
            ("", _) => why,
            (place, "") => place.to_owned(),
            (place, why) => format!("{place}: {why}"),
        }
    };
    if frame.wide {
        return row.reasons.iter().map(say).collect();
    }
    // What moves shows in its cell.
    let still = row
        .reasons
        .iter()
        .filter(|reason| reason.state != State::Moving);
    let more = still.skip(1).count();
    let first = row.reasons.first().map(say);
    first
        .map(|first| match more {
            0 => first,
            more => format!("{first} {}", Style::Dim.paint(&format!("(+{more} more)"))),
        })
        .into_iter()
        .collect()
}

fn pipelines(rows: &[&Row<'_>], frame: &Frame) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let table = columns(rows).map(|columns| Grid::new(&columns, rows, frame));
    match table {
        Some(grid) if grid.fits(frame) => grid.draw(rows, frame),
        _ => blocks(rows, frame),
    }
}

/// Names of stages as columns, if the pipelines share them: at most one more than the longest pipeline has.
fn columns(rows: &[&Row<'_>]) -> Option<Vec<String>> {
    let mut longest: Vec<&&Row<'_>> = rows.iter().collect();
    longest.sort_by_key(|row| std::cmp::Reverse(row.stages.len()));
    let most = longest.first()?.stages.len();
    let mut columns: Vec<String> = Vec::new();
    for row in longest {
        let mut next = 0;
        for stage in &row.stages {
            let name = stage.key.stage.as_str();
            match columns.iter().position(|column| column == name) {
                Some(at) => next = at + 1,
                None => {
                    columns.insert(next, name.to_owned());
                    next += 1;
                }
            }
        }
    }
    (most > 0 && columns.len() <= most + 1).then_some(columns)
}

/// The table: one column per stage.
struct Grid {
    pipeline: usize,
    /// Headers and cells of each stage, drawn to one width.
    stages: Vec<(String, Vec<String>)>,
    widest_reason: usize,
}

impl Grid {
    fn new(columns: &[String], rows: &[&Row<'_>], frame: &Frame) -> Self {
        let stages = columns
            .iter()
            .map(|column| Self::stage(column, rows, frame));
        let names: Vec<String> = rows.iter().map(|row| row.pipeline.to_string()).collect();
        let reasons: Vec<String> = rows.iter().flat_map(|row| reasons(row, frame)).collect();
        Self {
            pipeline: widest(&names).max("PIPELINE".len()),
            stages: stages.collect(),
            widest_reason: widest(&reasons),
        }
    }

    fn stage(column: &str, rows: &[&Row<'_>], frame: &Frame) -> (String, Vec<String>) {
        let find = |row: &&Row<'_>| {
            let stage = row.stages.iter().find(|s| s.key.stage.as_str() == column);
            stage.map(|stage| Cell::of(stage, frame))
        };
        let cells: Vec<Option<Cell>> = rows.iter().map(find).collect();
        let there = || cells.iter().flatten();
        let (versions, ages) = (
            widest(there().map(|cell| &cell.version)),
            widest(there().map(|cell| &cell.age)),
        );
        let draw = |cell: &Option<Cell>| match cell {
            None => String::new(),
            Some(cell) => {
                let (version, age) = (pad(&cell.version, versions), pad_left(&cell.age, ages));
                match cell.age.as_str() {
                    "" => format!("{}{}", cell.version, cell.mark),
                    _ => format!("{version} {age}{}", cell.mark),
                }
            }
        };
        let drawn: Vec<String> = cells.iter().map(draw).collect();
        let columns = widest(&drawn).max(width(column));
        let header = pad(&column.to_uppercase(), columns);
        (
            header,
            drawn.iter().map(|cell| pad(cell, columns)).collect(),
        )
    }

    /// Columns up to where the reason begins.
    fn before_reason(&self) -> usize {
        let stages = self.stages.iter().map(|(header, _)| width(header) + GAP);
        self.pipeline + GAP + stages.sum::<usize>() + STATE + 2
    }

    fn fits(&self, frame: &Frame) -> bool {
        frame
            .width
            .is_none_or(|width| self.before_reason() <= width)
    }

    fn draw(&self, rows: &[&Row<'_>], frame: &Frame) -> String {
        let gap = " ".repeat(GAP);
        let room = frame.width.map(|width| width - self.before_reason());
        let beside = room.is_none_or(|room| room >= self.widest_reason.min(ROOM_FOR_REASON));
        let headers = self.stages.iter().map(|(header, _)| header.as_str());
        let first = pad("PIPELINE", self.pipeline);
        let headers: Vec<&str> = [first.as_str()]
            .into_iter()
            .chain(headers)
            .chain(["STATE"])
            .collect();
        let mut lines = vec![Style::Dim.paint(&headers.join(&gap))];
        for (index, row) in rows.iter().enumerate() {
            let name = Style::Bold.paint(row.pipeline.as_str());
            let cells = self.stages.iter().map(|(_, cells)| cells[index].as_str());
            let name = pad(&name, self.pipeline);
            let state = pad(&states::paint(row.state), STATE + 2);
            let cells: Vec<&str> = [name.as_str()]
                .into_iter()
                .chain(cells)
                .chain([state.as_str()])
                .collect();
            let head = cells.join(&gap);
            let reasons = reasons(row, frame);
            if beside {
                lines.push(hanging(&head, &reasons, room));
            } else {
                lines.push(head.trim_end().to_owned());
                lines.extend(reasons.iter().map(|reason| hang("    ", reason, frame)));
            }
        }
        lines.join("\n")
    }
}

/// Reasons in the last column, each below the one before.
fn hanging(head: &str, reasons: &[String], room: Option<usize>) -> String {
    let lines: Vec<String> = reasons
        .iter()
        .flat_map(|reason| room.map_or_else(|| vec![reason.clone()], |room| wrap(reason, room)))
        .collect();
    let indent = format!("\n{}", " ".repeat(width(head)));
    format!("{head}{}", lines.join(&indent))
        .trim_end()
        .to_owned()
}

/// A block per pipeline: its state and why, then its stages in order.
fn blocks(rows: &[&Row<'_>], frame: &Frame) -> String {
    let names: Vec<String> = rows.iter().map(|row| row.pipeline.to_string()).collect();
    let column = widest(&names).min(24);
    let block = |row: &&Row<'_>| {
        let name = pad(&Style::Bold.paint(row.pipeline.as_str()), column);
        let state = pad(&states::paint(row.state), STATE);
        let mut reasons = reasons(row, frame).into_iter();
        let head = format!("{name}   {state}  ");
        let mut lines = vec![hang(&head, &reasons.next().unwrap_or_default(), frame)];
        lines.extend(reasons.map(|reason| hang("    ", &reason, frame)));
        lines.extend(road(row, frame));
        lines.join("\n")
    };
    rows.iter().map(block).collect::<Vec<_>>().join("\n")
}

/// The stages of a row on lines of their own, none of them broken in two; one word where all hold the same.
fn road(row: &Row<'_>, frame: &Frame) -> Option<String> {
    let (last, before) = row.stages.split_last()?;
    let all = last
        .current
        .as_ref()
        .filter(|_| row.state == State::Settled && row.is_level());
    if let Some(current) = all.filter(|_| !frame.wide && !before.is_empty()) {
        return Some(format!("    {} in all stages", version(current)));
    }
    let before = before
        .iter()
        .map(|stage| format!("{}  >", compact(stage, frame)));
    let stages: Vec<String> = before.chain([compact(last, frame)]).collect();
    let narrower = Frame {
        width: frame.width.map(|width| width.saturating_sub(4)),
        ..frame.clone()
    };
    let lines = flow(&stages, 2, &narrower);
    Some(format!("    {}", lines.replace('\n', "\n    ")))
}

/// `prod 1.42.3 11d -> #482`
fn compact(stage: &StageReport, frame: &Frame) -> String {
    let cell = Cell::of(stage, frame);
    let age = if cell.age.is_empty() {
        String::new()
    } else {
        format!(" {}", cell.age)
    };
    format!(
        "{} {}{age}{}",
        Style::Dim.paint(stage.key.stage.as_str()),
        cell.version,
        cell.mark
    )
}

/// What stands still outside of pipelines.
fn elsewhere(plan: &Plan, frame: &Frame) -> String {
    let others = others(plan);
    if others.is_empty() {
        return String::new();
    }
    let names: Vec<String> = others.iter().map(|hold| subject(&hold.subject)).collect();
    let column = widest(&names).clamp("ELSEWHERE".len(), 40);
    let header = format!("{}   STATE", pad("ELSEWHERE", column));
    let mut lines = vec![Style::Dim.paint(&header)];
    for (name, hold) in names.iter().zip(others) {
        let state = pad(&states::paint(hold.state), STATE);
        let head = format!("{}   {state}  ", pad(&Style::Bold.paint(name), column));
        lines.push(hang(
            &head,
            &told_until(&hold.why, hold.state, hold.until, frame),
            frame,
        ));
    }
    lines.join("\n")
}

/// `24 settled (same digest in all stages): --all    why: headwater why orders/prod    next change without anybody: 14:10`
fn footer(plan: &Plan, open: &[&Row<'_>], folded: &[&Row<'_>], frame: &Frame) -> String {
    let level = !folded.is_empty() && folded.iter().all(|row| row.is_level());
    let folded = match (folded.len(), level) {
        (0, _) => String::new(),
        (count, true) => format!("{count} settled (same digest in all stages): --all"),
        (count, false) => format!("{count} settled: --all"),
    };
    let worst = |row: &&&Row<'_>| row.state != State::Settled;
    let why = open.iter().filter(worst).find_map(|row| worth_asking(row));
    let why = why.map(|stage| format!("why: headwater why {}", safe(&stage.key.to_string())));
    let pending = if plan.is_empty() {
        String::new()
    } else {
        format!(
            "{} to carry out: headwater run",
            counted(plan.effects.len(), "effect")
        )
    };
    let next = next_change(plan, frame.now);
    let next = next.map(|at| {
        format!(
            "next change without anybody: {}",
            frame.zone.near(at, frame.now)
        )
    });
    let pieces = [
        folded,
        why.unwrap_or_default(),
        pending,
        next.unwrap_or_default(),
    ];
    flow(&pieces, 4, frame)
}

/// The stage that makes its row what it is.
fn worth_asking<'a>(row: &Row<'a>) -> Option<&'a StageReport> {
    let reason = row.reasons.first();
    let named = reason.and_then(|reason| reason.place.split(' ').next());
    let stages = row.stages.iter();
    let by_name = stages
        .clone()
        .find(|stage| Some(stage.key.stage.as_str()) == named);
    by_name
        .or_else(|| {
            stages
                .min_by_key(|stage| stage.state)
                .map(|s| s as &&StageReport)
        })
        .copied()
}
