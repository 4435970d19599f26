//! The static check of parsed templates: known helpers only, no partial that could reach itself (that would overflow the
//! stack), bounded depth. Along the way every inserted value is turned into a call of our own helper, which keeps its
//! type, and every body is given a step that counts.

use std::collections::{BTreeMap, HashMap};

use handlebars::Template;
use handlebars::template::{
    DecoratorTemplate, HelperTemplate, Parameter, Subexpression, TemplateElement,
};
use serde_json::json;

use super::error::Problem;
use super::helpers::{IMAGE_HELPERS, INSERT, STEP, VALUE_HELPERS};

/// Block helpers that exist.
const BLOCK_HELPERS: [&str; 4] = ["if", "unless", "each", "with"];

/// Deepest nesting of blocks and partials together, along any path.
const MAX_DEPTH: usize = 40;

/// Bytes of text that count as one step.
const BYTES_PER_STEP: usize = 64;

/// A place where one body calls another.
#[derive(Debug)]
struct Call {
    target: String,
    depth: usize,
    file: String,
    line: Option<usize>,
}

/// Everything that calls and is called in a set of templates.
#[derive(Debug, Default)]
pub(super) struct Graph {
    calls: BTreeMap<String, Vec<Call>>,
    depths: BTreeMap<String, usize>,
    inlines: BTreeMap<String, (String, Option<usize>)>,
}

/// One body in the middle of its walk.
struct Walk<'g> {
    graph: &'g mut Graph,
    file: &'g str,
    body: String,
    depth: usize,
}

impl Graph {
    /// Checks one template and rewrites it. `body` is the name under which partials and inlines call it.
    pub(super) fn add(
        &mut self,
        file: &str,
        body: &str,
        template: &mut Template,
    ) -> Result<(), Problem> {
        self.calls.entry(body.to_owned()).or_default();
        Walk {
            graph: self,
            file,
            body: body.to_owned(),
            depth: 0,
        }
        .template(template)
    }

    /// Checks, after all templates were added, that every partial exists and that none reaches itself.
    pub(super) fn close(&self, partials: &BTreeMap<String, Template>) -> Result<(), Problem> {
        for (name, (file, line)) in &self.inlines {
            if partials.contains_key(name) {
                let message = format!("the inline partial `{name}` hides `partials/{name}.hbs`");
                return Err(Problem::new(file, *line, message).help("give it another name"));
            }
        }
        let mut done = BTreeMap::new();
        for body in self.calls.keys() {
            self.depth_of(body, &mut Vec::new(), &mut done)?;
        }
        Ok(())
    }

    fn depth_of<'g>(
        &'g self,
        body: &'g str,
        path: &mut Vec<&'g str>,
        done: &mut BTreeMap<&'g str, usize>,
    ) -> Result<usize, Problem> {
        if let Some(depth) = done.get(body) {
            return Ok(*depth);
        }
        path.push(body);
        let mut deepest = self.depths.get(body).copied().unwrap_or(0);
        for call in self.calls.get(body).into_iter().flatten() {
            let problem = |message| Problem::new(&call.file, call.line, message);
            if path.contains(&call.target.as_str()) {
                return Err(problem(format!(
                    "the partial `{}` includes itself: {} -> {}",
                    call.target,
                    path.join(" -> "),
                    call.target
                ))
                .help("partials must not form a circle; use `each` to repeat something"));
            }
            if !self.calls.contains_key(&call.target) {
                return Err(problem(format!("there is no partial `{}`", call.target))
                    .help(format!("add `partials/{}.hbs`", call.target)));
            }
            let too_deep = || problem("blocks and partials are nested too deep".to_owned());
            if path.len() > MAX_DEPTH {
                return Err(too_deep());
            }
            let depth = call.depth + 1 + self.depth_of(&call.target, path, done)?;
            if depth > MAX_DEPTH {
                return Err(too_deep());
            }
            deepest = deepest.max(depth);
        }
        path.pop();
        done.insert(body, deepest);
        Ok(deepest)
    }
}

