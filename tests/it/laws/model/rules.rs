//! What a move of ours must have on its side, as the ledger and the files of the commit before it say.

use headwater::model::{SetId, Timestamp};
use headwater::plan::Plan;
use headwater::plan::effect::PullRequestText;
use headwater::plan::facts::pull::PullState;
use serde_yaml::Value;

use super::book::{At, Book, Images, Kept, kept};
use super::line::{Hand, Tree};
use super::shape::{AGE, Place, SOAK, STAGES, WITHIN};
use super::world::World;

/// What is looked at of a move.
#[derive(Clone, Copy)]
struct Case<'a> {
    at: At,
    set: &'a Images,
    /// The base that it was made on.
    tree: &'a Tree,
    now: Timestamp,
    /// Whether a pull request is opened for it, which windows and approvals do not hinder.
    proposed: bool,
    /// Whether its pull request is merged: that it was the newest that may enter was asked when that was opened.
    merged: bool,
}

impl Book {
    /// Holds a move of ours that a commit made against the laws.
    pub(super) fn may_move(&mut self, at: At, set: &Images, number: usize, world: &World) -> Kept {
        let (before, commit) = (&world.line.commits[number - 1], &world.line.commits[number]);
        let case = Case {
            at,
            set,
            tree: &before.tree,
            now: commit.time,
            proposed: false,
            merged: matches!(commit.hand, Hand::Bot(_)),
        };
        let by_pull = self.shape.by_pull(at.0, at.1);
        match &commit.hand {
            Hand::Bot(index) => self.is_approved(at, set, *index, world)?,
            _ => kept(!by_pull, || {
                format!("{} is moved without its pull request", self.words(at))
            })?,
        }
        let moved = self.set_in(&before.tree, at).as_ref() != Some(set);
        if at.1 > 0 && moved {
            self.is_proven(at, set, number, world)?;
        }
        if moved {
            self.is_lawful(case, world)
        } else {
            Ok(())
        }
    }

    /// Whether a pull request may be opened.
    pub(super) fn may_open(&self, text: &PullRequestText, plan: &Plan, world: &World) -> Kept {
        let carried = text.marker.promotions();
        let (key, id) = (&carried[0].stage, &carried[0].set);
        let at = self.at(key.pipeline.as_str(), key.stage.as_str());
        for index in world.forge.of(PullState::Open) {
            let (stage, _) = world.forge.pulls[index].subject();
            kept(stage != *key, || {
                format!("{key} gets a second pull request")
            })?;
        }
        self.is_proposable(at, id, plan, world)
    }

    /// Whether the branch of a pull request may be made anew, perhaps for another set.
    pub(super) fn may_rebuild(
        &self,
        id: &str,
        text: Option<&PullRequestText>,
        plan: &Plan,
        world: &World,
    ) -> Kept {
        let index = id.parse::<usize>().unwrap() - 1;
        let pull = &world.forge.pulls[index];
        let branch = world.forge.branch_of(index);
        kept(branch.pushed_by.is_none(), || {
            format!("pull request {id} is made anew over what others pushed")
        })?;
        let (key, old) = pull.subject();
        let at = self.at(key.pipeline.as_str(), key.stage.as_str());
        let carried = text.map(|text| text.marker.promotions()[0].set.clone());
        let Some(new) = carried.filter(|new| *new != old) else {
            return Ok(());
        };
        let rule = self.shape.roads[at.0]
            .stop(at.1)
            .map_or("untilApproved", |stop| stop.supersede);
        let approved = pull.approvals.iter().any(|(_, head)| *head == branch.head);
        let may = rule == "always" || (rule == "untilApproved" && !approved);
        kept(may, || {
            format!(
                "pull request {id} of {key} is taken over (supersede: {rule}, approved: {approved})"
            )
        })?;
        self.is_proposable(at, &new, plan, world)
    }

    fn is_proposable(&self, at: At, id: &SetId, plan: &Plan, world: &World) -> Kept {
        let mut book = self.clone();
        let base = world
            .line
            .commits
            .iter()
            .rfind(|c| c.id == plan.base)
            .unwrap();
        if at.1 == 0 {
            return book.is_free(at, None, &base.tree, world.now);
        }
        let Some(set) = book.set_of(at, id) else {
            return Err(format!(
                "a pull request of {} is for a set that nobody held",
                book.words(at)
            ));
        };
        let case = Case {
            at,
            set: &set,
            tree: &base.tree,
            now: world.now,
            proposed: true,
            merged: false,
        };
        book.is_lawful(case, world)
    }

    fn is_lawful(&mut self, case: Case<'_>, world: &World) -> Kept {
        let Case {
            at,
            set,
            tree,
            now,
            merged,
            ..
        } = case;
        self.is_free(at, Some(set), tree, now)?;
        if at.1 == 0 {
            return Ok(());
        }
        self.is_from_sources(at, set)?;
        let asked = self.is_asked_for(at, set, tree);
        if !asked {
            self.is_no_step_back(at, set)?;
        }
        if !asked && !merged {
            self.is_newest_let_in(at, set, tree)?;
        }
        self.has_passed(case, world)?;
        self.was_seen(at, set, world)
    }

