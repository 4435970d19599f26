//! Manifests from Handlebars templates. Pure and bounded by counts: a template can neither hang, nor grow without limit,
//! nor let a value change the structure of what it is put into, nor leave an image unpinned.
//!
//! A render goes in three steps: the engine writes a shape that holds a numbered mark wherever a value goes (`helpers`);
//! the values are filled in as the scalars around them demand (`fill`); the result is parsed again and compared with
//! what was to be written, and its image fields are checked (`verify`).

mod error;
mod fill;
mod helpers;
mod missing;
mod piece;
mod scalar;
mod scan;
mod source;
#[cfg(test)]
mod tests;
mod values;
mod verify;
mod walk;
mod yaml;

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Arc;

use handlebars::{Context, RenderContext, RenderError, Renderable, Template};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

pub use error::{Problem, TemplateError};
pub use missing::TemplateErrors;
pub use source::{ImageSource, LookupProblem, ResolvedImage};

use crate::model::{Name, Namespace};
use fill::Shapes;
use helpers::{Bounded, Session};

/// Largest output, in bytes.
const MAX_OUTPUT: usize = 1024 * 1024;

/// Largest sum of all outputs of one application, in bytes.
const MAX_OUTPUTS: usize = 16 * 1024 * 1024;

/// Most files of one kind of template.
const MAX_FILES: usize = 200;

/// Deepest nesting of values.
const MAX_VALUE_DEPTH: usize = 32;

/// The templates of one kind (`templates/<kind>/`), parsed and checked.
#[derive(Debug)]
pub struct TemplateSet {
    kind: Name,
    /// Templates by the output they make.
    outputs: BTreeMap<String, Template>,
    /// Partials by their name.
    partials: BTreeMap<String, Template>,
    /// File of each template, by the name that the engine knows it by.
    files: BTreeMap<String, String>,
    defaults: Value,
    fingerprint: [u8; 32],
    shapes: Shapes,
}

/// What an application brings to its templates.
#[derive(Clone, Copy)]
pub struct RenderInput<'a> {
    /// Name of the application: `{{app}}`.
    pub app: &'a Name,
    /// Name of the environment: `{{environment}}`.
    pub environment: &'a Name,
    /// Namespace of its objects: `{{namespace}}`; without one that name is unknown.
    pub namespace: Option<&'a Namespace>,
    /// The application's values, laid over the template's: `{{values.x}}`. Null is the same as an empty map.
    pub values: &'a Value,
    /// Answers about images.
    pub images: &'a dyn ImageSource,
}

impl TemplateSet {
    /// Parses and checks the files of `templates/<kind>/`, by their paths below it: `<file>.hbs` makes the output
    /// `<file>` (which ends in `.yaml` or `.yml`), `partials/<name>.hbs` is the partial `<name>`, `values.yaml` holds
    /// the defaults. Other files are left alone.
    ///
    /// # Errors
    /// When a file cannot be parsed, calls a helper or a partial that does not exist, nests too deep, or when partials
    /// form a circle.
    pub fn compile(kind: &Name, files: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let mut set = Self {
            kind: kind.clone(),
            outputs: BTreeMap::new(),
            partials: BTreeMap::new(),
            files: BTreeMap::new(),
            defaults: Value::Object(Map::new()),
            fingerprint: fingerprint(kind, &files),
            shapes: Shapes::default(),
        };
        if files.len() > MAX_FILES {
            let message = format!("there are more than {MAX_FILES} files");
            return Err(Problem::new("", None, message).into());
        }
        let mut graph = walk::Graph::default();
        for (path, text) in files {
            if path == "values.yaml" {
                set.defaults = values::parse(&path, &text)?;
                set.check_values(&path, &set.defaults)?;
                continue;
            }
            let Some(stem) = path.strip_suffix(".hbs") else {
                continue;
            };
            let partial = stem.strip_prefix("partials/");
            // No partial can be called by the name of an output, for the grammar allows no colon in it.
            let name = partial.map_or_else(|| format!("output:{stem}"), str::to_owned);
            let mut template = parse(&path, &text)?;
            template.name = Some(name.clone());
            graph.add(&path, &name, &mut template)?;
            if partial.is_some() {
                set.partials.insert(name.clone(), template);
            } else {
                set.outputs.insert(output_name(&path, stem)?, template);
            }
            set.files.insert(name, path);
        }
        graph.close(&set.partials)?;
        Ok(set)
    }

