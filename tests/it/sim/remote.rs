//! The Git server's moods. A repository that is used in place has none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;
use tokio::sync::Notify;

use crate::support::git_http::{Fate, hook};
use crate::support::world::World;

/// In how many of a hundred minutes it gets a mood.
const MOODS: u32 = 5;

/// How the server is today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Fine,
    /// Every request fails.
    Down,
    /// Every third connection breaks, with or without anything done.
    Flaky,
    /// Its hook takes no push.
    Refusing,
}

/// The server.
pub(super) struct Remote {
    served: bool,
    mood: Mood,
    /// Steps until it is fine again.
    left: u32,
}

/// A process that dies at the n-th request it makes.
pub(super) struct Death {
    at: usize,
    seen: Arc<AtomicUsize>,
    came: Arc<Notify>,
}

impl Remote {
    /// In a good mood.
    pub(super) fn new(served: bool) -> Self {
        Self {
            served,
            mood: Mood::Fine,
            left: 0,
        }
    }

    /// Whether pushes and fetches meet a server.
    pub(super) fn is_served(&self) -> bool {
        self.served
    }

    /// Whether everything works.
    pub(super) fn is_fine(&self) -> bool {
        self.mood == Mood::Fine
    }

    /// So many seconds later; what is new about it.
    pub(super) fn change(&mut self, world: &World, chance: &mut Rng, step: u32) -> Option<String> {
        if !self.served {
            return None;
        }
        if !self.is_fine() {
            self.left -= 1;
            if self.left == 0 {
                self.mend(world);
                return Some("the Git server is fine again".to_owned());
            }
            return None;
        }
        if chance.u32(0..6_000) >= MOODS * step {
            return None;
        }
        self.mood = [Mood::Down, Mood::Flaky, Mood::Refusing][chance.usize(0..3)];
        self.left = chance.u32(1..5) * 60 / step;
        self.apply(world);
        Some(format!("the Git server is {:?}", self.mood))
    }

    /// It is fine.
    pub(super) fn mend(&mut self, world: &World) {
        if self.served {
            self.mood = Mood::Fine;
            self.apply(world);
        }
    }

    /// The server does what its mood says.
    pub(super) fn apply(&self, world: &World) {
        let bare = world.repository.path();
        if self.mood == Mood::Refusing {
            hook(bare, "pre-receive", "echo 'not today' >&2; exit 1");
        } else {
            let _ = std::fs::remove_file(bare.join("hooks/pre-receive"));
        }
        let mood = self.mood;
        let mut seen = 0_usize;
        world.server().judged_by(move |_| {
            seen += 1;
            match mood {
                Mood::Fine | Mood::Refusing => Fate::Served,
                Mood::Down => Fate::Unavailable,
                Mood::Flaky => match seen % 6 {
                    3 => Fate::CutAfter,
                    0 => Fate::CutBefore,
                    _ => Fate::Served,
                },
            }
        });
    }
}

impl Death {
    /// The process will die at the n-th request from now on, before or after it is carried out.
    pub(super) fn at(world: &World, at: usize, after: bool) -> Self {
        let death = Self {
            at,
            seen: Arc::default(),
            came: Arc::default(),
        };
        let (seen, came) = (Arc::clone(&death.seen), Arc::clone(&death.came));
        world.server().judged_by(move |_| {
            let now = seen.fetch_add(1, Ordering::SeqCst) + 1;
            match now.cmp(&at) {
                std::cmp::Ordering::Less => Fate::Served,
                std::cmp::Ordering::Equal => {
                    came.notify_one();
                    if after {
                        Fate::CutAfter
                    } else {
                        Fate::CutBefore
                    }
                }
                std::cmp::Ordering::Greater => Fate::Unavailable,
            }
        });
        death
    }

    /// When it comes.
    pub(super) async fn comes(&self) {
        self.came.notified().await;
    }

    /// Whether it came.
    pub(super) fn has_come(&self) -> bool {
        self.seen.load(Ordering::SeqCst) >= self.at
    }
}
