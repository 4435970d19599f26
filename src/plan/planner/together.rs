//! Pull requests that several stages share, and stages that a bug stopped.

use super::Work;
use crate::plan::desk::Desk;
use crate::plan::output::survey::uses;
use crate::plan::pull::group;
use crate::plan::report::{HoldReport, Subject};
use crate::plan::road::StageView;
use crate::plan::shield::shielded;
use crate::plan::stage;

impl<'s> Work<'s> {
    /// Pull requests that several stages share, once every stage is decided.
    pub(super) fn groups(&mut self, desk: &mut Desk<'_>) {
        let mut members = std::mem::take(&mut self.members);
        if members.is_empty() {
            return;
        }
        let subject = || Subject::Repository;
        let (survey, templates) = (self.survey, &mut self.templates);
        let worked = shielded(subject, desk, |desk| {
            group::run(&mut members, survey, templates, desk)
        });
        match worked {
            Ok(outcome) => {
                self.take(outcome, desk);
                let reports = members.into_iter().map(|member| member.decided);
                self.reports
                    .extend(reports.map(|decided| (decided.view.key.clone(), decided.report)));
            }
            Err(hold) => {
                for member in members {
                    let view = member.decided.view;
                    let subject = Subject::Stage(view.key.clone());
                    self.stall(
                        view,
                        HoldReport {
                            subject,
                            ..(*hold).clone()
                        },
                        desk,
                    );
                }
            }
        }
    }

    /// A stage that a bug stopped. Nothing else may speak for its outputs: what its pull request holds is not known.
    pub(super) fn stall(&mut self, view: &StageView<'_>, hold: HoldReport, desk: &mut Desk<'_>) {
        let places = self.survey.places.iter();
        let mine = places.filter(|((environment, _), surveyed)| {
            view.environments.contains(environment) && uses(surveyed, view)
        });
        self.pulls
            .claimed
            .extend(mine.map(|(place, _)| place.clone()));
        let report = stage::stalled_report(view, &hold);
        self.reports.insert(view.key.clone(), report);
        desk.holds.push(hold);
    }
}
