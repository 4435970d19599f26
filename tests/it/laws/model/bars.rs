//! What keeps a set out of a stage: brakes in files, and what people threw out.

use headwater::model::Timestamp;
use serde_yaml::Value;

use super::book::{At, Book, Images, Kept, kept};
use super::line::Tree;
use super::shape::{Place, STAGES};

impl Book {
    /// Brakes: holds, freezes, what people threw out, and what left a stage before by going back.
    pub(super) fn is_free(
        &mut self,
        at: At,
        set: Option<&Images>,
        tree: &Tree,
        now: Timestamp,
    ) -> Kept {
        let place = self.shape.tag(at.0, at.1);
        let words = self.words(at);
        for (path, file) in tree.iter() {
            let folder = path.as_str().split('/').next().unwrap_or_default();
            if folder != "holds" && folder != "freezes" {
                continue;
            }
            let Ok(document) = serde_yaml::from_str::<Value>(&file.text) else {
                return Err(format!("{words} moves though {path} cannot be read"));
            };
            if document["kind"].as_str() == Some("Freeze") {
                let here = document["spec"]["environments"].as_sequence();
                let here = here.is_some_and(|l| l.iter().any(|e| e.as_str() == Some(&place)));
                let has_place = !matches!(self.shape.roads[at.0].place(at.1), Place::Nowhere);
                kept(!(here && has_place), || {
                    format!("{words} moves through {path} at {now}")
                })?;
            } else if self.names(&document, at, None) {
                return Err(format!("{words} moves though {path} holds it"));
            }
        }
        match set {
            Some(set) => match self.bar(at, set, tree) {
                Some(why) => Err(format!("{words} takes a set that is kept out: {why}")),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Whether a hold that is in force names a stage, as a whole or this set in it.
    pub(super) fn names(&self, hold: &Value, (road, stage): At, set: Option<&Images>) -> bool {
        let spec = &hold["spec"];
        let stages = spec["stages"].as_sequence();
        let here = stages.is_some_and(|l| l.iter().any(|s| s.as_str() == Some(STAGES[stage])));
        let mine = spec["pipeline"].as_str() == Some(self.shape.pipeline(road));
        let wanted = set.map(|set| self.id(set).to_string());
        let meant = spec["set"].as_str().map(str::to_owned) == wanted;
        here && mine && meant && spec["lifted"].as_bool() != Some(true)
    }

    /// Why a set may not enter a stage.
    pub(super) fn bar(&self, (road, stage): At, set: &Images, tree: &Tree) -> Option<String> {
        if self.pages[&(road, stage)].out.contains(set) {
            return Some("people threw it out".to_owned());
        }
        let holds = tree
            .iter()
            .filter(|(path, _)| path.as_str().starts_with("holds/"));
        let holds = holds.filter_map(|(_, file)| serde_yaml::from_str::<Value>(&file.text).ok());
        let holds: Vec<Value> = holds.collect();
        if holds
            .iter()
            .any(|hold| self.names(hold, (road, stage), Some(set)))
        {
            return Some("a hold names it".to_owned());
        }
        let id = self.id(set).to_string();
        let lifted = holds.iter().any(|hold| {
            let spec = &hold["spec"];
            spec["lifted"].as_bool() == Some(true) && spec["set"].as_str() == Some(&id)
        });
        if lifted || stage == 0 {
            return None;
        }
        let before = self.before((road, stage));
        let gone = before
            .iter()
            .find(|s| self.pages[&(road, **s)].is_gone(set));
        if let Some(gone) = gone {
            return Some(format!("it left {} by going back", STAGES[*gone]));
        }
        let held = |s: &&usize| {
            holds
                .iter()
                .any(|hold| self.names(hold, (road, **s), Some(set)))
        };
        let held = before.iter().find(held)?;
        Some(format!("a hold names it in {}", STAGES[*held]))
    }

    /// All stages before one.
    fn before(&self, (road, stage): At) -> Vec<usize> {
        let mut before: Vec<usize> = Vec::new();
        let mut next = vec![stage];
        while let Some(stage) = next.pop() {
            let sources = match stage {
                0 => Vec::new(),
                _ => self.shape.roads[road].sources(stage).0,
            };
            let new = sources.into_iter().filter(|s| !before.contains(s));
            let new: Vec<usize> = new.collect();
            before.extend(&new);
            next.extend(new);
        }
        before
    }
}
