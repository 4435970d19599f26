//! Passes until a world is at rest, with what may go wrong in between, and what must be so at rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater::model::BlobId;
use headwater::plan::facts::{Answer, Outcome};
use headwater::plan::{Effect, Facts, History, Observation, Plan, Question, plan};

use super::book::{Book, Kept, kept};
use super::carry::{Ended, Fuse};
use super::event::Trouble;
use super::line::{Hand, laid_over};
use super::registry::failure;
use super::world::World;

const ALL: usize = usize::MAX;

impl World {
    /// Passes at one instant until there is nothing left to do.
    pub(super) fn settles(&mut self, trouble: Trouble, book: &mut Book) -> Kept {
        let begin = self.line.commits.len();
        let mut other = None;
        let mut passes = 0;
        // Whoever disturbs a pass acts, so that the count begins anew.
        let mut most = self.shape.most_passes();
        loop {
            let (observation, made) = self.think();
            if passes == 0 && self.looks_closely(0) {
                self.is_same(&observation, &made)?;
            }
            let trouble = if passes == 0 { trouble } else { Trouble::None };
            passes += 1;
            if made.effects.is_empty() {
                break;
            }
            kept(passes < most, || {
                format!("no rest after {passes} passes: {}", effects(&made))
            })?;
            match trouble {
                Trouble::None => {
                    let ended = self.carry(&made, book, Fuse(ALL))?;
                    kept(ended == Ended::Done, || {
                        format!("nobody disturbed it, and it is lost: {}", effects(&made))
                    })?;
                }
                Trouble::Killed(after) => {
                    // What came late is asked for anew by whoever is there afterwards, and may have changed.
                    let mut answers = observation.facts.resolved.values();
                    if answers.all(|answer| answer.asked.is_none()) {
                        let mut alone = (self.clone(), book.clone());
                        alone.0.carry(&made, &alone.1, Fuse(ALL))?;
                        other = Some(alone);
                    }
                    self.carry(&made, book, Fuse(after))?;
                    most += 1;
                }
                Trouble::Twin => {
                    self.carry(&made, book, Fuse(ALL))?;
                    let seen = self.seen();
                    self.carry(&made, book, Fuse(ALL))?;
                    kept(seen == self.seen(), || {
                        format!("done twice: {seen}\nand then {}", self.seen())
                    })?;
                }
                Trouble::Raced => {
                    let text = format!("{}\n", self.line.commits.len());
                    let files = BTreeMap::from([("notes.md".parse().unwrap(), Some(text))]);
                    let tree = laid_over(&self.line.head().tree, &files);
                    let head = self.line.push(Hand::Person, "Take notes", self.now, tree);
                    let ended = self.carry(&made, book, Fuse(ALL))?;
                    let moves = made.effects.iter().any(moves_base);
                    kept(!moves || ended == Ended::Lost, || {
                        "a push that came in between was not seen".to_owned()
                    })?;
                    kept(self.line.head().id == head, || {
                        "what somebody pushed is lost".to_owned()
                    })?;
                    most += 1;
                }
            }
            book.read(self)?;
        }
        if let Some((mut world, mut book)) = other {
            book.read(&world)?;
            world.settles(Trouble::None, &mut book)?;
            let (alone, killed) = (world.outcome(&mut book), self.outcome(&mut book));
            kept(alone == killed, || {
                format!(
                    "killed, it comes to something else:\n{}",
                    differing(&alone, &killed)
                )
            })?;
        }
        self.never_flipped(begin, book)?;
        match self.looks_closely(1) {
            true => self.moves_nothing_blindly(),
            false => Ok(()),
        }
    }

    /// What takes long is looked at in one step of three.
    fn looks_closely(&self, turn: i64) -> bool {
        self.now.as_second() % 3 == turn
    }

