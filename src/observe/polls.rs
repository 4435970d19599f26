//! What hosts were asked on behalf of gates, and answered: asked again once in an interval, after failures later and later. A
//! file that may be deleted; what it says of sets that left a stage is lost with it, and they wait.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{ObserveError, aside};
use super::store;
use crate::config::known::hide;
use crate::egress::EgressError;
use crate::model::{Faulty as _, Period, Timestamp};
use crate::plan::facts::{Answer, Failure, Outcome, Trouble};
use crate::plan::question::POLL_INTERVAL;

/// Version of the files.
const VERSION: u32 = 1;
/// A larger file is none of ours.
const MOST_FILE: u64 = 64 << 20;
/// More answers are not remembered, and no more bytes of them; the oldest are forgotten.
const MOST: (usize, usize) = (5_000, 32 << 20);
/// So often the interval is doubled after failures.
const MOST_DOUBLINGS: u32 = 4;
/// Hosts that are asked at a time, and questions to each of them.
const AT_ONCE: (usize, usize) = (16, 4);
/// Longer messages are cut.
const MOST_CHARACTERS: usize = 500;

/// A question that is asked again and again.
pub(super) trait Poll: Ord + Clone + Serialize + DeserializeOwned + Send + 'static {
    /// What comes of it.
    type Answer: Clone + Serialize + DeserializeOwned + Send + 'static;

    /// The same while the set is in its stage, where this is about one that has left it.
    fn while_here(&self) -> Option<Self>;

    /// Who is asked.
    fn host(&self) -> &str;

    /// Where it is asked: what keeps one address of a host from answering, such as TLS, need not keep another.
    fn origin(&self) -> &str {
        self.host()
    }

    /// How many bytes an answer takes.
    fn size(answer: &Self::Answer) -> usize;
}

/// What came of questions.
pub(super) type Told<Q> = Vec<(Q, Answer<<Q as Poll>::Answer>)>;

/// Questions that were asked just now, and what each host did.
pub(super) type Came<Q> = Vec<(Q, Result<<Q as Poll>::Answer, Missed>)>;

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) struct Missed {
    failure: Failure,
    /// No other question to that host would be answered now.
    of_host: bool,
    /// Nobody was troubled: asking again costs nothing.
    free: bool,
    /// Seconds for which the host wants to be left alone.
    pause: Option<u64>,
}

impl From<EgressError> for Missed {
    fn from(error: EgressError) -> Self {
        let fault = error.fault();
        let words = hide(&error.to_string())
            .chars()
            .take(MOST_CHARACTERS)
            .collect();
        Self {
            of_host: error.is_of_host(),
            free: error.asked_nobody(),
            pause: match error {
                EgressError::Status { pause, .. } => pause,
                _ => None,
            },
            failure: Failure {
                reason: error.reason().to_owned(),
                message: words,
                canonical: "it was not answered".to_owned(),
                transient: fault.heals(),
                party: Some(fault.party),
                retry_at: None,
            },
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Polled<A> {
    at: Timestamp,
    /// Not before then again.
    next: Timestamp,
    failures: u32,
    /// When the row of failures began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    outcome: Outcome<A>,
}

#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(deserialize = "Q: Poll", serialize = "Q: Poll")
)]
struct Kept<Q: Poll> {
    v: u32,
    answers: Vec<(Q, Polled<Q::Answer>)>,
}

/// Answers by question, with their file.
#[derive(Debug)]
pub(super) struct Polls<Q: Poll> {
    path: Option<PathBuf>,
    known: BTreeMap<Q, Polled<Q::Answer>>,
}

impl<Q: Poll> Polls<Q> {
    /// What an earlier process left in a file.
    pub(super) fn open(path: Option<PathBuf>) -> Self {
        let read = path
            .as_ref()
            .and_then(|path| store::read_json::<Kept<Q>>(path, MOST_FILE, VERSION));
        let answers = read.map(|kept| kept.answers).unwrap_or_default();
        Self {
            path,
            known: answers.into_iter().collect(),
        }
    }

