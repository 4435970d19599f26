//! What is said before a hold is lifted: that the stage itself refused the set, or that its source never let it through.

use super::*;
use crate::plan::kit::{Kit, digest, pipeline};

const GATE: &str = "      verify: [{expression: 'image.labels[\"tests\"] == \"passed\"'}]\n";
const HOLD: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: h}\nspec: {pipeline: myapp, stages: [qa], reason: it went back, cause: rollback}\n";

/// `2` came to qa, which has that gate, and went back to `1`. It is labelled as told.
fn went_back(tests: &str, by: &str) -> Act {
    let files = [
        ("pipelines/myapp/pipeline.yaml", pipeline(GATE, "")),
        ("holds/h.yaml", HOLD.to_owned()),
    ];
    let kit = Kit::new(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
    let kit = kit.labels("1", &[("tests", "passed")]);
    let kit = kit.labels("2", &[("tests", tests)]);
    let kit = kit.moves("dev", "1").moves("qa", "1").moves("prod", "1");
    let kit = kit.moves("dev", "2").moves("qa", "2").rolls_back("qa", "1");
    let person = Person {
        by: "mara@example.com".to_owned(),
        reason: "again".to_owned(),
    };
    let set = (by == "myapp/prod").then(|| digest("2").short().to_owned());
    let key = by.parse().unwrap();
    unhold(&kit.now(60).observe(), &key, set.as_deref(), &person).unwrap()
}

#[test]
fn what_the_stage_itself_refused_is_said_to_be_refused_again() {
    let next = went_back("failed", "myapp/qa").next.unwrap();
    assert!(next.again);
    assert!(next.refused.unwrap().starts_with("expression: "));
    let next = went_back("passed", "myapp/qa").next.unwrap();
    assert_eq!((next.again, next.refused), (true, None));
}

#[test]
fn what_did_not_pass_its_source_is_said_to_stay_out_all_the_same() {
    let note = "this alone changes nothing: ";
    let said = |tests: &str| went_back(tests, "myapp/prod").notes;
    let failed = said("failed");
    assert!(
        failed
            .iter()
            .any(|said| said.starts_with(note) && said.contains("did not pass qa (expression")),
        "{failed:?}"
    );
    let passed = said("passed");
    assert!(
        !passed.iter().any(|said| said.starts_with(note)),
        "{passed:?}"
    );
}
