//! `check --online`: images that are recorded and that their registry has lost.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_their_registry_lost_are_told_and_what_is_not_known_is_not_guessed() {
    let line = Line::new().await;
    let _base = line.base();
    line.said(&["run"]).await;
    line.registry
        .push("acme/myapp", "main", build("1.2.1", "passed"));
    line.said(&["run", "--refresh"]).await;
    let before = line.registry.requests().len();
    let all = line.said(&["check", "--online"]).await;
    assert_eq!(all.code, 0, "{all:?}");
    let asked = line.registry.requests().split_off(before);
    let heads = asked.iter().filter(|r| r.method == "HEAD").count();
    assert_eq!(
        (heads, asked.len()),
        (4, 4),
        "one HEAD for each image: {asked:?}"
    );

    let other = EmbeddedRegistry::start().await.unwrap();
    other.push("acme/myapp", "main", build("1.2.1", "passed"));
    other.push("keycloak/keycloak", "25.0.2", build("25.0.2", "passed"));
    line.settings(&other.url());
    let lost = line.said(&["check", "--online"]).await;
    assert_eq!(lost.code, 3, "{lost:?}");
    lost.has(&[
        "error[HW0421]: keycloak:19.0 points to ",
        "warning[HW0421]: myapp:latest-dev, myapp:qa-stable cannot go back to ",
        "1 error, 2 warnings in 3 files",
    ]);
    let alone = line.said(&["check", "--online", "pipelines/myapp"]).await;
    assert_eq!(alone.code, 0, "{alone:?}");
    assert_eq!(
        line.said(&["check"]).await.code,
        0,
        "without it nobody is asked"
    );

    let known = line.machine.folder().join("known.txt");
    let known = ["check", "--baseline", known.to_str().unwrap()];
    let with = |more: &[&'static str]| [&known[..], more].concat();
    line.said(&with(&["--online", "--write-baseline"])).await;
    assert_eq!(line.said(&with(&["--online"])).await.code, 0);
    let offline = line.said(&known).await;
    assert!(!offline.stderr.contains("mended"), "{offline:?}");
    line.said(&with(&["--write-baseline"])).await;
    assert_eq!(line.said(&with(&["--online"])).await.code, 0, "still known");

    other.fail_next(503, 1000, Some(3600));
    let away = line.said(&with(&["--online"])).await;
    assert_eq!(away.code, 75, "{away:?}");
    assert!(!away.stderr.contains("mended"), "{away:?}");
    away.has(&["registry.example did not tell of 4 images"]);
    let folder = line.machine.folder();
    std::fs::write(
        folder.join("settings.yaml"),
        "registry: {allowed: [quay.io]}\n",
    )
    .unwrap();
    let refused = line.said(&["check", "--online"]).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    refused.has(&["registry.example did not tell of 4 images (Forbidden): "]);
}
