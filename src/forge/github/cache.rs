//! Answers kept for conditional requests: what did not change costs GitHub's limits nothing. As many as are asked for in
//! a pass, and no more however long the program runs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use url::Url;

use super::http::Answered;

/// So many answers are kept; the oldest goes first.
const MOST: usize = 1_024;
/// So many bytes of them together.
const MOST_BYTES: usize = 32 << 20;
/// Longer answers are not kept, in bytes.
const LONGEST: usize = 4 << 20;

/// Answers by address.
#[derive(Default)]
pub(super) struct Answers(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    answers: HashMap<Url, Answered>,
    order: VecDeque<Url>,
    bytes: usize,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} answers", self.shelf().answers.len())
    }
}

impl Answers {
    /// What is kept of an address.
    pub(super) fn get(&self, url: &Url) -> Option<Answered> {
        self.shelf().answers.get(url).cloned()
    }

    /// Keeps an answer in the place of an older one.
    pub(super) fn put(&self, url: Url, answered: Answered) {
        if answered.body.len() <= LONGEST {
            self.shelf().put(url, answered);
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn put(&mut self, url: Url, answered: Answered) {
        self.bytes += answered.body.len();
        match self.answers.insert(url.clone(), answered) {
            Some(older) => self.bytes -= older.body.len(),
            None => self.order.push_back(url),
        }
        while self.answers.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            let gone = self.answers.remove(&oldest);
            self.bytes -= gone.map_or(0, |gone| gone.body.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn kept(bytes: usize) -> Answered {
        Answered {
            status: http::StatusCode::OK,
            headers: HeaderMap::new(),
            body: vec![b' '; bytes].into(),
        }
    }

    #[test]
    fn the_oldest_answers_go_when_there_are_too_many_or_too_long_ones() {
        let answers = Answers::default();
        let at = |n: usize| Url::parse(&format!("https://ghe.example/{n}")).unwrap();
        for n in 0..MOST + 10 {
            answers.put(at(n), kept(10));
        }
        assert!(answers.get(&at(9)).is_none() && answers.get(&at(10)).is_some());
        answers.put(at(0), kept(LONGEST + 1));
        assert!(answers.get(&at(0)).is_none(), "too long to be kept");
        for n in 0..20 {
            answers.put(at(n), kept(LONGEST));
            answers.put(at(n), kept(LONGEST));
        }
        let shelf = answers.shelf();
        assert_eq!(shelf.bytes, MOST_BYTES);
        assert_eq!(shelf.answers.len(), 8);
    }
}