    /// Answers that are known well enough at this instant, and the questions that are to be asked.
    pub(super) fn split(&self, questions: Vec<Q>, now: Timestamp) -> (Told<Q>, Vec<Q>) {
        let (mut known, mut due) = (Vec::new(), Vec::new());
        for question in questions {
            let here = question.while_here();
            let polled = self.known.get(here.as_ref().unwrap_or(&question));
            match polled {
                Some(polled) if here.is_some() || polled.at <= now && now < polled.next => {
                    known.push((question, polled.answer(now)));
                }
                None if here.is_some() => known.push((question, unknown(now))),
                _ => due.push((polled.map(|polled| polled.at), question)),
            }
        }
        // Whoever was passed over for another's sake comes first.
        due.sort();
        (
            known,
            due.into_iter().map(|(_, question)| question).collect(),
        )
    }

    /// Takes in what came of questions, and gives it as facts.
    pub(super) async fn learn(
        &mut self,
        came: Came<Q>,
        now: Timestamp,
    ) -> Result<Told<Q>, ObserveError> {
        let mut answers = Vec::new();
        let mut is_news = false;
        for (question, outcome) in came {
            let before = self.known.get(&question);
            let row = before.map_or((0, None), |polled| (polled.failures, polled.since));
            let free = outcome.as_ref().is_err_and(|missed| missed.free);
            let polled = Polled::after(row, outcome, now);
            answers.push((question.clone(), polled.answer(now)));
            if !free {
                self.known.insert(question, polled);
                is_news = true;
            }
        }
        if is_news {
            self.forget_oldest();
            self.save().await?;
        }
        Ok(answers)
    }

    /// Hosts that did not answer when they were last asked, and how long they have not.
    pub(super) fn troubles(&self) -> BTreeMap<String, Trouble> {
        let mut last: BTreeMap<&str, &Polled<Q::Answer>> = BTreeMap::new();
        for (question, polled) in &self.known {
            let known = last.entry(question.host()).or_insert(polled);
            if polled.at > known.at {
                *known = polled;
            }
        }
        let failing = last.into_iter().filter_map(|(host, polled)| {
            let Outcome::Failed(failure) = &polled.outcome else {
                return None;
            };
            let trouble = Trouble {
                since: polled.since,
                tries: polled.failures,
                reason: failure.reason.clone(),
                message: failure.message.clone(),
                party: failure.party,
                next_try: Some(polled.next),
            };
            Some((host.to_owned(), trouble))
        });
        failing.collect()
    }

    fn forget_oldest(&mut self) {
        let size = |polled: &Polled<Q::Answer>| match &polled.outcome {
            Outcome::Ok(answer) => Q::size(answer),
            Outcome::Failed(_) => 0,
        };
        let mut bytes: usize = self.known.values().map(size).sum();
        if self.known.len() <= MOST.0 && bytes <= MOST.1 {
            return;
        }
        let mut oldest: Vec<(Timestamp, Q)> = self
            .known
            .iter()
            .map(|(question, polled)| (polled.at, question.clone()))
            .collect();
        oldest.sort();
        for (_, question) in oldest {
            if self.known.len() <= MOST.0 && bytes <= MOST.1 {
                return;
            }
            if let Some(polled) = self.known.remove(&question) {
                bytes -= size(&polled);
            }
        }
    }

    async fn save(&self) -> Result<(), ObserveError> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let kept = Kept {
            v: VERSION,
            answers: self.known.clone().into_iter().collect(),
        };
        aside(move || store::keep_json(&path, &kept)).await
    }
}

impl<A: Clone> Polled<A> {
    /// What is known after an answer that came behind so many failures since then.
    fn after(
        (failures, since): (u32, Option<Timestamp>),
        outcome: Result<A, Missed>,
        now: Timestamp,
    ) -> Self {
        let polled = |failures, next, outcome| Self {
            at: now,
            next,
            failures,
            since: (failures > 0).then(|| since.unwrap_or(now)),
            outcome,
        };
        match outcome {
            Ok(answer) => polled(0, POLL_INTERVAL.after(now), Outcome::Ok(answer)),
            Err(missed) => {
                let doubled = POLL_INTERVAL.as_seconds() << failures.min(MOST_DOUBLINGS);
                let rest = doubled.max(missed.pause.unwrap_or(0));
                let next = Period::seconds(rest).after(now);
                let mut failure = missed.failure;
                failure.retry_at = Some(next).filter(|_| !missed.free);
                polled(failures.saturating_add(1), next, Outcome::Failed(failure))
            }
        }
    }