    /// The same observation, with its files read in another order and its facts and past from JSON, gives the same bytes.
    fn is_same(&mut self, observation: &Observation, made: &Plan) -> Kept {
        let facts = serde_json::to_string(&observation.facts).unwrap();
        let facts: Facts = serde_json::from_str(&facts).unwrap();
        let past = serde_json::to_string(&*observation.history).unwrap();
        let past: History = serde_json::from_str(&past).unwrap();
        let mut turned = Observation {
            facts,
            history: Arc::new(past),
            ..observation.clone()
        };
        turned.snapshot.documents = self.line.documents(true);
        let again = serde_json::to_string(&plan(&turned)).unwrap();
        let made = serde_json::to_string(made).unwrap();
        kept(again == made, || {
            format!("the order of files matters:\n{made}\n{again}")
        })
    }

    /// Within one instant no tag goes where it has just been.
    fn never_flipped(&self, begin: usize, book: &mut Book) -> Kept {
        let places: Vec<_> = book.pages.keys().copied().collect();
        for at in places {
            let mut seen: BTreeSet<BlobId> = BTreeSet::new();
            let mut last = None;
            for commit in &self.line.commits[begin - 1..] {
                let says = book.all_say(&commit.tree, at);
                let text = format!("{:?}", says.iter().map(|s| &s.digest).collect::<Vec<_>>());
                let rolled = says.iter().any(|s| {
                    s.record
                        .as_ref()
                        .is_some_and(|r| r.contains("\"rollback\""))
                });
                let id = BlobId::of(text.as_bytes());
                if last.as_ref() != Some(&id) {
                    let new = seen.insert(id.clone());
                    kept(new || rolled, || {
                        format!("{} goes to and fro", book.words(at))
                    })?;
                }
                last = Some(id);
            }
        }
        Ok(())
    }

    /// At rest, with every answer failing and the caches gone, nothing is done.
    fn moves_nothing_blindly(&mut self) -> Kept {
        let mut blind = self.clone();
        blind.forget();
        let mut observation = blind.observe();
        observation.facts.pulls = None;
        observation.facts.forge_failure = Some(failure("InternalError", true));
        for _ in 0..2 {
            let made = plan(&observation);
            kept(made.effects.is_empty(), || {
                format!("without answers it does {}", effects(&made))
            })?;
            for question in &made.questions {
                fail(question, &mut observation);
            }
        }
        Ok(())
    }
}

fn fail(question: &Question, observation: &mut Observation) {
    let (at, facts) = (observation.facts.now, &mut observation.facts);
    let failure = || failure("InternalError", true);
    match question {
        Question::Resolve(question) => {
            let outcome = Outcome::Failed(failure());
            facts.resolved.insert(question.clone(), answer(at, outcome));
        }
        Question::Describe(question) => {
            let outcome = Outcome::Failed(failure());
            facts
                .described
                .insert(question.clone(), answer(at, outcome));
        }
        Question::Reviewed(question) => {
            facts
                .reviewed
                .insert(question.clone(), Outcome::Failed(failure()));
        }
        _ => {}
    }
}

const fn answer<T>(at: headwater::model::Timestamp, outcome: Outcome<T>) -> Answer<T> {
    Answer {
        at,
        asked: None,
        outcome,
    }
}

const fn moves_base(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::PushBase { .. } | Effect::MergePullRequest { .. }
    )
}

/// The effects of a plan in words.
fn effects(plan: &Plan) -> String {
    let told = plan
        .changes
        .iter()
        .map(|c| format!("{} {} {}", c.group, c.place, c.subject));
    told.collect::<Vec<_>>().join("; ")
}

/// Lines that only one of two texts has.
fn differing(one: &str, other: &str) -> String {
    let only = |a: &str, b: &str, sign: &str| {
        let lines = a.lines().filter(|line| !b.lines().any(|l| l == *line));
        lines
            .map(|line| format!("{sign} {line}\n"))
            .collect::<String>()
    };
    only(one, other, "-") + &only(other, one, "+")
}
