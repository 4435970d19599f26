//! Commits to History, oldest first. A tag moves where its settled view differs from the last one that could be read: a
//! file that is broken for a while moves nothing, and neither does a stream that two files claim.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::line::{CommitLine, MoveLine};
use super::view::{FileView, TagView};
use crate::git::{CommitInfo, FileChange, Us};
use crate::model::{BlobId, Digest, ImageRepository, Promotion, RepoPath, StreamKey, TagKey};
use crate::plan::History;
use crate::plan::history::{Asked, HistoryCommit, Move, OutputHistory, REPLACED_KEPT};

/// History as far as it is read, and what is needed to read on.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    pub history: Arc<History>,
    us: Us,
    /// Streams that each file holds, as far as it could be read.
    claims: HashMap<RepoPath, Vec<StreamKey>>,
    /// The same by stream.
    owners: HashMap<StreamKey, Vec<RepoPath>>,
    /// Where tags pointed before the first commit known, where history is cut.
    seeds: BTreeMap<TagKey, Option<Digest>>,
    /// Records that tags bear now; of a tag that is not here, the last one written.
    records: HashMap<TagKey, Option<Box<Promotion>>>,
    /// Every repository once: there are few, and many moves.
    repositories: HashSet<Arc<ImageRepository>>,
}

/// A changed file that may hold streams.
#[derive(Debug, Clone)]
pub(super) struct ChangedFile {
    /// The file.
    pub path: RepoPath,
    /// Its content before, where this process has not read that yet.
    pub before: Option<Arc<FileView>>,
    /// Its content since; `None` where it is gone.
    pub after: Option<Arc<FileView>>,
}

impl Fold {
    /// Nothing read yet. `complete`: the first commit will be a root.
    pub(super) fn new(us: &Us, complete: bool) -> Self {
        let history = History {
            complete,
            ..History::default()
        };
        Self {
            history: Arc::new(history),
            us: us.clone(),
            claims: HashMap::new(),
            owners: HashMap::new(),
            seeds: BTreeMap::new(),
            records: HashMap::new(),
            repositories: HashSet::new(),
        }
    }

    /// The same for another base line, nothing read yet.
    pub(super) fn anew(&self, complete: bool) -> Self {
        Self::new(&self.us, complete)
    }

    /// Gives back the room that was taken while a long past was read commit by commit.
    pub(super) fn compact(&mut self) {
        let history = Arc::make_mut(&mut self.history);
        history.moves = std::mem::take(&mut history.moves).into_iter().collect();
        history.commits.shrink_to_fit();
    }

    /// Reduces a commit that follows on what is read. [`Self::push`] adds it.
    pub(super) fn reduce(
        &mut self,
        commit: &CommitInfo,
        files: &[ChangedFile],
        outputs: &[FileChange],
    ) -> CommitLine {
        let claims = self.claims_after(files);
        let mut streams: BTreeSet<StreamKey> = BTreeSet::new();
        for file in files {
            streams.extend(self.claims.get(&file.path).into_iter().flatten().cloned());
            streams.extend(claims.get(&file.path).into_iter().flatten().cloned());
        }
        for (path, held) in &claims {
            self.claim(path, held);
        }
        let after: HashMap<&RepoPath, &FileView> = files
            .iter()
            .filter_map(|file| Some((&file.path, &**file.after.as_ref()?)))
            .collect();
        let ours = self.us.made(commit);
        let mut moves = Vec::new();
        let mut requests = Vec::new();
        for stream in streams {
            self.moves_of(&stream, &after, ours, &mut moves, &mut requests);
        }
        CommitLine {
            id: commit.id.clone(),
            parent: self.history.commits.last().map(|last| last.id.clone()),
            time: commit.commit_time,
            committer: commit.committer.email.clone(),
            author: commit.author.email.clone(),
            moves,
            requests,
            touches: outputs
                .iter()
                .map(|change| (change.path.clone(), change.old.clone()))
                .collect(),
            claims,
        }
    }