impl Walk<'_> {
    fn problem(&self, line: Option<usize>, message: impl Into<String>) -> Problem {
        Problem::new(self.file, line, message)
    }

    fn template(&mut self, template: &mut Template) -> Result<(), Problem> {
        let deepest = self.graph.depths.entry(self.body.clone()).or_default();
        *deepest = (*deepest).max(self.depth);
        let mut weight = 1;
        for (index, element) in template.elements.iter_mut().enumerate() {
            let line = template.mapping.get(index).map(|place| place.0);
            weight += self.element(element, line)?;
        }
        let step = Subexpression::new(
            Parameter::Name(STEP.to_owned()),
            vec![Parameter::Literal(json!(weight))],
            HashMap::new(),
        );
        template.elements.insert(0, *step.element);
        if let Some(first) = template.mapping.first().cloned() {
            template.mapping.insert(0, first);
        }
        Ok(())
    }

    /// Checks one element; returns what it weighs.
    fn element(
        &mut self,
        element: &mut TemplateElement,
        line: Option<usize>,
    ) -> Result<usize, Problem> {
        match element {
            TemplateElement::RawString(text) => Ok(text.len() / BYTES_PER_STEP),
            TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call) => {
                self.insertion(call, line)
            }
            TemplateElement::HelperBlock(block) => self.block(block, line),
            TemplateElement::DecoratorBlock(inline) => self.inline(inline, line),
            TemplateElement::PartialExpression(call) => self.partial(call, line),
            TemplateElement::PartialBlock(_) => Err(self
                .problem(line, "partial blocks (`{{#> name}}`) are not supported")
                .help("write `{{> name}}`, and pass what differs as `key=value`")),
            TemplateElement::DecoratorExpression(_) => Err(self.problem(
                line,
                "decorators other than `{{#*inline}}` are not supported",
            )),
            TemplateElement::Comment(_) => Ok(0),
            _ => Err(self.problem(line, "this kind of tag is not supported")),
        }
    }

    /// `{{x}}`, `{{{x}}}` and `{{helper x}}` become `{{insert x FILE LINE}}`.
    fn insertion(&self, call: &mut HelperTemplate, line: Option<usize>) -> Result<usize, Problem> {
        let alone = call.params.is_empty() && call.hash.is_empty();
        let is_helper = call
            .name
            .as_name()
            .is_some_and(|name| IMAGE_HELPERS.contains(&name));
        let value = match &call.name {
            Parameter::Path(_) | Parameter::Subexpression(_) if alone && !is_helper => {
                call.name.clone()
            }
            name => Parameter::Subexpression(Subexpression::new(
                name.clone(),
                std::mem::take(&mut call.params),
                std::mem::take(&mut call.hash),
            )),
        };
        let weight = match &value {
            Parameter::Path(_) => 1,
            other => self.parameter(other, line)?,
        };
        call.name = Parameter::Name(INSERT.to_owned());
        call.params = vec![
            value,
            Parameter::Literal(json!(self.file)),
            Parameter::Literal(json!(line.unwrap_or(0))),
        ];
        Ok(weight)
    }

    fn parameter(&self, parameter: &Parameter, line: Option<usize>) -> Result<usize, Problem> {
        match parameter {
            Parameter::Path(_)
                if parameter
                    .as_name()
                    .is_some_and(|name| IMAGE_HELPERS.contains(&name)) =>
            {
                let name = parameter.as_name().unwrap_or_default();
                Err(self
                    .problem(
                        line,
                        format!("`{name}` here would be a value, not the helper"),
                    )
                    .help(format!(
                        "write `({name})` for the helper, `this.{name}` for the value"
                    )))
            }
            Parameter::Path(_) | Parameter::Literal(_) => Ok(1),
            Parameter::Subexpression(inner) => {
                let TemplateElement::Expression(call) = inner.as_element() else {
                    return Err(self.problem(line, "a subexpression must call a helper"));
                };
                let name = call.name.as_name().unwrap_or("(...)");
                if !VALUE_HELPERS.contains(&name) && !IMAGE_HELPERS.contains(&name) {
                    return Err(self.unknown(name, line));
                }
                Ok(1 + self.parameters(&call.params, &call.hash, line)?)
            }
            _ => Err(self.problem(line, "this kind of argument is not supported")),
        }
    }

    fn parameters(
        &self,
        params: &[Parameter],
        hash: &HashMap<String, Parameter>,
        line: Option<usize>,
    ) -> Result<usize, Problem> {
        params
            .iter()
            .chain(hash.values())
            .try_fold(0, |sum, parameter| {
                Ok(sum + self.parameter(parameter, line)?)
            })
    }

    fn unknown(&self, name: &str, line: Option<usize>) -> Problem {
        let help = format!(
            "there are {}, {} and the blocks {}",
            IMAGE_HELPERS.join(", "),
            VALUE_HELPERS.join(", "),
            BLOCK_HELPERS.join(", ")
        );
        self.problem(line, format!("there is no helper `{name}`"))
            .help(help)
    }

    fn block(&mut self, block: &mut HelperTemplate, line: Option<usize>) -> Result<usize, Problem> {
        let name = block.name.as_name().unwrap_or("(...)");
        if !BLOCK_HELPERS.contains(&name) {
            return Err(self.unknown(name, line));
        }
        if block.params.len() != 1 {
            return Err(self.problem(line, format!("`{name}` takes one argument")));
        }
        let weight = 1 + self.parameters(&block.params, &block.hash, line)?;
        self.depth += 1;
        for body in [&mut block.template, &mut block.inverse]
            .into_iter()
            .flatten()
        {
            self.template(body)?;
        }
        self.depth -= 1;
        Ok(weight)
    }

    fn inline(
        &mut self,
        inline: &mut DecoratorTemplate,
        line: Option<usize>,
    ) -> Result<usize, Problem> {
        let is_inline = inline.name.as_name() == Some("inline") && inline.hash.is_empty();
        let name = match inline.params.as_slice() {
            [Parameter::Literal(name)] if is_inline => name.as_str().map(str::to_owned),
            _ => None,
        };
        let Some(name) = name else {
            return Err(self
                .problem(
                    line,
                    "decorators other than `{{#*inline}}` are not supported",
                )
                .help("write `{{#*inline \"name\"}}...{{/inline}}`"));
        };
        let place = (self.file.to_owned(), line);
        self.graph.inlines.entry(name.clone()).or_insert(place);
        self.graph.calls.entry(name.clone()).or_default();
        if let Some(body) = &mut inline.template {
            Walk {
                graph: self.graph,
                file: self.file,
                body: name,
                depth: 0,
            }
            .template(body)?;
        }
        Ok(1)
    }

    fn partial(
        &mut self,
        partial: &DecoratorTemplate,
        line: Option<usize>,
    ) -> Result<usize, Problem> {
        let target = match &partial.name {
            Parameter::Literal(_) | Parameter::Subexpression(_) => None,
            name => name.as_name(),
        };
        let Some(target) = target.map(str::to_owned) else {
            return Err(self
                .problem(line, "the name of a partial must be written out")
                .help("choose between partials with `if`"));
        };
        if target.starts_with('@') {
            return Err(self.problem(line, format!("there is no partial `{target}`")));
        }
        let weight = 2 + self.parameters(&partial.params, &partial.hash, line)?;
        let call = Call {
            target,
            depth: self.depth,
            file: self.file.to_owned(),
            line,
        };
        let body = self.graph.calls.entry(self.body.clone()).or_default();
        body.push(call);
        Ok(weight)
    }
}
