//! What templates promise, told by examples and by hostile input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Digest, PinnedImage};
use crate::plan::version::version_of;

/// Streams `myapp` and `redis` (with local lookup), `late` without a digest, `unread` without labels.
struct Streams;

fn pinned(stream: &str, tag: &str) -> PinnedImage {
    let digest = Digest::sha256(format!("{stream}:{tag}").as_bytes());
    format!("quay.io/acme/{stream}@{digest}").parse().unwrap()
}

impl ImageSource for Streams {
    fn image(&self, spec: Option<&str>) -> Result<ResolvedImage, LookupProblem> {
        let spec = spec.unwrap_or("myapp");
        let (stream, tag) = spec.split_once(':').unwrap_or((spec, "qa-stable"));
        let pinned = pinned(stream, tag);
        match stream {
            "myapp" | "redis" | "unread" => Ok(ResolvedImage {
                tag: tag.to_owned(),
                version: (stream != "unread")
                    .then(|| version_of(None, Some("1.10"), &pinned.digest)),
                pinned,
            }),
            "late" => Err(LookupProblem::NotYet(
                "`late` holds no digest yet".to_owned(),
            )),
            _ => Err(LookupProblem::Unknown(format!(
                "there is no stream `{stream}`"
            ))),
        }
    }

    fn short_name(&self, name: &str) -> Result<Option<ResolvedImage>, LookupProblem> {
        if name.starts_with("redis") || name.starts_with("late") {
            self.image(Some(name)).map(Some)
        } else {
            Ok(None)
        }
    }
}

fn compile(files: &[(&str, &str)]) -> Result<TemplateSet, TemplateError> {
    let files = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    TemplateSet::compile(&"web-service".parse().unwrap(), files)
}

fn render(
    files: &[(&str, &str)],
    values: &Value,
) -> Result<BTreeMap<String, String>, TemplateError> {
    compile(files)?.render(&RenderInput {
        app: &"myapp".parse().unwrap(),
        environment: &"prod".parse().unwrap(),
        namespace: Some(&"myapp-prod".parse().unwrap()),
        values,
        images: &Streams,
    })
}

/// The one output of one template, without its first line.
fn one(template: &str, values: &Value) -> Result<String, TemplateError> {
    let outputs = render(&[("a.yaml.hbs", template)], values)?;
    let text = outputs.get("a.yaml").cloned().unwrap_or_default();
    Ok(text
        .split_once('\n')
        .map_or(String::new(), |(_, rest)| rest.to_owned()))
}

fn message(result: Result<String, TemplateError>) -> String {
    result.unwrap_err().to_string()
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{app}}-web
  namespace: {{namespace}}
  labels:
    {{> labels}}
