//! An act brought to the base: one commit by the person on top of it, or a pull request where the base takes no push.

use super::Doing;
use crate::cli::engine::{Engine, edge};
use crate::cli::view::act::Written;
use crate::cli::{CliError, Exit};
use crate::forge::{ForgeError, NewPull, PullText};
use crate::git::{NewCommit, Person, PushResult, RefUpdate};
use crate::model::{CommitId, Name, SetId, Timestamp};
use crate::plan::Observation;
use crate::plan::acts::Act;
use crate::plan::change::files::Files;
use crate::plan::desk::Desk;
use crate::plan::facts::marker::Marker;
use crate::plan::facts::marker::Subject;
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::guard::forbids_pushes;
use crate::plan::pull::life::{NewBranch, next_branch};
use crate::plan::report::SetReport;

/// How often a lost race is run again.
const MOST_TRIES: u32 = 10;

/// How a push of one ref ended.
pub(in crate::cli) enum Pushed {
    /// The ref is at this commit.
    Done(CommitId),
    /// Somebody else was faster.
    Lost,
    /// The server has a rule against it, in its words.
    Refused(String),
}

/// A commit of these texts on top of a base, by an author and a committer.
pub(in crate::cli) fn on_top(
    base: &CommitId,
    files: &Files,
    message: &str,
    (author, committer): (&Person, &Person),
    time: Timestamp,
) -> NewCommit {
    let bytes = |text: &String| text.clone().into_bytes();
    NewCommit {
        parents: vec![base.clone()],
        start: Some(base.clone()),
        files: files
            .iter()
            .map(|(path, text)| (path.clone(), text.as_ref().map(bytes)))
            .collect(),
        message: message.to_owned(),
        author: author.clone(),
        committer: committer.clone(),
        time,
    }
}

/// Makes a commit and moves one ref to it, if that ref is still where it is expected.
///
/// # Errors
/// When the repository cannot be written or the remote not be reached.
pub(in crate::cli) async fn push_files(
    engine: &Engine,
    commit: NewCommit,
    name: &str,
    expect: Option<&CommitId>,
) -> Result<Pushed, CliError> {
    let fail = |e: crate::git::GitError| edge(&e);
    let commit = engine.git.commit(commit).await.map_err(fail)?;
    let update = RefUpdate {
        name: name.to_owned(),
        expect: expect.cloned(),
        new: Some(commit.clone()),
    };
    let outcomes = engine.git.push(vec![update]).await;
    let outcome = outcomes.map_err(fail)?.into_iter().next();
    Ok(match outcome.map(|o| o.result) {
        Some(PushResult::Done) => Pushed::Done(commit),
        Some(PushResult::Lost { found }) if found.as_ref() == Some(&commit) => Pushed::Done(commit),
        Some(PushResult::Refused { message }) => Pushed::Refused(message),
        Some(PushResult::Lost { .. }) | None => Pushed::Lost,
    })
}

