//! `spec.dockerImageRepository`: a whole repository is imported by a pass, on a real registry and with the real program.

use super::follow::Real;
use crate::support::fault_proxy::{Fault, Rule};

/// How often lists and manifests were asked for.
fn requests(real: &Real) -> (usize, usize) {
    let seen = real.proxy().seen();
    let of = |part: &str| seen.iter().filter(|r| r.target.contains(part)).count();
    (of("/tags/list"), of("/manifests/"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_repository_is_imported_once_and_its_tags_are_tags_like_all_others() {
    let Some(real) = Real::watched().await else {
        return;
    };
    let push = |place: &str| real.registry.push_image(place, &[("at", place)], "amd64");
    let images = ["1.0", "latest", "odd"].map(|tag| (tag, push(&format!("k/all:{tag}"))));
    push("k/all:kept");
    let kept = push("k/else:1");
    let host = real.host();
    real.begin_with(&format!(
        "  dockerImageRepository: {host}/k/all # everything\n  tags:\n    - name: kept\n      from: {{kind: DockerImage, name: '{host}/k/else:1'}}\n"
    ));
    // While the list does not come, nothing is written but what a tag of its own wants.
    real.proxy()
        .rule(Rule::on("GET", "/tags/list"), Fault::status(503));
    let told = real.ends(&["run"], 75);
    assert!(
        told.contains("next try") && told.contains("waiting   repository "),
        "{told}"
    );
    assert_eq!(
        real.heads().into_iter().collect::<Vec<_>>(),
        [("k:kept".to_owned(), kept.clone())]
    );
    let lists = requests(&real).0;
    assert!(real.says(&["status"]).contains("next try"));
    real.ends(&["run"], 75);
    assert_eq!(requests(&real).0, lists, "not before its time");

    // One list, and each tag once; one commit holds wishes, sources and images.
    real.proxy().heal();
    real.proxy().forget();
    let before: usize = real
        .git(&["rev-list", "--count", "HEAD"])
        .trim()
        .parse()
        .unwrap();
    real.says(&["run", "--refresh"]);
    let count = || -> usize {
        real.git(&["rev-list", "--count", "HEAD"])
            .trim()
            .parse()
            .unwrap()
    };
    assert_eq!(count(), before + 1);
    let (lists, manifests) = requests(&real);
    // Three are new, and the one that was there is refreshed.
    assert_eq!((lists, manifests), (1, 4));
    let heads = real.heads();
    assert_eq!(heads.len(), 4, "{heads:?}");
    for (tag, image) in &images {
        assert_eq!(heads[&format!("k:{tag}")], *image, "{tag}");
    }
    assert_eq!(heads["k:kept"], kept, "whoever wished it keeps it");
    let text = real.git(&["show", "HEAD:pipelines/k/imagestream.yaml"]);
    assert!(
        text.contains("# everything") && !text.contains("scheduled"),
        "{text}"
    );
    assert!(real.says(&["check"]).contains("no problems") || real.says(&["check"]).is_empty());

    // Once: what comes later is not looked for, not even by somebody who remembers nothing.
    push("k/all:later");
    push("k/all:latest");
    real.proxy().forget();
    real.says(&["run"]);
    real.forget();
    real.says(&["run"]);
    assert_eq!((requests(&real), count()), ((0, 0), before + 1));
    // A tag of it that somebody has scheduled is looked at again like any other.
    real.edit(
        "- name: odd\n",
        "- name: odd\n      importPolicy: {scheduled: true}\n",
    );
    let newer = real
        .registry
        .push_image("k/all:odd", &[("at", "later")], "amd64");
    real.says(&["run", "--refresh"]);
    assert_eq!(real.heads()["k:odd"], newer);
    assert_eq!(requests(&real).0, 0);
}
