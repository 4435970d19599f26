//! What people and builds do in a day, drawn by weight.

use headwater::forge::{PullRequest, PullState};
use headwater::model::{Digest, StageKey};
use headwater::plan::Observation;
use headwater::plan::acts::{self, Act, ActError, Named};

use super::day::Day;
use super::world::{LIBRARY_STREAM, ROADS, STREAMS};
use crate::laws::ledger::Road;
use crate::support::world::small;

const BROKEN: [&str; 4] = [
    "pipelines/other/pipeline.yaml",
    "environments/other.yaml",
    "holds/broken.yaml",
    "freezes/broken.yaml",
];
const ENVIRONMENTS: [&str; 3] = ["qa", "prod", "shop"];

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Event {
    Build(usize),
    TagGoesBack(usize),
    Approve,
    Close,
    Reopen,
    MergeByHand,
    UpdateBranch,
    ForeignCommit,
    Revert,
    PinByHand,
    ThinkAgain,
    EditOutput,
    Freeze,
    Unfreeze,
    Hold,
    Unhold,
    Rollback,
    Promote,
    Break,
    Mend,
    Template,
    Note,
    Restart,
    Forget,
    ClockAhead,
    ClockBack,
}

/// How often each comes.
const EVENTS: [(u32, Event); 28] = [
    (18, Event::Build(0)),
    (10, Event::Build(1)),
    (2, Event::TagGoesBack(0)),
    (1, Event::TagGoesBack(1)),
    (24, Event::Approve),
    (2, Event::Close),
    (2, Event::Reopen),
    (3, Event::MergeByHand),
    (2, Event::UpdateBranch),
    (1, Event::ForeignCommit),
    (3, Event::Revert),
    (2, Event::PinByHand),
    (4, Event::ThinkAgain),
    (2, Event::EditOutput),
    (1, Event::Freeze),
    (4, Event::Unfreeze),
    (1, Event::Hold),
    (5, Event::Unhold),
    (2, Event::Rollback),
    (2, Event::Promote),
    (1, Event::Break),
    (5, Event::Mend),
    (1, Event::Template),
    (2, Event::Note),
    (2, Event::Restart),
    (1, Event::Forget),
    (1, Event::ClockAhead),
    (1, Event::ClockBack),
];

impl Day {
    /// One event.
    pub(super) async fn something_happens(&mut self) {
        let all: u32 = EVENTS.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.chance.u32(0..all);
        let event = EVENTS.iter().find(|(weight, _)| {
            let here = drawn < *weight;
            drawn = drawn.wrapping_sub(*weight);
            here
        });
        let event = event.expect("the weights add up").1;
        match event {
            Event::Build(stream) => {
                let (good, index) = (self.chance.u32(0..4) > 0, self.chance.u32(0..4) == 0);
                self.build(stream, good, index);
            }
            Event::TagGoesBack(stream) => self.tag_goes_back(stream),
            Event::Approve
            | Event::Close
            | Event::Reopen
            | Event::MergeByHand
            | Event::UpdateBranch
            | Event::ForeignCommit => self.on_pull(event).await,
            Event::Rollback | Event::Promote | Event::Unhold | Event::Hold => {
                let stage = self.one(&ROADS).unwrap().stage;
                match event {
                    Event::Rollback => self.roll_back(stage).await,
                    Event::Promote => self.promote(stage).await,
                    Event::Hold => self.hold(stage),
                    _ => self.unhold(stage).await,
                }
            }
            Event::Restart => self.world.restart(),
            Event::Forget => {
                self.tell("the caches are lost");
                self.world.forget();
            }
            Event::ClockAhead => {
                self.tell("the clock jumps ahead");
                let hours = self.chance.u32(1..9);
                self.world.advance(&format!("{hours}h"));
            }
            Event::ClockBack => {
                self.tell("the clock goes back");
                let minutes = self.chance.u32(1..60);
                self.world.turn_back(&format!("{minutes}m"));
            }
            _ => self.in_files(event),
        }
        self.read();
    }

    fn in_files(&mut self, event: Event) {
        match event {
            Event::Revert => self.revert(),
            Event::PinByHand => self.pin_by_hand(),
            Event::ThinkAgain => self.think_again(),
            Event::EditOutput => self.edit_output(),
            Event::Freeze => {
                let place = self.one(&ENVIRONMENTS).unwrap();
                self.write("freezes/now.yaml", &small::freeze("now", place));
            }
            Event::Unfreeze => self.delete("freezes/now.yaml"),
            Event::Break => {
                let path = self.one(&BROKEN).unwrap();
                self.write(path, "kind: [broken\n");
                self.broken.insert(path);
            }
            Event::Mend => {
                for path in std::mem::take(&mut self.broken) {
                    self.delete(path);
                }
            }
            Event::Template => {
                let colour = self.one(&["green", "red", "blue"]).unwrap();
                self.write(
                    "templates/plain/values.yaml",
                    &format!("colour: {colour}\n"),
                );
            }
            _ => {
                let text = format!("notes of {}\n", self.world.now());
                self.write("notes.md", &text);
            }
        }
    }

