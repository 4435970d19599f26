//! GitHub's published description: which operations there are, and whether a request or an answer is as it says. Objects
//! may have no other fields than those described, so neither a misspelt parameter nor an invented answer passes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::{Draft, Validator};
use regex::Regex;
use serde_json::{Map, Value, json};

const PUBLISHED: &str = include_str!("published/openapi.json");

/// What differs from the description and is known to: operation, words of the complaint, and why. Nothing else may.
const DEVIATIONS: [(&str, &str, &str); 6] = [
    (
        "GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
        "parameter created: /: ",
        "a range in the syntax of searches is meant, not an instant: so say the explanations",
    ),
    (
        "PUT /repos/{owner}/{repo}/issues/{issue_number}/labels",
        "request: /: ",
        "an empty list takes all labels away, and a bare list is taken too: so say the explanations",
    ),
    (
        "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
        "request: /: ",
        "a bare list is taken too: so say the explanations",
    ),
    (
        "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
        "request: /: Additional properties are not allowed ('pull_number' was unexpected)",
        "the client says the number in the body too, where GitHub does not look",
    ),
    (
        "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        "/target_url: ",
        "an address that was never given is an empty text",
    ),
    (
        "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        "/target_url: ",
        "an address that was never given is an empty text",
    ),
];

/// One operation, as `GET /repos/{owner}/{repo}`.
pub(super) struct Operation {
    /// Method and path with its parameters.
    pub(super) name: String,
    method: String,
    path: Regex,
    described: Value,
}

/// All of them.
pub(super) struct Contract {
    root: Value,
    operations: Vec<Operation>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// The published one, read once.
    pub(super) fn published() -> &'static Self {
        static CONTRACT: OnceLock<Contract> = OnceLock::new();
        CONTRACT.get_or_init(Self::read)
    }

    fn read() -> Self {
        let root: Value = serde_json::from_str(PUBLISHED).unwrap();
        let mut operations = Vec::new();
        for (path, methods) in root["paths"].as_object().unwrap() {
            for (method, described) in methods.as_object().unwrap() {
                let method = method.to_uppercase();
                operations.push(Operation {
                    name: format!("{method} {path}"),
                    method,
                    path: pattern(path),
                    described: described.clone(),
                });
            }
        }
        // The one with the longer fixed part is meant: a ref may hold slashes.
        let fixed = |o: &Operation| o.name.split(['{', '}']).step_by(2).map(str::len).sum();
        operations.sort_by_key(|o| std::cmp::Reverse::<usize>(fixed(o)));
        let mut components = root["components"].clone();
        let mut parts = BTreeSet::new();
        find_parts(&components, &mut parts);
        close(&mut components, true);
        for name in parts {
            let part = components["schemas"][&name].as_object_mut().unwrap();
            part.remove("additionalProperties");
        }
        Self {
            root: json!({ "components": components }),
            operations,
            validators: Mutex::default(),
        }
    }

    /// The operation that a request is for, and its parameters. What is changed by PATCH takes POST as well: GitHub's old
    /// courtesy to clients that lack PATCH, which the real client makes use of.
    pub(super) fn find(
        &self,
        method: &str,
        path: &str,
    ) -> Option<(&Operation, BTreeMap<String, String>)> {
        let patched = || (method == "POST").then(|| self.find_exactly("PATCH", path))?;
        self.find_exactly(method, path).or_else(patched)
    }

    fn find_exactly(
        &self,
        method: &str,
        path: &str,
    ) -> Option<(&Operation, BTreeMap<String, String>)> {
        self.operations
            .iter()
            .filter(|operation| operation.method == method)
            .find_map(|operation| {
                let found = operation.path.captures(path)?;
                let names = operation.path.capture_names().flatten();
                let decoded = |name: &str| {
                    let bytes = percent(&found[name]);
                    (name.to_owned(), bytes)
                };
                Some((operation, names.map(decoded).collect()))
            })
    }

    /// All operations, by name.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.operations.iter().map(|o| o.name.as_str())
    }

    /// What is wrong with a request.
    pub(super) fn judge_request(
        &self,
        operation: &Operation,
        parameters: &BTreeMap<String, String>,
        query: &BTreeMap<String, String>,
        body: Option<&Value>,
    ) -> Vec<String> {
        let mut wrong = self.judge_parameters(operation, parameters, query);
        let described = &operation.described["requestBody"];
        let schema = &described["content"]["application/json"]["schema"];
        match body {
            Some(body) if schema.is_null() => wrong.push(format!("no body is expected: {body}")),
            Some(body) => wrong.extend(self.judge(&operation.name, "request", schema, body)),
            None if described["required"] == true => wrong.push("the body is missing".to_owned()),
            None => {}
        }
        named(&operation.name, wrong)
    }

    /// What is wrong with an answer.
    pub(super) fn judge_answer(
        &self,
        operation: &Operation,
        status: u16,
        body: Option<&Value>,
    ) -> Vec<String> {
        // All errors carry their status, though few descriptions say so.
        let mut body = body.cloned();
        if let Some(Value::Object(fields)) = body.as_mut().filter(|_| status >= 400) {
            fields.remove("status");
        }
        let body = body.as_ref();
        let described = &operation.described["responses"][status.to_string()];
        if described.is_null() {
            // Errors that any operation may answer with are described nowhere, but all have a message.
            let excused = status >= 400 && body.is_some_and(|b| b["message"].is_string());
            let wrong = (!excused).then(|| format!("answer {status} is not described"));
            return named(&operation.name, wrong.into_iter().collect());
        }
        let described = self.resolve(described);
        let content = described["content"].as_object();
        let schema = content
            .and_then(|c| c.get("application/json").or_else(|| c.values().next()))
            .map(|content| &content["schema"]);
        let place = format!("answer {status}");
        let wrong = match (schema, body) {
            (Some(schema), Some(body)) => self.judge(&operation.name, &place, schema, body),
            (None, Some(body)) if status < 400 => {
                vec![format!("{place}: no body is described: {body}")]
            }
            (Some(_), None) => vec![format!("{place}: the body is missing")],
            (None, _) => Vec::new(),
        };
        named(&operation.name, wrong)
    }

    fn judge_parameters(
        &self,
        operation: &Operation,
        path: &BTreeMap<String, String>,
        query: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let empty = Vec::new();
        let described = operation.described["parameters"]
            .as_array()
            .unwrap_or(&empty);
        let mut known = BTreeMap::new();
        for parameter in described.iter().map(|p| self.resolve(p)) {
            let place = parameter["in"].as_str().unwrap();
            known.insert(
                (place, parameter["name"].as_str().unwrap()),
                &parameter["schema"],
            );
        }
        let given = path.iter().map(|(n, v)| ("path", n, v));
        let given = given.chain(query.iter().map(|(n, v)| ("query", n, v)));
        let mut wrong = Vec::new();
        for (place, name, text) in given {
            let Some(schema) = known.get(&(place, name.as_str())) else {
                wrong.push(format!("there is no parameter `{name}` in the {place}"));
                continue;
            };
            let value = match schema["type"].as_str() {
                Some("integer") => text.parse::<u64>().map_or(json!(text), Value::from),
                Some("boolean") => text.parse::<bool>().map_or(json!(text), Value::from),
                _ => json!(text),
            };
            let place = format!("parameter {name}");
            wrong.extend(self.judge(&operation.name, &place, schema, &value));
        }
        wrong
    }

    fn resolve<'a>(&'a self, described: &'a Value) -> &'a Value {
        described["$ref"].as_str().map_or(described, |name| {
            self.root.pointer(name.trim_start_matches('#')).unwrap()
        })
    }

    fn judge(&self, operation: &str, place: &str, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(operation, place, schema);
        let errors = validator.iter_errors(value);
        errors
            .map(|error| {
                format!(
                    "{place}: /{}: {error}",
                    where_is(error.instance_path().as_str())
                )
            })
            .filter(|text| {
                !DEVIATIONS
                    .iter()
                    .any(|(o, words, _)| *o == operation && text.contains(words))
            })
            .collect()
    }

    fn validator(&self, operation: &str, place: &str, schema: &Value) -> Arc<Validator> {
        let key = format!("{operation} {place}");
        if let Some(known) = self.validators.lock().unwrap().get(&key) {
            return Arc::clone(known);
        }
        let mut schema = schema.clone();
        close(&mut schema, true);
        let whole = json!({ "allOf": [schema], "components": self.root["components"] });
        let built = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&whole)
            .unwrap();
        let built = Arc::new(built);
        let mut all = self.validators.lock().unwrap();
        all.insert(key, Arc::clone(&built));
        built
    }
}

