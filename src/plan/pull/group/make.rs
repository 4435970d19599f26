//! The change of a shared pull request: the edits of every promotion in it over one another, and outputs with all of them.

use super::parts::Part;
use super::{Flow, Group};
use crate::plan::change::files::{Files, apply};
use crate::plan::change::propose::{Proposal, Stamps};
use crate::plan::change::stamps::{Found, read};
use crate::plan::change::wave::{refused, stop_report};
use crate::plan::desk::Desk;
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::output::survey::{applications, uses};
use crate::plan::output::{Stop, difference};
use crate::plan::report::{HoldReport, Subject};

/// The promotion of one part.
pub(super) struct Proposed {
    /// Its edits and record.
    pub proposal: Proposal,
    /// Whether its stamps are those of the branch.
    pub stamped: bool,
}

/// What a pull request writes.
pub(super) struct Change {
    /// Promotions, one of each part.
    pub proposals: Vec<Proposed>,
    /// Final texts.
    pub files: Files,
}

/// Why a change cannot be made.
pub(super) enum Unmade {
    /// Questions are open.
    Asking,
    /// One member's part stops it.
    Stopped {
        /// Index of the member.
        at: usize,
        /// Why.
        hold: Box<HoldReport>,
    },
}

impl<'s> Group<'_, 's> {
    /// Promotions of all parts: those that the pull request carries with the stamps of its branch.
    pub(super) fn proposals(
        &mut self,
        parts: &[Part],
        pull: Option<&PullRequestFacts>,
        desk: &mut Desk<'_>,
    ) -> Result<Vec<Proposed>, Unmade> {
        let mut proposals = Vec::new();
        for part in parts {
            let member = &self.members[part.at];
            let branch = pull.and_then(|pull| pull.branch_facts.as_ref());
            let branch = branch.filter(|_| part.kept);
            let id = &part.judged.candidate.id;
            let found = branch.map(|branch| read(member.view(), id, branch, desk));
            let (stamps, stamped) = match found {
                Some(Found::Asking) => return Err(Unmade::Asking),
                Some(Found::Yes(stamps)) => (stamps, true),
                Some(Found::No) | None => {
                    let created = desk.stamp();
                    let record = None;
                    (Stamps { created, record }, false)
                }
            };
            let built = (member.build)(&part.judged, &stamps, desk);
            let proposal = built.map_err(|hold| Unmade::Stopped { at: part.at, hold })?;
            proposals.push(Proposed { proposal, stamped });
        }
        Ok(proposals)
    }

    /// Final texts on the present base, with outputs as its templates make them.
    pub(super) fn change(
        &mut self,
        parts: &[Part],
        proposals: Vec<Proposed>,
        desk: &mut Desk<'_>,
    ) -> Result<Change, Unmade> {
        let mut files = self.outputs(parts, &proposals, desk)?;
        self.edits(parts, &proposals, &mut files, desk)?;
        Ok(Change { proposals, files })
    }

    /// Lays the edits of every part over the texts.
    pub(super) fn edits(
        &self,
        parts: &[Part],
        proposals: &[Proposed],
        files: &mut Files,
        desk: &mut Desk<'_>,
    ) -> Result<(), Unmade> {
        for (part, proposed) in parts.iter().zip(proposals) {
            let subject = Subject::Stage(self.members[part.at].view().key.clone());
            let laid = apply(&proposed.proposal.edits, files, desk);
            laid.map_err(|no_text| match refused(&subject, no_text) {
                Some(hold) => Unmade::Stopped { at: part.at, hold },
                None => Unmade::Asking,
            })?;
        }
        Ok(())
    }

    /// Outputs with what all parts move.
    pub(super) fn outputs(
        &mut self,
        parts: &[Part],
        proposals: &[Proposed],
        desk: &mut Desk<'_>,
    ) -> Result<Files, Unmade> {
        let mut heads = self.survey.heads.clone();
        for proposed in proposals {
            heads.extend(proposed.proposal.heads.clone());
        }
        let mut files = Files::new();
        for (environment, application) in applications(desk) {
            let place = (environment.name().clone(), application.name.to_string());
            let Some(surveyed) = self.survey.places.get(&place) else {
                continue;
            };
            let members = &self.members;
            let moves = |part: &&Part| {
                let view = members[part.at].view();
                view.environments.contains(environment.name()) && uses(surveyed, view)
            };
            // What has just come stands back for what was there before.
            let movers = || parts.iter().filter(moves);
            let Some(mover) = movers().find(|part| !part.kept).or_else(|| movers().next()) else {
                continue;
            };
            let (result, _) = difference(environment, application, &heads, self.templates, desk);
            let stop: Stop = match result {
                Ok(delta) => {
                    files.extend(delta.files);
                    continue;
                }
                Err(stop) => stop,
            };
            let subject = Subject::Stage(members[mover.at].view().key.clone());
            return Err(match stop_report(&subject, &place, &stop) {
                Some(hold) => Unmade::Stopped {
                    at: mover.at,
                    hold: Box::new(hold),
                },
                None => Unmade::Asking,
            });
        }
        Ok(files)
    }

    /// One member as if it were alone.
    pub(super) fn alone(&mut self, at: usize) -> Flow<'_, 's> {
        self.members[at].flow(self.survey, self.templates)
    }
}
