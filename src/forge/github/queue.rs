//! The merge queue of a base: whether there is one, who is in it, and what it threw out. That somebody was added or left is in
//! the timeline, which is read anyway; where in the queue, and why not any more, GraphQL alone tells.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::json;

use super::GitHubForge;
use super::why::{failed, one_line};
use super::wire::{Event, Rule};
use crate::forge::error::ForgeError;
use crate::forge::types::Queued;
use crate::git::Fetched;
use crate::model::{CommitId, CommitStatus, Fault, Party};

/// The rule of a base that has a queue.
pub(super) const RULE: &str = "merge_queue";
/// Branches that a queue makes for its groups lie below this and the base's name.
const GROUPS: &str = "refs/heads/gh-readonly-queue/";
/// So many groups are looked at.
const MOST_GROUPS: usize = 30;
/// So many pull requests are asked about at a time.
const MOST_ASKED: usize = 50;
/// What GitHub says where nobody but the queue may merge.
const ONLY_QUEUE: &str = "merge queue";

/// What a timeline says of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trace {
    /// Nothing, or nothing since its head changed.
    Never,
    /// It was added.
    Added,
    /// It was added, and its head changed since: whatever leaves the queue now is another head.
    Moved,
    /// It left without being merged, by this event.
    Left(u64),
}

/// What became of one that left, by the event that tells of it: that does not change any more.
pub(super) type Gone = BTreeMap<(u64, u64), Queued>;

/// Reads a timeline, oldest first. A new head is another matter than the one that was thrown out.
pub(super) fn trace(events: &[Event]) -> Trace {
    let mut trace = Trace::Never;
    for event in events {
        trace = match (event.event.as_str(), trace) {
            ("added_to_merge_queue", _) => Trace::Added,
            ("removed_from_merge_queue", Trace::Moved) => Trace::Never,
            ("removed_from_merge_queue", _) => Trace::Left(event.id.unwrap_or_default()),
            ("head_ref_force_pushed" | "committed", Trace::Left(_)) => Trace::Never,
            ("head_ref_force_pushed" | "committed", Trace::Added) => Trace::Moved,
            (_, before) => before,
        };
    }
    trace
}

#[derive(Debug, Deserialize)]
struct Answer {
    data: Option<Data>,
}

#[derive(Debug, Deserialize)]
struct Data {
    repository: Option<BTreeMap<String, Option<Place>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    merge_queue_entry: Option<Entry>,
    #[serde(default)]
    timeline_items: Option<Nodes>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    position: u32,
}

#[derive(Debug, Clone, Deserialize)]
struct Nodes {
    nodes: Vec<Option<Removed>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    reason: Option<String>,
    before_commit: Option<Before>,
}

#[derive(Debug, Clone, Deserialize)]
struct Before {
    status: Option<Contexts>,
}

#[derive(Debug, Clone, Deserialize)]
struct Contexts {
    contexts: Vec<Context>,
}

#[derive(Debug, Clone, Deserialize)]
struct Context {
    context: String,
    state: String,
}

