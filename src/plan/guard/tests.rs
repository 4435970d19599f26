//! Guards held against whole plans: whoever may edit roads and environments drops no condition of the operator's.

use super::Guards;
use crate::model::{Delivery, Name, VerifyingKey};
use crate::plan::acts::{Person, promote};
use crate::plan::kit::Kit;
use crate::plan::report::{ChangeKind, StageReport, State};
use crate::plan::{Effect, Plan, Question, plan};

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
";

/// A repository whose prod takes what qa holds, with these lines under `qa`, under `prod`, and in the environment.
fn kit(qa: &str, prod: &str, environment: &str) -> Kit {
    let road = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {{name: myapp}}\nspec:\n  stages:\n    - {{name: dev, environments: []}}\n    - {{name: qa, environments: [], {qa}}}\n    - {{name: prod, from: [qa], {prod}}}\n"
    );
    let rules = format!(
        "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {{name: prod}}\nspec: {{delivery: commit, {environment}}}\n"
    );
    Kit::new(&[
        ("pipelines/myapp/pipeline.yaml", &road),
        ("environments/prod.yaml", &rules),
        ("keys/cosign.pub", KEY),
    ])
}

fn ready(kit: Kit) -> Kit {
    kit.moves("dev", "1").moves("qa", "1").now(60)
}

fn guarded(kit: Kit, guards: &str) -> Plan {
    let mut obs = kit.observe();
    let guards: Guards = serde_json::from_str(guards).unwrap();
    obs.facts.settings.guards = guards;
    plan(&obs)
}

fn stage<'p>(plan: &'p Plan, name: &str) -> &'p StageReport {
    let mut stages = plan.stages.iter();
    let found = stages.find(|s| s.key.stage.as_str() == name);
    found.unwrap_or_else(|| panic!("no {name} in {plan:#?}"))
}

fn moves_prod(plan: &Plan) -> bool {
    plan.changes.iter().any(|change| change.subject == "prod")
}

/// A plan that leaves prod alone for a guard, with what it says.
fn held(kit: Kit, guards: &str) -> StageReport {
    let plan = guarded(ready(kit), guards);
    assert!(!moves_prod(&plan), "{plan:#?}");
    let prod = stage(&plan, "prod").clone();
    assert_eq!(prod.state, State::Broken, "{prod:#?}");
    assert!(prod.why.starts_with("Guarded: "), "{}", prod.why);
    prod
}

