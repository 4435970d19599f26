//! All pull requests of ours, read in the order in which they changed: a pass reads one page, which GitHub answers with
//! "not modified" where nothing moved, and for each open one its reviews.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::GitHubForge;
use super::client::MOST_PAGES;
use super::queue::{Gone, Trace};
use super::why::failed;
use super::wire::{Issue, Pull, State};
use crate::forge::error::ForgeError;
use crate::forge::types::{Approval, Listing, Past, PullProblem, PullRequest, PullState, Room};
use crate::git::Fetched;
use crate::model::{CommitId, CommitState, CommitStatus, Fault, Party, Timestamp};

/// GitHub's lists may be behind: what changed within so many seconds before the latest change is read once more.
const SLACK: i64 = 600;
/// So many pull requests are asked about at a time.
const AT_ONCE: usize = 4;
/// Bytes of the texts of ours that one reading of the list may bring.
const MOST_BYTES: usize = 128 << 20;
/// What we leave in the text of those that we close ourselves.
const SUPERSEDED: &str = "\"superseded\":true";

/// Pull requests as they were last read.
#[derive(Debug, Default)]
pub(super) struct Known {
    pulls: BTreeMap<u64, Pull>,
    /// Who closed one, by the instant of its last change: a closed one may be opened and closed again.
    closers: BTreeMap<(u64, Timestamp), Option<String>>,
    latest: Option<Timestamp>,
    /// What became of those that left a merge queue.
    gone: Gone,
    /// Heads that we added to one, whatever lists say of it.
    pub(super) added: BTreeSet<(u64, String)>,
    /// Whether those that changed longest ago were not read.
    is_cut: bool,
}

impl Known {
    /// What a call of our own made or changed: lists may not show it yet.
    pub(super) fn note(&mut self, pull: Pull) {
        let old = self.pulls.get(&pull.number);
        if old.is_none_or(|old| old.updated_at <= pull.updated_at) {
            self.pulls.insert(pull.number, pull);
        }
    }

    /// What is known of a merge queue, of an open one.
    fn trace_of(&self, pull: &PullRequest, trace: Option<Trace>) -> Option<(u64, Trace)> {
        let number = pull.id.parse::<u64>().ok()?;
        let ours = (number, pull.head.to_string());
        Some(match trace? {
            Trace::Never if self.added.contains(&ours) => (number, Trace::Added),
            trace => (number, trace),
        })
    }

    /// Whether the list need not be read beyond a pull request that changed then.
    fn is_read(&self, changed: Timestamp) -> bool {
        let latest = self.latest.map(|at| at.as_second() - SLACK);
        latest.is_some_and(|latest| changed.as_second() < latest)
    }
}

/// Whether it matters if the base has a merge queue: something was in one, or may be merged soon. What waits for its review
/// costs no question.
fn matters(traces: &BTreeMap<u64, Trace>, pulls: &[PullRequest]) -> bool {
    let trace = |pull: &PullRequest| traces.get(&pull.id.parse().ok()?);
    pulls.iter().any(|pull| match trace(pull) {
        None => false,
        Some(Trace::Never) => {
            let mut shown = pull.statuses.iter().flatten();
            let is_shut = shown.any(|status| status.state != CommitState::Success);
            !is_shut || pull.approvals.iter().any(|a| a.head == pull.head)
        }
        Some(_) => true,
    })
}

