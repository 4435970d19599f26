//! `why` of each kind of gate in each of its states, as somebody reads it who has never seen one: from the files through the
//! plan to the words.

use std::collections::BTreeMap;

use super::samples::{frame, shown};
use crate::cli::view::Frame;
use crate::cli::view::why::WhyView;
use crate::model::workflow_run::{RunState, WorkflowRun};
use crate::model::{CommitCheck, CommitState, Party, Timestamp};
use crate::plan::facts::{Answer, ArgoCdFacts, Failure, HttpAnswer, ImageFacts, Outcome, Signed};
use crate::plan::kit::{Kit, at, digest};
use crate::plan::question::MOST_ROUNDS;
use crate::plan::{Effect, Observation, Question, plan};

/// What the world outside says when it is asked.
#[derive(Clone, Default)]
struct World {
    labels: Option<&'static str>,
    signed: Option<Result<Signed, &'static str>>,
    check: Option<(CommitState, &'static str)>,
    http: Option<Result<(u16, &'static str), &'static str>>,
    argocd: Option<Result<(&'static str, &'static str), &'static str>>,
    run: Option<Result<&'static str, &'static str>>,
}

/// One situation: what it is called, what is written below `qa` and below `prod`, and how the world is.
struct Case {
    title: &'static str,
    qa: &'static str,
    prod: &'static str,
    environment: &'static str,
    files: &'static [(&'static str, &'static str)],
    minutes: i64,
    world: World,
}

/// A set came to qa at 22:14 on Tuesday, 14 November 2023, and it is an hour later.
const fn case(title: &'static str) -> Case {
    Case {
        title,
        qa: "",
        prod: "",
        environment: "",
        files: &[],
        minutes: 61,
        world: World {
            labels: None,
            signed: None,
            check: None,
            http: None,
            argocd: None,
            run: None,
        },
    }
}

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEc0SY5F7cZZ3bHvgnkSRfAoLSOKIM
9Oswdp0hxMD8jH3RqZJNCoi+ZBGsIgX+yWkF0Ls5zF4Bvx4gVVwy0RzeIw==
-----END PUBLIC KEY-----
";

impl Case {
    fn told(&self) -> String {
        let pipeline = format!(
            "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: myapp}}\nspec:\n  stages:\n    - {{name: dev, environments: []}}\n    - name: qa\n{}    - name: prod\n      from: [qa]\n{}",
            self.qa, self.prod
        );
        let environment = |name: &str, rules: &str| {
            format!(
                "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: {name}}}\nspec:\n  delivery: commit\n{rules}"
            )
        };
        let application = "  applications: [{name: myapp, template: web}]\n";
        let qa = environment("qa", &format!("{application}{}", self.environment));
        let prod = environment("prod", "");
        let mut files = vec![
            ("pipelines/myapp/pipeline.yaml", pipeline.as_str()),
            ("environments/qa.yaml", &qa),
            ("environments/prod.yaml", &prod),
            ("keys/release.pub", KEY),
        ];
        files.extend(self.files);
        let kit = Kit::new(&files).moves("dev", "a").moves("qa", "a");
        let mut observation = kit.now(self.minutes).observe();
        let mut made = plan(&observation);
        for _ in 0..MOST_ROUNDS {
            self.world.answer(&mut observation, &made.questions);
            made = plan(&observation);
        }
        self.world.run(&mut observation, &made.effects);
        made = plan(&observation);
        let mut stages = made.stages.iter();
        let stage = stages.find(|s| s.key.to_string() == "myapp/prod").unwrap();
        let view = WhyView {
            stage,
            imported: Vec::new(),
            labels: &BTreeMap::new(),
            unaffected: 0,
            skippable: Vec::new(),
            can_go_back: false,
            overridden: None,
        };
        let frame = Frame {
            now: observation.facts.now,
            ..frame(Some(120))
        };
        format!("### {}\n{}", self.title, shown(&view, &frame))
    }
}

impl World {
    fn answer(&self, observation: &mut Observation, questions: &[Question]) {
        let now = observation.facts.now;
        let facts = &mut observation.facts;
        for question in questions {
            match question {
                Question::Describe(q) => {
                    let Some(labels) = self.labels else { continue };
                    let label = |pair: &str| {
                        let (name, value) = pair.split_once('=').unwrap();
                        (name.to_owned(), value.to_owned())
                    };
                    let image = ImageFacts {
                        labels: labels.split_whitespace().map(label).collect(),
                        ..ImageFacts::default()
                    };
                    facts.described.insert(q.clone(), answer(now, Ok(image)));
                }
                Question::Signed(q) => {
                    if let Some(signed) = self.signed {
                        facts.signed.insert(q.clone(), answer(now, signed));
                    }
                }
                Question::Checks(commit) => {
                    let checks = self.check.map(|(state, name)| CommitCheck {
                        name: name.to_owned(),
                        state,
                        at: Some(at(20)),
                        words: String::new(),
                    });
                    let all = checks.into_iter().collect();
                    facts.checks.insert(commit.clone(), Outcome::Ok(all));
                }
                Question::Http(q) => {
                    let Some(http) = self.http else { continue };
                    let told = http.map(|(status, body)| HttpAnswer {
                        status,
                        body: body.to_owned(),
                        ..HttpAnswer::default()
                    });
                    facts.http.insert(q.clone(), answer(now, told));
                }
                Question::ArgoCd(q) => {
                    let Some(argocd) = self.argocd else { continue };
                    let told = argocd.map(|(sync, health)| ArgoCdFacts {
                        sync: sync.to_owned(),
                        health: health.to_owned(),
                        since: Some(at(10)),
                        images: vec![format!("q.io/acme/myapp@{}", digest("a"))],
                        ..ArgoCdFacts::default()
                    });
                    facts.argocd.insert(q.clone(), answer(now, told));
                }
                Question::Runs(q) => {
                    let told = match self.run {
                        Some(Err(why)) => Outcome::Failed(failed(why)),
                        Some(Ok(_)) | None => Outcome::Ok(Vec::new()),
                    };
                    facts.runs.insert(q.clone(), told);
                }
                _ => {}
            }
        }
    }

    /// The workflow that a plan wants to have started was started, and fares as it is said.
    fn run(&self, observation: &mut Observation, effects: &[Effect]) {
        let Some(Ok(state)) = self.run else { return };
        let dispatches = effects.iter().filter_map(|effect| match effect {
            Effect::DispatchWorkflow { dispatch, .. } => Some(dispatch),
            _ => None,
        });
        for dispatch in dispatches {
            let run = WorkflowRun {
                id: 7,
                key: Some(dispatch.key.clone()),
                state: match state {
                    "success" => RunState::Success,
                    "" => RunState::UnderWay,
                    word => RunState::Failure(word.to_owned()),
                },
                at: at(2),
                url: "https://github.com/acme/e2e/actions/runs/7".to_owned(),
            };
            for told in observation.facts.runs.values_mut() {
                *told = Outcome::Ok(vec![run.clone()]);
            }
        }
    }
}

fn failed(why: &str) -> Failure {
    Failure {
        reason: "Unknown".to_owned(),
        message: why.to_owned(),
        canonical: why.to_owned(),
        transient: true,
        party: Some(Party::Operator),
        retry_at: Some(at(66)),
    }
}

fn answer<T>(now: Timestamp, told: Result<T, &str>) -> Answer<T> {
    Answer {
        at: now,
        asked: None,
        outcome: told.map_or_else(|why| Outcome::Failed(failed(why)), Outcome::Ok),
    }
}

fn told(cases: &[Case]) -> String {
    let told: Vec<String> = cases.iter().map(Case::told).collect();
    told.join("\n")
}

#[test]
fn age() {
    let prod = |minimum: &'static str| Case {
        prod: minimum,
        ..case("")
    };
    insta::assert_snapshot!(told(&[
        Case {
            title: "old enough",
            ..prod("      enter: [{age: 30m}]\n")
        },
        Case {
            title: "not old enough yet",
            ..prod("      enter: [{age: 2h}]\n")
        },
        Case {
            title: "counted from when it came to qa",
            ..prod("      enter: [{age: {min: 2h, since: entered}}]\n")
        },
    ]));
}

#[test]
fn window() {
    let enter = |prod: &'static str| Case { prod, ..case("") };
    insta::assert_snapshot!(told(&[
        Case {
            title: "open now",
            ..enter("      enter: [{window: {allow: [\"Mon-Fri 20:00-24:00\"], timeZone: UTC}}]\n")
        },
        Case {
            title: "opens tomorrow",
            ..enter(
                "      enter: [{window: {allow: [\"Mon-Thu 09:00-16:00\"], timeZone: Europe/Berlin}}]\n"
            )
        },
        Case {
            title: "shut by a deny",
            ..enter(
                "      enter: [{window: {allow: [\"Mon-Sun 00:00-24:00\"], deny: [\"Tue 23:00-24:00\"], timeZone: UTC}}]\n"
            )
        },
        Case {
            title: "by a calendar of cron",
            ..enter(
                "      enter: [{window: {allow: [{cron: \"0 9 1 * *\", for: 8h}], timeZone: UTC}}]\n"
            )
        },
    ]));
}

#[test]
fn freeze() {
    const FREEZE: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Freeze\nmetadata: {name: sale}\nspec: {environments: [prod], from: \"2023-11-14T20:00\", until: \"2023-11-20T08:00\", timeZone: Europe/Berlin, reason: CHG-4711}\n";
    const LATER: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Freeze\nmetadata: {name: sale}\nspec: {environments: [\"prod*\"], from: \"2023-12-01T20:00\", reason: CHG-4712}\n";
    insta::assert_snapshot!(told(&[
        Case {
            title: "in force",
            files: &[("freezes/sale.yaml", FREEZE)],
            ..case("")
        },
        Case {
            title: "begins later",
            files: &[("freezes/sale.yaml", LATER)],
            ..case("")
        },
    ]));
}

#[test]
fn signature() {
    let enter = |title, signed| Case {
        title,
        prod: "      enter: [{signature: {key: keys/release.pub}}]\n",
        world: World {
            signed,
            ..World::default()
        },
        ..case("")
    };
    let found = |found, by_key| Some(Ok(Signed { found, by_key }));
    insta::assert_snapshot!(told(&[
        enter("signed by the key", found(1, true)),
        enter("signed by another key", found(2, false)),
        enter("not signed", found(0, false)),
        enter(
            "the registry does not tell",
            Some(Err("registry.example answered 503"))
        ),
        Case {
            title: "a key that is not there",
            prod: "      enter: [{signature: {key: keys/nobody.pub}}]\n",
            ..case("")
        },
    ]));
}

#[test]
fn expression() {
    let verify = |title, labels| Case {
        title,
        qa: "      verify:\n        - expression: 'image.labels[\"tests\"] == \"passed\"'\n",
        world: World {
            labels,
            ..World::default()
        },
        ..case("")
    };
    insta::assert_snapshot!(told(&[
        verify("true", Some("tests=passed")),
        verify("false", Some("tests=failed")),
        verify("a label that is not there", Some("other=1")),
        verify("labels that are not read yet", None),
    ]));
}

#[test]
fn soak() {
    let verify = |title, minutes| Case {
        title,
        qa: "      verify: [{soak: 30m}]\n",
        minutes,
        ..case("")
    };
    insta::assert_snapshot!(told(&[verify("soaked", 61), verify("soaks", 11)]));
}

#[test]
fn checks() {
    let verify = |title, check| Case {
        title,
        qa: "      verify: [{checks: [e2e]}]\n",
        world: World {
            check,
            ..World::default()
        },
        ..case("")
    };
    insta::assert_snapshot!(told(&[
        verify("well", Some((CommitState::Success, "e2e"))),
        verify("not well", Some((CommitState::Failure, "e2e"))),
        verify("not done", Some((CommitState::Pending, "e2e"))),
        verify(
            "nothing said of it",
            Some((CommitState::Success, "another"))
        ),
    ]));
}

#[test]
fn deployed_by_a_check() {
    let environment = |title, check| Case {
        title,
        qa: "      verify: [{soak: 30m}]\n",
        environment: "  deployed: {check: \"argocd/{{app}}-{{environment}}\", timeout: 2h}\n",
        world: World {
            check,
            ..World::default()
        },
        ..case("")
    };
    insta::assert_snapshot!(told(&[
        environment("it runs", Some((CommitState::Success, "argocd/myapp-qa"))),
        environment(
            "it does not run",
            Some((CommitState::Failure, "argocd/myapp-qa"))
        ),
        environment("nothing said yet", None),
        Case {
            minutes: 240,
            ..environment("nothing said in its time", None)
        },
    ]));
}

#[test]
fn deployed_by_argo_cd() {
    let environment = |title, argocd| Case {
        title,
        qa: "      verify: [{soak: 30m}]\n",
        environment: "  deployed: {argocd: {server: eu, app: \"{{app}}-{{environment}}\"}, timeout: 2h}\n",
        world: World {
            argocd,
            ..World::default()
        },
        ..case("")
    };
    insta::assert_snapshot!(told(&[
        environment("it runs", Some(Ok(("Synced", "Healthy")))),
        environment("it comes up", Some(Ok(("Synced", "Progressing")))),
        environment("it does not run", Some(Ok(("Synced", "Degraded")))),
        environment(
            "the server does not answer",
            Some(Err("argocd.eu.example did not answer in 10 s"))
        ),
    ]));
}

#[test]
fn http() {
    let verify = |title, http| Case {
        title,
        qa: "      verify:\n        - http: {url: \"https://slo.example/api/{{stage}}\", expect: 'json.errors < 5'}\n",
        world: World {
            http,
            ..World::default()
        },
        ..case("")
    };
    insta::assert_snapshot!(told(&[
        verify("true", Some(Ok((200, "{\"errors\": 2}")))),
        verify("false", Some(Ok((200, "{\"errors\": 7}")))),
        verify("an answer that is none", Some(Ok((200, "<html>")))),
        verify(
            "a host that does not answer",
            Some(Err("slo.example did not answer in 10 s"))
        ),
        verify("not asked yet", None),
    ]));
}

#[test]
fn workflow() {
    let verify = |title, run| Case {
        title,
        qa: "      verify:\n        - workflow: {repository: acme/e2e, file: e2e.yaml, timeout: 2h}\n",
        world: World {
            run,
            ..World::default()
        },
        ..case("")
    };
    insta::assert_snapshot!(told(&[
        verify("it ran and succeeded", Some(Ok("success"))),
        verify("it runs", Some(Ok(""))),
        verify("it failed", Some(Ok("failure"))),
        verify("it is started", None),
        verify(
            "the forge does not tell",
            Some(Err("the offline forge has no workflows"))
        ),
        Case {
            minutes: 240,
            ..verify("it did not end in its time", Some(Ok("")))
        },
    ]));
}