    /// A build is pushed; its digest is new.
    pub(super) fn build(&mut self, stream: usize, good: bool, index: bool) {
        self.builds += 1;
        let (name, repository) = STREAMS[stream];
        let labels: &[(&str, &str)] = if good { &[("tests", "passed")] } else { &[] };
        let platforms: &[(&str, &str)] = if index {
            &[("linux", "amd64"), ("linux", "arm64")]
        } else {
            &[]
        };
        let version = format!("1.0.{}", self.builds);
        let place = format!("{repository}:main");
        let built = self.world.push_image(&place, &version, labels, platforms);
        self.tell(format!(
            "{name} {version} is built: {} good: {good}",
            built.short()
        ));
        self.built[stream].push(built);
    }

    fn tag_goes_back(&mut self, stream: usize) {
        let built = &self.built[stream];
        if built.is_empty() {
            return;
        }
        let older = built[self.chance.usize(0..built.len())].clone();
        let (name, repository) = STREAMS[stream];
        self.tell(format!("the tag of {name} goes back to {}", older.short()));
        self.world.registry.retag(repository, "main", &older);
    }

    fn write(&mut self, path: &str, text: &str) {
        self.tell(format!("somebody writes {path}"));
        self.world.person_commits(&[(path, text)], "Write a file");
    }

    fn delete(&mut self, path: &str) {
        if self.world.repository.text("main", path).is_some() {
            self.tell(format!("somebody deletes {path}"));
            self.world.person_deletes(&[path], "Delete a file");
        }
    }

    /// Nothing holds or freezes or is broken any more, and nobody asks for anything. What was lifted stays lifted.
    pub(super) fn brakes_off(&mut self) {
        for (path, text) in self.world.repository.files("main") {
            let is_brake = path.starts_with("holds/") || path.starts_with("freezes/");
            if is_brake && !text.contains("lifted: true") {
                self.delete(&path);
            }
            let asks = |line: &&str| line.contains("headwater.dev/request");
            if path.starts_with("pipelines/") && text.lines().any(|line| asks(&line)) {
                let kept = text.split_inclusive('\n').filter(|line| !asks(line));
                self.write(&path, &kept.collect::<String>());
            }
        }
        for path in std::mem::take(&mut self.broken) {
            self.delete(path);
        }
    }

    /// What left a stage by a person's hand, between two readings of the base.
    fn throw_out(&mut self, before: &dyn Fn(&str) -> Option<Digest>) {
        let after = self.world.repository.heads("main");
        for road in ROADS {
            if let Some(gone) = before(road.tag).filter(|d| after.get(road.tag) != Some(d)) {
                self.ledger.thrown_out.insert((road.tag.to_owned(), gone));
            }
        }
    }

    /// The last commit that moved a stage is reverted, where that is possible.
    fn revert(&mut self) {
        let road = self.one(&ROADS).unwrap();
        let repository = &self.world.repository;
        let line = repository.line();
        let words = format!("Headwater-Stage: {}", road.stage);
        let recent = line.iter().rev().take(60);
        let Some(last) = recent
            .into_iter()
            .find(|id| repository.message(id).contains(&words))
            .cloned()
        else {
            return;
        };
        let before = repository.heads("main");
        if self.world.try_revert(&last).is_some() {
            self.tell(format!("somebody reverts {}", &last[..8]));
            self.throw_out(&|tag| before.get(tag).cloned());
        }
    }

    /// A stage's pin is replaced in an editor.
    fn pin_by_hand(&mut self) {
        let road = self.one(&ROADS).unwrap();
        let (stream, tag) = road.tag.split_once(':').unwrap();
        let index = usize::from(stream == "lib");
        let path = [small::STREAM_PATH, LIBRARY_STREAM][index];
        let known: Vec<Digest> = {
            let given = self.fronts[index].given(STREAMS[index].1);
            given.into_iter().collect()
        };
        let text = self.world.repository.text("main", path).unwrap();
        let Some(begin) = text.find(&format!("    - name: {tag}\n")) else {
            return;
        };
        let pin = format!("{stream}@sha256:");
        let Some(at) = text[begin..].find(&pin).map(|at| begin + at + pin.len()) else {
            return;
        };
        let other = &known[self.chance.usize(0..known.len())];
        let forged = format!("{}{}{}", &text[..at], other.hex(), &text[at + 64..]);
        if forged != text {
            self.tell(format!("somebody pins {} to {}", road.tag, other.short()));
            let id = self
                .world
                .person_commits(&[(path, &forged)], "Pin it by hand");
            self.by_hand.push(id);
        }
    }

    fn think_again(&mut self) {
        if let Some(id) = self.by_hand.pop()
            && self.world.try_revert(&id).is_some()
        {
            self.tell("somebody takes a pin by hand back");
        }
    }

    fn edit_output(&mut self) {
        let files = self.world.repository.files("main");
        let outputs: Vec<(&String, &String)> = files
            .iter()
            .filter(|(path, _)| path.contains("/rendered/"))
            .collect();
        if outputs.is_empty() {
            return;
        }
        let (path, text) = outputs[self.chance.usize(0..outputs.len())];
        let edited = text.replacen("value: ", "value: very-", 1);
        let (path, edited) = (path.clone(), edited);
        self.write(&path, &edited);
    }

