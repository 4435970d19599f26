//! A request that has found its operation, and what is answered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::people::Actor;
use super::state::State;
use super::view::View;

/// A request.
pub(super) struct Call<'a> {
    /// Everything there is.
    pub(super) state: &'a mut State,
    /// Who asks.
    pub(super) actor: Actor,
    /// Parameters of the path.
    pub(super) path: BTreeMap<String, String>,
    /// Parameters of the query.
    pub(super) query: BTreeMap<String, String>,
    /// The body; null where there is none.
    pub(super) body: Value,
    /// Writes answers for whoever asks.
    pub(super) view: View,
}

/// What is done, or why not.
pub(super) type Outcome = Result<Reply, Refusal>;

/// What carries out an operation.
pub(super) type Handler = fn(&mut Call<'_>) -> Outcome;

impl Call<'_> {
    /// A parameter of the path.
    pub(super) fn at(&self, name: &str) -> &str {
        &self.path[name]
    }

    /// A number in the path; what is none is nowhere to be found.
    pub(super) fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.path[name].parse().map_err(|_| Refusal::not_found())
    }

    /// A parameter of the query.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A text of the body.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    /// A list of texts of the body.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.body[name].as_array();
        let texts = items.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// One page of a list, with the addresses of others.
    pub(super) fn page(&self, all: Vec<Value>) -> Paged {
        let number = |name, default| {
            let given = self.asked(name).and_then(|text| text.parse().ok());
            given.unwrap_or(default)
        };
        let size: usize = number("per_page", 30).clamp(1, 100);
        let page: usize = number("page", 1).max(1);
        let last = all.len().div_ceil(size).max(1);
        let start = ((page - 1) * size).min(all.len());
        let items = all[start..(start + size).min(all.len())].to_vec();
        let mut links = Vec::new();
        let mut link = |number: usize, name| {
            links.push((number, name));
        };
        if page > 1 {
            link((page - 1).min(last), "prev");
        }
        if page < last {
            link(page + 1, "next");
            link(last, "last");
        }
        if page > 1 {
            link(1, "first");
        }
        Paged {
            items,
            total: all.len(),
            links,
        }
    }
}

/// One page of a list.
pub(super) struct Paged {
    pub(super) items: Vec<Value>,
    /// How many there are in all.
    pub(super) total: usize,
    /// Other pages and what they are to this one.
    links: Vec<(usize, &'static str)>,
}

impl Paged {
    /// The bare list.
    pub(super) fn list(self) -> Outcome {
        let items = Value::Array(self.items.clone());
        self.inside(items)
    }

    /// The page inside some other answer.
    pub(super) fn inside(self, body: Value) -> Outcome {
        Ok(Reply {
            pages: self.links,
            ..Reply::new(200, body)
        })
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    /// Headers beside the usual ones.
    pub(super) headers: Vec<(String, String)>,
    /// Other pages of a list: number, and what it is to this one.
    pub(super) pages: Vec<(usize, &'static str)>,
}

impl Reply {
    /// With a body.
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            headers: Vec::new(),
            pages: Vec::new(),
        }
    }

    /// 200.
    pub(super) fn ok(body: Value) -> Outcome {
        Ok(Self::new(200, body))
    }

    /// 201.
    pub(super) fn created(body: Value) -> Outcome {
        Ok(Self::new(201, body))
    }

    /// 204.
    pub(super) fn nothing() -> Outcome {
        Ok(Self {
            body: None,
            ..Self::new(204, Value::Null)
        })
    }
}

/// An error in GitHub's words.
#[derive(Debug, Clone)]
pub(super) struct Refusal(pub(super) Reply);

impl Refusal {
    /// Any error.
    pub(super) fn new(status: u16, message: &str) -> Self {
        Self(Reply::new(
            status,
            json!({
                "message": message,
                "documentation_url": "https://docs.github.com/rest",
                "status": status.to_string(),
            }),
        ))
    }

    /// 404: it is not there, or not to be seen.
    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 422 about one field.
    pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        Self::with_errors(json!([{ "resource": resource, "field": field, "code": code }]))
    }

    /// 422 in words about a resource.
    pub(super) fn custom(resource: &str, message: &str) -> Self {
        Self::with_errors(json!([{ "resource": resource, "code": "custom", "message": message }]))
    }

    /// 422 with nothing but a message.
    pub(super) fn unprocessable(message: &str) -> Self {
        Self::new(422, message)
    }

    fn with_errors(errors: Value) -> Self {
        let mut refusal = Self::new(422, "Validation Failed");
        if let Some(body) = &mut refusal.0.body {
            body["errors"] = errors;
        }
        refusal
    }

    /// 422 with sentences, as reviews have it.
    pub(super) fn sentences(message: &str) -> Self {
        let mut refusal = Self::with_errors(json!([message]));
        if let Some(body) = &mut refusal.0.body {
            body["message"] = json!("Unprocessable Entity");
        }
        refusal
    }
}
