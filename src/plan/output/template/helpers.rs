//! The helpers that templates may call, and the account that bounds how much one render may do. Values are not written
//! where they are inserted: a numbered mark is, and the values are filled in when the shape of the text is known.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handlebars::{
    Context, Handlebars, Helper, HelperDef, Output, RenderContext, RenderError, RenderErrorReason,
    ScopedJson,
};
use serde_json::Value;

use super::error::{Problem, TemplateError};
use super::scan::MARKS;
use super::source::{ImageSource, LookupProblem};
use super::{scalar, values};
use crate::model::PinnedImage;

/// Helpers that answer about an image; each takes an optional `stream[:tag]`.
pub(super) const IMAGE_HELPERS: [&str; 5] = ["image", "version", "tag", "digest", "repository"];

/// Helpers that make a value of values.
pub(super) const VALUE_HELPERS: [&str; 16] = [
    "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len", "lookup", "default", "quote",
    "lower", "toYaml", "toJson",
];

/// Our helper behind every insertion.
pub(super) const INSERT: &str = "hw-insert";

/// Our helper at the beginning of every body.
pub(super) const STEP: &str = "hw-step";

/// Steps that one application may take: helper calls, bodies, and text and values by their size.
const MAX_STEPS: usize = 100_000;

/// Bytes of a value that count as one step.
const BYTES_PER_STEP: usize = 64;

/// Bytes of values for which every step counts once more, since the engine copies them about.
const BYTES_PER_SCALE: usize = 16 * 1024;

/// A value to be filled in.
#[derive(Debug, Clone)]
pub(super) struct Insert {
    pub(super) value: Value,
    /// What the template wrote, for messages.
    pub(super) what: String,
    pub(super) file: String,
    pub(super) line: usize,
}

/// Everything that happens during one render.
pub(super) struct Session<'a> {
    images: &'a dyn ImageSource,
    scale: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps: usize,
    inserts: Vec<Insert>,
    needs: BTreeSet<PinnedImage>,
    failure: Option<LookupProblem>,
}

impl<'a> Session<'a> {
    pub(super) fn new(images: &'a dyn ImageSource, data: &Value) -> Self {
        Self {
            images,
            scale: 1 + values::size(data) / BYTES_PER_SCALE,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge(&self, steps: usize) -> Result<(), RenderError> {
        let mut state = self.state();
        state.steps = state.steps.saturating_add(steps.saturating_mul(self.scale));
        if state.steps > MAX_STEPS {
            return Err(other("the template does too much: more than 100000 steps"));
        }
        Ok(())
    }

    fn charge_value(&self, value: &Value) -> Result<(), RenderError> {
        self.charge(1 + values::size(value) / BYTES_PER_STEP)
    }

    /// The values inserted since the last call.
    pub(super) fn take_inserts(&self) -> Vec<Insert> {
        std::mem::take(&mut self.state().inserts)
    }

    /// Images whose version was asked for before their labels were read.
    pub(super) fn needs(&self) -> Vec<PinnedImage> {
        self.state().needs.iter().cloned().collect()
    }

    /// Our error for an error of the engine.
    pub(super) fn error(&self, error: &RenderError, file: &str) -> TemplateError {
        let mut problem = Problem::new(file, error.line_no, in_our_words(error.reason()));
        if let RenderErrorReason::MissingVariable(Some(path)) = error.reason() {
            problem.missing = Some(path.clone());
        }
        match self.state().failure.take() {
            Some(LookupProblem::NotYet(message)) => {
                TemplateError::NotYet(Problem { message, ..problem })
            }
            Some(LookupProblem::Unknown(message)) => Problem { message, ..problem }.into(),
            None => problem.into(),
        }
    }

    fn image_field(&self, field: &str, spec: Option<&str>) -> Result<String, RenderError> {
        let image = self.images.image(spec).map_err(|problem| {
            let message = problem.to_string();
            self.state().failure.get_or_insert(problem);
            other(&message)
        })?;
        Ok(match field {
            "tag" => image.tag,
            "digest" => image.pinned.digest.to_string(),
            "repository" => image.pinned.repository.to_string(),
            "version" => match image.version {
                Some(version) => version.text,
                None => {
                    self.state().needs.insert(image.pinned);
                    "unknown".to_owned()
                }
            },
            _ => image.pinned.to_string(),
        })
    }
}

fn other(message: &str) -> RenderError {
    RenderErrorReason::Other(message.to_owned()).into()
}

fn in_our_words(reason: &RenderErrorReason) -> String {
    match reason {
        RenderErrorReason::MissingVariable(Some(path)) => format!("there is no value `{path}`"),
        RenderErrorReason::MissingVariable(None) => "a value is missing".to_owned(),
        RenderErrorReason::IOError(error) => error.to_string(),
        RenderErrorReason::ParamNotFoundForIndex(helper, index) => {
            format!(
                "argument {} of `{helper}` is missing or has no value",
                index + 1
            )
        }
        RenderErrorReason::ParamNotFoundForName(helper, name) => {
            format!("argument `{name}` of `{helper}` is missing or has no value")
        }
        RenderErrorReason::ParamTypeMismatchForName(helper, _, kind) => {
            format!("an argument of `{helper}` is not of type {kind}")
        }
        other => other.to_string(),
    }
}

/// A registry with exactly the helpers that exist here, speaking to one session.
pub(super) fn registry<'a>(session: &Arc<Session<'a>>) -> Handlebars<'a> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(handlebars::no_escape);
    registry.unregister_helper("log");
    let names = [
        "lookup", "default", "quote", "lower", "toYaml", "toJson", INSERT, STEP,
    ];
    for name in IMAGE_HELPERS.into_iter().chain(names) {
        let session = Arc::clone(session);
        registry.register_helper(name, Box::new(Ours { name, session }));
    }
    registry
}