impl GitHubForge {
    pub(super) async fn read_all(&self, fetched: &Fetched) -> Result<Listing, ForgeError> {
        let mut known = self.known.lock().await;
        self.read_changes(&mut known).await?;
        let mut listing = Listing::default();
        let all = known.pulls.values().cloned();
        let all = all.map(|pull| self.one(pull, &known.closers, fetched));
        let all = futures_util::stream::iter(all).buffered(AT_ONCE);
        let all: Vec<One> = all.try_collect().await?;
        known.closers.clear();
        let mut traces = BTreeMap::new();
        for one in all {
            match one {
                One::Read(pull, closer, problem, trace) => {
                    traces.extend(known.trace_of(&pull, trace));
                    known.closers.extend(closer);
                    listing.problems.extend(problem);
                    listing.pulls.push(*pull);
                }
                One::Unreadable(problem) => listing.problems.push(problem),
            }
        }
        listing.pulls.sort_by(|a, b| a.id.cmp(&b.id));
        self.without_us(&mut listing.pulls).await?;
        listing.boxes = true;
        if matters(&traces, &listing.pulls) && self.has_queue(&fetched.base_branch).await? {
            let mut standings = self.standings(&traces, &mut known.gone).await?;
            for pull in &mut listing.pulls {
                let number = pull.id.parse::<u64>().ok();
                pull.queue = number.and_then(|number| standings.remove(&number));
            }
            listing.groups = Self::groups(fetched);
        }
        listing.room = Some(Room {
            per_minute: self.budget.per_minute,
            per_hour: self.budget.per_hour,
            made: known.pulls.values().flat_map(calls).collect(),
        });
        if known.is_cut {
            listing.cut = Some(format!(
                "GitHub has more than {} pull requests in this repository, and only those that changed last are read: one that somebody closed long ago holds nothing any more",
                100 * MOST_PAGES
            ));
        }
        Ok(listing)
    }

    /// Reads the list from its latest change back to what is known.
    async fn read_changes(&self, known: &mut Known) -> Result<(), ForgeError> {
        let what = "list pull requests";
        let parameters = [
            ("state", "all"),
            ("sort", "updated"),
            ("direction", "desc"),
            ("per_page", "100"),
        ];
        let route = self.route("/pulls");
        let mut pages = self.client.list::<Pull>(what, &route, &parameters);
        let mut latest = known.latest;
        let mut bytes = 0;
        let cut = loop {
            let Some(pulls) = pages.next().await? else {
                break pages.is_cut();
            };
            let mut all_new = true;
            for pull in pulls {
                let changed = pull.updated_at;
                all_new &= !known.is_read(changed);
                latest = latest.max(Some(changed));
                self.check_name(&pull)?;
                if pull.is_ours(&self.repository) {
                    bytes += pull.body.as_ref().map_or(0, String::len);
                    known.note(pull);
                }
            }
            if bytes > MOST_BYTES {
                return Err(too_much(what));
            }
            if !all_new {
                break false;
            }
        };
        known.is_cut |= cut;
        known.latest = latest;
        Ok(())
    }

    /// A repository that was renamed or given to somebody else answers under its old name, but takes no changes there.
    fn check_name(&self, pull: &Pull) -> Result<(), ForgeError> {
        let home = pull.base.repo.as_ref().map(|repo| repo.full_name.as_str());
        match home {
            Some(name) if !name.eq_ignore_ascii_case(&self.repository) => Err(ForgeError::Api {
                forge: "GitHub",
                what: "list pull requests".to_owned(),
                message: format!(
                    "`{}` is called `{}` now: set `forge.github.repository`, and the address of the repository",
                    self.repository,
                    name.chars()
                        .filter(|c| !c.is_control())
                        .take(200)
                        .collect::<String>()
                ),
                reason: "Moved",
                fault: Fault::of(Party::Operator),
            }),
            _ => Ok(()),
        }
    }

