//! What people do: commits by the program's own acts or by hand, and words on pull requests.

use std::collections::BTreeMap;

use headwater::model::{Digest, RepoPath, StageKey};
use headwater::plan::Observation;
use headwater::plan::acts::freeze::{FreezeWish, freeze};
use headwater::plan::acts::{self, Act, ActError, Named, Person};
use headwater::plan::facts::pull::PullState;
use headwater::plan::streams::Scene;

use super::book::{At, Book, Images};
use super::event::{Event, Mood, stage_of};
use super::line::{Hand, laid_over};
use super::pulls::id_of;
use super::shape::{Place, STAGES, STREAMS};
use super::world::World;

const APPROVERS: [&str; 3] = ["ines@example.com", "jo@example.com", "kim@example.com"];

impl World {
    /// Lets something happen. What cannot be done is not done.
    pub(super) fn happens(&mut self, event: &Event, book: &mut Book) {
        self.wait(1);
        let streams = self.shape.streams();
        match *event {
            Event::Build { stream, good } => self.registry.build(stream % streams, good),
            Event::TagBack { stream } => {
                let source = &mut self.registry.sources[stream % streams];
                source.tag = source.tag.saturating_sub(1);
            }
            Event::Moody { stream, mood } => self.is_now(stream % streams, mood),
            Event::ForgeAway(away) => self.forge.away = away,
            Event::Forget => self.forget(),
            Event::Wait(minutes) => self.wait(i64::from(minutes) * 60),
            Event::Edit => {
                let text = format!("notes of {}\n", self.now);
                self.writes(&[("notes.md", Some(text))], "Take notes");
            }
            Event::Revert(n) => self.reverts(n, book),
            Event::Scribble(folder) => {
                let path = format!("{folder}/scribble.yaml");
                self.writes(&[(&path, Some("kind: [broken\n".to_owned()))], "Scribble");
            }
            Event::Mend => self.removes(|path| path.ends_with("scribble.yaml"), "Mend"),
            Event::Thaw => self.removes(
                |path| path.starts_with("freezes/") && !path.ends_with("scribble.yaml"),
                "Thaw",
            ),
            Event::ByHand {
                which,
                stream,
                build,
            } => self.puts(which, stream, build),
            Event::Approve(n) => self.approves(n),
            Event::Close(n) => self.closes(n, book),
            Event::Reopen(n) => self.reopens(n, book),
            Event::Merge(n) => self.merges(n),
            Event::Push(n) => self.pushes(n),
            _ => self.acts(event, book),
        }
    }

    fn is_now(&mut self, stream: usize, mood: Mood) {
        self.registry.sources[stream].mood = mood;
    }

    fn writes(&mut self, files: &[(&str, Option<String>)], message: &str) {
        let files = files
            .iter()
            .map(|(path, text)| (path.parse().unwrap(), text.clone()));
        let files: BTreeMap<RepoPath, Option<String>> = files.collect();
        let tree = laid_over(&self.line.head().tree, &files);
        if tree != self.line.head().tree {
            self.line.push(Hand::Person, message, self.now, tree);
        }
    }

    fn removes(&mut self, which: impl Fn(&str) -> bool, message: &str) {
        let tree = self.line.head().tree.clone();
        let paths = tree.keys().map(RepoPath::as_str).filter(|path| which(path));
        let files: Vec<(&str, Option<String>)> = paths.map(|path| (path, None)).collect();
        self.writes(&files, message);
    }

    /// Takes a commit that moved a tag back, where no file of it was changed since.
    fn reverts(&mut self, n: usize, book: &mut Book) {
        let commits = &self.line.commits;
        let moved = (1..commits.len()).rev().filter(|number| {
            let (before, after) = (&commits[number - 1].tree, &commits[*number].tree);
            let mut places = book.pages.keys().copied().collect::<Vec<At>>().into_iter();
            let files_differ = before != after;
            files_differ && places.any(|at| book.set_in(before, at) != book.set_in(after, at))
        });
        let Some(number) = moved.take(n + 1).last() else {
            return;
        };
        let (before, after) = (&commits[number - 1].tree, &commits[number].tree);
        let head = &self.line.head().tree;
        let mut files = BTreeMap::new();
        for path in before.keys().chain(after.keys()) {
            if before.get(path) == after.get(path) {
                continue;
            }
            if head.get(path) != after.get(path) {
                return;
            }
            let text = before.get(path).map(|file| file.text.to_string());
            files.insert(path.clone(), text);
        }
        let tree = laid_over(head, &files);
        let message = format!("Revert {}", commits[number].id.short());
        self.line.push(Hand::Person, &message, self.now, tree);
    }

