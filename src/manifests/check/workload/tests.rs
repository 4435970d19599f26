//! Manifests with one oddity each, against one stream.

use super::*;
use crate::manifests::world::assemble_all as documents;

const STREAM: &str = "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: shop}
spec:
  lookupPolicy: {local: true}
  tags:
    - {name: stable, from: {kind: DockerImage, name: \"registry.example/acme/shop:main\"}}
";
const QUIET: &str = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: quiet}\nspec: {tags: [{name: latest}]}\n";

/// Codes, messages and help of a manifest.
fn said(text: &str) -> Vec<(String, String, String)> {
    let docs = documents(&[("streams/shop.yaml", STREAM), ("streams/quiet.yaml", QUIET)]);
    let found = manifest_findings(&"apps/web.yaml".parse().unwrap(), text, &docs);
    let parts = found.into_iter().map(|problem| {
        assert!(problem.place.is_some(), "{problem:?}");
        assert_eq!(problem.severity, crate::manifests::Severity::Warning);
        (
            problem.code,
            problem.message,
            problem.help.unwrap_or_default(),
        )
    });
    parts.collect()
}

fn deployment(annotations: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: {annotations}\nspec:\n  template:\n    spec:\n      containers:\n        - {{name: web, image: {image}}}\n"
    )
}

#[track_caller]
fn says(text: &str, expected: &[(&str, &str, &str)]) {
    let said = said(text);
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for ((code, message, help), (c, m, h)) in said.iter().zip(expected) {
        assert!(
            code == c && message.contains(m) && help.contains(h),
            "{said:#?}"
        );
    }
}

#[test]
fn short_names_that_no_stream_answers_for_are_told() {
    for image in [
        "shop:stable",
        "quay.io/x/y:1",
        "x/y",
        "\" \"",
        "shop@sha256:12",
    ] {
        says(&deployment("{}", image), &[]);
    }
    let none = [(
        "HW0801",
        "no image stream answers for `nginx`",
        "docker.io/library/nginx:1.2",
    )];
    says(&deployment("{}", "'nginx:1.2'"), &none);
    let near = [(
        "HW0801",
        "no image stream answers for `shpo`",
        "did you mean `shop`?",
    )];
    says(&deployment("{}", "shpo"), &near);
    let off = [(
        "HW0801",
        "`quiet` resolves no short names",
        "set image-lookup quiet, or deployments/web",
    )];
    says(&deployment("{}", "quiet"), &off);
    let tag = [("HW0801", "`shop` has no tag `latest`", "stable")];
    says(&deployment("{}", "shop"), &tag);
    says("kind: Service\nmetadata: {name: web}\n", &[]);
    says("a: [", &[]);
    let resolves = "kind: Pod\nmetadata: {name: p, annotations: {alpha.image.policy.openshift.io/resolve-names: '*'}}\nspec: {containers: [{name: a, image: quiet}]}\n";
    says(resolves, &[]);
}

/// A deployment with this trigger.
fn trigger(trigger: &str) -> String {
    deployment(
        &format!(
            "{{image.openshift.io/triggers: '[{}]'}}",
            trigger.replace('\'', "''")
        ),
        "\" \"",
    )
}

const GOOD: &str = r#""from":{"kind":"ImageStreamTag","name":"shop:stable"},"fieldPath":"spec.template.spec.containers[?(@.name==\"web\")].image""#;

#[test]
fn triggers_that_never_fire_are_told() {
    says(&trigger(&format!("{{{GOOD}}}")), &[]);
    says(&trigger(&format!(r#"{{{GOOD},"paused":true}}"#)), &[]);
    for (text, code, message, help) in [
        (
            format!(r#"{{{GOOD},"paused":"true"}}"#),
            "HW0802",
            "`paused` is \"true\", which is no boolean",
            "without quotes",
        ),
        (
            format!(r#"{{{GOOD},"pause":true}}"#),
            "HW0803",
            "no key `pause`",
            "did you mean `paused`?",
        ),
        (
            GOOD.replace(r#"\"web\""#, "'web'"),
            "HW0802",
            "single quotes",
            "name==\"NAME\"",
        ),
        (
            GOOD.replace("web", "wbe"),
            "HW0802",
            "no container at",
            "web",
        ),
        (
            GOOD.replace("spec.template.spec", "spec"),
            "HW0803",
            "does not begin with `spec.template.spec`",
            "write spec.template.spec",
        ),
        (
            GOOD.replace("ImageStreamTag", "DockerImage"),
            "HW0803",
            "kind ImageStreamTag",
            "STREAM:TAG",
        ),
        (
            GOOD.replace("shop:stable", "shop"),
            "HW0803",
            "`shop` names no tag",
            "no default tag",
        ),
        (
            GOOD.replace("shop:stable", "shop:nosuch"),
            "HW0803",
            "no tag `nosuch`",
            "stable",
        ),
        (
            GOOD.replace("shop:stable", "other:1"),
            "HW0803",
            "no image stream `other`",
            "",
        ),
        (
            format!("{GOOD}}},{{{GOOD}"),
            "HW0802",
            "two have the field path",
            "delete one",
        ),
    ] {
        let text = if text.starts_with('{') {
            text
        } else {
            format!("{{{text}}}")
        };
        says(&trigger(&text), &[(code, message, help)]);
    }
}

#[test]
fn triggers_that_nobody_reads_are_told() {
    says(
        &trigger("{"),
        &[("HW0802", "no list in JSON", "ImageStreamTag")],
    );
    let job = trigger(&format!("{{{GOOD}}}")).replace("Deployment", "Job");
    says(
        &job,
        &[("HW0802", "nobody looks at those of a Job", "CronJob")],
    );
}

#[test]
fn what_a_trigger_moves_is_no_unanswered_name() {
    let text = trigger(
        r#"{"from":{"kind":"ImageStreamTag","name":"shop:stable"},"fieldPath":"spec.template.spec.containers[0].image"}"#,
    );
    says(&text.replace("\" \"}", "placeholder}"), &[]);
}
