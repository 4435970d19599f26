//! What a pass leaves in the log: each deed and each failure once, here, where passes end. A pass without either leaves
//! nothing above debug, and a failure that goes on is told when it begins and when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Faulty as _, StageKey, TagKey};
use crate::reconciler::{Check, Done, ObserveError, Pass, StageReport, State, Subject};

/// What was told before.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// Failed passes in a row.
    failed: u32,
    /// The stable word of the last failure.
    reason: &'static str,
    forge_failed: bool,
    states: BTreeMap<StageKey, State>,
    settling: BTreeSet<(TagKey, String)>,
    /// Registries that passes went on without.
    silent: BTreeSet<String>,
}

impl Teller {
    /// Tells of a pass that took so long.
    pub(super) fn tell(&mut self, ended: &Result<Pass, ObserveError>, took: Duration) {
        let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match ended {
            Ok(pass) => {
                if self.failed > 0 {
                    tracing::info!(tries = self.failed, "passes come to a plan again");
                }
                self.failed = 0;
                self.forge(pass);
                self.silent(pass);
                tell_pass(pass);
                pass.plan.stages.iter().for_each(|stage| self.stage(stage));
                self.settling(pass);
                tracing::debug!(
                    elapsed_ms,
                    rounds = pass.effort.rounds,
                    requests = pass.effort.questions,
                    tries = pass.effort.tries,
                    "the pass ended"
                );
            }
            Err(error) => self.failure(error, elapsed_ms),
        }
    }

    /// A pass that came to no plan.
    fn failure(&mut self, error: &ObserveError, elapsed_ms: u64) {
        let fault = error.fault();
        let (reason, retry) = (error.reason(), fault.retry.as_str());
        let next_try = fault.retry.at().map(tracing::field::display);
        let goes_on = self.failed > 0 && self.reason == reason;
        self.failed += 1;
        self.reason = reason;
        let (fault, tries) = (fault.party.as_str(), self.failed);
        // Two macros because a level is part of the place in the source.
        if goes_on {
            tracing::debug!(
                %error, reason, fault, retry, next_try, tries, elapsed_ms,
                "the pass failed again"
            );
        } else {
            tracing::error!(
                %error, reason, fault, retry, next_try, tries, elapsed_ms,
                "the pass failed"
            );
        }
    }

    /// A forge that cannot be asked any more, or can again.
    fn forge(&mut self, pass: &Pass) {
        let failure = pass.observation.facts.forge_failure.as_ref();
        match (failure, self.forge_failed) {
            (Some(failure), false) => tracing::warn!(
                reason = failure.reason,
                error = failure.message,
                fault = failure.party.map(|party| party.as_str()),
                retry = if failure.transient { "later" } else { "never" },
                "the forge cannot be asked for pull requests"
            ),
            (None, true) => tracing::info!("the forge answers again"),
            _ => {}
        }
        self.forge_failed = failure.is_some();
    }

    /// Registries that were asked and say nothing, each once when passes go on without it, and once when it is waited for no
    /// more. What it failed with then, its tags tell.
    fn silent(&mut self, pass: &Pass) {
        let silent = pass.silent();
        for (host, requests) in &silent {
            if self.silent.insert(host.clone()) {
                tracing::warn!(
                    host,
                    requests,
                    reason = "NotAnswered",
                    "`{host}` has not answered yet: passes go on without it"
                );
            }
        }
        self.silent.retain(|host| {
            let still = silent.contains_key(host);
            if !still {
                tracing::info!(host, "`{host}` is waited for no more");
            }
            still
        });
    }

    /// Digests that are new and not imported yet, once each.
    fn settling(&mut self, pass: &Pass) {
        let mut settling = BTreeSet::new();
        for hold in pass.plan.holds.iter().filter(|h| h.reason == "Settling") {
            let (Subject::Tag(tag), Some(until)) = (&hold.subject, hold.until) else {
                continue;
            };
            let told = (tag.clone(), hold.why.clone());
            if !self.settling.contains(&told) {
                tracing::info!(stream = %tag.stream, tag = tag.tag, next_try = %until, "`{tag}`: {}", hold.why);
            }
            settling.insert(told);
        }
        self.settling = settling;
    }

