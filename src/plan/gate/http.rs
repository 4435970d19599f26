//! `http`: what a host answers satisfies an expression. It is asked while the set is in the stage, once an interval: an answer
//! that is false now, or cannot be read, waits, because a later one may be true; one that was true shuts the gate as soon as it is not.

use std::collections::BTreeMap;

use super::cel::Outcome;
use super::cel::answer::{self, AnswerFacts};
use super::{Asked, Desk, Runs};
use crate::model::Verdict;
use crate::model::address::Word;
use crate::model::gate::Http;
use crate::plan::desk::Known;
use crate::plan::facts::HttpAnswer;
use crate::plan::question::{HttpAsk, POLL_INTERVAL};

pub(super) fn verdict(gate: &Http, asked: &Asked<'_>, desk: &mut Desk<'_>) -> Verdict {
    let refused = |why: String| Verdict::Refused { why };
    let waiting = |why: &str| Verdict::Waiting {
        why: why.to_owned(),
        until: None,
    };
    let reads = match answer::check(&gate.expect) {
        Ok(reads) => reads,
        Err(why) => return refused(format!("`{}`: {why}", gate.expect)),
    };
    if asked.runs == Runs::NotYet {
        return waiting("it is asked once the environment says that the set runs");
    }
    let used = gate.url.words().chain(reads.words.iter().copied());
    let words = match words(used.collect::<Vec<_>>(), asked, desk) {
        Ok(words) => words,
        Err(verdict) => return verdict,
    };
    let url = gate
        .url
        .fill(|word| words.get(&word).cloned().unwrap_or_default());
    let url = match url {
        Ok(url) => url.to_string(),
        Err(why) => return refused(why),
    };
    let here = asked
        .stays
        .current()
        .is_some_and(|stay| stay.id == *asked.id);
    let left = !here && !gate.url.words().any(Word::names_set);
    let question = HttpAsk {
        stage: asked.stage.clone(),
        set: asked.id.clone(),
        url,
        auth: gate.auth.as_ref().map(ToString::to_string),
        headers: reads.headers,
        body: reads.body,
        left,
    };
    let host = gate.url.host();
    match desk.http(&question) {
        Known::NotYet => waiting("it is not asked yet"),
        Known::Failed(_) if left => refused(GONE.to_owned()),
        Known::Failed(failure) => {
            if let Some(at) = failure.retry_at {
                desk.expires(at);
            }
            Verdict::Waiting {
                why: failure.message,
                until: failure.retry_at,
            }
        }
        Known::Yes((at, answer)) => {
            let outcome = outcome(gate, answer, words);
            let said = format!("{host} answered {}{}", answer.status, beside(answer.status));
            if left {
                return match outcome {
                    Outcome::True => open(gate, &said),
                    _ => refused(GONE.to_owned()),
                };
            }
            let next = POLL_INTERVAL.after(at);
            desk.expires(next);
            match outcome {
                Outcome::True => open(gate, &said),
                Outcome::False => Verdict::Waiting {
                    why: format!("`{}` is false: {said}", gate.expect),
                    until: Some(next),
                },
                // Whatever answered did not say that the set is bad.
                Outcome::Failed(why) => Verdict::Waiting {
                    why: format!("`{}`: {why}: {said}", gate.expect),
                    until: Some(next),
                },
            }
        }
    }
}

/// An answer of now is about what is there now.
const GONE: &str = "it left before the answer was as expected, and the address does not name a set, so a later answer is about another one";

fn open(gate: &Http, said: &str) -> Verdict {
    Verdict::Open {
        why: format!("`{}` is true: {said}", gate.expect),
    }
}

const fn beside(status: u16) -> &'static str {
    match status {
        300..=399 => " (redirects are not followed)",
        401 | 403 => " (no access)",
        _ => "",
    }
}

fn outcome(gate: &Http, answer: &HttpAnswer, words: BTreeMap<Word, String>) -> Outcome {
    let facts = AnswerFacts {
        status: answer.status,
        headers: answer.headers.clone(),
        body: &answer.body,
        words,
    };
    answer::evaluate(&gate.expect, &facts)
}

/// What words stand for, or what must be known before.
pub(super) fn words(
    used: impl IntoIterator<Item = Word>,
    asked: &Asked<'_>,
    desk: &mut Desk<'_>,
) -> Result<BTreeMap<Word, String>, Verdict> {
    let mut words = BTreeMap::new();
    for word in used {
        let value = match word {
            Word::Set => asked.id.to_string(),
            Word::Pipeline => asked.stage.pipeline.to_string(),
            Word::Stage => asked.stage.stage.to_string(),
            Word::Digest => only_digest(asked)?,
            Word::Version => version(asked, desk)?,
        };
        words.insert(word, value);
    }
    Ok(words)
}

fn only_digest(asked: &Asked<'_>) -> Result<String, Verdict> {
    let mut members = asked.set.members();
    match (members.next(), members.next()) {
        (Some((_, digest)), None) => Ok(digest.to_string()),
        _ => Err(Verdict::Refused {
            why: "`digest` stands for the only image, and here are several: use `set`".to_owned(),
        }),
    }
}