    /// Adds a reduced commit.
    pub(super) fn push(&mut self, line: CommitLine) {
        for (path, held) in &line.claims {
            self.claim(path, held);
        }
        let ours = self.us.committed(&line.committer);
        let in_our_name = self.us.are_named(&line.author, &line.committer);
        let history = Arc::make_mut(&mut self.history);
        let at = history.commits.len();
        let earliest = history.commits.last().map_or(line.time, |last| last.time);
        history.commits.push(HistoryCommit {
            id: line.id,
            time: line.time.max(earliest),
            ours,
            in_our_name,
            author: line.author,
        });
        for step in line.moves {
            let repository = step.repository.map(|r| once(&mut self.repositories, r));
            let moves = history.moves.entry(step.tag).or_default();
            // Most tags move once in a blue moon, and there are many of them.
            moves.reserve_exact(1);
            moves.push(Move {
                at,
                digest: step.digest,
                repository,
                by_spec: step.by_spec,
                record: step.record,
            });
        }
        for (tag, text) in line.requests {
            match text {
                Some(text) => history.requests.insert(tag, Asked { at, text }),
                None => history.requests.remove(&tag),
            };
        }
        for (path, old) in line.touches {
            let output = history.outputs.entry(path).or_default();
            touch(output, at, old.filter(|_| ours || in_our_name));
        }
    }

    /// Which changed files hold other streams than before. A file that cannot be read in whole keeps what it had.
    fn claims_after(&mut self, files: &[ChangedFile]) -> BTreeMap<RepoPath, Vec<StreamKey>> {
        let mut changed = BTreeMap::new();
        for file in files {
            if let Some(before) = &file.before {
                self.learn(&file.path, before);
                if let (true, Some(after)) = (before.partial && !self.history.complete, &file.after)
                {
                    // Nobody knows what it held, so nothing in it is known to have moved.
                    self.learn(&file.path, after);
                }
            }
            let old = self.claims.get(&file.path).cloned().unwrap_or_default();
            let mut new: BTreeSet<StreamKey> = BTreeSet::new();
            if let Some(after) = &file.after {
                new.extend(after.keys().cloned());
                new.extend(old.iter().filter(|_| after.partial).cloned());
            }
            if !new.iter().eq(old.iter()) {
                changed.insert(file.path.clone(), new.into_iter().collect());
            }
        }
        changed
    }

    /// Takes in what a file held before the commit at hand.
    fn learn(&mut self, path: &RepoPath, before: &FileView) {
        if !self.claims.contains_key(path) {
            self.claim(path, &before.keys().cloned().collect::<Vec<_>>());
        }
        for (stream, tags) in &before.streams {
            for (tag, view) in tags {
                let key = TagKey::new(stream.clone(), tag);
                if !self.history.complete && !self.history.moves.contains_key(&key) {
                    self.seeds
                        .entry(key.clone())
                        .or_insert_with(|| view.digest.clone());
                }
                self.bears(key, view.record.as_deref());
            }
        }
    }

    fn bears(&mut self, tag: TagKey, record: Option<&Promotion>) {
        if record.is_some() || self.written(&tag).next().is_some() {
            self.records.insert(tag, record.cloned().map(Box::new));
        }
    }