    fn hold(&mut self, stage: &str) {
        let (pipeline, name) = stage.split_once('/').unwrap();
        self.write(
            &format!("holds/{pipeline}-{name}.yaml"),
            &small::hold(&format!("{pipeline}-{name}"), pipeline, name),
        );
    }

    /// What an act of the command line writes is pushed by a person, if it can be done.
    async fn act(
        &mut self,
        what: &str,
        stage: &str,
        act: impl Fn(&Observation, &StageKey, &acts::Person) -> Result<Act, ActError>,
    ) -> bool {
        if !self.remote.is_fine() {
            return false;
        }
        let key: StageKey = stage.parse().unwrap();
        let mara = acts::Person {
            by: "mara@example.com".to_owned(),
            reason: "it is time".to_owned(),
        };
        match self.world.act(|obs| act(obs, &key, &mara)).await {
            Ok(done) => {
                self.tell(format!("{what} {stage}: {:?}", done.notes));
                if !done.files.is_empty() {
                    self.world.person_does(&done);
                }
                true
            }
            Err(why) => {
                self.tell(format!("{what} {stage} is refused: {why:?}"));
                false
            }
        }
    }

    async fn roll_back(&mut self, stage: &'static str) {
        self.act("rollback", stage, |obs, key, who| {
            acts::rollback(obs, key, &Named::Previous, who)
        })
        .await;
    }

    /// Somebody asks for a set, whichever is next: what was thrown out may come in again.
    pub(super) async fn promote(&mut self, stage: &'static str) {
        let asked = self.act("promote", stage, |obs, key, who| {
            acts::promote(obs, key, None, &[], who)
        });
        if asked.await {
            self.forgive(stage);
        }
    }

    async fn unhold(&mut self, stage: &'static str) {
        let lifted = self.act("unhold", stage, |obs, key, who| {
            acts::unhold(obs, key, None, who)
        });
        if lifted.await {
            self.forgive(stage);
        }
    }

    fn forgive(&mut self, stage: &str) {
        let road = ROADS.iter().find(|road| road.stage == stage).unwrap();
        self.ledger.thrown_out.retain(|(tag, _)| tag != road.tag);
    }

    async fn on_pull(&mut self, event: Event) {
        if !self.remote.is_fine() {
            return;
        }
        let pulls = self.world.pulls().await;
        let state = match event {
            Event::Reopen => PullState::Closed,
            _ => PullState::Open,
        };
        let fitting: Vec<&PullRequest> = pulls
            .values()
            .filter(|p| p.state == state && (state == PullState::Open || p.closed_by.is_some()))
            .collect();
        if fitting.is_empty() {
            return;
        }
        let pull = fitting[self.chance.usize(0..fitting.len())].clone();
        let others = pulls.values().any(|p| p.state == PullState::Open);
        let branch = format!("refs/heads/{}", pull.branch);
        let road: Option<Road> = pull
            .branch
            .starts_with("headwater/promote/app/prod/")
            .then_some(ROADS[1]);
        let carried = road.and_then(|road| {
            let digest = self.world.repository.heads(&branch).remove(road.tag)?;
            Some((road.tag.to_owned(), digest))
        });
        match event {
            Event::Approve => {
                let who = if self.chance.u32(0..5) == 0 {
                    "Mara"
                } else {
                    "Ines"
                };
                self.tell(format!("{who} approves {}", pull.id));
                self.world.approve(&pull, who).await;
            }
            Event::Close => {
                self.tell(format!("somebody closes {}", pull.id));
                self.world.close(&pull, "ines@example.com").await;
                self.ledger.thrown_out.extend(carried);
            }
            Event::Reopen if !others => {
                self.tell(format!("somebody opens {} again", pull.id));
                self.world.reopen(&pull).await;
                carried.map(|c| self.ledger.thrown_out.remove(&c));
            }
            Event::Reopen => {}
            _ => self.by_git(event, &pull, carried),
        }
    }

    fn by_git(&mut self, event: Event, pull: &PullRequest, carried: Option<(String, Digest)>) {
        let now = self.world.now();
        let repository = &self.world.repository;
        match event {
            Event::MergeByHand if repository.merges(&pull.branch, "main") => {
                if self.chance.bool() {
                    repository.squash(&pull.branch, "Mara", now);
                } else {
                    repository.merge(&pull.branch, "main", "Mara", now);
                }
                carried.map(|c| self.ledger.thrown_out.remove(&c));
                self.tell(format!("somebody merges {} by hand", pull.id));
            }
            Event::UpdateBranch if repository.merges("main", &pull.branch) => {
                repository.merge("main", &pull.branch, "Mara", now);
                self.tell(format!("somebody brings {} up to date", pull.id));
            }
            Event::ForeignCommit => {
                let file = ("theirs.md".to_owned(), Some(b"theirs\n".to_vec()));
                repository.commit_to(&pull.branch, "Mara", now, "Slip in", &vec![file]);
                self.tell(format!("somebody pushes to {}", pull.id));
            }
            _ => {}
        }
    }
}
