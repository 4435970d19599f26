//! `checks: [NAME, ...]`: everything of these names that is said of the set's commit is well.

use super::said::{Said, said};
use super::{Asked, Desk};
use crate::model::Verdict;

pub(super) fn verdict(names: &[String], asked: &Asked<'_>, desk: &mut Desk<'_>) -> Verdict {
    if names.is_empty() {
        return Verdict::Refused {
            why: "it names no check, and nothing proves nothing".to_owned(),
        };
    }
    let Some(stay) = asked.stays.latest(asked.id).cloned() else {
        return Verdict::Refused {
            why: "it was never here, so nothing was said of it".to_owned(),
        };
    };
    let all = names.iter().map(|name| said(name, &stay, stay.at, desk));
    let all: Vec<Said> = all.collect();
    together(all)
}

/// One bad word refuses; whatever is lacking waits.
pub(super) fn together(all: Vec<Said>) -> Verdict {
    let mut good = Vec::new();
    let mut waits = Vec::new();
    let mut asking = false;
    for one in all {
        match one {
            Said::Bad(why) => return Verdict::Refused { why },
            Said::Well(_, why) => good.push(why),
            Said::Nothing(why) | Said::Untold(why) => waits.push(why),
            Said::Asking => asking = true,
        }
    }
    match (waits.is_empty(), asking) {
        (true, false) => Verdict::Open {
            why: good.join("; "),
        },
        (true, true) => Verdict::Waiting {
            why: "it is asked".to_owned(),
            until: None,
        },
        (false, _) => Verdict::Waiting {
            why: waits.join("; "),
            until: None,
        },
    }
}