    /// Records written on a tag, newest first.
    fn written<'a>(&'a self, tag: &TagKey) -> impl Iterator<Item = &'a Promotion> {
        let moves = self.history.moves.get(tag).map(Vec::as_slice);
        let moves = moves.unwrap_or_default().iter().rev();
        moves.filter_map(|step| step.record.as_deref())
    }

    fn claim(&mut self, path: &RepoPath, held: &[StreamKey]) {
        let old = if held.is_empty() {
            self.claims.remove(path)
        } else {
            self.claims.insert(path.clone(), held.to_vec())
        };
        for stream in old.unwrap_or_default() {
            if let Some(owners) = self.owners.get_mut(&stream) {
                owners.retain(|owner| owner != path);
                if owners.is_empty() {
                    self.owners.remove(&stream);
                }
            }
        }
        for stream in held {
            let owners = self.owners.entry(stream.clone()).or_default();
            owners.reserve_exact(1);
            owners.push(path.clone());
        }
    }

    fn moves_of(
        &mut self,
        stream: &StreamKey,
        after: &HashMap<&RepoPath, &FileView>,
        ours: bool,
        moves: &mut Vec<MoveLine>,
        requests: &mut Vec<(TagKey, Option<String>)>,
    ) {
        let tags = match self.owners.get(stream).map(Vec::as_slice) {
            None => &[],
            Some([only]) => match after.get(only).and_then(|view| view.stream(stream)) {
                Some(tags) => tags,
                // Unchanged, or not to be read: what is known of it stays.
                None => return,
            },
            Some(_) => return,
        };
        let nowhere = TagView::default();
        let known = self.known_tags(stream);
        let known: Vec<String> = known.map(str::to_owned).collect();
        let mut views: BTreeMap<&str, &TagView> =
            known.iter().map(|name| (name.as_str(), &nowhere)).collect();
        views.extend(tags.iter().map(|(name, view)| (name.as_str(), view)));
        for (name, now) in views {
            let key = TagKey::new(stream.clone(), name);
            let step = self.step(&key, now, ours);
            let asked = self
                .history
                .requests
                .get(&key)
                .map(|asked| asked.text.as_str());
            if asked != now.request.as_deref() {
                requests.push((key.clone(), now.request.as_deref().map(str::to_owned)));
            }
            self.bears(key, now.record.as_deref());
            moves.extend(step);
        }
    }

    fn known_tags<'a>(&'a self, stream: &'a StreamKey) -> impl Iterator<Item = &'a str> {
        let first = TagKey::new(stream.clone(), "");
        let seeds = self.seeds.range(first.clone()..).map(|(key, _)| key);
        let seeds = seeds.take_while(move |key| key.stream == *stream);
        let moved = self.history.moves.range(first..).map(|(key, _)| key);
        let moved = moved.take_while(move |key| key.stream == *stream);
        let first = TagKey::new(stream.clone(), "");
        let asked = self.history.requests.range(first..).map(|(key, _)| key);
        let asked = asked.take_while(move |key| key.stream == *stream);
        seeds.chain(moved).chain(asked).map(|key| key.tag.as_str())
    }

    /// The move of one tag, if it moved or bears a record that this commit wrote.
    fn step(&self, tag: &TagKey, now: &TagView, ours: bool) -> Option<MoveLine> {
        let last = match self.history.moves.get(tag).and_then(|moves| moves.last()) {
            Some(last) => last.digest.as_ref(),
            None => self.seeds.get(tag).and_then(Option::as_ref),
        };
        let record = now.record.as_deref();
        let record = record.filter(|record| self.is_written(tag, record, ours));
        (last != now.digest.as_ref() || record.is_some()).then(|| MoveLine {
            tag: tag.clone(),
            digest: now.digest.clone(),
            repository: now.repository.clone(),
            by_spec: now.by_spec,
            record: record.cloned().map(Box::new),
        })
    }

    /// Whether a record is another one than the tag bore. One that it bore some time before and that another than us puts
    /// back was not written now: that is what a `git revert` looks like.
    fn is_written(&self, tag: &TagKey, record: &Promotion, ours: bool) -> bool {
        let borne = match self.records.get(tag) {
            Some(borne) => borne.as_deref(),
            None => self.written(tag).next(),
        };
        borne != Some(record) && (ours || self.written(tag).all(|old| old != record))
    }
}

fn once(known: &mut HashSet<Arc<ImageRepository>>, one: ImageRepository) -> Arc<ImageRepository> {
    if let Some(known) = known.get(&one) {
        return Arc::clone(known);
    }
    let one = Arc::new(one);
    known.insert(Arc::clone(&one));
    one
}

fn touch(output: &mut OutputHistory, at: usize, replaced: Option<BlobId>) {
    output.last = at;
    if let Some(blob) = replaced {
        output.replaced_by_us.push((at, blob));
        if output.replaced_by_us.len() > REPLACED_KEPT {
            output.replaced_by_us.remove(0);
        }
    }
}
