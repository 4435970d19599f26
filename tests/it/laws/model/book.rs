//! A ledger of what stages held, read from the trees of the base alone, and what people threw out. Nothing of the program
//! under test is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headwater::model::{BlobId, Digest, Set, SetId, StreamKey, Timestamp};
use serde_yaml::Value;

use super::line::{Commit, Hand, Tree};
use super::shape::{STAGES, STREAMS, Shape};
use super::world::World;

/// What holds, or the law that is broken, in words.
pub(super) type Kept<T = ()> = Result<T, String>;

/// A condition that must hold.
pub(super) fn kept(holds: bool, words: impl FnOnce() -> String) -> Kept {
    match holds {
        true => Ok(()),
        false => Err(words()),
    }
}

/// A stage: pipeline and place in it.
pub(super) type At = (usize, usize);
/// A set: one digest for each stream of its pipeline.
pub(super) type Images = Vec<Digest>;

/// A set being current in a stage.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    pub(super) set: Images,
    /// Number of the commit that brought it.
    pub(super) at: usize,
    pub(super) since: Timestamp,
    pub(super) left: Option<Timestamp>,
    /// Whether it came forward.
    pub(super) forward: bool,
    /// Whether it left by going back.
    pub(super) gone_back: bool,
}

/// What is written down of one stage.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    pub(super) stays: Vec<Stay>,
    /// The set of the last move forward, and the commit by which it had come to the sources.
    pub(super) floor: Option<(usize, Images)>,
    /// Sets that people threw out here, by revert or by closing.
    pub(super) out: BTreeSet<Images>,
    /// Records that ever stood on its tag.
    pub(super) records: BTreeSet<String>,
}

/// What one tag of a stream file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Says {
    pub(super) digest: Option<Digest>,
    /// Whether it has a source that names no digest.
    pub(super) loose: bool,
    pub(super) record: Option<String>,
    pub(super) request: Option<String>,
}

type Tags = Arc<BTreeMap<String, Says>>;

/// The ledger.
#[derive(Clone)]
pub(super) struct Book {
    pub(super) shape: Arc<Shape>,
    pub(super) pages: BTreeMap<At, Page>,
    read: usize,
    tags: BTreeMap<BlobId, Tags>,
}

impl Page {
    pub(super) fn current(&self) -> Option<&Stay> {
        self.stays.last().filter(|stay| stay.left.is_none())
    }

    pub(super) fn has_held(&self, set: &Images) -> bool {
        self.stays.iter().any(|stay| stay.set == *set)
    }

    /// The commit by which a set last came forward, or, if it never did, came back.
    pub(super) fn came(&self, set: &Images) -> Option<usize> {
        let stays = || self.stays.iter().filter(|stay| stay.set == *set);
        let forward = stays()
            .filter(|stay| stay.forward)
            .map(|stay| stay.at)
            .max();
        forward.or_else(|| stays().map(|stay| stay.at).max())
    }

    /// Whether a set left by going back and is not here again.
    pub(super) fn is_gone(&self, set: &Images) -> bool {
        let last = self.stays.iter().rfind(|stay| stay.set == *set);
        last.is_some_and(|stay| stay.gone_back)
    }
}

impl Book {
    pub(super) fn new(shape: &Arc<Shape>) -> Self {
        let all =
            (0..shape.roads.len()).flat_map(|r| (0..shape.roads[r].len()).map(move |s| (r, s)));
        Self {
            shape: Arc::clone(shape),
            pages: all.map(|at| (at, Page::default())).collect(),
            read: 1,
            tags: BTreeMap::new(),
        }
    }

    pub(super) fn words(&self, (road, stage): At) -> String {
        format!("{}/{}", self.shape.pipeline(road), STAGES[stage])
    }

    /// The identity of a set.
    pub(super) fn id(&self, set: &Images) -> SetId {
        let members = set.iter().enumerate().map(|(stream, digest)| {
            let key = format!("default/{}", STREAMS[stream]);
            (StreamKey::try_from(key).unwrap(), digest.clone())
        });
        Set::new(members).id()
    }

    /// The set of that identity, as far as a stage or its sources held it.
    pub(super) fn set_of(&self, (road, _): At, id: &SetId) -> Option<Images> {
        let pages = self.pages.range((road, 0)..(road + 1, 0));
        let mut sets = pages.flat_map(|(_, page)| page.stays.iter().map(|stay| &stay.set));
        sets.find(|set| self.id(set) == *id).cloned()
    }

    /// The stage of a name.
    pub(super) fn at(&self, pipeline: &str, stage: &str) -> At {
        let road = (0..self.shape.roads.len()).find(|r| self.shape.pipeline(*r) == pipeline);
        let stage = STAGES.iter().position(|name| *name == stage);
        (road.unwrap(), stage.unwrap())
    }

