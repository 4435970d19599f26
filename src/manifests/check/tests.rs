//! Every rule over all documents, on the smallest change of a sound repository that breaks it.

use crate::manifests::world::assemble_all;
use crate::manifests::{Documents, Severity};

const PIPELINE: &str = "\
apiVersion: headwater.dev/v1alpha1
kind: Pipeline
metadata: {name: shop}
spec:
  stages:
  - name: dev
    tag: latest-dev
  - name: qa
    verify: [{soak: 30m}]
  - name: prod
    from: [qa]
    releaseTag: \"v{{version.majorMinor}}\"
";
const STREAM: &str = "\
apiVersion: image.openshift.io/v1
kind: ImageStream
metadata: {name: shop}
spec:
  tags:
  - {name: latest-dev, from: {kind: DockerImage, name: r.example/shop}, importPolicy: {scheduled: true}}
";
const ENVIRONMENT: &str = "\
apiVersion: headwater.dev/v1alpha1
kind: Environment
metadata: {name: NAME}
spec:
  delivery: pullRequest
  deployed: {check: argo}
  enter: [{window: {allow: [\"Mon 09:00-16:00\"], timeZone: Europe/Berlin}}]
  applications:
  - {name: shop, template: web}
";
const HOLD: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Hold\nmetadata: {name: h}\nspec: {pipeline: shop, stages: [prod], reason: r}\n";
const FREEZE: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Freeze\nmetadata: {name: f}\nspec: {environments: [\"prod*\"], reason: r, timeZone: UTC}\n";

/// A sound repository with one piece of one file replaced, and more files.
fn repository(path: &str, old: &str, new: &str, more: &[(&str, &str)]) -> Documents {
    let mut files: Vec<(String, String)> = vec![
        (
            "pipelines/shop/pipeline.yaml".to_owned(),
            PIPELINE.to_owned(),
        ),
        (
            "pipelines/shop/imagestream.yaml".to_owned(),
            STREAM.to_owned(),
        ),
        (
            "templates/web/deployment.yaml.hbs".to_owned(),
            String::new(),
        ),
        ("holds/h.yaml".to_owned(), HOLD.to_owned()),
        ("freezes/f.yaml".to_owned(), FREEZE.to_owned()),
    ];
    for name in ["dev", "qa", "prod"] {
        files.push((
            format!("environments/{name}.yaml"),
            ENVIRONMENT.replace("NAME", name),
        ));
    }
    for (file, text) in &mut files {
        if file == path {
            assert!(text.contains(old), "{path} has no {old:?}");
            *text = text.replace(old, new);
        }
    }
    files.extend(more.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    assemble_all(&files)
}

/// The problems as `file:line:column code message | label | help`.
fn said(documents: &Documents) -> Vec<String> {
    documents
        .problems
        .iter()
        .map(|p| {
            let place = p
                .place
                .as_ref()
                .map_or((0, 0), |place| (place.line, place.column));
            let mut line = format!(
                "{}:{}:{} {} {}",
                p.path, place.0, place.1, p.code, p.message
            );
            for more in [&p.label, &p.help].into_iter().flatten() {
                line.push_str(&format!(" | {more}"));
            }
            line
        })
        .collect()
}

const PIPE: &str = "pipelines/shop/pipeline.yaml";
const IS: &str = "pipelines/shop/imagestream.yaml";
const PROD: &str = "environments/prod.yaml";

fn check(path: &str, old: &str, new: &str, expected: &[&str]) -> Documents {
    let documents = repository(path, old, new, &[]);
    let found = said(&documents);
    assert_eq!(
        found.len(),
        expected.len(),
        "{old:?} -> {new:?}: {found:#?}"
    );
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.starts_with(expected),
            "{new:?}:\n found  {found}\n wanted {expected}"
        );
    }
    documents
}

#[test]
fn a_sound_repository_has_no_problem_and_nothing_broken() {
    let documents = repository("", "", "", &[]);
    assert_eq!(said(&documents), Vec::<String>::new());
    assert!(documents.broken_pipelines.is_empty() && documents.broken_applications.is_empty());
    assert_eq!(documents.brakes_unreadable, None);
}

/// What is replaced in the pipeline, by what, and what is said then.
const WRONG_STAGES: &[(&str, &str, &str)] = &[
    (
        "from: [qa]",
        "from: [qaa]",
        "pipelines/shop/pipeline.yaml:11:12 HW0112 unknown stage `qaa` | besides `prod` this pipeline has dev, qa | did you mean `qa`?",
    ),
    (
        "from: [qa]",
        "from: {any: [qa, canary]}",
        "pipelines/shop/pipeline.yaml:11:22 HW0112 unknown stage `canary` | besides `prod` this pipeline has dev, qa | write one of those",
    ),
    (
        "from: [qa]",
        "approvals: {count: 1}",
        "pipelines/shop/pipeline.yaml:10:11 HW0113 stage `prod` does not say where it takes sets from | dev, qa come before it | write from: [qa]",
    ),
    (
        "from: [qa]",
        "from: [qa, prod]",
        "pipelines/shop/pipeline.yaml:11:16 HW0111 stage `prod` takes sets from itself",
    ),
    (
        "tag: latest-dev",
        "tag: latest-dev\n    from: [prod]",
        "pipelines/shop/pipeline.yaml:8:11 HW0114 stages take sets from each other in a circle: dev -> qa -> prod -> dev",
    ),
    (
        "name: qa",
        "name: qa\n    tag: latest-dev",
        "pipelines/shop/pipeline.yaml:7:10 HW0115 `default/shop:latest-dev` is written by 2 stages | also by `shop/qa`",
    ),
    (
        "v{{version.majorMinor}}",
        "qa",
        "pipelines/shop/pipeline.yaml:12:17 HW0116 the release tag `qa` is the tag of stage `shop/qa`",
    ),
    (
        "[{soak: 30m}]",
        "[{age: 30m}]",
        "pipelines/shop/pipeline.yaml:9:15 HW0117 `age` has no meaning under `verify` | move it to `enter` of a stage",
    ),
    (
        "verify: [{soak: 30m}]",
        "enter: [{soak: 30m}]",
        "pipelines/shop/pipeline.yaml:9:14 HW0117 `soak` has no meaning under `enter`",
    ),
    (
        "verify: [{soak: 30m}]",
        "enter: [{window: {timeZone: Europe/Berln, allow: [Mon]}}]",
        "pipelines/shop/pipeline.yaml:9:33 HW0118 unknown time zone `Europe/Berln` | did you mean `Europe/Berlin`?",
    ),
    (
        "from: [qa]",
        "from: [qa]\n    approvals: {count: 3, from: [\"@ann\", \"@Ann\", ben]}",
        "pipelines/shop/pipeline.yaml:12:24 HW0119 3 of 2 can never approve: nobody counts twice | name more people or a team under `from`, or ask for fewer",
    ),
    (
        "from: [qa]",
        "from: [qa]\n    approvals: {count: 1, from: [\"@acme/release\", \"@\"]}",
        "pipelines/shop/pipeline.yaml:12:51 HW0119 `@` names nobody | write an account or a team as CODEOWNERS does: `@ann`, `@acme/release`",
    ),
    (
        "verify: [{soak: 30m}]",
        "enter: [{window: {timeZone: Europe/Berlin}}]",
        "pipelines/shop/pipeline.yaml:9:22 HW0120 this window has no times, so it is always open | write `allow: [\"Mon-Thu 09:00-16:00\"]`, or take the window out",
    ),
    (
        "verify: [{soak: 30m}]",
        "enter: [{window: {timeZone: UTC, allow: [\"Mon 08:00-09:00\"], deny: [Mon]}}]",
        "pipelines/shop/pipeline.yaml:9:22 HW0120 this window is never open: `deny` covers every time of `allow` | nothing would ever enter; leave some time of `allow` free",
    ),
    (
        "verify: [{soak: 30m}]",
        "enter: [{window: {timeZone: Europe/Berlin, allow: [Tue-Sun]}}]",
        "pipelines/shop/pipeline.yaml:9:12 HW0120 the windows of stage `qa` are never open at the same time (environments/qa.yaml, this stage) | a set enters only while all of them are open: let them share some time, or make a stage of each environment",
    ),
    (
        "verify: [{soak: 30m}]",
        "enter: [{window: {timeZone: UTC, allow: [\"Mo 08:00-09:00\"]}}]",
        "pipelines/shop/pipeline.yaml:9:46 HW0006 `Mo 08:00-09:00` names no day in `Mo`: write days, times, or both, as `Mon-Thu 09:00-16:00`, `Sat,Sun` or `22:00-02:00`",
    ),
    (
        "  stages:\n",
        "  streams: [shop, till]\n  stages:\n",
        "pipelines/shop/pipeline.yaml:5:19 HW0102 there is no image stream `default/till`",
    ),
    (
        "verify: [{soak: 30m}]",
        "environments: [qa, stagging]",
        "pipelines/shop/pipeline.yaml:9:24 HW0103 there is no environment `stagging` | known here: dev, prod, qa (`environments: []`",
    ),
    (
        "from: [qa]",
        "from: [qa]\n    approvedBy: qq",
        "pipelines/shop/pipeline.yaml:12:17 HW0112 unknown stage `qq`",
    ),
];

#[test]
fn what_would_loosen_an_environment_is_told_with_the_file_that_sets_the_floor() {
    check(
        PIPE,
        "from: [qa]",
        "from: [qa]\n    delivery: commit",
        &["pipelines/shop/pipeline.yaml:12:5 HW0007 unknown field `delivery`"],
    );
    let documents = repository(PIPE, "from: [qa]", "from: [qa]\n    delivery: commit", &[]);
    assert!(said(&documents)[0].contains("a rule of the environment"));
    let prod = ENVIRONMENT.replace("NAME", "prod");
    let prod = prod.replace(
        "delivery: pullRequest",
        "delivery: pullRequest\n  approvals: {count: 2, from: [\"@acme/release\"]}",
    );
    let prod = prod.replace("enter: [{window", "enter: [{age: 2h}, {window");
    let weak = "from: [qa]\n    approvals: {count: 1}\n    enter: [{age: 1h}, {age: 3h}]";
    let files = [("environments/prod.yaml", prod.as_str())];
    let found = said(&repository(PIPE, "from: [qa]", weak, &files));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("pipelines/shop/pipeline.yaml:12:24 HW0122 this changes nothing: environments/prod.yaml asks for 2 approvals"),
        "{found:#?}"
    );
    assert!(
        found[1].starts_with("pipelines/shop/pipeline.yaml:13:13 HW0122 this changes nothing: environments/prod.yaml wants an age of 2h"),
        "{found:#?}"
    );
}

#[test]
fn pull_requests_are_not_grouped_for_no_time() {
    let group = "delivery: pullRequest\n  pullRequest: {group: 0s}";
    let documents = repository(
        "environments/prod.yaml",
        "delivery: pullRequest",
        group,
        &[],
    );
    let found = said(&documents);
    let place = "environments/prod.yaml:6:24 HW0006 in no time nothing becomes ready together";
    assert!(found.iter().any(|f| f.starts_with(place)), "{found:#?}");
}

#[test]
fn a_hold_of_a_digest_that_no_stream_records_is_told_and_holds_all_the_same() {
    let digest = format!("{}{}", "sha256:", "ab".repeat(32));
    let hold = HOLD.replace("reason:", &format!("digest: \"{digest}\", reason:"));
    let documents = repository(PIPE, "from: [qa]", "from: [qa]", &[("holds/h.yaml", &hold)]);
    let found = said(&documents);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("HW0302 this holds nothing yet"),
        "{found:#?}"
    );
    assert!(documents.brakes_unreadable.is_none());
}

#[test]
fn a_hold_that_a_rollback_left_for_a_pipeline_that_vanished_holds_nobody_else() {
    for (cause, holds_everything) in [("rollback", false), ("person", true)] {
        let hold = HOLD.replace("pipeline: shop", "pipeline: gone");
        let hold = hold.replace("reason: r", &format!("reason: r, cause: {cause}"));
        let files = [("holds/h.yaml", hold.as_str())];
        let documents = repository(PIPE, "from: [qa]", "from: [qa]", &files);
        let found = said(&documents);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].contains("there is no pipeline `gone`"),
            "{found:#?}"
        );
        assert_eq!(documents.brakes_unreadable.is_some(), holds_everything);
    }
}

#[test]
fn a_stage_goes_back_by_itself_only_where_it_ever_can() {
    let auto = "autoRollback: {within: 1h}";
    check(
        PIPE,
        "from: [qa]",
        &format!("from: [qa]\n    environments: []\n    {auto}"),
        &[
            "pipelines/shop/pipeline.yaml:13:19 HW0121 nothing ever refuses a set in stage `prod`, so it never goes back",
        ],
    );
    // The imports and promotions of a pipeline do not wait for what only guards one of its stages.
    let first = format!("tag: latest-dev\n    {auto}");
    let first = repository(PIPE, "tag: latest-dev", &first, &[]);
    assert_eq!(
        said(&first),
        [
            "pipelines/shop/pipeline.yaml:8:19 HW0121 stage `dev` takes what the registry offers, which would come again at once, so it never goes back by itself | leave autoRollback out, or put it on a later stage"
        ]
    );
    assert_eq!(first.errors().count(), 0);
    assert_eq!(first.broken_pipelines.len(), 0);
    let good = format!("from: [qa]\n    {auto}\n    verify: [{{soak: 30m}}]");
    check(PIPE, "from: [qa]", &good, &[]);
    check(
        PIPE,
        "from: [qa]",
        "from: [qa]\n    autoRollback: {}",
        &["pipelines/shop/pipeline.yaml:12:19 HW0008 field `within` is missing"],
    );
}

#[test]
fn a_stage_vouches_for_another_only_where_people_approve() {
    let by = |stage: &str| format!("from: [qa]\n    approvedBy: {stage}");
    let qa = ENVIRONMENT.replace("NAME", "qa");
    let qa = qa.replace("delivery: pullRequest", "delivery: commit");
    let expect = |stage: &str, expected: &str| {
        let by_commit = [("environments/qa.yaml", qa.as_str())];
        let documents = repository(PIPE, "from: [qa]", &by(stage), &by_commit);
        let found = said(&documents);
        assert!(
            found.iter().any(|said| said.starts_with(expected)),
            "{found:#?}"
        );
        assert!(!documents.broken_pipelines.is_empty());
    };
    expect(
        "prod",
        "pipelines/shop/pipeline.yaml:12:17 HW0119 stage `prod` cannot vouch for itself",
    );
    expect(
        "qa",
        "pipelines/shop/pipeline.yaml:12:17 HW0119 stage `qa` is delivered by commit, so nobody approves anything there",
    );
}

#[test]
fn wrong_stages_break_their_pipeline_by_name() {
    for (old, new, expected) in WRONG_STAGES {
        let documents = repository(PIPE, old, new, &[]);
        let found = said(&documents);
        assert!(
            found[0].starts_with(expected),
            "{new}:\n found  {found:#?}\n wanted {expected}"
        );
        // An environment is the affair of the stages that name it.
        let broken = usize::from(!new.starts_with("environments:"));
        assert_eq!(documents.broken_pipelines.len(), broken, "{new}");
        assert!(documents.errors().next().is_some(), "{new}");
    }
    let documents = repository(
        PIPE,
        "  - name: prod\n    from: [qa]",
        "  - name: qa\n    from: [dev]",
        &[],
    );
    assert!(
        said(&documents)
            .iter()
            .any(|line| line.contains("HW0110 a second stage `qa`"))
    );
    let none = repository(
        PIPE,
        PIPELINE,
        &format!("{} []\n", PIPELINE.split("\n  - ").next().unwrap()),
        &[],
    );
    assert!(
        said(&none)[1].contains("HW0104 a pipeline without stages"),
        "{:?}",
        said(&none)
    );
}

#[test]
fn stages_of_different_pipelines_never_write_one_tag() {
    let other = PIPELINE
        .replace("{name: shop}", "{name: rival}")
        .replace("  stages:", "  streams: [shop]\n  stages:");
    let documents = repository("", "", "", &[("pipelines/rival.yaml", &other)]);
    let twice: Vec<String> = said(&documents)
        .into_iter()
        .filter(|line| line.contains("HW0115"))
        .collect();
    assert_eq!(twice.len(), 6);
    assert!(twice[0].starts_with("pipelines/rival.yaml:8:10 HW0115 `default/shop:latest-dev` is written by 2 stages | also by `shop/dev`"), "{twice:?}");
    assert_eq!(documents.broken_pipelines.len(), 2);
}

#[test]
fn stages_that_need_a_person_need_a_pull_request() {
    let documents = check(
        PIPE,
        "from: [qa]",
        "from: [qa]\n    approvals: {count: 1}",
        &[],
    );
    assert!(documents.broken_pipelines.is_empty());
    let commit = check(
        PROD,
        "delivery: pullRequest",
        "delivery: commit\n  approvals: {count: 1}",
        &[
            "environments/prod.yaml:6:14 HW0119 environment `prod` is delivered by commit, which nobody can approve",
        ],
    );
    assert!(
        commit
            .broken_environments
            .contains_key(&"prod".parse().unwrap())
    );
    assert!(commit.broken_pipelines.is_empty(), "the other stages go on");
    check(
        PIPE,
        "from: [qa]",
        "from: [qa]\n    environments: []\n    approvals: {count: 1}",
        &["pipelines/shop/pipeline.yaml:13:16 HW0119 stage `prod` is delivered by commit"],
    );
    for (delivery, line) in [("pullRequest", 7), ("commit", 7)] {
        let nobody = check(
            PROD,
            "delivery: pullRequest",
            &format!("delivery: {delivery}\n  approvals:\n    count: 0"),
            &[&format!(
                "environments/prod.yaml:{line}:12 HW0119 `count: 0` asks nobody: this is no gate"
            )],
        );
        assert!(nobody.broken_environments.is_empty() && nobody.broken_pipelines.is_empty());
    }
}

#[test]
fn what_works_but_hardly_as_meant_is_only_a_warning() {
    for (path, old, new, expected) in [
        (
            "environments/qa.yaml",
            "  deployed: {check: argo}\n",
            "",
            "pipelines/shop/pipeline.yaml:9:21 HW0301 soak counts time in Git, not in the cluster",
        ),
        (
            IS,
            "scheduled: true",
            "scheduled: false",
            "pipelines/shop/imagestream.yaml:6:12 HW0411 `default/shop:latest-dev` imports once, then never",
        ),
        (
            IS,
            "name: latest-dev",
            "name: latest",
            "pipelines/shop/pipeline.yaml:7:10 HW0411 `default/shop` has no tag `latest-dev`",
        ),
        (
            "holds/h.yaml",
            "reason: r",
            "reason: r, lifted: true",
            "holds/h.yaml:4:59 HW0302 this lifts nothing: it does not say which revert or pull request | `lifts: [<commit of the revert, or id of the pull request>]`; `headwater unhold shop/prod` writes such a file",
        ),
        (
            "freezes/f.yaml",
            "prod*",
            "stage*",
            "freezes/f.yaml:4:23 HW0303 this freezes nothing: there is no environment `stage*`",
        ),
        (
            "freezes/f.yaml",
            "reason: r",
            "reason: r, except: {pipelines: [shoq]}",
            "freezes/f.yaml:4:65 HW0303 there is no pipeline `shoq`",
        ),
    ] {
        let documents = check(path, old, new, &[expected]);
        assert_eq!(
            documents.problems[0].severity,
            Severity::Warning,
            "{expected}"
        );
        assert!(documents.broken_pipelines.is_empty() && documents.broken_streams.is_empty());
        assert_eq!(documents.brakes_unreadable, None);
    }
}

#[test]
fn a_brake_that_would_stop_nothing_holds_everything() {
    for (path, old, new, expected) in [
        (
            "holds/h.yaml",
            "pipeline: shop",
            "pipeline: shopp",
            "holds/h.yaml:4:18 HW0302 this holds nothing: there is no pipeline `shopp` | did you mean `shop`?",
        ),
        (
            "holds/h.yaml",
            "stages: [prod]",
            "stages: [qa, prd]",
            "holds/h.yaml:4:37 HW0302 pipeline `shop` has no stage `prd` | did you mean `prod`?",
        ),
        (
            "holds/h.yaml",
            "stages: [prod]",
            "stages: []",
            "holds/h.yaml:4:32 HW0302 this holds nothing: it names no stage",
        ),
        (
            "freezes/f.yaml",
            "prod*",
            "prdo",
            "freezes/f.yaml:4:23 HW0303 this freezes nothing: there is no environment `prdo` | did you mean `prod`?",
        ),
        (
            "freezes/f.yaml",
            "[\"prod*\"]",
            "[]",
            "freezes/f.yaml:4:22 HW0303 this freezes nothing: it names no environment | `[\"*\"]` names all of them",
        ),
        (
            "freezes/f.yaml",
            "reason: r",
            "reason: r, from: 2027-01-02T00:00, until: 2026-12-20T00:00",
            "freezes/f.yaml:4:75 HW0303 this freezes nothing: it ends before it begins",
        ),
    ] {
        let documents = check(path, old, new, &[expected]);
        assert_eq!(documents.problems[0].severity, Severity::Error);
        let why = documents.brakes_unreadable.unwrap();
        assert!(why.contains(path), "{why}");
    }
    // What only lifts another hold brakes nothing anyway.
    let lifted = "stages: [prd], lifted: true, lifts: [abc]";
    let documents = repository("holds/h.yaml", "stages: [prod]", lifted, &[]);
    assert_eq!(documents.brakes_unreadable, None);
    assert_eq!(documents.problems.len(), 1);
}

#[test]
fn a_freeze_that_cannot_be_kept_holds_everything() {
    let documents = check(
        "freezes/f.yaml",
        "timeZone: UTC",
        "timeZone: CET+1",
        &["freezes/f.yaml:4:54 HW0118 unknown time zone"],
    );
    assert_eq!(
        documents.brakes_unreadable.unwrap(),
        "`freezes/f.yaml` cannot be kept: unknown time zone `CET+1`"
    );
}

#[test]
fn one_wrong_application_leaves_the_others_alone() {
    let app = "{name: shop, template: web}";
    for (new, expected) in [
        (
            "{name: shop, template: wed}",
            "environments/prod.yaml:9:28 HW0202 there is no template `wed` | a template is a folder: templates/wed/",
        ),
        (
            "{name: shop}",
            "environments/prod.yaml:9:12 HW0203 application `shop` does not say how it is written",
        ),
        (
            "{name: shop, template: web, yaml: a.yaml}",
            "environments/prod.yaml:9:12 HW0203 application `shop` is written in several ways: template, yaml",
        ),
        (
            "{name: shop, kustomization: ../../apps/shop/overlays/prod}",
            "environments/prod.yaml:9:33 HW0204 `../../apps/shop/overlays/prod` leaves environments/prod | write /apps/shop/overlays/prod (a leading / is the repository root)",
        ),
        (
            "{name: shop, manifests: ../../../etc}",
            "environments/prod.yaml:9:29 HW0204 `../../../etc` leaves environments/prod | nothing outside",
        ),
        (
            "{name: shop, manifests: /.github/x.yaml}",
            "environments/prod.yaml:9:29 HW0205 `/.github/x.yaml` is a place that is never written",
        ),
        (
            "{name: shop, manifests: /templates/web}",
            "environments/prod.yaml:9:29 HW0205 `/templates/web` is a place that is never written",
        ),
        (
            "{name: shop, manifests: /.git/config}",
            "environments/prod.yaml:9:29 HW0205 `.git/config` reaches into `.git`",
        ),
        (
            "{name: shop, yaml: 'C:/values.yaml'}",
            "environments/prod.yaml:9:24 HW0205 `C:/values.yaml` is no path of the repository",
        ),
        (
            "{name: shop, manifests: /link/x.yaml}",
            "environments/prod.yaml:9:29 HW0205 `/link/x.yaml` leads over the symbolic link `link`",
        ),
        (
            "{name: linked, template: web}",
            "environments/prod.yaml:9:30 HW0205 what is rendered goes below `environments/prod/rendered/linked`, a symbolic link, which is not followed | delete the link",
        ),
        (
            "{name: shop, template: web, images: [{stream: shpo}]}",
            "environments/prod.yaml:9:51 HW0208 there is no image stream `shpo` | did you mean `shop`?",
        ),
        (
            "{name: shop, template: web, images: [{stream: shop, stage: qa}]}",
            "environments/prod.yaml:9:64 HW0208 no stage `qa` brings `shop` to environment `prod` | known here: prod",
        ),
    ] {
        let other = format!("{new}\n  - {{name: other, template: web}}");
        let links = [("link@", ""), ("environments/prod/rendered/linked@", "")];
        let documents = repository(PROD, app, &other, &links);
        let found = said(&documents);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{new}:\n found  {found:#?}\n wanted {expected}"
        );
        assert_eq!(documents.broken_applications.len(), 1);
        assert!(documents.broken_environments.is_empty() && documents.broken_pipelines.is_empty());
    }
    check(PROD, app, "{name: shop, kustomization: /apps/shop}", &[]);
    check(
        PROD,
        app,
        "{name: shop, template: web}\n  - {name: shop, template: web}",
        &["environments/prod.yaml:10:12 HW0207 a second application `shop`"],
    );
}

#[test]
fn two_stages_in_one_environment_need_a_word_from_each_application() {
    let documents = check(
        PIPE,
        "from: [qa]",
        "from: [qa]\n    environments: [prod, qa]",
        &[
            "environments/qa.yaml:9:12 HW0206 application `shop` follows `shop`, which several stages bring here: prod, qa | write images: [{stream: shop, stage: prod}]",
        ],
    );
    assert_eq!(documents.broken_applications.len(), 1);
    let said_so = "{name: shop, template: web, images: [{stream: shop, stage: qa}]}";
    let qa = ENVIRONMENT
        .replace("NAME", "shared")
        .replace("{name: shop, template: web}", said_so);
    let shared = PIPELINE
        .replace("name: qa", "name: qa\n    environments: [shared]")
        .replace("from: [qa]", "from: [qa]\n    environments: [shared]");
    let documents = repository(
        PIPE,
        PIPELINE,
        &shared,
        &[("environments/shared.yaml", &qa)],
    );
    assert_eq!(said(&documents), Vec::<String>::new());
    let silent = qa.replace(", stage: qa", "");
    let documents = repository(
        PIPE,
        PIPELINE,
        &shared,
        &[("environments/shared.yaml", &silent)],
    );
    assert!(
        said(&documents)[0].contains("HW0206"),
        "{:?}",
        said(&documents)
    );
}

#[test]
fn the_order_of_files_changes_nothing() {
    let one = repository(
        PIPE,
        "from: [qa]",
        "from: [nowhere]",
        &[("streams/x.yaml", "a: [")],
    );
    let other = repository(
        PIPE,
        "from: [qa]",
        "from: [nowhere]",
        &[("streams/x.yaml", "a: [")],
    );
    assert_eq!(one, other);
    assert!(one.problems.is_sorted_by_key(|p| &p.path));
}

#[test]
fn a_rule_for_newer_tags_is_read_by_nobody_where_promotions_move_the_tag() {
    let tag = "  - {name: TAG, annotations: {headwater.dev/follow: semver 1}, from: {kind: DockerImage, name: \"r.example/shop:1.0.0\"}, importPolicy: {scheduled: true}}\n";
    let with = |name: &str| format!("  tags:\n{}", tag.replace("TAG", name));
    check(
        IS,
        "  tags:\n",
        &with("prod"),
        &[
            "pipelines/shop/imagestream.yaml:6:54 HW0423 nobody reads the rule of `default/shop:prod`: stage shop/prod takes this tag from qa | delete it, or put it on tag `latest-dev`, with which the pipeline begins",
        ],
    );
    // One that no stage takes from another one is read.
    check(IS, "  tags:\n", &with("other"), &[]);
}

#[test]
fn a_wrong_gate_hides_no_wrong_stage_and_causes_no_other_error() {
    let wrong = "verify: [{sook: 30m}]\n    from: [dve]";
    let documents = check(
        PIPE,
        "verify: [{soak: 30m}]",
        wrong,
        &[
            "pipelines/shop/pipeline.yaml:9:15 HW0006 unknown value `sook`",
            "pipelines/shop/pipeline.yaml:10:12 HW0112 unknown stage `dve` | besides `qa` this pipeline has dev, prod | did you mean `dev`?",
        ],
    );
    // It is looked at, and no more than that.
    let name = "shop".parse().unwrap();
    assert!(!documents.pipelines.contains_key(&name));
    assert!(documents.broken_pipelines.contains_key(&name));
    // What other words hang on is not guessed.
    let documents = check(
        PIPE,
        "name: qa",
        "name: [qa]",
        &["pipelines/shop/pipeline.yaml:8:11 HW0006 "],
    );
    assert!(documents.broken_pipelines.contains_key(&name));
}