    fn answer(&self, now: Timestamp) -> Answer<A> {
        Answer {
            at: now,
            asked: Some(self.at).filter(|at| *at != now),
            outcome: self.outcome.clone(),
        }
    }
}

/// Nobody may be asked about a set that is gone, and nothing is remembered of it.
fn unknown<A>(now: Timestamp) -> Answer<A> {
    Answer {
        at: now,
        asked: None,
        outcome: Outcome::Failed(Failure {
            reason: "NotRemembered".to_owned(),
            message: "nothing is remembered of what was answered".to_owned(),
            canonical: "nothing is remembered".to_owned(),
            transient: false,
            party: None,
            retry_at: None,
        }),
    }
}

/// Whether a host is waited for only a short while: it did not answer the last time. Every other time it has all the time
/// there is again, for one that is only slow would never be heard else.
pub(super) fn is_hurried(troubles: &BTreeMap<String, Trouble>, host: &str) -> bool {
    let trouble = troubles.get(host);
    trouble.is_some_and(|trouble| trouble.tries % 2 == 1)
}

/// Asks each host a few questions at a time, in their order. One that does not answer is not asked the others in this round:
/// these are as good as never asked.
pub(super) async fn ask<Q: Poll>(
    questions: Vec<Q>,
    ask: impl AsyncFn(&Q) -> Result<Q::Answer, Missed>,
) -> Came<Q> {
    let mut by_origin: BTreeMap<String, Vec<Q>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for question in questions {
        if seen.insert(question.clone()) {
            let origin = question.origin().to_owned();
            by_origin.entry(origin).or_default().push(question);
        }
    }
    let ask = &ask;
    let origins = futures_util::stream::iter(by_origin.into_values());
    let answered = origins.map(async |questions| {
        let mut came = Vec::new();
        let mut down: Option<Missed> = None;
        for some in questions.chunks(AT_ONCE.1) {
            if let Some(missed) = &down {
                let passed_over = Missed {
                    free: true,
                    ..missed.clone()
                };
                let missed = some.iter().map(|q| (q.clone(), Err(passed_over.clone())));
                came.extend(missed);
                continue;
            }
            let answers = some.iter().map(async |q| (q.clone(), ask(q).await));
            let answers = futures_util::future::join_all(answers).await;
            let failed = answers
                .iter()
                .filter_map(|(_, answer)| answer.as_ref().err());
            down = failed.into_iter().find(|missed| missed.of_host).cloned();
            came.extend(answers);
        }
        came
    });
    let came: Vec<Vec<_>> = answered.buffer_unordered(AT_ONCE.0).collect().await;
    came.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    struct Ask(String, bool);

    impl Poll for Ask {
        type Answer = String;

        fn while_here(&self) -> Option<Self> {
            self.1.then(|| Self(self.0.clone(), false))
        }

        fn host(&self) -> &str {
            &self.0[..1]
        }

        fn size(answer: &String) -> usize {
            answer.len()
        }
    }

    fn here(name: &str) -> Ask {
        Ask(name.to_owned(), false)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_603_600 + second).unwrap()
    }

    fn down() -> Missed {
        EgressError::Slow {
            host: "a".to_owned(),
            seconds: 10,
        }
        .into()
    }

    #[tokio::test]
    async fn an_answer_stands_for_an_interval_and_outlives_the_process_and_the_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        let open = || Polls::<Ask>::open(Some(path.clone()));
        let gone = Ask("a1".to_owned(), true);
        let mut polls = open();
        let (known, due) = polls.split(vec![here("a1"), gone.clone()], at(0));
        assert_eq!(due, [here("a1")]);
        assert!(matches!(&known[0].1.outcome, Outcome::Failed(f) if f.reason == "NotRemembered"));
        let came = vec![(here("a1"), Ok("yes".to_owned()))];
        polls.learn(came, at(0)).await.unwrap();
        let polls = open();
        let (known, due) = polls.split(vec![here("a1")], at(59));
        assert!(due.is_empty());
        assert_eq!((known[0].1.asked, known[0].1.at), (Some(at(0)), at(59)));
        for later in [60, -1] {
            let (known, due) = polls.split(vec![here("a1"), gone.clone()], at(later));
            assert_eq!(due, [here("a1")], "also where the clock went back");
            assert_eq!(known[0].1.outcome, Outcome::Ok("yes".to_owned()));
        }
    }

    #[tokio::test]
    async fn who_fails_is_asked_later_and_later() {
        let mut polls = Polls::<Ask>::open(None);
        let (mut now, mut hurried) = (0, Vec::new());
        for wait in [60, 120, 240, 480, 960, 960] {
            let (_, due) = polls.split(vec![here("a1")], at(now));
            assert_eq!(due.len(), 1, "at {now}");
            let answers = polls.learn(vec![(here("a1"), Err(down()))], at(now)).await;
            let Outcome::Failed(failure) = &answers.unwrap()[0].1.outcome else {
                panic!("it failed");
            };
            assert_eq!(failure.retry_at, Some(at(now + wait)));
            let trouble = &polls.troubles()["a"];
            assert_eq!(trouble.since, Some(at(0)));
            assert_eq!(trouble.next_try, failure.retry_at);
            hurried.push(is_hurried(&polls.troubles(), "a"));
            let (_, due) = polls.split(vec![here("a1")], at(now + wait - 1));
            assert!(due.is_empty());
            now += wait;
        }
        let came = vec![(here("a1"), Ok("yes".to_owned()))];
        polls.learn(came, at(now)).await.unwrap();
        assert_eq!(polls.split(vec![here("a1")], at(now + 60)).1.len(), 1);
        assert!(polls.troubles().is_empty());
        assert_eq!(hurried, [true, false, true, false, true, false]);
    }

    #[tokio::test]
    async fn a_host_that_is_down_costs_one_group_of_questions_and_others_nothing() {
        let asked = Mutex::new(Vec::new());
        let questions = (0..10).map(|n| here(&format!("a{n}"))).chain([here("b1")]);
        let came = ask(questions.collect(), async |question: &Ask| {
            asked.lock().unwrap().push(question.0.clone());
            match question.host() {
                "a" => Err(down()),
                _ => Ok("yes".to_owned()),
            }
        });
        let came = came.await;
        assert_eq!(came.len(), 11);
        assert_eq!(came.iter().filter(|(_, answer)| answer.is_ok()).count(), 1);
        assert_eq!(asked.lock().unwrap().len(), AT_ONCE.1 + 1);
    }

    #[tokio::test]
    async fn who_was_passed_over_for_a_bad_neighbour_is_asked_next() {
        let mut polls = Polls::<Ask>::open(None);
        let names: Vec<String> = (0..10).map(|n| format!("a{n}")).collect();
        let mut answered = BTreeSet::new();
        for pass in 0..4 {
            let questions = names.iter().map(|name| here(name)).collect();
            let (_, due) = polls.split(questions, at(pass * 5));
            let came = ask(due, async |question: &Ask| match question.0.as_str() {
                "a0" => Err(down()),
                _ => Ok("yes".to_owned()),
            });
            let came = came.await;
            let heard = came.iter().filter(|(_, answer)| answer.is_ok());
            answered.extend(heard.map(|(question, _)| question.0.clone()));
            polls.learn(came, at(pass * 5)).await.unwrap();
        }
        assert_eq!(answered.len(), 9, "{answered:?}");
    }

    #[tokio::test]
    async fn more_than_enough_is_forgotten_and_the_oldest_first() {
        let mut polls = Polls::<Ask>::open(None);
        for second in 0..3 {
            let came = vec![(here(&format!("a{second}")), Ok("x".repeat(15 << 20)))];
            polls.learn(came, at(second)).await.unwrap();
        }
        let left: Vec<&str> = polls.known.keys().map(|q| q.0.as_str()).collect();
        assert_eq!(left, ["a1", "a2"]);
    }
}
