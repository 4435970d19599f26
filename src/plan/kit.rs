//! For tests of the core: an observation made of texts, a table of moves and a clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{Answer, Facts, ImageFacts, Outcome};
use super::history::{Asked, History, HistoryCommit, Move};
use super::observation::{FileEntry, Observation, Snapshot};
use super::question::Describe;
use crate::manifests::Documents;
use crate::manifests::world::assemble_all;
use crate::model::promotion::{Cause, FromStage, PROMOTION, REQUEST, annotation};
use crate::model::{
    BlobId, CommitId, Digest, ImageStream, Promotion, RepoPath, Request, Set, StreamKey, TagKey,
    Timestamp,
};

/// The instant of the first commit; commits are a minute apart.
pub(crate) const START: i64 = 1_700_000_000;

pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(START + minutes * 60).unwrap()
}

pub(crate) fn digest(word: &str) -> Digest {
    Digest::sha256(word.as_bytes())
}

pub(crate) fn myapp() -> StreamKey {
    "default/myapp".to_owned().try_into().unwrap()
}

pub(crate) fn set(word: &str) -> Set {
    Set::new([(myapp(), digest(word))])
}

pub(crate) fn commit(index: usize) -> CommitId {
    format!("{index:040x}").parse().unwrap()
}

/// A pipeline of three stages over one stream, with the given lines under `qa` and `prod`.
pub(crate) fn pipeline(qa: &str, prod: &str) -> String {
    format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: myapp}}\nspec:\n  stages:\n    - {{name: dev, environments: []}}\n    - name: qa\n      environments: []\n{qa}    - name: prod\n      environments: []\n      from: [qa]\n{prod}"
    )
}

/// A world under construction.
#[derive(Clone)]
pub(crate) struct Kit {
    files: BTreeMap<RepoPath, String>,
    history: History,
    now: Timestamp,
    described: BTreeMap<String, BTreeMap<String, String>>,
    stream: ImageStream,
}

