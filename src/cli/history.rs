//! `history`: who moved what into a stage, when, on which evidence. Read from the base's log alone.

use std::collections::BTreeSet;

use super::args::HistoryArgs;
use super::engine::{self, Engine};
use super::view::history::{HistoryView, Moved};
use super::{CliError, Context, Exit, base, view};
use crate::plan::desk::Desk;
use crate::plan::road::{StageView, roads};
use crate::plan::timeline::Stay;
use crate::plan::{Observation, Question};

/// Prints the moves of one stage, newest first.
///
/// # Errors
/// When the repository cannot be read, or there is no such stage.
pub async fn run(context: &Context, args: &HistoryArgs) -> Result<Exit, CliError> {
    let engine = Engine::open(context, false)?;
    let now = engine::now();
    let (mut observation, plan) = engine.look(context, now).await?;
    base::tell_problems(&context.out, &observation);
    base::find_stage(&plan, &observation, &args.stage)?;
    let asked: Vec<Question> = view_of(&observation, args)
        .1
        .into_iter()
        .filter(|question| matches!(question, Question::Describe(_)))
        .collect();
    if !asked.is_empty() {
        let _spinner = context.out.progress().spinner("reading labels");
        let answered = engine.reconciler.observer.answer(&mut observation, &asked);
        answered.await.map_err(|e| engine::unobserved(&e))?;
    }
    let (history, _) = view_of(&observation, args);
    view::print(&context.out, &history, now)?;
    Ok(Exit::Settled)
}

/// The moves of a stage, and the labels that are lacking to name their versions.
fn view_of(observation: &Observation, args: &HistoryArgs) -> (HistoryView, BTreeSet<Question>) {
    let mut desk = Desk::new(observation);
    let roads = roads(&desk);
    let stage = roads.values().flatten().find(|s| s.key == args.stage);
    let mut view = HistoryView {
        stage: args.stage.clone(),
        tag: String::new(),
        complete: observation.history.complete,
        total: 0,
        by_hand: None,
        moves: Vec::new(),
    };
    if let Some(stage) = stage {
        view.tag = stage.tag().to_owned();
        view.total = stage.timeline.stays.len();
        view.by_hand = stage.timeline.by_hand.as_ref().map(|hand| {
            let to = hand.digest.as_ref();
            let to = to.map_or_else(|| "nothing".to_owned(), |d| d.short().to_owned());
            (hand.commit.clone(), to)
        });
        let newest = stage.timeline.stays.iter().rev().take(args.limit);
        view.moves = newest.map(|stay| moved(stay, stage, &mut desk)).collect();
    }
    (view, desk.questions)
}

fn moved(stay: &Stay, stage: &StageView<'_>, desk: &mut Desk<'_>) -> Moved {
    let commit = desk.obs.history.commit(stay.at);
    let record = stay.record.as_ref();
    let reverted = stage.timeline.reverted.contains_key(&stay.id);
    Moved {
        version: desk.version_of_set(&stay.set),
        set: stay.set.clone(),
        id: stay.id.clone(),
        since: stay.since,
        left: stay.left.map(|(_, at)| at),
        left_back: stay.left_back,
        held: reverted && stay.left_back,
        whose: stay.whose.into(),
        first: stage.is_first(),
        commit: stay.commit.clone(),
        author: commit.map(|c| c.author.clone()).unwrap_or_default(),
        cause: record.map(|r| r.cause),
        asked_by: record.and_then(|r| r.asked_by.clone()),
        from: record.map(|r| r.from.clone()).unwrap_or_default(),
        evidence: record.map(|r| r.evidence.clone()).unwrap_or_default(),
    }
}