#[derive(Debug, Deserialize)]
struct Added {
    data: Option<AddedData>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddedData {
    enqueue_pull_request: Option<Payload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    merge_queue_entry: Option<Entry>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

impl Place {
    /// How it stands, where the timeline says that it was added or left.
    fn standing(&self) -> Queued {
        if let Some(entry) = &self.merge_queue_entry {
            let position = Some(entry.position);
            return Queued::In { position };
        }
        let items = self.timeline_items.iter().flat_map(|items| &items.nodes);
        match items.flatten().next_back() {
            Some(removed) => removed.standing(),
            None => Queued::Out,
        }
    }
}

impl Removed {
    fn standing(&self) -> Queued {
        let reason = self.reason.as_deref().unwrap_or_default();
        let status = self.before_commit.as_ref().and_then(|c| c.status.as_ref());
        let mut said = status.iter().flat_map(|status| &status.contexts);
        Queued::ThrownOut {
            why: in_words(reason),
            by_us: said
                .any(|one| one.context.starts_with(CommitStatus::PREFIX) && one.state != "SUCCESS"),
        }
    }
}

/// GitHub's words for a reason are not published; those that are known are said, all others are repeated.
fn in_words(reason: &str) -> String {
    match reason.to_ascii_lowercase().as_str() {
        "" => "GitHub does not say why".to_owned(),
        "failed_checks" => "a check of its merge group failed".to_owned(),
        "merge_conflict" => "it conflicts with what is before it".to_owned(),
        "manual" => "somebody took it out".to_owned(),
        _ => one_line(reason),
    }
}

impl GitHubForge {
    /// Whether the base is merged into by a queue. What may not be seen is none, until GitHub says so when we merge.
    pub(super) async fn has_queue(&self, base: &str) -> Result<bool, ForgeError> {
        if self.queue_met.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let route = self.route(&format!("/rules/branches/{base}"));
        let hundred = [("per_page", "100")];
        let rules = self
            .client
            .get::<Vec<Rule>>("list the base's rules", &route, &hundred)
            .await;
        match rules {
            Ok(rules) => Ok(rules.iter().any(|rule| rule.kind == RULE)),
            Err(ForgeError::Api {
                reason: "NotFound" | "Forbidden" | "AppPermissions",
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether GitHub refused a merge because the base has a queue, which it keeps in mind.
    pub(super) fn meets_queue(&self, error: &ForgeError) -> bool {
        let met = matches!(error, ForgeError::Api { reason: "NotMergeable", message, .. } if message.contains(ONLY_QUEUE));
        self.queue_met.fetch_or(met, Ordering::Relaxed);
        met
    }

    /// How each of these stands, by what its timeline says.
    pub(super) async fn standings(
        &self,
        traces: &BTreeMap<u64, Trace>,
        gone: &mut Gone,
    ) -> Result<BTreeMap<u64, Queued>, ForgeError> {
        gone.retain(|(number, event), _| traces.get(number) == Some(&Trace::Left(*event)));
        let mut standings = BTreeMap::new();
        let mut asked = Vec::new();
        for (number, trace) in traces {
            let known = match trace {
                Trace::Never => Some(Queued::Out),
                Trace::Added | Trace::Moved => None,
                Trace::Left(event) => gone.get(&(*number, *event)).cloned(),
            };
            match known {
                Some(known) => drop(standings.insert(*number, known)),
                None => asked.push(*number),
            }
        }
        for some in asked.chunks(MOST_ASKED) {
            let mut places = self.places(some).await?;
            for number in some {
                let standing = places.remove(number).map(|place| place.standing());
                let (standing, told) = match (standing, traces[number]) {
                    (Some(standing), _) => (standing, true),
                    (None, Trace::Left(_)) => (
                        Queued::ThrownOut {
                            why: in_words(""),
                            by_us: false,
                        },
                        false,
                    ),
                    (None, _) => (Queued::In { position: None }, false),
                };
                if let (Trace::Left(event), Queued::ThrownOut { .. }, true) =
                    (traces[number], &standing, told)
                {
                    gone.insert((*number, event), standing.clone());
                }
                standings.insert(*number, standing);
            }
        }
        Ok(standings)
    }

    /// What GraphQL says of these. Where it knows no queue, nothing.
    async fn places(&self, numbers: &[u64]) -> Result<BTreeMap<u64, Place>, ForgeError> {
        let (owner, name) = self.repository.split_once('/').unwrap_or_default();
        let fields = "mergeQueueEntry { position } timelineItems(last: 1, itemTypes: [REMOVED_FROM_MERGE_QUEUE_EVENT]) { nodes { ... on RemovedFromMergeQueueEvent { reason beforeCommit { status { contexts { context state } } } } } }";
        let each = numbers
            .iter()
            .map(|number| format!("p{number}: pullRequest(number: {number}) {{ {fields} }}"));
        let each: Vec<String> = each.collect();
        let query = format!(
            "{{ repository(owner: \"{owner}\", name: \"{name}\") {{ {} }} }}",
            each.join(" ")
        );
        let what = "show the merge queue";
        let answer: Answer = self.client.query(what, &query, &json!({})).await?;
        let found = answer.data.and_then(|data| data.repository);
        let found = found.unwrap_or_default().into_iter();
        let placed = found.filter_map(|(name, place)| {
            let number = name.strip_prefix('p')?.parse().ok()?;
            Some((number, place?))
        });
        Ok(placed.collect())
    }

    /// The groups that the queue has built, by branch.
    pub(super) fn groups(fetched: &Fetched) -> BTreeMap<String, CommitId> {
        let start = format!("{GROUPS}{}/pr-", fetched.base_branch);
        let below = fetched.refs.range(start.clone()..);
        let groups = below.take_while(|(name, _)| name.starts_with(&start));
        let groups = groups.map(|(name, head)| (name.clone(), head.clone()));
        groups.take(MOST_GROUPS).collect()
    }

    /// Adds a pull request to the queue, unless it is in it; its place there, where GitHub tells.
    pub(super) async fn add_to_queue(
        &self,
        id: &str,
        head: &CommitId,
    ) -> Result<Option<u32>, ForgeError> {
        let pull = self.show_open(id).await?;
        if pull.head.sha != head.as_str() {
            return Err(ForgeError::HeadMoved {
                id: id.to_owned(),
                expected: head.clone(),
                found: super::merge::commit(&pull.head.sha, id)?,
            });
        }
        // Lists may not show it yet: until they do, GraphQL is asked for this head.
        let key = (pull.number, pull.head.sha.clone());
        self.known.lock().await.added.insert(key);
        let mut places = self.places(&[pull.number]).await?;
        let place = places.remove(&pull.number);
        if let Some(entry) = place.and_then(|place| place.merge_queue_entry) {
            return Ok(Some(entry.position));
        }
        let what = format!("add pull request {id} to the merge queue");
        let mutation = "mutation($input: EnqueuePullRequestInput!) { enqueuePullRequest(input: $input) { mergeQueueEntry { position } } }";
        let input = json!({ "pullRequestId": pull.node_id, "expectedHeadOid": head.as_str() });
        let variables = json!({ "input": input });
        let added: Added = self.client.mutate(&what, mutation, &variables).await?;
        added.place(&what)
    }
}

impl Added {
    fn place(self, what: &str) -> Result<Option<u32>, ForgeError> {
        if let Some(problem) = self.errors.first() {
            let message = one_line(&problem.message);
            // What is lacking is for people, or other programs, to bring; rights are the operator's.
            let (reason, fault) = match problem.kind.as_str() {
                "FORBIDDEN" => ("Forbidden", Fault::of(Party::Operator)),
                _ => ("NotMergeable", Fault::of(Party::User).later(None)),
            };
            return Err(failed(what, &message, reason, fault));
        }
        let payload = self.data.and_then(|data| data.enqueue_pull_request);
        Ok(payload
            .and_then(|payload| payload.merge_queue_entry)
            .map(|entry| entry.position))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_last_that_happened_counts_and_a_new_head_is_another_matter() {
        let trace = |words: &[&str]| {
            let events = words.iter().zip(1..).map(|(word, id): (_, u64)| Event {
                id: Some(id),
                event: (*word).to_owned(),
                ..Event::default()
            });
            super::trace(&events.collect::<Vec<_>>())
        };
        let (added, left) = ("added_to_merge_queue", "removed_from_merge_queue");
        assert_eq!(trace(&["committed", "labeled"]), Trace::Never);
        assert_eq!(trace(&["committed", added, "labeled"]), Trace::Added);
        assert_eq!(trace(&[added, left, "commented"]), Trace::Left(2));
        assert_eq!(trace(&[added, left, added]), Trace::Added);
        assert_eq!(trace(&[added, "head_ref_force_pushed", left]), Trace::Never);
        assert_eq!(trace(&[added, left, "committed"]), Trace::Never);
        assert_eq!(trace(&[added, left, "head_ref_force_pushed"]), Trace::Never);
    }

    #[test]
    fn what_our_own_check_kept_out_is_told_from_what_others_did() {
        let standing = |entry: Value, removed: Value| {
            let json = json!({
                "mergeQueueEntry": entry, "timelineItems": { "nodes": [removed] },
            });
            let place: Place = serde_json::from_value(json).unwrap();
            place.standing()
        };
        let removed = |contexts: Value| json!({ "reason": "failed_checks", "beforeCommit": { "status": { "contexts": contexts } } });
        let one = |context: &str, state: &str| json!({ "context": context, "state": state });
        let by_us = |contexts: Value| match standing(json!(null), removed(contexts)) {
            Queued::ThrownOut { by_us, .. } => by_us,
            other => panic!("{other:?}"),
        };
        assert!(by_us(json!([
            one("ci", "SUCCESS"),
            one("headwater/prod", "PENDING")
        ])));
        assert!(!by_us(json!([
            one("ci", "FAILURE"),
            one("headwater/prod", "SUCCESS")
        ])));
        assert!(!by_us(json!([one("ci", "FAILURE")])));
        let entry = json!({ "position": 3 });
        let position = Some(3);
        assert_eq!(standing(entry, json!(null)), Queued::In { position });
        assert_eq!(standing(json!(null), json!(null)), Queued::Out);
        let gone = json!({ "reason": "manual", "beforeCommit": null });
        let why = "somebody took it out".to_owned();
        let by_us = false;
        assert_eq!(
            standing(json!(null), gone),
            Queued::ThrownOut { why, by_us }
        );
    }
}