    /// Edits where a stage points, and nothing else.
    fn puts(&mut self, which: usize, stream: usize, build: usize) {
        let (road, stage) = stage_of(which, &self.shape, true);
        let stream = stream % self.shape.roads[road].streams;
        let tag = self.shape.tag(road, stage);
        let path = format!("pipelines/{}/imagestream.yaml", STREAMS[stream]);
        let builds = &self.registry.sources[stream].builds;
        let wanted = builds[build % builds.len()].0.clone();
        let file = self.line.head().tree.get(&path.parse().unwrap());
        let text = file.map(|file| file.text.to_string()).unwrap_or_default();
        if let Some(text) = pinned(&text, &tag, &wanted) {
            self.writes(&[(&path, Some(text))], "Put it elsewhere");
        }
    }

    fn approves(&mut self, n: usize) {
        let open = self.forge.of(PullState::Open);
        let Some(index) = open.get(n % open.len().max(1)) else {
            return;
        };
        let head = self.forge.branch_of(*index).head.clone();
        let pull = &mut self.forge.pulls[*index];
        let have = pull.approvals.iter().filter(|(_, of)| *of == head).count();
        if let Some(who) = APPROVERS.get(have) {
            pull.approvals.push((who, head));
        }
    }

    fn closes(&mut self, n: usize, book: &mut Book) {
        let open = self.forge.of(PullState::Open);
        let Some(index) = open.get(n % open.len().max(1)) else {
            return;
        };
        let pull = &mut self.forge.pulls[*index];
        pull.state = PullState::Closed;
        pull.closed_by = Some("ines@example.com");
        self.write_down(*index, book, true);
    }

    fn reopens(&mut self, n: usize, book: &mut Book) {
        let closed = self.forge.of(PullState::Closed).into_iter();
        let closed: Vec<usize> = closed
            .filter(|i| self.forge.pulls[*i].closed_by.is_some())
            .collect();
        if let Some(index) = closed.get(n % closed.len().max(1)) {
            self.reopen(*index, book);
        }
    }

    fn reopen(&mut self, index: usize, book: &mut Book) {
        let (stage, _) = self.forge.pulls[index].subject();
        let mut open = self.forge.of(PullState::Open).into_iter();
        if open.any(|other| self.forge.pulls[other].subject().0 == stage) {
            return;
        }
        let pull = &mut self.forge.pulls[index];
        pull.state = PullState::Open;
        pull.closed_by = None;
        self.write_down(index, book, false);
    }

    /// Notes that a pull request's set was thrown out, or is let in again.
    fn write_down(&self, index: usize, book: &mut Book, out: bool) {
        let (key, id) = self.forge.pulls[index].subject();
        let at = book.at(key.pipeline.as_str(), key.stage.as_str());
        let Some(set) = book.set_of(at, &id) else {
            return;
        };
        let page = book.pages.get_mut(&at).unwrap();
        match out {
            true => page.out.insert(set),
            false => page.out.remove(&set),
        };
    }

    fn merges(&mut self, n: usize) {
        let open = self.forge.of(PullState::Open);
        let Some(index) = open.get(n % open.len().max(1)).copied() else {
            return;
        };
        let Some(tree) = self.forge.merged(index, &self.line) else {
            return;
        };
        let message = format!("Merge pull request {}", id_of(index));
        let commit = self
            .line
            .push(Hand::Merged(index), &message, self.now, tree);
        let pull = &mut self.forge.pulls[index];
        pull.state = PullState::Merged;
        pull.merged_as = Some(commit);
    }

    fn pushes(&mut self, n: usize) {
        let open = self.forge.of(PullState::Open);
        let Some(index) = open.get(n % open.len().max(1)) else {
            return;
        };
        let name = self.forge.pulls[*index].branch.clone();
        let branch = self.forge.branches.get_mut(&name).unwrap();
        let hash = Digest::sha256(format!("{} and more", branch.head).as_bytes());
        branch.head = hash.as_str()["sha256:".len()..][..40].parse().unwrap();
        branch.pushed_by = Some("eve@example.com");
    }