    /// A stage that is in another state than before.
    fn stage(&mut self, stage: &StageReport) {
        let before = self.states.insert(stage.key.clone(), stage.state);
        if before.is_some_and(|before| before != stage.state) {
            let because = match stage.why.as_str() {
                "" => String::new(),
                why => format!(": {why}"),
            };
            tracing::info!(
                pipeline = stage.key.pipeline.as_str(),
                stage = %stage.key,
                pull_request = stage.pull_request,
                "{} is {}{because}",
                stage.key,
                stage.state.as_str(),
            );
        }
    }
}

fn tell_pass(pass: &Pass) {
    pass.checks().iter().for_each(check);
    pass.receipt.done.iter().for_each(deed);
    for refusal in &pass.receipt.refused {
        tracing::warn!(
            error = refusal.why,
            fault = refusal.fault.party.as_str(),
            retry = refusal.fault.retry.as_str(),
            "refused: {}",
            refusal.what
        );
    }
    // Without a word, a daemon that is overtaken all day looks like one with nothing to do.
    if pass.receipt.again {
        tracing::warn!(
            tries = pass.effort.tries,
            "others pushed first each time; looking again at the next tick"
        );
    }
}

fn deed(done: &Done) {
    match done {
        Done::Pushed {
            commit,
            subject,
            files,
        } => tracing::info!(
            commit = commit.as_str(),
            files,
            "pushed {}: {subject}",
            commit.short()
        ),
        Done::Opened { id, title } => tracing::info!(pull_request = id, "opened {id}: {title}"),
        Done::Updated { id } => tracing::info!(pull_request = id, "updated {id}"),
        Done::Marked { id, status } => tracing::info!(
            pull_request = id,
            "set {} of {id}: {}",
            status.context,
            status.words
        ),
        Done::Tended { id, with } => {
            tracing::info!(pull_request = id, "tended to {id}: {}", with.join(", "));
        }
        Done::Merged { id, commit } => tracing::info!(
            pull_request = id,
            commit = commit.as_ref().map(|commit| commit.as_str()),
            "merged {id}"
        ),
        Done::Cleared { branches } => {
            tracing::info!("cleared left-over branches: {}", branches.join(", "));
        }
        Done::Queued { id, position } => {
            let place = position.map_or_else(String::new, |at| format!(", position {at}"));
            tracing::info!(pull_request = id, "added {id} to the merge queue{place}");
        }
        Done::Deployed { deployment, state } => tracing::info!(
            stage = String::from(deployment.place.stage.clone()),
            commit = deployment.commit.as_str(),
            "recorded the deployment of {}: {}",
            deployment.title,
            state.as_str()
        ),
        Done::Dispatched { dispatch, .. } => tracing::info!(
            "started {} in {}: {}",
            dispatch.workflow.file,
            dispatch.workflow.repository,
            dispatch.key
        ),
        Done::Closed { id, reason } => {
            tracing::info!(pull_request = id, "closed {id}: {reason}");
        }
    }
}

/// A tag whose check failed anew, or succeeds again.
fn check(check: &Check) {
    let Some(asked) = &check.asked else {
        return;
    };
    let repository = &check.reference.repository;
    let host = repository.registry();
    let Some(failure) = &asked.failure else {
        let digest = asked.digest.as_ref().map(|digest| digest.as_str());
        tracing::debug!(stream = %check.tag.stream, tag = check.tag.tag, digest, "checked");
        if check.before.failures > 0 {
            tracing::info!(
                stream = %check.tag.stream,
                tag = check.tag.tag,
                %host,
                tries = check.before.failures,
                "`{}` is imported again",
                check.tag
            );
        }
        return;
    };
    let fault = failure.party.map(|party| party.as_str());
    let retry = if failure.transient { "later" } else { "never" };
    let next_try = check.after.next_try.map(tracing::field::display);
    let tries = check.after.failures;
    // Two macros because a level is part of the place in the source.
    if check.before.failures == 0 || check.before.reason != failure.reason {
        tracing::warn!(
            stream = %check.tag.stream, tag = check.tag.tag, %host, %repository,
            reason = failure.reason, error = failure.message, fault, retry, tries, next_try,
            "`{}` cannot be imported", check.tag
        );
    } else {
        tracing::debug!(
            stream = %check.tag.stream, tag = check.tag.tag, %host, %repository,
            reason = failure.reason, error = failure.message, fault, retry, tries, next_try,
            "`{}` still cannot be imported", check.tag
        );
    }
}