impl Doing<'_> {
    /// Pushes to the base with the person's own rights. A base that moved meanwhile is observed again; the act goes on
    /// only if it still means the same sets.
    pub(super) async fn to_base(
        &self,
        mut obs: Observation,
        mut act: Act,
    ) -> Result<(Act, Written), CliError> {
        if let Some((environment, fixed)) = guarded(&obs, &act) {
            self.context.out.note(format!(
                "environment {environment} is guarded ({fixed}): this becomes a pull request"
            ));
            return self.to_pull_request(obs, act).await;
        }
        let mut written = None;
        for _ in 0..MOST_TRIES {
            if act.files.is_empty() {
                break;
            }
            let branch = obs.snapshot.branch.clone();
            let name = format!("refs/heads/{branch}");
            let base = obs.snapshot.commit.clone();
            match self
                .push_act(&base, &act, &name, Some(&base), &self.person)
                .await?
            {
                Pushed::Done(commit) => {
                    written = Some(Written::Pushed { commit, branch });
                    break;
                }
                Pushed::Refused(why) => {
                    self.context.out.note(format!(
                        "{branch} takes no push ({why}): this becomes a pull request"
                    ));
                    return self.to_pull_request(obs, act).await;
                }
                Pushed::Lost => {
                    obs = self.observe().await?;
                    let again = self.settle(&mut obs).await;
                    let again = again.map_err(|error| overtaken(&act, error))?;
                    if means(&again) != means(&act) {
                        return Err(moved_on(&again));
                    }
                    act = again;
                }
            }
        }
        if written.is_none() && !act.files.is_empty() {
            return Err(CliError::new(
                Exit::TryAgain,
                format!("others pushed to {} all the time", obs.snapshot.branch),
            ));
        }
        let reopened = self.reopen(&act).await?;
        match written.or_else(|| reopened.map(|id| Written::Reopened { id })) {
            Some(written) => Ok((act, written)),
            None => Err(CliError::failed("there is nothing to push")),
        }
    }

    async fn reopen(&self, act: &Act) -> Result<Option<String>, CliError> {
        let Some(id) = &act.reopen else {
            return Ok(None);
        };
        match self.engine.forge.reopen(id, self.now).await {
            Ok(_) => Ok(Some(id.clone())),
            Err(error) => Err(forge(&error).context(format!("pull request {id} stays closed"))),
        }
    }

    /// Opens a pull request with the act. Plans leave it alone; people merge it.
    pub(super) async fn to_pull_request(
        &self,
        obs: Observation,
        act: Act,
    ) -> Result<(Act, Written), CliError> {
        if act.files.is_empty() {
            let reopened = self.reopen(&act).await?;
            return match reopened {
                Some(id) => Ok((act, Written::Reopened { id })),
                None => Err(CliError::failed("there is nothing to propose")),
            };
        }
        if let Some(id) = self.proposed(&obs, &act) {
            self.context.out.note(format!(
                "{id} says the same and is open already: nothing is proposed a second time"
            ));
            let mut in_the_way = approvals(&obs, &act);
            in_the_way.push(format!("`headwater pr merge {id}`"));
            return Ok((act, Written::PullRequest { id, in_the_way }));
        }
        let (pipeline, stage) = (&act.stage.pipeline, &act.stage.stage);
        let subject = act.new.as_ref().or(act.old.as_ref());
        let tail = subject.map_or_else(
            || obs.snapshot.commit.short().to_owned(),
            |report| report.set.id().short().to_owned(),
        );
        let stem = format!("headwater/act/{}/{pipeline}/{stage}/{tail}", act.kind);
        let NewBranch {
            name: branch,
            expect,
        } = next_branch(&stem, &Desk::new(&obs));
        let committer = &self.engine.reconciler.applier.committer;
        let name = format!("refs/heads/{branch}");
        let pushed = self
            .push_act(
                &obs.snapshot.commit,
                &act,
                &name,
                expect.as_ref(),
                committer,
            )
            .await?;
        match pushed {
            Pushed::Done(_) => {}
            Pushed::Lost => {
                return Err(CliError::new(
                    Exit::TryAgain,
                    format!("somebody made the branch {branch} at the same moment"),
                ));
            }
            Pushed::Refused(why) => {
                return Err(CliError::failed(format!(
                    "the server refuses the branch {branch}: {why}"
                ))
                .help("nothing was written; ask whoever may push"));
            }
        }
        let new = NewPull {
            branch,
            text: self.text(&act),
            now: self.now,
        };
        let opened = self.engine.forge.open(new).await.map_err(|e| forge(&e))?;
        let mut in_the_way = approvals(&obs, &act);
        in_the_way.push(format!("`headwater pr merge {}`", opened.id));
        self.reopen(&act).await?;
        let written = Written::PullRequest {
            id: opened.id,
            in_the_way,
        };
        Ok((act, written))
    }

    /// An open pull request with the same act of the same stage.
    fn proposed(&self, obs: &Observation, act: &Act) -> Option<String> {
        let title = self.text(act).title;
        proposed(obs, &act.files, |pull| match &pull.marker.subject {
            Subject::Act {
                act: kind, stage, ..
            } => kind == act.kind && *stage == act.stage && pull.title == title,
            _ => false,
        })
    }

    async fn push_act(
        &self,
        base: &CommitId,
        act: &Act,
        name: &str,
        expect: Option<&CommitId>,
        committer: &Person,
    ) -> Result<Pushed, CliError> {
        let people = (&self.person, committer);
        let commit = on_top(base, &act.files, &act.message, people, self.now);
        push_files(&self.engine, commit, name, expect).await
    }

    fn text(&self, act: &Act) -> PullText {
        let marker = Marker::of(Subject::Act {
            act: act.kind.to_owned(),
            stage: act.stage.clone(),
            by: self.person.email.clone(),
        });
        let title = act.message.lines().next().unwrap_or_default().to_owned();
        let files: Vec<String> = act.files.keys().map(|path| format!("- `{path}`")).collect();
        let body = format!(
            "{}\n\n{title}, asked for by {}: {}\n\n**Changes**\n{}\n\nNothing merges this by itself.\n",
            marker.to_line(),
            plain(&self.person.email),
            plain(self.wish.reason.as_str()),
            files.join("\n"),
        );
        PullText {
            title,
            body,
            labels: vec![act.kind.to_owned()],
        }
    }
}

