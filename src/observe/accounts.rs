//! Accounts: whose the e-mail addresses are of people who asked for a change or pushed to its branch, so that their approvals
//! do not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::forge::Forge;
use crate::manifests::Documents;
use crate::model::{Faulty as _, Request, TagKey};
use crate::plan::facts::marker::Subject;
use crate::plan::facts::pull::{PullRequestFacts, PullState};

/// More are not asked about in a pass.
const MOST: usize = 200;

/// Accounts of everybody whose approval of an open pull request may have to be left out. What the forge does not tell is
/// missing.
pub(super) async fn accounts<'a>(
    forge: &dyn Forge,
    documents: &Documents,
    requested: impl Iterator<Item = &'a TagKey>,
    pulls: &[PullRequestFacts],
) -> BTreeMap<String, String> {
    let mut accounts = BTreeMap::new();
    let open: Vec<&PullRequestFacts> = pulls
        .iter()
        .filter(|pull| pull.state == PullState::Open)
        .collect();
    if open.is_empty() {
        return accounts;
    }
    let mut emails: BTreeSet<String> = requested
        .filter_map(|tag| {
            let stream = documents.streams.get(&tag.stream)?;
            let tag = stream.value.spec_tag(&tag.tag)?;
            Some(Request::recorded(tag)?.ok()?.by)
        })
        .collect();
    for pull in open {
        let carried = pull.marker.promotions().into_iter();
        emails.extend(carried.filter_map(|carried| carried.asked_by));
        if let Subject::Act { by, .. } | Subject::Streams { by, .. } = &pull.marker.subject {
            emails.insert(by.clone());
        }
        let branch = pull.branch_facts.iter();
        emails.extend(branch.flat_map(|branch| branch.pushed_by.clone()));
    }
    for email in emails.into_iter().take(MOST) {
        if let Some(account) = account(forge, &email).await {
            accounts.insert(email.to_lowercase(), account);
        }
    }
    accounts
}

/// The account behind one address; `None` where the forge knows of none, or does not tell, which is logged.
pub(super) async fn account(forge: &dyn Forge, email: &str) -> Option<String> {
    match forge.account(email).await {
        Ok(account) => account,
        Err(error) => {
            tracing::warn!(
                %error,
                fault = error.fault().party.as_str(),
                retry = error.fault().retry.as_str(),
                "an account is not known"
            );
            None
        }
    }
}
