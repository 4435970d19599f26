//! Questions to registries that are under way. A single run waits for all of them. A daemon's pass goes on without a host that
//! keeps silent: its questions stay under way, are not asked again, and what comes of them is a fact of a later pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::answers::{Answers, Ask, Asked, One, Registries};
use super::together::{Together, together};
use crate::model::{Namespace, RegistryHost, Timestamp};
use crate::plan::Question;
use crate::plan::known::Known;

/// Questions under way at a time to one registry; the client bounds them besides.
const IN_FLIGHT: usize = 64;

/// What is under way. Dropped, it asks nobody any more.
#[derive(Debug)]
pub(super) struct UnderWay {
    /// How long a pass waits for a host that says nothing; `None` waits for everybody.
    patience: Option<Duration>,
    shared: Arc<Shared>,
    lanes: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// A host has answered everything that a pass waits for.
    answered: Notify,
    /// An answer came.
    came: Notify,
}

/// At most one entry for each question that was asked and whose answer no pass took yet: as many as one pass would hold.
#[derive(Debug, Default)]
struct State {
    open: BTreeMap<Ask, Open>,
    hosts: BTreeMap<RegistryHost, Host>,
    /// Answers that no pass took yet, each with the instant of the pass that asked.
    came: BTreeMap<Ask, (Timestamp, One)>,
    /// Open questions that a pass waits for.
    wanted: usize,
    news: Option<News>,
    /// Hosts that the pass of that instant gave up waiting for: it waits for none of them again.
    given_up: Option<(Timestamp, BTreeSet<RegistryHost>)>,
}

#[derive(Debug)]
struct Open {
    since: Timestamp,
    wanted: bool,
}

/// A host with open questions.
#[derive(Debug)]
struct Host {
    open: usize,
    wanted: usize,
    /// When it last answered anything; before that, when it was asked.
    heard: Instant,
}

/// Answers that nobody was told of.
#[derive(Debug)]
struct News {
    first: Instant,
    /// A host has answered all that it was asked.
    whole: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrived(&self, question: &Ask, one: One) {
        let last = self.state().arrived(question, one);
        self.came.notify_one();
        if last {
            self.answered.notify_one();
        }
    }
}

impl State {
    /// Notes a question as asked, and that a pass waits for it; whether it is new.
    fn want(&mut self, question: &Ask, now: Timestamp) -> bool {
        // It came since the pass looked, and is taken with what else it asks.
        if self.came.contains_key(question) {
            return false;
        }
        let (name, mut new) = (question.repository().registry(), false);
        let given_up = self.given_up.as_ref();
        let given_up = given_up.is_some_and(|(of, hosts)| *of == now && hosts.contains(&name));
        let open = self.open.entry(question.clone()).or_insert_with(|| {
            new = true;
            Open {
                since: now,
                wanted: false,
            }
        });
        let host = self.hosts.entry(name).or_insert_with(|| Host {
            open: 0,
            wanted: 0,
            heard: Instant::now(),
        });
        host.open += usize::from(new);
        if !open.wanted && !given_up {
            open.wanted = true;
            host.wanted += 1;
            self.wanted += 1;
        }
        new
    }

    /// Those of the questions that have no answer yet, and since when they are asked.
    fn unanswered(&self, questions: &[Ask]) -> BTreeMap<Question, Timestamp> {
        let open = |ask: &Ask| Some((Question::from(ask.clone()), self.open.get(ask)?.since));
        questions.iter().filter_map(open).collect()
    }

    /// Takes an answer in; whether it was the last one that its host is waited for.
    fn arrived(&mut self, question: &Ask, one: One) -> bool {
        let Some(open) = self.open.remove(question) else {
            return false;
        };
        let wanted = usize::from(open.wanted);
        self.wanted -= wanted;
        let name = question.repository().registry();
        let (mut whole, mut last) = (false, false);
        if let Some(host) = self.hosts.get_mut(&name) {
            host.heard = Instant::now();
            host.open -= 1;
            host.wanted -= wanted;
            whole = host.open == 0;
            last = open.wanted && host.wanted == 0;
        }
        if whole {
            self.hosts.remove(&name);
        }
        let news = self.news.get_or_insert(News {
            first: Instant::now(),
            whole: false,
        });
        news.whole |= whole;
        self.came.insert(question.clone(), (open.since, one));
        last
    }

    /// Until when a pass that began to wait at `begin` waits: no longer than `patience`, and not for hosts that have said
    /// nothing for so long already.
    fn until(&self, begin: Instant, patience: Duration) -> Instant {
        let wanted = self.hosts.values().filter(|host| host.wanted > 0);
        let heard = wanted.map(|host| host.heard).max();
        heard.map_or(begin, |heard| heard.min(begin)) + patience
    }