/// The environment whose guard lets nobody push, where the act writes below it, and what that guard says.
fn guarded(obs: &Observation, act: &Act) -> Option<(Name, String)> {
    let documents = &obs.snapshot.documents;
    let below = &documents.config.spec.paths.environments;
    let moved = match act.kind {
        "rollback" => stage_environments(obs, act),
        _ => Vec::new(),
    };
    let written = |name: &Name| {
        let folder = below.join(name.as_str());
        folder.is_ok_and(|folder| act.outputs.iter().any(|path| path.is_below(&folder)))
    };
    let known = documents.environments.keys();
    let mut all = moved.iter().chain(known.filter(|name| written(name)));
    all.find_map(|name| {
        let fixed = forbids_pushes(name, &obs.facts.settings.guards)?;
        Some((name.clone(), fixed))
    })
}

fn stage_environments(obs: &Observation, act: &Act) -> Vec<Name> {
    let pipelines = &obs.snapshot.documents.pipelines;
    let stage = pipelines
        .get(&act.stage.pipeline)
        .and_then(|p| p.value.stage(&act.stage.stage));
    stage.map(|s| s.environments().to_vec()).unwrap_or_default()
}

/// What a rollback's pull request needs before it can be merged.
fn approvals(obs: &Observation, act: &Act) -> Vec<String> {
    if act.kind != "rollback" {
        return Vec::new();
    }
    let environments = &obs.snapshot.documents.environments;
    let named = stage_environments(obs, act);
    let found = named.iter().filter_map(|name| environments.get(name));
    found
        .filter(|e| e.value.spec.rollback.approvals > 0)
        .map(|e| {
            let spec = &e.value.spec;
            let from = spec.approvals.as_ref().map(|a| a.from.join(", "));
            let who = from
                .filter(|f| !f.is_empty())
                .unwrap_or_else(|| "anybody".to_owned());
            format!(
                "approval by {} of {who} (environment {}: rollback)",
                spec.rollback.approvals,
                e.value.name()
            )
        })
        .collect()
}

/// What an act is about: the sets it moves from and to.
fn means(act: &Act) -> (Option<SetId>, Option<SetId>) {
    let set = |report: &SetReport| report.set.id();
    (act.old.as_ref().map(set), act.new.as_ref().map(set))
}

/// Where what was possible a moment ago is not any more: somebody was faster.
fn overtaken(act: &Act, error: CliError) -> CliError {
    match error.exit {
        Exit::Failed | Exit::Usage => CliError::new(
            Exit::TryAgain,
            format!("{} moved meanwhile: {}", act.stage, error.message),
        )
        .help("nothing was written; look again, then run the command again"),
        _ => error,
    }
}

fn moved_on(again: &Act) -> CliError {
    let now = again
        .old
        .as_ref()
        .map_or_else(|| "nothing".to_owned(), |old| old.version.clone());
    CliError::new(
        Exit::TryAgain,
        format!("{} moved meanwhile: it holds {now} now", again.stage),
    )
    .help("nothing was written; look again, then run the command again")
}

/// Words of a person inside of markdown.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '`' => '\'',
            '<' | '>' | '[' | ']' | '*' | '_' | '|' | '#' | '!' => ' ',
            c => c,
        })
        .collect()
}

/// An error of the forge; what somebody else was faster at may be tried again.
pub(in crate::cli) fn forge(error: &ForgeError) -> CliError {
    edge(error)
}

/// The open pull request that changes these very files, can still be merged and says the same: whoever asks twice means one.
pub(in crate::cli) fn proposed(
    obs: &Observation,
    files: &Files,
    says_so: impl Fn(&PullRequestFacts) -> bool,
) -> Option<String> {
    let same = |pull: &&PullRequestFacts| {
        let branch = pull.branch_facts.as_ref();
        let on_them = branch.is_some_and(|branch| {
            branch.merged.is_some() && branch.changed.keys().eq(files.keys())
        });
        pull.state == PullState::Open && on_them && says_so(pull)
    };
    let mut pulls = obs.facts.pulls.iter().flatten();
    pulls.find(same).map(|pull| pull.id.clone())
}
