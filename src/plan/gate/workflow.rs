//! `workflow`: a run that is started for the set succeeded. Once for each set, stage and definition: it is looked for before it is
//! started. The run that was started last is the verdict, so running it again changes that.

use std::collections::BTreeMap;

use super::http::words;
use super::{Asked, Desk, Runs, name};
use crate::model::address::Word;
use crate::model::gate::{Gate, Workflow};
use crate::model::time::stamp;
use crate::model::workflow_run::{Dispatch, Purpose, RunState, WorkflowFile, WorkflowRun};
use crate::model::{Period, Timestamp, Verdict};
use crate::plan::desk::Known;
use crate::plan::question::RunsAsk;
use crate::plan::refusal::dispatch_id;

/// A run that was started shows up at the forge within this time, or is started again.
const SHOWS_UP: Period = Period::seconds(5 * 60);

pub(super) fn verdict(gate: &Workflow, asked: &Asked<'_>, desk: &mut Desk<'_>) -> Verdict {
    if asked.runs == Runs::NotYet {
        return waiting("it is started once the environment says that the set runs".to_owned());
    }
    let stays = asked.stays.stays_of(asked.id);
    let Some(since) = stays.filter_map(|stay| stay.since).min() else {
        return waiting(
            "its clock has not started: nothing of ours followed a move by hand yet".to_owned(),
        );
    };
    let workflow = WorkflowFile {
        repository: gate.repository.clone(),
        file: gate.file.clone(),
    };
    let definition = Gate::Workflow(gate.clone()).id();
    let purpose = Purpose::of(asked.stage, asked.id, &definition);
    let question = RunsAsk::new(workflow.clone(), since);
    let runs = match desk.runs(&question) {
        Known::NotYet => return waiting("the forge is asked for its runs".to_owned()),
        Known::Failed(failure) => {
            return Verdict::Waiting {
                why: failure.message,
                until: failure.retry_at,
            };
        }
        Known::Yes(runs) => runs,
    };
    let tries = Tries::of(&purpose, gate, runs, desk);
    let next = tries.next(gate);
    match tries.last {
        Some((_, Fares::Well(why))) => Verdict::Open { why },
        Some((_, Fares::UnderWay { why, until })) => {
            let Some(until) = until else {
                return waiting(why);
            };
            desk.expires(until);
            // That is when it has failed, not when it opens.
            waiting(format!("{why}, until {} at most", stamp(until)))
        }
        last => {
            if let Some(why) = recorded(gate, asked, desk) {
                return Verdict::Open { why };
            }
            let failed = last.map(|(_, fares)| fares.into_words());
            let here = asked
                .stays
                .current()
                .is_some_and(|stay| stay.id == *asked.id);
            let Some(attempt) = next else {
                let why = failed.unwrap_or_default();
                return Verdict::Refused { why };
            };
            if !here {
                let why = failed.unwrap_or_else(|| "it left before a run was started".to_owned());
                return Verdict::Refused { why };
            }
            let inputs = match inputs(gate, asked, desk) {
                Ok(inputs) => inputs,
                Err(verdict) => return verdict,
            };
            let dispatch = Dispatch {
                workflow,
                git_ref: gate.git_ref.clone(),
                inputs,
                key: purpose.key(attempt),
                since,
            };
            start(dispatch, failed, asked, desk)
        }
    }
}

fn waiting(why: String) -> Verdict {
    Verdict::Waiting { why, until: None }
}

/// Notes that a run is to be started, unless it was, or the forge refused it a while ago.
fn start(
    dispatch: Dispatch,
    failed: Option<String>,
    asked: &Asked<'_>,
    desk: &mut Desk<'_>,
) -> Verdict {
    let before = failed.map_or_else(String::new, |failed| format!("{failed}; "));
    let now = desk.now();
    let facts = &desk.obs.facts;
    if let Some(started) = facts.dispatched.get(&dispatch.key) {
        let until = SHOWS_UP.after(started.at);
        if started.at <= now && now < until {
            desk.expires(until);
            return Verdict::Waiting {
                why: format!(
                    "{before}a run was started at {} and has not shown up yet",
                    stamp(started.at)
                ),
                until: Some(until),
            };
        }
    }
    if let Some(refused) = facts.refused.get(&dispatch_id(&dispatch.key))
        && refused.at <= now
        && now < refused.next_try
    {
        let (why, until) = (refused.why.clone(), refused.next_try);
        desk.expires(until);
        return Verdict::Waiting {
            why: format!("{before}it cannot be started: {why}"),
            until: Some(until),
        };
    }
    let attempt = dispatch.key.attempt;
    desk.dispatches
        .insert(dispatch.key.clone(), (asked.stage.clone(), dispatch));
    waiting(format!("{before}attempt {attempt} is started"))
}