    /// Nothing is waited for any more. What the pass of this instant still waited for keeps it up no second time: a host that
    /// answers drop by drop would cost it the whole patience in each round of questions.
    fn go_on(&mut self, now: Timestamp) {
        let silent = self.hosts.iter().filter(|(_, host)| host.wanted > 0);
        let silent: BTreeSet<RegistryHost> = silent.map(|(name, _)| name.clone()).collect();
        match &mut self.given_up {
            Some((of, hosts)) if *of == now => hosts.extend(silent),
            other => *other = Some((now, silent)),
        }
        self.wanted = 0;
        self.hosts.values_mut().for_each(|host| host.wanted = 0);
        self.open.values_mut().for_each(|open| open.wanted = false);
    }
}

/// A lane for each registry, so that one that is slow keeps nobody from another; in each, one question of every repository
/// and namespace in turn, so that one with ten thousand tags keeps nobody with four of them waiting.
fn fair(asked: Vec<Together>) -> Vec<Vec<Together>> {
    let mut turns: BTreeMap<(RegistryHost, Namespace, String), usize> = BTreeMap::new();
    let mut lanes: BTreeMap<RegistryHost, Vec<(usize, Together)>> = BTreeMap::new();
    for together in asked {
        let ask = &together.asked;
        let host = ask.repository().registry();
        let key = (
            host.clone(),
            ask.namespace().clone(),
            ask.repository().path(),
        );
        let turn = turns.entry(key).or_default();
        lanes.entry(host).or_default().push((*turn, together));
        *turn += 1;
    }
    lanes
        .into_values()
        .map(|mut lane| {
            lane.sort_by_key(|(turn, _)| *turn);
            lane.into_iter().map(|(_, together)| together).collect()
        })
        .collect()
}