    /// Identity: all the sources, or one of them, held exactly this set.
    fn is_from_sources(&self, (road, stage): At, set: &Images) -> Kept {
        let (sources, any) = self.shape.roads[road].sources(stage);
        let mut held = sources
            .iter()
            .map(|s| self.pages[&(road, *s)].has_held(set));
        let enough = if any {
            held.any(|h| h)
        } else {
            held.all(|h| h)
        };
        kept(enough, || {
            format!(
                "{} takes a set that its sources never held",
                self.words((road, stage))
            )
        })
    }

    fn is_asked_for(&mut self, at: At, set: &Images, tree: &Tree) -> bool {
        let id = format!("\"{}\"", self.id(set));
        let mut says = self.all_say(tree, at).into_iter();
        says.any(|says| says.request.is_some_and(|request| request.contains(&id)))
    }

    /// Never backwards: not before the last move forward.
    fn is_no_step_back(&self, at: At, set: &Images) -> Kept {
        let came = self.position(at, set);
        let page = &self.pages[&at];
        let above = page.floor.as_ref().is_none_or(|(floor, last)| {
            came > Some(*floor) || (came == Some(*floor) && last == set)
        });
        kept(above, || {
            format!(
                "{} goes back by itself: {came:?} is not behind {:?}",
                self.words(at),
                page.floor
            )
        })
    }

    /// Nothing older becomes the candidate because something newer is kept out.
    fn is_newest_let_in(&self, at: At, set: &Images, tree: &Tree) -> Kept {
        let came = self.position(at, set);
        let (sources, any) = self.shape.roads[at.0].sources(at.1);
        let queue = self.shape.roads[at.0]
            .stop(at.1)
            .is_some_and(|stop| stop.queue);
        let pages: Vec<_> = sources.iter().map(|s| &self.pages[&(at.0, *s)]).collect();
        for other in pages.iter().flat_map(|page| &page.stays).filter(|_| !queue) {
            let other = &other.set;
            let mut held = pages.iter().map(|page| page.has_held(other));
            let enough = if any {
                held.any(|h| h)
            } else {
                held.all(|h| h)
            };
            let newer = enough && self.position(at, other) > came;
            if let Some(why) = self.bar(at, other, tree).filter(|_| newer) {
                return Err(format!(
                    "{} takes an older set, for a newer one is kept out: {why}",
                    self.words(at)
                ));
            }
        }
        Ok(())
    }

    /// What its sources must have found, and what is asked of it here.
    fn has_passed(&self, case: Case<'_>, world: &World) -> Kept {
        let Case {
            at: (road, stage),
            set,
            now,
            proposed,
            ..
        } = case;
        let words = self.words((road, stage));
        let (sources, any) = self.shape.roads[road].sources(stage);
        let mut passed = sources
            .iter()
            .map(|s| self.verified((road, *s), set, now, world));
        let enough = if any {
            passed.any(|p| p)
        } else {
            passed.all(|p| p)
        };
        kept(enough, || {
            format!("{words} takes a set that its source refused or still looks at")
        })?;
        let Some(stop) = self.shape.roads[road].stop(stage) else {
            return Ok(());
        };
        let first = self.pages[&(road, 0)]
            .stays
            .iter()
            .find(|stay| stay.set == *set);
        let old = first.is_some_and(|stay| seconds(stay.since, now) >= AGE);
        kept(!stop.age || old, || {
            format!("{words} takes a set that is too young")
        })?;
        let hour = now.as_second().rem_euclid(86_400) / 3600;
        let open = proposed || (8..10).contains(&hour);
        kept(!stop.window || open, || {
            format!("{words} takes a set outside of its window, at {now}")
        })
    }

    fn verified(&self, at: At, set: &Images, now: Timestamp, world: &World) -> bool {
        let page = &self.pages[&at];
        let Some(stop) = self.shape.roads[at.0].stop(at.1) else {
            return page.has_held(set);
        };
        let good = set.iter().all(|digest| world.registry.is_good(digest));
        let soaked = page.stays.iter().filter(|stay| stay.set == *set);
        let soaked = soaked
            .map(|stay| seconds(stay.since, stay.left.unwrap_or(now)))
            .max();
        page.has_held(set) && (!stop.tests || good) && (!stop.soak || soaked >= Some(SOAK))
    }

    /// A bundle of which a part failed to be seen goes nowhere.
    fn was_seen(&self, (road, stage): At, set: &Images, world: &World) -> Kept {
        let streams = self.shape.roads[road].streams;
        let first = self.pages[&(road, 0)]
            .stays
            .iter()
            .rfind(|stay| stay.set == *set);
        let failed = (0..streams).find(|s| {
            let last = world.registry.sources[*s].last;
            last.is_some_and(|(well, asked)| !well && asked <= world.now)
        });
        let incomplete = streams > 1 && first.is_some() && failed.is_some();
        kept(!incomplete, || {
            format!(
                "{} takes a bundle of which a part could not be seen",
                self.words((road, stage))
            )
        })
    }

