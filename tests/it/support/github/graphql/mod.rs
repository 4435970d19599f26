//! GraphQL: queries for pull requests with all that hangs on them, and commits made without Git. Fields and arguments are
//! held against GitHub's published schema.

mod commit;
mod connection;
mod fields;
mod published;
mod pull;
mod queue;

use async_graphql_parser::parse_query;
use async_graphql_parser::types::{
    ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql_value::ConstValue;
use serde_json::{Map, Value, json};

use super::call::{Refusal, Reply};
use super::dispatch::Done;
use super::people::{Actor, bad_credentials};
use super::state::State;
use super::view::View;
use fields::{Object, Out};

/// Why a field has no value.
pub(super) enum Problem {
    /// GitHub says so: kind and message.
    Said(&'static str, String),
    /// GitHub has it, the model has not.
    Unspoken,
}

/// Arguments of a field.
pub(super) type Arguments = Map<String, Value>;

/// Whether a request of GraphQL's writes.
pub(super) fn writes(body: &str) -> bool {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let Ok(document) = parse_query(body["query"].as_str().unwrap_or_default()) else {
        return false;
    };
    let operation = chosen(&document, &body);
    operation.is_some_and(|operation| operation.ty == OperationType::Mutation)
}

/// Carries a request out.
pub(super) fn answer(state: &mut State, actor: Actor, body: &Value, view: View) -> Done {
    if matches!(actor, Actor::Anonymous | Actor::App) {
        return done(bad_credentials().0, Vec::new());
    }
    let document = match parse_query(body["query"].as_str().unwrap_or_default()) {
        Ok(document) => document,
        Err(error) => {
            let message = format!("Parse error: {error}");
            let body = json!({ "errors": [{ "message": message }] });
            return done(Reply::new(200, body), vec![format!("graphql: {message}")]);
        }
    };
    let Some(operation) = chosen(&document, body) else {
        let refusal = Refusal::new(
            400,
            "A query attribute must be specified and must be a string.",
        );
        return done(refusal.0, Vec::new());
    };
    state.change(|state| {
        let mut run = Run {
            state,
            actor,
            view,
            variables: variables(operation, body),
            document: &document,
            errors: Vec::new(),
            violations: Vec::new(),
        };
        let root = match operation.ty {
            OperationType::Mutation => Object::Mutation,
            _ => Object::Query,
        };
        let data = run.select(&root, &operation.selection_set.node, &[]);
        let mut body = json!({ "data": data });
        if !run.errors.is_empty() {
            body["errors"] = Value::Array(run.errors);
        }
        done(Reply::new(200, body), run.violations)
    })
}

fn done(reply: Reply, violations: Vec<String>) -> Done {
    Done { reply, violations }
}

/// The operation that is meant.
fn chosen<'a>(document: &'a ExecutableDocument, body: &Value) -> Option<&'a OperationDefinition> {
    let wanted = body["operationName"].as_str();
    let mut all = document.operations.iter();
    let found = all.find(|(name, _)| wanted.is_none_or(|w| name.is_some_and(|n| n.as_str() == w)));
    found.map(|(_, operation)| &operation.node)
}

/// Values that were given, over those that the operation has of itself.
fn variables(operation: &OperationDefinition, body: &Value) -> Map<String, Value> {
    let mut values = Map::new();
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        let default = definition.default_value.as_ref();
        if let Some(default) = default.and_then(|d| d.node.clone().into_json().ok()) {
            values.insert(definition.name.node.to_string(), default);
        }
    }
    values.extend(body["variables"].as_object().cloned().unwrap_or_default());
    values
}

/// One operation under way.
struct Run<'a> {
    state: &'a mut State,
    actor: Actor,
    view: View,
    variables: Map<String, Value>,
    document: &'a ExecutableDocument,
    errors: Vec<Value>,
    violations: Vec<String>,
}

impl Run<'_> {
    fn select(&mut self, object: &Object, set: &SelectionSet, path: &[Value]) -> Value {
        let mut selected = Map::new();
        for item in &set.items {
            let (condition, inner) = match &item.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let key = field.response_key().node.to_string();
                    let mut path = path.to_vec();
                    path.push(json!(key));
                    let value = self.field(object, field, &path);
                    selected.insert(key, value);
                    continue;
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let condition = fragment.type_condition.as_ref().map(|c| &c.node.on.node);
                    (condition, &fragment.selection_set.node)
                }
                Selection::FragmentSpread(spread) => {
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = self.document.fragments.get(name) else {
                        self.complain(path, &format!("Fragment {name} was used, but not defined"));
                        continue;
                    };
                    let fragment = &fragment.node;
                    (
                        Some(&fragment.type_condition.node.on.node),
                        &fragment.selection_set.node,
                    )
                }
            };
            if condition.is_none_or(|name| object.is(name.as_str()))
                && let Value::Object(more) = self.select(object, inner, path)
            {
                selected.extend(more);
            }
        }
        Value::Object(selected)
    }

    fn field(&mut self, object: &Object, field: &Field, path: &[Value]) -> Value {
        let name = field.name.node.as_str();
        let of = object.type_name();
        if name == "__typename" {
            return json!(of);
        }
        let given = self.arguments(field);
        let problem = published::problem(of, name, &given, &field.selection_set.node);
        if let Some(problem) = problem {
            self.complain(path, &problem);
            return Value::Null;
        }
        match fields::resolve(self.state, &self.view, &self.actor, object, name, &given) {
            Ok(out) => self.shown(out, field, path),
            Err(Problem::Said(kind, message)) => {
                let error = json!({ "type": kind, "path": path, "message": message });
                self.errors.push(error);
                Value::Null
            }
            Err(Problem::Unspoken) => {
                self.complain(path, &format!("the model does not speak {of}.{name}"));
                Value::Null
            }
        }
    }

    fn shown(&mut self, out: Out, field: &Field, path: &[Value]) -> Value {
        match out {
            Out::Value(value) => value,
            Out::Object(object) => self.select(&object, &field.selection_set.node, path),
            Out::List(objects) => {
                let set = &field.selection_set.node;
                let shown = objects.iter().map(|object| self.select(object, set, path));
                Value::Array(shown.collect())
            }
        }
    }

    fn arguments(&self, field: &Field) -> Arguments {
        let value = |name: async_graphql_value::Name| {
            let given = self
                .variables
                .get(name.as_str())
                .cloned()
                .unwrap_or_default();
            ConstValue::from_json(given)
        };
        let pairs = field.arguments.iter().filter_map(|(name, given)| {
            let json = given
                .node
                .clone()
                .into_const_with(value)
                .ok()?
                .into_json()
                .ok()?;
            Some((name.node.to_string(), json))
        });
        pairs.filter(|(_, json)| !json.is_null()).collect()
    }

    /// The request is not as published.
    fn complain(&mut self, path: &[Value], message: &str) {
        self.errors
            .push(json!({ "path": path, "message": message }));
        self.violations.push(format!("graphql: {message}"));
    }
}