/// How a run fares, in words.
enum Fares {
    Well(String),
    UnderWay {
        why: String,
        until: Option<Timestamp>,
    },
    Badly(String),
}

impl Fares {
    fn of(run: &WorkflowRun, gate: &Workflow, now: Timestamp) -> Self {
        let page = &run.url;
        match &run.state {
            RunState::Success => Self::Well(format!("success: {page}")),
            RunState::Failure(word) => Self::Badly(format!("{word}: {page}")),
            RunState::UnderWay => {
                let until = gate.timeout.map(|timeout| timeout.after(run.at));
                match until {
                    Some(until) if until <= now => {
                        Self::Badly(format!("its time was up at {}: {page}", stamp(until)))
                    }
                    until => Self::UnderWay {
                        why: format!("runs since {}: {page}", stamp(run.at)),
                        until,
                    },
                }
            }
        }
    }

    fn into_words(self) -> String {
        match self {
            Self::Well(why) | Self::UnderWay { why, .. } | Self::Badly(why) => why,
        }
    }
}

/// Runs that were started for a set.
struct Tries {
    /// The highest number of an attempt that is there.
    most: u32,
    /// What was started last, and how it fares.
    last: Option<(u32, Fares)>,
}

impl Tries {
    fn of(purpose: &Purpose, gate: &Workflow, runs: &[WorkflowRun], desk: &Desk<'_>) -> Self {
        // A workflow without the key in its runs' names is known by the number that the forge gave when it was started.
        let by_number = |run: &WorkflowRun| {
            let mut started = desk.obs.facts.dispatched.iter();
            started
                .find(|(_, started)| started.run == Some(run.id))
                .map(|(key, _)| key.clone())
        };
        let ours = runs.iter().filter_map(|run| {
            let key = run.key.clone().or_else(|| by_number(run))?;
            (key.purpose == *purpose).then_some((key.attempt, run))
        });
        let ours: Vec<(u32, &WorkflowRun)> = ours.collect();
        let last = ours.iter().max_by_key(|(_, run)| (run.at, run.id));
        Self {
            most: ours.iter().map(|(attempt, _)| *attempt).max().unwrap_or(0),
            last: last.map(|(attempt, run)| (*attempt, Fares::of(run, gate, desk.now()))),
        }
    }

    /// The attempt that comes next, as long as there is one.
    const fn next(&self, gate: &Workflow) -> Option<u32> {
        let next = self.most.saturating_add(1);
        match next <= gate.retries.saturating_add(1) {
            true => Some(next),
            false => None,
        }
    }
}

/// Inputs, with what words in them stand for.
fn inputs(
    gate: &Workflow,
    asked: &Asked<'_>,
    desk: &mut Desk<'_>,
) -> Result<BTreeMap<String, String>, Verdict> {
    let used = Word::ALL.into_iter().filter(|word| {
        let braces = word.in_braces();
        gate.inputs.values().any(|value| value.contains(&braces))
    });
    let words = words(used.collect::<Vec<_>>(), asked, desk)?;
    let filled = gate.inputs.iter().map(|(name, value)| {
        // From left to right, so that nothing that a word stands for is taken for a word.
        let mut text = String::new();
        let mut rest = value.as_str();
        while let Some(at) = rest.find("{{") {
            let (before, behind) = rest.split_at(at);
            text.push_str(before);
            let found = words
                .iter()
                .find(|(word, _)| behind.starts_with(&word.in_braces()));
            let (with, length) = match found {
                Some((word, value)) => (value.as_str(), word.in_braces().len()),
                None => ("{{", 2),
            };
            text.push_str(with);
            rest = &behind[length..];
        }
        text.push_str(rest);
        (name.clone(), text)
    });
    Ok(filled.collect())
}

