//! Things by kind and name, and what is said where there is none.

use super::*;
use crate::cli::args::resource::asked;
use crate::manifests::world::assemble_all;

const ONE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const TWO: &str = "sha256:1122222222222222222222222222222222222222222222222222222222222222";

fn documents() -> Documents {
    let stream = |name: &str, namespace: &str, label: &str| {
        format!(
            "apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {{name: {name}, namespace: {namespace}, labels: {{team: {label}}}}}
spec:
  tags:
    - {{name: '1', from: {{kind: DockerImage, name: 'quay.io/acme/app:1'}}}}
    - {{name: latest, from: {{kind: ImageStreamTag, name: '1'}}}}
    - {{name: new, from: {{kind: DockerImage, name: 'quay.io/acme/app:2'}}}}
status:
  tags:
    - tag: '1'
      items:
        - {{created: '2026-01-05T09:00:00Z', dockerImageReference: 'quay.io/acme/app@{ONE}', image: '{ONE}', generation: 1}}
        - {{created: '2026-01-04T09:00:00Z', dockerImageReference: 'quay.io/acme/app@{TWO}', image: '{TWO}', generation: 1}}
"
        )
    };
    assemble_all(&[
        ("streams/app.yaml", &stream("app", "default", "web")),
        ("streams/db.yaml", &stream("db", "default", "data")),
        ("streams/other.yaml", &stream("app", "other", "web")),
        (
            "streams/bad.yaml",
            "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: bad}\nspec: {tags: 3}\n",
        ),
    ])
}

fn find(line: &str, everywhere: bool, labels: Option<&str>) -> Result<Vec<String>, CliError> {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let selector: Option<Selector> = labels.map(|text| text.parse().unwrap());
    let docs = documents();
    let asked = Asked {
        things: asked(&words)?,
        namespace: "default".parse().unwrap(),
        everywhere,
        selector: selector.as_ref(),
        now: "2026-01-05T09:00:00Z".parse().unwrap(),
    };
    let found = asked.find(&docs)?;
    let name = |thing: &Thing<'_>| format!("{}/{}", thing.key.namespace, thing.name());
    Ok(found.iter().map(name).collect())
}

fn names(line: &str) -> Vec<String> {
    find(line, false, None).unwrap()
}

#[test]
fn things_are_listed_by_kind_namespace_and_label() {
    assert_eq!(names("is"), ["default/app", "default/db"]);
    assert_eq!(find("is", true, None).unwrap().len(), 3);
    assert_eq!(
        find("is", true, Some("team=web")).unwrap(),
        ["default/app", "other/app"]
    );
    assert_eq!(
        find("is", false, Some("team=none")).unwrap(),
        Vec::<String>::new()
    );
    // What points to no image is no image stream tag.
    assert_eq!(
        find("istag", false, Some("team=web")).unwrap(),
        ["default/app:1", "default/app:latest"]
    );
    assert_eq!(
        find("imagetag", false, Some("team=web")).unwrap(),
        ["default/app:1", "default/app:latest", "default/app:new"]
    );
    let images = find("isimage", false, Some("team=web")).unwrap();
    assert_eq!(
        images,
        [format!("default/app@{ONE}"), format!("default/app@{TWO}")]
    );
}

#[test]
fn things_are_found_by_name_in_any_namespace() {
    assert_eq!(names("is other/app db"), ["other/app", "default/db"]);
    assert_eq!(
        names("is/app istag/other/app:1"),
        ["default/app", "other/app:1"]
    );
    assert_eq!(names("istag app:latest"), ["default/app:latest"]);
    assert_eq!(names("imagetag app:new"), ["default/app:new"]);
    for id in ["sha256:1111", "1111", ONE] {
        assert_eq!(
            names(&format!("isimage app@{id}")),
            [format!("default/app@{ONE}")]
        );
    }
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    for (line, exit, message, help) in [
        (
            "is ap",
            Exit::Usage,
            "no image stream `ap`",
            "did you mean `app`?",
        ),
        (
            "is none/app",
            Exit::Usage,
            "no image stream `none/app`",
            "known here",
        ),
        ("is A", Exit::Usage, "names no image stream", "write STREAM"),
        ("is bad", Exit::Invalid, "cannot be used", "headwater check"),
        ("istag app", Exit::Usage, "the tag is missing", "STREAM:TAG"),
        ("istag app:", Exit::Usage, "a part is empty", "STREAM:TAG"),
        ("istag app:1:2", Exit::Usage, "two colons", "STREAM:TAG"),
        (
            "istag app@sha256:1",
            Exit::Usage,
            "by its digest",
            "STREAM:TAG",
        ),
        (
            "istag app:lates",
            Exit::Usage,
            "has no tag `lates`",
            "did you mean `latest`?",
        ),
        (
            "istag none:1",
            Exit::Usage,
            "no image stream `none`",
            "known here",
        ),
        (
            "istag app:new",
            Exit::Failed,
            "points to no image yet",
            "`headwater status` says",
        ),
        (
            "isimage app",
            Exit::Usage,
            "the digest is missing",
            "STREAM@sha256",
        ),
        (
            "isimage app@",
            Exit::Usage,
            "a part is empty",
            "STREAM@sha256",
        ),
        ("isimage app@1@2", Exit::Usage, "two `@`", "STREAM@sha256"),
        (
            "isimage app@ff",
            Exit::Usage,
            "begins with `ff`",
            "describe is app",
        ),
        (
            "isimage app@sha256:11",
            Exit::Usage,
            "2 images of `app` begin",
            ONE,
        ),
    ] {
        let error = find(line, false, None).unwrap_err();
        assert_eq!(error.exit, exit, "{line}: {error}");
        assert!(error.message.contains(message), "{line}: {error}");
        let said = error.help.unwrap_or_default();
        assert!(said.contains(help), "{line}: {said}");
    }
}

#[test]
fn names_go_with_neither_labels_nor_all_namespaces() {
    assert!(find("is app", false, Some("a=b")).is_err());
    assert!(find("is app", true, None).is_err());
}
