//! `importMode`: which digest is recorded of an image for several platforms, on a real registry and with the real program.

use super::follow::Real;
use crate::support::fault_proxy::{Fault, Rule};

fn tag(name: &str, from: &str, mode: &str, annotations: &str) -> String {
    format!(
        "    - name: {name}\n      annotations: {{{annotations}}}\n      from: {{kind: DockerImage, name: '{from}'}}\n      importPolicy: {{scheduled: true{mode}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_index_the_whole_or_one_image_is_recorded_as_the_mode_says() {
    let Some(real) = Real::start() else { return };
    let host = real.registry.host();
    let children: &[(&str, &[(&str, &str)])] = &[("arm64", &[]), ("amd64", &[]), ("s390x", &[])];
    let (index, images) = real.registry.push_index("k/k", "1", children).await;
    let (others, only) = real.registry.push_index("k/k", "2", &children[2..]).await;
    let alone = real.registry.push_image("k/k:3", &[("a", "1")], "arm64");
    let legacy = ", importMode: Legacy";
    let arm = "importer.image.openshift.io/prefer-arch: arm64";
    let at = |reference: &str| format!("{host}/k/k{reference}");
    let by_digest = format!("@{index}");
    let rows = [
        // No mode is `PreserveOriginal` here, by tag and by digest.
        ("none", ":1", "", "", &index),
        ("whole", ":1", ", importMode: PreserveOriginal", "", &index),
        (
            "wholeid",
            &*by_digest,
            ", importMode: PreserveOriginal",
            arm,
            &index,
        ),
        ("one", ":1", legacy, "", &images[1]),
        ("oneid", &*by_digest, legacy, "", &images[1]),
        ("arm", ":1", legacy, arm, &images[0]),
        // Of a digest nothing is chosen by annotations, and what is not there falls back.
        ("armid", &*by_digest, legacy, arm, &images[1]),
        (
            "nowhere",
            ":1",
            legacy,
            "importer.image.openshift.io/prefer-os: plan9",
            &images[1],
        ),
        ("first", ":2", legacy, arm, &only[0]),
        ("second", ":2", "", arm, &others),
        // An image alone is itself in every mode.
        ("alone", ":3", legacy, "", &alone),
        ("alonewhole", ":3", "", "", &alone),
    ];
    let spec = rows
        .iter()
        .map(|(name, from, mode, annotations, _)| tag(name, &at(from), mode, annotations));
    real.begin(&spec.collect::<String>());
    real.says(&["run"]);
    let heads = real.heads();
    for (name, .., wanted) in rows {
        assert_eq!(heads[&format!("k:{name}")], *wanted, "{name}");
    }
    // Asked again nothing changes, also by somebody who remembers nothing.
    let settled = real.git(&["rev-parse", "HEAD"]);
    real.says(&["run", "--refresh"]);
    real.forget();
    real.says(&["run"]);
    assert_eq!(real.git(&["rev-parse", "HEAD"]), settled);

    // Another mode is another wish: the next pass records what it says.
    real.edit("importMode: Legacy", "importMode: PreserveOriginal");
    real.says(&["run"]);
    let heads = real.heads();
    for (name, wanted) in [
        ("one", &index),
        ("armid", &index),
        ("first", &others),
        ("alone", &alone),
    ] {
        assert_eq!(heads[&format!("k:{name}")], *wanted, "{name}");
    }
    // `import-image` chooses alike.
    let target = "k:typed";
    let from = format!("--from={}", at(":1"));
    real.says(&[
        "import-image",
        target,
        &from,
        "-n",
        "team",
        "--import-mode",
        "Legacy",
        "--commit",
    ]);
    assert_eq!(real.heads()[target], images[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_read_is_a_failing_import() {
    let Some(real) = Real::start() else { return };
    let host = real.registry.host();
    let empty = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    let index = crate::support::docker_registry::INDEX;
    real.registry.put("k/k", "1", index, empty.to_owned()).await;
    let spec = tag("one", &format!("{host}/k/k:1"), ", importMode: Legacy", "");
    real.begin(&spec);
    let told = real.ends(&["run"], 4);
    assert!(told.contains("is an index without any image"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_cannot_be_read_is_tried_again_later_and_says_when() {
    let Some(real) = Real::watched().await else {
        return;
    };
    let children: &[(&str, &[(&str, &str)])] = &[("arm64", &[]), ("amd64", &[])];
    let (index, images) = real.registry.push_index("k/k", "1", children).await;
    let from = format!("{}/k/k:1", real.host());
    real.begin(&tag("one", &from, ", importMode: Legacy", ""));
    let lost = Rule::on("*", &format!("/manifests/{index}"));
    real.proxy().rule(lost, Fault::status(503));
    let told = real.ends(&["run"], 75);
    assert!(told.contains("next try"), "{told}");
    // Not at once again: nobody is asked, and what is told stays.
    let asked = real.proxy().seen().len();
    for _ in 0..2 {
        let told = real.ends(&["run"], 75);
        assert!(told.contains("next try"), "{told}");
    }
    assert_eq!(real.proxy().seen().len(), asked);
    let told = real.says(&["status"]);
    assert!(told.contains("next try"), "{told}");
    // Whoever wants to know now is told, and what comes is imported.
    real.proxy().heal();
    real.says(&["run", "--refresh"]);
    assert_eq!(real.heads()["k:one"], images[1]);
    assert!(!real.says(&["status"]).contains("next try"));
}
