//! Problems as SARIF 2.1.0 for code scanning.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::manifests::{Diagnostic, Severity};

/// The whole log: one run, its rules, one result per problem. Where there is a baseline, each says whether that knows it.
pub(super) fn log(problems: &[Diagnostic], known: Option<&[Diagnostic]>) -> Value {
    let old = known.unwrap_or_default();
    let all = || problems.iter().chain(old);
    let codes: BTreeSet<&str> = all().map(|p| p.code.as_str()).collect();
    let rules: Vec<Value> = codes.iter().map(|code| json!({"id": code})).collect();
    let one =
        |problem: &Diagnostic| result(problem, codes.iter().position(|code| *code == problem.code));
    let mut results: Vec<Value> = problems.iter().map(one).collect();
    if known.is_some() {
        for result in &mut results {
            result["baselineState"] = json!("new");
        }
        results.extend(old.iter().map(|problem| {
            let mut result = one(problem);
            result["baselineState"] = json!("unchanged");
            result["suppressions"] = json!([{"kind": "external", "status": "accepted"}]);
            result
        }));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "headwater",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// Message, label and help as one text.
pub(super) fn message(problem: &Diagnostic) -> String {
    let mut text = problem.message.clone();
    if let Some(label) = &problem.label {
        text.push_str(&format!(": {label}"));
    }
    if let Some(help) = &problem.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    text
}

fn result(problem: &Diagnostic, rule: Option<usize>) -> Value {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut location = json!({"artifactLocation": {"uri": uri(problem.path.as_str())}});
    if let Some(place) = &problem.place {
        location["region"] = json!({
            "startLine": place.line,
            "startColumn": place.column,
            "endColumn": place.column + place.length,
        });
    }
    json!({
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": message(problem)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"headwater/v1": fingerprint(problem)},
    })
}

/// The same for the same problem when lines above it come and go.
fn fingerprint(problem: &Diagnostic) -> String {
    let mut hasher = Sha256::new();
    let message = problem.without_lines();
    for part in [&problem.code, problem.path.as_str(), &message] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex::encode(&hasher.finalize()[..16])
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Place;

    #[test]
    fn a_log_has_rules_results_and_places() {
        let path = "a b/ü.yaml".parse().unwrap();
        let place = Place {
            line: 2,
            column: 3,
            length: 4,
            text: String::new(),
        };
        let problems = [
            Diagnostic::warning(&path, "HW2", "odd").at(Some(place)),
            Diagnostic::error(&path, "HW1", "wrong").help("mend it"),
        ];
        let log = log(&problems, None);
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "HW1");
        let first = &run["results"][0];
        assert_eq!(first["ruleIndex"], 1);
        assert_eq!(first["level"], "warning");
        let place = &first["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/%C3%BC.yaml");
        assert_eq!(place["region"]["endColumn"], 7);
        assert_eq!(run["results"][1]["message"]["text"], "wrong\nhelp: mend it");
        assert_eq!(first["baselineState"], Value::Null);
    }

    #[test]
    fn what_a_baseline_knows_is_told_as_known() {
        let path = "a.yaml".parse().unwrap();
        let new = [Diagnostic::error(&path, "HW1", "wrong")];
        let known = [Diagnostic::warning(&path, "HW2", "odd")];
        let log = log(&new, Some(&known));
        let results = log["runs"][0]["results"].as_array().unwrap();
        let states: Vec<&Value> = results.iter().map(|r| &r["baselineState"]).collect();
        assert_eq!(states, ["new", "unchanged"]);
        assert_eq!(results[1]["suppressions"][0]["kind"], "external");
        assert_eq!(results[1]["ruleIndex"], 1);
    }
}