spec:
  replicas: {{values.replicas}}
  template:
    metadata:
      annotations:
        note: 'version {{version}} of {{tag}}'
    spec:
      containers:
        - name: {{app}}
          image: {{image}} # {{tag}}
          resources: {{values.resources}}
          env:
            {{#each values.env}}
            - name: {{@key}}
              value: {{quote this}}
            {{/each}}
        - name: cache
          image: \"redis:7\"
";

const LABELS: &str = "app: {{app}}\nversion: {{version}}\n";

const DEFAULTS: &str = "replicas: 1\nresources:\n  limits: {memory: 64Mi}\nenv: {}\n";

fn web_service() -> Vec<(&'static str, &'static str)> {
    vec![
        ("deployment.yaml.hbs", DEPLOYMENT),
        ("partials/labels.hbs", LABELS),
        ("values.yaml", DEFAULTS),
    ]
}

#[test]
fn a_deployment_is_rendered_with_typed_values_and_pinned_images() {
    let values = json!({"replicas": 3, "resources": {"limits": {"cpu": "1"}}, "env": {"A": 1, "B": "yes: no"}});
    let text = render(&web_service(), &values).unwrap()["deployment.yaml"].clone();
    let expected = format!(
        "\
# headwater: generated from templates/web-service; edits are put back
apiVersion: apps/v1
kind: Deployment
metadata:
  name: myapp-web
  namespace: myapp-prod
  labels:
    app: myapp
    version: \"1.10\"
spec:
  replicas: 3
  template:
    metadata:
      annotations:
        note: 'version 1.10 of qa-stable'
    spec:
      containers:
        - name: myapp
          image: {} # qa-stable
          resources:
            limits:
              cpu: \"1\"
              memory: 64Mi
          env:
            - name: A
              value: \"1\"
            - name: B
              value: \"yes: no\"
        - name: cache
          image: \"{}\"
",
        pinned("myapp", "qa-stable"),
        pinned("redis", "7")
    );
    assert_eq!(text, expected);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let values = json!({"env": {"A": "x"}});
    let first = render(&web_service(), &values).unwrap();
    assert_eq!(first, render(&web_service(), &values).unwrap());
}

#[test]
fn a_value_stands_in_every_kind_of_scalar_as_that_value() {
    let mut values = json!({"s": "it's: \"x\" # y", "n": 8080, "b": true, "lines": "a\nb\n", "on": "on", "m": {"k": [1, "2"]}});
    let template = "\
alone: {{values.s}}
number: {{values.n}}
flag: {{values.b}}
word: {{values.on}}
{{values.on}}: key
mixed: {{values.on}}-{{values.n}}
digits: {{values.n}}{{values.n}}
wild: <{{values.s}}>
double: \"<{{values.s}}>\"
single: '<{{values.s}}>'
json: '{{values.m}}'
flow: [{{values.s}}, {{values.m}}]
map: {{values.m}}
list:
  - {{values.m}}
below:
  {{toYaml values.m}}
empty: {{values.none}}
text: |
  first
    {{values.lines}}
  {{values.m}}
  last # {{values.s}}
# {{values.lines}}
";
    values["none"] = json!({});
    let text = one(template, &values).unwrap();
    let read: Value = serde_yaml::from_str(&text).unwrap();
    let s = "it's: \"x\" # y";
    let expected = json!({
        "alone": s, "number": 8080, "flag": true, "word": "on", "on": "key", "mixed": "on-8080", "digits": "80808080",
        "wild": format!("<{s}>"), "double": format!("<{s}>"), "single": format!("<{s}>"),
        "json": "{\"k\":[1,\"2\"]}", "flow": [s, {"k": [1, "2"]}], "map": {"k": [1, "2"]},
        "list": [{"k": [1, "2"]}], "below": {"k": [1, "2"]}, "empty": {},
        "text": format!("first\n  a\n  b\nk:\n  - 1\n  - \"2\"\nlast # {s}\n"),
    });
    assert_eq!(read, expected, "{text}");
}

#[test]
fn a_value_that_makes_a_key_twice_is_refused() {
    let found = message(one("on: 1\n{{values.k}}: 2\n", &json!({"k": "on"})));
    assert!(found.contains("comes twice"), "{found}");
}

#[test]
fn what_only_we_can_read_is_refused() {
    for (template, words) in [
        ("a:\n  b:\n:    c: 1\n", "a key is missing before the colon"),
        ("a:\n\t\n  b: 1\n", "most readers of YAML refuse it"),
    ] {
        let found = message(one(template, &json!({})));
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn a_template_that_could_run_away_is_refused_when_it_is_read() {
    let deep = "{{#if app}}".repeat(5_000) + &"{{/if}}".repeat(5_000);
    let parens = format!(
        "a: {{{{not {}app{}}}}}",
        "(not ".repeat(5_000),
        ")".repeat(5_000)
    );
    for bad in [
        "{{> a}}",
        "{{> missing}}",
        "{{> (lookup values 'p')}}",
        "{{> @partial-block}}",
        "{{#> a}}x{{/a}}",
        "{{#*inline \"x\"}}{{> x}}{{/inline}}{{> x}}",
        "{{#*inline \"x\"}}{{> y}}{{/inline}}{{#*inline \"y\"}}{{> x}}{{/inline}}",
        "{{#*inline \"b\"}}{{/inline}}",
        "{{*decorator x}}",
        "{{log app}}",
        "{{env \"HOME\"}}",
        "{{#image}}{{/image}}",
        "{{if app}}",
        "{{default image 1}}",
        "{{#each}}x{{/each}}",
        "{{#if a}}{{/each}}",
        "{{{{raw}}}}",
        "{{a b=}}",
        "{{#if}}",
        "{{hw-step 1}}",
        &deep,
        &parens,
    ] {
        let files = [
            ("x.yaml.hbs", bad),
            ("partials/a.hbs", "{{> b}}"),
            ("partials/b.hbs", "{{> a}}"),
        ];
        let found = compile(&files);
        assert!(found.is_err(), "{}", &bad[..bad.len().min(60)]);
    }
    // Without the circle the same set compiles: the cases above are refused for themselves as well.
    for bad in [
        "{{> missing}}",
        "{{log app}}",
        "{{#*inline \"x\"}}{{> x}}{{/inline}}",
        &deep,
        &parens,
    ] {
        assert!(
            compile(&[("x.yaml.hbs", bad)]).is_err(),
            "{}",
            &bad[..bad.len().min(60)]
        );
    }
    assert!(compile(&[("x.yaml.hbs", "a: {{> a}}"), ("partials/a.hbs", "b")]).is_ok());
}

#[test]
fn a_circle_of_partials_is_named() {
    let files = [
        ("partials/a.hbs", "{{> b}}"),
        ("partials/b.hbs", "\n{{> a}}"),
    ];
    let error = compile(&files).unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(
        problem.message,
        "the partial `a` includes itself: a -> b -> a"
    );
    assert_eq!(
        (problem.file.as_str(), problem.line),
        ("partials/b.hbs", Some(2))
    );
}

#[test]
fn the_deepest_template_that_is_allowed_fits_on_a_small_stack() {
    let run = || {
        let blocks = "{{#if app}}".repeat(24) + "a: 1" + &"{{/if}}".repeat(24);
        let partial = "{{#if app}}".repeat(14) + "{{> c}}" + &"{{/if}}".repeat(14);
        assert!(one(&blocks, &json!({})).is_ok());
        let parens = format!("a: {{{{not {}app{}}}}}", "(not ".repeat(7), ")".repeat(7));
        assert!(one(&parens, &json!({})).is_ok());
        let files = [
            ("x.yaml.hbs", partial.as_str()),
            ("partials/c.hbs", &blocks),
        ];
        render(&files, &json!({})).unwrap();
    };
    let thread = std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(run);
    thread.unwrap().join().unwrap();
}

#[test]
fn output_names_are_plain_yaml_files() {
    for bad in [
        "a.json.hbs",
        "sub/a.yaml.hbs",
        ".a.yaml.hbs",
        "a.txt.hbs",
        "..yaml.hbs",
        "a b.yaml.hbs",
    ] {
        assert!(compile(&[(bad, "a: 1")]).is_err(), "{bad}");
    }
    assert!(compile(&[("a.yml.hbs", "a: 1"), ("README.md", "{{#if")]).is_ok());
}

#[test]
fn loops_and_growth_are_bounded_by_counts() {
    let list: Vec<u32> = (0..100).collect();
    let nested = "{{#each values.l}}{{#each @root.values.l}}{{#each @root.values.l}}{{#each @root.values.l}}x{{/each}}{{/each}}{{/each}}{{/each}}";
    let found = message(one(nested, &json!({"l": list})));
    assert!(found.contains("more than 100000 steps"), "{found}");
    let text = "{{#each values.l}}{{#each @root.values.l}}# ".to_owned()
        + &"y".repeat(500)
        + "\n{{/each}}{{/each}}";
    let found = message(one(&text, &json!({"l": list})));
    assert!(found.contains("larger than 1 MiB"), "{found}");
    let grown = "{{#each values.l}}- {{@root.values.s}}\n{{/each}}";
    let found = message(one(grown, &json!({"l": list, "s": "\u{1}".repeat(60_000)})));
    assert!(
        found.contains("larger than 1 MiB") || found.contains("steps"),
        "{found}"
    );
}

#[test]
fn every_image_in_a_pod_spec_must_be_pinned() {
    let pod = |image: &str| {
        format!("kind: Pod\nspec:\n  containers:\n    - name: c\n      image: {image}\n")
    };
    let cron = "kind: List\nitems:\n- kind: CronJob\n  spec: {jobTemplate: {spec: {template: {spec: {initContainers: [{name: c, image: nginx}]}}}}}\n";
    let aliased = "kind: Pod\nx: &c [{name: c, image: nginx}]\nspec: {ephemeralContainers: *c}\n";
    let volume = "kind: Pod\nspec: {volumes: [{name: c, image: {reference: \"quay.io/a/b:1\"}}]}\n";
    for (text, image) in [
        (pod("nginx"), "nginx"),
        (pod("quay.io/acme/app:v1"), "quay.io/acme/app:v1"),
        (pod("\"\""), ""),
        (pod("{a: b}"), ""),
        (cron.to_owned(), "nginx"),
        (aliased.to_owned(), "nginx"),
        (volume.to_owned(), "quay.io/a/b:1"),
        (pod("{{values.evil}}"), "quay.io/acme/app:latest"),
    ] {
        let error = one(&text, &json!({"evil": "quay.io/acme/app:latest"})).unwrap_err();
        let (file, container) = ("a.yaml".to_owned(), "c".to_owned());
        let image = image.to_owned();
        assert_eq!(
            error,
            TemplateError::NotPinned {
                file,
                container,
                image
            }
        );
    }
}

#[test]
fn short_names_are_replaced_in_place_and_nothing_else_is() {
    let template = "kind: Pod # redis\nspec:\n  initContainers: &c\n    - {image: 'redis', name: redis}\n    - image: redis:7   # redis:7\n  containers: *c\n";
    let text = one(template, &json!({})).unwrap();
    let expected = template
        .replace("'redis'", &format!("'{}'", pinned("redis", "qa-stable")))
        .replace(
            "image: redis:7 ",
            &format!("image: {} ", pinned("redis", "7")),
        );
    assert_eq!(text, expected);
}

#[test]
fn what_is_not_known_yet_is_told_apart_from_what_is_wrong() {
    let needs = one(
        "a: {{version \"unread\"}}\nb: {{version \"unread:x\"}}\n",
        &json!({}),
    )
    .unwrap_err();
    assert!(needs.is_transient());
    let TemplateError::NeedsLabels(images) = needs else {
        panic!("{needs:?}");
    };
    assert_eq!(images.len(), 2);
    let late = one("x: 1\na: {{image \"late\"}}\n", &json!({})).unwrap_err();
    assert!(
        matches!(&late, TemplateError::NotYet(p) if p.line == Some(2)),
        "{late:?}"
    );
    let unknown = one("a: {{image \"nope\"}}\n", &json!({})).unwrap_err();
    assert!(
        matches!(&unknown, TemplateError::Broken(p) if p.message == "there is no stream `nope`")
    );
    let missing = one("\na: {{values.nope}}\n", &json!({})).unwrap_err();
    assert_eq!(missing.to_string(), "there is no value `values.nope`");
    assert_eq!(missing.problem().unwrap().line, Some(2));
    let two = one(
        "a: {{values.x}}\nb: {{values.y.z}}\nc: {{values.x}}\n",
        &json!({}),
    )
    .unwrap_err();
    assert_eq!(
        two.to_string(),
        "there are no values `values.x` and `values.y.z`"
    );
    assert_eq!(two.problem().unwrap().line, Some(1));
}

#[test]
fn an_output_without_objects_is_left_out_and_others_stay() {
    let files = [
        ("a.yaml.hbs", "{{#if values.on}}a: 1{{/if}}\n"),
        ("b.yaml.hbs", "\n\nb: 1\n\n\n"),
    ];
    let outputs = render(&files, &json!({"on": false})).unwrap();
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["b.yaml"]);
    assert!(outputs["b.yaml"].ends_with("put back\nb: 1\n"));
}

#[test]
fn yaml_that_hides_a_second_meaning_is_refused() {
    for bad in [
        "a: 1\na: 2\n",
        "<<: {a: 1}\n",
        "a: !!str 1\n",
        "%YAML 1.1\n---\na: 1\n",
        "- a\n",
        "? [a]\n: 1\n",
        "a: *b\n",
    ] {
        assert!(one(bad, &json!({})).is_err(), "{bad}");
    }
}

#[test]
fn further_lines_of_a_value_are_indented_like_the_line_on_which_it_begins() {
    let template = "a: |\n  {{values.v}}\n    x {{values.v}}\nb: 1\n";
    assert_eq!(
        one(template, &json!({"v": "p\n-"})).unwrap(),
        "a: |\n  p\n  -\n    x p\n    -\nb: 1\n"
    );
}

#[test]
fn the_end_of_an_output_is_tidied_without_cutting_a_value() {
    let text = one("a: |+\n  {{values.v}}\n\n\n", &json!({"v": "x"})).unwrap();
    assert_eq!(text, "a: |+\n  x\n");
    let text = one("\u{feff}\na: \"{{values.v}}\"", &json!({"v": "x \n\n"})).unwrap();
    assert_eq!(text, "a: \"x \\n\\n\"\n");
    let text = one("---\na: 1\n---\nb: 2\n...\n", &json!({})).unwrap();
    assert_eq!(text, "---\na: 1\n---\nb: 2\n...\n");
}

/// Everything around a hostile value: what must stay the same whatever the value is.
const PLACES: &str = "\
kind: ConfigMap
alone: {{values.v}}
mixed: a {{values.v}} b # {{values.v}}
double: \"a {{values.v}} b\"
single: 'a {{values.v}} b'
many: \"a
  {{values.v}} b\"
flow: [{{values.v}}, {k: {{values.v}}}]
items:
  - {{values.v}}
  - x{{values.v}}
k{{values.v}}: key
";

proptest! {
    #![proptest_config(crate::model::testing::cases(40))]

    #[test]
    fn no_value_changes_the_structure(value in r#"(\PC|[\n\r\t \x00-\x1f"'\\{}\[\]:,#&*!|>%@`-]|\u{f0000}0\u{f0001}|: |\n---\n|\nimage: evil){0,12}"#) {
        let text = one(PLACES, &json!({"v": value})).unwrap();
        let read: Value = serde_yaml::from_str(&text).unwrap();
        let around = format!("a {value} b");
        let key = format!("k{value}");
        let expected = json!({
            "kind": "ConfigMap", "alone": value, "mixed": around, "double": around, "single": around, "many": around,
            "flow": [value, {"k": value}], "items": [value, format!("x{value}")], key: "key",
        });
        prop_assert_eq!(read, expected, "{}", text);
        prop_assert_eq!(one(PLACES, &json!({"v": value})).unwrap(), text);
    }

    #[test]
    fn a_block_of_text_takes_a_value_as_it_is_or_refuses_it(value in r#"[a-z \n\t:#'"{}|>-]{0,12}"#) {
        let template = "a: |\n  x {{values.v}}\n  {{values.v}}\nb: 1\n";
        let found = one(template, &json!({"v": value}));
        if let Ok(text) = &found {
            let read: Value = serde_yaml::from_str(text).unwrap();
            let value = value.strip_suffix('\n').unwrap_or(&value);
            prop_assert_eq!(read, json!({"a": format!("x {value}\n{value}\n"), "b": 1}), "{}", text);
        } else {
            let edges = |c: char| c.is_whitespace();
            prop_assert!(value.trim_matches(edges) != value || value.is_empty(), "{:?}", found);
        }
    }

    #[test]
    fn no_template_breaks_the_reader(text in r#"(\{\{|\}\}|[#/^>~!&*()\[\]"'= {}.|@-]|if|else|each|app|as|x|\n|--|\\\\){0,40}"#) {
        let _ = one(&text, &json!({}));
    }

    #[test]
    fn any_json_value_is_laid_out_as_that_value(list in proptest::collection::vec(r#"\PC{0,8}"#, 0..4), number in any::<f64>(), whole in any::<i64>()) {
        let value = json!({"l": list, "n": number, "w": whole, "deep": [[list], {"x": {"y": list}}]});
        let text = one("a: {{values}}\nb:\n  - {{values.deep}}\nc: [{{values}}]\n", &value).unwrap();
        let read: Value = serde_yaml::from_str(&text).unwrap();
        let without_null = values::merge(&json!({}), &value);
        prop_assert_eq!(read, json!({"a": without_null, "b": [value["deep"]], "c": [without_null]}), "{}", text);
    }
}