impl Kit {
    /// A repository with these files beside the stream `myapp`.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(p, t)| (p.parse().unwrap(), (*t).to_owned()))
            .collect();
        let mut stream = ImageStream::default();
        stream.metadata.name = "myapp".to_owned();
        Self {
            files,
            history: History {
                complete: true,
                ..History::default()
            },
            now: at(0),
            described: BTreeMap::new(),
            stream,
        }
    }

    /// With another file.
    pub(crate) fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.parse().unwrap(), text.to_owned());
        self
    }

    /// With other words in its files.
    pub(crate) fn replace(mut self, words: &str, others: &str) -> Self {
        for text in self.files.values_mut() {
            *text = text.replace(words, others);
        }
        self
    }

    /// A commit of ours that puts a tag to a set, one minute after the last.
    pub(crate) fn moves(mut self, tag: &str, to: &str) -> Self {
        self.push(tag, to, true, Some(Cause::Promotion));
        self
    }

    /// A commit of ours that goes back, as `rollback` writes it.
    pub(crate) fn rolls_back(mut self, tag: &str, to: &str) -> Self {
        self.push(tag, to, true, Some(Cause::Rollback));
        self
    }

    /// A commit of ours that brings what somebody asked for.
    pub(crate) fn brings(mut self, tag: &str, to: &str, asked_by: &str) -> Self {
        self.push(tag, to, true, Some(Cause::Promotion));
        let moves = self.history.moves.get_mut(&TagKey::new(myapp(), tag));
        let record = moves.and_then(|moves| moves.last_mut()?.record.as_mut());
        record.expect("a promotion has one").asked_by = Some(asked_by.to_owned());
        self
    }

    /// A commit by a person that writes down what ran in a stage before, as `init --adopt` does.
    pub(crate) fn adopts(mut self, tag: &str, to: &str) -> Self {
        self.push(tag, to, false, Some(Cause::Adopted));
        self
    }

    /// The same by a person, without a record.
    pub(crate) fn person_moves(mut self, tag: &str, to: &str) -> Self {
        self.push(tag, to, false, None);
        self
    }

    /// A commit by `author` that asks for a set in prod, in the name of `by`.
    pub(crate) fn asks(mut self, word: &str, by: &str, author: &str) -> Self {
        let index = self.history.commits.len();
        self.history.commits.push(HistoryCommit {
            id: commit(index),
            time: at(index as i64),
            ours: false,
            in_our_name: false,
            author: author.to_owned(),
        });
        let request = Request {
            by: by.to_owned(),
            reason: "because".to_owned(),
            set: set(word).id(),
            skip: vec![],
        };
        let text = annotation(&request);
        let tag = self.stream.spec.tags.iter_mut().find(|t| t.name == "prod");
        tag.expect("prod holds something")
            .annotations
            .insert(REQUEST, &text);
        let asked = Asked { at: index, text };
        self.history
            .requests
            .insert(TagKey::new(myapp(), "prod"), asked);
        self
    }

    /// The instant of the plan.
    pub(crate) fn now(mut self, minutes: i64) -> Self {
        self.now = at(minutes);
        self
    }

    /// Labels of the image of that word.
    pub(crate) fn labels(mut self, word: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        self.described.insert(word.to_owned(), labels);
        self
    }

    fn push(&mut self, tag: &str, to: &str, ours: bool, cause: Option<Cause>) {
        let index = self.history.commits.len();
        let time = at(index as i64);
        self.history.commits.push(HistoryCommit {
            id: commit(index),
            time,
            ours,
            in_our_name: false,
            author: "x@y".to_owned(),
        });
        let source = if tag == "qa" { "dev" } else { "qa" };
        let from = self
            .history
            .moves
            .get(&TagKey::new(myapp(), source))
            .and_then(|m| m.iter().rev().find(|m| m.digest == Some(digest(to))));
        let cause = cause.filter(|cause| tag != "dev" || *cause == Cause::Adopted);
        let record = cause.map(|cause| Promotion {
            asked_by: None,
            cause,
            evidence: vec![],
            from: from
                .map(|m| FromStage {
                    commit: commit(m.at),
                    stage: source.parse().unwrap(),
                })
                .into_iter()
                .collect(),
            pipeline: "myapp".parse().unwrap(),
            set: set(to).id(),
            stage: tag.parse().unwrap(),
            v: 1,
        });
        self.record(tag, to, record.as_ref());
        let moves = self
            .history
            .moves
            .entry(TagKey::new(myapp(), tag))
            .or_default();
        moves.push(Move {
            at: index,
            digest: Some(digest(to)),
            repository: None,
            by_spec: tag != "dev",
            record: record.map(Box::new),
        });
    }

    /// The stream file says what the last move of each tag said.
    fn record(&mut self, tag: &str, to: &str, record: Option<&Promotion>) {
        use crate::model::image_stream::{NamedTagEventList, ObjectReference};
        use crate::model::{TagEvent, TagReference};
        let image = digest(to);
        let from = if tag == "dev" {
            ObjectReference::docker_image("q.io/acme/myapp:main")
        } else {
            ObjectReference::stream_image("myapp", &image)
        };
        let mut wished = TagReference {
            name: tag.to_owned(),
            from: Some(from),
            ..TagReference::default()
        };
        wished.annotations.insert(
            crate::model::promotion::SOURCE,
            annotation(&crate::model::Source::of(&wished).unwrap()),
        );
        if let Some(record) = record {
            wished.annotations.insert(PROMOTION, annotation(record));
        }
        self.stream.spec.tags.retain(|t| t.name != tag);
        self.stream.spec.tags.push(wished);
        let reference = format!("q.io/acme/myapp@{image}");
        let event = TagEvent::new(None, &reference, image.as_str(), 1);
        match self.stream.status.tags.iter_mut().find(|t| t.tag == tag) {
            Some(list) => list.items.insert(0, event),
            None => self.stream.status.tags.push(NamedTagEventList {
                tag: tag.to_owned(),
                items: vec![event],
                conditions: vec![],
            }),
        }
    }

    /// The observation.
    pub(crate) fn observe(mut self) -> Observation {
        let text = crate::manifests::new_stream_text(&self.stream);
        self.files
            .insert("pipelines/myapp/imagestream.yaml".parse().unwrap(), text);
        let mut facts = Facts::at(commit(self.history.commits.len().max(1) - 1), self.now);
        for (word, labels) in &self.described {
            let image = format!("q.io/acme/myapp@{}", digest(word)).parse().unwrap();
            let question = Describe {
                image,
                namespace: myapp().namespace,
            };
            let answer = Answer {
                at: self.now,
                asked: None,
                outcome: Outcome::Ok(ImageFacts {
                    labels: labels.clone(),
                    platforms: vec![],
                    images: vec![],
                }),
            };
            facts.described.insert(question, answer);
        }
        let files = self
            .files
            .iter()
            .map(|(p, t)| {
                (
                    p.clone(),
                    FileEntry {
                        blob: BlobId::of(t.as_bytes()),
                        plain: true,
                    },
                )
            })
            .collect();
        let blobs = self
            .files
            .values()
            .map(|t| (BlobId::of(t.as_bytes()), Some(Arc::from(t.as_str()))))
            .collect();
        Observation {
            snapshot: Snapshot {
                commit: facts.commit.clone(),
                branch: "main".to_owned(),
                documents: Arc::new(documents(&self.files)),
                files: Arc::new(files),
            },
            history: Arc::new(self.history),
            facts,
            blobs,
        }
    }
}

fn documents(files: &BTreeMap<RepoPath, String>) -> Documents {
    let files = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    assemble_all(&files.collect::<Vec<_>>())
}