fn version(asked: &Asked<'_>, desk: &mut Desk<'_>) -> Result<String, Verdict> {
    let waiting = |why: String, until| Verdict::Waiting { why, until };
    match desk.labels_of(asked.set) {
        Known::Yes(_) => Ok(desk.version_of_set(asked.set)),
        Known::NotYet => Err(waiting("labels are not read yet".to_owned(), None)),
        Known::Failed(failure) => {
            let why = format!("labels could not be read: {}", failure.message);
            Err(waiting(why, failure.retry_at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::facts::{Answer, Failure, Outcome as Told};
    use crate::plan::kit::{Kit, at, pipeline};
    use crate::plan::{Observation, Plan, Question, State, plan};

    fn kit(gate: &str) -> Kit {
        let verify = format!("      verify: [{{http: {gate}}}]\n");
        Kit::new(&[("pipelines/myapp/pipeline.yaml", &pipeline(&verify, ""))])
            .moves("dev", "1")
            .moves("qa", "1")
    }

    fn asks(made: &Plan) -> Vec<HttpAsk> {
        let questions = made.questions.iter();
        let http = questions.filter_map(|question| match question {
            Question::Http(ask) => Some(ask.clone()),
            _ => None,
        });
        http.collect()
    }

    /// What prod says once the only question is answered so.
    fn told(mut obs: Observation, outcome: Told<HttpAnswer>) -> (State, String, Plan) {
        let first = plan(&obs);
        let [ask] = &asks(&first)[..] else {
            panic!("{:?}", first.questions);
        };
        let asked = Some(at(8));
        let at = obs.facts.now;
        obs.facts
            .http
            .insert(ask.clone(), Answer { at, asked, outcome });
        let made = plan(&obs);
        let prod = made.stages.iter().find(|s| s.key.stage.as_str() == "prod");
        let prod = prod.unwrap();
        (prod.state, prod.why.clone(), made.clone())
    }

    fn answer(status: u16, body: &str) -> Told<HttpAnswer> {
        Told::Ok(HttpAnswer {
            status,
            headers: BTreeMap::new(),
            body: body.to_owned(),
        })
    }

    const GATE: &str = "{url: 'https://h.example/{{stage}}/{{pipeline}}', expect: 'json.ok'}";

    #[test]
    fn an_answer_opens_or_waits_and_says_when_it_is_asked_again() {
        let obs = || kit(GATE).now(8).observe();
        let first = plan(&obs());
        let ask = &asks(&first)[0];
        assert_eq!(ask.url, "https://h.example/qa/myapp");
        assert!(ask.body && !ask.headers && !ask.left);
        assert!(first.is_empty(), "nothing goes on before it is answered");

        let (_, _, made) = told(obs(), answer(200, r#"{"ok": true}"#));
        assert!(made.changes.iter().any(|change| change.subject == "prod"));
        assert_eq!(made.valid_until, Some(at(9)));
        let (state, why, made) = told(obs(), answer(200, r#"{"ok": false}"#));
        assert_eq!((state, made.valid_until), (State::Waiting, Some(at(9))));
        assert!(
            why.contains("`json.ok` is false: h.example answered 200"),
            "{why}"
        );
        let (state, why, made) = told(obs(), answer(403, "{}"));
        assert_eq!((state, made.valid_until), (State::Waiting, Some(at(9))));
        assert!(
            why.contains("there is no `ok`: h.example answered 403 (no access)"),
            "{why}"
        );
        let failed = Told::Failed(Failure {
            reason: "InternalError".to_owned(),
            message: "`h.example` answers with status 503".to_owned(),
            canonical: String::new(),
            transient: true,
            party: None,
            retry_at: Some(at(12)),
        });
        let (state, why, made) = told(obs(), failed);
        assert_eq!((state, made.valid_until), (State::Waiting, Some(at(12))));
        assert!(why.contains("status 503"), "{why}");
    }

    #[test]
    fn what_can_never_be_asked_refuses_and_asks_nobody() {
        for (gate, words) in [
            (
                "{url: 'https://h/', expect: 'statuss == 200'}",
                "did you mean `status`?",
            ),
            ("{url: 'https://h/', expect: 'status =='}", "cannot be read"),
        ] {
            let made = plan(&kit(gate).now(8).observe());
            let prod = &made.stages[2];
            assert_eq!(prod.state, State::Refused);
            assert!(prod.why.contains(words), "{}", prod.why);
            assert!(asks(&made).is_empty());
        }
        let hostile = [("org.opencontainers.image.version", "..")];
        let gate = "{url: 'https://h/{{version}}/x', expect: 'true'}";
        let unread = plan(&kit(gate).now(8).observe());
        assert!(asks(&unread).is_empty(), "labels come first");
        let made = plan(&kit(gate).labels("1", &hostile).now(8).observe());
        for ask in asks(&made) {
            assert!(
                !ask.url.ends_with("/x") || ask.url.matches('/').count() == 4,
                "{}",
                ask.url
            );
        }
    }

    #[test]
    fn about_a_set_that_left_only_an_address_that_names_it_is_asked() {
        for (gate, left) in [
            ("{url: 'https://h/ok', expect: 'true'}", true),
            ("{url: 'https://h/{{digest}}', expect: 'true'}", false),
        ] {
            let obs = kit(gate)
                .moves("dev", "2")
                .moves("qa", "2")
                .now(9)
                .observe();
            let mut asked = asks(&plan(&obs));
            asked.sort_by_key(|ask| ask.left);
            assert_eq!(asked.len(), 2);
            assert_eq!(asked[1].left, left, "{gate}");
            assert!(!asked[0].left);
        }
    }
}