struct Ours<'a> {
    name: &'static str,
    session: Arc<Session<'a>>,
}

impl HelperDef for Ours<'_> {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        call: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let value = match self.name {
            STEP => {
                let weight = call.param(0).and_then(|p| p.value().as_u64()).unwrap_or(1);
                self.session
                    .charge(usize::try_from(weight).unwrap_or(MAX_STEPS))?;
                return Ok(Value::String(String::new()).into());
            }
            INSERT => return self.insert(call).map(Into::into),
            name if IMAGE_HELPERS.contains(&name) => self.image(call)?,
            "lookup" => self.lookup(call)?,
            "default" => self.default(call)?,
            _ => self.convert(call)?,
        };
        self.session.charge_value(&value)?;
        Ok(value.into())
    }
}

impl Ours<'_> {
    fn argument<'h>(&self, call: &'h Helper<'_>, index: usize) -> Result<&'h Value, RenderError> {
        let argument = call
            .param(index)
            .ok_or_else(|| other(&format!("`{}` needs another argument", self.name)))?;
        if argument.is_value_missing() {
            let path = argument.relative_path().cloned();
            return Err(RenderErrorReason::MissingVariable(path).into());
        }
        Ok(argument.value())
    }

    fn insert(&self, call: &Helper<'_>) -> Result<Value, RenderError> {
        let value = self.argument(call, 0)?;
        self.session.charge_value(value)?;
        let text = |index: usize| call.param(index).and_then(|p| p.value().as_str());
        let line = call.param(2).and_then(|p| p.value().as_u64()).unwrap_or(0);
        let what = call.param(0).and_then(|p| p.relative_path().cloned());
        let mut state = self.session.state();
        let mark = format!("{}{}{}", MARKS[0], state.inserts.len(), MARKS[1]);
        state.inserts.push(Insert {
            value: value.clone(),
            what: what.unwrap_or_else(|| "the value of a helper".to_owned()),
            file: text(1).unwrap_or_default().to_owned(),
            line: usize::try_from(line).unwrap_or(0),
        });
        Ok(Value::String(mark))
    }

    fn image(&self, call: &Helper<'_>) -> Result<Value, RenderError> {
        let spec = match call.params().len() {
            0 => None,
            1 => Some(self.argument(call, 0)?.as_str().ok_or_else(|| {
                other(&format!("`{}` takes a name like `stream:tag`", self.name))
            })?),
            _ => return Err(other(&format!("`{}` takes one name at most", self.name))),
        };
        self.session.image_field(self.name, spec).map(Value::String)
    }

    fn lookup(&self, call: &Helper<'_>) -> Result<Value, RenderError> {
        let key = self.argument(call, 1)?;
        let found = match self.argument(call, 0)? {
            Value::Array(items) => key
                .as_u64()
                .and_then(|index| items.get(usize::try_from(index).ok()?)),
            Value::Object(entries) => key.as_str().and_then(|key| entries.get(key)),
            _ => None,
        };
        found.cloned().ok_or_else(|| {
            other(&format!(
                "`lookup` finds nothing at `{}`",
                scalar::flow(key)
            ))
        })
    }

    fn default(&self, call: &Helper<'_>) -> Result<Value, RenderError> {
        let first = call.param(0).map(|p| p.value());
        match first {
            Some(value) if !value.is_null() && value.as_str() != Some("") => Ok(value.clone()),
            _ => self.argument(call, 1).cloned(),
        }
    }

    fn convert(&self, call: &Helper<'_>) -> Result<Value, RenderError> {
        let value = self.argument(call, 0)?;
        let as_text = || match value {
            Value::String(text) => Ok(text.clone()),
            Value::Array(_) | Value::Object(_) => Err(other(&format!(
                "`{}` takes a single value, not a list or a map",
                self.name
            ))),
            single => Ok(scalar::literal(single).unwrap_or_default()),
        };
        Ok(match self.name {
            "toYaml" => value.clone(),
            "toJson" => Value::String(value.to_string()),
            "lower" => Value::String(as_text()?.to_lowercase()),
            _ => Value::String(as_text()?),
        })
    }
}

/// Takes at most so many bytes.
pub(super) struct Bounded {
    pub(super) text: String,
    pub(super) limit: usize,
}

impl Output for Bounded {
    fn write(&mut self, segment: &str) -> io::Result<()> {
        if self.text.len() + segment.len() > self.limit {
            return Err(io::Error::other(
                "the output is larger than 1 MiB, or all outputs than 16 MiB",
            ));
        }
        self.text.push_str(segment);
        Ok(())
    }
}
