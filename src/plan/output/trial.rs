//! Rendering on trial: an application as its template and values would make it, with stand-ins for images that are not
//! known yet. What is wrong with the words shows before there is anything to deploy.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::lookup::Lookup;
use super::recipe::namespace;
use super::template::{
    ImageSource, LookupProblem, RenderInput, ResolvedImage, TemplateErrors, TemplateSet,
};
use crate::manifests::Documents;
use crate::model::{Application, Digest, Environment, ImageRepository, Name, PinnedImage, TagKey};
use crate::plan::desk::{Carriers, carriers};
use crate::plan::facts::{Answer, ImageFacts};
use crate::plan::guard::Guards;
use crate::plan::question::Describe;
use crate::plan::version::{Version, version_of};

/// Where stand-ins come from: a name that is reserved for never being anybody's (RFC 2606).
const STAND_IN: &str = "stand-in.invalid/image";

/// Trials of the applications of one repository.
pub struct Trial<'a> {
    docs: &'a Documents,
    described: BTreeMap<Describe, Answer<ImageFacts>>,
    heads: BTreeMap<TagKey, PinnedImage>,
    carriers: Arc<Carriers<'a>>,
    guards: Guards,
}

impl<'a> Trial<'a> {
    /// For these documents.
    pub fn new(docs: &'a Documents) -> Self {
        Self {
            docs,
            described: BTreeMap::new(),
            heads: BTreeMap::new(),
            carriers: Arc::new(carriers(docs)),
            guards: Guards::new(),
        }
    }

    /// Renders one application and throws the result away.
    ///
    /// # Errors
    /// What would keep it from being rendered once every image is there.
    pub fn render(
        &self,
        environment: &Environment,
        (application, name): (&Application, &Name),
        set: &TemplateSet,
        values: &Value,
    ) -> Result<(), TemplateErrors> {
        let lookup = Lookup {
            described: &self.described,
            history: None,
            docs: self.docs,
            environment,
            application,
            heads: &self.heads,
            carriers: Arc::clone(&self.carriers),
            guards: &self.guards,
            used: Mutex::default(),
        };
        let input = RenderInput {
            app: name,
            environment: environment.name(),
            namespace: namespace(environment, application),
            values,
            images: &Assumed(lookup),
        };
        set.render_all(&input).map(drop)
    }
}

/// Answers as usual, but with a stand-in for what nobody can know yet.
struct Assumed<'a>(Lookup<'a>);

impl Assumed<'_> {
    fn known(
        &self,
        answer: Result<ResolvedImage, LookupProblem>,
    ) -> Result<ResolvedImage, LookupProblem> {
        match answer {
            Ok(mut image) => {
                let digest = &image.pinned.digest;
                let version = image.version.take();
                image.version = version.or_else(|| Some(version_of(None, None, digest)));
                Ok(image)
            }
            Err(LookupProblem::NotYet(why)) => stand_in().ok_or(LookupProblem::NotYet(why)),
            Err(unknown) => Err(unknown),
        }
    }
}

impl ImageSource for Assumed<'_> {
    fn image(&self, spec: Option<&str>) -> Result<ResolvedImage, LookupProblem> {
        self.known(self.0.image(spec))
    }

    fn short_name(&self, name: &str) -> Result<Option<ResolvedImage>, LookupProblem> {
        match self.0.short_name(name) {
            Ok(None) => Ok(None),
            Ok(Some(image)) => self.known(Ok(image)).map(Some),
            Err(problem) => self.known(Err(problem)).map(Some),
        }
    }
}

fn stand_in() -> Option<ResolvedImage> {
    let semver = semver::Version::new(0, 0, 0);
    Some(ResolvedImage {
        pinned: PinnedImage {
            repository: ImageRepository::try_from(STAND_IN.to_owned()).ok()?,
            digest: Digest::sha256(STAND_IN.as_bytes()),
        },
        tag: "latest".to_owned(),
        version: Some(Version {
            text: semver.to_string(),
            semver: Some(semver),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::world::assemble_all;
    use crate::model::ApplicationName;

    const STREAM: &str = "apiVersion: image.openshift.io/v1\nkind: ImageStream\nmetadata: {name: web}\nspec:\n  tags:\n    - {name: dev, from: {kind: DockerImage, name: 'r.example/web:main'}}\n";
    const ENVIRONMENT: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec:\n  applications: [{name: web, template: pod}]\n";
    const PIPELINES: &str = "apiVersion: headwater.dev/v1alpha1\nkind: Pipeline\nmetadata: {name: \"{{app}}\"}\nspec:\n  matrix: {app: {folders: \"nowhere/*\"}}\n  stages: [{name: dev}]\n";

    fn wrong(pipelines: &str) -> Option<String> {
        let other = STREAM.replace("web", "other");
        let documents = assemble_all(&[
            ("streams/web.yaml", STREAM),
            ("streams/other.yaml", &other),
            ("environments/dev.yaml", ENVIRONMENT),
            ("pipelines/all.yaml", pipelines),
        ]);
        let kind: Name = "pod".parse().unwrap();
        let template = "kind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: main, image: {{image}} }]}\n";
        let texts = BTreeMap::from([("pod.yaml.hbs".to_owned(), template.to_owned())]);
        let set = TemplateSet::compile(&kind, texts).unwrap();
        let environment = &documents.environments[&"dev".parse().unwrap()].value;
        let application = &environment.spec.applications[0];
        let ApplicationName::One(name) = &application.name else {
            panic!("{application:?}");
        };
        let trial = Trial::new(&documents);
        let rendered = trial.render(environment, (application, name), &set, &Value::Null);
        let errors = rendered.err()?;
        errors.into_iter().next().map(|error| error.to_string())
    }

    #[test]
    fn a_template_is_not_to_blame_for_a_matrix_of_pipelines_that_gives_nothing() {
        assert_eq!(wrong(PIPELINES), None);
        let other = PIPELINES.replace("\"{{app}}\"", "other");
        let other = other.replace("  matrix: {app: {folders: \"nowhere/*\"}}\n", "");
        let said = wrong(&other).unwrap();
        assert!(said.contains("web belongs to no stage"), "{said}");
    }
}
