//! Edges that gates ask: hosts of `http`, and the Argo CD servers by which environments tell that a set runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{EdgeKind, EdgeReport, is_of_host, report};
use crate::model::Name;
use crate::plan::facts::{Facts, Failure, Outcome, Trouble};
use crate::plan::observation::Observation;
use crate::plan::report::State;

/// Hosts and servers that did not answer what this pass asked of them, by kind and name.
pub(super) fn edges(observation: &Observation, total: usize) -> Vec<EdgeReport> {
    let facts = &observation.facts;
    let http = facts.http.iter().filter(|(question, _)| !question.left);
    let http = http.filter_map(|(question, answer)| {
        let failure = failed(&answer.outcome)?;
        let edge = (EdgeKind::Http, question.host().to_owned());
        Some((edge, &question.stage.pipeline, failure))
    });
    let argocd = facts.argocd.iter().filter(|(question, _)| !question.left);
    let argocd = argocd.filter_map(|(question, answer)| {
        let failure = failed(&answer.outcome)?;
        let edge = (EdgeKind::ArgoCd, question.server.to_string());
        Some((edge, &question.stage.pipeline, failure))
    });
    let mut found: BTreeMap<(EdgeKind, String), (&Failure, BTreeSet<Name>)> = BTreeMap::new();
    for (edge, pipeline, failure) in http.chain(argocd) {
        let (_, affected) = found.entry(edge).or_insert((failure, BTreeSet::new()));
        affected.insert(pipeline.clone());
    }
    let found = found
        .into_iter()
        .map(|((kind, name), (failure, affected))| {
            let rows = match kind {
                EdgeKind::Http => &facts.http_trouble,
                _ => &facts.argocd_trouble,
            };
            let trouble = rows.get(&name).cloned().unwrap_or_else(|| Trouble {
                reason: failure.reason.clone(),
                message: failure.message.clone(),
                party: failure.party,
                next_try: failure.retry_at,
                ..Trouble::default()
            });
            let state = match failure.transient {
                true => State::Waiting,
                false => State::Broken,
            };
            EdgeReport {
                state,
                ..report(kind, name, &trouble, &affected, total)
            }
        });
    found.collect()
}

/// Those that failed to answer a question of this very pass, once for each question.
pub fn failures(facts: &Facts) -> Vec<(EdgeKind, &Failure)> {
    let http = facts.http.values().filter(|answer| answer.asked.is_none());
    let http = http.filter_map(|answer| Some((EdgeKind::Http, failed(&answer.outcome)?)));
    let argocd = facts.argocd.values();
    let argocd = argocd.filter(|answer| answer.asked.is_none());
    let argocd = argocd.filter_map(|answer| Some((EdgeKind::ArgoCd, failed(&answer.outcome)?)));
    http.chain(argocd).collect()
}

fn failed<T>(outcome: &Outcome<T>) -> Option<&Failure> {
    match outcome {
        Outcome::Failed(failure) if is_of_host(&failure.reason) => Some(failure),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Question;
    use crate::plan::facts::Answer;
    use crate::plan::kit::{Kit, at, pipeline};
    use crate::plan::{edges, plan};

    const GATE: &str =
        "      verify: [{http: {url: 'https://smoke.example/ok', expect: 'status == 200'}}]\n";

    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqDEpbDz2JyNiS7DFQP7+72OOi790\nwnZnEICayzmK7ZdSwCuXc0hHwP3f3WMEv739QaT38kztI+1+WPyPhLiy7g==\n-----END PUBLIC KEY-----\n";

    fn asked(reason: &str) -> Vec<EdgeReport> {
        let text = pipeline(GATE, "");
        let kit = Kit::new(&[("pipelines/myapp/pipeline.yaml", &text)]);
        let mut observation = kit.moves("dev", "1").moves("qa", "1").now(9).observe();
        let questions = plan(&observation).questions;
        let question = questions.into_iter().find_map(|question| match question {
            Question::Http(question) => Some(question),
            _ => None,
        });
        let failure = failure(reason);
        let answer = Answer {
            at: at(9),
            asked: None,
            outcome: Outcome::Failed(failure.clone()),
        };
        let facts = &mut observation.facts;
        facts.http.insert(question.unwrap(), answer);
        let trouble = Trouble {
            since: Some(at(3)),
            tries: 4,
            reason: failure.reason,
            message: failure.message,
            party: None,
            next_try: failure.retry_at,
        };
        let host = "smoke.example".to_owned();
        facts.http_trouble.insert(host, trouble);
        edges::edges(&observation, &plan(&observation))
    }

    #[test]
    fn a_registry_that_refuses_to_tell_of_signatures_is_an_edge() {
        let gate = "      enter: [{signature: {key: /keys/cosign.pub}}]\n";
        let text = pipeline("", gate);
        let files = [
            ("pipelines/myapp/pipeline.yaml", text.as_str()),
            ("keys/cosign.pub", KEY),
        ];
        let kit = Kit::new(&files).moves("dev", "1").moves("qa", "1");
        let mut observation = kit.now(9).observe();
        let questions = plan(&observation).questions;
        let question = questions.into_iter().find_map(|question| match question {
            Question::Signed(question) => Some(question),
            _ => None,
        });
        let answer = Answer {
            at: at(9),
            asked: None,
            outcome: Outcome::Failed(failure("Unauthorized")),
        };
        observation.facts.signed.insert(question.unwrap(), answer);
        let found = edges::edges(&observation, &plan(&observation));
        let edge = found.first().unwrap();
        assert_eq!(
            (edge.kind, edge.name.as_str()),
            (EdgeKind::Registry, "q.io")
        );
        assert_eq!(edge.affected_pipelines, 1);
    }

    fn failure(reason: &str) -> Failure {
        Failure {
            reason: reason.to_owned(),
            message: "`smoke.example` gave no whole answer within 10 s".to_owned(),
            canonical: "it was not answered".to_owned(),
            transient: true,
            party: None,
            retry_at: Some(at(11)),
        }
    }

    #[test]
    fn a_host_of_a_gate_that_does_not_answer_is_an_edge_with_its_row_of_failures() {
        let found = asked("InternalError");
        assert_eq!(found.len(), 1, "{found:#?}");
        let edge = &found[0];
        assert_eq!(
            (edge.kind, edge.name.as_str(), edge.state),
            (EdgeKind::Http, "smoke.example", State::Waiting)
        );
        assert_eq!(
            (edge.since, edge.tries, edge.next_try),
            (Some(at(3)), 4, Some(at(11)))
        );
        assert_eq!(edge.affected.len(), 1);
        assert_eq!(asked("Invalid"), [], "an odd answer is an answer");
    }
}