    /// The record names the set, and commits at which the sources held it.
    fn is_proven(&mut self, at: At, set: &Images, number: usize, world: &World) -> Kept {
        let tree = &world.line.commits[number].tree;
        let id = self.id(set).to_string();
        let words = self.words(at);
        for says in self.all_say(tree, at) {
            let record = says
                .record
                .ok_or_else(|| format!("{words} moves without a record"))?;
            let record: serde_json::Value = serde_json::from_str(&record).unwrap();
            kept(record["set"].as_str() == Some(&id), || {
                format!("{words} bears the record of another set")
            })?;
            let from = record["from"].as_array().cloned().unwrap_or_default();
            kept(!from.is_empty(), || format!("{words} moves from nowhere"))?;
            for from in from {
                let source = self.at(self.shape.pipeline(at.0), from["stage"].as_str().unwrap());
                let mut line = world.line.commits[..number].iter();
                let named = line.find(|c| Some(c.id.as_str()) == from["commit"].as_str());
                let held = named.and_then(|commit| self.set_in(&commit.tree, source));
                kept(held.as_ref() == Some(set), || {
                    format!("the record of {words} proves nothing: {record}")
                })?;
            }
        }
        Ok(())
    }

    fn is_approved(&self, at: At, set: &Images, index: usize, world: &World) -> Kept {
        let words = self.words(at);
        let pull = &world.forge.pulls[index];
        let (key, id) = pull.subject();
        kept(
            self.at(key.pipeline.as_str(), key.stage.as_str()) == at && id == self.id(set),
            || format!("the pull request of {key} moves {words} to another set than it says"),
        )?;
        let Place::Pull {
            approvals,
            by_person,
        } = self.shape.roads[at.0].place(at.1)
        else {
            return Ok(());
        };
        kept(!by_person, || {
            format!("{words} is merged by us, which is for a person to do")
        })?;
        kept(world.forge.branch_of(index).pushed_by.is_none(), || {
            format!("{words} is merged with what others pushed")
        })?;
        let have = |index: usize| {
            let head = &world.forge.branch_of(index).head;
            let all = world.forge.pulls[index].approvals.iter();
            all.filter(|(_, of)| of == head).count()
        };
        let enough = |index: usize| have(index) >= approvals as usize;
        let vouching = self.shape.roads[at.0].vouching(at.1);
        let vouched = vouching.is_some_and(|other| {
            let merged = world.forge.of(PullState::Merged);
            let name = format!("{}/{}", self.shape.pipeline(at.0), STAGES[other]);
            let mut merged = merged.into_iter().filter(|i| {
                let (stage, set) = world.forge.pulls[*i].subject();
                stage.to_string() == name
                    && set == id
                    && world.forge.branch_of(*i).pushed_by.is_none()
            });
            merged.any(enough)
        });
        kept(enough(index) || vouched, || {
            format!(
                "{words} is merged with {} of {approvals} approvals",
                have(index)
            )
        })
    }

    /// Going back by itself: only where a stage says so, soon after a set came that is refused, to one that was there.
    pub(super) fn may_go_back(
        &mut self,
        at: At,
        set: &Images,
        number: usize,
        world: &World,
    ) -> Kept {
        let words = self.words(at);
        let (before, commit) = (&world.line.commits[number - 1], &world.line.commits[number]);
        let stop = self.shape.roads[at.0].stop(at.1).cloned();
        kept(stop.is_some_and(|stop| stop.auto && stop.tests), || {
            format!("{words} goes back by itself")
        })?;
        let page = &self.pages[&at];
        kept(page.has_held(set) && !page.is_gone(set), || {
            format!("{words} goes back to a set that was not there, or left so")
        })?;
        let current = page
            .current()
            .ok_or_else(|| format!("{words} goes back from nothing"))?;
        let refused = current
            .set
            .iter()
            .any(|digest| !world.registry.is_good(digest));
        let soon = seconds(current.since, commit.time) <= WITHIN;
        kept(refused && soon && current.forward, || {
            format!("{words} goes back from what nobody refused, or late, or again")
        })?;
        let pinned = |tree: &Tree| {
            let holds = tree
                .iter()
                .filter(|(path, _)| path.as_str().starts_with("holds/"));
            let mut holds =
                holds.filter_map(|(_, file)| serde_yaml::from_str::<Value>(&file.text).ok());
            holds.any(|hold| self.names(&hold, at, None))
        };
        kept(!pinned(&before.tree) && pinned(&commit.tree), || {
            format!("{words} goes back and is not held there")
        })
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second() - from.as_second()
}