    /// What a tag says in a tree.
    pub(super) fn says(&mut self, tree: &Tree, stream: usize, tag: &str) -> Says {
        let path = format!("pipelines/{}/imagestream.yaml", STREAMS[stream]);
        let file = tree.get(&path.parse().unwrap());
        let Some(file) = file else {
            return Says::default();
        };
        let tags = self.tags.entry(file.blob.clone());
        let tags = tags.or_insert_with(|| Arc::new(tags_of(&file.text)));
        tags.get(tag).cloned().unwrap_or_default()
    }

    /// What the tags of a stage say in a tree, one for each stream.
    pub(super) fn all_say(&mut self, tree: &Tree, (road, stage): At) -> Vec<Says> {
        let tag = self.shape.tag(road, stage);
        let streams = self.shape.roads[road].streams;
        (0..streams).map(|s| self.says(tree, s, &tag)).collect()
    }

    /// The whole set that a stage's tags name in a tree.
    pub(super) fn set_in(&mut self, tree: &Tree, at: At) -> Option<Images> {
        let says = self.all_say(tree, at).into_iter();
        says.map(|says| says.digest).collect()
    }

    /// What every commit of the base moved, in words.
    pub(super) fn told(&mut self, world: &World) -> String {
        let mut text = String::new();
        let places: Vec<At> = self.pages.keys().copied().collect();
        for (number, pair) in world.line.commits.windows(2).enumerate() {
            let (before, commit) = (&pair[0], &pair[1]);
            text += &format!("{:3}. {} {:?}:", number + 1, commit.time, commit.hand);
            for at in &places {
                let (old, new) = (
                    self.all_say(&before.tree, *at),
                    self.all_say(&commit.tree, *at),
                );
                if old != new {
                    let short = |says: &Says| {
                        says.digest
                            .as_ref()
                            .map_or("-".to_owned(), |d| d.short().to_owned())
                    };
                    let to: Vec<String> = new.iter().map(short).collect();
                    text += &format!(" {} = {}", self.words(*at), to.join("+"));
                }
            }
            text.push('\n');
        }
        text
    }

    /// Reads what is new on the base, and holds every move of ours against the laws.
    pub(super) fn read(&mut self, world: &World) -> Kept {
        let commits = &world.line.commits;
        while self.read < commits.len() {
            let number = self.read;
            let (before, commit) = (&commits[number - 1], &commits[number]);
            self.whole(before, commit)?;
            let places: Vec<At> = self.pages.keys().copied().collect();
            for at in places {
                self.turn(at, number, world)?;
            }
            self.read += 1;
        }
        Ok(())
    }