    /// One pull request with what its own state asks for: reviews while it is open, who closed it if somebody did.
    async fn one(
        &self,
        pull: Pull,
        closers: &BTreeMap<(u64, Timestamp), Option<String>>,
        fetched: &Fetched,
    ) -> Result<One, ForgeError> {
        let state = state(&pull);
        let id = pull.number.to_string();
        let branch = format!("refs/heads/{}", pull.head.name);
        // Git is asked in the same pass, so that what it says of the branch fits everything else.
        let present = fetched
            .refs
            .get(&branch)
            .filter(|_| state == PullState::Open);
        let head = match present {
            Some(head) => head.clone(),
            None => match pull.head.sha.parse::<CommitId>() {
                Ok(head) => head,
                Err(error) => {
                    let message = format!("its head makes no sense: {error}");
                    return Ok(One::Unreadable(PullProblem { id, message }));
                }
            },
        };
        let text = pull.text();
        let Open {
            approvals,
            statuses,
            past,
            problem,
            trace,
        } = match state {
            PullState::Open => self.of_open(&pull, &head).await?,
            PullState::Merged | PullState::Closed => Open::default(),
        };
        let key = (pull.number, pull.updated_at);
        let ours = text
            .lines()
            .next()
            .is_some_and(|line| line.contains(SUPERSEDED));
        let closer = match closers.get(&key) {
            _ if state != PullState::Closed || ours => None,
            Some(closer) => Some((key, closer.clone())),
            None => Some((key, self.closer(pull.number).await?)),
        };
        let merged_as = pull.merge_commit_sha.filter(|_| state == PullState::Merged);
        let read = PullRequest {
            id,
            branch: pull.head.name,
            target: Some(pull.base.name),
            state,
            title: pull.title,
            body: text,
            labels: pull.labels.into_iter().map(|label| label.name).collect(),
            head,
            closed_by: closer.as_ref().and_then(|(_, closer)| closer.clone()),
            closed_why: None,
            merged_as: merged_as.and_then(|sha| sha.parse().ok()),
            unrecorded: false,
            queue: None,
            statuses,
            approvals,
            past,
            opened_at: pull.created_at,
        };
        Ok(One::Read(Box::new(read), closer, problem, trace))
    }

    /// What an open one's state asks for.
    async fn of_open(&self, pull: &Pull, head: &CommitId) -> Result<Open, ForgeError> {
        let mut open = Open::default();
        open.approvals = match self.approvals(pull.number, head).await {
            Ok(approvals) => approvals,
            // A later review may take an approval back: of a part of them none counts.
            Err(error) if is_cut(&error) => {
                let message = format!("none of its approvals count: {error}");
                let id = pull.number.to_string();
                open.problem = Some(PullProblem { id, message });
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        (open.past, open.trace) = match self.past(pull).await {
            Ok((past, trace)) => (Some(past), Some(trace)),
            // What was done before is not known to the end: nothing is done twice.
            Err(error) if is_cut(&error) => (None, Some(Trace::Added)),
            Err(error) => return Err(error),
        };
        open.statuses = Some(self.statuses(head).await?);
        Ok(open)
    }

    /// Who closed it, for people; `None` where that was its author, who is us.
    async fn closer(&self, number: u64) -> Result<Option<String>, ForgeError> {
        let what = format!("say who closed pull request {number}");
        let route = self.route(&format!("/issues/{number}"));
        let issue: Issue = self.client.get(&what, &route, &[]).await?;
        let closer = issue
            .closed_by
            .filter(|closer| Some(closer) != issue.user.as_ref());
        Ok(closer.map(|closer| format!("@{}", closer.login)))
    }
}

/// When calls were made for a pull request that people were told of: it was opened, somebody was asked to review it, and it
/// was merged.
fn calls(pull: &Pull) -> impl Iterator<Item = Timestamp> {
    [pull.created_at, pull.created_at]
        .into_iter()
        .chain(pull.merged_at)
}

/// Whether a list goes on beyond what is read of any.
fn is_cut(error: &ForgeError) -> bool {
    matches!(
        error,
        ForgeError::Api {
            reason: "TooMany",
            ..
        }
    )
}

fn too_much(what: &str) -> ForgeError {
    let message = format!("the texts of ours have more than {} MiB", MOST_BYTES >> 20);
    failed(what, &message, "TooLarge", Fault::of(Party::Operator))
}

/// What an open one has beside itself.
#[derive(Default)]
struct Open {
    approvals: Vec<Approval>,
    statuses: Option<Vec<CommitStatus>>,
    past: Option<Past>,
    problem: Option<PullProblem>,
    trace: Option<Trace>,
}

/// What became of reading one.
enum One {
    Read(
        Box<PullRequest>,
        Option<((u64, Timestamp), Option<String>)>,
        Option<PullProblem>,
        Option<Trace>,
    ),
    Unreadable(PullProblem),
}

/// Open, merged or closed: merged ones are closed to GitHub.
pub(super) fn state(pull: &Pull) -> PullState {
    match pull.state {
        State::Open => PullState::Open,
        State::Closed if pull.merged_at.is_some() => PullState::Merged,
        State::Closed => PullState::Closed,
    }
}