#[test]
fn a_gate_that_the_operator_asks_for_stands_in_the_environment_or_in_the_pipeline() {
    let guards = r#"{"prod": {"gates": ["age"]}}"#;
    let prod = held(kit("", "", ""), guards);
    for words in ["guards.prod.gates", "a `age` gate", "environment prod"] {
        assert!(prod.why.contains(words), "{words}: {}", prod.why);
    }
    let help = prod.help.unwrap();
    for words in [
        "- age: ...",
        "`enter`",
        "environments/prod.yaml",
        "pipelines/myapp/pipeline.yaml",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
    let gate = "enter: [{age: 1m}]";
    for kit in [kit("", gate, ""), kit("", "", gate)] {
        assert!(moves_prod(&guarded(ready(kit), guards)));
    }
}

#[test]
fn what_is_verified_must_have_passed_before_it_comes() {
    let guards = r#"{"prod": {"gates": ["soak"]}}"#;
    let soak = "verify: [{soak: 1m}]";
    // After arrival it is too late.
    let prod = held(kit("", soak, ""), guards);
    let help = prod.help.unwrap();
    assert!(help.contains("under `verify` of stage qa"), "{help}");
    let plan = guarded(ready(kit(soak, "", "")), guards);
    assert!(moves_prod(&plan));
    let either = "from: {any: [dev, qa]}";
    let by_one = kit(soak, "", "").replace("from: [qa]", either);
    let prod = held(by_one, guards);
    assert!(prod.help.unwrap().contains("of stage dev"));
}

#[test]
fn an_expression_may_stand_on_either_side() {
    let guards = r#"{"prod": {"gates": ["expression"]}}"#;
    let prod = held(kit("", "", ""), guards);
    let help = prod.help.unwrap();
    assert!(help.contains("`enter`") && help.contains("`verify` of stage qa"));
    let gate = "[{expression: 'true'}]";
    let asked = |kit: Kit| {
        let plan = guarded(ready(kit), guards);
        let prod = stage(&plan, "prod");
        assert_ne!(prod.state, State::Broken, "{prod:#?}");
    };
    asked(kit(&format!("verify: {gate}"), "", ""));
    asked(kit("", &format!("enter: {gate}"), ""));
}

#[test]
fn a_first_stage_takes_nothing_in_without_what_the_operator_asks_for() {
    let guards = r#"{"d*": {"gates": ["signature", "soak"]}}"#;
    let kit = |dev: &str| kit("", "", "").replace("{name: dev, environments: []}", dev);
    let plan = guarded(kit("{name: dev, environments: [dev]}").now(1), guards);
    assert_eq!(stage(&plan, "dev").state, State::Broken);
    let environment = "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {delivery: commit}\n";
    let with = |dev: &str| {
        let kit = kit(dev).with("environments/dev.yaml", environment);
        guarded(kit.now(1), guards)
    };
    let plan = with("{name: dev, environments: [dev]}");
    let blocks = &stage(&plan, "dev").blocks;
    let guarded: Vec<_> = blocks.iter().filter(|b| b.reason == "Guarded").collect();
    assert_eq!(guarded.len(), 2, "{blocks:#?}");
    assert!(guarded[0].why.contains("guards.d*.gates"));
    let all = "{name: dev, environments: [dev], enter: [{signature: {key: keys/cosign.pub}}], verify: [{soak: 1m}]}";
    let plan = with(all);
    let blocks = &stage(&plan, "dev").blocks;
    assert!(blocks.iter().all(|b| b.reason != "Guarded"), "{blocks:#?}");
}

#[test]
fn what_the_operator_asks_for_is_not_skipped_whatever_the_environment_allows() {
    let kit = || {
        let allowed = "overrides: {skip: [soak]}";
        kit("verify: [{soak: 5h}]", "", allowed)
            .moves("dev", "1")
            .moves("qa", "1")
            .labels("1", &[("version", "1.0.0")])
            .now(60)
    };
    let person = Person {
        by: "mara@example.com".to_owned(),
        reason: "at once".to_owned(),
    };
    let skip: [Name; 1] = ["soak".parse().unwrap()];
    let asks = |guards: &str| {
        let mut obs = kit().observe();
        obs.facts.settings.guards = serde_json::from_str(guards).unwrap();
        promote(&obs, &"myapp/prod".parse().unwrap(), None, &skip, &person)
    };
    let other = asks(r#"{"prod": {"gates": ["workflow"]}}"#);
    assert!(other.is_ok(), "{other:?}");
    let refused = asks(r#"{"pr*": {"gates": ["soak"]}}"#)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("guards.pr*.gates"), "{refused}");
    let plan = guarded(kit(), r#"{"prod": {"gates": ["soak"]}}"#);
    let mut conditions = stage(&plan, "prod").conditions.iter();
    let soak = conditions.find(|c| c.kind == "soak").unwrap();
    let by = soak.set_by.as_deref().unwrap();
    assert!(
        by.contains("stage qa") && by.contains("guards.prod.gates"),
        "{by}"
    );
}

#[test]
fn a_key_that_the_operator_does_not_name_opens_no_gate() {
    let gate = "enter: [{signature: {key: keys/cosign.pub}}]";
    let asks = |plan: &Plan| {
        let mut questions = plan.questions.iter();
        questions.any(|q| matches!(q, Question::Signed(_)))
    };
    let ours = VerifyingKey::of_pem(KEY).unwrap().fingerprint();
    let named = guarded(
        ready(kit("", gate, "")),
        &format!(r#"{{"prod": {{"keys": ["{ours}"]}}}}"#),
    );
    assert!(asks(&named), "{named:#?}");
    let other = "ab".repeat(32);
    let guards = format!(r#"{{"prod": {{"keys": ["{other}"]}}, "p*": {{"keys": ["{ours}"]}}}}"#);
    for kit in [kit("", gate, ""), kit("", "", gate)] {
        let plan = guarded(ready(kit), &guards);
        let prod = stage(&plan, "prod");
        assert_eq!(prod.state, State::Refused, "each guard counts: {prod:#?}");
        for words in ["keys/cosign.pub", &ours.to_string(), "guards.prod.keys"] {
            assert!(prod.why.contains(words), "{words}: {}", prod.why);
        }
        assert!(!asks(&plan), "nobody is asked about that key");
    }
    let none = guarded(ready(kit("", "", "")), &guards);
    assert!(moves_prod(&none), "a list of keys asks for no signature");
}

#[test]
fn an_owner_has_to_approve_what_the_repository_would_push() {
    let guards = r#"{"prod": {"owners": ["@acme/release"], "gates": ["approvals"]}}"#;
    let plan = guarded(ready(kit("", "", "")), guards);
    assert!(!moves_prod(&plan) || stage(&plan, "prod").delivery == Delivery::PullRequest);
    let opens = |plan: &Plan| {
        let mut effects = plan.effects.iter();
        effects.any(
            |e| matches!(e, Effect::OpenPullRequest { branch, .. } if branch.contains("/prod/")),
        )
    };
    assert!(opens(&plan), "{plan:#?}");
    let mut conditions = stage(&plan, "prod").conditions.iter();
    let owner = conditions.find(|c| c.kind == "approvals").unwrap();
    assert_eq!(owner.name, "approval by 1 of @acme/release");
    assert!(!owner.verdict.is_open());
    let by = owner.set_by.as_deref().unwrap();
    assert!(by.starts_with("operator (guards.prod.owners)"), "{by}");
    // Others whom the repository asks come on top.
    let more = "approvals: {count: 2}";
    let plan = guarded(ready(kit("", "", more)), guards);
    let conditions = stage(&plan, "prod").conditions.iter();
    let asked: Vec<&str> = conditions
        .filter(|c| c.kind == "approvals")
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    let unnamed = held(kit("", "", ""), r#"{"prod": {"gates": ["approvals"]}}"#);
    assert!(unnamed.help.unwrap().contains("approvals: {count: 1"));
}

#[test]
fn what_a_pipeline_carries_comes_into_a_guarded_environment_by_a_stage_or_not_at_all() {
    let application = "applications: [{name: web, template: plain}]";
    let loose = || {
        let kit = kit("", "", application).replace(
            "{name: prod, from: [qa], }",
            "{name: prod, from: [qa], environments: []}",
        );
        kit.with(
            "templates/plain/pod.yaml.hbs",
            "image: {{image \"myapp:qa\"}}\n",
        )
    };
    let written = |plan: &Plan| {
        let mut files = plan.changes.iter().flat_map(|change| &change.files);
        files.any(|path| path.as_str().contains("rendered/web"))
    };
    let rendered = |guards: &str| {
        let mut obs = ready(loose()).observe();
        obs.facts.settings.guards = serde_json::from_str(guards).unwrap();
        plan(&obs)
    };
    let free = rendered(r#"{"prod": {"delivery": "commit"}}"#);
    assert!(written(&free), "{free:#?}");
    let fixed = rendered(r#"{"pr*": {"gates": ["age"]}}"#);
    assert!(!written(&fixed), "{fixed:#?}");
    let mut holds = fixed.holds.iter();
    let told = holds.any(|h| h.why.contains("by no stage") && h.why.contains("guards.pr*.gates"));
    assert!(told, "{:#?}", fixed.holds);
}

#[test]
fn environments_of_a_matrix_are_meant_by_the_beginning_of_their_names_and_guards_add_up() {
    let rules = "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: \"prod-{{region}}\"}\nspec:\n  matrix: {region: [eu, us]}\n  delivery: commit\n  enter: [{age: 1m}]\n";
    let road = |prod: &str| kit("", "", "").replace("{name: prod, from: [qa], }", prod);
    let prod = "{name: prod, from: [qa], environments: [prod-eu, prod-us]}";
    let kit = || road(prod).with("environments/prods.yaml", rules);
    let both = r#"{"prod-*": {"gates": ["age"]}, "prod-us": {"gates": ["window"]}, "dev": {"gates": ["http"]}}"#;
    let held = held(kit(), both);
    assert!(held.why.contains("guards.prod-us.gates"), "{}", held.why);
    assert_eq!(held.blocks.len(), 1, "{held:#?}");
    let owners = r#"{"prod-*": {"owners": ["@ann"]}, "*": {"owners": ["@bob"]}}"#;
    let plan = guarded(ready(kit()), owners);
    let conditions = stage(&plan, "prod").conditions.iter();
    let asked: Vec<&str> = conditions
        .filter(|c| c.kind == "approvals")
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(asked, ["approval by 1 of @bob", "approval by 1 of @ann"]);
}

#[test]
fn a_stage_that_lacks_a_gate_goes_back_all_the_same() {
    let verify =
        "verify: [{expression: 'image.labels[\"ok\"] == \"yes\"'}], autoRollback: {within: 1h}";
    let kit = kit("", verify, "").moves("dev", "1").moves("qa", "1");
    let kit = kit.moves("prod", "1").moves("dev", "2").moves("qa", "2");
    let kit = kit
        .labels("1", &[("ok", "yes")])
        .labels("2", &[("ok", "no")]);
    let kit = kit.moves("prod", "2").now(10);
    let plan = guarded(kit, r#"{"prod": {"gates": ["age"]}}"#);
    let blocks = &stage(&plan, "prod").blocks;
    assert!(blocks.iter().any(|b| b.reason == "Guarded"), "{blocks:#?}");
    let mut changes = plan.changes.iter();
    assert!(
        changes.any(|change| change.kind == ChangeKind::Rollback),
        "{plan:#?}"
    );
}
