//! Streams on the base: one commit by the person on top of it, or a pull request.

use super::{Compute, Edit, Place, Wish, person};
use crate::cli::act::{Pushed, forge, observed, on_top, proposed, push_files};
use crate::cli::engine::Engine;
use crate::cli::view::act::Written;
use crate::cli::{CliError, Context, Exit, prompt};
use crate::forge::{NewPull, PullText};
use crate::git::{NewCommit, Person};
use crate::model::{CommitId, Digest};
use crate::plan::Observation;
use crate::plan::change::files::Files;
use crate::plan::desk::Desk;
use crate::plan::facts::marker::{Marker, Subject};
use crate::plan::pull::life::{NewBranch, next_branch};

/// How often a lost race is run again.
const MOST_TRIES: u32 = 10;

/// Reads the base.
pub(super) async fn observe(engine: &Engine, context: &Context) -> Result<Observation, CliError> {
    let observer = &engine.reconciler.observer;
    observer
        .observe(context.now())
        .await
        .map_err(|e| observed(&e))
}

/// An edit on its way to the base.
pub(super) struct Delivery<'a> {
    pub(super) place: &'a Place<'a>,
    pub(super) engine: &'a Engine,
    pub(super) wish: &'a Wish<'a>,
    pub(super) compute: Compute<'a>,
}

impl Delivery<'_> {
    /// Pushes with the person's own rights. A base that moved meanwhile is read again, and the edit made anew on it.
    pub(super) async fn to_base(
        &self,
        obs: &Observation,
        mut edit: Edit,
    ) -> Result<(Edit, Written), CliError> {
        let context = self.place.context;
        let question = format!("{}: push to {}", self.wish.title, obs.snapshot.branch);
        if !prompt::confirm(&context.out, &question, self.wish.write.yes)? {
            return Ok((edit, Written::Nowhere));
        }
        let person = person(context)?;
        let committer = self.wish.committer(context, &person);
        let mut again: Option<Observation> = None;
        for _ in 0..MOST_TRIES {
            let obs = again.as_ref().unwrap_or(obs);
            let branch = obs.snapshot.branch.clone();
            let base = obs.snapshot.commit.clone();
            let commit = self.commit(&base, &edit.files, &person, &committer);
            let name = format!("refs/heads/{branch}");
            match push_files(self.engine, commit, &name, Some(&base)).await? {
                Pushed::Done(commit) => return Ok((edit, Written::Pushed { commit, branch })),
                Pushed::Refused(why) => {
                    return Err(CliError::failed(format!("{branch} takes no push: {why}"))
                        .help("use --pull-request instead of --push"));
                }
                Pushed::Lost => {
                    let obs = observe(self.engine, context).await?;
                    edit = self
                        .place
                        .compute_on(&obs, self.engine, self.compute)
                        .await?;
                    again = Some(obs);
                }
            }
        }
        Err(CliError::new(
            Exit::TryAgain,
            format!("others pushed to {} all the time", obs.snapshot.branch),
        ))
    }

    /// Opens a pull request. Plans leave it alone; people merge it.
    pub(super) async fn to_pull_request(
        &self,
        obs: &Observation,
        edit: Edit,
    ) -> Result<(Edit, Written), CliError> {
        if let Some(id) = self.proposed(obs, &edit) {
            self.place.context.out.note(format!(
                "{id} says the same and is open already: nothing is proposed a second time"
            ));
            let in_the_way = vec![format!("`headwater pr merge {id}`")];
            return Ok((edit, Written::PullRequest { id, in_the_way }));
        }
        let person = person(self.place.context)?;
        let stem = format!("headwater/act/{}/{}", self.wish.verb, short(&edit.files));
        let NewBranch {
            name: branch,
            expect,
        } = next_branch(&stem, &Desk::new(obs));
        let committer = &self.engine.reconciler.applier.committer;
        let commit = self.commit(&obs.snapshot.commit, &edit.files, &person, committer);
        let name = format!("refs/heads/{branch}");
        match push_files(self.engine, commit, &name, expect.as_ref()).await? {
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
            text: self.text(&edit, &person),
            now: self.place.context.now(),
        };
        let opened = self.engine.forge.open(new).await.map_err(|e| forge(&e))?;
        let in_the_way = vec![format!("`headwater pr merge {}`", opened.id)];
        let id = opened.id;
        Ok((edit, Written::PullRequest { id, in_the_way }))
    }

    /// An open pull request that says the same of the same files.
    fn proposed(&self, obs: &Observation, edit: &Edit) -> Option<String> {
        let says = says(edit);
        proposed(obs, &edit.files, |pull| {
            let ours = matches!(&pull.marker.subject, Subject::Streams { act, .. } if act == self.wish.verb);
            ours && pull.title == self.wish.title && pull.body.contains(&says)
        })
    }

    fn commit(
        &self,
        base: &CommitId,
        files: &Files,
        author: &Person,
        committer: &Person,
    ) -> NewCommit {
        let now = self.place.context.now();
        on_top(base, files, &self.wish.title, (author, committer), now)
    }

    fn text(&self, edit: &Edit, person: &Person) -> PullText {
        let streams = edit.done.changes.keys().map(ToString::to_string).collect();
        let marker = Marker::of(Subject::Streams {
            act: self.wish.verb.to_owned(),
            streams,
            by: person.email.clone(),
        });
        let files: Vec<String> = edit
            .files
            .keys()
            .map(|path| format!("- `{path}`"))
            .collect();
        let body = format!(
            "{}\n\n{}\n\n**Changes**\n{}\n\nNothing merges this by itself.\n",
            marker.to_line(),
            says(edit),
            files.join("\n"),
        );
        PullText {
            title: self.wish.title.clone(),
            body,
            labels: vec![self.wish.verb.to_owned()],
        }
    }
}

/// What an edit does, as its pull request lists it.
fn says(edit: &Edit) -> String {
    let lines = edit.done.says.iter().map(|line| format!("- `{line}`"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Eight digits that tell this edit from others.
fn short(files: &Files) -> String {
    let pairs = files
        .iter()
        .map(|(path, text)| format!("{path}\n{}\n", text.as_deref().unwrap_or_default()));
    let digest = Digest::sha256(pairs.collect::<String>().as_bytes());
    digest.as_str()[7..15].to_owned()
}
