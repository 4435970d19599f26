//! Approving: one commit that names the full head, signed if there is a key, under a ref of its own.

use std::collections::BTreeMap;

use super::approval;
use super::document::one_line;
use super::write::{Put, pause, state_error};
use super::{ATTEMPTS, OfflineForge};
use crate::forge::error::ForgeError;
use crate::forge::types::{Approval, Approver, PullState};
use crate::git::NewCommit;
use crate::model::CommitId;

impl OfflineForge {
    pub(super) async fn add_approval(
        &self,
        id: &str,
        head: CommitId,
        approver: Approver,
    ) -> Result<Approval, ForgeError> {
        let mut made: Option<(CommitId, Approval)> = None;
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let fetched = self.repository.fetch().await?;
            let (stored, standing) = self.load_one(&fetched, id).await?;
            if standing.state != PullState::Open {
                return Err(state_error(id, &standing));
            }
            if standing.head != head {
                return Err(ForgeError::HeadMoved {
                    id: id.to_owned(),
                    expected: head,
                    found: standing.head,
                });
            }
            // The key is used before anything else is looked at: nobody is told of an approval that it did not make.
            let (commit, mine) = match made.take() {
                Some(made) => made,
                None => {
                    let commit = self.approval_commit(&head, &approver).await?;
                    let mine = self.judge(&commit, &head).await?;
                    (commit, mine)
                }
            };
            if approver.key.is_some() && !mine.authentic {
                // Nothing is recorded that counts for nobody, least of all over an approval that counts.
                return Ok(mine);
            }
            let email = &approver.person.email;
            let who = if mine.authentic { &mine.who } else { email };
            let name = stored.root.approval(id, &head, who);
            let there = fetched.refs.get(&name);
            if let Some(there) = there
                && let Ok(approval) = self.judge(there, &head).await
                && approval.head == head
                && approval.who == mine.who
                && (approval.authentic || !mine.authentic)
            {
                return Ok(approval);
            }
            if self.swap(name, there.cloned(), &commit).await? == Put::Done {
                return Ok(mine);
            }
            made = Some((commit, mine));
        }
        Err(ForgeError::Contended(one_line(id)))
    }

    async fn approval_commit(
        &self,
        head: &CommitId,
        approver: &Approver,
    ) -> Result<CommitId, ForgeError> {
        let unsigned = self
            .repository
            .commit(NewCommit {
                parents: Vec::new(),
                start: None,
                files: BTreeMap::new(),
                message: approval::message(head),
                author: approver.person.clone(),
                committer: approver.person.clone(),
                time: approver.now,
            })
            .await?;
        let Some(key) = &approver.key else {
            return Ok(unsigned);
        };
        let raw = self
            .repository
            .signed_commits(vec![unsigned])
            .await?
            .pop_first()
            .and_then(|(_, commit)| commit.ok())
            .ok_or_else(|| ForgeError::Invalid("the approval cannot be read back".to_owned()))?;
        let signature = approval::sign(key, &raw.payload).await?;
        Ok(self.repository.store_signed(raw.payload, signature).await?)
    }
}