/// What a later stage wrote down when it took the set: a run that the forge has forgotten is not made again.
fn recorded(gate: &Workflow, asked: &Asked<'_>, desk: &Desk<'_>) -> Option<String> {
    let name = name(&Gate::Workflow(gate.clone()));
    let moves = desk.obs.history.moves.values().flatten();
    let records = moves.filter_map(|one| one.record.as_deref());
    let of_ours = records.filter(|record| {
        let from = record
            .from
            .iter()
            .any(|from| from.stage == asked.stage.stage);
        record.pipeline == asked.stage.pipeline && record.set == *asked.id && from
    });
    let mut evidence = of_ours.flat_map(|record| &record.evidence);
    let found = evidence.find(|one| one.gate == name && one.verdict == "open")?;
    Some(found.detail.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::promotion::Evidence;
    use crate::model::workflow_run::RunKey;
    use crate::plan::facts::{Dispatched, Failure, Outcome, RefusedPush};
    use crate::plan::kit::{Kit, at, digest, myapp, pipeline, set};
    use crate::plan::{Effect, Observation, Plan, Question, State, plan};

    const GATE: &str = "{repository: acme/app, file: e2e.yaml, retries: 1, timeout: 30m, inputs: {what: 'a {{set}} {{stage}}', image: '{{digest}}'}}";

    fn kit() -> Kit {
        let verify = format!("      verify: [{{workflow: {GATE}}}]\n");
        Kit::new(&[("pipelines/myapp/pipeline.yaml", &pipeline(&verify, ""))])
            .moves("dev", "1")
            .moves("qa", "1")
    }

    fn question(made: &Plan) -> RunsAsk {
        let mut questions = made.questions.iter();
        let runs = questions.find_map(|question| match question {
            Question::Runs(ask) => Some(ask.clone()),
            _ => None,
        });
        runs.expect("the forge is asked")
    }

    fn dispatch(made: &Plan) -> Option<Dispatch> {
        let mut effects = made.effects.iter();
        effects.find_map(|effect| match effect {
            Effect::DispatchWorkflow { dispatch, .. } => Some(dispatch.clone()),
            _ => None,
        })
    }

    /// The plan once the forge told of these runs: attempt, state, minute.
    fn told(mut obs: Observation, runs: &[(u32, RunState, i64)]) -> (Observation, Plan) {
        let ask = question(&plan(&obs));
        obs.facts.runs.insert(ask.clone(), Outcome::Ok(Vec::new()));
        // What is started first says the key.
        let key = dispatch(&plan(&obs)).map(|dispatch| dispatch.key);
        let key = |attempt| {
            let purpose = key.as_ref().expect("something is started").purpose.clone();
            RunKey { purpose, attempt }
        };
        let runs = runs.iter().map(|(attempt, state, minute)| WorkflowRun {
            id: u64::from(*attempt),
            key: Some(key(*attempt)),
            state: state.clone(),
            at: at(*minute),
            url: "https://h/1".to_owned(),
        });
        let runs = runs.collect();
        obs.facts.runs.insert(ask, Outcome::Ok(runs));
        let made = plan(&obs);
        (obs, made)
    }

    fn prod(made: &Plan) -> (State, &str) {
        let prod = made.stages.iter().find(|s| s.key.stage.as_str() == "prod");
        let prod = prod.unwrap();
        (prod.state, prod.why.as_str())
    }

    fn failed() -> RunState {
        RunState::Failure("failure".to_owned())
    }

    #[test]
    fn what_is_not_there_is_started_with_its_words_filled_in_and_only_once() {
        let (mut obs, made) = told(kit().now(5).observe(), &[]);
        assert_eq!(
            question(&plan(&kit().now(5).observe())).since.as_second() % 86_400,
            0
        );
        let started = dispatch(&made).unwrap();
        assert_eq!(started.inputs["what"], format!("a {} qa", set("1").id()));
        assert_eq!(started.inputs["image"], digest("1").to_string());
        assert_eq!((started.key.attempt, started.git_ref), (1, None));
        assert_eq!(made.effects.len(), 1, "asked about from several places");
        let key = started.key;
        let run = None;
        obs.facts
            .dispatched
            .insert(key.clone(), Dispatched { at: at(5), run });
        let again = plan(&obs);
        assert!(again.is_empty());
        assert_eq!(again.valid_until, Some(at(10)));
        assert!(
            prod(&again).1.contains("has not shown up yet"),
            "{:?}",
            prod(&again)
        );
        obs.facts.now = at(10);
        assert!(dispatch(&plan(&obs)).is_some(), "it never showed up");
        let refused = RefusedPush {
            why: "Unexpected inputs".to_owned(),
            times: 1,
            since: at(9),
            at: at(9),
            next_try: at(12),
            about: None,
        };
        obs.facts.refused.insert(dispatch_id(&key), refused);
        let again = plan(&obs);
        assert!(again.is_empty());
        assert!(
            prod(&again)
                .1
                .contains("cannot be started: Unexpected inputs")
        );
    }

    #[test]
    fn the_run_that_was_started_last_is_the_verdict() {
        let on = |runs: &[(u32, RunState, i64)], minute| told(kit().now(minute).observe(), runs).1;
        let made = on(&[(1, RunState::Success, 3)], 5);
        assert!(made.changes.iter().any(|change| change.subject == "prod"));
        let made = on(&[(1, RunState::UnderWay, 3)], 5);
        assert_eq!(prod(&made).0, State::Waiting);
        assert_eq!(made.valid_until, Some(at(33)));
        let late = on(&[(1, RunState::UnderWay, 3)], 33);
        assert_eq!(dispatch(&late).unwrap().key.attempt, 2, "its time is up");
        assert!(
            prod(&late).1.contains("its time was up"),
            "{:?}",
            prod(&late)
        );
        let made = on(&[(1, failed(), 3)], 5);
        assert_eq!(dispatch(&made).unwrap().key.attempt, 2);
        let both = on(&[(1, failed(), 3), (2, failed(), 4)], 5);
        assert_eq!(prod(&both).0, State::Refused);
        assert!(both.is_empty());
        let again = on(&[(1, RunState::UnderWay, 6), (2, failed(), 4)], 7);
        assert_eq!(prod(&again).0, State::Waiting, "the first runs again");
        let flipped = on(&[(1, RunState::Success, 6), (2, failed(), 4)], 7);
        assert!(
            flipped
                .changes
                .iter()
                .any(|change| change.subject == "prod")
        );
    }

    #[test]
    fn a_forge_that_does_not_tell_and_a_set_that_left_start_nothing() {
        let mut obs = kit().now(5).observe();
        let ask = question(&plan(&obs));
        let failure = Failure {
            reason: "NoWorkflows".to_owned(),
            message: "the offline forge runs no workflows".to_owned(),
            canonical: String::new(),
            transient: false,
            party: None,
            retry_at: None,
        };
        obs.facts.runs.insert(ask, Outcome::Failed(failure));
        let made = plan(&obs);
        assert_eq!(prod(&made).0, State::Waiting);
        assert!(prod(&made).1.contains("runs no workflows") && made.is_empty());

        let left = kit().moves("dev", "2").moves("qa", "2").now(9).observe();
        let (_, made) = told(left, &[]);
        let started = made.effects.iter();
        let sets = started.filter(|effect| matches!(effect, Effect::DispatchWorkflow { .. }));
        assert_eq!(sets.count(), 1, "only for what is there");
        assert_eq!(
            dispatch(&made).unwrap().inputs["image"],
            digest("2").to_string()
        );
    }

    #[test]
    fn what_a_later_stage_wrote_down_stands_when_the_forge_forgot() {
        let mut obs = kit().moves("prod", "1").now(9).observe();
        let ask = question(&plan(&obs));
        obs.facts.runs.insert(ask, Outcome::Ok(Vec::new()));
        assert!(dispatch(&plan(&obs)).is_some(), "nothing is written down");
        let mut history = (*obs.history).clone();
        let tag = crate::model::TagKey::new(myapp(), "prod");
        let moves = history.moves.get_mut(&tag).unwrap();
        moves[0].record.as_mut().unwrap().evidence.push(Evidence {
            at: at(3),
            detail: "success: https://h/1".to_owned(),
            gate: "workflow e2e.yaml".to_owned(),
            verdict: "open".to_owned(),
        });
        obs.history = std::sync::Arc::new(history);
        assert!(dispatch(&plan(&obs)).is_none());
    }
}