    /// The program's own acts, each as a commit of a person.
    fn acts(&mut self, event: &Event, book: &mut Book) {
        let person = Person {
            by: super::line::PERSON.to_owned(),
            reason: format!("because of {}", self.now),
        };
        let at = |which: usize, later: bool| stage_of(which, &self.shape, later);
        let key = |(road, stage): At| -> StageKey {
            format!("{}/{}", self.shape.pipeline(road), STAGES[stage])
                .parse()
                .unwrap()
        };
        let done = match *event {
            Event::Rollback(w) => {
                let key = key(at(w, true));
                self.act(|obs| acts::rollback(obs, &key, &Named::Previous, &person))
            }
            Event::Promote(w, n) => {
                let (at, key) = (at(w, true), key(at(w, true)));
                let set = named(at, n, book);
                self.act(|obs| acts::promote(obs, &key, set.as_deref(), &[], &person))
            }
            Event::Hold(w) => {
                let key = key(at(w, false));
                self.act(|obs| acts::hold(obs, &key, None, &person))
            }
            Event::HoldSet(w, n) => {
                let (at, key) = (at(w, true), key(at(w, true)));
                let Some(set) = named(at, n, book) else {
                    return;
                };
                self.act(|obs| acts::hold(obs, &key, Some(&set), &person))
            }
            Event::Unhold(w) => {
                let key = key(at(w, false));
                self.act(|obs| acts::unhold(obs, &key, None, &person))
            }
            Event::UnholdSet(w, n) => {
                let (at, key) = (at(w, true), key(at(w, true)));
                let Some(set) = named(at, n, book) else {
                    return;
                };
                self.act(|obs| acts::unhold(obs, &key, Some(&set), &person))
            }
            Event::Freeze(w) => return self.freezes(at(w, false)),
            _ => None,
        };
        let Some(act) = done else { return };
        if act.kind == "unhold" {
            // Whatever people threw out may come again.
            let lifted = book.at(act.stage.pipeline.as_str(), act.stage.stage.as_str());
            book.pages.get_mut(&lifted).unwrap().out.clear();
        }
        let tree = laid_over(&self.line.head().tree, &act.files);
        if tree != self.line.head().tree {
            self.line.push(Hand::Person, &act.message, self.now, tree);
        }
        if let Some(id) = act.reopen {
            let index = id.parse::<usize>().unwrap() - 1;
            self.reopen(index, book);
        }
    }

    /// An act, once what it asks is answered; `None` where it makes no sense.
    fn act(&mut self, act: impl Fn(&Observation) -> Result<Act, ActError>) -> Option<Act> {
        if self.forge.away {
            return None;
        }
        let mut observation = self.observe();
        for _ in 0..3 {
            match act(&observation) {
                Ok(act) => return Some(act),
                Err(ActError::Asking(questions)) => self.answer(&questions, &mut observation),
                Err(_) => return None,
            }
        }
        None
    }

    fn freezes(&mut self, (road, stage): At) {
        if matches!(self.shape.roads[road].place(stage), Place::Nowhere) {
            return;
        }
        let wish = FreezeWish {
            environments: vec![self.shape.tag(road, stage)],
            from: None,
            until: None,
            time_zone: None,
            except: Vec::new(),
            name: None,
            reason: "a quiet week".to_owned(),
        };
        let observation = self.observe();
        let documents = &observation.snapshot.documents;
        let scene = Scene {
            docs: documents,
            namespace: &documents.config.spec.namespace,
            now: self.now,
        };
        let Ok(done) = freeze(&wish, scene) else {
            return;
        };
        let tree = laid_over(&self.line.head().tree, &done.files);
        self.line.push(Hand::Person, "Freeze", self.now, tree);
    }
}

/// How a set of a stage's sources is named: the newest but `n`.
fn named((road, stage): At, n: usize, book: &Book) -> Option<String> {
    let (sources, _) = book.shape.roads[road].sources(stage);
    let stays = sources.iter().flat_map(|s| &book.pages[&(road, *s)].stays);
    let mut sets: Vec<&Images> = stays.map(|stay| &stay.set).collect();
    sets.dedup();
    let set = sets.into_iter().rev().nth(n)?;
    // Of a bundle, what tells it from the others is likely to be the last that moved.
    let digest = &set[n % set.len()];
    Some(digest.as_str()["sha256:".len()..][..12].to_owned())
}

/// A stream's text with the source of one tag put to another digest.
fn pinned(text: &str, tag: &str, wanted: &Digest) -> Option<String> {
    let begin = text.find(&format!("name: {tag}\n"))?;
    let rest = &text[begin..];
    let end = rest[1..]
        .find("\n    - ")
        .or_else(|| rest.find("\nstatus:"));
    let end = begin + end.unwrap_or(rest.len() - 1) + 1;
    let lines = text[begin..end].split_inclusive('\n').map(|line| {
        let at = line
            .find("@sha256:")
            .filter(|_| !line.contains("headwater.dev/"));
        match at {
            Some(at) => format!("{}@{wanted}{}", &line[..at], &line[at + 72..]),
            None => line.to_owned(),
        }
    });
    let new: String = lines.collect();
    Some(format!("{}{new}{}", &text[..begin], &text[end..]))
}