    /// What holds of every commit of ours.
    fn whole(&mut self, before: &Commit, commit: &Commit) -> Kept {
        if !matches!(commit.hand, Hand::Us | Hand::Bot(_)) {
            return Ok(());
        }
        kept(before.tree != commit.tree, || {
            "a commit of ours changes nothing".to_owned()
        })?;
        let paths = before.tree.keys().chain(commit.tree.keys());
        let changed = paths.filter(|path| before.tree.get(*path) != commit.tree.get(*path));
        for path in changed {
            let allowed =
                path.as_str().ends_with("imagestream.yaml") || path.as_str().starts_with("holds/");
            kept(allowed, || format!("a commit of ours writes {path}"))?;
        }
        let later: Vec<At> = self.pages.keys().copied().filter(|(_, s)| *s > 0).collect();
        for at in later {
            for says in self.all_say(&commit.tree, at) {
                kept(!says.loose, || {
                    format!("{} names no digest: {says:?}", self.words(at))
                })?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, at: At, number: usize, world: &World) -> Kept {
        let commits = &world.line.commits;
        let (before, commit) = (&commits[number - 1], &commits[number]);
        let (old, new) = (self.set_in(&before.tree, at), self.set_in(&commit.tree, at));
        let said = (
            self.all_say(&before.tree, at),
            self.all_say(&commit.tree, at),
        );
        let record = said.1.first().and_then(|says| says.record.clone());
        let is_new =
            record.is_some() && record != said.0.first().and_then(|says| says.record.clone());
        let ours = matches!(commit.hand, Hand::Us | Hand::Bot(_));
        let fresh = match record.as_ref().filter(|_| is_new) {
            Some(record) => self
                .pages
                .get_mut(&at)
                .unwrap()
                .records
                .insert(record.clone()),
            None => false,
        };
        if ours && is_new && at.1 > 0 {
            kept(fresh, || format!("{} bears a record twice", self.words(at)))?;
        }
        if old == new && !(ours && is_new) {
            return Ok(());
        }
        let rolled = is_new
            && record
                .as_ref()
                .is_some_and(|r| r.contains("\"cause\":\"rollback\""));
        let Some(new) = new else {
            let part = at.1 > 0 && said.0 != said.1;
            kept(!ours || (old.is_none() && !part), || {
                format!("{} is torn apart by us", self.words(at))
            })?;
            if old.is_some() {
                self.leaves(at, commit.time, at.1 > 0, true);
            }
            return Ok(());
        };
        match &commit.hand {
            Hand::Us | Hand::Bot(_) if rolled => {
                self.may_go_back(at, &new, number, world)?;
                self.comes(at, &new, number, commit.time, false, false);
            }
            Hand::Us | Hand::Bot(_) => {
                self.may_move(at, &new, number, world)?;
                let back = is_new && self.is_asked_back(at, &new, record.as_ref());
                self.comes(at, &new, number, commit.time, !back, back);
            }
            Hand::Merged(_) => {
                let back = is_new && self.is_asked_back(at, &new, record.as_ref());
                self.comes(at, &new, number, commit.time, !back, back);
            }
            Hand::Person => {
                let page = &self.pages[&at];
                let stays = page.current().is_some_and(|stay| stay.set == new);
                // Anything else that a person writes into a stage counts for nothing.
                if !stays && page.has_held(&new) {
                    self.comes(at, &new, number, commit.time, false, !rolled && at.1 > 0);
                }
            }
        }
        Ok(())
    }

    /// Somebody asked for a set that came to the sources before the one that is here.
    fn is_asked_back(&self, at: At, set: &Images, record: Option<&String>) -> bool {
        let asked = record.is_some_and(|record| {
            record.contains("\"askedBy\":\"") && record.contains("\"cause\":\"promotion\"")
        });
        let current = self.pages[&at].current().filter(|_| asked);
        current.is_some_and(|stay| {
            let both = self.position(at, set).zip(self.position(at, &stay.set));
            both.is_some_and(|(new, old)| new < old)
        })
    }

    fn leaves(&mut self, at: At, time: Timestamp, back: bool, thrown_out: bool) {
        let page = self.pages.get_mut(&at).unwrap();
        if let Some(last) = page.stays.last_mut().filter(|stay| stay.left.is_none()) {
            last.left = Some(time);
            last.gone_back = back;
            if back && thrown_out {
                page.out.insert(last.set.clone());
            }
        }
    }

    fn comes(
        &mut self,
        at: At,
        set: &Images,
        number: usize,
        time: Timestamp,
        forward: bool,
        out: bool,
    ) {
        if self.pages[&at]
            .current()
            .is_some_and(|stay| stay.set == *set)
        {
            return;
        }
        self.leaves(at, time, !forward, out);
        let position = self.position(at, set);
        let page = self.pages.get_mut(&at).unwrap();
        page.out.remove(set);
        if forward && at.1 > 0 {
            page.floor = position.map(|position| (position, set.clone()));
        }
        page.stays.push(Stay {
            set: set.clone(),
            at: number,
            since: time,
            left: None,
            forward,
            gone_back: false,
        });
    }

    /// The commit by which a set last came to the sources of a stage: to all, or to the first of which one is enough.
    pub(super) fn position(&self, (road, stage): At, set: &Images) -> Option<usize> {
        let (sources, any) = match stage {
            0 => return None,
            _ => self.shape.roads[road].sources(stage),
        };
        let came = sources
            .into_iter()
            .filter_map(|s| self.pages[&(road, s)].came(set));
        if any { came.min() } else { came.max() }
    }
}

fn tags_of(text: &str) -> BTreeMap<String, Says> {
    let Ok(stream) = serde_yaml::from_str::<Value>(text) else {
        return BTreeMap::new();
    };
    let of_list = |list: &Value| list.as_sequence().cloned().unwrap_or_default();
    let events = of_list(&stream["status"]["tags"]);
    let mut tags = BTreeMap::new();
    for tag in of_list(&stream["spec"]["tags"]) {
        let name = tag["name"].as_str().unwrap_or_default();
        let from = &tag["from"];
        let source = from["name"].as_str().unwrap_or_default();
        let pinned = from["kind"].as_str() == Some("ImageStreamImage");
        let of_tag = events
            .iter()
            .find(|event| event["tag"].as_str() == Some(name));
        let recorded = of_tag.and_then(|event| event["items"][0]["image"].as_str());
        let digest = match pinned {
            true => source.split_once('@').map(|(_, digest)| digest),
            false => recorded,
        };
        let digest: Option<Digest> = digest.and_then(|digest| digest.parse().ok());
        let annotation = |key: &str| tag["annotations"][key].as_str().map(str::to_owned);
        let says = Says {
            loose: !(from.is_null() || (pinned && digest.is_some())),
            digest,
            record: annotation("headwater.dev/promotion"),
            request: annotation("headwater.dev/request"),
        };
        tags.insert(name.to_owned(), says);
    }
    tags
}