impl UnderWay {
    /// Nothing yet.
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self {
            patience,
            shared: Arc::default(),
            lanes: Mutex::default(),
        }
    }

    /// Asks what is not under way yet, and waits for the answers to all that is asked. Returns how many questions were new.
    pub(super) async fn ask(
        &self,
        registries: &Registries,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> usize {
        let new: Vec<Ask> = {
            let mut state = self.shared.state();
            let asked = asked.registries.iter();
            asked.filter(|ask| state.want(ask, now)).cloned().collect()
        };
        let count = new.len();
        if count > 0 {
            let (questions, known) = asked.in_order(new);
            self.start(registries, questions, known);
        }
        self.wait().await;
        self.shared.state().go_on(now);
        count
    }

    /// A lane for each host, with all that it needs.
    fn start(&self, registries: &Registries, questions: Vec<Ask>, known: Known) {
        let questions = together(questions, &registries.client);
        let count = registries.count(questions.len());
        let with = Arc::new((registries.clone(), known, count));
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        while lanes.try_join_next().is_some() {}
        for lane in fair(questions) {
            let (shared, with) = (Arc::clone(&self.shared), Arc::clone(&with));
            let work = async move {
                let (registries, known, count) = &*with;
                let shared = &shared;
                let each = lane.into_iter().map(|together| async move {
                    let asked = together.asked.clone();
                    let one = registries.answer(asked, known, count).await;
                    for (ask, one) in together.answered(one) {
                        shared.arrived(&ask, one);
                    }
                });
                let each = futures_util::stream::iter(each).buffer_unordered(IN_FLIGHT);
                each.for_each(|()| std::future::ready(())).await;
            };
            lanes.spawn(work.in_current_span());
        }
    }

    async fn wait(&self) {
        let begin = Instant::now();
        loop {
            let answered = self.shared.answered.notified();
            let until = {
                let state = self.shared.state();
                if state.wanted == 0 {
                    return;
                }
                self.patience.map(|patience| state.until(begin, patience))
            };
            match until {
                None => answered.await,
                Some(until) if until <= Instant::now() => return,
                Some(until) => tokio::select! {
                    () = answered => {}
                    () = tokio::time::sleep_until(until) => {}
                },
            }
        }
    }

    /// Every answer that came and was not taken yet, also to questions of earlier passes.
    pub(super) fn take(&self, now: Timestamp) -> Answers {
        self.take_for(&[], now).0
    }

    /// The same, and which of the questions have no answer yet and since when they are asked: an answer is in one or the other.
    pub(super) fn take_for(
        &self,
        questions: &[Ask],
        now: Timestamp,
    ) -> (Answers, BTreeMap<Question, Timestamp>) {
        let mut state = self.shared.state();
        state.news = None;
        let open = state.unanswered(questions);
        let came = std::mem::take(&mut state.came);
        drop(state);
        (Answers::of(came.into_values(), now), open)
    }

    /// Waits for answers that no pass waits for: until a host has answered everything, or some are as old as the patience,
    /// so that a host which answers one by one does not cause a pass for each. The same answers are told of once.
    pub(super) async fn late(&self) {
        loop {
            let came = self.shared.came.notified();
            let ready = {
                let mut state = self.shared.state();
                let patience = self.patience.unwrap_or_default();
                let ready = state.news.as_ref().map(|news| match news.whole {
                    true => news.first,
                    false => news.first + patience,
                });
                if ready.is_some_and(|at| at <= Instant::now()) {
                    state.news = None;
                    return;
                }
                ready
            };
            match ready {
                None => came.await,
                Some(at) => tokio::select! {
                    () = came => {}
                    () = tokio::time::sleep_until(at) => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::Outcome;
    use crate::plan::question::Resolve;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn asks(reference: &str) -> Ask {
        Ask::Resolve(Resolve {
            namespace: "myapp".parse().unwrap(),
            reference: reference.parse().unwrap(),
            insecure: false,
        })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_603_600 + second).unwrap()
    }

    /// The answer comes after so many seconds.
    fn answered_after(under_way: &UnderWay, ask: &Ask, seconds: u64) {
        let (shared, ask) = (Arc::clone(&under_way.shared), ask.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let Ask::Resolve(question) = ask.clone() else {
                return;
            };
            let lost = crate::plan::facts::Failure {
                reason: "InternalError".to_owned(),
                message: String::new(),
                canonical: String::new(),
                transient: true,
                party: None,
                retry_at: None,
            };
            shared.arrived(&ask, One::Resolved(question, Outcome::Failed(lost)));
        });
    }

    /// How many seconds of virtual time a pass waits that asks this at second `now`; how much of it was new.
    async fn waits(under_way: &UnderWay, asked: &[&Ask], now: i64) -> (u64, usize) {
        let new = asked.iter();
        let new = new.filter(|ask| under_way.shared.state().want(ask, at(now)));
        let (new, begin) = (new.count(), Instant::now());
        under_way.wait().await;
        under_way.shared.state().go_on(at(now));
        (begin.elapsed().as_secs(), new)
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_waits_for_a_silent_host_once_and_for_its_question_never_again() {
        let under_way = UnderWay::new(Some(PATIENCE));
        let (silent, good) = (asks("silent.io/a:b"), asks("good.io/a:b"));
        answered_after(&under_way, &good, 1);
        assert_eq!(waits(&under_way, &[&silent, &good], 0).await, (5, 2));
        let open = under_way
            .shared
            .state()
            .unanswered(&[silent.clone(), good.clone()]);
        assert_eq!(open, BTreeMap::from([(silent.clone().into(), at(0))]));
        assert_eq!(under_way.take(at(5)).resolved.len(), 1);

        // Later passes wait for whoever answers, another question to the silent host or not.
        let other = asks("silent.io/a:c");
        answered_after(&under_way, &good, 2);
        assert_eq!(
            waits(&under_way, &[&silent, &good, &other], 60).await,
            (2, 2)
        );
        assert_eq!(waits(&under_way, &[&silent], 120).await, (0, 0));
        let open = under_way
            .shared
            .state()
            .unanswered(&[silent.clone(), other.clone()]);
        let since = [(silent.clone().into(), at(0)), (other.into(), at(60))];
        assert_eq!(open, BTreeMap::from(since));

        // Whoever makes a single pass waits for everybody.
        let single = UnderWay::new(None);
        answered_after(&single, &silent, 100);
        assert_eq!(waits(&single, &[&silent], 0).await, (100, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_drips_costs_a_pass_its_patience_once_however_many_rounds_it_has() {
        let under_way = UnderWay::new(Some(PATIENCE));
        let ask = |n: usize| asks(&format!("drip.io/a:{n}"));
        let good = asks("good.io/a:b");
        for (n, seconds) in [(0, 4), (1, 60), (2, 8), (3, 20)] {
            answered_after(&under_way, &ask(n), seconds);
        }
        answered_after(&under_way, &good, 7);
        assert_eq!(waits(&under_way, &[&ask(0), &ask(1)], 0).await, (5, 2));
        // It was heard of a second ago, and still the later rounds of the same pass go on at once, but for others.
        assert_eq!(waits(&under_way, &[&ask(2)], 0).await, (0, 1));
        assert_eq!(waits(&under_way, &[&ask(3), &good], 0).await, (2, 2));
        assert_eq!(
            under_way
                .shared
                .state()
                .unanswered(&[ask(1), ask(2), ask(3)])
                .len(),
            3
        );
        // The next pass begins anew.
        assert_eq!(waits(&under_way, &[&ask(2), &ask(3)], 7).await, (5, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_answers_one_by_one_delays_no_pass_for_longer() {
        let under_way = UnderWay::new(Some(PATIENCE));
        let slow: Vec<Ask> = (0..5).map(|n| asks(&format!("slow.io/a:{n}"))).collect();
        for (ask, seconds) in slow.iter().zip([4, 8, 12, 16, 20]) {
            answered_after(&under_way, ask, seconds);
        }
        let all: Vec<&Ask> = slow.iter().collect();
        assert_eq!(waits(&under_way, &all, 0).await, (5, 5));
        assert_eq!(under_way.take(at(5)).resolved.len(), 1);
        // It has answered in between, so it is waited for again.
        assert_eq!(waits(&under_way, &all[1..], 5).await, (5, 0));
        assert_eq!(under_way.take(at(10)).resolved.len(), 1);
        assert_eq!(under_way.shared.state().unanswered(&slow).len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn late_answers_are_told_of_once_together_and_kept_with_the_time_they_were_asked_for() {
        let under_way = UnderWay::new(Some(PATIENCE));
        let slow = ["a", "b", "c"].map(|tag| asks(&format!("slow.io/a:{tag}")));
        for (ask, seconds) in slow.iter().zip([7, 9, 100]) {
            answered_after(&under_way, ask, seconds);
        }
        waits(&under_way, &slow.each_ref(), 0).await;
        let begin = Instant::now();
        under_way.late().await;
        assert_eq!(begin.elapsed().as_secs(), 2 + 5, "both of them");
        // A pass that comes to nothing, because Git is away, takes none; it is not made again for the same answers.
        under_way.late().await;
        assert_eq!(begin.elapsed().as_secs(), 95, "the host has answered all");
        let taken = under_way.take(at(100)).resolved;
        assert_eq!(taken.len(), 3);
        for answer in taken.values() {
            assert_eq!((answer.at, answer.asked), (at(100), Some(at(0))));
        }
        assert!(under_way.take(at(101)).resolved.is_empty());
        let nothing = tokio::time::timeout(Duration::from_secs(600), under_way.late());
        assert!(nothing.await.is_err(), "nothing is late any more");
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_since_the_pass_looked_is_not_asked_for_again() {
        let under_way = UnderWay::new(Some(PATIENCE));
        let slow = asks("slow.io/a:a");
        answered_after(&under_way, &slow, 7);
        assert_eq!(waits(&under_way, &[&slow], 0).await, (5, 1));
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(waits(&under_way, &[&slow], 8).await, (0, 0));
        let (answers, open) = under_way.take_for(std::slice::from_ref(&slow), at(8));
        assert_eq!((answers.resolved.len(), open.len()), (1, 0));
        assert_eq!(
            waits(&under_way, &[&slow], 9).await.1,
            1,
            "it is a new question"
        );
    }

    #[test]
    fn nobody_waits_for_another_registry_or_for_a_stream_with_many_tags() {
        let resolve = |reference: &str| Resolve {
            namespace: "myapp".parse().unwrap(),
            reference: reference.parse().unwrap(),
            insecure: false,
        };
        let many = (0..5).map(|n| resolve(&format!("quay.io/big/app:v{n}")));
        let few = [
            "quay.io/small/app:a",
            "quay.io/small/app:b",
            "ghcr.io/x/y:z",
        ]
        .map(resolve);
        let asked = many.chain(few).map(Ask::Resolve);
        let lanes = fair(asked.map(Together::from).collect());
        let shown = |together: &Together| match &together.asked {
            Ask::Resolve(question) => question.reference.to_string(),
            other => other.repository().to_string(),
        };
        let lanes: Vec<Vec<String>> = lanes
            .iter()
            .map(|lane| lane.iter().map(shown).collect())
            .collect();
        assert_eq!(lanes.len(), 2);
        assert_eq!(lanes[0], ["ghcr.io/x/y:z"]);
        assert_eq!(
            lanes[1][..4],
            [
                "quay.io/big/app:v0",
                "quay.io/small/app:a",
                "quay.io/big/app:v1",
                "quay.io/small/app:b"
            ]
        );
        assert_eq!(lanes[1].len(), 7);
    }
}