fn where_is(pointer: &str) -> &str {
    pointer.trim_start_matches('/')
}

fn named(operation: &str, wrong: Vec<String>) -> Vec<String> {
    let with_name = |text| format!("{operation}: {text}");
    wrong.into_iter().map(with_name).collect()
}

/// The path as an expression. Refs and branches may hold slashes, written as they are.
fn pattern(path: &str) -> Regex {
    let mut text = "^".to_owned();
    for (at, part) in path.split(['{', '}']).enumerate() {
        match (at % 2, part) {
            (0, fixed) => text += &regex::escape(fixed),
            (_, "ref" | "branch") => text += &format!("(?<{part}>.+)"),
            (_, name) => text += &format!("(?<{name}>[^/]+)"),
        }
    }
    Regex::new(&(text + "$")).unwrap()
}

/// Undoes percent-encoding.
pub(super) fn percent(text: &str) -> String {
    let pairs = format!("x={}", text.replace('+', "%2B"));
    let mut decoded = url::form_urlencoded::parse(pairs.as_bytes());
    decoded.next().unwrap().1.into_owned()
}

/// Writes a description of OpenAPI 3.0 as JSON schema: `nullable` becomes a type, and an object that names its fields has
/// no others (`alone`: nothing is put together with it).
fn close(value: &mut Value, alone: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, alone)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let parts = ["allOf", "anyOf", "oneOf"].contains(&name.as_str());
                close(field, !parts);
            }
            let open = ["allOf", "anyOf", "oneOf", "additionalProperties"];
            let names_fields = fields.get("properties").is_some_and(Value::is_object)
                && fields.get("type").is_some_and(|t| t == "object");
            if alone && names_fields && !open.iter().any(|word| fields.contains_key(*word)) {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            if fields.remove("nullable") == Some(json!(true)) {
                allow_null(fields);
            }
        }
        _ => {}
    }
}

/// Names of schemas that are put together with others: alone they do not name all fields.
fn find_parts(value: &Value, parts: &mut BTreeSet<String>) {
    let all = value["allOf"].as_array().filter(|all| all.len() > 1);
    for part in all.into_iter().flatten() {
        let name = part["$ref"]
            .as_str()
            .and_then(|name| name.rsplit('/').next());
        parts.extend(name.map(str::to_owned));
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| find_parts(item, parts)),
        Value::Object(fields) => fields.values().for_each(|field| find_parts(field, parts)),
        _ => {}
    }
}

fn allow_null(fields: &mut Map<String, Value>) {
    let whole = Value::Object(std::mem::take(fields));
    fields.insert("anyOf".to_owned(), json!([whole, { "type": "null" }]));
}