    /// Equal where kind and files are equal.
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Names of the outputs.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.keys().map(String::as_str)
    }

    /// First line of every output.
    pub fn marker(&self) -> String {
        format!(
            "# headwater: generated from templates/{}; edits are put back",
            self.kind
        )
    }

    /// Renders all outputs for one application, by file name. An output without any object is left out. The same input
    /// gives the same bytes.
    ///
    /// # Errors
    /// When a value or an image is missing, when a limit is reached, when the result is not the YAML it should be, or
    /// when a container would run an image that is not pinned.
    pub fn render(
        &self,
        input: &RenderInput<'_>,
    ) -> Result<BTreeMap<String, String>, TemplateError> {
        self.render_all(input).map_err(missing::together)
    }

    /// The same, with every value that is missing told by itself, at its place.
    ///
    /// # Errors
    /// As [`Self::render`]; the first one comes first.
    pub fn render_all(
        &self,
        input: &RenderInput<'_>,
    ) -> Result<BTreeMap<String, String>, TemplateErrors> {
        let mut data = self.data(input).map_err(|problem| vec![problem.into()])?;
        let mut missing: Vec<TemplateError> = Vec::new();
        loop {
            match self.render_with(input, &data) {
                Ok(rendered) if missing.is_empty() => return Ok(rendered),
                // What else is wrong may only be so because something stands where nothing stood.
                Ok(_) => break,
                Err(error) => {
                    let path = error.problem().and_then(|problem| problem.missing.clone());
                    let filled = path.is_some_and(|path| missing::fill(&mut data, &path));
                    let more = filled && missing.len() < missing::MOST;
                    if missing.is_empty() || more {
                        missing.push(error);
                    }
                    if !more {
                        break;
                    }
                }
            }
        }
        Err(missing)
    }

    fn render_with(
        &self,
        input: &RenderInput<'_>,
        data: &Value,
    ) -> Result<BTreeMap<String, String>, TemplateError> {
        let session = Arc::new(Session::new(input.images, data));
        let mut engine = helpers::registry(&session);
        for (name, partial) in &self.partials {
            engine.register_template(name, partial.clone());
        }
        let context =
            Context::wraps(data).map_err(|e| Problem::new("values.yaml", None, e.to_string()))?;
        let mut shapes = Vec::new();
        let mut left = MAX_OUTPUTS;
        for (output, template) in &self.outputs {
            let mut out = Bounded {
                text: String::new(),
                limit: left.min(MAX_OUTPUT),
            };
            template
                .render(
                    &engine,
                    &context,
                    &mut RenderContext::new(template.name.as_ref()),
                    &mut out,
                )
                .map_err(|error| session.error(&error, self.file_of(&error, output)))?;
            let shape = tidied(&out.text);
            left -= shape.len();
            shapes.push((output, shape, session.take_inserts()));
        }
        let needs = session.needs();
        if !needs.is_empty() {
            return Err(TemplateError::NeedsLabels(needs));
        }
        let mut rendered = BTreeMap::new();
        let mut left = MAX_OUTPUTS;
        for (output, shape, inserts) in shapes {
            let items = self.shapes.read(output, &shape)?;
            let filled = fill::fill(output, (&shape, &items), &inserts, left.min(MAX_OUTPUT))?;
            left -= filled.text.len();
            let (text, has_objects) =
                verify::verify(output, filled.text, filled.expected, input.images)?;
            if has_objects {
                rendered.insert(output.clone(), format!("{}\n{text}", self.marker()));
            }
        }
        Ok(rendered)
    }

    fn file_of<'n>(&'n self, error: &'n RenderError, output: &'n str) -> &'n str {
        let template = error.template_name.as_deref().unwrap_or(output);
        self.files.get(template).map_or(template, String::as_str)
    }

    fn check_values(&self, file: &str, values: &Value) -> Result<(), Problem> {
        if !values::is_shallow(values, MAX_VALUE_DEPTH) {
            return Err(Problem::new(file, None, "the values are nested too deep"));
        }
        if values::size(values) > values::MAX_BYTES {
            return Err(Problem::new(
                file,
                None,
                "the values are larger than 256 KiB",
            ));
        }
        Ok(())
    }

    fn data(&self, input: &RenderInput<'_>) -> Result<Value, Problem> {
        let empty = Value::Object(Map::new());
        let over = if input.values.is_null() {
            &empty
        } else {
            input.values
        };
        if !over.is_object() {
            let message = "the values of the application must be a map";
            return Err(Problem::new("values.yaml", None, message));
        }
        self.check_values("values.yaml", over)?;
        let mut data = json!({
            "values": values::merge(&self.defaults, over),
            "app": input.app.as_str(),
            "environment": input.environment.as_str(),
        });
        if let Some(namespace) = input.namespace {
            data["namespace"] = json!(namespace.as_str());
        }
        Ok(data)
    }
}

fn fingerprint(kind: &Name, files: &BTreeMap<String, String>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in files.iter().flat_map(|(path, text)| [path, text]) {
        hash.update(text.len().to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(kind.as_str().as_bytes());
    hash.finalize().into()
}

/// The shape without blank lines around it and with one newline at its end. This comes before the values are filled in,
/// so that nothing of a value is ever cut off.
fn tidied(shape: &str) -> String {
    let body = shape.trim_start_matches(['\u{feff}', '\n']).trim_end();
    format!("{body}\n")
}

fn output_name(path: &str, stem: &str) -> Result<String, Problem> {
    let problem = |message: &str| Problem::new(path, None, message);
    if stem.contains('/') {
        return Err(problem(
            "a template lies directly in its folder, or in partials/",
        ));
    }
    if stem.ends_with(".json") {
        let help = "name it `.yaml`: JSON is YAML, and a JSON file cannot carry our first line";
        return Err(problem("an output must end in `.yaml` or `.yml`").help(help));
    }
    let plain = stem
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && stem.len() <= 100
        && !stem.contains("..")
        && stem
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if plain && (stem.ends_with(".yaml") || stem.ends_with(".yml")) {
        Ok(stem.to_owned())
    } else {
        let help = "name it like `deployment.yaml.hbs`";
        Err(
            problem("an output must be a plain file name that ends in `.yaml` or `.yml`")
                .help(help),
        )
    }
}

fn parse(path: &str, text: &str) -> Result<Template, Problem> {
    let text = text.replace("\r\n", "\n");
    scan::check(path, &text)?;
    // The engine's parser is known to panic on malformed tags; one broken template must not take the others with it.
    match catch_unwind(|| Template::compile(&text)) {
        Ok(Ok(template)) => Ok(template),
        Ok(Err(error)) => {
            let line = error.pos().map(|(line, _)| line);
            Err(Problem::new(path, line, error.reason().to_string()))
        }
        Err(_) => Err(Problem::new(path, None, "the template cannot be parsed")),
    }
}
