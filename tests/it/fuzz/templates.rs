//! Fuzz target: templates. Parts between 0xff bytes are an output, a partial, the defaults and an application's values.
//! What renders is YAML, the same every time, and pins every image.

use std::collections::BTreeMap;

use headwater::manifests::image_fields;
use headwater::model::RepoPath;
use headwater::plan::output::template::{
    ImageSource, LookupProblem, RenderInput, ResolvedImage, TemplateSet,
};
use serde::Deserialize as _;

const PINNED: &str =
    "r.example/app@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// One input.
pub(crate) fn run(data: &[u8]) {
    let mut parts = data.split(|b| *b == 0xff).map(std::str::from_utf8);
    let mut part = || parts.next().and_then(Result::ok).map(str::to_owned);
    let Some(output) = part() else {
        return;
    };
    let mut files = BTreeMap::from([("a.yaml.hbs".to_owned(), output)]);
    files.extend(part().map(|text| ("partials/p.hbs".to_owned(), text)));
    files.extend(part().map(|text| ("values.yaml".to_owned(), text)));
    let values = part().and_then(|text| serde_json::from_str(&text).ok());
    let values: serde_json::Value = values.unwrap_or_default();

    let Ok(set) = TemplateSet::compile(&"plain".parse().unwrap(), files) else {
        return;
    };
    let input = RenderInput {
        app: &"app".parse().unwrap(),
        environment: &"prod".parse().unwrap(),
        namespace: Some(&"shop".parse().unwrap()),
        values: &values,
        images: &OneImage,
    };
    let rendered = set.render(&input);
    assert_eq!(rendered, set.render(&input));
    let path: RepoPath = "a.yaml".parse().unwrap();
    for text in rendered.iter().flat_map(BTreeMap::values) {
        assert!(text.starts_with(&set.marker()));
        for document in serde_yaml::Deserializer::from_str(text) {
            serde_yaml::Value::deserialize(document).expect("an output is YAML to everybody");
        }
        for field in image_fields(&path, text).expect("an output is YAML") {
            assert!(field.image.contains("@sha256:"), "{text}");
        }
    }
}

struct OneImage;

impl ImageSource for OneImage {
    fn image(&self, spec: Option<&str>) -> Result<ResolvedImage, LookupProblem> {
        match spec {
            None | Some("app" | "app:prod") => Ok(ResolvedImage {
                pinned: PINNED.parse().unwrap(),
                tag: "prod".to_owned(),
                version: None,
            }),
            Some("soon") => Err(LookupProblem::NotYet("not yet".to_owned())),
            Some(other) => Err(LookupProblem::Unknown(format!("no `{other}`"))),
        }
    }

    fn short_name(&self, name: &str) -> Result<Option<ResolvedImage>, LookupProblem> {
        self.image(Some(name)).map(Some).or(Ok(None))
    }
}
